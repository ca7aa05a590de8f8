//! The judge as the rig sees it: observations in, findings out.

use crate::bytes::Position;
use crate::copy::Keeps;
use crate::destination_log::DestinationLog;
use crate::finding::{Finding, Findings, ORACLES, Oracle};
use crate::hashes::Hashes;
use crate::history::Who;
use crate::layout::Layout;
use crate::mirror::Mirror;
use crate::oracles::*;
use crate::probe::{self, Touched};
use crate::setup::*;
use crate::source_log;
use crate::wire::{Frame, Message};
use bytes::Bytes;

/// The judge of one run.
#[derive(Debug)]
pub struct Judge {
    pub(crate) setup: Setup,
    pub(crate) mirrors: Vec<Mirror>,
    pub(crate) log: DestinationLog,
    pub(crate) out: Findings,
    pub(crate) hashes: Hashes,
    pub(crate) healed: bool,
    pub(crate) excused: bool,
    pub(crate) source_is_right: bool,
    /// Of each mirror whose roles are swapped its judge.
    pub(crate) turned: Vec<Option<Box<Judge>>>,
    /// Of each mirror: since when who is its source, or was it, has heard that it is fenced; and one that another source has
    /// taken the clients of.
    pub(crate) fences: Vec<[Option<u64>; 2]>,
}

impl Judge {
    /// A judge of a run that starts with empty devices.
    pub fn new(setup: Setup) -> Self {
        let layout = Layout::new(&setup);
        let at = layout.mirrors.iter().cloned().enumerate();
        let mirrors = at.map(|(i, at)| Mirror::new(i, &setup, at)).collect();
        let out = Findings::new(setup.lossy, setup.sources.iter().map(|s| s.name.clone()).collect());
        Judge::of(setup, layout, mirrors, out)
    }

    /// Sets the clock for what follows: virtual time and event number, for reports.
    pub fn at(&mut self, time: u64, event: u64) {
        (self.out.time, self.out.event) = (time, event);
        self.all_turned().for_each(|turned| turned.at(time, event));
    }

    /// A client issued a request for the first time.
    pub fn issued(&mut self, source: usize, request: Request) {
        if let Some(turned) = self.turned(source) {
            return turned.issued(source, request);
        }
        let time = self.out.time;
        if let Some(m) = self.mirrors.get_mut(source) {
            m.history.issued(request, time);
        }
    }

    /// A client sent the same request again.
    pub fn retried(&mut self, source: usize, client: u32, slot: u32, request: u64) {
        if let Some(turned) = self.turned(source) {
            return turned.retried(source, client, slot, request);
        }
        if let Some(asked) = self.mirrors.get_mut(source).and_then(|m| m.history.find(client, slot, request))
        {
            asked.attempts += 1;
        }
    }

    /// A client gave a request up and asks anew (retry: new_request).
    pub fn abandoned(&mut self, source: usize, client: u32, slot: u32, request: u64) {
        if let Some(turned) = self.turned(source) {
            return turned.abandoned(source, client, slot, request);
        }
        if let Some(m) = self.mirrors.get_mut(source) {
            m.history.abandoned(client, slot, request);
        }
    }

    /// The source (or its heir) sent an answer, whether or not it arrives.
    pub fn answered(&mut self, source: usize, client: u32, slot: u32, request: u64, answer: Answer) {
        if let Some(turned) = self.turned(source) {
            return turned.answered(source, client, slot, request, answer);
        }
        let who = Who { client, slot, number: request };
        self.answered_fenced((source, false), who);
        let out = &mut self.out;
        let Some(m) = self.mirrors.get_mut(source) else {
            return;
        };
        damage::source_acts(m, "answers", out);
        if m.retired {
            fencing::answered_by_retired(m, out.serving, who, out);
        }
        if m.source.volume.stable.adopted {
            fencing::answered_for_another(m, who, out);
        }
        let harmed = m.source.harmed || !m.source.volume.damaged.is_empty();
        if m.history.forgotten(client, slot, request) {
            return;
        }
        let Some(asked) = m.history.find(client, slot, request) else {
            replies::unasked(source, who, out);
            return;
        };
        let valid = replies::valid(&self.setup, source, asked);
        replies::answered(source, asked, &answer, valid, harmed, out);
        let index = asked.index;
        let read = matches!(answer, Answer::Read { .. }).then(|| asked.clone());
        let refused = (valid && answer == Answer::Refused).then(|| asked.clone());
        prefix::answered(m, &self.setup, (client, slot, request), &answer, out);
        if let Some(asked) = refused {
            damage::refused(m, &asked, out);
        }
        if let (Some(asked), Answer::Read { data }) = (&read, &answer) {
            reads::answered(m, &self.setup, asked, data, out);
        } else if let (Some(index), true) = (index, answer != Answer::Refused) {
            let alone = resync::answered_alone(m, &self.setup);
            steps::answered(m, index, self.setup.level, alone, out);
            if !alone {
                session::answered(m, index, self.setup.level, out);
                durability::answered(m, index, out);
                m.owed = m.owed.max(index);
            }
            // A source that answers without the destination has not heard yet that it is fenced: that much it may lose.
            if !alone && !m.source.alone {
                fencing::answered(m, index, out);
            }
            once::answered(m, index, &answer, out);
        }
        m.history.answered(client, slot, request, &answer);
    }

