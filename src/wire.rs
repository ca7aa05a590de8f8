//! Frames and messages between a source and the destination (section 3; docs/formats.md, "Wire").

use crate::codec::{check, get_u16, get_u64, put_start, put_u16, put_u64, uuid};
use crate::config::{AckLevel, PolicyKind};
use crate::ids::{Connection, Link, MirrorId, Position};
use crate::record::{self, Record};
use alloc::vec::Vec;
use bytes::Bytes;

/// How each frame begins.
pub(crate) const MAGIC: &[u8; 4] = b"MWIR";
/// Bytes of a frame header.
pub const FRAME_HEADER: usize = 64;
/// Bytes of the longest frame but for its payload: it carries a record's header.
const HEAD: usize = FRAME_HEADER + crate::record::HEADER as usize;

/// A frame: header and fixed part in one buffer, the payload by handle.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Frame header and the fixed part of the body.
    pub head: Bytes,
    /// Payload of a Forward or Block, else empty.
    pub payload: Bytes,
}

impl Frame {
    /// Bytes on the wire.
    pub fn length(&self) -> u64 {
        (self.head.len() + self.payload.len()) as u64
    }

    /// All of it, as it goes over the wire.
    pub fn bytes(&self) -> Bytes {
        let mut all = Vec::with_capacity(self.head.len() + self.payload.len());
        all.extend_from_slice(&self.head);
        all.extend_from_slice(&self.payload);
        Bytes::from(all)
    }

    /// Kind as the header says; 0 for a fragment.
    pub fn kind(&self) -> u16 {
        if self.head.len() >= FRAME_HEADER { get_u16(&self.head, 6) } else { 0 }
    }
}

/// What source and destination say to each other.
#[derive(Clone, Debug)]
pub enum Message {
    /// Source: a new connection.
    Hello {
        /// The source's epoch.
        epoch: u64,
        /// Oldest generation that it could send again.
        oldest_gen: u64,
        /// Number of its next record.
        next: Position,
        /// What it promises its clients; durable at the destination before any Welcome (section 6).
        policy: PolicyKind,
        /// Where the recovery ended with which its epoch began; 0: none did.
        recovered: Position,
    },
    /// Destination: itself an acknowledgement of `held` at `nvram` and `filed` at `file`.
    Welcome {
        /// The destination's epoch.
        epoch: u64,
        /// All up to here is durable and valid here.
        held: Position,
        /// All up to here is in flushed files.
        filed: Position,
        /// Generations in the image.
        applied_gen: u64,
        /// Records of the next one in the image.
        applied_seq: u64,
        /// Bytes that may be sent beyond `held`.
        room: u64,
        /// Its NVRAM must not be relied on.
        degraded: bool,
        /// Check of the record at `held`: a source that has another one there is not the one that sent it.
        check: u64,
        /// Its image is at no prefix: it needs every block (LR3).
        void: bool,
    },
    /// Destination: a newer epoch exists.
    Fenced {
        /// That epoch.
        epoch: u64,
    },
    /// Destination: no.
    Refused {
        /// 1 another mirror, 2 below what the source still has, 3 a block that it needs is damaged on both sides.
        reason: u64,
    },
    /// Source: a record.
    Forward(Record),
    /// Destination: everything up to a position has reached a level.
    ForwardAck {
        /// Which level.
        level: AckLevel,
        /// Up to here.
        upto: Position,
        /// Bytes that may be sent beyond `upto`.
        room: u64,
    },
    /// Destination (`datagram`): a gap.
    Nak {
        /// The position after this one is missing.
        after: Position,
    },
    /// Source: a generation is sealed and was sent whole.
    SyncRequest {
        /// g.
        generation: u64,
        /// Records.
        count: u64,
        /// Over their checks.
        digest: u64,
    },
    /// Destination: g is applied and its file is cleared.
    SyncDone {
        /// g.
        generation: u64,
    },
    /// Source: are you there, on this epoch?
    Ping {
        /// Grows.
        number: u64,
    },
    /// Destination: yes.
    Pong {
        /// Of the Ping.
        number: u64,
        /// Its NVRAM must not be relied on.
        degraded: bool,
    },
    /// Destination: unknown connection.
    Reset,
    /// Either side: a block of its copy is damaged.
    BlockWanted {
        /// Which volume.
        volume: u32,
        /// Which block.
        block: u64,
        /// Its cursor: the last record that is in its blocks.
        cursor: Position,
    },
    /// Either side: the content of a block as of a position.
    Block {
        /// Which volume.
        volume: u32,
        /// Which block.
        block: u64,
        /// All records up to here are in it, none after.
        as_of: Position,
        /// The content; empty: this copy is damaged, too.
        content: Bytes,
    },
    /// Degraded server: a resync is to begin.
    ResyncBegin {
        /// Its number: it grows from resync to resync.
        session: u64,
    },
    /// Mirror: so many blocks of the resync file are durable.
    ResyncReady {
        /// Which resync.
        session: u64,
        /// Blocks that are durable in the resync file.
        stored: u64,
        /// Blocks for which it has room.
        room: u64,
    },
    /// Degraded server: a block. Of one that comes twice the later counts.
    ResyncBlock {
        /// Which resync.
        session: u64,
        /// Its place in the file, from 0.
        index: u64,
        /// Which volume.
        volume: u32,
        /// Which block.
        block: u64,
        /// The content.
        content: Bytes,
    },
    /// Degraded server: that was all (LR4).
    ResyncEnd {
        /// Which resync.
        session: u64,
        /// Blocks.
        count: u64,
        /// Over their checks.
        digest: u64,
        /// The first generation that will be forwarded.
        first: u64,
        /// The record before it.
        prev: Link,
    },
    /// Mirror: base and file are the volume as of `prev`, durably.
    ResyncSealed {
        /// Which resync.
        session: u64,
        /// Bytes that may be sent beyond.
        room: u64,
    },
    /// Retired source: whoever has everything up to here serves the clients, in the next epoch (LR8).
    HandOver {
        /// Its last record.
        end: Link,
    },
}

