//! From a failing seed to a small scenario that fails in the same way: its drawn faults and operations are written out
//! ([`materialise`]), then left out and made simpler one by one while the signature stays ([`reduce`]); of the faults that
//! are left it is found out in which interval they still kill ([`window`]), and the whole is told in words ([`story`]).
//!
//! The same failing run gives the same scenario, whatever the number of workers: candidates are tried in a fixed order,
//! and the first that fails in the same way is taken, whoever else tried what comes behind it. Only a budget that ends
//! too early leaves more than there must be.

mod lists;
mod materialise;
mod reduce;
mod simpler;
mod story;
mod trials;
mod window;

use crate::plan::Plan;
use crate::repro::Repro;
use crate::run::Crew;
use crate::serve::Load;
use crate::signature::signature;
use crate::stop::{Signal, Stop};
use mirrorsim_scenario::{Outline, estimate};
use mirrorsim_world::outcome::{Failure, Outcome, Verdict};
use std::collections::BTreeSet;
use std::time::Duration;
use trials::Trials;

/// What is to be reduced, and how.
#[derive(Clone, Debug)]
pub struct Shrinker<'a> {
    /// The failing run; its first seed.
    pub plan: &'a Plan,
    /// Its seed.
    pub seed: u64,
    /// The file that the result will be in.
    pub file: &'a str,
    /// The same as a shell takes it.
    pub called: &'a str,
    /// Reads a scenario, as a worker would.
    pub load: Load,
    /// Who runs the candidates.
    pub crew: &'a Crew,
    /// Asks to end early.
    pub stop: &'a Stop,
    /// How long it may take.
    pub budget: Duration,
}

/// What a shrinker says while it works.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Shrinking {
    /// The failure that is to stay.
    Began {
        /// Its signature.
        signature: String,
        /// How large the run is.
        size: Size,
    },
    /// A smaller run fails in the same way.
    Smaller {
        /// What was made smaller.
        what: &'static str,
        /// How large it is now.
        size: Size,
        /// Runs up to now.
        runs: u64,
    },
    /// So many runs up to now.
    Tick(u64),
}

/// How large a run is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Size {
    /// Faults that are injected.
    pub faults: u64,
    /// Operations that are asked for.
    pub operations: u64,
}

impl Size {
    fn of(plan: &Plan, outcome: &Outcome) -> Size {
        if outcome.is_lost() {
            // Nobody has counted what came: what was to come.
            let spec = &plan.scenario.spec;
            return Size { faults: spec.faults.len() as u64, operations: estimate(spec).operations };
        }
        let faults = outcome.faults.iter().map(|f| f.injected).sum();
        Size { faults, operations: outcome.operations.issued }
    }
}

/// A scenario that was reduced.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The scenario, with its story, and the record of its run.
    pub repro: Repro,
    /// What the original failed by.
    pub signature: String,
    /// What the reduced one fails by; another one is a fault of the rig.
    pub ends_with: String,
    /// The first failure of the reduced one.
    pub failure: Failure,
    /// How large the original was.
    pub from: Size,
    /// How large the reduced one is.
    pub to: Size,
    /// Faults that its scenario names.
    pub faults: usize,
    /// Oracle, invariant, and which faults hit whom in which phase: equal for failures that are probably one bug.
    pub cause: String,
    /// Runs that it took.
    pub runs: u64,
    /// The budget ended, or somebody wanted an end, before all was tried.
    pub cut_short: bool,
}

impl Shrunk {
    /// Whether the reduced scenario fails as the original did: it was run once more, and nothing of the shrinker has a
    /// word in this.
    pub fn kept(&self) -> bool {
        self.signature == self.ends_with
    }
}

/// Why nothing was reduced.
#[derive(Clone, Debug)]
pub enum Unshrunk {
    /// The seed does not fail.
    Unfailing(Box<Outcome>),
    /// Two runs of the seed differ.
    Flaky(String),
    /// Somebody wanted an end before anything was tried.
    Interrupted,
}

