//! The world of one run: servers, clients and links on the engine's scheduler, with the judge looking on.

use crate::client::{self, Client, Open};
use crate::histogram::Histogram;
use crate::kinds;
use crate::outcome::{Alarm, FaultCount, Operations, RecoveryReport};
use crate::plan;
use crate::probe::{self, Probe};
use crate::server::{Machine, Operation, Server, Work, oracle_device};
use crate::sites;
use crate::spec::{FaultSpec, Nanos, Pacing, Spec};
use crate::workload::{Ask, Next};
use mirror::destination::{Destination, Standing};
use mirror::effect::{Answer, Completion, Device, Effect, Token};
use mirror::geometry::{Geometry, Region};
use mirror::ids::{Position, RequestId};
use mirror::mark::Mark;
use mirror::quirk::Quirk;
use mirror::source::{Body, Source};
use mirror::stage::Stage;
use mirror::superblock::{Role, Superblock};
use mirror::wire::Frame;
use mirrorsim_engine::{Decisions, Delay, Delivery, Disk, Entry, Link, Nvram, Scheduler, Trace};
use mirrorsim_oracle as oracle;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Reads of NVRAM and marks at boot, ns.
const NVRAM_READ: Nanos = 1_000;
/// How often the end of a phase is looked for, ns.
const WATCH: Nanos = 10_000_000;
/// How long a client waits before it knocks again at a server that is down or boots, ns.
const KNOCK: Nanos = 2_000_000;
/// How often an operator asks whether a recovery can begin, ns.
const ASK: Nanos = 1_000_000;

/// What happens at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Frame { source: u16, forward: bool, era: u64, slot: u32 },
    Done { slot: u32 },
    Timer { server: u16, at: u64 },
    Request { client: u16, slot: u32, request: u64 },
    Reply { client: u16, slot: u32, request: u64, answer: u32 },
    Think { client: u16, slot: u32 },
    Arrival { client: u16 },
    Wake { client: u16 },
    Deadlines { client: u16 },
    Fault { index: u32 },
    FaultEnd { index: u32 },
    Restart { server: u16, incarnation: u32 },
    Resume { server: u16 },
    Recover { source: u16 },
    Watch,
}

/// Things that wait in slots.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    items: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    fn new() -> Self {
        Slab { items: Vec::new(), free: Vec::new() }
    }

    pub fn put(&mut self, item: T) -> u32 {
        match self.free.pop() {
            Some(at) => {
                self.items[at as usize] = Some(item);
                at
            }
            None => {
                self.items.push(Some(item));
                self.items.len() as u32 - 1
            }
        }
    }

    pub fn take(&mut self, at: u32) -> Option<T> {
        let item = self.items[at as usize].take();
        if item.is_some() {
            self.free.push(at);
        }
        item
    }
}

/// Phase of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    Faults,
    Healed,
    Quiesce,
    Over,
}

/// A recovery ordered by the operator.
#[derive(Clone, Debug)]
pub(crate) struct Ordered {
    pub since: Nanos,
    pub done: bool,
    pub answered: usize,
}

/// An answered write: where it stands, when it was answered, its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acked {
    pub position: Position,
    pub time: Nanos,
    pub bytes: u64,
}

pub(crate) struct World<'s, Q> {
    pub spec: &'s Spec,
    pub quirk: Q,
    pub sched: Scheduler<Event>,
    pub decisions: Decisions,
    pub trace: Trace,
    pub geometries: Vec<Arc<Geometry>>,
    pub regions: Vec<Region>,
    pub servers: Vec<Server<Q>>,
    pub links: Vec<[Link<Frame>; 2]>,
    pub clients: Vec<Client>,
    by_number: Vec<Vec<u16>>,
    delays: Vec<Delay>,
    frames: Slab<Frame>,
    operations_under_way: Slab<Operation>,
    answers: Slab<Answer>,
    inboxes: Vec<Vec<Deferred>>,
    pub judge: oracle::Judge,
    pub probe: Probe<Q>,
    pub faults: Vec<FaultSpec>,
    pub fault_counts: Vec<FaultCount>,
    pub stage_counts: BTreeMap<(Stage, u16), u64>,
    pub triggered: Vec<bool>,
    pub ordered: BTreeMap<usize, Ordered>,
    pub phase: Phase,
    pub events: u64,
    pub progress_at: Nanos,
    pub last_fault_at: Nanos,
    pub stalled_since: Vec<Option<Nanos>>,
    pub ops: Operations,
    pub latency: BTreeMap<&'static str, Histogram>,
    pub acked: Vec<Vec<Acked>>,
    pub alarms: Vec<Alarm>,
    pub recoveries: Vec<RecoveryReport>,
    pub metrics: BTreeMap<&'static str, u64>,
    pub unexpected: Vec<String>,
    pub stop_reason: Option<&'static str>,
    /// It was asked to stop here; nothing is judged that needs the end.
    pub stopped_on_purpose: bool,
    replying: Option<(RequestId, u64)>,
}

