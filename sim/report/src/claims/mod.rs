//! Which claims a campaign has shown: claim, scenarios, seeds, how often its steps happened, planted bugs caught, verdict.

mod model;
mod table;
mod text;

pub use model::{
    ClaimBug, ClaimReport, ClaimScenario, ClaimVerdict, ClaimsReport, Evidence, StepReport, claims_schema,
};
pub use table::{CLAIMS, Claim, Of, Step};

use crate::kills::KillTable;
use crate::model::{Hash, SeedText};
use mirrorsim_campaign::{BUILD, Plan, SeedRun};
use mirrorsim_world::outcome::{Outcome, Verdict};
use std::collections::BTreeMap;

/// Version of the format.
const SCHEMA_VERSION: u32 = 1;

/// Gathers what a campaign says of the claims.
#[derive(Debug, Default)]
pub struct Claims {
    /// By claim, as an index of [`CLAIMS`], and plan.
    sums: BTreeMap<(usize, usize), Sum>,
}

/// One plan's seeds for one claim.
#[derive(Clone, Debug, Default)]
struct Sum {
    runs: u64,
    passed: u64,
    failed: u64,
    open: u64,
    first_failed: Option<u64>,
    /// Of each step: how often it happened, and in how many seeds.
    steps: Vec<(u64, u64)>,
}

impl Of {
    /// How often it happened in a run.
    pub fn count(self, outcome: &Outcome) -> u64 {
        let stage = |name| outcome.stages.get(name).copied().unwrap_or_default();
        let faults = |wanted: &dyn Fn(&str, &str) -> bool| -> u64 {
            let cells = outcome.matrix.iter().filter(|c| wanted(c.fault, c.role));
            cells.map(|c| c.took_effect).sum()
        };
        match self {
            Of::AtSource(name) => stage(name).0,
            Of::AtDestination(name) => stage(name).1,
            Of::Mark(name) => outcome.marks.get(name).copied().unwrap_or_default(),
            Of::Metric(name) => outcome.metrics.get(name).copied().unwrap_or_default(),
            Of::Judged(oracle) => outcome.checks.judged.get(oracle).copied().unwrap_or_default(),
            Of::Faults(kinds) => faults(&|fault, _| kinds.contains(&fault)),
            Of::FaultsAt(at) => faults(&|_, role| role == at),
        }
    }

    /// In words.
    fn words(self) -> String {
        match self {
            Of::AtSource(name) => format!("stage {name} at a source"),
            Of::AtDestination(name) => format!("stage {name} at the destination"),
            Of::Mark(name) => format!("mark {name}"),
            Of::Metric(name) => format!("metric {name}"),
            Of::Judged(oracle) => format!("judgements of {oracle}"),
            Of::Faults(kinds) => format!("effective {}", kinds.join(", ")),
            Of::FaultsAt(role) => format!("effective faults at {role}"),
        }
    }
}

/// Whether a scenario is about a claim.
pub fn about_claims(plan: &Plan) -> bool {
    CLAIMS.iter().any(|claim| of(plan, claim))
}

fn of(plan: &Plan, claim: &Claim) -> bool {
    claim.live() && plan.scenario.tags.contains(&claim.tag())
}

impl Claims {
    /// Adds a result.
    pub fn add(&mut self, plan: &Plan, run: &SeedRun) {
        let outcome = &run.outcome;
        for (number, claim) in CLAIMS.iter().enumerate().filter(|(_, claim)| of(plan, claim)) {
            let sum = self.sums.entry((number, run.plan)).or_default();
            sum.steps.resize(claim.steps.len(), (0, 0));
            sum.runs += 1;
            match outcome.verdict {
                Verdict::Passed => sum.passed += 1,
                Verdict::Failed => {
                    sum.failed += 1;
                    sum.first_failed.get_or_insert(outcome.seed);
                }
                // Its fault never took effect: it shows nothing, and nothing against it.
                Verdict::Vacuous => {}
                Verdict::Inconclusive | Verdict::Rig => sum.open += 1,
            }
            if outcome.verdict != Verdict::Passed {
                continue;
            }
            for (step, (count, seeds)) in claim.steps.iter().zip(&mut sum.steps) {
                let n = step.of.count(outcome);
                *count += n;
                *seeds += u64::from(n > 0);
            }
        }
    }

