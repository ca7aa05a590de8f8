//! The picture of one mirror's region on one disk: the stable superblock and journal, and the blocks whose stable bytes
//! differ from the model at the stable cursor. Kept up at each flush, so that "everything else is equal" holds by
//! induction and a judgement costs only what changed.

use crate::bytes::{ENTRY, u64_at};
use crate::journal::Journal;
use crate::layout::{BlockAt, Region, Spot};
use crate::log::Model;
use crate::ranges::Ranges;
use crate::setup::{Device, Medium};
use crate::superblock::Superblock;
use std::collections::BTreeSet;

/// The picture.
#[derive(Debug)]
pub(crate) struct Image {
    pub stable: Superblock,
    pub current: Superblock,
    /// Index of the stable cursor.
    pub cursor: u64,
    pub bad_blocks: BTreeSet<BlockAt>,
    pub bad_checks: BTreeSet<BlockAt>,
    /// Blocks that the rig has damaged and nobody has repaired.
    pub damaged: BTreeSet<BlockAt>,
    pub journal: Option<Journal>,
    pub dirty: Ranges,
    scratch: Vec<BlockAt>,
}

impl Image {
    pub fn new() -> Self {
        Image {
            stable: Superblock::default(),
            current: Superblock::default(),
            cursor: 0,
            bad_blocks: BTreeSet::new(),
            bad_checks: BTreeSet::new(),
            damaged: BTreeSet::new(),
            journal: None,
            dirty: Ranges::default(),
            scratch: Vec::new(),
        }
    }

    fn look_at_block(&mut self, model: &mut Model, region: &Region, medium: &dyn Medium, at: BlockAt) {
        if model.block_is(region, medium, at, self.cursor) {
            self.bad_blocks.remove(&at);
            if self.damaged.contains(&at) && model.check_is(region, medium, at, self.cursor) {
                self.damaged.remove(&at);
            }
        } else {
            self.bad_blocks.insert(at);
        }
    }

    fn look_at_checks(
        &mut self,
        model: &mut Model,
        region: &Region,
        medium: &dyn Medium,
        v: u32,
        first: u64,
        end: u64,
    ) {
        let table = medium.read(Device::Image, region.check_at(v, first), (end - first) * ENTRY);
        for (b, entry) in (first..end).zip(table.chunks_exact(ENTRY as usize)) {
            if model.entry_is(entry, (v, b), self.cursor) {
                self.bad_checks.remove(&(v, b));
            } else {
                self.bad_checks.insert((v, b));
            }
        }
    }

    /// These ranges of the region's disk are stable now. Says whether the superblock or the journal changed.
    pub fn flushed(
        &mut self,
        model: &mut Model,
        region: &Region,
        ranges: &[(u64, u64)],
        stable: &dyn Medium,
    ) -> Changed {
        let mut changed = Changed::default();
        for &(offset, length) in ranges {
            if offset >= region.end || offset + length <= region.base {
                continue;
            }
            self.dirty.remove(offset, offset + length);
            region.walk(offset, offset + length, |spot, _, _| match spot {
                Spot::Superblock => changed.superblock = true,
                Spot::Journal => changed.journal = true,
                Spot::Block(v, b) => self.look_at_block(model, region, stable, (v, b)),
                Spot::Check(v, first, end) => self.look_at_checks(model, region, stable, v, first, end),
                Spot::Padding => {}
            });
        }
        if changed.journal {
            changed.journal = self.read_journal(model, region, stable);
        }
        if changed.superblock {
            changed.superblock = self.read_superblock(model, region, stable);
        }
        changed
    }

    fn read_superblock(&mut self, model: &mut Model, region: &Region, stable: &dyn Medium) -> bool {
        let slots = stable.read(Device::Image, region.base, 1024);
        let Some(new) = Superblock::best(&slots, &model.uuid) else {
            return false;
        };
        let old = core::mem::replace(&mut self.stable, new);
        self.current = if self.current.counter < new.counter { new } else { self.current };
        if old.cursor() == new.cursor() {
            return old.counter != new.counter;
        }
        let Some(index) = model.index_of_cursor(new.cursor()) else {
            return true;
        };
        self.move_to(model, region, stable, index);
        true
    }

