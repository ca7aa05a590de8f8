//! The log in NVRAM: numbering, sealing, flushing, marking, freeing (SR1, SR3, SR5).
//!
//! Inside, a record's place is its *ordinal*: 0 for the oldest record found at boot, then counting up through
//! generations; a cursor is the number of records that have passed a stage.

use super::Source;
use crate::effect::{Device, Duty, Run, Token};
use crate::ids::{Link, Position};
use crate::nvram_log::{SEAL, Seal};
use crate::quirk::{Bend, Quirk};
use crate::record::{Draft, Record, extend_digest};
use crate::stage::Stage;
use alloc::collections::{BTreeMap, VecDeque};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Sealing {
    Open,
    Written,
    Durable,
}

#[derive(Clone, Debug)]
pub(super) struct Generation {
    pub number: u64,
    /// Ordinal of its first record.
    pub start: u64,
    pub count: u64,
    /// Bytes of the partition in use, seal included.
    pub used: u64,
    pub digest: u64,
    pub sealing: Sealing,
    /// The local apply is durable.
    pub applied: bool,
}

impl Generation {
    pub fn new(number: u64, start: u64) -> Self {
        Generation { number, start, count: 0, used: SEAL, digest: 0, sealing: Sealing::Open, applied: false }
    }

    pub fn end(&self) -> u64 {
        self.start + self.count
    }
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub record: Record,
    /// Bytes of all records up to this one, for credit.
    pub end_bytes: u64,
}

/// A flush of the NVRAM under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct FlushOf {
    token: Token,
    upto: u64,
    sealed: u64,
}

/// The generations that are not freed, and their records.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub generations: VecDeque<Generation>,
    pub entries: VecDeque<Entry>,
    /// Ordinal of `entries[0]`.
    pub base: u64,
    /// Last record before `entries[0]`.
    pub base_position: Position,
    pub base_bytes: u64,
    /// Last record.
    pub tip: Link,
    pub durable: u64,
    /// Number of the youngest generation that was ever opened, freed or not.
    pub youngest: u64,
    /// The youngest generation with a durable record or seal.
    pub proven: u64,
    /// Sealed generations without SyncDone: (count, digest). With k > P some of them are freed already.
    pub owed: BTreeMap<u64, (u64, u64)>,
}

impl Log {
    /// Ordinal of the next record.
    pub fn next(&self) -> u64 {
        self.base + self.entries.len() as u64
    }

    pub fn entry(&self, ordinal: u64) -> &Entry {
        &self.entries[(ordinal - self.base) as usize]
    }

    /// Position of the last of `upto` records.
    pub fn position(&self, upto: u64) -> Position {
        if upto <= self.base { self.base_position } else { self.entry(upto - 1).record.position }
    }

    /// Bytes of the first `upto` records.
    pub fn bytes(&self, upto: u64) -> u64 {
        if upto <= self.base { self.base_bytes } else { self.entry(upto - 1).end_bytes }
    }

    /// How many records stand at or before `p`.
    pub fn upto(&self, p: Position) -> u64 {
        let Some(first) = self.generations.front() else { return self.base };
        if p.generation < first.number {
            return self.base;
        }
        match self.generations.get((p.generation - first.number) as usize) {
            Some(g) => g.start + p.sequence.min(g.count),
            None => self.next(),
        }
    }

    pub fn open(&self) -> Option<&Generation> {
        self.generations.back().filter(|g| g.sealing == Sealing::Open)
    }

    pub fn only_open_and_empty(&self) -> bool {
        match self.generations.len() {
            0 => true,
            1 => self.open().is_some_and(|g| g.count == 0),
            _ => false,
        }
    }

    /// Position of the next record, whether there is room for it or not.
    pub fn next_position(&self) -> Position {
        match self.generations.back() {
            Some(g) if g.sealing == Sealing::Open => Position::new(g.number, g.count + 1),
            _ => Position::new(self.youngest + 1, 1),
        }
    }
}

impl<Q: Quirk> Source<Q> {
    pub(super) fn open_has_records(&self) -> bool {
        self.log.open().is_some_and(|g| g.count > 0)
    }

    pub(super) fn partition(&self, generation: u64) -> u64 {
        self.home.nvram + generation % self.geometry.partitions * self.geometry.partition_size
    }

    /// Opens the next generation if its partition is free.
    pub(super) fn open_next(&mut self) -> bool {
        if self.log.open().is_some() {
            return true;
        }
        if self.log.generations.len() as u64 >= self.geometry.partitions {
            return false;
        }
        let number = self.log.next_position().generation;
        // Of what was promised a trace is left in the NVRAM, at any time: without one a lost NVRAM looks like an empty
        // one (SR8).
        if number > self.geometry.partitions && self.log.proven <= number - self.geometry.partitions {
            return false;
        }
        let start = self.log.next();
        self.log.generations.push_back(Generation::new(number, start));
        self.log.youngest = number;
        true
    }

    /// Whether a record of `size` bytes fits into the open generation.
    pub(super) fn fits(&self, size: u64) -> bool {
        let half = self.quirk.bends(Bend::SealEarly) && self.open_has_records();
        let partition_size = self.geometry.partition_size / if half { 2 } else { 1 };
        self.log.open().is_some_and(|g| g.used + size <= partition_size)
    }

