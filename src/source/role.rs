//! The role of a source and what goes with it (LR1, LR2, section 6): when it goes on alone, the durable map of what the
//! destination then lacks, and what may be lost with the source.

use super::leave::Leave;
use super::log::Sealing;
use super::{Session, Source};
use crate::block_map::BlockMap;
use crate::config::Policy;
use crate::effect::{Alarm, Completion, Device, Duty, Run, Token};
use crate::heal::BlockKey;
use crate::ids::Position;
use crate::quirk::{Bend, Quirk};
use crate::record::Record;
use crate::stage::Stage;
use crate::superblock::{Alone, Role, Superblock};
use alloc::vec;

/// What the superblock is to say next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wish {
    /// It goes on alone (LR1).
    Degrade,
    /// A resync is sealed (LR4): forwarding goes on with generation `first`, whose predecessor is at `end`.
    Return { first: u64, end: Position, room: u64 },
    /// The destination knows the policy.
    Policy,
    /// It has heard of a newer epoch (LR7).
    Fence(u64),
    /// It is not the source any more (LR7, LR8).
    Leave(Leave),
    /// It answers nobody any more (LR8).
    Retire,
    /// It does again, by force: the other server is lost (LR8).
    Reclaim,
    /// It serves the clients itself, though another server was to do so (LR9).
    Serve,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Map,
    MapFlush,
    Slot,
    SlotFlush,
}

/// A superblock on its way to the disk, and perhaps a map before it.
#[derive(Debug)]
pub(super) struct Turn {
    step: Step,
    token: Token,
    wish: Option<Wish>,
    next: Superblock,
    map: Option<(BlockMap, Run)>,
    /// Records that the map covers then.
    mapped: u64,
    retry: Option<u64>,
}

/// Since when what waits for the destination makes no progress.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stuck {
    since: Option<u64>,
    seen: (u64, u64, u64, u64),
}

/// What would be lost with the source at this instant, at most (I15).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Exposure {
    /// Operations that only the source is known to have.
    pub operations: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
    /// The source's clock when it went on alone, ns; `None`: it has not.
    pub since: Option<u64>,
}

impl<Q: Quirk> Source<Q> {
    /// Whether it goes on without the destination, durably.
    pub(super) fn alone(&self) -> bool {
        self.superblock.role == Role::Degraded
    }

    /// Whether it has come in the place of the former source, and nobody has become its mirror since (LR6): only then no
    /// clock says since when it is alone.
    pub(super) fn has_no_mirror(&self) -> bool {
        self.alone() && self.superblock.alone.since == 0
    }

    /// Whether it is about to.
    pub(super) fn leaves(&self) -> bool {
        self.wish == Some(Wish::Degrade)
    }

    /// The policy that holds: a weaker one only once the destination knows of it.
    fn policy(&self) -> Policy {
        if self.superblock.policy == self.knobs.policy.kind() { self.knobs.policy } else { Policy::Strict }
    }

    /// Whether clients are answered from what is durable here (SR2).
    pub(super) fn answers_alone(&self) -> bool {
        match self.policy() {
            Policy::Strict => self.alone() && self.quirk.bends(Bend::AnswerWhileRefilling),
            Policy::Degrade { .. } if self.quirk.bends(Bend::AnswerBeforeRole) => {
                self.alone() || self.leaves()
            }
            Policy::Degrade { .. } => self.alone(),
            Policy::SemiSync { .. } | Policy::Async => true,
        }
    }

    /// Whether a request of that size must wait, whatever room there is.
    pub(super) fn admission_rests(&self, size: u64) -> bool {
        let cut = self.resync.as_ref().is_some_and(|r| r.cut());
        let ahead = self.log.bytes(self.log.next()) - self.log.bytes(self.acked_nvram.max(self.acked_file));
        let full = match self.policy() {
            Policy::SemiSync { window } if !self.quirk.bends(Bend::IgnoreWindow) => {
                ahead > 0 && ahead + size > window
            }
            // Under `strict` it is alone only until a mirror that lost its data has them again.
            Policy::Strict => self.alone() && !self.quirk.bends(Bend::AnswerWhileRefilling),
            _ => false,
        };
        cut || full || self.retires()
    }

    /// Records that leave: under `async` those of sealed generations.
    pub(super) fn leaving(&self, ready: u64) -> u64 {
        let open = self.log.generations.iter().find(|g| g.sealing != Sealing::Durable);
        match (self.policy(), open) {
            (Policy::Async, Some(open)) if !self.quirk.bends(Bend::LeaveUnsealed) => ready.min(open.start),
            _ => ready,
        }
    }

