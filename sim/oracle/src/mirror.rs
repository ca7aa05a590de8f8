//! Everything the judge knows of one mirror: the model, what clients asked, and the pictures of both sides.

use crate::bytes::{Mark, Position};
use crate::contact::Contact;
use crate::copy::{Copy, Keeps};
use crate::history::History;
use crate::image::Image;
use crate::layout::{BlockAt, MirrorLayout};
use crate::log::{FILE, FILE_STABLE, Model, NVRAM, NVRAM_STABLE};
use crate::mark_slots::MarkSlots;
use crate::oracles::session::Session;
use crate::ranges::Ranges;
use crate::resync_file;
use crate::setup::{Level, Medium, RetryRule, Server, Setup};
use crate::superblock::{DEGRADED, Superblock, TARGET};
use crate::wait::Wait;
use std::collections::{BTreeMap, BTreeSet};

/// One mirror.
#[derive(Debug)]
pub(crate) struct Mirror {
    pub number: usize,
    pub at: MirrorLayout,
    pub model: Model,
    pub history: History,
    pub source: Source,
    pub copy: Copy,
    pub wait: Wait,
    pub session: Session,
    pub contact: Contact,
    /// Why alarms of this mirror are justified.
    pub excuses: BTreeSet<&'static str>,
    /// Operations that only the former source has, and has answered (LR7).
    pub only_former: u64,
    /// That of one that lives on when another source has adopted its clients (LR9).
    pub adopted: Option<Former>,
    /// Operations that only that one has; and it has heard that nobody will ask it for them.
    pub only_exile: u64,
    pub exile_told: bool,
    /// The server of the clients has retired (LR8).
    pub retired: bool,
    /// What a mirror that is lost held.
    pub kept: u64,
    /// How far the volumes were when it began to become one.
    pub kept_since: u64,
    /// Whoever served the clients before (LR6).
    pub former: Option<Former>,
    /// The epoch in which the server of the clients has retired last.
    pub at_retirement: u64,
    /// Alarms for which the rig has given a reason that stops nothing.
    pub expected_alarms: BTreeSet<&'static str>,
    /// Blocks that the rig has damaged on both sides at once: nobody can heal them.
    pub lost_blocks: BTreeSet<BlockAt>,
    /// The rig may put an image or a volume back to this cursor.
    pub remembered: Option<u64>,
    /// Index up to which I1 binds: the last operation that was answered with the destination, or that a resync has sealed.
    pub owed: u64,
    /// Its roles are swapped (LR6), and it is judged elsewhere.
    pub away: bool,
    /// Some alarm was raised about it.
    pub alarmed: bool,
    /// Where each unjustified stop would be reported.
    pub unsound: bool,
}

/// What whoever served the clients before may have answered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Former {
    /// Since when it is fenced.
    pub since: Option<u64>,
    /// All operations up to here are in what others go on with.
    pub reached: u64,
    /// It had been promoted itself, with nobody to wait for, and may go on alone, whatever the policy of the source was.
    pub promoted: bool,
}

/// The picture of the source.
#[derive(Debug)]
pub(crate) struct Source {
    pub fills: Vec<Fill>,
    pub dirty: Ranges,
    /// All operations up to this index are stable in the source's NVRAM (or applied).
    pub stable: u64,
    pub volume: Image,
    pub mark_stable: Mark,
    pub mark_slots: MarkSlots,
    /// Greatest index that was seen in a Forward frame.
    pub forwarded: u64,
    /// Checks of records that were forwarded and then lost by the source.
    pub freed: BTreeMap<u64, u64>,
    /// What power cuts have left of records that were lost because one before them was.
    pub left: Vec<Leftover>,
    /// Partitions with something of that kind, and the next record that was put there.
    pub renewed: BTreeMap<u64, u64>,
    /// Generations that may be sealed because the operator says so, and the one that has to be.
    pub forced: BTreeSet<u64>,
    pub pending_seal: Option<u64>,
    /// The rig has damaged or emptied its devices.
    pub harmed: bool,
    /// Promised records that its NVRAM lacked when it started; and the first of them that its volumes lack, too.
    pub missing: Vec<u64>,
    pub hole: Option<u64>,
    /// Its site is lost.
    pub gone: bool,
    /// Another one stands in its place.
    pub replaced: bool,
    /// Its durable role is Degraded; and its durable map.
    pub alone: bool,
    /// When it went on alone, virtual time, as long as its clock tells the same time.
    pub alone_since: Option<u64>,
    /// Its clock does not.
    pub other_clock: bool,
    pub map: resync_file::Map,
    /// The rig has changed something where maps stand; and then the durable one cannot be read: it counts as every block.
    pub map_hurt: bool,
    pub map_lost: bool,
    /// The policy in its durable superblock, as far as it has heard that this is durable.
    pub policy: u64,
    /// Operations, and bytes, that would be lost with it, as it says.
    pub exposure: Option<(u64, u64)>,
}

