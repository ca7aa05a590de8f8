//! A private device over a borrowed state of another: a recovery can run on it, be cut, and run again, and the device
//! below never knows. Writes, flushes and power cuts mean what they mean to a [`crate::Store`].

use crate::extent_map::ExtentMap;
use crate::fate::Fate;
use crate::layers::{FlushMark, Layers};
use crate::pending::{Content, Parts, Pending};
use crate::source::Source;
use crate::view::View;
use bytes::Bytes;

/// A private writable overlay over a [`View`].
#[derive(Clone, Debug)]
pub struct Scratch<'a> {
    base: &'a ExtentMap,
    /// Overlays over the base.
    layers: Layers,
    /// Every write is stable at once, and only `layers.current` is used.
    safe: bool,
    /// The state that it began with is that of the base.
    bare: bool,
}

impl<'a> Scratch<'a> {
    /// A device in the state `view`, whose unflushed writes a power cut can lose.
    pub fn new(view: View<'a>) -> Self {
        let (base, mut layers) = view.into_layers();
        layers.stable = layers.current.clone();
        let bare = layers.current.is_empty();
        Scratch { base, layers, safe: false, bare }
    }

    /// The cheap kind, for whom the power never goes: nothing is ever pending, and a power cut loses nothing.
    pub fn without_cuts(view: View<'a>) -> Self {
        let (base, layers) = view.into_layers();
        let bare = layers.current.is_empty();
        Scratch { base, layers, safe: true, bare }
    }

    /// Issues a write of `parts`, one after the other, and returns its serial. `tag` is the user's.
    pub fn write(&mut self, offset: u64, parts: Parts, tag: u32) -> u64 {
        if !self.safe {
            return self.layers.write(offset, Content::Data(parts), tag);
        }
        let data = match parts.len() {
            1 => parts.into_iter().next().unwrap_or_default(),
            // A copy of them all costs less than an extent for each.
            _ => Bytes::from(parts.concat()),
        };
        self.layers.current.write(offset, data);
        0
    }

    /// Issues a write of zeros, and returns its serial.
    pub fn discard(&mut self, offset: u64, len: u64, tag: u32) -> u64 {
        if !self.safe {
            return self.layers.write(offset, Content::Zero(len), tag);
        }
        self.layers.current.overlay_zero(offset, len);
        0
    }

    /// The write is completed: flushes that begin from now on cover it.
    pub fn complete(&mut self, serial: u64) {
        self.layers.complete(serial..serial.saturating_add(1));
    }

    /// Every write that was issued is completed.
    pub fn complete_all(&mut self) {
        self.layers.complete(0..u64::MAX);
    }

    /// A flush begins, which covers the writes that are completed now.
    pub fn begin_flush(&mut self) -> FlushMark {
        self.layers.begin_flush()
    }

    /// That flush ends: what it covers is stable.
    pub fn end_flush(&mut self, mark: FlushMark) {
        if !self.safe {
            self.layers.end_flush(mark);
        }
    }

    /// The bytes that a read sees now.
    pub fn read(&self, offset: u64, len: u64) -> Bytes {
        self.layers.current.read_over(self.base, offset, len)
    }

    /// The bytes that are there if a power cut loses all that it may.
    pub fn read_stable(&self, offset: u64, len: u64) -> Bytes {
        let layer = if self.safe { &self.layers.current } else { &self.layers.stable };
        layer.read_over(self.base, offset, len)
    }

    /// The unflushed writes in the order of issue.
    pub fn pending(&self) -> &[Pending] {
        &self.layers.pending
    }

    /// What was written over the device below.
    pub fn written(&self) -> &ExtentMap {
        &self.layers.current
    }

    /// Goes on from where another one was, which began in the same state, was written to in the same way as this one was
    /// so far, and then further: `written` is its [`Scratch::written`].
    ///
    /// # Panics
    /// If anything is pending.
    pub fn go_on_from(&mut self, written: &ExtentMap) {
        assert!(self.layers.pending.is_empty(), "an unflushed write is in the way");
        let Layers { current, stable, .. } = &mut self.layers;
        for layer in std::iter::once(current).chain((!self.safe).then_some(stable)) {
            if self.bare {
                layer.clone_from(written);
            } else {
                // The same state may have another base, of which an unflushed write is no part.
                written.all().for_each(|(offset, extent)| layer.put(offset, extent.clone()));
            }
        }
    }

    /// Puts down what is known to have been written, completed and flushed, with nothing else pending.
    ///
    /// # Panics
    /// If anything is pending.
    pub fn put(&mut self, offset: u64, data: &Bytes) {
        assert!(self.layers.pending.is_empty(), "an unflushed write is in the way");
        if !self.safe {
            self.layers.stable.write(offset, data.clone());
        }
        self.layers.current.write(offset, data.clone());
    }

    /// Bytes that are written or lost as one.
    pub fn granule(&self) -> u32 {
        self.layers.granule
    }

    /// The power goes: of each pending write stays what its fate says; a write without a fate is lost.
    pub fn power_cut(&mut self, fates: &[Fate]) {
        self.layers.power_cut(fates);
    }
}

impl Source for Scratch<'_> {
    fn read(&self, offset: u64, len: u64) -> Bytes {
        Scratch::read(self, offset, len)
    }

    fn fill(&self, offset: u64, into: &mut [u8]) {
        self.layers.current.fill_over(self.base, offset, into);
    }
}
