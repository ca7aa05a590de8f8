//! Something with bytes at offsets.

use bytes::Bytes;

/// Zeros that every hole is read from.
static ZEROS: [u8; 65_536] = [0; 65_536];

/// `len` zero bytes; up to 64 KiB share one static buffer.
pub fn zeros(len: u64) -> Bytes {
    let len = length(len);
    match ZEROS.get(..len) {
        Some(short) => Bytes::from_static(short),
        None => Bytes::from(vec![0; len]),
    }
}

/// A length of memory.
#[inline]
pub(crate) fn length(len: u64) -> usize {
    usize::try_from(len).expect("a length that fits in memory")
}

/// Bytes that can be read at any offset; what was never written reads as zeros. `offset + len` must fit in a `u64`.
pub trait Source {
    /// The `len` bytes at `offset`; shares buffers where it can.
    fn read(&self, offset: u64, len: u64) -> Bytes;

    /// Copies the bytes at `offset` into the whole of `into`.
    fn fill(&self, offset: u64, into: &mut [u8]) {
        into.copy_from_slice(&self.read(offset, into.len() as u64));
    }
}

impl<S: Source + ?Sized> Source for &S {
    fn read(&self, offset: u64, len: u64) -> Bytes {
        (**self).read(offset, len)
    }

    fn fill(&self, offset: u64, into: &mut [u8]) {
        (**self).fill(offset, into);
    }
}
