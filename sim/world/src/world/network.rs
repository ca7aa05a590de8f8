//! Frames between the servers: on a link, lost on it, or delivered.

use super::World;
use crate::event::{Deferred, Event};
use crate::kinds;
use crate::parcel::{self, Content, Parcel, Part, Why};
use crate::server::Machine;
use bytes::Bytes;
use mirror::config::Transport;
use mirror::quirk::Quirk;
use mirror::wire::Frame;
use mirrorsim_engine::Delivery;

impl<Q: Quirk> World<'_, Q> {
    pub(super) fn send(&mut self, server: usize, mirror: usize, frame: Frame) {
        let forward = !self.is_destination(server);
        let peer = if forward { self.destination_of(mirror) } else { mirror };
        self.emit(kinds::SEND, server, peer, frame.kind(), kinds::frame_fields(&frame));
        let (_, to) = self.bench.who(peer);
        let (judge, from) = self.bench.at(server);
        judge.frame(from, to, &frame.head, &frame.payload);
        match frame.kind() {
            7 => *self.metrics.entry("naks").or_default() += 1,
            12 => *self.metrics.entry("resets").or_default() += 1,
            17 => *self.metrics.entry("resync_blocks").or_default() += 1,
            _ => {}
        }
        self.coverage.sent(mirror, &frame);
        let frame = self.versioned(server, frame);
        self.keep_for_replay(mirror, forward, &frame);
        let bend = self.next_bend(mirror, forward);
        self.pass(mirror, forward, frame, bend);
    }

    pub(super) fn is_stream(&self) -> bool {
        self.spec.protocol.transport == Transport::Stream
    }

    /// Puts it on the link, in as many pieces as that asks for.
    pub(super) fn launch(
        &mut self,
        mirror: usize,
        forward: bool,
        content: Content,
        on: (u64, u64),
        why: Why,
    ) {
        let mtu = self.spec.sources[mirror].link.mtu;
        if mtu == 0 || content.length() <= mtu {
            return self.put(mirror, forward, Parcel { content, on, part: None, why });
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
            self.put(mirror, forward, Parcel { content: Content::Bytes(piece), on, part, why });
        }
    }

    fn put(&mut self, mirror: usize, forward: bool, parcel: Parcel) {
        let now = self.sched.now();
        let subject = mirror as u32 * 2 + !forward as u32;
        let length = parcel.content.length();
        let link = &mut self.links[mirror][!forward as usize];
        let whole = !link.is_cut() && !link.is_clogged();
        let deliveries = link.send(now, length, parcel, &mut self.decisions, subject);
        match deliveries.len() {
            0 if whole => self.coverage.on_link("loss", mirror),
            2.. => self.coverage.on_link("duplicate", mirror),
            _ => {}
        }
        for delivery in deliveries {
            self.schedule(mirror, forward, delivery);
        }
    }

    pub fn schedule(&mut self, mirror: usize, forward: bool, delivery: Delivery<Parcel>) {
        let mut parcel = delivery.handle;
        if let Some(draw) = delivery.corrupt {
            *self.metrics.entry("corrupted").or_default() += 1;
            self.coverage.on_link("corrupt", mirror);
            parcel.content = parcel.content.flip(draw);
        }
        let slot = self.parcels.put(parcel);
        let event = Event::Frame { source: mirror as u16, forward, era: delivery.era, slot };
        self.sched.at(delivery.at, event);
    }

    pub(super) fn frame_arrives(&mut self, source: u16, forward: bool, era: u64, slot: u32) {
        let Some(parcel) = self.parcels.take(slot) else { return };
        let (source_server, destination) = (source as usize, self.destination_of(source as usize));
        let (server, peer) =
            if forward { (destination, source_server) } else { (source_server, destination) };
        let lost = self.links[source as usize][!forward as usize].era() != era;
        let kind = if lost { kinds::LOST } else { kinds::DELIVER };
        let (number, fields) = match &parcel.content {
            Content::Frame(frame) => (frame.kind(), kinds::frame_fields(frame)),
            Content::Bytes(bytes) => (0, [bytes.len() as u64, 0, 0]),
        };
        self.emit(kind, server, peer, number, fields);
        if lost {
            return;
        }
        self.bent_arrives(server, source as usize, parcel.why);
        let (frames, broken) = self.receptions[source as usize][!forward as usize].take(parcel, era);
        for frame in frames {
            self.deliver_frame(server, source, frame);
        }
        if broken {
            // The receiver ends the connection: there is nothing to go on from.
            *self.metrics.entry("broken_streams").or_default() += 1;
            self.reset(source as usize, None);
        }
    }

    pub(super) fn deliver_frame(&mut self, server: usize, source: u16, frame: Frame) {
        let (now, shows) = (self.sched.now(), self.clock(server));
        let desk = self.desk(server, source as usize);
        let s = &mut self.servers[server];
        if s.paused_until > now {
            self.inboxes[server].push(Deferred::Frame(source, frame));
            return;
        }
        if s.machine.is_some() {
            self.coverage.arrived(source as usize, &frame);
            // One of a source to whoever serves its clients by now is answered otherwise.
            if let Some(generation) =
                kinds::sync_request(&frame).filter(|_| self.hosts[source as usize] != server)
            {
                let (judge, mirror) = self.bench.of(source as usize);
                judge.asked(mirror, generation);
            }
        }
        match s.machine.as_mut() {
            Some(Machine::Source(m)) => m.handle_frame(shows, &frame),
            Some(Machine::Destination(m)) => m.handle_frame(shows, desk, &frame),
            None => return,
        }
        self.drain(server);
    }

    pub fn disconnect(&mut self, server: usize, source: usize) {
        let (now, shows) = (self.sched.now(), self.clock(server));
        let desk = self.desk(server, source);
        let s = &mut self.servers[server];
        if s.paused_until > now {
            self.inboxes[server].push(Deferred::Disconnect(source as u16));
            return;
        }
        match s.machine.as_mut() {
            Some(Machine::Source(m)) => {
                self.coverage.activity.parted(source);
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
