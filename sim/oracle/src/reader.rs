//! The judge's own recovery over any durable state of the destination: what DR7 and DR8 say must be reached. Written
//! for clarity, from nothing but the bytes; it knows neither the model nor what happened before, but for a list of blocks
//! that are worth a look.

use crate::bytes::{
    ADD, FileHeader, HEADER, Link, Mark, Position, Record, SegmentHeader, Trailer, all_zero, hash, u32_at,
    u64_at,
};
use crate::hashes::Hashes;
use crate::journal::Journal;
use crate::layout::{BlockAt, Layout, Region};
use crate::oracles::prefix::detectable;
use crate::resync_file;
use crate::setup::{Device, Medium, RecoveredTo, Verdict};
use crate::superblock::{JournalHeader, Superblock};
use std::collections::{BTreeMap, BTreeSet};

/// What the bytes of one mirror say.
#[derive(Debug, Default)]
struct Found {
    records: Vec<Record>,
    /// Successor by predecessor: an index of `records`.
    next: Vec<(Link, usize)>,
    /// The greatest position that something in a file, or the mark, proves to have existed.
    proved: Position,
}

/// Of a journal: byte on the disk -> length, and where its data stands in the journal.
type Entries = BTreeMap<u64, (u64, u64)>;

/// The state as it is once a valid newer journal was written in place again.
struct Redone<'a> {
    medium: &'a dyn Medium,
    entries: Entries,
}

impl Medium for Redone<'_> {
    fn read(&self, device: Device, offset: u64, length: u64) -> bytes::Bytes {
        let entry = self.entries.range(..=offset).next_back();
        match entry.filter(|(target, (size, _))| offset + length <= **target + size) {
            Some((target, (_, at))) if device == Device::Image => {
                self.medium.read(device, at + (offset - target), length)
            }
            _ => self.medium.read(device, offset, length),
        }
    }
}

/// Whether a record can be applied: of a block that it changes in part the old content must be readable. What it
/// overwrites as a whole is readable afterwards.
fn appliable(region: &Region, r: &Record, suspects: &mut BTreeSet<BlockAt>, state: &dyn Medium) -> bool {
    let block = region.block;
    let inside = (r.volume as usize) < region.volumes.len() && r.length > 0;
    if suspects.is_empty() || !inside {
        return true;
    }
    let reply = (r.volume, region.reply_block(r.volume, r.client, r.slot));
    let end = r.offset + r.length;
    let unreadable = |at: &BlockAt| suspects.contains(at) && detectable(&r.uuid, region, state, *at);
    let touched = (r.offset / block..=(end - 1) / block).map(|b| (r.volume, b));
    let whole = |at: &BlockAt| r.operation != ADD && r.offset <= at.1 * block && end >= (at.1 + 1) * block;
    let mut parts = touched.clone().filter(|at| !whole(at));
    if unreadable(&reply) || parts.any(|at| unreadable(&at)) {
        return false;
    }
    touched.filter(whole).for_each(|at| {
        suspects.remove(&at);
    });
    true
}

