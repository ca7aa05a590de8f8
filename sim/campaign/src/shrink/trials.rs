//! Candidates and whether they fail in the same way: each is run in a child, several at a time.

use super::{Shrinker, Shrinking, Size};
use crate::child::{Children, Nursery};
use crate::judge::EXPECT;
use crate::plan::Plan;
use crate::signature::signature;
use crate::token::Token;
use crate::wall::Clock;
use crate::worker::{self, STACK};
use mirrorsim_scenario::{Outline, Problems, Scenario, Step};
use mirrorsim_world::Rigged;
use mirrorsim_world::outcome::{Failure, Outcome, Verdict};
use std::collections::BTreeSet;
use std::thread::{Builder, scope};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// A candidate without an event for so long hangs.
const PATIENCE: Duration = Duration::from_secs(5);
/// A candidate may take so many times as long as the original, and so long in any case. Only what does far more than
/// that is given up, for which a slow machine is no excuse.
const TIMES_AS_LONG: u32 = 8;
const AT_LEAST: Duration = Duration::from_secs(3);
/// The part of the budget that is for leaving out, in hundredths; the rest is for the windows.
const FOR_REDUCING: u32 = 75;
/// Of a threshold: a candidate may go on for so many times the virtual time of the original. Where a server stays away
/// for good everything becomes slow, which is another failure with the same words.
const TIMES_AS_LATE: u64 = 2;

/// Runs candidates, and knows which failure is wanted.
pub(crate) struct Trials<'a, 's> {
    shrinker: &'a Shrinker<'a>,
    wanted: String,
    /// P44: any failure will do.
    any: bool,
    /// A child for each candidate that is run at a time; none: they are run here.
    nurseries: Vec<Option<Nursery<'a>>>,
    /// Events that a candidate may have, if it has a bound of its own.
    events: Option<u64>,
    /// Acknowledged operations that the original has lost: one that says `beyond_model` where that does not loses no more, so
    /// that it is still within the model.
    lost: Option<u64>,
    /// When a threshold must have failed at the latest, nanoseconds.
    latest: Option<u64>,
    /// The last run that was taken.
    pub taken: Outcome,
    /// Texts that did not fail in the same way.
    refused: BTreeSet<u64>,
    clock: Clock,
    deadline: Duration,
    /// Whether a candidate was left untried.
    pub cut_short: bool,
    runs: u64,
    number: usize,
    sink: &'s mut dyn FnMut(Shrinking),
}

/// A run that is no candidate: it may take its time.
pub(super) fn patiently(shrinker: &Shrinker<'_>, plan: &Plan) -> (Outcome, Duration) {
    run_of(shrinker, plan, shrinker.crew.children.as_ref())
}

/// The same once more, if it ended so: what hangs need not be waited for as long again.
pub(super) fn again(shrinker: &Shrinker<'_>, plan: &Plan, like: &Outcome) -> (Outcome, Duration) {
    let children = shrinker.crew.children.as_ref();
    let hasty = children.filter(|_| like.is_deadly()).map(impatient);
    run_of(shrinker, plan, hasty.as_ref().or(children))
}

fn run_of(shrinker: &Shrinker<'_>, plan: &Plan, children: Option<&Children>) -> (Outcome, Duration) {
    let run = match children.map(Nursery::new) {
        Some(mut nursery) => nursery.seed_run(plan, (0, 0), shrinker.seed),
        None => worker::seed_run(plan, (0, 0), shrinker.seed),
    };
    (run.outcome, run.wall)
}

