//! SyncRequest to SyncDone (DR5, DR6, DR10): trailer, read back and verify, apply, clear, answer.

use super::Shared;
use super::desk::Desk;
use crate::apply::{Apply, Progress};
use crate::area::{Area, Trust};
use crate::effect::{Alarm, Completion, Device, Duty, Run, Token};
use crate::heal::BlockKey;
use crate::ids::Position;
use crate::log_file::{FILE_HEADER, FileTrailer};
use crate::quirk::{Bend, Quirk};
use crate::record::extend_digest;
use crate::roll::{self, Roll};
use crate::stage::Stage;
use crate::wire::Message;
use alloc::boxed::Box;
use alloc::vec::Vec;

#[derive(Debug)]
enum Step<Q> {
    Trailer,
    TrailerFlush,
    ReadBack(Box<Area>),
    Apply(Box<Apply<Q>>),
    /// A sealed resync file goes into the image.
    Roll(Box<Roll>),
    Clear,
    ClearFlush,
}

/// The apply of a generation, or (`whole` false) of the filed prefix of one.
#[derive(Debug)]
pub(super) struct Applying<Q> {
    token: Token,
    step: Step<Q>,
    generation: u64,
    whole: bool,
    /// Records that are to be in the file at least.
    count: u64,
    no_space: bool,
}

impl<Q: Quirk> Applying<Q> {
    /// The repair of a block, between two applies.
    pub fn repair(apply: Apply<Q>) -> Self {
        let step = Step::Apply(Box::new(apply));
        Applying { token: Token(0), step, generation: 0, whole: false, count: 0, no_space: false }
    }

    /// A resync file that is sealed.
    pub fn roll(roll: Roll) -> Self {
        let step = Step::Roll(Box::new(roll));
        Applying { token: Token(0), step, generation: 0, whole: false, count: 0, no_space: false }
    }

    /// Whether a completion is still to come.
    pub fn working(&self) -> bool {
        match &self.step {
            Step::Apply(apply) => apply.working() && !self.no_space,
            _ => !self.no_space,
        }
    }

    /// Whether nothing of it is on its way, or will be before its blocks are healed.
    pub fn rests(&self) -> bool {
        !self.unreadable().is_empty()
    }

    /// Whether it waits for space.
    pub fn waits_for_space(&self) -> bool {
        self.no_space
    }

    /// Whether this is the completion that it waits for.
    pub fn waits_for(&self, token: Token) -> bool {
        match &self.step {
            Step::Apply(apply) => apply.waits_for(token),
            Step::Roll(roll) => roll.waits_for(token),
            _ => self.token == token,
        }
    }

    /// The blocks that it waits for; none if it does not wait.
    pub fn unreadable(&self) -> &[BlockKey] {
        match &self.step {
            Step::Apply(apply) => apply.unreadable(),
            _ => &[],
        }
    }

    /// Whether the blocks on the device are those of the superblock's cursor.
    pub fn at_cursor(&self) -> bool {
        match &self.step {
            Step::Apply(apply) => apply.at_cursor(),
            Step::Roll(_) => false,
            _ => true,
        }
    }
}

impl<Q: Quirk> Desk<Q> {
    /// DR5.
    pub fn sync_requested(&mut self, shared: &mut Shared, generation: u64, count: u64, digest: u64) {
        self.stage(shared, Stage::SyncReceived, Position::new(generation, 0));
        if self.quirk.bends(Bend::SyncBySlot) && generation <= self.cleared && self.sync_slot(generation) {
            return;
        }
        if generation <= self.cleared {
            return self.sync_done(shared, generation);
        }
        // A source owes at most k generations at a time.
        if generation > self.superblock.applied_gen.saturating_add(self.geometry.files) {
            return self.alarm(shared, Alarm::Protocol { kind: 8 });
        }
        if generation > self.superblock.applied_gen {
            let known = self.file(generation).map_or(0, |f| f.checks.len() as u64);
            let other = self.file(generation).is_some_and(|f| known == count && f.digest != digest);
            if known > count || other {
                return self.alarm(shared, Alarm::SyncConflict { generation });
            }
            self.syncs.insert(generation, (count, digest));
        }
    }

