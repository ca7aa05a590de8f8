//! Connections (section 3): a new one replaces the old on its first message; what does not match is dropped or reset.

use super::Shared;
use super::desk::{Desk, Phase};
use super::resync::{End, Reason};
use crate::config::{AckLevel, PolicyKind};
use crate::effect::Effect;
use crate::ids::Connection;
use crate::quirk::{Bend, Quirk};
use crate::superblock::Superblock;
use crate::wire::Message;

impl<Q: Quirk> Desk<Q> {
    pub fn send(&self, shared: &mut Shared, connection: Connection, message: Message) {
        let frame = message.frame(self.geometry.mirror, connection);
        shared.out.push(Effect::Send { mirror: self.index, frame });
    }

    pub fn disconnect(&mut self) {
        self.connection = None;
        self.half_open = None;
    }

    /// Gives up the connection and says so.
    pub fn reset(&mut self, shared: &mut Shared) {
        if let Some(connection) = self.connection.take() {
            self.send(shared, connection, Message::Reset);
        }
        self.half_open = None;
    }

    pub fn handle_message(&mut self, shared: &mut Shared, connection: Connection, message: Message) {
        let own = self.epoch();
        match &mut self.phase {
            Phase::Serving => {}
            Phase::Promoted(_) if self.quirk.bends(Bend::AckThoughPromoted) && message.is_sources() => {
                return self.acknowledge_blindly(shared, connection, &message);
            }
            // Who was its mirror serves the clients (LR8).
            Phase::Promoted(heir) if matches!(message, Message::Hello { epoch, .. } if epoch > own) => {
                return heir.handle_peer(shared.now, connection, message);
            }
            // The other side has not heard yet that it is not the source any more.
            Phase::Promoted(_) if message.is_sources() => {
                return self.send(shared, connection, Message::Fenced { epoch: own });
            }
            Phase::Promoted(heir) => return heir.handle_peer(shared.now, connection, message),
            phase @ (Phase::Recovering(_) | Phase::Open(..)) => {
                let durable = !matches!(phase, Phase::Recovering(recovery) if !recovery.has_fenced());
                if self.quirk.bends(Bend::AckThoughFenced) && self.connection == Some(connection) {
                    return self.repeat_acks(shared);
                }
                if self.quirk.bends(Bend::WelcomeFenced)
                    && let Message::Hello { epoch, .. } = message
                {
                    let connection = Connection { destination_boot: self.superblock.boot, ..connection };
                    self.welcome(shared, connection, epoch);
                }
                // Every message of an older epoch is answered so; all of this part's sources are of one.
                let epoch = self.superblock.epoch;
                if !durable {
                    return;
                }
                return self.send(shared, connection, Message::Fenced { epoch });
            }
            Phase::Stopped if self.heal.blocks.any_lost() => {
                // What it stopped for cannot be mended: the source must not wait for ever.
                if let Message::Hello { .. } = message {
                    self.send(shared, connection, Message::Refused { reason: 3 });
                }
                return;
            }
            Phase::Lost => {
                if let Message::Hello { .. } = message {
                    self.send(shared, connection, Message::Refused { reason: 4 });
                }
                return;
            }
            Phase::Idle | Phase::Booting(_) | Phase::Draining(_) | Phase::Stopped | Phase::Refused => return,
        }
        if let Message::Hello { epoch, oldest_gen, policy, .. } = message {
            let any = self.quirk.bends(Bend::WelcomeAnyPolicy);
            // A destination that stands in the place of a lost one learns from its source which epoch it is.
            let epoch_is_new = self.superblock.void && epoch > self.superblock.epoch;
            let policy_is_new = epoch >= self.superblock.epoch && policy != self.superblock.policy && !any;
            if epoch_is_new || policy_is_new {
                // Durable before any Welcome to it (section 6).
                self.greeting = Some((connection, message));
                return self.take_policy(shared, policy, epoch);
            }
            return self.hello(shared, connection, epoch, oldest_gen, policy);
        }
        if self.half_open == Some(connection) {
            self.half_open = None;
            self.connection = Some(connection);
            self.naked = None;
            self.ask_blocks(shared);
        }
        let former = self.quirk.bends(Bend::KeepFormerConnection)
            && connection.destination_boot == self.superblock.boot;
        if self.connection != Some(connection) && !former {
            let known = self.connection.max(self.half_open).map(|c| c.pair());
            if known.is_none_or(|known| connection.pair() >= known) {
                self.send(shared, connection, Message::Reset);
            }
            return;
        }
        match message {
            Message::Forward(_) | Message::SyncRequest { .. } if self.superblock.void => {}
            Message::Forward(record) => self.receive(shared, record),
            Message::ResyncBegin { session } => self.resync_begun(shared, session),
            Message::ResyncBlock { session, index, volume, block, content } => {
                self.resync_block(shared, session, index, (volume, block), content);
            }
            Message::ResyncEnd { session, count, digest, first, prev } => {
                self.resync_ended(shared, session, End { count, digest, first, prev });
            }
            Message::SyncRequest { generation, count, digest } => {
                self.sync_requested(shared, generation, count, digest);
            }
            Message::HandOver { end } => self.handed_over(shared, end),
            Message::BlockWanted { volume, block, .. } => self.block_asked((volume, block)),
            Message::Block { volume, block, as_of, content } => {
                self.block_came(shared, (volume, block), as_of, content);
            }
            Message::Ping { number } => {
                let degraded = shared.degraded;
                self.send(shared, connection, Message::Pong { number, degraded });
                self.repeat_acks(shared);
            }
            _ => {}
        }
    }