impl<'a, 's> Trials<'a, 's> {
    pub fn new(
        shrinker: &'a Shrinker<'a>,
        children: Option<&'a Children>,
        wanted: String,
        (taken, wall): (Outcome, Duration),
        sink: &'s mut dyn FnMut(Shrinking),
    ) -> Trials<'a, 's> {
        // No part of the budget that counts is for one candidate.
        let limit = (wall * TIMES_AS_LONG).max(AT_LEAST);
        Trials {
            shrinker,
            wanted,
            any: shrinker.plan.rigged == Some(Rigged::AnyFailureWillDo),
            nurseries: (0..shrinker.crew.workers.max(1))
                .map(|_| children.map(|c| Nursery::with_limit(c, limit)))
                .collect(),
            // Of what did not come to its end nobody has counted them.
            events: (!taken.is_lost()).then(|| taken.events.saturating_mul(2).saturating_add(10_000)),
            lost: (!shrinker.plan.scenario.spec.beyond_model).then_some(taken.operations.lost),
            latest: taken
                .failures
                .first()
                .filter(|f| f.oracle == EXPECT)
                .map(|f| f.time.saturating_mul(TIMES_AS_LATE)),
            taken,
            refused: BTreeSet::new(),
            clock: Clock::start(),
            deadline: shrinker.budget * FOR_REDUCING / 100,
            cut_short: false,
            runs: 0,
            number: 1,
            sink,
        }
    }

    /// Runs up to now.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// Whether the time is over, or somebody wants an end.
    pub fn is_over(&self) -> bool {
        self.clock.elapsed() >= self.deadline || self.shrinker.stop.requested().is_some()
    }

    /// From now on all of the budget may be used.
    pub fn extend(&mut self) {
        self.deadline = self.shrinker.budget;
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.shrinker.seed
    }

    /// Whether the failure ends a process, so that it must not be run in this one.
    pub fn is_deadly(&self) -> bool {
        self.taken.is_deadly()
    }

    /// The first candidate that fails in the same way; its number among them, and itself.
    pub fn first(
        &mut self,
        what: &'static str,
        candidates: impl Iterator<Item = Outline>,
    ) -> Option<(usize, Outline)> {
        self.first_of(what, candidates, false)
    }

    /// The same, and it asks for no more operations than the last one that was taken.
    pub fn first_no_larger(
        &mut self,
        what: &'static str,
        candidates: impl Iterator<Item = Outline>,
    ) -> Option<(usize, Outline)> {
        self.first_of(what, candidates, true)
    }

    fn first_of(
        &mut self,
        what: &'static str,
        candidates: impl Iterator<Item = Outline>,
        no_larger: bool,
    ) -> Option<(usize, Outline)> {
        let workers = self.nurseries.len();
        let mut candidates = candidates.enumerate();
        loop {
            let mut batch: Vec<(usize, Outline, u64, Plan)> = Vec::new();
            while batch.len() < workers {
                let Some((number, outline)) = candidates.next() else { break };
                let text = self.guarded(&outline);
                let hash = xxh3_64(text.as_bytes());
                if self.refused.contains(&hash) {
                    continue;
                }
                match self.plan_of(&text) {
                    Ok(plan) => batch.push((number, outline, hash, plan)),
                    Err(_) => drop(self.refused.insert(hash)),
                }
            }
            if batch.is_empty() {
                return None;
            }
            if self.is_over() {
                self.cut_short = true;
                return None;
            }
            let plans: Vec<&Plan> = batch.iter().map(|(_, _, _, plan)| plan).collect();
            let outcomes = self.run(&plans);
            for ((number, outline, hash, plan), outcome) in batch.into_iter().zip(outcomes) {
                self.runs += 1;
                let larger = no_larger && outcome.operations.issued > self.taken.operations.issued;
                if self.is_wanted(&plan, &outcome) && !larger {
                    self.taken = outcome;
                    let (size, runs) = (Size::of(&plan, &self.taken), self.runs);
                    (self.sink)(Shrinking::Smaller { what, size, runs });
                    return Some((number, outline));
                }
                self.refused.insert(hash);
            }
            (self.sink)(Shrinking::Tick(self.runs));
        }
    }

    /// Whether one candidate fails in the same way. It is not taken.
    pub fn kills(&mut self, outline: &Outline) -> bool {
        let Ok(plan) = self.plan_of(&self.guarded(outline)) else { return false };
        self.runs += 1;
        let outcomes = self.run(&[&plan]);
        (self.sink)(Shrinking::Tick(self.runs));
        outcomes.first().is_some_and(|o| self.is_wanted(&plan, o))
    }

