//! A mark: the durable pair of what a server has promised, in two slots written in turn (docs/formats.md, "Mark").

use crate::codec::{get_u64, put_check, put_start, put_u64, uuid, valid};
use crate::ids::{MirrorId, MirrorIndex, Position, get_position, put_position};
use bytes::Bytes;

/// Bytes of one slot.
pub const SLOT: u64 = 128;

/// Where a mirror's two slots start on the mark device.
pub fn base(mirror: MirrorIndex) -> u64 {
    mirror as u64 * 2 * SLOT
}

/// What was promised.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Mark {
    /// Writes so far; picks the slot.
    pub counter: u64,
    /// Up to here from NVRAM.
    pub nvram: Position,
    /// Up to here from flushed files.
    pub file: Position,
}

impl Mark {
    /// 128 bytes.
    pub fn encode(&self, mirror: MirrorId) -> Bytes {
        let mut out = [0; SLOT as usize];
        put_start(&mut out, b"MMRK", &mirror.0);
        put_u64(&mut out, 24, self.counter);
        put_position(&mut out, 32, self.nvram);
        put_position(&mut out, 48, self.file);
        put_check(&mut out);
        Bytes::from_owner(out)
    }

    /// Where the next write of this counter goes, with the two slots from that byte on.
    pub fn slot(&self, base: u64) -> u64 {
        base + (self.counter % 2) * SLOT
    }

    fn decode(mirror: MirrorId, b: &[u8]) -> Option<Mark> {
        (valid(b, SLOT as usize, b"MMRK") && uuid(b, 8) == mirror.0).then(|| Mark {
            counter: get_u64(b, 24),
            nvram: get_position(b, 32),
            file: get_position(b, 48),
        })
    }

    /// The newer valid one of both slots.
    pub fn newest(mirror: MirrorId, both: &[u8]) -> Option<Mark> {
        let first = Mark::decode(mirror, &both[..SLOT as usize]);
        let second = Mark::decode(mirror, &both[SLOT as usize..]);
        first.into_iter().chain(second).max_by_key(|m| m.counter)
    }
}
