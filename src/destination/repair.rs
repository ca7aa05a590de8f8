//! What a boot makes of the log as it was found (DR8). Nothing valid is ever moved or truncated: what is damaged is
//! written again where it stood, from another copy here or from what the source sends again, and what stands behind it
//! stays. A record stands in its file where those before it end, so it is always the same bytes that come back.

use super::Shared;
use super::boot::Boot;
use super::desk::{Desk, Segment};
use super::file::LogFile;
use crate::area::Area;
use crate::chain::ChainEntry;
use crate::effect::Run;
use crate::ids::{Link, Position};
use crate::log_file::FILE_HEADER;
use crate::quirk::{Bend, Quirk};
use crate::record::{Record, extend_digest};
use crate::stage::Stage;
use crate::survey::{FileArea, SegmentArea};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// A part of an NVRAM segment whose records are lost: they fit in there again, whatever else is full.
#[derive(Clone, Copy, Debug)]
struct Hole {
    segment: u64,
    at: u64,
    end: u64,
    /// The record before it, and the last of those that are lost.
    after: Position,
    last: Position,
}

/// What is behind damage in NVRAM, and room for what is lost in between.
#[derive(Debug, Default)]
pub(super) struct Remains {
    /// Records that are still there: link, segment and size.
    records: BTreeMap<Position, (Link, u64, u64)>,
    holes: Vec<Hole>,
    /// The last good record of the segments that were looked at.
    last: Position,
}

impl Remains {
    /// The segment of a record that has a place already, and where it is to be written, if it is not there.
    pub fn place(&mut self, record: &Record) -> Option<(u64, Option<u64>)> {
        let place = self.find(record);
        // They come in order: room is kept for what is still to come.
        self.holes.retain(|h| h.last > record.position);
        self.records = self.records.split_off(&record.position);
        place
    }

    fn find(&mut self, record: &Record) -> Option<(u64, Option<u64>)> {
        let (position, size) = (record.position, record.size());
        if let Some((link, segment, _)) = self.records.get(&position).copied()
            && link == record.link()
        {
            self.records.remove(&position);
            return Some((segment, None));
        }
        let fits = |h: &&mut Hole| h.after < position && position <= h.last && h.end - h.at >= size;
        let hole = self.holes.iter_mut().find(fits)?;
        let at = hole.at;
        hole.at += size;
        hole.after = position;
        Some((hole.segment, Some(at)))
    }

    /// Bytes that the source may send because there is room for these very records.
    pub fn room(&self) -> u64 {
        let records: u64 = self.records.values().map(|(_, _, size)| size).sum();
        records + self.holes.iter().map(|h| h.end - h.at).sum::<u64>()
    }

    /// A segment is given back.
    pub fn forget(&mut self, segment: u64) {
        self.records.retain(|_, (_, s, _)| *s != segment);
        self.holes.retain(|h| h.segment != segment);
    }

    /// Of a segment, what is beyond the end of the log; returns the highest.
    fn note(&mut self, segment: u64, area: &Area, end: Position) -> Option<Position> {
        let mut highest = None;
        let mut hole = Hole { segment, at: area.start, end: 0, after: self.last, last: self.last };
        for (from, to, record) in area.valid() {
            let position = record.position;
            if from > hole.at && record.prev.position > end {
                self.holes.push(Hole { end: from, last: record.prev.position, ..hole });
            }
            (hole.at, hole.after) = (to, position);
            self.last = position;
            if position > end {
                self.records.insert(position, (record.link(), segment, to - from));
                highest = highest.max(Some(position));
            }
        }
        highest
    }
}

impl<Q: Quirk> Desk<Q> {
    /// Files as they go on: stale ones are cleared, torn tails cut off, holes filled from other copies.
    pub fn take_files(
        &mut self,
        shared: &mut Shared,
        boot: &mut Boot<Q>,
        entries: &[ChainEntry],
        damaged: bool,
    ) {
        let size = self.geometry.file_size;
        let mut found: Vec<FileArea> = core::mem::take(&mut boot.survey.files);
        // Of several files of a generation the one with most goes on.
        found.sort_by_key(|f| (f.header.generation, core::cmp::Reverse(f.area.records.len())));
        for file in &found {
            let (generation, place) = (file.header.generation, self.geometry.place(file.place));
            let stale =
                generation <= self.superblock.applied_gen && !self.quirk.bends(Bend::ClearWithoutFlush);
            let taken = self.file(generation).is_some();
            if stale || taken && !damaged || file.area.valid().next().is_none() {
                boot.discards.push((place, size));
            } else if taken {
                self.foreign.push(file.place);
                self.twins.push((generation, file.place));
            } else {
                self.take_file(shared, boot, file, entries, damaged);
            }
        }
        for place in boot.survey.foreign_places.iter().copied() {
            if damaged || self.files.iter().any(|f| f.place == place) {
                self.foreign.push(place);
            } else {
                // The torn header of a file whose records are all elsewhere.
                boot.discards.push((self.geometry.place(place), size));
            }
        }
    }

