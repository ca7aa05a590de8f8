//! The destination's NVRAM as it is written: segments, their owners and their records.

use crate::bytes::{HEADER, SegmentHeader, u64_at};
use crate::copies::{Held, Segment, insert, intact, next_record};
use crate::destination_log::{DestinationLog, counts_behind};
use crate::finding::Findings;
use crate::log::{NVRAM, NVRAM_STABLE};
use crate::mirror::Mirror;
use crate::oracles::{agreement, fencing, isolation, numbering, nvram, steps};
use crate::setup::{Device, Medium};

impl DestinationLog {
    pub(crate) fn segment_stored(
        &mut self,
        ms: &mut [Mirror],
        number: usize,
        (from, to): (u64, u64),
        by: Option<usize>,
        current: &dyn Medium,
        out: &mut Findings,
    ) {
        let base = number as u64 * self.layout.segment_size;
        if from < HEADER {
            let header = SegmentHeader::read(&current.read(Device::Nvram, base, HEADER));
            let owner = header.filter(|h| h.in_use).and_then(|h| self.layout.by_uuid(&h.uuid));
            let serial = header.map_or(0, |h| h.serial);
            let old = &self.segments[number];
            isolation::segment(old, number, by, out);
            if old.owner != owner || old.serial != serial {
                if let Some(m) = owner {
                    let dirty = self.nvram_dirty.touches(base + HEADER, base + self.layout.segment_size);
                    nvram::segment_lent(&ms[m], number, dirty, self.segments[number].soiled, out);
                }
                let old = core::mem::replace(
                    &mut self.segments[number],
                    Segment { owner, serial, append: HEADER, ..Segment::default() },
                );
                self.count_segments(ms);
                if let Some(m) = old.owner {
                    for held in old.records.iter().filter(|h| !h.lost) {
                        let elsewhere = self.in_segments(m, held.index);
                        steps::segment_freed(&mut ms[m], held.index, elsewhere, out);
                        self.dropped(&mut ms[m], held.index, Device::Nvram);
                    }
                }
            }
        }
        if from <= HEADER && to == self.layout.segment_size {
            self.segments[number].soiled = false;
        }
        if to > HEADER {
            let from = from.max(HEADER);
            isolation::segment(&self.segments[number], number, by, out);
            if from < self.segments[number].append {
                self.segment_overwritten(ms, number, (from, to), current, out);
                self.segment_mended(ms, number, (from, to), current);
            }
            // What is missing is filled up in front of what was kept: a reader goes on behind it.
            let kept = self.segments[number].owner.is_some_and(|m| counts_behind(&ms[m]));
            let end = if kept { self.layout.segment_size } else { to };
            self.read_segment(ms, number, (to, end), current, Some(out));
        }
    }

    /// How many segments each mirror holds.
    pub(crate) fn count_segments(&self, ms: &mut [Mirror]) {
        for m in ms {
            m.wait.holds(self.segments.iter().filter(|s| s.owner == Some(m.number)).count() as u64);
        }
    }

    /// Whether a record stands stable in some segment of a mirror.
    fn in_segments(&self, m: usize, index: u64) -> bool {
        let own = self.segments.iter().filter(|s| s.owner == Some(m));
        own.flat_map(|s| &s.records[..s.settled]).any(|h| h.index == index && !h.lost)
    }

    pub(crate) fn segment_overwritten(
        &mut self,
        ms: &mut [Mirror],
        number: usize,
        (from, to): (u64, u64),
        current: &dyn Medium,
        out: &mut Findings,
    ) {
        let base = number as u64 * self.layout.segment_size;
        let Some(m) = self.segments[number].owner else {
            return;
        };
        let mut i = 0;
        while i < self.segments[number].records.len() {
            let held = self.segments[number].records[i];
            if held.offset >= to
                || held.offset + held.size <= from
                || intact(&ms[m], &held, Device::Nvram, base, current)
            {
                i += 1;
                continue;
            }
            let segment = &mut self.segments[number];
            // Of what was lost already only the room is taken; what stands behind it still does.
            let end = if held.lost { i + 1 } else { segment.records.len() };
            let gone: Vec<Held> = segment.records.drain(i..end).collect();
            segment.append = segment.append.min(held.offset);
            segment.used = segment.used.min(held.offset);
            segment.settled = segment.settled.min(i);
            for held in gone.iter().filter(|h| !h.lost) {
                nvram::destination_overwritten(&ms[m], held.index, out);
                self.dropped(&mut ms[m], held.index, Device::Nvram);
            }
        }
    }

