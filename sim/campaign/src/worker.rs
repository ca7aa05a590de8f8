//! One seed, from plan to result.

use crate::blame::{self, End};
use crate::event::SeedRun;
use crate::judge;
use crate::plan::Plan;
use crate::wall::Clock;
use crate::watch::{Pulse, Recorder};
use mirrorsim_world::outcome::{Checks, Failure, Ledger, Operations, Outcome, Verdict};
use mirrorsim_world::spec::Spec;
use mirrorsim_world::{Options, Run, Sight, State};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Stack of whatever runs a seed. An overflow ends its process, so there is room.
pub(crate) const STACK: usize = 64 << 20;

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

/// Runs one seed of a plan. A panic and a circle become failures, with the last events of a second run.
pub fn attempt(plan: &Plan, seed: u64, options: &Options) -> Judged {
    let spec = &plan.scenario.spec;
    let clock = Clock::start();
    let options = &with_pulse(spec, options);
    let run = blame::guarded(|| (plan.host.run)(spec, seed, options));
    let wall = clock.elapsed();
    let mut run = match run {
        Ok(run) => run,
        Err(end) => {
            let outcome = autopsy(plan, seed, options, &end);
            let (trace, answered, images, asked, took_effect) = Default::default();
            let run = Run { outcome, trace, answered, images, asked, took_effect };
            return Judged { run, expectations: 0, wall };
        }
    };
    // A run that ends on purpose in the middle owes nothing.
    let owes = options.disaster_at.is_none() && options.judging.expects();
    let expect = if owes { &plan.scenario.expect[..] } else { &[] };
    let expectations = judge::expectations(expect, &mut run.outcome);
    // What is drawn need not come in each seed: of that the campaign speaks at its end.
    if !spec.profile.draws() && !spec.allow_vacuous {
        judge::unmeasured(expect, &mut run.outcome);
    }
    Judged { run, expectations, wall }
}

/// How everything stands at a moment of a seed's run, in words; of a run that ends on the way, how.
pub fn look(plan: &Plan, seed: u64, options: &Options, sight: Sight) -> Result<State, Box<Outcome>> {
    let spec = &plan.scenario.spec;
    let options = &with_pulse(spec, options);
    blame::guarded(|| (plan.host.look)(spec, seed, options, sight))
        .map_err(|end| Box::new(autopsy(plan, seed, options, &end)))
}

/// Runs a seed that gave no result once more, for its last events. It ends as before: a run is a pure function.
fn autopsy(plan: &Plan, seed: u64, options: &Options, end: &End) -> Outcome {
    options.watch.iter().for_each(|watch| watch.again());
    let recorder = Arc::new(Recorder::of(&plan.scenario.spec));
    let again = Options { watch: Some(recorder.clone()), images: false, trace: false, ..options.clone() };
    let _ = blame::guarded(|| (plan.host.run)(&plan.scenario.spec, seed, &again));
    let last = recorder.last();
    let (event, time) = last.place();
    let failure = Failure { time, event, ..failure(end) };
    let spec = mirrorsim_world::planned(&plan.scenario.spec, seed, &options.overrides);
    lost(seed, plan, blame::verdict(end), failure, last.lines(&spec))
}

/// Everything is watched, so that no run goes on for ever.
fn with_pulse(spec: &Spec, options: &Options) -> Options {
    let watch = options.watch.clone().unwrap_or_else(|| Arc::new(Pulse::of(spec)));
    Options { watch: Some(watch), ..options.clone() }
}

pub(crate) fn seed_run(plan: &Plan, (number, index): (usize, u128), seed: u64) -> SeedRun {
    let Judged { run, expectations, wall } = attempt(plan, seed, &plan.options(seed));
    let token = plan.token(&run.outcome);
    SeedRun {
        plan: number,
        index,
        outcome: run.outcome,
        expectations,
        wall,
        twice: false,
        images: run.images,
        token,
    }
}

