//! Boot of a desk (DR2, DR8): flush, read, finish a half-done apply, find the end of the log, cut off a torn tail or begin
//! a repair, raise the mark to what is held; only then answer a Hello.

use super::Shared;
use super::desk::{Desk, Entry, Next, Phase};
use super::heal::Heal;
use super::repair::Remains;
use crate::chain::{self, Chain, ChainEntry};
use crate::effect::{Alarm, Completion, Device, Duty, Run, Token};
use crate::geometry::SECTOR;
use crate::ground::Ground;
use crate::ids::{Link, Position};
use crate::mark;
use crate::quirk::{Bend, Quirk};
use crate::roll::{self, Roll};
use crate::shape::Shape;
use crate::stage::Stage;
use crate::superblock::{Role, Superblock};
use crate::survey::Survey;
use alloc::boxed::Box;
use alloc::vec::Vec;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Flush,
    Ground,
    Blank,
    BlankFlush,
    Redo,
    Roll,
    Survey,
    Settle,
    SettleFlush,
    Patch,
    PatchFlush,
    Remove,
    RemoveFlush,
}

/// A boot, or the repair of a log that was found damaged.
pub(super) struct Boot<Q> {
    step: Step,
    waiting: u32,
    ground: Ground<Q>,
    superblock: Superblock,
    pub survey: Survey<Q>,
    roll: Option<Roll>,
    /// Records to be written again in their files, and the last one of those that were promised from there.
    pub patches: Vec<Run>,
    pub patched: Option<Position>,
    /// The write to a disk that is under way.
    writing: Option<(Device, Vec<Run>)>,
    /// Ranges of the log disk to be discarded.
    pub discards: Vec<(u64, u64)>,
    /// Segments to be given back: (number, serial); and those that are erased.
    pub frees: Vec<(u64, u64)>,
    freed: Vec<u64>,
    /// Ranges of NVRAM to be erased: what survived beyond the end of the log.
    pub erases: Vec<(u64, u64)>,
}

impl<Q: Quirk> Desk<Q> {
    pub fn boot(&mut self, shared: &mut Shared) {
        self.stage(shared, Stage::BootStarted, Position::ZERO);
        self.begin(shared, false);
    }

    /// A repair begins like a boot: nothing counts before it is durable. (The server's boot has flushed already.)
    fn begin(&mut self, shared: &mut Shared, repair: bool) {
        let mut ground =
            Ground::new(self.geometry.clone(), self.region.clone(), self.index, self.mark_at, self.quirk);
        let mut waiting = 0;
        if repair {
            for device in [Device::Nvram, Device::Mark, Device::Log, Device::Image] {
                shared.out.flush(self.index, Duty::Boot, device);
                waiting += 1;
            }
        } else {
            ground.start(&mut shared.out);
        }
        let survey =
            Survey::new(self.geometry.clone(), self.index, shared.pool.segments(), false, self.quirk);
        let superblock = self.superblock;
        let step = if repair { Step::Flush } else { Step::Ground };
        self.phase = Phase::Booting(Box::new(Boot {
            step,
            waiting,
            ground,
            superblock,
            survey,
            roll: None,
            patches: Vec::new(),
            writing: None,
            patched: None,
            discards: Vec::new(),
            frees: Vec::new(),
            freed: Vec::new(),
            erases: Vec::new(),
        }));
    }

    pub fn boot_done(&mut self, shared: &mut Shared, token: Token, completion: Completion) {
        let Phase::Booting(mut boot) = core::mem::replace(&mut self.phase, Phase::Idle) else { return };
        self.boot_step(shared, &mut boot, token, completion);
        if let Phase::Idle = self.phase {
            self.phase = Phase::Booting(boot);
        }
    }

