//! `faults`: names to indices, and parameters that would make a fault do nothing.

use super::{Cx, names, operators};
use crate::doc::Root;
use crate::doc::faults::{
    Adoption, BlockOf, Damage as DamageDoc, DeviceRange, FaultLine, Line, Outage, RecordOf, Trigger,
};
use crate::document::At;
use crate::place::Place;
use crate::quantity::show_size;
use crate::scalar::{Name, Small, Time};
use mirror::config::{Coupling, Transport};
use mirror::stage::{Side, Stage};
use mirrorsim_world::spec::{Change, DamageTarget, DeviceName, Fault, FaultSpec, Instead, Node, Spec, When};

/// In ns.
const DAY: u64 = 86_400_000_000_000;

/// Names in the faults of one scenario.
pub(super) struct Lookup<'a, 'b, 'c> {
    pub(super) cx: &'a mut Cx<'c>,
    pub(super) spec: &'b Spec,
    list: Place,
}

/// `faults`, in the order of the file. A line with a mistake is left out.
pub(crate) fn faults(cx: &mut Cx<'_>, root: &Root, spec: &Spec) -> Vec<FaultSpec> {
    let mut out = Vec::new();
    for line in root.faults.iter() {
        let mut look = Lookup { cx, spec, list: root.sources.place };
        let (when, fault) = (look.when(line), look.fault(line));
        if let (Some(when), Some(fault)) = (when, fault) {
            out.push(FaultSpec { when, fault, place: cx.desk.file_line(line.place) });
        }
    }
    if out.len() == root.faults.len() {
        unreachable_stages(cx, root, spec, &out);
        operators::pointless(cx, root, spec, &out);
    }
    out
}

