//! A write that a device took but that is not yet sure to outlive a power cut.

use bytes::Bytes;
use smallvec::SmallVec;
use std::mem;
use std::ops::Range;

/// Buffers that follow one another at one offset.
pub type Parts = SmallVec<[Bytes; 2]>;

/// What a write puts down.
#[derive(Clone, Debug)]
pub enum Content {
    /// These bytes, one part after the other.
    Data(Parts),
    /// So many zeros: a discard.
    Zero(u64),
}

/// Parts below this length are gathered: to copy them costs less than to keep an extent for each.
const SHORT: usize = 4096;
/// Gathered buffers have this length at most: one is kept as long as any byte of it.
const GATHERED: usize = 65_536;

impl Content {
    /// These bytes; short parts that follow one another become one.
    pub fn gather(parts: Parts) -> Self {
        if parts.len() < 2 || !parts.windows(2).any(|two| two[0].len() < SHORT && two[1].len() < SHORT) {
            return Content::Data(parts);
        }
        let short: usize = parts.iter().map(Bytes::len).filter(|len| *len < SHORT).sum();
        let mut all = Parts::new();
        let mut run = Vec::with_capacity(short.min(GATHERED));
        for part in parts {
            let fits = part.len() < SHORT && run.len() + part.len() <= GATHERED;
            if !fits && !run.is_empty() {
                all.push(Bytes::from(mem::take(&mut run)));
            }
            if part.len() < SHORT {
                run.extend_from_slice(&part);
            } else {
                all.push(part);
            }
        }
        if !run.is_empty() {
            all.push(Bytes::from(run));
        }
        Content::Data(all)
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Content::Data(parts) => parts.iter().map(|part| part.len() as u64).sum(),
            Content::Zero(len) => *len,
        }
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An unflushed write.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Counts the writes of the device, from 0.
    pub serial: u64,
    /// First byte.
    pub offset: u64,
    /// What it puts down.
    pub data: Content,
    /// The device has said that it is done (which promises nothing before a flush).
    pub completed: bool,
    /// A flush of it has failed, and the cache takes it for written: reads see it, and nothing will ever put it down.
    pub clean: bool,
    /// Its user's.
    pub tag: u32,
    /// The flush epoch in which it completed.
    pub(crate) epoch: u64,
    /// Where later writes are stable already, so that this one can no longer land.
    pub(crate) hidden: Vec<Range<u64>>,
}

impl Pending {
    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.data.len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The bytes that it writes.
    pub fn range(&self) -> Range<u64> {
        self.offset..self.offset + self.len()
    }

    /// Whether it writes any byte of `range`.
    pub fn overlaps(&self, range: &Range<u64>) -> bool {
        let own = self.range();
        own.start < range.end && range.start < own.end
    }
}
