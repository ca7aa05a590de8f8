//! Makes a report of events.

use crate::interval::{Interval, share_interval};
use crate::model::*;
use crate::number::{bound, rate};
use mirrorsim_campaign::{BUILD, Exit, Kind, Plan, SeedRun, Signal, Tally, signature};
use mirrorsim_world::METRICS;
use mirrorsim_world::outcome::{
    Checks, Failure, Latency, Operations, Outcome, RecoveryReport, RtoFrom, TakeoverKind, TakeoverReport,
    Verdict,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Most runs of each kind that a report holds in full.
const KEPT: usize = 1000;

/// Gathers the results of one plan, in the order in which the campaign gives them out.
#[derive(Debug, Default)]
pub struct Collector {
    tally: Tally,
    runs: Vec<RunReport>,
    red: usize,
}

impl Collector {
    /// Adds a result.
    pub fn add(&mut self, plan: &Plan, run: &SeedRun) {
        let red = run.outcome.verdict != Verdict::Passed;
        if self.tally.runs() < KEPT as u64 || (red && self.red < KEPT) {
            self.runs.push(run_report(plan, run));
        }
        self.red += usize::from(red);
        self.tally.add(run);
    }

    /// The plan's seeds were all run.
    pub fn close(&mut self, plan: &Plan) {
        self.tally.close(plan);
    }

    /// The sums so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The report. `signal` is why the campaign was stopped before all seeds were run.
    pub fn finish(
        self,
        plan: &Plan,
        signal: Option<Signal>,
        abandoned: &[u64],
        wall: Duration,
        workers: usize,
        date: String,
    ) -> Report {
        // A result that is lost may have been the one that mattered.
        let lost = signal.is_none() && self.tally.lost(plan.seeds.count()).is_some();
        let exit = signal.map_or_else(|| self.tally.exit(), Exit::from);
        let exit = if lost { exit.worst(Exit::Rig) } else { exit };
        Report {
            schema_version: SCHEMA_VERSION,
            environment: environment(plan, workers, date),
            interrupted: signal.is_some(),
            verdict: if lost { VerdictName::Rig } else { worst(&self.tally, signal.is_some()) },
            exit_code: exit.code(),
            summary: summary(&self.tally),
            speed: Speed {
                wall_ms: wall.as_millis() as u64,
                busy_ms: self.tally.busy.as_millis() as u64,
                events_per_second: rate(self.tally.events, self.tally.busy),
                seeds_per_minute: rate(self.tally.runs() * 60, wall),
            },
            runs_left_out: self.tally.runs() - self.runs.len() as u64,
            runs: self.runs,
            abandoned: abandoned.iter().map(|s| SeedText(s.to_string())).collect(),
        }
    }
}

/// Of no run at all nothing is known, and of some of the seeds nothing good.
fn worst(tally: &Tally, interrupted: bool) -> VerdictName {
    let counts = [
        (tally.rig, VerdictName::Rig),
        (tally.vacuous + tally.unreached.len() as u64, VerdictName::Vacuous),
        (tally.failed, VerdictName::Failed),
        (tally.inconclusive, VerdictName::Inconclusive),
        (tally.passed, if interrupted { VerdictName::Inconclusive } else { VerdictName::Passed }),
    ];
    counts.into_iter().find(|(n, _)| *n > 0).map_or(VerdictName::Inconclusive, |(_, name)| name)
}

pub(crate) fn verdict_name(verdict: Verdict) -> VerdictName {
    match verdict {
        Verdict::Passed => VerdictName::Passed,
        Verdict::Failed => VerdictName::Failed,
        Verdict::Vacuous => VerdictName::Vacuous,
        Verdict::Inconclusive => VerdictName::Inconclusive,
        Verdict::Rig => VerdictName::Rig,
    }
}

fn environment(plan: &Plan, workers: usize, date: String) -> Environment {
    let scenario = &plan.scenario;
    let check = scenario.spec.check.mode.name();
    Environment {
        version: BUILD.version.into(),
        commit: Some(BUILD.commit.to_owned()).filter(|c| !c.is_empty()),
        source_hash: Hash(BUILD.source_hash.into()),
        lock_hash: Hash(BUILD.lock_hash.into()),
        rustc: BUILD.rustc.into(),
        target: BUILD.target.into(),
        profile: BUILD.profile.into(),
        date,
        scenario: ScenarioStamp {
            name: scenario.name.clone(),
            about: scenario.about.clone(),
            tags: scenario.tags.clone(),
            path: plan.argument.clone(),
            hash: hash(scenario.source_hash),
            sets: plan.sets.iter().map(|(path, value)| format!("{path}={value}")).collect(),
        },
        seeds: plan.seeds.to_string(),
        planted: strings(&plan.planted_ids()),
        check: check.into(),
        workers: workers as u64,
    }
}

/// If some failed: between what the share of seeds that fail is. One without a verdict says nothing of it.
pub(crate) fn failure_rate(tally: &Tally) -> Option<Interval<u64>> {
    share_interval(tally.failed, tally.passed + tally.failed).filter(|_| tally.failed > 0)
}

pub(crate) fn summary(tally: &Tally) -> Summary {
    let fault = |(name, f): (&String, &mirrorsim_campaign::FaultTotal)| {
        (name.clone(), FaultSum { injected: f.injected, took_effect: f.took_effect })
    };
    Summary {
        verdicts: Verdicts {
            passed: tally.passed,
            failed: tally.failed,
            vacuous: tally.vacuous,
            inconclusive: tally.inconclusive,
            rig: tally.rig,
        },
        failure_rate_bound_ppb: if tally.red() == 0 { bound(tally.runs()) } else { None },
        failure_rate_interval_ppb: failure_rate(tally),
        run_twice: tally.twice,
        failures: tally.groups_by_size().into_iter().map(group).collect(),
        events: tally.events,
        virtual_time_ns: tally.virtual_time,
        operations: operations(&tally.operations),
        faults: tally.faults.iter().map(fault).collect(),
        coverage: coverage(tally),
        checks: CheckSum {
            changes: tally.changes,
            full: tally.full,
            delta: tally.delta,
            equal: tally.equal,
            nested: tally.nested,
            disagreements: tally.disagreements,
            judged: tally.judged.clone(),
        },
        recoveries: tally.recoveries,
        recoveries_exact: tally.exact,
        worst_rpo_operations: tally.worst_rpo,
        worst_rto_ns: tally.worst_rto,
        promotions: tally.promotions,
        worst_outage_ns: tally.worst_outage,
        hand_overs: tally.hand_overs,
        worst_hand_over_ns: tally.worst_hand_over,
        alarms: tally.alarms,
    }
}

/// Fault kinds that a campaign has injected, by role and phase, each cell of theirs with its counts or its reason.
fn coverage(tally: &Tally) -> Coverage {
    let mut cells = Vec::new();
    let kinds: BTreeSet<(&str, &str)> =
        tally.matrix.keys().map(|(fault, role, _)| (fault.as_str(), role.as_str())).collect();
    for (fault, role) in kinds {
        for phase in mirrorsim_world::phases() {
            let key = (fault.to_owned(), role.to_owned(), phase.to_owned());
            let total = tally.matrix.get(&key).copied().unwrap_or_default();
            let reason = mirrorsim_world::unreachable(fault, role, phase).filter(|_| total.took_effect == 0);
            cells.push(FaultCell {
                fault: fault.into(),
                role: role.into(),
                phase: phase.into(),
                injected: total.injected,
                took_effect: total.took_effect,
                unreachable: reason.map(str::to_owned),
            });
        }
    }
    let copies = |((source, destination), bytes): (&(u8, u8), &u64)| CopyCount {
        source: *source,
        destination: *destination,
        bytes: *bytes,
    };
    Coverage {
        cells,
        marks: mirrorsim_world::MARKS
            .iter()
            .map(|(name, _)| ((*name).to_owned(), tally.marks.get(*name).copied().unwrap_or_default()))
            .collect(),
        stages: tally
            .stages
            .iter()
            .map(|(name, (source, destination))| {
                (name.clone(), StageCount { source: *source, destination: *destination })
            })
            .collect(),
        unreached: tally.unreached.clone(),
        ledger: LedgerSum {
            counted: tally.counted,
            copies: tally.copies.iter().map(copies).collect(),
            withheld: tally.withheld,
        },
    }
}

fn group(Kind { signature, group, .. }: Kind<'_>) -> FailureGroup {
    FailureGroup {
        signature: signature.into(),
        seeds: group.seeds,
        first_seed: SeedText(group.first.2.to_string()),
        message: group.message.clone(),
        replay: format!("mirrorsim replay {}", group.token),
    }
}

/// One seed as it stands in a report.
pub(crate) fn run_report(plan: &Plan, run: &SeedRun) -> RunReport {
    let outcome: &Outcome = &run.outcome;
    RunReport {
        seed: SeedText(outcome.seed.to_string()),
        verdict: verdict_name(outcome.verdict),
        digest: hash(outcome.digest),
        replay: format!("mirrorsim replay {}", run.token),
        failures: outcome.failures.iter().map(failure).collect(),
        events: outcome.events,
        virtual_time_ns: outcome.virtual_time,
        wall_us: run.wall.as_micros() as u64,
        operations: operations(&outcome.operations),
        latency: outcome.latency.iter().map(|(kind, l)| ((*kind).to_owned(), latency(l))).collect(),
        faults: outcome
            .faults
            .iter()
            .map(|f| FaultReport {
                name: f.name.into(),
                place: f.place.clone(),
                injected: f.injected,
                took_effect: f.took_effect,
            })
            .collect(),
        checks: checks(&outcome.checks),
        changes: named(&outcome.checks.changes),
        recoveries: outcome.recoveries.iter().map(|r| recovery(plan, r)).collect(),
        promotions: takeovers(plan, outcome, |kind| kind != TakeoverKind::HandOver),
        hand_overs: takeovers(plan, outcome, |kind| kind == TakeoverKind::HandOver),
        alarms: outcome
            .alarms
            .iter()
            .map(|a| AlarmReport {
                time_ns: a.time,
                server: a.server.clone(),
                kind: a.kind.into(),
                message: a.message.clone(),
            })
            .collect(),
        expectations: run.expectations as u64,
        metrics: METRICS
            .iter()
            .filter_map(|(name, ..)| Some(((*name).to_owned(), *outcome.metrics.get(name)?)))
            .collect(),
        last_events: outcome.last_events.clone(),
    }
}

fn failure(f: &Failure) -> FailureReport {
    FailureReport {
        oracle: f.oracle.into(),
        invariant: f.invariant.into(),
        time_ns: f.time,
        event: f.event,
        message: f.message.clone(),
        signature: signature(f),
    }
}

fn operations(o: &Operations) -> OperationCounts {
    OperationCounts {
        issued: o.issued,
        acknowledged: o.acknowledged,
        refused: o.refused,
        in_doubt: o.in_doubt,
        lost: o.lost,
        bytes: o.bytes,
    }
}

fn latency(l: &Latency) -> LatencyReport {
    LatencyReport {
        count: l.count,
        p50_ns: l.p50,
        p90_ns: l.p90,
        p99_ns: l.p99,
        p999_ns: l.p999,
        max_ns: l.max,
    }
}

fn checks(c: &Checks) -> CheckSum {
    CheckSum {
        changes: c.changes.values().sum(),
        full: c.full,
        delta: c.delta,
        equal: c.equal,
        nested: c.nested,
        disagreements: c.disagreements,
        judged: named(&c.judged),
    }
}

fn recovery(plan: &Plan, r: &RecoveryReport) -> RecoveryEntry {
    RecoveryEntry {
        source: source_name(plan, r.source),
        time_ns: r.time,
        verdict: r.verdict.clone(),
        generation: r.recovered.0,
        sequence: r.recovered.1,
        rpo_operations: r.rpo_operations,
        rpo_bytes: r.rpo_bytes,
        rpo_time_ns: r.rpo_time,
        rto_ns: r.rto,
        rto_from: match r.rto_from {
            RtoFrom::Disaster => RtoFromName::Disaster,
            RtoFrom::Order => RtoFromName::Order,
        },
        replayed: r.replayed,
        exact: r.exact,
        promoted: r.promoted,
        adopter: r.adopter.map(|by| source_name(plan, by)),
    }
}

fn takeovers(plan: &Plan, outcome: &Outcome, of: impl Fn(TakeoverKind) -> bool) -> Vec<TakeoverEntry> {
    outcome.takeovers.iter().filter(|t| of(t.kind)).map(|t| takeover(plan, t)).collect()
}

fn takeover(plan: &Plan, t: &TakeoverReport) -> TakeoverEntry {
    TakeoverEntry {
        source: source_name(plan, t.source),
        disaster_ns: t.disaster,
        ordered_ns: t.ordered,
        served_ns: t.served,
        last_answer_ns: t.last_answer,
        first_answer_ns: t.first_answer,
        outage_ns: t.outage,
        adopter: t.adopter.map(|by| source_name(plan, by)),
    }
}

/// Name of a source, by its index.
pub(crate) fn source_name(plan: &Plan, source: usize) -> String {
    plan.scenario.spec.sources.get(source).map_or_else(|| source.to_string(), |s| s.name.clone())
}

fn hash(value: u64) -> Hash {
    Hash(format!("{value:016x}"))
}

fn named(map: &BTreeMap<&'static str, u64>) -> BTreeMap<String, u64> {
    map.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect()
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|s| (*s).to_owned()).collect()
}