    fn boot_step(&mut self, shared: &mut Shared, boot: &mut Boot<Q>, token: Token, completion: Completion) {
        match boot.step {
            Step::Flush => {
                boot.waiting -= 1;
                if boot.waiting == 0 {
                    boot.step = Step::Ground;
                    boot.ground.start(&mut shared.out);
                }
            }
            Step::Ground => {
                if !boot.ground.waits_for(token)
                    || !boot.ground.done(completion, &mut boot.superblock, &mut shared.out)
                {
                    return;
                }
                let Some(superblock) = boot.ground.superblock else {
                    // What it has in NVRAM stays its own, though nothing can be done with it.
                    return self.start_survey(shared, boot);
                };
                boot.superblock = superblock;
                self.superblock = superblock;
                self.stage(shared, Stage::BootStep, Position::ZERO);
                if superblock.role == Role::Target {
                    return self.blank(shared, boot);
                }
                if matches!(superblock.role, Role::Recovering | Role::Recovered) || superblock.role.leads() {
                    // It was promoted: the old writer stays fenced, and recovery goes on where it was.
                    self.pool_known = false;
                    return self.start_recovery(shared);
                }
                boot.step = Step::Redo;
                if !boot.ground.redo(&mut shared.out) {
                    self.start_roll(shared, boot);
                }
            }
            Step::Redo => {
                if boot.ground.waits_for(token)
                    && boot.ground.done(completion, &mut boot.superblock, &mut shared.out)
                {
                    self.start_roll(shared, boot);
                }
            }
            Step::Roll => {
                let Some(roll) = boot.roll.as_mut().filter(|r| r.waits_for(token)) else { return };
                match roll.done(completion, &mut shared.out) {
                    roll::Progress::Working => {}
                    roll::Progress::NoSpace => self.retry_later(shared),
                    progress => {
                        let tail = boot.superblock.tail.position;
                        boot.superblock.sealed = None;
                        boot.superblock.void |= progress == roll::Progress::Damaged;
                        if boot.superblock.void {
                            self.alarm(shared, Alarm::Damaged { after: Position::ZERO, to: tail });
                        } else {
                            self.stage(shared, Stage::ResyncApplied, tail);
                        }
                        self.start_survey(shared, boot);
                    }
                }
            }
            Step::Survey => {
                if boot.survey.waits_for(token) && boot.survey.done(completion, &mut shared.out) {
                    self.stage(shared, Stage::BootStep, Position::ZERO);
                    if boot.ground.superblock.is_none() {
                        let own = boot.survey.segments.iter().map(|s| s.segment);
                        shared.pool.refused(self.index, own.chain(boot.survey.headless.iter().copied()));
                        self.alarm(shared, boot.ground.refusal.unwrap_or(Alarm::NoSuperblock));
                        self.phase = if boot.ground.refusal.is_some() { Phase::Refused } else { Phase::Lost };
                        return;
                    }
                    self.settle(shared, boot);
                }
            }
            // Nothing counts before it is written: again, once there may be space.
            _ if matches!(completion, Completion::NoSpace) => self.retry_later(shared),
            _ => {
                boot.waiting -= 1;
                if boot.waiting == 0 {
                    self.settled(shared, boot);
                }
            }
        }
    }

    /// LR7: what the server had as the source, or in an earlier life, must not be taken for anything any more. It is at no
    /// prefix until a resync is sealed, so nothing is lost.
    fn blank(&mut self, shared: &mut Shared, boot: &mut Boot<Q>) {
        let out = &mut shared.out;
        if let Some(former) = self.former {
            out.discard(self.index, Duty::Boot, Device::Nvram, former.nvram, self.geometry.log_size());
            out.discard(self.index, Duty::Boot, Device::Mark, former.mark, 2 * mark::SLOT);
        }
        for number in shared.pool.segments() {
            let (at, size) = (number * self.geometry.segment_size, self.geometry.segment_size);
            out.discard(self.index, Duty::Boot, Device::Nvram, at, size);
        }
        out.discard(self.index, Duty::Boot, Device::Mark, self.mark_at, 2 * mark::SLOT);
        boot.ground.mark = None;
        boot.step = Step::Blank;
        boot.waiting = self.geometry.places() as u32 + 1;
        for place in 0..self.geometry.places() {
            let (at, size) = (self.geometry.place(place), self.geometry.file_size);
            out.discard(self.index, Duty::Boot, Device::Log, at, size);
        }
        out.discard(self.index, Duty::Boot, Device::Image, self.region.journal, SECTOR);
    }

