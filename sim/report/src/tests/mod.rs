//! Reports and texts of real campaigns over small scenarios.

use crate::walker::validate;
use crate::{CLAIMS, ClaimVerdict, Claims, Collector, Report, claims_schema, many, one, pace, schema, utc};
use mirrorsim_campaign::{Crew, Event, Plan, SeedRun, Stop, Tally, run};
use mirrorsim_scenario as scenario;
use mirrorsim_world::METRICS;
use mirrorsim_world::outcome::{Alarm, Failure, Verdict};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const QUIET: &str = "schema: 1\nsources: [{name: alpha}]\nclients: [{operations: 20}]\n";
const LOSSY: &str = "schema: 1\nsources: [{name: alpha}]\nclients: [{operations: 20}]\nexpect: [\"acknowledged > 1000000\"]\n";

fn campaign(text: &str, seeds: &str, workers: usize) -> (Arc<[Plan]>, Vec<SeedRun>) {
    let options = scenario::Options { metrics: METRICS, ..scenario::Options::default() };
    let scenario = scenario::parse("scenarios/a.yaml", text.as_bytes(), &[], &options).expect("a scenario");
    let plans: Arc<[Plan]> =
        [Plan::new(scenario, "scenarios/a.yaml", scenario::seeds(seeds).expect("seeds"))].into();
    let mut runs = Vec::new();
    run(&plans, &Crew::threads(workers), &Stop::default(), &mut |event| {
        if let Event::Seed(run) = event {
            runs.push(*run);
        }
    })
    .expect("threads");
    (plans, runs)
}

fn report(text: &str, seeds: &str, workers: usize) -> Report {
    let (plans, runs) = campaign(text, seeds, workers);
    let mut collector = Collector::default();
    runs.iter().for_each(|r| collector.add(&plans[0], r));
    collector.finish(&plans[0], None, &[], Duration::from_millis(5), workers, utc(0))
}

#[test]
fn reports_fit_their_schema() {
    let schema = schema();
    for (text, seeds) in [(QUIET, "1..=3"), (LOSSY, "18446744073709551615,0")] {
        let value = serde_json::to_value(report(text, seeds, 2)).expect("JSON");
        assert_eq!(validate(&schema, &value), Vec::<String>::new());
    }
}

#[test]
fn what_does_not_fit_is_noticed() {
    let good = serde_json::to_value(report(QUIET, "1", 1)).expect("JSON");
    let wrong = |change: &dyn Fn(&mut Value)| {
        let mut value = good.clone();
        change(&mut value);
        validate(&schema(), &value)
    };
    assert!(wrong(&|_| {}).is_empty());
    assert!(!wrong(&|v| v["runs"][0]["seed"] = json!(1)).is_empty());
    assert!(!wrong(&|v| v["verdict"] = json!("fine")).is_empty());
    assert!(!wrong(&|v| v["schema_version"] = json!(2)).is_empty());
    assert!(!wrong(&|v| v["surprise"] = json!(2)).is_empty());
    assert!(!wrong(&|v| v["summary"]["events"] = json!(-1)).is_empty());
    assert!(!wrong(&|v| v["environment"]["date"] = json!("today")).is_empty());
    assert!(!wrong(&|v| _ = v["summary"].as_object_mut().map(|o| o.remove("faults"))).is_empty());
}

#[test]
fn the_committed_schema_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../reports/report.schema.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        committed,
        format!("{:#}\n", schema()),
        "write it again: mirrorsim schema report > reports/report.schema.json"
    );
}

#[test]
fn seeds_are_text_and_large_ones_survive() {
    let report = report(LOSSY, "18446744073709551615,0", 2);
    let seeds: Vec<&str> = report.runs.iter().map(|r| r.seed.0.as_str()).collect();
    assert_eq!(seeds, ["18446744073709551615", "0"]);
    assert_eq!(report.summary.failures.len(), 1);
    assert_eq!(report.summary.failures[0].first_seed.0, "18446744073709551615");
    assert_eq!(report.exit_code, 1);
}

#[test]
fn the_number_of_workers_changes_nothing_but_times() {
    let of = |workers| {
        let mut report = report(LOSSY, "1..=12", workers);
        report.environment.workers = 0;
        report.speed.busy_ms = 0;
        report.speed.events_per_second = 0;
        report.runs.iter_mut().for_each(|r| r.wall_us = 0);
        serde_json::to_string(&report).expect("JSON")
    };
    assert_eq!(of(1), of(4));
}

#[test]
fn a_red_summary_fits_on_a_screen_and_ends_with_the_line_to_paste() {
    let (plans, mut runs) = campaign(LOSSY, "7", 1);
    let run = &mut runs[0];
    // As bad as it gets: many findings, many faults, a long end of the trace.
    let message = "something is wrong ".repeat(20);
    let failure =
        |i| Failure { oracle: "order", invariant: "I2", time: i, event: i, message: message.clone() };
    run.outcome.failures.extend((0..30).map(failure));
    run.outcome.last_events = (0..40).map(|i| format!("event {i}")).collect();
    let text = one(&plans[0], run, "", Some("reports/out/a-7.json"));
    assert!(text.lines().count() <= 24, "{text}");
    assert!(
        text.contains("event 39") && text.contains("mirrorsim trace scenarios/a.yaml --seed 7 "),
        "{text}"
    );
    assert!(
        text.lines().last().is_some_and(|l| l.contains("mirrorsim replay ms1:scenarios/a.yaml:7:")),
        "{text}"
    );
}

