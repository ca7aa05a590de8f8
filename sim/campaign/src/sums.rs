//! What the results of a campaign come to, whoever ran which part of it in what order.

use crate::event::SeedRun;
use crate::exit::Exit;
use crate::known::Known;
use crate::plan::Plan;
use crate::ranges::Ranges;
use crate::store::fingerprint;
use crate::tally::{Group, Kind, Tally};
use mirrorsim_world::outcome::Verdict;
use std::collections::{BTreeMap, BTreeSet};

/// Sums over the plans of a campaign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Of each plan.
    pub plans: Vec<(Tally, Ranges)>,
    /// Of all.
    pub total: Tally,
    /// What the protocol and the faults were seen to do, by name: rare states, stages, and cells of fault, role and phase that took
    /// effect.
    pub reached: BTreeMap<String, Reached>,
    /// Over all results; equal if and only if they are (but for a collision).
    pub fingerprint: u64,
    /// Results that came twice, and counted once.
    pub repeated: u64,
}

/// What the name of a rare state begins with.
const MARK: &str = "mark ";

/// How often something was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// In how many seeds.
    pub seeds: u64,
    /// The lowest index of these in its plan.
    pub first: u64,
    /// The first of these: plan and index.
    pub by: (usize, u64),
}

impl Sums {
    /// Of no result yet.
    pub fn new(plans: usize) -> Sums {
        Sums { plans: vec![Default::default(); plans], ..Sums::default() }
    }

    /// Adds a result; false: it was there.
    pub fn add(&mut self, run: &SeedRun) -> bool {
        let index = u64::try_from(run.index).unwrap_or(u64::MAX);
        let (tally, done) = &mut self.plans[run.plan];
        if !done.add(index) {
            self.repeated += 1;
            return false;
        }
        tally.add(run);
        self.total.add(run);
        self.fingerprint = self.fingerprint.wrapping_add(fingerprint(run));
        for name in reached(run) {
            let by = (run.plan, index);
            let all = self.reached.entry(name).or_insert(Reached { seeds: 0, first: index, by });
            all.seeds += 1;
            (all.first, all.by) = (all.first.min(index), all.by.min(by));
        }
        true
    }

    /// All seeds were run, of all shards: what the scenarios want to have been reached counts.
    pub fn close(&mut self, plans: &[Plan]) {
        for ((tally, _), plan) in self.plans.iter_mut().zip(plans).filter(|(_, p)| p.planted.is_empty()) {
            tally.close(plan);
            self.total.unreached.extend(tally.unreached.iter().cloned());
        }
    }

    /// Kinds of failures over all scenarios, those that are known apart: what is known in one scenario may be new in another. The
    /// largest first, then the earliest.
    pub fn kinds<'a>(&'a self, plans: &[Plan], known: &Known) -> Vec<Kind<'a>> {
        let mut all: BTreeMap<(&str, Verdict, bool), Group> = BTreeMap::new();
        for ((tally, _), plan) in self.plans.iter().zip(plans) {
            for ((signature, verdict), group) in &tally.groups {
                let known = known.covers(&plan.scenario.name, signature, *verdict);
                let sum =
                    all.entry((signature, *verdict, known)).or_insert(Group { seeds: 0, ..group.clone() });
                let seeds = sum.seeds + group.seeds;
                if group.first < sum.first {
                    *sum = group.clone();
                }
                sum.seeds = seeds;
            }
        }
        let kind = |((signature, verdict, known), group)| Kind { signature, verdict, group, known };
        let mut kinds: Vec<Kind<'a>> = all.into_iter().map(kind).collect();
        kinds.sort_by_key(Kind::order);
        kinds
    }

    /// The exit that the results ask for, if some failures are known.
    pub fn exit_but(&self, plans: &[Plan], known: &Known) -> Exit {
        let kinds = self.kinds(plans, known);
        self.total.exit_of(kinds.iter().filter(|kind| !kind.known).map(|kind| kind.verdict))
    }

    /// How many things were reached in one seed only, and how many seeds these are. By Good and Turing the latter over all seeds
    /// estimates the chance that the next seed reaches something new: left out and run last, such a seed would have. (A seed
    /// that reaches three new things is one; their number would estimate how many come with the next seed.)
    pub fn singles(&self) -> (u64, u64) {
        let alone = self.reached.values().filter(|r| r.seeds == 1);
        let by: BTreeSet<(usize, u64)> = alone.clone().map(|r| r.by).collect();
        (alone.count() as u64, by.len() as u64)
    }

    /// The marks that were reached in the fewest seeds, and in how many: so many at the most, by name where they are alike.
    pub fn rarest(&self, most: usize) -> Vec<(&str, u64)> {
        let marks = self.reached.iter().filter_map(|(name, r)| Some((name.strip_prefix(MARK)?, r.seeds)));
        let mut marks: Vec<_> = marks.collect();
        marks.sort_by_key(|(name, seeds)| (*seeds, *name));
        marks.truncate(most);
        marks
    }

    /// How many things the first so many seeds of each plan had reached.
    pub fn reached_by(&self, seeds: u64) -> u64 {
        self.reached.values().filter(|r| r.first < seeds).count() as u64
    }
}

