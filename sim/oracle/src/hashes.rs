//! Checks of payloads that were seen before. Buffers never change, so a buffer that is still held has the check that it
//! had; it is known by its address. What is damaged is another buffer.

use crate::bytes::hash;
use bytes::Bytes;

/// Power of two.
const SLOTS: usize = 512;
/// A longer payload would be kept alive for too little.
const LONGEST: usize = 4096;

/// A cache.
#[derive(Debug)]
pub(crate) struct Hashes {
    slots: Vec<Option<(Bytes, u64)>>,
}

impl Default for Hashes {
    fn default() -> Self {
        Hashes { slots: vec![None; SLOTS] }
    }
}

impl Hashes {
    /// The check of a buffer.
    pub fn of(&mut self, bytes: &Bytes) -> u64 {
        if bytes.len() > LONGEST || bytes.len() < 64 {
            return hash(bytes);
        }
        let slot = &mut self.slots[bytes.as_ptr().addr() / 64 % SLOTS];
        if let Some((known, check)) = slot
            && (known.as_ptr(), known.len()) == (bytes.as_ptr(), bytes.len())
        {
            return *check;
        }
        let check = hash(bytes);
        *slot = Some((bytes.clone(), check));
        check
    }
}