/// What the right recovery reaches from this state. `suspects`: blocks of the image that may be damaged.
pub(crate) fn recover(
    layout: &Layout,
    mirror: usize,
    medium: &dyn Medium,
    suspects: &BTreeSet<BlockAt>,
    hashes: &mut Hashes,
) -> RecoveredTo {
    let at = &layout.mirrors[mirror];
    let slots = medium.read(Device::Image, at.image.base, 1024);
    let superblock = Superblock::best(&slots, &at.uuid).unwrap_or_default();
    if let Some(verdict) = superblock.says().filter(|_| superblock.is_recovered()) {
        return RecoveredTo { position: superblock.recovered, verdict };
    }
    let mut tail = superblock.tail;
    let marks = medium.read(Device::Mark, at.mark, 256);
    let mark = Mark::best(&marks, &at.uuid);
    let roll = superblock.sealed.map(|sealed| resync_file::read(at, superblock.session, sealed, medium));
    if superblock.void || roll == Some(None) {
        // The image is at no prefix, and nothing here makes it one.
        let to = mark.map_or(tail.position, |m| m.nvram.max(tail.position));
        return RecoveredTo {
            position: Position::default(),
            verdict: Verdict::Damaged { from: Position::default(), to },
        };
    }
    let mut state = Redone { medium, entries: BTreeMap::new() };
    if let Some((header, entries)) = journal(&at.image, &at.uuid, medium)
        && header.counts_over(superblock.cursor())
    {
        tail = header.tail;
        state.entries = entries;
    }
    let mut found =
        Found { records: Vec::with_capacity(64), next: Vec::with_capacity(64), ..Found::default() };
    if let Some(mark) = &mark {
        found.proved = mark.nvram.max(mark.file);
    }
    found.files(layout, mirror, medium, hashes);
    found.segments(layout, mirror, medium, hashes);
    found.sort();
    let mut suspects = suspects.clone();
    let rolled = roll.flatten().unwrap_or_default();
    suspects.retain(|block| !rolled.contains_key(block));
    while let Some(next) = found.after(tail) {
        if !appliable(&at.image, next, &mut suspects, &state) {
            found.proved = found.proved.max(found.end(tail));
            break;
        }
        tail = next.link();
    }
    let position = tail.position;
    let verdict = if found.proved > position {
        Verdict::Damaged { from: position, to: found.proved }
    } else if mark.is_none() || superblock.level == 1 || superblock.policy > 0 {
        // Without the mark, or with answers that it never covered, nobody can say that nothing is missing.
        Verdict::CompleteUpTo
    } else {
        Verdict::Complete
    };
    RecoveredTo { position, verdict }
}

/// Header and entries of a valid journal.
fn journal(region: &Region, uuid: &[u8; 16], medium: &dyn Medium) -> Option<(JournalHeader, Entries)> {
    let (header, index) = Journal::index(region, medium)?;
    let mut at = region.journal + (512 + 24 * header.entries).next_multiple_of(512);
    let end = region.journal + region.journal_size;
    let mut entries = BTreeMap::new();
    for entry in index.chunks_exact(24) {
        let (length, check) = (u64_at(entry, 8), u64_at(entry, 16));
        if length > end.saturating_sub(at) || hash(&medium.read(Device::Image, at, length)) != check {
            return None;
        }
        entries.insert(u64_at(entry, 0), (length, at));
        at += length;
    }
    (header.uuid == *uuid).then_some((header, entries))
}

impl Found {
    /// Where the chain from a link on ends.
    fn end(&self, from: Link) -> Position {
        let mut tail = from;
        while let Some(next) = self.after(tail) {
            tail = next.link();
        }
        tail.position
    }

    fn files(&mut self, layout: &Layout, mirror: usize, medium: &dyn Medium, hashes: &mut Hashes) {
        let uuid = &layout.mirrors[mirror].uuid;
        let (first, count) = layout.places(mirror);
        for place in first..first + count {
            let header = FileHeader::read(&medium.read(Device::Log, place * layout.file_size, HEADER));
            let Some(header) = header.filter(|h| h.uuid == *uuid) else {
                continue;
            };
            self.proved = self.proved.max(header.prev.position);
            let area = (place * layout.file_size, layout.file_size);
            self.run(uuid, Device::Log, area, Some(header.generation), medium, hashes);
        }
    }

    fn segments(&mut self, layout: &Layout, mirror: usize, medium: &dyn Medium, hashes: &mut Hashes) {
        let uuid = &layout.mirrors[mirror].uuid;
        for segment in 0..layout.segments {
            let base = segment * layout.segment_size;
            let header = SegmentHeader::read(&medium.read(Device::Nvram, base, HEADER));
            if header.is_some_and(|h| h.in_use && h.uuid == *uuid) {
                self.run(uuid, Device::Nvram, (base, layout.segment_size), None, medium, hashes);
            }
        }
    }

