//! What a source does that is not the source any more (LR7).
//!
//! That it is fenced tells only that somebody recovers the mirror, and who does may find that he lacks something: all that
//! this server has is kept, and only the newer epoch is noted, durably: a restart must not answer again. Once a server says
//! Hello as the source of a newer epoch, it serves the clients, and says where its recovery ended: if this one may have
//! answered for more, it is diverged; else it is to become the other's mirror.

use super::role::Wish;
use super::{Session, Source, State};
use crate::effect::{Alarm, Completion, Duty, Effect, Token};
use crate::ids::Position;
use crate::quirk::{Bend, Quirk};
use crate::shape::Shape;
use crate::superblock::{Alone, Role, Superblock};
use crate::wire::Message;

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Leave {
    /// The newest epoch that it has heard of.
    pub fence: u64,
    /// What it becomes: `Target` or `Diverged`; `Mirror` if it has handed the clients over (LR8).
    pub role: Role,
    /// The epoch of the server that serves the clients, once it is known.
    pub heir: Option<u64>,
}

impl Leave {
    /// The superblock that says so. What a Target has is at no prefix: it needs every block.
    pub fn superblock(self, old: &Superblock) -> Superblock {
        let epoch = self.heir.unwrap_or(old.epoch);
        if self.role == Role::Diverged {
            return Superblock { role: self.role, ..*old };
        }
        if self.role == Role::Mirror {
            let (alone, recovered) = (Alone::default(), Position::ZERO);
            let adopted = false;
            return Superblock { role: self.role, epoch, alone, recovered, verdict: None, adopted, ..*old };
        }
        Superblock {
            counter: old.counter,
            epoch,
            boot: old.boot,
            shape: old.shape,
            policy: old.policy,
            void: true,
            ..Superblock::fresh(self.role, old.ack)
        }
    }
}

impl<Q: Quirk> Source<Q> {
    /// A newer epoch exists: nothing is admitted or answered any more.
    pub(super) fn leave(&mut self, epoch: u64) {
        self.out.alarm(self.index, Alarm::Fenced { epoch });
        self.close();
        let heir = self.quirk.bends(Bend::LeaveAtFence).then_some(epoch);
        self.state = State::Leaving(Leave { fence: epoch, role: Role::Target, heir });
        self.session = Session::Down;
        self.backoff = 1;
        self.restart_timer();
        self.leave_next();
    }

    /// It boots, and had heard that it is fenced.
    pub(super) fn leave_again(&mut self) {
        let fence = self.superblock.fenced;
        self.connection.source_boot = self.superblock.boot;
        self.leave(fence);
    }

    /// Nobody says Hello to a server whose clients another source has adopted (LR9): it asks, until somebody has said more
    /// than that it is fenced.
    pub(super) fn ask_heir(&mut self) {
        if let State::Leaving(Leave { heir: None, .. }) = self.state {
            self.connection.counter += 1;
            self.connection.destination_boot = 0;
            self.hello();
            self.backoff += 1;
            self.restart_timer();
        }
    }

    /// Whoever was to say where the recovery ended with which the next epoch began has given the mirror away since.
    pub(super) fn hear_fence(&mut self, epoch: u64) {
        let State::Leaving(leave @ Leave { heir: None, .. }) = self.state else { return };
        if leave.role != Role::Target || epoch <= self.superblock.epoch + 1 {
            return;
        }
        let diverged = self.diverged(epoch, Position::ZERO) && !self.quirk.bends(Bend::ExileSilently);
        if diverged {
            self.out.alarm(self.index, Alarm::Diverged { epoch: self.superblock.epoch });
            self.state = State::Leaving(Leave { fence: epoch, role: Role::Diverged, heir: Some(epoch) });
            self.timer = None;
            self.leave_next();
        }
    }

    /// It has lost its log, or its disk, and never serves again (SR8). It keeps what is left and listens: once another server
    /// serves the clients, it is to become the mirror of that one.
    pub(super) fn lose(&mut self, alarm: Alarm) {
        self.stop(alarm);
        if self.quirk.bends(Bend::LoseDeaf) {
            return;
        }
        self.superblock.shape = Shape::of(&self.geometry);
        let fence = self.superblock.fenced;
        self.state = State::Leaving(Leave { fence, role: Role::Target, heir: None });
        self.lost = true;
        // What found no space on what is lost is not tried again.
        if self.apply_retry.take().is_some() {
            self.apply = None;
        }
    }

    /// Whether its log or its disk is lost, and it serves nobody any more.
    pub fn has_lost(&self) -> bool {
        self.lost && self.stopped()
    }

    /// Whether a server that has gone on from `recovered`, in that epoch, may lack what clients were answered for here. Numbers
    /// of its own epoch are not to be compared with those of this one: of a later one nothing is known.
    fn diverged(&self, epoch: u64, recovered: Position) -> bool {
        if epoch > self.superblock.epoch + 1 {
            // At level `received` the word of the other server was not for good.
            return self.exposure().operations > 0
                || self.lost_alone > Position::ZERO
                || self.mirrored() > self.acked_nvram.max(self.acked_file);
        }
        // Not what it could answer: that it goes on alone may have become durable after it had closed.
        let answered = self.mirrored().max(self.answered_alone);
        self.log.position(answered.min(self.log.next())).max(self.lost_alone) > recovered
    }

    /// Whether it has stopped only to become the mirror of whoever serves the clients.
    pub fn waits_for_heir(&self) -> bool {
        matches!(self.state, State::Leaving(Leave { role: Role::Target, .. }))
    }

    /// What another server says of the mirror.
    pub(super) fn hear_heir(&mut self, message: &Message) {
        let Message::Hello { epoch, recovered, .. } = *message else { return };
        if epoch <= self.superblock.epoch {
            return;
        }
        if self.serving() && self.retired() {
            return self.give_way(epoch);
        }
        if self.serving() {
            self.leave(epoch);
        }
        let State::Leaving(leave) = self.state else { return };
        if leave.heir.is_some() {
            return;
        }
        self.timer = None;
        let diverged = self.diverged(epoch, recovered) && !self.quirk.bends(Bend::MergeSilently);
        if diverged {
            self.out.alarm(self.index, Alarm::Diverged { epoch: self.superblock.epoch });
        }
        let role = if diverged { Role::Diverged } else { leave.role };
        self.state = State::Leaving(Leave { role, heir: Some(epoch), ..leave });
        self.leave_next();
    }

    pub(super) fn leave_done(&mut self, token: Token, completion: Completion) {
        match token.duty() {
            Duty::Apply => self.apply_done(token, completion),
            Duty::Role => self.turned(token, completion),
            _ => {}
        }
        self.apply.take_if(|a| !a.working());
        self.leave_next();
    }

    /// Once no superblock is on its way any more, its own goes.
    pub(super) fn leave_next(&mut self) {
        let State::Leaving(leave) = self.state else { return };
        if self.turn.is_some() {
            return;
        }
        if leave.heir.is_some() {
            self.wish = Some(Wish::Leave(leave));
            self.take_turn();
        } else if self.superblock.fenced < leave.fence && !self.quirk.bends(Bend::ForgetFence) {
            self.wish = Some(Wish::Fence(leave.fence));
            self.take_turn();
        }
    }

    /// It is durable.
    pub(super) fn left(&mut self, leave: Leave) {
        self.state = State::Stopped;
        if leave.role != Role::Diverged {
            self.out.push(Effect::Restart);
        }
    }
}