    /// What they come to. `kills`: the table of planted bugs, and where it was read.
    pub fn finish(
        &self,
        plans: &[Plan],
        interrupted: bool,
        kills: Option<(&KillTable, &str)>,
        date: String,
    ) -> ClaimsReport {
        let claims: Vec<ClaimReport> = (0..CLAIMS.len()).map(|n| self.claim(n, plans, kills)).collect();
        let evidence = kills.map(|(table, path)| Evidence {
            path: path.to_owned(),
            source_hash: table.stamp.source_hash.clone(),
            same_sources: table.stamp.source_hash == BUILD.source_hash,
        });
        let with = |verdict| claims.iter().filter(|c| c.verdict == verdict).count() as u64;
        ClaimsReport {
            schema_version: SCHEMA_VERSION,
            version: BUILD.version.into(),
            commit: Some(BUILD.commit.to_owned()).filter(|c| !c.is_empty()),
            source_hash: Hash(BUILD.source_hash.into()),
            date,
            planted: plans
                .first()
                .map_or_else(Vec::new, |p| p.planted_ids().into_iter().map(str::to_owned).collect()),
            interrupted,
            live: claims.len() as u64 - with(ClaimVerdict::Cancelled),
            shown: with(ClaimVerdict::Shown),
            evidence,
            claims,
        }
    }

    fn claim(&self, number: usize, plans: &[Plan], kills: Option<(&KillTable, &str)>) -> ClaimReport {
        let claim = &CLAIMS[number];
        let mut total = Sum { steps: vec![(0, 0); claim.steps.len()], ..Sum::default() };
        let mut scenarios = Vec::new();
        for (at, plan) in plans.iter().enumerate().filter(|(_, plan)| of(plan, claim)) {
            let mut sum = self.sums.get(&(number, at)).cloned().unwrap_or_default();
            sum.steps.resize(claim.steps.len(), (0, 0));
            // What was never run is as open as what never came to a verdict.
            let missing = plan.seeds.count().saturating_sub(u128::from(sum.runs));
            sum.open = sum.open.saturating_add(u64::try_from(missing).unwrap_or(u64::MAX));
            total.add(&sum);
            scenarios.push(ClaimScenario {
                path: plan.argument.clone(),
                hash: Hash(format!("{:016x}", plan.scenario.source_hash)),
                seeds: plan.seeds.to_string(),
                runs: sum.runs,
                passed: sum.passed,
                failed: sum.failed,
                first_failed: sum.first_failed.map(|s| SeedText(s.to_string())),
                exercised: sum.steps.iter().map(|(n, _)| *n).collect(),
            });
        }
        let steps = claim.steps.iter().zip(&total.steps).map(|(step, (count, seeds))| StepReport {
            step: step.name.into(),
            counted_by: step.of.words(),
            count: *count,
            seeds: *seeds,
        });
        let bugs: Vec<ClaimBug> = claim.planted.iter().map(|id| bug(id, kills)).collect();
        ClaimReport {
            claim: claim.number,
            verdict: verdict(claim, &total, scenarios.is_empty(), &bugs),
            shows: claim.shows.into(),
            seeds: total.runs,
            scenarios,
            exercised: steps.collect(),
            caught: bugs.iter().filter(|b| b.caught == Some(true)).count() as u64,
            bugs,
        }
    }
}

impl Sum {
    fn add(&mut self, other: &Sum) {
        self.runs += other.runs;
        self.passed += other.passed;
        self.failed += other.failed;
        self.open = self.open.saturating_add(other.open);
        for (mine, theirs) in self.steps.iter_mut().zip(&other.steps) {
            mine.0 += theirs.0;
            mine.1 += theirs.1;
        }
    }
}

fn verdict(claim: &Claim, sum: &Sum, nobody: bool, bugs: &[ClaimBug]) -> ClaimVerdict {
    match () {
        () if !claim.live() => ClaimVerdict::Cancelled,
        () if nobody => ClaimVerdict::NoScenario,
        () if sum.failed > 0 => ClaimVerdict::Failed,
        () if sum.open > 0 => ClaimVerdict::Inconclusive,
        () if sum.passed == 0 || sum.steps.iter().any(|(n, _)| *n == 0) => ClaimVerdict::NotExercised,
        () if bugs.iter().any(|b| b.caught == Some(false)) => ClaimVerdict::Unproven,
        () => ClaimVerdict::Shown,
    }
}

fn bug(id: &str, kills: Option<(&KillTable, &str)>) -> ClaimBug {
    let kill = kills.and_then(|(table, _)| table.kills.iter().find(|k| k.id == id));
    ClaimBug {
        id: id.into(),
        caught: kill.map(|k| k.caught),
        oracle: kill.filter(|k| k.caught).map(|k| k.oracle.clone()),
    }
}
