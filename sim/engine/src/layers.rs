//! A medium under a volatile write cache: what a power cut would leave for sure, what reads see, and the writes that
//! make the difference. The shared inside of [`crate::Store`] and [`crate::Scratch`].

use crate::extent_map::ExtentMap;
use crate::fate::{Fate, land};
use crate::pending::{Content, Pending};
use bytes::Bytes;
use std::mem;
use std::ops::Range;

/// Which writes a flush covers: those that were completed when it began.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FlushMark(u64);

/// What a cache does with the writes that a failed flush did not put down. All three are seen in systems that are in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AfterFailure {
    /// It throws them away: reads see what stood there before.
    Reverted,
    /// It keeps them, and a later flush may put them down.
    KeptDirty,
    /// It keeps them and takes them for written: reads see them until they are forgotten, and no flush puts them down.
    KeptClean,
}

/// Always: `current` is `stable` with all of `pending` put down in the order of issue.
#[derive(Clone, Debug)]
pub(crate) struct Layers {
    pub stable: ExtentMap,
    pub current: ExtentMap,
    /// By serial.
    pub pending: Vec<Pending>,
    /// The other buffer of `pending`, so that a flush allocates nothing.
    spare: Vec<Pending>,
    pub granule: u32,
    /// The maps are overlays: zeros are explicit.
    keep_zero: bool,
    serial: u64,
    /// Counts the flushes that began.
    epoch: u64,
}

impl Layers {
    pub fn new(granule: u32, keep_zero: bool) -> Self {
        assert!(granule > 0, "a granule of no bytes");
        Layers {
            stable: ExtentMap::new(),
            current: ExtentMap::new(),
            pending: Vec::new(),
            spare: Vec::new(),
            granule,
            keep_zero,
            serial: 0,
            epoch: 0,
        }
    }

    pub fn write(&mut self, offset: u64, data: Content, tag: u32) -> u64 {
        let serial = self.serial;
        self.serial += 1;
        let write = Pending {
            serial,
            offset,
            data,
            completed: false,
            clean: false,
            tag,
            epoch: self.epoch,
            hidden: Vec::new(),
        };
        land(&write, Fate::Kept, self.granule, self.keep_zero, &mut self.current);
        self.pending.push(write);
        serial
    }

    pub fn complete(&mut self, serials: Range<u64>) {
        let first = self.pending.partition_point(|write| write.serial < serials.start);
        for write in self.pending[first..].iter_mut().take_while(|write| write.serial < serials.end) {
            if !write.completed {
                write.completed = true;
                write.epoch = self.epoch;
            }
        }
    }

    pub fn begin_flush(&mut self) -> FlushMark {
        let mark = FlushMark(self.epoch);
        self.epoch += 1;
        mark
    }

    pub fn end_flush(&mut self, mark: FlushMark) {
        self.end_flush_with(mark, |_| {});
    }

    /// Shows `landed` each write that is stable now, in the order of issue.
    pub fn end_flush_with(&mut self, mark: FlushMark, mut landed: impl FnMut(&Pending)) {
        let mut all = mem::replace(&mut self.pending, mem::take(&mut self.spare));
        for write in all.drain(..) {
            if !write.completed || write.epoch > mark.0 || write.clean {
                self.pending.push(write);
                continue;
            }
            land(&write, Fate::Kept, self.granule, self.keep_zero, &mut self.stable);
            landed(&write);
            let range = write.range();
            for older in self.pending.iter_mut().filter(|older| older.overlaps(&range)) {
                older.hidden.push(range.clone());
            }
        }
        self.spare = all;
    }

    /// Whether a flush would put anything down.
    pub fn covers(&self, mark: FlushMark) -> bool {
        self.pending.iter().any(|write| write.completed && write.epoch <= mark.0 && !write.clean)
    }

    /// That flush fails instead. Returns the ranges that read differently now.
    pub fn fail_flush(&mut self, mark: FlushMark, after: AfterFailure) -> Vec<Range<u64>> {
        let covered = |write: &Pending| write.completed && write.epoch <= mark.0 && !write.clean;
        match after {
            AfterFailure::KeptDirty => Vec::new(),
            AfterFailure::KeptClean => {
                self.pending.iter_mut().filter(|write| covered(write)).for_each(|write| write.clean = true);
                Vec::new()
            }
            AfterFailure::Reverted => self.forget(covered),
        }
    }

    /// What the cache only takes for written is forgotten. Returns the ranges that read differently now.
    pub fn forget_clean(&mut self) -> Vec<Range<u64>> {
        self.forget(|write| write.clean)
    }

    fn forget(&mut self, which: impl Fn(&Pending) -> bool) -> Vec<Range<u64>> {
        let gone: Vec<Range<u64>> = self.pending.iter().filter(|w| which(w)).map(Pending::range).collect();
        self.pending.retain(|write| !which(write));
        gone.iter().for_each(|range| self.refresh(range));
        gone
    }

    pub fn power_cut(&mut self, fates: &[Fate]) {
        let cut = mem::take(&mut self.pending);
        for (write, fate) in cut.iter().zip(fates) {
            land(write, *fate, self.granule, self.keep_zero, &mut self.stable);
        }
        for write in &cut {
            self.current.copy_range(&self.stable, write.offset, write.len());
        }
    }

    /// Changes the medium under the cache.
    pub fn overwrite_stable(&mut self, offset: u64, data: Bytes) {
        let range = offset..offset + data.len() as u64;
        self.stable.write(offset, data);
        self.refresh(&range);
    }

    /// Reads of a range see what is stable there with all of `pending` put down.
    fn refresh(&mut self, range: &Range<u64>) {
        let offset = range.start;
        // Aside, since a pending write reaches beyond the range, where a later one may lie over it.
        let mut aside = ExtentMap::new();
        aside.copy_range(&self.stable, offset, range.end - offset);
        for write in self.pending.iter().filter(|write| write.overlaps(range)) {
            land(write, Fate::Kept, self.granule, self.keep_zero, &mut aside);
        }
        self.current.copy_range(&aside, offset, range.end - offset);
    }

    /// The medium holds `content`, and nothing is pending.
    pub fn replace(&mut self, content: ExtentMap) {
        self.pending.clear();
        self.current = content.clone();
        self.stable = content;
    }
}
