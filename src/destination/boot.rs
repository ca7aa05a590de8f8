//! Boot of a desk (DR2, DR8): flush, read, finish a half-done apply, find the end of the log, cut off a torn tail or begin
//! a repair, raise the mark to what is held; only then answer a Hello.

use super::Shared;
use super::desk::{Desk, Entry, Phase, Segment};
use super::file::LogFile;
use crate::chain::{self, Chain, ChainEntry};
use crate::effect::{Alarm, Completion, Device, Duty, Run, Token};
use crate::ground::Ground;
use crate::ids::Position;
use crate::log_file::{FILE_HEADER, FileHeader};
use crate::mark;
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
    Remove,
    RemoveFlush,
}

/// A boot, or the repair of a log that was found damaged.
pub(super) struct Boot<Q> {
    step: Step,
    waiting: u32,
    ground: Ground,
    superblock: Superblock,
    survey: Survey<Q>,
    /// Ranges of the log disk to be discarded.
    discards: Vec<(u64, u64)>,
    /// Segments to be given back: (number, serial); and those that are erased.
    frees: Vec<(u64, u64)>,
    freed: Vec<u64>,
    /// Ranges of NVRAM to be erased: what survived beyond the end of the log.
    erases: Vec<(u64, u64)>,
}

impl<Q: Quirk> Desk<Q> {
    pub fn boot(&mut self, shared: &mut Shared) {
        self.stage(shared, Stage::BootStarted, Position::ZERO);
        self.begin(shared, false);
    }

