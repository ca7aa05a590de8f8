//! A write that a device took but that is not yet sure to outlive a power cut.

use bytes::Bytes;
use smallvec::SmallVec;
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

impl Content {
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
