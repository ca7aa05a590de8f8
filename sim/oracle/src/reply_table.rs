//! The model's reply tables: for each volume and (client, slot) the last request and its result, with a short history
//! above the prune point. A block of the table is put together when somebody asks.

use crate::bytes::{ENTRY, hash, reply_entry};
use bytes::Bytes;
use std::collections::VecDeque;

#[derive(Clone, Copy, Debug)]
struct Entry {
    index: u64,
    request: u64,
    result: u64,
    operation: u8,
}

/// A block of the table as it was asked for last: the prefix, its content then and the check.
type Asked = (u64, Option<(Bytes, u64)>);

/// The reply table of one volume.
#[derive(Debug)]
pub(crate) struct ReplyTable {
    slots: u32,
    entries: Vec<VecDeque<Entry>>,
    /// For each block. An apply asks for the same one several times.
    asked: Vec<Option<Asked>>,
}

impl ReplyTable {
    pub fn new(clients: u32, slots: u32) -> Self {
        let entries = vec![VecDeque::new(); clients as usize * slots as usize];
        ReplyTable { slots, entries, asked: Vec::new() }
    }

    fn at(&self, client: u32, slot: u32) -> usize {
        client as usize * self.slots as usize + slot as usize
    }

    /// Block of the table, counted from its first, that holds an entry.
    pub fn block_of(&self, client: u32, slot: u32, block: u64) -> u64 {
        self.at(client, slot) as u64 * ENTRY / block
    }

    /// Blocks of the table.
    pub fn blocks(&self, block: u64) -> u64 {
        (self.entries.len() as u64 * ENTRY).div_ceil(block)
    }

    /// Operation `index` was the request of this slot.
    pub fn push(&mut self, client: u32, slot: u32, index: u64, request: u64, result: u64, operation: u8) {
        let at = self.at(client, slot);
        if let Some(entries) = self.entries.get_mut(at) {
            entries.push_back(Entry { index, request, result, operation });
        }
        self.forget(index - 1);
    }

    /// Forgets everything after operation `last`.
    pub fn truncate(&mut self, client: u32, slot: u32, last: u64) {
        let at = self.at(client, slot);
        if let Some(entries) = self.entries.get_mut(at) {
            while entries.back().is_some_and(|e| e.index > last) {
                entries.pop_back();
            }
        }
        self.forget(last);
    }

    /// What was asked for above this prefix may be something else now.
    fn forget(&mut self, prefix: u64) {
        for asked in &mut self.asked {
            if asked.as_ref().is_some_and(|(at, _)| *at > prefix) {
                *asked = None;
            }
        }
    }

    /// Nobody will ask for a prefix below `base` again.
    pub fn prune(&mut self, client: u32, slot: u32, base: u64) {
        let at = self.at(client, slot);
        if let Some(entries) = self.entries.get_mut(at) {
            while entries.get(1).is_some_and(|e| e.index <= base) {
                entries.pop_front();
            }
        }
    }

    /// Content of a block of the table after the first `prefix` operations, and its check; `None` = never written.
    pub fn checked(&mut self, number: u64, prefix: u64, block: u64) -> Option<(Bytes, u64)> {
        let at = number as usize;
        if self.asked.len() <= at {
            self.asked.resize(at + 1, None);
        }
        if let Some((_, known)) = self.asked[at].as_ref().filter(|(asked, _)| *asked == prefix) {
            return known.clone();
        }
        let known = self.content(number, prefix, block).map(|content| (content.clone(), hash(&content)));
        self.asked[at] = Some((prefix, known.clone()));
        known
    }

    fn content(&self, number: u64, prefix: u64, block: u64) -> Option<Bytes> {
        let each = (block / ENTRY) as usize;
        let first = number as usize * each;
        let mut whole = None;
        for (i, entries) in self.entries.iter().enumerate().skip(first).take(each) {
            let Some(e) = entries.iter().rev().find(|e| e.index <= prefix) else {
                continue;
            };
            let whole = whole.get_or_insert_with(|| vec![0; block as usize]);
            let (client, slot) = (i as u32 / self.slots, i as u32 % self.slots);
            let entry = reply_entry(client, slot, e.request, e.result, e.operation);
            let at = (i - first) * ENTRY as usize;
            whole[at..at + ENTRY as usize].copy_from_slice(&entry);
        }
        whole.map(Bytes::from)
    }
}
