//! What a run says, and what it leaves.

use super::*;
use serde_json::Value;

#[test]
fn the_first_run_proves_a_recovery() {
    let out = scratch("first_run");
    let said = mirrorsim(&["run", FIRST, "--report-dir", text(&out)]).ends(0);
    let said = said.says("PASSED").says("byte for byte").says("RPO 0").says("digest ").says("replay ");
    assert!(said.out.lines().count() < 25, "{}", said.out);
    let report = std::fs::read_to_string(out.join("first_run-1.json")).expect("a report");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["verdict"], "passed");
    assert_eq!(report["runs"][0]["seed"], "1");
    assert_eq!(report["environment"]["scenario"]["path"], FIRST);
}

#[test]
fn a_planted_bug_that_is_not_seen_is_not_passed_over() {
    let witness = "P16 was not seen here; it is within";
    mirrorsim(&["run", FIRST, "--plant", "P16", "--no-report"]).ends(0).says(witness);
    mirrorsim(&["run", FIRST, "--plant", "P16", "--seeds", "1..=2", "--no-report"]).ends(0).says(witness);
    let twice = mirrorsim(&["run", FIRST, "--plant", "P10", "--plant", "P10", "--no-report"]).ends(1).out;
    assert!(twice.contains("planted P10\n"), "{twice}");
    mirrorsim(&["run", FIRST, "--data", "no/such", "--no-report"]).ends(2).complains("no such folder");
}

#[test]
fn a_planted_bug_goes_red_on_one_screen() {
    let said = mirrorsim(&["run", FIRST, "--plant", "P10", "--no-report"])
        .ends(1)
        .says("FAILED")
        .says("planted P10");
    assert!(said.out.lines().count() <= 24, "{}", said.out);
    let last = said.out.lines().last().unwrap_or_default();
    assert!(last.starts_with("mirrorsim replay ms1:") && last.contains(":plant=P10:"), "{last}");
}

#[test]
fn a_threshold_that_does_not_hold_is_red() {
    let path = file("threshold", "red.yaml", RED);
    let said = mirrorsim(&["run", text(&path), "--no-report"])
        .ends(1)
        .says("expect: `acknowledged > 1000000` does not hold");
    assert!(said.out.lines().count() <= 24, "{}", said.out);
    assert!(said.out.lines().last().is_some_and(|l| l.starts_with("mirrorsim replay ms1:")), "{}", said.out);
}

#[test]
fn each_red_seed_has_a_line_and_a_replay_line() {
    let path = file("red_seeds", "red.yaml", RED);
    let said = mirrorsim(&["run", text(&path), "--seeds", "3..6", "--no-report"]).ends(1);
    for seed in [3, 4, 5] {
        assert!(said.out.contains(&format!("red seed {seed}: expect")), "{}", said.out);
        assert!(said.out.contains(&format!(":{seed}:")), "{}", said.out);
    }
    said.says("3x, first seed 3");
}

#[test]
fn sets_change_the_scenario() {
    let path = file("sets", "tiny.yaml", TINY);
    let run = |set: &str| mirrorsim(&["run", text(&path), "--no-report", "--set", set]);
    run("clients[0].operations=7").ends(0).says("7 issued");
    run("clients[0].oprations=7").ends(2).complains("operations");
}

#[test]
fn the_number_of_jobs_changes_nothing() {
    let path = file("jobs_change_nothing", "red.yaml", RED);
    let of = |jobs: &str| {
        let said = mirrorsim(&[
            "run",
            text(&path),
            "--seeds",
            "1..=16",
            "--jobs",
            jobs,
            "--no-report",
            "--message-format",
            "json",
        ]);
        let mut objects = said.ends(1).objects();
        for o in &mut objects {
            o["run"]["wall_us"] = Value::Null;
            o["environment"] = Value::Null;
            for wall in ["wall_ms", "busy_ms", "events_per_second", "seeds_per_minute"] {
                o["speed"][wall] = Value::Null;
            }
        }
        objects
    };
    assert_eq!(of("1"), of("7"));
}