/// A record that has lost its number and still stands in the source's NVRAM.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leftover {
    pub place: u64,
    pub check: u64,
    pub position: Position,
}

/// One partition of the source's NVRAM.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fill {
    /// 0 = none yet.
    pub generation: u64,
    /// Where the next record will stand, from the partition's start.
    pub append: u64,
}

impl Source {
    /// A server with nothing in its NVRAM.
    pub fn new(partitions: u64) -> Self {
        Source {
            fills: vec![Fill { generation: 0, append: crate::bytes::HEADER }; partitions as usize],
            dirty: Ranges::default(),
            stable: 0,
            volume: Image::new(),
            mark_stable: Mark::default(),
            mark_slots: MarkSlots::default(),
            forwarded: 0,
            freed: BTreeMap::new(),
            left: Vec::new(),
            renewed: BTreeMap::new(),
            forced: BTreeSet::new(),
            pending_seal: None,
            harmed: false,
            missing: Vec::new(),
            hole: None,
            gone: false,
            replaced: false,
            alone: false,
            alone_since: None,
            other_clock: false,
            map: resync_file::Map::new(),
            map_hurt: false,
            map_lost: false,
            policy: 0,
            exposure: None,
        }
    }
}

impl Mirror {
    pub fn new(number: usize, setup: &Setup, at: MirrorLayout) -> Self {
        let source = &setup.sources[number];
        let keep = if setup.retry == RetryRule::ExactlyOnce { 8 } else { 64 };
        Mirror {
            number,
            model: Model::new(source, &at.own),
            history: History::new(source.clients, source.slots, keep),
            source: Source::new(setup.partitions),
            copy: Copy::new(),
            wait: Wait { patience: source.patience, ..Wait::default() },
            at,
            session: Session::default(),
            contact: Contact::default(),
            excuses: BTreeSet::new(),
            only_former: 0,
            adopted: None,
            only_exile: 0,
            exile_told: false,
            retired: false,
            kept: 0,
            kept_since: 0,
            former: None,
            at_retirement: 0,
            expected_alarms: BTreeSet::new(),
            lost_blocks: BTreeSet::new(),
            remembered: None,
            owed: 0,
            away: false,
            alarmed: false,
            unsound: false,
        }
    }

    /// The source's superblock is another one: its role, and its map.
    pub fn takes_role(&mut self, stable: &dyn Medium) {
        let superblock = self.source.volume.stable;
        let alone = superblock.role == DEGRADED;
        if alone != self.source.alone {
            // Its connection is closed, or a new one begins.
            self.wait.connected = false;
            self.wait.over();
        }
        self.source.alone = alone;
        let map = resync_file::map(&self.model.uuid, &self.at.own, superblock.map, stable);
        self.source.map_lost = map.is_none() && self.source.map_hurt;
        self.source.map_hurt &= map.is_none();
        self.source.map = map.unwrap_or_default();
    }

    /// The destination's superblock is another one: the resync file that it names, and its source's policy.
    pub fn takes_roll(&mut self, stable: &dyn Medium) {
        if self.copy.image.stable.role != DEGRADED {
            self.copy.policy = self.copy.image.stable.policy;
        }
        let Superblock { session, sealed, .. } = self.copy.image.stable;
        self.copy.image.roll = sealed.and_then(|sealed| resync_file::read(&self.at, session, sealed, stable));
    }

    /// Whether there is no copy that counts.
    pub fn lonely(&self) -> bool {
        self.copy.keeps != Keeps::Copy
    }

