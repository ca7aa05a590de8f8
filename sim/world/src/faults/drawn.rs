//! Faults that a profile draws, made into explicit ones.

use super::{devices, operators};
use crate::sites;
use crate::spec::{
    Change, DamageTarget, DeviceName, Direction, Fault, FaultSpec, Nanos, Node, Profile, Spec, When,
};
use mirror::config::{Policy, Transport};
use mirror::stage::Stage;
use mirrorsim_engine::Decisions;

/// The same with nothing left to draw: behind the scripted faults stand those that the profile draws, and the links are
/// what it makes of them.
pub fn plan(spec: &Spec, d: &mut Decisions) -> Spec {
    let mut faults = spec.faults.clone();
    let mut spec = spec.clone();
    let p = spec.profile.clone();
    if p == Profile::default() {
        return spec;
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
    let servers =
        Servers { sources: spec.sources.len() as u64, destinations: spec.destinations.len() as u64 };
    let sources = servers.sources;
    let homes: Vec<usize> = spec.sources.iter().map(|s| s.destination).collect();
    let volumes: Vec<u64> = spec.sources.iter().map(|s| s.volumes.len() as u64).collect();
    let cycles = 2 * u64::from(spec.protocol.partitions);
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
            node: servers.destination(d),
            restart_after: Some(d.outage()),
        }),
        (p.destination_power_cuts_milli, &|d| Fault::PowerCut {
            node: servers.destination(d),
            restart_after: Some(d.outage()),
        }),
        (p.pauses_milli, &|d| {
            let node = servers.any(d);
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
                1 => Some(Node::Destination(homes[source])),
                _ => None,
            };
            Fault::Reset { source, only }
        }),
        (p.disk_full_milli, &|d| {
            let device = if d.below(2) == 0 { DeviceName::Log } else { DeviceName::Image };
            Fault::DiskFull { node: servers.destination(d), device, lasting: d.outage() }
        }),
        (p.slow_milli, &|d| {
            let device = if d.below(2) == 0 { DeviceName::Log } else { DeviceName::Image };
            let factor = 10 + d.below(90) as u32;
            Fault::Slow { node: servers.destination(d), device, factor, lasting: d.outage() }
        }),
        (p.damages_milli, &|d| {
            let (source, nth) = (d.source(sources), d.below(8));
            let target = match d.below(4) {
                0 => DamageTarget::FileRecord { source, nth },
                1 => DamageTarget::NvramRecord { source, nth },
                side => {
                    let volume = d.below(volumes[source]) as usize;
                    match side {
                        2 => DamageTarget::ImageBlock { source, volume, block: None },
                        _ => DamageTarget::VolumeBlock { source, volume, block: None },
                    }
                }
            };
            Fault::Damage { target, bits: 1 + d.below(8) as u32 }
        }),
        (p.seals_milli, &|d| Fault::Seal { source: d.source(sources) }),
    ];
    for (number, (milli, draw)) in families.into_iter().enumerate() {
        let milli = rate(d, milli as u64);
        faults.extend(some_of(d, number as u32, milli, &p, draw));
    }
    // What came later is drawn behind what was there, so that it changes nothing of it.
    for (most, of) in [(p.malformed, 0), (p.burst, 1)] {
        let add = rate(d, most.0);
        for link in spec.sources.iter_mut().map(|s| &mut s.link) {
            let chance = if of == 0 { &mut link.malformed } else { &mut link.burst };
            chance.0 = (chance.0 + add).min(1 << 32);
        }
    }
    let datagram = spec.protocol.transport == Transport::Datagram;
    let more: [(u32, DrawFault<'_>); 3] = [
        (if datagram { p.replays_milli } else { 0 }, &|d| {
            let source = d.source(sources);
            let direction = d.direction();
            Fault::Replay { source, direction, after: 1 + d.below(cycles) }
        }),
        (p.swizzles_milli, &|d| Fault::Swizzle { lasting: d.outage() }),
        (p.storms_milli, &|d| {
            let source = d.source(sources);
            Fault::Storm { source, resets: 2 + d.below(7) as u32, every: 1000 + d.below(1_000_000) }
        }),
    ];
    for (number, (milli, draw)) in more.into_iter().enumerate() {
        let milli = rate(d, milli as u64);
        faults.extend(some_of(d, 12 + number as u32, milli, &p, draw));
    }
    for (number, (milli, draw)) in devices::families(&p, servers).into_iter().enumerate() {
        let milli = rate(d, milli as u64);
        faults.extend(some_of(d, 15 + number as u32, milli, &p, &draw));
    }
    let any = |d: &mut Draw<'_>| servers.any(d);
    let whole: [(u32, DrawFault<'_>); 5] = [
        (p.blackouts_milli, &|d| Fault::Blackout { within: d.outage() }),
        (p.starves_milli, &|d| {
            let (run, wait) = (1_000 + d.below(100_000), 10_000 + d.below(2_000_000));
            Fault::Starve { node: any(d), run, wait, lasting: d.outage() }
        }),
        (p.versions_milli, &|d| {
            let version = if d.below(2) == 0 { 0 } else { 2 };
            Fault::Version { node: any(d), version, lasting: d.outage() }
        }),
        (p.clocks_milli, &|d| {
            let node = any(d);
            let gains = match d.below(4) {
                0 => 0,
                1 => d.below(401) as i64 - 200,
                2 => d.below(200_001) as i64 - 100_000,
                _ => -1_000_000,
            };
            let most = [0, SECOND, 60 * SECOND, 86_400 * SECOND][d.below(4) as usize];
            Fault::Clock {
                node,
                step: d.below(2 * most + 1) as i64 - most as i64,
                gains,
                lasting: d.outage(),
            }
        }),
        (p.timers_milli, &|d| Fault::Timers {
            node: any(d),
            every: 100_000 + d.below(20_000_000),
            lasting: d.outage(),
        }),
    ];
    for (number, (milli, draw)) in whole.into_iter().enumerate() {
        let milli = rate(d, milli as u64);
        faults.extend(some_of(d, 30 + number as u32, milli, &p, draw));
    }
    // These wait for a step of a boot or of a recovery, which not every seed comes to.
    for (subject, milli, stage) in
        [(40, p.boot_crashes_milli, Stage::BootStep), (41, p.recovery_crashes_milli, Stage::RecoveryStep)]
    {
        let milli = rate(d, milli as u64);
        let mut drawn = some_of(d, subject, milli, &p, &|d| {
            let node = if stage == Stage::BootStep { any(d) } else { servers.destination(d) };
            let restart_after = Some(d.outage());
            match d.below(2) {
                0 => Fault::Crash { node, restart_after },
                _ => Fault::PowerCut { node, restart_after },
            }
        });
        for (n, one) in drawn.iter_mut().enumerate() {
            let (Fault::Crash { node, .. } | Fault::PowerCut { node, .. }) = one.fault else { continue };
            let nth = 1 + d.below(sites::PLAN, subject, 6) + n as u64;
            one.when = When::On { stage, nth, source: None, node: Some(node), delay: 0 };
        }
        faults.extend(drawn);
    }
    let protocol = &spec.protocol;
    let half = |node| match node {
        Node::Destination(_) => spec.destination.nvram_size / 2,
        Node::Source(s) => spec.sources[s].partition_size * u64::from(protocol.partitions) / 2,
    };
    let milli = rate(d, p.mistakes_milli as u64);
    faults.extend(some_of(d, 42, milli, &p, &|d| {
        let (node, lasting) = (any(d), d.outage());
        match d.below(9) {
            0 => Fault::Recover { source: d.source(sources), promote: false },
            1 | 2 => Fault::Readd { source: d.source(sources) },
            3 => Fault::Format { node, version: if d.below(2) == 0 { 0 } else { 2 }, lasting },
            8 => Fault::NvramSmaller { node, size: half(node), lasting },
            _ => {
                // One source stands in one order only.
                let changes = if sources > 1 { 5 } else { 4 };
                let change = Change::ALL[d.below(changes) as usize];
                Fault::Config { node, change, lasting }
            }
        }
    }));
    let milli = rate(d, p.log_damages_milli as u64);
    faults.extend(some_of(d, 43, milli, &p, &|d| {
        let target = DamageTarget::LogRecord { source: d.source(sources), nth: d.below(8) };
        Fault::Damage { target, bits: 1 + d.below(8) as u32 }
    }));
    let milli = rate(d, p.batteries_milli as u64);
    faults.extend(some_of(d, 44, milli, &p, &|d| Fault::NvramDegraded {
        node: servers.destination(d),
        lasting: Some(d.outage()),
    }));
    let milli = rate(d, p.disk_losses_milli as u64);
    faults.extend(some_of(d, 45, milli, &p, &|d| {
        let device = DeviceName::Image;
        let node = match d.below(2) {
            0 => servers.destination(d),
            _ => Node::Source(d.source(sources)),
        };
        match d.below(3) {
            0 => Fault::DiskLost { node, device, lasting: d.outage() },
            1 => Fault::DiskReplaced { node, device, after: None },
            _ => Fault::DiskReplaced { node, device, after: Some(d.outage()) },
        }
    }));
    shape_links(&mut spec, d);
    if d.chance(sites::PLAN, 100, p.disaster.0) {
        let mut draw = Draw { d, subject: 101, longest: p.longest };
        let when = draw.moment(p.span);
        let source = draw.source(sources);
        let fault = Fault::Disaster { source, power_cut: draw.below(2) == 0, recover_after: 0 };
        faults.push(FaultSpec { when, fault, place: String::new() });
    }
    let orders = [p.promotions_milli, p.hand_overs_milli, p.replacements_milli];
    let orders = orders.map(|milli| rate(d, u64::from(milli)));
    operators::orders(&mut faults, &p, sources, orders, d);
    if let Policy::Degrade { .. } = spec.protocol.policy {
        into_the_life(&mut faults[spec.faults.len()..], d);
    }
    Spec { faults, ..spec }
}

/// Draws what a link is like, as [`Profile::links`] says. Its latency is at most four times what is configured, so that
/// timeouts still fit it.
fn shape_links(spec: &mut Spec, d: &mut Decisions) {
    let chance = spec.profile.links;
    for link in spec.sources.iter_mut().map(|s| &mut s.link) {
        if !d.chance(sites::PLAN, 46, chance.0) {
            continue;
        }
        let mut below = |n| d.below(sites::PLAN, 46, n);
        let most = link.latency.max.max(1_000);
        link.latency.max = most + below(3 * most + 1);
        link.latency.min = below(link.latency.max + 1);
        link.latency.mean = link.latency.min.midpoint(link.latency.max);
        // No pieces where there are few places, for a frame in more of them never comes to its end; and few places where
        // it is narrow, for no queue in front of it is as long as what is sent again and again.
        match below(4) {
            0 => link.mtu = 400 + below(1101),
            1 => link.in_flight = 3 + below(14) as u32,
            2 => (link.bandwidth, link.in_flight) = ((1 + below(64)) << 20, 16 + below(49) as u32),
            _ => (),
        }
    }
}

/// Steps of going on alone and of a resync.
const LIFE: &[Stage] = &[
    Stage::Degraded,
    Stage::Mapped,
    Stage::ResyncBegun,
    Stage::ResyncReady,
    Stage::ResyncStored,
    Stage::ResyncCut,
    Stage::ResyncSealed,
    Stage::ResyncApplied,
    Stage::InSync,
];

/// A third of the faults that come on a step of the protocol come on one of these: a run of another policy has none.
fn into_the_life(faults: &mut [FaultSpec], d: &mut Decisions) {
    for fault in faults {
        if let When::On { stage, nth, .. } = &mut fault.when
            && d.below(sites::PLAN, 102, 3) == 0
        {
            *stage = LIFE[d.below(sites::PLAN, 102, LIFE.len() as u64) as usize];
            *nth = 1 + d.below(sites::PLAN, 102, 4);
        }
    }
}

/// How many servers there are to draw from. One of one is not drawn.
#[derive(Clone, Copy)]
pub(super) struct Servers {
    pub sources: u64,
    pub destinations: u64,
}

impl Servers {
    pub fn destination(&self, d: &mut Draw<'_>) -> Node {
        Node::Destination(if self.destinations > 1 { d.below(self.destinations) as usize } else { 0 })
    }

    pub fn any(&self, d: &mut Draw<'_>) -> Node {
        match d.below(self.sources + self.destinations) {
            n if n < self.sources => Node::Source(n as usize),
            n => Node::Destination((n - self.sources) as usize),
        }
    }
}

/// In ns.
const SECOND: u64 = 1_000_000_000;

/// The faults of one family.
pub(super) fn some_of(
    d: &mut Decisions,
    subject: u32,
    milli: u64,
    p: &Profile,
    draw: DrawFault<'_>,
) -> Vec<FaultSpec> {
    let whole = milli / 1000 + (d.below(sites::PLAN, subject, 1000) < milli % 1000) as u64;
    let mut from = Draw { d, subject, longest: p.longest };
    let one = |_| {
        let when = from.moment(p.span);
        FaultSpec { when, fault: draw(&mut from), place: String::new() }
    };
    (0..whole).map(one).collect()
}

/// Steps on which faults are drawn to come.
const STAGES: [Stage; 24] = [
    Stage::Logged,
    Stage::Forwarded,
    Stage::Replied,
    Stage::Sealed,
    Stage::Stalled,
    Stage::SyncRequested,
    Stage::Applied,
    Stage::Freed,
    Stage::Connected,
    Stage::NvramDurable,
    Stage::FileAppended,
    Stage::FileDurable,
    Stage::NvramRemoved,
    Stage::SyncReceived,
    Stage::ApplyStarted,
    Stage::ApplyJournaled,
    Stage::ApplyWritten,
    Stage::ApplyAdvanced,
    Stage::ImageApplied,
    Stage::FileCleared,
    Stage::BootStep,
    Stage::RecoveryStarted,
    Stage::RecoveryStep,
    Stage::BlockWanted,
];

/// The longest time after such a step, ns.
const AFTER: Nanos = 300_000;

pub(super) type DrawFault<'a> = &'a dyn Fn(&mut Draw) -> Fault;

pub(super) struct Draw<'a> {
    d: &'a mut Decisions,
    subject: u32,
    longest: Nanos,
}

impl Draw<'_> {
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.d.below(sites::PLAN, self.subject, n)
    }

    /// Half of the faults come at a time, the others on a step of the protocol: most of what goes wrong does so in short
    /// moments that a time seldom hits.
    fn moment(&mut self, span: Nanos) -> When {
        if self.below(2) == 0 {
            return When::At(self.below(span.max(1)));
        }
        let stage = STAGES[self.below(STAGES.len() as u64) as usize];
        let shift = self.below(6);
        let nth = 1 + self.below(1 << shift);
        let delay = if self.below(2) == 0 { 0 } else { self.below(AFTER) };
        When::On { stage, nth, source: None, node: None, delay }
    }

    pub(super) fn source(&mut self, sources: u64) -> usize {
        self.below(sources) as usize
    }

    /// Short ones are as likely as long ones, on a logarithmic scale.
    pub(super) fn outage(&mut self) -> Nanos {
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
