//! Resync at the destination (LR3, LR4): blocks go to a file of their own. Until it is sealed, image and log stay as they
//! are, so that the mirror is recoverable to what it held before; the seal is one write of the superblock.

use super::Shared;
use super::apply::Applying;
use super::desk::Desk;
use crate::config::Transport;
use crate::effect::{Alarm, Completion, Device, Duty, Run, Token};
use crate::heal::BlockKey;
use crate::ids::{Link, Position};
use crate::quirk::{Bend, Quirk};
use crate::record::extend_digest;
use crate::resync_file::{self, EntryHeader};
use crate::roll::Roll;
use crate::stage::Stage;
use crate::superblock::{Role, Sealed, Superblock};
use crate::wire::Message;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use bytes::Bytes;

/// Blocks ahead of the next one that are kept: what the source has under way.
const EARLY: u64 = 64;

/// What the source says is all of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub count: u64,
    pub digest: u64,
    pub first: u64,
    pub prev: Link,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// Takes blocks.
    Open,
    /// A write or a flush of the file is under way; so many blocks are durable then.
    Write(u64),
    Flush(u64),
    /// LR4: the mark, and what the log was, after the superblock.
    Mark,
    Clear(u32),
    ClearFlush(u32),
}

/// A resync file that is being filled, or was sealed on this connection.
#[derive(Debug)]
pub(super) struct Resync {
    session: u64,
    step: Step,
    token: Token,
    next: u64,
    stored: u64,
    digest: u64,
    runs: Vec<Run>,
    /// Blocks that came before one that precedes them: datagrams overtake each other.
    early: BTreeMap<u64, (BlockKey, Bytes)>,
    end: Option<End>,
    /// Sealed, and its log cleared.
    done: bool,
}

impl Resync {
    fn new(session: u64) -> Self {
        Resync {
            session,
            step: Step::Open,
            token: Token(0),
            next: 0,
            stored: 0,
            digest: 0,
            runs: Vec::new(),
            early: BTreeMap::new(),
            end: None,
            done: false,
        }
    }

    /// How far it is, in words.
    pub fn status(&self) -> String {
        let sealed = if self.done { ", sealed" } else { "" };
        format!("{:x}, {} blocks, {} of them durable{sealed}", self.session, self.next, self.stored)
    }

    /// Whether something of it is on its way to a device.
    pub fn working(&self) -> bool {
        self.step != Step::Open
    }
}

/// Why a superblock is written that no apply writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reason {
    /// The source promises its clients something else.
    Policy,
    /// A resync file is whole.
    Seal,
    /// It is in the image; or it was damaged, and the image is void.
    Rolled,
}

/// A superblock on its way to the disk.
#[derive(Debug)]
pub(super) struct Turn {
    token: Token,
    flushing: bool,
    waits: bool,
    reason: Reason,
    next: Superblock,
}

impl Turn {
    pub fn working(&self) -> bool {
        !self.waits
    }
}

impl<Q: Quirk> Desk<Q> {
    /// Blocks for which a resync file has room.
    fn capacity(&self) -> u64 {
        self.geometry.resync_capacity()
    }

    /// LR3: a file of its own; a former one is dropped.
    pub fn resync_begun(&mut self, shared: &mut Shared, session: u64) {
        if session <= self.superblock.session || self.superblock.sealed.is_some() {
            return;
        }
        let known = self.resync.as_ref().map_or(0, |r| r.session);
        if session > known {
            if self.resync.as_ref().is_some_and(|r| r.working()) {
                // It asks again.
                return;
            }
            self.resync = Some(Resync::new(session));
            self.stage(shared, Stage::ResyncReady, self.superblock.tail.position);
        }
        if session >= known {
            self.resync_answer(shared);
        }
    }

    fn resync_answer(&self, shared: &mut Shared) {
        if let (Some(connection), Some(Resync { session, stored, .. })) = (self.connection, &self.resync) {
            let (session, stored, room) = (*session, *stored, self.capacity());
            self.send(shared, connection, Message::ResyncReady { session, stored, room });
        }
    }

