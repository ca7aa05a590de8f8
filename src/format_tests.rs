//! Formats: what is encoded is decoded, a flipped bit is noticed, garbage is refused without a panic.

use crate::config::AckLevel;
use crate::ids::{Connection, Link, MirrorId, Position, RequestId};
use crate::log_file::{FileHeader, FileTrailer};
use crate::mark::Mark;
use crate::nvram_log::{Seal, SegmentHeader};
use crate::record::{Draft, HEADER, Operation, Record};
use crate::superblock::{Role, Superblock, Verdict};
use crate::wire::{self, Frame, Message};
use alloc::vec::Vec;
use bytes::Bytes;
use proptest::prelude::*;

const MIRROR: MirrorId = MirrorId([7; 16]);

fn position() -> impl Strategy<Value = Position> {
    (1u64..1000, 1u64..1000).prop_map(|(g, n)| Position::new(g, n))
}

fn record() -> impl Strategy<Value = Record> {
    let operation = prop_oneof![
        Just(Operation::Write),
        Just(Operation::WriteZeroes),
        (any::<u64>(), any::<u64>()).prop_map(|(delta, old)| Operation::Add { delta, old }),
    ];
    (position(), position(), any::<u64>(), operation, proptest::collection::vec(any::<u8>(), 1..300))
        .prop_map(|(position, prev, check, operation, data)| {
            let length = if matches!(operation, Operation::Add { .. }) { 8 } else { data.len() as u64 };
            let draft = Draft {
                epoch: 1,
                position,
                prev: Link { position: prev, check },
                id: RequestId { client: 1, slot: 2, request: 3 },
                volume: 0,
                offset: 64,
                length,
                operation,
                data: Bytes::from(data),
            };
            Record::encode(MIRROR, draft)
        })
}

fn decode(bytes: &Bytes) -> Option<Record> {
    if bytes.len() < HEADER as usize {
        return None;
    }
    let header = Record::header(MIRROR, &bytes.slice(..HEADER as usize))?;
    let end = HEADER as usize + header.payload_length() as usize;
    if bytes.len() < end {
        return None;
    }
    header.with_payload(bytes.slice(HEADER as usize..end))
}

fn flat(record: &Record) -> Vec<u8> {
    record.parts().iter().flat_map(|p| p.to_vec()).collect()
}

proptest! {
    #[test]
    fn a_record_comes_back_as_it_was(record in record()) {
        let bytes = flat(&record);
        prop_assert_eq!(bytes.len() as u64, record.size());
        let back = decode(&Bytes::from(bytes)).expect("valid");
        prop_assert_eq!(back.link(), record.link());
        prop_assert_eq!((back.prev, back.id, back.offset, back.length), (record.prev, record.id, record.offset, record.length));
        prop_assert_eq!(back.operation, record.operation);
        prop_assert_eq!(back.payload, record.payload);
    }

    #[test]
    fn a_record_without_a_number_is_refused(record in record(), generation in any::<bool>()) {
        let mut bytes = flat(&record);
        let at = if generation { 32 } else { 40 };
        bytes[at..at + 8].fill(0);
        let check = crate::codec::check(&bytes[..HEADER as usize - 8]);
        bytes[HEADER as usize - 8..HEADER as usize].copy_from_slice(&check.to_le_bytes());
        prop_assert!(decode(&Bytes::from(bytes)).is_none());
    }

    #[test]
    fn a_flipped_bit_of_a_record_is_noticed(record in record(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let covered = (HEADER as usize) + record.payload.len();
        let mut bytes = flat(&record);
        bytes[at.index(covered)] ^= 1 << bit;
        prop_assert!(decode(&Bytes::from(bytes)).is_none());
    }

    #[test]
    fn a_flipped_bit_of_a_frame_is_noticed(record in record(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let connection = Connection { source_boot: 1, counter: 2, destination_boot: 3 };
        let frame = Message::Forward(record).frame(MIRROR, connection);
        prop_assert!(wire::decode(&frame).is_some());
        let (mut head, mut payload) = (frame.head.to_vec(), frame.payload.to_vec());
        let at = at.index(head.len() + payload.len());
        match at.checked_sub(head.len()) {
            None => head[at] ^= 1 << bit,
            Some(at) => payload[at] ^= 1 << bit,
        }
        let broken = Frame { head: Bytes::from(head), payload: Bytes::from(payload) };
        prop_assert!(wire::decode(&broken).is_none());
    }

    #[test]
    fn garbage_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..700)) {
        let long = Bytes::from([&bytes[..], &[0; 1024]].concat());
        prop_assert!(decode(&Bytes::from(bytes.clone())).is_none());
        prop_assert!(Seal::decode(MIRROR, &long).is_none());
        prop_assert!(SegmentHeader::decode(&long).is_none());
        prop_assert!(FileHeader::decode(&long).is_none());
        prop_assert!(FileTrailer::decode(MIRROR, &long).is_none());
        prop_assert!(Mark::newest(MIRROR, &long[..256]).is_none());
        prop_assert!(Superblock::newest(MIRROR, &long[..1024]).is_none());
        let frame = Frame { head: Bytes::from(bytes), payload: Bytes::new() };
        prop_assert!(wire::decode(&frame).is_none());
    }

    #[test]
    fn structures_come_back_as_they_were(a in position(), b in position(), counter in 1u64..9, digest in any::<u64>()) {
        let link = Link { position: a, check: digest };
        let seal = Seal { epoch: 1, generation: a.generation, count: a.sequence, digest, tail: link };
        prop_assert_eq!(Seal::decode(MIRROR, &seal.encode(MIRROR)), Some(seal));
        let mark = Mark { counter, nvram: a, file: b };
        let mut both = [0; 256];
        both[128..].copy_from_slice(&mark.encode(MIRROR));
        prop_assert_eq!(Mark::newest(MIRROR, &both), Some(mark));
        let verdict = Some(Verdict::Damaged { after: a, to: b });
        let superblock = Superblock { counter, tail: link, recovered: b, verdict, ..Superblock::fresh(Role::Recovered, AckLevel::File) };
        let mut both = [0; 1024];
        both[..512].copy_from_slice(&superblock.encode(MIRROR));
        prop_assert_eq!(Superblock::newest(MIRROR, &both), Some(superblock));
        let header = FileHeader { epoch: 1, generation: a.generation, incarnation: counter, prev: link };
        prop_assert_eq!(FileHeader::decode(&header.encode(MIRROR)), Some((MIRROR, header)));
    }
}
