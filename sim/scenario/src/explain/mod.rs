//! A resolved scenario in words: every value with its unit, the timeline, the estimated size. Nothing is run.

mod failing;
mod faults;

use crate::estimate::{about_size, estimate};
use crate::layout::largest_operation;
use crate::load::Scenario;
use crate::place::one_line;
use crate::quantity::{show_chance, show_duration, show_size};
use mirror::config::Coupling;
use mirrorsim_world::spec::{
    Addresses, CheckMode, ClientSpec, Delay, DeviceName, DiskSpec, Generated, LinkSpec, Pacing, Profile,
    Shape, Spec, Workload,
};
use std::fmt::Write;

/// The resolved scenario.
pub fn explain(scenario: &Scenario) -> String {
    let spec = &scenario.spec;
    let mut out = Page { text: String::new(), spec };
    out.line(
        0,
        &format!(
            "{}{}",
            scenario.name,
            if scenario.about.is_empty() {
                String::new()
            } else {
                format!(": {}", one_line(&scenario.about))
            }
        ),
    );
    out.protocol();
    out.servers();
    out.clients();
    out.timeline();
    out.profile(&spec.profile);
    out.healing();
    out.check();
    if !scenario.expect.is_empty() {
        out.line(0, "expect");
        scenario.expect.iter().for_each(|e| out.line(1, &e.to_string()));
    }
    let e = estimate(spec);
    out.line(0, "estimate");
    out.line(
        1,
        &format!(
            "{} operations, {} written, {} of memory",
            e.operations,
            about_size(e.written),
            about_size(e.memory)
        ),
    );
    out.text
}

struct Page<'a> {
    text: String,
    spec: &'a Spec,
}

