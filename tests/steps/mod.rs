//! A crash, a power cut and the loss of the other site at every step of recovery, promotion, return, resync and give-back. What
//! a step is nobody lists: every moment of the run without that fault at which a device has finished something, a frame has
//! arrived or a stage was reached. Between two of them nothing changes that anybody could see afterwards. On large runs the same is
//! sampled: `mirrorsim run scenarios/swarm --tag steps --seeds 1..=1000 --check end`.

use mirrorsim_scenario::{Options as Reading, Scenario, parse};
use mirrorsim_world::outcome::{Outcome, Verdict};
use mirrorsim_world::spec::CheckMode;
use mirrorsim_world::{Entry, METRICS, Options, TRACE_KINDS, render, run};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Mutex;

/// A mirror is promoted behind a cut, and its source becomes the mirror of its heir.
const CYCLE: &str = "schema: 1
protocol: {resend_after: 4ms}
sources: [{name: alpha, partition_size: 4KiB, volumes: [{size: 4KiB}]}]
clients: [{operations: 50, slots: 2, mix: {write: 50, add: 40, read: 10}, sizes: 8B..256B, timeout: 15ms, think: 8ms}]
faults:
  - {at: 8ms, cut: {lasting: 4ms}}
  - {at: 9ms, recover: {source: alpha, promote: true}}
";

/// The order that gives the clients back.
const HAND_OVER: &str = "  - {when: {stage: in_sync, nth: 1, delay: 500us}, hand_over: {source: alpha}}\n";

/// A source goes on alone behind a cut, and comes back.
const ALONE: &str = "schema: 1
protocol: {resend_after: 4ms, policy: degrade, timeout: 5ms, settle: 1ms, hold: 5ms}
sources: [{name: alpha, partition_size: 4KiB, volumes: [{size: 4KiB}]}]
clients: [{operations: 50, slots: 2, mix: {write: 50, add: 40, read: 10}, sizes: 8B..256B, timeout: 15ms, think: 2ms}]
faults:
  - {at: 8ms, cut: {lasting: 20ms}}
";

/// A source is lost for ever, and its mirror is recovered.
const LOST: &str = "schema: 1
protocol: {resend_after: 4ms}
sources: [{name: alpha, partition_size: 4KiB, volumes: [{size: 4KiB}]}]
clients: [{operations: 50, slots: 2, mix: {write: 50, add: 40, read: 10}, sizes: 8B..256B, timeout: 15ms, think: 1ms}]
faults:
  - {when: {stage: replied, nth: 40}, disaster: {source: alpha}}
";

/// Another source adopts the clients of one that lives behind a cut.
const ADOPTED: &str = "schema: 1
protocol: {resend_after: 4ms}
sources:
  - {name: alpha, partition_size: 4KiB, volumes: [{size: 4KiB}]}
  - {name: beta, partition_size: 4KiB, volumes: [{size: 4KiB}]}
clients: [{source: alpha, operations: 50, slots: 2, mix: {write: 50, add: 40, read: 10}, sizes: 8B..256B, timeout: 15ms, think: 2ms}]
faults:
  - {at: 8ms, cut: {source: alpha, lasting: 40ms}}
  - {at: 9ms, adopt: {source: alpha, by: beta}}
";

/// A source is lost for ever, its mirror is promoted, and its site stands again with empty devices.
const REBUILT: &str = "schema: 1
protocol: {resend_after: 4ms}
sources: [{name: alpha, partition_size: 4KiB, volumes: [{size: 4KiB}]}]
clients: [{operations: 50, slots: 2, mix: {write: 50, add: 40, read: 10}, sizes: 8B..256B, timeout: 15ms, think: 8ms}]
faults:
  - {at: 8ms, disaster: {source: alpha}}
  - {at: 9ms, recover: {source: alpha, promote: true}}
  - {at: 20ms, rebuild: {source: alpha}}
";

