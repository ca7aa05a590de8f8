//! Workload R: what the whole rig costs, judge and disaster probe included.
//!
//! 2 sources, P = 2, partitions of 64 records of 512 bytes, level `nvram`, `stream`, 4 clients for each source with 8
//! slots, 20 % `add`, 200,000 operations in all; once without faults, once with the default swarm profile. Printed are
//! events a second for each mode of checking: `cargo bench --bench workload_r`, with `-- --quick` for a tenth of the
//! operations. `every` runs a hundredth of them, since a full check costs about as much as hundred events. Words after
//! that choose: `-- --quick end none` runs one line, once, which is what a profiler wants; `-- checks` prints only what
//! a full check costs by the number of records above the image's cursor.

mod spec;

use criterion::Criterion;
use mirrorsim_world::outcome::Outcome;
use mirrorsim_world::spec::{CheckMode, Spec};
use mirrorsim_world::{Options, run};
use spec::Faults;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Operations in all.
const OPERATIONS: u64 = 200_000;

fn main() {
    let argument = |name: &str| std::env::args().any(|argument| argument == name);
    if !argument("--bench") {
        // Under `cargo test`: that it runs is enough.
        for mode in [CheckMode::Every, CheckMode::Delta, CheckMode::End] {
            time(mode, Faults::Swarm, 80, 1);
        }
        return;
    }
    let quick = argument("--quick");
    if argument("checks") {
        return all_full_checks();
    }
    let modes = [("end", CheckMode::End), ("delta", CheckMode::Delta), ("every", CheckMode::Every)];
    let kinds = [("none", Faults::None), ("swarm", Faults::Swarm)];
    let chosen = modes.iter().any(|(name, _)| argument(name));
    let operations = if quick { OPERATIONS / 10 } else { OPERATIONS };
    let rounds = if chosen { 1 } else { 3 };
    for (name, faults) in kinds {
        if chosen && !argument(name) {
            continue;
        }
        println!("workload R, {operations} operations, {faults:?} faults, best of {rounds} seeds");
        for (name, mode) in modes {
            if chosen && !argument(name) {
                continue;
            }
            let operations = if mode == CheckMode::Every { operations / 100 } else { operations };
            report(mode, faults, operations, rounds);
        }
    }
    if !chosen {
        all_full_checks();
    }
    if !quick && !chosen {
        short_runs(&mut Criterion::default().sample_size(20));
    }
}

fn report(mode: CheckMode, faults: Faults, operations: u64, rounds: u64) {
    let rate = |of: u64, time: Duration| of as f64 / time.as_secs_f64();
    let runs = (0..rounds).map(|seed| time(mode, faults, operations, seed));
    let best = runs.max_by(|(a, s), (b, t)| rate(a.events, *s).total_cmp(&rate(b.events, *t)));
    let Some((outcome, time)) = best else { return };
    let checks = outcome.checks;
    println!(
        "  {:6} {:8.3} million events/s  {:9.0} full checks/s  {:9.0} delta verdicts/s  ({} events, {:?})",
        checks.mode,
        rate(outcome.events, time) / 1e6,
        rate(checks.full, time),
        rate(checks.delta, time),
        outcome.events,
        outcome.verdict,
    );
}

fn all_full_checks() {
    println!("full checks without faults: subsets, torn and nested ones among them");
    for (live, one_in, operations) in [(16, 1, 500), (64, 1, 500), (4096, 256, 8192)] {
        full_checks(live, one_in, operations);
    }
}

/// What a full check costs with so many records above the image's cursor at most: the time with checks less that without.
fn full_checks(live: u64, one_in: u64, operations: u64) {
    let best = |one_in| {
        let runs = (0..3).map(|_| timed(&spec::full_checks(live, one_in, operations), 1));
        runs.min_by_key(|(_, time)| *time)
    };
    let (Some((outcome, with)), Some((_, without))) = (best(one_in), best(0)) else { return };
    let checks = outcome.checks;
    let each = with.saturating_sub(without).as_secs_f64() / checks.full.max(1) as f64;
    println!(
        "  at most {live:4} live records, {:6.1} on average: {:7.0} full checks/s, {:9.2} us each  ({} full, {} seen before)",
        checks.records as f64 / checks.full.max(1) as f64,
        1.0 / each,
        each * 1e6,
        checks.full,
        checks.equal,
    );
}

fn time(mode: CheckMode, faults: Faults, operations: u64, seed: u64) -> (Outcome, Duration) {
    timed(&spec::workload(mode, faults, operations), seed)
}

fn timed(spec: &Spec, seed: u64) -> (Outcome, Duration) {
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures")]
    let start = Instant::now();
    let run = run(spec, seed, &Options::default());
    (run.outcome, start.elapsed())
}

/// Seeds of a campaign, where set-up counts: 500 operations, partitions of 12 records, everything checked.
fn short_runs(criterion: &mut Criterion) {
    let spec = spec::smoke();
    criterion.bench_function("smoke seed", |bencher| {
        let mut seed = 0;
        bencher.iter(|| {
            seed += 1;
            black_box(run(&spec, seed, &Options::default()).outcome.events)
        })
    });
}