impl Message {
    /// Whether only a source sends it.
    pub fn is_sources(&self) -> bool {
        use Message::*;
        matches!(
            self,
            Hello { .. }
                | Forward(_)
                | SyncRequest { .. }
                | Ping { .. }
                | ResyncBegin { .. }
                | ResyncBlock { .. }
                | ResyncEnd { .. }
                | HandOver { .. }
        )
    }

    fn kind(&self) -> u16 {
        match self {
            Message::Hello { .. } => 1,
            Message::Welcome { .. } => 2,
            Message::Fenced { .. } => 3,
            Message::Refused { .. } => 4,
            Message::Forward(_) => 5,
            Message::ForwardAck { .. } => 6,
            Message::Nak { .. } => 7,
            Message::SyncRequest { .. } => 8,
            Message::SyncDone { .. } => 9,
            Message::Ping { .. } => 10,
            Message::Pong { .. } => 11,
            Message::Reset => 12,
            Message::BlockWanted { .. } => 13,
            Message::Block { .. } => 14,
            Message::ResyncBegin { .. } => 15,
            Message::ResyncReady { .. } => 16,
            Message::ResyncBlock { .. } => 17,
            Message::ResyncEnd { .. } => 18,
            Message::ResyncSealed { .. } => 19,
            Message::HandOver { .. } => 20,
        }
    }

