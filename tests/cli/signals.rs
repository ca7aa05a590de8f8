//! Rows 49 and 50: Ctrl-C and SIGTERM.
#![cfg(unix)]

use super::*;
use std::time::Duration;

/// Sends a signal to a campaign without end, once it runs.
fn interrupted(test: &str, signal: &str, code: i32) {
    let path = file(test, "tiny.yaml", TINY);
    let out = path.with_file_name("out");
    let arguments = ["run", text(&path), "--seeds", "0..=18446744073709551615", "--report-dir", text(&out)];
    let child = command(&arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    // The folder is made just before the first seed.
    for _ in 0..600 {
        if out.exists() {
            break;
        }
        pause(50);
    }
    // Long enough for a first seed on a busy machine.
    pause(3000);
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill starts");
    assert!(sent.success());
    let said = Said::of(&child.wait_with_output().expect("the command ends")).ends(code);
    assert!(
        said.out.contains("INTERRUPTED") && said.out.contains(" of 18446744073709551616"),
        "{}",
        said.out
    );
    let files: Vec<_> = std::fs::read_dir(&out).expect("a folder").flatten().map(|f| f.file_name()).collect();
    assert_eq!(files.len(), 1, "one whole file: {files:?}");
    let report = std::fs::read_to_string(out.join(&files[0])).expect("a report");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["interrupted"], true);
    assert_eq!(report["verdict"], "inconclusive", "most seeds were not run");
    let last = said.out.lines().last().unwrap_or_default();
    let start = format!("mirrorsim run {} --seeds ", text(&path));
    assert!(last.starts_with(&start) && last.contains("..=18446744073709551615 --report-dir"), "{last}");
    assert_eq!(report["exit_code"], code);
    assert!(report["summary"]["verdicts"]["passed"].as_u64() > Some(0), "what was run is there");
}

#[test]
fn an_interrupt_leaves_a_report_and_130() {
    interrupted("interrupt", "-INT", 130);
}

#[test]
fn a_termination_leaves_a_report_and_143() {
    interrupted("terminate", "-TERM", 143);
}

/// A seed that takes long, and what an impatient user sends it: one interrupt, or one after the other until it ends.
fn long_seed(test: &str, impatient: bool) -> (Said, PathBuf) {
    let path = file(test, "long.yaml", &TINY.replace("operations: 20", "operations: 3000000"));
    let out = path.with_file_name("out");
    let child = command(&["run", text(&path), "--report-dir", text(&out)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.expect("the command starts");
    for _ in 0..600 {
        if out.exists() {
            break;
        }
        pause(50);
    }
    // Then the seed has begun.
    pause(1000);
    loop {
        let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        pause(50);
        if !impatient || child.try_wait().expect("a child").is_some() {
            break;
        }
    }
    (Said::of(&child.wait_with_output().expect("the command ends")), out)
}

#[test]
fn a_long_seed_is_abandoned() {
    let (said, out) = long_seed("abandoned", false);
    said.ends(130);
    let report = std::fs::read_to_string(out.join("tiny-1.interrupted.json")).expect("a report");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["abandoned"], serde_json::json!(["1"]));
}

#[test]
fn a_second_interrupt_ends_at_once() {
    let (said, out) = long_seed("second", true);
    let said = said.ends(130);
    assert_eq!(said.out, "");
    assert_eq!(std::fs::read_dir(out).expect("a folder").count(), 0, "no file is left half written");
}

#[expect(clippy::disallowed_methods, reason = "another process is being waited for")]
pub fn pause(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}
