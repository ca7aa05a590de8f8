//! A sealed resync file becomes part of the image (LR4). Its blocks are whole, so writing them in place can be repeated as
//! often as it is interrupted: the file itself is the journal. Only when all of them are durable does the superblock let
//! go of it.

use crate::effect::{Completion, Device, Duty, Outbox, Ranges, Run, Token};
use crate::geometry::{Geometry, Region, SECTOR};
use crate::heal::BlockKey;
use crate::ids::MirrorIndex;
use crate::record::extend_digest;
use crate::resync_file::{self, EntryHeader};
use crate::superblock::Sealed;
use crate::volume;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;

/// How a roll stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// Waits for a completion.
    Working,
    /// All of it is durable in place.
    Finished,
    /// A write found no space; `retry` repeats it.
    NoSpace,
    /// The file is not what was sealed.
    Damaged,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Read,
    Tables,
    Place,
    Flush,
    Done,
}

/// The roll of one file.
#[derive(Debug)]
pub struct Roll {
    geometry: Arc<Geometry>,
    region: Region,
    index: MirrorIndex,
    session: u64,
    sealed: Sealed,
    step: Step,
    token: Token,
    /// Entries that are read, and their digest.
    taken: u64,
    digest: u64,
    /// Of the batch: the last content of each block, the table sectors, and what is written.
    blocks: BTreeMap<BlockKey, Bytes>,
    sectors: Vec<u64>,
    runs: Vec<Run>,
}

impl Roll {
    /// Of the file that the superblock names.
    pub fn new(
        geometry: Arc<Geometry>,
        region: Region,
        index: MirrorIndex,
        session: u64,
        sealed: Sealed,
    ) -> Self {
        Roll {
            geometry,
            region,
            index,
            session,
            sealed,
            step: Step::Done,
            token: Token(0),
            taken: 0,
            digest: 0,
            blocks: BTreeMap::new(),
            sectors: Vec::new(),
            runs: Vec::new(),
        }
    }

    /// Whether a completion belongs here.
    pub fn waits_for(&self, token: Token) -> bool {
        self.step != Step::Done && self.token == token
    }

    /// Reads the next entries, or makes everything durable.
    pub fn start(&mut self, out: &mut Outbox) -> Progress {
        let left = self.sealed.count - self.taken;
        if left == 0 {
            self.step = Step::Flush;
            self.token = out.flush(self.index, Duty::Resync, Device::Image);
            return Progress::Working;
        }
        let batch = (self.geometry.batch / self.geometry.block_size).clamp(1, 64).min(left);
        let entry = self.geometry.resync_entry();
        let ranges = (self.taken..self.taken + batch).map(|i| (resync_file::place(&self.geometry, i), entry));
        self.step = Step::Read;
        self.token = out.read(self.index, Duty::Resync, Device::Log, ranges.collect());
        Progress::Working
    }

    /// Goes on after a completion.
    pub fn done(&mut self, completion: Completion, out: &mut Outbox) -> Progress {
        match (self.step, completion) {
            (_, Completion::NoSpace) => Progress::NoSpace,
            (Step::Read, Completion::Read(data)) => self.take(&data, out),
            (Step::Tables, Completion::Read(data)) => self.compose(data, out),
            (Step::Place, _) => self.start(out),
            (Step::Flush, _) => {
                self.step = Step::Done;
                if self.digest == self.sealed.digest { Progress::Finished } else { Progress::Damaged }
            }
            _ => Progress::Working,
        }
    }

    /// Repeats the write that found no space.
    pub fn retry(&mut self, out: &mut Outbox) {
        if self.step == Step::Place {
            self.write(out);
        }
    }

    fn take(&mut self, data: &[Bytes], out: &mut Outbox) -> Progress {
        self.blocks.clear();
        for bytes in data {
            let found = EntryHeader::decode(&self.geometry, bytes);
            let Some((header, content)) =
                found.filter(|(h, _)| h.session == self.session && h.index == self.taken)
            else {
                self.step = Step::Done;
                return Progress::Damaged;
            };
            self.taken += 1;
            self.digest = extend_digest(self.digest, header.check);
            self.blocks.insert(header.key, content);
        }
        let mut ranges = Ranges::new();
        self.sectors.clear();
        for (volume, block) in self.blocks.keys() {
            let (sector, _) = self.region.volumes[*volume as usize].entry(*block);
            if self.sectors.last() != Some(&sector) {
                self.sectors.push(sector);
                ranges.push((sector, SECTOR));
            }
        }
        self.step = Step::Tables;
        self.token = out.read(self.index, Duty::Resync, Device::Image, ranges);
        Progress::Working
    }

    fn compose(&mut self, data: Vec<Bytes>, out: &mut Outbox) -> Progress {
        let mut tables: Vec<Vec<u8>> = data.iter().map(|sector| sector.to_vec()).collect();
        self.runs.clear();
        for ((volume, block), content) in &self.blocks {
            let map = &self.region.volumes[*volume as usize];
            let (sector, at) = map.entry(*block);
            if let Some(place) = self.sectors.iter().position(|s| *s == sector) {
                volume::put_entry(&mut tables[place], at, self.geometry.mirror, *block, content);
            }
            self.runs.push(Run::one(map.block(*block), content.clone()));
        }
        let tables = self.sectors.iter().zip(tables).map(|(at, table)| Run::one(*at, Bytes::from(table)));
        self.runs.extend(tables);
        self.write(out)
    }

    fn write(&mut self, out: &mut Outbox) -> Progress {
        self.step = Step::Place;
        self.token = out.write(self.index, Duty::Resync, Device::Image, self.runs.clone());
        Progress::Working
    }
}