    /// A repair begins like a boot: nothing counts before it is durable. (The server's boot has flushed already.)
    fn begin(&mut self, shared: &mut Shared, repair: bool) {
        let mut ground =
            Ground::new(self.geometry.clone(), self.region.clone(), self.index, mark::base(self.index));
        let mut waiting = 0;
        if repair {
            for device in [Device::Nvram, Device::Log, Device::Image] {
                shared.out.flush(self.index, Duty::Boot, device);
                waiting += 1;
            }
        } else {
            ground.start(&mut shared.out);
        }
        let survey = Survey::new(self.geometry.clone(), self.index, shared.pool.total(), false, self.quirk);
        let superblock = self.superblock;
        let step = if repair { Step::Flush } else { Step::Ground };
        self.phase = Phase::Booting(Box::new(Boot {
            step,
            waiting,
            ground,
            superblock,
            survey,
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
            // Space will come back; the write is repeated with the next boot at the latest.
            Step::Settle | Step::SettleFlush | Step::Remove | Step::RemoveFlush => {
                boot.waiting -= 1;
                if boot.waiting == 0 {
                    self.settled(shared, boot);
                }
            }
        }
    }

    fn settled(&mut self, shared: &mut Shared, boot: &mut Boot<Q>) {
        match boot.step {
            Step::Settle => {
                let devices = [Device::Mark, Device::Log, Device::Image];
                self.flush_boot(shared, boot, Step::SettleFlush, &devices);
            }
            // Only now that mark and rewritten files are durable is anything removed (DR2, DR8).
            Step::SettleFlush => {
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

    fn start_survey(&mut self, shared: &mut Shared, boot: &mut Boot<Q>) {
        boot.step = Step::Survey;
        boot.survey.start(&mut shared.out);
    }

    /// Takes the log as found and writes what must be durable before anything is answered.
    fn settle(&mut self, shared: &mut Shared, boot: &mut Boot<Q>) {
        let (files, segments) = (&boot.survey.files, &boot.survey.segments);
        let Chain { entries, end } = chain::longest(&boot.superblock, files, segments, false, self.quirk);
        self.mark = boot.ground.mark.unwrap_or_default();
        let evidence = boot.survey.evidence(&self.mark).max(boot.superblock.tail.position);
        let bent = self.quirk.bends(Bend::EndAtBadChecksum);
        let damaged = evidence > end.position && !bent;
        if (damaged || boot.survey.garbled() && !bent) && boot.survey.search(&mut shared.out) {
            // Good records may stand behind a damaged one: look again.
            return;
        }
        shared.pool.found(self.index, boot.survey.segments.iter().map(|s| s.segment));
        if damaged {
            self.stage(shared, Stage::DamageFound, end.position);
            self.alarm(shared, Alarm::Damaged { after: end.position, to: evidence });
        }
        // The chain up to its last record in a file is filed; the rest waits in NVRAM.
        let mut filed = entries.iter().take_while(|e| e.file.is_some()).count();
        self.reset_cursors(boot.superblock.tail.position);
        self.tip = end;
        self.superblock = boot.superblock;
        self.cleared = self.superblock.applied_gen;
        let found = filed;
        let rewrites = self.take_files(boot, &entries, &mut filed, damaged);
        // What was written again beside, and the files behind it, count as far as they follow one another.
        let written = |e: &ChainEntry| {
            let p = e.record.position;
            self.file(p.generation).is_some_and(|f| f.durable >= p.sequence)
        };
        filed += entries[filed..].iter().take_while(|e| !rewrites.is_empty() && written(e)).count();
        let keep = if self.quirk.bends(Bend::AppendAgainAtBoot) { 0 } else { filed };
        // What is written again is promised, and leaves the NVRAM, only after it is durable.
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
        self.take_segments(boot, &live, damaged);
        self.write_settlement(shared, boot, rewrites);
    }

    fn reset_cursors(&mut self, base: Position) {
        self.entries.clear();
        self.base = 0;
        self.base_bytes = 0;
        self.base_position = base;
        self.segments.clear();
        self.erasing.clear();
        self.files.clear();
        self.kept.clear();
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

    /// Files as they go on: stale ones are cleared, torn tails cut off, damaged ones written again beside and kept until
    /// their generation is applied. Returns what is to be written.
    fn take_files(
        &mut self,
        boot: &mut Boot<Q>,
        entries: &[ChainEntry],
        filed: &mut usize,
        damaged: bool,
    ) -> Vec<Run> {
        let size = self.geometry.file_size;
        let mut rewrites: Vec<Run> = Vec::new();
        let mut found: Vec<(&FileArea, usize)> = Vec::new();
        for file in &boot.survey.files {
            let stale = file.header.generation <= self.superblock.applied_gen
                && !self.quirk.bends(Bend::ClearWithoutFlush);
            if stale {
                boot.discards.push((self.geometry.place(file.place), size));
            } else {
                found.push((file, self.good(file, entries)));
            }
        }
        // Of several files of a generation the one with most goes on.
        found.sort_by_key(|(f, good)| {
            (f.header.generation, core::cmp::Reverse(*good), core::cmp::Reverse(f.header.incarnation))
        });
        for (file, good) in found {
            let generation = file.header.generation;
            let place = self.geometry.place(file.place);
            let taken = self.files.iter().any(|f| f.generation == generation);
            let records = &file.area.records;
            if taken || good == 0 {
                if damaged {
                    self.kept.push((file.place, generation, file.header.incarnation));
                } else {
                    boot.discards.push((place, size));
                }
                continue;
            }
            let broken = good < records.len() || (file.area.stop == Stop::Garbage && file.trailer.is_none());
            if broken && (damaged || !file.area.beyond.is_empty()) {
                let chained = entries.iter().map(|e| &e.record);
                let of_this: Vec<Record> =
                    chained.filter(|r| r.position.generation == generation).cloned().collect();
                let rewrite = self.rewrite_beside(&boot.survey, file, of_this);
                if rewrite.is_none() {
                    // It waits for a place, and with it everything behind it.
                    let first = entries.partition_point(|e| e.record.position.generation < generation);
                    *filed = (*filed).min(first);
                }
                rewrites.extend(rewrite);
                continue;
            }
            let mut used = file.area.end - place;
            if file.area.stop == Stop::Garbage && file.trailer.is_none() {
                if self.quirk.bends(Bend::AppendBehindTornTail) {
                    used += 128;
                } else {
                    boot.discards.push((file.area.end, place + size - file.area.end));
                }
            }
            self.files.push(log_file(file.place, generation, used, records));
        }
        rewrites
    }

    /// How many of a file's first records are in the log.
    fn good(&self, file: &FileArea, filed: &[ChainEntry]) -> usize {
        let first = filed.partition_point(|e| e.record.position.generation < file.header.generation);
        let chained = filed[first..].iter().map(|e| &e.record);
        let covered = file.area.records.iter().take_while(|r| self.superblock.covers(r.position)).count();
        let rest = file.area.records[covered..].iter();
        covered + rest.zip(chained).take_while(|(r, c)| r.link() == c.link()).count()
    }

    /// DR8: never truncated; written again in a free place, which then goes on.
    fn rewrite_beside(&mut self, survey: &Survey<Q>, file: &FileArea, rest: Vec<Record>) -> Option<Run> {
        let generation = file.header.generation;
        let used =
            |p: &u64| survey.files.iter().any(|f| f.place == *p) || self.files.iter().any(|f| f.place == *p);
        self.kept.push((file.place, generation, file.header.incarnation));
        // Without a free place the generation is sent again into the next one that becomes free.
        let place = (0..self.geometry.places()).find(|p| !used(p))?;
        let mut parts: SmallVec<[bytes::Bytes; 2]> = SmallVec::new();
        let header = FileHeader { incarnation: file.header.incarnation + 1, ..file.header };
        parts.push(header.encode(self.geometry.mirror));
        let covered = file.area.records.iter().take_while(|r| self.superblock.covers(r.position));
        let records: Vec<Record> = covered.cloned().chain(rest).collect();
        records.iter().for_each(|record| record.push_parts(&mut parts));
        let used = FILE_HEADER + records.iter().map(|r| r.size()).sum::<u64>();
        self.files.push(log_file(place, generation, used, &records));
        Some(Run { offset: self.geometry.place(place), parts })
    }

    /// Segments with records that are not filed go on, closed, without what survived beyond the end of the log; the
    /// others are given back. Evidence of damage stays.
    fn take_segments(&mut self, boot: &mut Boot<Q>, live: &[u64], damaged: bool) {
        self.serial = self.serial.max(boot.survey.last_serial);
        for found in &boot.survey.segments {
            if !live.contains(&found.segment) && !damaged {
                boot.frees.push((found.segment, found.serial));
                continue;
            }
            let last = self.entries.iter().rposition(|e| e.segment == found.segment);
            let records = found.area.records.iter().chain(&found.area.beyond).map(|r| r.position);
            let evidence = records.max().filter(|p| damaged && *p > self.tip.position);
            self.segments.push_back(Segment {
                number: found.segment,
                serial: found.serial,
                used: self.geometry.segment_size,
                // Evidence stays at least until something was sent again.
                end: last.map_or(self.entries.len() as u64 + damaged as u64, |i| i as u64 + 1),
                evidence: evidence.unwrap_or(Position::ZERO),
                closed: true,
            });
            let end = found.area.end_of(self.tip.position);
            let limit = (found.segment + 1) * self.geometry.segment_size;
            if !damaged && end < limit {
                boot.erases.push((end, limit - end));
            }
        }
    }

    fn write_settlement(&mut self, shared: &mut Shared, boot: &mut Boot<Q>, rewrites: Vec<Run>) {
        let out = &mut shared.out;
        boot.step = Step::Settle;
        boot.waiting = 1;
        if !rewrites.is_empty() {
            out.write(self.index, Duty::Boot, Device::Log, rewrites);
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
        self.superblock.ack = shared.knobs.ack;
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

fn log_file(place: u64, generation: u64, used: u64, records: &[Record]) -> LogFile {
    LogFile {
        place,
        generation,
        used,
        checks: records.iter().map(|r| r.check).collect(),
        digest: records.iter().fold(0, |d, r| extend_digest(d, r.check)),
        durable: records.len() as u64,
    }
}
