//! A peer that is not what it says: frames that check, on the right connection, with any numbers in them. A machine
//! may drop, refuse, alarm or stop; it does not panic.

use super::pair::{DESTINATION, Pair, SOURCE, geometry};
use crate::config::{AckLevel, PolicyKind, Transport};
use crate::ids::{Connection, Link, Position, RequestId};
use crate::quirk::Sound;
use crate::record::{Draft, Operation, Record};
use crate::source::{Body, Request};
use crate::wire::{self, Message};
use alloc::vec;
use alloc::vec::Vec;
use bytes::Bytes;
use proptest::prelude::*;

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![3 => 0u64..6, 1 => Just(u64::MAX), 1 => Just(u64::MAX - 1), 1 => any::<u64>()]
}

fn position() -> impl Strategy<Value = Position> {
    (number(), number()).prop_map(|(g, n)| Position::new(g, n))
}

/// Mostly the right one.
fn epoch() -> impl Strategy<Value = u64> {
    prop_oneof![4 => Just(1), 1 => number()]
}

fn record() -> impl Strategy<Value = Record> {
    let operation = prop_oneof![
        Just(Operation::Write),
        Just(Operation::WriteZeroes),
        (number(), number()).prop_map(|(delta, old)| Operation::Add { delta, old }),
    ];
    let id = (0u32..2, 0u32..4, number());
    let place = (0u32..2, prop_oneof![3 => 0u64..7000, 1 => number()], 1u64..3000);
    ((epoch(), position(), position(), number()), id, place, operation).prop_map(
        |(numbers, id, place, operation)| {
            let (epoch, position, prev, check) = numbers;
            let (volume, offset, length) = place;
            let length = if matches!(operation, Operation::Add { .. }) { 8 } else { length };
            let draft = Draft {
                epoch,
                position,
                prev: Link { position: prev, check },
                id: RequestId { client: id.0, slot: id.1, request: id.2 },
                volume,
                offset,
                length,
                operation,
                data: Bytes::from(vec![5; length as usize]),
            };
            Record::encode(geometry().mirror, draft)
        },
    )
}

fn from_source() -> impl Strategy<Value = Message> {
    prop_oneof![
        (number(), number(), position(), 0u64..4, position()).prop_map(
            |(epoch, oldest_gen, next, policy, recovered)| {
                let policy = PolicyKind::from_code(policy).unwrap_or(PolicyKind::Strict);
                Message::Hello { epoch, oldest_gen, next, policy, recovered }
            }
        ),
        resync(),
        record().prop_map(Message::Forward),
        (number(), number(), number()).prop_map(|(generation, count, digest)| Message::SyncRequest {
            generation,
            count,
            digest
        }),
        number().prop_map(|number| Message::Ping { number }),
        blocks(),
        Just(Message::Reset),
    ]
}

/// Whatever is said of a resync, by whom it may be.
fn resync() -> impl Strategy<Value = Message> {
    let length = prop_oneof![2 => Just(512usize), 1 => 0usize..1024];
    prop_oneof![
        number().prop_map(|session| Message::ResyncBegin { session }),
        (number(), number(), number()).prop_map(|(session, stored, room)| Message::ResyncReady {
            session,
            stored,
            room
        }),
        (number(), number(), 0u32..2, number(), length).prop_map(
            |(session, index, volume, block, length)| {
                Message::ResyncBlock { session, index, volume, block, content: Bytes::from(vec![4; length]) }
            }
        ),
        (number(), number(), number(), number(), position()).prop_map(
            |(session, count, digest, first, position)| {
                let prev = Link { position, check: digest };
                Message::ResyncEnd { session, count, digest, first, prev }
            }
        ),
        (number(), number()).prop_map(|(session, room)| Message::ResyncSealed { session, room }),
    ]
}

