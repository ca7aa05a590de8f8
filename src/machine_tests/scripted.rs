//! The destination alone against a scripted, even misbehaving source (claim 10), rule by rule; and a source against what
//! does not belong to its connection.

use super::hostile::connected;
use super::pair::{DESTINATION, Pair, SOURCE, geometry};
use crate::config::{AckLevel, PolicyKind, Transport};
use crate::effect::Alarm;
use crate::ids::{Connection, MirrorId, Position, RequestId};
use crate::quirk::Sound;
use crate::record::{Draft, Operation, Record, extend_digest};
use crate::source::{Body, Request};
use crate::wire::{self, Message};
use alloc::vec;
use alloc::vec::Vec;
use bytes::Bytes;

struct Script {
    pair: Pair<Sound>,
    connection: Connection,
    /// What the destination holds of generation 1.
    records: Vec<Record>,
}

impl Script {
    fn new(transport: Transport) -> Script {
        let (pair, connection, records) = connected(transport);
        assert_eq!(records.len(), 5);
        Script { pair, connection, records }
    }

    /// A record of some bytes; `from` may change what it says.
    fn record(&self, byte: u8, change: impl FnOnce(&mut Draft)) -> Record {
        let last = &self.records[self.records.len() - 1];
        let mut draft = Draft {
            epoch: 1,
            position: Position::new(1, last.position.sequence + 1),
            prev: last.link(),
            id: RequestId { client: 0, slot: 1, request: 1 },
            volume: 0,
            offset: 512,
            length: 64,
            operation: Operation::Write,
            data: Bytes::from(vec![byte; 64]),
        };
        change(&mut draft);
        Record::encode(geometry().mirror, draft)
    }

    /// The destination hears a message, and what it says at once.
    fn says(&mut self, message: Message) -> Vec<Message> {
        let connection = self.connection;
        self.says_on(connection, message)
    }

    fn says_on(&mut self, connection: Connection, message: Message) -> Vec<Message> {
        self.pair.frames[DESTINATION].clear();
        self.pair.deliver(SOURCE, &message.frame(geometry().mirror, connection));
        self.heard()
    }

    fn heard(&mut self) -> Vec<Message> {
        let frames = self.pair.frames[DESTINATION].drain(..);
        frames.filter_map(|frame| wire::decode(&frame)).map(|(_, _, message)| message).collect()
    }

    /// Everything that is under way at the destination comes to its end.
    fn settle(&mut self) -> Vec<Message> {
        for _ in 0..400 {
            self.pair.complete(DESTINATION, 0);
        }
        self.heard()
    }

    fn digest(&self) -> u64 {
        self.records.iter().fold(0, |digest, record| extend_digest(digest, record.check))
    }
}

fn acked(messages: &[Message], level: AckLevel) -> Option<Position> {
    messages.iter().rev().find_map(|m| match m {
        Message::ForwardAck { level: l, upto, .. } if *l == level => Some(*upto),
        _ => None,
    })
}

fn reset(messages: &[Message]) -> bool {
    messages.iter().any(|m| matches!(m, Message::Reset))
}

const DATAGRAM: Transport = Transport::Datagram;

#[test]
fn a_record_that_follows_is_taken() {
    let mut script = Script::new(DATAGRAM);
    let record = script.record(1, |_| {});
    script.says(Message::Forward(record));
    assert_eq!(acked(&script.settle(), AckLevel::File), Some(Position::new(1, 6)));
}

#[test]
fn a_duplicate_is_answered_and_other_bytes_are_an_alarm() {
    let mut script = Script::new(DATAGRAM);
    let same = script.records[2].clone();
    let heard = script.says(Message::Forward(same));
    assert_eq!(acked(&heard, AckLevel::Nvram), Some(Position::new(1, 5)));
    assert_eq!(acked(&heard, AckLevel::File), Some(Position::new(1, 5)));
    assert!(script.pair.alarms.is_empty());
    let (position, prev) = (script.records[2].position, script.records[2].prev);
    let other = script.record(9, |d| (d.position, d.prev) = (position, prev));
    script.says(Message::Forward(other));
    assert_eq!(script.pair.alarms, [Alarm::Conflict { position }]);
}

#[test]
fn a_record_that_does_not_continue_the_last_one_held_is_not_taken() {
    for transport in [Transport::Stream, Transport::Datagram] {
        let links: [fn(&mut Draft); 3] =
            [|d| d.prev.check ^= 1, |d| d.prev.position.sequence += 1, |d| d.position.sequence += 1];
        for (i, change) in links.into_iter().enumerate() {
            let mut script = Script::new(transport);
            let gap = script.record(1, |d| {
                change(d);
                if i == 2 {
                    (d.prev.position.sequence, d.prev.check) = (6, 77);
                }
            });
            let heard = script.says(Message::Forward(gap));
            if transport == Transport::Stream {
                assert!(reset(&heard), "a gap on a stream: the transport broke");
            } else {
                let after = Position::new(1, 5);
                assert!(matches!(heard[..], [Message::Nak { after: a }] if a == after), "{heard:?}");
            }
            script.settle();
            let heard = script.says(Message::Ping { number: 9 });
            let held = acked(&heard, AckLevel::Nvram);
            assert!(held.is_none_or(|held| held == Position::new(1, 5)), "{i}: {held:?}");
        }
    }
}

