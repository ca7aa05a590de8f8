//! Recovery of a mirror at the destination (DR7, DR8): fence the old writer, finish a half-done apply, roll the image
//! forward by the longest valid chain, persist the verdict, and only then clean up. Restartable at each step.

mod promotion;

use crate::apply::{Apply, Progress};
use crate::block_map::BlockMap;
use crate::chain::{self, Chain};
use crate::config::{AckLevel, PolicyKind};
use crate::effect::{Completion, Device, Duty, Outbox, Run, Token};
use crate::geometry::{Geometry, Home, Region};
use crate::ground::Ground;
use crate::heal::Healing;
use crate::ids::{MirrorIndex, Position};
use crate::nvram_log::SegmentHeader;
use crate::quirk::{Bend, Quirk};
use crate::record::Record;
use crate::roll::{self, Roll};
use crate::stage::Stage;
use crate::superblock::{Alone, Role, Superblock, Verdict};
use crate::survey::Survey;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Flush,
    Ground,
    Fence,
    FenceFlush,
    Redo,
    Roll,
    Rolled,
    RolledFlush,
    Survey,
    Apply,
    /// Promotion: the map, and what the heir's log and mark are to be.
    Map,
    MapFlush,
    Verdict,
    VerdictFlush,
    Clean,
    CleanFlush,
    Done,
}

/// How a recovery stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Not finished.
    Working,
    /// The image is open, and everything behind it is cleaned up.
    Open(Verdict, Position),
    /// No valid superblock: nothing can be said.
    NoSuperblock,
    /// No space for a write; `retry` repeats it.
    NoSpace,
}

/// The recovery of one mirror.
#[derive(Debug)]
pub struct Recovery<Q> {
    geometry: Arc<Geometry>,
    region: Region,
    index: MirrorIndex,
    quirk: Q,
    step: Step,
    token: Token,
    waiting: u32,
    ground: Ground<Q>,
    survey: Survey<Q>,
    roll: Option<Roll>,
    apply: Option<Apply<Q>>,
    /// Nobody can be asked for a damaged block here.
    healing: Healing,
    superblock: Superblock,
    end: Position,
    evidence: Position,
    /// A damaged block of the image ends what can be applied.
    cut: bool,
    replayed: u64,
    segments: Option<Vec<(u64, u64)>>,
    /// Where this server has room for the mirror's clients, if it has.
    home: Option<Home>,
    /// The operator wants them to be served (LR6).
    promotes: bool,
    /// Those of another server than the former source's (LR9).
    adopts: bool,
    /// The other server has handed them over (LR8).
    returns: bool,
    map: Option<Run>,
    /// Where this life of it went on.
    resumed: Position,
}

impl<Q: Quirk> Recovery<Q> {
    /// For mirror `index`, whose region on the image disk is `region`; its mark stands at `mark_at`, and the NVRAM has
    /// segments of these numbers.
    pub fn new(
        geometry: Arc<Geometry>,
        region: Region,
        (index, mark_at): (MirrorIndex, u64),
        segments: Range<u64>,
        quirk: Q,
    ) -> Self {
        let ground = Ground::new(geometry.clone(), region.clone(), index, mark_at, quirk);
        let survey = Survey::new(geometry.clone(), index, segments, true, quirk);
        Recovery {
            geometry,
            region,
            index,
            quirk,
            step: Step::Done,
            token: Token(0),
            waiting: 0,
            ground,
            survey,
            roll: None,
            apply: None,
            healing: Healing::default(),
            superblock: Superblock::fresh(Role::Recovering, AckLevel::Nvram),
            end: Position::ZERO,
            evidence: Position::ZERO,
            cut: false,
            replayed: 0,
            segments: None,
            home: None,
            promotes: false,
            adopts: false,
            returns: false,
            map: None,
            resumed: Position::ZERO,
        }
    }