    /// A record that the rig had damaged was written again where it stood.
    fn segment_mended(
        &mut self,
        ms: &mut [Mirror],
        number: usize,
        (from, to): (u64, u64),
        current: &dyn Medium,
    ) {
        let base = number as u64 * self.layout.segment_size;
        let segment = &mut self.segments[number];
        let Some(owner) = segment.owner else { return };
        for i in 0..segment.records.len() {
            let held = segment.records[i];
            let hit = held.lost && held.offset < to && held.offset + held.size > from;
            if hit && intact(&ms[owner], &held, Device::Nvram, base, current) {
                segment.records[i].lost = false;
                segment.settled = segment.settled.min(i);
                ms[owner].add_copies(held.index, NVRAM);
            }
        }
    }

    /// Reads on where the segment's known records end, up to `end`. `out` is `None` at a rescan: what is there may be anything.
    /// So may what starts behind `to`, which was not written now: a segment that was lent before holds what others left in it.
    pub(crate) fn read_segment(
        &mut self,
        ms: &mut [Mirror],
        number: usize,
        (to, end): (u64, u64),
        current: &dyn Medium,
        mut out: Option<&mut Findings>,
    ) {
        let size = self.layout.segment_size;
        let base = number as u64 * size;
        let Some(owner) = self.segments[number].owner else {
            return;
        };
        loop {
            let segment = &mut self.segments[number];
            let append = segment.append;
            if append <= to {
                segment.used = append;
            }
            if append >= end {
                return;
            }
            // It stood there before what is missing in front of it was written again.
            if let Ok(i) = segment.records.binary_search_by_key(&append, |h| h.offset) {
                segment.append += segment.records[i].size;
                continue;
            }
            let Some((record, held)) = next_record(&ms[owner], Device::Nvram, base, append, size, current)
            else {
                return;
            };
            let m = &mut ms[owner];
            let found = append >= to;
            if found && m.model.entry(held.index).is_none() {
                return;
            }
            if let Some(out) = out.as_deref_mut().filter(|_| !found) {
                isolation::record(m, &record, "NVRAM", out);
                agreement::accepted(m, &record, held.index, out);
                numbering::accepted(m, &record, held.index, out);
                fencing::accepted(m, &record, out);
            }
            if m.model.entry(held.index).is_some_and(|e| e.copies & NVRAM != 0) {
                m.copy.doubled = true;
            }
            m.add_copies(held.index, NVRAM);
            let segment = &mut self.segments[number];
            insert(&mut segment.records, &mut segment.settled, held);
            segment.append += held.size;
        }
    }

    pub(crate) fn settle_segment(&mut self, ms: &mut [Mirror], number: usize, stable: &dyn Medium) {
        let base = number as u64 * self.layout.segment_size;
        let segment = &mut self.segments[number];
        let Some(owner) = segment.owner else { return };
        if self.nvram_dirty.touches(base, base + HEADER) {
            return;
        }
        while let Some(held) = segment.records.get(segment.settled) {
            let at = base + held.offset;
            let there = !self.nvram_dirty.touches(at, at + held.size)
                && (held.lost || u64_at(&stable.read(Device::Nvram, at, HEADER), 120) == held.check);
            if !there {
                return;
            }
            segment.settled += 1;
            if !held.lost {
                ms[owner].add_copies(held.index, NVRAM_STABLE);
            }
        }
    }
}
