//! A disk with a volatile write cache.
//!
//! What it does: any number of reads, writes and flushes are under way at a time. Each takes a drawn latency of its
//! own, so that they complete in any order; their bytes pass one after the other if the bandwidth is limited. Reads see
//! the latest write issued. What is not flushed may be lost or torn in a power cut (see [`crate::Fate`]); a flush
//! covers what had completed when it began and no more, as the standards of disks say.
//!
//! What may fail: it may be slow by a factor, for as long as its user says. It may be full: then every write fails, and
//! a prefix of whole granules may have been stored, as with the short writes of a file system; the prefix is an
//! unflushed write like any other. Its content may be damaged, rolled back or lost through its store, and a flush may
//! fail there. Errors that a device reports, lost writes and misdirected writes are up to its user, who knows what a
//! request means. A write that is lost or misdirected is seen by reads for a while, as the drive's own cache shows it; its
//! user takes it back with [`Store::damage`] when that has forgotten it.

use crate::decisions::Decisions;
use crate::delay::Delay;
use crate::pending::Parts;
use crate::sites;
use crate::source::length;
use crate::store::{Flushing, Store, Written};

/// Timing and failure modes of a disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DiskSpec {
    /// Latency of a read, ns.
    pub read: Delay,
    /// Latency of a write into the cache, ns.
    pub write: Delay,
    /// Latency of a flush, ns.
    pub flush: Delay,
    /// Bytes per second; 0 is unlimited.
    pub bandwidth: u64,
    /// Bytes that are written or lost as one.
    pub tear: u32,
    /// Torn writes may leave garbage (its user passes this on to [`crate::FateOdds`]).
    pub garbage: bool,
}

/// A full disk has refused a write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoSpace {
    /// When the error is reported, ns.
    pub at: u64,
    /// Bytes of a prefix that were stored all the same; 0 if none.
    pub stored: u64,
    /// The serial of that prefix, if there is one.
    pub serial: Option<u64>,
}

/// A disk.
#[derive(Clone, Debug)]
pub struct Disk {
    /// What it holds.
    pub store: Store,
    /// How it behaves.
    pub spec: DiskSpec,
    /// Everything takes so many times as long; 1 is normal.
    pub slow: u64,
    /// Writes fail for want of space.
    pub full: bool,
    /// When the last byte that is under way has passed, ns.
    busy_until: u64,
}

impl Disk {
    /// An empty disk.
    ///
    /// # Panics
    /// If `spec.tear` is 0.
    pub fn new(spec: DiskSpec) -> Self {
        Disk { store: Store::new(spec.tear), spec, slow: 1, full: false, busy_until: 0 }
    }

    /// A read of `bytes` is issued; returns when it completes, ns. The bytes are [`Store::read`] then.
    pub fn submit_read(&mut self, now: u64, bytes: u64, decisions: &mut Decisions, subject: u32) -> u64 {
        let latency = decisions.delay(sites::DISK_READ, subject, &self.spec.read);
        self.pass(now, bytes).saturating_add(latency.saturating_mul(self.slow))
    }

    /// A write of `parts`, one after the other, is issued.
    ///
    /// # Errors
    /// If the disk is full.
    pub fn submit_write(
        &mut self,
        now: u64,
        offset: u64,
        parts: Parts,
        tag: u32,
        decisions: &mut Decisions,
        subject: u32,
    ) -> Result<Written, NoSpace> {
        let latency = decisions.delay(sites::DISK_WRITE, subject, &self.spec.write);
        let bytes: u64 = parts.iter().map(|part| part.len() as u64).sum();
        let at = self.pass(now, bytes).saturating_add(latency.saturating_mul(self.slow));
        if self.full {
            let stored = self.short(offset, bytes, decisions, subject);
            let serial = (stored > 0).then(|| self.store.write(offset, prefix(parts, stored), tag));
            return Err(NoSpace { at, stored, serial });
        }
        Ok(Written { serial: self.store.write(offset, parts, tag), at })
    }

    /// A write of zeros is issued. It moves no bytes and needs no space, so it succeeds on a full disk.
    pub fn submit_discard(
        &mut self,
        now: u64,
        offset: u64,
        len: u64,
        tag: u32,
        decisions: &mut Decisions,
        subject: u32,
    ) -> Written {
        let latency = decisions.delay(sites::DISK_WRITE, subject, &self.spec.write);
        let at = self.pass(now, 0).saturating_add(latency.saturating_mul(self.slow));
        Written { serial: self.store.discard(offset, len, tag), at }
    }

    /// A flush is issued; it covers the writes that are completed now.
    pub fn submit_flush(&mut self, now: u64, decisions: &mut Decisions, subject: u32) -> Flushing {
        let latency = decisions.delay(sites::DISK_FLUSH, subject, &self.spec.flush);
        let at = self.pass(now, 0).saturating_add(latency.saturating_mul(self.slow));
        Flushing { mark: self.store.begin_flush(), at }
    }

    /// The machine was off: nothing is under way any more. The store is cut on its own.
    pub fn restart(&mut self) {
        self.busy_until = 0;
    }

    /// When `bytes` that are issued now have passed, ns.
    fn pass(&mut self, now: u64, bytes: u64) -> u64 {
        if self.spec.bandwidth == 0 {
            return now;
        }
        let time = transfer_time(bytes, self.spec.bandwidth).saturating_mul(self.slow);
        self.busy_until = self.busy_until.max(now) + time;
        self.busy_until
    }

    /// How many bytes a full disk stores: nothing half the time, else any number of whole granules but not all bytes.
    fn short(&self, offset: u64, bytes: u64, decisions: &mut Decisions, subject: u32) -> u64 {
        let draw = decisions.draw(sites::SHORT_WRITE, subject);
        if draw >> 63 == 1 {
            return 0;
        }
        let end = offset + ((u128::from(draw << 1) * u128::from(bytes)) >> 64) as u64;
        let granule = u64::from(self.spec.tear);
        (end / granule * granule).saturating_sub(offset)
    }
}

/// ns that `bytes` take at `bandwidth` bytes per second (not 0), rounded down.
pub(crate) fn transfer_time(bytes: u64, bandwidth: u64) -> u64 {
    (u128::from(bytes) * 1_000_000_000 / u128::from(bandwidth)) as u64
}

/// The first `len` bytes.
fn prefix(parts: Parts, len: u64) -> Parts {
    let mut left = length(len);
    let mut first = Parts::new();
    for mut part in parts {
        part.truncate(left);
        left -= part.len();
        if !part.is_empty() {
            first.push(part);
        }
    }
    first
}
