//! The apply journal: the after-images of one batch and the cursor that they lead to (DR6, docs/formats.md).

use crate::codec::{check, get_u64, put_check, put_start, put_u64, uuid, valid};
use crate::effect::{Ranges, Run};
use crate::geometry::SECTOR;
use crate::ids::{Link, MirrorId};
use crate::quirk::{Bend, Quirk};
use crate::superblock::Superblock;
use alloc::vec;
use alloc::vec::Vec;
use bytes::Bytes;
use smallvec::SmallVec;

const ENTRY: u64 = 24;

/// Encodes a batch whose in-place writes are `runs` and which leads to `after`, as one run at byte `at`. A `repair` puts
/// good content into a damaged block and leaves the cursor where it is.
pub fn encode(mirror: MirrorId, at: u64, after: &Superblock, repair: bool, runs: &[Run]) -> Run {
    let index_size = runs.len() * ENTRY as usize;
    let head_size = SECTOR as usize + index_size.next_multiple_of(SECTOR as usize);
    let mut head = vec![0; head_size];
    let mut data_length = 0;
    for (i, run) in runs.iter().enumerate() {
        let entry = SECTOR as usize + i * ENTRY as usize;
        let bytes = &run.parts[0];
        put_u64(&mut head, entry, run.offset);
        put_u64(&mut head, entry + 8, bytes.len() as u64);
        put_u64(&mut head, entry + 16, check(bytes));
        data_length += bytes.len() as u64;
    }
    let index_check = check(&head[SECTOR as usize..SECTOR as usize + index_size]);
    let header = &mut head[..SECTOR as usize];
    put_start(header, b"MJNL", &mirror.0);
    put_u64(header, 24, after.epoch);
    put_u64(header, 32, after.applied_gen);
    put_u64(header, 40, after.applied_seq);
    after.tail.put(header, 48);
    put_u64(header, 72, runs.len() as u64);
    put_u64(header, 80, data_length);
    put_u64(header, 88, index_check);
    after.base.put(header, 96);
    put_u64(header, 120, repair as u64);
    put_check(header);
    let mut parts = SmallVec::with_capacity(runs.len() + 1);
    parts.push(Bytes::from(head));
    parts.extend(runs.iter().map(|r| r.parts[0].clone()));
    Run { offset: at, parts }
}

/// A valid header.
#[derive(Clone, Copy, Debug)]
pub struct JournalHeader {
    /// Cursor and tail that the batch leads to.
    pub applied_gen: u64,
    /// See `applied_gen`.
    pub applied_seq: u64,
    /// See `applied_gen`.
    pub tail: Link,
    /// See `applied_gen`: the superblock before may be older than the batch before.
    pub base: Link,
    repair: bool,
    entries: u64,
    index_check: u64,
}

impl JournalHeader {
    /// `None` if it is not a valid header of this mirror that fits into the journal.
    pub fn decode(mirror: MirrorId, journal_size: u64, b: &[u8]) -> Option<JournalHeader> {
        if !valid(b, SECTOR as usize, b"MJNL") || uuid(b, 8) != mirror.0 {
            return None;
        }
        let entries = get_u64(b, 72);
        let index = entries.checked_mul(ENTRY)?;
        let room = journal_size.checked_sub(SECTOR)?.checked_sub(index)?;
        (get_u64(b, 80) <= room).then(|| JournalHeader {
            applied_gen: get_u64(b, 32),
            applied_seq: get_u64(b, 40),
            tail: Link::get(b, 48),
            base: Link::get(b, 96),
            repair: get_u64(b, 120) == 1,
            entries,
            index_check: get_u64(b, 88),
        })
    }

    /// Whether it is to be written in place again: it leads further than the superblock, or it is a repair as of the
    /// superblock's cursor, of which nobody can know whether it came to its end.
    pub fn counts_over<Q: Quirk>(&self, superblock: &Superblock, quirk: Q) -> bool {
        let cursor = (self.applied_gen, self.applied_seq);
        let repair = self.repair && !quirk.bends(Bend::ForgetRepair);
        cursor > superblock.cursor() || repair && cursor == superblock.cursor()
    }

    /// Where the index stands, from the start of the journal: (offset, length).
    pub fn index(&self) -> (u64, u64) {
        (SECTOR, self.entries * ENTRY)
    }
}

/// The in-place writes of a journal, to be checked against its data.
#[derive(Clone, Debug)]
pub struct JournalIndex {
    entries: Vec<(u64, u64, u64)>,
    data: u64,
}

impl JournalIndex {
    /// `None` if the index does not check or an entry's data would lie outside the journal.
    pub fn decode(header: &JournalHeader, journal_size: u64, index: &[u8]) -> Option<JournalIndex> {
        if check(index) != header.index_check {
            return None;
        }
        let data = SECTOR + (index.len() as u64).next_multiple_of(SECTOR);
        let mut entries = Vec::with_capacity(header.entries as usize);
        let mut end = data;
        for entry in index.chunks_exact(ENTRY as usize) {
            let length = get_u64(entry, 8);
            end = end.checked_add(length)?;
            entries.push((get_u64(entry, 0), length, get_u64(entry, 16)));
        }
        (end <= journal_size).then_some(JournalIndex { entries, data })
    }

    /// Where the data stands, for a journal at byte `at`.
    pub fn ranges(&self, at: u64) -> Ranges {
        let mut ranges = Ranges::new();
        let mut offset = at + self.data;
        for (_, length, _) in &self.entries {
            ranges.push((offset, *length));
            offset += length;
        }
        ranges
    }

    /// The writes, if all data checks.
    pub fn runs(&self, data: Vec<Bytes>) -> Option<Vec<Run>> {
        self.entries
            .iter()
            .zip(data)
            .map(|((offset, _, expected), bytes)| {
                (check(&bytes) == *expected).then(|| Run::one(*offset, bytes))
            })
            .collect()
    }
}
