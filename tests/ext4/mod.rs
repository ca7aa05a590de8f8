//! Recordings of an ext4 file system with a SQLite database, end to end: outside programs judge the exported images.
//! `tests/traces/e2e.py` does the work and tells what it does; without its programs these tests say that they were
//! skipped.

use crate::cli::top;
use std::io::Write;
use std::path::Path;
use std::process::Command;

const SMALL: [&str; 2] =
    ["scenarios/traces/ext4_small.yaml", "tests/data/traces/ext4-sqlite-small.dmlog.zst"];
const SHARED: &str = "scenarios/traces/ext4_sqlite.yaml";
/// Its mkfs is over there.
const SHARED_FIRST: [&str; 2] = ["--first", "40"];

/// Says it where it is seen: the test harness keeps what the printing macros say to itself.
fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: end-to-end test of ext4 images: {why}");
}

/// Runs the script; it must end with success.
#[track_caller]
fn judged(arguments: &[&str]) {
    let module = Command::new("python3").args(["-c", "import sqlite3"]).output();
    if !module.is_ok_and(|o| o.status.success()) {
        return skipped("no python3 with sqlite3");
    }
    let mut command = Command::new("python3");
    command.arg("tests/traces/e2e.py").args(arguments).current_dir(top());
    let output = command.env("MIRRORSIM", env!("CARGO_BIN_EXE_mirrorsim")).output().expect("python3 starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match output.status.code() {
        Some(0) => print!("{out}"),
        Some(3) if err.contains("is not installed") => skipped(err.trim()),
        code => panic!("{arguments:?} ended with {code:?}\n{out}{err}"),
    }
}

/// The recording that does not ship, if the environment says where it is.
fn shared() -> Option<String> {
    let folder = std::env::var_os("MIRRORSIM_DATA").filter(|f| !f.is_empty());
    let path = folder.map(|f| Path::new(&f).join("ext4-sqlite.dmlog.zst")).filter(|p| p.is_file());
    if path.is_none() {
        skipped("ext4-sqlite.dmlog.zst does not ship; MIRRORSIM_DATA names the folder where it is");
    }
    path.and_then(|p| p.to_str().map(str::to_owned))
}

#[test]
fn outside_programs_find_nothing_wrong_with_recovered_images() {
    judged(&SMALL);
}

/// So they would have.
#[test]
fn outside_programs_find_a_planted_bug() {
    judged(&[SMALL[0], SMALL[1], "--plant", "P12"]);
}

#[test]
fn the_shared_recording_is_recovered_and_a_planted_bug_found() {
    let Some(log) = shared() else { return };
    judged(&[&[SHARED, &log][..], &SHARED_FIRST].concat());
    judged(&[&[SHARED, &log, "--plant", "P12"][..], &SHARED_FIRST].concat());
}
