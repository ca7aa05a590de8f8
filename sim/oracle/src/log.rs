//! The model of one mirror: the operations in the order of the source's log, as read from the record bytes, folded into
//! blocks and reply tables. Operations are numbered by `index` from 1; "prefix R" is the first R of them.

use crate::bytes::{ADD, Link, Position, Record, WRITE, digest_step};
use crate::content::Content;
use crate::layout::{BlockAt, Region};
use crate::reply_table::ReplyTable;
use crate::setup::SourceSetup;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Where the destination holds a record: bits of [`Entry::copies`].
pub(crate) const NVRAM: u8 = 1;
pub(crate) const NVRAM_STABLE: u8 = 2;
pub(crate) const FILE: u8 = 4;
pub(crate) const FILE_STABLE: u8 = 8;

/// One operation.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub position: Position,
    pub check: u64,
    pub client: u32,
    pub slot: u32,
    pub request: u64,
    pub operation: u8,
    pub volume: u32,
    pub offset: u64,
    pub length: u64,
    /// The payload of the record (of an add: delta and old value).
    pub payload: Bytes,
    /// Digest of the generation up to here.
    pub digest: u64,
    /// Link of the predecessor.
    pub prev: Link,
    /// Where in the source's NVRAM.
    pub place: u64,
    pub size: u64,
    /// Bytes of all records up to this one.
    pub end_bytes: u64,
    pub copies: u8,
}

/// One fill of the source's NVRAM.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Generation {
    pub number: u64,
    /// Index of its first record.
    pub first: u64,
    pub count: u64,
    pub digest: u64,
    /// Count and digest of the seal, once written.
    pub seal: Option<(u64, u64)>,
    pub seal_stable: bool,
}

/// The model.
#[derive(Debug)]
pub(crate) struct Model {
    pub uuid: [u8; 16],
    entries: VecDeque<Entry>,
    first: u64,
    generations: VecDeque<Generation>,
    tail: Link,
    base_position: Position,
    base_bytes: u64,
    pub volumes: Vec<(u64, Content, ReplyTable)>,
    block: u64,
}

impl Model {
    pub fn new(setup: &SourceSetup, region: &Region) -> Self {
        let block = region.block;
        let volume = |v: &crate::layout::VolumeLayout| {
            (v.blocks, Content::new(block), ReplyTable::new(setup.clients, setup.slots))
        };
        Model {
            uuid: setup.uuid,
            entries: VecDeque::new(),
            first: 1,
            generations: VecDeque::new(),
            tail: Link::default(),
            base_position: Position::default(),
            base_bytes: 0,
            volumes: region.volumes.iter().map(volume).collect(),
            block,
        }
    }

    /// Index of the last operation.
    pub fn tip(&self) -> u64 {
        self.first + self.entries.len() as u64 - 1
    }

    /// Everything up to this index is forgotten as a list.
    pub fn base(&self) -> u64 {
        self.first - 1
    }

    pub fn tail(&self) -> Link {
        self.tail
    }

    pub fn entry(&self, index: u64) -> Option<&Entry> {
        self.entries.get(index.checked_sub(self.first)? as usize)
    }

    pub fn entry_mut(&mut self, index: u64) -> Option<&mut Entry> {
        self.entries.get_mut(index.checked_sub(self.first)? as usize)
    }

    pub fn generation(&self, number: u64) -> Option<&Generation> {
        let first = self.generations.front()?.number;
        self.generations.get(number.checked_sub(first)? as usize)
    }

    pub fn generation_mut(&mut self, number: u64) -> Option<&mut Generation> {
        let first = self.generations.front()?.number;
        self.generations.get_mut(number.checked_sub(first)? as usize)
    }

    pub fn generations_mut(&mut self) -> impl Iterator<Item = &mut Generation> {
        self.generations.iter_mut()
    }

    pub fn generations(&self) -> impl Iterator<Item = &Generation> {
        self.generations.iter()
    }

    /// Number of the last generation, 0 if none.
    pub fn last_generation(&self) -> u64 {
        self.generations.back().map_or(0, |g| g.number)
    }