    /// No file space, or what came is not what was sent: the session is given up, the base stays.
    fn resync_given_up(&mut self, shared: &mut Shared) {
        let Some(Resync { session, .. }) = self.resync.take() else { return };
        if let Some(connection) = self.connection {
            self.send(shared, connection, Message::ResyncReady { session, stored: 0, room: 0 });
        }
    }

    pub fn resync_block(
        &mut self,
        shared: &mut Shared,
        session: u64,
        index: u64,
        key: BlockKey,
        content: Bytes,
    ) {
        let inside = self.geometry.volumes.get(key.0 as usize).is_some()
            && key.1 < self.geometry.blocks(key.0 as usize)
            && content.len() as u64 == self.geometry.block_size
            && index < self.capacity();
        let Some(resync) = self.resync.as_mut().filter(|r| r.session == session && r.end.is_none()) else {
            return;
        };
        if !inside {
            return self.alarm(shared, Alarm::Protocol { kind: 17 });
        }
        if index < resync.next {
            // The last one that it has shows that those before it were sent again.
            if index + 1 == resync.next {
                self.resync_answer(shared);
            }
            return;
        }
        if index > resync.next {
            if index < resync.next + EARLY && shared.knobs.transport == Transport::Datagram {
                resync.early.insert(index, (key, content));
            }
            return;
        }
        let mut here = Some((key, content));
        while let Some((key, content)) = here {
            let check = crate::codec::check(&content);
            resync.digest = extend_digest(resync.digest, check);
            let index = resync.next;
            resync.next += 1;
            let header = EntryHeader { session, index, key, check }.encode(self.geometry.mirror);
            let mut run = Run::one(resync_file::place(&self.geometry, index), header);
            run.parts.push(content);
            resync.runs.push(run);
            here = resync.early.remove(&resync.next);
        }
    }

    /// LR4: the file is whole.
    pub fn resync_ended(&mut self, shared: &mut Shared, session: u64, end: End) {
        if session == self.superblock.session {
            return self.resync_sealed(shared);
        }
        if self.resync.as_ref().is_none_or(|r| r.session != session)
            && let Some(connection) = self.connection
        {
            // It has started again since.
            return self.send(shared, connection, Message::ResyncReady { session, stored: 0, room: 0 });
        }
        let tip = self.tip.position;
        let Some(resync) = self.resync.as_mut().filter(|r| r.session == session && r.end.is_none()) else {
            return;
        };
        if resync.next < end.count {
            return self.resync_answer(shared);
        }
        let agrees = resync.next == end.count && resync.digest == end.digest;
        if !agrees || end.first == 0 || end.prev.position < tip || end.prev.position.generation >= end.first {
            self.alarm(shared, Alarm::Protocol { kind: 18 });
            return self.resync_given_up(shared);
        }
        resync.end = Some(end);
        if self.quirk.bends(Bend::SealedBeforeDurable)
            && let Some(connection) = self.connection
        {
            self.send(shared, connection, Message::ResyncSealed { session, room: 0 });
        }
    }

    /// The answer to an End whose file is sealed, and whose log is cleared.
    fn resync_sealed(&mut self, shared: &mut Shared) {
        // Sealed before its last start, it was cleared by the boot.
        let done = self.resync.as_ref().is_none_or(|r| r.done || r.session != self.superblock.session);
        if let (true, Some(connection)) = (done, self.connection) {
            let session = self.superblock.session;
            if self.superblock.void && !self.quirk.bends(Bend::SealVoid) {
                // It was found damaged since: it is not there.
                self.resync.take_if(|r| r.done);
                return self.send(shared, connection, Message::ResyncReady { session, stored: 0, room: 0 });
            }
            let room = self.room(shared, self.marked);
            self.send(shared, connection, Message::ResyncSealed { session, room });
        }
    }

    /// Whether a resync is under way whose end is not known.
    pub fn resyncs(&self) -> bool {
        self.resync.as_ref().is_some_and(|r| !r.done && r.end.is_none())
    }

