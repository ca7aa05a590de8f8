//! The commands that only show something.

use super::*;

#[test]
fn list_shows_what_there_is() {
    mirrorsim(&["list"]).ends(0).says(FIRST);
    mirrorsim(&["list", "--metrics"]).ends(0).says("acknowledged");
    mirrorsim(&["list", "--stages"]).ends(0).says("sealed");
    mirrorsim(&["list", "--planted"]).ends(0).says("[scenarios/planted/p16_torn_tail.yaml]");
    mirrorsim(&["list", "no/such/folder"]).ends(2).complains("no/such/folder: there is no such folder");
    mirrorsim(&["list", FIRST]).ends(2).complains("there is no such folder");
    let objects = mirrorsim(&["list", "--message-format", "json"]).ends(0).objects();
    assert!(objects.iter().any(|o| o["path"] == FIRST && o["name"] == "first_run"));
}

#[test]
fn what_a_scenario_says_of_itself_cannot_change_the_terminal() {
    let hostile = TINY.replace("schema: 1\n", "schema: 1\nabout: \"one\\e[31mred\\a\"\n");
    let path = file("hostile_about", "tiny.yaml", &hostile);
    let folder = path.parent().expect("a folder");
    for arguments in [["list", text(folder)], ["explain", text(&path)]] {
        let output = command(&arguments).env("CLICOLOR_FORCE", "1").output().expect("the command starts");
        let said = Said::of(&output).ends(0).says("one\\u{1b}[31mred\\u{7}");
        assert!(!said.out.contains(['\u{1b}', '\u{7}']), "{:?}", said.out);
    }
}

#[test]
fn explain_takes_a_scenario_or_a_key() {
    mirrorsim(&["explain", FIRST]).ends(0).says("first_run");
    mirrorsim(&["explain", "sources.link.latency"]).ends(0).says("default");
    mirrorsim(&["explain", "--key", "sources.partition_size"]).ends(0).says("default");
    mirrorsim(&["explain", "sources.link.latncy"]).ends(2).complains("did you mean");
    mirrorsim(&["explain"]).ends(2).complains("Usage: mirrorsim explain");
    mirrorsim(&["explain", "absent.yaml"]).ends(2).complains("absent.yaml");
}

#[test]
fn schemas_are_json() {
    for what in [&["schema"][..], &["schema", "report"]] {
        let said = mirrorsim(what).ends(0);
        let schema: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
        assert!(schema["$schema"].is_string());
    }
    mirrorsim(&["schema", "nonsense"]).ends(2);
}

#[test]
fn new_writes_a_scenario_that_runs_and_never_writes_over_one() {
    let path = scratch("new").join("mine.yaml");
    mirrorsim(&["new", text(&path)]).ends(0).says("mirrorsim run");
    mirrorsim(&["check", text(&path)]).ends(0).says("ok");
    mirrorsim(&["run", text(&path), "--no-report"]).ends(0);
    std::fs::write(&path, "mine").expect("written");
    mirrorsim(&["new", text(&path)]).ends(2).complains("exists already");
    assert_eq!(std::fs::read_to_string(&path).expect("read"), "mine");
    mirrorsim(&["new", text(&path.join("below"))]).ends(3);
}

#[test]
fn a_template_can_be_piped_into_a_run() {
    let template = mirrorsim(&["new"]).ends(0).out;
    fed(&["check", "-"], &template).ends(0);
    fed(&["run", "-", "--no-report"], &template).ends(0).says("PASSED");
    fed(&["run", "-"], "").ends(2).complains("empty");
}

#[test]
fn a_trace_can_be_filtered() {
    let all = mirrorsim(&["trace", FIRST]).ends(0).out;
    assert!(all.lines().count() > 100);
    assert_eq!(mirrorsim(&["trace", FIRST]).ends(0).out, all, "twice the same");
    assert_eq!(mirrorsim(&["trace", FIRST, "--limit", "3"]).ends(0).out.lines().count(), 3);
    let some =
        mirrorsim(&["trace", FIRST, "--actor", "alpha", "--kind", "stage", "--grep", "sealed"]).ends(0).out;
    assert!(
        !some.is_empty() && some.lines().all(|l| l.contains(" alpha ") && l.contains("* sealed")),
        "{some}"
    );
    let part = mirrorsim(&["trace", FIRST, "--from", "10", "--to", "12"]).ends(0).out;
    assert_eq!(part.lines().collect::<Vec<_>>(), all.lines().skip(10).take(3).collect::<Vec<_>>());
    let early = mirrorsim(&["trace", FIRST, "--to", "1ns"]).ends(0).out;
    assert!(!early.is_empty() && all.starts_with(&early));
    let none = mirrorsim(&["trace", FIRST, "--grep", "no such words"]).ends(0);
    assert_eq!(none.out, "");
    none.complains("events passes these filters");
    mirrorsim(&["trace", FIRST, "--from", "9", "--to", "3"]).ends(2).complains("--from is behind --to");
    mirrorsim(&["trace", FIRST, "--from", "9ms", "--to", "3ms"]).ends(2).complains("--from is behind --to");
    mirrorsim(&["trace", FIRST, "--actor", "nobody"]).ends(2).complains("alpha");
    mirrorsim(&["trace", FIRST, "--kind", "nothing"]).ends(2).complains("stage");
    let objects = mirrorsim(&["trace", FIRST, "--limit", "2", "--message-format", "json"]).ends(0).objects();
    assert_eq!(objects[1]["event"], 1);
}

#[test]
fn errors_are_objects_too() {
    let kinds = |arguments: &[&str]| {
        let all = [arguments, &["--message-format", "json"]].concat();
        let said = mirrorsim(&all).ends(2);
        assert_eq!(said.err, "");
        said.objects().iter().map(|o| o["type"].as_str().unwrap_or("?").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&["run", "absent.yaml"]), ["mistake"]);
    assert_eq!(kinds(&["run", FIRST, "--seed", "x"]), ["error"]);
    assert_eq!(kinds(&["replay", "nonsense"]), ["error"]);
}