/// Two servers mirror to each other; one's mirror is promoted, whether that one lives or not, and the other's destination replaced.
const PAIR: &str = "schema: 1
protocol: {resend_after: 4ms}
sources:
  - {name: alpha, destination: beta, partition_size: 4KiB, volumes: [{size: 4KiB}]}
  - {name: beta, destination: alpha, partition_size: 4KiB, volumes: [{size: 4KiB}]}
clients:
  - {source: alpha, operations: 60, slots: 2, mix: {write: 50, add: 40, read: 10}, sizes: 8B..256B, timeout: 15ms, think: 500us}
  - {source: beta, operations: 60, slots: 2, mix: {write: 50, add: 40, read: 10}, sizes: 8B..256B, timeout: 15ms, think: 500us}
faults:
  - {at: 60ms, recover: {source: alpha, promote: true}}
  - {at: 80ms, replace: {source: beta}}
";

/// A stretch of a run: from the line of its trace at which one text after the other was found to the next one with another.
struct Stretch {
    name: &'static str,
    scenario: &'static [&'static str],
    from: &'static [&'static str],
    to: &'static str,
    /// What is done at each step.
    faults: &'static [&'static str],
    /// What holds in the end, whatever was done.
    expect: &'static [&'static str],
}

const CRASH_SOURCE: &str = "crash: {node: alpha, restart_after: 300us}";
const CRASH: &str = "crash: {node: destination, restart_after: 300us}";
const CUT_SOURCE: &str = "power_cut: {node: alpha, restart_after: 300us}";
const CUT: &str = "power_cut: {node: destination, restart_after: 300us}";
const CRASH_ADOPTER: &str = "crash: {node: beta, restart_after: 300us}";
const CUT_ADOPTER: &str = "power_cut: {node: beta, restart_after: 300us}";
const ADOPTER_LOST: &str = "disaster: {source: beta}";
const SOURCE_LOST: &str = "disaster: {source: alpha}";
const DESTINATION_LOST: &str = "replace: {source: alpha}";

const ALL_ANSWERED: &[&str] = &["lost == 0", "in_doubt == 0", "acknowledged == 50"];

