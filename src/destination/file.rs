//! Records from NVRAM to their log file (DR2, DR4): a file per source and slot g mod k, known by its header.

use super::Shared;
use super::desk::Desk;
use crate::effect::{Completion, Device, Duty, Run, Token};
use crate::ids::{Link, Position};
use crate::log_file::FileHeader;
use crate::quirk::{Bend, Quirk};
use crate::record::HEADER;
use crate::stage::Stage;
use alloc::vec::Vec;
use smallvec::SmallVec;

/// A log file that is not cleared.
#[derive(Clone, Debug)]
pub(super) struct LogFile {
    pub place: u64,
    pub generation: u64,
    /// Bytes in use, header included.
    pub used: u64,
    /// Checks of its records, in order: appended, perhaps not yet flushed.
    pub checks: Vec<u64>,
    pub digest: u64,
    /// Records that are flushed.
    pub durable: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Write,
    Flush,
    /// Found no space; waits for the retry.
    Waiting,
}

/// An append under way: records `from..upto` into the file of `generation`.
#[derive(Clone, Debug)]
pub(super) struct Work {
    token: Token,
    step: Step,
    generation: u64,
    upto: u64,
    run: Run,
}

impl<Q: Quirk> Desk<Q> {
    pub fn file(&self, generation: u64) -> Option<&LogFile> {
        self.files.iter().find(|f| f.generation == generation)
    }

    /// A place that no file uses, if possible a blank one.
    fn free_place(&mut self) -> Option<u64> {
        let used = |p: &u64| self.files.iter().any(|f| f.place == *p);
        let mut free = (0..self.geometry.places()).filter(|p| !used(p));
        let place = free.clone().find(|p| !self.foreign.contains(p)).or_else(|| free.next());
        self.foreign.retain(|p| Some(*p) != place);
        self.twins.retain(|(_, p)| Some(*p) != place);
        place
    }

    /// DR4: the first record of g enters a file only when that slot is empty.
    fn open_file(&mut self, generation: u64, prev: Link, parts: &mut SmallVec<[bytes::Bytes; 2]>) -> bool {
        let slot = generation % self.geometry.files;
        if self.files.iter().any(|f| f.generation % self.geometry.files == slot) {
            return false;
        }
        let Some(place) = self.free_place() else { return false };
        let header = FileHeader { epoch: self.superblock.epoch, generation, incarnation: 1, prev };
        parts.push(header.encode(self.geometry.mirror));
        self.files.push(LogFile::empty(place, generation));
        true
    }

    /// After a repair a file may have records while a former one still lacks some: what it has is not appended again.
    fn skip_filed(&mut self) {
        if self.file_work.is_some() || self.quirk.bends(Bend::AppendAgainAtBoot) {
            return;
        }
        while self.appended < self.marked {
            let position = self.entry(self.appended).record.position;
            if self.file(position.generation).is_none_or(|f| f.durable < position.sequence) {
                break;
            }
            self.appended += 1;
        }
        self.filed = self.filed.max(self.appended);
    }

    /// Appends what the mark covers, one generation at a time.
    pub fn append(&mut self, shared: &mut Shared) {
        self.skip_filed();
        if self.file_work.is_some() || self.appended >= self.marked {
            return;
        }
        let first = &self.entry(self.appended).record;
        let (generation, prev) = (first.position.generation, first.prev);
        let mut parts = SmallVec::new();
        if self.file(generation).is_none() && !self.open_file(generation, prev, &mut parts) {
            return;
        }
        let Some(at) = self.files.iter().position(|f| f.generation == generation) else { return };
        let file = &mut self.files[at];
        let start = if parts.is_empty() { file.used } else { 0 };
        let mut upto = self.appended;
        while upto < self.marked {
            let record = &self.entries[(upto - self.base) as usize].record;
            if record.position.generation != generation {
                break;
            }
            record.push_parts(&mut parts);
            file.push(record);
            upto += 1;
        }
        let run = Run { offset: self.geometry.place(file.place) + start, parts };
        self.appended = upto;
        self.file_work = Some(Work { token: Token(0), step: Step::Waiting, generation, upto, run });
        self.write_file(shared);
        let position = self.position(upto);
        self.stage(shared, Stage::FileAppended, position);
        if self.quirk.bends(Bend::RemoveOnAppend) {
            self.acknowledge(shared);
        }
    }

    fn write_file(&mut self, shared: &mut Shared) {
        if let Some(work) = &mut self.file_work {
            work.step = Step::Write;
            work.token = shared.out.write(self.index, Duty::File, Device::Log, alloc::vec![work.run.clone()]);
        }
    }

    pub fn retry_file(&mut self, shared: &mut Shared) {
        if self.file_work.as_ref().is_some_and(|w| w.step == Step::Waiting) {
            self.write_file(shared);
        }
    }

    pub fn file_done(&mut self, shared: &mut Shared, token: Token, completion: Completion) {
        let Some(work) = self.file_work.as_mut().filter(|w| w.token == token) else { return };
        match (work.step, completion) {
            // Written again over whatever part of it is there.
            (_, Completion::NoSpace) => {
                work.step = Step::Waiting;
                if self.quirk.bends(Bend::AppendBehindFragment) {
                    work.run.offset += HEADER;
                    let generation = work.generation;
                    let file = self.files.iter_mut().find(|f| f.generation == generation);
                    file.into_iter().for_each(|f| f.used += HEADER);
                }
                self.retry_later(shared);
            }
            (Step::Write, _) => {
                work.step = Step::Flush;
                work.token = shared.out.flush(self.index, Duty::File, Device::Log);
            }
            (Step::Flush, _) => {
                let (generation, upto) = (work.generation, work.upto);
                self.file_work = None;
                self.filed = upto;
                if let Some(file) = self.files.iter_mut().find(|f| f.generation == generation) {
                    file.durable = file.checks.len() as u64;
                }
                let position = self.position(upto);
                self.stage(shared, Stage::FileDurable, position);
            }
            (Step::Waiting, _) => {}
        }
    }

    /// Whether a write or flush of a file is under way.
    pub fn filing(&self) -> bool {
        self.file_work.as_ref().is_some_and(|w| w.step != Step::Waiting)
    }

    /// Whether a generation has records that are not flushed to its file yet.
    pub fn unfiled(&self, generation: u64) -> bool {
        self.filed < self.next()
            && self.entry(self.filed).record.position <= Position::new(generation, u64::MAX)
    }
}
