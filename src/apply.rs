//! The apply engine of both sides (DR6, SR6): records in order become blocks, in batches of three flushes each:
//! journal, blocks in place, cursor. No order of two in-place writes makes `add` or a partial block safe under torn
//! writes; the journal does, because it is physical and therefore repeatable.

use crate::after_image::{Image, overwrites, put_data, put_reply, reply_index, touches};
use crate::effect::{Completion, Device, Duty, Outbox, Ranges, Run, Token};
use crate::geometry::{Geometry, Region, SECTOR};
use crate::heal::{BlockKey, Healing};
use crate::ids::{MirrorIndex, Position};
use crate::journal;
use crate::quirk::{Bend, Quirk};
use crate::record::{Operation, Record};
use crate::stage::Stage;
use crate::superblock::Superblock;
use crate::volume::{self, Standing};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;

/// How far an apply has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// Waits for a completion.
    Working,
    /// A batch is durable; the superblock's cursor has moved.
    Advanced,
    /// Everything is durable.
    Finished,
    /// A write found no space; `retry` repeats it.
    NoSpace,
    /// Blocks do not match their checks ([`Apply::unreadable`]); nothing of their batch was written. `start` tries again.
    Damaged,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Idle,
    Read,
    Journal,
    JournalFlush,
    Place,
    PlaceFlush,
    Cursor,
    CursorFlush,
}

/// A block that the batch writes into.
#[derive(Clone, Copy, Debug)]
struct Touched {
    key: BlockKey,
    /// It is first touched as a whole, so its old content does not matter.
    whole: bool,
    /// Its old content is read.
    base: bool,
    /// Records up to here are in its content already: it was healed with content from beyond the cursor.
    skip: Position,
    /// Its table sector: index in the list of the batch's sectors.
    sector: usize,
}

/// One apply: a run of records, and perhaps the end of a generation; or the repair of a block.
#[derive(Debug)]
pub struct Apply<Q> {
    geometry: Arc<Geometry>,
    region: Region,
    index: MirrorIndex,
    quirk: Q,
    waiting: VecDeque<Record>,
    /// The generation that is complete when all records are applied.
    finish: Option<u64>,
    /// A damaged block that gets its content outside of any batch.
    repair: Option<BlockKey>,
    /// Damaged blocks of the batch that nobody has good content for.
    unreadable: Vec<BlockKey>,
    step: Step,
    token: Token,
    batch: Vec<Record>,
    /// By key.
    touched: Vec<Touched>,
    /// Table sectors of the touched blocks, in the same order.
    sectors: Vec<u64>,
    runs: Vec<Run>,
    after: Superblock,
}

impl<Q: Quirk> Apply<Q> {
    /// `records` are in order and start right above the superblock's cursor; `finish` names the generation that they
    /// complete, if they do.
    pub fn new(
        geometry: Arc<Geometry>,
        region: Region,
        index: MirrorIndex,
        quirk: Q,
        records: impl IntoIterator<Item = Record>,
        finish: Option<u64>,
        superblock: &Superblock,
    ) -> Self {
        Apply {
            geometry,
            region,
            index,
            quirk,
            waiting: records.into_iter().collect(),
            finish,
            repair: None,
            unreadable: Vec::new(),
            step: Step::Idle,
            token: Token(0),
            batch: Vec::new(),
            touched: Vec::new(),
            sectors: Vec::new(),
            runs: Vec::new(),
            after: *superblock,
        }
    }

    /// Puts a block in place that was found, while no record is applied: no order of two writes makes block and check
    /// one, so this goes through the journal, too.
    pub fn repair(
        geometry: Arc<Geometry>,
        region: Region,
        index: MirrorIndex,
        quirk: Q,
        block: BlockKey,
        superblock: &Superblock,
    ) -> Self {
        let mut apply = Apply::new(geometry, region, index, quirk, core::iter::empty(), None, superblock);
        apply.repair = Some(block);
        apply
    }

    /// Whether it only repairs a block.
    pub fn is_repair(&self) -> bool {
        self.repair.is_some()
    }