impl Lookup<'_, '_, '_> {
    fn when(&mut self, line: &FaultLine) -> Option<When> {
        let Some(t) = &line.when else {
            return line.at.as_ref().map(|at| When::At(at.0));
        };
        let Trigger { stage, nth, delay, .. } = &t.value;
        if nth.0 == 0 {
            self.cx.desk.report(nth.wrong("range", "occurrences are counted from 1").want("at least 1"));
        }
        let source = match &t.source {
            Some(name) => Some(self.source(Some(name), t)?),
            None => None,
        };
        let node = match &t.node {
            Some(name) => Some(self.reaching(**stage, name)?),
            None => None,
        };
        Some(When::On { stage: **stage, nth: nth.0, source, node, delay: delay.0 })
    }

    /// Row 27: a server that can reach the stage.
    fn reaching(&mut self, stage: Stage, name: &At<Name>) -> Option<Node> {
        let node = self.node(name)?;
        let (whose, want, help) = match (stage.side(), node) {
            (Side::Source, Node::Destination(_)) => (
                "a source",
                names::choice(self.spec.sources.iter().map(|s| s.name.as_str())),
                "name a source, or leave `node` out for any",
            ),
            (Side::Destination, Node::Source(_)) => (
                "a destination",
                names::choice(self.spec.destinations.iter().map(|d| d.name.as_str())),
                "say `source` instead of `node` to choose a mirror",
            ),
            _ => return Some(node),
        };
        let what = format!("only {whose} reaches the stage `{}`, so it never happens", stage.name());
        self.cx.desk.report(name.wrong("never", what).want(want).help(help));
        None
    }

    fn source<T>(&mut self, name: Option<&At<Name>>, around: &At<T>) -> Option<usize> {
        names::source(self.cx, self.spec, self.list, name, (around.place, &around.path))
    }

    pub(super) fn node(&mut self, name: &At<Name>) -> Option<Node> {
        names::node(self.cx, self.spec, self.list, name)
    }

    /// A time that something lasts.
    pub(super) fn lasting(&mut self, time: &At<Time>) -> u64 {
        if time.0 == 0 {
            let draft = time.wrong("never", "lasts 0ns: it would never take effect");
            self.cx.desk.report(draft.want("more than 0ns"));
        }
        time.0
    }

    fn fault(&mut self, line: &Line) -> Option<Fault> {
        if let Some(c) = &line.crash {
            return self.outage(c).map(|(node, restart_after)| Fault::Crash { node, restart_after });
        }
        if let Some(c) = &line.power_cut {
            return self.outage(c).map(|(node, restart_after)| Fault::PowerCut { node, restart_after });
        }
        if let Some(r) = &line.restart {
            return self.node(&r.node).map(|node| Fault::Restart { node });
        }
        if let Some(p) = &line.pause {
            let lasting = self.lasting(&p.lasting);
            return self.node(&p.node).map(|node| Fault::Pause { node, lasting });
        }
        if let Some(d) = &line.disaster {
            let source = self.source(d.source.as_ref(), d)?;
            let recover_after = d.recover_after.0;
            return Some(Fault::Disaster { source, power_cut: *d.power_cut, recover_after });
        }
        if let Some(s) = &line.seal {
            return self.source(s.source.as_ref(), s).map(|source| Fault::Seal { source });
        }
        if let Some(s) = &line.recover {
            let promote = *s.promote;
            return self.source(s.source.as_ref(), s).map(|source| Fault::Recover { source, promote });
        }
        if let Some(s) = &line.hand_over {
            return self.source(s.source.as_ref(), s).map(|source| Fault::HandOver { source });
        }
        if let Some(a) = &line.adopt {
            return self.adoption(a);
        }
        self.link_fault(line).or_else(|| self.series(line)).or_else(|| self.device_fault(line))
    }

    fn adoption(&mut self, a: &At<Adoption>) -> Option<Fault> {
        let source = self.source(Some(&a.source), a);
        let by = self.source(Some(&a.by), a);
        let (source, by) = (source?, by?);
        if source == by {
            let wrong = a.by.wrong("never", "a source does not take its own clients over");
            self.cx.desk.report(wrong.help("name another source; `hand_over` gives clients back"));
            return None;
        }
        let spec = self.spec;
        if spec.protocol.apply == Coupling::Coupled {
            let wrong =
                a.by.wrong("never", "under `apply: coupled` a server has the partitions of one source only");
            self.cx.desk.report(wrong.help("leave `apply` at `independent`"));
            return None;
        }
        if spec.destinations[spec.sources[source].destination].beside == Some(by) {
            let names = [source, by].map(|s| spec.sources[s].name.as_str());
            let what = format!(
                "{} keeps the image of {}: its server would be the source of its own mirror",
                names[1], names[0]
            );
            self.cx.desk.report(a.by.wrong("own-server", what).help("name another source"));
            return None;
        }
        Some(Fault::Adopt { source, by })
    }

    fn outage(&mut self, o: &At<Outage>) -> Option<(Node, Option<u64>)> {
        self.node(&o.node).map(|node| (node, o.restart_after.as_ref().map(|t| t.0)))
    }

    fn link_fault(&mut self, line: &FaultLine) -> Option<Fault> {
        if let Some(c) = &line.cut {
            let lasting = c.lasting.as_ref().map(|t| self.lasting(t));
            let source = self.source(c.source.as_ref(), c)?;
            return Some(Fault::Cut { source, direction: *c.direction, lasting });
        }
        if let Some(h) = &line.heal {
            return self.source(h.source.as_ref(), h).map(|source| Fault::Heal { source });
        }
        if let Some(c) = &line.clog {
            let lasting = self.lasting(&c.lasting);
            let source = self.source(c.source.as_ref(), c)?;
            return Some(Fault::Clog { source, direction: *c.direction, lasting });
        }
        let r = line.reset.as_ref()?;
        let source = self.source(r.source.as_ref(), r)?;
        let only = match &r.only {
            Some(name) => Some((self.node(name)?, name)),
            None => None,
        };
        let home = self.spec.sources[source].destination;
        let ends = [Node::Source(source), Node::Destination(home)];
        if let Some((_, name)) = only.filter(|(node, _)| !ends.contains(node)) {
            let what = format!("{} is at neither end of this link", name.0);
            let want = format!("{} | {}", self.spec.sources[source].name, self.spec.destinations[home].name);
            self.cx.desk.report(name.wrong("unknown-name", what).want(want));
        }
        Some(Fault::Reset { source, only: only.map(|(n, _)| n) })
    }

    fn series(&mut self, line: &FaultLine) -> Option<Fault> {
        if let Some(f) = &line.frame {
            self.some(&f.count, "frames");
            let source = self.source(f.source.as_ref(), f)?;
            return Some(Fault::Frame { source, direction: *f.direction, bend: *f.bend, count: f.count.0 });
        }
        if let Some(r) = &line.replay {
            if self.spec.protocol.transport == Transport::Stream {
                let draft = r.wrong("never", "a stream delivers each message once");
                self.cx.desk.report(draft.help("say `transport: datagram`"));
            }
            let source = self.source(r.source.as_ref(), r)?;
            return Some(Fault::Replay { source, direction: *r.direction, after: r.after.0 });
        }
        if let Some(s) = &line.swizzle {
            return Some(Fault::Swizzle { lasting: self.lasting(&s.lasting) });
        }
        if let Some(s) = &line.storm {
            self.some(&s.resets, "resets");
            let source = self.source(s.source.as_ref(), s)?;
            return Some(Fault::Storm { source, resets: s.resets.0, every: s.every.0 });
        }
        self.server_fault(line)
    }

    fn server_fault(&mut self, line: &FaultLine) -> Option<Fault> {
        if let Some(b) = &line.blackout {
            return Some(Fault::Blackout { within: b.within.0 });
        }
        if let Some(s) = &line.starve {
            let (wait, lasting) = (self.lasting(&s.wait), self.lasting(&s.lasting));
            return self.node(&s.node).map(|node| Fault::Starve { node, run: s.run.0, wait, lasting });
        }
        if let Some(v) = &line.version {
            let (version, lasting) = (self.version(&v.version), self.lasting(&v.lasting));
            return self.node(&v.node).map(|node| Fault::Version { node, version, lasting });
        }
        if let Some(v) = &line.format {
            let (version, lasting) = (self.version(&v.version), self.lasting(&v.lasting));
            return self.node(&v.node).map(|node| Fault::Format { node, version, lasting });
        }
        if let Some(c) = &line.config {
            let lasting = self.lasting(&c.lasting);
            if *c.change == Change::Order && !self.spec.has_neighbours() {
                let draft = c.change.wrong("never", "one source stands in one order only");
                self.cx.desk.report(draft.help("add a source"));
            }
            return self.node(&c.node).map(|node| Fault::Config { node, change: *c.change, lasting });
        }
        if let Some(c) = &line.clock {
            let gains = i64::from(c.fast.0) - i64::from(c.slow.0);
            if gains < -1_000_000 {
                let draft = c.slow.wrong("range", "a clock that stands still does not run slower");
                self.cx.desk.report(draft.want("at most 1000000"));
            }
            for long in [&c.forward, &c.back].into_iter().filter(|t| t.0 > DAY) {
                self.cx.desk.report(long.wrong("range", "more than a day").want("at most 24h"));
            }
            let step = c.forward.0.min(DAY) as i64 - c.back.0.min(DAY) as i64;
            if (gains, step) == (0, 0) {
                let draft = c.wrong("never", "the clock is right: it would never take effect");
                self.cx.desk.report(draft.want("`forward`, `back`, `fast` or `slow`"));
            }
            let lasting = self.lasting(&c.lasting);
            return self.node(&c.node).map(|node| Fault::Clock { node, step, gains, lasting });
        }
        if let Some(t) = &line.timers {
            let (every, lasting) = (self.lasting(&t.every), self.lasting(&t.lasting));
            return self.node(&t.node).map(|node| Fault::Timers { node, every, lasting });
        }
        if let Some(r) = &line.readd {
            return self.source(r.source.as_ref(), r).map(|source| Fault::Readd { source });
        }
        if let Some(r) = &line.replace {
            return self.source(r.source.as_ref(), r).map(|source| Fault::Replace { source });
        }
        if let Some(r) = &line.rebuild {
            return self.source(r.source.as_ref(), r).map(|source| Fault::Rebuild { source });
        }
        if let Some(h) = &line.heir_lost {
            let recover_after = h.recover_after.0;
            let source = self.source(h.source.as_ref(), h)?;
            let home = &self.spec.destinations[self.spec.sources[source].destination];
            if let Some(by) = home.beside.map(|by| self.spec.sources[by].name.as_str()) {
                let help = format!("say `disaster: {{source: {by}}}`: it is a site that is lost");
                let what = format!("{} stands in the server of {by}", home.name);
                self.cx.desk.report(h.wrong("own-server", what).help(help));
            }
            return Some(Fault::HeirLost { source, recover_after });
        }
        let f = line.log_file.as_ref()?;
        let (becomes, after) = (*f.becomes, f.after.as_ref().map_or(0, |t| self.lasting(t)));
        if becomes == Instead::Neighbour && !self.spec.has_neighbours() {
            let draft = f.becomes.wrong("never", "one source has no neighbour");
            self.cx.desk.report(draft.help("add a source"));
        }
        if becomes == Instead::Earlier && after == 0 {
            let draft = f.becomes.wrong("never", "it is now what it is now: it would never take effect");
            self.cx.desk.report(draft.help("say `after:`"));
        }
        let source = self.source(Some(&f.source), f)?;
        Some(Fault::LogFile { source, becomes, after })
    }

    /// A version that is not ours.
    fn version(&mut self, version: &At<Small>) -> u16 {
        if version.0 == 1 || version.0 > u32::from(u16::MAX) {
            let draft = version.wrong("range", format!("version {}", version.0));
            self.cx.desk.report(draft.want("0 to 65535, and not 1, which is the right one"));
        }
        version.0 as u16
    }

    /// A count of 0 would do nothing.
    fn some(&mut self, count: &At<Small>, of: &str) {
        if count.0 == 0 {
            let draft = count.wrong("never", format!("0 {of}: it would never take effect"));
            self.cx.desk.report(draft.want("at least 1"));
        }
    }

    fn device_fault(&mut self, line: &FaultLine) -> Option<Fault> {
        if let Some(d) = &line.disk_full {
            let lasting = self.lasting(&d.lasting);
            let node = self.node(&d.node)?;
            self.device(node, &d.device);
            if matches!(*d.device, DeviceName::Nvram | DeviceName::Mark) {
                let draft = d.device.wrong("never", "not a disk: its space is fixed and never runs out");
                self.cx.desk.report(draft.want("log | image"));
            }
            return Some(Fault::DiskFull { node, device: *d.device, lasting });
        }
        if let Some(s) = &line.slow {
            if !(2..=100_000).contains(&s.factor.0) {
                self.cx
                    .desk
                    .report(s.factor.wrong("range", format!("factor {}", s.factor.0)).want("2 to 100000"));
            }
            let lasting = self.lasting(&s.lasting);
            let node = self.node(&s.node)?;
            self.device(node, &s.device);
            return Some(Fault::Slow { node, device: *s.device, factor: s.factor.0, lasting });
        }
        if let Some(l) = &line.nvram_lost {
            return self.node(&l.node).map(|node| Fault::NvramLost { node, reads: *l.reads });
        }
        if let Some(n) = &line.nvram_degraded {
            let lasting = n.lasting.as_ref().map(|t| self.lasting(t));
            let node = self.node(&n.node)?;
            if matches!(node, Node::Source(_)) {
                let draft = n.node.wrong("never", "only a destination acts on a low battery");
                let names = names::choice(self.spec.destinations.iter().map(|d| d.name.as_str()));
                self.cx.desk.report(draft.want(names));
            }
            return Some(Fault::NvramDegraded { node, lasting });
        }
        match &line.damage {
            Some(damage) => self.damage(damage),
            None => self.failing(line),
        }
    }

    /// The log disk is the destination's alone.
    pub(super) fn device(&mut self, node: Node, device: &At<DeviceName>) {
        if matches!(node, Node::Source(_)) && **device == DeviceName::Log {
            let draft = device.wrong("unknown-name", "a source has no disk of log files");
            self.cx.desk.report(draft.want("nvram | mark | image"));
        }
    }

    fn damage(&mut self, d: &DamageDoc) -> Option<Fault> {
        if d.bits.0 == 0 {
            self.cx.desk.report(d.bits.wrong("never", "0 bits: nothing would change").want("at least 1"));
        }
        let target = if let Some(r) = &d.file_record {
            let (source, nth) = self.record(r)?;
            DamageTarget::FileRecord { source, nth }
        } else if let Some(r) = &d.nvram_record {
            let (source, nth) = self.record(r)?;
            DamageTarget::NvramRecord { source, nth }
        } else if let Some(r) = &d.log_record {
            let (source, nth) = self.record(r)?;
            DamageTarget::LogRecord { source, nth }
        } else if let Some(b) = &d.image_block {
            let (source, volume, block) = self.block(b)?;
            DamageTarget::ImageBlock { source, volume, block }
        } else if let Some(b) = &d.volume_block {
            let (source, volume, block) = self.block(b)?;
            DamageTarget::VolumeBlock { source, volume, block }
        } else {
            self.range(d.range.as_ref()?)?
        };
        Some(Fault::Damage { target, bits: d.bits.0 })
    }

    pub(super) fn record(&mut self, r: &At<RecordOf>) -> Option<(usize, u64)> {
        self.source(r.source.as_ref(), r).map(|source| (source, r.nth.0))
    }

    pub(super) fn block(&mut self, b: &At<BlockOf>) -> Option<(usize, usize, Option<u64>)> {
        let source = self.source(b.source.as_ref(), b)?;
        let volume = names::volume(self.cx, self.spec, source, self.list, b.volume.as_ref())?;
        let blocks =
            self.spec.sources[source].volumes[volume].size / u64::from(self.spec.protocol.block_size.max(1));
        if let Some(outside) = b.block.as_ref().filter(|n| n.0 >= blocks) {
            let draft = outside.wrong("outside", format!("the volume has {blocks} blocks"));
            self.cx.desk.report(draft.want(format!("0 to {}", blocks.saturating_sub(1))));
        }
        Some((source, volume, b.block.as_ref().map(|n| n.0)))
    }

    pub(super) fn range(&mut self, r: &At<DeviceRange>) -> Option<DamageTarget> {
        let node = self.node(&r.node)?;
        self.device(node, &r.device);
        if r.length.0 == 0 {
            self.cx.desk.report(r.length.wrong("never", "0 bytes: nothing would change").want("at least 1B"));
        }
        let size = match (node, *r.device) {
            (Node::Destination(_), DeviceName::Nvram) => Some(self.spec.destination.nvram_size),
            (Node::Source(s), DeviceName::Nvram) => Some(
                self.spec.sources[s].partition_size.saturating_mul(u64::from(self.spec.protocol.partitions)),
            ),
            _ => None,
        };
        if let Some(size) = size.filter(|s| r.offset.0 + r.length.0 > *s) {
            let what = format!("ends at byte {}, behind the end of the device", r.offset.0 + r.length.0);
            self.cx
                .desk
                .report(r.length.wrong("outside", what).want(format!("an end within {}", show_size(size))));
        }
        Some(DamageTarget::Range { node, device: *r.device, offset: r.offset.0, length: r.length.0 })
    }
}