impl Page<'_> {
    fn line(&mut self, level: usize, text: &str) {
        let _ = writeln!(self.text, "{:width$}{text}", "", width = level * 2);
    }

    fn protocol(&mut self) {
        let p = &self.spec.protocol;
        let word = |debug: String| snake(&debug);
        self.line(0, "protocol");
        let knobs = format!(
            "ack {}, apply {}{}, reads {}, retry {}, transport {}",
            word(format!("{:?}", p.ack)),
            word(format!("{:?}", p.apply_scope)),
            if p.apply == Coupling::Coupled { ", coupled" } else { "" },
            word(format!("{:?}", p.reads)),
            word(format!("{:?}", p.retry)),
            word(format!("{:?}", p.transport)),
        );
        self.line(1, &knobs);
        let seal = p.seal_after.map_or_else(String::new, |t| format!(", sealed after {}", show_duration(t)));
        let sizes = format!(
            "{} partitions, {} files, blocks of {}, resend after {}{seal}",
            p.partitions,
            p.files,
            show_size(u64::from(p.block_size)),
            show_duration(p.resend_after),
        );
        self.line(1, &sizes);
    }

    fn servers(&mut self) {
        for (i, s) in self.spec.sources.iter().enumerate() {
            self.line(0, &format!("source {}", s.name));
            let largest = largest_operation(self.spec, i);
            self.line(
                1,
                &format!("partitions of {}, largest operation {largest} bytes", show_size(s.partition_size)),
            );
            let volumes: Vec<String> =
                s.volumes.iter().map(|v| format!("{} {}", v.name, show_size(v.size))).collect();
            self.line(1, &format!("volumes {}", volumes.join(", ")));
            self.line(
                1,
                &format!(
                    "nvram flush {}, lines of {}",
                    delay(&s.nvram.flush),
                    show_size(u64::from(s.nvram.tear))
                ),
            );
            self.line(1, &disk("disk", &s.disk));
            self.line(1, &link(&s.link));
        }
        self.destinations();
        let d = &self.spec.destination;
        self.line(
            1,
            &format!("nvram {}, {} kept for each source", show_size(d.nvram_size), show_size(d.reserve)),
        );
        self.line(
            1,
            &format!(
                "nvram flush {}, lines of {}",
                delay(&d.nvram.flush),
                show_size(u64::from(d.nvram.tear))
            ),
        );
        self.line(1, &disk("log disk", &d.log_disk));
        self.line(1, &disk("image disk", &d.image_disk));
    }

    /// Each destination, if there are several or it has no server of its own, with what is mirrored there.
    fn destinations(&mut self) {
        let all = &self.spec.destinations;
        let usual = all.len() == 1 && all[0].beside.is_none();
        for (i, d) in all.iter().enumerate() {
            self.line(0, &d.name);
            let own: Vec<&str> =
                self.spec.mirrors_of(i).map(|m| self.spec.sources[m].name.as_str()).collect();
            let site = d
                .beside
                .map_or_else(String::new, |s| format!("in the server of {}, ", self.spec.sources[s].name));
            if !usual {
                self.line(1, &format!("{site}mirrors of {}", own.join(", ")));
            }
        }
    }

    fn clients(&mut self) {
        const SHOWN: usize = 16;
        for c in self.spec.clients.iter().take(SHOWN) {
            self.line(0, &format!("client {} of {}", c.name, self.spec.sources[c.source].name));
            let slots =
                format!("{} slots, timeout {}, delay {}", c.slots, show_duration(c.timeout), delay(&c.delay));
            self.line(1, &slots);
            if c.learns.max > 0 {
                self.line(1, &format!("learns of another server after {}", delay(&c.learns)));
            }
            self.workload(c);
        }
        if self.spec.clients.len() > SHOWN {
            self.line(0, &format!("... and {} more clients", self.spec.clients.len() - SHOWN));
        }
    }

    fn workload(&mut self, c: &ClientSpec) {
        match &c.workload {
            Workload::Trace(t) => {
                let speed = t.speed_milli.map_or_else(
                    || "as fast as slots allow".into(),
                    |s| format!("at {} times the recorded speed", thousandths(s)),
                );
                self.line(1, &format!("{} listed operations, {speed}", t.operations.len()));
            }
            Workload::Generated(g) => self.generated(g),
        }
    }

    fn generated(&mut self, g: &Generated) {
        let m = &g.mix;
        let mix =
            format!("write {}, write_zeroes {}, add {}, read {}", m.write, m.write_zeroes, m.add, m.read);
        self.line(
            1,
            &format!(
                "{} operations: {mix}; {} of the payloads all zeros",
                g.operations,
                show_chance(g.zero_payload.0)
            ),
        );
        let class = |s: &mirrorsim_world::spec::SizeClass| {
            let range = if s.min == s.max {
                show_size(s.min)
            } else {
                format!("{}..{}", show_size(s.min), show_size(s.max))
            };
            format!("{range} (weight {})", s.weight)
        };
        let sizes: Vec<String> = g.sizes.iter().map(class).collect();
        self.line(1, &format!("sizes {}", sizes.join(", ")));
        let spread = match g.addresses {
            Addresses::Uniform => "uniform".into(),
            Addresses::Sequential => "sequential".into(),
            Addresses::Zipf { items, exponent_milli } => {
                format!("zipf over {items} pieces, exponent {}", thousandths(u64::from(exponent_milli)))
            }
            Addresses::HotCold { hot, to_hot } => {
                format!("{} of the operations to {} of the range", show_chance(to_hot.0), show_chance(hot.0))
            }
        };
        let (first, length) = g.range;
        self.line(
            1,
            &format!(
                "addresses {spread} in {} from byte {first}, multiples of {}",
                show_size(length),
                show_size(g.align)
            ),
        );
        let pacing = match &g.pacing {
            Pacing::Closed { think } => format!("closed loop, think time {}", delay(think)),
            Pacing::Open { interval } => {
                format!("open loop, an operation each {}", delay(interval))
            }
        };
        self.line(1, &pacing);
    }

    fn profile(&mut self, p: &Profile) {
        if *p == Profile::default() {
            return;
        }
        self.line(0, "profile");
        let swarm = p
            .swarm
            .map_or_else(String::new, |c| format!(", each family off in {} of the seeds", show_chance(c.0)));
        self.line(
            1,
            &format!(
                "drawn in the first {}, outages up to {}{swarm}",
                show_duration(p.span),
                show_duration(p.longest)
            ),
        );
        let counts = [
            ("source crashes", p.source_crashes_milli),
            ("source power cuts", p.source_power_cuts_milli),
            ("destination crashes", p.destination_crashes_milli),
            ("destination power cuts", p.destination_power_cuts_milli),
            ("pauses", p.pauses_milli),
            ("cuts", p.cuts_milli),
            ("clogs", p.clogs_milli),
            ("resets", p.resets_milli),
            ("disk full", p.disk_full_milli),
            ("slow devices", p.slow_milli),
            ("damages", p.damages_milli),
            ("seals", p.seals_milli),
            ("replays", p.replays_milli),
            ("swizzles", p.swizzles_milli),
            ("storms", p.storms_milli),
            ("flush failures", p.flush_failures_milli),
            ("write failures", p.write_failures_milli),
            ("short io", p.short_io_milli),
            ("read only", p.read_only_milli),
            ("unreadable", p.unreadable_milli),
            ("astray", p.astray_milli),
            ("rollbacks", p.rollbacks_milli),
            ("nvram losses", p.nvram_losses_milli),
            ("disk exchanges", p.disk_exchanges_milli),
            ("boot crashes", p.boot_crashes_milli),
            ("recovery crashes", p.recovery_crashes_milli),
            ("blackouts", p.blackouts_milli),
            ("starves", p.starves_milli),
            ("versions", p.versions_milli),
            ("clocks", p.clocks_milli),
            ("timers", p.timers_milli),
            ("mistakes", p.mistakes_milli),
            ("log damages", p.log_damages_milli),
            ("low batteries", p.batteries_milli),
            ("disk losses", p.disk_losses_milli),
            ("promotions", p.promotions_milli),
            ("hand-overs", p.hand_overs_milli),
            ("replacements", p.replacements_milli),
        ];
        let counts: Vec<String> = counts
            .iter()
            .filter(|(_, n)| *n > 0)
            .map(|(name, n)| format!("{name} {}", thousandths(u64::from(*n))))
            .collect();
        let chances = [
            ("disaster", p.disaster),
            ("loss", p.loss),
            ("duplicate", p.duplicate),
            ("reorder", p.reorder),
            ("corrupt", p.corrupt),
            ("malformed", p.malformed),
            ("burst", p.burst),
            ("links of their own", p.links),
        ];
        let chances: Vec<String> = chances
            .iter()
            .filter(|(_, c)| c.0 > 0)
            .map(|(name, c)| format!("{name} {}", show_chance(c.0)))
            .collect();
        [counts, chances].iter().filter(|l| !l.is_empty()).for_each(|l| self.line(1, &l.join(", ")));
    }

    /// However long a fault lasts, it does not outlive the faults and the clients, unless something is lost for ever.
    fn healing(&mut self) {
        if self.spec.faults.is_empty() && self.spec.profile == Profile::default() {
            return;
        }
        self.line(0, "once faults and clients are done, or nothing goes on: all is healed");
        self.line(1, "every server starts, links and devices are whole; a lost site stays lost");
    }

    fn check(&mut self) {
        let c = &self.spec.check;
        let mode = match c.mode {
            CheckMode::Every => "recovery is judged at every durable change".into(),
            CheckMode::Delta => format!(
                "recovery is judged at every durable change by a scan, in full each {} changes",
                c.full_every
            ),
            CheckMode::Sampled => {
                format!("recovery is judged at one durable change in {}", c.one_in)
            }
            CheckMode::End => "recovery is judged at disasters and at the end".into(),
        };
        self.line(0, &format!("check: {mode}"));
        let nested = if c.nested_every > 0 {
            format!(", each {}th recovery is cut itself", c.nested_every)
        } else {
            String::new()
        };
        self.line(
            1,
            &format!(
                "power cuts: every subset of up to {} unflushed writes, above that {} drawn{nested}",
                c.exhaustive, c.drawn
            ),
        );
        let model = if self.spec.beyond_model {
            "beyond the model: loss is allowed, silence is not"
        } else {
            "within the model: nothing answered may be lost"
        };
        self.line(0, model);
        let b = &self.spec.budget;
        self.line(
            0,
            &format!(
                "given up after {} events, {} without progress, {} without an answer or rest, or above {}",
                b.events,
                show_duration(b.idle),
                show_duration(b.converge),
                show_size(b.memory)
            ),
        );
    }
}