/// Left out: the loss of the server of the clients while it has the only copy.
const STRETCHES: &[Stretch] = &[
    Stretch {
        name: "recovery",
        scenario: &[LOST],
        from: &["# fault 0: disaster"],
        to: "destination  * recovered",
        faults: &[CRASH, CUT],
        expect: &["lost == 0", "recoveries == 1", "recoveries_exact == 1"],
    },
    Stretch {
        name: "promotion",
        scenario: &[CYCLE],
        from: &["# fault 1: recover"],
        to: "destination  * booted",
        faults: &[CRASH, CUT, CRASH_SOURCE, CUT_SOURCE],
        expect: ALL_ANSWERED,
    },
    Stretch {
        name: "return of the former source",
        scenario: &[CYCLE],
        from: &["alpha        ! fenced"],
        to: "destination  * connected",
        faults: &[CRASH, CUT, CRASH_SOURCE, CUT_SOURCE],
        expect: ALL_ANSWERED,
    },
    Stretch {
        name: "resync by the heir",
        scenario: &[CYCLE],
        from: &["destination  * resync_begun"],
        to: "destination  * in_sync",
        faults: &[CRASH, CUT, CRASH_SOURCE, CUT_SOURCE],
        expect: ALL_ANSWERED,
    },
    Stretch {
        name: "give-back",
        scenario: &[CYCLE, HAND_OVER],
        from: &["# fault 2: hand_over"],
        to: "alpha        * connected",
        faults: &[CRASH, CUT, CRASH_SOURCE, CUT_SOURCE],
        expect: ALL_ANSWERED,
    },
    Stretch {
        name: "resync by a source that was alone",
        scenario: &[ALONE],
        from: &["alpha        * resync_begun"],
        to: "alpha        * in_sync",
        faults: &[CRASH, CUT, CRASH_SOURCE, CUT_SOURCE, DESTINATION_LOST],
        expect: ALL_ANSWERED,
    },
    Stretch {
        name: "resync by a source that is lost then",
        scenario: &[ALONE],
        from: &["alpha        * resync_begun"],
        to: "alpha        * in_sync",
        faults: &[SOURCE_LOST],
        // What it has answered alone is lost with it, counted.
        expect: &["recoveries == 1", "recoveries_exact == 1"],
    },
    Stretch {
        name: "promotion of a source that is lost then",
        scenario: &[CYCLE],
        from: &["# fault 1: recover"],
        to: "destination  * booted",
        faults: &[SOURCE_LOST],
        expect: ALL_ANSWERED,
    },
    Stretch {
        name: "resync of a former source that is lost then",
        scenario: &[CYCLE],
        from: &["destination  * resync_begun"],
        to: "destination  * in_sync",
        faults: &[SOURCE_LOST],
        expect: ALL_ANSWERED,
    },
    Stretch {
        name: "give-back by a server that is lost then",
        scenario: &[CYCLE, HAND_OVER],
        from: &["# fault 2: hand_over", "alpha        * booted"],
        to: "alpha        * connected",
        faults: &[DESTINATION_LOST],
        expect: ALL_ANSWERED,
    },
    Stretch {
        name: "give-back to a source that is lost then",
        scenario: &[CYCLE, HAND_OVER],
        from: &["# fault 2: hand_over"],
        // Behind that it answers them, and they are not promoted unless somebody wants it.
        to: "alpha        * booted",
        faults: &[SOURCE_LOST],
        expect: ALL_ANSWERED,
    },
    Stretch {
        name: "adoption",
        scenario: &[ADOPTED],
        from: &["# fault 1: adopt"],
        to: "beta/alpha   * connected",
        faults: &[CRASH, CUT, CRASH_SOURCE, CUT_SOURCE, CRASH_ADOPTER, CUT_ADOPTER, SOURCE_LOST],
        expect: ALL_ANSWERED,
    },
    Stretch {
        name: "adoption by a source that is lost then",
        scenario: &[ADOPTED],
        from: &["# fault 1: adopt"],
        to: "beta/alpha   * booted",
        faults: &[ADOPTER_LOST],
        expect: ALL_ANSWERED,
    },
    Stretch {
        name: "filling a site that stands again",
        scenario: &[REBUILT],
        from: &["# fault 2: rebuild"],
        to: "destination  * in_sync",
        faults: &[CRASH, CUT, CRASH_SOURCE, CUT_SOURCE, SOURCE_LOST],
        expect: ALL_ANSWERED,
    },
    Stretch {
        name: "the life of a pair, one of which is lost then",
        scenario: &[PAIR],
        from: &["alpha        * sealed"],
        to: "alpha        * freed",
        faults: &[SOURCE_LOST],
        expect: &["lost == 0", "in_doubt == 0", "acknowledged == 120"],
    },
];

fn scenario(text: &str, expect: &[&str]) -> Scenario {
    let quoted: Vec<String> = expect.iter().map(|e| format!("{e:?}")).collect();
    let text = format!("{text}expect: [{}]\n", quoted.join(", "));
    let reading = Reading { metrics: METRICS, ..Reading::default() };
    let mut scenario = parse("steps.yaml", text.as_bytes(), &[], &reading)
        .unwrap_or_else(|p| panic!("{text}\n{}", p.render(false)));
    scenario.spec.check.mode = CheckMode::End;
    scenario
}

/// Whether something has changed: a device has finished, a frame has come, a stage was reached.
fn a_step(entry: &Entry) -> bool {
    let name = TRACE_KINDS.iter().find(|(number, _)| *number == entry.kind).map(|(_, name)| *name);
    matches!(name, Some("done" | "deliver" | "stage" | "fault"))
}

/// The moments just behind the steps of a stretch.
fn steps(stretch: &Stretch, seed: u64) -> BTreeSet<u64> {
    let scenario = scenario(&text(stretch, ""), &[]);
    let ran = run(&scenario.spec, seed, &Options { trace: true, ..Options::default() });
    assert_eq!(ran.outcome.verdict, Verdict::Passed, "{}: {:?}", stretch.name, ran.outcome.failures);
    let at = |from: usize, text: &str| {
        let found = ran.trace[from..].iter().position(|e| render(&scenario.spec, e).contains(text));
        from + found.unwrap_or_else(|| panic!("{}: nothing says `{text}`", stretch.name))
    };
    let from = stretch.from.iter().fold(0, |from, text| at(from, text));
    let to = at(from, stretch.to);
    ran.trace[from..=to].iter().filter(|e| a_step(e)).map(|e| e.time + 1).collect()
}

