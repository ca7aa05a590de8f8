//! A seed is run again before anybody believes it: each that did not pass, a share of those that did, or all.

use crate::child::Nursery;
use crate::event::SeedRun;
use crate::plan::Plan;
use crate::repeat::{Difference, first_difference};
use crate::worker;
use mirrorsim_world::outcome::{Failure, Outcome, Verdict};

/// One in so many seeds is run again although it passed.
const SHARE: u64 = 64;
/// The second process is replaced after so many seeds, so that it has not lived through the same as the first.
const LIFE: u32 = 16;
/// Pairs of runs that are compared event by event: what differs may do so now and then.
const PAIRS: usize = 4;

/// Which seeds are run twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Twice {
    /// Those that did not pass, and one in 64 of the others.
    #[default]
    Doubtful,
    /// All.
    All,
    /// None.
    Never,
}

impl Twice {
    /// Whether this one is. It does not depend on who runs it when, so that the parts of a campaign make the whole.
    fn wants(self, plan: &Plan, outcome: &Outcome) -> bool {
        match self {
            Twice::Never => false,
            // Whoever came to no end was run again at once, for its last events.
            _ if outcome.is_deadly() => false,
            Twice::All => true,
            Twice::Doubtful => {
                outcome.verdict != Verdict::Passed
                    || (outcome.seed ^ plan.scenario.source_hash) % SHARE == SHARE - 1
            }
        }
    }
}

/// Runs seeds a second time: in another process than the first time, if there are processes.
#[derive(Debug)]
pub(crate) struct Second<'a> {
    which: Twice,
    nursery: Option<Nursery<'a>>,
    seeds: u32,
}

impl<'a> Second<'a> {
    pub fn new(which: Twice, nursery: Option<Nursery<'a>>) -> Second<'a> {
        Second { which, nursery, seeds: 0 }
    }

    /// Runs the seed again if it is to be. What differs turns the result to a fault of the rig. `first` ran it first.
    pub fn confirm(&mut self, first: Option<&mut Nursery>, plan: &Plan, run: &mut SeedRun) {
        if !self.which.wants(plan, &run.outcome) {
            return;
        }
        let (place, seed) = ((run.plan, run.index), run.outcome.seed);
        self.seeds += 1;
        let again = match &mut self.nursery {
            Some(nursery) => {
                if self.seeds.is_multiple_of(LIFE) {
                    nursery.dismiss();
                }
                nursery.seed_run(plan, place, seed)
            }
            None => worker::seed_run(plan, place, seed),
        };
        run.twice = true;
        if again.outcome == run.outcome {
            return;
        }
        let pair = || match (&mut self.nursery, first) {
            (Some(second), Some(first)) => Pair::Processes(first, second),
            _ => Pair::Threads,
        };
        let mut pair = pair();
        let difference = (0..PAIRS).find_map(|_| pair.parting(plan, run.plan, seed));
        run.outcome = differing(&run.outcome, &again.outcome, difference);
        run.token = plan.token(&run.outcome);
    }
}

/// Two runs side by side.
enum Pair<'p, 'a, 'b> {
    Processes(&'p mut Nursery<'a>, &'p mut Nursery<'b>),
    Threads,
}

impl Pair<'_, '_, '_> {
    fn parting(&mut self, plan: &Plan, number: usize, seed: u64) -> Option<Difference> {
        match self {
            Pair::Processes(one, other) => one.parting(other, plan, number, seed),
            Pair::Threads => first_difference(plan, seed),
        }
    }
}

/// The result of a seed that gave two.
fn differing(one: &Outcome, other: &Outcome, difference: Option<Difference>) -> Outcome {
    let what = if one.digest != other.digest {
        format!("digest {:016x}, then {:016x}", one.digest, other.digest)
    } else if one.verdict != other.verdict {
        format!("one digest, and {:?}, then {:?}", one.verdict, other.verdict)
    } else {
        "one digest and one verdict, but not one judgement".to_owned()
    };
    let (where_to, lines) = match &difference {
        Some(d) => {
            let line = |text: &Option<String>| text.clone().unwrap_or_else(|| "(it had ended)".into());
            (format!("at {d}"), vec![line(&d.one), line(&d.other)])
        }
        None => (
            format!("and {PAIRS} more pairs do not in any event: chance or what ran before decides"),
            Vec::new(),
        ),
    };
    let failure = Failure {
        oracle: "determinism",
        invariant: "rig",
        time: difference.as_ref().map_or(0, |d| d.time),
        event: difference.as_ref().map_or(0, |d| d.event),
        message: format!("two runs of this seed differ {where_to} ({what})"),
    };
    let mut outcome = Outcome { verdict: Verdict::Rig, ..one.clone() };
    outcome.failures.insert(0, failure);
    if !lines.is_empty() {
        outcome.last_events = lines;
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::tests::{outcome, plan};

    #[test]
    fn the_doubtful_are_run_again_and_a_share_of_the_others() {
        let plan = plan("0..640");
        let wanted = |twice: Twice| (0..640).filter(|seed| twice.wants(&plan, &outcome(*seed))).count();
        assert_eq!([Twice::Doubtful, Twice::All, Twice::Never].map(wanted), [10, 640, 0]);
        let failed = |seed| Outcome { verdict: Verdict::Failed, ..outcome(seed) };
        assert!((0..9).all(|seed| Twice::Doubtful.wants(&plan, &failed(seed))));
        assert!((0..9).all(|seed| !Twice::Never.wants(&plan, &failed(seed))));
    }

    #[test]
    fn what_differs_is_a_fault_of_the_rig() {
        let one = Outcome { digest: 1, ..outcome(7) };
        let other = Outcome { digest: 2, ..outcome(7) };
        let difference = Difference { event: 5, time: 9, one: Some("x".into()), other: None };
        let found = differing(&one, &other, Some(difference));
        assert_eq!((found.verdict, found.failures[0].event, found.failures[0].time), (Verdict::Rig, 5, 9));
        assert!(found.failures[0].message.contains("event 5: one has `x`, the other nothing"));
        let found = differing(&one, &other, None);
        assert!(found.failures[0].message.contains("more pairs do not in any event"), "{found:?}");
    }
}
