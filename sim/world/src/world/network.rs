//! Frames between the servers: on a link, lost on it, or delivered.

use super::World;
use crate::event::{Deferred, Event};
use crate::kinds;
use crate::server::Machine;
use mirror::quirk::Quirk;
use mirror::wire::Frame;
use mirrorsim_engine::Delivery;

impl<Q: Quirk> World<'_, Q> {
    pub(super) fn send(&mut self, server: usize, mirror: usize, frame: Frame) {
        let forward = server != self.destination();
        let peer = if forward { self.destination() } else { mirror };
        self.emit(kinds::SEND, server, peer, frame.kind(), kinds::frame_fields(&frame));
        let (from, to) = (self.oracle_server(server), self.oracle_server(peer));
        self.judge.frame(from, to, &frame.head, &frame.payload);
        match frame.kind() {
            7 => *self.metrics.entry("naks").or_default() += 1,
            12 => *self.metrics.entry("resets").or_default() += 1,
            _ => {}
        }
        self.coverage.sent(mirror, &frame);
        let now = self.sched.now();
        let length = frame.length();
        let subject = mirror as u32 * 2 + !forward as u32;
        let link = &mut self.links[mirror][!forward as usize];
        let whole = !link.is_cut() && !link.is_clogged();
        let deliveries = link.send(now, length, frame, &mut self.decisions, subject);
        match deliveries.len() {
            0 if whole => self.coverage.on_link("loss", mirror),
            2.. => self.coverage.on_link("duplicate", mirror),
            _ => {}
        }
        for delivery in deliveries {
            self.schedule(mirror, forward, delivery);
        }
    }

    pub fn schedule(&mut self, mirror: usize, forward: bool, delivery: Delivery<Frame>) {
        let frame = match delivery.corrupt {
            None => delivery.handle,
            Some(draw) => {
                *self.metrics.entry("corrupted").or_default() += 1;
                self.coverage.on_link("corrupt", mirror);
                kinds::flip(delivery.handle, draw)
            }
        };
        let slot = self.frames.put(frame);
        let event = Event::Frame { source: mirror as u16, forward, era: delivery.era, slot };
        self.sched.at(delivery.at, event);
    }

    pub(super) fn frame_arrives(&mut self, source: u16, forward: bool, era: u64, slot: u32) {
        let Some(frame) = self.frames.take(slot) else { return };
        let server = if forward { self.destination() } else { source as usize };
        let peer = if forward { source as usize } else { self.destination() };
        let lost = self.links[source as usize][!forward as usize].era() != era;
        let kind = if lost { kinds::LOST } else { kinds::DELIVER };
        self.emit(kind, server, peer, frame.kind(), kinds::frame_fields(&frame));
        if !lost {
            self.deliver_frame(server, source, frame);
        }
    }

    pub(super) fn deliver_frame(&mut self, server: usize, source: u16, frame: Frame) {
        let now = self.sched.now();
        let s = &mut self.servers[server];
        if s.paused_until > now {
            self.inboxes[server].push(Deferred::Frame(source, frame));
            return;
        }
        if s.machine.is_some() {
            self.coverage.arrived(source as usize, &frame);
        }
        match s.machine.as_mut() {
            Some(Machine::Source(m)) => m.handle_frame(now, &frame),
            Some(Machine::Destination(m)) => m.handle_frame(now, source, &frame),
            None => return,
        }
        self.drain(server);
    }

    pub fn disconnect(&mut self, server: usize, source: usize) {
        let now = self.sched.now();
        let s = &mut self.servers[server];
        if s.paused_until > now {
            self.inboxes[server].push(Deferred::Disconnect(source as u16));
            return;
        }
        match s.machine.as_mut() {
            Some(Machine::Source(m)) => {
                self.coverage.activity.parted(source);
                m.handle_disconnect(now);
            }
            Some(Machine::Destination(m)) => m.handle_disconnect(now, source as u16),
            None => return,
        }
        self.drain(server);
    }
}
