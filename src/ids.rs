//! Names of things. Each is a number with one meaning, so that two of them cannot be mixed up.

use crate::codec::{get_u64, put_u64};

/// Identity of a mirror: the volumes of one source and their images.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct MirrorId(pub [u8; 16]);

/// A mirror's ordinal at a server: tokens, stages and traces speak of mirrors by it.
pub type MirrorIndex = u16;

/// Order of a source: fill number of its NVRAM and dense sequence in it. `(0, 0)` is before everything; generations
/// and sequences start at 1 (claims 8 and 27).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Position {
    /// Fill number g; its partition is g mod P.
    pub generation: u64,
    /// Place n in the generation.
    pub sequence: u64,
}

impl Position {
    /// Before everything.
    pub const ZERO: Position = Position { generation: 0, sequence: 0 };

    /// `(generation, sequence)`.
    pub const fn new(generation: u64, sequence: u64) -> Self {
        Position { generation, sequence }
    }
}

impl core::fmt::Display for Position {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "({}, {})", self.generation, self.sequence)
    }
}

/// A record's position and check: what its successor's `prev` must say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Link {
    /// Where.
    pub position: Position,
    /// The record's check; 0 before everything.
    pub check: u64,
}

impl Link {
    /// Bytes on a device.
    pub const SIZE: usize = 24;

    pub(crate) fn put(&self, out: &mut [u8], at: usize) {
        put_u64(out, at, self.position.generation);
        put_u64(out, at + 8, self.position.sequence);
        put_u64(out, at + 16, self.check);
    }

    pub(crate) fn get(bytes: &[u8], at: usize) -> Link {
        Link { position: get_position(bytes, at), check: get_u64(bytes, at + 16) }
    }
}

pub(crate) fn put_position(out: &mut [u8], at: usize, p: Position) {
    put_u64(out, at, p.generation);
    put_u64(out, at + 8, p.sequence);
}

pub(crate) fn get_position(bytes: &[u8], at: usize) -> Position {
    Position::new(get_u64(bytes, at), get_u64(bytes, at + 8))
}

/// A client's request is known by client, slot and a number that grows within the slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct RequestId {
    /// Ordinal of the client among the clients of the source.
    pub client: u32,
    /// Which of its open requests.
    pub slot: u32,
    /// From 1, growing.
    pub request: u64,
}

/// Connection of one mirror: what does not carry it is dropped (section 3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Connection {
    /// The source's boot number.
    pub source_boot: u64,
    /// Counts the Hellos of that boot.
    pub counter: u64,
    /// The destination's boot number; 0 in a Hello.
    pub destination_boot: u64,
}

impl Connection {
    /// The part that the source chooses; a Hello with a higher one replaces a lower one.
    pub fn pair(&self) -> (u64, u64) {
        (self.source_boot, self.counter)
    }
}