    /// Whether a superblock says that the server which kept a copy has lost it, and it is true: one of its devices was
    /// exchanged, or emptied.
    pub fn gives_up(&self, found: &Superblock) -> bool {
        self.copy.harmed && found.void && found.role == TARGET
    }

    /// The mark on the source's device.
    pub fn own_mark(&mut self, medium: &dyn Medium) -> Mark {
        self.source.mark_slots.best(&self.model.uuid, 0, medium).unwrap_or_default()
    }

    /// The mark on the destination's device.
    pub fn copy_mark(&mut self, medium: &dyn Medium) -> Mark {
        self.copy.mark_slots.best(&self.model.uuid, self.at.mark, medium).unwrap_or_default()
    }

    /// Index up to which the destination's stable mark promises, at a level; of a mark below the list: what is applied.
    pub fn promised(&self, level: Level) -> u64 {
        let mark = match level {
            Level::Received => return self.model.tip(),
            Level::Nvram => self.copy.mark_stable.nvram,
            Level::File => self.copy.mark_stable.file,
        };
        self.model.index_of(mark).unwrap_or(self.model.tip()).max(self.copy.image.cursor)
    }

    /// The last record of the generations that the image has completely; files of later ones are not cleared.
    pub fn whole(&self) -> u64 {
        let cursor = (self.copy.image.stable.applied_gen, 0);
        self.model.index_of_cursor(cursor).unwrap_or(0)
    }

    /// Index up to which the source's own stable mark promises (SR8).
    pub fn marked(&self) -> u64 {
        let index = self.model.index_of(self.source.mark_stable.nvram);
        index.unwrap_or(self.model.tip()).max(self.source.volume.cursor)
    }

    /// Notes copies of a record.
    pub fn add_copies(&mut self, index: u64, copies: u8) {
        let Some(entry) = self.model.entry_mut(index) else {
            return;
        };
        entry.copies |= copies;
        if copies & FILE_STABLE != 0 {
            self.copy.top_stable = self.copy.top_stable.max(index);
        }
        if copies & FILE != 0 {
            self.copy.top_current = self.copy.top_current.max(index);
        }
        // Only a durable copy makes it whole again.
        if copies & (NVRAM_STABLE | FILE_STABLE) != 0 {
            self.copy.damaged.remove(&index);
        }
        if copies & FILE_STABLE != 0 {
            self.copy.rotten.remove(&index);
        }
        self.advance();
    }

    /// Copies of a record are gone.
    pub fn drop_copies(&mut self, index: u64, copies: u8) {
        let Some(entry) = self.model.entry_mut(index) else {
            return;
        };
        entry.copies &= !copies;
        let left = entry.copies;
        let copy = &mut self.copy;
        let below = index - 1;
        if left & (NVRAM | FILE) == 0 {
            copy.end_current = copy.end_current.min(below);
        }
        if left & (NVRAM_STABLE | FILE_STABLE) == 0 {
            copy.end_stable = copy.end_stable.min(below);
            if copy.rotten.contains(&index) && index > copy.image.cursor {
                copy.damaged.insert(index);
            }
        }
        if left & FILE_STABLE == 0 {
            copy.filed = copy.filed.min(below);
        }
        self.advance();
    }

    /// Moves the ends of the chains on.
    pub fn advance(&mut self) {
        let cursor = self.copy.image.cursor;
        let go = |end: &mut u64, mask: u8| {
            *end = (*end).max(cursor);
            while self.model.entry(*end + 1).is_some_and(|e| e.copies & mask != 0) {
                *end += 1;
            }
        };
        go(&mut self.copy.end_stable, NVRAM_STABLE | FILE_STABLE);
        go(&mut self.copy.end_current, NVRAM | FILE);
        go(&mut self.copy.filed, FILE_STABLE);
    }

    /// The last operation that recovery can apply to the image, for the blocks that the rig has damaged there.
    pub fn appliable(&self) -> u64 {
        let image = &self.copy.image;
        if image.damaged.is_empty() {
            return u64::MAX;
        }
        let redone = image.journal.as_ref().map(|j| j.cursor);
        let redone = redone.and_then(|c| self.model.index_of_cursor(c)).unwrap_or(0);
        let mut unreadable = image.damaged.clone();
        // Once the cursor behind the journal is written, it may be there: then nothing is put in place again.
        let cursor = image.current.cursor();
        let redone_for_sure = image.journal.as_ref().is_some_and(|j| j.header.counts_over(cursor));
        unreadable.retain(|at| !(redone_for_sure && image.covered(&self.at.image, *at)));
        let after = image.cursor.max(redone);
        (self.model.first_blocked(after, &mut unreadable)).map_or(u64::MAX, |i| i - 1)
    }

