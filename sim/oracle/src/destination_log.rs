//! Reads the destination's NVRAM and log files as they are written: which records stand where, and what of it is stable.

use crate::bytes::{FileHeader, HEADER, SegmentHeader};
use crate::copies::{Held, Place, Segment, intact, magic_places, next_record};
use crate::finding::Findings;
use crate::layout::Layout;
use crate::log::{FILE, FILE_STABLE, NVRAM, NVRAM_STABLE};
use crate::mirror::Mirror;
use crate::oracles::isolation;
use crate::ranges::Ranges;
use crate::setup::{Device, Level, Medium};

/// The picture of both devices.
#[derive(Debug)]
pub(crate) struct DestinationLog {
    pub layout: Layout,
    pub level: Level,
    pub segments: Vec<Segment>,
    pub places: Vec<Place>,
    pub nvram_dirty: Ranges,
    pub log_dirty: Ranges,
}

impl DestinationLog {
    pub fn new(layout: Layout, level: Level) -> Self {
        let segments = vec![Segment { append: HEADER, ..Segment::default() }; layout.segments as usize];
        let places = layout.mirrors.len() * (layout.files as usize + 1);
        let places = vec![Place { append: HEADER, ..Place::default() }; places];
        DestinationLog {
            layout,
            level,
            segments,
            places,
            nvram_dirty: Ranges::default(),
            log_dirty: Ranges::default(),
        }
    }

    pub fn mirror_of(&self, place: usize) -> usize {
        place / (self.layout.files as usize + 1)
    }

    /// The places of a mirror.
    pub fn places_of(&self, mirror: usize) -> &[Place] {
        let (first, count) = self.layout.places(mirror);
        &self.places[first as usize..(first + count) as usize]
    }

    /// A write or discard on either device was issued.
    pub fn stored(
        &mut self,
        ms: &mut [Mirror],
        device: Device,
        (offset, length): (u64, u64),
        by: Option<usize>,
        current: &dyn Medium,
        out: &mut Findings,
    ) {
        let end = offset + length;
        let nvram = device == Device::Nvram;
        let dirty = if nvram { &mut self.nvram_dirty } else { &mut self.log_dirty };
        dirty.insert(offset, end);
        let (size, count) = self.units(device);
        for unit in offset / size..end.div_ceil(size).min(count) {
            let base = unit * size;
            let (from, to) = (offset.max(base) - base, end.min(base + size) - base);
            if nvram {
                self.segment_stored(ms, unit as usize, (from, to), by, current, out);
            } else {
                isolation::place(self.mirror_of(unit as usize), by, unit, out);
                self.place_stored(ms, unit as usize, (from, to), current, out);
            }
        }
    }

    fn units(&self, device: Device) -> (u64, u64) {
        match device {
            Device::Nvram => (self.layout.segment_size, self.segments.len() as u64),
            _ => (self.layout.file_size, self.places.len() as u64),
        }
    }

    /// A copy is gone; the bits go with the last one.
    pub fn dropped(&self, m: &mut Mirror, index: u64, device: Device) {
        if index == 0 {
            return;
        }
        let mut left = 0;
        if m.copy.doubled {
            let here = |records: &[Held], settled: usize, written: u8, stable: u8| {
                let at = records.iter().position(|h| h.index == index && !h.lost);
                at.map_or(0, |i| if i < settled { written | stable } else { written })
            };
            left = match device {
                Device::Nvram => self
                    .segments
                    .iter()
                    .filter(|s| s.owner == Some(m.number))
                    .fold(0, |l, s| l | here(&s.records, s.settled, NVRAM, NVRAM_STABLE)),
                _ => self
                    .places_of(m.number)
                    .iter()
                    .fold(0, |l, p| l | here(&p.records, p.settled, FILE, FILE_STABLE)),
            };
        }
        let all = if device == Device::Nvram { NVRAM | NVRAM_STABLE } else { FILE | FILE_STABLE };
        m.drop_copies(index, all & !left);
    }

    /// Ranges of either device became stable.
    pub fn flushed(&mut self, ms: &mut [Mirror], device: Device, ranges: &[(u64, u64)], stable: &dyn Medium) {
        let (size, count) = self.units(device);
        for &(offset, length) in ranges {
            let dirty = if device == Device::Nvram { &mut self.nvram_dirty } else { &mut self.log_dirty };
            dirty.remove(offset, offset + length);
        }
        let mut last = None;
        for &(offset, length) in ranges {
            for unit in offset / size..(offset + length).div_ceil(size).min(count) {
                if last.replace(unit) == Some(unit) {
                    continue;
                }
                if device == Device::Nvram {
                    self.settle_segment(ms, unit as usize, stable);
                } else {
                    self.settle_place(ms, unit as usize, stable);
                }
            }
        }
    }