/// What reached a server that stood still.
enum Deferred {
    Frame(u16, Frame),
    Done(Token, Completion, u32),
    Request(u16, u32, u64),
    Disconnect(u16),
}

fn entry(time: u64, kind: u16, actor: usize, peer: usize, flags: u16, abc: [u64; 3]) -> Entry {
    Entry { time, kind, actor: actor as u16, peer: peer as u16, flags, a: abc[0], b: abc[1], c: abc[2] }
}

impl<'s, Q: Quirk> World<'s, Q> {
    pub fn new(spec: &'s Spec, quirk: Q, decisions: Decisions, trace: Trace, faults: Vec<FaultSpec>) -> Self {
        let geometries = plan::geometries(spec);
        let mut base = 0;
        let regions: Vec<Region> = geometries
            .iter()
            .map(|g| {
                let region = g.region(base);
                base += g.region_size();
                region
            })
            .collect();
        let mut servers = Vec::new();
        let server = |nvram: &crate::spec::NvramSpec, log: Option<&crate::spec::DiskSpec>, image| Server {
            machine: None,
            incarnation: 0,
            nvram: Nvram::new(plan::nvram(nvram)),
            mark: Nvram::new(plan::nvram(nvram)),
            log: log.map(|l| Disk::new(plan::disk(l))),
            image: Disk::new(plan::disk(image)),
            paused_until: 0,
            timer: None,
            gone: false,
            restart_at: None,
        };
        for source in &spec.sources {
            servers.push(server(&source.nvram, None, &source.disk));
        }
        let d = &spec.destination;
        servers.push(server(&d.nvram, Some(&d.log_disk), &d.image_disk));
        let links = spec
            .sources
            .iter()
            .map(|s| {
                let link = || Link::new(plan::link(spec.protocol.transport, &s.link));
                [link(), link()]
            })
            .collect();
        let mut by_number: Vec<Vec<u16>> = vec![Vec::new(); spec.sources.len()];
        let mut clients = Vec::new();
        for (i, c) in spec.clients.iter().enumerate() {
            let volumes = spec.sources[c.source].volumes.iter().map(|v| v.size).collect();
            clients.push(Client::new(c, by_number[c.source].len() as u32, volumes));
            by_number[c.source].push(i as u16);
        }
        let judge = oracle::Judge::new(plan::setup(spec, &geometries));
        let segments = d.nvram_size / (d.reserve / 2);
        let probe = Probe::new(
            spec.check.clone(),
            geometries.clone(),
            regions.clone(),
            segments,
            d.log_disk.garbage || d.image_disk.garbage,
            quirk,
            decisions.seed(),
        );
        let last_fault_at = faults
            .iter()
            .filter_map(|f| match f.when {
                crate::spec::When::At(t) => Some(t),
                _ => None,
            })
            .max()
            .unwrap_or(0);
        let count = spec.sources.len();
        World {
            spec,
            quirk,
            sched: Scheduler::new(),
            decisions,
            trace,
            servers,
            links,
            delays: spec.clients.iter().map(|c| plan::delay(&c.delay)).collect(),
            clients,
            by_number,
            frames: Slab::new(),
            operations_under_way: Slab::new(),
            answers: Slab::new(),
            inboxes: (0..=count).map(|_| Vec::new()).collect(),
            judge,
            probe,
            fault_counts: crate::faults::counts(&faults),
            triggered: vec![false; faults.len()],
            faults,
            stage_counts: BTreeMap::new(),
            ordered: BTreeMap::new(),
            phase: Phase::Faults,
            events: 0,
            progress_at: 0,
            last_fault_at,
            stalled_since: vec![None; count],
            ops: Operations::default(),
            latency: BTreeMap::new(),
            acked: vec![Vec::new(); count],
            alarms: Vec::new(),
            recoveries: Vec::new(),
            metrics: BTreeMap::new(),
            unexpected: Vec::new(),
            stop_reason: None,
            stopped_on_purpose: false,
            replying: None,
            geometries,
            regions,
        }
    }

