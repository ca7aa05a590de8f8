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

/// What each lapse is called, first.
const LAPSES: [(&str, &str); 3] = [
    ("X1", "panic: panicked at src/"),
    ("X2", "crash: the stack overflowed"),
    ("X3", "hang: a machine does not come back: no event for 1s of wall time"),
];

/// The event at which the destination does not come back, as traces show it.
const LAST: &str = "destination  <- alpha Forward (1, 4)";

/// Whoever looks at a run sees all of it that there is, and why there is no more.
#[test]
fn a_run_that_is_looked_at_may_end_badly() {
    for (plant, cause) in LAPSES {
        let bent = ["--plant", plant, "--hang-after", "1s"];
        let trace = |more: &[&str]| {
            let said = mirrorsim(&[&["trace", FIRST, "--seed", "1"], &bent[..], more].concat()).ends(1);
            said.complains(&format!("error: seed 1: {cause}")).complains("  up to it  ").complains(LAST)
        };
        assert!(trace(&[]).out.trim_end().ends_with(LAST));
        assert_eq!(trace(&["--to", "5s", "--state", "--limit", "0"]).out, "");
        let found = &trace_json(&bent)[0];
        assert_eq!((&found["type"], &found["exit_code"]), (&"error".into(), &1.into()), "{found}");
        assert!(found["what"].as_str().is_some_and(|w| w.contains(cause)), "{found}");
        assert_eq!(found["last_events"].as_array().map(Vec::len), Some(12));
        let diff = |more: &[&str]| {
            let all = [&["diff", FIRST, "--seed", "1", "--hang-after", "1s"], more].concat();
            mirrorsim(&all).ends(1).says(&format!("B ended there: {cause}"))
        };
        diff(&["--plant-b", plant]).says(LAST).says("(it had ended)");
        diff(&["--plant", plant]).says("the same in every event, 164 of them\nA ended there: ");
    }
}

/// The JSON of a look behind the lapse.
fn trace_json(bent: &[&str]) -> Vec<Value> {
    let look = ["trace", FIRST, "--seed", "1", "--to", "5s", "--state", "--limit", "0"];
    let said = mirrorsim(&[&look, bent, &["--message-format", "json"]].concat()).ends(1);
    said.objects()
}

/// Before that moment there is nothing wrong.
#[test]
fn a_run_is_looked_at_before_it_ends_badly() {
    for (plant, cause) in LAPSES {
        let bent = ["--plant", plant, "--hang-after", "1s"];
        let run = mirrorsim(&[&["run", FIRST, "--seed", "1", "--no-report"], &bent[..]].concat()).ends(1);
        let token = run.out.lines().last().unwrap_or_default().trim_start_matches("mirrorsim replay ");
        let replay = |more: &[&str]| mirrorsim(&[&["replay", token, "--hang-after", "1s"], more].concat());
        replay(&["--until", "160"]).ends(0).says("how everything stands after event ");
        replay(&["--until", "5s"]).ends(1).complains(&format!("error: seed 1: {cause}")).complains(LAST);
        replay(&["--until", "5s", "--trace"]).ends(1).complains(cause);
        let said = replay(&["--trace"]).ends(1).says("reproduced").says(&format!("cause       {cause}"));
        assert!(said.out.contains(&format!("    163    0.012056287 {LAST}\n")), "{}", said.out);
        let trace = [&["trace", FIRST, "--seed", "1", "--to", "160", "--state"], &bent[..]].concat();
        mirrorsim(&trace).ends(0).says("how everything stands after event ");
    }
}

#[test]
fn images_of_a_run_that_ends_badly_are_none() {
    let out = scratch("lapse_images");
    let run = ["run", FIRST, "--seed", "1", "--no-report", "--export-images", text(&out)];
    for (plant, cause) in LAPSES {
        let said = mirrorsim(&[&run[..], &["--plant", plant, "--hang-after", "1s"]].concat()).ends(1);
        said.says(&format!("cause       {cause}"));
    }
}

/// A reader that takes its time is nobody's hang, and one that has seen enough ends the run.
#[cfg(target_os = "linux")]
#[test]
fn a_trace_waits_for_its_reader_and_ends_with_it() {
    use std::io::{BufRead, BufReader, Read};
    let long = file("lapse_reader", "long.yaml", &TINY.replace("operations: 20", "operations: 200000"));
    let start = |scenario: &str| {
        let child = command(&["trace", scenario, "--hang-after", "1s"]).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("the command starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped"));
        let mut first = String::new();
        lines.read_line(&mut first).expect("a line");
        assert!(first.contains("      0    0.000000000 "), "{first}");
        pause(2500);
        (child, lines)
    };
    let (mut child, mut lines) = start("scenarios/smoke/two_sources.yaml");
    let mut all = String::new();
    lines.read_to_string(&mut all).expect("text");
    assert!(child.wait().expect("it ends").success() && all.lines().count() > 10_000);
    let (mut child, lines) = start(text(&long));
    let workers = children(child.id());
    assert_eq!(workers.len(), 1, "one run, one worker");
    drop(lines);
    assert!(child.wait().expect("it ends").success(), "it is calm");
    assert!(is_gone(&workers[0]), "nobody runs for nobody");
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

/// Whether a process has ended. It may still be listed then: the first process of a container often waits for no orphan.
#[cfg(target_os = "linux")]
fn is_gone(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_none_or(|state| matches!(state.trim().chars().next(), None | Some('Z' | 'X')))
}

/// Ends a command whose only seed hangs, and looks whether any of so many workers stays behind.
#[cfg(target_os = "linux")]
fn ended_by(signal: &str, code: Option<i32>, arguments: &[&str], expected: usize) {
    let child = command(&[arguments, &[FIRST, "--seed", "1", "--plant", "X3"]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut workers = Vec::new();
    for _ in 0..600 {
        workers = children(child.id());
        if workers.len() == expected {
            break;
        }
        pause(50);
    }
    assert_eq!(workers.len(), expected, "one run, one worker");
    pause(500);
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill starts");
    assert!(sent.success());
    let output = child.wait_with_output().expect("the command ends");
    assert_eq!(output.status.code(), code, "{}", String::from_utf8_lossy(&output.stderr));
    let gone = || workers.iter().all(|worker| is_gone(worker));
    for _ in 0..200 {
        if gone() {
            break;
        }
        pause(50);
    }
    assert!(gone(), "workers go with their parent");
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_ends_a_seed_that_hangs() {
    ended_by("-INT", Some(130), &["run", "--no-report"], 1);
}

#[cfg(target_os = "linux")]
#[test]
fn workers_outlive_nobody() {
    ended_by("-KILL", None, &["run", "--no-report"], 1);
}

#[cfg(target_os = "linux")]
#[test]
fn whoever_looks_at_a_run_that_hangs_may_leave() {
    for (arguments, workers) in
        [(&["trace"][..], 1), (&["trace", "--to", "5s", "--state", "--limit", "0"], 1), (&["diff"], 2)]
    {
        // Not SIGINT: who starts something in the background may have it ignored, and these have no handler of their own.
        ended_by("-TERM", None, arguments, workers);
        ended_by("-KILL", None, arguments, workers);
    }
}

#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "another process is being waited for")]
fn pause(milliseconds: u64) {
    std::thread::sleep(std::time::Duration::from_millis(milliseconds));
}
