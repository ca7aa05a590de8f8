//! The shrinker keeps the failure that it was given, and a shrinker that does not is found out (P44).

use crate::cli::{FIRST, top};
use mirrorsim_campaign::{Crew, Plan, Shrinker, Shrunk, Stop, Token, attempt};
use mirrorsim_planted::find;
use mirrorsim_scenario::{Options as Reading, Problems, Scenario, load, parse, seeds};
use mirrorsim_world::outcome::Verdict;
use mirrorsim_world::{METRICS, Rigged};
use std::time::Duration;

fn reading() -> Reading<'static> {
    Reading { metrics: METRICS, ..Reading::default() }
}

fn read(name: &str, text: &str, token: &Token) -> Result<Scenario, Problems> {
    parse(name, text.as_bytes(), &token.sets, &reading())
}

fn plan(path: &str, bugs: &[&str]) -> Plan {
    set(&[], path, bugs)
}

fn set(sets: &[(String, String)], path: &str, bugs: &[&str]) -> Plan {
    let path = top().join(path);
    let path = path.to_str().expect("UTF-8");
    let scenario = load(path, sets, &reading()).expect("a good scenario");
    let planted = bugs.iter().map(|id| find(id).expect("a row")).collect();
    Plan { planted, sets: sets.to_vec(), ..Plan::new(scenario, path, seeds("1").expect("seeds")) }
}

fn shrunk(plan: &Plan, seed: u64, workers: usize) -> Shrunk {
    let (crew, stop, budget) = (Crew::threads(workers), Stop::default(), Duration::from_secs(600));
    let shrinker = Shrinker {
        plan,
        seed,
        file: "small.yaml",
        called: "small.yaml",
        load: read,
        crew: &crew,
        stop: &stop,
        budget,
    };
    shrinker.shrink(&mut |_| {}).expect("a failure")
}

/// P44: two bugs at once. The first finding is of one of them, and smaller runs fail because of the other.
#[test]
fn a_shrinker_that_takes_any_failure_is_found_out() {
    let sound = plan(FIRST, &["P24", "O02"]);
    let good = shrunk(&sound, 1, 1);
    assert!(good.kept() && good.signature.starts_with("seals "), "{} {}", good.signature, good.ends_with);
    let rigged = Plan { rigged: Some(Rigged::AnyFailureWillDo), ..sound };
    let bad = shrunk(&rigged, 1, 1);
    assert!(!bad.kept(), "nothing has slipped: {}", bad.ends_with);
}

#[test]
fn what_is_left_does_not_depend_on_the_number_of_workers() {
    let plan = plan("scenarios/swarm/stream.yaml", &["P12"]);
    let (one, three) = (shrunk(&plan, 3, 1), shrunk(&plan, 3, 3));
    assert_eq!(one.repro.scenario, three.repro.scenario);
    assert!(one.to.operations <= 4 && one.faults == 0 && one.from.faults > 0, "{}", one.repro.scenario);
}

/// A profile's faults are written out, and those that matter are left with the interval in which they do.
#[test]
fn drawn_faults_become_scripted_ones_with_their_windows() {
    // The probe sees this bug without any fault: only what really happens counts.
    let plan = set(&[("check".into(), "end".into())], "scenarios/swarm/stream.yaml", &["P29"]);
    let options = |seed| plan.options(seed);
    let fails = |seed: &u64| attempt(&plan, *seed, &options(*seed)).run.outcome.verdict == Verdict::Failed;
    let seed = (0..200).find(fails).expect("a seed that fails");
    let small = shrunk(&plan, seed, 1);
    assert!(small.kept(), "{} {}", small.signature, small.ends_with);
    assert!(!small.repro.scenario.contains("profile:") && small.faults > 0, "{}", small.repro.scenario);
    assert_eq!(small.repro.scenario.matches("# window: ").count(), small.faults, "{}", small.repro.scenario);
    assert!(small.repro.scenario.starts_with("# Seed "), "{}", small.repro.scenario);
}
