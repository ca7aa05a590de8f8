//! Reads: blocks as of the cursor, verified, with the records above the cursor folded over them (SR2, SR6).
//!
//! While an apply writes in place, blocks and their checks may disagree; a read that overlaps this is repeated.

use super::{Body, Request, Source};
use crate::config::Reads;
use crate::effect::{Answer, Completion, Device, Duty, Effect, Ranges, Refusal, Token};
use crate::geometry::SECTOR;
use crate::ids::{Position, RequestId};
use crate::quirk::{Bend, Quirk};
use crate::superblock::Superblock;
use crate::volume::{self, Standing};
use alloc::vec;
use alloc::vec::Vec;
use bytes::Bytes;

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    /// Waits for the end of an in-place write.
    Held,
    /// Waits for a damaged block.
    Wanting,
    Reading,
    /// What it shows, and how many records must be answerable first.
    Ready {
        data: Bytes,
        needs: u64,
    },
}

/// A client's read, or the read under an add (`id` of `None`).
#[derive(Debug)]
pub(super) struct PendingRead {
    id: Option<RequestId>,
    volume: u32,
    offset: u64,
    length: u64,
    /// Number of the Ping that must be answered first.
    ping: u64,
    token: Token,
    phase: Phase,
}

impl<Q: Quirk> Source<Q> {
    pub(super) fn admit_read(&mut self, request: Request) {
        let Request { id, volume, offset, length, .. } = request;
        if self.reads.iter().any(|r| r.id == Some(id)) {
            return;
        }
        let ping = match self.knobs.reads {
            Reads::Local => 0,
            Reads::Confirmed if self.quirk.bends(Bend::ReadWithoutPong) => 0,
            Reads::Confirmed => self.ping_sent + 1,
        };
        self.start_read(Some(id), volume, offset, length, ping);
        self.ping_for_reads();
    }

    /// One Ping serves all reads that came before it left.
    pub(super) fn ping_for_reads(&mut self) {
        if self.pong_seen == self.ping_sent && self.reads.iter().any(|r| r.ping > self.ping_sent) {
            self.ping();
        }
    }

    fn start_read(&mut self, id: Option<RequestId>, volume: u32, offset: u64, length: u64, ping: u64) {
        let mut read = PendingRead { id, volume, offset, length, ping, token: Token(0), phase: Phase::Held };
        if id.is_some() && self.overlays[volume as usize].covers(offset, length) {
            self.finish_read(&mut read, vec![0; length as usize]);
        } else {
            self.issue(&mut read);
        }
        self.reads.push(read);
    }

    fn issue(&mut self, read: &mut PendingRead) {
        if self.apply.as_ref().is_some_and(|a| a.in_place()) {
            read.phase = Phase::Held;
            return;
        }
        let ranges = self.read_ranges(read);
        read.phase = Phase::Reading;
        read.token = self.out.read(self.index, Duty::Read, Device::Image, ranges);
    }

    /// The whole blocks, as one range, then the table sectors with their entries.
    fn read_ranges(&self, read: &PendingRead) -> Ranges {
        let map = &self.region.volumes[read.volume as usize];
        let (first, last) = (read.offset / map.block_size, (read.offset + read.length - 1) / map.block_size);
        let (sector, _) = map.entry(first);
        let (last_sector, _) = map.entry(last);
        let mut ranges = Ranges::new();
        ranges.push((map.block(first), (last - first + 1) * map.block_size));
        ranges.push((sector, last_sector + SECTOR - sector));
        ranges
    }

    pub(super) fn read_done(&mut self, token: Token, completion: Completion) {
        let Completion::Read(data) = completion else { return };
        let Some(at) = self.reads.iter().position(|r| r.phase == Phase::Reading && r.token == token) else {
            return;
        };
        let mut read = self.reads.swap_remove(at);
        let map = self.region.volumes[read.volume as usize];
        let first = read.offset / map.block_size;
        let (first_sector, _) = map.entry(first);
        let mut blocks = data[0].clone();
        for (i, content) in data[0].chunks(map.block_size as usize).enumerate() {
            let block = first + i as u64;
            let (sector, place) = map.entry(block);
            let place = (sector - first_sector) as usize + place;
            if volume::verify(&data[1], place, self.geometry.mirror, block, content) != Standing::Bad {
                continue;
            }
            let key = (read.volume, block);
            match self.healing.usable(key) {
                // It is not in place yet; what it shows beyond the cursor is in the overlay, too.
                Some((_, found)) => {
                    let mut patched = blocks.to_vec();
                    patched[i * map.block_size as usize..][..found.len()].copy_from_slice(found);
                    blocks = Bytes::from(patched);
                }
                None if self.healing.lost(key) => return self.refuse_read(read),
                None => {
                    read.phase = Phase::Wanting;
                    self.reads.push(read);
                    return self.block_damaged(key);
                }
            }
        }
        let skip = (read.offset - first * map.block_size) as usize;
        let base = blocks.slice(skip..skip + read.length as usize);
        match read.id {
            None => {
                if let Some(front) = self.queue.front_mut() {
                    front.base = Some(base);
                    front.reading = false;
                }
            }
            Some(_) => {
                self.finish_read(&mut read, base.to_vec());
                self.reads.push(read);
            }
        }
    }

