//! A sparse space of bytes over shared immutable buffers.
//!
//! A map is used in two ways. As a base, what it does not hold is zero, and [`ExtentMap::zero`] removes. As an overlay
//! over a base, what it does not hold is the base's, and [`ExtentMap::overlay_zero`] says explicitly that zeros hide
//! the base. In both, `offset + len` must fit in a `u64`, and an empty write changes nothing.

use crate::extent::Extent;
use crate::pages::Pages;
use crate::source::{Source, length, zeros};
use bytes::Bytes;

/// Extents by offset; they never overlap and are never empty.
#[derive(Clone, Default, Debug)]
pub struct ExtentMap {
    map: Pages<Extent>,
    stored: u64,
}

/// A part of a range: `len` bytes at `offset`, and the extent that holds them from its byte `skip` on, if any.
struct Piece<'a> {
    offset: u64,
    len: u64,
    held: Option<(&'a Extent, u64)>,
}

impl ExtentMap {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts `data` at `offset`.
    pub fn write(&mut self, offset: u64, data: Bytes) {
        self.put(offset, Extent::Data(data));
    }

    /// Makes a range absent: zeros in a base, the base's bytes in an overlay.
    pub fn zero(&mut self, offset: u64, len: u64) {
        self.punch(offset, len);
    }

    /// Makes a range explicit zeros, which hide the base of an overlay.
    pub fn overlay_zero(&mut self, offset: u64, len: u64) {
        self.put(offset, Extent::Zero(len));
    }

    /// Puts an extent at `offset`.
    pub fn put(&mut self, offset: u64, extent: Extent) {
        if extent.is_empty() {
            return;
        }
        let (before, end) = (self.map.at_or_before(offset), offset + extent.len());
        let free_from = match before.map(|place| (place, self.map.get(place))) {
            // Most overwrites replace exactly one extent.
            Some((place, (start, old))) if (start, old.len()) == (offset, extent.len()) => {
                self.stored = self.stored - old.stored() + extent.stored();
                *self.map.get_mut(place) = extent;
                return;
            }
            Some((_, (start, old))) => start + old.len(),
            None => 0,
        };
        let next = before.map_or(self.map.first(), |place| self.map.after(place));
        if free_from <= offset && next.is_none_or(|place| self.map.get(place).0 >= end) {
            self.stored += extent.stored();
            self.map.insert_after(before, offset, extent);
            return;
        }
        self.punch(offset, extent.len());
        self.insert(offset, extent);
    }

    /// The `len` bytes at `offset`, holes as zeros. Shares the buffer if one extent holds them all.
    pub fn read(&self, offset: u64, len: u64) -> Bytes {
        match self.whole(offset, len) {
            Whole::One(bytes) => bytes,
            Whole::Absent => zeros(len),
            Whole::Mixed => {
                let mut bytes = vec![0; length(len)];
                self.fill_over(&Nothing, offset, &mut bytes);
                Bytes::from(bytes)
            }
        }
    }

    /// The `len` bytes at `offset` of this overlay over `base`. Shares a buffer if this map, or the base alone, holds
    /// them all in one.
    pub fn read_over<S: Source + ?Sized>(&self, base: &S, offset: u64, len: u64) -> Bytes {
        if self.is_empty() {
            return base.read(offset, len);
        }
        match self.whole(offset, len) {
            Whole::One(bytes) => bytes,
            Whole::Absent => base.read(offset, len),
            Whole::Mixed => {
                let mut bytes = vec![0; length(len)];
                self.fill_over(base, offset, &mut bytes);
                Bytes::from(bytes)
            }
        }
    }

    /// Copies the bytes at `offset` of this overlay over `base` into the whole of `into`.
    pub fn fill_over<S: Source + ?Sized>(&self, base: &S, offset: u64, into: &mut [u8]) {
        self.walk(offset, into.len() as u64, |piece| {
            let start = length(piece.offset - offset);
            let part = &mut into[start..start + length(piece.len)];
            match piece.held {
                None => base.fill(piece.offset, part),
                Some((Extent::Zero(_), _)) => part.fill(0),
                Some((Extent::Data(data), skip)) => {
                    let skip = length(skip);
                    part.copy_from_slice(&data[skip..skip + part.len()]);
                }
            }
        });
    }

    /// Whether every byte of the range is held, be it as a zero.
    pub fn covers(&self, offset: u64, len: u64) -> bool {
        let mut covered = true;
        self.walk(offset, len, |piece| covered &= piece.held.is_some());
        covered
    }

    /// Whether any byte of the range is held.
    pub fn touches(&self, offset: u64, len: u64) -> bool {
        !matches!(self.whole(offset, len), Whole::Absent)
    }

    /// What is held of the range, clipped to it, by offset.
    pub fn iter(&self, offset: u64, len: u64) -> impl Iterator<Item = (u64, Extent)> {
        let mut pieces = Vec::new();
        self.walk(offset, len, |piece| {
            if let Some((extent, skip)) = piece.held {
                pieces.push((piece.offset, extent.slice(skip..skip + piece.len)));
            }
        });
        pieces.into_iter()
    }