    /// A frame was put on the wire, before anything the network does to it: `head` = frame header and fixed part of the
    /// body, `payload` = what follows (of Forward and Block), else empty.
    pub fn frame(&mut self, from: Server, to: Server, head: &[u8], payload: &Bytes) {
        let link = match (from, to) {
            (Server::Source(i), _) | (_, Server::Source(i)) => i,
            _ => return,
        };
        if let Some(turned) = self.turned(link) {
            return turned.frame(to, from, head, payload);
        }
        let lonely = self.mirrors.get(link).is_some_and(|m| m.copy.keeps == Keeps::Nothing);
        if lonely && from == Server::Destination {
            return;
        }
        let Some(frame) = Frame::read(head) else {
            self.out
                .fail(Oracle::Reader, "rig", || format!("{from} sent a frame that the judge cannot read"));
            return;
        };
        let (level, out) = (self.setup.level, &mut self.out);
        if self.setup.policy != Policy::Async {
            self.mirrors.iter_mut().for_each(|m| fairness::look(m, out));
        }
        let Some(m) = self.mirrors.get_mut(link) else {
            return;
        };
        // Who says that he is of another mirror is told so by that name.
        let refused = matches!(frame.message, Message::Refused);
        if refused && frame.uuid != m.model.uuid && m.expected_alarms.contains("refused") {
            return;
        }
        if !isolation::frame(m, &frame.uuid, out) {
            return;
        }
        let connection = frame.connection;
        let segments = session::Segments {
            all: &self.log.segments[self.log.layout.first_segment as usize..],
            size: self.setup.destination.segment_size,
            mirrors: self.log.layout.sharers,
        };
        if from != Server::Destination {
            damage::source_acts(m, "speaks", out);
        }
        // What the heir says as a source nobody hears; what it says as a destination it must not.
        if m.leads_there() && from == Server::Destination {
            if let Message::ForwardAck { up_to, .. } | Message::Welcome { held: up_to, .. } = frame.message {
                fencing::acknowledged(m, "ForwardAck or Welcome", up_to, None, out);
            }
            return;
        }
        if from == Server::Destination {
            session::spoken(m, connection, &frame.message, out);
        }
        match (from, frame.message) {
            (Server::Source(_), Message::Hello) => session::hello(m, connection, out),
            (Server::Source(_), Message::Forward(record)) => {
                let Some(index) = numbering::forwarded(m, &record, payload, out) else {
                    return;
                };
                steps::forwarded(m, index, record.position, out);
                resync::forwarded(m, &self.setup, record.position, out);
                session::forwarded(m, connection, index, out);
                m.source.forwarded = m.source.forwarded.max(index);
            }
            (Server::Source(_), Message::SyncRequest { generation, count, digest }) => {
                steps::sync_requested(m, (generation, count, digest), out);
                session::sync_requested(m, connection, generation, out);
            }
            // LR3: all that is held is applied.
            (Server::Source(_), Message::ResyncBegin) => {
                let held = m.model.position_of(m.copy.end_current).generation;
                m.copy.asked = m.copy.asked.max(held);
            }
            // What it was the destination for before it serves clients itself.
            (Server::Source(_), Message::ForwardAck { up_to, .. } | Message::Welcome { held: up_to, .. }) => {
                fencing::acknowledged_by_heir(m, up_to, out)
            }
            (Server::Source(_), Message::Ping { number }) => m.contact.ping(connection, number, out.time),
            (Server::Destination, Message::Pong { number }) => m.contact.pong(connection, number),
            (Server::Destination, Message::ForwardAck { level: at, up_to, room }) => {
                session::given(m, connection, (up_to, room), segments, out);
                fencing::acknowledged(m, "ForwardAck", up_to, None, out);
                numbering::acknowledged(m, at, up_to, level, out);
                session::granted(m, at, up_to, out);
                if at >= 2 || level == Level::Received {
                    let index = m.model.index_of(up_to).unwrap_or(0);
                    fairness::acknowledged(m, index, out);
                }
                if at == 2 && level != Level::Received {
                    held::told(m, up_to, None, false, out);
                }
            }
            (Server::Destination, Message::Welcome { epoch, held, filed, room, degraded }) => {
                session::welcome(m, connection, (held, room), segments, out);
                fencing::acknowledged(m, "Welcome", held, Some(epoch), out);
                numbering::acknowledged(m, 2, held, level, out);
                m.wait.connected = true;
                let index = m.model.index_of(held).unwrap_or(0);
                fairness::acknowledged(m, index, out);
                numbering::acknowledged(m, 3, filed, level, out);
                session::granted(m, if degraded { 1 } else { 2 }, held, out);
                session::granted(m, 3, filed, out);
                if level != Level::Received {
                    held::told(m, held, Some(epoch), true, out);
                }
            }
            (Server::Destination, Message::SyncDone { generation }) => {
                fencing::acknowledged(m, "SyncDone", Position::new(generation, 0), None, out);
                let mut stable = self.log.places_of(link).iter().map(|p| p.stable);
                steps::sync_done(m, generation, stable.find(|g| (1..=generation).contains(g)), out);
            }
            (Server::Destination, Message::Nak { after }) => {
                steps::nak(link, self.setup.stream, out);
                session::nak(m, connection, after, out);
            }
            (Server::Destination, Message::ResyncSealed { session, room }) => {
                resync::told(m, session, out);
                let held = m.copy.image.stable.tail.position;
                session::given(m, connection, (held, room), segments, out);
                held::told(m, held, None, false, out);
            }
            (_, Message::Block { volume, block, as_of }) => {
                damage::block_sent(m, from == Server::Destination, (volume, block), as_of, payload, out);
            }
            _ => {}
        }
    }