#[test]
fn one_nak_for_a_missing_record() {
    let mut script = Script::new(DATAGRAM);
    for n in 7..10 {
        let gap = script.record(1, |d| {
            d.position.sequence = n;
            d.prev.position.sequence = n - 1;
        });
        let heard = script.says(Message::Forward(gap));
        assert_eq!(heard.iter().any(|m| matches!(m, Message::Nak { .. })), n == 7);
    }
}

#[test]
fn what_breaks_the_limits_is_an_alarm_and_no_damage() {
    let breaches: [fn(&mut Draft); 7] = [
        |d| d.epoch = 2,
        |d| d.epoch = 0,
        |d| d.volume = 1,
        |d| d.offset = 8192 - 63,
        |d| d.id.client = 1,
        |d| d.id.slot = super::SLOTS,
        |d| (d.operation, d.length) = (Operation::WriteZeroes, geometry().max_length() + 1),
    ];
    for (i, change) in breaches.into_iter().enumerate() {
        let mut script = Script::new(DATAGRAM);
        let record = script.record(1, change);
        assert!(script.says(Message::Forward(record)).is_empty(), "{i}");
        assert_eq!(script.pair.alarms, [Alarm::Protocol { kind: 5 }], "{i}");
        assert!(script.settle().is_empty(), "{i}");
    }
}

#[test]
fn a_source_sends_no_more_than_it_was_given_credit_for() {
    let mut script = Script::new(DATAGRAM);
    let mut prev = script.records[4].link();
    for n in 6..200 {
        let record = script.record(1, |d| {
            d.position.sequence = n;
            d.prev = prev;
        });
        prev = record.link();
        script.says(Message::Forward(record));
    }
    assert!(script.pair.alarms.contains(&Alarm::Protocol { kind: 5 }), "{:?}", script.pair.alarms);
}

#[test]
fn sync_request_is_obeyed_only_if_it_says_what_the_file_says() {
    let mut script = Script::new(DATAGRAM);
    let digest = script.digest();
    for (count, digest) in [(4, digest), (5, digest ^ 1)] {
        script.pair.alarms.clear();
        script.says(Message::SyncRequest { generation: 1, count, digest });
        assert_eq!(script.pair.alarms, [Alarm::SyncConflict { generation: 1 }]);
        assert!(!script.settle().iter().any(|m| matches!(m, Message::SyncDone { .. })));
    }
    script.says(Message::SyncRequest { generation: 1, count: 5, digest });
    let done = |heard: Vec<Message>| heard.iter().any(|m| matches!(m, Message::SyncDone { generation: 1 }));
    assert!(done(script.settle()));
    let heard = script.says(Message::SyncRequest { generation: 1, count: 5, digest });
    assert!(done(heard), "asked again: at once");
}

#[test]
fn a_digest_that_turns_out_wrong_is_an_alarm_and_nothing_is_applied() {
    let mut script = Script::new(DATAGRAM);
    let record = script.record(1, |_| {});
    let digest = extend_digest(script.digest(), record.check) ^ 1;
    script.says(Message::SyncRequest { generation: 1, count: 6, digest });
    script.says(Message::Forward(record));
    assert!(!script.settle().iter().any(|m| matches!(m, Message::SyncDone { .. })));
    assert_eq!(script.pair.alarms, [Alarm::SyncConflict { generation: 1 }]);
}

#[test]
fn a_sync_request_that_comes_first_waits_for_its_records() {
    let mut script = Script::new(DATAGRAM);
    let record = script.record(1, |_| {});
    let digest = extend_digest(script.digest(), record.check);
    script.says(Message::SyncRequest { generation: 1, count: 6, digest });
    assert!(!script.settle().iter().any(|m| matches!(m, Message::SyncDone { .. })));
    script.says(Message::Forward(record));
    assert!(script.settle().iter().any(|m| matches!(m, Message::SyncDone { generation: 1 })));
}