    /// Encodes the message on a connection.
    pub fn frame(self, mirror: MirrorId, connection: Connection) -> Frame {
        let kind = self.kind();
        let mut fields = [0u64; 10];
        let mut count = 0;
        let mut put = |values: &[u64]| {
            fields[..values.len()].copy_from_slice(values);
            count = values.len();
        };
        let mut header = Bytes::new();
        let mut payload = Bytes::new();
        match self {
            Message::Hello { epoch, oldest_gen, next, policy, recovered } => put(&[
                epoch,
                oldest_gen,
                next.generation,
                next.sequence,
                policy.code(),
                recovered.generation,
                recovered.sequence,
            ]),
            Message::Welcome {
                epoch,
                held,
                filed,
                applied_gen,
                applied_seq,
                room,
                degraded,
                check,
                void,
            } => put(&[
                epoch,
                held.generation,
                held.sequence,
                filed.generation,
                filed.sequence,
                applied_gen,
                applied_seq,
                room,
                degraded as u64 + 2 * void as u64,
                check,
            ]),
            Message::Fenced { epoch } => put(&[epoch]),
            Message::Refused { reason } => put(&[reason]),
            Message::Forward(record) => {
                header = record.encoded;
                payload = record.payload;
            }
            Message::ForwardAck { level, upto, room } => {
                put(&[level.code(), upto.generation, upto.sequence, room]);
            }
            Message::Nak { after } => put(&[after.generation, after.sequence]),
            Message::SyncRequest { generation, count, digest } => put(&[generation, count, digest]),
            Message::SyncDone { generation } => put(&[generation]),
            Message::Ping { number } => put(&[number]),
            Message::Pong { number, degraded } => put(&[number, degraded as u64]),
            Message::Reset => {}
            Message::BlockWanted { volume, block, cursor } => {
                put(&[volume as u64, block, cursor.generation, cursor.sequence]);
            }
            Message::Block { volume, block, as_of, content } => {
                put(&[volume as u64, block, as_of.generation, as_of.sequence, check(&content)]);
                payload = content;
            }
            Message::ResyncBegin { session } => put(&[session]),
            Message::ResyncReady { session, stored, room } => put(&[session, stored, room]),
            Message::ResyncBlock { session, index, volume, block, content } => {
                put(&[session, index, volume as u64, block, check(&content)]);
                payload = content;
            }
            Message::ResyncEnd { session, count, digest, first, prev } => {
                let Position { generation, sequence } = prev.position;
                put(&[session, count, digest, first, generation, sequence, prev.check]);
            }
            Message::ResyncSealed { session, room } => put(&[session, room]),
            Message::HandOver { end } => {
                put(&[end.position.generation, end.position.sequence, end.check]);
            }
        }
        let fixed = if header.is_empty() { count * 8 } else { header.len() };
        let mut whole = [0; HEAD];
        let out = &mut whole[..FRAME_HEADER + fixed];
        put_start(out, MAGIC, &mirror.0);
        put_u16(out, 6, kind);
        put_u64(out, 24, connection.source_boot);
        put_u64(out, 32, connection.counter);
        put_u64(out, 40, connection.destination_boot);
        put_u64(out, 48, (fixed + payload.len()) as u64);
        if header.is_empty() {
            for (i, value) in fields[..count].iter().enumerate() {
                put_u64(out, FRAME_HEADER + i * 8, *value);
            }
        } else {
            out[FRAME_HEADER..].copy_from_slice(&header);
        }
        seal(out);
        let mut head = Bytes::from_owner(whole);
        head.truncate(FRAME_HEADER + fixed);
        Frame { head, payload }
    }
}

fn frame_check(head: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64_with_seed(&head[FRAME_HEADER..], check(&head[..56]))
}

/// Whether header and fixed part match their check.
pub(crate) fn check_holds(head: &[u8]) -> bool {
    get_u64(head, 56) == frame_check(head)
}

/// Makes the check of a header and fixed part hold that were changed.
pub fn seal(head: &mut [u8]) {
    let value = frame_check(head);
    put_u64(head, 56, value);
}

/// Bytes of the fixed part of a kind's body, and whether a payload may follow.
pub(crate) fn fixed_part(kind: u16) -> Option<(usize, bool)> {
    let fields = match kind {
        12 => 0,
        3 | 4 | 9 | 10 | 15 => 1,
        7 | 11 | 19 => 2,
        8 | 16 | 20 => 3,
        6 | 13 => 4,
        1 => 7,
        18 => 7,
        14 | 17 => return Some((40, true)),
        2 => 10,
        5 => return Some((record::HEADER as usize, true)),
        _ => return None,
    };
    Some((fields * 8, false))
}

/// The version of a frame that is whole, if it is not ours.
pub fn other_version(frame: &Frame) -> Option<u64> {
    let head = &frame.head;
    let whole = head.len() >= FRAME_HEADER && head[..4] == *MAGIC && check_holds(head);
    Some(get_u16(head.get(..6)?, 4)).filter(|v| whole && *v != 1).map(u64::from)
}

