//! Resync (LR3, LR4): the blocks that the destination may lack go to a file of their own there, while clients go on
//! writing; when few are left admission stalls, the rest follows, and the destination seals.

use super::log::Sealing;
use super::role::Wish;
use super::{Session, Source};
use crate::block_map::BlockMap;
use crate::config::{Policy, Transport};
use crate::effect::{Completion, Device, Duty, Ranges, Token};
use crate::geometry::SECTOR;
use crate::heal::BlockKey;
use crate::ids::Link;
use crate::quirk::{Bend, Quirk};
use crate::record::{Record, extend_digest};
use crate::stage::Stage;
use crate::volume::{self, Standing};
use crate::wire::Message;
use alloc::collections::{BTreeSet, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;

/// Blocks that are read or not yet durable there, at most.
const WINDOW: usize = 64;
/// With so few left the cut begins.
const FEW: u64 = 16;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// ResyncBegin is sent.
    Begun,
    /// Blocks go out.
    Sending,
    /// Admission stalls until the destination has sealed.
    Cut,
    /// ResyncEnd is sent.
    Ended { count: u64, digest: u64, first: u64, prev: Link },
}

/// A resync under way. All of it is volatile: after a restart it begins anew with the durable map. A new connection goes
/// on with it, as long as the destination still has what it had.
#[derive(Debug)]
pub(super) struct Resync {
    session: u64,
    phase: Phase,
    /// There is no connection: clients do not wait for it.
    suspended: bool,
    /// It sends every block.
    pub all: bool,
    /// Blocks still to be sent.
    left: BTreeSet<BlockKey>,
    reads: Vec<(BlockKey, Token)>,
    /// Damaged ones, which wait to be healed.
    damaged: Vec<BlockKey>,
    /// Sent and not known to be durable there: volume, block and content, from place `stored` on.
    window: VecDeque<(BlockKey, Bytes)>,
    stored: u64,
    room: u64,
    digest: u64,
}

impl Resync {
    pub fn cut(&self) -> bool {
        matches!(self.phase, Phase::Cut | Phase::Ended { .. }) && !self.suspended
    }

    /// How far it is, in words.
    pub fn status(&self) -> String {
        let phase = match self.phase {
            _ if self.suspended => "suspended",
            Phase::Begun => "begun",
            Phase::Sending => "sends",
            Phase::Cut => "cuts",
            Phase::Ended { .. } => "waits for the seal",
        };
        format!("{:x} {phase}, {} stored there, {} blocks left", self.session, self.stored, self.left.len())
    }

    /// Place in the file of the next block.
    fn next(&self) -> u64 {
        self.stored + self.window.len() as u64
    }
}

impl<Q: Quirk> Source<Q> {
    /// When a resync may begin.
    pub(super) fn resync_due(&self) -> Option<u64> {
        let may = self.alone() && self.resync.is_none() && !self.level_is_lost() && !self.stays_alone();
        let up = self.up_since.filter(|_| may)?;
        let (settle, hold) = match self.knobs.policy {
            Policy::Degrade { settle, hold, .. } => (settle, hold),
            _ => (0, self.knobs.resend_after),
        };
        let hold = if self.quirk.bends(Bend::IgnoreHold) { 0 } else { hold };
        let rested = self.changed_at.map_or(0, |at| at + hold);
        (self.session == Session::Up && self.turn.is_none()).then_some((up + settle).max(rested))
    }

    /// Whether a block that the destination lacks is lost: until it is written as a whole there is no way back.
    pub(super) fn stays_alone(&self) -> bool {
        let lacks = |key| self.needs_all || self.map.contains(key);
        self.alone() && self.healing.lost_blocks().any(lacks)
    }

    /// A block that was admitted anew is to be sent again.
    pub(super) fn resync_touched(&mut self, record: &Record) {
        if let Some(resync) = &mut self.resync
            && !self.quirk.bends(Bend::ResyncForgetsWrites)
        {
            resync.left.extend(BlockMap::of(&self.geometry, &self.region, record));
        }
    }

    /// Whatever has become possible.
    pub(super) fn resync_next(&mut self) {
        if self.resync_due().is_some_and(|due| due <= self.now) {
            self.begin_resync();
        }
        let Some(resync) = self.resync.as_mut().filter(|r| !r.suspended) else { return };
        let healing = &self.healing;
        if resync.damaged.iter().any(|key| healing.lost(*key)) {
            // Nobody has it: clients do not wait for it.
            self.resync = None;
            self.changed_at = Some(self.now);
            return;
        }
        let (wanted, healed): (Vec<_>, Vec<_>) = resync.damaged.iter().partition(|key| healing.wants(**key));
        resync.damaged = wanted;
        resync.left.extend(healed);
        match resync.phase {
            Phase::Begun | Phase::Ended { .. } => {}
            Phase::Sending | Phase::Cut => {
                self.read_resync();
                self.cut_resync();
            }
        }
    }

