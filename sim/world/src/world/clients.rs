//! Clients of the run: what they ask, when they ask again, and the answers on their way back.

use super::World;
use crate::client::{self, Open};
use crate::event::{Deferred, Event};
use crate::hosted::{DestinationMachine, Machines, SourceMachine};
use crate::marks::Mark;
use crate::server::Machine;
use crate::spec::{FaultSpec, Nanos, Pacing};
use crate::workload::{Ask, Next};
use crate::{kinds, plan, sites};
use mirror::effect::Answer;
use mirror::ids::RequestId;
use mirror::source::Body;
use mirrorsim_oracle as oracle;

/// How long a client waits before it knocks again at a server that is down or boots, ns.
const KNOCK: Nanos = 2_000_000;

impl<M: Machines> World<'_, M> {
    pub(super) fn arrival(&mut self, client: u16) {
        let c = &mut self.clients[client as usize];
        if c.ended || c.hung_up {
            return;
        }
        c.backlog += 1;
        if let Some(Pacing::Open { interval }) = client::pacing(&self.spec.clients[client as usize]) {
            let wait = self.decisions.delay(sites::PACE, client as u32, &plan::delay(interval));
            self.sched.at(self.sched.now() + wait.max(1), Event::Arrival { client });
        }
        self.pump_client(client);
    }

    /// Fills free slots with what comes next.
    pub fn pump_client(&mut self, client: u16) {
        let now = self.sched.now();
        let open_loop =
            matches!(client::pacing(&self.spec.clients[client as usize]), Some(Pacing::Open { .. }));
        loop {
            let c = &mut self.clients[client as usize];
            if c.ended || c.hung_up || c.waiting || (open_loop && c.backlog == 0) {
                return;
            }
            let Some(slot) = c.slots.iter().position(|s| s.open.is_none() && !s.busy) else { return };
            let who = (c.source as u32, c.number, client as u32);
            let open = c.open() > 0;
            match c.generator.next(now, who, open, &mut self.decisions) {
                Next::End => {
                    c.ended = true;
                    return;
                }
                Next::Barrier => return,
                Next::NotBefore(due) => {
                    if c.wake.is_none_or(|w| due < w) {
                        c.wake = Some(due);
                        self.sched.at(due, Event::Wake { client });
                    }
                    return;
                }
                Next::Ask(ask) => {
                    if c.generator.ordered() && c.overlaps(&ask) {
                        c.generator.put_back();
                        return;
                    }
                    c.backlog = c.backlog.saturating_sub(1);
                    c.waiting = ask.wait;
                    if let Some(asked) = &mut self.asked {
                        asked[client as usize].push(now);
                    }
                    self.ask(client, slot as u32, ask);
                }
            }
        }
    }

    pub(super) fn ask(&mut self, client: u16, slot: u32, ask: Ask) {
        let now = self.sched.now();
        let c = &mut self.clients[client as usize];
        let s = &mut c.slots[slot as usize];
        s.last += 1;
        let request = s.last;
        let op = match &ask.body {
            Body::Write(payload) => oracle::Op::Write { offset: ask.offset, payload: payload.clone() },
            Body::WriteZeroes => oracle::Op::WriteZeroes { offset: ask.offset, length: ask.length },
            Body::Add(delta) => oracle::Op::Add { offset: ask.offset, delta: *delta },
            Body::Read => oracle::Op::Read { offset: ask.offset, length: ask.length },
        };
        let asked = oracle::Request { client: c.number, slot, request, volume: ask.volume, op };
        let (judge, mirror) = self.bench.of(c.source);
        judge.issued(mirror, asked);
        let deadline = now + self.spec.clients[client as usize].timeout;
        s.open = Some(Open { request, ask, since: now, deadline, knock: 0 });
        self.ops.issued += 1;
        self.transmit(client, slot, request);
        self.arm_deadlines(client);
    }

    pub(super) fn transmit(&mut self, client: u16, slot: u32, request: u64) {
        let delay = self.decisions.delay(sites::CLIENT_DELAY, client as u32, &self.delays[client as usize]);
        self.sched.at(self.sched.now() + delay, Event::Request { client, slot, request });
    }

    pub(super) fn arm_deadlines(&mut self, client: u16) {
        let c = &mut self.clients[client as usize];
        if c.armed {
            return;
        }
        let earliest = c.slots.iter().filter_map(|s| s.open.as_ref()).map(|o| o.deadline).min();
        if let Some(at) = earliest {
            c.armed = true;
            self.sched.at(at, Event::Deadlines { client });
        }
    }

    /// Asks again for what is overdue.
    pub(super) fn deadlines(&mut self, client: u16) {
        let now = self.sched.now();
        self.clients[client as usize].armed = false;
        if self.clients[client as usize].hung_up {
            return;
        }
        let mut turns = false;
        for slot in 0..self.clients[client as usize].slots.len() {
            let c = &mut self.clients[client as usize];
            let s = &mut c.slots[slot];
            let Some(open) = s.open.as_mut().filter(|o| o.deadline <= now) else { continue };
            turns |= c.late;
            open.deadline = now + self.spec.clients[client as usize].timeout;
            let old = open.request;
            if self.spec.protocol.retry == mirror::config::Retry::NewRequest {
                // A new operation; the first may or may not have happened.
                let Some(open) = s.open.take() else { continue };
                self.ops.in_doubt += 1;
                let (source, number) = (c.source, c.number);
                let (judge, mirror) = self.bench.of(source);
                judge.abandoned(mirror, number, slot as u32, old);
                self.ask(client, slot as u32, open.ask);
            } else {
                let (source, number) = (c.source, c.number);
                let (judge, mirror) = self.bench.of(source);
                judge.retried(mirror, number, slot as u32, old);
                self.transmit(client, slot as u32, old);
            }
        }
        if turns {
            self.turns_elsewhere(client);
        }
        self.arm_deadlines(client);
    }

    pub(super) fn request_arrives(&mut self, client: u16, slot: u32, request: u64) {
        let now = self.sched.now();
        let c = &self.clients[client as usize];
        let (source, server) = (c.source, c.calls);
        let Some(asked) = c.request(slot, request).filter(|_| !c.hung_up) else { return };
        self.emit(
            kinds::REQUEST,
            server,
            client as usize,
            slot as u16,
            [request, asked.offset, asked.length],
        );
        let (desk, shows) = (self.desk(server, source), self.clock(server));
        let s = &mut self.servers[server];
        if s.paused_until > now {
            self.inboxes[server].push(Deferred::Request(client, slot, request));
            return;
        }
        match s.machine.as_mut() {
            Some(Machine::Source(m)) if m.serving() => {
                m.handle_request(shows, asked);
                self.drain(server);
            }
            Some(Machine::Destination(m)) if m.serves(desk) => {
                m.handle_request(shows, desk, asked);
                self.drain(server);
            }
            // The connection is refused; the client knocks again.
            _ if !s.gone => {
                let open = self.clients[client as usize].slots[slot as usize].open.as_mut();
                if let Some(open) = open.filter(|o| o.knock <= now) {
                    open.knock = now + KNOCK;
                    self.sched.at(open.knock, Event::Request { client, slot, request });
                }
            }
            _ => {}
        }
    }

    pub(super) fn reply(&mut self, server: usize, source: usize, id: RequestId, answer: Answer) {
        let client = self.by_number[source][id.client as usize];
        self.emit(
            kinds::REPLY,
            server,
            client as usize,
            id.slot as u16,
            [id.request, kinds::answer_number(&answer), 0],
        );
        let seen = match &answer {
            Answer::Written => oracle::Answer::Written,
            Answer::Added(old) => oracle::Answer::Added { old: *old },
            Answer::Read(data) => oracle::Answer::Read { data: data.clone() },
            Answer::Refused(_) => oracle::Answer::Refused,
        };
        self.replying = match answer {
            Answer::Written | Answer::Added(_) => {
                let open = self.clients[client as usize].slots[id.slot as usize].open.as_ref();
                open.filter(|o| o.request == id.request).map(|o| (id, o.ask.length))
            }
            _ => None,
        };
        let exiled = self.is_exiled(server);
        let (judge, mirror) = self.bench.of(source);
        if self.hosts[source] == server {
            judge.answered(mirror, id.client, id.slot, id.request, seen);
        } else {
            judge.former_answered((mirror, exiled), id.client, id.slot, id.request, seen);
        }
        let delay = self.decisions.delay(sites::CLIENT_DELAY, client as u32, &self.delays[client as usize]);
        let answer = self.answers.put(answer);
        let event =
            Event::Reply { client, slot: id.slot, request: id.request, answer, server: server as u16 };
        self.sched.at(self.sched.now() + delay, event);
    }

    pub(super) fn reply_arrives(
        &mut self,
        client: u16,
        slot: u32,
        request: u64,
        (from, answer): (usize, u32),
    ) {
        let now = self.sched.now();
        let Some(answer) = self.answers.take(answer) else { return };
        let c = &mut self.clients[client as usize];
        if c.hung_up {
            return;
        }
        let s = &mut c.slots[slot as usize];
        if s.open.as_ref().is_none_or(|o| o.request != request) {
            return;
        }
        let Some(open) = s.open.take() else { return };
        self.progress_at = now;
        let source = c.source;
        self.service[source].answered(from, now);
        if open.deadline > open.since + self.spec.clients[client as usize].timeout {
            self.coverage.marks.reached(Mark::RetryAnswered);
        }
        let refused = matches!(answer, Answer::Refused(_));
        if refused {
            self.ops.refused += 1;
        } else {
            self.ops.acknowledged += 1;
            self.ops.bytes += open.ask.length;
            self.latency.entry(client::kind(&open.ask.body)).or_default().add(now - open.since);
        }
        if open.ask.expect_error != refused
            && (open.ask.expect_error || client::pacing(&self.spec.clients[client as usize]).is_none())
        {
            let what = if refused { "was refused" } else { "was answered, not refused" };
            self.unexpected.push(format!(
                "client {}: {} of {} bytes at {} {what}",
                self.spec.clients[client as usize].name,
                client::kind(&open.ask.body),
                open.ask.length,
                open.ask.offset
            ));
        }
        let c = &mut self.clients[client as usize];
        if open.ask.wait {
            c.waiting = false;
        }
        c.answered_in_order += 1;
        let server = self.hosts[c.source];
        self.emit(
            kinds::ANSWERED,
            100 + client as usize,
            server,
            slot as u16,
            [request, now - open.since, 0],
        );
        match client::pacing(&self.spec.clients[client as usize]) {
            Some(Pacing::Closed { think }) => {
                let think = self.decisions.delay(sites::PACE, client as u32, &plan::delay(think));
                if think == 0 {
                    self.pump_client(client);
                } else {
                    self.clients[client as usize].slots[slot as usize].busy = true;
                    self.sched.at(now + think, Event::Think { client, slot });
                }
            }
            _ => self.pump_client(client),
        }
    }

    /// A server that had closed its clients' connections runs again, and they try it.
    pub(super) fn call_again(&mut self, server: usize) {
        let hosted = (0..self.hosts.len()).filter(|source| self.hosts[*source] == server);
        hosted.collect::<Vec<_>>().into_iter().for_each(|source| self.call_up(source));
    }

    pub(super) fn call_up(&mut self, source: usize) {
        self.by_number[source].clone().into_iter().for_each(|client| self.call_client(client));
    }

    fn call_client(&mut self, client: u16) {
        let c = &mut self.clients[client as usize];
        if !std::mem::replace(&mut c.hung_up, false) {
            return;
        }
        c.armed = false;
        let (source, number) = (c.source, c.number);
        let open: Vec<(u32, u64)> =
            (0..).zip(&c.slots).filter_map(|(slot, s)| s.open.as_ref().map(|o| (slot, o.request))).collect();
        for (slot, request) in open {
            // The first copy may have been answered to the connection that was closed.
            let (judge, mirror) = self.bench.of(source);
            judge.retried(mirror, number, slot, request);
            self.sched.at(self.sched.now() + KNOCK, Event::Request { client, slot, request });
        }
        self.deadlines(client);
        self.pump_client(client);
    }

    /// Connections of clients who talk to another server by now are nobody's.
    pub fn hang_up(&mut self, server: usize, source: usize) {
        if self.hosts[source] != server {
            return;
        }
        for client in self.by_number[source].clone() {
            self.clients[client as usize].hung_up = true;
        }
    }

    /// A client that waited for an answer in vain asks the other server of its mirror.
    fn turns_elsewhere(&mut self, client: u16) {
        let (now, timeout) = (self.sched.now(), self.spec.clients[client as usize].timeout);
        let source = self.clients[client as usize].source;
        let (home, d) = (self.source_of(source), self.destination_of(source));
        let c = &mut self.clients[client as usize];
        if c.turns_at <= now {
            c.turns_at = now + timeout;
            c.calls = if c.calls == d { home } else { d };
        }
    }

    /// A client learns which server is the one of its source's clients.
    pub(super) fn learns(&mut self, client: u16) {
        let c = &mut self.clients[client as usize];
        c.calls = self.hosts[c.source];
    }

    /// Another server serves the clients of a source: each of them learns of it, at once or later.
    pub(super) fn tell_clients(&mut self, source: usize) {
        let host = self.hosts[source];
        for client in self.by_number[source].clone() {
            if self.clients[client as usize].late {
                let learns = plan::delay(&self.spec.clients[client as usize].learns);
                let after = self.decisions.delay(sites::LEARNS, client as u32, &learns);
                self.sched.at(self.sched.now() + after, Event::Learns { client });
            } else {
                self.clients[client as usize].calls = host;
            }
        }
        self.call_up(source);
    }

    /// A server has booted: who had lost the connection and knows no other one tries it again.
    pub(super) fn call_late(&mut self, server: usize) {
        for client in 0..self.clients.len() as u16 {
            let c = &self.clients[client as usize];
            // A server that only keeps the image is nobody to wait for.
            let theirs = !self.is_destination(server) || self.hosts[c.source] == server;
            if c.late && c.hung_up && c.calls == server && theirs {
                self.call_client(client);
            }
        }
    }

    /// The operator tells the clients of a source where it is served now.
    pub(super) fn move_clients(&mut self, source: usize, server: usize) {
        if std::mem::replace(&mut self.hosts[source], server) != server {
            let (_, mirror) = self.bench.seat(source);
            self.bench.panel(source).probe.leave(mirror);
            // Of one that died just then no stage was heard; it goes on as what it is durably.
            let now = self.sched.now();
            self.service[source].serves(server, now);
            self.coverage.marks.reached(Mark::TakenOver);
            *self.metrics.entry("promotions").or_default() += 1;
            self.tell_clients(source);
        }
    }

    /// Whether the destination serves the clients of a mirror.
    pub(crate) fn serves_at_destination(&self, server: usize, source: usize) -> bool {
        server == self.destination_of(source) && self.hosts[source] == server
    }

    /// Whether a scenario wants a destination that can serve clients.
    pub(super) fn promotes(&self) -> bool {
        self.faults.iter().any(FaultSpec::promotes)
    }
}
