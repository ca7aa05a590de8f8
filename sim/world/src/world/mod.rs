//! The world of one run: servers, clients and links on the engine's scheduler, with the judge looking on.

mod adoption;
mod astray;
mod atlas;
pub(crate) mod bench;
mod bends;
mod changes;
mod clients;
mod clocks;
mod damage;
mod devices;
mod failing;
mod fences;
mod idle;
mod inbox;
mod inject;
mod lasting;
mod log_files;
mod machines;
mod network;
mod outages;
mod places;
mod prelude;
mod recoveries;
mod replaced;
mod rounds;
mod service;
mod standing;

use crate::acked::AckedWrites;
use crate::client::{self, Client};
use crate::clock::Clock;
use crate::coverage::Coverage;
use crate::event::{Deferred, Event, Phase, WATCH};
use crate::histogram::Histogram;
use crate::hosted::Machines;
use crate::judging::{Judging, Rigged};
use crate::matrix::Key;
use crate::outcome::{Alarm, FaultCount, Ledger, Operations, RecoveryReport};
use crate::parcel::{Parcel, Reception};
use crate::server::{Operation, Server};
use crate::slab::Slab;
use crate::spec::{DiskSpec, FaultSpec, Nanos, NvramSpec, Pacing, Spare, Spec, When};
use crate::stages::StageCounts;
use crate::{Options, plan, sites};
use bench::Bench;
use mirror::config::Transport;
use mirror::couple::Rounds;
use mirror::effect::{Answer, Device};
use mirror::geometry::{Geometry, Region};
use mirror::ids::RequestId;
use mirror::mark::{self, Mark};
use mirror::superblock::{Role, Superblock};
use mirrorsim_engine::{Decisions, Delay, Disk, Entry, Link, Nvram, Scheduler, Trace};
use mirrorsim_oracle as oracle;
use service::Service;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A recovery ordered by the operator.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ordered {
    /// When it was ordered, the last time.
    pub since: Nanos,
    /// It has ended before, and was ordered once more.
    pub again: bool,
    pub done: bool,
    /// Answers at the disaster, or without one at the first order, and when that was.
    pub answered: u64,
    pub as_of: Nanos,
    /// The destination is to serve the clients then.
    pub promote: bool,
    /// The life in which it was told so.
    pub told: Option<u32>,
    /// It has said that it will not forget.
    pub noted: bool,
}

