//! Bugs of the rig: each must turn one of the rig's own checks red. The judge is as good as what it is shown and when; so a
//! rig that is bent in one place must be seen by what it then no longer sees.

use crate::cli::{FIRST, top};
use mirrorsim_campaign::{Crew, Event, Exit, Plan, SeedRun, Stop, Tally, run as campaign};
use mirrorsim_planted::{Row, bent, find};
use mirrorsim_report::{Collector, utc};
use mirrorsim_scenario::{Options as Reading, Scenario, load, parse, seeds};
use mirrorsim_world::outcome::Verdict;
use mirrorsim_world::spec::{Chance, CheckMode, Fault, FaultSpec, Spec};
use mirrorsim_world::{Judging, METRICS, Options, Rigged, run};
use std::time::Duration;

/// Seeds of a witness in which a bent rig must see nothing.
const SEEDS: u64 = 20;

fn read(path: &str) -> Scenario {
    let reading = Reading { metrics: METRICS, ..Reading::default() };
    load(top().join(path).to_str().expect("UTF-8"), &[], &reading).expect("a good scenario")
}

fn row(id: &str) -> &'static Row {
    find(id).unwrap_or_else(|| panic!("no row {id}"))
}

/// Whether one of the first seeds is red, by a judge and a rig that may be bent.
fn seen(spec: &Spec, row: &Row, judging: &Judging, rigged: Option<Rigged>) -> bool {
    let options = Options { planted: bent(&[row]), judging: judging.clone(), rigged, ..Options::default() };
    (0..SEEDS).any(|seed| run(spec, seed, &options).outcome.verdict == Verdict::Failed)
}

/// A source that loses power while its disk has not put down what it applied, and that has begun to fill the partition
/// from which it could do so again.
const REUSED: &str = "schema: 1
sources:
  - {name: alpha, partition_size: 4KiB, disk: {write: 100us..300us, flush: 2ms..6ms}, link: {latency: 20us..60us}}
clients: [{operations: 250, slots: 8, sizes: 1B..1KiB, mix: {write: 70, add: 20, read: 10}}]
faults:
  - {when: {stage: numbered, nth: 40}, power_cut: {node: alpha, restart_after: 2ms}}
  - {when: {stage: numbered, nth: 90}, power_cut: {node: alpha, restart_after: 2ms}}
  - {when: {stage: numbered, nth: 140}, power_cut: {node: alpha, restart_after: 2ms}}
";

/// P40: where a power cut keeps everything no missing flush can be seen in what is left. Oracles of the steps see it all
/// the same, so those are asked that look at what is left.
#[test]
fn a_power_cut_that_keeps_everything_hides_missing_flushes() {
    let reused = parse("reused.yaml", REUSED.as_bytes(), &[], &Reading::default()).expect("a good scenario");
    for (id, mut spec) in
        [("P12", read(row("P12").witness).spec), ("P20", reused.spec), ("P24", read(row("P24").witness).spec)]
    {
        let mode = if id == "P20" { CheckMode::End } else { CheckMode::Sampled };
        spec.check.mode = mode;
        let any = |rigged| seen(&spec, row(id), &Judging::States, rigged);
        assert!(any(None), "{id} is not seen in what a power cut leaves: nothing is lost there");
        let hidden = !any(Some(Rigged::PowerCutsKeepAll));
        assert!(hidden, "{id} is seen although a power cut keeps everything");
    }
}

/// P41: who takes what is expected from the source's volume does not see what is wrong on both sides.
#[test]
fn a_judge_that_believes_the_source_does_not_see_what_is_wrong_on_both_sides() {
    let row = row("P25");
    let mut spec = read(row.witness).spec;
    spec.check.mode = CheckMode::End;
    assert!(seen(&spec, row, &Judging::AtTheEnd, None), "the model does not see it");
    assert!(!seen(&spec, row, &Judging::AtTheEnd, Some(Rigged::SourceIsRight)), "it is not on both sides");
    // It is no blind judge: what is wrong on one side it sees.
    let sees = |id: &str| {
        let row = find(id)?;
        let mut spec = read(row.witness).spec;
        spec.check.mode = CheckMode::End;
        Some(seen(&spec, row, &Judging::AtTheEnd, Some(Rigged::SourceIsRight)))
    };
    assert!(mirrorsim_planted::ROWS.iter().any(|r| sees(r.id) == Some(true)), "it sees nothing at all");
}

