//! The judge's own reader of the durable formats (docs/formats.md). Every reader takes any bytes at all and answers
//! `None` for what does not check: nothing here can panic, nothing here trusts a length.

use xxhash_rust::xxh3::xxh3_64;

/// The one checksum of all formats.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// Whether all bytes are zero, 64 at a time.
pub(crate) fn all_zero(bytes: &[u8]) -> bool {
    bytes.chunks(64).all(|some| some.iter().fold(0, |any, byte| any | byte) == 0)
}

/// A little-endian u16; 0 beyond the end.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |b| u16::from_le_bytes([b[0], b[1]]))
}

/// A little-endian u32; 0 beyond the end.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

/// A little-endian u64; 0 beyond the end.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).map_or(0, |b| u64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]))
}

pub(crate) fn uuid_at(bytes: &[u8], at: usize) -> [u8; 16] {
    let mut uuid = [0; 16];
    if let Some(b) = bytes.get(at..at + 16) {
        uuid.copy_from_slice(b);
    }
    uuid
}

/// Magic, version and check of a structure whose check stands in its last 8 bytes.
pub(crate) fn whole<'a>(bytes: &'a [u8], magic: &[u8; 4], size: usize) -> Option<&'a [u8]> {
    let b = bytes.get(..size)?;
    let good = &b[..4] == magic && u16_at(b, 4) == 1 && u64_at(b, size - 8) == hash(&b[..size - 8]);
    good.then_some(b)
}

/// A place in the order of one source: (generation, sequence); (0, 0) is before everything.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Position {
    /// Fill number of the source's NVRAM, from 1.
    pub generation: u64,
    /// Dense from 1 within the generation.
    pub sequence: u64,
}

impl Position {
    /// A position.
    pub const fn new(generation: u64, sequence: u64) -> Self {
        Position { generation, sequence }
    }

    pub(crate) fn at(bytes: &[u8], at: usize) -> Self {
        Position::new(u64_at(bytes, at), u64_at(bytes, at + 8))
    }
}

impl core::fmt::Display for Position {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "({}, {})", self.generation, self.sequence)
    }
}

/// A position and the check of the record there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Link {
    pub position: Position,
    pub check: u64,
}

impl Link {
    pub(crate) fn at(bytes: &[u8], at: usize) -> Self {
        Link { position: Position::at(bytes, at), check: u64_at(bytes, at + 16) }
    }
}

/// Bytes of a record's header, of a seal, of a segment header, of a file header and trailer, of a mark slot.
pub(crate) const HEADER: u64 = 128;
pub(crate) const WRITE: u8 = 1;
pub(crate) const WRITE_ZEROES: u8 = 2;
pub(crate) const ADD: u8 = 3;

/// A record's header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Record {
    pub operation: u8,
    pub uuid: [u8; 16],
    pub epoch: u64,
    pub position: Position,
    pub prev: Link,
    pub client: u32,
    pub slot: u32,
    pub request: u64,
    pub volume: u32,
    pub payload: u32,
    pub offset: u64,
    pub length: u64,
    pub payload_check: u64,
    pub check: u64,
}

impl Record {
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let b = whole(bytes, b"MREC", 128)?;
        let record = Record {
            operation: b[6],
            uuid: uuid_at(b, 8),
            epoch: u64_at(b, 24),
            position: Position::at(b, 32),
            prev: Link::at(b, 48),
            client: u32_at(b, 72),
            slot: u32_at(b, 76),
            request: u64_at(b, 80),
            volume: u32_at(b, 88),
            payload: u32_at(b, 92),
            offset: u64_at(b, 96),
            length: u64_at(b, 104),
            payload_check: u64_at(b, 112),
            check: u64_at(b, 120),
        };
        let length_fits = match record.operation {
            WRITE => u64::from(record.payload) == record.length && record.length > 0,
            WRITE_ZEROES => record.payload == 0 && record.length > 0,
            ADD => record.payload == 16 && record.length == 8,
            _ => false,
        };
        (length_fits && record.position.generation > 0 && record.position.sequence > 0).then_some(record)
    }

    /// Bytes in NVRAM or file, with the zeros up to a multiple of 8.
    pub fn size(&self) -> u64 {
        HEADER + u64::from(self.payload).next_multiple_of(8)
    }

    pub fn link(&self) -> Link {
        Link { position: self.position, check: self.check }
    }
}

/// The seal of a source's partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Seal {
    pub uuid: [u8; 16],
    pub generation: u64,
    pub count: u64,
    pub digest: u64,
}

impl Seal {
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let b = whole(bytes, b"MSEA", 128)?;
        Some(Seal {
            uuid: uuid_at(b, 8),
            generation: u64_at(b, 32),
            count: u64_at(b, 40),
            digest: u64_at(b, 48),
        })
    }
}

/// The header of a segment of the destination's NVRAM.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SegmentHeader {
    pub in_use: bool,
    pub uuid: [u8; 16],
    pub serial: u64,
}

impl SegmentHeader {
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let b = whole(bytes, b"MSEG", 128)?;
        Some(SegmentHeader { in_use: u16_at(b, 6) == 1, uuid: uuid_at(b, 8), serial: u64_at(b, 24) })
    }
}

/// The header of a log file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FileHeader {
    pub uuid: [u8; 16],
    pub generation: u64,
    pub incarnation: u64,
    pub prev: Link,
}

impl FileHeader {
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let b = whole(bytes, b"MFIL", 128)?;
        let (generation, incarnation) = (u64_at(b, 32), u64_at(b, 40));
        Some(FileHeader { uuid: uuid_at(b, 8), generation, incarnation, prev: Link::at(b, 48) })
    }
}