    /// A SyncRequest for a generation has reached the destination: until then it may not apply it (claim 15).
    pub fn asked(&mut self, source: usize, generation: u64) {
        if let Some(turned) = self.turned(source) {
            return turned.asked(source, generation);
        }
        // A damaged frame may name any.
        if let Some(m) = self.mirrors.get_mut(source).filter(|m| generation <= m.model.last_generation()) {
            m.copy.asked = m.copy.asked.max(generation);
        }
    }

    /// Whether a source and the destination run, and nothing cuts, clogs or slows what lies between them.
    pub fn path(&mut self, source: usize, whole: bool) {
        if let Some(m) = self.mirrors.get_mut(source).filter(|m| m.wait.whole != whole) {
            m.wait.whole = whole;
            m.wait.over();
        }
    }

    /// The connection of a source is gone; what comes of it counts from the next Welcome on.
    pub fn disconnected(&mut self, source: usize) {
        if let Some(turned) = self.turned(source) {
            turned.disconnected(source);
        }
        if let Some(m) = self.mirrors.get_mut(source) {
            m.session.disconnected();
            m.wait.connected = false;
            m.wait.over();
        }
    }

    /// Where the `nth` of the records stands (offset, length) that a source needs in its NVRAM and the destination does not,
    /// clipped to the last.
    pub fn needed_record(&self, source: usize, nth: u64) -> Option<(u64, u64)> {
        let m = self.mirrors.get(source).filter(|m| !m.source.gone && !m.away)?;
        let mut needed = source_log::needed(m, &self.setup).map(|e| (e.place, e.size));
        let first = needed.next()?;
        Some(core::iter::once(first).chain(needed).take(nth as usize + 1).last().unwrap_or(first))
    }

    /// The battery of the destination's NVRAM is low, and it is told so; or no longer.
    pub fn degraded(&mut self, degraded: bool) {
        self.mirrors.iter_mut().for_each(|m| m.session.degraded = degraded);
    }

    /// A server hears that its superblock is durable, or has read it: what it says takes effect there.
    pub fn heard(&mut self, server: Server) {
        if server == Server::Destination {
            return self.each_heir_named(Judge::heard);
        }
        if let Server::Source(i) = server
            && let Some(m) = self.mirrors.get_mut(i).filter(|m| !m.away)
        {
            m.source.policy = m.source.volume.stable.policy;
        }
    }

    /// The operator forces a seal.
    pub fn forced(&mut self, source: usize) {
        if let Some(turned) = self.turned(source) {
            return turned.forced(source);
        }
        if let Some(m) = self.mirrors.get_mut(source) {
            seals::forced(m);
        }
    }