    /// Records back to back in a file or segment; behind what does not check, whatever checks again. A file has records of
    /// its own generation only: another one is there by mistake.
    fn run(
        &mut self,
        uuid: &[u8; 16],
        device: Device,
        (base, size): (u64, u64),
        generation: Option<u64>,
        medium: &dyn Medium,
        hashes: &mut Hashes,
    ) {
        let belongs = |r: &Record| generation.is_none_or(|g| g == r.position.generation);
        let mut at = HEADER;
        while let Some(r) = record_at(uuid, medium, device, (base, at, size), hashes).filter(|r| belongs(r)) {
            self.note(&r, device);
            at += r.size();
        }
        let rest = medium.read(device, base + at.min(size), size.saturating_sub(at));
        if all_zero(&rest) {
            return;
        }
        let (record_magic, trailer_magic) = (u32_at(b"MREC", 0), u32_at(b"MTRL", 0));
        for (i, word) in rest.chunks_exact(8).enumerate() {
            let magic = u32_at(word, 0);
            if magic == trailer_magic && device == Device::Log {
                if let Some(t) = Trailer::read(&rest[i * 8..]).filter(|t| t.uuid == *uuid) {
                    self.proved = self.proved.max(Position::new(t.generation, t.count));
                }
            } else if magic == record_magic
                && let Some(r) = record(uuid, &rest[i * 8..]).filter(|r| belongs(r))
            {
                self.note(&r, device);
            }
        }
    }

    fn note(&mut self, r: &Record, device: Device) {
        self.next.push((r.prev, self.records.len()));
        self.records.push(*r);
        if device == Device::Log {
            self.proved = self.proved.max(r.position);
        }
    }

    /// Everything is found: successors can be looked up.
    fn sort(&mut self) {
        self.next.sort_by_key(|(prev, _)| *prev);
    }

    /// The successor of a record. Of two the one that was found last counts.
    fn after(&self, tail: Link) -> Option<&Record> {
        let last = self.next.partition_point(|(prev, _)| *prev <= tail).checked_sub(1)?;
        let (prev, record) = self.next[last];
        (prev == tail).then(|| &self.records[record])
    }
}

/// The record at byte `at` of a file or segment of `size` bytes at `base`: header and payload are read apart, since that
/// is how they were written.
fn record_at(
    uuid: &[u8; 16],
    medium: &dyn Medium,
    device: Device,
    (base, at, size): (u64, u64, u64),
    hashes: &mut Hashes,
) -> Option<Record> {
    let room = size.checked_sub(at)?.checked_sub(HEADER)?;
    let r = Record::read(&medium.read(device, base + at, HEADER))?;
    if r.size() > HEADER + room {
        return None;
    }
    let payload = medium.read(device, base + at + HEADER, u64::from(r.payload));
    (follows(uuid, &r) && hashes.of(&payload) == r.payload_check).then_some(r)
}

/// The record at the start of `bytes`, which reach to the end of its file or segment.
fn record(uuid: &[u8; 16], bytes: &[u8]) -> Option<Record> {
    let r = Record::read(bytes)?;
    let payload = bytes.get(..r.size() as usize)?.get(HEADER as usize..)?;
    let payload = payload.get(..r.payload as usize)?;
    (follows(uuid, &r) && hash(payload) == r.payload_check).then_some(r)
}

/// Whether a record is of this mirror, and its predecessor can be one.
fn follows(uuid: &[u8; 16], r: &Record) -> bool {
    let (from, to) = (r.prev.position, r.position);
    let follows = to == Position::new(from.generation, from.sequence.wrapping_add(1))
        || to.sequence == 1 && to.generation > from.generation;
    follows && r.uuid == *uuid
}