pub(crate) struct World<'s, M: Machines> {
    pub spec: &'s Spec,
    /// Who stands where.
    pub machines: M,
    pub sched: Scheduler<Event>,
    pub decisions: Decisions,
    pub trace: Trace,
    pub geometries: Vec<Arc<Geometry>>,
    pub regions: Vec<Region>,
    pub servers: Vec<Server<M>>,
    pub links: Vec<[Link<Parcel>; 2]>,
    receptions: Vec<[Reception; 2]>,
    bends: Vec<[bends::Bends; 2]>,
    /// Numbers of messages that were split.
    pieces_sent: u64,
    pub clients: Vec<Client>,
    by_number: Vec<Vec<u16>>,
    /// Places for the clients of others, and of each mirror the server that is its source, or was it last.
    spares: Vec<Spare>,
    pub sources: Vec<usize>,
    /// Per mirror: the source that is to serve its clients.
    adoptions: Vec<Option<usize>>,
    /// The line whose frame a server is answering.
    answering: usize,
    /// The server that the clients of each source talk to, and what they have heard of it.
    hosts: Vec<usize>,
    pub service: Vec<Service>,
    delays: Vec<Delay>,
    parcels: Slab<Parcel>,
    operations_under_way: Slab<Operation>,
    answers: Slab<Answer>,
    inboxes: Vec<Vec<Deferred>>,
    pub bench: Bench<M::Quirk>,
    pub faults: Vec<FaultSpec>,
    pub fault_counts: Vec<FaultCount>,
    pub stage_counts: StageCounts,
    pub coverage: Coverage,
    /// Where each fault was counted when it was injected.
    fault_keys: Vec<Option<Key>>,
    pub ledger: Ledger,
    /// A scripted fault that would have gone beyond the fault model, unannounced.
    pub beyond: Option<String>,
    pub triggered: Vec<bool>,
    /// Faults that have not ended yet.
    pub lasting: BTreeSet<usize>,
    /// Faults that wait for a write or a flush to hit.
    pub armed: BTreeSet<usize>,
    /// Stable content at the beginning of faults that will put some of it back, and what was written since.
    rollbacks: BTreeMap<usize, astray::Before>,
    pub ordered: BTreeMap<usize, Ordered>,
    /// Mirrors whose heir was lost, and whose clients are served by what was their source since.
    pub taken_back: BTreeSet<usize>,
    /// Sources whose clients are to go back to them.
    pub hand_overs: BTreeSet<usize>,
    /// Faults of the plan that want that, and have not taken effect yet.
    hand_over_orders: BTreeSet<usize>,
    /// Per server: where its epoch as a source has ended without it.
    ended: Vec<Option<fences::Ended>>,
    /// What the judge's reader expects of the recoveries under way.
    expected: Vec<Option<oracle::RecoveredTo>>,
    /// Under `apply: coupled` the rounds of each server, and whether some wait for each other for ever.
    rounds: Vec<Rounds>,
    deadlocked: bool,
    pub phase: Phase,
    pub events: u64,
    pub progress_at: Nanos,
    pub last_fault_at: Nanos,
    pub stalled_since: Vec<Option<Nanos>>,
    /// Per source: since when it is alone.
    pub degraded_since: Vec<Option<Nanos>>,
    /// A seal was forced and nothing was numbered since.
    pub rest_wanted: Vec<bool>,
    pub ops: Operations,
    pub latency: BTreeMap<&'static str, Histogram>,
    pub acked: Vec<AckedWrites>,
    pub alarms: Vec<Alarm>,
    pub recoveries: Vec<RecoveryReport>,
    pub metrics: BTreeMap<&'static str, u64>,
    pub unexpected: Vec<String>,
    pub stop_reason: Option<String>,
    /// When the phase began.
    pub phase_since: Nanos,
    /// The longest time, after everything was healed, that an operation or a server's rest was waited for.
    pub longest_wait: Nanos,
    /// It was asked to stop here; nothing is judged that needs the end.
    pub stopped_on_purpose: bool,
    /// Why a stop on purpose did not come.
    pub missed: Option<String>,
    /// The last entries of the trace when the judge found something first.
    pub prelude: Option<Vec<String>>,
    /// What an event further back was that explains much.
    pub landmarks: prelude::Landmarks,
    /// Why faults that came changed nothing.
    pub why_idle: BTreeMap<usize, String>,
    replying: Option<(RequestId, u64)>,
    pub judging: Judging,
    pub rigged: Option<Rigged>,
    /// When each client asked for its operations, if the whole trace is kept.
    pub asked: Option<Vec<Vec<Nanos>>>,
}

fn entry(time: u64, kind: u16, actor: usize, peer: usize, flags: u16, abc: [u64; 3]) -> Entry {
    Entry { time, kind, actor: actor as u16, peer: peer as u16, flags, a: abc[0], b: abc[1], c: abc[2] }
}

