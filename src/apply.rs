//! The apply engine of both sides (DR6, SR6): records in order become blocks, in batches of three flushes each:
//! journal, blocks in place, cursor. No order of two in-place writes makes `add` or a partial block safe under torn
//! writes; the journal does, because it is physical and therefore repeatable.

use crate::effect::{Completion, Device, Duty, Outbox, Ranges, Run, Token};
use crate::geometry::{Geometry, Region, SECTOR};
use crate::ids::{MirrorIndex, Position};
use crate::journal;
use crate::quirk::{Bend, Quirk};
use crate::record::{Operation, Record};
use crate::reply_table::ReplyEntry;
use crate::stage::Stage;
use crate::superblock::Superblock;
use crate::volume;
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
    /// A block does not match its check; nothing of its batch was written.
    Damaged {
        /// Which volume.
        volume: u32,
        /// Which block.
        block: u64,
    },
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

/// Content of a block of the batch. A block that lies wholly in one payload stays a slice of it.
#[derive(Debug)]
enum Image {
    Slice { bytes: Bytes, record: usize, at: u64 },
    Own(Vec<u8>),
}

impl Image {
    fn bytes(&self) -> &[u8] {
        match self {
            Image::Slice { bytes, .. } => bytes,
            Image::Own(bytes) => bytes,
        }
    }

    fn own(&mut self) -> &mut Vec<u8> {
        if let Image::Slice { bytes, .. } = self {
            *self = Image::Own(bytes.to_vec());
        }
        match self {
            Image::Own(bytes) => bytes,
            Image::Slice { .. } => unreachable!("made owned above"),
        }
    }
}

/// Volume and block.
type BlockKey = (u32, u64);

/// A block that the batch writes into.
#[derive(Clone, Copy, Debug)]
struct Touched {
    key: BlockKey,
    /// It is first touched in part, so its old content is needed.
    base: bool,
    /// Its table sector: index in the list of the batch's sectors.
    sector: usize,
}

