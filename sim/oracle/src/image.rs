//! The picture of one mirror's region on one disk: the stable superblock and journal, and the blocks whose stable bytes
//! differ from the model at the stable cursor. Kept up at each flush, so that "everything else is equal" holds by
//! induction and a judgement costs only what changed.

use crate::bytes::ENTRY;
use crate::bytes::{check_entry, hash};
use crate::content::same;
use crate::journal::{InPlace, Journal};
use crate::layout::{BlockAt, Region, Spot};
use crate::log::Model;
use crate::oracles::prefix::detectable;
use crate::ranges::Ranges;
use crate::resync_file::Blocks;
use crate::setup::{Device, Medium};
use crate::superblock::Superblock;
use std::collections::{BTreeMap, BTreeSet};

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
    /// Blocks that were healed with content from beyond the cursor: the operation up to which they go, as their entries
    /// say and as it is true.
    pub ahead: BTreeMap<BlockAt, u64>,
    pub journal: Option<Journal>,
    /// The blocks of a sealed resync file that is to be put in place.
    pub roll: Option<Blocks>,
    /// The rig has damaged a superblock or the journal under a machine that runs: harmless again once there is a newer
    /// superblock than this, with a cursor that goes as far as this.
    pub wound: Option<(u64, (u64, u64))>,
    /// The server is down: the next boot will read what is there.
    pub asleep: bool,
    pub dirty: Ranges,
    /// Ranges (start, end) that became stable as the stable journal holds them, and were not looked at since: they are
    /// the model's at the journal's cursor, not at the image's.
    placed: Vec<(u64, u64)>,
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
            ahead: BTreeMap::new(),
            journal: None,
            roll: None,
            wound: None,
            asleep: false,
            dirty: Ranges::default(),
            placed: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Looks at a block and at its entry. The entry of a damaged block counts only with the block.
    fn look_at_block(&mut self, model: &mut Model, region: &Region, medium: &dyn Medium, at: BlockAt) {
        let prefix = self.cursor;
        let hurt = self.damaged.contains(&at);
        let suspect = self.ahead.remove(&at).is_some() || hurt;
        let ahead = suspect.then(|| model.ahead(region, medium, at, prefix)).flatten();
        if let Some(index) = ahead {
            if index > prefix {
                self.ahead.insert(at, index);
            }
            self.bad_blocks.remove(&at);
            self.bad_checks.remove(&at);
            self.damaged.remove(&at);
        } else if model.block_is(region, medium, at, prefix) {
            self.bad_blocks.remove(&at);
            if hurt && model.check_is(region, medium, at, prefix) {
                self.damaged.remove(&at);
            }
        } else {
            self.bad_blocks.insert(at);
            // Once it has a good check nobody will notice: that is not the rig's doing any more.
            if hurt && !detectable(&model.uuid, region, medium, at) {
                self.damaged.remove(&at);
            }
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
            let prefix = self.cursor;
            if model.entry_is(entry, (v, b), prefix) || model.ahead_is(entry, (v, b), prefix).is_some() {
                self.bad_checks.remove(&(v, b));
            } else {
                self.bad_checks.insert((v, b));
            }
            if self.damaged.contains(&(v, b)) || self.ahead.contains_key(&(v, b)) {
                self.look_at_block(model, region, medium, (v, b));
            }
        }
    }

    fn look_at(&mut self, model: &mut Model, region: &Region, medium: &dyn Medium, spot: Spot) {
        match spot {
            Spot::Block(v, b) => self.look_at_block(model, region, medium, (v, b)),
            Spot::Check(v, first, end) => self.look_at_checks(model, region, medium, v, first, end),
            Spot::Superblock | Spot::Journal | Spot::Map | Spot::Padding => {}
        }
    }

    /// Whether a range is as the stable, newer and sound journal holds it: then it need not be looked at before the
    /// cursor gets there.
    fn is_as_journalled(&self, from: u64, to: u64, stable: &dyn Medium) -> bool {
        let journal = self.journal.as_ref().filter(|j| j.cursor > self.stable.cursor());
        let journal =
            journal.filter(|j| self.damaged.is_empty() && self.ahead.is_empty() && j.sound_at().is_some());
        let data = journal.and_then(|j| j.data(from, to - from));
        data.is_some_and(|data| same(&data, &stable.read(Device::Image, from, to - from)))
    }

    /// Looks at what was put in place as the journal says.
    fn look_at_placed(&mut self, model: &mut Model, region: &Region, stable: &dyn Medium) {
        let mut placed = core::mem::take(&mut self.placed);
        for (start, end) in placed.drain(..) {
            region.walk(start, end, |spot, _, _| self.look_at(model, region, stable, spot));
        }
        self.placed = placed;
    }

    /// Ranges (offset, length) that may differ from the model at the cursor beside the bad blocks and checks.
    pub fn placed(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.placed.iter().map(|(start, end)| (*start, end - start))
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
            region.walk(offset, offset + length, |spot, from, to| match spot {
                Spot::Superblock => changed.superblock = true,
                Spot::Journal => changed.journal = true,
                _ if self.is_as_journalled(from, to, stable) => self.placed.push((from, to)),
                _ => self.look_at(model, region, stable, spot),
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
        let as_planned = self.journal.as_ref().and_then(Journal::sound_at) == Some(index);
        if !as_planned {
            self.look_at_placed(model, region, stable);
        }
        let mut placed = core::mem::take(&mut self.placed);
        placed.sort_unstable();
        let is_placed = |start: u64, length: u64| {
            let after = placed.partition_point(|p| p.0 <= start);
            after > 0 && placed[after - 1].1 >= start + length
        };
        let mut again = core::mem::take(&mut self.scratch);
        again.clear();
        again.extend(self.bad_blocks.iter().chain(&self.bad_checks).chain(self.ahead.keys()).copied());
        model.changed(from, to, &mut again);
        for &at in &again {
            if is_placed(region.block_at(at.0, at.1), region.block) {
                self.bad_blocks.remove(&at);
            } else {
                self.look_at_block(model, region, stable, at);
            }
            if is_placed(region.check_at(at.0, at.1), ENTRY) {
                self.bad_checks.remove(&at);
            } else {
                self.look_at_checks(model, region, stable, at.0, at.1, at.1 + 1);
            }
        }
        placed.clear();
        (self.scratch, self.placed) = (again, placed);
    }

    /// Reads the stable journal; says whether it is another one now.
    fn read_journal(&mut self, model: &mut Model, region: &Region, stable: &dyn Medium) -> bool {
        self.look_at_placed(model, region, stable);
        let before = self.journal.take().map(|j| j.header_check);
        let in_place = InPlace { cursor: self.cursor, bad: &self.bad_checks };
        self.journal = Journal::read(model, region, stable, in_place);
        before != self.journal.as_ref().map(|j| j.header_check)
    }

    /// A power cut, or a start: looks at everything that may have changed.
    pub fn rescan(&mut self, model: &mut Model, region: &Region, medium: &dyn Medium) {
        let dirty = core::mem::take(&mut self.dirty);
        let ranges: Vec<_> = dirty.iter().map(|(s, e)| (s, e - s)).chain(self.placed()).collect();
        self.placed.clear();
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
        self.look_at_placed(model, region, stable);
        let mut structural = false;
        let mut hit = Vec::new();
        region.walk(start, end, |spot, _, _| match spot {
            Spot::Superblock | Spot::Journal => structural = true,
            Spot::Block(v, b) => hit.push((v, b)),
            Spot::Check(v, first, end) => hit.extend((first..end).map(|b| (v, b))),
            Spot::Map | Spot::Padding => {}
        });
        for at in hit {
            self.look_at_block(model, region, stable, at);
            self.look_at_checks(model, region, stable, at.0, at.1, at.1 + 1);
            let bad = self.bad_blocks.contains(&at) || self.bad_checks.contains(&at);
            if bad || self.differs_from_journal(region, at, stable) {
                self.damaged.insert(at);
            }
        }
        structural
    }

    /// A superblock or the journal is damaged. False if nothing mends that: whoever boots reads what is left.
    pub fn wounded(&mut self) -> bool {
        let redo = self.journal.as_ref().map_or((0, 0), |j| j.cursor);
        let counter = self.stable.counter.max(self.current.counter);
        self.wound = (!self.asleep).then_some((counter, redo.max(self.stable.cursor())));
        self.wound.is_some()
    }

    /// Whether the machine has written anew since what was damaged.
    pub fn mended(&mut self) -> bool {
        let stable = &self.stable;
        let over = |(counter, cursor): &mut (u64, (u64, u64))| {
            stable.counter > *counter && stable.cursor() >= *cursor
        };
        self.wound.take_if(over).is_some()
    }

    /// Whether a block or its entry is not as the journal has put it in place: it will be wrong once the cursor gets there.
    fn differs_from_journal(&self, region: &Region, (v, b): BlockAt, stable: &dyn Medium) -> bool {
        let journal = self.journal.as_ref().filter(|j| j.header.counts_over(self.stable.cursor()));
        let differs = |from: u64, length: u64| {
            let held = journal.and_then(|j| j.data(from, length));
            held.is_some_and(|held| !same(&held, &stable.read(Device::Image, from, length)))
        };
        differs(region.block_at(v, b), region.block) || differs(region.check_at(v, b), ENTRY)
    }

    /// A cache has let go of unflushed writes to these ranges.
    pub fn forgotten(
        &mut self,
        uuid: &[u8; 16],
        region: &Region,
        ranges: &[(u64, u64)],
        current: &dyn Medium,
    ) {
        for (offset, length) in ranges {
            self.dirty.remove(*offset, offset + length);
        }
        if let Some(now) = Superblock::best(&current.read(Device::Image, region.base, 1024), uuid) {
            self.current = now;
        }
    }

    /// Another disk is there: everything is looked at.
    pub fn replaced(
        &mut self,
        model: &mut Model,
        region: &Region,
        (start, end): (u64, u64),
        medium: &dyn Medium,
    ) {
        self.dirty.clear();
        self.placed.clear();
        self.journal = None;
        self.flushed(model, region, &[(start, end - start)], medium);
        let written = model.written();
        for at in written {
            self.look_at_block(model, region, medium, at);
            self.look_at_checks(model, region, medium, at.0, at.1, at.1 + 1);
        }
        // So is what nobody has ever written to.
        self.damaged.extend(self.bad_blocks.iter().chain(&self.bad_checks));
        self.current = self.stable;
    }

    /// Whether what is written in place there is as the sealed resync file says.
    pub fn rolls(
        &self,
        region: &Region,
        (spot, from, to): (Spot, u64, u64),
        uuid: &[u8; 16],
        (stable, current): (&dyn Medium, &dyn Medium),
    ) -> bool {
        let Some(roll) = &self.roll else { return false };
        match spot {
            Spot::Block(v, b) => roll.get(&(v, b)).is_some_and(|contents| {
                let written = current.read(Device::Image, region.block_at(v, b), region.block);
                contents.iter().any(|content| same(content, &written))
            }),
            Spot::Check(v, first, end) => (first..end).all(|b| {
                let at = region.check_at(v, b);
                let entry = current.read(Device::Image, at, ENTRY);
                let rolled = roll.get(&(v, b)).into_iter().flatten();
                let mut rolled = rolled.map(|content| check_entry(uuid, b, hash(content)));
                rolled.any(|e| entry == e.as_slice()) || same(&entry, &stable.read(Device::Image, at, ENTRY))
            }),
            // What is left of the last sector of a table.
            Spot::Padding => {
                let read = |medium: &dyn Medium| medium.read(Device::Image, from, to - from);
                same(&read(stable), &read(current))
            }
            _ => false,
        }
    }

    /// Whether a stable valid journal, or a sealed resync file, will put this block in place again.
    pub fn covered(&self, region: &Region, (v, b): BlockAt) -> bool {
        if self.roll.as_ref().is_some_and(|roll| roll.contains_key(&(v, b))) {
            return true;
        }
        let counts = |j: &&Journal| j.header.counts_over(self.stable.cursor());
        let Some(journal) = self.journal.as_ref().filter(counts) else {
            return false;
        };
        journal.data(region.block_at(v, b), region.block).is_some()
    }

    /// Whether the next boot is sure to put this block in place again: the server is down, and nothing that its cache
    /// still holds goes over the journal.
    pub fn will_redo(&self, region: &Region, at: BlockAt) -> bool {
        let journal = (region.journal, region.journal + region.journal_size);
        let same = self.current.cursor() == self.stable.cursor();
        self.asleep && same && !self.dirty.touches(journal.0, journal.1) && self.covered(region, at)
    }

    /// A block that differs, was not damaged by the rig and will not be put in place again.
    pub fn first_wrong(&self, region: &Region) -> Option<BlockAt> {
        let good = |at: &BlockAt| self.damaged.contains(at) || self.covered(region, *at);
        self.bad_blocks.iter().chain(&self.bad_checks).find(|at| !good(at)).copied()
    }

    pub fn memory(&self) -> u64 {
        let journal = self.journal.as_ref().map_or(0, Journal::memory) + self.placed.capacity() as u64 * 16;
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
