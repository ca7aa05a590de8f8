//! A server's devices as plain byte arrays: what is stable, what is written, what a power cut loses.

use bytes::Bytes;
use mirrorsim_oracle::*;

#[derive(Clone, Default)]
pub struct Disk {
    pub stable: Vec<u8>,
    pub current: Vec<u8>,
    pub dirty: Vec<(u64, u64)>,
}

#[derive(Clone)]
pub struct Machine {
    pub disks: [Disk; 4],
}

pub struct View<'a>(&'a Machine, bool);

impl Medium for View<'_> {
    fn read(&self, device: Device, offset: u64, length: u64) -> Bytes {
        let disk = &self.0.disks[device as usize];
        let bytes = if self.1 { &disk.stable } else { &disk.current };
        let mut out = vec![0; length as usize];
        let from = (offset as usize).min(bytes.len());
        let to = (from + length as usize).min(bytes.len());
        out[..to - from].copy_from_slice(&bytes[from..to]);
        Bytes::from(out)
    }
}

impl Machine {
    pub fn new() -> Self {
        Machine { disks: Default::default() }
    }
    pub fn stable(&self) -> View<'_> {
        View(self, true)
    }
    pub fn current(&self) -> View<'_> {
        View(self, false)
    }
    pub fn poke(&mut self, device: Device, offset: u64, bytes: &[u8]) {
        let disk = &mut self.disks[device as usize];
        let end = offset as usize + bytes.len();
        if disk.current.len() < end {
            disk.current.resize(end, 0);
        }
        disk.current[offset as usize..end].copy_from_slice(bytes);
        disk.dirty.push((offset, bytes.len() as u64));
    }
    pub fn settle(&mut self, device: Device) -> Vec<(u64, u64)> {
        let disk = &mut self.disks[device as usize];
        disk.stable = disk.current.clone();
        core::mem::take(&mut disk.dirty)
    }
    /// A power cut that loses everything unflushed.
    pub fn cut(&mut self) {
        for disk in &mut self.disks {
            disk.current = disk.stable.clone();
            disk.dirty.clear();
        }
    }
}