    /// What the destination holds decides how this goes on; false: not with this connection.
    pub(super) fn goes_on_with(&mut self, has: Position, image: Position, void: bool) -> bool {
        if self.leaves() {
            return false;
        }
        if self.retired() {
            let there = has.max(image);
            match void || there < self.log.tip.position {
                true => self.is_bereft(2),
                false => self.bereft = false,
            }
            if void || there < self.log.base_position {
                // What it lacks is not here any more.
                return false;
            }
        }
        if self.alone() {
            // The seal leaves nothing of its log: what its image lacks must be in the set.
            self.needs_all = void || image < self.superblock.alone.freed;
            // One that is under way was of another destination, or of what this one had.
            let lacking = self.needs_all && !self.quirk.bends(Bend::ResumeLacking);
            self.resync.take_if(|r| lacking && !r.all);
        } else if !self.retired() && (void || has < self.log.base_position) {
            if !void && self.policy() == Policy::Strict {
                if image >= self.log.base_position {
                    return true;
                }
                self.stop(Alarm::Refused { reason: 2 });
                return false;
            }
            self.degrade();
            return false;
        }
        if self.superblock.policy != self.knobs.policy.kind() && self.wish.is_none() {
            self.wish = Some(Wish::Policy);
            self.progress = true;
        }
        true
    }

    /// The destination says whether its NVRAM may be relied on: if not, the level is lost (LR1).
    pub(super) fn peer_announces(&mut self, degraded: bool) {
        self.peer_degraded = degraded;
        let Policy::Degrade { hold, .. } = self.policy() else { return };
        let rests = self.role_rests(hold);
        if degraded && self.superblock.role == Role::Source && !self.leaves() && !rests {
            self.degrade();
        }
    }

    /// Whether a return would be undone at once: only `degrade` takes a low battery for the loss of the level. A resync needs no
    /// NVRAM there, and what comes after it is acknowledged together with its file (DR3).
    pub(super) fn level_is_lost(&self) -> bool {
        self.peer_degraded && matches!(self.knobs.policy, Policy::Degrade { .. })
    }

    /// LR1: the connection is closed at once, so that its later acknowledgements do not count.
    fn degrade(&mut self) {
        if self.retired() || self.retiring() {
            // Another server may serve the clients by now.
            return;
        }
        self.wish = Some(Wish::Degrade);
        self.session = Session::Down;
        self.connection.counter += 1;
        self.up_since = None;
        self.resync = None;
        self.progress = true;
    }

    /// How far what waits for the destination has come.
    fn seen(&self) -> (u64, u64, u64, u64) {
        (self.answerable(), self.log.base, self.remote_applied, self.pong_seen)
    }

    /// Notes since when clients wait for the destination, and for nothing else.
    pub(super) fn look_if_stuck(&mut self) {
        let Policy::Degrade { .. } = self.policy() else { return };
        let seen = self.seen();
        let unanswered = self
            .waiters
            .first_key_value()
            .is_some_and(|((needs, _), _)| *needs <= self.marked && *needs > seen.0);
        // An operator who wants a seal waits for a free partition, too.
        let unfreed =
            (self.stalled || self.seal_wanted) && self.log.generations.front().is_some_and(|g| g.applied);
        let unconfirmed = self.reads_await_pong();
        let waits =
            self.superblock.role == Role::Source && !self.leaves() && (unanswered || unfreed || unconfirmed);
        if !waits {
            self.stuck.since = None;
        } else if self.stuck.since.is_none() || self.stuck.seen != seen {
            self.stuck = Stuck { since: Some(self.now), seen };
        }
    }

    /// When the role is to be looked at.
    pub(super) fn role_timeout(&self) -> Option<u64> {
        let retry = self.turn_due();
        let resync = self.resync_due();
        let stuck = match self.policy() {
            Policy::Degrade { timeout, hold, .. } => {
                self.stuck.since.map(|since| (since + timeout).max(self.changed_at.map_or(0, |at| at + hold)))
            }
            _ => None,
        };
        [retry, resync, stuck].into_iter().flatten().min()
    }

    /// Whether the role has changed so lately that it does not change again.
    fn role_rests(&self, hold: u64) -> bool {
        self.changed_at.is_some_and(|at| self.now < at + hold) && !self.quirk.bends(Bend::IgnoreHold)
    }

    /// When what found no space is to be written again.
    pub(super) fn turn_due(&self) -> Option<u64> {
        self.turn.as_ref().and_then(|t| t.retry)
    }

    pub(super) fn retry_turn(&mut self) {
        if let Some(turn) = &mut self.turn
            && turn.retry.is_some_and(|at| at <= self.now)
        {
            turn.retry = None;
            self.write_turn();
        }
    }

    /// Whether a superblock that says so is on its way, or about to be.
    pub(super) fn retiring(&self) -> bool {
        let turn = self.turn.as_ref().and_then(|t| t.wish);
        [self.wish, turn].contains(&Some(Wish::Retire))
    }

