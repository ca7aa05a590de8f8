//! The model's blocks: for each block that was ever written its newest content and a short history above the prune
//! point. A version is a patch that shares the client's buffer; a block is put together only when somebody asks.

use crate::bytes::hash;
use bytes::Bytes;
use std::collections::BTreeMap;

/// Blocks of a page, and pages of a shelf. What is touched costs memory, not how large a volume is.
const PAGE: usize = 64;
const SHELF: usize = 1024;

/// One write into one block.
#[derive(Clone, Debug)]
struct Version {
    /// Number of the operation in the order of the source's log, from 1.
    index: u64,
    /// What it changed of the block: its first byte, and the end.
    start: u32,
    end: u32,
    /// These bytes, or the whole block after it, once asked for.
    bytes: Bytes,
    whole: bool,
    /// Of the whole block.
    digest: Option<u64>,
}

impl Version {
    /// From its byte `start` on, what is there of the block.
    fn held(&self) -> (usize, &Bytes) {
        (if self.whole { 0 } else { self.start as usize }, &self.bytes)
    }
}

/// What was ever written into one block.
type History = Option<Vec<Version>>;
type Page = [History; PAGE];
type Shelf = [Option<Box<Page>>; SHELF];

/// Shelf, page and slot of a block.
fn place(block: u64) -> (u64, usize, usize) {
    let page = block / PAGE as u64;
    (page / SHELF as u64, (page % SHELF as u64) as usize, (block % PAGE as u64) as usize)
}

/// All blocks of one volume.
#[derive(Debug)]
pub(crate) struct Content {
    block: usize,
    zeros: Bytes,
    shelves: BTreeMap<u64, Box<Shelf>>,
    touched: u64,
    versions: u64,
}

impl Content {
    pub fn new(block: u64) -> Self {
        let zeros = Bytes::from(vec![0; block as usize]);
        Content { block: block as usize, zeros, shelves: BTreeMap::new(), touched: 0, versions: 0 }
    }

    fn history(&self, block: u64) -> Option<&[Version]> {
        let (shelf, page, slot) = place(block);
        self.shelves.get(&shelf)?[page].as_ref()?[slot].as_deref()
    }

    fn history_mut(&mut self, block: u64) -> Option<&mut Vec<Version>> {
        let (shelf, page, slot) = place(block);
        self.shelves.get_mut(&shelf)?[page].as_mut()?[slot].as_mut()
    }

    /// A zeros buffer of a whole block.
    pub fn zeros(&self) -> &Bytes {
        &self.zeros
    }

    /// Operation `index` puts `patch` at `start` of a block. `check`: of the patch, if it is known.
    pub fn push(&mut self, block: u64, index: u64, start: u32, patch: Bytes, check: Option<u64>) {
        let (shelf, page, slot) = place(block);
        let shelf = self.shelves.entry(shelf).or_insert_with(|| Box::new([const { None }; SHELF]));
        let page = shelf[page].get_or_insert_with(|| Box::new([const { None }; PAGE]));
        // Most blocks have one version most of the time.
        let history = page[slot].get_or_insert_with(|| {
            self.touched += 1;
            Vec::with_capacity(1)
        });
        let whole = patch.len() == self.block;
        let (end, digest) = (start + patch.len() as u32, check.filter(|_| whole));
        history.push(Version { index, start, end, bytes: patch, whole, digest });
        self.versions += 1;
    }

    /// Forgets everything after operation `last`.
    pub fn truncate(&mut self, block: u64, last: u64) {
        let Some(history) = self.history_mut(block) else {
            return;
        };
        let keep = history.partition_point(|v| v.index <= last);
        let gone = (history.len() - keep) as u64;
        history.truncate(keep);
        self.versions -= gone;
    }

    /// Nobody will ask for a prefix below `base` again.
    pub fn prune(&mut self, block: u64, base: u64) {
        let Some(history) = self.history(block) else {
            return;
        };
        let keep = history.partition_point(|v| v.index <= base);
        if keep < 2 {
            return;
        }
        let end = self.block as u32;
        self.version(block, base);
        if let Some(history) = self.history_mut(block) {
            history.drain(..keep - 1);
            (history[0].start, history[0].end) = (0, end);
            self.versions -= keep as u64 - 1;
        }
    }

    /// The newest version up to `prefix`, put together; `None` = never written.
    fn version(&mut self, block: u64, prefix: u64) -> Option<&mut Version> {
        let (shelf, page, slot) = place(block);
        let history = self.shelves.get_mut(&shelf)?[page].as_mut()?[slot].as_mut()?;
        let at = history.partition_point(|v| v.index <= prefix).checked_sub(1)?;
        if !history[at].whole {
            let known = history[..at].iter().rposition(|v| v.whole);
            let mut whole = known.map_or(&self.zeros, |i| &history[i].bytes).to_vec();
            for version in &history[known.map_or(0, |i| i + 1)..=at] {
                whole[version.start as usize..version.end as usize].copy_from_slice(&version.bytes);
            }
            (history[at].bytes, history[at].whole) = (Bytes::from(whole), true);
        }
        history.get_mut(at)
    }