    /// A planted bug: whatever file is in the slot is taken for the one that is asked for.
    fn sync_slot(&mut self, generation: u64) -> bool {
        let slot = |g: u64| g % self.geometry.files;
        let next = self.superblock.applied_gen + 1;
        let file = self.file(next).filter(|f| slot(f.generation) == slot(generation));
        let whole = file.filter(|f| f.durable == f.checks.len() as u64).map(|f| (f.durable, f.digest));
        whole.is_some_and(|as_it_stands| self.syncs.insert(next, as_it_stands).is_none())
    }

    fn sync_done(&mut self, shared: &mut Shared, generation: u64) {
        if let Some(connection) = self.connection {
            self.send(shared, connection, Message::SyncDone { generation });
            self.stage(shared, Stage::SyncDone, Position::new(generation, 0));
        }
    }

    /// Starts the next apply if its signal and all its records are there.
    pub fn apply_next(&mut self, shared: &mut Shared) {
        if self.applying.is_some() || self.turn.is_some() || self.superblock.sealed.is_some() {
            return;
        }
        let generation = self.superblock.applied_gen + 1;
        if generation > self.round {
            return;
        }
        let asked = self.syncs.get(&generation).copied();
        let Some((count, digest)) = asked.or_else(|| self.complete(generation)) else { return };
        if count == 0 {
            return self.start_apply(shared, generation, true, 0, core::iter::empty());
        }
        let Some(file) = self.file(generation) else { return };
        let short = self.quirk.bends(Bend::ApplyShort) && file.durable < count;
        let (count, digest) = if short { (file.durable, file.digest) } else { (count, digest) };
        if file.durable != count || file.checks.len() as u64 != count || self.unfiled(generation) {
            return;
        }
        if file.digest != digest {
            self.syncs.remove(&generation);
            return self.alarm(shared, Alarm::SyncConflict { generation });
        }
        let trailer = FileTrailer { epoch: self.superblock.epoch, generation, count, digest };
        let at = self.geometry.place(file.place) + file.used;
        let run = Run::one(at, trailer.encode(self.geometry.mirror));
        let token = shared.out.write(self.index, Duty::Apply, Device::Log, alloc::vec![run]);
        self.applying =
            Some(Applying { token, step: Step::Trailer, generation, whole: true, count, no_space: false });
    }

    /// The generations, first and last, that are asked for, and whose records are all in their files (DR11).
    pub fn asked(&self) -> Option<(u64, u64)> {
        let serving = matches!(self.phase, super::desk::Phase::Serving);
        if !serving && !self.quirk.bends(Bend::WaitForRecovered) {
            return None;
        }
        let first = self.cleared + 1;
        let whole = |g: &u64| {
            let Some((count, _)) = self.syncs.get(g) else { return false };
            *g <= self.superblock.applied_gen
                || *count == 0
                || self.file(*g).is_some_and(|f| f.durable == *count) && !self.unfiled(*g)
        };
        let last = (first..).take_while(whole).last()?;
        Some((first, last))
    }

    /// A planted bug: a file is taken for complete, and asked for, once records of a younger generation come.
    fn complete(&self, generation: u64) -> Option<(u64, u64)> {
        let younger = self.tip.position.generation > generation;
        let file = self.file(generation).filter(|_| younger && self.quirk.bends(Bend::ApplyUnasked))?;
        Some((file.checks.len() as u64, file.digest))
    }

    /// DR10 `global`: another mirror's signal applies what is filed here; the file stays.
    pub fn apply_prefix(&mut self, shared: &mut Shared) {
        let serves = matches!(self.phase, super::desk::Phase::Serving) && self.turn.is_none();
        if self.applying.is_some() || !serves || self.superblock.sealed.is_some() {
            return;
        }
        if !self.syncs.contains_key(&(self.superblock.applied_gen + 1)) {
            self.apply_filed(shared);
        }
    }