    /// Whether it is about to be in sync: from then on nothing is freed alone, whatever is in the map.
    pub(super) fn returning(&self) -> bool {
        let turn = self.turn.as_ref().and_then(|t| t.wish);
        [self.wish, turn].iter().any(|w| matches!(w, Some(Wish::Return { .. })))
    }

    pub(super) fn role_timer(&mut self) {
        self.retry_turn();
        let Policy::Degrade { timeout, hold, .. } = self.policy() else { return };
        let rests = self.role_rests(hold);
        if self.stuck.since.is_some_and(|since| since + timeout <= self.now) && !rests {
            self.stuck.since = None;
            self.degrade();
        }
    }

    /// The host's clock was set back.
    pub(super) fn set_back(&mut self, back: u64) {
        let turn = self.turn.as_mut().map(|t| &mut t.retry);
        let stuck = &mut self.stuck.since;
        let times = [Some(&mut self.changed_at), Some(&mut self.up_since), Some(stuck), turn];
        for at in times.into_iter().flatten().flatten() {
            *at = at.saturating_sub(back);
        }
    }

    /// A record that is freed and behind which no freed one has changed a block: content as of it, or as of a later one,
    /// can be rolled forward with the log. What was freed alone has changed only what is in the map.
    pub(super) fn freed_change(&self, key: BlockKey) -> Position {
        let base = self.log.base_position;
        if !self.alone() {
            return base;
        }
        let last = self.map.last_change(key).filter(|_| !self.quirk.bends(Bend::HealFromBefore));
        last.max(Some(self.superblock.alone.freed)).map_or(base, |last| last.min(base))
    }

    /// Generations that are applied and whose blocks are not in the durable map.
    fn unmapped(&self) -> Option<u64> {
        let applied = self.log.generations.iter().take_while(|g| g.applied).last().map(|g| g.end());
        applied.filter(|end| self.alone() && *end > self.mapped)
    }

    /// Whether the superblock is to be written, and not by the apply.
    pub(super) fn wants_turn(&self) -> bool {
        self.wish.is_some() || self.unmapped().is_some()
    }

    /// Writes the next superblock, if there is one to write and nobody else does.
    pub(super) fn take_turn(&mut self) {
        if self.turn.is_some() || self.apply.as_ref().is_some_and(|a| a.working()) {
            return;
        }
        let mut next = self.superblock;
        let (mut map, mut mapped) = (None, self.mapped);
        match self.wish {
            Some(Wish::Degrade) => {
                next.role = Role::Degraded;
                let counted = self.log.position(self.acked_nvram.max(self.acked_file));
                next.alone = Alone {
                    since: self.now.max(1),
                    freed: self.log.base_position,
                    counted,
                    ..Alone::default()
                };
            }
            Some(Wish::Return { .. }) => {
                next.role = Role::Source;
                next.alone = Alone::default();
                next.map = (0, 0);
            }
            Some(Wish::Policy) => next.policy = self.knobs.policy.kind(),
            Some(Wish::Retire) => next.role = Role::Retired,
            Some(Wish::Reclaim) => {
                let (full, run) = self.reclaim(&mut next);
                map = Some((full, run));
                mapped = self.log.base;
            }
            Some(Wish::Serve) => next.adopted = false,
            Some(Wish::Fence(epoch)) => next.fenced = epoch,
            Some(Wish::Leave(leave)) => next = leave.superblock(&next),
            None => {
                let Some(upto) = self.unmapped() else { return };
                let mut grown = self.map.clone();
                for ordinal in self.mapped..upto {
                    let record = &self.log.entry(ordinal).record;
                    grown.touch(&self.geometry, &self.region, record);
                    if record.position > next.alone.counted {
                        next.alone.counted = record.position;
                        next.alone.operations += 1;
                        next.alone.bytes += payload(record);
                    }
                }
                mapped = upto;
                if grown != self.map && !self.quirk.bends(Bend::FreeBeforeMap) {
                    let number = next.map.0 + 1;
                    let (bytes, check) = grown.encode(&self.geometry, number);
                    next.map = (number, check);
                    map = Some((grown, Run::one(self.map_place(number), bytes)));
                }
            }
        }
        next.counter += 1;
        let step = if map.is_some() { Step::Map } else { Step::Slot };
        let wish = self.wish;
        self.turn = Some(Turn { step, token: Token(0), wish, next, map, mapped, retry: None });
        self.write_turn();
    }

    pub(super) fn map_place(&self, number: u64) -> u64 {
        self.region.map + number % 2 * self.geometry.map_size()
    }

    fn write_turn(&mut self) {
        let Some(turn) = &mut self.turn else { return };
        let run = match (turn.step, &turn.map) {
            (Step::Map, Some((_, run))) => run.clone(),
            _ => Run::one(self.region.base + turn.next.slot(), turn.next.encode(self.geometry.mirror)),
        };
        turn.token = self.out.write(self.index, Duty::Role, Device::Image, vec![run]);
    }

