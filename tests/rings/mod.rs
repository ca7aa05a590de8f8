//! Servers of a ring that apply in rounds (DR11): how many files keep them from waiting for each other for ever. The table
//! is in docs/protocol.md.

use crate::cli::top;
use mirrorsim_scenario::{Options as Reading, load};
use mirrorsim_world::spec::{CheckMode, Spec};
use mirrorsim_world::{METRICS, Options, run};
use std::ops::Range;

const SCENARIO: &str = "scenarios/life/coupled_ring.yaml";
/// Seeds of a cell of the table.
const SEEDS: u64 = 100;
/// What the connections of a row do, and how that is said.
const CONNECTIONS: [(&str, &[(&str, &str)]); 2] = [
    ("a stream", &[]),
    ("datagrams, 5 % lost", &[("protocol.transport", "datagram"), ("sources.0.link.loss", "5%")]),
];
const SERVERS: [u64; 3] = [2, 3, 4];
const FILES: [u64; 3] = [2, 3, 4];

fn ring(servers: u64, files: u64, more: &[(&str, &str)]) -> Spec {
    let own = [("sources.0.count", servers.to_string()), ("protocol.files", files.to_string())];
    let own = own.map(|(key, value)| (key.to_owned(), value));
    let more = more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let sets: Vec<(String, String)> = own.into_iter().chain(more).collect();
    let options = Reading { metrics: METRICS, ..Reading::default() };
    let path = top().join(SCENARIO);
    let mut scenario = load(path.to_str().expect("UTF-8"), &sets, &options).expect("it loads");
    scenario.spec.check.mode = CheckMode::End;
    scenario.spec
}

/// Seeds in which servers came to wait for each other. Nothing ends that, and L1 says so of each, and of no other.
fn deadlocks(spec: &Spec, seeds: Range<u64>) -> u64 {
    let mut found = 0;
    for seed in seeds {
        let outcome = run(spec, seed, &Options::default()).outcome;
        let waits = outcome.metrics["deadlocks"] > 0;
        let said = outcome.failures.iter().any(|f| f.oracle == "liveness");
        assert_eq!(waits, said, "seed {seed}: {:?}", outcome.failures.first());
        assert!(said || outcome.failures.is_empty(), "seed {seed}: {:?}", outcome.failures.first());
        found += u64::from(waits);
    }
    found
}

/// The rows of the table: servers, connections, and for each number of files what `cell` says.
fn rows(mut cell: impl FnMut(u64, &'static str, u64, &Spec) -> String) -> Vec<String> {
    let mut rows = Vec::new();
    for servers in SERVERS {
        for (connections, sets) in CONNECTIONS {
            let cells = FILES.map(|files| cell(servers, connections, files, &ring(servers, files, sets)));
            rows.push(format!("| {servers} | {connections} | {} |", cells.join(" | ")));
        }
    }
    rows
}

/// Prints the table; it takes some minutes.
#[test]
#[ignore = "it makes the table of docs/protocol.md"]
fn table_of_deadlocks() {
    for row in rows(|_, _, _, spec| format!("{} %", deadlocks(spec, 0..SEEDS) * 100 / SEEDS)) {
        println!("{row}");
    }
}

#[test]
fn as_many_files_as_partitions_are_a_deadlock_and_two_more_are_enough() {
    let page = std::fs::read_to_string(top().join("docs/protocol.md")).expect("a page");
    let told = |servers: u64, connections: &str, files: u64| -> u64 {
        let row = page.lines().find(|l| l.starts_with(&format!("| {servers} | {connections} |")));
        let cells: Vec<&str> = row.expect("a row of the table").split('|').map(str::trim).collect();
        cells[files as usize + 1].trim_end_matches(" %").parse().expect("a share")
    };
    rows(|servers, connections, files, spec| {
        let (told, some) = (told(servers, connections, files), 0..3);
        let found = deadlocks(spec, some.clone());
        let what =
            format!("{servers} servers, {connections}, {files} files: {found} of 3, and {told} % are told");
        assert!((told > 0 || found == 0) && (told < 100 || found == 3), "{what}");
        assert!(files < 4 || told == 0, "{what}");
        assert!(files > 2 || told > 90, "{what}");
        String::new()
    });
}
