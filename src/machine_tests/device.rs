//! A device of the tests: what is durable, and completed writes that a power cut may keep, lose or tear.

use crate::effect::{Ranges, Run};
use alloc::vec;
use alloc::vec::Vec;
use bytes::Bytes;

#[derive(Default)]
pub struct Store {
    durable: Vec<u8>,
    /// Completed writes since, in order: number, place, content.
    cache: Vec<(u64, usize, Vec<u8>)>,
    written: u64,
}

fn put(bytes: &mut Vec<u8>, at: usize, content: &[u8]) {
    if bytes.len() < at + content.len() {
        bytes.resize(at + content.len(), 0);
    }
    bytes[at..at + content.len()].copy_from_slice(content);
}

impl Store {
    pub fn write(&mut self, runs: &[Run]) {
        for run in runs {
            self.written += 1;
            self.cache.push((self.written, run.offset as usize, run.parts.concat()));
        }
    }

    pub fn discard(&mut self, offset: u64, length: u64) {
        self.written += 1;
        self.cache.push((self.written, offset as usize, vec![0; length as usize]));
    }

    /// A flush that is issued now covers what has completed: this is its name for it.
    pub fn completed(&self) -> u64 {
        self.written
    }

    pub fn flush(&mut self, upto: u64) {
        let durable = &mut self.durable;
        self.cache.retain(|(number, at, content)| {
            let covered = *number <= upto;
            if covered {
                put(durable, *at, content);
            }
            !covered
        });
    }

    pub fn read(&self, offset: u64, length: u64) -> Vec<u8> {
        let (from, to) = (offset as usize, (offset + length) as usize);
        let mut out = vec![0; length as usize];
        let mut copy = |at: usize, content: &[u8]| {
            let (start, end) = (from.max(at), to.min(at + content.len()));
            if start < end {
                out[start - from..end - from].copy_from_slice(&content[start - at..end - at]);
            }
        };
        copy(0, &self.durable);
        self.cache.iter().for_each(|(_, at, content)| copy(*at, content));
        out
    }

    pub fn ranges(&self, ranges: &Ranges) -> Vec<Bytes> {
        ranges.iter().map(|(at, length)| Bytes::from(self.read(*at, *length))).collect()
    }

    /// Two bits of `fates` decide about each unflushed write: lost, kept, or torn at an eight-byte line.
    pub fn power_cut(&mut self, mut fates: u64) {
        for (_, at, content) in core::mem::take(&mut self.cache) {
            let torn = content.len() / 16 * 8;
            match fates & 3 {
                0 => {}
                1 => put(&mut self.durable, at, &content[..torn]),
                2 => put(&mut self.durable, at + torn, &content[torn..]),
                _ => put(&mut self.durable, at, &content),
            }
            fates = fates.rotate_right(2) ^ 0x5bd1_e995;
        }
    }
}
