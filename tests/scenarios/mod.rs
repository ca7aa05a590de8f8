//! Every scenario of the repository loads, is called as its file, names its schema, and passes with seed 1.

use crate::cli::top;
use mirrorsim_scenario::{Options as Reading, Scenario, load};
use mirrorsim_world::outcome::Verdict;
use mirrorsim_world::{METRICS, Options, run};
use std::collections::VecDeque;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Mutex;

/// What became of a scenario file.
pub enum Kept {
    /// It can be run.
    Read(Box<Scenario>),
    /// Its data does not ship.
    NoData,
}

/// Reads a scenario by its path from the top of the checkout.
#[track_caller]
pub fn read(path: &str) -> Kept {
    let file = top().join(path);
    let options = Reading { metrics: METRICS, ..Reading::default() };
    match load(file.to_str().expect("UTF-8"), &[], &options) {
        Ok(scenario) => Kept::Read(Box::new(scenario)),
        Err(problems) if problems.list().iter().all(|p| p.code == "trace-missing") => Kept::NoData,
        Err(problems) => panic!("{path}:\n{}", problems.render(false)),
    }
}

/// Runs a scenario with some seeds; a line for each that does not pass or does not keep an expectation.
pub fn failures(path: &str, seeds: Range<u64>) -> Vec<String> {
    let Kept::Read(scenario) = read(path) else { return Vec::new() };
    let mut found = Vec::new();
    for seed in seeds {
        let outcome = run(&scenario.spec, seed, &Options::default()).outcome;
        if outcome.verdict != Verdict::Passed {
            let first =
                outcome.failures.first().map_or(String::new(), |f| format!("{}: {}", f.oracle, f.message));
            found.push(format!("{path} seed {seed}: {:?}, {first}", outcome.verdict));
            continue;
        }
        for e in &scenario.expect {
            let measured = outcome.metrics.get(e.metric.as_str()).copied().unwrap_or_default();
            if !e.op.holds(measured, e.value) {
                found.push(format!("{path} seed {seed}: `{e}` does not hold, it is {measured}"));
            }
        }
    }
    found
}

/// Paths of all scenarios, in order.
pub fn all() -> Vec<String> {
    let mut folders = vec![top().join("scenarios")];
    let mut found: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "yaml") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() >= 50, "only {} scenarios", found.len());
    let below = |p: &PathBuf| {
        p.strip_prefix(top()).expect("below the top").to_str().expect("UTF-8").replace('\\', "/")
    };
    found.iter().map(below).collect()
}

#[test]
fn every_scenario_loads_under_the_name_of_its_file() {
    // A regression is what a shrinker has written.
    for path in all().into_iter().filter(|p| !p.starts_with("scenarios/regressions/")) {
        let text = std::fs::read_to_string(top().join(&path)).expect("UTF-8");
        let up = "../".repeat(path.matches('/').count() - 1);
        let header = format!("# yaml-language-server: $schema={up}scenario.schema.json");
        assert_eq!(text.lines().next(), Some(header.as_str()), "{path}: the first line names the schema");
        let Kept::Read(scenario) = read(&path) else {
            println!("{path}: its trace is not here, skipped");
            continue;
        };
        let stem = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".yaml");
        assert_eq!(scenario.name, stem, "{path}");
        assert!(!scenario.about.is_empty(), "{path} does not say what it shows");
        assert!(!scenario.tags.is_empty(), "{path} has no tags");
        // A planted bug's witness is judged by the oracle of its row.
        let witness = path.starts_with("scenarios/planted/");
        assert!(witness || !scenario.expect.is_empty(), "{path} expects nothing");
    }
}

/// What the list of unreachable cells says cannot take effect, never does; and most of the others do.
#[test]
fn unreachable_cells_of_the_matrix_are_not_reached() {
    let mut hit = std::collections::BTreeSet::new();
    for path in all().iter().filter(|path| path.starts_with("scenarios/swarm/")) {
        let Kept::Read(mut scenario) = read(path) else { continue };
        scenario.spec.check.mode = mirrorsim_world::spec::CheckMode::End;
        for seed in 0..10 {
            for cell in run(&scenario.spec, seed, &Options::default()).outcome.matrix {
                let (fault, role, phase) = (cell.fault, cell.role, cell.phase);
                let reason = mirrorsim_world::unreachable(fault, role, phase);
                assert!(cell.took_effect <= cell.injected, "{path} seed {seed}: {cell:?}");
                assert!(
                    cell.took_effect == 0 || reason.is_none(),
                    "{path} seed {seed}: {cell:?}: {reason:?}"
                );
                hit.extend((cell.took_effect > 0).then_some((fault, role, phase)));
            }
        }
    }
    assert!(hit.len() >= 60, "only {} cells: {hit:?}", hit.len());
}

/// Seeds in which the judge, a machine or the world was wrong once, and why.
const MENDED: [(&str, u64, &str); 13] = [
    (
        "scenarios/faults/disk_replaced_image.yaml",
        18,
        "the model had forgotten what an older image goes back to",
    ),
    ("scenarios/swarm/devices.yaml", 140, "what stands behind a hole was lost when its file was read again"),
    ("scenarios/swarm/devices.yaml", 1296, "the same, with other faults before"),
    (
        "scenarios/swarm/devices.yaml",
        1138,
        "a write that went astray left records of another file, taken for copies",
    ),
    ("scenarios/swarm/devices.yaml", 2664, "the same, and what its mirror held seemed to go back"),
    ("scenarios/faults/lost_write_tail.yaml", 138, "a lost trailer was forgotten at a power cut"),
    ("scenarios/swarm/late_frames.yaml", 76, "clients asked again, and the judge was not told"),
    (
        "scenarios/swarm/four_partitions.yaml",
        360,
        "what stands behind damage left no place for what comes before it",
    ),
    (
        "scenarios/faults/damage_often.yaml",
        1828,
        "the same, where the image has what comes before it and all of the damage still counts",
    ),
    (
        "scenarios/life/drawn_more_files.yaml",
        290,
        "the image lacked what was freed, and the resync did not bring it",
    ),
    (
        "scenarios/life/drawn_damage.yaml",
        141,
        "what had not changed while the source was alone could not be healed",
    ),
    ("scenarios/life/drawn_damage.yaml", 479, "the destination had it in its log, and did not apply it"),
    (
        "scenarios/life/diverged.yaml",
        944,
        "a request was numbered twice: of an older one, which the former source had answered, it was forgotten",
    ),
];

#[test]
fn what_was_mended_does_not_come_back() {
    for (path, seed, why) in MENDED {
        let Kept::Read(mut scenario) = read(path) else { panic!("{path} has no data of others") };
        scenario.spec.check.mode = mirrorsim_world::spec::CheckMode::End;
        let outcome = run(&scenario.spec, seed, &Options::default()).outcome;
        assert_eq!(
            outcome.verdict,
            Verdict::Passed,
            "{path} seed {seed}: {why}: {:?}",
            outcome.failures.first()
        );
    }
}

#[test]
fn every_scenario_passes() {
    let queue: Mutex<VecDeque<String>> = Mutex::new(all().into());
    let wrong: Mutex<Vec<String>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, |n| n.get()) {
            scope.spawn(|| {
                loop {
                    let Some(path) = queue.lock().expect("no panic").pop_front() else { return };
                    if let Kept::NoData = read(&path) {
                        println!("{path}: its trace is not here, skipped");
                        continue;
                    }
                    let found = failures(&path, 1..2);
                    wrong.lock().expect("no panic").extend(found);
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no panic");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
