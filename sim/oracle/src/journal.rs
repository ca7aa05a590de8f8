//! Reads an apply journal and compares it with the model.

use crate::bytes::{ENTRY, hash, u64_at};
use crate::content::same;
use crate::layout::{BlockAt, Region, Spot};
use crate::log::Model;
use crate::setup::{Device, Medium};
use crate::superblock::JournalHeader;
use bytes::Bytes;
use std::collections::BTreeSet;

/// A stable valid journal.
#[derive(Debug)]
pub(crate) struct Journal {
    pub header: JournalHeader,
    pub cursor: (u64, u64),
    /// Index of the cursor: everything was compared with the model there.
    prefix: Option<u64>,
    /// Byte on the disk, and what is to stand from there on; in order.
    entries: Vec<(u64, Bytes)>,
    /// Blocks that it would put in place with other content than the model's.
    pub wrong_blocks: Vec<BlockAt>,
    /// Check entries that it would put in place with other content than the model's.
    pub wrong_checks: Vec<BlockAt>,
    /// It holds blocks that are beyond its cursor, as their entries say.
    ahead: bool,
    /// Some entry lies outside of the mirror's volumes.
    pub stray: Option<u64>,
    pub header_check: u64,
}

/// What is known of the check tables in place: the entries of all blocks but `bad` are the model's at `cursor`.
#[derive(Clone, Copy)]
pub(crate) struct InPlace<'a> {
    pub cursor: u64,
    pub bad: &'a BTreeSet<BlockAt>,
}

impl InPlace<'_> {
    /// Blocks, in order, whose entry at `prefix` may be another one than the one in place; `None` = any.
    fn doubtful(&self, model: &Model, prefix: u64) -> Option<Vec<BlockAt>> {
        if prefix < self.cursor {
            return None;
        }
        let mut blocks = self.bad.iter().copied().collect();
        model.changed(self.cursor, prefix, &mut blocks);
        Some(blocks)
    }
}

impl Journal {
    /// Reads and judges a journal; `None` = not valid.
    pub fn read(
        model: &mut Model,
        region: &Region,
        medium: &dyn Medium,
        in_place: InPlace<'_>,
    ) -> Option<Journal> {
        let (header, index) = Self::index(region, medium)?;
        if header.uuid != model.uuid {
            return None;
        }
        let prefix = model.index_of_cursor((header.applied_gen, header.applied_seq));
        let doubtful = prefix.and_then(|prefix| in_place.doubtful(model, prefix));
        let mut journal = Journal {
            header,
            cursor: (header.applied_gen, header.applied_seq),
            prefix,
            entries: Vec::with_capacity(header.entries as usize),
            wrong_blocks: Vec::new(),
            wrong_checks: Vec::new(),
            ahead: false,
            stray: None,
            header_check: u64_at(&medium.read(Device::Image, region.journal, 512), 504),
        };
        let mut at = region.journal + (512 + 24 * header.entries).next_multiple_of(512);
        for entry in index.chunks_exact(24) {
            let (target, length, check) = (u64_at(entry, 0), u64_at(entry, 8), u64_at(entry, 16));
            if length > (region.journal + region.journal_size).saturating_sub(at) {
                return None;
            }
            let data = medium.read(Device::Image, at, length);
            let known = prefix.and_then(|prefix| {
                journal.compare(model, region, (target, &data), prefix, (medium, doubtful.as_deref()))
            });
            // What is put in place from here is soon compared with it, and often shares the model's buffer.
            let (data, is) = known.unwrap_or_else(|| {
                let is = hash(&data);
                (data, is)
            });
            if is != check {
                return None;
            }
            journal.entries.push((target, data));
            at += length;
        }
        journal.entries.sort_by_key(|e| e.0);
        if let Some(prefix) = prefix {
            journal.excuse_ahead(model, region, prefix);
        }
        Some(journal)
    }

