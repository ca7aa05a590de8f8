//! A desk: everything that the destination does for one mirror. Records pass stages in order; a cursor is the number of
//! records (since boot) that have passed one.

use super::Shared;
use super::apply::Applying;
use super::boot::Boot;
use super::file::LogFile;
use super::heal::Heal;
use super::repair::Remains;
use super::resync::{Resync, Turn};
use crate::config::AckLevel;
use crate::effect::{Alarm, Completion, Duty, Effect, Token};
use crate::geometry::{Geometry, Home, Region};
use crate::ids::{Connection, Link, MirrorIndex, Position};
use crate::mark::{self, Mark};
use crate::quirk::{Bend, Quirk};
use crate::record::Record;
use crate::recovery::{Outcome, Recovery};
use crate::source::{self, Source};
use crate::stage::Stage;
use crate::superblock::{Role, Superblock, Verdict};
use crate::wire::Message;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

pub(super) enum Phase<Q> {
    Idle,
    Booting(Box<Boot<Q>>),
    /// Something is to begin by reading everything, once no write is under way: a flush covers only those that ended.
    Draining(Next),
    Serving,
    Recovering(Box<Recovery<Q>>),
    Open(Verdict, Position),
    /// It serves the clients (LR6).
    Promoted(Box<Source<Q>>),
    Stopped,
    /// No valid superblock is left.
    Lost,
    /// What stands here is of another format or was made with another configuration: it is not touched.
    Refused,
}

/// What follows once nothing is under way.
#[derive(Clone, Copy)]
pub(super) enum Next {
    Repair,
    Recovery,
}

/// A record in memory, from receipt until it is filed.
pub(super) struct Entry {
    pub record: Record,
    /// Its segment, once it has one.
    pub segment: u64,
    /// Bytes of all records up to this one, for credit.
    pub end_bytes: u64,
}

/// A segment of NVRAM in use by this mirror.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub number: u64,
    pub serial: u64,
    pub used: u64,
    /// Cursor after its last record.
    pub end: u64,
    /// Highest record in it behind damage: it stays until all up to there was sent and filed again.
    pub evidence: Position,
    /// Takes no more records.
    pub closed: bool,
}

/// What a mirror's clients are served with here, should the operator want that.
#[derive(Clone, Copy)]
pub(super) struct Heir {
    pub home: Home,
    pub knobs: source::Knobs,
}

pub(super) struct Desk<Q> {
    pub geometry: Arc<Geometry>,
    pub region: Region,
    pub index: MirrorIndex,
    pub quirk: Q,
    pub phase: Phase<Q>,
    pub superblock: Superblock,
    pub mark: Mark,
    /// First byte of its two slots.
    pub mark_at: u64,
    pub connection: Option<Connection>,
    pub half_open: Option<Connection>,
    /// Last accepted record.
    pub tip: Link,
    pub entries: VecDeque<Entry>,
    /// Cursor of `entries[0]`, its predecessor and the bytes before it.
    pub base: u64,
    pub base_link: Link,
    pub base_bytes: u64,
    pub written: u64,
    /// Up to here records went without a place in NVRAM: the image has them, and all segments are full of evidence.
    pub placeless: u64,
    pub logged: u64,
    pub marked: u64,
    pub appended: u64,
    pub filed: u64,
    pub file_marked: u64,
    pub acked_nvram: u64,
    pub acked_file: u64,
    /// Credit given so far, as a byte count like `end_bytes`.
    pub promised: u64,
    pub naked: Option<Position>,
    pub segments: VecDeque<Segment>,
    pub serial: u64,
    pub nvram_flush: Option<(Token, u64, usize)>,
    /// Segments that are being erased; they go back to the pool once that is durable.
    pub erasing: Vec<u64>,
    pub mark_flush: Option<(Token, u64, u64)>,
    pub files: Vec<LogFile>,
    /// Places with something that is no file: taken only when no other is free.
    pub foreign: Vec<u64>,
    /// Those of them that hold a second file of a generation, with it: they are cleared together.
    pub twins: Vec<(u64, u64)>,
    /// What stands behind damage in NVRAM.
    pub remains: Remains,
    /// Damage was found: it is repaired once all up to here is filed (again).
    pub suspect: Option<Position>,
    pub file_work: Option<super::file::Work>,
    pub syncs: BTreeMap<u64, (u64, u64)>,
    /// Under `apply: coupled` the generation up to which a round has come.
    pub round: u64,
    /// Generations whose files are cleared durably.
    pub cleared: u64,
    pub applying: Option<Applying<Q>>,
    pub heal: Heal,
    pub retry: Option<u64>,
    /// Whether the pool has been told which segments are this mirror's.
    pub pool_known: bool,
    /// Records that the last recovery applied.
    pub replayed: u64,
    /// It was told that the source speaks another version.
    pub skewed: bool,
    /// A superblock that no apply writes, and a Hello that waits for it.
    pub turn: Option<Turn>,
    pub greeting: Option<(Connection, Message)>,
    pub resync: Option<Resync>,
    pub heir: Option<Heir>,
    /// The server was the mirror's source: where log, mark and volumes stood then.
    pub former: Option<Home>,
    /// The operator wants the clients to be served here, and no recovery has taken note of it yet.
    pub promotes: bool,
    /// Those of another server than the former source's (LR9).
    pub adopts: bool,
    /// The server of the clients has handed them over (LR8).
    pub returns: bool,
}

