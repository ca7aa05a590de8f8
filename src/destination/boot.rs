//! Boot of a desk (DR2, DR8): flush, read, finish a half-done apply, find the end of the log, cut off a torn tail or begin
//! a repair, raise the mark to what is held; only then answer a Hello.

use super::Shared;
use super::desk::{Desk, Entry, Phase, Segment};
use super::file::LogFile;
use crate::chain::{self, Chain};
use crate::effect::{Alarm, Completion, Device, Duty, Run, Token};
use crate::ground::Ground;
use crate::ids::Position;
use crate::log_file::{FILE_HEADER, FileHeader};
use crate::mark;
use crate::nvram_log::SegmentHeader;
use crate::quirk::{Bend, Quirk};
use crate::record::{Record, extend_digest};
use crate::stage::Stage;
use crate::superblock::{Role, Superblock};
use crate::survey::{FileArea, Stop, Survey};
use alloc::boxed::Box;
use alloc::vec::Vec;
use smallvec::SmallVec;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Flush,
    Ground,
    Redo,
    Survey,
    Settle,
    SettleFlush,
}

/// A boot, or the repair of a log that was found damaged.
pub(super) struct Boot<Q> {
    step: Step,
    waiting: u32,
    ground: Ground,
    superblock: Superblock,
    survey: Survey<Q>,
}

impl<Q: Quirk> Desk<Q> {
    pub fn boot(&mut self, shared: &mut Shared) {
        self.stage(shared, Stage::BootStarted, Position::ZERO);
        self.begin(shared, false);
    }

    /// A repair begins like a boot: nothing counts before it is durable. (The server's boot has flushed already.)
    fn begin(&mut self, shared: &mut Shared, repair: bool) {
        let mut ground = Ground::new(self.geometry.clone(), self.region.clone(), self.index, mark::base(self.index));
        let mut waiting = 0;
        if repair {
            for device in [Device::Nvram, Device::Log, Device::Image] {
                shared.out.flush(self.index, Duty::Boot, device);
                waiting += 1;
            }
        } else {
            ground.start(&mut shared.out);
        }
        let survey =
            Survey::new(self.geometry.clone(), self.index, shared.pool.total(), false, self.quirk);
        let superblock = self.superblock;
        let step = if repair { Step::Flush } else { Step::Ground };
        self.phase =
            Phase::Booting(Box::new(Boot { step, waiting, ground, superblock, survey }));
    }

    pub fn boot_done(&mut self, shared: &mut Shared, token: Token, completion: Completion) {
        let Phase::Booting(mut boot) = core::mem::replace(&mut self.phase, Phase::Idle) else { return };
        self.boot_step(shared, &mut boot, token, completion);
        if let Phase::Idle = self.phase {
            self.phase = Phase::Booting(boot);
        }
    }