    /// Begins. Nothing counts before it is durable, so everything is flushed first.
    pub fn start(&mut self, out: &mut Outbox) {
        out.stage(self.index, Stage::RecoveryStarted, Position::ZERO);
        self.flush_all(Step::Flush, &[Device::Nvram, Device::Mark, Device::Log, Device::Image], out);
    }

    /// The superblock as it stands.
    pub fn superblock(&self) -> &Superblock {
        &self.superblock
    }

    /// Segments of the NVRAM that are this mirror's, once they are known.
    pub fn segments(&self) -> Option<impl Iterator<Item = u64>> {
        self.segments.as_ref().map(|s| s.iter().map(|(segment, _)| *segment))
    }

    /// Records that were applied.
    pub fn replayed(&self) -> u64 {
        self.replayed
    }

    fn flush_all(&mut self, step: Step, devices: &[Device], out: &mut Outbox) {
        self.step = step;
        self.waiting = devices.len() as u32;
        for device in devices {
            out.flush(self.index, Duty::Boot, *device);
        }
    }

    fn write_superblock(&mut self, step: Step, out: &mut Outbox) -> Outcome {
        self.superblock.counter += 1;
        let at = self.region.base + self.superblock.slot();
        let run = Run::one(at, self.superblock.encode(self.geometry.mirror));
        self.step = step;
        self.token = out.write(self.index, Duty::Boot, Device::Image, alloc::vec![run]);
        Outcome::Working
    }

    fn flush_image(&mut self, step: Step, out: &mut Outbox) -> Outcome {
        self.step = step;
        self.token = out.flush(self.index, Duty::Boot, Device::Image);
        Outcome::Working
    }

    fn step_done(&mut self, out: &mut Outbox) {
        out.stage(self.index, Stage::RecoveryStep, Position::ZERO);
    }

    /// Goes on after a completion.
    pub fn done(&mut self, token: Token, completion: Completion, out: &mut Outbox) -> Outcome {
        match self.step {
            // What the server had under way before does not count here.
            Step::Flush | Step::MapFlush | Step::Clean | Step::CleanFlush if token.duty() != Duty::Boot => {}
            Step::Flush => {
                self.waiting -= 1;
                if self.waiting == 0 {
                    self.step = Step::Ground;
                    self.ground.start(out);
                }
            }
            Step::Ground => {
                if self.ground.waits_for(token) && self.ground.done(completion, &mut self.superblock, out) {
                    return self.fence(out);
                }
            }
            Step::Redo => {
                if self.ground.waits_for(token) && self.ground.done(completion, &mut self.superblock, out) {
                    self.step_done(out);
                    self.start_roll(out);
                }
            }
            Step::Roll => {
                let Some(roll) = self.roll.as_mut().filter(|r| r.waits_for(token)) else {
                    return Outcome::Working;
                };
                match roll.done(completion, out) {
                    roll::Progress::Working => {}
                    roll::Progress::NoSpace => return Outcome::NoSpace,
                    progress => {
                        self.superblock.sealed = None;
                        self.superblock.void |= progress == roll::Progress::Damaged;
                        return self.write_superblock(Step::Rolled, out);
                    }
                }
            }
            Step::Survey => {
                if self.survey.waits_for(token) && self.survey.done(completion, out) {
                    self.step_done(out);
                    return self.roll_forward(out);
                }
            }
            Step::Apply => {
                let Some(apply) = self.apply.as_mut().filter(|a| a.waits_for(token)) else {
                    return Outcome::Working;
                };
                let progress = apply.done(completion, &mut self.superblock, &mut self.healing, out);
                return self.applied(progress, out);
            }
            Step::Clean | Step::CleanFlush => {
                self.waiting -= 1;
                if self.waiting == 0 {
                    if self.step == Step::Clean {
                        self.flush_all(Step::CleanFlush, &[Device::Nvram, Device::Log], out);
                    } else {
                        return self.opened();
                    }
                }
            }
            Step::MapFlush => {
                self.waiting -= 1;
                if self.waiting == 0 {
                    self.step_done(out);
                    return self.write_superblock(Step::Verdict, out);
                }
            }
            Step::Done => {}
            _ if token != self.token => {}
            _ if matches!(completion, Completion::NoSpace) => return Outcome::NoSpace,
            Step::Fence => return self.flush_image(Step::FenceFlush, out),
            Step::FenceFlush => {
                self.step_done(out);
                if self.superblock.role == Role::Recovered {
                    self.start_survey(out);
                    return Outcome::Working;
                }
                self.step = Step::Redo;
                if !self.ground.redo(out) {
                    self.start_roll(out);
                }
            }
            Step::Map => {
                self.flush_all(Step::MapFlush, &[Device::Nvram, Device::Mark, Device::Image], out);
            }
            Step::Rolled => return self.flush_image(Step::RolledFlush, out),
            Step::RolledFlush => {
                out.stage(self.index, Stage::ResyncApplied, self.superblock.tail.position);
                self.step_done(out);
                self.start_survey(out);
            }
            Step::Verdict => return self.flush_image(Step::VerdictFlush, out),
            Step::VerdictFlush => {
                out.stage(self.index, Stage::Recovered, self.superblock.recovered);
                if self.superblock.role == Role::Degraded {
                    out.stage(self.index, Stage::Promoted, self.superblock.recovered);
                }
                return self.clean(out);
            }
        }
        Outcome::Working
    }