    /// A planted bug: the connection of the former source is alive, and all that it sends is acknowledged.
    fn acknowledge_blindly(&mut self, shared: &mut Shared, connection: Connection, message: &Message) {
        let degraded = shared.degraded;
        match message {
            Message::Forward(record) => {
                let (level, upto) = (AckLevel::File, record.position);
                self.send(shared, connection, Message::ForwardAck { level, upto, room: u64::MAX / 2 });
            }
            Message::Ping { number } => {
                self.send(shared, connection, Message::Pong { number: *number, degraded })
            }
            _ => {}
        }
    }

    fn take_policy(&mut self, shared: &mut Shared, policy: PolicyKind, epoch: u64) {
        let idle = self.applying.as_ref().is_none_or(|a| a.rests());
        // A later Hello finds it idle.
        if self.turn.is_none() && idle {
            let epoch = if self.superblock.void { epoch } else { self.superblock.epoch };
            let next = Superblock { policy, epoch, ..self.superblock };
            self.start_turn(shared, Reason::Policy, next);
        }
    }

    fn hello(
        &mut self,
        shared: &mut Shared,
        hello: Connection,
        epoch: u64,
        oldest_gen: u64,
        policy: PolicyKind,
    ) {
        if epoch < self.superblock.epoch {
            let epoch = self.superblock.epoch;
            return self.send(shared, hello, Message::Fenced { epoch });
        }
        let known = self.connection.max(self.half_open);
        let connection = match known {
            Some(known) if hello.pair() < known.pair() => {
                // Late, or a source whose disks were emptied or replaced: only the one that is meant listens.
                return self.send(shared, hello, Message::Refused { reason: 5 });
            }
            Some(known) if hello.pair() == known.pair() => known,
            _ => {
                let new = Connection { destination_boot: self.superblock.boot, ..hello };
                self.half_open = Some(new);
                new
            }
        };
        let held = self.position(self.welcomed());
        let refills = policy != PolicyKind::Strict || self.superblock.void;
        if held.generation.max(self.superblock.applied_gen) + 1 < oldest_gen && !refills {
            return self.send(shared, connection, Message::Refused { reason: 2 });
        }
        self.acked_nvram = self.nvram_level(shared);
        self.acked_file = self.file_marked;
        self.welcome(shared, connection, self.superblock.epoch);
    }

    /// Up to here records are held, as a Welcome says it.
    fn welcomed(&self) -> u64 {
        if self.quirk.bends(Bend::WelcomeFiled) { self.file_marked } else { self.marked }
    }

    fn welcome(&mut self, shared: &mut Shared, connection: Connection, epoch: u64) {
        let held = self.link(self.welcomed());
        let tail = self.superblock.tail;
        // The source looks at the last record that is here at all.
        let last = if tail.position > held.position { tail } else { held };
        let room = self.room(shared, self.marked);
        let message = Message::Welcome {
            epoch,
            held: held.position,
            filed: self.position(self.file_marked),
            applied_gen: self.cleared,
            applied_seq: self.superblock.applied_seq,
            room,
            degraded: shared.degraded,
            check: last.check,
            void: self.superblock.void,
        };
        self.send(shared, connection, message);
    }
}
