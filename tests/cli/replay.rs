//! Tokens: the same again, or a reason why not.

use super::*;

/// The token that a run ends with.
#[track_caller]
fn token(path: &str, code: i32, more: &[&str]) -> String {
    let said = mirrorsim(&[&["run", path, "--no-report"], more].concat()).ends(code);
    let last = said.out.lines().last().unwrap_or_default();
    last.split_whitespace().find(|w| w.starts_with("ms1:")).expect("a token").to_owned()
}

#[test]
fn a_red_run_is_reproduced() {
    let path = file("reproduced", "red.yaml", RED);
    let token = token(text(&path), 1, &["--seed", "7", "--set", "clients[0].operations=9", "--check", "end"]);
    mirrorsim(&["replay", &token]).ends(1).says("reproduced, same digest").says("seed 7").says("9 issued");
    mirrorsim(&["replay", &token, "--expect-pass"]).ends(1);
}

#[test]
fn a_green_run_is_repeated() {
    let path = file("repeated", "tiny.yaml", TINY);
    let token = token(text(&path), 0, &[]);
    mirrorsim(&["replay", &token]).ends(0).says("passed again, same digest");
    mirrorsim(&["replay", &token, "--trace"]).ends(0).says("destination");
}

#[test]
fn what_no_longer_fails_is_no_success() {
    let path = file("repaired", "red.yaml", RED);
    let token = token(text(&path), 1, &[]);
    std::fs::write(&path, RED.replace("1000000", "0")).expect("written");
    mirrorsim(&["replay", &token]).ends(1).says("stale: did not reproduce: passed").says("were edited since");
    mirrorsim(&["replay", &token, "--expect-pass"]).ends(0);
}

#[test]
fn an_edited_scenario_that_still_fails_is_told() {
    let path = file("edited", "red.yaml", RED);
    let token = token(text(&path), 1, &[]);
    std::fs::write(&path, RED.replace("operations: 20", "operations: 21")).expect("written");
    mirrorsim(&["replay", &token]).ends(1).says("reproduced, other digest").says("were edited since");
}

#[test]
fn an_edited_trace_is_told() {
    let scenario = "schema: 1\nsources: [{name: alpha}]\nclients: [{trace: {file: t.log, format: fio}}]\n";
    let path = file("traced", "traced.yaml", scenario);
    let trace = |offset: u32| {
        let lines = format!("fio version 2 iolog\n/dev/a add\n/dev/a open\n/dev/a write {offset} 4096\n");
        std::fs::write(path.with_file_name("t.log"), lines).expect("written");
    };
    trace(0);
    let token = token(text(&path), 0, &[]);
    mirrorsim(&["replay", &token]).ends(0).says("passed again, same digest");
    trace(4096);
    mirrorsim(&["replay", &token])
        .ends(0)
        .says("passed again, other digest")
        .says("its traces were edited since");
}

#[test]
fn a_scenario_may_have_moved() {
    let path = file("moved", "red.yaml", RED);
    let token = token(text(&path), 1, &[]);
    let moved = path.with_file_name("other.yaml");
    std::fs::rename(&path, &moved).expect("renamed");
    mirrorsim(&["replay", &token]).ends(2).complains("red.yaml");
    mirrorsim(&["replay", &token, "--scenario", text(&moved)]).ends(1).says("reproduced");
}

#[test]
fn odd_paths_survive_a_shell() {
    let folder = scratch("odd paths: %41 & 'so on'");
    let path = folder.join("a b:c.yaml");
    std::fs::write(&path, RED).expect("written");
    let token = token(text(&path), 1, &[]);
    assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b":._/-=%".contains(&b)), "{token}");
    mirrorsim(&["replay", &token]).ends(1).says("reproduced");
}

#[test]
fn a_damaged_token_runs_nothing() {
    let path = file("damaged_token", "red.yaml", RED);
    let token = token(text(&path), 1, &[]);
    for bad in [
        &token[..token.len() - 1],
        &token[..20],
        &token.replace(":failed", ":passed"),
        "ms1:",
        "ms7:x:1:2",
        "x",
        "",
    ] {
        let said = mirrorsim(&["replay", bad]).ends(2);
        assert_eq!(said.out, "", "{bad}");
    }
    mirrorsim(&["replay", "ms7:x:1:2"]).ends(2).complains("`ms7`").complains("`ms1`");
}

#[test]
fn another_digest_of_the_same_build_is_nondeterminism() {
    let path = file("nondeterminism", "tiny.yaml", TINY);
    let mut forged: mirrorsim_campaign::Token = token(text(&path), 0, &[]).parse().expect("a token");
    forged.digest ^= 1;
    mirrorsim(&["replay", &forged.to_string()])
        .ends(4)
        .says("nondeterminism")
        .says("the same in every event");
    forged.build ^= 1;
    mirrorsim(&["replay", &forged.to_string()]).ends(0).says("other digest").says("another build");
}