#[test]
fn the_check_mode_never_changes_the_digest() {
    let digest = |mode: &str| {
        let said =
            mirrorsim(&["run", FIRST, "--check", mode, "--no-report", "--message-format", "json"]).ends(0);
        said.objects().iter().find_map(|o| o["run"]["digest"].as_str().map(str::to_owned)).expect("a digest")
    };
    let every = digest("every");
    for mode in ["delta", "sampled", "end"] {
        assert_eq!(digest(mode), every, "{mode}");
    }
}

#[test]
fn two_scenarios_of_one_name_get_a_report_each() {
    let folder = scratch("same_name");
    for name in ["a.yaml", "b.yaml"] {
        std::fs::write(folder.join(name), TINY).expect("written");
    }
    let out = folder.join("out");
    mirrorsim(&["run", text(&folder), "--report-dir", text(&out)]).ends(0);
    assert!(out.join("tiny-1.json").is_file() && out.join("tiny-1.2.json").is_file());
}

#[test]
fn a_fault_that_never_takes_effect_makes_a_run_vacuous() {
    let late = "faults: [{when: {stage: sealed, nth: 100000}, crash: {node: alpha}}]\n";
    let path = file("vacuous", "vacuous.yaml", &format!("{TINY}{late}"));
    let said = mirrorsim(&["run", text(&path), "--no-report"]).ends(4).says("VACUOUS");
    said.says("crash at ").says("vacuous.yaml:5 never took effect");
}

#[test]
fn the_last_line_repeats_what_decided_the_exit_code() {
    let open = file("decided_open", "open.yaml", &format!("{TINY}budget: {{events: 100}}\n"));
    let red = file("decided_red", "red.yaml", RED);
    let (both, out) = ([text(&open), text(&red)], scratch("decided"));
    let run = [&["run"], &both[..], &["--seeds", "1..=3", "--no-report"]].concat();
    let seeds = ["--seeds", "1..=3", "--no-shrink", "--out", text(&out)];
    for command in [run, [&["campaign"], &both[..], &seeds].concat()] {
        let said = mirrorsim(&command).ends(1);
        let last = said.out.lines().last().unwrap_or_default();
        assert!(last.starts_with(&format!("mirrorsim replay ms1:{}:1:", text(&red))), "{last}");
    }
}

#[test]
fn a_budget_that_ends_first_leaves_it_open() {
    let path = file("open", "open.yaml", &format!("{TINY}budget: {{events: 100}}\n"));
    mirrorsim(&["run", text(&path), "--no-report"]).ends(5).says("INCONCLUSIVE").says("budget of events");
}

#[test]
fn names_that_are_prefixes_or_reserved_elsewhere_run_right() {
    let sources = "sources: [{name: fs1}, {name: fs11}, {name: nul}]";
    let clients = "clients: [{source: fs1, name: c, operations: 9}, {source: fs11, name: c1, operations: 9}, {source: nul, name: c11, operations: 9}]";
    let path = file("names", "CON.yaml", &format!("schema: 1\nname: CON\n{sources}\n{clients}\n"));
    let out = scratch("names_out");
    mirrorsim(&["run", text(&path), "--report-dir", text(&out)]).ends(0).says("27 issued: 27 acknowledged");
    assert!(out.join("CON-1.json").is_file());
    let trace = |actor: &str| mirrorsim(&["trace", text(&path), "--actor", actor]).ends(0).out;
    assert!(trace("fs1").lines().all(|l| l.split_whitespace().nth(2) == Some("fs1")));
    assert!(!trace("c1").is_empty());
}