    pub fn destination(&self) -> usize {
        self.spec.sources.len()
    }

    pub fn name(&self, server: usize) -> &str {
        self.spec.sources.get(server).map_or("destination", |s| s.name.as_str())
    }

    fn oracle_server(&self, server: usize) -> oracle::Server {
        if server == self.destination() {
            oracle::Server::Destination
        } else {
            oracle::Server::Source(server)
        }
    }

    pub fn emit(&mut self, kind: u16, actor: usize, peer: usize, flags: u16, abc: [u64; 3]) {
        let now = self.sched.now();
        self.trace.emit(entry(now, kind, actor, peer, flags, abc));
    }

    /// Empty devices get their superblocks and marks; then everything is switched on.
    pub fn begin(&mut self) {
        let d = self.destination();
        for i in 0..self.spec.sources.len() {
            let geometry = self.geometries[i].clone();
            for (server, region, role, mark_index) in [
                (i, geometry.region(0), Role::Source, 0),
                (d, self.regions[i].clone(), Role::Mirror, i as u16),
            ] {
                let superblock = Superblock { counter: 1, ..Superblock::fresh(role) };
                let at = region.base + superblock.slot();
                self.format(server, Device::Image, at, superblock.encode(geometry.mirror), i);
                let mark = Mark { counter: 1, ..Mark::default() };
                self.format(server, Device::Mark, mark.slot(mark_index), mark.encode(geometry.mirror), i);
            }
        }
        for server in (0..=d).rev() {
            self.start(server);
        }
        for index in 0..self.faults.len() {
            if let crate::spec::When::At(at) = self.faults[index].when {
                self.sched.at(at, Event::Fault { index: index as u32 });
            }
        }
        for client in 0..self.clients.len() {
            if let Some(Pacing::Open { interval }) = client::pacing(&self.spec.clients[client]) {
                let wait = self.decisions.delay(sites::PACE, client as u32, &plan::delay(interval));
                self.sched.at(wait, Event::Arrival { client: client as u16 });
            } else {
                self.sched.at(0, Event::Wake { client: client as u16 });
            }
        }
        self.sched.at(WATCH, Event::Watch);
    }

    fn format(&mut self, server: usize, device: Device, offset: u64, bytes: bytes::Bytes, mirror: usize) {
        let store = self.servers[server].store_mut(device);
        let length = bytes.len() as u64;
        let serial = store.write(offset, SmallVec::from_iter([bytes]), mirror as u32);
        store.complete(serial);
        let mark = store.begin_flush();
        store.end_flush(mark);
        let s = &self.servers[server];
        let (who, device) = (
            if server == self.spec.sources.len() {
                oracle::Server::Destination
            } else {
                oracle::Server::Source(server)
            },
            oracle_device(device),
        );
        let by = (server == self.spec.sources.len()).then_some(mirror);
        self.judge.stored(who, device, offset, length, by, &s.stable(), &s.current());
        self.judge.flushed(who, device, &[(offset, length)], &s.stable(), &s.current());
    }

    pub fn start(&mut self, server: usize) {
        if self.servers[server].gone || self.servers[server].machine.is_some() {
            return;
        }
        let now = self.sched.now();
        let p = &self.spec.protocol;
        let machine = if server == self.destination() {
            let knobs = mirror::destination::Knobs {
                ack: p.ack,
                apply_scope: p.apply_scope,
                transport: p.transport,
                retry_after: p.resend_after,
            };
            let nvram = self.spec.destination.nvram_size;
            let mut destination = Destination::new(&self.geometries, nvram, knobs, self.quirk, now);
            destination.handle_degraded(now, self.servers[server].nvram.degraded);
            Machine::Destination(Box::new(destination))
        } else {
            let knobs = mirror::source::Knobs {
                ack: p.ack,
                reads: p.reads,
                transport: p.transport,
                seal_after: p.seal_after,
                resend_after: p.resend_after,
            };
            let geometry = self.geometries[server].clone();
            Machine::Source(Box::new(Source::new(geometry, knobs, server as u16, self.quirk, now)))
        };
        let s = &mut self.servers[server];
        s.machine = Some(machine);
        s.restart_at = None;
        s.timer = None;
        self.emit(kinds::START, server, server, 0, [self.servers[server].incarnation as u64, 0, 0]);
        self.drain(server);
    }

