//! What is done to a store, a scratch device and the model alike.

use crate::fixed::mix;
use crate::{Fate, FlushMark, Parts, Scratch, Store};
use bytes::Bytes;
use proptest::prelude::*;

/// Bytes of the device.
pub(super) const SIZE: u64 = 1_024;

/// What a store, a scratch device and the model have in common.
pub(super) trait Device {
    fn write(&mut self, offset: u64, data: &[u8]);
    fn discard(&mut self, offset: u64, len: u64);
    /// Completes the pending write at an index.
    fn complete(&mut self, index: usize);
    /// Counts from 0.
    fn begin_flush(&mut self) -> u64;
    fn end_flush(&mut self, flush: u64);
    fn power_cut(&mut self, granule: u32, fates: &[Fate]);
    fn pending(&self) -> usize;
    /// Current and stable.
    fn content(&self) -> (Vec<u8>, Vec<u8>);
}

#[derive(Clone, Debug)]
pub(super) enum Op {
    Write(u64, Vec<u8>),
    Discard(u64, u64),
    Complete(usize),
    CompleteAll,
    BeginFlush,
    EndFlush(usize),
    PowerCut(u64),
    Damage(u64),
}

pub(super) fn ops() -> impl Strategy<Value = Vec<Op>> {
    let write = (0..SIZE, prop::collection::vec(1_u8.., 0..400)).prop_map(|(at, mut data)| {
        data.truncate((SIZE - at) as usize);
        Op::Write(at, data)
    });
    let discard = (0..SIZE, 0..200_u64).prop_map(|(at, len)| Op::Discard(at, len.min(SIZE - at)));
    let op = prop_oneof![
        8 => write,
        2 => discard,
        4 => (0..6_usize).prop_map(Op::Complete),
        1 => Just(Op::CompleteAll),
        2 => Just(Op::BeginFlush),
        2 => (0..3_usize).prop_map(Op::EndFlush),
        1 => any::<u64>().prop_map(Op::PowerCut),
        1 => (0..SIZE).prop_map(Op::Damage),
    ];
    prop::collection::vec(op, 0..40)
}

pub(super) fn fates_of(seed: u64, n: usize) -> Vec<Fate> {
    let fate = |i: usize| {
        let draw = mix(seed ^ i as u64);
        match draw % 5 {
            0 => Fate::Kept,
            1 => Fate::Lost,
            2 => Fate::Torn { keep: mix(draw), garbage: Some(draw) },
            _ => Fate::Torn { keep: mix(draw), garbage: None },
        }
    };
    (0..n).map(fate).collect()
}

/// Applies an operation that all devices know; returns the flush that began. `flushes` are those so far.
pub(super) fn apply(device: &mut impl Device, granule: u32, op: &Op, flushes: &[u64]) -> Option<u64> {
    match op {
        Op::Write(at, data) => device.write(*at, data),
        Op::Discard(at, len) => device.discard(*at, *len),
        Op::Complete(index) => device.complete(*index),
        Op::CompleteAll => (0..device.pending()).for_each(|index| device.complete(index)),
        Op::BeginFlush => return Some(device.begin_flush()),
        Op::EndFlush(back) => {
            if let Some(flush) = flushes.iter().rev().nth(*back) {
                device.end_flush(*flush);
            }
        }
        Op::PowerCut(seed) => device.power_cut(granule, &fates_of(*seed, device.pending())),
        Op::Damage(_) => {}
    }
    None
}

/// In two parts, so that gathering is tested too.
pub(super) fn parts(data: &[u8]) -> Parts {
    let (head, tail) = data.split_at(data.len() / 3);
    Parts::from_iter([Bytes::copy_from_slice(head), Bytes::copy_from_slice(tail)])
}

macro_rules! device {
    ($($kind:ty),*) => {$(
        impl Device for ($kind, Vec<FlushMark>) {
            fn write(&mut self, offset: u64, data: &[u8]) {
                self.0.write(offset, parts(data), 0);
            }
            fn discard(&mut self, offset: u64, len: u64) {
                self.0.discard(offset, len, 0);
            }
            fn complete(&mut self, index: usize) {
                if let Some(serial) = self.0.pending().get(index).map(|write| write.serial) {
                    self.0.complete(serial);
                }
            }
            fn begin_flush(&mut self) -> u64 {
                self.1.push(self.0.begin_flush());
                self.1.len() as u64 - 1
            }
            fn end_flush(&mut self, flush: u64) {
                self.0.end_flush(self.1[flush as usize]);
            }
            fn power_cut(&mut self, _granule: u32, fates: &[Fate]) {
                self.0.power_cut(fates);
            }
            fn pending(&self) -> usize {
                self.0.pending().len()
            }
            fn content(&self) -> (Vec<u8>, Vec<u8>) {
                (self.0.read(0, SIZE).to_vec(), self.0.read_stable(0, SIZE).to_vec())
            }
        }
    )*};
}
device!(Store, Scratch<'_>);