impl<Q: Quirk> Desk<Q> {
    pub fn new(geometry: Arc<Geometry>, region: Region, index: MirrorIndex, quirk: Q) -> Self {
        Desk {
            geometry,
            region,
            index,
            quirk,
            phase: Phase::Idle,
            superblock: Superblock::fresh(Role::Mirror, AckLevel::Nvram),
            mark: Mark::default(),
            mark_at: mark::base(index),
            connection: None,
            half_open: None,
            tip: Link::default(),
            entries: VecDeque::new(),
            base: 0,
            base_link: Link::default(),
            base_bytes: 0,
            written: 0,
            placeless: 0,
            logged: 0,
            marked: 0,
            appended: 0,
            filed: 0,
            file_marked: 0,
            acked_nvram: 0,
            acked_file: 0,
            promised: 0,
            naked: None,
            segments: VecDeque::new(),
            serial: 0,
            nvram_flush: None,
            erasing: Vec::new(),
            mark_flush: None,
            files: Vec::new(),
            foreign: Vec::new(),
            twins: Vec::new(),
            remains: Remains::default(),
            suspect: None,
            file_work: None,
            syncs: BTreeMap::new(),
            round: u64::MAX,
            cleared: 0,
            applying: None,
            heal: Heal::default(),
            retry: None,
            pool_known: true,
            replayed: 0,
            skewed: false,
            turn: None,
            greeting: None,
            resync: None,
            heir: None,
            former: None,
            promotes: false,
            adopts: false,
            returns: false,
        }
    }

    pub fn next(&self) -> u64 {
        self.base + self.entries.len() as u64
    }

    pub fn entry(&self, cursor: u64) -> &Entry {
        &self.entries[(cursor - self.base) as usize]
    }

    /// Position of the last of `upto` records.
    pub fn position(&self, upto: u64) -> Position {
        self.link(upto).position
    }

    /// The last of `upto` records.
    pub fn link(&self, upto: u64) -> Link {
        if upto <= self.base { self.base_link } else { self.entry(upto - 1).record.link() }
    }

    pub fn bytes(&self, upto: u64) -> u64 {
        if upto <= self.base { self.base_bytes } else { self.entry(upto - 1).end_bytes }
    }

    pub fn quiet(&self) -> bool {
        self.entries.is_empty()
            && self.applying.is_none()
            && self.file_work.is_none()
            && self.syncs.is_empty()
            && self.erasing.is_empty()
            && self.turn.is_none()
            && self.superblock.sealed.is_none()
            && self.heal.quiet()
    }

    pub fn alarm(&self, shared: &mut Shared, alarm: Alarm) {
        shared.out.alarm(self.index, alarm);
    }

    pub fn stage(&self, shared: &mut Shared, stage: Stage, position: Position) {
        shared.out.stage(self.index, stage, position);
    }

