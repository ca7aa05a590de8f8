//! Frames out of pieces: whole, cut, glued, with lengths that nobody could keep, and out of noise.

use crate::ids::{Connection, MirrorId, Position};
use crate::reader::{Broken, Reader, datagram};
use crate::wire::{self, FRAME_HEADER, Frame, Message};
use alloc::vec;
use alloc::vec::Vec;
use bytes::Bytes;
use proptest::prelude::*;

const MIRROR: MirrorId = MirrorId([7; 16]);
const LARGEST: u64 = 4096;

fn block(length: usize) -> Frame {
    let message = Message::Block {
        volume: 0,
        block: 3,
        as_of: Position::new(1, 1),
        content: Bytes::from(vec![9; length]),
    };
    message.frame(MIRROR, Connection::default())
}

fn some_frames() -> Vec<Frame> {
    let ping = |number| Message::Ping { number }.frame(MIRROR, Connection::default());
    vec![ping(1), block(512), Message::Reset.frame(MIRROR, Connection::default()), block(0), ping(2)]
}

fn all_of(reader: &mut Reader) -> Result<Vec<Frame>, Broken> {
    let mut found = Vec::new();
    while let Some(frame) = reader.frame()? {
        found.push(frame);
    }
    Ok(found)
}

/// Sets a field of the header and makes the check hold again, as a peer would that means it.
fn with_length(frame: &Frame, length: u64) -> Frame {
    let mut head = frame.head.to_vec();
    head[48..56].copy_from_slice(&length.to_le_bytes());
    wire::seal(&mut head);
    Frame { head: Bytes::from(head), payload: frame.payload.clone() }
}

#[test]
fn a_length_beyond_the_limit_is_refused_before_anything_is_kept_for_it() {
    for length in [LARGEST + 41, 1 << 32, 1 << 40, i64::MAX as u64, u64::MAX - 63, u64::MAX] {
        let frame = with_length(&block(0), length);
        let mut reader = Reader::new(LARGEST);
        reader.push(&frame.bytes());
        assert_eq!(reader.frame().err(), Some(Broken::Length(length)));
        assert_eq!(reader.waiting(), 0);
        assert!(datagram(&frame.bytes(), LARGEST).is_none());
        assert!(wire::decode(&frame).is_none());
    }
}

#[test]
fn a_body_too_short_for_its_kind_or_a_payload_where_none_belongs_is_refused() {
    let reset = Message::Reset.frame(MIRROR, Connection::default());
    for (frame, length) in [(block(0), 39), (block(0), 0), (reset, 1)] {
        let frame = with_length(&frame, length);
        let mut reader = Reader::new(LARGEST);
        reader.push(&frame.bytes());
        assert_eq!(reader.frame().err(), Some(Broken::Length(length)));
    }
}

#[test]
fn a_believed_length_waits_for_its_payload_and_no_longer() {
    let frame = block(LARGEST as usize);
    let bytes = frame.bytes();
    let mut reader = Reader::new(LARGEST);
    for piece in bytes.chunks(100) {
        assert!(reader.frame().expect("nothing is wrong yet").is_none());
        reader.push(piece);
        assert!(reader.waiting() <= bytes.len());
    }
    assert_eq!(reader.frame().expect("whole").expect("one").payload, frame.payload);
    assert!(reader.is_empty());
}

#[test]
fn every_flipped_bit_of_header_and_payload_is_noticed() {
    for frame in [block(24), Message::Ping { number: 9 }.frame(MIRROR, Connection::default())] {
        let bytes = frame.bytes();
        for bit in 0..bytes.len() * 8 {
            let mut bent = bytes.to_vec();
            bent[bit / 8] ^= 1 << (bit % 8);
            // What follows is the next frame of a stream.
            let mut reader = Reader::new(LARGEST);
            reader.push(&bent);
            let read = all_of(&mut reader);
            let good = read.as_ref().is_ok_and(|frames| frames.iter().any(|f| wire::decode(f).is_some()));
            assert!(!good, "bit {bit}");
            assert!(datagram(&Bytes::from(bent), LARGEST).is_none_or(|f| wire::decode(&f).is_none()));
        }
    }
}

#[test]
fn a_cut_frame_ends_the_stream_with_the_one_that_follows() {
    for cut in 1..block(64).bytes().len() {
        let bytes = block(64).bytes();
        let mut reader = Reader::new(LARGEST);
        reader.push(&bytes[..bytes.len() - cut]);
        // As much as a frame may take: from there on at the latest it is known.
        (0..LARGEST as usize / FRAME_HEADER).for_each(|_| reader.push(&block(64).bytes()));
        let damaged = match all_of(&mut reader) {
            Err(_) => true,
            Ok(frames) => frames.iter().any(|f| wire::decode(f).is_none()),
        };
        assert!(damaged, "{cut} bytes short");
        assert!(datagram(&bytes.slice(..bytes.len() - cut), LARGEST).is_none());
    }
}

proptest! {
    #[test]
    fn pieces_of_any_size_give_the_same_frames(cuts in proptest::collection::vec(1usize..200, 1..60)) {
        let all: Vec<u8> = some_frames().iter().flat_map(|f| f.bytes()).collect();
        let (mut reader, mut found, mut at) = (Reader::new(LARGEST), Vec::new(), 0);
        for cut in cuts.iter().cycle() {
            let end = (at + cut).min(all.len());
            reader.push(&all[at..end]);
            found.extend(all_of(&mut reader).expect("nothing is wrong"));
            at = end;
            if at == all.len() {
                break;
            }
        }
        let bytes: Vec<Bytes> = found.iter().map(Frame::bytes).collect();
        let sent: Vec<Bytes> = some_frames().iter().map(Frame::bytes).collect();
        prop_assert_eq!(bytes, sent);
        prop_assert!(reader.is_empty());
        // Two frames are no datagram.
        prop_assert!(datagram(&Bytes::from(all), LARGEST).is_none());
    }

    #[test]
    fn noise_never_panics_and_is_never_kept(noise in proptest::collection::vec(any::<u8>(), 0..400), begin: bool) {
        let mut bytes = noise;
        if begin && bytes.len() > 8 {
            bytes[..4].copy_from_slice(b"MWIR");
        }
        let mut reader = Reader::new(LARGEST);
        reader.push(&bytes);
        let _ = all_of(&mut reader);
        prop_assert!(reader.waiting() <= bytes.len());
        prop_assert!(datagram(&Bytes::from(bytes), LARGEST).is_none());
    }
}