    /// The index of a position; what is older than the list is 0; `None` = no such record.
    pub fn index_of(&self, position: Position) -> Option<u64> {
        if position == Position::default() {
            return Some(0);
        }
        let front = self.generations.front()?;
        if position.generation < front.number {
            return Some(0);
        }
        let generation = self.generation(position.generation)?;
        (position.sequence <= generation.count).then(|| generation.first + position.sequence - 1)
    }

    /// The check of the record with this index, which its successor repeats; `None` = forgotten.
    pub fn check_of(&self, index: u64) -> Option<u64> {
        let successor = || self.entry(index + 1).map(|next| next.prev.check);
        let last = (index == self.tip()).then_some(self.tail.check);
        self.entry(index).map(|e| e.check).or_else(successor).or(last)
    }

    /// The index of a cursor; `None` = it is no boundary of this log.
    pub fn index_of_cursor(&self, (generation, sequence): (u64, u64)) -> Option<u64> {
        if sequence > 0 {
            return self.index_of(Position::new(generation.saturating_add(1), sequence));
        }
        if generation == 0 {
            return Some(0);
        }
        if generation < self.generations.front()?.number {
            return Some(self.generations.front()?.first - 1);
        }
        let g = self.generation(generation)?;
        Some(g.first + g.count - 1)
    }

    /// The position of an index; of forgotten ones that of the last forgotten.
    pub fn position_of(&self, index: u64) -> Position {
        if index == 0 {
            return Position::default();
        }
        self.entry(index).map_or(self.base_position, |e| e.position)
    }

    /// Bytes of all records up to an index; of forgotten ones those up to the last forgotten.
    pub fn bytes_upto(&self, index: u64) -> u64 {
        self.entry(index).map_or(self.base_bytes, |e| e.end_bytes)
    }

    /// Opens generations up to `number`.
    pub fn open(&mut self, number: u64) {
        let first = self.tip() + 1;
        while self.last_generation() < number {
            let number = self.last_generation() + 1;
            self.generations.push_back(Generation {
                number,
                first,
                count: 0,
                digest: 0,
                seal: None,
                seal_stable: false,
            });
        }
    }

    /// Folds the next record. The caller has matched it with what a client issued; `payload` is the record's, and has its
    /// check.
    pub fn append(&mut self, record: &Record, payload: Bytes, place: u64) -> u64 {
        let index = self.tip() + 1;
        let end_bytes = self.bytes_upto(index - 1) + record.size();
        self.open(record.position.generation);
        let generation = self.generations.back_mut().expect("just opened");
        generation.count += 1;
        generation.digest = digest_step(generation.digest, record.check);
        let entry = Entry {
            position: record.position,
            check: record.check,
            client: record.client,
            slot: record.slot,
            request: record.request,
            operation: record.operation,
            volume: record.volume,
            offset: record.offset,
            length: record.length,
            payload,
            digest: generation.digest,
            prev: record.prev,
            place,
            size: record.size(),
            end_bytes,
            copies: 0,
        };
        self.tail = record.link();
        self.fold(&entry, index, record.payload_check);
        self.entries.push_back(entry);
        index
    }

    /// The value of the u64 at a place of a volume after the first `prefix` operations.
    pub fn word(&mut self, volume: u32, offset: u64, prefix: u64) -> u64 {
        let block = self.block;
        let Some((_, content, _)) = self.volumes.get_mut(volume as usize) else {
            return 0;
        };
        content.word(offset / block, prefix, (offset % block) as u32)
    }

    fn fold(&mut self, entry: &Entry, index: u64, payload_check: u64) {
        let block = self.block;
        let result =
            if entry.operation == ADD { self.word(entry.volume, entry.offset, index - 1) } else { 0 };
        let Some((_, content, replies)) = self.volumes.get_mut(entry.volume as usize) else {
            return;
        };
        replies.push(entry.client, entry.slot, index, entry.request, result, entry.operation);
        let sum = (entry.operation == ADD).then(|| {
            let delta = crate::bytes::u64_at(&entry.payload, 0);
            Bytes::copy_from_slice(&result.wrapping_add(delta).to_le_bytes())
        });
        let mut at = entry.offset;
        let end = entry.offset + entry.length;
        while at < end {
            let number = at / block;
            let stop = end.min((number + 1) * block);
            let (from, to) = ((at - entry.offset) as usize, (stop - entry.offset) as usize);
            let patch = match (&sum, entry.operation) {
                (Some(sum), _) => sum.slice(from..to),
                (None, WRITE) => entry.payload.slice(from..to),
                _ => content.zeros().slice(..to - from),
            };
            let all = entry.operation == WRITE && stop - at == entry.length;
            content.push(number, index, (at % block) as u32, patch, all.then_some(payload_check));
            at = stop;
        }
    }

