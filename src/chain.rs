//! The longest valid chain in files and NVRAM together (DR7 step 2, DR8): a record in both counts once.

use crate::ids::{Link, Position};
use crate::quirk::{Bend, Quirk};
use crate::record::Record;
use crate::survey::{FileArea, SegmentArea};
use alloc::vec::Vec;

/// A record of the chain and where it was found.
#[derive(Clone, Debug)]
pub struct ChainEntry {
    /// The record.
    pub record: Record,
    /// Index of the file that holds it.
    pub file: Option<usize>,
    /// Index of the segment that holds it.
    pub segment: Option<usize>,
}

/// The chain above a link.
#[derive(Clone, Debug)]
pub struct Chain {
    /// In order.
    pub entries: Vec<ChainEntry>,
    /// Its end E, or where it was to begin if it is empty.
    pub end: Link,
}

impl Chain {
    /// Whether records may stand unseen behind a blank: where the records of a segment end before those of the log, and
    /// no segment goes on there. A lost record of which there is another copy does not end the log.
    pub fn hides(&self, segments: &[SegmentArea]) -> bool {
        let goes_on =
            |link: Link| segments.iter().filter_map(|s| s.area.records.first()).any(|r| r.prev == link);
        let mut ends = segments.iter().map(|s| s.area.records.last().map(Record::link));
        ends.any(|last| last.is_none_or(|link| link != self.end && !goes_on(link)))
    }
}

#[derive(Clone, Copy)]
struct Candidate {
    position: Position,
    nvram: bool,
    area: usize,
    record: usize,
}

/// Follows the `prev` links from `base` on. What is not above it is a zombie of an earlier fill (DR2).
pub fn longest<Q: Quirk>(
    base: Link,
    epoch: u64,
    files: &[FileArea],
    segments: &[SegmentArea],
    recovering: bool,
    quirk: Q,
) -> Chain {
    let resurrect = quirk.bends(Bend::ClearWithoutFlush);
    let mut candidates = Vec::new();
    let areas = files.iter().map(|f| &f.area).enumerate().map(|(i, a)| (false, i, a));
    let nvram = segments.iter().map(|s| &s.area).enumerate().map(|(i, a)| (true, i, a));
    for (nvram, area, a) in areas.chain(nvram) {
        for (i, record) in a.records.iter().chain(&a.beyond).enumerate() {
            let zombie = record.position <= base.position && !resurrect;
            if !zombie && record.epoch <= epoch {
                candidates.push(Candidate { position: record.position, nvram, area, record: i });
            }
        }
    }
    let record = |c: &Candidate| {
        let area = if c.nvram { &segments[c.area].area } else { &files[c.area].area };
        area.records.get(c.record).unwrap_or_else(|| &area.beyond[c.record - area.records.len()])
    };
    if recovering && quirk.bends(Bend::NvramBeforeFiles) {
        candidates.sort_by_key(|c| (!c.nvram, c.position));
        return unlinked(base, &candidates, record);
    }
    candidates.sort_by_key(|c| (c.position, c.nvram));
    let mut entries: Vec<ChainEntry> = Vec::with_capacity(candidates.len());
    let mut end = base;
    if resurrect && let Some(first) = candidates.first() {
        end = record(first).prev;
    }
    for candidate in &candidates {
        let r = record(candidate);
        if r.prev == end && r.position > end.position {
            end = r.link();
            entries.push(ChainEntry { record: r.clone(), file: None, segment: None });
        } else if r.link() != end {
            continue;
        }
        if let Some(last) = entries.last_mut() {
            if candidate.nvram {
                last.segment = Some(candidate.area);
            } else {
                last.file = Some(candidate.area);
            }
        }
    }
    Chain { entries, end }
}

/// A bent order: whatever there is, NVRAM first.
fn unlinked<'a>(base: Link, candidates: &[Candidate], record: impl Fn(&Candidate) -> &'a Record) -> Chain {
    let mut entries: Vec<ChainEntry> = Vec::new();
    for candidate in candidates {
        let r = record(candidate);
        if entries.iter().all(|e| e.record.position != r.position) {
            entries.push(ChainEntry { record: r.clone(), file: None, segment: None });
        }
    }
    let end = entries.iter().map(|e| e.record.link()).max_by_key(|l| l.position);
    Chain { entries, end: end.unwrap_or(base) }
}