    /// The operator wants the clients of a mirror handed over, and who serves them goes about it.
    pub fn hands_over(&mut self, source: usize) {
        if let Some(turned) = self.turned(source) {
            return turned.hands_over(source);
        }
        if let Some(m) = self.mirrors.get_mut(source) {
            seals::handed_over(m);
        }
    }

    /// The longest time that a source waited for an acknowledgement to which it had a right, ns.
    pub fn longest_wait(&self) -> u64 {
        self.mirrors.iter().map(|m| m.wait.longest).max().unwrap_or(0)
    }

    /// A machine raised an alarm.
    pub fn alarm(&mut self, server: Server, source: Option<usize>, kind: &'static str, message: &str) {
        let about = source.or(if let Server::Source(i) = server { Some(i) } else { None });
        if let Some(turned) = about.and_then(|i| self.turned(i)) {
            let i = about.unwrap_or_default();
            if server == Server::Destination {
                return turned.alarm(Server::Source(i), about, kind, message);
            }
            // The former source may say what it likes, and that it is fenced.
            if turned.mirrors[i].copy.keeps != Keeps::Nothing {
                turned.alarm(Server::Destination, about, kind, message);
            }
            return;
        }
        match about {
            Some(i) => self.mirrors.get_mut(i).into_iter().for_each(|m| m.alarmed = true),
            None => self.mirrors.iter_mut().for_each(|m| m.alarmed = true),
        }
        if let (Server::Source(i), "block_lost") = (server, kind) {
            self.mirrors.get_mut(i).into_iter().for_each(Mirror::count_lost_alone);
        }
        divergence::alarm(&self.mirrors, server, source, (kind, message), self.excused, &mut self.out);
    }

    /// The rig or the operator did something else that justifies an alarm or a stop (of one mirror, or of any).
    pub fn excuse(&mut self, source: Option<usize>, reason: &'static str) {
        if let Some(turned) = source.and_then(|i| self.turned(i)) {
            return turned.excuse(source, reason);
        }
        match source.and_then(|i| self.mirrors.get_mut(i)) {
            Some(m) => {
                m.excuses.insert(reason);
            }
            None => {
                self.excused = true;
                self.all_turned().for_each(|turned| turned.excuse(None, reason));
            }
        }
    }

    /// The rig did something after which a server may raise this alarm for a mirror, and nothing may stop.
    pub fn expect_alarm(&mut self, source: usize, kind: &'static str) {
        if let Some(turned) = self.turned(source) {
            return turned.expect_alarm(source, kind);
        }
        if let Some(m) = self.mirrors.get_mut(source) {
            m.expected_alarms.insert(kind);
        }
    }

    /// A source was replaced by another one of its name, with empty devices: it must not get far. What the old one has
    /// done counts, and nothing that the new one does.
    pub fn replaced(&mut self, source: usize) {
        if let Some(turned) = self.turned(source) {
            turned.mirrors[source].loses_copy();
            return self.mirrors[source].hears_another();
        }
        if let Some(m) = self.mirrors.get_mut(source) {
            (m.source.gone, m.source.replaced) = (true, true);
            m.excuses.insert("replaced");
        }
    }

    /// Whether the destination is an empty one that its source has to fill, and can.
    pub fn fills(&self, source: usize) -> bool {
        let can = |m: &Mirror| !m.source.gone && !m.source.harmed && m.lost_blocks.is_empty();
        self.mirrors.get(source).is_some_and(|m| m.copy.empty && can(m))
    }

    /// Whether the destination has nothing of a source, be it that this answers without its word.
    pub fn unheard(&self, source: usize) -> bool {
        self.mirrors.get(source).is_none_or(|m| m.copy.end_stable.max(m.copy.image.cursor) == 0)
    }

    /// Whether a filed record of a source is damaged and not in the image: what else there is of it at the destination goes in
    /// good faith, and with the source it would be lost.
    pub fn rotten(&self, source: usize) -> bool {
        let above = |m: &Mirror| m.copy.rotten.range(m.copy.image.cursor + 1..).next().is_some();
        self.mirrors.get(source).is_some_and(above)
    }

    /// A source's site is lost for ever.
    pub fn disaster(&mut self, source: usize) {
        if let Some(turned) = self.turned(source) {
            return turned.mirrors[source].loses_copy();
        }
        if let Some(m) = self.mirrors.get_mut(source) {
            m.source.gone = true;
            m.excuses.insert("disaster");
        }
    }

    /// A real recovery ended in this state of the server that keeps the image: all of it is judged.
    pub fn recovered(&mut self, source: usize, state: &dyn Medium, to: RecoveredTo) {
        if self.turned(source).is_some() {
            return self.recovered_there(source, state, to);
        }
        if self.recovers(source, state, to) {
            self.turn(source);
        }
    }