fn complaint(outcome: &Outcome, scenario: &Scenario) -> Option<String> {
    // What fails at a step may be just what the clients were to go back to.
    let hindered = outcome.verdict == Verdict::Vacuous
        && outcome.failures.iter().all(|f| f.oracle == "vacuous" && f.message.starts_with("hand_over at "));
    if outcome.verdict != Verdict::Passed && !hindered {
        let first =
            outcome.failures.first().map_or(String::new(), |f| format!("{}: {}", f.oracle, f.message));
        return Some(format!("{:?}, {first}", outcome.verdict));
    }
    let broken = scenario.expect.iter().find(|e| {
        let measured = outcome.metrics.get(e.metric.as_str()).copied().unwrap_or_default();
        !e.op.holds(measured, e.value)
    });
    broken.map(|e| format!("`{e}` does not hold"))
}

/// The scenario of a stretch, with one fault more.
fn text(stretch: &Stretch, more: &str) -> String {
    format!("{}{more}", stretch.scenario.concat())
}

#[test]
fn whatever_fails_at_whatever_step_nothing_is_lost() {
    let seed = 1;
    let mut queue = VecDeque::new();
    for stretch in STRETCHES {
        let steps = steps(stretch, seed);
        assert!(steps.len() >= 20, "{}: only {} steps", stretch.name, steps.len());
        println!("{}: {} steps, {} faults each", stretch.name, steps.len(), stretch.faults.len());
        for fault in stretch.faults {
            queue.extend(steps.iter().map(|at| (stretch, *fault, *at)));
        }
    }
    let queue = Mutex::new(queue);
    let wrong: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, |n| n.get()) {
            scope.spawn(|| {
                loop {
                    let Some((stretch, fault, at)) = queue.lock().expect("no panic").pop_front() else {
                        return;
                    };
                    let more = format!("  - {{at: {at}ns, {fault}}}\n");
                    let scenario = scenario(&text(stretch, &more), stretch.expect);
                    let outcome = run(&scenario.spec, seed, &Options::default()).outcome;
                    if let Some(what) = complaint(&outcome, &scenario) {
                        let what = format!("{}, {fault} at {at}ns: {what}", stretch.name);
                        wrong.lock().expect("no panic").push(what);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no panic");
    assert!(wrong.is_empty(), "{} runs:\n{}", wrong.len(), wrong.join("\n"));
}

/// Bugs that show only where something fails at the right step.
const BUGS: &[(&str, &str)] = &[
    ("recovery", "P29"),
    ("promotion", "F03"),
    ("resync by the heir", "L06"),
    ("resync by a source that was alone", "L06"),
    ("give-back", "F08"),
    ("adoption", "P29"),
];

#[test]
fn at_some_step_a_planted_bug_shows() {
    for (name, id) in BUGS {
        let stretch = STRETCHES.iter().find(|s| s.name == *name).expect("a stretch");
        let row = mirrorsim_planted::find(id).expect("a row");
        let planted = Options { planted: mirrorsim_planted::bent(&[row]), ..Options::default() };
        let shows = |fault: &str, at: u64| {
            let more = format!("  - {{at: {at}ns, {fault}}}\n");
            let outcome = run(&scenario(&text(stretch, &more), &[]).spec, 1, &planted).outcome;
            outcome.failures.iter().any(|f| row.oracles.contains(&f.oracle))
        };
        let steps = steps(stretch, 1);
        let all = steps.len() * stretch.faults.len();
        let seen: usize =
            stretch.faults.iter().map(|fault| steps.iter().filter(|at| shows(fault, **at)).count()).sum();
        assert!((1..all).contains(&seen), "{id} shows at {seen} of {all} steps of {name}");
    }
}
