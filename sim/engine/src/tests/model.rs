//! A store, naively.

use super::device::Device;
use crate::Fate;

/// One byte of the model: the write that is stable there (0 is none), and its value.
type Byte = (u64, u8);

/// Serial, bytes with their offsets, and the flush epoch of the completion.
type Write = (u64, Vec<(u64, u8)>, Option<u64>);

/// Whatever lands, for each byte the latest write wins. That is all there is to it.
pub(super) struct Model {
    pub(super) stable: Vec<Byte>,
    pub(super) pending: Vec<Write>,
    pub(super) serial: u64,
    pub(super) epoch: u64,
}

impl Model {
    fn land(bytes: &mut [Byte], serial: u64, data: &[(u64, u8)]) {
        for &(at, value) in data {
            let byte = &mut bytes[at as usize];
            if serial > byte.0 {
                *byte = (serial, value);
            }
        }
    }

    pub(super) fn current(&self) -> Vec<u8> {
        let mut bytes = self.stable.clone();
        for (serial, data, _) in &self.pending {
            Self::land(&mut bytes, *serial, data);
        }
        bytes.into_iter().map(|byte| byte.1).collect()
    }

    pub(super) fn cut(&self, granule: u32, fates: &[Fate]) -> Vec<Byte> {
        let mut bytes = self.stable.clone();
        for ((serial, data, _), fate) in self.pending.iter().zip(fates) {
            Self::land(&mut bytes, *serial, &left(data, u64::from(granule), *fate));
        }
        bytes
    }
}

fn left(data: &[(u64, u8)], granule: u64, fate: Fate) -> Vec<(u64, u8)> {
    let (Some(first), Some(last)) = (data.first(), data.last()) else {
        return Vec::new();
    };
    let first = first.0 / granule;
    let count = last.0 / granule - first + 1;
    let what = |&(at, value): &(u64, u8)| match fate {
        Fate::Kept => Some((at, value)),
        Fate::Lost => None,
        Fate::Torn { keep, garbage } => {
            let i = at / granule - first;
            let bit = if count <= 64 { i } else { i * 64 / count };
            match (keep >> bit & 1, garbage) {
                (1, _) => Some((at, value)),
                (_, Some(seed)) => Some((at, crate::fate::garbage(seed, at..at + 1)[0])),
                _ => None,
            }
        }
    };
    data.iter().filter_map(what).collect()
}

impl Device for Model {
    fn write(&mut self, offset: u64, data: &[u8]) {
        self.serial += 1;
        let data = data.iter().enumerate().map(|(i, &byte)| (offset + i as u64, byte)).collect();
        self.pending.push((self.serial, data, None));
    }
    fn discard(&mut self, offset: u64, len: u64) {
        self.write(offset, &vec![0; len as usize]);
    }
    fn complete(&mut self, index: usize) {
        let epoch = self.epoch;
        if let Some(write) = self.pending.get_mut(index) {
            write.2.get_or_insert(epoch);
        }
    }
    fn begin_flush(&mut self) -> u64 {
        self.epoch += 1;
        self.epoch - 1
    }
    fn end_flush(&mut self, flush: u64) {
        let (done, rest) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition(|write| write.2.is_some_and(|epoch| epoch <= flush));
        self.pending = rest;
        let done: Vec<_> = done;
        for (serial, data, _) in done {
            Self::land(&mut self.stable, serial, &data);
        }
    }
    fn power_cut(&mut self, granule: u32, fates: &[Fate]) {
        self.stable = self.cut(granule, fates);
        self.pending.clear();
    }
    fn pending(&self) -> usize {
        self.pending.len()
    }
    fn content(&self) -> (Vec<u8>, Vec<u8>) {
        (self.current(), self.stable.iter().map(|byte| byte.1).collect())
    }
}