    /// Blocks (of data and of the reply table) that an operation changes.
    fn each_block(
        entry: &Entry,
        volumes: &[(u64, Content, ReplyTable)],
        block: u64,
        mut each: impl FnMut(u32, u64),
    ) {
        let Some((blocks, _, replies)) = volumes.get(entry.volume as usize) else {
            return;
        };
        for number in entry.offset / block..=(entry.offset + entry.length - 1) / block {
            each(entry.volume, number);
        }
        each(entry.volume, blocks + replies.block_of(entry.client, entry.slot, block));
    }

    /// Blocks changed by the operations in (after, up_to], sorted, each once.
    pub fn changed(&self, after: u64, up_to: u64, into: &mut Vec<BlockAt>) {
        let from = (after + 1).saturating_sub(self.first) as usize;
        let to = ((up_to + 1).saturating_sub(self.first) as usize).min(self.entries.len());
        into.reserve(2 * to.saturating_sub(from));
        for entry in self.entries.range(from.min(to)..to) {
            Self::each_block(entry, &self.volumes, self.block, |v, b| into.push((v, b)));
        }
        into.sort_unstable();
        into.dedup();
    }

    /// The last of the operations in (after, up_to] that changes each block.
    pub fn last_changes(&self, after: u64, up_to: u64) -> BTreeMap<BlockAt, Position> {
        let from = (after + 1).saturating_sub(self.first) as usize;
        let to = ((up_to + 1).saturating_sub(self.first) as usize).min(self.entries.len());
        let mut last = BTreeMap::new();
        for entry in self.entries.range(from.min(to)..to) {
            Self::each_block(entry, &self.volumes, self.block, |v, b| {
                last.insert((v, b), entry.position);
            });
        }
        last
    }

    /// The first operation above `after` that changes a part of a block with unreadable content; what overwrites it as a
    /// whole makes it readable.
    pub fn first_blocked(&self, after: u64, unreadable: &mut BTreeSet<BlockAt>) -> Option<u64> {
        let from = (after + 1).saturating_sub(self.first) as usize;
        for (i, entry) in self.entries.iter().enumerate().skip(from) {
            let mut blocked = false;
            Self::each_block(entry, &self.volumes, self.block, |v, b| {
                let (start, end) = (b * self.block, (b + 1) * self.block);
                let whole =
                    entry.operation != ADD && entry.offset <= start && entry.offset + entry.length >= end;
                blocked |= unreadable.contains(&(v, b)) && !whole;
            });
            if blocked {
                return Some(self.first + i as u64);
            }
            Self::each_block(entry, &self.volumes, self.block, |v, b| {
                unreadable.remove(&(v, b));
            });
        }
        None
    }

    /// Content of a block after the first `prefix` operations; `None` = never written.
    pub fn content(&mut self, volume: u32, block: u64, prefix: u64) -> Option<Bytes> {
        let size = self.block;
        let (blocks, content, replies) = self.volumes.get_mut(volume as usize)?;
        match block.checked_sub(*blocks) {
            None => content.content(block, prefix),
            Some(number) => replies.checked(number, prefix, size).map(|c| c.0),
        }
    }

    /// That content and its check.
    pub fn checked(&mut self, volume: u32, block: u64, prefix: u64) -> Option<(Bytes, u64)> {
        let size = self.block;
        let (blocks, content, replies) = self.volumes.get_mut(volume as usize)?;
        match block.checked_sub(*blocks) {
            None => content.checked(block, prefix),
            Some(number) => replies.checked(number, prefix, size),
        }
    }

    /// The check alone.
    pub fn digest(&mut self, volume: u32, block: u64, prefix: u64) -> Option<u64> {
        let size = self.block;
        let (blocks, content, replies) = self.volumes.get_mut(volume as usize)?;
        match block.checked_sub(*blocks) {
            None => content.digest(block, prefix),
            Some(number) => replies.checked(number, prefix, size).map(|c| c.1),
        }
    }

