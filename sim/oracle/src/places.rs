//! The destination's log files as they are written: places, the files in them and their records.

use crate::bytes::{FileHeader, HEADER, Trailer, u64_at};
use crate::copies::{Held, Place, expected, insert, intact, next_record};
use crate::destination_log::DestinationLog;
use crate::finding::Findings;
use crate::log::{FILE, FILE_STABLE};
use crate::mirror::Mirror;
use crate::oracles::{agreement, apply, isolation, numbering, steps};
use crate::setup::{Device, Medium};

impl DestinationLog {
    pub(crate) fn place_stored(
        &mut self,
        ms: &mut [Mirror],
        number: usize,
        (from, to): (u64, u64),
        current: &dyn Medium,
        out: &mut Findings,
    ) {
        let base = number as u64 * self.layout.file_size;
        let mirror = self.mirror_of(number);
        if self.places[number].strange && !self.known_again(&mut ms[mirror], number, (from, to), current) {
            return;
        }
        if from < HEADER {
            let header = FileHeader::read(&current.read(Device::Log, base, HEADER));
            let (generation, incarnation) = header.map_or((0, 0), |h| (h.generation, h.incarnation));
            let old = &self.places[number];
            if (old.generation, old.incarnation) != (generation, incarnation) {
                let stable = old.stable;
                let new = Place { generation, incarnation, append: HEADER, stable, ..Place::default() };
                let old = core::mem::replace(&mut self.places[number], new);
                self.file_gone(&mut ms[mirror], &old.records, out);
                if let Some(header) = header {
                    isolation::file(&ms[mirror], &header, out);
                    numbering::file_opened(
                        &ms[mirror],
                        self.places_of(mirror),
                        &header,
                        self.layout.files,
                        out,
                    );
                }
            }
        }
        if to > HEADER && self.places[number].generation > 0 {
            let from = from.max(HEADER);
            if from < self.places[number].append {
                self.file_overwritten(ms, number, (from, to), current, out);
                self.file_mended(ms, number, (from, to), current, out);
            }
            self.read_place(ms, number, to, current, Some(out));
        }
    }

    /// A write to a place that the rig has changed. Where it makes a header, or goes on with what really is there, its
    /// machine knows the place; else its records are lost as they come, and nobody can know.
    fn known_again(
        &mut self,
        m: &mut Mirror,
        number: usize,
        (from, to): (u64, u64),
        current: &dyn Medium,
    ) -> bool {
        let size = self.layout.file_size;
        let base = number as u64 * size;
        let header = FileHeader::read(&current.read(Device::Log, base, HEADER));
        let header = header.filter(|h| h.uuid == m.model.uuid);
        let next = |at: u64| next_record(m, Device::Log, base, at, size, current).map(|(_, held)| held);
        if from < HEADER {
            self.places[number] = Place { append: HEADER, ..Place::default() };
            return true;
        }
        let mut at = HEADER;
        while let (Some(held), true) = (next(at), at < to) {
            at += held.size;
        }
        if let Some(header) = header.filter(|_| at >= to) {
            let (generation, incarnation) = (header.generation, header.incarnation);
            self.places[number] = Place { generation, incarnation, append: HEADER, ..Place::default() };
            return true;
        }
        // A write may begin in the middle of a record, where a short one ended.
        let append = self.places[number].append;
        let mut lost = Vec::new();
        for start in [append, from] {
            let mut at = start;
            while let (Some(held), true) = (next(at), at < to) {
                lost.push(held.index);
                at += held.size;
            }
            if start == append {
                self.places[number].append = at;
            }
        }
        let whole = m.whole();
        m.copy.rotten.extend(lost.into_iter().filter(|index| *index > whole));
        false
    }

    pub(crate) fn file_overwritten(
        &mut self,
        ms: &mut [Mirror],
        number: usize,
        (from, to): (u64, u64),
        current: &dyn Medium,
        out: &mut Findings,
    ) {
        let base = number as u64 * self.layout.file_size;
        let m = self.mirror_of(number);
        let mut i = 0;
        while i < self.places[number].records.len() {
            let held = self.places[number].records[i];
            if held.offset >= to
                || held.offset + held.size <= from
                || intact(&ms[m], &held, Device::Log, base, current)
            {
                i += 1;
                continue;
            }
            let place = &mut self.places[number];
            // Of what was lost already only the room is taken; what stands behind it still does.
            let end = if held.lost { i + 1 } else { place.records.len() };
            let gone: Vec<Held> = place.records.drain(i..end).collect();
            place.append = place.append.min(held.offset);
            place.settled = place.settled.min(i);
            self.file_gone(&mut ms[m], &gone, out);
        }
    }