fn delay(d: &Delay) -> String {
    match d.shape {
        Shape::Constant => show_duration(d.min),
        Shape::Uniform => format!("{}..{}", show_duration(d.min), show_duration(d.max)),
        Shape::Exponential => {
            format!("{}..{}, mean {}", show_duration(d.min), show_duration(d.max), show_duration(d.mean))
        }
    }
}

fn rate(bytes: u64) -> String {
    if bytes == 0 { "unlimited".into() } else { format!("{}/s", show_size(bytes)) }
}

fn disk(name: &str, d: &DiskSpec) -> String {
    let garbage = if d.garbage { ", torn ones may be garbage" } else { "" };
    format!(
        "{name}: read {}, write {}, flush {}, {}, sectors of {}{garbage}",
        delay(&d.read),
        delay(&d.write),
        delay(&d.flush),
        rate(d.bandwidth),
        show_size(u64::from(d.tear)),
    )
}

fn link(l: &LinkSpec) -> String {
    let chances = [
        ("loss", l.loss),
        ("duplicate", l.duplicate),
        ("reorder", l.reorder),
        ("corrupt", l.corrupt),
        ("malformed", l.malformed),
    ];
    let shown: Vec<String> =
        chances.iter().filter(|(_, c)| c.0 > 0).map(|(n, c)| format!(", {n} {}", show_chance(c.0))).collect();
    let late =
        if l.reorder.0 > 0 { format!(" by up to {}", show_duration(l.reorder_by)) } else { String::new() };
    let mut rest = String::new();
    if l.burst.0 > 0 {
        rest += &format!(", bad periods {} of about {} messages", show_chance(l.burst.0), l.burst_length);
    }
    if l.in_flight > 0 {
        rest += &format!(", {} messages on their way at most", l.in_flight);
    }
    if l.mtu > 0 {
        rest += &format!(", in pieces of {}", show_size(l.mtu));
    }
    format!("link: latency {}, {}{}{late}{rest}", delay(&l.latency), rate(l.bandwidth), shown.concat())
}

fn device_name(device: DeviceName) -> String {
    snake(&format!("{device:?}"))
}

/// `PerSource` as `per_source`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

fn thousandths(n: u64) -> String {
    let fraction = format!("{:03}", n % 1000);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { (n / 1000).to_string() } else { format!("{}.{fraction}", n / 1000) }
}
