//! The two slots of a mark. A mark is written for every few records, one slot at a time, and the slots are looked at before
//! and after that; what was read last is remembered.

use crate::bytes::{HEADER, Mark, newer};
use crate::setup::{Device, Medium};
use bytes::Bytes;

/// What each slot held when it was read last, and the mark in it. Buffers never change, so one that is still held says
/// what it said.
#[derive(Debug, Default)]
pub(crate) struct MarkSlots {
    seen: [(Bytes, Option<Mark>); 2],
}

impl MarkSlots {
    fn read(&mut self, uuid: &[u8; 16], base: u64, medium: &dyn Medium) -> [Option<Mark>; 2] {
        let mut at = base;
        for (bytes, mark) in &mut self.seen {
            let now = medium.read(Device::Mark, at, HEADER);
            if bytes.as_ptr() != now.as_ptr() || bytes.len() != now.len() {
                (*mark, *bytes) = (Mark::read(&now).filter(|m| m.uuid == *uuid), now);
            }
            at += HEADER;
        }
        self.seen.each_ref().map(|(_, mark)| *mark)
    }

    /// The mark that counts, of a mirror whose slots stand at byte `base`.
    pub fn best(&mut self, uuid: &[u8; 16], base: u64, medium: &dyn Medium) -> Option<Mark> {
        let [first, second] = self.read(uuid, base, medium);
        newer(first, second, |m| m.counter)
    }

    /// Byte of the slot with that mark, from `base` on.
    pub fn newest(&mut self, uuid: &[u8; 16], base: u64, medium: &dyn Medium) -> Option<u64> {
        let [first, second] = self.read(uuid, base, medium);
        let best = newer(first, second, |m| m.counter)?;
        Some(if second == Some(best) { HEADER } else { 0 })
    }
}
