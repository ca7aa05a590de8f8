//! The connection to the destination: Hello, Forward, SyncRequest, Ping, and what comes back (section 3, SR1, SR4, SR7).

use super::log::{Generation, Sealing};
use super::{Session, Source};
use crate::config::{AckLevel, Transport};
use crate::effect::Alarm;
use crate::ids::{Connection, Position};
use crate::quirk::{Bend, Quirk};
use crate::stage::Stage;
use crate::superblock::Superblock;
use crate::wire::Message;

/// Pings without Pong after which the connection is given up.
const PATIENCE: u32 = 3;

impl<Q: Quirk> Source<Q> {
    /// A new connection: what was sent on the old one is forgotten.
    pub(super) fn connect(&mut self) {
        self.session = Session::HelloSent;
        self.connection = Connection {
            source_boot: self.superblock.boot,
            counter: self.connection.counter + 1,
            destination_boot: 0,
        };
        self.unanswered = 0;
        self.backoff = 0;
        self.up_since = None;
        self.suspend_resync();
        self.retires &= self.retiring();
        self.hello();
        self.restart_timer();
    }

    pub(super) fn hello(&mut self) {
        if self.leaves() {
            // It goes on alone, once that is durable; then it asks again (LR1).
            return;
        }
        let next = self.log.next_position();
        // Empty ones that are freed need not be there.
        let oldest_gen = self.log.base_position.generation + 1;
        let policy = self.knobs.policy.kind();
        let Superblock { epoch, recovered, .. } = self.superblock;
        self.send(Message::Hello { epoch, oldest_gen, next, policy, recovered });
    }

    pub(super) fn handle_message(&mut self, connection: Connection, message: Message) {
        if let Message::Welcome { .. } = message {
            if connection.pair() == self.connection.pair() {
                self.welcome(connection, message);
            }
            return;
        }
        if let Message::Fenced { epoch } = message {
            // Who has handed the clients over waits for a Hello: that one may yet fail to take them.
            if epoch > self.superblock.epoch && !self.retired() {
                self.leave(epoch);
            } else if epoch > self.superblock.epoch && self.quirk.bends(Bend::GiveWayAtFence) {
                self.give_way(epoch);
            }
            return;
        }
        if let Message::Hello { .. } = message {
            return self.hear_heir(&message);
        }
        if let (true, Message::ForwardAck { level, upto, room }) =
            (self.quirk.bends(Bend::AckOfAnyConnection), &message)
        {
            return self.acknowledged(*level, self.by_partition(*upto), *room);
        }
        if connection.pair() != self.connection.pair() {
            return;
        }
        match message {
            // It goes on asking: its operator may want the clients back.
            Message::Refused { reason: reason @ 2..=4 } if self.retired() => self.is_bereft(reason),
            Message::Refused { reason } => return self.stop(Alarm::Refused { reason }),
            Message::Reset => return self.connect(),
            _ if self.session != Session::Up || connection != self.connection => return,
            Message::ForwardAck { .. } | Message::Nak { .. } | Message::SyncDone { .. } if self.alone() => {}
            Message::ForwardAck { level, upto, room } => self.acknowledged(level, upto, room),
            Message::Nak { after } => {
                self.sent = self.sent.min(self.log.upto(after)).max(self.log.base);
            }
            Message::SyncDone { generation } => self.sync_done(generation),
            Message::BlockWanted { volume, block, cursor } => {
                self.block_asked((volume, block), cursor);
            }
            Message::ResyncReady { session, stored, room } => self.resync_ready(session, stored, room),
            Message::ResyncSealed { session, room } => self.resync_sealed(session, room),
            Message::Block { volume, block, as_of, content } => {
                self.block_came((volume, block), as_of, content);
            }
            Message::Pong { number, degraded } if number > self.pong_seen && number <= self.ping_sent => {
                self.pong_seen = number;
                self.peer_announces(degraded);
                self.ping_for_reads();
            }
            _ => {}
        }
        self.unanswered = 0;
    }