    /// Whether the clients are served there from now on.
    pub(crate) fn recovers(&mut self, source: usize, state: &dyn Medium, to: RecoveredTo) -> bool {
        if self.source_is_right || self.mirrors.get(source).is_none_or(|m| m.away) {
            return false;
        }
        let m = &mut self.mirrors[source];
        let touched = Touched { ranges: &[], base: None, whole: true };
        probe::judge(m, state, touched, to, &mut self.out);
        damage::in_model(m, to, &mut self.out);
        m.copy.recovered = m.model.index_of(to.position).map(|i| i.max(m.copy.image.cursor));
        let Some(reached) = m.copy.recovered else { return false };
        m.inherit(&self.setup, reached, state, &mut self.out)
    }

    /// The fault phase is over: liveness counts from here.
    pub fn healed(&mut self) {
        self.healed = true;
        self.all_turned().for_each(Judge::healed);
    }

    /// Forced seal done, nothing in flight: V == I == model, every block ever written is compared on both sides.
    pub fn quiescent(&mut self, source: usize, own: &dyn Medium, destination: &dyn Medium) {
        let Some(m) = self.mirrors.get_mut(source) else {
            return;
        };
        let out = &mut self.out;
        let blocks = m.model.written();
        if self.source_is_right {
            return prefix::alike(m, own, destination, &blocks, out);
        }
        liveness::equal(m, out);
        for (side, medium, cursor) in
            [(true, own, m.source.volume.cursor), (false, destination, m.copy.image.cursor)]
        {
            if !(if side { m.source.gone } else { m.at_no_prefix() }) {
                prefix::state(m, side, medium, (&blocks, &blocks), cursor, out);
            }
        }
        nvram::leaks(m, &self.log.segments, out);
    }

    /// The run is over. Liveness is judged if [`Judge::healed`] was called.
    pub fn end(&mut self) {
        if self.setup.policy != Policy::Async {
            self.mirrors.iter_mut().for_each(|m| fairness::look(m, &mut self.out));
        }
        self.all_turned().for_each(Judge::end);
        if self.healed && !self.excused {
            self.mirrors.iter().filter(|m| !m.away).for_each(|m| {
                liveness::end(m, &mut self.out);
                seals::end(m, &mut self.out);
            });
        }
    }

    /// What a source says that would be lost with it now: operations, and their bytes (I15).
    pub fn exposure(&mut self, source: usize, operations: u64, bytes: u64) {
        if let Some(turned) = self.turned(source) {
            return turned.exposure(source, operations, bytes);
        }
        if let Some(m) = self.mirrors.get_mut(source) {
            m.source.exposure = Some((operations, bytes));
        }
    }

    /// What was found, in order; at most 256 are kept.
    pub fn findings(&self) -> Vec<Finding> {
        self.all().found().to_vec()
    }

    /// All findings, kept or not.
    pub fn total_findings(&self) -> u64 {
        self.out.total() + self.turned.iter().flatten().map(|turned| turned.total_findings()).sum::<u64>()
    }

    /// How much each oracle has judged.
    pub fn counts(&self) -> [(&'static str, u64); ORACLES.len()] {
        self.all().counts()
    }

    /// Acknowledged operations missing from a recovery, the worst case seen, where `lossy` allows it.
    pub fn lost(&self) -> u64 {
        self.all().lost()
    }

    /// What all judges have found.
    fn all(&self) -> Findings {
        let mut all = self.out.another();
        let turned = self.turned.iter().flatten().map(|turned| &turned.out);
        core::iter::once(&self.out).chain(turned).for_each(|out| all.takes(out));
        all
    }

    /// Estimate of the judge's own memory in bytes; buffers shared with clients and devices are not counted.
    pub fn memory(&self) -> u64 {
        let turned: u64 = self.turned.iter().flatten().map(|turned| turned.memory()).sum();
        self.mirrors.iter().map(Mirror::memory).sum::<u64>() + self.log.memory() + turned
    }

    /// Nobody reports until further notice, or everybody again.
    pub fn mute(&mut self, muted: bool) {
        self.out.muted = muted;
        self.all_turned().for_each(|turned| turned.mute(muted));
    }

    /// A bug of the judge, for the rig's own tests: the image is compared with the source's volume instead of the model.
    pub fn believe_the_source(&mut self) {
        self.source_is_right = true;
    }

    /// Only this oracle reports.
    pub fn only(&mut self, oracle: &str) {
        self.out.only(oracle);
    }

    /// This oracle does not report.
    pub fn without(&mut self, oracle: &str) {
        self.out.without(oracle);
    }
}