    /// Dispatches one event; false at the end of the run.
    pub fn step(&mut self) -> bool {
        let Some(event) = self.sched.next() else { return false };
        self.events += 1;
        self.judge.at(self.sched.now(), self.trace.count());
        match event {
            Event::Frame { source, forward, era, slot } => self.frame_arrives(source, forward, era, slot),
            Event::Done { slot } => self.operation_done(slot),
            Event::Timer { server, at } => self.timer(server as usize, at),
            Event::Request { client, slot, request } => self.request_arrives(client, slot, request),
            Event::Reply { client, slot, request, answer } => {
                self.reply_arrives(client, slot, request, answer)
            }
            Event::Think { client, slot } => {
                self.clients[client as usize].slots[slot as usize].busy = false;
                self.pump_client(client);
            }
            Event::Arrival { client } => self.arrival(client),
            Event::Wake { client } => {
                self.clients[client as usize].wake = None;
                self.pump_client(client);
            }
            Event::Deadlines { client } => self.deadlines(client),
            Event::Fault { index } => self.inject(index as usize),
            Event::FaultEnd { index } => self.end_fault(index as usize),
            Event::Restart { server, incarnation } => {
                let s = &self.servers[server as usize];
                if s.machine.is_none() && s.incarnation == incarnation {
                    self.start(server as usize);
                }
            }
            Event::Resume { server } => self.resume(server as usize),
            Event::Recover { source } => self.try_recover(source as usize),
            Event::Watch => self.watch(),
        }
        self.phase != Phase::Over
    }

    // ---- machines and their effects

    /// Carries out a machine's effects until it has none, then arms its timer.
    pub fn drain(&mut self, server: usize) {
        let incarnation = self.servers[server].incarnation;
        loop {
            let s = &mut self.servers[server];
            if s.incarnation != incarnation {
                return;
            }
            let Some(effect) = s.machine.as_mut().and_then(Machine::poll_effect) else { break };
            self.effect(server, effect);
        }
        let now = self.sched.now();
        let s = &mut self.servers[server];
        let wanted = s.machine.as_ref().and_then(Machine::poll_timeout);
        if let Some(at) = wanted
            && s.timer.is_none_or(|t| at < t)
        {
            s.timer = Some(at.max(now));
            self.sched.at(at, Event::Timer { server: server as u16, at: at.max(now) });
        }
        if server == self.destination() {
            self.see_recoveries();
        }
    }

    fn timer(&mut self, server: usize, at: u64) {
        let now = self.sched.now();
        let s = &mut self.servers[server];
        if s.timer != Some(at) {
            return;
        }
        if s.paused_until > now {
            let later = s.paused_until;
            s.timer = Some(later);
            self.sched.at(later, Event::Timer { server: server as u16, at: later });
            return;
        }
        s.timer = None;
        let Some(machine) = s.machine.as_mut() else { return };
        if machine.poll_timeout().is_some_and(|t| t <= now) {
            machine.handle_timeout(now);
            self.emit(kinds::TIMER, server, server, 0, [0; 3]);
        }
        self.drain(server);
    }

    fn effect(&mut self, server: usize, effect: Effect) {
        match effect {
            Effect::Stage { mirror, stage, position } => self.staged(server, mirror, stage, position),
            Effect::Send { mirror, frame } => self.send(server, mirror as usize, frame),
            Effect::Write { device, token, runs } => self.write(server, device, token, runs),
            Effect::Flush { device, token } => self.flush(server, device, token),
            Effect::Read { device, token, ranges } => {
                let now = self.sched.now();
                let bytes = ranges.iter().map(|r| r.1).sum();
                let decisions = &mut self.decisions;
                let at = match self.servers[server].disk_mut(device) {
                    Some(disk) => disk.submit_read(now, bytes, decisions, subject(server, device)),
                    None => now + NVRAM_READ,
                };
                self.emit(kinds::READ, server, server, device as u16, [ranges[0].0, bytes, 0]);
                self.under_way(server, device, token, Work::Read(ranges), at);
            }
            Effect::Discard { device, token, offset, length } => {
                self.discard(server, device, token, offset, length);
            }
            Effect::Reply { id, answer } => self.reply(server, id, answer),
            Effect::CloseClients => self.hang_up(server),
            Effect::Alarm { mirror, alarm } => {
                let message = kinds::alarm_text(&alarm);
                self.emit(
                    kinds::ALARM,
                    server,
                    mirror as usize,
                    kinds::alarm_number(&alarm),
                    kinds::alarm_fields(&alarm),
                );
                let (who, kind) = (self.oracle_server(server), kinds::alarm_name(&alarm));
                self.judge.alarm(who, Some(mirror as usize), kind, &message);
                let server = self.name(server).to_string();
                self.alarms.push(Alarm { time: self.sched.now(), server, message });
            }
        }
    }