    /// The cursor is another one: looks again at every block whose expectation may have changed.
    fn move_to(&mut self, model: &mut Model, region: &Region, stable: &dyn Medium, index: u64) {
        let (from, to) = (self.cursor.min(index), self.cursor.max(index));
        self.cursor = index;
        let mut again = core::mem::take(&mut self.scratch);
        again.clear();
        again.extend(self.bad_blocks.iter().chain(&self.bad_checks).copied());
        model.changed(from, to, &mut again);
        for &at in &again {
            self.look_at_block(model, region, stable, at);
            if model.check_is(region, stable, at, index) {
                self.bad_checks.remove(&at);
            } else {
                self.bad_checks.insert(at);
            }
        }
        self.scratch = again;
    }

    /// Reads the stable journal; says whether it is another one now.
    fn read_journal(&mut self, model: &mut Model, region: &Region, stable: &dyn Medium) -> bool {
        let head = stable.read(Device::Image, region.journal, 512);
        if self.journal.as_ref().is_some_and(|j| j.header_check == u64_at(&head, 504)) {
            return false;
        }
        let before = self.journal.take().is_some();
        self.journal = Journal::read(model, region, stable);
        before || self.journal.is_some()
    }

    /// A power cut, or a start: looks at everything that may have changed.
    pub fn rescan(&mut self, model: &mut Model, region: &Region, medium: &dyn Medium) {
        let dirty = core::mem::take(&mut self.dirty);
        let ranges: Vec<_> = dirty.iter().map(|(s, e)| (s, e - s)).collect();
        self.journal = None;
        self.flushed(model, region, &ranges, medium);
        self.flushed(model, region, &[(region.base, 1024), (region.journal, 512)], medium);
        self.current = self.stable;
    }

    /// The rig has damaged a range.
    pub fn damage(
        &mut self,
        model: &mut Model,
        region: &Region,
        start: u64,
        end: u64,
        stable: &dyn Medium,
    ) -> bool {
        let mut structural = false;
        let mut hit = Vec::new();
        region.walk(start, end, |spot, _, _| match spot {
            Spot::Superblock | Spot::Journal => structural = true,
            Spot::Block(v, b) => hit.push((v, b)),
            Spot::Check(v, first, end) => hit.extend((first..end).map(|b| (v, b))),
            Spot::Padding => {}
        });
        for at in hit {
            self.look_at_block(model, region, stable, at);
            self.look_at_checks(model, region, stable, at.0, at.1, at.1 + 1);
            if self.bad_blocks.contains(&at) || self.bad_checks.contains(&at) {
                self.damaged.insert(at);
            }
        }
        structural
    }

    /// Whether a stable valid journal newer than the cursor will put this block in place again.
    pub fn covered(&self, region: &Region, (v, b): BlockAt) -> bool {
        let Some(journal) = self.journal.as_ref().filter(|j| j.cursor > self.stable.cursor()) else {
            return false;
        };
        journal.holds(region.block_at(v, b), region.block).is_some()
    }

    /// A block that differs, was not damaged by the rig and will not be put in place again.
    pub fn first_wrong(&self, region: &Region) -> Option<BlockAt> {
        let good = |at: &BlockAt| self.damaged.contains(at) || self.covered(region, *at);
        self.bad_blocks.iter().chain(&self.bad_checks).find(|at| !good(at)).copied()
    }

    pub fn memory(&self) -> u64 {
        let journal = self.journal.as_ref().map_or(0, |j| j.entries.len() as u64 * 48);
        (self.bad_blocks.len() + self.bad_checks.len() + self.damaged.len() + self.dirty.len()) as u64 * 48
            + journal
    }
}

/// What a flush changed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Changed {
    pub superblock: bool,
    pub journal: bool,
}