    /// The blocks that it waits for; none if it does not wait.
    pub fn unreadable(&self) -> &[BlockKey] {
        if self.step == Step::Idle { &self.unreadable } else { &[] }
    }

    /// Whether the blocks on the device are those of the superblock's cursor.
    pub fn at_cursor(&self) -> bool {
        matches!(self.step, Step::Idle | Step::Read | Step::Journal | Step::JournalFlush)
    }

    /// Whether blocks and their checks may disagree on the device at this moment.
    pub fn in_place(&self) -> bool {
        matches!(self.step, Step::Place | Step::PlaceFlush)
    }

    /// Whether a completion is still to come, unless there was no space.
    pub fn working(&self) -> bool {
        self.step != Step::Idle
    }

    /// Whether a completion belongs to this apply.
    pub fn waits_for(&self, token: Token) -> bool {
        self.step != Step::Idle && self.token == token
    }

    /// Whether nothing is left that is not at least on its way to the device.
    pub fn all_issued(&self) -> bool {
        self.waiting.is_empty() && !matches!(self.step, Step::Idle | Step::Read)
    }

    /// What is not on the device yet, in order, while the blocks that the next batch changes are awaited.
    pub fn ahead(&self) -> Option<impl ExactSizeIterator<Item = &Record>> {
        let records = self.batch.len() + self.waiting.len();
        let record = |i: usize| self.batch.get(i).unwrap_or_else(|| &self.waiting[i - self.batch.len()]);
        (self.step == Step::Read).then(|| (0..records).map(record))
    }

    /// The records of the batch that is under way.
    pub fn batch(&self) -> &[Record] {
        &self.batch
    }

    /// Leaves out the first `records` of [`Apply::ahead`]: their batches are on the device. Then `start`.
    pub fn leave_out(&mut self, records: usize) {
        self.abandon();
        self.waiting.drain(..records.min(self.waiting.len()));
    }

    /// While the cursor of a batch is flushed: the superblock that the batch leads to, and how many records follow.
    pub fn landing(&self) -> Option<(&Superblock, usize)> {
        (self.step == Step::CursorFlush).then_some((&self.after, self.waiting.len()))
    }

    /// Starts the next batch, or says that there is none.
    pub fn start(
        &mut self,
        superblock: &mut Superblock,
        healing: &mut Healing,
        out: &mut Outbox,
    ) -> Progress {
        self.unreadable.clear();
        if let Some(key) = self.repair {
            if healing.usable(key).is_none() {
                return Progress::Finished;
            }
            self.after = *superblock;
            self.touched.clear();
            self.touched.push(Touched { key, whole: false, base: true, skip: Position::ZERO, sector: 0 });
            return self.read(out);
        }
        if self.waiting.is_empty() {
            let Some(generation) = self.finish.filter(|g| *g > superblock.applied_gen) else {
                return Progress::Finished;
            };
            self.after = *superblock;
            self.after.finish(generation);
            return self.write_cursor(out);
        }
        self.take_batch(superblock);
        self.touch();
        self.read(out)
    }

    fn read(&mut self, out: &mut Outbox) -> Progress {
        let ranges = self.plan_reads();
        self.step = Step::Read;
        self.token = out.read(self.index, Duty::Apply, Device::Image, ranges);
        Progress::Working
    }

    /// Takes as many records as fill a batch and sets the cursor that they lead to.
    fn take_batch(&mut self, superblock: &Superblock) {
        self.batch.clear();
        let mut size = 0;
        while let Some(record) = self.waiting.front() {
            let blocks = record.length / self.geometry.block_size + 2;
            size += blocks * self.geometry.block_size;
            if size > self.geometry.batch && !self.batch.is_empty() {
                break;
            }
            self.batch.extend(self.waiting.pop_front());
        }
        self.after = *superblock;
        if let Some(last) = self.batch.last() {
            self.after.tail = last.link();
            self.after.applied_gen = last.position.generation - 1;
            self.after.applied_seq = last.position.sequence;
        }
        if let (true, Some(generation)) = (self.waiting.is_empty(), self.finish) {
            self.after.finish(generation);
        }
    }