    fn begin_resync(&mut self) {
        self.resyncs += 1;
        let session = (self.superblock.boot << 32) | self.resyncs;
        let mut left: BTreeSet<BlockKey> = match self.needs_all && !self.quirk.bends(Bend::RefillChanged) {
            true => BlockMap::all(&self.geometry).collect(),
            false => self.map.blocks().collect(),
        };
        for ordinal in self.log.base..self.log.next() {
            left.extend(BlockMap::of(&self.geometry, &self.region, &self.log.entry(ordinal).record));
        }
        self.resync = Some(Resync {
            session,
            phase: Phase::Begun,
            suspended: false,
            all: self.needs_all,
            left,
            reads: Vec::new(),
            damaged: Vec::new(),
            window: VecDeque::new(),
            stored: 0,
            room: 0,
            digest: 0,
        });
        self.send(Message::ResyncBegin { session });
        self.stage(Stage::ResyncBegun, self.log.tip.position);
        self.progress = true;
    }

    /// The destination has so many blocks durably.
    pub(super) fn resync_ready(&mut self, session: u64, stored: u64, room: u64) {
        let Some(resync) = self.resync.as_mut().filter(|r| r.session == session && !r.suspended) else {
            return;
        };
        if room == 0 {
            // No space there, or it has started again: the base stays as it is, and so does the map.
            self.resync = None;
            self.changed_at = Some(self.now);
            return self.advance();
        }
        if resync.phase == Phase::Begun {
            if stored < resync.stored {
                // It has lost what it had.
                self.resync = None;
                return self.advance();
            }
            resync.phase = Phase::Sending;
            self.progress = true;
            self.resend_window();
        }
        let Some(resync) = &mut self.resync else { return };
        resync.room = room;
        let mut grown = false;
        while resync.stored < stored && !resync.window.is_empty() {
            resync.window.pop_front();
            resync.stored += 1;
            grown = true;
        }
        self.progress = true;
        if grown {
            self.advance();
        }
    }

    /// The connection is gone: what is under way waits for the next one, and nobody waits for it.
    pub(super) fn suspend_resync(&mut self) {
        if let Some(resync) = &mut self.resync {
            resync.suspended = true;
        }
    }

    /// A new connection.
    pub(super) fn resume_resync(&mut self) {
        let Some(resync) = &mut self.resync else { return };
        resync.suspended = false;
        let session = resync.session;
        if let Phase::Ended { .. } = resync.phase {
            return self.end_resync();
        }
        resync.phase = Phase::Begun;
        self.send(Message::ResyncBegin { session });
    }

    /// Takes blocks out of the set before they are read, so that a write that comes now puts them back (LR3).
    fn read_resync(&mut self) {
        if self.apply.as_ref().is_some_and(|a| !a.at_cursor()) {
            return;
        }
        let Some(resync) = &mut self.resync else { return };
        if resync.next() + WINDOW as u64 > resync.room {
            // Cut off too often, it has filled its file with blocks that were written again: once more.
            self.resync = None;
            return self.advance();
        }
        while resync.reads.len() + resync.window.len() < WINDOW {
            let Some(key) = resync.left.pop_first() else { break };
            let map = &self.region.volumes[key.0 as usize];
            let mut ranges = Ranges::new();
            ranges.push((map.block(key.1), map.block_size));
            ranges.push((map.entry(key.1).0, SECTOR));
            let token = self.out.read(self.index, Duty::Resync, Device::Image, ranges);
            resync.reads.push((key, token));
        }
    }

