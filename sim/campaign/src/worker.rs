//! One seed, from plan to result.

use crate::blame::{self, Panic};
use crate::event::SeedRun;
use crate::judge;
use crate::plan::Plan;
use crate::wall::Clock;
use mirrorsim_world::outcome::{Checks, Failure, Operations, Outcome};
use mirrorsim_world::spec::CheckMode;
use mirrorsim_world::{Options, Run};
use std::collections::BTreeMap;
use std::time::Duration;

/// A run that was judged by the scenario's expectations too.
#[derive(Debug)]
pub struct Judged {
    /// What the world gives.
    pub run: Run,
    /// Expectations that were evaluated.
    pub expectations: usize,
    /// Time that it took on this machine.
    pub wall: Duration,
}

/// Runs one seed of a plan. A panic becomes a failure of the oracle `panic`.
pub fn attempt(plan: &Plan, seed: u64, options: &Options) -> Judged {
    let spec = &plan.scenario.spec;
    let clock = Clock::start();
    let run = blame::guarded(|| mirrorsim_world::run(spec, seed, options));
    let wall = clock.elapsed();
    let mut run = run.unwrap_or_else(|panic| Run {
        outcome: of_panic(seed, spec.check.mode, &panic),
        trace: Vec::new(),
        answered: Vec::new(),
        images: Vec::new(),
    });
    // A run that ends on purpose in the middle owes nothing.
    let expect = if options.disaster_at.is_some() { &[][..] } else { &plan.scenario.expect };
    let expectations = judge::expectations(expect, &mut run.outcome);
    Judged { run, expectations, wall }
}

pub(crate) fn seed_run(plan: &Plan, (number, index): (usize, u128), seed: u64) -> SeedRun {
    let Judged { run, expectations, wall } = attempt(plan, seed, &plan.options());
    let token = plan.token(&run.outcome);
    SeedRun { plan: number, index, outcome: run.outcome, expectations, wall, images: run.images, token }
}

/// What is known of a run that panicked: next to nothing. Its digest is 0.
fn of_panic(seed: u64, mode: CheckMode, panic: &Panic) -> Outcome {
    let message = match panic.place.as_str() {
        "" => panic.message.clone(),
        place => format!("panicked at {place}: {}", panic.message),
    };
    Outcome {
        seed,
        digest: 0,
        verdict: blame::verdict(panic),
        failures: vec![Failure { oracle: "panic", invariant: "", time: 0, event: 0, message }],
        events: 0,
        virtual_time: 0,
        operations: Operations::default(),
        latency: BTreeMap::new(),
        faults: Vec::new(),
        checks: Checks { mode: mode.name(), ..Checks::default() },
        recoveries: Vec::new(),
        alarms: Vec::new(),
        metrics: BTreeMap::new(),
        last_events: Vec::new(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use mirrorsim_world::outcome::Verdict;

    /// An outcome that passed and did nothing.
    pub(crate) fn outcome(seed: u64) -> Outcome {
        let panic = Panic { message: String::new(), place: String::new() };
        Outcome { verdict: Verdict::Passed, failures: Vec::new(), ..of_panic(seed, CheckMode::Every, &panic) }
    }

    #[test]
    fn a_panic_is_a_failure_with_its_seed() {
        let panic = Panic { message: "no slot".into(), place: "src/source/intake.rs:7:3".into() };
        let outcome = of_panic(9, CheckMode::End, &panic);
        assert_eq!((outcome.seed, outcome.verdict), (9, Verdict::Failed));
        assert_eq!(outcome.failures[0].message, "panicked at src/source/intake.rs:7:3: no slot");
    }
}