    /// After a power cut, or NVRAM loss: everything is read anew; all of it is stable.
    pub fn rescan(&mut self, ms: &mut [Mirror], medium: &dyn Medium) {
        self.nvram_dirty.clear();
        self.log_dirty.clear();
        ms.iter_mut().for_each(Mirror::forget_copies);
        for number in 0..self.segments.len() {
            let base = number as u64 * self.layout.segment_size;
            let header = SegmentHeader::read(&medium.read(Device::Nvram, base, HEADER));
            let owner = header.filter(|h| h.in_use).and_then(|h| self.layout.by_uuid(&h.uuid));
            let serial = header.map_or(0, |h| h.serial);
            let body = self.layout.segment_size - HEADER;
            let blank = || medium.read(Device::Nvram, base + HEADER, body).iter().all(|b| *b == 0);
            let soiled = owner.is_none() && !blank();
            self.segments[number] = Segment { owner, serial, append: HEADER, soiled, ..Segment::default() };
            let size = self.layout.segment_size;
            self.read_segment(ms, number, (size, size), medium, None);
            if let Some(owner) = owner {
                self.scan_on(&mut ms[owner], number, Device::Nvram, medium);
            }
            self.settle_segment(ms, number, medium);
        }
        self.count_segments(ms);
        for number in 0..self.places.len() {
            let base = number as u64 * self.layout.file_size;
            let mirror = self.mirror_of(number);
            self.places[number] = self.places[number].again(&ms[mirror], base, medium);
            if self.places[number].generation > 0 {
                self.read_place(ms, number, self.layout.file_size, medium, None);
                self.scan_on(&mut ms[mirror], number, Device::Log, medium);
            }
            self.settle_place(ms, number, medium);
        }
    }

    /// Behind a damaged record good ones may stand: they count where the source's log has them.
    fn scan_on(&mut self, m: &mut Mirror, number: usize, device: Device, medium: &dyn Medium) {
        let (size, _) = self.units(device);
        let base = number as u64 * size;
        let append =
            if device == Device::Nvram { self.segments[number].append } else { self.places[number].append };
        // What survives in NVRAM beyond a torn tail is no evidence; a record in a file is (DR8).
        if device == Device::Nvram && !counts_behind(m) {
            return;
        }
        for at in magic_places(&medium.read(device, base + append, size - append)) {
            let at = append + at;
            let Some((record, held)) = next_record(m, device, base, at, size, medium) else {
                continue;
            };
            // A write that went astray may have left records of another file here: they are no copies (DR8).
            let stray = device == Device::Log && record.position.generation != self.places[number].generation;
            if stray || m.model.entry(held.index).is_none() {
                continue;
            }
            m.add_copies(held.index, if device == Device::Nvram { NVRAM } else { FILE });
            if device == Device::Nvram {
                self.segments[number].records.push(held);
            } else {
                self.places[number].records.push(held);
            }
        }
    }

    /// The rig has damaged a range of either device.
    pub fn damage(
        &mut self,
        ms: &mut [Mirror],
        device: Device,
        (from, to): (u64, u64),
        medium: &dyn Medium,
        current: &dyn Medium,
    ) {
        let (size, count) = self.units(device);
        for unit in from / size..to.div_ceil(size).min(count) {
            let base = unit * size;
            let dirty = if device == Device::Nvram { &self.nvram_dirty } else { &self.log_dirty };
            let mirror = match device {
                Device::Nvram => self.segments[unit as usize].owner,
                _ => Some(unit as usize / (self.layout.files as usize + 1)),
            };
            let Some(mirror) = mirror else { continue };
            // Without its header, or with that of another one, it is not what it was.
            let head = medium.read(device, base, HEADER);
            let headless = from < base + HEADER
                && match device {
                    Device::Nvram => {
                        let segment = &self.segments[unit as usize];
                        let now = SegmentHeader::read(&head).filter(|h| h.in_use);
                        let now = now.map(|h| (self.layout.by_uuid(&h.uuid), h.serial));
                        now != Some((segment.owner, segment.serial))
                    }
                    _ => {
                        let place = &self.places[unit as usize];
                        let now = FileHeader::read(&head).filter(|h| h.uuid == ms[mirror].model.uuid);
                        let now = now.map_or((0, 0), |h| (h.generation, h.incarnation));
                        now != (place.generation, place.incarnation) && !dirty.touches(base, base + HEADER)
                    }
                };
            let records = match device {
                Device::Nvram => &mut self.segments[unit as usize].records,
                _ => &mut self.places[unit as usize].records,
            };
            let mut gone = Vec::new();
            for held in records.iter_mut().filter(|h| !h.lost) {
                let (start, end) = (held.offset + base, held.offset + held.size + base);
                // What is not flushed yet hides the damage below it, and will overwrite it.
                let hit = start < to && end > from;
                if headless || hit && !intact(&ms[mirror], held, device, base, current) {
                    held.lost = true;
                    gone.push(held.index);
                }
            }
            if headless && device == Device::Nvram {
                self.segments[unit as usize].owner = None;
            }
            let m = &mut ms[mirror];
            m.session.nvram_damaged |= device == Device::Nvram;
            for index in gone {
                if index > m.whole() {
                    m.copy.rotten.insert(index);
                }
                self.dropped(m, index, device);
            }
            if headless && device == Device::Nvram {
                // Without its header it is in nobody's use.
                self.segments[unit as usize] = Segment { append: HEADER, ..Segment::default() };
            } else if device == Device::Log {
                let place = &mut self.places[unit as usize];
                place.touched |= to > base + place.append;
                if headless {
                    (place.strange, place.stable) = (true, 0);
                }
            }
        }
    }

