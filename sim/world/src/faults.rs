//! Faults: drawn into a plan of explicit ones, injected at a time or on a stage, and counted by what took effect.

use crate::event::{Event, Phase};
use crate::kinds;
use crate::outcome::FaultCount;
use crate::server::{oracle_device, subject};
use crate::sites;
use crate::spec::{
    DamageTarget, DeviceName, Direction, Fault, FaultSpec, LostContent, Nanos, Node, Profile, Spec, When,
};
use crate::world::{Ordered, World};
use mirror::effect::Device;
use mirror::log_file::{FILE_HEADER, FileHeader};
use mirror::nvram_log::{SEGMENT_HEADER, SegmentHeader};
use mirror::quirk::Quirk;
use mirror::stage::Stage;
use mirror::survey::Area;
use mirrorsim_engine::{Decisions, ExtentMap, FateOdds};

/// Time that a server stays down after its NVRAM was lost, ns.
const NVRAM_LOSS_OUTAGE: Nanos = 10_000_000;

/// The name of a fault in scenarios and reports.
pub fn name(fault: &Fault) -> &'static str {
    match fault {
        Fault::Crash { .. } => "crash",
        Fault::PowerCut { .. } => "power_cut",
        Fault::Restart { .. } => "restart",
        Fault::Pause { .. } => "pause",
        Fault::Cut { .. } => "cut",
        Fault::Heal { .. } => "heal",
        Fault::Clog { .. } => "clog",
        Fault::Reset { .. } => "reset",
        Fault::DiskFull { .. } => "disk_full",
        Fault::Slow { .. } => "slow",
        Fault::Damage { .. } => "damage",
        Fault::NvramLost { .. } => "nvram_lost",
        Fault::NvramDegraded { .. } => "nvram_degraded",
        Fault::Disaster { .. } => "disaster",
        Fault::Seal { .. } => "seal",
        Fault::Recover { .. } => "recover",
    }
}

/// A line of counts for each fault.
pub(crate) fn counts(faults: &[FaultSpec]) -> Vec<FaultCount> {
    let line = |f: &FaultSpec| FaultCount {
        name: name(&f.fault),
        place: f.place.clone(),
        injected: 0,
        took_effect: 0,
    };
    faults.iter().map(line).collect()
}

