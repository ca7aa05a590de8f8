//! What every boot and every recovery begins with, on both sides: superblock, mark and journal are read, and a journal
//! that is newer than the superblock is written in place again (DR6).

use crate::effect::{Alarm, Completion, Device, Duty, Outbox, Ranges, Run, Token};
use crate::geometry::{Geometry, Region, SECTOR};
use crate::ids::MirrorIndex;
use crate::journal::{JournalHeader, JournalIndex};
use crate::mark::{self, Mark};
use crate::quirk::Quirk;
use crate::shape::Shape;
use crate::superblock::{self, Superblock};
use alloc::sync::Arc;
use alloc::vec::Vec;
use smallvec::smallvec;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Superblock,
    Mark,
    Journal,
    Index,
    Data,
    Place,
    PlaceFlush,
    Cursor,
    CursorFlush,
    Done,
}

/// Reads superblock, mark and journal; then, when told to, redoes the journal.
#[derive(Debug)]
pub struct Ground<Q> {
    geometry: Arc<Geometry>,
    region: Region,
    index: MirrorIndex,
    mark_at: u64,
    quirk: Q,
    step: Step,
    token: Token,
    header: Option<JournalHeader>,
    journal_index: Option<JournalIndex>,
    runs: Option<Vec<Run>>,
    /// `None`: no valid slot, or none that is for this configuration.
    pub superblock: Option<Superblock>,
    /// Why what is there must not be read with this configuration.
    pub refusal: Option<Alarm>,
    /// `None`: no valid slot.
    pub mark: Option<Mark>,
}

impl<Q: Quirk> Ground<Q> {
    /// For mirror `index` whose region on the disk is `region` and whose mark slots start at `mark_at`.
    pub fn new(geometry: Arc<Geometry>, region: Region, index: MirrorIndex, mark_at: u64, quirk: Q) -> Self {
        Ground {
            geometry,
            region,
            index,
            mark_at,
            quirk,
            step: Step::Done,
            token: Token(0),
            header: None,
            journal_index: None,
            runs: None,
            superblock: None,
            refusal: None,
            mark: None,
        }
    }

    /// Asks for the first read.
    pub fn start(&mut self, out: &mut Outbox) {
        self.read(Step::Superblock, Device::Image, smallvec![(self.region.base, 2 * superblock::SLOT)], out);
    }

    fn read(&mut self, step: Step, device: Device, ranges: Ranges, out: &mut Outbox) -> bool {
        self.step = step;
        self.token = out.read(self.index, Duty::Boot, device, ranges);
        false
    }

    /// Whether a completion belongs here.
    pub fn waits_for(&self, token: Token) -> bool {
        self.step != Step::Done && self.token == token
    }

    /// Goes on after a completion; true when the reading, or the redo, is over.
    pub fn done(&mut self, completion: Completion, superblock: &mut Superblock, out: &mut Outbox) -> bool {
        match completion {
            Completion::Read(data) => self.take(&data, out),
            Completion::Done => self.written(superblock, out),
            // The redo writes where the batch has been written or at least allocated before; try again. A superblock goes
            // to the same slot again: the other one is the newest that is durable.
            Completion::NoSpace => match self.step {
                Step::Cursor => self.write_slot(superblock, out),
                _ => self.write_in_place(out),
            },
            // The server has stopped.
            Completion::Failed(_) => false,
        }
    }

    fn take(&mut self, data: &[bytes::Bytes], out: &mut Outbox) -> bool {
        let mirror = self.geometry.mirror;
        let size = self.geometry.journal_size();
        match self.step {
            Step::Superblock => {
                self.superblock = Superblock::newest(mirror, &data[0]);
                self.refusal = self.refusal(&data[0]);
                if self.refusal.is_some() {
                    self.superblock = None;
                }
                self.read(Step::Mark, Device::Mark, smallvec![(self.mark_at, 2 * mark::SLOT)], out)
            }
            Step::Mark => {
                self.mark = Mark::newest(mirror, &data[0]);
                self.read(Step::Journal, Device::Image, smallvec![(self.region.journal, SECTOR)], out)
            }
            Step::Journal => {
                let header = JournalHeader::decode(mirror, size, &data[0]);
                let counts = |h: &JournalHeader| {
                    self.superblock.as_ref().is_some_and(|s| h.counts_over(s, self.quirk))
                };
                self.header = header.filter(counts);
                let Some(header) = self.header else { return self.finish() };
                let (at, length) = header.index();
                self.read(Step::Index, Device::Image, smallvec![(self.region.journal + at, length)], out)
            }
            Step::Index => {
                self.journal_index =
                    self.header.as_ref().and_then(|header| JournalIndex::decode(header, size, &data[0]));
                let Some(index) = &self.journal_index else { return self.finish() };
                let ranges = index.ranges(self.region.journal);
                self.read(Step::Data, Device::Image, ranges, out)
            }
            Step::Data => {
                self.runs = self.journal_index.as_ref().and_then(|index| index.runs(data.to_vec()));
                self.finish()
            }
            _ => false,
        }
    }

    /// Another format, another mirror, or this one made for other numbers. One slot of another format is enough: the
    /// other one is older, and going on from it would be a roll-back.
    fn refusal(&self, both: &[u8]) -> Option<Alarm> {
        if let Some(found) = Superblock::other_version(both) {
            return Some(Alarm::Version { found });
        }
        let mirror = self.geometry.mirror;
        let Some(superblock) = &self.superblock else {
            let own = u64::from_le_bytes(mirror.0[..8].try_into().unwrap_or_default());
            let field = crate::effect::CONFIG_MIRROR;
            return Superblock::foreign(mirror, both).map(|found| Alarm::Config { field, found, own });
        };
        let (field, found, own) = superblock.shape.differs(&Shape::of(&self.geometry))?;
        Some(Alarm::Config { field: field as u64, found, own })
    }

    fn finish(&mut self) -> bool {
        self.step = Step::Done;
        true
    }

    /// Writes a newer journal in place again; false if there is none.
    pub fn redo(&mut self, out: &mut Outbox) -> bool {
        if self.runs.is_none() {
            return false;
        }
        self.write_in_place(out);
        true
    }

    fn write_in_place(&mut self, out: &mut Outbox) -> bool {
        if let Some(runs) = &self.runs {
            self.step = Step::Place;
            self.token = out.write(self.index, Duty::Boot, Device::Image, runs.clone());
        }
        false
    }

    fn written(&mut self, superblock: &mut Superblock, out: &mut Outbox) -> bool {
        match self.step {
            Step::Place => self.flush(Step::PlaceFlush, out),
            Step::PlaceFlush => {
                if let Some(header) = &self.header {
                    superblock.applied_gen = header.applied_gen;
                    superblock.applied_seq = header.applied_seq;
                    superblock.tail = header.tail;
                    superblock.base = header.base;
                }
                superblock.counter += 1;
                self.write_slot(superblock, out)
            }
            Step::Cursor => self.flush(Step::CursorFlush, out),
            Step::CursorFlush => {
                self.runs = None;
                self.finish()
            }
            _ => false,
        }
    }

    fn write_slot(&mut self, superblock: &Superblock, out: &mut Outbox) -> bool {
        let at = self.region.base + superblock.slot();
        let run = Run::one(at, superblock.encode(self.geometry.mirror));
        self.step = Step::Cursor;
        self.token = out.write(self.index, Duty::Boot, Device::Image, alloc::vec![run]);
        false
    }

    fn flush(&mut self, step: Step, out: &mut Outbox) -> bool {
        self.step = step;
        self.token = out.flush(self.index, Duty::Boot, Device::Image);
        false
    }
}