    /// LR3: what it holds is applied, asked for or not, so that its blocks are as new as they can be: the source may need
    /// one of them. A generation is whole if a younger one has begun.
    pub fn apply_held(&mut self, shared: &mut Shared) {
        let open = self.resyncs();
        let generation = self.superblock.applied_gen + 1;
        let busy = self.applying.is_some() || self.turn.is_some() || self.superblock.sealed.is_some();
        if !open || self.superblock.void || busy || self.unfiled(generation) {
            return;
        }
        if self.tip.position.generation > generation {
            let whole = self.file(generation).map_or((0, 0), |f| (f.durable, f.digest));
            self.syncs.entry(generation).or_insert(whole);
            self.apply_next(shared);
        } else {
            // Asked for or not: where some of it is missing, the source is alone, and does not send it any more.
            self.apply_filed(shared);
        }
    }

    /// Whatever has become possible.
    pub fn resync_next(&mut self, shared: &mut Shared) {
        if let (Some(sealed), None, None) = (self.superblock.sealed, &self.applying, &self.turn) {
            let (geometry, region) = (self.geometry.clone(), self.region.clone());
            let mut roll = Roll::new(geometry, region, self.index, self.superblock.session, sealed);
            roll.start(&mut shared.out);
            self.applying = Some(Applying::roll(roll));
        }
        let Some(resync) = self.resync.as_mut().filter(|r| r.step == Step::Open && !r.done) else { return };
        if !resync.runs.is_empty() {
            resync.step = Step::Write(resync.next);
            let runs = core::mem::take(&mut resync.runs);
            resync.token = shared.out.write(self.index, Duty::Resync, Device::Log, runs);
            return;
        }
        let ready = resync.stored == resync.next;
        if ready && resync.end.is_some() && self.turn.is_none() {
            // What it puts in place is in the file, too.
            self.applying.take_if(|a| a.waits_for_space());
        }
        let Some(resync) = &self.resync else { return };
        let Some(end) = resync.end.filter(|_| ready && self.quiesced()) else { return };
        let mut next = self.superblock;
        next.session = self.resync.as_ref().map_or(0, |r| r.session);
        next.sealed = (end.count > 0).then_some(Sealed { count: end.count, digest: end.digest });
        next.void = false;
        next.role = Role::Mirror;
        next.applied_gen = end.first - 1;
        next.applied_seq = 0;
        next.tail = end.prev;
        next.base = end.prev;
        if self.quirk.bends(Bend::SealOldCursor) {
            next.tail = self.superblock.tail;
            next.base = self.superblock.base;
            (next.applied_gen, next.applied_seq) = self.superblock.cursor();
        }
        self.start_turn(shared, Reason::Seal, next);
    }

    /// Whether nothing of log or image is on its way to a device.
    fn quiesced(&self) -> bool {
        let idle = self.applying.as_ref().is_none_or(|a| a.rests());
        idle && self.turn.is_none()
            && self.file_work.is_none()
            && self.nvram_flush.is_none()
            && self.mark_flush.is_none()
            && self.erasing.is_empty()
    }

    pub fn start_turn(&mut self, shared: &mut Shared, reason: Reason, mut next: Superblock) {
        next.counter += 1;
        self.turn = Some(Turn { token: Token(0), flushing: false, waits: false, reason, next });
        self.write_turn(shared);
    }

    fn write_turn(&mut self, shared: &mut Shared) {
        let Some(turn) = &mut self.turn else { return };
        turn.waits = false;
        let at = self.region.base + turn.next.slot();
        let run = Run::one(at, turn.next.encode(self.geometry.mirror));
        turn.token = shared.out.write(self.index, Duty::Role, Device::Image, vec![run]);
    }

    pub fn retry_turn(&mut self, shared: &mut Shared) {
        if self.turn.as_ref().is_some_and(|t| t.waits) {
            self.write_turn(shared);
        }
    }

