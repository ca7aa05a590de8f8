//! Sums over seeds. The same whatever the order in which seeds are added.

use crate::event::SeedRun;
use crate::exit::Exit;
use crate::plan::Plan;
use crate::signature::kind;
use mirrorsim_world::outcome::{Operations, Outcome, TakeoverKind, Verdict};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// With fewer seeds than these, that something was not reached says little.
const ENOUGH: u64 = 100;
/// So often a fault must have been injected before it counts that it never took effect.
const OFTEN: u64 = 50;

/// Sums over the seeds of a plan, or of a whole campaign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Seeds that passed.
    pub passed: u64,
    /// Seeds with a finding.
    pub failed: u64,
    /// Seeds that judged nothing, or whose scripted fault never took effect.
    pub vacuous: u64,
    /// Seeds whose budget ended.
    pub inconclusive: u64,
    /// Seeds in which the rig disagreed with itself.
    pub rig: u64,
    /// Seeds that were run twice.
    pub twice: u64,
    /// Events dispatched.
    pub events: u64,
    /// Virtual time, ns.
    pub virtual_time: u64,
    /// Clients' operations.
    pub operations: Operations,
    /// Faults by kind.
    pub faults: BTreeMap<String, FaultTotal>,
    /// Faults by kind, role and phase.
    pub matrix: BTreeMap<(String, String, String), FaultTotal>,
    /// Rare states of the protocol that were reached.
    pub marks: BTreeMap<String, u64>,
    /// Stages that were reached: how often at a source, and at the destination.
    pub stages: BTreeMap<String, (u64, u64)>,
    /// Counts of the ledger.
    pub counted: u64,
    /// Acknowledged bytes by copies at the source and at the destination, summed over the counts.
    pub copies: BTreeMap<(u8, u8), u64>,
    /// Drawn faults that were left out, since they would have left the fault model.
    pub withheld: u64,
    /// What the campaign should have reached and did not; see [`Tally::close`].
    pub unreached: Vec<String>,
    /// Durable changes seen.
    pub changes: u64,
    /// Full checks.
    pub full: u64,
    /// Verdicts of the resumable scan.
    pub delta: u64,
    /// States that had been judged before.
    pub equal: u64,
    /// Recoveries that were themselves cut and repeated.
    pub nested: u64,
    /// Differences between recovery machine and reader.
    pub disagreements: u64,
    /// Judgements by oracle.
    pub judged: BTreeMap<String, u64>,
    /// Recoveries carried out.
    pub recoveries: u64,
    /// Those that were exact.
    pub exact: u64,
    /// Greatest number of answered operations missing after a recovery.
    pub worst_rpo: u64,
    /// Longest time from a disaster or an order to the image, ns.
    pub worst_rto: u64,
    /// Promotions that were carried out.
    pub promotions: u64,
    /// Times that clients went back to a former source.
    pub hand_overs: u64,
    /// Longest time over one of these in which no client had an answer, ns.
    pub worst_hand_over: u64,
    /// What was measured in some seed.
    pub measured: BTreeSet<&'static str>,
    /// Longest time without an answer over one of them, ns.
    pub worst_outage: u64,
    /// Alarms raised.
    pub alarms: u64,
    /// Seeds that did not pass, by the signature of their first failure, and by what they came to.
    pub groups: BTreeMap<(String, Verdict), Group>,
    /// Time of the workers, summed.
    pub busy: Duration,
}

/// One kind of fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultTotal {
    /// How often it was injected.
    pub injected: u64,
    /// How often it changed anything.
    pub took_effect: u64,
}

/// A kind of failure.
#[derive(Clone, Debug)]
pub struct Kind<'a> {
    /// Of the first failure of each of its seeds.
    pub signature: &'a str,
    /// What these came to.
    pub verdict: Verdict,
    /// The seeds.
    pub group: Group,
    /// Whether it turns nothing red.
    pub known: bool,
}

impl Kind<'_> {
    /// The largest first, then the earliest.
    pub(crate) fn order(&self) -> impl Ord + use<> {
        (std::cmp::Reverse(self.group.seeds), self.group.first)
    }
}

/// Seeds that failed in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// How many seeds.
    pub seeds: u64,
    /// The first of them: plan, index and seed.
    pub first: (usize, u128, u64),
    /// Its message.
    pub message: String,
    /// Its token.
    pub token: String,
}