    fn settled(&mut self, shared: &mut Shared, boot: &mut Boot<Q>) {
        match boot.step {
            Step::Blank => {
                let all = [Device::Nvram, Device::Mark, Device::Log, Device::Image];
                self.flush_boot(shared, boot, Step::BlankFlush, &all);
            }
            Step::BlankFlush => self.start_survey(shared, boot),
            Step::Settle => {
                self.flush_boot(shared, boot, Step::SettleFlush, &[Device::Mark, Device::Image]);
            }
            // A record enters a file only now that the mark covers it (DR2).
            Step::SettleFlush if !boot.patches.is_empty() => {
                boot.step = Step::Patch;
                boot.waiting = 1;
                let patches = core::mem::take(&mut boot.patches);
                shared.out.write(self.index, Duty::Boot, Device::Log, patches.clone());
                boot.writing = Some((Device::Log, patches));
            }
            Step::Patch => self.flush_boot(shared, boot, Step::PatchFlush, &[Device::Log]),
            // Only now that mark and files are durable is anything removed (DR2, DR8).
            Step::SettleFlush | Step::PatchFlush => {
                if let Some(last) = boot.patched {
                    self.stage(shared, Stage::DamageRepaired, last);
                }
                boot.step = Step::Remove;
                boot.waiting = boot.discards.len() as u32;
                for (at, length) in core::mem::take(&mut boot.discards) {
                    shared.out.discard(self.index, Duty::Boot, Device::Log, at, length);
                }
                for (number, serial) in core::mem::take(&mut boot.frees) {
                    self.erase_segment(shared, number, serial, Duty::Boot);
                    boot.freed.push(number);
                }
                for (at, length) in core::mem::take(&mut boot.erases) {
                    shared.out.discard(self.index, Duty::Boot, Device::Nvram, at, length);
                }
                if boot.waiting == 0 {
                    self.settled(shared, boot);
                }
            }
            Step::Remove => {
                self.flush_boot(shared, boot, Step::RemoveFlush, &[Device::Nvram, Device::Log]);
            }
            _ => {
                for segment in core::mem::take(&mut boot.freed) {
                    shared.pool.release(self.index, segment);
                }
                self.phase = Phase::Serving;
                let held = self.position(self.marked);
                self.stage(shared, Stage::Booted, held);
            }
        }
    }

    fn flush_boot(&mut self, shared: &mut Shared, boot: &mut Boot<Q>, step: Step, devices: &[Device]) {
        boot.step = step;
        boot.waiting = devices.len() as u32;
        for device in devices {
            shared.out.flush(self.index, Duty::Boot, *device);
        }
    }

    /// A sealed resync file goes into the image before anything else does (LR4).
    fn start_roll(&mut self, shared: &mut Shared, boot: &mut Boot<Q>) {
        let superblock = boot.superblock;
        let Some(sealed) = superblock.sealed.filter(|_| !self.quirk.bends(Bend::SkipRoll)) else {
            boot.superblock.sealed = None;
            return self.start_survey(shared, boot);
        };
        boot.step = Step::Roll;
        let (geometry, region) = (self.geometry.clone(), self.region.clone());
        let roll = boot.roll.insert(Roll::new(geometry, region, self.index, superblock.session, sealed));
        roll.start(&mut shared.out);
    }

    fn start_survey(&mut self, shared: &mut Shared, boot: &mut Boot<Q>) {
        boot.step = Step::Survey;
        boot.survey.start(&mut shared.out);
    }

    /// Takes the log as found and writes what must be durable before anything is answered.
    fn settle(&mut self, shared: &mut Shared, boot: &mut Boot<Q>) {
        // What is applied of the open generation counts, too: its file must be whole before it is cleared.
        let (base, epoch) = (boot.superblock.base, boot.superblock.epoch);
        let (files, segments) = (&boot.survey.files, &boot.survey.segments);
        let chain = chain::longest(base, epoch, files, segments, false, self.quirk);
        let hides = chain.hides(segments);
        let Chain { entries, end } = chain;
        self.mark = boot.ground.mark.unwrap_or_default();
        let evidence = boot.survey.evidence(&self.mark).max(boot.superblock.tail.position);
        let bent = self.quirk.bends(Bend::EndAtBadChecksum);
        let damaged = evidence > end.position && !bent;
        let suspicious = damaged || (hides || boot.survey.garbled()) && !bent;
        if suspicious && boot.survey.search(&mut shared.out) {
            // Good records may stand behind a damaged one: look again.
            return;
        }
        for segment in boot.survey.headless.iter().copied() {
            // Nothing of it may be read after it is handed out.
            if shared.pool.claim(self.index, segment) {
                boot.frees.push((segment, boot.survey.last_serial));
            }
        }
        shared.pool.found(self.index, boot.survey.segments.iter().map(|s| s.segment));
        if damaged {
            self.stage(shared, Stage::DamageFound, end.position);
            self.alarm(shared, Alarm::Damaged { after: end.position, to: evidence });
        }
        self.reset_cursors(base);
        self.tip = end;
        self.superblock = boot.superblock;
        self.cleared = self.superblock.applied_gen;
        self.take_files(shared, boot, &entries, damaged);
        let in_file = |e: &ChainEntry| {
            let p = e.record.position;
            self.file(p.generation).is_some_and(|f| f.durable >= p.sequence)
        };
        let filed = entries.iter().take_while(|e| in_file(e)).count();
        // What is written there again is promised, and leaves the NVRAM, only after it is durable.
        let found = entries.iter().take_while(|e| e.file.is_some()).count();
        let keep = if self.quirk.bends(Bend::AppendAgainAtBoot) { 0 } else { filed };
        let marked = keep.min(found);
        let mut live: Vec<u64> = Vec::new();
        for (i, entry) in entries.iter().enumerate() {
            let end_bytes = self.bytes(self.next()) + entry.record.size();
            let segment = entry.segment.map_or(u64::MAX, |s| boot.survey.segments[s].segment);
            self.entries.push_back(Entry { record: entry.record.clone(), segment, end_bytes });
            if i >= marked && segment != u64::MAX && !live.contains(&segment) {
                live.push(segment);
            }
        }
        let count = self.entries.len() as u64;
        (self.written, self.logged, self.marked) = (count, count, count);
        (self.appended, self.filed, self.file_marked) = (keep as u64, keep as u64, marked as u64);
        let missing = self.mark.file > self.position(self.filed) && !bent;
        if missing && !damaged {
            self.stage(shared, Stage::DamageFound, self.position(self.filed));
        }
        let suspect = if damaged { evidence } else { self.mark.file };
        self.suspect = (damaged || missing).then_some(suspect);
        self.take_segments(boot, &live, damaged);
        self.write_settlement(shared, boot);
    }