    fn under_way(&mut self, server: usize, device: Device, token: Token, work: Work, at: u64) {
        let incarnation = self.servers[server].incarnation;
        let slot = self.operations_under_way.put(Operation { server, incarnation, token, device, work });
        self.sched.at(at, Event::Done { slot });
    }

    fn write(&mut self, server: usize, device: Device, token: Token, runs: Vec<mirror::effect::Run>) {
        let now = self.sched.now();
        let mirror = token.mirror() as usize;
        let mut serials: SmallVec<[u64; 4]> = SmallVec::new();
        let mut ranges: SmallVec<[(u64, u64); 4]> = SmallVec::new();
        let (mut at, mut no_space) = (now, false);
        for run in runs {
            let length = run.length();
            self.emit(kinds::WRITE, server, server, device as u16, [run.offset, length, mirror as u64]);
            let decisions = &mut self.decisions;
            let mut stored = length;
            match self.servers[server].disk_mut(device) {
                None => {
                    let s = &mut self.servers[server];
                    let nvram = if device == Device::Nvram { &mut s.nvram } else { &mut s.mark };
                    nvram.write(run.offset, run.parts, mirror as u32);
                }
                Some(disk) => {
                    let subject = subject(server, device);
                    match disk.submit_write(now, run.offset, run.parts, mirror as u32, decisions, subject) {
                        Ok(written) => {
                            serials.push(written.serial);
                            at = at.max(written.at);
                        }
                        Err(error) => {
                            serials.extend(error.serial);
                            stored = error.stored;
                            at = at.max(error.at);
                            no_space = true;
                        }
                    }
                }
            }
            if stored > 0 {
                ranges.push((run.offset, stored));
            }
            if no_space {
                self.full_took_effect(server, device);
                break;
            }
        }
        self.observe_stored(server, device, mirror, &ranges);
        if !matches!(device, Device::Nvram | Device::Mark) {
            let work = if no_space { Work::NoSpace(serials) } else { Work::Write(serials) };
            self.under_way(server, device, token, work, at);
        }
    }

    fn discard(&mut self, server: usize, device: Device, token: Token, offset: u64, length: u64) {
        let now = self.sched.now();
        let mirror = token.mirror() as usize;
        self.emit(kinds::DISCARD, server, server, device as u16, [offset, length, mirror as u64]);
        let decisions = &mut self.decisions;
        let written = match self.servers[server].disk_mut(device) {
            Some(disk) => {
                let subject = subject(server, device);
                Some(disk.submit_discard(now, offset, length, mirror as u32, decisions, subject))
            }
            None => {
                let s = &mut self.servers[server];
                let nvram = if device == Device::Nvram { &mut s.nvram } else { &mut s.mark };
                nvram.discard(offset, length, mirror as u32);
                None
            }
        };
        self.observe_stored(server, device, mirror, &[(offset, length)]);
        if let Some(written) = written {
            let work = Work::Write(SmallVec::from_iter([written.serial]));
            self.under_way(server, device, token, work, written.at);
        }
    }

    fn observe_stored(&mut self, server: usize, device: Device, mirror: usize, ranges: &[(u64, u64)]) {
        let who = self.oracle_server(server);
        let at_destination = server == self.destination();
        let s = &self.servers[server];
        for (offset, length) in ranges {
            let by = at_destination.then_some(mirror);
            self.judge.stored(who, oracle_device(device), *offset, *length, by, &s.stable(), &s.current());
        }
        if at_destination && !ranges.is_empty() && mirror < self.geometries.len() {
            let kind = kinds::change_stored(device);
            self.probe.changed(kind, &[mirror], &self.servers[server], &mut self.judge);
        }
    }

    fn flush(&mut self, server: usize, device: Device, token: Token) {
        let now = self.sched.now();
        self.emit(kinds::FLUSH, server, server, device as u16, [token.mirror() as u64, 0, 0]);
        let decisions = &mut self.decisions;
        let s = &mut self.servers[server];
        let subject = subject(server, device);
        let flushing = match device {
            Device::Nvram => s.nvram.submit_flush(now, decisions, subject),
            Device::Mark => s.mark.submit_flush(now, decisions, subject),
            Device::Log | Device::Image => {
                let disk =
                    if device == Device::Log { s.log.as_mut().unwrap_or(&mut s.image) } else { &mut s.image };
                disk.submit_flush(now, decisions, subject)
            }
        };
        self.under_way(server, device, token, Work::Flush(flushing.mark), flushing.at);
    }