    /// A block of zeros.
    pub fn zeros(&self) -> Bytes {
        self.volumes.first().map_or_else(Bytes::new, |v| v.1.zeros().clone())
    }

    /// Every block that was ever written, reply tables too.
    pub fn written(&self) -> Vec<BlockAt> {
        let mut all = Vec::new();
        for (v, (blocks, content, replies)) in self.volumes.iter().enumerate() {
            all.extend(content.written().map(|b| (v as u32, b)));
            let tables = (0..).take_while(|n| *n < replies.blocks(self.block));
            all.extend(tables.map(|n| (v as u32, blocks + n)));
        }
        all
    }

    /// Data blocks that were written by operations that are not in the list any more.
    pub fn written_before_list(&self) -> impl Iterator<Item = BlockAt> + '_ {
        let base = self.base();
        let of = move |(v, volume): (usize, &'_ (u64, Content, ReplyTable))| {
            (v as u32, volume.1.written_upto(base).collect::<Vec<_>>())
        };
        self.volumes
            .iter()
            .enumerate()
            .map(of)
            .flat_map(|(v, blocks)| blocks.into_iter().map(move |b| (v, b)))
    }

    /// Forgets every operation after `last`: their numbers are free again (SR7).
    pub fn truncate(&mut self, last: u64) {
        while self.tip() > last.max(self.first - 1) {
            let Some(entry) = self.entries.pop_back() else {
                break;
            };
            let block = self.block;
            if let Some((_, content, replies)) = self.volumes.get_mut(entry.volume as usize) {
                replies.truncate(entry.client, entry.slot, last);
                for number in entry.offset / block..=(entry.offset + entry.length - 1) / block {
                    content.truncate(number, last);
                }
            }
            self.tail = entry.prev;
        }
        let tip = self.tip();
        let lost = |g: &Generation| g.first > tip + 1 || g.first == tip + 1 && g.count > 0;
        while self.generations.back().is_some_and(lost) {
            self.generations.pop_back();
        }
        let Position { generation: number, sequence: count } = self.base_position;
        if self.generations.is_empty() && number > 0 {
            // The last one is forgotten, and what came behind it is cut off: the next one has its number from it.
            let (first, digest) = (self.first - count, 0);
            self.generations.push_back(Generation {
                number,
                first,
                count,
                digest,
                seal: None,
                seal_stable: false,
            });
        }
        if let Some(g) = self.generations.back_mut()
            && g.first + g.count > tip + 1
        {
            g.count = (tip + 1).saturating_sub(g.first);
            g.digest = if g.count == 0 { 0 } else { self.entries.back().map_or(0, |e| e.digest) };
            (g.seal, g.seal_stable) = (None, false);
        }
    }

    /// A generation that only the former source knew of, and in which nothing stands: who comes after it numbers its own so.
    pub fn forget_empty(&mut self, applied: u64) {
        while self.generations.back().is_some_and(|g| g.count == 0 && g.number > applied) {
            self.generations.pop_back();
        }
    }

    /// Nobody will ask for a prefix below `base` again.
    pub fn prune(&mut self, base: u64) {
        while self.first <= base {
            let Some(entry) = self.entries.pop_front() else {
                break;
            };
            self.first += 1;
            self.base_position = entry.position;
            self.base_bytes = entry.end_bytes;
            let block = self.block;
            if let Some((_, content, replies)) = self.volumes.get_mut(entry.volume as usize) {
                replies.prune(entry.client, entry.slot, base);
                for number in entry.offset / block..=(entry.offset + entry.length - 1) / block {
                    content.prune(number, base);
                }
            }
        }
        while self.generations.get(1).is_some_and(|g| g.first <= self.first) {
            let g = self.generations[0];
            if g.first + g.count > self.first || g.number + 8 > self.last_generation() {
                break;
            }
            self.generations.pop_front();
        }
    }

    pub fn memory(&self) -> u64 {
        let blocks: u64 = self.volumes.iter().map(|v| v.1.memory()).sum();
        blocks + (self.entries.len() * size_of::<Entry>()) as u64 + self.generations.len() as u64 * 64
    }
}