    /// Itself an acknowledgement, and the place to go on from (SR7).
    fn welcome(&mut self, connection: Connection, message: Message) {
        let Message::Welcome { epoch, held, filed, applied_gen, applied_seq, room, degraded, check, void } =
            message
        else {
            return;
        };
        if epoch != self.superblock.epoch {
            return;
        }
        let image = match applied_seq {
            0 => Position::new(applied_gen, u64::MAX),
            _ => Position::new(applied_gen.saturating_add(1), applied_seq),
        };
        // Where a part of a file is damaged its image has later records than it holds.
        let last = if applied_seq > 0 { held.max(image) } else { held };
        let above = last > self.log.tip.position || applied_gen > self.log.youngest;
        if above && !self.quirk.bends(Bend::PassWelcomeAbove) {
            return self.stop(Alarm::BehindDestination { held: last, own: self.log.tip.position });
        }
        // As many records, and not the same: another one of our name has sent them, and nothing of ours is there.
        let upto = self.log.upto(last);
        let same = || self.log.position(upto) == last && self.log.entry(upto - 1).record.check == check;
        let any = above || self.quirk.bends(Bend::BelieveHeld) && self.log.position(upto) != last;
        if last > self.log.base_position && (upto <= self.log.base || !same()) && !any {
            return self.stop(Alarm::Conflict { position: last });
        }
        let fresh = self.session != Session::Up;
        if !fresh && connection != self.connection {
            return self.connect();
        }
        self.peer_degraded = degraded;
        // One that comes late says what was.
        // Of a generation that is in the image in part the destination needs every record again that its file lacks.
        let has = held.max(Position::new(applied_gen, u64::MAX));
        if fresh && !self.goes_on_with(has, image, void) {
            return;
        }
        self.known = true;
        if self.alone() {
            if fresh {
                self.peer_held = held.max(image);
                self.session = Session::Up;
                self.connection = connection;
                self.up_since = Some(self.now);
                self.stage(Stage::Connected, held);
                self.resume_resync();
            }
            return self.advance();
        }
        let held = self.log.upto(held);
        let filed = self.log.upto(filed);
        // What is only in an NVRAM that must not be relied on is there, and not acknowledged (DR3).
        let safe = if degraded { filed } else { held };
        if fresh {
            self.session = Session::Up;
            self.connection = connection;
            self.acked_received = held;
            self.acked_nvram = safe;
            self.acked_file = filed;
            self.sent = held;
            if let (true, Some(open)) = (self.quirk.bends(Bend::ResendOpenOnly), self.log.open()) {
                self.sent = held.max(open.start);
            }
            self.limit = self.log.bytes(held).saturating_add(room);
            if !self.quirk.bends(Bend::SyncOnce) {
                self.sync_sent = self.remote_applied.max(applied_gen);
            }
            self.stage(Stage::Connected, self.log.position(held));
            if self.quirk.bends(Bend::AnswerAgain) {
                self.answer_again();
            }
            if self.pong_seen < self.ping_sent {
                self.ping();
            }
            self.ask_blocks();
        } else {
            self.acked_nvram = self.acked_nvram.max(safe);
            self.acked_file = self.acked_file.max(filed);
        }
        if applied_gen > self.remote_applied {
            self.sync_done(applied_gen);
        }
        self.advance();
    }

    /// A planted bug: of a position only partition and sequence count, so that it may name a record of a later fill.
    fn by_partition(&self, upto: Position) -> Position {
        let partition = |generation| generation % self.geometry.partitions;
        let same = |g: &&Generation| partition(g.number) == partition(upto.generation);
        let found = self.log.generations.iter().rfind(same);
        let position = found.map_or(upto, |g| Position::new(g.number, upto.sequence));
        position.min(self.log.position(self.sendable()))
    }

    fn acknowledged(&mut self, level: AckLevel, upto: Position, room: u64) {
        if upto > self.log.position(self.sendable()) {
            // What was never sent cannot have arrived.
            return self.out.alarm(self.index, Alarm::Protocol { kind: 6 });
        }
        let count = self.log.upto(upto);
        let cursor = match level {
            AckLevel::Received => &mut self.acked_received,
            AckLevel::Nvram => &mut self.acked_nvram,
            AckLevel::File => &mut self.acked_file,
        };
        let grown = count > *cursor;
        *cursor = count.max(*cursor);
        // A promise once given is kept: the limit never shrinks within a connection.
        self.limit = self.limit.max(self.log.bytes(count).saturating_add(room));
        if grown {
            self.advance();
        }
    }

