//! The source server's machine for its mirror: admits requests, logs them in NVRAM, forwards them, applies full
//! partitions to its volumes, answers clients (rules SR1-SR9). A duty a file.

mod admission;
mod apply;
mod boot;
mod forward;
mod heal;
mod leave;
mod log;
mod read;
mod resync;
mod retire;
mod role;
mod status;

pub use role::Exposure;
pub(crate) use status::{block, connection};

use crate::block_map::BlockMap;
use crate::config::{AckLevel, Policy, Reads, Transport};
use crate::effect::{Alarm, Answer, Completion, Duty, Effect, Outbox, Token};
use crate::geometry::{Geometry, Home, Region};
use crate::heal::Healing;
use crate::ids::{Connection, MirrorIndex, Position, RequestId};
use crate::mark::Mark;
use crate::overlay::Overlay;
use crate::quirk::{Bend, Quirk};
use crate::stage::Stage;
use crate::superblock::{Role, Superblock};
use crate::wire::{self, Frame, Message};
use admission::{SlotState, Waiting};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use log::Log;

/// Knobs of a source and its destination.
#[derive(Clone, Copy, Debug)]
pub struct Knobs {
    /// DR3.
    pub ack: AckLevel,
    /// SR2.
    pub reads: Reads,
    /// Section 6.
    pub policy: Policy,
    /// Section 3.
    pub transport: Transport,
    /// Optional timer of SR3, ns.
    pub seal_after: Option<u64>,
    /// First repetition of what awaits an answer, ns; doubled up to 16 times.
    pub resend_after: u64,
}

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whose.
    pub id: RequestId,
    /// Which volume.
    pub volume: u32,
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// What.
    pub body: Body,
}

/// The kinds of requests.
#[derive(Clone, Debug)]
pub enum Body {
    /// Store these bytes (`length` of them).
    Write(Bytes),
    /// Make the range read as zeros.
    WriteZeroes,
    /// Add to the little-endian u64 (`length` is 8); answered with the old value.
    Add(u64),
    /// Read the range.
    Read,
}

enum State<Q> {
    Booting(alloc::boxed::Box<boot::Boot<Q>>),
    Serving,
    /// It is not the source any more (LR7): what is under way to the disk ends, then its superblock says so.
    Leaving(leave::Leave),
    Stopped,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Session {
    Down,
    HelloSent,
    Up,
}

/// The source's machine. All inputs return at once; effects are polled.
pub struct Source<Q> {
    geometry: Arc<Geometry>,
    home: Home,
    region: Region,
    knobs: Knobs,
    index: MirrorIndex,
    quirk: Q,
    out: Outbox,
    now: u64,
    state: State<Q>,
    superblock: Superblock,
    mark: Mark,
    log: Log,
    overlays: Vec<Overlay>,
    slots: BTreeMap<(u32, u32), SlotState>,
    queue: VecDeque<Waiting>,
    stalled: bool,
    seal_wanted: bool,
    waiters: BTreeMap<(u64, RequestId), Answer>,
    reads: Vec<read::PendingRead>,
    opened_at: u64,
    log_flush: Option<log::FlushOf>,
    mark_flush: Option<(Token, u64)>,
    apply: Option<crate::apply::Apply<Q>>,
    apply_retry: Option<u64>,
    /// Under `apply: coupled` the generation up to which a round has come.
    round: u64,
    healing: Healing,
    serves: Vec<heal::Serve>,
    session: Session,
    connection: Connection,
    marked: u64,
    sent: u64,
    acked_received: u64,
    acked_nvram: u64,
    acked_file: u64,
    remote_applied: u64,
    sync_sent: u64,
    limit: u64,
    ping_sent: u64,
    pong_seen: u64,
    unanswered: u32,
    timer: Option<u64>,
    backoff: u32,
    progress: bool,
    /// It was told that the destination speaks another version.
    skewed: bool,
    /// Blocks that the destination may lack, durably (LR2), and the records up to which they are in it.
    map: BlockMap,
    mapped: u64,
    /// Records up to here may have been answered without the destination.
    answered_alone: u64,
    turn: Option<role::Turn>,
    wish: Option<role::Wish>,
    resync: Option<resync::Resync>,
    /// Resyncs of this boot.
    resyncs: u64,
    /// When the role last changed, or a resync was given up; since when the connection stands; since when what waits
    /// for the destination does.
    changed_at: Option<u64>,
    up_since: Option<u64>,
    stuck: role::Stuck,
    /// The destination's image is known to need every block; its NVRAM must not be relied on.
    needs_all: bool,
    peer_degraded: bool,
    /// What the destination held, in its image or not, when the connection was made.
    peer_held: Position,
    /// It has been welcomed, now or in an earlier life: nobody had its name before it.
    known: bool,
    /// The operator wants the other server to serve the clients.
    retires: bool,
    /// The clients were handed over to a server that has said since that it lacks what they need.
    bereft: bool,
    /// Its log or its disk is lost (SR8), and of what it may have answered alone the last.
    lost: bool,
    lost_alone: Position,
}

impl<Q: Quirk> Source<Q> {
    /// A server that has just been switched on; it boots by itself.
    pub fn new(geometry: Arc<Geometry>, knobs: Knobs, index: MirrorIndex, quirk: Q, now: u64) -> Self {
        let mut source = Source::at(Home::default(), geometry, knobs, index, quirk, now);
        source.start_boot();
        source
    }

