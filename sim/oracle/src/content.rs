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
    /// Where the patch starts in the block, and its bytes (a whole block: the content).
    start: u32,
    patch: Bytes,
    /// The whole block after it, once asked for.
    content: Option<Bytes>,
    digest: Option<u64>,
}

#[derive(Debug, Default)]
struct History {
    versions: Vec<Version>,
}

type Page = [Option<Box<History>>; PAGE];
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

    fn history(&self, block: u64) -> Option<&History> {
        let (shelf, page, slot) = place(block);
        self.shelves.get(&shelf)?[page].as_ref()?[slot].as_deref()
    }

    fn history_mut(&mut self, block: u64) -> Option<&mut History> {
        let (shelf, page, slot) = place(block);
        self.shelves.get_mut(&shelf)?[page].as_mut()?[slot].as_deref_mut()
    }

    /// A zeros buffer of a whole block.
    pub fn zeros(&self) -> &Bytes {
        &self.zeros
    }

    /// Operation `index` puts `patch` at `start` of a block.
    pub fn push(&mut self, block: u64, index: u64, start: u32, patch: Bytes) {
        let (shelf, page, slot) = place(block);
        let shelf = self.shelves.entry(shelf).or_insert_with(|| Box::new([const { None }; SHELF]));
        let page = shelf[page].get_or_insert_with(|| Box::new([const { None }; PAGE]));
        let history = page[slot].get_or_insert_with(|| {
            self.touched += 1;
            Box::default()
        });
        let content = (patch.len() == self.block).then(|| patch.clone());
        history.versions.push(Version { index, start, patch, content, digest: None });
        self.versions += 1;
    }

    /// Forgets everything after operation `last`.
    pub fn truncate(&mut self, block: u64, last: u64) {
        let Some(history) = self.history_mut(block) else {
            return;
        };
        let keep = history.versions.partition_point(|v| v.index <= last);
        let gone = (history.versions.len() - keep) as u64;
        history.versions.truncate(keep);
        self.versions -= gone;
    }

    /// Nobody will ask for a prefix below `base` again.
    pub fn prune(&mut self, block: u64, base: u64) {
        let Some(history) = self.history(block) else {
            return;
        };
        let keep = history.versions.partition_point(|v| v.index <= base);
        if keep < 2 {
            return;
        }
        self.version(block, base);
        if let Some(history) = self.history_mut(block) {
            history.versions.drain(..keep - 1);
            let first = &mut history.versions[0];
            first.patch = first.content.clone().unwrap_or_else(|| first.patch.clone());
            first.start = 0;
            self.versions -= keep as u64 - 1;
        }
    }

    /// The newest version up to `prefix`, put together; `None` = never written.
    fn version(&mut self, block: u64, prefix: u64) -> Option<&mut Version> {
        let (shelf, page, slot) = place(block);
        let history = self.shelves.get_mut(&shelf)?[page].as_mut()?[slot].as_deref_mut()?;
        let at = history.versions.partition_point(|v| v.index <= prefix).checked_sub(1)?;
        if history.versions[at].content.is_none() {
            let known = history.versions[..at].iter().rposition(|v| v.content.is_some());
            let base = known.and_then(|i| history.versions[i].content.as_ref()).unwrap_or(&self.zeros);
            let mut whole = base.to_vec();
            for version in &history.versions[known.map_or(0, |i| i + 1)..=at] {
                let start = version.start as usize;
                whole[start..start + version.patch.len()].copy_from_slice(&version.patch);
            }
            history.versions[at].content = Some(Bytes::from(whole));
        }
        history.versions.get_mut(at)
    }

    /// Content after the first `prefix` operations; `None` = never written.
    pub fn content(&mut self, block: u64, prefix: u64) -> Option<Bytes> {
        self.version(block, prefix)?.content.clone()
    }

    /// That content and its check.
    pub fn checked(&mut self, block: u64, prefix: u64) -> Option<(Bytes, u64)> {
        let version = self.version(block, prefix)?;
        let content = version.content.clone()?;
        Some((content.clone(), *version.digest.get_or_insert_with(|| hash(&content))))
    }

    /// The check alone.
    pub fn digest(&mut self, block: u64, prefix: u64) -> Option<u64> {
        let version = self.version(block, prefix)?;
        let content = version.content.as_ref()?;
        Some(*version.digest.get_or_insert_with(|| hash(content)))
    }

    /// A little-endian u64 after the first `prefix` operations.
    pub fn word(&mut self, block: u64, prefix: u64, start: u32) -> u64 {
        if let Some(history) = self.history(block) {
            let (from, to) = (start as usize, start as usize + 8);
            for v in history.versions.iter().rev().skip_while(|v| v.index > prefix) {
                if let Some(content) = &v.content {
                    return crate::bytes::u64_at(content, from);
                }
                let (s, e) = (v.start as usize, v.start as usize + v.patch.len());
                if s <= from && to <= e {
                    return crate::bytes::u64_at(&v.patch, from - s);
                }
                if from < e && s < to {
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
        let versions = self.history(block).map_or(&[][..], |h| &h.versions[..]);
        versions
            .iter()
            .rev()
            .filter(move |v| {
                let (s, e) = (v.start as usize, v.start as usize + v.patch.len());
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

    /// Estimate of the bytes held beside the clients' own buffers.
    pub fn memory(&self) -> u64 {
        let pages = self.shelves.values().flat_map(|s| s.iter()).flatten().count() * (PAGE * 8);
        (pages + self.shelves.len() * SHELF * 8) as u64 + self.touched * 64 + self.versions * 96
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
            content.push(5, index, start as u32, patch);
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