    /// Repeats the write that found no space.
    pub fn retry(&mut self, out: &mut Outbox) {
        match self.step {
            Step::Roll => {
                if let Some(roll) = &mut self.roll {
                    roll.retry(out);
                }
            }
            Step::Map => self.write_map(out),
            Step::Fence | Step::Rolled | Step::Verdict => {
                self.superblock.counter -= 1;
                self.write_superblock(self.step, out);
            }
            Step::Apply => {
                if let Some(apply) = &mut self.apply {
                    apply.retry(out);
                }
            }
            _ => {}
        }
    }

    /// What is still to be applied, in order, while the blocks that the next batch changes are awaited.
    pub fn ahead(&self) -> Option<impl ExactSizeIterator<Item = &Record>> {
        self.apply.as_ref().filter(|_| self.step == Step::Apply && !self.cut)?.ahead()
    }

    /// The records of the batch that is under way.
    pub fn batch(&self) -> &[Record] {
        self.apply.as_ref().map_or(&[], |apply| apply.batch())
    }

    /// While the cursor of a batch is flushed: the superblock that the batch leads to, and how many records follow.
    pub fn landing(&self) -> Option<(&Superblock, usize)> {
        self.apply.as_ref().filter(|_| self.step == Step::Apply && !self.cut)?.landing()
    }

    /// Goes on behind the first `records` of [`Recovery::ahead`], whose batches are on the device and led to `superblock`.
    /// Between two batches nothing else is remembered, so this is what doing these batches would come to.
    pub fn go_on_behind(&mut self, records: usize, superblock: &Superblock, out: &mut Outbox) {
        let Some(apply) = self.apply.as_mut().filter(|_| self.step == Step::Apply) else { return };
        self.superblock = *superblock;
        apply.leave_out(records);
        let progress = apply.start(&mut self.superblock, &mut self.healing, out);
        self.applied(progress, out);
    }

    /// Whether the next epoch is durable: before, nobody may be told of it.
    pub fn has_fenced(&self) -> bool {
        !matches!(self.step, Step::Flush | Step::Ground | Step::Fence | Step::FenceFlush)
    }

