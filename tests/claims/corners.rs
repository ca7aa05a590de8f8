//! docs/corner-cases.md: every case has scenarios and planted bugs, and each bug turns one of them red.

use super::table::{quoted, table};
use crate::scenarios::{Kept, all, read};
use mirrorsim_planted::{Row, bent, find};
use mirrorsim_world::outcome::Verdict;
use mirrorsim_world::spec::CheckMode;
use mirrorsim_world::{Options, run};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

/// Cases of the protocol's list.
const CASES: u32 = 36;

/// Seeds in which a bug must be seen, if its row does not allow fewer.
const SEEDS: u64 = 50;

/// A case's scenarios, by their paths, and its planted bugs.
struct Corner {
    number: u32,
    scenarios: Vec<String>,
    bugs: Vec<&'static Row>,
}

/// Every scenario's path by its name.
fn by_name() -> BTreeMap<String, String> {
    let name =
        |path: &String| path.rsplit('/').next().unwrap_or_default().trim_end_matches(".yaml").to_owned();
    // `given_back` is a scenario of the swarm, too: one of another folder is meant first.
    let (swarm, others): (Vec<String>, Vec<String>) =
        all().into_iter().partition(|path| path.starts_with("scenarios/swarm/"));
    let mut found: BTreeMap<String, String> = others.into_iter().map(|path| (name(&path), path)).collect();
    for path in swarm {
        found.entry(name(&path)).or_insert(path);
    }
    found
}

fn corners() -> Vec<Corner> {
    let paths = by_name();
    let corner = |row: Vec<String>| {
        assert_eq!(row.len(), 4, "{row:?}");
        let path = |name: &str| paths.get(name).unwrap_or_else(|| panic!("{row:?}: no {name}")).clone();
        let bug = |id: &str| find(id).unwrap_or_else(|| panic!("{row:?}: no bug {id}"));
        Corner {
            number: row[0].parse().unwrap_or_else(|_| panic!("{row:?}: no number")),
            scenarios: quoted(&row[2]).map(path).collect(),
            bugs: quoted(&row[3]).map(bug).collect(),
        }
    };
    table("docs/corner-cases.md").into_iter().map(corner).collect()
}

fn tags(path: &str) -> Vec<String> {
    let Kept::Read(scenario) = read(path) else { return Vec::new() };
    scenario.tags.clone()
}

#[test]
fn every_corner_case_has_scenarios_and_bugs() {
    let corners = corners();
    assert!(corners.iter().map(|c| c.number).eq(1..=CASES), "one row a case, in order");
    for corner in &corners {
        assert!(!corner.scenarios.is_empty(), "case {} has no scenario", corner.number);
        assert!(!corner.bugs.is_empty(), "case {} has no planted bug", corner.number);
    }
}

#[test]
fn the_page_and_the_tags_say_the_same() {
    let corners = corners();
    for path in all() {
        let tagged: Vec<u32> =
            tags(&path).iter().filter_map(|t| t.strip_prefix("corner-")?.parse().ok()).collect();
        let named: Vec<u32> =
            corners.iter().filter(|c| c.scenarios.contains(&path)).map(|c| c.number).collect();
        assert_eq!(tagged, named, "{path}: tags, and rows of docs/corner-cases.md that name it");
    }
}

/// Whether an oracle of its row sees a bug in one of the first seeds; the same seed is green without it.
fn seen(path: &str, bug: &Row, check: Option<CheckMode>) -> bool {
    let Kept::Read(mut scenario) = read(path) else { panic!("{path} has no data of others") };
    if let Some(mode) = check {
        scenario.spec.check.mode = mode;
    }
    let planted = Options { planted: bent(&[bug]), ..Options::default() };
    let sees = |seed: &u64| {
        let failures = run(&scenario.spec, *seed, &planted).outcome.failures;
        failures.iter().any(|f| bug.oracles.contains(&f.oracle))
    };
    let Some(seed) = (0..bug.seeds.min(SEEDS)).find(sees) else { return false };
    let sound = run(&scenario.spec, seed, &Options::default()).outcome;
    assert_eq!(sound.verdict, Verdict::Passed, "{path} seed {seed}, without {}", bug.id);
    true
}

#[test]
fn each_corner_case_goes_red_with_its_bugs() {
    let pairs =
        |c: Corner| c.bugs.iter().map(|bug| (c.number, c.scenarios.clone(), *bug)).collect::<Vec<_>>();
    let queue: Mutex<VecDeque<_>> = Mutex::new(corners().into_iter().flat_map(pairs).collect());
    let missed: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, |n| n.get()) {
            scope.spawn(|| {
                loop {
                    let Some((case, paths, bug)) = queue.lock().expect("no panic").pop_front() else {
                        return;
                    };
                    // What is seen without a look at every durable change is seen sooner.
                    let modes = [Some(CheckMode::End), None];
                    if !modes.iter().any(|mode| paths.iter().any(|path| seen(path, bug, *mode))) {
                        let what = format!("case {case}: {} is not seen in {paths:?}", bug.id);
                        missed.lock().expect("no panic").push(what);
                    }
                }
            });
        }
    });
    let missed = missed.into_inner().expect("no panic");
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}