#[test]
fn a_planted_bug_that_is_not_known_is_named() {
    let path = file("unknown_bug", "tiny.yaml", TINY);
    let mut forged: mirrorsim_campaign::Token = token(text(&path), 0, &[]).parse().expect("a token");
    forged.planted.push("P999".into());
    mirrorsim(&["replay", &forged.to_string()]).ends(2).complains("P999");
}

#[test]
fn a_token_from_elsewhere_says_how_to_find_its_scenario() {
    let path = file("elsewhere", "tiny.yaml", TINY);
    let token = token(text(&path), 0, &[]);
    let moved = path.with_file_name("moved.yaml");
    std::fs::rename(&path, &moved).expect("moved");
    mirrorsim(&["replay", &token]).ends(2).complains("cannot read the scenario").complains("--scenario FILE");
    mirrorsim(&["replay", &token, "--scenario", text(&moved)]).ends(0).says("passed again");
}

/// Every event up to there, and nothing behind; then how everything stands, which is not as it was before that.
#[test]
fn a_run_is_looked_at_in_the_middle() {
    let path = file("until", "tiny.yaml", TINY);
    let token = token(text(&path), 0, &[]);
    let trace = mirrorsim(&["trace", text(&path)]).ends(0).out;
    let marked =
        trace.lines().position(|l| l.ends_with("nvram_marked of alpha (1, 1)")).expect("a first record");
    let said = mirrorsim(&["replay", &token, "--until", &marked.to_string(), "--trace"]).ends(0);
    let (events, state) = said.out.split_once("how everything stands after event ").expect("a state");
    assert!(trace.starts_with(events), "{events}");
    let last: usize = state.split(',').next().and_then(|n| n.parse().ok()).expect("a number");
    assert!(last >= marked && events.lines().count() == last + 1, "{marked} {last}");
    let fact = |state: &str, name: &str| {
        let desk = state.split("  destination, mirror alpha\n").nth(1).expect("a desk");
        let line = desk.lines().find(|l| l.trim_start().starts_with(name)).expect("a fact");
        line.trim_start()[name.len()..].trim().to_owned()
    };
    assert_eq!(fact(state, "marked"), "(1, 1)");
    let logged = trace
        .lines()
        .position(|l| l.ends_with("nvram_durable of alpha (1, 1)"))
        .expect("it is durable first");
    let before = mirrorsim(&["replay", &token, "--until", &logged.to_string()]).ends(0).out;
    assert_eq!([fact(&before, "durable"), fact(&before, "marked")], ["(1, 1)", "(0, 0)"]);
    let shown = mirrorsim(&["trace", text(&path), "--to", &marked.to_string(), "--state", "--limit", "0"]);
    assert_eq!(shown.ends(0).out, format!("how everything stands after event {state}"));
    let json = mirrorsim(&["replay", &token, "--until", &marked.to_string(), "--message-format", "json"]);
    let found = &json.ends(0).objects()[0];
    assert_eq!((&found["type"], &found["over"]), (&"state".into(), &false.into()));
    assert_eq!(found["state"]["parts"][3]["facts"]["marked"], "(1, 1)");
}

#[test]
fn a_recovered_mirror_is_told_in_words() {
    let said = mirrorsim(&["trace", FIRST, "--seed", "1", "--to", "1h", "--state"]).ends(0);
    said.says("stands          open, complete, up to (3, ");
}

#[test]
fn a_moment_that_never_comes_is_told() {
    let path = file("until_late", "tiny.yaml", TINY);
    let token = token(text(&path), 0, &[]);
    mirrorsim(&["replay", &token, "--until", "1h"]).ends(0).says("the run was over before that");
    mirrorsim(&["replay", &token, "--until", "99999999"]).ends(0).says("the run was over before that");
    mirrorsim(&["replay", &token, "--until", "0"]).ends(0).says("how everything stands after event");
    mirrorsim(&["replay", &token, "--until", "soon"]).ends(2).complains("want a time such as 20ms");
    std::fs::write(&path, TINY.replace("20", "21")).expect("written");
    mirrorsim(&["replay", &token, "--until", "1ms"]).ends(0).complains("were edited since");
}

#[test]
fn what_came_through_a_pipe_is_replayed_through_a_pipe() {
    let last = fed(&["run", "-", "--no-report"], RED).ends(1).out.lines().last().expect("a line").to_owned();
    let words: Vec<&str> = last.split_whitespace().skip(1).collect();
    fed(&words, RED).ends(1).says("reproduced, same digest");
    fed(&words, TINY).ends(1).says("stale");
    fed(&words, "").ends(2).complains("empty");
}