    /// The rig has damaged blocks of a side: of what is damaged on both there is no good copy.
    pub fn count_lost_blocks(&mut self) {
        let (own, copy) = (&self.source.volume, &self.copy.image);
        let both = own.damaged.intersection(&copy.damaged).copied();
        let lost =
            both.filter(|at| !own.will_redo(&self.at.own, *at) && !copy.will_redo(&self.at.image, *at));
        self.lost_blocks.extend(lost);
    }

    /// What the source has damaged and had changed alone nobody has; nor has the destination, for a source that lives, what
    /// stands there behind damage, so that it does not say that it holds it.
    pub fn count_lost_alone(&mut self) {
        let told = self.session.told().unwrap_or(u64::MAX);
        let held = self.copy.end_stable.min(told).max(self.copy.image.cursor);
        if self.source.alone && !self.source.volume.damaged.is_empty() {
            let changes = self.model.last_changes(held, self.source.volume.cursor);
            // What was freed before it went on alone, and is not there, is in no map: it may have changed any block.
            let unknown = self.model.position_of(held) < self.source.volume.stable.freed;
            let damaged = self.source.volume.damaged.iter().copied();
            self.lost_blocks.extend(damaged.filter(|at| unknown || changes.contains_key(at)));
        }
    }

    /// After everything was read anew: what the rig has damaged and what stands nowhere else is lost.
    pub fn count_damaged(&mut self) {
        let lost = |i: &u64| self.model.entry(*i).is_some_and(|e| e.copies == 0);
        let above = self.copy.rotten.range(self.copy.image.cursor + 1..);
        let lost: Vec<u64> = above.copied().filter(lost).collect();
        self.copy.damaged.extend(lost);
    }

    /// The rig has damaged a range of the log disk: a resync file there that counts, or may count soon.
    pub fn damage_roll(&mut self, (from, to): (u64, u64), stable: &dyn Medium) {
        if self.holds_roll((from, to)) || self.source.alone && self.overlaps_roll((from, to)) {
            let passes = self.copy.emptied.is_some() || self.copy.image.wound.is_some();
            self.copy.unrolled.get_or_insert(self.copy.harmed && !passes);
            self.copy.harmed = true;
            self.takes_roll(stable);
        }
    }

    fn overlaps_roll(&self, (from, to): (u64, u64)) -> bool {
        let (start, size, most) = self.at.resync;
        from < start + size * most && to > start
    }

    /// Whether a resync file that is sealed and not in the image yet stands in a range of the log disk.
    pub fn holds_roll(&self, range: (u64, u64)) -> bool {
        self.copy.image.stable.sealed.is_some() && self.overlaps_roll(range)
    }

    /// Whether a resync file counts that the rig has damaged: the image is at no prefix (LR5).
    pub fn at_no_prefix(&self) -> bool {
        let image = &self.copy.image;
        self.lonely()
            || self.copy.empty
            || self.copy.unrolled.is_some()
                && (image.stable.void || image.stable.sealed.is_some() && image.roll.is_none())
    }

    /// The destination was lost, and an empty one stands in its place.
    pub fn empty_copy(&mut self) {
        let fresh = Copy { empty: true, harmed: true, ..Copy::new() };
        self.copy = fresh;
        let image = &mut self.copy.image;
        image.bad_blocks.extend(self.model.written());
        image.bad_checks.extend(image.bad_blocks.iter().copied());
        self.session.replaced();
    }

    /// A resync is sealed: what was sent is all that there is to know of the image.
    pub fn refilled(&mut self) {
        let whole = self.copy.image.roll.is_some() || self.copy.image.stable.sealed.is_none();
        if std::mem::take(&mut self.copy.empty) {
            self.copy.unrolled.get_or_insert(false);
        }
        if whole {
            self.rolled();
        }
    }