/// The scripted faults and those that the profile draws, as one explicit plan.
pub fn plan(spec: &Spec, d: &mut Decisions) -> (Vec<FaultSpec>, Spec) {
    let mut faults = spec.faults.clone();
    let mut spec = spec.clone();
    let p = spec.profile.clone();
    if p == Profile::default() {
        return (faults, spec);
    }
    let mut family = 0;
    let mut rate = |d: &mut Decisions, most: u64| -> u64 {
        family += 1;
        match p.swarm {
            _ if most == 0 => 0,
            None => most,
            Some(off) if d.chance(sites::SWARM, family, off.0) => 0,
            Some(_) => d.range(sites::SWARM, family, 0, most),
        }
    };
    for (add, of) in [(&p.loss, 0), (&p.duplicate, 1), (&p.reorder, 2), (&p.corrupt, 3)] {
        let most = rate(d, add.0);
        for source in &mut spec.sources {
            let link = &mut source.link;
            let chance = match of {
                0 => &mut link.loss,
                1 => &mut link.duplicate,
                2 => &mut link.reorder,
                _ => &mut link.corrupt,
            };
            chance.0 = (chance.0 + most).min(1 << 32);
            link.reorder_by = link.reorder_by.max(if most > 0 { link.latency.max.max(1_000_000) } else { 0 });
        }
    }
    let sources = spec.sources.len() as u64;
    let families: [(u32, DrawFault<'_>); 12] = [
        (p.source_crashes_milli, &|d| {
            let node = Node::Source(d.source(sources));
            Fault::Crash { node, restart_after: Some(d.outage()) }
        }),
        (p.source_power_cuts_milli, &|d| {
            let node = Node::Source(d.source(sources));
            Fault::PowerCut { node, restart_after: Some(d.outage()) }
        }),
        (p.destination_crashes_milli, &|d| Fault::Crash {
            node: Node::Destination,
            restart_after: Some(d.outage()),
        }),
        (p.destination_power_cuts_milli, &|d| Fault::PowerCut {
            node: Node::Destination,
            restart_after: Some(d.outage()),
        }),
        (p.pauses_milli, &|d| {
            let node = match d.below(sources + 1) {
                n if n == sources => Node::Destination,
                n => Node::Source(n as usize),
            };
            Fault::Pause { node, lasting: d.outage() }
        }),
        (p.cuts_milli, &|d| {
            let source = d.source(sources);
            let direction = d.direction();
            Fault::Cut { source, direction, lasting: Some(d.outage()) }
        }),
        (p.clogs_milli, &|d| {
            let source = d.source(sources);
            let direction = d.direction();
            Fault::Clog { source, direction, lasting: d.outage() }
        }),
        (p.resets_milli, &|d| {
            let source = d.source(sources);
            let only = match d.below(4) {
                0 => Some(Node::Source(source)),
                1 => Some(Node::Destination),
                _ => None,
            };
            Fault::Reset { source, only }
        }),
        (p.disk_full_milli, &|d| {
            let device = if d.below(2) == 0 { DeviceName::Log } else { DeviceName::Image };
            Fault::DiskFull { node: Node::Destination, device, lasting: d.outage() }
        }),
        (p.slow_milli, &|d| {
            let device = if d.below(2) == 0 { DeviceName::Log } else { DeviceName::Image };
            let factor = 10 + d.below(90) as u32;
            Fault::Slow { node: Node::Destination, device, factor, lasting: d.outage() }
        }),
        (p.damages_milli, &|d| {
            let (source, nth) = (d.source(sources), d.below(8));
            let target = if d.below(2) == 0 {
                DamageTarget::FileRecord { source, nth }
            } else {
                DamageTarget::NvramRecord { source, nth }
            };
            Fault::Damage { target, bits: 1 + d.below(8) as u32 }
        }),
        (p.seals_milli, &|d| Fault::Seal { source: d.source(sources) }),
    ];
    for (number, (milli, draw)) in families.into_iter().enumerate() {
        let milli = rate(d, milli as u64);
        let subject = number as u32;
        let whole = milli / 1000 + (d.below(sites::PLAN, subject, 1000) < milli % 1000) as u64;
        let mut draw_from = Draw { d, subject, longest: p.longest };
        for _ in 0..whole {
            let at = draw_from.below(p.span.max(1));
            let fault = draw(&mut draw_from);
            faults.push(FaultSpec { when: When::At(at), fault, place: String::new() });
        }
    }
    if d.chance(sites::PLAN, 100, p.disaster.0) {
        let mut draw = Draw { d, subject: 101, longest: p.longest };
        let at = draw.below(p.span.max(1));
        let fault = Fault::Disaster { source: draw.source(sources), power_cut: draw.below(2) == 0 };
        faults.push(FaultSpec { when: When::At(at), fault, place: String::new() });
    }
    (faults, spec)
}

type DrawFault<'a> = &'a dyn Fn(&mut Draw) -> Fault;

struct Draw<'a> {
    d: &'a mut Decisions,
    subject: u32,
    longest: Nanos,
}

impl Draw<'_> {
    fn below(&mut self, n: u64) -> u64 {
        self.d.below(sites::PLAN, self.subject, n)
    }

    fn source(&mut self, sources: u64) -> usize {
        self.below(sources) as usize
    }

    /// Short ones are as likely as long ones, on a logarithmic scale.
    fn outage(&mut self) -> Nanos {
        let shift = self.below(12);
        let most = (self.longest >> shift).max(1000);
        most / 2 + self.below(most / 2 + 1)
    }

    fn direction(&mut self) -> Direction {
        match self.below(3) {
            0 => Direction::Forward,
            1 => Direction::Backward,
            _ => Direction::Both,
        }
    }
}

fn device(name: DeviceName) -> Device {
    match name {
        DeviceName::Nvram => Device::Nvram,
        DeviceName::Mark => Device::Mark,
        DeviceName::Log => Device::Log,
        DeviceName::Image => Device::Image,
    }
}

