//! A run of bytes in a shared immutable buffer.

use crate::source::length;
use bytes::Bytes;
use std::ops::Range;

/// A run of bytes. A slice keeps the whole buffer that it was cut from alive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Extent {
    /// These bytes.
    Data(Bytes),
    /// So many zeros.
    Zero(u64),
}

impl Extent {
    /// Length in bytes.
    #[inline]
    pub fn len(&self) -> u64 {
        match self {
            Extent::Data(data) => data.len() as u64,
            Extent::Zero(len) => *len,
        }
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes `range` of this extent; shares the buffer.
    pub fn slice(&self, range: Range<u64>) -> Extent {
        match self {
            Extent::Data(data) => Extent::Data(data.slice(length(range.start)..length(range.end))),
            Extent::Zero(_) => Extent::Zero(range.end - range.start),
        }
    }

    /// Bytes of memory that it stands for.
    pub(crate) fn stored(&self) -> u64 {
        match self {
            Extent::Data(data) => data.len() as u64,
            Extent::Zero(_) => 0,
        }
    }

    pub(crate) fn truncate(&mut self, len: u64) {
        match self {
            Extent::Data(data) => data.truncate(length(len)),
            Extent::Zero(zeros) => *zeros = len,
        }
    }
}