/// What one seed has reached, each once.
fn reached(run: &SeedRun) -> Vec<String> {
    let o = &run.outcome;
    let marks = o.marks.keys().map(|mark| format!("{MARK}{mark}"));
    let sides = |(stage, (source, destination)): (&&'static str, &(u64, u64))| {
        let side = |n: u64, side: &str| (n > 0).then(|| format!("stage {stage} of a {side}"));
        [side(*source, "source"), side(*destination, "destination")].into_iter().flatten()
    };
    let cells = o.matrix.iter().filter(|c| c.took_effect > 0);
    let cells = cells.map(|c| format!("{} of {} in {}", c.fault, c.role, c.phase));
    marks.chain(o.stages.iter().flat_map(sides)).chain(cells).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::tests::{outcome, plan};
    use std::time::Duration;

    fn runs() -> Vec<SeedRun> {
        let plan = plan("0..30");
        let run = |seed: u64| {
            let mut outcome = outcome(seed);
            outcome.marks.insert("common", 3);
            if seed % 11 == 7 {
                outcome.marks.insert("rare", 1);
            }
            if seed == 20 {
                outcome.stages.insert("once", (1, 2));
            }
            SeedRun {
                plan: 0,
                index: seed.into(),
                token: plan.token(&outcome),
                outcome,
                expectations: 0,
                wall: Duration::from_millis(seed),
                twice: false,
                images: Vec::new(),
            }
        };
        (0..30).map(run).collect()
    }

    #[test]
    fn the_order_of_results_does_not_matter_and_each_counts_once() {
        let (mut straight, mut other) = (Sums::new(1), Sums::new(1));
        runs().iter().for_each(|r| assert!(straight.add(r)));
        runs().iter().rev().for_each(|r| assert!(other.add(r)));
        assert_eq!(straight, other);
        assert!(!other.add(&runs()[3]));
        assert_eq!((other.repeated, other.fingerprint), (1, straight.fingerprint));
        let mut changed = Sums::new(1);
        for (i, mut run) in runs().into_iter().enumerate() {
            run.outcome.digest += u64::from(i == 9);
            changed.add(&run);
        }
        assert_ne!(changed.fingerprint, straight.fingerprint);
    }

    #[test]
    fn what_is_seldom_reached_tells_how_much_is_still_to_come() {
        let mut sums = Sums::new(1);
        runs().iter().for_each(|r| assert!(sums.add(r)));
        assert_eq!(sums.reached["mark rare"], Reached { seeds: 3, first: 7, by: (0, 7) });
        // Both sides of one seed's stage: two things, one seed.
        assert_eq!((sums.singles(), sums.reached.len()), ((2, 1), 4));
        assert_eq!((sums.rarest(1), sums.rarest(9)), (vec![("rare", 3)], vec![("rare", 3), ("common", 30)]));
        assert_eq!([1, 7, 8, 20, 21].map(|n| sums.reached_by(n)), [1, 1, 2, 2, 4]);
    }
}