    /// Whether a range of either device holds something of a mirror that its image does not have yet: a record, or the
    /// header that says whose the records are.
    pub fn holds_live(&self, m: &Mirror, device: Device, (from, to): (u64, u64)) -> bool {
        let (size, count) = self.units(device);
        (from / size..to.div_ceil(size).min(count)).any(|unit| {
            let (owner, records) = match device {
                Device::Nvram => (self.segments[unit as usize].owner, &self.segments[unit as usize].records),
                _ => (Some(self.mirror_of(unit as usize)), &self.places[unit as usize].records),
            };
            let base = unit * size;
            let live = |h: &Held| h.index > m.copy.image.cursor && !h.lost;
            let hit = |h: &Held| base + h.offset < to && base + h.offset + h.size > from;
            let header = from < base + HEADER;
            owner == Some(m.number) && records.iter().any(|h| live(h) && (header || hit(h)))
        })
    }

    /// The cache of the log disk has let go of unflushed writes to these ranges.
    pub fn forgotten(
        &mut self,
        ms: &mut [Mirror],
        ranges: &[(u64, u64)],
        stable: &dyn Medium,
        current: &dyn Medium,
    ) {
        let size = self.layout.file_size;
        for &(offset, length) in ranges {
            self.log_dirty.remove(offset, offset + length);
        }
        let mut last = None;
        for &(offset, length) in ranges {
            let end = (offset + length).div_ceil(size).min(self.places.len() as u64);
            for number in offset / size..end {
                if last.replace(number) != Some(number) {
                    self.reread_place(ms, number as usize, stable, current);
                }
            }
        }
    }

    /// The machines read everything anew: what they know of places that the rig has changed is what is there.
    pub fn reread_strange(&mut self, ms: &mut [Mirror], stable: &dyn Medium, current: &dyn Medium) {
        for number in 0..self.places.len() {
            if self.places[number].strange {
                self.reread_place(ms, number, stable, current);
            }
        }
    }

    /// A place may hold anything now that was written there once.
    fn reread_place(&mut self, ms: &mut [Mirror], number: usize, stable: &dyn Medium, current: &dyn Medium) {
        let (base, mirror) = (number as u64 * self.layout.file_size, self.mirror_of(number));
        let old = core::mem::take(&mut self.places[number]);
        for held in old.records.iter().filter(|h| !h.lost) {
            self.dropped(&mut ms[mirror], held.index, Device::Log);
        }
        let new = old.again(&ms[mirror], base, current);
        let before = if new.generation == 0 { 0 } else { old.stable };
        self.places[number] = Place { stable: before, ..new };
        if self.places[number].generation > 0 {
            self.read_place(ms, number, self.layout.file_size, current, None);
            self.scan_on(&mut ms[mirror], number, Device::Log, current);
        }
        self.settle_place(ms, number, stable);
    }

    /// Whatever stands on the log disk now counts; all of it is stable.
    pub fn look_again(&mut self, ms: &mut [Mirror], medium: &dyn Medium) {
        self.log_dirty.clear();
        for number in 0..self.places.len() {
            self.reread_place(ms, number, medium, medium);
        }
        for m in ms {
            m.count_damaged();
        }
    }

    pub fn memory(&self) -> u64 {
        let held = |records: &Vec<Held>| records.capacity() * size_of::<Held>();
        let segments: usize = self.segments.iter().map(|s| held(&s.records) + size_of::<Segment>()).sum();
        let places: usize = self.places.iter().map(|p| held(&p.records) + size_of::<Place>()).sum();
        (segments + places) as u64 + (self.nvram_dirty.len() + self.log_dirty.len()) as u64 * 24
    }
}

/// Whether what a power cut has left in NVRAM behind a gap counts: the machine keeps it where something was damaged.
pub(crate) fn counts_behind(m: &Mirror) -> bool {
    m.copy.harmed || m.excuses.contains("damage")
}
