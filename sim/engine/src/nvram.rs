//! Battery-backed memory on the memory bus.
//!
//! What it does: a store to it retires at once, and is then in a cache of the processor; only a flush takes time, and
//! covers the stores before it. A power cut loses or keeps each unflushed line on its own: caches write lines back in
//! any order. Lines are 64 bytes, or 8 if not even a line is written as one (the unit that processors promise).
//! Flushed lines are kept by the battery.
//!
//! What may fail: it may be slow by a factor. Its battery may run low, which it reports (`degraded`), and may then be
//! found empty at a power cut: its user replaces the content by zeros or scrambles it. Ranges may be damaged, and the
//! content may be stale or another machine's, all through its store. Media errors are up to its user.

use crate::decisions::Decisions;
use crate::delay::Delay;
use crate::pending::Parts;
use crate::sites;
use crate::store::{Flushing, Store};

/// Timing and tearing of an NVRAM.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NvramSpec {
    /// Time of a flush, ns.
    pub flush: Delay,
    /// Bytes that are written or lost as one: 8 or 64.
    pub tear: u32,
}

/// An NVRAM.
#[derive(Clone, Debug)]
pub struct Nvram {
    /// What it holds.
    pub store: Store,
    /// How it behaves.
    pub spec: NvramSpec,
    /// Flushes take so many times as long; 1 is normal.
    pub slow: u64,
    /// The battery is low: a power cut may lose everything.
    pub degraded: bool,
}

impl Nvram {
    /// An empty NVRAM.
    ///
    /// # Panics
    /// If `spec.tear` is 0.
    pub fn new(spec: NvramSpec) -> Self {
        Nvram { store: Store::new(spec.tear), spec, slow: 1, degraded: false }
    }

    /// Stores `parts`, one after the other; they are completed but not flushed. Returns the serial.
    pub fn write(&mut self, offset: u64, parts: Parts, tag: u32) -> u64 {
        let serial = self.store.write(offset, parts, tag);
        self.store.complete(serial);
        serial
    }

    /// Stores zeros; likewise.
    pub fn discard(&mut self, offset: u64, len: u64, tag: u32) -> u64 {
        let serial = self.store.discard(offset, len, tag);
        self.store.complete(serial);
        serial
    }

    /// A flush is issued; it covers all stores so far.
    pub fn submit_flush(&mut self, now: u64, decisions: &mut Decisions, subject: u32) -> Flushing {
        let latency = decisions.delay(sites::NVRAM_FLUSH, subject, &self.spec.flush);
        Flushing { mark: self.store.begin_flush(), at: now.saturating_add(latency.saturating_mul(self.slow)) }
    }
}