impl Shrinker<'_> {
    /// Reduces it.
    pub fn shrink(&self, sink: &mut dyn FnMut(Shrinking)) -> Result<Shrunk, Unshrunk> {
        let (first, wall) = trials::patiently(self, self.plan);
        let Some(failure) = first.failures.first().filter(|_| first.verdict == Verdict::Failed) else {
            return Err(Unshrunk::Unfailing(Box::new(first)));
        };
        let wanted = signature(failure);
        if self.stop.requested().is_some_and(Signal::interrupts) {
            return Err(Unshrunk::Interrupted);
        }
        let (second, _) = trials::again(self, self.plan, &first);
        let again = second.failures.first().map(signature).unwrap_or_default();
        if (first.digest, &wanted) != (second.digest, &again) {
            let what = format!(
                "two runs of the seed differ: {:016x} ({wanted}) and {:016x} ({again})",
                first.digest, second.digest
            );
            return Err(Unshrunk::Flaky(what));
        }
        sink(Shrinking::Began { signature: wanted.clone(), size: Size::of(self.plan, &first) });
        let children = self.crew.children.as_ref().map(trials::impatient);
        let mut trials = Trials::new(self, children.as_ref(), wanted.clone(), (first, wall), sink);
        let start = materialise::outline(self.plan);
        let best = match start.and_then(|start| materialise::faults(&mut trials, self.plan, start)) {
            Some(best) => best,
            // Nothing of it can be written down: then the scenario is what it was.
            None => materialise::outline(self.plan).unwrap_or(Outline::Map(Vec::new())),
        };
        let mut best = reduce::reduce(&mut trials, best);
        best.set("seeds", Outline::quoted(self.seed));
        Ok(self.finish(trials, &best, (wanted, &second)))
    }

    /// Slides the faults that are left, tells the story, and looks once more whether it is the same failure.
    fn finish(
        &self,
        mut trials: Trials<'_, '_>,
        best: &Outline,
        (wanted, first): (String, &Outcome),
    ) -> Shrunk {
        let from = Size::of(self.plan, first);
        let cut_short = trials.cut_short;
        let windows = window::windows(&mut trials, best);
        let best = &reduce::own_checks(&mut trials, best);
        let runs = trials.runs();
        let bare = best.yaml(&|_, _| Vec::new());
        let (plan, outcome) = trials.once_more(&bare);
        let to = Size::of(plan.as_ref().unwrap_or(self.plan), &outcome);
        let head = story::head(self, plan.as_ref(), &outcome, (from, to));
        let note = |key: &str, index: usize| match key {
            "faults" => windows.get(index).cloned().unwrap_or_default(),
            _ => Vec::new(),
        };
        let text = head + &best.yaml(&note);
        // What counts is what is written, and what a run of it says.
        let (plan, outcome) = trials.once_more(&text);
        let failure = outcome.failures.first().cloned().filter(|_| outcome.verdict == Verdict::Failed);
        let ends_with = failure.as_ref().map(signature).unwrap_or_default();
        let none = Failure { oracle: "", invariant: "", time: 0, event: 0, message: String::new() };
        let faults = best.get("faults").map_or(0, |f| f.items().len());
        let failure = failure.unwrap_or(none);
        let cause = cause(&failure, &outcome);
        let plan = plan.map(|plan| Plan { argument: self.file.to_owned(), ..plan });
        let run = plan.as_ref().unwrap_or(self.plan).token(&outcome);
        let repro = Repro::new(text, (self.plan.token(first), run), wanted.clone());
        Shrunk { repro, signature: wanted, ends_with, failure, from, to, faults, cause, runs, cut_short }
    }
}

/// Oracle, invariant, and which faults hit whom in which phase.
fn cause(failure: &Failure, outcome: &Outcome) -> String {
    let hits: BTreeSet<String> = outcome
        .matrix
        .iter()
        .filter(|cell| cell.took_effect > 0)
        .map(|cell| format!("{} of {} in {}", cell.fault, cell.role, cell.phase))
        .collect();
    let hits: Vec<String> = hits.into_iter().collect();
    let hits = match hits.is_empty() {
        true if outcome.is_lost() => "what took effect is not known".to_owned(),
        true => "no fault".to_owned(),
        false => hits.join(", "),
    };
    // Whatever ends a process, or breaks a threshold, has no invariant: then its words count.
    match failure.invariant {
        "" => format!("{}: {hits}", signature(failure)),
        invariant => format!("{} {invariant}: {hits}", failure.oracle),
    }
}