    /// SR3: {g, count, digest} into the partition's seal; the flush that follows makes it durable before anything of
    /// g + 1, which is written later, can be.
    ///
    /// The seal of g takes the place of that of g - P, which must have its SyncDone by then: until it has, this waits
    /// (false). That happens only with k > P.
    pub(super) fn seal(&mut self) -> bool {
        self.seal_wanted = true;
        if !self.open_next() {
            return false;
        }
        let replaced = self.log.youngest.checked_sub(self.geometry.partitions);
        if !self.alone() && replaced.is_some_and(|g| self.log.owed.contains_key(&g)) {
            return false;
        }
        self.seal_wanted = false;
        let tail = self.log.tip;
        let epoch = self.superblock.epoch;
        let Some(g) = self.log.generations.back_mut() else { return false };
        g.sealing = Sealing::Written;
        self.log.owed.insert(g.number, (g.count, g.digest));
        let seal = Seal { epoch, generation: g.number, count: g.count, digest: g.digest, tail };
        let at = self.partition(seal.generation);
        let run = Run::one(at, seal.encode(self.geometry.mirror));
        self.out.write(self.index, Duty::Log, Device::Nvram, alloc::vec![run]);
        self.progress = true;
        true
    }

    /// Numbers a record and writes it to the open partition.
    pub(super) fn append(
        &mut self,
        draft: impl FnOnce(Position, Link, u64) -> Draft,
    ) -> Option<(Record, u64)> {
        let position = self.log.next_position();
        let record =
            Record::encode(self.geometry.mirror, draft(position, self.log.tip, self.superblock.epoch));
        let at = self.partition(position.generation);
        let ordinal = self.log.next();
        let g = self.log.generations.back_mut()?;
        let run = Run { offset: at + g.used, parts: record.parts() };
        if g.count == 0 {
            self.opened_at = self.now;
        }
        g.count += 1;
        g.used += record.size();
        g.digest = extend_digest(g.digest, record.check);
        self.log.tip = record.link();
        let end_bytes = self.log.bytes(ordinal) + record.size();
        self.log.entries.push_back(Entry { record: record.clone(), end_bytes });
        self.resync_touched(&record);
        self.out.write(self.index, Duty::Log, Device::Nvram, alloc::vec![run]);
        self.stage(Stage::Numbered, position);
        Some((record, ordinal))
    }

    /// One flush at a time; it covers all that was written before it was issued.
    pub(super) fn flush_log(&mut self) {
        let sealed = self.log.generations.iter().rfind(|g| g.sealing == Sealing::Written).map(|g| g.number);
        if self.log_flush.is_some() || (self.log.durable == self.log.next() && sealed.is_none()) {
            return;
        }
        let token = self.out.flush(self.index, Duty::Log, Device::Nvram);
        self.log_flush = Some(FlushOf { token, upto: self.log.next(), sealed: sealed.unwrap_or(0) });
    }

    pub(super) fn log_flushed(&mut self, token: Token) {
        let Some(flush) = self.log_flush.filter(|f| f.token == token) else { return };
        self.log_flush = None;
        if flush.upto > self.log.durable {
            self.log.durable = flush.upto;
            let position = self.log.position(flush.upto);
            self.log.proven = self.log.proven.max(position.generation);
            self.stage(Stage::Logged, position);
        }
        self.log.proven = self.log.proven.max(flush.sealed);
        for i in 0..self.log.generations.len() {
            let g = &mut self.log.generations[i];
            if g.sealing == Sealing::Written && g.number <= flush.sealed {
                g.sealing = Sealing::Durable;
                let position = Position::new(g.number, 0);
                self.stage(Stage::Sealed, position);
            }
        }
    }

    /// The mark follows the log: a lost tail must be noticed (SR8). One mark write may serve several records.
    pub(super) fn flush_mark(&mut self) {
        let early = self.quirk.bends(Bend::MarkFirst);
        let upto = if early { self.log.next() } else { self.log.durable };
        if self.mark_flush.is_some() || self.marked >= upto {
            return;
        }
        self.mark.counter += 1;
        self.mark.nvram = self.log.position(upto);
        let run = Run::one(self.mark.slot(self.home.mark), self.mark.encode(self.geometry.mirror));
        self.out.write(self.index, Duty::Mark, Device::Mark, alloc::vec![run]);
        let token = self.out.flush(self.index, Duty::Mark, Device::Mark);
        self.mark_flush = Some((token, upto));
    }

    pub(super) fn mark_flushed(&mut self, token: Token) {
        let Some((_, upto)) = self.mark_flush.filter(|(t, _)| *t == token) else { return };
        self.mark_flush = None;
        self.marked = self.marked.max(upto.min(self.log.durable));
        let position = self.log.position(upto);
        self.stage(Stage::LogMarked, position);
    }

    /// SR5: a partition is free once applied here, filed there, and applied there as far as its file is wanted again.
    pub(super) fn free(&mut self) {
        // The destination has sealed, and counts on everything from `first` on.
        if self.returning() && !self.quirk.bends(Bend::FreeWhileReturning) {
            return;
        }
        while let Some(g) = self.log.generations.front() {
            let issued = self.quirk.bends(Bend::FreeOnApplyIssued)
                && self.superblock.applied_gen + 1 == g.number
                && self.apply.as_ref().is_some_and(|a| a.all_issued());
            let remote = self.acked_file >= g.end()
                && self.remote_applied
                    >= (g.number + self.geometry.partitions).saturating_sub(self.geometry.files);
            let remote = remote || self.quirk.bends(Bend::FreeOnLocalApply);
            // Alone nothing is asked for; its blocks are in the durable map (LR2).
            let remote = if self.alone() { g.end() <= self.mapped } else { remote };
            if !(g.applied || issued) || !remote {
                return;
            }
            let (number, count) = (g.number, g.count);
            self.log.generations.pop_front();
            if count > 0 {
                let last = self.log.base + count;
                self.log.base_position = self.log.position(last);
                self.log.base_bytes = self.log.bytes(last);
                self.log.entries.drain(..count as usize);
                self.log.base = last;
            }
            self.sent = self.sent.max(self.log.base);
            self.stage(Stage::Freed, Position::new(number, 0));
            self.progress = true;
        }
    }
}