    /// The predicate: the same failure speaks first.
    fn is_wanted(&self, plan: &Plan, outcome: &Outcome) -> bool {
        let beyond =
            plan.scenario.spec.beyond_model && self.lost.is_some_and(|lost| outcome.operations.lost > lost);
        if beyond {
            return false;
        }
        let in_time = |f: &Failure| self.latest.is_none_or(|latest| f.time <= latest);
        let same = |f| self.any || in_time(f) && signature(f) == self.wanted;
        outcome.verdict == Verdict::Failed && outcome.failures.first().is_some_and(same)
    }

    /// The text of a candidate; it may not run for ever.
    fn guarded(&self, outline: &Outline) -> String {
        let mut outline = outline.clone();
        let Some(events) = self.events else { return outline.yaml(&|_, _| Vec::new()) };
        if outline.get("budget").is_none() {
            outline.set("budget", Outline::Map(Vec::new()));
        }
        if let Some(budget) = outline.at_mut(&[Step::Key("budget".into())]) {
            let own = budget.get("events").and_then(Outline::number).unwrap_or(u64::MAX);
            budget.set("events", Outline::word(own.min(events)));
        }
        outline.yaml(&|_, _| Vec::new())
    }

    /// The scenario of a text, as a worker reads it, and as it will be read from the file of the result: what is named relative to
    /// the folder of the original is not there.
    pub fn read(&self, text: &str) -> Result<Scenario, Box<Problems>> {
        let Shrinker { plan, seed, file, load, .. } = self.shrinker;
        let token = Token { sets: Vec::new(), check: None, ..plan.request(*seed) };
        load(file, text, &token).map_err(Box::new)
    }

    /// The plan of a text: everything else is as it was.
    pub fn plan_of(&self, text: &str) -> Result<Plan, Box<Problems>> {
        let scenario = self.read(text)?;
        let plan = self.shrinker.plan;
        Ok(Plan { scenario, sets: Vec::new(), check: None, images: false, ..plan.clone() })
    }

    /// What the last text comes to, without any limit of a candidate.
    pub fn once_more(&self, text: &str) -> (Option<Plan>, Outcome) {
        match self.plan_of(text) {
            Ok(plan) => {
                let (outcome, _) = again(self.shrinker, &plan, &self.taken);
                (Some(plan), outcome)
            }
            Err(_) => (None, unheard(&self.taken)),
        }
    }

    /// Runs them side by side; there are no more than nurseries.
    fn run(&mut self, plans: &[&Plan]) -> Vec<Outcome> {
        let (seed, first) = (self.shrinker.seed, self.number);
        self.number += plans.len();
        let taken = &self.taken;
        scope(|scope| {
            let mut threads = Vec::new();
            for (index, (plan, nursery)) in plans.iter().zip(&mut self.nurseries).enumerate() {
                let (plan, number) = (*plan, (first + index, 0));
                let one = move || match nursery {
                    Some(nursery) => nursery.seed_run(plan, number, seed).outcome,
                    None => worker::seed_run(plan, number, seed).outcome,
                };
                threads.push(Builder::new().stack_size(STACK).spawn_scoped(scope, one).ok());
            }
            let ended = threads.into_iter().map(|t| t.and_then(|t| t.join().ok()));
            ended.map(|outcome| outcome.unwrap_or_else(|| unheard(taken))).collect()
        })
    }
}

/// Children that give a candidate up earlier.
pub(super) fn impatient(children: &Children) -> Children {
    Children { hang_after: children.hang_after.min(PATIENCE), ..children.clone() }
}

/// Of a candidate that could not be run at all nothing is known, and it is not wanted.
fn unheard(like: &Outcome) -> Outcome {
    Outcome { verdict: Verdict::Inconclusive, failures: Vec::new(), ..like.clone() }
}