    /// No good copy of what it shows is in reach.
    fn refuse_read(&mut self, read: PendingRead) {
        match read.id {
            Some(id) => self.out.push(Effect::Reply {
                mirror: self.index,
                id,
                answer: Answer::Refused(Refusal::Damaged),
            }),
            None => {
                if let Some(waiting) = self.queue.pop_front() {
                    let id = waiting.request.id;
                    self.slots.remove(&(id.client, id.slot));
                    self.out.push(Effect::Reply {
                        mirror: self.index,
                        id,
                        answer: Answer::Refused(Refusal::Damaged),
                    });
                }
            }
        }
    }

    fn finish_read(&mut self, read: &mut PendingRead, mut data: Vec<u8>) {
        // What the local apply has put into the blocks may be ahead of the destination: it counts as shown.
        // After a restart the overlay does not have it, not even of a generation that is applied in part.
        let Superblock { applied_gen, applied_seq, .. } = self.superblock;
        let part = if self.quirk.bends(Bend::ReadHalfApplied) { 0 } else { applied_seq };
        let applied = self.log.upto(Position::new(applied_gen + 1, part));
        let needs = self.overlays[read.volume as usize].fold(read.offset, &mut data).max(applied);
        let needs = if self.quirk.bends(Bend::ReadAhead) { 0 } else { needs };
        read.phase = Phase::Ready { data: Bytes::from(data), needs };
    }

    /// An in-place write begins: what was read across it does not count.
    pub(super) fn hold_reads(&mut self) {
        for read in &mut self.reads {
            if read.phase == Phase::Reading {
                read.phase = Phase::Held;
            }
        }
        for waiting in &mut self.queue {
            waiting.base = None;
        }
    }

    /// It is over: read again.
    pub(super) fn release_reads(&mut self) {
        self.issue_all(Phase::Held);
    }

    /// A damaged block was found, lost or overwritten: what waits for one looks again.
    pub(super) fn repeat_reads(&mut self) {
        self.issue_all(Phase::Wanting);
    }

    fn issue_all(&mut self, phase: Phase) {
        let mut reads = core::mem::take(&mut self.reads);
        for read in reads.iter_mut().filter(|r| r.phase == phase) {
            self.issue(read);
        }
        self.reads = reads;
    }

    /// Whether a read only lacks the word of the destination.
    pub(super) fn reads_await_pong(&self) -> bool {
        let answerable = self.answerable();
        let lacks = |r: &PendingRead| match &r.phase {
            Phase::Ready { needs, .. } => *needs <= answerable && r.ping > self.pong_seen,
            _ => false,
        };
        self.reads.iter().any(lacks)
    }

    pub(super) fn answer_reads(&mut self, answerable: u64) {
        if !self.known && !self.quirk.bends(Bend::ReadUnknown) {
            // A new source may have come in the place of another one, whose records it lacks.
            return;
        }
        let mut i = 0;
        while i < self.reads.len() {
            let read = &self.reads[i];
            let ready = match &read.phase {
                // Alone there is nobody to ask.
                Phase::Ready { needs, .. } => {
                    *needs <= answerable && (read.ping <= self.pong_seen || self.answers_alone())
                }
                _ => false,
            };
            if !ready {
                i += 1;
                continue;
            }
            // In order of arrival, so that nothing depends on where it stood.
            let read = self.reads.remove(i);
            if let (Some(id), Phase::Ready { data, needs }) = (read.id, read.phase) {
                let position = self.log.position(needs);
                self.reply(id, Answer::Read(data), position);
            }
        }
    }

    /// The value under the add at the front of the queue; `None` while it is being read.
    pub(super) fn value_for_front(&mut self) -> Option<u64> {
        let front = self.queue.front()?;
        let Request { volume, offset, body: Body::Add(_), .. } = front.request else { return Some(0) };
        let overlay = &self.overlays[volume as usize];
        let mut value = [0; 8];
        if !overlay.covers(offset, 8) {
            match &front.base {
                Some(base) => value.copy_from_slice(base),
                None => {
                    if !front.reading {
                        if let Some(front) = self.queue.front_mut() {
                            front.reading = true;
                        }
                        self.start_read(None, volume, offset, 8, 0);
                    }
                    return None;
                }
            }
        }
        self.overlays[volume as usize].fold(offset, &mut value);
        Some(u64::from_le_bytes(value))
    }
}