    fn sync_done(&mut self, generation: u64) {
        if generation > self.log.youngest {
            // What was never opened cannot be applied.
            return self.out.alarm(self.index, Alarm::Protocol { kind: 9 });
        }
        if generation > self.remote_applied {
            self.remote_applied = generation;
            self.log.owed = self.log.owed.split_off(&(generation + 1));
            self.stage(Stage::SyncCompleted, Position::new(generation, 0));
            self.advance();
        }
    }

    pub(super) fn advance(&mut self) {
        self.progress = true;
        self.backoff = 0;
        self.timer = None;
    }

    /// Records that may have been sent (SR1).
    fn sendable(&self) -> u64 {
        if self.quirk.bends(Bend::ForwardBeforeDurable) { self.log.next() } else { self.marked }
    }

    /// Sends what is marked, in order, within credit, and asks for the apply of what was sent whole.
    pub(super) fn forward(&mut self) {
        let alone = self.alone() && !self.quirk.bends(Bend::ForwardAlone);
        if self.session != Session::Up || alone || self.leaves() {
            return;
        }
        let ready = self.leaving(self.sendable());
        while self.sent < ready {
            let entry = self.log.entry(self.sent);
            if entry.end_bytes > self.limit {
                break;
            }
            let record = entry.record.clone();
            let position = record.position;
            self.request_syncs();
            self.send(Message::Forward(record));
            self.sent += 1;
            self.stage(Stage::Forwarded, position);
        }
        self.request_syncs();
    }

    /// SR4: after every record of g went out on this connection, and g's seal is durable.
    fn request_syncs(&mut self) {
        while let Some((&generation, &(count, digest))) = self.log.owed.range(self.sync_sent + 1..).next() {
            let kept = self.log.generations.iter().find(|g| g.number == generation);
            if kept.is_some_and(|g| g.sealing != Sealing::Durable || self.sent < g.end()) {
                return;
            }
            self.sync_sent = generation;
            if count == 0 && self.quirk.bends(Bend::EmptyUnasked) {
                continue;
            }
            self.send(Message::SyncRequest { generation, count, digest });
            self.stage(Stage::SyncRequested, Position::new(generation, 0));
        }
    }

    pub(super) fn ping(&mut self) {
        if self.pong_seen == self.ping_sent {
            self.ping_sent += 1;
        }
        if self.session == Session::Up {
            self.send(Message::Ping { number: self.ping_sent });
        }
    }

    fn awaits(&self) -> bool {
        self.session != Session::Up
            || self.alone()
            || self.retired()
            || self.pong_seen < self.ping_sent
            || self.acked_file < self.log.durable
            || self.remote_applied < self.sync_sent
            || self.healing.asked().next().is_some()
    }

    pub(super) fn arm_timer(&mut self) {
        if !self.awaits() {
            self.timer = None;
        } else if self.timer.is_none() {
            self.restart_timer();
        }
    }

    pub(super) fn restart_timer(&mut self) {
        self.timer = Some(self.now + (self.knobs.resend_after << self.backoff.min(4)));
    }

    /// Whatever awaits an answer is sent again.
    pub(super) fn resend(&mut self) {
        self.backoff += 1;
        self.restart_timer();
        if self.session != Session::Up {
            return self.hello();
        }
        self.unanswered += 1;
        if self.unanswered > PATIENCE {
            return self.connect();
        }
        if self.knobs.transport == Transport::Datagram && !self.alone() {
            self.sent = self.sent.min(self.acked_nvram).max(self.log.base);
        }
        // Asked again for every generation that is not applied there.
        if !self.quirk.bends(Bend::SyncOnce) {
            self.sync_sent = self.remote_applied;
        }
        self.ask_blocks();
        self.resend_resync();
        self.hand_over();
        self.ping();
    }
}