    /// Applies what is filed of the open generation; the file stays.
    pub fn apply_filed(&mut self, shared: &mut Shared) {
        let generation = self.superblock.applied_gen + 1;
        let Some(count) = self.file(generation).map(|f| f.durable) else { return };
        // As a whole it is applied when its round comes.
        let whole = self.syncs.get(&generation).is_some_and(|asked| asked.0 == count);
        if count > self.superblock.applied_seq && !whole {
            self.read_back(shared, generation, false, count);
        }
    }

    fn read_back(&mut self, shared: &mut Shared, generation: u64, whole: bool, count: u64) {
        let Some(file) = self.file(generation) else { return };
        let start = self.geometry.place(file.place);
        let area = Area::new(start + FILE_HEADER, start + self.geometry.file_size, Some(generation));
        let area = area.trusting(Trust::in_file(self.quirk));
        let Some(ranges) = area.first() else { return };
        let token = shared.out.read(self.index, Duty::Apply, Device::Log, ranges);
        let step = Step::ReadBack(Box::new(area));
        self.applying = Some(Applying { token, step, generation, whole, count, no_space: false });
    }

    fn start_apply(
        &mut self,
        shared: &mut Shared,
        generation: u64,
        whole: bool,
        count: u64,
        records: impl Iterator<Item = crate::record::Record>,
    ) {
        self.stage(shared, Stage::ApplyStarted, Position::new(generation, 0));
        let apply = Apply::new(
            self.geometry.clone(),
            self.region.clone(),
            self.index,
            self.quirk,
            records,
            whole.then_some(generation),
            &self.superblock,
        );
        let step = Step::Apply(Box::new(apply));
        self.applying = Some(Applying { token: Token(0), step, generation, whole, count, no_space: false });
        self.start_batch(shared);
    }

    /// The next batch of the apply, or the same again with the blocks that it lacked.
    pub fn start_batch(&mut self, shared: &mut Shared) {
        let Some(Applying { step: Step::Apply(apply), .. }) = &mut self.applying else { return };
        let progress = apply.start(&mut self.superblock, &mut self.heal.blocks, &mut shared.out);
        self.applied(shared, progress);
    }

    pub fn apply_done(&mut self, shared: &mut Shared, token: Token, completion: Completion) {
        let Some(applying) = &mut self.applying else { return };
        if let Step::Apply(apply) = &mut applying.step {
            if apply.waits_for(token) {
                let progress =
                    apply.done(completion, &mut self.superblock, &mut self.heal.blocks, &mut shared.out);
                self.applied(shared, progress);
            }
            return;
        }
        if let Step::Roll(roll) = &mut applying.step {
            if roll.waits_for(token) {
                match roll.done(completion, &mut shared.out) {
                    roll::Progress::Working => {}
                    roll::Progress::Finished => self.rolled(shared, true),
                    roll::Progress::Damaged => self.rolled(shared, false),
                    roll::Progress::NoSpace => {
                        applying.no_space = true;
                        self.retry_later(shared);
                    }
                }
            }
            return;
        }
        if applying.token != token {
            return;
        }
        if let Completion::NoSpace = completion {
            applying.no_space = true;
            return self.retry_later(shared);
        }
        let (generation, whole, count) = (applying.generation, applying.whole, applying.count);
        match &mut applying.step {
            Step::Trailer => {
                applying.step = Step::TrailerFlush;
                applying.token = shared.out.flush(self.index, Duty::Apply, Device::Log);
            }
            Step::TrailerFlush => self.read_back(shared, generation, whole, count),
            Step::ReadBack(area) => {
                let Completion::Read(data) = completion else { return };
                if let Some(ranges) = area.feed(&self.geometry, &data) {
                    applying.token = shared.out.read(self.index, Duty::Apply, Device::Log, ranges);
                    return;
                }
                self.verify(shared);
            }
            Step::Clear => {
                let generation = applying.generation;
                if let Some(twin) = self.twins.iter().position(|(g, _)| *g <= generation) {
                    let (_, place) = self.twins.swap_remove(twin);
                    self.foreign.retain(|p| *p != place);
                    let (at, size) = (self.geometry.place(place), self.geometry.file_size);
                    applying.token = shared.out.discard(self.index, Duty::Clear, Device::Log, at, size);
                    return;
                }
                applying.step = Step::ClearFlush;
                applying.token = shared.out.flush(self.index, Duty::Clear, Device::Log);
            }
            Step::ClearFlush => self.finish(shared),
            Step::Apply(_) | Step::Roll(_) => {}
        }
    }