/// Decodes a frame; `None` for anything that is not exactly a valid one (it is dropped, and sent again by whoever
/// waits for an answer).
pub fn decode(frame: &Frame) -> Option<(MirrorId, Connection, Message)> {
    let head = &frame.head;
    if head.len() < FRAME_HEADER
        || head[..4] != *MAGIC
        || get_u16(head, 4) != 1
        || !check_holds(head)
        || get_u64(head, 48) != (head.len() - FRAME_HEADER + frame.payload.len()) as u64
    {
        return None;
    }
    let mirror = MirrorId(uuid(head, 8));
    let connection = Connection {
        source_boot: get_u64(head, 24),
        counter: get_u64(head, 32),
        destination_boot: get_u64(head, 40),
    };
    let fixed = head.len() - FRAME_HEADER;
    let field = |i: usize| get_u64(head, FRAME_HEADER + i * 8);
    let has = |n: usize| (fixed == n * 8 && frame.payload.is_empty()).then_some(());
    let position = |i: usize| Position::new(field(i), field(i + 1));
    let message = match get_u16(head, 6) {
        1 => {
            has(7)?;
            let policy = PolicyKind::from_code(field(4))?;
            let (epoch, oldest_gen) = (field(0), field(1));
            Message::Hello { epoch, oldest_gen, next: position(2), policy, recovered: position(5) }
        }
        2 => {
            has(10)?;
            Message::Welcome {
                epoch: field(0),
                held: position(1),
                filed: position(3),
                applied_gen: field(5),
                applied_seq: field(6),
                room: field(7),
                degraded: field(8) & 1 == 1,
                check: field(9),
                void: field(8) & 2 == 2,
            }
        }
        3 => {
            has(1)?;
            Message::Fenced { epoch: field(0) }
        }
        4 => {
            has(1)?;
            Message::Refused { reason: field(0) }
        }
        5 => {
            if fixed as u64 != record::HEADER {
                return None;
            }
            let header = Record::header(mirror, &head.slice(FRAME_HEADER..))?;
            Message::Forward(header.with_payload(frame.payload.clone())?)
        }
        6 => {
            has(4)?;
            let level = AckLevel::from_code(field(0))?;
            Message::ForwardAck { level, upto: position(1), room: field(3) }
        }
        7 => {
            has(2)?;
            Message::Nak { after: position(0) }
        }
        8 => {
            has(3)?;
            Message::SyncRequest { generation: field(0), count: field(1), digest: field(2) }
        }
        9 => {
            has(1)?;
            Message::SyncDone { generation: field(0) }
        }
        10 => {
            has(1)?;
            Message::Ping { number: field(0) }
        }
        11 => {
            has(2)?;
            Message::Pong { number: field(0), degraded: field(1) == 1 }
        }
        12 => {
            has(0)?;
            Message::Reset
        }
        13 => {
            has(4)?;
            Message::BlockWanted {
                volume: u32::try_from(field(0)).ok()?,
                block: field(1),
                cursor: position(2),
            }
        }
        14 => {
            if fixed != 40 || check(&frame.payload) != field(4) {
                return None;
            }
            Message::Block {
                volume: u32::try_from(field(0)).ok()?,
                block: field(1),
                as_of: position(2),
                content: frame.payload.clone(),
            }
        }
        15 => {
            has(1)?;
            Message::ResyncBegin { session: field(0) }
        }
        16 => {
            has(3)?;
            Message::ResyncReady { session: field(0), stored: field(1), room: field(2) }
        }
        17 => {
            if fixed != 40 || check(&frame.payload) != field(4) {
                return None;
            }
            Message::ResyncBlock {
                session: field(0),
                index: field(1),
                volume: u32::try_from(field(2)).ok()?,
                block: field(3),
                content: frame.payload.clone(),
            }
        }
        18 => {
            has(7)?;
            let prev = Link { position: position(4), check: field(6) };
            let (count, digest, first) = (field(1), field(2), field(3));
            Message::ResyncEnd { session: field(0), count, digest, first, prev }
        }
        19 => {
            has(2)?;
            Message::ResyncSealed { session: field(0), room: field(1) }
        }
        20 => {
            has(3)?;
            Message::HandOver { end: Link { position: position(0), check: field(2) } }
        }
        _ => return None,
    };
    Some((mirror, connection, message))
}