#[test]
fn connections_replace_each_other_upwards_only() {
    let mut script = Script::new(DATAGRAM);
    let Connection { source_boot, counter, .. } = script.connection;
    let pair = |counter, destination_boot| Connection { source_boot, counter, destination_boot };
    let hello = |oldest_gen, epoch| Message::Hello {
        epoch,
        oldest_gen,
        next: Position::new(1, 6),
        policy: PolicyKind::Strict,
        recovered: Position::ZERO,
    };
    // Older than the one that is open: refused, by its own name.
    let heard = script.says_on(pair(counter - 1, 0), hello(1, 1));
    assert!(matches!(heard[..], [Message::Refused { reason: 5 }]), "{heard:?}");
    // Higher: half-open, and the old one stays until the first message on the new.
    let heard = script.says_on(pair(counter + 1, 0), hello(1, 1));
    assert!(matches!(heard[..], [Message::Welcome { .. }]), "{heard:?}");
    let heard = script.says(Message::Ping { number: 5 });
    assert!(heard.iter().any(|m| matches!(m, Message::Pong { number: 5, .. })), "{heard:?}");
    let new = pair(counter + 1, script.connection.destination_boot);
    let heard = script.says_on(new, Message::Ping { number: 6 });
    assert!(heard.iter().any(|m| matches!(m, Message::Pong { number: 6, .. })), "{heard:?}");
    // What is older than the new one is dropped, what is unknown is reset.
    assert!(script.says(Message::Ping { number: 7 }).is_empty());
    let unknown = Connection { source_boot: source_boot + 1, ..new };
    assert!(reset(&script.says_on(unknown, Message::Ping { number: 8 })));
    let other_life = Connection { destination_boot: new.destination_boot + 1, ..new };
    assert!(reset(&script.says_on(other_life, Message::Ping { number: 9 })));
    // An older epoch is fenced; what the source no longer has cannot be continued.
    let heard = script.says_on(pair(counter + 2, 0), hello(1, 0));
    assert!(matches!(heard[..], [Message::Fenced { epoch: 1 }]), "{heard:?}");
    let heard = script.says_on(pair(counter + 3, 0), hello(3, 1));
    assert!(matches!(heard[..], [Message::Refused { reason: 2 }]), "{heard:?}");
}

#[test]
fn another_mirror_is_refused() {
    let mut script = Script::new(DATAGRAM);
    let other = MirrorId([1; 16]);
    let next = Position::new(1, 1);
    let (policy, recovered) = (PolicyKind::Strict, Position::ZERO);
    let hello = Message::Hello { epoch: 1, oldest_gen: 1, next, policy, recovered };
    script.pair.frames[DESTINATION].clear();
    script.pair.deliver(SOURCE, &hello.frame(other, Connection { source_boot: 9, ..Default::default() }));
    let heard = script.heard();
    assert!(matches!(heard[..], [Message::Refused { reason: 1 }]), "{heard:?}");
}

#[test]
fn a_source_believes_only_its_own_connection() {
    let (mut pair, connection, _) = connected(DATAGRAM);
    let id = RequestId { client: 0, slot: 0, request: 6 };
    let body = Body::Write(Bytes::from(vec![7; 100]));
    pair.request(Request { id, volume: 0, offset: 0, length: 100, body });
    for _ in 0..20 {
        pair.complete(SOURCE, 0);
    }
    let others = [
        Connection { counter: connection.counter + 1, ..connection },
        Connection { source_boot: connection.source_boot - 1, ..connection },
        Connection { destination_boot: connection.destination_boot + 1, ..connection },
    ];
    let ack = |level| Message::ForwardAck { level, upto: Position::new(1, 6), room: 1 << 20 };
    for other in others {
        for level in [AckLevel::Nvram, AckLevel::File] {
            pair.deliver(DESTINATION, &ack(level).frame(geometry().mirror, other));
        }
    }
    assert_eq!(pair.replies.len(), 5, "not acknowledged on its connection");
    pair.deliver(DESTINATION, &ack(AckLevel::Nvram).frame(geometry().mirror, connection));
    assert_eq!(pair.replies.len(), 6);
}

#[test]
fn a_refused_or_fenced_source_stops_with_an_alarm() {
    for (message, alarm) in [
        (Message::Refused { reason: 1 }, Alarm::Refused { reason: 1 }),
        (Message::Fenced { epoch: 2 }, Alarm::Fenced { epoch: 2 }),
    ] {
        let (mut pair, connection, _) = connected(DATAGRAM);
        pair.deliver(DESTINATION, &message.frame(geometry().mirror, connection));
        assert_eq!(pair.alarms, [alarm]);
        assert!(pair.source.stopped());
    }
}

/// A block of a resync with these bytes.
fn block(session: u64, index: u64) -> Message {
    let content = Bytes::from(vec![index as u8; geometry().block_size as usize]);
    Message::ResyncBlock { session, index, volume: 0, block: index, content }
}

/// How many blocks it says that it has, the last time.
fn stored(messages: &[Message]) -> Option<u64> {
    messages.iter().rev().find_map(|m| match m {
        Message::ResyncReady { stored, .. } => Some(*stored),
        _ => None,
    })
}

#[test]
fn blocks_that_come_early_are_kept_until_those_before_them_come() {
    for (transport, there) in [(DATAGRAM, 3), (Transport::Stream, 1)] {
        let mut script = Script::new(transport);
        script.says(Message::ResyncBegin { session: 9 });
        // One that is further ahead than anybody sends is not kept.
        for index in [2, 1, 4, 70] {
            script.says(block(9, index));
        }
        assert_eq!(stored(&script.settle()), None);
        script.says(block(9, 0));
        assert_eq!(stored(&script.settle()), Some(there), "{transport:?}");
        for index in there..5 {
            script.says(block(9, index));
        }
        assert_eq!(stored(&script.settle()), Some(5), "{transport:?}");
    }
}
