//! Workload M: what the engine costs beside a bare loop that does the same.
//!
//! 4 sources, 1 destination, 1 client for each source with 8 writes of 512 bytes in flight. A write takes six events:
//! request at the source (no delay), source log (uniform 1-5 us), forward at the destination (uniform 50-500 us),
//! destination log (uniform 5-20 us), acknowledgement at the source (uniform 50-500 us), reply (no delay). Its payload
//! is real and unique; a checksum is made at the source and checked at the destination.
//!
//! The two run in turns, and the ratio of their best times is printed: `cargo bench --bench workload_m`, with
//! `-- --quick` for 200,000 writes rather than 2,000,000. Criterion then times short runs, where set-up counts.

mod bare;
mod engine;
mod payload;

use criterion::Criterion;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Sources, and clients.
const SOURCES: usize = 4;
/// Writes that each client keeps in flight.
const IN_FLIGHT: usize = 8;
/// Events of a write.
const EVENTS: u64 = 6;
/// Of uniform delays, ns: least and greatest.
const SOURCE_LOG: (u64, u64) = (1_000, 5_000);
const LINK: (u64, u64) = (50_000, 500_000);
const DESTINATION_LOG: (u64, u64) = (5_000, 20_000);

fn main() {
    let argument = |name: &str| std::env::args().any(|argument| argument == name);
    if !argument("--bench") {
        // Under `cargo test`: that it runs is enough.
        bare::run(1, 500);
        engine::run(1, 500);
        return;
    }
    let (writes, rounds) = if argument("--quick") { (200_000, 7) } else { (2_000_000, 5) };
    compare(writes, rounds);
    if !argument("--quick") {
        short_runs(&mut Criterion::default().sample_size(50));
    }
}

fn compare(writes: u64, rounds: u32) {
    let mut best = [Duration::MAX; 2];
    for seed in 0..u64::from(rounds) {
        best[0] = best[0].min(time(|| bare::run(seed, writes)));
        best[1] = best[1].min(time(|| engine::run(seed, writes)));
    }
    let rate = best.map(|time| (writes * EVENTS) as f64 / time.as_secs_f64() / 1e6);
    println!("workload M, {writes} writes, best of {rounds}");
    println!("  bare loop  {:6.2} million events/s", rate[0]);
    println!("  engine     {:6.2} million events/s", rate[1]);
    println!("  ratio      {:6.2}", rate[1] / rate[0]);
}

fn time(run: impl FnOnce() -> u64) -> Duration {
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures")]
    let start = Instant::now();
    black_box(run());
    start.elapsed()
}

fn short_runs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("1000 writes with set-up");
    group.bench_function("bare", |bencher| bencher.iter(|| bare::run(black_box(1), 1_000)));
    group.bench_function("engine", |bencher| bencher.iter(|| engine::run(black_box(1), 1_000)));
    group.finish();
}
