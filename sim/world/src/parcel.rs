//! What a link carries, and how the far end makes frames of it again.
//!
//! Most frames pass as they are. Where a link splits them (`mtu`) or bends one, their bytes pass, and the receiver's own
//! reader (`mirror::reader`) puts them together. A stream is one flow of bytes for each connection that a source opens:
//! what is left of a frame ends with it. A datagram's pieces are put together as IP does: all of them, or nothing.

use bytes::Bytes;
use mirror::reader::{Reader, datagram};
use mirror::wire::{FRAME_HEADER, Frame};
use smallvec::{SmallVec, smallvec};
use std::collections::BTreeMap;

/// Datagrams of which pieces are kept; the oldest gives way.
const KEPT: usize = 16;

/// What a link carries.
#[derive(Clone, Debug)]
pub(crate) struct Parcel {
    pub content: Content,
    /// Source boot and counter of the connection on which it was sent.
    pub on: (u64, u64),
    /// Which piece of which datagram.
    pub part: Option<Part>,
    pub why: Why,
}

/// Why it is what it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Why {
    /// As it was sent.
    Straight,
    /// Bent as was drawn.
    Drawn,
    /// Bent, or repeated, by this fault of the plan.
    Fault(u32),
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    Frame(Frame),
    Bytes(Bytes),
}

/// A piece of a datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub message: u64,
    pub number: u32,
    pub of: u32,
}

impl Content {
    pub fn length(&self) -> u64 {
        match self {
            Content::Frame(frame) => frame.length(),
            Content::Bytes(bytes) => bytes.len() as u64,
        }
    }

    /// With one bit flipped.
    pub fn flip(self, draw: u64) -> Content {
        match self {
            Content::Frame(frame) => Content::Frame(crate::kinds::flip(frame, draw)),
            Content::Bytes(bytes) if bytes.is_empty() => Content::Bytes(bytes),
            Content::Bytes(bytes) => {
                let bit = ((u128::from(draw) * bytes.len() as u128 * 8) >> 64) as usize;
                let mut own = bytes.to_vec();
                own[bit / 8] ^= 1 << (bit % 8);
                Content::Bytes(Bytes::from(own))
            }
        }
    }
}

/// Source boot and counter of the connection of a frame.
pub(crate) fn connection(frame: &Frame) -> (u64, u64) {
    let field =
        |at: usize| frame.head.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes);
    (field(24), field(32))
}

/// The end of one direction of a link.
#[derive(Debug)]
pub(crate) struct Reception {
    largest: u64,
    stream: bool,
    /// Resets so far and the connection: a flow of bytes is one of these.
    flow: (u64, (u64, u64)),
    reader: Reader,
    pieces: BTreeMap<u64, Vec<Option<Bytes>>>,
}

impl Reception {
    pub fn new(stream: bool, largest: u64) -> Self {
        let reader = Reader::new(largest);
        Reception { largest, stream, flow: (0, (0, 0)), reader, pieces: BTreeMap::new() }
    }

    /// The frames that are whole with this parcel, and whether what follows ends the connection.
    pub fn take(&mut self, parcel: Parcel, era: u64) -> (SmallVec<[Frame; 1]>, bool) {
        if !self.stream {
            return (self.datagram(parcel).into_iter().collect(), false);
        }
        if self.flow != (era, parcel.on) {
            self.flow = (era, parcel.on);
            self.reader = Reader::new(self.largest);
        }
        let piece = match parcel.content {
            Content::Frame(frame) if self.reader.is_empty() => return (smallvec![frame], false),
            Content::Frame(frame) => frame.bytes(),
            Content::Bytes(bytes) => bytes,
        };
        self.reader.push(&piece);
        let mut frames = SmallVec::new();
        loop {
            match self.reader.frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => return (frames, false),
                Err(_) => return (frames, true),
            }
        }
    }

    fn datagram(&mut self, parcel: Parcel) -> Option<Frame> {
        let bytes = match (parcel.content, parcel.part) {
            (Content::Frame(frame), _) => return Some(frame),
            (Content::Bytes(bytes), None) => bytes,
            (Content::Bytes(bytes), Some(part)) => self.piece(part, bytes)?,
        };
        // What is no frame is handed on as it is: the machine drops it.
        let noise = || Frame { head: bytes.slice(..bytes.len().min(FRAME_HEADER)), payload: Bytes::new() };
        Some(datagram(&bytes, self.largest).unwrap_or_else(noise))
    }

    fn piece(&mut self, part: Part, bytes: Bytes) -> Option<Bytes> {
        let pieces = self.pieces.entry(part.message).or_insert_with(|| vec![None; part.of as usize]);
        pieces[part.number as usize] = Some(bytes);
        if pieces.iter().all(Option::is_some) {
            let pieces = self.pieces.remove(&part.message)?;
            return Some(pieces.into_iter().flatten().flatten().collect());
        }
        if self.pieces.len() > KEPT {
            self.pieces.pop_first();
        }
        None
    }
}
