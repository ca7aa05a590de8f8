//! Two runs of a seed that differ are a fault of the rig. Nothing in the rig is allowed to differ, so what does is a
//! fixture: a run of the real world in which the order of a hash map (P39) or the clock of the machine (P43) decides.

use crate::cli::{FIRST, RED, TINY, file, mirrorsim, text};
use mirrorsim_campaign::{
    Children, Crew, Event, Exit, Plan, Stop, Tally, Twice, first_difference, run as campaign,
};
use mirrorsim_scenario::{Options as Reading, parse, seeds};
use mirrorsim_world::outcome::{Failure, Verdict};
use mirrorsim_world::{METRICS, Options, Override};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// The engine's latency of a message, with a spread.
const LATENCY: u16 = 0;
const SPREAD: (&str, &str) = ("{name: alpha}", "{name: alpha, link: {latency: 100us..10ms}}");

/// The latency of the first message of the first link is this part of 2^64.
fn late(options: &mut Options, value: u64) {
    options.overrides.push(Override { site: LATENCY, subject: 0, occurrence: 0, value });
}

/// P39: whichever message a hash map has first is the one that is late.
#[expect(clippy::disallowed_types, reason = "the fixture is a bug: the order of a HashMap decides")]
fn by_hash(_: u64, options: &mut Options) {
    let waiting: std::collections::HashMap<u64, ()> = (0..1000).map(|n| (n, ())).collect();
    late(options, waiting.keys().next().map_or(0, |n| n * (u64::MAX / 1000)));
}

/// P43: the time of the machine decides when a message comes.
#[expect(clippy::disallowed_methods, reason = "the fixture is a bug: the clock of the machine decides")]
fn by_clock(_: u64, options: &mut Options) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
    late(options, now.wrapping_mul(0x9e37_79b9_7f4a_7c15));
}

fn plan(scenario: &str, of: &str, twist: Option<fn(u64, &mut Options)>) -> Plan {
    let reading = Reading { metrics: METRICS, ..Reading::default() };
    let scenario = scenario.replace(SPREAD.0, SPREAD.1);
    let scenario = parse("a.yaml", scenario.as_bytes(), &[], &reading).expect("a scenario");
    Plan { twist, ..Plan::new(scenario, "a.yaml", seeds(of).expect("seeds")) }
}

/// The sums of a campaign, and the failure that seeds of the rig's begin with.
fn ran(plan: Plan, crew: &Crew) -> (Tally, Vec<Failure>) {
    let (mut tally, mut found) = (Tally::default(), Vec::new());
    let mut sink = |event: Event| {
        if let Event::Seed(run) = event {
            tally.add(&run);
            found.extend(
                run.outcome.failures.first().filter(|_| run.outcome.verdict == Verdict::Rig).cloned(),
            );
        }
    };
    campaign(&[plan].into(), crew, &Stop::default(), &mut sink).expect("threads");
    (tally, found)
}

fn threads(twice: Twice) -> Crew {
    Crew { twice, ..Crew::threads(1) }
}

/// Every pair of seeds that differs is found, with its first event and both sides.
#[track_caller]
fn check(twist: fn(u64, &mut Options)) {
    let (tally, found) = ran(plan(TINY, "1..=6", Some(twist)), &threads(Twice::All));
    // Two runs may be the same by chance, though hardly more than one pair of them.
    assert!(tally.rig >= 5 && tally.twice == 6, "{tally:?}");
    assert_eq!(tally.exit(), Exit::Rig);
    for failure in found {
        assert_eq!(failure.oracle, "determinism");
        let words = format!("event {}: one has `", failure.event);
        assert!(failure.event > 0 && failure.time > 0, "{failure:?}");
        assert!(
            failure.message.contains(&words) && failure.message.contains("`, the other `"),
            "{failure:?}"
        );
    }
}

#[test]
fn a_run_that_the_order_of_a_hash_map_decides_is_found() {
    check(by_hash);
}

#[test]
fn a_run_that_the_clock_of_the_machine_decides_is_found() {
    check(by_clock);
}