    /// A record that the rig had damaged was written again where it stood.
    fn file_mended(
        &mut self,
        ms: &mut [Mirror],
        number: usize,
        (from, to): (u64, u64),
        current: &dyn Medium,
        out: &mut Findings,
    ) {
        let (base, level) = (number as u64 * self.layout.file_size, self.level);
        let m = &mut ms[self.mirror_of(number)];
        let place = &mut self.places[number];
        for i in 0..place.records.len() {
            let held = place.records[i];
            let hit = held.lost && held.offset < to && held.offset + held.size > from;
            let Some((record, now)) = hit
                .then(|| next_record(m, Device::Log, base, held.offset, self.layout.file_size, current))
                .flatten()
            else {
                continue;
            };
            if now.check != held.check {
                continue;
            }
            numbering::appended(m, &record, place.generation, expected(&place.records, i), out);
            steps::appended(m, held.index, level, out);
            place.records[i].lost = false;
            place.settled = place.settled.min(i);
            m.add_copies(held.index, FILE);
        }
    }

    pub(crate) fn file_gone(&self, m: &mut Mirror, records: &[Held], out: &mut Findings) {
        for held in records.iter().filter(|h| !h.lost) {
            let elsewhere = self
                .places_of(m.number)
                .iter()
                .any(|p| p.records[..p.settled].iter().any(|h| h.index == held.index));
            steps::file_cleared(m, held.index, elsewhere, out);
            self.dropped(m, held.index, Device::Log);
        }
    }

    pub(crate) fn read_place(
        &mut self,
        ms: &mut [Mirror],
        number: usize,
        to: u64,
        current: &dyn Medium,
        mut out: Option<&mut Findings>,
    ) {
        let size = self.layout.file_size;
        let base = number as u64 * size;
        let m = &mut ms[self.mirror_of(number)];
        let level = self.level;
        loop {
            let place = &mut self.places[number];
            if place.append >= to {
                break;
            }
            // It stood there before what is missing in front of it was written again.
            if let Ok(i) = place.records.binary_search_by_key(&place.append, |h| h.offset) {
                place.append += place.records[i].size;
                continue;
            }
            let Some((record, held)) = next_record(m, Device::Log, base, place.append, size, current) else {
                break;
            };
            let expected = insert(&mut place.records, &mut place.settled, held);
            if let Some(out) = out.as_deref_mut() {
                isolation::record(m, &record, "file", out);
                agreement::accepted(m, &record, held.index, out);
                numbering::appended(m, &record, place.generation, expected, out);
                steps::appended(m, held.index, level, out);
            }
            if m.model.entry(held.index).is_some_and(|e| e.copies & FILE != 0) {
                m.copy.doubled = true;
            }
            m.add_copies(held.index, FILE);
            place.append += held.size;
        }
        let append = self.places[number].append;
        if let Some(out) = out
            && append < to
            && append + HEADER <= size
            && let Some(trailer) = Trailer::read(&current.read(Device::Log, base + append, HEADER))
        {
            let count = self.places[number].records.partition_point(|h| h.offset < append);
            apply::trailer(m, &trailer, count as u64, out);
        }
    }

    /// Whether a file of a generation ends with its trailer, durably; also if it has no file.
    pub(crate) fn trailed(&self, mirror: usize, generation: u64, stable: &dyn Medium) -> bool {
        let (first, _) = self.layout.places(mirror);
        let own = (first..).zip(self.places_of(mirror)).filter(|(_, p)| p.generation == generation);
        let ends = |(number, place): (u64, &Place)| {
            let at = number * self.layout.file_size + place.append;
            Trailer::read(&stable.read(Device::Log, at, HEADER)).is_some_and(|t| t.generation == generation)
        };
        let excused = self.places_of(mirror).iter().any(|p| p.strange || p.touched);
        own.clone().next().is_none() || own.clone().any(ends) || excused
    }

    pub(crate) fn settle_place(&mut self, ms: &mut [Mirror], number: usize, stable: &dyn Medium) {
        let base = number as u64 * self.layout.file_size;
        let mirror = self.mirror_of(number);
        let place = &mut self.places[number];
        if self.log_dirty.touches(base, base + HEADER) {
            return;
        }
        place.stable = if place.strange { 0 } else { place.generation };
        while let Some(held) = place.records.get(place.settled) {
            let at = base + held.offset;
            let there = !self.log_dirty.touches(at, at + held.size)
                && (held.lost || u64_at(&stable.read(Device::Log, at, HEADER), 120) == held.check);
            if !there {
                return;
            }
            place.settled += 1;
            if !held.lost {
                ms[mirror].add_copies(held.index, FILE_STABLE);
            }
        }
    }
}