    /// What stands in the file must be what was appended: exactly `count` chained valid records with the digest.
    fn verify(&mut self, shared: &mut Shared) {
        let Some(Applying { step: Step::ReadBack(area), generation, whole, count, .. }) =
            self.applying.take()
        else {
            return;
        };
        let Some(file) = self.file(generation) else { return };
        let good = area
            .records
            .iter()
            .zip(&file.checks)
            .take_while(|(record, check)| record.check == **check)
            .count() as u64;
        if good < count {
            return self.damaged(shared);
        }
        debug_assert_eq!(
            file.digest,
            file.checks.iter().fold(0, |d, c| extend_digest(d, *c)),
            "the digest is kept up record by record"
        );
        let superblock = self.superblock;
        let again = self.quirk.bends(Bend::ApplyPrefixAgain);
        let records = area
            .records
            .into_iter()
            .take(count as usize)
            .filter(move |record| again || !superblock.covers(record.position));
        self.start_apply(shared, generation, whole, count, records);
    }

    fn applied(&mut self, shared: &mut Shared, progress: Progress) {
        match progress {
            Progress::Working => {}
            Progress::Advanced => self.start_batch(shared),
            Progress::NoSpace => {
                if let Some(applying) = &mut self.applying {
                    applying.no_space = true;
                }
                self.retry_later(shared);
            }
            // It waits for them (heal.rs).
            Progress::Damaged => {
                let blocks = self.applying.as_ref().map_or(Vec::new(), |a| a.unreadable().to_vec());
                blocks.into_iter().for_each(|key| self.block_damaged(shared, key));
            }
            Progress::Finished => {
                let Some(applying) = self.applying.take() else { return };
                if applying.whole {
                    self.image_applied(shared, applying.generation);
                } else if applying.generation > 0 {
                    let upto = Position::new(self.superblock.applied_gen, self.superblock.applied_seq);
                    self.stage(shared, Stage::PrefixApplied, upto);
                }
            }
        }
    }

    /// The cursor is durable; now the file may go.
    fn image_applied(&mut self, shared: &mut Shared, generation: u64) {
        self.stage(shared, Stage::ImageApplied, Position::new(generation, 0));
        let size = self.geometry.file_size;
        let Some(file) = self.file(generation) else { return self.cleared(shared, generation) };
        let place = self.geometry.place(file.place);
        let token = shared.out.discard(self.index, Duty::Clear, Device::Log, place, size);
        if self.quirk.bends(Bend::ClearWithoutFlush) {
            return self.cleared(shared, generation);
        }
        self.applying =
            Some(Applying { token, step: Step::Clear, generation, whole: true, count: 0, no_space: false });
    }

    fn finish(&mut self, shared: &mut Shared) {
        if let Some(applying) = self.applying.take() {
            self.stage(shared, Stage::FileCleared, Position::new(applying.generation, 0));
            self.cleared(shared, applying.generation);
        }
    }

    fn cleared(&mut self, shared: &mut Shared, generation: u64) {
        self.files.retain(|f| f.generation != generation);
        self.syncs.retain(|g, _| *g > generation);
        self.cleared = generation;
        self.sync_done(shared, generation);
        self.append(shared);
        self.apply_next(shared);
    }

    pub fn retry_apply(&mut self, shared: &mut Shared) {
        let Some(applying) = self.applying.as_mut().filter(|a| a.no_space) else { return };
        applying.no_space = false;
        match &mut applying.step {
            Step::Apply(apply) => {
                apply.retry(&mut shared.out);
            }
            Step::Roll(roll) => roll.retry(&mut shared.out),
            // The trailer: begin again.
            _ => {
                self.applying = None;
                self.apply_next(shared);
            }
        }
    }
}
