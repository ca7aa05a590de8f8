//! The clients are handed over to the server that is the mirror now (LR8): never are two servers the writer. First all is
//! answered, and in both volumes; then the superblock says that nobody is answered here any more, and only then the
//! other one hears that they are its own. That one says so by the next epoch, and this one becomes its mirror.

use super::leave::Leave;
use super::role::Wish;
use super::{Session, Source, State};
use crate::block_map::BlockMap;
use crate::effect::{Alarm, Run};
use crate::quirk::{Bend, Quirk};
use crate::superblock::{Alone, Role, Superblock};
use crate::wire::Message;

impl<Q: Quirk> Source<Q> {
    /// Operator: the other server is to serve the clients. True: it goes about it; given up when the connection breaks, for
    /// clients must not wait for that.
    pub fn handle_hand_over(&mut self, now: u64) -> bool {
        self.tick(now);
        if self.serving() {
            self.retires |= self.session == Session::Up && self.superblock.role == Role::Source;
            self.pump();
        }
        self.retires
    }

    /// Operator, by force: the server to which the clients were handed over is lost, and they are served here again. True:
    /// nothing is handed over, or not any more.
    pub fn handle_reclaim(&mut self, now: u64) -> bool {
        self.tick(now);
        if !self.serving() {
            return false;
        }
        self.retires = false;
        if self.retired() && self.turn.is_none() && self.wish.is_none() {
            self.wish = Some(Wish::Reclaim);
            self.progress = true;
            self.pump();
        } else if self.wish == Some(Wish::Retire) && self.turn.is_none() {
            self.wish = None;
        }
        self.serve_after_all(now);
        !self.retired() && !self.retiring() && !self.superblock.adopted
    }

    /// Who was to serve the clients says that it lacks what they need: it never will, for only this server could send it that.
    /// The operator hears of it, and may have them served here again.
    pub(super) fn is_bereft(&mut self, reason: u64) {
        if !core::mem::replace(&mut self.bereft, true) {
            self.out.alarm(self.index, Alarm::Refused { reason });
        }
    }

    /// Whether the clients were handed over to a server that lacks what they need.
    pub fn bereft(&self) -> bool {
        self.serving() && self.retired() && self.bereft
    }

    /// Whether it hands the clients over, and is not to be given another peer meanwhile.
    pub fn hands_over(&self) -> bool {
        self.gives_way() || self.serving() && self.retiring()
    }

    /// What it is then: alone, in an epoch above the one in which the other server may have begun to serve the clients, and
    /// with everything in the map, for nobody knows what that one has changed.
    pub(super) fn reclaim(&self, next: &mut Superblock) -> (BlockMap, Run) {
        let tip = self.log.tip.position;
        next.role = Role::Degraded;
        next.adopted = false;
        next.recovered = tip;
        next.epoch += if self.quirk.bends(Bend::ReclaimSameEpoch) { 0 } else { 2 };
        next.alone = Alone { freed: tip, counted: tip, ..Alone::default() };
        let (full, number) = (BlockMap::full(&self.geometry, tip), next.map.0 + 1);
        let (bytes, check) = full.encode(&self.geometry, number);
        next.map = (number, check);
        (full, Run::one(self.map_place(number), bytes))
    }

    /// Operator: the clients are not to wait for another server any more.
    pub(crate) fn serve_after_all(&mut self, now: u64) {
        self.tick(now);
        if self.serving() && self.superblock.adopted && !self.retired() && !self.retiring() {
            self.wish = self.wish.or(Some(Wish::Serve));
            self.pump();
        }
    }

    /// Whether it serves the clients.
    pub fn answers(&self) -> bool {
        let others = self.retired() && !self.quirk.bends(Bend::AnswerRetired);
        let adopted = self.superblock.adopted && !self.quirk.bends(Bend::AnswerAdopted);
        self.serving() && !others && !adopted
    }

    /// Whether it has handed the clients over, and is to become a mirror.
    pub fn gives_way(&self) -> bool {
        match self.state {
            State::Leaving(leave) => leave.role == Role::Mirror,
            _ => self.serving() && self.retired(),
        }
    }

    pub(super) fn retired(&self) -> bool {
        self.superblock.role == Role::Retired
    }

    /// Whether admission rests until everything is in both volumes.
    pub(super) fn retires(&self) -> bool {
        (self.retires || self.superblock.adopted) && self.superblock.role == Role::Source
    }

    /// Whatever has become possible of it.
    pub(super) fn retire_next(&mut self) {
        if !self.retires() || self.wish.is_some() {
            return;
        }
        if self.quirk.bends(Bend::HandOverEarly) || self.quirk.bends(Bend::HandOverBlindly) {
            self.wish = Some(Wish::Retire);
            self.progress = true;
            return;
        }
        if self.open_has_records() {
            self.progress |= !core::mem::replace(&mut self.seal_wanted, true);
            return;
        }
        let answered = self.waiters.is_empty() && self.reads.is_empty();
        let applied = self.apply.is_none() && self.log.only_open_and_empty() && self.log.owed.is_empty();
        if answered && applied && self.healing.quiet() && self.serves.is_empty() && self.turn.is_none() {
            self.wish = Some(Wish::Retire);
            self.progress = true;
            if self.quirk.bends(Bend::HandOverBeforeDurable) {
                self.send(Message::HandOver { end: self.log.tip });
            }
        }
    }

    pub(super) fn hand_over(&mut self) {
        if self.retired() && self.session == Session::Up {
            let end = self.log.tip;
            self.send(Message::HandOver { end });
        }
    }

    /// The next epoch has begun.
    pub(super) fn give_way(&mut self, epoch: u64) {
        self.close();
        self.state = State::Leaving(Leave { fence: epoch, role: Role::Mirror, heir: Some(epoch) });
        self.leave_next();
    }
}