    fn operation_done(&mut self, slot: u32) {
        let Some(op) = self.operations_under_way.take(slot) else { return };
        let Operation { server, incarnation, token, device, work } = op;
        let number = kinds::work_number(&work);
        self.emit(
            kinds::DONE,
            server,
            server,
            (device as u16) << 8 | number,
            [token.0, incarnation as u64, 0],
        );
        let completion = match work {
            Work::Write(serials) => {
                serials.iter().for_each(|serial| self.servers[server].store_mut(device).complete(*serial));
                Completion::Done
            }
            Work::NoSpace(serials) => {
                serials.iter().for_each(|serial| self.servers[server].store_mut(device).complete(*serial));
                Completion::NoSpace
            }
            Work::Flush(mark) => {
                self.flush_ends(server, device, mark);
                Completion::Done
            }
            Work::Read(ranges) => {
                let store = self.servers[server].store(device);
                Completion::Read(ranges.iter().map(|(at, length)| store.read(*at, *length)).collect())
            }
        };
        self.deliver_done(server, token, completion, incarnation);
    }

    fn deliver_done(&mut self, server: usize, token: Token, completion: Completion, incarnation: u32) {
        let now = self.sched.now();
        let s = &mut self.servers[server];
        if s.incarnation != incarnation {
            return;
        }
        if s.paused_until > now {
            self.inboxes[server].push(Deferred::Done(token, completion, incarnation));
            return;
        }
        if let Some(machine) = s.machine.as_mut() {
            machine.handle_done(now, token, completion);
            self.drain(server);
        }
    }

    fn flush_ends(&mut self, server: usize, device: Device, mark: mirrorsim_engine::FlushMark) {
        let at_destination = server == self.destination();
        let store = self.servers[server].store_mut(device);
        let before: SmallVec<[(u64, u64, u64, u32); 8]> =
            store.pending().iter().map(|p| (p.serial, p.offset, p.len(), p.tag)).collect();
        store.end_flush(mark);
        let left: SmallVec<[u64; 8]> = store.pending().iter().map(|p| p.serial).collect();
        let mut ranges: SmallVec<[(u64, u64); 8]> = SmallVec::new();
        let mut mirrors: SmallVec<[usize; 8]> = SmallVec::new();
        for (serial, offset, length, tag) in before {
            if left.binary_search(&serial).is_ok() {
                continue;
            }
            ranges.push((offset, length));
            let mirror = tag as usize;
            if at_destination {
                self.probe.flushed(mirror, device, serial, (offset, length));
                if !mirrors.contains(&mirror) && mirror < self.geometries.len() {
                    mirrors.push(mirror);
                }
            }
        }
        if ranges.is_empty() {
            return;
        }
        let who = self.oracle_server(server);
        let s = &self.servers[server];
        self.judge.flushed(who, oracle_device(device), &ranges, &s.stable(), &s.current());
        if !mirrors.is_empty() {
            self.probe.changed(kinds::change_flushed(device), &mirrors, s, &mut self.judge);
        }
    }

    // ---- stages

    fn staged(&mut self, server: usize, mirror: u16, stage: Stage, position: Position) {
        let now = self.sched.now();
        self.emit(
            kinds::STAGE,
            server,
            mirror as usize,
            stage as u16,
            [position.generation, position.sequence, 0],
        );
        match stage {
            Stage::Replied => {
                self.progress_at = now;
                if let Some((_, bytes)) = self.replying.take() {
                    self.acked[mirror as usize].push(Acked { position, time: now, bytes });
                }
            }
            Stage::Freed | Stage::ImageApplied | Stage::Booted | Stage::ApplyAdvanced | Stage::FileMarked => {
                self.progress_at = now;
            }
            Stage::Stalled => {
                *self.metrics.entry("stalls").or_default() += 1;
                self.stalled_since[mirror as usize] = Some(now);
            }
            Stage::Numbered => {
                if let Some(since) = self.stalled_since[mirror as usize].take() {
                    *self.metrics.entry("stall_time").or_default() += now - since;
                }
            }
            _ => {}
        }
        if stage == Stage::Booted {
            let who = self.oracle_server(server);
            self.judge.booted(who);
        }
        let count = self.stage_counts.entry((stage, mirror)).or_default();
        *count += 1;
        self.trigger(stage, mirror);
    }