    /// A block that is healed from beyond the cursor is right if its entry says so.
    fn excuse_ahead(&mut self, model: &mut Model, region: &Region, prefix: u64) {
        let mut right = Vec::new();
        for &(v, b) in &self.wrong_checks {
            let Some(entry) = self.data(region.check_at(v, b), ENTRY) else { continue };
            let Some(index) = model.ahead_is(&entry, (v, b), prefix) else { continue };
            let expected = model.content(v, b, index).unwrap_or_else(|| model.zeros());
            let content = self.data(region.block_at(v, b), region.block);
            if content.is_none_or(|content| same(&content, &expected)) {
                right.push((v, b));
            }
        }
        self.ahead = !right.is_empty();
        self.wrong_blocks.retain(|at| !right.contains(at));
        self.wrong_checks.retain(|at| !right.contains(at));
    }

    /// Header and index, if they check.
    pub fn index(region: &Region, medium: &dyn Medium) -> Option<(JournalHeader, bytes::Bytes)> {
        let head = medium.read(Device::Image, region.journal, 512);
        let header = JournalHeader::read(&head)?;
        if header.entries > region.journal_size / 24 {
            return None;
        }
        let index = medium.read(Device::Image, region.journal + 512, header.entries * 24);
        (hash(&index) == header.index_check).then_some((header, index))
    }

    /// Compares an entry's data with the model; where that holds it as one block, its buffer and its check. Of a check table those entries are
    /// judged that are doubtful or differ from those in place, which stand in `medium`.
    fn compare(
        &mut self,
        model: &mut Model,
        region: &Region,
        (target, data): (u64, &Bytes),
        prefix: u64,
        (medium, doubtful): (&dyn Medium, Option<&[BlockAt]>),
    ) -> Option<(Bytes, u64)> {
        let mut known = None;
        let end = target.saturating_add(data.len() as u64);
        if target < region.journal + region.journal_size || end > region.end {
            self.stray.get_or_insert(target);
            return None;
        }
        region.walk(target, end, |spot, from, to| {
            let piece = data.slice((from - target) as usize..(to - target) as usize);
            match spot {
                Spot::Block(v, b) => {
                    let checked = model.checked(v, b, prefix);
                    let good = match &checked {
                        Some((expected, _)) => same(&piece, expected),
                        None => same(&piece, &model.zeros()),
                    };
                    if !good {
                        self.wrong_blocks.push((v, b));
                    } else if piece.len() == data.len() {
                        known = checked;
                    }
                }
                Spot::Check(v, first, end) => {
                    let mut entries = (first..end).zip(piece.chunks_exact(ENTRY as usize));
                    let Some(doubtful) = doubtful else {
                        let wrong = entries.filter(|(b, e)| !model.entry_is(e, (v, *b), prefix));
                        self.wrong_checks.extend(wrong.map(|(b, _)| (v, b)));
                        return;
                    };
                    let in_place = medium.read(Device::Image, from, to - from);
                    let mut next = doubtful.partition_point(|at| *at < (v, first));
                    for old in in_place.chunks_exact(ENTRY as usize) {
                        let Some((b, entry)) = entries.next() else { break };
                        let doubt = doubtful.get(next) == Some(&(v, b));
                        next += usize::from(doubt);
                        if (doubt || entry != old) && !model.entry_is(entry, (v, b), prefix) {
                            self.wrong_checks.push((v, b));
                        }
                    }
                }
                Spot::Superblock | Spot::Journal | Spot::Map => self.stray = Some(from),
                Spot::Padding => {}
            }
        });
        known
    }

    /// The bytes that it puts down in a range of the disk, if it holds them as one.
    pub fn data(&self, start: u64, length: u64) -> Option<Bytes> {
        let after = self.entries.partition_point(|e| e.0 <= start);
        let (target, data) = self.entries.get(after.checked_sub(1)?)?;
        let (from, to) = (start - target, start - target + length);
        (to <= data.len() as u64).then(|| data.slice(from as usize..to as usize))
    }

    /// The index at which all that it holds is the model's.
    pub fn sound_at(&self) -> Option<u64> {
        let wrong = !self.wrong_blocks.is_empty() || !self.wrong_checks.is_empty() || self.stray.is_some();
        self.prefix.filter(|_| !wrong && !self.ahead)
    }

    /// The operations after `last` are not the model's any more.
    pub fn truncate(&mut self, last: u64) {
        self.prefix = self.prefix.filter(|prefix| *prefix <= last);
    }

    pub fn memory(&self) -> u64 {
        self.entries.len() as u64 * 48
    }
}