/// One apply: a run of records, and perhaps the end of a generation.
#[derive(Debug)]
pub struct Apply<Q> {
    geometry: Arc<Geometry>,
    region: Region,
    index: MirrorIndex,
    quirk: Q,
    waiting: VecDeque<Record>,
    /// The generation that is complete when all records are applied.
    finish: Option<u64>,
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
            step: Step::Idle,
            token: Token(0),
            batch: Vec::new(),
            touched: Vec::new(),
            sectors: Vec::new(),
            runs: Vec::new(),
            after: *superblock,
        }
    }

    /// Whether blocks and their checks may disagree on the device at this moment.
    pub fn in_place(&self) -> bool {
        matches!(self.step, Step::Place | Step::PlaceFlush)
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
    pub fn start(&mut self, superblock: &mut Superblock, out: &mut Outbox) -> Progress {
        if self.waiting.is_empty() {
            let Some(generation) = self.finish.filter(|g| *g > superblock.applied_gen) else {
                return Progress::Finished;
            };
            self.after = *superblock;
            self.after.finish(generation);
            return self.write_cursor(out);
        }
        self.take_batch(superblock);
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

    /// Blocks that are first touched in part need their old content; every touched block needs its table sector.
    fn plan_reads(&mut self) -> Ranges {
        let size = self.geometry.block_size;
        self.touched.clear();
        for record in &self.batch {
            let end = record.offset + record.length;
            let add = matches!(record.operation, Operation::Add { .. });
            for block in record.offset / size..=(end - 1) / size {
                let whole = record.offset <= block * size && end >= (block + 1) * size && !add;
                self.touched.push(Touched { key: (record.volume, block), base: !whole, sector: 0 });
            }
            let (reply, _) = self.region.volumes[record.volume as usize].reply(self.reply_index(record));
            self.touched.push(Touched { key: (record.volume, reply), base: true, sector: 0 });
        }
        // The sort is stable: of each block its first touch is left.
        self.touched.sort_by_key(|t| t.key);
        self.touched.dedup_by_key(|t| t.key);
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

    fn reply_index(&self, record: &Record) -> u64 {
        record.id.client as u64 * self.geometry.slots as u64 + record.id.slot as u64
    }

    /// Goes on after a completion.
    pub fn done(
        &mut self,
        completion: Completion,
        superblock: &mut Superblock,
        out: &mut Outbox,
    ) -> Progress {
        if let Completion::NoSpace = completion {
            return Progress::NoSpace;
        }
        match self.step {
            Step::Idle => Progress::Working,
            Step::Read => match completion {
                Completion::Read(data) => self.compose(data, out),
                _ => Progress::Working,
            },
            Step::Journal => self.flush(Step::JournalFlush, out),
            Step::JournalFlush => {
                out.stage(self.index, Stage::ApplyJournaled, self.after_position());
                self.write_in_place(out)
            }
            Step::Place => {
                if self.quirk.bends(Bend::CursorWithoutBlocks) {
                    return self.write_cursor(out);
                }
                self.flush(Step::PlaceFlush, out)
            }
            Step::PlaceFlush => {
                out.stage(self.index, Stage::ApplyWritten, self.after_position());
                self.write_cursor(out)
            }
            Step::Cursor => self.flush(Step::CursorFlush, out),
            Step::CursorFlush => {
                self.step = Step::Idle;
                self.runs.clear();
                *superblock = self.after;
                out.stage(self.index, Stage::ApplyAdvanced, self.after_position());
                Progress::Advanced
            }
        }
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
        let run = journal::encode(self.geometry.mirror, self.region.journal, &self.after, &self.runs);
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
    fn compose(&mut self, mut data: Vec<Bytes>, out: &mut Outbox) -> Progress {
        let mut tables: Vec<Vec<u8>> =
            data.drain(data.len() - self.sectors.len()..).map(|sector| sector.to_vec()).collect();
        let mirror = self.geometry.mirror;
        let entry_of = |t: &Touched| self.region.volumes[t.key.0 as usize].entry(t.key.1).1;
        let mut images = Vec::with_capacity(self.touched.len());
        let mut bases = data.into_iter();
        for touched in &self.touched {
            let Some(bytes) = touched.base.then(|| bases.next()).flatten() else {
                images.push(None);
                continue;
            };
            let (volume, block) = touched.key;
            if !volume::matches(&tables[touched.sector], entry_of(touched), mirror, block, &bytes) {
                self.abandon();
                return Progress::Damaged { volume, block };
            }
            images.push(Some(Image::Slice { bytes, record: usize::MAX, at: 0 }));
        }
        for (number, record) in self.batch.iter().enumerate() {
            self.fold(number, record, &mut images);
        }
        for (touched, image) in self.touched.iter().zip(&images) {
            if let Some(image) = image {
                let table = &mut tables[touched.sector];
                volume::put_entry(table, entry_of(touched), mirror, touched.key.1, image.bytes());
            }
        }
        self.runs = self.gather(images, tables);
        self.write_journal(out)
    }

    /// Puts the batch back, so that it can be tried again once the block is good.
    fn abandon(&mut self) {
        self.step = Step::Idle;
        for record in self.batch.drain(..).rev() {
            self.waiting.push_front(record);
        }
    }

    /// Gives up every record from the first one that touches a block on.
    pub fn end_before(&mut self, volume: u32, block: u64) {
        let touches = |record: &Record| self.touches(record, volume, block);
        let end = self.waiting.iter().position(touches).unwrap_or(self.waiting.len());
        self.waiting.truncate(end);
        self.finish = None;
    }

    fn touches(&self, record: &Record, volume: u32, block: u64) -> bool {
        let size = self.geometry.block_size;
        let (reply, _) = self.region.volumes[record.volume as usize].reply(self.reply_index(record));
        let data = record.offset / size..=(record.offset + record.length - 1) / size;
        record.volume == volume && (reply == block || data.contains(&block))
    }

    /// Where a block of the batch stands in `touched`.
    fn place(&self, key: BlockKey) -> usize {
        self.touched.partition_point(|t| t.key < key)
    }

    /// Puts a record down on the images of the touched blocks.
    fn fold(&self, number: usize, record: &Record, images: &mut [Option<Image>]) {
        let size = self.geometry.block_size;
        let end = record.offset + record.length;
        let mut at = record.offset;
        while at < end {
            let block = at / size;
            let to = ((block + 1) * size).min(end);
            let (from_payload, to_payload) = (at - record.offset, to - record.offset);
            let within = (at % size) as usize;
            let image = &mut images[self.place((record.volume, block))];
            let whole = to - at == size;
            match record.operation {
                Operation::Write if whole => {
                    let bytes = record.payload.slice(from_payload as usize..to_payload as usize);
                    *image = Some(Image::Slice { bytes, record: number, at: from_payload });
                }
                Operation::WriteZeroes if whole => {
                    *image = Some(Image::Own(alloc::vec![0; size as usize]));
                }
                operation => {
                    let Some(image) = image else { return };
                    let image = image.own();
                    let target = &mut image[within..within + (to - at) as usize];
                    match operation {
                        Operation::Write => target
                            .copy_from_slice(&record.payload[from_payload as usize..to_payload as usize]),
                        Operation::WriteZeroes => target.fill(0),
                        Operation::Add { delta, .. } => {
                            if let Ok(old) = <[u8; 8]>::try_from(&*target) {
                                let new = u64::from_le_bytes(old).wrapping_add(delta);
                                target.copy_from_slice(&new.to_le_bytes());
                            }
                        }
                    }
                }
            }
            at = to;
        }
        let map = &self.region.volumes[record.volume as usize];
        let (block, at) = map.reply(self.reply_index(record));
        if let Some(image) = &mut images[self.place((record.volume, block))] {
            let (operation, result) = record.operation.result();
            ReplyEntry { id: record.id, result, operation }.put(image.own(), at);
        }
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
