//! Frames between the servers: on a link, lost on it, or delivered.

use super::World;
use crate::event::{Deferred, Event};
use crate::hosted::{DestinationMachine, Machines, SourceMachine};
use crate::kinds;
use crate::parcel::{self, Content, Parcel, Part, Why};
use crate::server::Machine;
use bytes::Bytes;
use mirror::config::Transport;
use mirror::wire::Frame;
use mirrorsim_engine::Delivery;

impl<M: Machines> World<'_, M> {
    pub(super) fn send(&mut self, server: usize, mirror: usize, frame: Frame) {
        let forward = !self.is_destination(server);
        let (end, destination) =
            (if forward { server } else { self.source_of(mirror) }, self.destination_of(mirror));
        let peer = if forward { destination } else { end };
        self.emit(kinds::SEND, server, peer, frame.kind(), kinds::frame_fields(&frame));
        if !self.is_exiled(end) {
            let (_, to) = self.bench.who(peer);
            let (judge, from) = self.bench.at(server);
            judge.frame(from, to, &frame.head, &frame.payload);
        }
        *self.metrics.entry("wire_bytes").or_default() += frame.length();
        match frame.kind() {
            7 => *self.metrics.entry("naks").or_default() += 1,
            12 => *self.metrics.entry("resets").or_default() += 1,
            17 => *self.metrics.entry("resync_blocks").or_default() += 1,
            _ => {}
        }
        self.coverage.sent(mirror, &frame);
        let frame = self.versioned(server, frame);
        let line = self.line(end);
        self.keep_for_replay(line, forward, &frame);
        let bend = self.next_bend(line, forward);
        self.pass(line, forward, frame, bend);
    }

    /// A destination answers a server that was the source of a mirror, on the line that it was heard on (LR9).
    pub(super) fn refuse(&mut self, server: usize, frame: Frame) {
        let line = self.answering;
        let end = self.end_of(line);
        self.emit(kinds::SEND, server, end, frame.kind(), kinds::frame_fields(&frame));
        self.pass(line, false, frame, None);
    }

    pub(super) fn is_stream(&self) -> bool {
        self.spec.protocol.transport == Transport::Stream
    }

    /// Puts it on the link, in as many pieces as that asks for.
    pub(super) fn launch(&mut self, line: usize, forward: bool, content: Content, on: (u64, u64), why: Why) {
        let mtu = self.line_spec(line).mtu;
        if mtu == 0 || content.length() <= mtu {
            return self.put(line, forward, Parcel { content, on, part: None, why });
        }
        let bytes = match content {
            Content::Frame(frame) => frame.bytes(),
            Content::Bytes(bytes) => bytes,
        };
        let of = (bytes.len() as u64).div_ceil(mtu) as u32;
        self.pieces_sent += 1;
        for number in 0..of {
            let from = number as usize * mtu as usize;
            let piece: Bytes = bytes.slice(from..(from + mtu as usize).min(bytes.len()));
            let part = (!self.is_stream()).then_some(Part { message: self.pieces_sent, number, of });
            self.put(line, forward, Parcel { content: Content::Bytes(piece), on, part, why });
        }
    }

    fn put(&mut self, line: usize, forward: bool, parcel: Parcel) {
        let now = self.sched.now();
        let subject = line as u32 * 2 + !forward as u32;
        let length = parcel.content.length();
        let link = &mut self.links[line][!forward as usize];
        let whole = !link.is_cut() && !link.is_clogged();
        let deliveries = link.send(now, length, parcel, &mut self.decisions, subject);
        match deliveries.len() {
            0 if whole => self.coverage.on_link("loss", self.mirror_on(line)),
            2.. => self.coverage.on_link("duplicate", self.mirror_on(line)),
            _ => {}
        }
        for delivery in deliveries {
            self.schedule(line, forward, delivery);
        }
    }

    pub fn schedule(&mut self, line: usize, forward: bool, delivery: Delivery<Parcel>) {
        let mut parcel = delivery.handle;
        if let Some(draw) = delivery.corrupt {
            *self.metrics.entry("corrupted").or_default() += 1;
            self.coverage.on_link("corrupt", self.mirror_on(line));
            parcel.content = parcel.content.flip(draw);
        }
        let slot = self.parcels.put(parcel);
        let event = Event::Frame { line: line as u16, forward, era: delivery.era, slot };
        self.sched.at(delivery.at, event);
    }

    pub(super) fn frame_arrives(&mut self, line: u16, forward: bool, era: u64, slot: u32) {
        let Some(parcel) = self.parcels.take(slot) else { return };
        let at = line as usize;
        let (end, mirror) = (self.end_of(at), self.mirror_on(at));
        let destination = self.destination_of(mirror);
        let (server, peer) = if forward { (destination, end) } else { (end, destination) };
        let lost = self.links[at][!forward as usize].era() != era;
        let kind = if lost { kinds::LOST } else { kinds::DELIVER };
        let (number, fields) = match &parcel.content {
            Content::Frame(frame) => (frame.kind(), kinds::frame_fields(frame)),
            Content::Bytes(bytes) => (0, [bytes.len() as u64, 0, 0]),
        };
        self.emit(kind, server, peer, number, fields);
        if lost {
            return;
        }
        self.bent_arrives(server, mirror, parcel.why);
        let (frames, broken) = self.receptions[at][!forward as usize].take(parcel, era);
        for frame in frames {
            self.deliver_frame(server, line, frame);
        }
        if broken {
            // The receiver ends the connection: there is nothing to go on from.
            *self.metrics.entry("broken_streams").or_default() += 1;
            self.reset(at, None);
        }
    }

    pub(super) fn deliver_frame(&mut self, server: usize, line: u16, frame: Frame) {
        let (now, shows) = (self.sched.now(), self.clock(server));
        let at = line as usize;
        let mirror = self.mirror_on(at);
        let (desk, end) = (self.desk(server, mirror), self.end_of(at));
        let stranger = self.is_exiled(end);
        let s = &mut self.servers[server];
        if s.paused_until > now {
            self.inboxes[server].push(Deferred::Frame(line, frame));
            return;
        }
        if s.machine.is_some() && !stranger {
            self.coverage.arrived(mirror, &frame);
            // One of a source to whoever serves its clients by now is answered otherwise.
            if let Some(generation) = kinds::sync_request(&frame).filter(|_| self.hosts[mirror] != server) {
                let (judge, number) = self.bench.of(mirror);
                judge.asked(number, generation);
            }
        }
        self.answering = at;
        self.hears_fence(server, &frame);
        match self.servers[server].machine.as_mut() {
            Some(Machine::Source(m)) => m.handle_frame(shows, &frame),
            Some(Machine::Destination(m)) if stranger && server != end => {
                m.handle_stranger(shows, desk, &frame);
            }
            Some(Machine::Destination(m)) => m.handle_frame(shows, desk, &frame),
            None => return,
        }
        self.drain(server);
    }

    pub fn disconnect(&mut self, server: usize, line: usize) {
        let (now, shows) = (self.sched.now(), self.clock(server));
        let (mirror, end) = (self.mirror_on(line), self.end_of(line));
        if server != end && self.is_exiled(end) {
            // Nobody there has a connection with it.
            return;
        }
        let desk = self.desk(server, mirror);
        let s = &mut self.servers[server];
        if s.paused_until > now {
            self.inboxes[server].push(Deferred::Disconnect(line as u16));
            return;
        }
        match s.machine.as_mut() {
            Some(Machine::Source(m)) => {
                self.coverage.activity.parted(mirror);
                m.handle_disconnect(shows);
            }
            Some(Machine::Destination(m)) => {
                m.handle_disconnect(shows, desk);
            }
            None => return,
        }
        self.drain(server);
    }
}

/// The connection of a frame, for those that bend it.
pub(super) fn on(frame: &Frame) -> (u64, u64) {
    parcel::connection(frame)
}