/// Either side asks for blocks and answers.
fn blocks() -> impl Strategy<Value = Message> {
    let volume = || prop_oneof![0u32..2, any::<u32>()];
    let length = prop_oneof![Just(0usize), Just(512), 0usize..1024];
    prop_oneof![
        (volume(), number(), position()).prop_map(|(volume, block, cursor)| Message::BlockWanted {
            volume,
            block,
            cursor
        }),
        (volume(), number(), position(), length).prop_map(|(volume, block, as_of, length)| {
            Message::Block { volume, block, as_of, content: Bytes::from(vec![3; length]) }
        }),
    ]
}

fn from_destination() -> impl Strategy<Value = Message> {
    let level = prop_oneof![Just(AckLevel::Received), Just(AckLevel::Nvram), Just(AckLevel::File)];
    prop_oneof![
        (number(), position(), position(), number(), number(), number()).prop_map(
            |(epoch, held, filed, applied_gen, applied_seq, room)| Message::Welcome {
                epoch,
                held,
                filed,
                applied_gen,
                applied_seq,
                room,
                degraded: false,
                check: 0,
                void: room % 3 == 1,
            }
        ),
        (level, position(), number()).prop_map(|(level, upto, room)| Message::ForwardAck {
            level,
            upto,
            room
        }),
        position().prop_map(|after| Message::Nak { after }),
        number().prop_map(|generation| Message::SyncDone { generation }),
        number().prop_map(|number| Message::Pong { number, degraded: true }),
        resync(),
        blocks(),
        Just(Message::Reset),
    ]
}

/// A pair that is connected and has exchanged five records, which are filed; and what was forwarded.
pub fn connected(transport: Transport) -> (Pair<Sound>, Connection, Vec<Record>) {
    let mut pair = Pair::new(transport, AckLevel::Nvram, Sound);
    let mut connection = Connection::default();
    let mut records = Vec::new();
    for request in 1..6 {
        let id = RequestId { client: 0, slot: 0, request };
        let body = Body::Write(Bytes::from(vec![7; 100]));
        // Answered, and all is filed.
        while pair.replies.len() < request as usize || !pair.idle() {
            if pair.replies.len() < request as usize {
                let (offset, body) = (request * 50, body.clone());
                pair.request(Request { id, volume: 0, offset, length: 100, body });
            }
            for side in [SOURCE, DESTINATION] {
                pair.complete(side, 0);
                if let Some(frame) = pair.frames[side].pop_front() {
                    match wire::decode(&frame) {
                        Some((_, on, Message::Welcome { .. })) => connection = on,
                        Some((_, _, Message::Forward(record))) => records.push(record),
                        _ => {}
                    }
                    pair.deliver(side, &frame);
                }
            }
            if pair.idle() {
                pair.timeout(SOURCE);
            }
        }
    }
    (pair, connection, records)
}

fn check(from: usize, transport: Transport, messages: Vec<(Message, u8)>) {
    let (mut pair, connection, records) = connected(transport);
    assert_ne!(connection, Connection::default(), "connected");
    for (mut message, completions) in messages {
        // Whoever lies about what he holds knows what was sent; else the source would stop at once.
        if let Message::Welcome { held, applied_gen, applied_seq, check, .. } = &mut message {
            let last = match *applied_seq {
                0 => *held,
                applied => Position::new(applied_gen.saturating_add(1), applied).max(*held),
            };
            *check = records.iter().find(|r| r.position == last).map_or(0, |r| r.check);
        }
        let frame = message.frame(geometry().mirror, connection);
        pair.deliver(from, &frame);
        for _ in 0..completions {
            pair.complete(1 - from, 0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_destination_outlives_any_source(
        datagram in any::<bool>(), messages in proptest::collection::vec((from_source(), 0u8..4), 1..12),
    ) {
        let transport = if datagram { Transport::Datagram } else { Transport::Stream };
        check(SOURCE, transport, messages);
    }

    #[test]
    fn a_source_outlives_any_destination(
        datagram in any::<bool>(), messages in proptest::collection::vec((from_destination(), 0u8..4), 1..12),
    ) {
        let transport = if datagram { Transport::Datagram } else { Transport::Stream };
        check(DESTINATION, transport, messages);
    }
}
