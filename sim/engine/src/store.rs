//! What a device holds: a medium under a volatile write cache.
//!
//! A write is seen by reads as soon as it is issued, completed some time later, and stable after a flush that began
//! after its completion has ended; see [`crate::Fate`] for what a power cut may do to it before that. Nothing that is
//! stable is lost, except by [`Store::damage`], [`Store::scramble`] and [`Store::replace_all`]. A flush may fail
//! ([`Store::fail_flush`]); what its writes read as afterwards is up to the cache ([`crate::AfterFailure`]).
//!
//! Overlapping writes take effect in the order of issue, as reads of a coherent cache show. So a write that is still
//! on its way while a later one over the same bytes has become stable can land only beside that later one: the device
//! has the newer content for these bytes and does not put the older over it.

use crate::decisions::Decisions;
use crate::extent_map::ExtentMap;
use crate::fate::{Fate, FateOdds, draw_fates, garbage};
use crate::layers::{AfterFailure, FlushMark, Layers};
use crate::pending::{Content, Parts, Pending};
use crate::source::Source;
use bytes::Bytes;
use std::ops::Range;

/// A write that a device has taken: pass the serial to [`Store::complete`] at that time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written {
    /// The serial of the write.
    pub serial: u64,
    /// When it completes, ns.
    pub at: u64,
}

/// A flush under way: pass the mark to [`Store::end_flush`] at that time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flushing {
    /// What it covers.
    pub mark: FlushMark,
    /// When it ends, ns.
    pub at: u64,
}

/// The content of one device. Offsets and lengths are bytes, and there is no upper end: its user knows the size.
#[derive(Clone, Debug)]
pub struct Store {
    layers: Layers,
}

impl Store {
    /// An empty store, all zeros, that writes or loses `granule` bytes as one.
    ///
    /// # Panics
    /// If `granule` is 0.
    pub fn new(granule: u32) -> Self {
        Store { layers: Layers::new(granule, false) }
    }

    /// Bytes that are written or lost as one.
    pub fn granule(&self) -> u32 {
        self.layers.granule
    }

    /// Issues a write of `parts`, one after the other, and returns its serial. `tag` is the user's.
    pub fn write(&mut self, offset: u64, parts: Parts, tag: u32) -> u64 {
        self.layers.write(offset, Content::gather(parts), tag)
    }

    /// Issues a write of zeros, and returns its serial.
    pub fn discard(&mut self, offset: u64, len: u64, tag: u32) -> u64 {
        self.layers.write(offset, Content::Zero(len), tag)
    }

    /// The write is completed: flushes that begin from now on cover it. Unknown serials (lost in a power cut) are none
    /// of its concern.
    pub fn complete(&mut self, serial: u64) {
        self.layers.complete(serial..serial + 1);
    }

    /// Every write that was issued is completed.
    pub fn complete_all(&mut self) {
        self.layers.complete(0..u64::MAX);
    }

    /// A flush begins, which covers the writes that are completed now.
    pub fn begin_flush(&mut self) -> FlushMark {
        self.layers.begin_flush()
    }

    /// That flush ends: what it covers is stable. After a power cut in between it covers nothing.
    pub fn end_flush(&mut self, mark: FlushMark) {
        self.layers.end_flush(mark);
    }

    /// The same; shows `landed` each write that it made stable, in the order of issue.
    pub fn end_flush_with(&mut self, mark: FlushMark, landed: impl FnMut(&Pending)) {
        self.layers.end_flush_with(mark, landed);
    }

    /// Whether a flush would put anything down.
    pub fn covers(&self, mark: FlushMark) -> bool {
        self.layers.covers(mark)
    }

    /// That flush fails instead, with this outcome for what it covers. Returns the ranges that read differently now.
    pub fn fail_flush(&mut self, mark: FlushMark, after: AfterFailure) -> Vec<Range<u64>> {
        self.layers.fail_flush(mark, after)
    }

    /// The cache forgets what it takes for written, so that reads see the medium (and what is to be written yet).
    /// Returns the ranges that read differently now.
    pub fn forget_clean(&mut self) -> Vec<Range<u64>> {
        self.layers.forget_clean()
    }

    /// The bytes that a read sees now.
    pub fn read(&self, offset: u64, len: u64) -> Bytes {
        self.layers.current.read(offset, len)
    }

    /// The bytes that are there if a power cut loses all that it may.
    pub fn read_stable(&self, offset: u64, len: u64) -> Bytes {
        self.layers.stable.read(offset, len)
    }

    /// What reads see.
    pub fn current(&self) -> &ExtentMap {
        &self.layers.current
    }

    /// What cannot be lost.
    pub fn stable(&self) -> &ExtentMap {
        &self.layers.stable
    }

    /// The unflushed writes in the order of issue.
    pub fn pending(&self) -> &[Pending] {
        &self.layers.pending
    }

    /// Draws a fate for each unflushed write; see [`draw_fates`].
    pub fn draw_fates(&self, decisions: &mut Decisions, subject: u32, odds: &FateOdds) -> Vec<Fate> {
        draw_fates(self.pending(), self.granule(), decisions, subject, odds)
    }

    /// The power goes: of each pending write stays what its fate says, in the order of issue; a write without a fate
    /// is lost. Nothing is pending afterwards.
    pub fn power_cut(&mut self, fates: &[Fate]) {
        self.layers.power_cut(fates);
    }

    /// Changes what the medium holds in a range by `f`, for good, on a private copy: nothing that shares buffers with
    /// this store sees it. Unflushed writes are not on the medium yet and hide it until they are lost. Returns how many
    /// bytes read differently now.
    pub fn damage(&mut self, offset: u64, len: u64, mut f: impl FnMut(&mut [u8])) -> u64 {
        let seen = self.read(offset, len);
        let mut private = self.read_stable(offset, len).to_vec();
        f(&mut private);
        if private == self.read_stable(offset, len) {
            return 0;
        }
        self.layers.overwrite_stable(offset, Bytes::from(private));
        let sees = self.read(offset, len);
        seen.iter().zip(&sees).filter(|(old, new)| old != new).count() as u64
    }

    /// The medium holds random bytes in a range, which depend on `seed` and their offsets. Unflushed writes hide them.
    pub fn scramble(&mut self, offset: u64, len: u64, seed: u64) {
        if len > 0 {
            self.layers.overwrite_stable(offset, garbage(seed, offset..offset + len));
        }
    }

    /// The device is exchanged for one that holds `content`, and nothing is pending. An empty map is a new device, or
    /// one that lost everything; an older [`Store::snapshot`] is one that was rolled back.
    pub fn replace_all(&mut self, content: ExtentMap) {
        self.layers.replace(content);
    }

    /// A copy of what is stable, which shares all buffers.
    pub fn snapshot(&self) -> ExtentMap {
        self.layers.stable.clone()
    }

    /// Bytes of data that reads can see; buffers that are shared count each time.
    pub fn stored_bytes(&self) -> u64 {
        self.layers.current.stored_bytes()
    }
}

impl Source for Store {
    fn read(&self, offset: u64, len: u64) -> Bytes {
        Store::read(self, offset, len)
    }

    fn fill(&self, offset: u64, into: &mut [u8]) {
        self.layers.current.fill(offset, into);
    }
}