    fn boot_step(
        &mut self,
        shared: &mut Shared,
        boot: &mut Boot<Q>,
        token: Token,
        completion: Completion,
    ) {
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
                    self.alarm(shared, Alarm::NoSuperblock);
                    shared.pool.found(self.index, core::iter::empty());
                    self.phase = Phase::Stopped;
                    return;
                };
                boot.superblock = superblock;
                self.superblock = superblock;
                self.stage(shared, Stage::BootStep, Position::ZERO);
                if matches!(superblock.role, Role::Recovering | Role::Recovered) {
                    // It was promoted: the old writer stays fenced, and recovery goes on where it was.
                    self.pool_known = false;
                    return self.start_recovery(shared);
                }
                boot.step = Step::Redo;
                if !boot.ground.redo(&mut shared.out) {
                    self.start_survey(shared, boot);
                }
            }
            Step::Redo => {
                if boot.ground.waits_for(token)
                    && boot.ground.done(completion, &mut boot.superblock, &mut shared.out)
                {
                    self.start_survey(shared, boot);
                }
            }
            Step::Survey => {
                if boot.survey.waits_for(token) && boot.survey.done(completion, &mut shared.out) {
                    self.stage(shared, Stage::BootStep, Position::ZERO);
                    self.settle(shared, boot);
                }
            }
            Step::Settle => {
                // Space will come back; the write is repeated with the next boot at the latest.
                boot.waiting -= 1;
                if boot.waiting == 0 {
                    boot.step = Step::SettleFlush;
                    let devices = [Device::Nvram, Device::Mark, Device::Log, Device::Image];
                    for device in devices {
                        shared.out.flush(self.index, Duty::Boot, device);
                    }
                    boot.waiting = devices.len() as u32;
                }
            }
            Step::SettleFlush => {
                boot.waiting -= 1;
                if boot.waiting == 0 {
                    self.phase = Phase::Serving;
                    let held = self.position(self.marked);
                    self.stage(shared, Stage::Booted, held);
                }
            }
        }
    }

    fn start_survey(&mut self, shared: &mut Shared, boot: &mut Boot<Q>) {
        boot.step = Step::Survey;
        boot.survey.start(&mut shared.out);
    }

    /// Takes the log as found and writes what must be durable before anything is answered.
    fn settle(&mut self, shared: &mut Shared, boot: &mut Boot<Q>) {
        let survey = &boot.survey;
        shared.pool.found(self.index, survey.segments.iter().map(|s| s.segment));
        let Chain { entries, end } =
            chain::longest(&boot.superblock, &survey.files, &survey.segments, false, self.quirk);
        self.mark = boot.ground.mark.unwrap_or_default();
        let evidence = survey.evidence(&self.mark).max(boot.superblock.tail.position);
        let damaged = evidence > end.position && !self.quirk.bends(Bend::EndAtBadChecksum);
        if damaged {
            self.stage(shared, Stage::DamageFound, end.position);
            self.alarm(shared, Alarm::Damaged { after: end.position, to: evidence });
        }
        // The chain up to its last record in a file is filed; the rest waits in NVRAM.
        let filed = entries.iter().rposition(|e| e.file.is_some()).map_or(0, |i| i + 1);
        let first = boot.superblock.tail;
        self.reset_cursors(first.position);
        self.tip = end;
        self.superblock = boot.superblock;
        self.cleared = self.superblock.applied_gen;
        let mut discards: Vec<(u64, u64)> = Vec::new();
        let mut rewrites: Vec<Run> = Vec::new();
        self.take_files(survey, &entries[..filed], damaged, &mut discards, &mut rewrites);
        let keep = if self.quirk.bends(Bend::AppendAgainAtBoot) { 0 } else { filed };
        let mut segments: Vec<u64> = Vec::new();
        for (i, entry) in entries.iter().enumerate() {
            let end_bytes = self.bytes(self.next()) + entry.record.size();
            let segment = entry.segment.map_or(u64::MAX, |s| survey.segments[s].segment);
            self.entries.push_back(Entry { record: entry.record.clone(), segment, end_bytes });
            if i >= keep && segment != u64::MAX && !segments.contains(&segment) {
                segments.push(segment);
            }
        }
        let count = self.entries.len() as u64;
        (self.written, self.logged, self.marked) = (count, count, count);
        (self.appended, self.filed, self.file_marked) = (keep as u64, keep as u64, keep as u64);
        let frees = self.take_segments(shared, boot, &segments);
        self.write_settlement(shared, boot, frees, discards, rewrites);
    }

    fn reset_cursors(&mut self, base: Position) {
        self.entries.clear();
        self.base = 0;
        self.base_bytes = 0;
        self.base_position = base;
        self.segments.clear();
        self.files.clear();
        self.syncs.clear();
        self.file_work = None;
        self.applying = None;
        self.nvram_flush = None;
        self.mark_flush = None;
        self.retry = None;
        self.promised = 0;
        self.acked_nvram = 0;
        self.acked_file = 0;
        self.connection = None;
        self.half_open = None;
    }

    /// Files as they go on: stale ones are cleared, torn tails cut off, damaged ones written again beside.
    fn take_files(
        &mut self,
        survey: &Survey<Q>,
        filed: &[chain::ChainEntry],
        damaged: bool,
        discards: &mut Vec<(u64, u64)>,
        rewrites: &mut Vec<Run>,
    ) {
        let size = self.geometry.file_size;
        for found in &survey.files {
            let generation = found.header.generation;
            let place = self.geometry.place(found.place);
            let replaced = survey.files.iter().any(|f| {
                f.header.generation == generation && f.header.incarnation > found.header.incarnation
            });
            let records: Vec<&Record> = found.area.records.iter().collect();
            let good = records
                .iter()
                .filter(|r| {
                    filed.iter().any(|e| e.record.link() == r.link() && e.file.is_some())
                        || self.superblock.covers(r.position)
                })
                .count();
            let stale = generation <= self.superblock.applied_gen
                && !self.quirk.bends(Bend::ClearWithoutFlush);
            if stale || (replaced && good < records.len()) || good == 0 {
                discards.push((place, size));
                continue;
            }
            if damaged && (good < records.len() || found.area.stop == Stop::Garbage) && !self.whole(found) {
                self.rewrite_beside(found, &records[..good], survey, discards, rewrites);
                continue;
            }
            let mut file = LogFile {
                place: found.place,
                generation,
                used: found.area.end - place,
                checks: records.iter().map(|r| r.check).collect(),
                digest: records.iter().fold(0, |d, r| extend_digest(d, r.check)),
                durable: records.len() as u64,
            };
            if found.area.stop == Stop::Garbage && found.trailer.is_none() {
                if self.quirk.bends(Bend::AppendBehindTornTail) {
                    file.used += 128;
                } else {
                    discards.push((found.area.end, place + size - found.area.end));
                }
            }
            self.files.push(file);
        }
    }

    /// A file with its trailer behind the right number of records.
    fn whole(&self, found: &FileArea) -> bool {
        found.trailer.is_some_and(|t| t.count == found.area.records.len() as u64)
    }

    /// DR8: never truncated; written again in a free place, which then replaces it.
    fn rewrite_beside(
        &mut self,
        found: &FileArea,
        good: &[&Record],
        survey: &Survey<Q>,
        discards: &mut Vec<(u64, u64)>,
        rewrites: &mut Vec<Run>,
    ) {
        let used: Vec<u64> =
            survey.files.iter().map(|f| f.place).chain(self.files.iter().map(|f| f.place)).collect();
        let free = (0..self.geometry.places()).find(|p| !used.contains(p));
        let place = free.unwrap_or(found.place);
        let mut parts: SmallVec<[bytes::Bytes; 2]> = SmallVec::new();
        let header = FileHeader { incarnation: found.header.incarnation + 1, ..found.header };
        parts.push(header.encode(self.geometry.mirror));
        let mut used = FILE_HEADER;
        for record in good {
            record.push_parts(&mut parts);
            used += record.size();
        }
        rewrites.push(Run { offset: self.geometry.place(place), parts });
        discards.push((self.geometry.place(found.place), self.geometry.file_size));
        self.files.push(LogFile {
            place,
            generation: header.generation,
            used,
            checks: good.iter().map(|r| r.check).collect(),
            digest: good.iter().fold(0, |d, r| extend_digest(d, r.check)),
            durable: good.len() as u64,
        });
    }

    /// Segments with records that are not filed go on, closed; the others are given back.
    fn take_segments(&mut self, shared: &mut Shared, boot: &Boot<Q>, live: &[u64]) -> Vec<Run> {
        let mut frees = Vec::new();
        self.serial = self.serial.max(boot.survey.last_serial);
        for found in &boot.survey.segments {
            if live.contains(&found.segment) {
                let last = self.entries.iter().rposition(|e| e.segment == found.segment);
                self.segments.push_back(Segment {
                    number: found.segment,
                    serial: found.serial,
                    used: self.geometry.segment_size,
                    end: last.map_or(0, |i| i as u64 + 1),
                    closed: true,
                });
            } else {
                let header = SegmentHeader {
                    in_use: false,
                    mirror: self.geometry.mirror,
                    serial: found.serial,
                };
                frees.push(Run::one(found.segment * self.geometry.segment_size, header.encode()));
                shared.pool.release(self.index, found.segment);
            }
        }
        frees
    }

    fn write_settlement(
        &mut self,
        shared: &mut Shared,
        boot: &mut Boot<Q>,
        frees: Vec<Run>,
        discards: Vec<(u64, u64)>,
        rewrites: Vec<Run>,
    ) {
        let out = &mut shared.out;
        boot.step = Step::Settle;
        boot.waiting = 1;
        if !frees.is_empty() {
            out.write(self.index, Duty::Boot, Device::Nvram, frees);
        }
        if !rewrites.is_empty() {
            out.write(self.index, Duty::Boot, Device::Log, rewrites);
            boot.waiting += 1;
        }
        for (at, length) in discards {
            out.discard(self.index, Duty::Boot, Device::Log, at, length);
            boot.waiting += 1;
        }
        // The mark rises to what is held before any Welcome; it never falls (DR2, DR8).
        self.mark.counter += 1;
        self.mark.nvram = self.mark.nvram.max(self.tip.position);
        self.mark.file = self.mark.file.max(self.position(self.file_marked));
        let run = Run::one(self.mark.slot(self.index), self.mark.encode(self.geometry.mirror));
        out.write(self.index, Duty::Boot, Device::Mark, alloc::vec![run]);
        self.superblock.counter += 1;
        self.superblock.boot += 1;
        let at = self.region.base + self.superblock.slot();
        let run = Run::one(at, self.superblock.encode(self.geometry.mirror));
        out.write(self.index, Duty::Boot, Device::Image, alloc::vec![run]);
    }

    /// A file is damaged in the middle while the source lives: lower held, close, be re-sent (DR8).
    pub fn damaged(&mut self, shared: &mut Shared, generation: u64, good: Vec<Record>) {
        let after = good.last().map_or(Position::new(generation, 0), |r| r.position);
        self.stage(shared, Stage::DamageFound, after);
        self.reset(shared);
        shared.pool.forget(self.index);
        self.begin(shared, true);
    }
}
