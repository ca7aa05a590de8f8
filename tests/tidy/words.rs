//! Words that must not stand in code, each with what to use instead. Comments may name them.

use super::{files, none};

/// What decides: the protocol, and all that a run is made of.
const SIMULATED: &[&str] = &["src", "sim/engine/src", "sim/oracle/src", "sim/world/src", "sim/planted/src"];
/// What stands between the two: it makes specs and campaigns, and reads files.
const BETWEEN: &[&str] = &["sim/scenario/src", "sim/campaign/src", "sim/report/src"];

/// Word, instead.
type Ban = (&'static str, &'static str);

/// Their order changes from process to process.
const UNORDERED: &[Ban] = &[
    ("HashMap", "BTreeMap, or a Vec indexed by a small number"),
    ("HashSet", "BTreeSet, or a sorted Vec"),
    ("RandomState", "xxh3 with a fixed seed"),
];

/// They bring in what is not in the seed.
const FOREIGN: &[Ban] = &[
    ("Instant", "the virtual time that the caller passes in"),
    ("SystemTime", "the virtual time that the caller passes in"),
    ("thread_rng", "Decisions, with a site of its own"),
    ("OsRng", "Decisions, with a site of its own"),
    ("getrandom", "Decisions, with a site of its own"),
    ("rand::rng", "Decisions, with a site of its own"),
    ("std::thread", "an event; threads are the campaign's"),
    ("std::env", "a field of Spec or Options"),
    ("std::fs", "a device of the engine"),
    ("std::net", "a link of the engine"),
    ("std::process", "a value that says so to the caller"),
    ("println!", "the trace, or a finding; printing is the command's"),
    ("print!", "the trace, or a finding; printing is the command's"),
    ("dbg!", "the trace"),
];

/// Their rounding may differ between targets, and sums depend on their order.
const FLOATS: &[Ban] =
    &[("f32", "integers; Chance for a probability"), ("f64", "integers; Chance for a probability")];

/// Whether `line` has `word`, and not only as a part of a longer name.
fn has(line: &str, word: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let after = line[at + word.len()..].chars().next();
        !line[..at].ends_with(inner) && !after.is_some_and(inner)
    })
}

/// Fails if shipped code below `folders` has one of the words.
#[track_caller]
fn ban(folders: &[&str], words: &[Ban]) {
    let mut found = Vec::new();
    for file in folders.iter().flat_map(|f| files(f, &[".rs"])) {
        for (number, line) in file.shipped() {
            for (word, instead) in words.iter().filter(|(w, _)| has(line, w)) {
                found.push(format!("{}:{number}: `{word}`; instead: {instead}", file.path));
            }
        }
    }
    none("words that must not stand here", &found);
}

#[test]
fn nothing_that_decides_depends_on_the_order_of_hashing() {
    ban(SIMULATED, UNORDERED);
    ban(BETWEEN, UNORDERED);
}

#[test]
fn nothing_that_decides_looks_at_the_machine() {
    ban(SIMULATED, FOREIGN);
}

#[test]
fn nothing_that_decides_uses_floating_point() {
    ban(SIMULATED, FLOATS);
    ban(&["sim/scenario/src"], FLOATS);
}

#[test]
fn only_the_command_prints() {
    let words = ["println!", "print!", "eprintln!", "eprint!", "dbg!"];
    ban(BETWEEN, &words.map(|w| (w, "an event that the command shows")));
}

#[test]
fn one_file_below_the_command_looks_at_a_clock() {
    for folder in BETWEEN {
        let clocks = files(folder, &[".rs"])
            .into_iter()
            .filter(|f| f.shipped().iter().any(|(_, l)| has(l, "Instant") || has(l, "SystemTime")));
        let clocks: Vec<String> =
            clocks.map(|f| f.path).filter(|p| p != "sim/campaign/src/wall.rs").collect();
        none("use `mirrorsim_campaign::Clock` instead of a clock here", &clocks);
    }
}

#[test]
fn the_protocol_is_no_std() {
    let words = [("std", "core or alloc"), ("println!", "an effect")];
    let mut found = Vec::new();
    for file in files("src", &[".rs"]) {
        let mut test_only = false;
        for (number, line) in file.shipped() {
            let bad =
                words.iter().filter(|(w, _)| has(line, w) && !line.contains("#![no_std]") && !test_only);
            found.extend(bad.map(|(w, i)| format!("{}:{number}: `{w}`; instead: {i}", file.path)));
            test_only = line.trim() == "#[cfg(test)]";
        }
    }
    none("std in the protocol", &found);
    assert!(super::file("src/lib.rs").text.contains("#![no_std]"), "src/lib.rs is not `no_std` any more");
}

#[test]
fn the_engine_has_never_heard_of_mirroring() {
    let ours = ["mirror", "mirrors", "destination", "partition", "partitions", "SyncRequest", "volume"];
    ban(&["sim/engine/src"], &ours.map(|w| (w, "a word of devices, links and events")));
}

#[test]
fn words_are_found_whole() {
    assert!(has("use std::fs;", "std::fs") && has("Instant::now()", "Instant"));
    assert!(!has("Instantly", "Instant") && !has("my_f64", "f64"));
}