impl<'s, M: Machines> World<'s, M> {
    pub fn new(spec: &'s Spec, machines: M, decisions: Decisions, trace: Trace, options: &Options) -> Self {
        let geometries = plan::geometries(spec);
        let faults = spec.faults.clone();
        let regions = plan::regions(spec, &geometries);
        let mut servers = Vec::new();
        let server = |nvram: &NvramSpec, log: Option<&DiskSpec>, image| Server {
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
            down_for: failing::DOWN,
            nvram_left: None,
            clock: Clock::new(),
            ticks: false,
            version: 1,
            config: None,
        };
        let (d, transport) = (&spec.destination, spec.protocol.transport);
        // Where a source may lose its place, it has what it needs to keep an image.
        let log = faults.iter().any(FaultSpec::promotes).then_some(&d.log_disk);
        for source in &spec.sources {
            servers.push(server(&source.nvram, log, &source.disk));
        }
        for _ in &spec.destinations {
            servers.push(server(&d.nvram, Some(&d.log_disk), &d.image_disk));
        }
        let spares = spec.spares();
        for spare in &spares {
            let source = &spec.sources[spare.by];
            servers.push(server(&source.nvram, log, &source.disk));
        }
        let ends = (0..spec.sources.len()).chain(spares.iter().map(|s| s.by));
        let links = ends
            .map(|source| {
                let spec = &spec.sources[source].link;
                let link = || Link::new(plan::link(transport, spec));
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
        let bench = Bench::new(spec, &geometries, &regions, (machines.quirk(), decisions.seed()), options);
        let last_fault_at = faults
            .iter()
            .filter_map(|f| match f.when {
                When::At(t) => Some(t),
                _ => None,
            })
            .max()
            .unwrap_or(0);
        let count = spec.sources.len();
        World {
            spec,
            machines,
            sched: Scheduler::new(),
            decisions,
            trace,
            inboxes: servers.iter().map(|_| Vec::new()).collect(),
            ended: servers.iter().map(|_| None).collect(),
            links,
            receptions: geometries
                .iter()
                .chain(spares.iter().map(|s| &geometries[s.mirror]))
                .map(|g| {
                    let largest = g.largest_payload().max(g.block_size) + 8;
                    let end = || Reception::new(transport == Transport::Stream, largest);
                    [end(), end()]
                })
                .collect(),
            bends: (0..count + spares.len()).map(|_| Default::default()).collect(),
            spares,
            sources: (0..count).collect(),
            adoptions: vec![None; count],
            answering: 0,
            pieces_sent: 0,
            delays: spec.clients.iter().map(|c| plan::delay(&c.delay)).collect(),
            clients,
            by_number,
            hosts: (0..spec.sources.len()).collect(),
            service: (0..count).map(Service::new).collect(),
            parcels: Slab::new(),
            operations_under_way: Slab::new(),
            answers: Slab::new(),
            bench,
            fault_counts: crate::faults::counts(&faults),
            triggered: vec![false; faults.len()],
            fault_keys: vec![None; faults.len()],
            lasting: BTreeSet::new(),
            armed: BTreeSet::new(),
            rollbacks: BTreeMap::new(),
            faults,
            stage_counts: StageCounts::new(count),
            coverage: Coverage::new(count, spec.protocol.partitions as u64),
            ledger: Ledger::default(),
            beyond: None,
            ordered: BTreeMap::new(),
            taken_back: BTreeSet::new(),
            hand_overs: BTreeSet::new(),
            hand_over_orders: BTreeSet::new(),
            expected: vec![None; count],
            rounds: servers.iter().map(|_| Rounds::default()).collect(),
            deadlocked: false,
            phase: Phase::Faults,
            events: 0,
            progress_at: 0,
            last_fault_at,
            stalled_since: vec![None; count],
            degraded_since: vec![None; count],
            rest_wanted: vec![false; count],
            ops: Operations::default(),
            latency: BTreeMap::new(),
            acked: vec![AckedWrites::default(); count],
            alarms: Vec::new(),
            recoveries: Vec::new(),
            metrics: BTreeMap::new(),
            unexpected: Vec::new(),
            stop_reason: None,
            phase_since: 0,
            longest_wait: 0,
            stopped_on_purpose: false,
            missed: None,
            prelude: None,
            landmarks: prelude::Landmarks::default(),
            why_idle: BTreeMap::new(),
            replying: None,
            judging: options.judging.clone(),
            rigged: options.rigged,
            asked: options.trace.then(|| vec![Vec::new(); spec.clients.len()]),
            geometries,
            regions,
            servers,
        }
    }

    /// Tells the judges which sources have a whole path to their destination.
    pub fn tell_paths(&mut self) {
        let now = self.sched.now();
        let well = |s: &Server<M>| {
            let steady = s.nvram.slow == 1 && s.mark.slow == 1 && !s.nvram.degraded;
            let usual = s.clock.steady() && !s.ticks && s.version == 1 && s.config.is_none();
            let steady = steady && usual;
            s.machine.is_some() && s.paused_until <= now && steady
        };
        for source in 0..self.spec.sources.len() {
            let home = self.source_of(source);
            let open = self.links[self.line(home)].iter().all(|l| !l.is_cut() && !l.is_clogged());
            let destination = well(&self.servers[self.destination_of(source)]);
            let whole = destination && open && well(&self.servers[home]);
            let (judge, mirror) = self.bench.of(source);
            judge.path(mirror, whole);
        }
    }

    pub fn emit(&mut self, kind: u16, actor: usize, peer: usize, flags: u16, abc: [u64; 3]) {
        let now = self.sched.now();
        let entry = entry(now, kind, actor, peer, flags, abc);
        self.landmarks.pass(self.trace.count(), &entry);
        self.trace.emit(entry);
    }

    /// Empty devices get their superblocks and marks; then everything is switched on.
    pub fn begin(&mut self) {
        for i in 0..self.spec.sources.len() {
            self.make(i, i, 0, Role::Source, 0, false);
            let d = self.destination_of(i);
            self.make(i, d, self.regions[i].base, Role::Mirror, self.desk(d, i), false);
        }
        for server in (0..self.first_spare()).rev() {
            self.start(server);
        }
        for index in 0..self.faults.len() {
            if let When::At(at) = self.faults[index].when {
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

    /// Superblock and mark of a mirror at a server whose devices are empty.
    fn make(&mut self, mirror: usize, server: usize, base: u64, role: Role, mark_index: u16, void: bool) {
        let uuid = self.geometries[mirror].mirror;
        let superblock = Superblock { counter: 1, void, ..Superblock::fresh(role, self.spec.protocol.ack) };
        let at = base + superblock.slot();
        self.format(server, Device::Image, at, superblock.encode(uuid), mirror);
        let mark = Mark { counter: 1, ..Mark::default() };
        self.format(server, Device::Mark, mark.slot(mark::base(mark_index)), mark.encode(uuid), mirror);
    }

    /// Dispatches one event; false at the end of the run.
    pub fn step(&mut self) -> bool {
        let Some(event) = self.sched.next() else { return false };
        self.events += 1;
        let number = self.trace.count();
        let now = self.sched.now();
        self.bench.judges().for_each(|judge| judge.at(now, number));
        match event {
            Event::Frame { line, forward, era, slot } => self.frame_arrives(line, forward, era, slot),
            Event::Done { slot } => self.operation_done(slot),
            Event::Timer { server, at } => self.timer(server as usize, at),
            Event::Request { client, slot, request } => self.request_arrives(client, slot, request),
            Event::Reply { client, slot, request, answer, server } => {
                self.reply_arrives(client, slot, request, (server as usize, answer))
            }
            Event::Think { client, slot } => {
                self.clients[client as usize].slots[slot as usize].busy = false;
                self.pump_client(client);
            }
            Event::Arrival { client } => self.arrival(client),
            Event::Learns { client } => self.learns(client),
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
            Event::Order { source } => self.act_on_disaster(source as usize),
            Event::Recover { source } => self.try_recover(source as usize),
            Event::HeirLost { index } => self.try_to_lose_heir(index as usize),
            Event::Adopt { index } => self.try_to_adopt(index as usize),
            Event::HandOver { source } => self.try_hand_over(source as usize),
            Event::Tick { server, index } => self.tick(server as usize, index as usize),
            Event::Unglue { line, forward } => self.unglue(line as usize, forward),
            Event::Watch => self.watch(),
        }
        if self.rest_wanted.contains(&true) {
            self.look_for_rest();
        }
        if self.prelude.is_none() && self.bench.total_findings() > 0 {
            self.prelude = Some(self.lead_up(Some(number)));
        }
        self.phase != Phase::Over
    }
}