/// The trailer of a log file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Trailer {
    pub uuid: [u8; 16],
    pub generation: u64,
    pub count: u64,
    pub digest: u64,
}

impl Trailer {
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let b = whole(bytes, b"MTRL", 128)?;
        Some(Trailer {
            uuid: uuid_at(b, 8),
            generation: u64_at(b, 32),
            count: u64_at(b, 40),
            digest: u64_at(b, 48),
        })
    }
}

/// What a server has promised.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Mark {
    pub uuid: [u8; 16],
    pub counter: u64,
    pub nvram: Position,
    pub file: Position,
}

impl Mark {
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let b = whole(bytes, b"MMRK", 128)?;
        Some(Mark {
            uuid: uuid_at(b, 8),
            counter: u64_at(b, 24),
            nvram: Position::at(b, 32),
            file: Position::at(b, 48),
        })
    }

    /// The one of two slots that counts.
    pub fn best(bytes: &[u8], uuid: &[u8; 16]) -> Option<Self> {
        let slot = |at: usize| bytes.get(at..).and_then(Mark::read).filter(|m| m.uuid == *uuid);
        newer(slot(0), slot(128), |m| m.counter)
    }
}

pub(crate) fn newer<T>(a: Option<T>, b: Option<T>, counter: impl Fn(&T) -> u64) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if counter(&b) > counter(&a) { b } else { a }),
        (a, b) => a.or(b),
    }
}

/// Bytes of a check table entry and of a reply table entry.
pub(crate) const ENTRY: u64 = 32;

/// What a check table entry should say of a block.
pub(crate) fn check_entry(uuid: &[u8; 16], block: u64, check: u64) -> [u8; 32] {
    let mut entry = [0; 32];
    entry[..16].copy_from_slice(uuid);
    entry[16..24].copy_from_slice(&block.to_le_bytes());
    entry[24..].copy_from_slice(&check.to_le_bytes());
    entry
}

/// In the block number of an entry: the block holds all records up to a position, be it beyond the cursor.
const AHEAD: u64 = 1 << 63;

/// What the check table entry of a block should say whose content is that of a position beyond the cursor.
pub(crate) fn ahead_entry(uuid: &[u8; 16], block: u64, upto: Position, content: &[u8]) -> [u8; 32] {
    let mut of = [0; 40];
    of[..16].copy_from_slice(uuid);
    of[16..24].copy_from_slice(&upto.generation.to_le_bytes());
    of[24..32].copy_from_slice(&upto.sequence.to_le_bytes());
    of[32..].copy_from_slice(&block.to_le_bytes());
    let check = xxhash_rust::xxh3::xxh3_64_with_seed(content, hash(&of));
    let mut entry = [0; 32];
    entry[..16].copy_from_slice(&of[16..32]);
    entry[16..24].copy_from_slice(&(block | AHEAD).to_le_bytes());
    entry[24..].copy_from_slice(&check.to_le_bytes());
    entry
}

/// The position that such an entry names.
pub(crate) fn says_ahead(entry: &[u8], block: u64) -> Option<Position> {
    (u64_at(entry, 16) == block | AHEAD).then(|| Position::at(entry, 0))
}

/// What a reply table entry should say.
pub(crate) fn reply_entry(client: u32, slot: u32, request: u64, result: u64, operation: u8) -> [u8; 32] {
    let mut entry = [0; 32];
    entry[..4].copy_from_slice(&client.to_le_bytes());
    entry[4..8].copy_from_slice(&slot.to_le_bytes());
    entry[8..16].copy_from_slice(&request.to_le_bytes());
    entry[16..24].copy_from_slice(&result.to_le_bytes());
    entry[24..].copy_from_slice(&u64::from(operation).to_le_bytes());
    entry
}

/// One step of a generation's digest.
pub(crate) fn digest_step(before: u64, check: u64) -> u64 {
    let mut both = [0; 16];
    both[..8].copy_from_slice(&before.to_le_bytes());
    both[8..].copy_from_slice(&check.to_le_bytes());
    hash(&both)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::superblock::{JournalHeader, Superblock};

    #[test]
    fn no_reader_panics_on_garbage() {
        let mut seed = 5u64;
        let mut next = move || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            seed >> 24
        };
        let magics = [b"MREC", b"MSEA", b"MSEG", b"MFIL", b"MTRL", b"MMRK", b"MSUP", b"MJNL", b"MWIR"];
        for _ in 0..20_000 {
            let mut bytes: Vec<u8> = (0..next() % 700).map(|_| next() as u8).collect();
            if bytes.len() > 6 {
                bytes[..4].copy_from_slice(magics[next() as usize % magics.len()]);
                (bytes[4], bytes[5]) = (1, 0);
            }
            // Half of them even check.
            for size in [128, 512] {
                if bytes.len() >= size && next() % 2 == 0 {
                    let check = hash(&bytes[..size - 8]);
                    bytes[size - 8..size].copy_from_slice(&check.to_le_bytes());
                }
            }
            if let Some(record) = Record::read(&bytes) {
                assert!(record.size() >= HEADER);
            }
            let uuid = uuid_at(&bytes, 8);
            let _ = (Seal::read(&bytes), SegmentHeader::read(&bytes), FileHeader::read(&bytes));
            let _ = (Trailer::read(&bytes), Mark::best(&bytes, &uuid), JournalHeader::read(&bytes));
            let _ = (Superblock::best(&bytes, &uuid), crate::wire::Frame::read(&bytes));
        }
    }
}
