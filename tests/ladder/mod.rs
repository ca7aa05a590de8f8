//! What each policy costs and what it loses, on one scenario: the ladder of Seneca (Ji, Veitch, Wilkes, USENIX 2003). The
//! table is in docs/protocol.md.

use crate::cli::top;
use mirrorsim_scenario::{Options as Reading, load};
use mirrorsim_world::outcome::Outcome;
use mirrorsim_world::spec::{CheckMode, Spec};
use mirrorsim_world::{METRICS, Options, run};
use std::ops::RangeInclusive;

const SCENARIO: &str = "scenarios/life/ladder.yaml";
const SEEDS: RangeInclusive<u64> = 1..=100;
const POLICIES: [&str; 4] = ["strict", "degrade", "semi_sync", "async"];
/// When the site is lost: long after the cut, or in it.
const WHEN: [&str; 2] = ["400ms", "180ms"];

fn ladder(policy: &str, when: &str) -> Spec {
    let sets = [("protocol.policy", policy), ("faults.1.at", when)];
    let sets: Vec<_> = sets.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let options = Reading { metrics: METRICS, ..Reading::default() };
    let path = top().join(SCENARIO);
    let mut scenario = load(path.to_str().expect("UTF-8"), &sets, &options).expect("it loads");
    scenario.spec.check.mode = CheckMode::End;
    scenario.spec
}

fn outcomes(policy: &str, when: &str, seeds: RangeInclusive<u64>) -> Vec<Outcome> {
    let spec = ladder(policy, when);
    let of = |seed| run(&spec, seed, &Options::default()).outcome;
    let all: Vec<Outcome> = seeds.map(of).collect();
    let red = all.iter().find_map(|o| o.failures.first());
    assert_eq!(red, None, "{policy}, lost at {when}");
    all
}

/// The middle one, and the greatest.
fn spread(outcomes: &[Outcome], value: impl Fn(&Outcome) -> u64) -> (u64, u64) {
    let mut all: Vec<u64> = outcomes.iter().map(value).collect();
    all.sort_unstable();
    (all[all.len() / 2], all[all.len() - 1])
}

fn metric(name: &'static str) -> impl Fn(&Outcome) -> u64 {
    move |outcome| outcome.metrics[name]
}

fn ms(ns: u64) -> String {
    format!("{}.{} ms", ns / 1_000_000, ns / 100_000 % 10)
}

fn row(policy: &str) -> String {
    let [after, within] = WHEN.map(|when| outcomes(policy, when, SEEDS));
    let lost = |of: &[Outcome]| {
        let (middle, most) = spread(of, metric("rpo_operations"));
        format!("{middle} ({most})")
    };
    let sent = |o: &Outcome| o.metrics["wire_bytes"] * 100 / o.operations.bytes.max(1);
    let cells = [
        spread(&after, |o| o.operations.acknowledged).0.to_string(),
        ms(spread(&after, metric("p50_write")).0),
        ms(spread(&after, metric("p99_write")).0),
        format!("{:.2}", spread(&after, sent).0 as f64 / 100.0),
        format!("{} KiB", spread(&after, metric("source_log")).1 / 1024),
        lost(&after),
        lost(&within),
    ];
    format!("| {policy} | {} |", cells.join(" | "))
}

#[test]
#[ignore = "it makes the table of docs/protocol.md"]
fn table_of_policies() {
    POLICIES.iter().for_each(|policy| println!("{}", row(policy)));
}

#[test]
fn who_waits_less_may_lose_more() {
    let lost = |policy, when| spread(&outcomes(policy, when, 1..=10), metric("rpo_operations"));
    let waited = |policy| spread(&outcomes(policy, WHEN[0], 1..=10), metric("p50_write")).0;
    for when in WHEN {
        assert_eq!(lost("strict", when), (0, 0), "lost at {when}");
    }
    assert_eq!(lost("degrade", WHEN[0]), (0, 0), "in sync again");
    for policy in ["degrade", "async"] {
        assert!(lost(policy, WHEN[1]).0 > 10, "{policy}: lost in the cut");
    }
    let (semi, other) = (lost("semi_sync", WHEN[1]).1, lost("async", WHEN[1]).0);
    assert!(0 < semi && semi < other, "the window holds it back: {semi}, {other}");
    assert!(waited("async") < waited("strict") && waited("degrade") <= waited("strict"));
}