#[test]
fn every_kind_of_alarm_is_shown_the_worst_first() {
    let (plans, mut runs) = campaign(QUIET, "7", 1);
    let alarm = |time, kind| Alarm { time, server: "alpha".into(), kind, message: format!("about {kind}") };
    runs[0].outcome.alarms =
        vec![alarm(1, "config"), alarm(2, "fenced"), alarm(3, "diverged"), alarm(4, "fenced")];
    let text = one(&plans[0], &runs[0], "", None);
    let at = |words: &str| text.find(words).unwrap_or_else(|| panic!("no `{words}` in {text}"));
    let [diverged, fenced] = ["diverged: at 3ns, alpha", "fenced 2x: first at 2ns, alpha"].map(at);
    assert!(diverged < fenced && fenced < at("config: at 1ns"), "{text}");
}

#[test]
fn who_goes_on_alone_for_good_is_never_in_sync_again() {
    let (plans, mut runs) = campaign(QUIET, "7", 1);
    runs[0].outcome.metrics.insert("degraded", 1);
    assert!(one(&plans[0], &runs[0], "", None).contains("1 time, never in sync again; at most"));
    runs[0].outcome.stages.insert("in_sync", (1, 0));
    assert!(one(&plans[0], &runs[0], "", None).contains("until in sync again"));
}

#[test]
fn a_green_summary_says_all_that_was_promised() {
    let (plans, runs) = campaign(QUIET, "7", 1);
    assert_eq!(runs[0].outcome.verdict, Verdict::Passed, "{:?}", runs[0].outcome.failures);
    let text = one(&plans[0], &runs[0], "the default", None);
    for word in [
        "PASSED",
        "seed 7",
        "digest",
        "operations",
        "in doubt",
        "latency",
        "stalls",
        "checks",
        "virtual",
        "wall",
        "replay",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn no_core_has_two_workers() {
    let after = Tally { passed: 60, ..Tally::default() };
    let said = |cores| pace(&Tally::default(), &after, Duration::from_secs(60), 8, cores);
    assert!(said(2).contains("60 a minute, 30 a minute and core"), "{}", said(2));
    assert!(said(20).contains(", 7 a minute and core"), "{}", said(20));
}

#[test]
fn the_summary_of_many_groups_failures() {
    let (plans, runs) = campaign(LOSSY, "1..=5", 2);
    let mut collector = Collector::default();
    runs.iter().for_each(|r| collector.add(&plans[0], r));
    let text = many(&plans[0], collector.tally(), None, Duration::from_secs(1), 2, None);
    assert!(text.contains("5 failed") && text.contains("5x, first seed 1: expect"), "{text}");
    assert!(text.lines().count() <= 15, "{text}");
    assert!(text.lines().last().is_some_and(|l| l.contains("mirrorsim replay")), "{text}");
}

/// What a campaign over seed 1 and 2 of a text says of claim 3, and its JSON.
fn said_of(text: &str, heard: usize, interrupted: bool) -> (ClaimVerdict, Value) {
    let (plans, runs) = campaign(text, "1..=2", 1);
    let mut claims = Claims::default();
    runs.iter().take(heard).for_each(|r| claims.add(&plans[0], r));
    let report = claims.finish(&plans, interrupted, None, utc(0));
    assert!(report.claims.iter().zip(CLAIMS).all(|(c, claim)| {
        (c.verdict == ClaimVerdict::Cancelled) != claim.live()
            && (c.verdict == ClaimVerdict::NoScenario) == (claim.live() && claim.number != 3)
    }));
    let value = serde_json::to_value(&report).expect("JSON");
    assert_eq!(validate(&claims_schema(), &value), Vec::<String>::new());
    (report.claims.iter().find(|c| c.claim == 3).expect("a claim").verdict, value)
}

#[test]
fn a_claim_is_shown_only_by_seeds_that_pass_and_do_what_it_is_about() {
    let repeats = "schema: 1\ntags: [claim-3]\nprotocol: {transport: datagram, resend_after: 1ms}\n\
                   sources: [{name: alpha, partition_size: 8KiB, link: {latency: 1ms..9ms}}]\n\
                   clients: [{operations: 60}]\n";
    let (verdict, value) = said_of(repeats, 2, false);
    assert_eq!(verdict, ClaimVerdict::Shown);
    let claim = value["claims"].as_array().expect("claims").iter().find(|c| c["claim"] == 3).expect("it");
    assert_eq!((&claim["seeds"], &claim["scenarios"][0]["passed"]), (&json!(2), &json!(2)));
    assert!(claim["exercised"][0]["count"].as_u64() > Some(0) && claim["exercised"][0]["seeds"] == 2);
    assert_eq!(value["shown"], 1);
    assert_eq!(said_of(repeats, 1, true).0, ClaimVerdict::Inconclusive, "a seed is missing");
    let quiet = QUIET.replace("schema: 1", "schema: 1\ntags: [claim-3]\nprotocol: {resend_after: 1s}");
    assert_eq!(said_of(&quiet, 2, false).0, ClaimVerdict::NotExercised, "nothing is asked for again");
    let red = LOSSY.replace("schema: 1", "schema: 1\ntags: [claim-3]");
    assert_eq!(said_of(&red, 2, false).0, ClaimVerdict::Failed);
}

#[test]
fn claims_are_in_the_order_of_their_numbers() {
    let numbers: Vec<u32> = CLAIMS.iter().map(|c| c.number).collect();
    assert_eq!(numbers, (1..=27).collect::<Vec<_>>());
    assert_eq!(CLAIMS.iter().filter(|c| c.live()).count(), 20);
    for claim in CLAIMS.iter().filter(|c| c.live()) {
        assert!(!claim.steps.is_empty(), "claim {} has no step", claim.number);
    }
}