    pub fn reset_cursors(&mut self, base: Link) {
        self.entries.clear();
        self.base = 0;
        self.placeless = 0;
        self.base_bytes = 0;
        self.base_link = base;
        self.segments.clear();
        self.erasing.clear();
        self.files.clear();
        self.foreign.clear();
        self.twins.clear();
        self.remains = Remains::default();
        self.suspect = None;
        self.syncs.clear();
        self.file_work = None;
        self.applying = None;
        self.nvram_flush = None;
        self.mark_flush = None;
        self.retry = None;
        self.heal = Heal::default();
        self.promised = 0;
        self.acked_nvram = 0;
        self.acked_file = 0;
        self.connection = None;
        self.half_open = None;
        self.turn = None;
        self.greeting = None;
        self.resync = None;
    }

    fn write_settlement(&mut self, shared: &mut Shared, boot: &mut Boot<Q>) {
        let out = &mut shared.out;
        boot.step = Step::Settle;
        boot.waiting = 1;
        // The mark rises to what is held before any Welcome; it never falls (DR2, DR8).
        self.mark.counter += 1;
        self.mark.nvram = self.mark.nvram.max(self.tip.position);
        self.mark.file = self.mark.file.max(self.position(self.file_marked));
        let run = Run::one(self.mark.slot(self.mark_at), self.mark.encode(self.geometry.mirror));
        out.write(self.index, Duty::Boot, Device::Mark, alloc::vec![run]);
        self.superblock.counter += 1;
        self.superblock.boot += 1;
        self.superblock.ack = shared.knobs.ack;
        self.superblock.shape = Shape::of(&self.geometry);
        let at = self.region.base + self.superblock.slot();
        let run = Run::one(at, self.superblock.encode(self.geometry.mirror));
        out.write(self.index, Duty::Boot, Device::Image, alloc::vec![run.clone()]);
        boot.writing = Some((Device::Image, alloc::vec![run]));
    }

    /// What found no space, once more.
    pub fn retry_boot(&mut self, shared: &mut Shared) {
        if let Phase::Booting(boot) = &mut self.phase
            && let Some(roll) = boot.roll.as_mut().filter(|_| boot.step == Step::Roll)
        {
            return roll.retry(&mut shared.out);
        }
        if let Phase::Booting(boot) = &self.phase
            && let Some((device, runs)) = &boot.writing
        {
            shared.out.write(self.index, Duty::Boot, *device, runs.clone());
        }
    }

    /// A file is damaged in the middle while the source lives: lower held, close, be re-sent (DR8).
    pub fn damaged(&mut self, shared: &mut Shared) {
        self.reset(shared);
        self.repair(shared);
    }

    /// Looks at everything again as a boot does.
    pub fn repair(&mut self, shared: &mut Shared) {
        self.drain(shared, Next::Repair);
    }

    pub fn begin_repair(&mut self, shared: &mut Shared) {
        shared.pool.forget(self.index);
        self.begin(shared, true);
    }
}