#[test]
fn large_seeds_are_not_rounded() {
    let path = file("large_seed", "tiny.yaml", TINY);
    let out = scratch("large_seed_out");
    let seed = "18446744073709551615";
    let arguments =
        ["run", text(&path), "--seed", seed, "--report-dir", text(&out), "--message-format", "json"];
    let objects = mirrorsim(&arguments).ends(0).objects();
    assert!(objects.iter().any(|o| o["run"]["seed"] == seed), "a text, since many readers round numbers");
    let report = std::fs::read_to_string(out.join(format!("tiny-{seed}.json"))).expect("a report");
    assert_eq!(serde_json::from_str::<Value>(&report).expect("JSON")["runs"][0]["seed"], seed);
}

#[test]
fn images_have_the_size_of_their_volumes() {
    let path = file("images", "tiny.yaml", TINY);
    let out = scratch("images_out");
    let said =
        mirrorsim(&["run", text(&path), "--no-report", "--export-images", text(&out)]).ends(0).says("image ");
    let images: Vec<_> = std::fs::read_dir(&out).expect("a folder").flatten().collect();
    assert!(!images.is_empty(), "{}", said.out);
    let sizes: Vec<u64> = images.iter().map(|i| i.metadata().expect("metadata").len()).collect();
    assert!(sizes.iter().all(|s| *s > 0 && s.is_multiple_of(512)), "{sizes:?}");
}

#[test]
fn a_disaster_can_be_put_anywhere() {
    let out = scratch("disaster_out");
    for at in ["15ms", "200"] {
        let said =
            mirrorsim(&["run", FIRST, "--no-report", "--disaster-at", at, "--export-images", text(&out)])
                .ends(0);
        said.says("recovered").says("recovery    alpha: complete").says("exact; RPO");
    }
    for at in ["1000s", "100000000"] {
        mirrorsim(&["run", FIRST, "--no-report", "--disaster-at", at])
            .ends(4)
            .says("the disaster never came");
    }
}

#[test]
fn no_two_images_have_one_name() {
    let path = file(
        "dots",
        "dots.yaml",
        "schema: 1\nsources: [{name: a.b, volumes: [{name: c, size: 64KiB}]}, {name: a, volumes: [{name: b.c, size: 64KiB}]}]\nclients: [{source: a, operations: 4}, {source: a.b, operations: 4}]\n",
    );
    let out = scratch("dots_out");
    mirrorsim(&["run", text(&path), "--no-report", "--export-images", text(&out)]).ends(0);
    assert_eq!(std::fs::read_dir(&out).expect("a folder").count(), 4);
}

#[test]
fn scenarios_are_chosen_by_their_tags() {
    let folder = scratch("tags");
    for (name, tags) in [("a", "corner-1"), ("b", "corner-12, life"), ("c", "corners"), ("d", "life")] {
        let text = TINY.replace("name: tiny", &format!("name: {name}\ntags: [{tags}]"));
        std::fs::write(folder.join(format!("{name}.yaml")), text).expect("written");
    }
    let ran = |tags: &str| {
        let run = ["run", text(&folder), "--tag", tags, "--no-report", "--message-format", "json"];
        let objects = mirrorsim(&run).ends(0).objects();
        let of = |o: &serde_json::Value| o["scenario"].as_str().map(str::to_owned);
        objects.iter().filter(|o| o["type"] == "ended").filter_map(of).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ran("corner"), "a b");
    assert_eq!(ran("corner-1"), "a");
    assert_eq!(ran("life,corner-1"), "a b d");
    let said = mirrorsim(&["run", text(&folder), "--tag", "life,corner-2"]).ends(2);
    said.complains("none of these 4 scenarios has the tag `corner-2`");
}