fn failure(end: &End) -> Failure {
    match end {
        End::Panic(panic) => {
            let message = match panic.place.as_str() {
                "" => panic.message.clone(),
                place => format!("panicked at {place}: {}", panic.message),
            };
            Failure { oracle: "panic", invariant: "", time: 0, event: 0, message }
        }
        End::Circle => {
            let message = "events without end, and virtual time stands still".into();
            Failure { oracle: "hang", invariant: "", time: 0, event: 0, message }
        }
    }
}

/// What is known of a run that did not come to its end: next to nothing. Its digest is 0.
pub(crate) fn lost(
    seed: u64,
    plan: &Plan,
    verdict: Verdict,
    failure: Failure,
    last_events: Vec<String>,
) -> Outcome {
    Outcome {
        seed,
        digest: 0,
        verdict,
        events: 0,
        virtual_time: failure.time,
        failures: vec![failure],
        operations: Operations::default(),
        latency: BTreeMap::new(),
        faults: Vec::new(),
        matrix: Vec::new(),
        marks: BTreeMap::new(),
        stages: BTreeMap::new(),
        ledger: Ledger::default(),
        checks: Checks { mode: plan.scenario.spec.check.mode.name(), ..Checks::default() },
        recoveries: Vec::new(),
        takeovers: Vec::new(),
        alarms: Vec::new(),
        metrics: BTreeMap::new(),
        last_events,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::blame::Panic;
    use mirrorsim_scenario as scenario;

    pub(crate) fn plan(seeds: &str) -> Plan {
        let text = b"schema: 1\nsources: [{name: alpha}]\nclients: [{operations: 5}]\n";
        let scenario = scenario::parse("a.yaml", text, &[], &scenario::Options::default()).expect("scenario");
        Plan::new(scenario, "a.yaml", scenario::seeds(seeds).expect("seeds"))
    }

    /// An outcome that passed and did nothing.
    pub(crate) fn outcome(seed: u64) -> Outcome {
        let none = Failure { oracle: "", invariant: "", time: 0, event: 0, message: String::new() };
        Outcome { failures: Vec::new(), ..lost(seed, &plan("1"), Verdict::Passed, none, Vec::new()) }
    }

    #[test]
    fn a_panic_is_a_failure_with_its_place() {
        let panic = Panic { message: "no slot".into(), place: "src/source/intake.rs:7:3".into() };
        let end = End::Panic(panic);
        assert_eq!(blame::verdict(&end), Verdict::Failed);
        assert_eq!(failure(&end).message, "panicked at src/source/intake.rs:7:3: no slot");
    }

    #[test]
    fn a_run_that_panics_leaves_its_last_events() {
        let mut plan = plan("1");
        plan.planted = mirrorsim_planted::find("X1").into_iter().collect();
        plan.scenario.spec.clients[0].slots = 1;
        let mut ends = (1..200).map(|seed| {
            let pulse = Arc::new(Pulse::of(&plan.scenario.spec));
            let options = Options { watch: Some(pulse.clone()), ..plan.options(seed) };
            (attempt(&plan, seed, &options).run.outcome, pulse.waits())
        });
        let (outcome, again) = ends.find(|(o, _)| o.verdict != Verdict::Passed).expect("a red seed");
        assert!(again, "while it is made once more nobody takes it for stuck");
        assert_eq!((outcome.verdict, outcome.failures[0].oracle), (Verdict::Failed, "panic"));
        assert!(outcome.last_events.last().is_some_and(|l| l.contains("destination")), "{outcome:?}");
        assert_eq!(outcome.failures.len(), 1, "no expectation is judged");
    }

    #[test]
    fn an_outcome_survives_the_way_through_a_pipe() {
        let mut plan = plan("1");
        plan.planted = mirrorsim_planted::find("P10").into_iter().collect();
        plan.scenario.spec.clients[0].slots = 1;
        for seed in 1..4 {
            let outcome = attempt(&plan, seed, &plan.options(seed)).run.outcome;
            let text = serde_json::to_string(&outcome).expect("JSON");
            assert_eq!(serde_json::from_str::<Outcome>(&text).expect("the same"), outcome);
        }
    }
}
