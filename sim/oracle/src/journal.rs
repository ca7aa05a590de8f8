//! Reads an apply journal and compares it with the model.

use crate::bytes::{ENTRY, hash, u64_at};
use crate::content::same;
use crate::layout::{BlockAt, Region, Spot};
use crate::log::Model;
use crate::setup::{Device, Medium};
use crate::superblock::JournalHeader;
use std::collections::BTreeMap;

/// A stable valid journal.
#[derive(Debug)]
pub(crate) struct Journal {
    pub cursor: (u64, u64),
    /// Byte on the disk -> length, and where its data stands in the journal.
    pub entries: BTreeMap<u64, (u64, u64)>,
    /// Blocks and check entries that it would put in place with other content than the model's.
    pub wrong: Vec<BlockAt>,
    /// Some entry lies outside of the mirror's volumes.
    pub stray: Option<u64>,
    pub header_check: u64,
}

impl Journal {
    /// Reads and judges a journal; `None` = not valid.
    pub fn read(model: &mut Model, region: &Region, medium: &dyn Medium) -> Option<Journal> {
        let (header, index) = Self::index(region, medium)?;
        if header.uuid != model.uuid {
            return None;
        }
        let prefix = model.index_of_cursor((header.applied_gen, header.applied_seq));
        let mut journal = Journal {
            cursor: (header.applied_gen, header.applied_seq),
            entries: BTreeMap::new(),
            wrong: Vec::new(),
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
            let known = prefix.and_then(|prefix| journal.compare(model, region, (target, &data), prefix));
            if known.unwrap_or_else(|| hash(&data)) != check {
                return None;
            }
            journal.entries.insert(target, (length, at));
            at += length;
        }
        Some(journal)
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

    /// Compares an entry's data with the model; its check where the model knows it.
    fn compare(
        &mut self,
        model: &mut Model,
        region: &Region,
        (target, data): (u64, &bytes::Bytes),
        prefix: u64,
    ) -> Option<u64> {
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
                    let expected = model.content(v, b, prefix).unwrap_or_else(|| model.zeros());
                    if !same(&piece, &expected) {
                        self.wrong.push((v, b));
                    } else if piece.len() == data.len() {
                        known = model.digest(v, b, prefix);
                    }
                }
                Spot::Check(v, first, end) => {
                    for (b, entry) in (first..end).zip(piece.chunks_exact(ENTRY as usize)) {
                        if !model.entry_is(entry, (v, b), prefix) {
                            self.wrong.push((v, b));
                        }
                    }
                }
                Spot::Superblock | Spot::Journal => self.stray = Some(from),
                Spot::Padding => {}
            }
        });
        known
    }

    /// Where in the journal the bytes for a range of the disk stand.
    pub fn holds(&self, start: u64, length: u64) -> Option<u64> {
        let (&target, &(size, at)) = self.entries.range(..=start).next_back()?;
        (start + length <= target.saturating_add(size)).then_some(at + (start - target))
    }
}