    /// Step 1: the next epoch is durable before anything else, so that the old writer is fenced.
    fn fence(&mut self, out: &mut Outbox) -> Outcome {
        let Some(superblock) = self.ground.superblock else {
            self.step = Step::Done;
            return Outcome::NoSuperblock;
        };
        self.superblock = superblock;
        self.superblock.promotes &= !self.quirk.bends(Bend::ForgetWish);
        self.note_wish();
        self.superblock.returns |= self.returns;
        match superblock.role {
            Role::Recovered if !superblock.promotes && self.superblock.promotes && self.inherits() => {
                self.write_superblock(Step::Fence, out)
            }
            Role::Recovered | Role::Degraded | Role::Source | Role::Retired => {
                self.start_survey(out);
                Outcome::Working
            }
            Role::Recovering => {
                self.step = Step::Redo;
                if !self.ground.redo(out) {
                    self.start_roll(out);
                }
                Outcome::Working
            }
            Role::Mirror | Role::Target | Role::Diverged => {
                self.superblock.role = Role::Recovering;
                // What is applied from here on, the source may lack (LR6).
                self.superblock.alone = Alone { freed: superblock.tail.position, ..Alone::default() };
                self.superblock.epoch += !self.quirk.bends(Bend::KeepEpoch) as u64;
                self.write_superblock(Step::Fence, out)
            }
        }
    }

    /// A sealed resync file goes into the image before anything else does (LR4).
    fn start_roll(&mut self, out: &mut Outbox) {
        let Some(sealed) = self.superblock.sealed.filter(|_| !self.quirk.bends(Bend::SkipRoll)) else {
            return self.start_survey(out);
        };
        self.step = Step::Roll;
        let (geometry, region) = (self.geometry.clone(), self.region.clone());
        let roll = Roll::new(geometry, region, self.index, self.superblock.session, sealed);
        self.roll.insert(roll).start(out);
    }

    fn start_survey(&mut self, out: &mut Outbox) {
        self.step = Step::Survey;
        self.survey.start(out);
    }

    /// Step 2: the longest valid chain in files and NVRAM together.
    fn roll_forward(&mut self, out: &mut Outbox) -> Outcome {
        self.segments = Some(self.survey.segments.iter().map(|s| (s.segment, s.serial)).collect());
        if self.superblock.role == Role::Recovered && self.superblock.promotes && self.inherits() {
            // What had to be applied is forgotten by now: whoever comes back lacks perhaps everything.
            self.end = self.superblock.recovered;
            return self.bequeath(BlockMap::full(&self.geometry, self.end), out);
        }
        if self.superblock.role == Role::Recovered || self.superblock.role.leads() {
            return self.clean(out);
        }
        if self.quirk.bends(Bend::RecoverFilesOnly) {
            self.survey.segments.clear();
        }
        let (tail, epoch) = (self.superblock.tail, self.superblock.epoch);
        let chain = chain::longest(tail, epoch, &self.survey.files, &self.survey.segments, true, self.quirk);
        let hides = chain.hides(&self.survey.segments);
        let Chain { entries, end } = chain;
        let mark = self.ground.mark.unwrap_or_default();
        if self.superblock.void && !self.quirk.bends(Bend::RecoverVoid) {
            // No prefix is in the image, and nothing here makes it one.
            self.evidence = self.superblock.tail.position.max(mark.nvram);
            return self.conclude(out);
        }
        self.end = end.position;
        let blind = self.quirk.bends(Bend::EndAtBadChecksum) || self.quirk.bends(Bend::RecoverFilesOnly);
        self.evidence = if blind { self.end } else { self.survey.evidence(&mark) };
        let suspicious = self.evidence > self.end || hides || self.survey.garbled();
        if suspicious && !blind && self.survey.search(out) {
            // Good records may stand behind a damaged one: look again.
            return Outcome::Working;
        }
        if self.evidence > self.end {
            out.stage(self.index, Stage::DamageFound, self.end);
        } else if self.survey.garbled() || self.survey.survived(self.end) {
            out.stage(self.index, Stage::TornTail, self.end);
        }
        let unread = self.superblock.promotes && self.quirk.bends(Bend::ServeUnreplayed);
        let entries = if unread { Vec::new() } else { entries };
        self.replayed = entries.len() as u64;
        self.resumed = self.superblock.tail.position;
        if self.quirk.bends(Bend::ClearBeforeDurable) {
            self.discard_log(out);
        }
        let mut apply = Apply::new(
            self.geometry.clone(),
            self.region.clone(),
            self.index,
            self.quirk,
            entries.into_iter().map(|e| e.record),
            None,
            &self.superblock,
        );
        self.step = Step::Apply;
        let progress = apply.start(&mut self.superblock, &mut self.healing, out);
        self.apply = Some(apply);
        self.applied(progress, out)
    }