/// Stages that come only with a recovery.
const OF_RECOVERY: &[Stage] =
    &[Stage::RecoveryStarted, Stage::RecoveryStep, Stage::Recovered, Stage::Promoted];

/// Row 27: a trigger on a stage that nothing in the scenario leads to.
fn unreachable_stages(cx: &mut Cx<'_>, root: &Root, spec: &Spec, faults: &[FaultSpec]) {
    for (line, waiting) in root.faults.iter().zip(faults) {
        let When::On { stage, source, .. } = waiting.when else { continue };
        let Some(trigger) = line.when.as_ref().filter(|_| OF_RECOVERY.contains(&stage)) else { continue };
        let promotion = stage == Stage::Promoted;
        // Of whose mirror a fault makes it happen.
        let leads = |f: &FaultSpec| match f.fault {
            Fault::Recover { source, promote } => (promote || !promotion).then_some(source),
            Fault::Disaster { source, .. } => (!promotion).then_some(source),
            Fault::Adopt { source, .. } => Some(source),
            _ => None,
        };
        // What waits for such a stage itself leads to no first one.
        let begins = |f: &&FaultSpec| match f.when {
            When::On { stage, .. } if promotion => stage != Stage::Promoted,
            When::On { stage, .. } => !OF_RECOVERY.contains(&stage),
            When::At(_) => true,
        };
        let drawn = !promotion && (spec.profile.disaster.0 > 0 || spec.profile.mistakes_milli > 0);
        let ever = drawn || faults.iter().filter(begins).any(|f| leads(f).is_some());
        let here = drawn || faults.iter().filter_map(leads).any(|of| source.is_none_or(|s| s == of));
        let (what, help) = match promotion {
            true => ("promoted", "`recover: {promote: true}` or an `adopt`"),
            false => ("recovered", "a `disaster` or a `recover`"),
        };
        if !ever {
            let what = format!("nothing in this scenario is ever {what}, so it never happens");
            cx.desk.report(trigger.stage.wrong("never", what).help(format!("add {help}")));
        } else if let (false, Some(name)) = (here, &trigger.source) {
            let what = format!("the mirror of {} is never {what}, so it never happens", name.0);
            let help = format!("add {help} of {}, or leave `source` out for any", name.0);
            cx.desk.report(name.wrong("never", what).help(help));
        }
    }
}