    /// The blocks that the batch touches. One that is first touched in part needs its old content.
    fn touch(&mut self) {
        let size = self.geometry.block_size;
        let first = |key, whole: bool| Touched { key, whole, base: !whole, skip: Position::ZERO, sector: 0 };
        self.touched.clear();
        for record in &self.batch {
            let end = record.offset + record.length;
            for block in record.offset / size..=(end - 1) / size {
                let whole = overwrites(record, block, size);
                self.touched.push(first((record.volume, block), whole));
            }
            let index = reply_index(&self.geometry, record);
            let (reply, _) = self.region.volumes[record.volume as usize].reply(index);
            self.touched.push(first((record.volume, reply), false));
        }
        // The sort is stable: of each block its first touch is left.
        self.touched.sort_by_key(|t| t.key);
        self.touched.dedup_by_key(|t| t.key);
    }

    /// The old content of blocks that need it, and the table sectors of all.
    fn plan_reads(&mut self) -> Ranges {
        let size = self.geometry.block_size;
        self.sectors.clear();
        let mut ranges = Ranges::new();
        for touched in &mut self.touched {
            let map = &self.region.volumes[touched.key.0 as usize];
            let (sector, _) = map.entry(touched.key.1);
            if self.sectors.last() != Some(&sector) {
                self.sectors.push(sector);
            }
            touched.sector = self.sectors.len() - 1;
            if touched.base {
                ranges.push((map.block(touched.key.1), size));
            }
        }
        ranges.extend(self.sectors.iter().map(|sector| (*sector, SECTOR)));
        ranges
    }

    /// Goes on after a completion.
    pub fn done(
        &mut self,
        completion: Completion,
        superblock: &mut Superblock,
        healing: &mut Healing,
        out: &mut Outbox,
    ) -> Progress {
        if let Completion::NoSpace = completion {
            return Progress::NoSpace;
        }
        match self.step {
            Step::Idle => Progress::Working,
            Step::Read => match completion {
                Completion::Read(data) => self.compose(data, superblock, healing, out),
                _ => Progress::Working,
            },
            Step::Journal => self.flush(Step::JournalFlush, out),
            Step::JournalFlush => {
                out.stage(self.index, Stage::ApplyJournaled, self.after_position());
                if self.repair.is_some() {
                    out.stage(self.index, Stage::BlockJournaled, self.after_position());
                }
                self.write_in_place(out)
            }
            Step::Place => {
                if self.quirk.bends(Bend::CursorWithoutBlocks) && self.repair.is_none() {
                    return self.write_cursor(out);
                }
                self.flush(Step::PlaceFlush, out)
            }
            Step::PlaceFlush => {
                out.stage(self.index, Stage::ApplyWritten, self.after_position());
                if self.repair.is_some() {
                    return self.advanced(healing, out);
                }
                self.write_cursor(out)
            }
            Step::Cursor => self.flush(Step::CursorFlush, out),
            Step::CursorFlush => {
                *superblock = self.after;
                out.stage(self.index, Stage::ApplyAdvanced, self.after_position());
                self.advanced(healing, out)
            }
        }
    }

    /// The batch is durable in place, and with it whatever of its blocks was damaged.
    fn advanced(&mut self, healing: &mut Healing, out: &mut Outbox) -> Progress {
        self.step = Step::Idle;
        self.runs.clear();
        for touched in &self.touched {
            if healing.settle(touched.key) {
                let upto = self.after.tail.position.max(touched.skip);
                out.stage(self.index, Stage::BlockHealed, upto);
            }
        }
        self.touched.clear();
        Progress::Advanced
    }

    /// Repeats the write that found no space.
    pub fn retry(&mut self, out: &mut Outbox) -> Progress {
        match self.step {
            Step::Journal => self.write_journal(out),
            Step::Place => self.write_in_place(out),
            Step::Cursor => self.write_slot(out),
            _ => Progress::Working,
        }
    }

    fn after_position(&self) -> Position {
        Position::new(self.after.applied_gen, self.after.applied_seq)
    }

