//! Frames out of a transport's bytes, in whatever pieces they come (docs/formats.md, "Wire").
//!
//! A stream has no borders: a piece may end in the middle of a frame or hold several. The reader believes a length only
//! once the check of the header and the fixed part (192 bytes at most) holds, and never keeps more than one frame of the
//! greatest size beside the piece that came last, whatever a length says. What it cannot read ends the connection: there
//! is no place from which to go on, and both sides begin again with a Hello. A datagram is one frame or nothing.

use crate::codec::{get_u16, get_u64};
use crate::wire::{FRAME_HEADER, Frame, MAGIC, check_holds, fixed_part};
use alloc::vec::Vec;
use bytes::Bytes;

/// Why bytes are no frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Broken {
    /// It does not begin as a frame does.
    Magic,
    /// A kind that does not exist.
    Kind(u16),
    /// A body that is too short for its kind, or longer than any.
    Length(u64),
    /// Header or fixed part do not match their check.
    Check,
}

/// Puts frames together. After an error it reads nothing more.
#[derive(Debug)]
pub struct Reader {
    /// Greatest payload of a frame.
    largest: u64,
    buffer: Vec<u8>,
    broken: Option<Broken>,
}

impl Reader {
    /// For a connection on which no payload is longer than `largest`.
    pub fn new(largest: u64) -> Self {
        Reader { largest, buffer: Vec::new(), broken: None }
    }

    /// Whether it stands between two frames.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty() && self.broken.is_none()
    }

    /// Bytes that wait for the rest of their frame.
    pub fn waiting(&self) -> usize {
        self.buffer.len()
    }

    /// The next piece of the stream. To be followed by [`Reader::frame`] until there is none.
    pub fn push(&mut self, piece: &[u8]) {
        if self.broken.is_none() {
            self.buffer.extend_from_slice(piece);
        }
    }

    /// The next whole frame.
    pub fn frame(&mut self) -> Result<Option<Frame>, Broken> {
        if let Some(broken) = self.broken {
            return Err(broken);
        }
        match first(&self.buffer, self.largest) {
            Ok(None) => Ok(None),
            Ok(Some((head, whole))) => {
                let frame = Frame {
                    head: Bytes::copy_from_slice(&self.buffer[..head]),
                    payload: Bytes::copy_from_slice(&self.buffer[head..whole]),
                };
                self.buffer.drain(..whole);
                Ok(Some(frame))
            }
            Err(broken) => {
                self.broken = Some(broken);
                self.buffer = Vec::new();
                Err(broken)
            }
        }
    }
}

/// A datagram is exactly one frame.
pub fn datagram(bytes: &Bytes, largest: u64) -> Option<Frame> {
    match first(bytes, largest) {
        Ok(Some((head, whole))) if whole == bytes.len() => {
            Some(Frame { head: bytes.slice(..head), payload: bytes.slice(head..) })
        }
        _ => None,
    }
}

/// Where head and payload of the first frame end; `None`: more bytes are needed.
fn first(bytes: &[u8], largest: u64) -> Result<Option<(usize, usize)>, Broken> {
    let begun = bytes.len().min(MAGIC.len());
    if bytes[..begun] != MAGIC[..begun] {
        return Err(Broken::Magic);
    }
    if bytes.len() < FRAME_HEADER {
        return Ok(None);
    }
    let kind = get_u16(bytes, 6);
    let Some((fixed, has_payload)) = fixed_part(kind) else { return Err(Broken::Kind(kind)) };
    let length = get_u64(bytes, 48);
    let Some(payload) =
        length.checked_sub(fixed as u64).filter(|p| *p <= largest && (has_payload || *p == 0))
    else {
        return Err(Broken::Length(length));
    };
    let head = FRAME_HEADER + fixed;
    if bytes.len() < head {
        return Ok(None);
    }
    if !check_holds(&bytes[..head]) {
        return Err(Broken::Check);
    }
    let whole = head + payload as usize;
    Ok((bytes.len() >= whole).then_some((head, whole)))
}