    // ---- network

    fn send(&mut self, server: usize, mirror: usize, frame: Frame) {
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
        let now = self.sched.now();
        let length = frame.length();
        let subject = mirror as u32 * 2 + !forward as u32;
        let link = &mut self.links[mirror][!forward as usize];
        let deliveries = link.send(now, length, frame, &mut self.decisions, subject);
        for delivery in deliveries {
            self.schedule(mirror, forward, delivery);
        }
    }

    pub fn schedule(&mut self, mirror: usize, forward: bool, delivery: Delivery<Frame>) {
        let frame = match delivery.corrupt {
            None => delivery.handle,
            Some(draw) => {
                *self.metrics.entry("corrupted").or_default() += 1;
                kinds::flip(delivery.handle, draw)
            }
        };
        let slot = self.frames.put(frame);
        let event = Event::Frame { source: mirror as u16, forward, era: delivery.era, slot };
        self.sched.at(delivery.at, event);
    }

    fn frame_arrives(&mut self, source: u16, forward: bool, era: u64, slot: u32) {
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

    fn deliver_frame(&mut self, server: usize, source: u16, frame: Frame) {
        let now = self.sched.now();
        let s = &mut self.servers[server];
        if s.paused_until > now {
            self.inboxes[server].push(Deferred::Frame(source, frame));
            return;
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
            Some(Machine::Source(m)) => m.handle_disconnect(now),
            Some(Machine::Destination(m)) => m.handle_disconnect(now, source as u16),
            None => return,
        }
        self.drain(server);
    }

    fn resume(&mut self, server: usize) {
        if self.servers[server].paused_until > self.sched.now() {
            return;
        }
        self.emit(kinds::RESUME, server, server, 0, [0; 3]);
        for deferred in std::mem::take(&mut self.inboxes[server]) {
            match deferred {
                Deferred::Frame(source, frame) => self.deliver_frame(server, source, frame),
                Deferred::Done(token, completion, life) => self.deliver_done(server, token, completion, life),
                Deferred::Request(client, slot, request) => self.request_arrives(client, slot, request),
                Deferred::Disconnect(source) => self.disconnect(server, source as usize),
            }
        }
    }

    pub fn forget_inbox(&mut self, server: usize) {
        self.inboxes[server].clear();
    }

    // ---- clients

    fn arrival(&mut self, client: u16) {
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
                    self.ask(client, slot as u32, ask);
                }
            }
        }
    }

    fn ask(&mut self, client: u16, slot: u32, ask: Ask) {
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
        self.judge.issued(c.source, asked);
        let deadline = now + self.spec.clients[client as usize].timeout;
        s.open = Some(Open { request, ask, since: now, deadline });
        self.ops.issued += 1;
        self.transmit(client, slot, request);
        self.arm_deadlines(client);
    }

    fn transmit(&mut self, client: u16, slot: u32, request: u64) {
        let delay = self.decisions.delay(sites::CLIENT_DELAY, client as u32, &self.delays[client as usize]);
        self.sched.at(self.sched.now() + delay, Event::Request { client, slot, request });
    }

    fn arm_deadlines(&mut self, client: u16) {
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
    fn deadlines(&mut self, client: u16) {
        let now = self.sched.now();
        self.clients[client as usize].armed = false;
        if self.clients[client as usize].hung_up {
            return;
        }
        for slot in 0..self.clients[client as usize].slots.len() {
            let c = &mut self.clients[client as usize];
            let s = &mut c.slots[slot];
            let Some(open) = s.open.as_mut().filter(|o| o.deadline <= now) else { continue };
            open.deadline = now + self.spec.clients[client as usize].timeout;
            let old = open.request;
            if self.spec.protocol.retry == mirror::config::Retry::NewRequest {
                // A new operation; the first may or may not have happened.
                let Some(open) = s.open.take() else { continue };
                self.ops.in_doubt += 1;
                let (source, number) = (c.source, c.number);
                self.judge.abandoned(source, number, slot as u32, old);
                self.ask(client, slot as u32, open.ask);
            } else {
                let (source, number) = (c.source, c.number);
                self.judge.retried(source, number, slot as u32, old);
                self.transmit(client, slot as u32, old);
            }
        }
        self.arm_deadlines(client);
    }

    fn request_arrives(&mut self, client: u16, slot: u32, request: u64) {
        let now = self.sched.now();
        let c = &self.clients[client as usize];
        let server = c.source;
        let Some(asked) = c.request(slot, request).filter(|_| !c.hung_up) else { return };
        self.emit(
            kinds::REQUEST,
            server,
            client as usize,
            slot as u16,
            [request, asked.offset, asked.length],
        );
        let s = &mut self.servers[server];
        if s.paused_until > now {
            self.inboxes[server].push(Deferred::Request(client, slot, request));
            return;
        }
        match s.machine.as_mut() {
            Some(Machine::Source(m)) if m.serving() => {
                m.handle_request(now, asked);
                self.drain(server);
            }
            // The connection is refused; the client knocks again.
            _ if !s.gone => self.sched.at(now + KNOCK, Event::Request { client, slot, request }),
            _ => {}
        }
    }

    fn reply(&mut self, server: usize, id: RequestId, answer: Answer) {
        let client = self.by_number[server][id.client as usize];
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
        self.judge.answered(server, id.client, id.slot, id.request, seen);
        let delay = self.decisions.delay(sites::CLIENT_DELAY, client as u32, &self.delays[client as usize]);
        let answer = self.answers.put(answer);
        let event = Event::Reply { client, slot: id.slot, request: id.request, answer };
        self.sched.at(self.sched.now() + delay, event);
    }

    fn reply_arrives(&mut self, client: u16, slot: u32, request: u64, answer: u32) {
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
                "{}: {} of {} bytes at {} {what}",
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
        self.emit(
            kinds::ANSWERED,
            100 + client as usize,
            c_source(&self.clients, client),
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

    pub fn hang_up(&mut self, server: usize) {
        for client in self.by_number[server].clone() {
            self.clients[client as usize].hung_up = true;
        }
    }

    // ---- recoveries

    pub fn try_recover(&mut self, source: usize) {
        let d = self.destination();
        let now = self.sched.now();
        if self.ordered.get(&source).is_none_or(|o| o.done) {
            return;
        }
        let paused = self.servers[d].paused_until > now;
        if let Some(Machine::Destination(m)) = self.servers[d].machine.as_mut()
            && !paused
            && matches!(m.standing(source as u16), Standing::Serving | Standing::Stopped)
        {
            m.handle_recover(now, source as u16);
            self.drain(d);
        }
        self.sched.at(now + ASK, Event::Recover { source: source as u16 });
    }

    /// Judges recoveries that have ended.
    fn see_recoveries(&mut self) {
        if self.ordered.values().all(|o| o.done) {
            return;
        }
        let d = self.destination();
        let now = self.sched.now();
        let sources: Vec<usize> = self.ordered.iter().filter(|(_, o)| !o.done).map(|(s, _)| *s).collect();
        for source in sources {
            let Some(Machine::Destination(m)) = self.servers[d].machine.as_ref() else { return };
            let Standing::Open(verdict, position) = m.standing(source as u16) else { continue };
            let to = probe::to_oracle(position, verdict);
            let replayed = m.replayed(source as u16);
            let before = self.judge.total_findings();
            self.judge.recovered(source, &self.servers[d].current(), to);
            let exact = self.judge.total_findings() == before;
            let Some(ordered) = self.ordered.get_mut(&source) else { continue };
            ordered.done = true;
            let since = ordered.since;
            let lost: Vec<&Acked> = self.acked[source][..ordered.answered.min(self.acked[source].len())]
                .iter()
                .filter(|a| a.position > position)
                .collect();
            self.ops.lost += lost.len() as u64;
            self.recoveries.push(RecoveryReport {
                source,
                time: now,
                verdict: kinds::verdict_text(verdict, position),
                recovered: (position.generation, position.sequence),
                rpo_operations: lost.len() as u64,
                rpo_bytes: lost.iter().map(|a| a.bytes).sum(),
                rpo_time: lost.iter().map(|a| since.saturating_sub(a.time)).max().unwrap_or(0),
                rto: now - since,
                replayed,
                exact,
            });
            self.progress_at = now;
        }
    }
}

fn c_source(clients: &[Client], client: u16) -> usize {
    clients[client as usize].source
}

/// Subject of a device's draws.
pub(crate) fn subject(server: usize, device: Device) -> u32 {
    server as u32 * 4 + device as u32
}

/// The next look at the phase.
pub(crate) fn watch_interval() -> Nanos {
    WATCH
}