    pub fn handle_done(&mut self, shared: &mut Shared, token: Token, completion: Completion) {
        match &mut self.phase {
            // What the server had under way before does not count here.
            Phase::Booting(_) if matches!(token.duty(), Duty::Boot | Duty::Resync) => {
                self.boot_done(shared, token, completion)
            }
            Phase::Recovering(recovery) => {
                let outcome = recovery.done(token, completion, &mut shared.out);
                if !self.pool_known
                    && let Some(segments) = recovery.segments()
                {
                    self.pool_known = true;
                    shared.pool.found(self.index, segments);
                }
                self.recovery_went(shared, outcome);
            }
            Phase::Promoted(heir) => heir.handle_done(shared.now, token, completion),
            Phase::Draining(next) => {
                let next = *next;
                match token.duty() {
                    Duty::File => self.file_done(shared, token, completion),
                    // It is done again, from what is durable.
                    Duty::Apply | Duty::Clear => drop(self.applying.take_if(|a| a.waits_for(token))),
                    Duty::Role => drop(self.turn.take()),
                    Duty::Resync => {
                        self.applying.take_if(|a| a.waits_for(token));
                        self.resync_done(shared, token, completion);
                    }
                    _ => {}
                }
                self.drain(shared, next);
            }
            Phase::Serving => match token.duty() {
                Duty::Log => self.nvram_flushed(shared, token),
                Duty::Mark => self.mark_flushed(shared, token),
                Duty::File => self.file_done(shared, token, completion),
                Duty::Apply | Duty::Clear => self.apply_done(shared, token, completion),
                Duty::Heal => self.served(shared, token, completion),
                Duty::Role => self.turned(shared, token, completion),
                Duty::Resync if self.applying.as_ref().is_some_and(|a| a.waits_for(token)) => {
                    self.apply_done(shared, token, completion);
                }
                Duty::Resync => self.resync_done(shared, token, completion),
                _ => {}
            },
            _ => {}
        }
    }

    pub fn handle_retry(&mut self, shared: &mut Shared) {
        match &mut self.phase {
            Phase::Recovering(recovery) => recovery.retry(&mut shared.out),
            Phase::Booting(_) => self.retry_boot(shared),
            Phase::Serving => {
                self.retry_file(shared);
                self.retry_apply(shared);
                self.retry_turn(shared);
            }
            _ => {}
        }
    }

    /// Asks for a retry after the configured time.
    pub fn retry_later(&mut self, shared: &Shared) {
        let at = shared.now + shared.knobs.retry_after;
        self.retry = Some(self.retry.map_or(at, |r| r.min(at)));
    }

    /// Everything that has become possible, in the order of the pipeline (DR2).
    pub fn pump(&mut self, shared: &mut Shared) {
        if !matches!(self.phase, Phase::Serving) {
            return self.hand_on(shared);
        }
        if self.promotes {
            return self.recover(shared);
        }
        self.place_records(shared);
        self.flush_nvram(shared);
        self.flush_mark(shared);
        self.acknowledge(shared);
        self.append(shared);
        self.heal_next(shared);
        if !matches!(self.phase, Phase::Serving) {
            return;
        }
        self.apply_next(shared);
        self.apply_held(shared);
        self.resync_next(shared);
        self.serve_blocks(shared);
        // What was just removed may make room for what waits.
        self.place_records(shared);
        self.flush_nvram(shared);
    }

    pub fn recover(&mut self, shared: &mut Shared) {
        if matches!(self.phase, Phase::Serving | Phase::Stopped | Phase::Draining(Next::Repair)) {
            if !self.quirk.bends(Bend::AckThoughFenced) {
                self.disconnect();
            }
            self.drain(shared, Next::Recovery);
        }
    }

    /// LR6: once it is recovered, it serves the clients, or answers nobody until another server does (LR9).
    pub fn promote(&mut self, shared: &mut Shared, adopts: bool) {
        if self.heir.is_none() {
            return;
        }
        let served = matches!(&self.phase, Phase::Promoted(heir) if !heir.gives_way());
        self.adopts |= adopts && !served;
        match &mut self.phase {
            Phase::Recovering(recovery) => recovery.promote(adopts),
            Phase::Serving | Phase::Stopped | Phase::Draining(_) => {
                self.promotes = true;
                self.recover(shared);
            }
            // Once it serves, or goes on with a recovery.
            Phase::Idle | Phase::Booting(_) => self.promotes = true,
            Phase::Promoted(heir) if heir.gives_way() => self.promotes = true,
            Phase::Promoted(heir) if !adopts => heir.serve_after_all(shared.now),
            Phase::Open(Verdict::Complete | Verdict::CompleteUpTo, _) => {
                self.promotes = true;
                self.start_recovery(shared);
            }
            _ => {}
        }
    }

    /// The epoch that it is in: whoever serves the clients here may have taken them back in a newer one (LR8).
    pub fn epoch(&self) -> u64 {
        match &self.phase {
            Phase::Promoted(heir) => heir.epoch().max(self.superblock.epoch),
            _ => self.superblock.epoch,
        }
    }

    /// When its heir wants a time-out.
    pub fn heir_timeout(&self) -> Option<u64> {
        if let Phase::Promoted(heir) = &self.phase { heir.poll_timeout() } else { None }
    }