/// What explains a finding is on the screen and in the report: its own event, with the number that `trace` gives it.
#[test]
fn a_finding_is_shown_with_its_event() {
    let scenario = "scenarios/life/given_back_in_window.yaml";
    let out = scratch("event_of_finding");
    let said =
        mirrorsim(&["run", scenario, "--plant", "F09", "--seed", "1", "--report-dir", text(&out)]).ends(1);
    let said = said.says(" of client c1, slot ");
    let said = said.says(", was answered by the destination, which has handed its clients over");
    let said = said.says("* retired of alpha").says("destination  -> c1 slot ");
    let said = said.says("  recovery    before the finding: alpha: complete");
    let more =
        said.out.lines().find_map(|l| l.split_once("more of it  mirrorsim ")).expect("a line to paste").1;
    let words: Vec<&str> = more.split_whitespace().collect();
    let trace = mirrorsim(&words).ends(0).out;
    let report = std::fs::read_to_string(out.join("given_back_in_window-1+F09.json")).expect("a report");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    let run = &report["runs"][0];
    let event = run["failures"][0]["event"].to_string();
    let shown = run["last_events"].as_array().expect("lines").iter().filter_map(|l| l.as_str());
    let own = shown.clone().find(|l| l.trim_start().starts_with(&event)).expect("the event of the finding");
    assert!(trace.lines().any(|l| l == own), "{own}:\n{trace}");
    let noise = shown.filter(|l| l.ends_with(" done") && *l != own).count();
    assert_eq!(noise, 0, "devices say nothing");
    let token = said.out.lines().last().and_then(|l| l.split(' ').next_back()).expect("a token");
    mirrorsim(&["replay", token]).ends(1).says("* retired of alpha").says("more of it  mirrorsim trace ");
}

#[test]
fn what_a_promise_of_the_readme_is_about_is_on_the_screen() {
    let said = mirrorsim(&["run", "scenarios/life/diverged.yaml", "--no-report"]).ends(0);
    said.says("  alarms      diverged 2x: first at ").says("never in sync again");
}

#[test]
fn an_order_without_effect_says_why() {
    let early = TINY.replace("operations: 20", "operations: 400")
        + "faults:\n  - {at: 1ms, hand_over: {source: alpha}}\n  - {when: {stage: sealed}, recover: {source: alpha, promote: true}}\n";
    let path = file("early_order", "early.yaml", &early);
    let said =
        mirrorsim(&["run", text(&path), "--no-report"]).ends(4).says("VACUOUS").says("vacuous (scenario)");
    said.says("never took effect: it came when alpha serves its clients itself: no server was promoted");
}

#[test]
fn reports_of_other_overrides_have_other_names() {
    let path = file("overrides", "tiny.yaml", TINY);
    let out = path.with_file_name("out");
    let run = |more: &[&str]| {
        mirrorsim(&[&["run", text(&path), "--report-dir", text(&out)], more].concat()).ends(0)
    };
    run(&[]);
    run(&["--check", "end"]);
    run(&["--set", "clients[0].operations=9"]);
    run(&["--disaster-at", "2ms"]);
    let mut names: Vec<String> = std::fs::read_dir(&out)
        .expect("a folder")
        .map(|f| f.expect("a file").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    assert_eq!(names.len(), 4, "{names:?}");
    assert_eq!(names[0], "tiny-1.json");
    assert_eq!(names[2..], ["tiny-1@check=end.json", "tiny-1@disaster-at=2ms.json"]);
}

#[test]
fn scenarios_of_one_name_are_told_apart() {
    let path = file("namesakes", "tiny.yaml", TINY);
    let other = path.with_file_name("other.yaml");
    std::fs::write(&other, TINY).expect("written");
    let said = mirrorsim(&["run", text(&path), text(&other), "--no-report"]).ends(0);
    said.says(&format!("  {}  seed 1", text(&path))).says(&format!("  {}  seed 1", text(&other)));
}

#[test]
fn a_list_of_scenarios_is_run_like_its_files() {
    let path = file("listed", "tiny.yaml", TINY);
    let list = path.with_file_name("rest.txt");
    std::fs::write(&list, format!("{}\n{FIRST}\n", text(&path))).expect("written");
    mirrorsim(&["run", &format!("@{}", text(&list)), "--no-report"]).ends(0).says("2 scenarios");
    mirrorsim(&["run", "@no/such/list", "--no-report"]).ends(2).complains("cannot read this list");
}
