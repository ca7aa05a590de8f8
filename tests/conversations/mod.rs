//! Golden conversations: who says what to whom, and what each has reached by then. A story, a command, `----`, and
//! one line an event, without its number and time. `MIRRORSIM_BLESS=1 cargo test conversations` writes them anew;
//! what is committed is the diff, so it has to be read.

use crate::cli::{mirrorsim, top};
use std::path::{Path, PathBuf};

/// Between the command and what it showed.
const RULE: &str = "\n----\n";

fn path(name: &str) -> PathBuf {
    top().join("tests/conversations").join(name).with_extension("txt")
}

/// The story with its command, and what is written below.
fn read(path: &Path) -> (String, String) {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let (head, golden) =
        text.split_once(RULE).unwrap_or_else(|| panic!("{}: no line `----`", path.display()));
    (head.to_owned(), golden.to_owned())
}

/// The last line above the rule, in words.
fn command(head: &str) -> Vec<&str> {
    let line = head.lines().last().unwrap_or_default();
    assert!(line.starts_with("trace "), "the line above `----` is a trace command: {line}");
    line.split_whitespace().collect()
}

/// What the command shows, without number and time: those change with every latency, and nobody reads them.
fn shown(command: &[&str]) -> String {
    let said = mirrorsim(command).ends(0);
    let words = |line: &str| {
        let timed = line.trim_start().split_once(' ').unwrap_or_default().1.trim_start();
        format!("{}\n", timed.split_once(' ').unwrap_or_default().1.trim_end())
    };
    said.out.lines().map(words).collect()
}

/// The first line that differs.
fn difference(golden: &str, now: &str) -> String {
    let (golden, now): (Vec<&str>, Vec<&str>) = (golden.lines().collect(), now.lines().collect());
    let at = golden.iter().zip(&now).position(|(a, b)| a != b).unwrap_or(golden.len().min(now.len()));
    let line = |lines: &[&str]| lines.get(at).map_or("(the end)".to_owned(), |l| (*l).to_owned());
    format!("line {} after `----`:\n  was: {}\n  now: {}", at + 1, line(&golden), line(&now))
}

#[track_caller]
fn check(name: &str) {
    let path = path(name);
    let (head, golden) = read(&path);
    let now = shown(&command(&head));
    assert!(!now.is_empty(), "{name}: the command shows nothing");
    if std::env::var_os("MIRRORSIM_BLESS").is_some() {
        std::fs::write(&path, format!("{head}{RULE}{now}")).expect("written");
    } else if golden != now {
        panic!(
            "{name}: the conversation has changed, {}\nIf that is right: MIRRORSIM_BLESS=1 cargo test conversations, and read the diff.",
            difference(&golden, &now)
        );
    }
    // A story of a run that fails would be a story of something else.
    let (scenario, seed) = (command(&head)[1], value(&command(&head), "--seed"));
    mirrorsim(&["run", scenario, "--seed", seed, "--no-report"]).ends(0);
}

fn value<'a>(command: &[&'a str], flag: &str) -> &'a str {
    command.windows(2).find(|w| w[0] == flag).map_or_else(|| panic!("no {flag}"), |w| w[1])
}

#[test]
fn three_writes_and_a_disaster() {
    check("three_writes");
}

#[test]
fn a_full_partition_is_applied_on_both_sides() {
    check("partition_full");
}

#[test]
fn a_crash_between_file_flush_and_nvram_removal_appends_nothing_twice() {
    check("crash_before_removal");
}

#[test]
fn a_torn_tail_is_cut_off_and_written_again() {
    check("torn_tail");
}

#[test]
fn sync_request_and_sync_done_may_be_lost() {
    check("sync_request_lost");
}
