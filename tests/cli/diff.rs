//! `diff`: the first event in which two runs part, and how everything stands there.

use super::{FIRST, RED, TINY, fed, file, mirrorsim, text};

#[test]
fn a_run_is_equal_to_itself() {
    mirrorsim(&["diff", FIRST]).ends(0).says("the same in every event, ");
    let path = file("diff_itself", "tiny.yaml", TINY);
    let said = mirrorsim(&["diff", text(&path), text(&path), "--message-format", "json"]).ends(0);
    let found = &said.objects()[0];
    assert_eq!((&found["type"], &found["difference"]), (&"diff".into(), &serde_json::Value::Null));
    assert!(found["same"].as_u64().is_some_and(|n| n > 100), "{found}");
}

/// The first event that differs is the one that the two traces show, and so are the events before it.
#[test]
fn the_first_event_that_differs_is_named_with_both_sides_and_what_came_before() {
    let said = mirrorsim(&["diff", FIRST, "--plant-b", "P10", "--context", "2"]).ends(1);
    let trace = |more: &[&str]| {
        let said = mirrorsim(&[&["trace", FIRST], more].concat()).ends(0).out;
        said.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (sound, bent) = (trace(&[]), trace(&["--plant", "P10"]));
    let first = sound.iter().zip(&bent).position(|(a, b)| a != b).expect("a difference");
    let said = said.says(&format!("the same in {first} events; they part at event {first}, "));
    let said = said.says(&format!("  {}\n  {}\n", sound[first - 2], sound[first - 1]));
    let said = said.says(&format!("A {}\nB {}\n", sound[first], bent[first]));
    said.says("before it both stand alike\n")
        .says("after it they stand differently\n  destination -> alpha\n");
}

#[test]
fn another_value_is_seen_where_it_first_matters() {
    let path = file("diff_value", "tiny.yaml", TINY);
    let value = "sources.alpha.link.latency=7ms";
    let said = mirrorsim(&["diff", text(&path), "--set-b", value]).ends(1);
    said.says(&format!("B  {} --seed 1 --set {value}", text(&path))).says("Hello");
    // What is said for both is no difference, and what is said of B takes its place.
    mirrorsim(&["diff", text(&path), "--set", value]).ends(0);
    mirrorsim(&["diff", text(&path), "--set", value, "--set-b", value]).ends(0);
    mirrorsim(&["diff", text(&path), "--seed", "3", "--seed-b", "4"]).ends(1).says("--seed 4");
    mirrorsim(&["diff", text(&path), "--seed", "3", "--seed-b", "3"]).ends(0);
}

#[test]
fn a_run_that_ends_earlier_is_told() {
    let path = file("diff_end", "tiny.yaml", TINY);
    let said = mirrorsim(&["diff", text(&path), "--plant-b", "X1", "--seed", "5"]).ends(1);
    said.says("(it had ended)\nB ended there: panic: panicked at src/");
}

#[test]
fn tokens_are_runs_too() {
    let path = file("diff_tokens", "red.yaml", RED);
    let said = mirrorsim(&["run", text(&path), "--seed", "7", "--plant", "P10", "--no-report"]).ends(1);
    let token = said.out.split_whitespace().rfind(|w| w.starts_with("ms1:")).expect("a token").to_owned();
    mirrorsim(&["diff", &token]).ends(0).says("--seed 7 --plant P10");
    mirrorsim(&["diff", &token, "--plant-b", "none"]).ends(1).says("ForwardAck");
    mirrorsim(&["diff", &token, text(&path), "--seed", "7"]).ends(1).says("ForwardAck");
    mirrorsim(&["diff", &token, text(&path), "--seed", "7", "--plant", "P10"]).ends(0);
    mirrorsim(&["diff", &token, "--seed", "8"]).ends(2).complains("--seed is for a scenario");
    let small = path.with_file_name("small.yaml");
    mirrorsim(&["shrink", &token, "--out", text(&small)]).ends(0);
    mirrorsim(&["diff", text(&small), "--plant-b", "none"]).ends(1).says("--plant P10").says("B  ");
    mirrorsim(&["diff", text(&small), "--seed", "1"]).ends(2).complains("--seed is for a scenario");
    mirrorsim(&["diff", "ms1:no"]).ends(2).complains("damaged");
    mirrorsim(&["diff", text(&path), "--plant-b", "P9999"]).ends(2).complains("no such planted bug");
    mirrorsim(&["diff", text(&path), "--set-b", "clients.slotz=4"]).ends(2).complains("no element `slotz`");
}

#[test]
fn json_has_both_states() {
    let said = mirrorsim(&["diff", FIRST, "--plant-b", "P10", "--message-format", "json"]).ends(1);
    let found = &said.objects()[0];
    let event = found["difference"]["event"].as_u64().expect("an event");
    assert_eq!((found["same"].as_u64(), found["exit_code"].as_u64()), (Some(event), Some(1)));
    assert_eq!(found["before"]["differing"], serde_json::json!([]));
    assert_eq!(found["before"]["one"], found["before"]["other"]);
    assert!(found["before"]["one"]["state"]["events"].as_u64().is_some_and(|n| n <= event));
    let differing = found["after"]["differing"].as_array().expect("a list");
    assert!(!differing.is_empty() && differing.iter().all(|d| d["one"] != d["other"]), "{differing:?}");
}

/// Where one event of the scheduler leads to more in the one run than in the other, both are looked at before it.
#[test]
fn before_they_part_both_stand_alike() {
    for bug in ["P01", "P12", "P22"] {
        let row = mirrorsim_planted::find(bug).expect("a row");
        mirrorsim(&["diff", row.witness, "--plant-b", bug]).ends(1).says("before it both stand alike");
    }
}

/// A pipe can be read once only.
#[test]
fn a_run_may_come_through_a_pipe_and_be_changed() {
    for pipe in if cfg!(unix) { &["-", "/dev/stdin"][..] } else { &["-"] } {
        fed(&["diff", pipe], TINY).ends(0);
        fed(&["diff", pipe, "--seed-b", "2"], TINY).ends(1).says("--seed 2");
        let value = "sources.alpha.link.latency=7ms";
        fed(&["diff", pipe, "--set-b", value], TINY).ends(1).says(value);
    }
    #[cfg(unix)]
    {
        let small = file("diff_pipe", "red.yaml", RED).with_file_name("small.yaml");
        let red = small.with_file_name("red.yaml");
        mirrorsim(&["shrink", text(&red), "--seed", "7", "--out", text(&small)]).ends(0);
        let repro = std::fs::read_to_string(&small).expect("a repro");
        fed(&["diff", "/dev/stdin", "--seed-b", "8"], &repro).ends(1).says("--seed 8");
        // What is behind the most that is read is no scenario of its own.
        let long = format!("{}\n{TINY}", "#".repeat(17 << 20));
        fed(&["diff", "/dev/stdin"], &long).ends(2).complains("is larger than");
    }
}