    /// A block is read: with what is in NVRAM folded in it goes out.
    pub(super) fn resync_read(&mut self, token: Token, completion: Completion) {
        let Completion::Read(data) = completion else { return };
        let Some(resync) = &mut self.resync else { return };
        let Some(at) = resync.reads.iter().position(|(_, t)| *t == token) else { return };
        let (key, _) = resync.reads.remove(at);
        self.progress = true;
        if resync.suspended || self.apply.as_ref().is_some_and(|a| !a.at_cursor()) {
            // The block may be ahead of the cursor by now: read again.
            resync.left.insert(key);
            return;
        }
        let (_, place) = self.region.volumes[key.0 as usize].entry(key.1);
        let from = match volume::verify(&data[1], place, self.geometry.mirror, key.1, &data[0]) {
            Standing::Good => self.superblock.tail.position,
            Standing::UpTo(upto) => upto.max(self.superblock.tail.position),
            Standing::Bad => {
                resync.damaged.push(key);
                return self.block_damaged(key);
            }
        };
        let mut content = data[0].to_vec();
        let tip = if self.quirk.bends(Bend::ResyncFromVolume) { from } else { self.log.tip.position };
        self.roll_forward(key, from, tip, &mut content);
        let content = Bytes::from(content);
        let check = crate::codec::check(&content);
        let Some(resync) = &mut self.resync else { return };
        let (session, index) = (resync.session, resync.next());
        resync.digest = extend_digest(resync.digest, check);
        resync.window.push_back((key, content.clone()));
        let (volume, block) = key;
        self.send(Message::ResyncBlock { session, index, volume, block, content });
    }

    /// LR4: with few blocks left, or little room, admission stalls until the destination has sealed.
    fn cut_resync(&mut self) {
        let Some(resync) = &mut self.resync else { return };
        let left = (resync.left.len() + resync.reads.len() + resync.damaged.len()) as u64;
        let short = resync.next() + 2 * left + 2 * WINDOW as u64 > resync.room;
        if resync.phase == Phase::Sending && (left <= FEW || short) {
            resync.phase = Phase::Cut;
            self.stage(Stage::ResyncCut, self.log.tip.position);
        }
        let Some(resync) = &self.resync else { return };
        if resync.phase != Phase::Cut || left > 0 || !resync.window.is_empty() {
            return;
        }
        if self.open_has_records() && !self.seal() {
            return;
        }
        let sealed = self.log.generations.iter().all(|g| g.sealing != Sealing::Written);
        if self.log.durable < self.log.next() || !sealed {
            return;
        }
        let first = self.log.next_position().generation;
        let prev = self.log.tip;
        let Some(resync) = &mut self.resync else { return };
        let (count, digest) = (resync.next(), resync.digest);
        resync.phase = Phase::Ended { count, digest, first, prev };
        self.end_resync();
    }

    fn end_resync(&mut self) {
        let Some(Resync { session, phase: Phase::Ended { count, digest, first, prev }, .. }) = self.resync
        else {
            return;
        };
        self.send(Message::ResyncEnd { session, count, digest, first, prev });
        self.progress = true;
    }

    /// The destination has sealed: back to Source, and the map is empty, in one step.
    pub(super) fn resync_sealed(&mut self, session: u64, room: u64) {
        let Some(Resync { session: own, phase: Phase::Ended { first, prev, .. }, .. }) = self.resync else {
            return;
        };
        let oldest = self.log.generations.front().map_or(self.log.youngest + 1, |g| g.number);
        let records = self.log.base_position > prev.position;
        let freed = records || oldest > first && !self.quirk.bends(Bend::ReturnPastEmpty);
        if own == session && freed {
            // Some of what follows was freed alone since, be it without a record: once more.
            self.resync = None;
            return self.advance();
        }
        if own == session && self.wish.is_none() {
            self.wish = Some(Wish::Return { first, end: prev.position, room });
            // A Welcome that comes before that is durable may say otherwise.
            self.needs_all = false;
            self.progress = true;
        }
    }

    /// On the timer: whatever of the resync awaits an answer.
    pub(super) fn resend_resync(&mut self) {
        let Some(resync) = &self.resync else { return };
        let session = resync.session;
        match resync.phase {
            Phase::Begun => self.send(Message::ResyncBegin { session }),
            Phase::Ended { .. } => self.end_resync(),
            // A stream loses nothing.
            Phase::Sending | Phase::Cut if self.knobs.transport == Transport::Datagram => {
                self.resend_window()
            }
            Phase::Sending | Phase::Cut => {}
        }
    }

    /// What may not have arrived.
    fn resend_window(&mut self) {
        let Some(resync) = &self.resync else { return };
        let (session, from) = (resync.session, resync.stored);
        let window: Vec<(BlockKey, Bytes)> = resync.window.iter().cloned().collect();
        for (i, ((volume, block), content)) in window.into_iter().enumerate() {
            let index = from + i as u64;
            self.send(Message::ResyncBlock { session, index, volume, block, content });
        }
    }
}