impl Tally {
    /// Adds a seed.
    pub fn add(&mut self, run: &SeedRun) {
        let outcome = &run.outcome;
        *self.count_of(outcome.verdict) += 1;
        self.twice += u64::from(run.twice);
        self.events += outcome.events;
        self.virtual_time = self.virtual_time.saturating_add(outcome.virtual_time);
        self.busy += run.wall;
        self.alarms += outcome.metrics.get("alarms").copied().unwrap_or(0);
        self.add_operations(&outcome.operations);
        for fault in &outcome.faults {
            let total = self.faults.entry(fault.name.to_owned()).or_default();
            total.injected += fault.injected;
            total.took_effect += fault.took_effect;
        }
        self.add_coverage(outcome);
        let checks = &outcome.checks;
        self.changes += checks.changes.values().sum::<u64>();
        self.full += checks.full;
        self.delta += checks.delta;
        self.equal += checks.equal;
        self.nested += checks.nested;
        self.disagreements += checks.disagreements;
        for (oracle, count) in &checks.judged {
            *self.judged.entry((*oracle).to_owned()).or_default() += count;
        }
        for recovery in &outcome.recoveries {
            self.recoveries += 1;
            self.exact += u64::from(recovery.exact);
            self.worst_rpo = self.worst_rpo.max(recovery.rpo_operations);
            self.worst_rto = self.worst_rto.max(recovery.rto);
        }
        for t in outcome.takeovers.iter().filter(|t| t.served.is_some()) {
            let (count, worst) = match t.kind {
                TakeoverKind::HandOver => (&mut self.hand_overs, &mut self.worst_hand_over),
                TakeoverKind::Promotion | TakeoverKind::Adoption => {
                    (&mut self.promotions, &mut self.worst_outage)
                }
            };
            *count += 1;
            *worst = (*worst).max(t.outage.unwrap_or(0));
        }
        self.measured.extend(outcome.metrics.keys());
        if outcome.verdict != Verdict::Passed {
            self.add_group(run);
        }
    }

    /// The campaign of a plan is over: what its scenario wants to have been reached, and drawn faults that never took
    /// effect, count against it once there were seeds enough.
    pub fn close(&mut self, plan: &Plan) {
        if self.runs() < ENOUGH {
            return;
        }
        let name = &plan.scenario.name;
        let runs = self.runs();
        let marks = plan.scenario.reach.iter().filter(|m| !self.marks.contains_key(**m));
        let marks = marks.map(|mark| format!("{name}: {mark}, in {runs} seeds"));
        let idle = self.ineffective().into_iter().filter(|(_, n)| *n >= OFTEN);
        let idle = idle.map(|(fault, n)| format!("{name}: any effect of {fault}, injected {n} times"));
        let unmeasured = plan.scenario.expect.iter().filter(|e| !self.measured.contains(e.metric.as_str()));
        let unmeasured =
            unmeasured.map(|e| format!("{name}: `{e}` says nothing: not measured in {runs} seeds"));
        self.unreached = marks.chain(idle).chain(unmeasured).collect();
    }

    /// Seeds that were run.
    pub fn runs(&self) -> u64 {
        self.passed + self.failed + self.vacuous + self.inconclusive + self.rig
    }

    /// What is wrong with the sums of a plan that was run to its end: there is one result of each seed, no less and no more.
    pub fn lost(&self, seeds: u128) -> Option<String> {
        let runs = u128::from(self.runs());
        match runs.cmp(&seeds) {
            Ordering::Less => Some(format!("{} of {seeds} results are missing", seeds - runs)),
            Ordering::Equal => None,
            Ordering::Greater => Some(format!("there are {runs} results of {seeds} seeds")),
        }
    }

    /// Seeds that did not pass.
    pub fn red(&self) -> u64 {
        self.runs() - self.passed
    }

    /// The exit that the verdicts ask for.
    pub fn exit(&self) -> Exit {
        self.exit_of(self.groups.keys().map(|(_, verdict)| *verdict))
    }

    /// The same, if only these verdicts count.
    pub(crate) fn exit_of(&self, verdicts: impl Iterator<Item = Verdict>) -> Exit {
        let unreached = if self.unreached.is_empty() { Exit::Passed } else { Exit::Rig };
        verdicts.fold(unreached, |exit, verdict| exit.worst(verdict.into()))
    }

    /// Kinds of faults that were injected and never took effect in any seed.
    pub fn ineffective(&self) -> Vec<(&str, u64)> {
        let none = self.faults.iter().filter(|(_, f)| f.injected > 0 && f.took_effect == 0);
        none.map(|(name, f)| (name.as_str(), f.injected)).collect()
    }