    fn flush(&mut self, step: Step, out: &mut Outbox) -> Progress {
        self.step = step;
        self.token = out.flush(self.index, Duty::Apply, Device::Image);
        Progress::Working
    }

    fn write_journal(&mut self, out: &mut Outbox) -> Progress {
        let (mirror, at) = (self.geometry.mirror, self.region.journal);
        let run = journal::encode(mirror, at, &self.after, self.repair.is_some(), &self.runs);
        self.step = Step::Journal;
        self.token = out.write(self.index, Duty::Apply, Device::Image, alloc::vec![run]);
        Progress::Working
    }

    fn write_in_place(&mut self, out: &mut Outbox) -> Progress {
        self.step = Step::Place;
        self.token = out.write(self.index, Duty::Apply, Device::Image, self.runs.clone());
        Progress::Working
    }

    fn write_cursor(&mut self, out: &mut Outbox) -> Progress {
        self.after.counter += 1;
        self.write_slot(out)
    }

    fn write_slot(&mut self, out: &mut Outbox) -> Progress {
        let at = self.region.base + self.after.slot();
        let run = Run::one(at, self.after.encode(self.geometry.mirror));
        self.step = Step::Cursor;
        self.token = out.write(self.index, Duty::Apply, Device::Image, alloc::vec![run]);
        Progress::Working
    }

    /// Verifies the old content, folds the batch over it and writes the journal.
    fn compose(
        &mut self,
        mut data: Vec<Bytes>,
        superblock: &Superblock,
        healing: &mut Healing,
        out: &mut Outbox,
    ) -> Progress {
        let cursor = superblock.tail.position;
        let mut tables: Vec<Vec<u8>> =
            data.drain(data.len() - self.sectors.len()..).map(|sector| sector.to_vec()).collect();
        if self.look_behind(&tables, cursor) {
            return self.read(out);
        }
        let mirror = self.geometry.mirror;
        let mut images = Vec::with_capacity(self.touched.len());
        let mut bases = data.into_iter();
        for touched in &mut self.touched {
            let Some(bytes) = touched.base.then(|| bases.next()).flatten() else {
                images.push(None);
                continue;
            };
            let key = touched.key;
            let (_, at) = self.region.volumes[key.0 as usize].entry(key.1);
            let content = match volume::verify(&tables[touched.sector], at, mirror, key.1, &bytes) {
                Standing::Good => Some((Position::ZERO, bytes)),
                Standing::UpTo(upto) => Some((upto, bytes)),
                Standing::Bad if touched.whole => None,
                Standing::Bad => {
                    let found = healing.usable(key);
                    if found.is_none() {
                        self.unreadable.push(key);
                    }
                    found.map(|(upto, content)| (upto, content.clone()))
                }
            };
            images.push(content.map(|(upto, bytes)| {
                touched.skip = if upto > cursor { upto } else { Position::ZERO };
                Image::Slice { bytes, record: usize::MAX, at: 0 }
            }));
        }
        if !self.unreadable.is_empty() {
            self.abandon();
            return Progress::Damaged;
        }
        for (number, record) in self.batch.iter().enumerate() {
            self.fold(number, record, &mut images);
        }
        for (touched, image) in self.touched.iter().zip(&images) {
            let (volume, block) = touched.key;
            let (_, at) = self.region.volumes[volume as usize].entry(block);
            let table = &mut tables[touched.sector];
            match image {
                Some(image) if touched.skip > self.after.tail.position => {
                    volume::put_ahead(table, at, mirror, block, touched.skip, image.bytes());
                }
                Some(image) => volume::put_entry(table, at, mirror, block, image.bytes()),
                None => {}
            }
        }
        self.runs = self.gather(images, tables);
        self.write_journal(out)
    }

    /// What is overwritten as a whole may be ahead of that write; then its content is needed after all.
    fn look_behind(&mut self, tables: &[Vec<u8>], cursor: Position) -> bool {
        let mut again = false;
        for touched in self.touched.iter_mut().filter(|t| !t.base) {
            let (volume, block) = touched.key;
            let (_, at) = self.region.volumes[volume as usize].entry(block);
            let upto = volume::says_ahead(&tables[touched.sector], at, block);
            touched.base = upto.is_some_and(|upto| upto > cursor);
            again |= touched.base;
        }
        again
    }