    pub fn turned(&mut self, shared: &mut Shared, token: Token, completion: Completion) {
        let Some(turn) = self.turn.as_mut().filter(|t| t.token == token) else { return };
        if let Completion::NoSpace = completion {
            turn.waits = true;
            return self.retry_later(shared);
        }
        if !turn.flushing {
            turn.flushing = true;
            turn.token = shared.out.flush(self.index, Duty::Role, Device::Image);
            return;
        }
        let Some(turn) = self.turn.take() else { return };
        self.superblock = turn.next;
        match turn.reason {
            Reason::Policy => {
                if let Some((hello, message)) = self.greeting.take() {
                    self.handle_message(shared, hello, message);
                }
            }
            Reason::Seal => self.sealed(shared),
            Reason::Rolled => {
                let tail = self.superblock.tail.position;
                if self.superblock.void {
                    self.alarm(shared, Alarm::Damaged { after: Position::ZERO, to: tail });
                    self.reset(shared);
                } else {
                    self.stage(shared, Stage::ResyncApplied, tail);
                }
            }
        }
    }

    /// The superblock says so: from now on everything speaks of `first`. The mark follows, and the log is void.
    fn sealed(&mut self, shared: &mut Shared) {
        let prev = self.superblock.tail;
        self.stage(shared, Stage::ResyncSealed, prev.position);
        // What is applied of the old log is in the file, too.
        self.applying = None;
        let segments: Vec<_> = self.segments.drain(..).collect();
        let (connection, resync) = (self.connection, self.resync.take());
        self.reset_cursors(prev);
        (self.connection, self.resync) = (connection, resync);
        self.tip = prev;
        (self.written, self.logged, self.marked) = (0, 0, 0);
        (self.appended, self.filed, self.file_marked) = (0, 0, 0);
        self.cleared = self.superblock.applied_gen;
        for segment in segments {
            self.erase_segment(shared, segment.number, segment.serial, Duty::Resync);
            self.erasing.push(segment.number);
        }
        self.mark.counter += 1;
        self.mark.nvram = self.mark.nvram.max(prev.position);
        self.mark.file = self.mark.file.max(prev.position);
        let run = Run::one(self.mark.slot(self.mark_at), self.mark.encode(self.geometry.mirror));
        shared.out.write(self.index, Duty::Resync, Device::Mark, vec![run]);
        if let Some(resync) = &mut self.resync {
            resync.step = Step::Mark;
            resync.token = shared.out.flush(self.index, Duty::Resync, Device::Mark);
        }
    }

    /// A completion of the file, or of what follows the seal.
    pub fn resync_done(&mut self, shared: &mut Shared, token: Token, completion: Completion) {
        let Some(resync) = &mut self.resync else { return };
        let places = self.geometry.places();
        match resync.step {
            Step::Open => {}
            Step::Write(_) | Step::Flush(_) | Step::Mark if token != resync.token => {}
            Step::Write(_) if matches!(completion, Completion::NoSpace) => self.resync_given_up(shared),
            Step::Write(upto) => {
                resync.step = Step::Flush(upto);
                resync.token = shared.out.flush(self.index, Duty::Resync, Device::Log);
            }
            Step::Flush(upto) => {
                resync.step = Step::Open;
                resync.stored = upto;
                self.stage(shared, Stage::ResyncStored, Position::new(0, upto));
                self.resync_answer(shared);
            }
            Step::Mark => {
                resync.step = Step::Clear(places as u32);
                for place in 0..places {
                    let (at, size) = (self.geometry.place(place), self.geometry.file_size);
                    shared.out.discard(self.index, Duty::Resync, Device::Log, at, size);
                }
            }
            Step::Clear(left) if left > 1 => resync.step = Step::Clear(left - 1),
            Step::Clear(_) => {
                resync.step = Step::ClearFlush(2);
                shared.out.flush(self.index, Duty::Resync, Device::Log);
                shared.out.flush(self.index, Duty::Resync, Device::Nvram);
            }
            Step::ClearFlush(left) if left > 1 => resync.step = Step::ClearFlush(left - 1),
            Step::ClearFlush(_) => {
                resync.step = Step::Open;
                resync.done = true;
                for segment in core::mem::take(&mut self.erasing) {
                    shared.pool.release(self.index, segment);
                }
                self.resync_sealed(shared);
            }
        }
    }

    /// The roll of a sealed file has ended: it is in the image, or it is damaged, and then the image is at no prefix.
    pub fn rolled(&mut self, shared: &mut Shared, whole: bool) {
        self.applying = None;
        let next = Superblock { sealed: None, void: !whole, ..self.superblock };
        self.start_turn(shared, Reason::Rolled, next);
    }
}