    /// Makes the heir of a mirror that was promoted.
    fn hand_over(&mut self, shared: &mut Shared) {
        if !self.superblock.role.leads() {
            return;
        }
        let Some(Heir { home, knobs }) = self.heir else { return };
        if self.former.is_some() {
            // It is what the server is from now on.
            self.phase = Phase::Stopped;
            return shared.out.push(Effect::Restart);
        }
        let life = (self.quirk, shared.now, shared.out.serial());
        self.phase =
            Phase::Promoted(Box::new(Source::heir(home, self.geometry.clone(), knobs, self.index, life)));
        self.hand_on(shared);
    }

    /// What the heir asks for. The server has read past the cache when it was switched on.
    fn hand_on(&mut self, shared: &mut Shared) {
        let Phase::Promoted(heir) = &mut self.phase else { return };
        let mut over = false;
        while let Some(effect) = heir.poll_effect() {
            match effect {
                Effect::Reload { .. } => {}
                Effect::Restart => over = true,
                effect => shared.out.push(effect),
            }
        }
        if over {
            // It has become the mirror of who serves the clients now (LR8).
            shared.pool.forget(self.index);
            self.boot(shared);
        }
    }

    /// LR8: the server of the clients answers nobody any more. Whoever has everything that it had serves them.
    pub fn handed_over(&mut self, shared: &mut Shared, end: Link) {
        let s = &self.superblock;
        let whole = s.role == Role::Mirror && !s.void && self.tip == end && self.quiet();
        // The last one may have been sealed without a record.
        let applied = s.applied_gen >= end.position.generation && s.applied_seq == 0;
        let good = whole && applied || self.quirk.bends(Bend::HandOverBlindly);
        if good && self.heir.is_some() {
            (self.promotes, self.returns) = (true, true);
            self.recover(shared);
        }
    }

    /// Waits until nothing is on its way to a disk; then the next thing begins.
    pub fn drain(&mut self, shared: &mut Shared, next: Next) {
        self.phase = Phase::Draining(next);
        let role = self.turn.as_ref().is_some_and(|t| t.working());
        let resync = self.resync.as_ref().is_some_and(|r| r.working());
        if self.filing() || self.applying.as_ref().is_some_and(|a| a.working()) || role || resync {
            return;
        }
        (self.turn, self.resync, self.greeting) = (None, None, None);
        match next {
            Next::Repair => self.begin_repair(shared),
            Next::Recovery => self.start_recovery(shared),
        }
    }

    pub fn start_recovery(&mut self, shared: &mut Shared) {
        // One that has handed the clients over is asked again once it is the mirror (LR8).
        let asked = self.superblock.role != Role::Retired;
        let promotes = asked && core::mem::take(&mut self.promotes);
        let adopts = asked && core::mem::take(&mut self.adopts);
        let mut recovery = Recovery::new(
            self.geometry.clone(),
            self.region.clone(),
            (self.index, self.mark_at),
            shared.pool.segments(),
            self.quirk,
        )
        .with_heir(self.heir.map(|heir| heir.home), promotes, adopts)
        .returning(core::mem::take(&mut self.returns));
        recovery.start(&mut shared.out);
        self.heal = Heal::default();
        // The epoch that will be durable; a recovery that goes on after a restart has raised it before.
        if matches!(self.superblock.role, Role::Mirror) && !self.quirk.bends(Bend::KeepEpoch) {
            self.superblock.epoch += 1;
        }
        self.phase = Phase::Recovering(Box::new(recovery));
    }

    fn recovery_went(&mut self, shared: &mut Shared, outcome: Outcome) {
        match outcome {
            Outcome::Working => {}
            Outcome::NoSpace => self.retry_later(shared),
            Outcome::NoSuperblock => {
                self.alarm(shared, Alarm::NoSuperblock);
                self.phase = Phase::Lost;
            }
            Outcome::Open(verdict, position) => {
                if let Phase::Recovering(recovery) = &self.phase {
                    self.superblock = *recovery.superblock();
                    self.replayed = recovery.replayed();
                }
                if let Verdict::Damaged { after, to } = verdict {
                    self.alarm(shared, Alarm::Damaged { after, to });
                } else {
                    shared.pool.release_all(self.index);
                    self.segments.clear();
                }
                let again = matches!(&self.phase, Phase::Recovering(recovery) if recovery.leaves_promotion());
                self.phase = Phase::Open(verdict, position);
                if again {
                    self.promotes = true;
                    return self.start_recovery(shared);
                }
                self.hand_over(shared);
            }
        }
    }
}
