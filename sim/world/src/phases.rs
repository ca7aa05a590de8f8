//! The two phases of a run (faults and load; then heal, quiesce, and demand liveness and equality), and its end.

use crate::event::{Event, Phase, WATCH};
use crate::faults;
use crate::hosted::{DestinationMachine, Machines, SourceMachine};
use crate::judging::{Judging, Rigged};
use crate::kinds;
use crate::outcome::{Failure, FaultCount, Outcome, TakeoverKind, Verdict};
use crate::server::Machine;
use crate::spec::{Nanos, When};
use crate::world::World;
use crate::world::bench::Panel;
use mirror::stage::Stage;
use mirrorsim_oracle as oracle;
use std::collections::BTreeMap;

/// Without progress for so long, with faults still in force, the fault phase ends, ns.
const STUCK: Nanos = 3_000_000_000;

impl<M: Machines> World<'_, M> {
    /// Looks whether the phase is over.
    pub(crate) fn watch(&mut self) {
        let now = self.sched.now();
        let idle = now.saturating_sub(self.progress_at);
        match self.phase {
            Phase::Faults => {
                let quiet = self.clients.iter().all(|c| c.done());
                let scripted_over = now > self.last_fault_at;
                let ends = quiet && scripted_over && self.obeyed();
                // What goes round in circles looks busy, and answers nobody.
                let waits = now.saturating_sub(self.oldest_open().max(self.last_fault_at));
                let stuck = idle > STUCK.min(self.spec.budget.idle) || waits > self.spec.budget.converge;
                if ends || (scripted_over && stuck) {
                    self.enter(Phase::Healed);
                    self.heal_all();
                    self.bench.judges().for_each(oracle::Judge::healed);
                    self.progress_at = now;
                }
            }
            Phase::Healed => {
                let servers_up = (0..self.servers.len())
                    .all(|s| self.servers[s].gone || self.is_vacant(s) || self.servers[s].machine.is_some());
                if self.clients.iter().all(|c| c.done()) && servers_up && self.obeyed() {
                    self.enter(Phase::Quiesce);
                    self.seal_all();
                } else {
                    let waits = now.saturating_sub(self.oldest_open().max(self.phase_since));
                    self.stalls(idle, waits, "no progress after everything was healed");
                }
            }
            Phase::Quiesce => {
                if self.all_quiet() {
                    *self.metrics.entry("converged_in").or_default() += now - self.phase_since;
                    self.enter(Phase::Over);
                } else {
                    self.stalls(idle, now - self.phase_since, "the servers do not come to rest");
                }
            }
            Phase::Over => {}
        }
        if self.phase != Phase::Over {
            self.sched.at(now + WATCH, Event::Watch);
        }
    }

    /// Whether all that operators want is done.
    fn obeyed(&self) -> bool {
        let ordered = self.ordered.values().all(|o| o.done) && self.hand_overs.is_empty();
        ordered && !self.orders_wait()
    }

    /// When the oldest operation that is open was issued; now if none is.
    fn oldest_open(&self) -> Nanos {
        let open = self.clients.iter().filter(|c| !c.done()).flat_map(|c| c.slots.iter());
        let since = open.filter_map(|s| s.open.as_ref()).map(|o| o.since);
        since.min().unwrap_or(self.sched.now())
    }

    /// The run has not converged: it is given up if that lasts.
    fn stalls(&mut self, idle: Nanos, waits: Nanos, what: &str) {
        let budget = &self.spec.budget;
        let (bound, why) = if idle > budget.idle {
            (budget.idle, "nothing happens")
        } else if waits > budget.converge {
            (budget.converge, "it takes too long")
        } else {
            self.longest_wait = self.longest_wait.max(waits);
            return;
        };
        self.stop_reason =
            Some(format!("{what}: {why} for {} s; {}", bound / 1_000_000_000, self.restless()));
        self.enter(Phase::Over);
    }

    /// Who is not at rest, and what keeps it.
    fn restless(&self) -> String {
        let open: usize = self.clients.iter().map(|c| c.open()).sum();
        let doing = |mirror: usize| {
            let of = |there| self.coverage.activity.doing(&[mirror], there).name();
            format!("mirror {}: source {}, destination {}", self.name(mirror), of(false), of(true))
        };
        let all = (0..self.spec.sources.len()).filter(|m| !self.mirror_quiet(*m)).map(doing);
        let all: Vec<String> = all.collect();
        format!(
            "{open} operations open; {}",
            if all.is_empty() { "all mirrors at rest".into() } else { all.join("; ") }
        )
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.phase_since = self.sched.now();
        let d = self.spec.sources.len();
        self.emit(kinds::PHASE, d, d, phase as u16, [0; 3]);
    }

    fn seal_all(&mut self) {
        for source in 0..self.spec.sources.len() {
            let busy = matches!(&self.servers[self.source_of(source)].machine, Some(Machine::Source(m)) if !m.quiet());
            if busy || self.serves_at_destination(self.destination_of(source), source) {
                self.force_seal(source);
            }
        }
    }

    /// After a forced seal, once nothing is under way: volume, image and model are equal (claim 24).
    pub(crate) fn look_for_rest(&mut self) {
        if self.phase != Phase::Faults || self.judging == Judging::AtTheEnd {
            return;
        }
        for source in 0..self.spec.sources.len() {
            let resting = self.rest_wanted[source]
                && self.mirror_quiet(source)
                && self.source_serves(source)
                && !self.ordered.contains_key(&source)
                && self.clients.iter().all(|c| c.source != source || c.open() == 0);
            if resting {
                self.rest_wanted[source] = false;
                self.compare_at_rest(source);
            }
        }
    }

    fn compare_at_rest(&mut self, source: usize) {
        let (d, home) = (self.destination_of(source), self.source_of(source));
        let (judge, mirror) = self.bench.of(source);
        judge.mute(false);
        judge.quiescent(mirror, &self.servers[home].current(), &self.servers[d].current());
        judge.mute(self.judging.mutes());
        *self.metrics.entry("rests").or_default() += 1;
    }

    /// Whether a mirror has come to rest: its source is quiet, stopped or gone, and so is its desk.
    fn mirror_quiet(&self, source: usize) -> bool {
        // One that is not the source any more hears so when it next asks, whenever that is.
        let former = self.serves_at_destination(self.destination_of(source), source);
        let (source_quiet, stopped) = match &self.servers[self.source_of(source)].machine {
            _ if former => (true, false),
            Some(Machine::Source(m)) if self.servers[self.destination_of(source)].gone => {
                (m.waits_for_peer(), m.stopped())
            }
            Some(Machine::Source(m)) => (m.quiet(), m.stopped()),
            _ => (false, self.servers[self.source_of(source)].gone),
        };
        let (judge, number) = self.bench.ask(source);
        let d = self.destination_of(source);
        if judge.fills(number) && !stopped && !self.servers[d].gone {
            return false;
        }
        // A desk may wait for ever for a source that is gone, or that has stopped with an alarm.
        let at = self.desk(d, source);
        let desk_quiet = match &self.servers[d].machine {
            Some(Machine::Destination(m)) if former && self.keeps_the_image(source) => {
                let other = &self.servers[self.source_of(source)].machine;
                let rests = matches!(other, Some(Machine::Destination(m)) if m.quiet(0));
                rests && m.in_sync(at)
            }
            // What its mirror had to have stays in the log of a server whose mirror is lost.
            Some(Machine::Destination(m)) => {
                let lost = former && self.servers[self.source_of(source)].gone && m.waits_for_peer(at);
                m.quiet(at) || stopped || lost
            }
            _ => self.servers[d].gone,
        };
        (source_quiet || stopped) && desk_quiet
    }

    /// Whether the former source of a mirror is the one that keeps its image now (LR7).
    fn keeps_the_image(&self, source: usize) -> bool {
        let s = &self.servers[self.source_of(source)];
        matches!(s.machine, Some(Machine::Destination(_))) && !s.gone
    }

    fn all_quiet(&self) -> bool {
        (0..self.spec.sources.len()).all(|s| self.mirror_quiet(s))
    }

    fn source_serves(&self, source: usize) -> bool {
        matches!(&self.servers[self.source_of(source)].machine, Some(Machine::Source(m)) if m.serving())
    }

    /// Whether what happens next would be behind a moment.
    pub(crate) fn comes_to(&self, moment: crate::DisasterAt) -> bool {
        match moment {
            crate::DisasterAt::Time(t) => self.sched.peek_time().is_some_and(|next| next > t),
            crate::DisasterAt::Event(number) => self.trace.count() >= number,
        }
    }

    /// Dispatches one event; false if it was the last one, or a budget is used up.
    pub(crate) fn advance(&mut self) -> bool {
        if !self.step() {
            return false;
        }
        let budget = &self.spec.budget;
        if self.events >= budget.events {
            self.stop_reason = Some("the budget of events is used up".into());
        } else if self.events.is_multiple_of(65_536) && self.memory() > budget.memory {
            self.stop_reason = Some("the budget of memory is used up".into());
        } else {
            return true;
        }
        false
    }

    /// Runs to the end.
    pub(crate) fn run(&mut self, stop: Option<crate::DisasterAt>) {
        self.begin();
        loop {
            if stop.is_some_and(|moment| self.comes_to(moment)) {
                self.stopped_on_purpose = true;
                return;
            }
            if !self.advance() {
                break;
            }
        }
        if stop.is_some() {
            let (entries, now) = (self.trace.count(), self.sched.now() / 1_000_000);
            self.missed = Some(format!(
                "the disaster never came: the run was over after {now} ms and {entries} entries of the trace"
            ));
        }
        self.conclude();
    }

    fn memory(&self) -> u64 {
        let devices =
            [mirror::effect::Device::Nvram, mirror::effect::Device::Image, mirror::effect::Device::Log];
        let stored: u64 = self
            .servers
            .iter()
            .map(|s| devices.iter().map(|d| s.store(*d).stored_bytes()).sum::<u64>())
            .sum();
        stored + self.bench.memory()
    }

    /// The checks at the end: one more disaster for every mirror, equality, everything answered.
    fn conclude(&mut self) {
        if self.beyond.is_some() {
            return;
        }
        let (now, event) = (self.sched.now(), self.trace.count());
        self.bench.judges().for_each(|judge| judge.at(now, event));
        if self.rigged == Some(Rigged::FalseAnswer) {
            let (judge, mirror) = self.bench.of(0);
            judge.answered(mirror, u32::MAX, 0, u64::MAX, oracle::Answer::Written);
        }
        for source in 0..self.spec.sources.len() {
            let again = self.taken_back.contains(&source) && !self.servers[self.destination_of(source)].gone;
            let recovered = self.ordered.get(&source).is_some_and(|o| o.done) && !again;
            if !recovered && self.rigged != Some(Rigged::SourceIsRight) {
                let d = self.destination_of(source);
                let (_, mirror) = self.bench.seat(source);
                let Panel { judge, probe, .. } = self.bench.panel(d);
                probe.check(mirror, &self.servers[d], judge);
            }
            if let Some((probe, judge)) = self.bench.kept(self.sources[source]) {
                probe.check(0, &self.servers[self.sources[source]], judge);
            }
            if self.phase == Phase::Over
                && self.stop_reason.is_none()
                && self.source_serves(source)
                && !recovered
            {
                self.compare_at_rest(source);
            }
            if self.phase == Phase::Over && self.stop_reason.is_none() && self.keeps_the_image(source) {
                let (d, home) = (self.destination_of(source), self.source_of(source));
                let (judge, mirror) = self.bench.of(source);
                judge.mute(false);
                judge.kept(mirror, &self.servers[home].current(), &self.servers[d].current());
                judge.mute(self.judging.mutes());
            }
        }
        self.count_copies();
        let budget_over = self.phase != Phase::Over;
        if !budget_over {
            self.exiles_rest();
            for judge in self.bench.judges() {
                judge.mute(false);
                judge.end();
            }
        }
    }

    /// The run as numbers.
    pub(crate) fn outcome(&mut self, seed: u64) -> Outcome {
        let mut failures = self.bench.failures();
        let now = self.sched.now();
        let event = self.trace.count();
        let fail =
            |oracle, invariant, message: String| Failure { oracle, invariant, time: now, event, message };
        let lively = self.judging.hears("liveness");
        failures.extend(self.bench.stuck().into_iter().filter(|_| lively).map(|m| fail("liveness", "L2", m)));
        failures.extend(self.unexpected.drain(..).map(|m| fail("script", "expect", m)));
        let over = self.phase == Phase::Over;
        if over
            && lively
            && let Some(reason) = &self.stop_reason
        {
            failures.push(fail("liveness", "L1", reason.clone()));
        }
        let faults = self.fault_lines();
        let vacuous = self.beyond.take().or_else(|| self.idle_fault()).or(self.missed.take());
        let stages = |stage: Stage| -> u64 { self.stage_counts.all(stage) };
        self.ops.in_doubt += self.clients.iter().map(|c| c.open() as u64).sum::<u64>();
        self.ops.lost = self.ops.lost.max(self.bench.lost());
        let checks = self.bench.checks();
        let latency: BTreeMap<_, _> = self.latency.iter().map(|(k, h)| (*k, h.summary())).collect();
        let mut metrics: BTreeMap<&'static str, u64> = crate::METRICS.iter().map(|m| (m.0, 0)).collect();
        let mut set = |name: &'static str, value: u64| {
            metrics.insert(name, value);
        };
        for (name, value) in &self.metrics {
            set(name, *value);
        }
        let recoveries = &self.recoveries;
        let takeovers: Vec<_> = (0..).zip(&self.service).flat_map(|(i, s)| s.reports(i)).collect();
        set("acknowledged", self.ops.acknowledged);
        set("refused", self.ops.refused);
        set("in_doubt", self.ops.in_doubt);
        set("lost", self.ops.lost);
        set("failures", failures.len() as u64);
        set("alarms", self.alarms.len() as u64);
        set("generations", stages(Stage::Sealed));
        set("applied", stages(Stage::ImageApplied));
        set("connections", stages(Stage::Connected));
        set("resent", stages(Stage::Forwarded).saturating_sub(stages(Stage::Numbered)));
        set("healed", stages(Stage::BlockHealed));
        set("recoveries", recoveries.len() as u64);
        set("recoveries_exact", recoveries.iter().filter(|r| r.exact).count() as u64);
        set(
            "recoveries_damaged",
            recoveries.iter().filter(|r| r.verdict.starts_with("damaged")).count() as u64,
        );
        set("longest_open", self.longest_wait);
        set("healthy_wait", self.bench.longest_wait());
        set("checks", checks.full);
        set("changes", checks.changes.values().sum());
        set("virtual_time", now);
        set("events", self.events);
        // What nothing was measured of has no value, and no threshold holds for it.
        let recovered = || recoveries.iter();
        let outage = |back: bool| {
            let all = takeovers.iter().filter(|t| (t.kind == TakeoverKind::HandOver) == back);
            all.filter_map(|t| t.outage).max()
        };
        let of = |kind: &str| latency.get(kind);
        let measured = [
            ("rpo_operations", recovered().map(|r| r.rpo_operations).reduce(|a, b| a + b)),
            ("rpo_bytes", recovered().map(|r| r.rpo_bytes).reduce(|a, b| a + b)),
            ("rto", recovered().map(|r| r.rto).max()),
            ("outage", outage(false)),
            ("hand_over_outage", outage(true)),
            ("p50_write", of("write").map(|l| l.p50)),
            ("p99_write", of("write").map(|l| l.p99)),
            ("p99_read", of("read").map(|l| l.p99)),
        ];
        for (name, value) in measured {
            match value {
                Some(value) => metrics.insert(name, value),
                None => metrics.remove(name),
            };
        }
        let nothing = self.ops.issued == 0 && !self.spec.allow_vacuous;
        let verdict = if checks.disagreements > 0 && failures.iter().any(|f| f.invariant == "rig") {
            Verdict::Rig
        } else if !failures.is_empty() {
            Verdict::Failed
        } else if self.stopped_on_purpose {
            Verdict::Passed
        } else if !over {
            Verdict::Inconclusive
        } else if vacuous.is_some() || nothing {
            Verdict::Vacuous
        } else {
            Verdict::Passed
        };
        if verdict == Verdict::Vacuous {
            let message = vacuous.unwrap_or_else(|| "no operation was issued".into());
            // The scenario's matter, not the rig's.
            failures.push(fail("vacuous", "scenario", message));
        } else if verdict == Verdict::Inconclusive {
            let reason = self.stop_reason.take().unwrap_or("the run was stopped".into());
            failures.push(fail("budget", "scenario", reason));
        }
        let failed = verdict != Verdict::Passed;
        let last_events =
            if failed { self.prelude.take().unwrap_or_else(|| self.lead_up(None)) } else { Vec::new() };
        Outcome {
            seed,
            digest: self.trace.digest(),
            verdict,
            failures,
            events: self.events,
            virtual_time: now,
            operations: self.ops.clone(),
            latency,
            faults,
            matrix: self.coverage.matrix.cells(),
            marks: self.coverage.marks.counts().collect(),
            stages: self.stage_counts.by_name(),
            ledger: self.ledger.clone(),
            checks,
            recoveries: self.recoveries.clone(),
            takeovers,
            alarms: self.alarms.clone(),
            metrics,
            last_events,
        }
    }

    /// Scripted faults line by line, drawn ones summed by name.
    fn fault_lines(&self) -> Vec<FaultCount> {
        let mut lines: Vec<FaultCount> = Vec::new();
        for (count, fault) in self.fault_counts.iter().zip(&self.faults) {
            debug_assert!(matches!(fault.when, When::At(_) | When::On { .. }));
            debug_assert_eq!(count.name, faults::name(&fault.fault));
            if !count.place.is_empty() {
                lines.push(count.clone());
            } else if let Some(sum) = lines.iter_mut().find(|l| l.name == count.name && l.place.is_empty()) {
                sum.injected += count.injected;
                sum.took_effect += count.took_effect;
            } else {
                lines.push(count.clone());
            }
        }
        lines
    }
}