    /// The heir of a mirror, on the server that had the image: it boots from what the recovery has left (LR6).
    pub(crate) fn heir(
        home: Home,
        geometry: Arc<Geometry>,
        knobs: Knobs,
        index: MirrorIndex,
        (quirk, now, serial): (Q, u64, u64),
    ) -> Self {
        let mut source = Source::at(home, geometry, knobs, index, quirk, now);
        source.out = Outbox::after(serial);
        source.start_boot();
        source
    }

    fn at(home: Home, geometry: Arc<Geometry>, knobs: Knobs, index: MirrorIndex, quirk: Q, now: u64) -> Self {
        let region = geometry.region(home.image);
        let overlays = geometry.volumes.iter().map(|_| Overlay::default()).collect();
        Source {
            home,
            region,
            knobs,
            index,
            quirk,
            out: Outbox::default(),
            now,
            state: State::Stopped,
            superblock: Superblock::fresh(Role::Source, knobs.ack),
            mark: Mark::default(),
            log: Log::default(),
            overlays,
            slots: BTreeMap::new(),
            queue: VecDeque::new(),
            stalled: false,
            seal_wanted: false,
            waiters: BTreeMap::new(),
            reads: Vec::new(),
            opened_at: 0,
            log_flush: None,
            mark_flush: None,
            apply: None,
            apply_retry: None,
            round: u64::MAX,
            healing: Healing::default(),
            serves: Vec::new(),
            session: Session::Down,
            connection: Connection::default(),
            marked: 0,
            sent: 0,
            acked_received: 0,
            acked_nvram: 0,
            acked_file: 0,
            remote_applied: 0,
            sync_sent: 0,
            limit: 0,
            ping_sent: 0,
            pong_seen: 0,
            unanswered: 0,
            timer: None,
            backoff: 0,
            progress: false,
            skewed: false,
            map: BlockMap::default(),
            mapped: 0,
            answered_alone: 0,
            turn: None,
            wish: None,
            resync: None,
            resyncs: 0,
            changed_at: None,
            up_since: None,
            stuck: role::Stuck::default(),
            needs_all: false,
            peer_degraded: false,
            peer_held: Position::ZERO,
            known: false,
            retires: false,
            bereft: false,
            lost: false,
            lost_alone: Position::ZERO,
            geometry,
        }
    }

    /// The next effect, in order.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.out.poll()
    }

    /// When `handle_timeout` is wanted.
    pub fn poll_timeout(&self) -> Option<u64> {
        if let State::Booting(boot) = &self.state {
            return boot.retry;
        }
        if let State::Leaving(_) = self.state {
            return [self.turn_due(), self.timer, self.apply_retry].into_iter().flatten().min();
        }
        if !self.serving() {
            return None;
        }
        let due = self.knobs.seal_after.filter(|_| self.open_has_records() && !self.seal_wanted);
        let seal = due.map(|d| self.opened_at + d);
        let role = self.role_timeout();
        [self.timer, self.apply_retry, seal, role].into_iter().flatten().min()
    }

    /// Whether it boots.
    pub fn boots(&self) -> bool {
        matches!(self.state, State::Booting(_))
    }

    /// Its superblock if that is of a newer epoch than this one.
    pub(crate) fn superblock_above<'a>(&'a self, other: &'a Superblock) -> &'a Superblock {
        if self.superblock.epoch > other.epoch { &self.superblock } else { other }
    }

    /// Bytes of records in NVRAM that are not freed.
    pub fn log_bytes(&self) -> u64 {
        self.log.bytes(self.log.next()) - self.log.base_bytes
    }