    /// All extents, by offset.
    pub fn all(&self) -> impl Iterator<Item = (u64, &Extent)> {
        self.map.from(self.map.first())
    }

    /// Makes a range hold what `other` holds there, absent where that is absent.
    pub fn copy_range(&mut self, other: &ExtentMap, offset: u64, len: u64) {
        let pieces: Vec<_> = other.iter(offset, len).collect();
        if let [(start, only)] = &pieces[..]
            && (*start, only.len()) == (offset, len)
        {
            self.put(offset, only.clone());
            return;
        }
        self.punch(offset, len);
        for (start, extent) in pieces {
            self.insert(start, extent);
        }
    }

    /// How many extents there are.
    pub fn extents(&self) -> u64 {
        self.map.len() as u64
    }

    /// Bytes of data extents; buffers that are shared count each time.
    pub fn stored_bytes(&self) -> u64 {
        self.stored
    }

    /// The end of the last extent; 0 if there is none.
    pub fn end(&self) -> u64 {
        self.map.last().map_or(0, |(offset, extent)| offset + extent.len())
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Makes everything absent.
    pub fn clear(&mut self) {
        self.map.clear();
        self.stored = 0;
    }

    /// The place must be free.
    fn insert(&mut self, offset: u64, extent: Extent) {
        self.stored += extent.stored();
        self.map.insert(offset, extent);
    }

    fn punch(&mut self, offset: u64, len: u64) {
        let end = offset + len;
        if len == 0 {
            return;
        }
        let mut next = match self.map.at_or_before(offset) {
            None => self.map.first(),
            Some(place) if self.map.get(place).0 == offset => Some(place),
            Some(place) => {
                let (start, extent) = self.map.get(place);
                let stop = start + extent.len();
                if stop > offset {
                    let tail = (stop > end).then(|| extent.slice(end - start..stop - start));
                    let cut = offset - start;
                    let extent = self.map.get_mut(place);
                    self.stored -= extent.stored();
                    extent.truncate(cut);
                    self.stored += extent.stored();
                    if let Some(tail) = tail {
                        self.insert(end, tail);
                        return;
                    }
                }
                self.map.after(place)
            }
        };
        while let Some(place) = next
            && self.map.get(place).0 < end
        {
            let (start, extent, after) = self.map.remove(place);
            self.stored -= extent.stored();
            let stop = start + extent.len();
            if stop > end {
                self.insert(end, extent.slice(end - start..stop - start));
                return;
            }
            next = after;
        }
    }

    /// How the range is held.
    fn whole(&self, offset: u64, len: u64) -> Whole {
        if len == 0 {
            return Whole::Absent;
        }
        let end = offset + len;
        match self.map.at_or_before(end - 1).map(|last| self.map.get(last)) {
            Some((start, extent)) if start + extent.len() > offset => {
                if start > offset || start + extent.len() < end {
                    return Whole::Mixed;
                }
                match extent {
                    Extent::Zero(_) => Whole::One(zeros(len)),
                    Extent::Data(data) => {
                        let skip = length(offset - start);
                        Whole::One(data.slice(skip..skip + length(len)))
                    }
                }
            }
            _ => Whole::Absent,
        }
    }

    /// Visits the pieces of a range in order, holes included.
    fn walk<'a>(&'a self, offset: u64, len: u64, mut visit: impl FnMut(Piece<'a>)) {
        let end = offset + len;
        let mut at = offset;
        let first = self.map.at_or_before(offset).or(self.map.first());
        let from = self.map.from(first);
        for (start, extent) in from.take_while(|(start, _)| *start < end) {
            let stop = (start + extent.len()).min(end);
            if stop <= at {
                continue;
            }
            if start > at {
                visit(Piece { offset: at, len: start - at, held: None });
                at = start;
            }
            visit(Piece { offset: at, len: stop - at, held: Some((extent, at - start)) });
            at = stop;
        }
        if at < end {
            visit(Piece { offset: at, len: end - at, held: None });
        }
    }
}

enum Whole {
    /// In one extent.
    One(Bytes),
    /// Not at all.
    Absent,
    /// In parts.
    Mixed,
}

impl Source for ExtentMap {
    fn read(&self, offset: u64, len: u64) -> Bytes {
        ExtentMap::read(self, offset, len)
    }

    fn fill(&self, offset: u64, into: &mut [u8]) {
        self.fill_over(&Nothing, offset, into);
    }
}

/// The base of a base: zeros without end.
struct Nothing;

impl Source for Nothing {
    fn read(&self, _offset: u64, len: u64) -> Bytes {
        zeros(len)
    }

    fn fill(&self, _offset: u64, into: &mut [u8]) {
        into.fill(0);
    }
}