/// P42: the run is drained before anybody looks, and only then comes the disaster.
fn drained(spec: &Spec) -> Spec {
    let early = |f: &&FaultSpec| {
        !matches!(
            f.fault,
            Fault::Disaster { .. } | Fault::Recover { .. } | Fault::PowerCut { .. } | Fault::Crash { .. }
        )
    };
    let mut spec = spec.clone();
    spec.faults = spec.faults.iter().filter(early).cloned().collect();
    spec.profile.disaster = Chance(0);
    spec.check.mode = CheckMode::End;
    spec
}

#[test]
fn who_looks_after_the_drain_misses_what_a_disaster_in_the_middle_shows() {
    for id in ["P01", "P27", "P28"] {
        let (row, spec) = (row(id), read(row(id).witness).spec);
        assert!(seen(&spec, row, &Judging::All, None), "{id}");
        assert!(!seen(&drained(&spec), row, &Judging::AtTheEnd, None), "{id} is seen after the drain");
    }
}

/// Runs four seeds of which two fail, and gives the results to `keep` in the order in which they come.
fn four(keep: &mut dyn FnMut(&Plan, SeedRun)) -> Plan {
    let plan =
        Plan { planted: vec![row("P10")], ..Plan::new(read(FIRST), FIRST, seeds("1..=4").expect("seeds")) };
    let plan = plan.with_check(Some(CheckMode::End));
    let mut sink = |event: Event| {
        if let Event::Seed(run) = event {
            keep(&plan, *run);
        }
    };
    campaign(&[plan.clone()].into(), &Crew::threads(2), &Stop::default(), &mut sink).expect("threads");
    plan
}

/// P45: workers write their results to one place, and the last one wins. What is missing is seen, even if all the rest
/// has passed.
#[test]
fn results_that_overwrite_each_other_are_missed() {
    let mut kept = Collector::default();
    let plan = four(&mut |plan, run| kept.add(plan, &run));
    assert_eq!(kept.tally().lost(plan.seeds.count()), None);
    // The fixture: one place for two workers.
    let mut places: [Option<SeedRun>; 2] = [None, None];
    four(&mut |_, run| {
        let place = (run.index / 2) as usize;
        places[place] = Some(run);
    });
    let mut rest = Collector::default();
    places.iter().flatten().for_each(|run| rest.add(&plan, run));
    let lost = rest.tally().lost(plan.seeds.count()).expect("two results are lost");
    assert_eq!(lost, "2 of 4 results are missing");
    let report = rest.finish(&plan, None, &[], Duration::ZERO, 2, utc(0));
    assert_eq!(report.exit_code, Exit::Rig.code());
    // What is there twice is as wrong as what is not there.
    let mut twice = Tally::default();
    four(&mut |_, run| {
        twice.add(&run);
        twice.add(&run);
    });
    assert_eq!(twice.lost(4).as_deref(), Some("there are 8 results of 4 seeds"));
}

/// The canary: a judge that is told of an answer which nobody gave says no, whatever the seed.
#[test]
fn a_judge_that_is_told_something_false_says_no() {
    let spec = read(FIRST).spec;
    for seed in 0..5 {
        let false_answer = Options { rigged: Some(Rigged::FalseAnswer), ..Options::default() };
        let outcome = run(&spec, seed, &false_answer).outcome;
        assert_eq!((outcome.verdict, outcome.failures[0].oracle), (Verdict::Failed, "replies"));
        assert_eq!(run(&spec, seed, &Options::default()).outcome.digest, outcome.digest);
    }
}