    fn applied(&mut self, progress: Progress, out: &mut Outbox) -> Outcome {
        match progress {
            Progress::Working => Outcome::Working,
            Progress::NoSpace => Outcome::NoSpace,
            Progress::Advanced => {
                self.step_done(out);
                // The batch has put the superblock of its beginning in place.
                self.note_wish();
                let files_left = self.superblock.tail.position.generation < self.end.generation;
                if files_left && self.quirk.bends(Bend::VerdictTooEarly) {
                    self.reach_verdict();
                }
                let Some(apply) = &mut self.apply else { return Outcome::Working };
                let next = apply.start(&mut self.superblock, &mut self.healing, out);
                self.applied(next, out)
            }
            Progress::Finished => {
                if self.cut {
                    self.end = self.superblock.tail.position;
                }
                self.conclude(out)
            }
            // The image itself is damaged and no peer can be asked: from the first record that needs the block on
            // everything is lost with it.
            Progress::Damaged => {
                self.evidence = self.evidence.max(self.end);
                self.cut = true;
                let Some(apply) = &mut self.apply else { return Outcome::Working };
                apply.end_before_unreadable();
                let next = apply.start(&mut self.superblock, &mut self.healing, out);
                self.applied(next, out)
            }
        }
    }

    /// Steps 3 and 4: the image is durable; now the verdict.
    fn conclude(&mut self, out: &mut Outbox) -> Outcome {
        self.note_wish();
        self.reach_verdict();
        if self.superblock.promotes && self.inherits() {
            let map = self.applied_since_the_fence();
            return self.bequeath(map, out);
        }
        self.write_superblock(Step::Verdict, out)
    }

    fn reach_verdict(&mut self) {
        self.superblock.role = Role::Recovered;
        self.superblock.recovered = self.end;
        let promised =
            self.superblock.policy == PolicyKind::Strict && self.superblock.ack != AckLevel::Received;
        self.superblock.verdict = Some(
            if self.evidence > self.end || self.superblock.void && !self.quirk.bends(Bend::RecoverVoid) {
                Verdict::Damaged { after: self.end, to: self.evidence }
            } else if self.ground.mark.is_none() || !promised {
                // Nothing here covers all that was answered.
                Verdict::CompleteUpTo
            } else {
                Verdict::Complete
            },
        );
    }

    fn discard_log(&mut self, out: &mut Outbox) {
        let size = self.geometry.file_size;
        for place in 0..self.geometry.places() {
            out.discard(self.index, Duty::Boot, Device::Log, self.geometry.place(place), size);
        }
        let runs = self
            .segments
            .iter()
            .flatten()
            .map(|(segment, serial)| {
                let header = SegmentHeader { in_use: false, mirror: self.geometry.mirror, serial: *serial };
                Run::one(segment * self.geometry.segment_size, header.encode())
            })
            .collect();
        out.write(self.index, Duty::Boot, Device::Nvram, runs);
    }

    /// Files and NVRAM are given back; a damaged mirror keeps them as evidence.
    fn clean(&mut self, out: &mut Outbox) -> Outcome {
        if matches!(self.superblock.verdict, Some(Verdict::Damaged { .. })) {
            return self.opened();
        }
        self.discard_log(out);
        self.step = Step::Clean;
        self.waiting = self.geometry.places() as u32;
        Outcome::Working
    }

    fn opened(&mut self) -> Outcome {
        self.step = Step::Done;
        Outcome::Open(self.superblock.verdict.unwrap_or(Verdict::CompleteUpTo), self.superblock.recovered)
    }
}