#[test]
fn the_event_that_differs_is_the_first_one() {
    let run = |value| {
        let mut options = Options { trace: true, ..Options::default() };
        late(&mut options, value);
        mirrorsim_world::run(&plan(TINY, "1", None).scenario.spec, 3, &options).trace
    };
    let (fast, slow) = (run(0), run(u64::MAX));
    let first = fast.iter().zip(&slow).position(|(a, b)| a != b).expect("they differ") as u64;
    // What a run is like depends on how many there were before it.
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let by_turns = |_, options: &mut Options| {
        late(options, if RUNS.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) { 0 } else { u64::MAX })
    };
    let found = first_difference(&plan(TINY, "1", Some(by_turns)), 3).expect("they differ");
    assert_eq!((found.event, found.time), (first, fast[first as usize].time));
    assert_eq!(first_difference(&plan(TINY, "1", None), 3), None);
}

#[test]
fn a_seed_that_fails_is_run_again_before_it_is_reported() {
    let (tally, found) = ran(plan(RED, "1..=4", Some(by_clock)), &threads(Twice::Doubtful));
    assert!(tally.twice == 4 && tally.rig >= 3, "{tally:?}");
    assert!(found.iter().all(|f| f.oracle == "determinism"), "{found:?}");
    let (tally, _) = ran(plan(RED, "1..=4", None), &threads(Twice::Doubtful));
    assert_eq!((tally.twice, tally.failed), (4, 4), "one that fails the same way twice is reported as it is");
}

#[test]
fn a_share_of_the_seeds_that_pass_is_run_again() {
    let (tally, _) = ran(plan(TINY, "1..=128", None), &threads(Twice::Doubtful));
    assert_eq!((tally.twice, tally.passed), (2, 128));
    let (tally, _) = ran(plan(TINY, "1..=64", None), &threads(Twice::Never));
    assert_eq!(tally.twice, 0);
}

/// Workers that are processes are asked, too: here each of them says its number instead of the time of event 57, and
/// instead of a digest.
#[cfg(unix)]
#[test]
fn processes_that_differ_are_found() {
    let proxy = r#"exec 3>&1; "$0" worker | sed -u -e 's/"digest":[0-9]*/"digest":'$$/ -e 's/"number":57,"words":\[[0-9]*/"number":57,"words":['$$/"#;
    let children = Children {
        program: "sh".into(),
        arguments: ["-c", proxy, env!("CARGO_BIN_EXE_mirrorsim")].map(Into::into).into(),
        hang_after: Duration::from_secs(60),
    };
    let crew = Crew { workers: 1, children: Some(children), twice: Twice::All };
    let path = file("processes_differ", "tiny.yaml", TINY);
    let mut plan = plan(TINY, "1..=2", None);
    plan.argument = text(&path).to_owned();
    let (tally, found) = ran(plan, &crew);
    assert_eq!((tally.rig, tally.exit()), (2, Exit::Rig));
    for failure in found {
        assert_eq!((failure.oracle, failure.event), ("determinism", 57), "{failure:?}");
    }
}

/// A machine of one's own may print what it likes.
#[cfg(unix)]
#[test]
fn what_a_process_complains_of_stops_nobody() {
    let children = Children {
        program: "sh".into(),
        arguments: [
            "-c",
            "head -c 1000000 /dev/zero >&2 && exec \"$0\" worker",
            env!("CARGO_BIN_EXE_mirrorsim"),
        ]
        .map(Into::into)
        .into(),
        hang_after: Duration::from_secs(60),
    };
    let (tally, _) =
        ran(plan(TINY, "1..=2", None), &Crew { workers: 1, children: Some(children), twice: Twice::Never });
    assert_eq!(tally.passed, 2);
}

#[test]
fn the_command_runs_every_seed_twice_when_it_is_asked_to() {
    let run = |more: &[&str]| {
        mirrorsim(&[&["run", FIRST, "--seeds", "1..=3", "--check", "end", "--no-report"], more].concat())
            .ends(0)
    };
    run(&["--check-determinism"]).says("3 seeds, each the same in every event");
    assert!(!run(&[]).out.contains("run twice"));
}