    /// The epoch in which it writes.
    pub fn epoch(&self) -> u64 {
        self.superblock.epoch
    }

    /// Whether it takes requests.
    pub fn serving(&self) -> bool {
        matches!(self.state, State::Serving)
    }

    /// Whether it has stopped with an alarm.
    pub fn stopped(&self) -> bool {
        matches!(self.state, State::Stopped | State::Leaving(_))
    }

    /// Whether nothing is under way, and the destination has everything, or never will.
    pub fn quiet(&self) -> bool {
        let in_sync = self.log.owed.is_empty() && self.superblock.role == Role::Source;
        self.rests() && (in_sync || self.stays_alone())
    }

    /// Whether nothing is under way: all answered, all generations but the open one freed.
    pub fn rests(&self) -> bool {
        self.waits_for_peer() && self.log.only_open_and_empty()
    }

    /// Whether nothing is under way but what the other server has to have: if that is lost, it stays in the log.
    pub fn waits_for_peer(&self) -> bool {
        self.serving()
            && self.queue.is_empty()
            && self.waiters.is_empty()
            && self.reads.is_empty()
            && self.apply.is_none()
            && self.healing.quiet()
            && self.serves.is_empty()
            && self.log.generations.iter().rev().skip(1).all(|g| g.applied)
            && !self.seal_wanted
            && self.turn.is_none()
            && self.wish.is_none()
    }

    /// Only so many bytes of NVRAM were found at the start. With fewer than it is configured for it does not begin.
    pub fn handle_nvram(&mut self, size: u64) {
        let needed = self.geometry.log_size();
        if size < needed && !self.stopped() {
            self.out = Outbox::default();
            self.stop(Alarm::NvramTooSmall { size, needed });
        }
    }

    /// Its partitions are applied in rounds (DR11).
    pub fn coupled(mut self) -> Self {
        self.round = 0;
        self
    }

    /// The generation of its oldest partition that is not free, if it is sealed.
    pub fn oldest_sealed(&self) -> Option<u64> {
        let oldest = self.log.generations.front().filter(|g| g.sealing == log::Sealing::Durable);
        oldest.filter(|_| self.serving()).map(|g| g.number)
    }

    /// Whether the partition of a generation is not free yet.
    pub fn owes(&self, generation: u64) -> bool {
        self.serving() && self.log.generations.front().is_some_and(|g| g.number <= generation)
    }

    /// A round takes this generation.
    pub fn handle_round(&mut self, now: u64, generation: u64) {
        self.tick(now);
        self.round = self.round.max(generation);
        if self.serving() {
            self.pump();
        }
    }

    /// Operator: seal the open generation now, empty or not.
    pub fn handle_seal(&mut self, now: u64) {
        self.tick(now);
        if self.serving() {
            self.seal();
            self.pump();
        }
    }

    /// The time is what the host's clock shows, which may be set back: what is waited for does not move with it.
    fn tick(&mut self, now: u64) {
        let back = self.now.saturating_sub(now);
        if back > 0 && !self.quirk.bends(Bend::KeepOldTimers) {
            let boot = match &mut self.state {
                State::Booting(boot) => &mut boot.retry,
                _ => &mut None,
            };
            for at in [boot, &mut self.timer, &mut self.apply_retry].into_iter().flatten() {
                *at = at.saturating_sub(back);
            }
            self.set_back(back);
            self.opened_at = self.opened_at.saturating_sub(back);
        }
        self.now = now;
    }

    /// A client's request.
    pub fn handle_request(&mut self, now: u64, request: Request) {
        self.tick(now);
        if self.answers() {
            self.admit(request);
            self.pump();
        }
    }

    /// A frame from the destination.
    pub fn handle_frame(&mut self, now: u64, frame: &Frame) {
        self.tick(now);
        if !self.serving() {
            if let (State::Leaving(_), Some((mirror, _, message))) = (&self.state, wire::decode(frame))
                && mirror == self.geometry.mirror
            {
                match message {
                    Message::Fenced { epoch } => self.hear_fence(epoch),
                    message => self.hear_heir(&message),
                }
            }
            return;
        }
        let Some((mirror, connection, message)) = wire::decode(frame) else {
            if let Some(found) = wire::other_version(frame) {
                // It goes on asking, in its own time; the operator is told once.
                if !core::mem::replace(&mut self.skewed, true) {
                    self.out.alarm(self.index, Alarm::Version { found });
                }
                if self.session == Session::HelloSent {
                    return;
                }
            }
            if self.knobs.transport == Transport::Stream && self.session != Session::Down {
                // Nothing may be missing on a stream.
                self.connect();
                self.pump();
            }
            return;
        };
        self.skewed = false;
        if mirror == self.geometry.mirror {
            self.handle_message(connection, message);
            self.pump();
        }
    }