    fn take_file(
        &mut self,
        shared: &mut Shared,
        boot: &mut Boot<Q>,
        file: &FileArea,
        entries: &[ChainEntry],
        damaged: bool,
    ) {
        let (generation, place) = (file.header.generation, self.geometry.place(file.place));
        let first = entries.partition_point(|e| e.record.position.generation < generation);
        let chain = entries[first..].iter().map(|e| &e.record);
        let chain = chain.take_while(|r| r.position.generation == generation);
        let valid: Vec<(u64, Link)> = file.area.valid().map(|(at, _, r)| (at, r.link())).collect();
        // Records that are to be in the file, up to the last of them that is; and what is missing before it.
        let (mut at, mut end) = (place + FILE_HEADER, place + FILE_HEADER);
        let mut lost: Vec<(u64, &Record)> = Vec::new();
        for record in chain.clone() {
            if valid.binary_search_by_key(&at, |v| v.0).is_ok_and(|i| valid[i].1 == record.link()) {
                end = at + record.size();
            } else {
                lost.push((at, record));
            }
            at += record.size();
        }
        lost.retain(|(at, _)| *at < end);
        let mut kept = LogFile::empty(file.place, generation);
        for record in chain {
            if place + kept.used == end {
                break;
            }
            kept.push(record);
        }
        if let Some((_, record)) = lost.first() {
            let after = Position::new(generation, record.position.sequence - 1);
            let torn = record.position > self.mark.file;
            self.stage(shared, if torn { Stage::TornTail } else { Stage::DamageFound }, after);
            let run = |(at, record): &(u64, &Record)| Run { offset: *at, parts: record.parts() };
            boot.patches.extend(lost.iter().map(run));
            boot.patched = lost.last().filter(|_| !torn).map(|(_, r)| r.position).max(boot.patched);
        }
        let beyond = file.area.valid().any(|(at, _, _)| at >= end);
        let closed = file.trailer.is_some() && end == file.area.end;
        if !(closed || beyond && damaged) && file.area.littered(end) {
            let last = Position::new(generation, kept.checks.len() as u64);
            if self.quirk.bends(Bend::AppendBehindTornTail) && !beyond {
                kept.used += 128;
            } else {
                boot.discards.push((end, place + self.geometry.file_size - end));
            }
            if last >= self.mark.file {
                self.stage(shared, Stage::TornTail, last);
            }
        }
        kept.durable = kept.checks.len() as u64;
        self.files.push(kept);
    }

    /// Segments with records that are not filed go on, closed, without what survived beyond the end of the log; so do
    /// those with something behind damage, as they are. The others are given back.
    pub fn take_segments(&mut self, boot: &mut Boot<Q>, live: &[u64], damaged: bool) {
        self.serial = self.serial.max(boot.survey.last_serial);
        let end = self.tip.position;
        for SegmentArea { segment, serial, area } in &boot.survey.segments {
            let evidence = if damaged { self.remains.note(*segment, area, end) } else { None };
            if !live.contains(segment) && evidence.is_none() {
                self.remains.forget(*segment);
                boot.frees.push((*segment, *serial));
                continue;
            }
            let last = self.entries.iter().rposition(|e| e.segment == *segment);
            self.segments.push_back(Segment {
                number: *segment,
                serial: *serial,
                used: self.geometry.segment_size,
                end: last.map_or(0, |i| i as u64 + 1),
                evidence: evidence.unwrap_or(Position::ZERO),
                closed: true,
            });
            let from = area.end_of(end);
            if !damaged && from < area.limit() {
                boot.erases.push((from, area.limit() - from));
            }
        }
    }
}

impl LogFile {
    /// A file with nothing behind its header.
    pub fn empty(place: u64, generation: u64) -> LogFile {
        LogFile { place, generation, used: FILE_HEADER, checks: Vec::new(), digest: 0, durable: 0 }
    }

    /// One more record.
    pub fn push(&mut self, record: &Record) {
        self.used += record.size();
        self.checks.push(record.check);
        self.digest = extend_digest(self.digest, record.check);
    }
}