    /// Groups of failures, the largest first, then the earliest.
    pub fn groups_by_size<'a>(&'a self) -> Vec<Kind<'a>> {
        let kind = |((signature, verdict), group): (&'a (String, Verdict), &Group)| Kind {
            signature,
            verdict: *verdict,
            group: group.clone(),
            known: false,
        };
        let mut kinds: Vec<Kind<'a>> = self.groups.iter().map(kind).collect();
        kinds.sort_by_key(Kind::order);
        kinds
    }

    fn count_of(&mut self, verdict: Verdict) -> &mut u64 {
        match verdict {
            Verdict::Passed => &mut self.passed,
            Verdict::Failed => &mut self.failed,
            Verdict::Vacuous => &mut self.vacuous,
            Verdict::Inconclusive => &mut self.inconclusive,
            Verdict::Rig => &mut self.rig,
        }
    }

    fn add_coverage(&mut self, outcome: &Outcome) {
        for cell in &outcome.matrix {
            let key = (cell.fault.to_owned(), cell.role.to_owned(), cell.phase.to_owned());
            let total = self.matrix.entry(key).or_default();
            total.injected += cell.injected;
            total.took_effect += cell.took_effect;
        }
        for (mark, count) in &outcome.marks {
            *self.marks.entry((*mark).to_owned()).or_default() += count;
        }
        for (stage, (source, destination)) in &outcome.stages {
            let total = self.stages.entry((*stage).to_owned()).or_default();
            total.0 += source;
            total.1 += destination;
        }
        self.counted += outcome.ledger.counted;
        self.withheld += outcome.ledger.withheld;
        for (copies, bytes) in &outcome.ledger.bytes {
            *self.copies.entry(*copies).or_default() += bytes;
        }
    }

    fn add_operations(&mut self, more: &Operations) {
        let all = &mut self.operations;
        all.issued += more.issued;
        all.acknowledged += more.acknowledged;
        all.refused += more.refused;
        all.in_doubt += more.in_doubt;
        all.lost += more.lost;
        all.bytes += more.bytes;
    }

    fn add_group(&mut self, run: &SeedRun) {
        let outcome = &run.outcome;
        let first = (run.plan, run.index, outcome.seed);
        let failure = outcome.failures.first();
        let name = kind(outcome.verdict, &outcome.failures);
        let group = self.groups.entry((name, outcome.verdict)).or_insert_with(|| Group {
            seeds: 0,
            first: (usize::MAX, u128::MAX, u64::MAX),
            message: String::new(),
            token: String::new(),
        });
        group.seeds += 1;
        if first < group.first {
            group.first = first;
            group.message = failure.map(|f| f.message.clone()).unwrap_or_default();
            group.token = run.token.to_string();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;
    use crate::worker::tests::outcome;
    use mirrorsim_scenario as scenario;
    use mirrorsim_world::outcome::{Failure, FaultCount};

    fn runs() -> Vec<SeedRun> {
        let text = b"schema: 1\nsources: [{name: alpha}]\nclients: [{operations: 20}]\n";
        let scenario = scenario::parse("a.yaml", text, &[], &scenario::Options::default()).expect("scenario");
        let plan = Plan::new(scenario, "a.yaml", scenario::seeds("0..40").expect("seeds"));
        let run = |seed: u64| {
            let mut outcome = outcome(seed);
            outcome.events = seed * 10;
            outcome.operations.issued = 3;
            outcome.faults.push(FaultCount {
                name: "cut",
                place: String::new(),
                injected: 2,
                took_effect: 0,
            });
            if seed % 4 == 3 {
                outcome.verdict = Verdict::Failed;
                let message = format!("write {seed} is gone");
                let oracle = if seed % 8 == 3 { "durability" } else { "order" };
                outcome.failures.push(Failure { oracle, invariant: "I1", time: 0, event: 0, message });
            }
            let token = plan.token(&outcome);
            let index = u128::from(seed);
            SeedRun {
                plan: 0,
                index,
                outcome,
                expectations: 0,
                wall: Duration::from_millis(seed),
                twice: seed < 5,
                images: Vec::new(),
                token,
            }
        };
        (0..40).map(run).collect()
    }

    #[test]
    fn sums_do_not_depend_on_the_order() {
        let runs = runs();
        let mut straight = Tally::default();
        runs.iter().for_each(|r| straight.add(r));
        let mut backwards = Tally::default();
        runs.iter().rev().for_each(|r| backwards.add(r));
        let mut shuffled = Tally::default();
        (0..40).for_each(|i| shuffled.add(&runs[i * 27 % 40]));
        assert_eq!(straight, backwards);
        assert_eq!(straight, shuffled);
    }

    #[test]
    fn failures_are_grouped_under_their_first_seed() {
        let mut tally = Tally::default();
        runs().iter().for_each(|r| tally.add(r));
        assert_eq!((tally.runs(), tally.passed, tally.failed, tally.red()), (40, 30, 10, 10));
        assert_eq!(tally.twice, 5);
        let groups = tally.groups_by_size();
        assert_eq!(groups.len(), 2);
        assert_eq!(
            (groups[0].signature, groups[0].group.seeds, groups[0].group.first.2),
            ("durability I1 write # is gone", 5, 3)
        );
        assert_eq!(groups[0].group.message, "write 3 is gone");
        assert_eq!(tally.ineffective(), [("cut", 80)]);
        assert_eq!(tally.exit(), Exit::Failed);
        assert_eq!(Tally::default().exit(), Exit::Passed);
    }
}