    /// Puts the batch back, so that it can be tried again once the block is good.
    fn abandon(&mut self) {
        self.step = Step::Idle;
        for record in self.batch.drain(..).rev() {
            self.waiting.push_front(record);
        }
    }

    /// Gives up every record from the first one that touches an unreadable block on.
    pub fn end_before_unreadable(&mut self) {
        let touches = |record: &Record| {
            self.unreadable.iter().any(|key| touches(&self.geometry, &self.region, record, *key))
        };
        let end = self.waiting.iter().position(touches).unwrap_or(self.waiting.len());
        self.waiting.truncate(end);
        self.finish = None;
    }

    /// Where a block of the batch stands in `touched`.
    fn place(&self, key: BlockKey) -> usize {
        self.touched.partition_point(|t| t.key < key)
    }

    /// Puts a record down on the images of the touched blocks.
    fn fold(&self, number: usize, record: &Record, images: &mut [Option<Image>]) {
        let size = self.geometry.block_size;
        let end = record.offset + record.length;
        let hole = self.quirk.bends(Bend::SkipZeroes)
            && record.operation == Operation::Write
            && crate::codec::all_zero(&record.payload);
        for block in record.offset / size..=(end - 1) / size {
            let place = self.place((record.volume, block));
            if hole || self.skips(place, record) {
                continue;
            }
            let image = &mut images[place];
            let whole = overwrites(record, block, size);
            match record.operation {
                Operation::Write if whole => {
                    let at = block * size - record.offset;
                    let bytes = record.payload.slice(at as usize..(at + size) as usize);
                    *image = Some(Image::Slice { bytes, record: number, at });
                }
                Operation::WriteZeroes if whole => {
                    *image = Some(Image::Own(alloc::vec![0; size as usize]));
                }
                _ => {
                    if let Some(image) = image {
                        put_data(record, block, image.own());
                    }
                }
            }
        }
        let map = &self.region.volumes[record.volume as usize];
        let (block, at) = map.reply(reply_index(&self.geometry, record));
        let place = self.place((record.volume, block));
        if let Some(image) = images[place].as_mut().filter(|_| !self.skips(place, record)) {
            put_reply(record, image.own(), at);
        }
    }

    fn skips(&self, place: usize, record: &Record) -> bool {
        record.position <= self.touched[place].skip && !self.quirk.bends(Bend::ApplyWithoutSkip)
    }

    /// The in-place writes: neighbouring slices of one payload become one run.
    fn gather(&self, images: Vec<Option<Image>>, tables: Vec<Vec<u8>>) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::with_capacity(images.len() + tables.len());
        // Of the open run: its record, where it starts in the payload, its length.
        let mut open: Option<(usize, u64, u64)> = None;
        for (touched, image) in self.touched.iter().zip(images) {
            let (volume, block) = touched.key;
            let offset = self.region.volumes[volume as usize].block(block);
            match image {
                None => {}
                Some(Image::Slice { bytes, record, at }) => {
                    if let (Some((r, start, length)), Some(run)) = (open, runs.last_mut())
                        && r == record
                        && start + length == at
                        && run.offset + length == offset
                    {
                        let longer = length + bytes.len() as u64;
                        let payload = &self.batch[record].payload;
                        run.parts[0] = payload.slice(start as usize..(start + longer) as usize);
                        open = Some((record, start, longer));
                    } else {
                        open = (record != usize::MAX).then_some((record, at, bytes.len() as u64));
                        runs.push(Run::one(offset, bytes));
                    }
                }
                Some(Image::Own(bytes)) => {
                    open = None;
                    runs.push(Run::one(offset, Bytes::from(bytes)));
                }
            }
        }
        let tables = self.sectors.iter().zip(tables);
        runs.extend(tables.map(|(sector, bytes)| Run::one(*sector, Bytes::from(bytes))));
        runs
    }
}