impl<Q: Quirk> World<'_, Q> {
    fn node(&self, node: Node) -> usize {
        match node {
            Node::Source(i) => i,
            Node::Destination => self.destination(),
        }
    }

    /// Faults that wait for this occurrence of a stage.
    pub(crate) fn trigger(&mut self, stage: Stage, mirror: u16) {
        for index in 0..self.faults.len() {
            let When::On { stage: wanted, nth, source, delay } = self.faults[index].when else { continue };
            if wanted != stage || self.triggered[index] || source.is_some_and(|s| s != mirror as usize) {
                continue;
            }
            let counts = &self.stage_counts;
            let count: u64 = match source {
                Some(_) => counts.get(&(stage, mirror)).copied().unwrap_or(0),
                None => counts.range((stage, 0)..=(stage, u16::MAX)).map(|(_, n)| n).sum(),
            };
            if count < nth {
                continue;
            }
            self.triggered[index] = true;
            if delay == 0 {
                self.inject(index);
            } else {
                self.last_fault_at = self.last_fault_at.max(self.sched.now() + delay);
                self.sched.at(self.sched.now() + delay, Event::Fault { index: index as u32 });
            }
        }
    }

    /// Carries out a fault of the plan.
    pub(crate) fn inject(&mut self, index: usize) {
        if self.phase != Phase::Faults {
            return;
        }
        self.triggered[index] = true;
        let fault = self.faults[index].fault.clone();
        self.fault_counts[index].injected += 1;
        self.emit(kinds::FAULT, self.destination(), index, kinds::fault_number(&fault), [index as u64, 0, 0]);
        let now = self.sched.now();
        let until = |lasting: Nanos| now.saturating_add(lasting);
        let (effective, ends) = match fault {
            Fault::Crash { node, restart_after } => (self.crash(self.node(node), false, restart_after), None),
            Fault::PowerCut { node, restart_after } => {
                (self.crash(self.node(node), true, restart_after), None)
            }
            Fault::Restart { node } => {
                let server = self.node(node);
                let down = self.servers[server].machine.is_none() && !self.servers[server].gone;
                self.start(server);
                (down, None)
            }
            Fault::Pause { node, lasting } => {
                let server = self.node(node);
                let s = &mut self.servers[server];
                s.paused_until = s.paused_until.max(until(lasting));
                let at = s.paused_until;
                self.sched.at(at, Event::Resume { server: server as u16 });
                (self.servers[server].machine.is_some(), None)
            }
            Fault::Cut { source, direction, lasting } => {
                (self.set_links(source, direction, true, false), lasting.map(until))
            }
            Fault::Heal { source } => (self.set_links(source, Direction::Both, false, false), None),
            Fault::Clog { source, direction, lasting } => {
                (self.set_links(source, direction, true, true), Some(until(lasting)))
            }
            Fault::Reset { source, only } => (self.reset(source, only), None),
            Fault::DiskFull { node, device: name, lasting } => {
                let server = self.node(node);
                if let Some(disk) = self.servers[server].disk_mut(device(name)) {
                    disk.full = true;
                }
                // It takes effect when a write fails.
                (false, Some(until(lasting)))
            }
            Fault::Slow { node, device: name, factor, lasting } => {
                let server = self.node(node);
                self.set_slow(server, device(name), factor as u64);
                (true, Some(until(lasting)))
            }
            Fault::Damage { target, bits } => (self.damage(target, bits), None),
            Fault::NvramLost { node, reads } => (self.lose_nvram(self.node(node), reads), None),
            Fault::NvramDegraded { node, lasting } => {
                let server = self.node(node);
                self.set_degraded(server, true);
                (true, lasting.map(until))
            }
            Fault::Disaster { source, power_cut } => (self.disaster(source, power_cut), None),
            Fault::Seal { source } => {
                let mut sealed = false;
                if let Some(crate::server::Machine::Source(m)) = self.servers[source].machine.as_mut() {
                    sealed = m.serving();
                    m.handle_seal(now);
                    self.drain(source);
                }
                (sealed, None)
            }
            Fault::Recover { source } => {
                self.judge.excuse(Some(source), "recover");
                self.order_recovery(source);
                (true, None)
            }
        };
        self.fault_counts[index].took_effect += effective as u64;
        if let Some(at) = ends {
            self.last_fault_at = self.last_fault_at.max(at);
            self.sched.at(at, Event::FaultEnd { index: index as u32 });
        }
    }

    /// The end of a fault that lasts.
    pub(crate) fn end_fault(&mut self, index: usize) {
        if self.phase != Phase::Faults {
            return;
        }
        let fault = self.faults[index].fault.clone();
        self.emit(
            kinds::FAULT_END,
            self.destination(),
            index,
            kinds::fault_number(&fault),
            [index as u64, 0, 0],
        );
        match fault {
            Fault::Cut { source, direction, .. } => {
                self.set_links(source, direction, false, false);
            }
            Fault::Clog { source, direction, .. } => {
                self.set_links(source, direction, false, true);
            }
            Fault::DiskFull { node, device: name, .. } => {
                let server = self.node(node);
                if let Some(disk) = self.servers[server].disk_mut(device(name)) {
                    disk.full = false;
                }
            }
            Fault::Slow { node, device: name, .. } => self.set_slow(self.node(node), device(name), 1),
            Fault::NvramDegraded { node, .. } => self.set_degraded(self.node(node), false),
            _ => {}
        }
    }

    /// Everything that can be mended is.
    pub(crate) fn heal_all(&mut self) {
        for source in 0..self.spec.sources.len() {
            self.set_links(source, Direction::Both, false, false);
            self.set_links(source, Direction::Both, false, true);
        }
        for server in 0..self.servers.len() {
            for device in [Device::Nvram, Device::Mark, Device::Log, Device::Image] {
                self.set_slow(server, device, 1);
                if let Some(disk) = self.servers[server].disk_mut(device) {
                    disk.full = false;
                }
            }
            if self.servers[server].nvram.degraded {
                self.set_degraded(server, false);
            }
            if self.servers[server].paused_until > self.sched.now() {
                self.servers[server].paused_until = self.sched.now();
                self.sched.at(self.sched.now(), Event::Resume { server: server as u16 });
            }
            self.start(server);
        }
    }

    pub(crate) fn crash(&mut self, server: usize, power: bool, restart_after: Option<Nanos>) -> bool {
        let s = &mut self.servers[server];
        let up = s.machine.is_some();
        if !up && !power {
            return false;
        }
        s.machine = None;
        s.incarnation += 1;
        s.timer = None;
        s.paused_until = 0;
        let incarnation = s.incarnation;
        self.forget_inbox(server);
        self.emit(kinds::CRASH, server, server, power as u16, [incarnation as u64, 0, 0]);
        if power {
            self.cut_power(server);
        }
        let who = self.oracle_server(server);
        let s = &self.servers[server];
        self.judge.crashed(who, power, &s.stable(), &s.current());
        if power && server == self.destination() {
            self.probe.unsettled();
        }
        // A process that dies takes its connections with it; the peer learns of it by the next reset or time-out.
        let links: Vec<usize> =
            if server == self.destination() { (0..self.spec.sources.len()).collect() } else { vec![server] };
        for link in links {
            self.links[link][0].reset();
            self.links[link][1].reset();
        }
        if let Some(after) = restart_after {
            let at = self.sched.now() + after;
            self.sched.at(at, Event::Restart { server: server as u16, incarnation });
            self.servers[server].restart_at = Some(at);
        }
        up
    }

    fn cut_power(&mut self, server: usize) {
        for device in self.servers[server].devices() {
            let garbage = self.servers[server].disk_mut(*device).is_some_and(|d| d.spec.garbage);
            let odds = FateOdds { garbage: if garbage { 1 << 31 } else { 0 }, ..FateOdds::USUAL };
            let subject = subject(server, *device);
            let fates = self.servers[server].store(*device).draw_fates(&mut self.decisions, subject, &odds);
            self.servers[server].store_mut(*device).power_cut(&fates);
        }
    }

    /// Cuts, or clogs, or ends that; whether anything has changed.
    fn set_links(&mut self, source: usize, direction: Direction, on: bool, clog: bool) -> bool {
        let now = self.sched.now();
        let mut changed = false;
        for backward in [false, true] {
            let wanted = match direction {
                Direction::Forward => !backward,
                Direction::Backward => backward,
                Direction::Both => true,
            };
            if !wanted {
                continue;
            }
            let link = &mut self.links[source][backward as usize];
            let before = if clog { link.is_clogged() } else { link.is_cut() };
            changed |= before != on;
            let released = if clog { link.set_clogged(on, now) } else { link.set_cut(on, now) };
            for delivery in released {
                self.schedule(source, !backward, delivery);
            }
        }
        changed
    }

    fn reset(&mut self, source: usize, only: Option<Node>) -> bool {
        for link in &mut self.links[source] {
            link.reset();
        }
        let destination = self.destination();
        if only.is_none_or(|n| n == Node::Source(source)) {
            self.disconnect(source, source);
        }
        if only.is_none_or(|n| n == Node::Destination) {
            self.disconnect(destination, source);
        }
        true
    }

    fn set_slow(&mut self, server: usize, device: Device, factor: u64) {
        let s = &mut self.servers[server];
        match device {
            Device::Nvram => s.nvram.slow = factor,
            Device::Mark => s.mark.slow = factor,
            _ => {
                if let Some(disk) = s.disk_mut(device) {
                    disk.slow = factor;
                }
            }
        }
    }

    fn set_degraded(&mut self, server: usize, degraded: bool) {
        self.servers[server].nvram.degraded = degraded;
        let now = self.sched.now();
        if let Some(crate::server::Machine::Destination(m)) = self.servers[server].machine.as_mut() {
            m.handle_degraded(now, degraded);
            self.drain(server);
        }
    }

    /// A write has failed on a full disk.
    pub(crate) fn full_took_effect(&mut self, server: usize, at: Device) {
        for index in 0..self.faults.len() {
            if let Fault::DiskFull { node, device: name, .. } = self.faults[index].fault
                && self.node(node) == server
                && device(name) == at
                && self.fault_counts[index].injected > 0
            {
                self.fault_counts[index].took_effect = 1;
            }
        }
    }

    fn lose_nvram(&mut self, server: usize, reads: LostContent) -> bool {
        if self.servers[server].gone {
            return false;
        }
        self.crash(server, true, Some(NVRAM_LOSS_OUTAGE));
        let seed = self.decisions.draw(sites::DAMAGE, 2);
        let size = self.nvram_size(server);
        let store = self.servers[server].store_mut(Device::Nvram);
        let held = store.stored_bytes() > 0;
        store.replace_all(ExtentMap::new());
        if reads == LostContent::Random {
            store.scramble(0, size.min(1 << 20), seed);
        }
        let who = self.oracle_server(server);
        let s = &self.servers[server];
        self.judge.nvram_lost(who, &s.stable(), &s.current());
        self.probe.unsettled();
        held
    }

    fn nvram_size(&self, server: usize) -> u64 {
        match self.spec.sources.get(server) {
            Some(source) => source.partition_size * self.spec.protocol.partitions as u64,
            None => self.spec.destination.nvram_size,
        }
    }

    fn disaster(&mut self, source: usize, power_cut: bool) -> bool {
        if self.servers[source].gone {
            return false;
        }
        self.crash(source, false, None);
        self.servers[source].gone = true;
        self.servers[source].incarnation += 1;
        self.hang_up(source);
        self.judge.disaster(source);
        if power_cut {
            let destination = self.destination();
            self.crash(destination, true, Some(1_000_000));
        }
        self.order_recovery(source);
        true
    }

    fn order_recovery(&mut self, source: usize) {
        let now = self.sched.now();
        let answered = self.acked[source].len();
        self.ordered.entry(source).or_insert(Ordered { since: now, done: false, answered });
        self.sched.at(now, Event::Recover { source: source as u16 });
    }

    /// Flips bits of a stored range; false if there is nothing to hit.
    fn damage(&mut self, target: DamageTarget, bits: u32) -> bool {
        let d = self.destination();
        let Some((server, device, offset, length)) = self.find(target) else { return false };
        let mut flips = Vec::new();
        for _ in 0..bits {
            flips.push(self.decisions.below(sites::DAMAGE, 0, length * 8));
        }
        flips.sort_unstable();
        flips.dedup();
        let changed = self.servers[server].store_mut(device).damage(offset, length, |bytes| {
            for bit in &flips {
                bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
            }
        });
        let who = self.oracle_server(server);
        let s = &self.servers[server];
        self.judge.fault_damage(who, oracle_device(device), offset, length, &s.stable(), &s.current());
        if server == d {
            self.probe.unsettled();
        }
        changed > 0
    }

    /// Where a target stands: server, device, offset, length.
    fn find(&mut self, target: DamageTarget) -> Option<(usize, Device, u64, u64)> {
        let d = self.destination();
        match target {
            DamageTarget::Range { node, device: name, offset, length } => {
                Some((self.node(node), device(name), offset, length))
            }
            DamageTarget::ImageBlock { source, volume, block } => {
                let region = self.regions[source].clone();
                self.find_block(d, &region, source, volume, block)
            }
            DamageTarget::VolumeBlock { source, volume, block } => {
                let region = self.geometries[source].region(0);
                self.find_block(source, &region, source, volume, block)
            }
            DamageTarget::FileRecord { source, nth } => {
                let geometry = &self.geometries[source];
                let store = self.servers[d].store(Device::Log);
                let mut files: Vec<(u64, Area)> = (0..geometry.places())
                    .filter_map(|place| {
                        let at = geometry.place(place);
                        let (mirror, header) = FileHeader::decode(&store.read_stable(at, FILE_HEADER))?;
                        let area =
                            Area::new(at + FILE_HEADER, at + geometry.file_size, Some(header.generation));
                        (mirror == geometry.mirror).then_some((header.generation, area))
                    })
                    .collect();
                files.sort_by_key(|f| f.0);
                let (offset, length) = files
                    .into_iter()
                    .find_map(|(_, area)| self.nth_record(source, Device::Log, area, nth))?;
                Some((d, Device::Log, offset, length))
            }
            DamageTarget::NvramRecord { source, nth } => {
                let geometry = &self.geometries[source];
                let store = self.servers[d].store(Device::Nvram);
                let mut segments: Vec<(u64, Area)> = (0..self.spec.destination.nvram_size
                    / geometry.segment_size)
                    .filter_map(|segment| {
                        let at = segment * geometry.segment_size;
                        let header = SegmentHeader::decode(&store.read_stable(at, SEGMENT_HEADER))?;
                        let area = Area::new(at + SEGMENT_HEADER, at + geometry.segment_size, None);
                        (header.in_use && header.mirror == geometry.mirror).then_some((header.serial, area))
                    })
                    .collect();
                segments.sort_by_key(|s| s.0);
                let (offset, length) = segments
                    .into_iter()
                    .find_map(|(_, area)| self.nth_record(source, Device::Nvram, area, nth))?;
                Some((d, Device::Nvram, offset, length))
            }
        }
    }

    fn nth_record(&self, source: usize, device: Device, mut area: Area, nth: u64) -> Option<(u64, u64)> {
        let store = self.servers[self.destination()].store(device);
        let mut next = area.first();
        while let Some(ranges) = next {
            let data: Vec<_> = ranges.iter().map(|(at, length)| store.read_stable(*at, *length)).collect();
            next = area.feed(&self.geometries[source], &data);
        }
        let mut at = area.start;
        let last = area.records.len().checked_sub(1)?;
        for record in &area.records[..(nth as usize).min(last)] {
            at += record.size();
        }
        Some((at, area.records[(nth as usize).min(last)].size()))
    }

    fn find_block(
        &mut self,
        server: usize,
        region: &mirror::geometry::Region,
        source: usize,
        volume: usize,
        block: Option<u64>,
    ) -> Option<(usize, Device, u64, u64)> {
        let map = region.volumes[volume];
        let block = match block {
            Some(block) => block,
            None => {
                let end = map.block(self.geometries[source].data_blocks(volume));
                let stable = self.servers[server].store(Device::Image).stable();
                let written: Vec<u64> = stable
                    .iter(map.data, end - map.data)
                    .map(|(at, _)| (at - map.data) / map.block_size)
                    .collect();
                let pick = self.decisions.below(sites::DAMAGE, 1, written.len().max(1) as u64) as usize;
                *written.get(pick)?
            }
        };
        Some((server, Device::Image, map.block(block), map.block_size))
    }
}