    /// A message of the peer, which the server has read.
    pub(crate) fn handle_peer(&mut self, now: u64, connection: Connection, message: Message) {
        self.tick(now);
        if self.serving() {
            self.handle_message(connection, message);
            self.pump();
        }
    }

    /// The transport broke.
    pub fn handle_disconnect(&mut self, now: u64) {
        self.tick(now);
        if self.serving() && self.session != Session::Down {
            self.connect();
            self.pump();
        }
    }

    /// An effect finished.
    pub fn handle_done(&mut self, now: u64, token: Token, completion: Completion) {
        self.tick(now);
        let stopped = matches!(self.state, State::Stopped);
        if let (Completion::Failed(device), false) = (&completion, stopped) {
            return self.stop(Alarm::DeviceFailed { device: *device });
        }
        match self.state {
            State::Booting(_) => self.boot_done(token, completion),
            State::Stopped => return,
            State::Leaving(_) => return self.leave_done(token, completion),
            State::Serving => match token.duty() {
                Duty::Log => self.log_flushed(token),
                Duty::Mark => self.mark_flushed(token),
                Duty::Apply => self.apply_done(token, completion),
                Duty::Read => self.read_done(token, completion),
                Duty::Heal => self.served(token, completion),
                Duty::Role => self.turned(token, completion),
                Duty::Resync => self.resync_read(token, completion),
                _ => {}
            },
        }
        if self.serving() {
            self.pump();
        }
    }

    /// A timer is due.
    pub fn handle_timeout(&mut self, now: u64) {
        self.tick(now);
        match self.state {
            State::Booting(_) => return self.retry_boot(),
            State::Stopped => return,
            State::Serving | State::Leaving(_) => {}
        }
        // Who leaves ends its apply, too: until then its superblock cannot say so.
        if self.apply_retry.is_some_and(|at| at <= now) {
            self.apply_retry = None;
            if let Some(apply) = &mut self.apply {
                apply.retry(&mut self.out);
            }
        }
        if let State::Leaving(_) = self.state {
            if self.timer.is_some_and(|at| at <= now) {
                self.ask_heir();
            }
            return self.retry_turn();
        }
        if self.knobs.seal_after.is_some_and(|d| self.open_has_records() && self.opened_at + d <= now) {
            self.seal();
        }
        if self.timer.is_some_and(|at| at <= now) {
            self.resend();
        }
        self.role_timer();
        self.pump();
    }

    /// Everything that has become possible, in the order of the pipeline.
    fn pump(&mut self) {
        loop {
            self.progress = false;
            if self.seal_wanted {
                self.seal();
            }
            self.admit_waiting();
            self.flush_log();
            self.flush_mark();
            self.forward();
            self.answer();
            self.take_turn();
            self.apply_next();
            self.resync_next();
            self.serve_blocks();
            self.free();
            self.retire_next();
            if !self.progress || !self.serving() {
                break;
            }
        }
        if self.serving() {
            self.look_if_stuck();
            self.arm_timer();
        }
    }

    fn stage(&mut self, stage: Stage, position: Position) {
        self.out.stage(self.index, stage, position);
    }

    /// It must not go on (SR1, SR8, SR9): no more answers, and none of them a definite error.
    fn stop(&mut self, alarm: Alarm) {
        if !self.quirk.bends(Bend::StopSilently) {
            self.out.alarm(self.index, alarm);
        }
        self.close();
        self.state = State::Stopped;
        self.turn = None;
    }

    /// Nobody is answered any more.
    fn close(&mut self) {
        self.out.push(Effect::CloseClients { mirror: self.index });
        self.up_since = None;
        self.stuck = role::Stuck::default();
        self.timer = None;
        self.queue.clear();
        // Asked again, should it ever answer again, that is a new request.
        if !self.quirk.bends(Bend::RememberDropped) {
            self.slots.retain(|_, slot| !matches!(slot.outcome, admission::Outcome::Waiting));
        }
        self.waiters.clear();
        self.reads.clear();
        self.healing = Healing::default();
        self.serves.clear();
        self.wish = None;
        self.resync = None;
    }

    fn send(&mut self, message: Message) {
        let frame = message.frame(self.geometry.mirror, self.connection);
        self.out.push(Effect::Send { mirror: self.index, frame });
    }
}
