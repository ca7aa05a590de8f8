//! The same seed gives the same digest: in any process, in debug and release, whatever is watched and judged, however
//! many threads work, and whatever ran before.

mod golden;
mod library;
mod twice;

use crate::cli::{FIRST, mirrorsim, scratch, text};
use std::collections::BTreeMap;

/// Where faults are drawn, where the network is bad, and where newcomers begin.
pub const SCENARIOS: [&str; 3] = [FIRST, "scenarios/smoke/two_sources.yaml", "scenarios/smoke/datagram.yaml"];

/// Digests by scenario and seed, from the JSON of `run`; a red run has a digest, too.
fn digests(arguments: &[&str]) -> BTreeMap<(String, String), String> {
    let common = ["--no-report", "--message-format", "json"];
    let said = mirrorsim(&[&["run"], arguments, &common].concat());
    let mut scenario = String::new();
    let mut found = BTreeMap::new();
    for object in said.objects() {
        if let Some(name) = object["scenario"].as_str().or(object["environment"]["scenario"]["name"].as_str())
        {
            scenario = name.to_owned();
        }
        if let (Some(seed), Some(digest)) = (object["run"]["seed"].as_str(), object["run"]["digest"].as_str())
        {
            found.insert((scenario.clone(), seed.to_owned()), digest.to_owned());
        }
    }
    assert!(!found.is_empty(), "no digest in:\n{}{}", said.out, said.err);
    found
}

#[test]
fn two_processes_agree() {
    for scenario in SCENARIOS {
        let run = || digests(&[scenario, "--seed", "11"]);
        assert_eq!(run(), run(), "{scenario}: something outside of spec and seed decides");
    }
}

#[test]
fn seeds_differ() {
    let all = digests(&[FIRST, "--seeds", "1..=4"]);
    let different: std::collections::BTreeSet<&String> = all.values().collect();
    assert_eq!(different.len(), 4, "the seed decides nothing: {all:?}");
}

#[test]
fn what_is_judged_changes_nothing() {
    for scenario in SCENARIOS {
        let of = |mode| digests(&[scenario, "--seed", "5", "--check", mode]);
        let every = of("every");
        for mode in ["delta", "sampled", "end"] {
            assert_eq!(of(mode), every, "{scenario}: --check {mode} against --check every");
        }
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let scenario = "scenarios/smoke/two_sources.yaml";
    let of = |jobs| digests(&[scenario, "--seeds", "1..=8", "--check", "end", "--jobs", jobs]);
    assert_eq!(of("1"), of("2"), "{scenario}: runs share something that they must not");
}

#[test]
fn what_ran_before_changes_nothing() {
    let together = digests(&[SCENARIOS[1], FIRST, "--seeds", "1..=2", "--check", "end", "--jobs", "1"]);
    let alone = digests(&[FIRST, "--seed", "2", "--check", "end"]);
    for (run, digest) in alone {
        assert_eq!(together.get(&run), Some(&digest), "{run:?} after other runs, and alone");
    }
}

#[test]
fn exporting_images_changes_nothing() {
    let out = scratch("determinism_images");
    let plain = digests(&[FIRST, "--seed", "3"]);
    assert_eq!(digests(&[FIRST, "--seed", "3", "--export-images", text(&out)]), plain);
}

#[test]
fn the_trace_is_the_same_twice_and_changes_nothing() {
    let trace = || mirrorsim(&["trace", FIRST, "--seed", "3"]).ends(0).out;
    assert!(trace() == trace(), "two traces of one seed differ");
    let said = mirrorsim(&["run", FIRST, "--seed", "3", "--no-report"]).ends(0).out;
    let token = said.split_whitespace().find(|w| w.starts_with("ms1:")).expect("a token");
    mirrorsim(&["replay", token, "--trace"]).ends(0).says("same digest");
}
