//! How everything stands, in words. It is only looked at: nothing draws, and nothing is told to a machine.

use super::World;
use crate::client;
use crate::event::Event;
use crate::hosted::{DestinationMachine, Machine as _, Machines};
use crate::kinds;
use crate::parcel::Content;
use crate::server::{Machine, Work};
use crate::state::{Part, State};
use std::collections::BTreeMap;

/// Frames of a direction that are named; the others are counted.
const NAMED: usize = 8;

/// A virtual time as the trace shows it.
fn at(ns: u64) -> String {
    format!("{}.{:09}s", ns / 1_000_000_000, ns % 1_000_000_000)
}

impl<M: Machines> World<'_, M> {
    /// How everything stands between two events.
    pub fn state(&self, over: bool) -> State {
        let mut parts = vec![self.run_part()];
        for server in 0..self.servers.len() {
            if !self.is_vacant(server) {
                self.server_parts(server, &mut parts);
            }
        }
        parts.extend((0..self.clients.len()).map(|client| self.client_part(client)));
        self.line_parts(&mut parts);
        State { time: self.sched.now(), entries: self.trace.count(), over, parts }
    }

    fn run_part(&self) -> Part {
        let mut part = Part::new("run");
        part.add("phase", format!("{:?}", self.phase).to_lowercase());
        let ops = &self.ops;
        part.add(
            "operations",
            format!("{} issued, {} acknowledged, {} refused", ops.issued, ops.acknowledged, ops.refused),
        );
        for index in &self.lasting {
            part.add(format!("fault {index}"), crate::faults::words(self.spec, &self.faults[*index].fault));
        }
        part
    }

    fn server_parts(&self, server: usize, parts: &mut Vec<Part>) {
        let s = &self.servers[server];
        let name = kinds::actor(self.spec, server as u16);
        let mut part = Part::new(name.as_str());
        let down = |until: Option<u64>| until.map_or("down".into(), |t| format!("down until {}", at(t)));
        let mut mirrors = Vec::new();
        match &s.machine {
            _ if s.gone => part.add("stands", "lost for ever"),
            None => part.add("stands", down(s.restart_at)),
            Some(Machine::Source(m)) => part.extend(m.status().into_facts()),
            Some(Machine::Destination(m)) => {
                part.extend(m.status().into_facts());
                for mirror in self.mirrors_at(server) {
                    let mut part = Part::new(format!("{name}, mirror {}", self.name(mirror)));
                    part.extend(m.status_of(self.desk(server, mirror)).into_facts());
                    mirrors.push(part);
                }
            }
        }
        part.add("life", s.incarnation.to_string());
        if s.paused_until > self.sched.now() {
            let waiting = self.inboxes[server].len();
            part.add("paused", format!("until {}, {waiting} inputs wait", at(s.paused_until)));
        }
        if let Some(time) = s.timer.filter(|_| s.machine.is_some()) {
            part.add("timer", at(time));
        }
        for which in s.devices() {
            let store = s.store(*which);
            let (count, bytes) = store.pending().iter().fold((0, 0), |(n, b), p| (n + 1, b + p.len()));
            let done = store.pending().iter().filter(|p| p.completed).count();
            let value = format!("{count} ({done} completed), {bytes}B");
            part.add(format!("unflushed {}", which.name()), value);
        }
        let mut work: BTreeMap<String, u64> = BTreeMap::new();
        let own = |o: &&crate::server::Operation| o.server == server && o.incarnation == s.incarnation;
        for operation in self.operations_under_way.iter().filter(own) {
            let kind = match operation.work {
                Work::Flush(_) => "flush",
                Work::Read(_) => "read",
                Work::Write(_) | Work::NoSpace(_) | Work::Short(..) | Work::Failed(_) => "write",
            };
            *work.entry(format!("{kind} of {}", operation.device.name())).or_default() += 1;
        }
        if !work.is_empty() {
            let all: Vec<String> = work.iter().map(|(what, n)| format!("{n} {what}")).collect();
            part.add("under way", all.join(", "));
        }
        parts.push(part);
        parts.append(&mut mirrors);
    }

    fn client_part(&self, number: usize) -> Part {
        let c = &self.clients[number];
        let mut part = Part::new(self.spec.clients[number].name.as_str());
        let stands = match (c.hung_up, c.ended) {
            (true, _) => "hung up",
            (_, true) => "has asked everything",
            _ => "asks",
        };
        part.add("stands", stands);
        part.add("calls", self.name(c.calls));
        part.add("answered in order", c.answered_in_order.to_string());
        if c.backlog > 0 {
            part.add("backlog", c.backlog.to_string());
        }
        for (number, slot) in c.slots.iter().enumerate() {
            if let Some(open) = &slot.open {
                let ask = &open.ask;
                let value = format!(
                    "request {}: {} of {}B at {} of volume {}, since {}",
                    open.request,
                    client::kind(&ask.body),
                    ask.length,
                    ask.offset,
                    ask.volume,
                    at(open.since)
                );
                part.add(format!("slot {number}"), value);
            }
        }
        part
    }

    /// What is on its way between two servers, direction by direction.
    fn line_parts(&self, parts: &mut Vec<Part>) {
        let mut frames: BTreeMap<(usize, bool), Vec<String>> = BTreeMap::new();
        for (time, event) in self.sched.waiting() {
            let Event::Frame { line, forward, era, slot } = *event else { continue };
            let line = usize::from(line);
            let Some(parcel) = self.parcels.get(slot) else { continue };
            let what = match &parcel.content {
                Content::Frame(frame) => kinds::frame_text(frame),
                Content::Bytes(bytes) => format!("{} bytes", bytes.len()),
            };
            let lost = if self.links[line][!forward as usize].era() == era {
                ""
            } else {
                ", of a broken connection"
            };
            frames.entry((line, forward)).or_default().push(format!("{what} at {}{lost}", at(time)));
        }
        for line in 0..self.links.len() {
            let end = self.end_of(line);
            if self.is_vacant(end) {
                continue;
            }
            let names =
                [end, self.destination_of(self.mirror_on(line))].map(|s| kinds::actor(self.spec, s as u16));
            for forward in [true, false] {
                let link = &self.links[line][!forward as usize];
                let (from, to) = if forward { (&names[0], &names[1]) } else { (&names[1], &names[0]) };
                let mut part = Part::new(format!("{from} -> {to}"));
                let stands = match (link.is_cut(), link.is_clogged()) {
                    (true, _) => "cut",
                    (_, true) => "clogged",
                    _ => "open",
                };
                part.add("stands", stands);
                if link.held() > 0 {
                    part.add("held", link.held().to_string());
                }
                let all = frames.remove(&(line, forward)).unwrap_or_default();
                part.add("in flight", all.len().to_string());
                for (number, frame) in all.iter().take(NAMED).enumerate() {
                    part.add(format!("frame {number}"), frame.as_str());
                }
                parts.push(part);
            }
        }
    }
}
