//! Every planted bug is caught by an oracle of its row within the seeds that the row allows, and the same seed passes
//! without it. A bug that is missed is red.

mod rig;
mod shrink;

use mirrorsim_planted::{ROWS, Row, bent};
use mirrorsim_scenario::Scenario;
use mirrorsim_world::outcome::Verdict;
use mirrorsim_world::{Judging, METRICS, ORACLES, Options, run};
use std::collections::BTreeSet;
use std::path::Path;

fn witness(row: &Row) -> Result<Scenario, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(row.witness);
    let options = mirrorsim_scenario::Options { metrics: METRICS, ..Default::default() };
    mirrorsim_scenario::load(&path.to_string_lossy(), &[], &options).map_err(|p| p.render(false))
}

fn check(row: &Row) -> Result<(), String> {
    let scenario = witness(row)?;
    let planted = Options { planted: bent(&[row]), ..Options::default() };
    for seed in 0..row.seeds {
        let outcome = run(&scenario.spec, seed, &planted).outcome;
        let Some(first) = outcome.failures.first().filter(|_| outcome.verdict != Verdict::Passed) else {
            continue;
        };
        if outcome.verdict == Verdict::Rig {
            return Err(format!(
                "{}: seed {seed} is taken for a fault of the rig: {}",
                row.id, first.message
            ));
        }
        if !outcome.failures.iter().any(|f| row.oracles.contains(&f.oracle)) {
            return Err(format!(
                "{}: seed {seed} is caught by {} ({}), not by its row",
                row.id, first.oracle, first.message
            ));
        }
        let sound = run(&scenario.spec, seed, &Options::default()).outcome;
        return match sound.verdict {
            Verdict::Passed => Ok(()),
            _ => Err(format!("{}: seed {seed} fails without it too: {}", row.id, sound.failures[0].message)),
        };
    }
    Err(format!("{}: not caught within {} seeds", row.id, row.seeds))
}

#[test]
fn every_planted_bug_is_caught_by_its_oracle_and_its_witness_passes_without() {
    let missed: Vec<String> = ROWS.iter().filter_map(|row| check(row).err()).collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// For each oracle a bug that it sees when all others are silent. `reader` judges the rig.
const ALONE: &[(&str, &str)] = &[
    ("agreement", "P04"),
    ("apply", "P07"),
    ("damage", "P15"),
    ("divergence", "O06"),
    ("durability", "P01"),
    ("fairness", "P37"),
    ("fencing", "O04"),
    ("held", "O05"),
    ("isolation", "P19"),
    ("liveness", "P09"),
    ("numbering", "P23"),
    ("nvram", "P06"),
    ("once", "P05"),
    ("prefix", "P25"),
    ("reads", "O03"),
    ("replies", "O01"),
    ("resync", "L02"),
    ("seals", "O02"),
    ("session", "P31"),
    ("steps", "P12"),
];

#[test]
fn each_oracle_catches_a_bug_alone() {
    let silent = ORACLES.iter().filter(|o| **o != "reader" && ALONE.iter().all(|(name, _)| name != *o));
    assert_eq!(silent.count(), 0, "every oracle has its bug");
    for (oracle, id) in ALONE {
        let row = ROWS.iter().find(|row| row.id == *id).expect("a row");
        let judging = Judging::Only(oracle.to_string());
        let planted = Options { planted: bent(&[row]), judging, ..Options::default() };
        let scenario = witness(row).expect("a good scenario");
        let found = |seed| {
            let failures = run(&scenario.spec, seed, &planted).outcome.failures;
            failures.iter().any(|f| f.oracle == *oracle)
        };
        assert!((0..row.seeds).any(found), "{oracle} alone does not see {id}");
    }
}

/// Records that come over a former connection follow the last one held, or are not taken: the data are right all the same.
#[test]
fn two_connections_alive_harm_no_data() {
    let row = ROWS.iter().find(|row| row.id == "P33").expect("a row");
    let scenario = witness(row).expect("a good scenario");
    let planted = Options { planted: bent(&[row]), ..Options::default() };
    let failures = (0..10).flat_map(|seed| run(&scenario.spec, seed, &planted).outcome.failures);
    let oracles: BTreeSet<&str> = failures.map(|f| f.oracle).collect();
    assert_eq!(oracles, BTreeSet::from(["session"]));
}

/// Recovery without links goes over gaps, further than the judge's reader: the result is wrong, so it is the protocol.
#[test]
fn a_recovery_that_goes_too_far_is_a_failure_of_the_protocol() {
    let row = ROWS.iter().find(|row| row.id == "P28").expect("a row");
    let scenario = witness(row).expect("a good scenario");
    let planted = Options { planted: bent(&[row]), ..Options::default() };
    for seed in 1..=5 {
        let outcome = run(&scenario.spec, seed, &planted).outcome;
        assert!(outcome.checks.disagreements > 0, "seed {seed}");
        assert_eq!(outcome.verdict, Verdict::Failed, "seed {seed}");
    }
}

/// With P13 two mirrors repair their files again and again, and every repair looks like progress.
#[test]
fn what_goes_round_in_circles_is_given_up() {
    let row = mirrorsim_planted::find("P13").expect("a row");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/swarm/global_scope.yaml");
    let options = mirrorsim_scenario::Options { metrics: METRICS, ..Default::default() };
    let mut scenario = mirrorsim_scenario::load(&path.to_string_lossy(), &[], &options).expect("it loads");
    scenario.spec.check.mode = mirrorsim_world::spec::CheckMode::End;
    let planted = Options { planted: bent(&[row]), ..Options::default() };
    let outcome = run(&scenario.spec, 9504, &planted).outcome;
    assert!(outcome.failures.iter().any(|f| f.oracle == "liveness"), "{:?}", outcome.failures.last());
}