    /// A resync file is in the image: nothing is left of what was damaged of one before.
    pub fn rolled(&mut self) {
        if let Some(for_good) = self.copy.unrolled.take() {
            self.copy.harmed = for_good || self.copy.emptied.is_some() || self.copy.image.wound.is_some();
        }
    }

    /// The destination's NVRAM, or its mark, is gone.
    pub fn empty(&mut self) {
        if self.copy.emptied.is_some() || !self.copy.harmed || self.copy.image.wound.is_some() {
            self.copy.emptied = Some(self.model.tip());
        }
        self.copy.harmed = true;
    }

    /// After the loss of the NVRAM: whole again once everything from before it is held and promised.
    pub fn heal(&mut self) {
        if let Some(tip) = self.copy.emptied
            && self.copy.end_stable >= tip.min(self.model.tip())
            && self.promised(Level::Nvram) >= tip.min(self.model.tip())
        {
            self.copy.emptied = None;
            self.copy.harmed = self.copy.image.wound.is_some() || self.copy.unrolled.is_some();
        }
    }

    /// A server died: what its next boot makes of a damaged superblock or journal nobody can foresee.
    pub fn falls_asleep(&mut self, server: Server) {
        let image = match server {
            Server::Source(i) if i == self.number => &mut self.source.volume,
            Server::Destination => &mut self.copy.image,
            Server::Source(_) => return,
        };
        image.asleep = true;
        if image.wound.take().is_some() {
            self.excuses.insert("damage");
            if server == Server::Destination {
                self.copy.emptied = None;
            }
        }
    }

    /// The machine has written superblock and journal anew: of what was damaged there nothing is left.
    pub fn mend(&mut self, own: bool) {
        let image = if own { &mut self.source.volume } else { &mut self.copy.image };
        if !image.mended() {
            return;
        }
        if own {
            self.source.harmed = false;
        } else {
            self.copy.harmed = self.copy.emptied.is_some() || self.copy.unrolled.is_some();
        }
        if self.source.volume.wound.is_none() && self.copy.image.wound.is_none() {
            self.excuses.remove(crate::faults::STRUCTURE);
        }
    }

    /// Nothing is known of any copy (before a rescan).
    pub fn forget_copies(&mut self) {
        for index in self.model.base() + 1..=self.model.tip() {
            self.model.entry_mut(index).expect("listed").copies = 0;
        }
        let copy = &mut self.copy;
        (copy.end_stable, copy.end_current, copy.filed) = (0, 0, 0);
        (copy.top_stable, copy.top_current, copy.doubled) = (0, 0, false);
    }

    /// The source's log ends at `last`: later numbers are free again.
    pub fn truncate(&mut self, last: u64) {
        for index in last + 1..=self.model.tip() {
            if index <= self.source.forwarded
                && let Some(entry) = self.model.entry(index)
            {
                self.source.freed.insert(index, entry.check);
            }
        }
        self.model.truncate(last);
        self.history.truncate(last);
        self.source.stable = self.source.stable.min(last);
        for image in [&mut self.source.volume, &mut self.copy.image] {
            image.journal.iter_mut().for_each(|j| j.truncate(last));
        }
        let copy = &mut self.copy;
        for end in [&mut copy.end_stable, &mut copy.end_current, &mut copy.filed] {
            *end = (*end).min(last);
        }
    }

    /// Lets go of what no judgement will ask for again.
    pub fn prune(&mut self) {
        let mut base = match self.copy.keeps {
            Keeps::Copy => self.copy.image.cursor,
            // A resync that began then may be sealed.
            Keeps::Void => self.kept_since,
            Keeps::Nothing => u64::MAX,
        };
        if !self.source.gone {
            base = base.min(self.source.volume.cursor);
        }
        if let Some(floor) = self.history.least_floor()
            && self.model.tip() - floor.min(self.model.tip()) < 1 << 16
        {
            base = base.min(floor);
        }
        base = base.min(self.remembered.unwrap_or(u64::MAX));
        if base > self.model.base() {
            self.model.prune(base);
        }
    }

    pub fn memory(&self) -> u64 {
        let images = self.copy.image.memory() + self.source.volume.memory();
        self.model.memory() + self.history.memory() + images
    }
}