    pub(super) fn turned(&mut self, token: Token, completion: Completion) {
        let Some(turn) = self.turn.as_mut().filter(|t| t.token == token) else { return };
        if let Completion::NoSpace = completion {
            turn.retry = Some(self.now + self.knobs.resend_after);
            return;
        }
        match turn.step {
            Step::Map | Step::Slot => {
                turn.step = if turn.step == Step::Map { Step::MapFlush } else { Step::SlotFlush };
                turn.token = self.out.flush(self.index, Duty::Role, Device::Image);
            }
            Step::MapFlush => {
                turn.step = Step::Slot;
                self.write_turn();
            }
            Step::SlotFlush => self.take_role(),
        }
    }

    /// The superblock is durable.
    fn take_role(&mut self) {
        let Some(turn) = self.turn.take() else { return };
        self.superblock = turn.next;
        self.progress = true;
        let tip = self.log.tip.position;
        match turn.wish {
            Some(Wish::Degrade) => {
                self.wish = None;
                self.mapped = self.log.base;
                self.changed_at = Some(self.now);
                self.stage(Stage::Degraded, tip);
            }
            Some(Wish::Return { first, end, room }) => {
                self.wish = None;
                self.resync = None;
                self.map = BlockMap::default();
                self.changed_at = Some(self.now);
                let upto = self.log.upto(end);
                self.acked_received = upto;
                self.acked_nvram = upto;
                self.acked_file = upto;
                self.sent = upto;
                self.limit = self.log.bytes(upto).saturating_add(room);
                self.remote_applied = self.remote_applied.max(first - 1);
                self.sync_sent = self.remote_applied;
                self.log.owed = self.log.owed.split_off(&first);
                self.stage(Stage::InSync, end);
            }
            // It may wish for something else by now.
            Some(Wish::Policy | Wish::Serve | Wish::Fence(_)) => {
                self.wish.take_if(|wish| Some(*wish) == turn.wish);
            }
            Some(Wish::Retire) => {
                if self.serving() && !self.quirk.bends(Bend::AnswerRetired) {
                    self.close();
                }
                self.wish = None;
                self.stage(Stage::Retired, tip);
            }
            Some(Wish::Reclaim) => {
                self.wish = None;
                (self.map, self.mapped) = (turn.map.map(|(map, _)| map).unwrap_or_default(), turn.mapped);
                self.changed_at = Some(self.now);
                self.bereft = false;
                self.session = Session::Down;
                self.connection.counter += 1;
                self.stage(Stage::Reclaimed, tip);
            }
            Some(Wish::Leave(leave)) => self.left(leave),
            None => {
                if let Some((map, _)) = turn.map {
                    self.map = map;
                }
                self.mapped = turn.mapped;
                self.stage(Stage::Mapped, self.log.position(turn.mapped));
            }
        }
        // Who has left meanwhile asks for its heir, and for nothing else.
        if let Some(wish) = turn.wish.filter(|_| self.serving() || self.quirk.bends(Bend::GoOnFenced)) {
            self.go_on(wish);
        }
    }

    /// What a role that has become durable makes possible.
    fn go_on(&mut self, wish: Wish) {
        match wish {
            Wish::Degrade | Wish::Reclaim => self.connect(),
            // What was sealed was found damaged since.
            Wish::Return { .. } if self.needs_all => self.degrade(),
            Wish::Return { .. } => self.advance(),
            Wish::Retire => self.hand_over(),
            Wish::Policy | Wish::Fence(_) | Wish::Leave(_) | Wish::Serve => {}
        }
    }

    /// What would be lost with this source now, at most: what it has answered, or could, and only it is known to have.
    pub fn exposure(&self) -> Exposure {
        let answers = self.serving() && self.answers_alone();
        let alone = self.superblock.alone;
        let (counted, since) = match self.alone() {
            true => (alone.counted, Some(alone.since)),
            false => (self.log.position(self.acked_nvram.max(self.acked_file)), None),
        };
        let mut exposure = Exposure { operations: alone.operations, bytes: alone.bytes, since };
        let heir = self.superblock.recovered > Position::ZERO;
        if self.quirk.bends(Bend::CountOnlyNvram) || heir && self.quirk.bends(Bend::CountOnlyNvramAsHeir) {
            exposure = Exposure { since, ..Exposure::default() };
        }
        // In sync again, what was answered alone may still be on its way.
        let end = if answers { self.log.next() } else { self.answered_alone.min(self.log.next()) };
        for ordinal in self.log.upto(counted)..end {
            exposure.operations += 1;
            exposure.bytes += payload(&self.log.entry(ordinal).record);
        }
        exposure
    }
}

fn payload(record: &Record) -> u64 {
    record.length
}
