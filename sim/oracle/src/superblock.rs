//! Reads superblocks and the headers of apply journals (docs/formats.md).

use crate::bytes::{Link, Position, hash, newer, u16_at, u64_at, uuid_at, whole};
use crate::setup::Verdict;

/// Roles of a superblock that the judge cares for.
pub(crate) const SOURCE: u16 = 1;
pub(crate) const MIRROR: u16 = 2;
pub(crate) const RECOVERING: u16 = 3;
pub(crate) const RECOVERED: u16 = 4;
pub(crate) const DEGRADED: u16 = 5;
pub(crate) const TARGET: u16 = 6;
pub(crate) const DIVERGED: u16 = 7;
pub(crate) const RETIRED: u16 = 8;

/// One state of a mirror at a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Superblock {
    pub role: u16,
    pub uuid: [u8; 16],
    pub counter: u64,
    pub epoch: u64,
    pub boot: u64,
    pub applied_gen: u64,
    pub applied_seq: u64,
    pub tail: Link,
    pub recovered: Position,
    pub verdict: u64,
    pub damaged: (Position, Position),
    /// 1 received, 2 nvram, 3 file.
    pub level: u64,
    /// 0 strict, 1 degrade, 2 semi_sync, 3 async.
    pub policy: u64,
    /// What a source that is alone had freed before.
    pub freed: Position,
    /// Number and check of the map; 0: none.
    pub map: (u64, u64),
    /// The last resync that was sealed; its count and digest while it is not in the image.
    pub session: u64,
    pub sealed: Option<(u64, u64)>,
    /// The image is at no prefix.
    pub void: bool,
    /// Another server is to serve the clients (LR9).
    pub adopted: bool,
}

impl Superblock {
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let b = whole(bytes, b"MSUP", 512)?;
        Some(Superblock {
            role: u16_at(b, 6),
            uuid: uuid_at(b, 8),
            counter: u64_at(b, 24),
            epoch: u64_at(b, 32),
            boot: u64_at(b, 40),
            applied_gen: u64_at(b, 48),
            applied_seq: u64_at(b, 56),
            tail: Link::at(b, 64),
            recovered: Position::at(b, 88),
            verdict: u64_at(b, 104),
            damaged: (Position::at(b, 112), Position::at(b, 128)),
            level: u64_at(b, 144),
            policy: u64_at(b, 256),
            freed: Position::at(b, 288),
            map: (u64_at(b, 264), u64_at(b, 272)),
            session: u64_at(b, 336),
            sealed: (u64_at(b, 344) & 2 == 2).then(|| (u64_at(b, 352), u64_at(b, 360))),
            void: u64_at(b, 344) & 1 == 1,
            adopted: u64_at(b, 344) & 16 == 16,
        })
    }

    /// Whether one of two slots is whole and of a version that nobody here reads.
    pub fn of_another_version(bytes: &[u8]) -> bool {
        let whole = |b: &[u8]| {
            b.len() == 512 && b[..4] == *b"MSUP" && u16_at(b, 4) != 1 && u64_at(b, 504) == hash(&b[..504])
        };
        bytes.chunks(512).take(2).any(whole)
    }

    /// The one of two slots that counts.
    pub fn best(bytes: &[u8], uuid: &[u8; 16]) -> Option<Self> {
        let slot = |at: usize| bytes.get(at..).and_then(Superblock::read).filter(|s| s.uuid == *uuid);
        newer(slot(0), slot(512), |s| s.counter)
    }

    /// Byte of the slot that it stands in; none if it stands in neither.
    pub fn slot_in(&self, bytes: &[u8]) -> Option<u64> {
        [0, 512]
            .into_iter()
            .find(|at| bytes.get(*at..).and_then(Superblock::read) == Some(*self))
            .map(|at| at as u64)
    }

    /// At the destination: it rolls the image forward, or has, or serves the clients with it.
    pub fn recovers(&self) -> bool {
        self.role == RECOVERING || self.is_recovered()
    }

    /// At the destination: a recovery is over.
    pub fn is_recovered(&self) -> bool {
        // A source with a verdict is one to which clients were handed over (LR8).
        matches!(self.role, RECOVERED | DEGRADED) || self.role == SOURCE && self.verdict > 0
    }

    /// The verdict of a recovery that is over.
    pub fn says(&self) -> Option<Verdict> {
        match self.verdict {
            1 => Some(Verdict::Complete),
            2 => Some(Verdict::CompleteUpTo),
            3 => Some(Verdict::Damaged { from: self.damaged.0, to: self.damaged.1 }),
            _ => None,
        }
    }

    /// The cursor, as a finding names it.
    pub fn place(&self) -> Position {
        Position::new(self.applied_gen, self.applied_seq)
    }

    /// The same, to be compared.
    pub fn cursor(&self) -> (u64, u64) {
        (self.applied_gen, self.applied_seq)
    }
}

/// The header of an apply journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct JournalHeader {
    pub uuid: [u8; 16],
    pub applied_gen: u64,
    pub applied_seq: u64,
    pub tail: Link,
    /// It puts good content into a damaged block and leaves the cursor where it is.
    pub repair: bool,
    pub entries: u64,
    pub data: u64,
    pub index_check: u64,
}

impl JournalHeader {
    /// Whether recovery writes it in place again over a superblock with this cursor.
    pub fn counts_over(&self, cursor: (u64, u64)) -> bool {
        let own = (self.applied_gen, self.applied_seq);
        own > cursor || self.repair && own == cursor
    }

    pub fn read(bytes: &[u8]) -> Option<Self> {
        let b = whole(bytes, b"MJNL", 512)?;
        Some(JournalHeader {
            uuid: uuid_at(b, 8),
            applied_gen: u64_at(b, 32),
            applied_seq: u64_at(b, 40),
            tail: Link::at(b, 48),
            repair: u64_at(b, 120) == 1,
            entries: u64_at(b, 72),
            data: u64_at(b, 80),
            index_check: u64_at(b, 88),
        })
    }
}
