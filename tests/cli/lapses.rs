//! Row 60: a seed that panics, overflows the stack or never comes back is recorded, and the others go on.

use super::*;
use serde_json::Value;

/// Runs seeds 1 to 8 with a lapse that some of them meet; the verdict, oracle and last events of each.
fn run(plant: &str) -> Vec<(String, String, Vec<Value>)> {
    let arguments = ["run", FIRST, "--seeds", "1..=8", "--plant", plant, "--no-report", "--check", "end"];
    let more = ["--hang-after", "2s", "--message-format", "json"];
    let objects = mirrorsim(&[&arguments[..], &more].concat()).ends(1).objects();
    let runs = objects.iter().filter(|o| o["type"] == "run").map(|o| &o["run"]);
    let words = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    runs.map(|r| {
        let events = r["last_events"].as_array().cloned().unwrap_or_default();
        (words(&r["verdict"]), words(&r["failures"][0]["oracle"]), events)
    })
    .collect()
}

fn check(plant: &str, oracle: &str) {
    let runs = run(plant);
    assert_eq!(runs.len(), 8, "{runs:?}");
    let red: Vec<_> = runs.iter().filter(|(verdict, ..)| verdict != "passed").collect();
    assert!(!red.is_empty() && red.len() < 8, "{runs:?}");
    for (verdict, by, events) in red {
        assert_eq!((verdict.as_str(), by.as_str()), ("failed", oracle));
        let last = events.last().and_then(Value::as_str).unwrap_or_default();
        assert!(events.len() == 12 && last.contains("destination  <- alpha Forward"), "{events:?}");
    }
}

#[test]
fn a_panic_is_one_seed_s_failure() {
    check("X1", "panic");
}

#[test]
fn a_stack_that_overflows_is_one_seed_s_failure() {
    check("X2", "crash");
}

#[test]
fn a_machine_that_does_not_come_back_is_one_seed_s_failure() {
    check("X3", "hang");
}

#[test]
fn a_crash_is_replayed() {
    let said = mirrorsim(&["run", FIRST, "--seed", "1", "--plant", "X2", "--no-report"]).ends(1);
    let said = said.says("cause       crash: the stack overflowed").says("up to it");
    let token = said.out.lines().last().unwrap_or_default().trim_start_matches("mirrorsim replay ");
    mirrorsim(&["replay", token]).ends(1).says("reproduced").says("crash: the stack overflowed");
}

#[cfg(unix)]
#[test]
fn a_trace_comes_up_to_the_crash() {
    let said = mirrorsim(&["trace", FIRST, "--seed", "1", "--plant", "X2"]);
    assert_eq!(said.code, -1, "it dies of a signal: {}", said.err);
    let last = said.out.lines().last().unwrap_or_default();
    assert!(last.contains("destination  <- alpha Forward"), "{last}");
}

#[test]
fn lapses_are_in_no_list() {
    let said = mirrorsim(&["list", "--planted"]).ends(0);
    assert!(!said.out.contains("X1") && !said.out.contains("X2"), "{}", said.out);
}

/// Processes whose parent is this one.
#[cfg(target_os = "linux")]
pub fn children(of: u32) -> Vec<String> {
    let stat = |pid: &str| std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let parent =
        |pid: &str| stat(pid).rsplit(')').next().and_then(|s| s.split_whitespace().nth(1)?.parse().ok());
    let all = std::fs::read_dir("/proc").expect("processes").flatten();
    all.filter_map(|e| e.file_name().into_string().ok()).filter(|pid| parent(pid) == Some(of)).collect()
}

/// Ends a command whose only seed hangs, and looks whether anything stays behind.
#[cfg(target_os = "linux")]
fn ended_by(signal: &str, code: Option<i32>) {
    let child = command(&["run", FIRST, "--seed", "1", "--plant", "X3", "--no-report"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut workers = Vec::new();
    for _ in 0..600 {
        workers = children(child.id());
        if !workers.is_empty() {
            break;
        }
        pause(50);
    }
    assert_eq!(workers.len(), 1, "one seed, one worker");
    pause(500);
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill starts");
    assert!(sent.success());
    let output = child.wait_with_output().expect("the command ends");
    assert_eq!(output.status.code(), code, "{}", String::from_utf8_lossy(&output.stderr));
    let gone = || !Path::new("/proc").join(&workers[0]).exists();
    for _ in 0..200 {
        if gone() {
            break;
        }
        pause(50);
    }
    assert!(gone(), "the worker goes with its parent");
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_ends_a_seed_that_hangs() {
    ended_by("-INT", Some(130));
}

#[cfg(target_os = "linux")]
#[test]
fn workers_outlive_nobody() {
    ended_by("-KILL", None);
}

#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "another process is being waited for")]
fn pause(milliseconds: u64) {
    std::thread::sleep(std::time::Duration::from_millis(milliseconds));
}
