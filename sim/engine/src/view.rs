//! A device as it is, or as a power cut could leave it, to look at without touching it.

use crate::extent_map::ExtentMap;
use crate::fate::{Fate, land};
use crate::layers::Layers;
use crate::source::Source;
use crate::store::Store;
use bytes::Bytes;

/// A read-only state of a borrowed [`Store`].
#[derive(Clone, Debug)]
pub struct View<'a> {
    base: &'a ExtentMap,
    /// Over the base, where a power cut is imagined; explicit zeros.
    overlay: Option<ExtentMap>,
    granule: u32,
}

impl<'a> View<'a> {
    /// What reads see: a power cut that keeps everything.
    pub fn current(store: &'a Store) -> Self {
        View { base: store.current(), overlay: None, granule: store.granule() }
    }

    /// What cannot be lost: a power cut that loses everything it may.
    pub fn stable(store: &'a Store) -> Self {
        View { base: store.stable(), overlay: None, granule: store.granule() }
    }

    /// What a power cut with these fates, in the order of [`Store::pending`], would leave; without a fate a write is
    /// lost.
    pub fn chosen(store: &'a Store, fates: &[Fate]) -> Self {
        let mut overlay = ExtentMap::new();
        for (write, fate) in store.pending().iter().zip(fates) {
            land(write, *fate, store.granule(), true, &mut overlay);
        }
        View { base: store.stable(), overlay: Some(overlay), granule: store.granule() }
    }

    /// A state on its own, such as a [`Store::snapshot`]; `granule` in bytes.
    pub fn of(content: &'a ExtentMap, granule: u32) -> Self {
        View { base: content, overlay: None, granule }
    }

    /// The `len` bytes at `offset`; shares the buffer if one holds them all.
    pub fn read(&self, offset: u64, len: u64) -> Bytes {
        match &self.overlay {
            Some(overlay) => overlay.read_over(self.base, offset, len),
            None => self.base.read(offset, len),
        }
    }

    /// Bytes that are written or lost as one.
    pub fn granule(&self) -> u32 {
        self.granule
    }

    /// The base, and this state as the `current` layer over it.
    pub(crate) fn into_layers(self) -> (&'a ExtentMap, Layers) {
        let mut layers = Layers::new(self.granule, true);
        layers.current = self.overlay.unwrap_or_default();
        (self.base, layers)
    }
}

impl Source for View<'_> {
    fn read(&self, offset: u64, len: u64) -> Bytes {
        View::read(self, offset, len)
    }

    fn fill(&self, offset: u64, into: &mut [u8]) {
        match &self.overlay {
            Some(overlay) => overlay.fill_over(self.base, offset, into),
            None => self.base.fill(offset, into),
        }
    }
}
