//! The judge's own reader of frames (docs/formats.md, "Wire").

use crate::bytes::{Position, Record, hash, u16_at, u64_at};

/// A message, as far as an oracle cares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Message {
    Hello,
    Welcome { epoch: u64, held: Position, filed: Position, room: u64, degraded: bool },
    Forward(Record),
    ForwardAck { level: u64, up_to: Position, room: u64 },
    SyncRequest { generation: u64, count: u64, digest: u64 },
    SyncDone { generation: u64 },
    Nak { after: Position },
    Ping { number: u64 },
    Pong { number: u64 },
    Talk,
    Reset,
    Refused,
    Block { volume: u64, block: u64, as_of: Position },
    ResyncBegin,
    ResyncSealed { session: u64, room: u64 },
    HandOver,
    Other,
}

/// Source boot, counter, destination boot (0 in a Hello).
pub(crate) type Connection = [u64; 3];

/// A frame: whose, and what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Frame {
    pub uuid: [u8; 16],
    pub connection: Connection,
    pub message: Message,
}

const HEAD: usize = 64;

/// Bytes of the fixed part of each kind's body.
fn fixed(kind: u16) -> Option<usize> {
    Some(match kind {
        1 => 56,
        2 => 80,
        3 | 4 | 9 | 10 | 15 => 8,
        5 => 128,
        6 | 13 => 32,
        7 | 11 | 19 => 16,
        8 | 16 | 20 => 24,
        12 => 0,
        14 | 17 => 40,
        18 => 56,
        _ => return None,
    })
}

impl Frame {
    /// Reads header and fixed part; what follows (a payload) is not looked at.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let head = bytes.get(..HEAD)?;
        if &head[..4] != b"MWIR" || u16_at(head, 4) != 1 {
            return None;
        }
        let kind = u16_at(head, 6);
        let body = bytes.get(HEAD..HEAD + fixed(kind)?)?;
        if u64_at(head, 56) != xxhash_rust::xxh3::xxh3_64_with_seed(body, hash(&head[..56])) {
            return None;
        }
        let word = |i: usize| u64_at(body, i * 8);
        let message = match kind {
            1 => Message::Hello,
            2 => Message::Welcome {
                epoch: word(0),
                held: Position::new(word(1), word(2)),
                filed: Position::new(word(3), word(4)),
                room: word(7),
                degraded: word(8) & 1 == 1,
            },
            5 => Message::Forward(Record::read(body)?),
            6 => {
                Message::ForwardAck { level: word(0), up_to: Position::new(word(1), word(2)), room: word(3) }
            }
            8 => Message::SyncRequest { generation: word(0), count: word(1), digest: word(2) },
            9 => Message::SyncDone { generation: word(0) },
            7 => Message::Nak { after: Position::new(word(0), word(1)) },
            10 => Message::Ping { number: word(0) },
            11 => Message::Pong { number: word(0) },
            // BlockWanted, ResyncReady.
            13 | 16 => Message::Talk,
            15 => Message::ResyncBegin,
            19 => Message::ResyncSealed { session: word(0), room: word(1) },
            20 => Message::HandOver,
            12 => Message::Reset,
            4 => Message::Refused,
            14 => Message::Block { volume: word(0), block: word(1), as_of: Position::new(word(2), word(3)) },
            _ => Message::Other,
        };
        let mut uuid = [0; 16];
        uuid.copy_from_slice(&head[8..24]);
        let connection = core::array::from_fn(|i| u64_at(head, 24 + 8 * i));
        Some(Frame { uuid, connection, message })
    }
}