    /// Content after the first `prefix` operations; `None` = never written.
    pub fn content(&mut self, block: u64, prefix: u64) -> Option<Bytes> {
        self.version(block, prefix).map(|version| version.bytes.clone())
    }

    /// That content and its check.
    pub fn checked(&mut self, block: u64, prefix: u64) -> Option<(Bytes, u64)> {
        let version = self.version(block, prefix)?;
        let digest = *version.digest.get_or_insert_with(|| hash(&version.bytes));
        Some((version.bytes.clone(), digest))
    }

    /// The check alone.
    pub fn digest(&mut self, block: u64, prefix: u64) -> Option<u64> {
        let version = self.version(block, prefix)?;
        Some(*version.digest.get_or_insert_with(|| hash(&version.bytes)))
    }

    /// A little-endian u64 after the first `prefix` operations.
    pub fn word(&mut self, block: u64, prefix: u64, start: u32) -> u64 {
        if let Some(history) = self.history(block) {
            let (from, to) = (start as usize, start as usize + 8);
            for v in history.iter().rev().skip_while(|v| v.index > prefix) {
                let (start, bytes) = v.held();
                if start <= from && to <= start + bytes.len() {
                    return crate::bytes::u64_at(bytes, from - start);
                }
                if start < to && from < start + bytes.len() {
                    break;
                }
            }
        }
        self.content(block, prefix).map_or(0, |c| crate::bytes::u64_at(&c, start as usize))
    }

    /// Numbers of the operations in (after, up to] that changed the block within [start, end), newest first.
    pub fn changes(
        &self,
        block: u64,
        after: u64,
        up_to: u64,
        range: (usize, usize),
    ) -> impl Iterator<Item = u64> + '_ {
        let versions = self.history(block).unwrap_or(&[]);
        versions
            .iter()
            .rev()
            .filter(move |v| {
                let (s, e) = (v.start as usize, v.end as usize);
                v.index > after && v.index <= up_to && s < range.1 && range.0 < e
            })
            .map(|v| v.index)
    }

    /// Every block that was ever written.
    pub fn written(&self) -> impl Iterator<Item = u64> + '_ {
        self.shelves.iter().flat_map(|(shelf, pages)| {
            let pages =
                (shelf * SHELF as u64..).zip(pages.iter()).filter_map(|(p, page)| Some((p, page.as_ref()?)));
            pages.flat_map(|(p, page)| {
                (p * PAGE as u64..).zip(page.iter()).filter(|(_, h)| h.is_some()).map(|(block, _)| block)
            })
        })
    }

    /// Those that were written by one of the first `prefix` operations.
    pub fn written_upto(&self, prefix: u64) -> impl Iterator<Item = u64> + '_ {
        let first = |block: u64| self.history(block).and_then(|h| h.first()).map(|v| v.index);
        self.written().filter(move |b| first(*b).is_some_and(|i| i <= prefix))
    }

    /// Estimate of the bytes held beside the clients' own buffers.
    pub fn memory(&self) -> u64 {
        let pages = self.shelves.values().flat_map(|s| s.iter()).flatten().count() * size_of::<Page>();
        let versions = self.versions * size_of::<Version>() as u64;
        (pages + self.shelves.len() * size_of::<Shelf>()) as u64 + versions
    }
}

/// Equal bytes; the same buffer is recognised by its address.
pub(crate) fn same(a: &Bytes, b: &Bytes) -> bool {
    a.len() == b.len() && (a.as_ptr() == b.as_ptr() || a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_reads_as_if_the_operations_had_been_done_one_by_one() {
        let mut content = Content::new(512);
        let mut plain = vec![vec![0u8; 512]];
        let mut seed = 3u64;
        let mut base = 0;
        for index in 1..400u64 {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let start = (seed >> 40) % 512;
            let length = if seed >> 61 == 0 { 512 - start } else { ((seed >> 20) % 64 + 1).min(512 - start) };
            let patch = Bytes::from(vec![index as u8; length as usize]);
            content.push(5, index, start as u32, patch, None);
            let mut next = plain.last().unwrap().clone();
            next[start as usize..(start + length) as usize].fill(index as u8);
            plain.push(next);
            let ask = base + (seed >> 7) % (index - base + 1);
            assert_eq!(content.content(5, ask).unwrap_or(content.zeros().clone()), plain[ask as usize]);
            let word = ((seed >> 13) % 63) as usize * 8;
            assert_eq!(content.word(5, ask, word as u32), crate::bytes::u64_at(&plain[ask as usize], word));
            if index % 37 == 0 {
                base = ask;
                content.prune(5, base);
            }
        }
        content.truncate(5, base + 1);
        assert_eq!(content.content(5, 1000).unwrap(), plain[base as usize + 1]);
    }
}
