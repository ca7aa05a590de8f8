//! Rows 33 to 39 and 58: what can be wrong with arguments.

use super::*;

#[test]
fn nothing_at_all_shows_the_help() {
    mirrorsim(&[]).ends(2).complains("Usage: mirrorsim");
    mirrorsim(&["--help"]).ends(0).says("130  interrupted");
    mirrorsim(&["--version"]).ends(0).says("sources ");
}

#[test]
fn bad_usage_shows_what_is_wanted() {
    mirrorsim(&["run"]).ends(2).complains("Usage: mirrorsim run");
    mirrorsim(&["run", FIRST, "--sede", "1"]).ends(2).complains("--seed");
    mirrorsim(&["run", FIRST, "--seed", "1", "--seed", "2"])
        .ends(2)
        .complains("cannot be used multiple times");
    mirrorsim(&["run", FIRST, "--seed"]).ends(2).complains("a value is required");
    mirrorsim(&["run", FIRST, "--seed", "1", "--seeds", "1..3"]).ends(2).complains("cannot be used with");
    mirrorsim(&["run", FIRST, "--no-report", "--report-dir", "x"]).ends(2).complains("cannot be used with");
    mirrorsim(&["run", FIRST, "--check", "off"]).ends(2).complains("every");
    mirrorsim(&["run", FIRST, "--plant", "P999"]).ends(2).complains("list --planted");
    mirrorsim(&["run", FIRST, "--set", "nonsense"]).ends(2).complains("PATH=VALUE");
    mirrorsim(&["run", FIRST, "--disaster-at", "20parsecs"]).ends(2).complains("20ms");
    mirrorsim(&["dance"]).ends(2).complains("dance");
    for slip in [&["--seed"][..], &["--seeds", "5..3"], &["--check", "off"], &["--seed", "1", "--seed", "2"]]
    {
        mirrorsim(&[&["run", FIRST], slip].concat()).ends(2).complains("Usage: mirrorsim run");
    }
    mirrorsim(&["run", FIRST, "--hang-after", "0s"]).ends(2).complains("such as 60s");
    for few in ["0", "-1", "x"] {
        mirrorsim(&["campaign", FIRST, "--seeds", "1", "--until-stable", few])
            .ends(2)
            .complains(if few == "0" { "want at least 1" } else { "want a whole number" });
    }
}

#[test]
fn json_has_what_is_wrong_and_its_cure_apart() {
    let said = |arguments: &[&str]| {
        let said = mirrorsim(&[arguments, &["--message-format", "json"]].concat()).ends(2).objects();
        let text = |key: &str| said[0][key].as_str().expect("text").to_owned();
        (text("what"), text("help"))
    };
    let (what, help) = said(&["run", FIRST, "--sede", "1"]);
    assert_eq!(what, "unexpected argument '--sede' found");
    assert!(help.starts_with("a similar argument exists: '--seed'\nUsage: mirrorsim run "), "{help}");
    let (what, help) = said(&["run"]);
    assert_eq!(what, "the following required arguments were not provided: <SCENARIO>...");
    assert!(help.starts_with("Usage: mirrorsim run ") && !help.contains("For more"), "{help}");
    let (what, help) = said(&["run", FIRST, "--check", "off"]);
    assert!(what.contains("[possible values: every, ") && help.starts_with("Usage: "), "{what}\n{help}");
    let nowhere = mirrorsim(&["check", "nowhere.yaml", "--message-format", "json"]).ends(2).objects();
    let mistake = &nowhere.iter().find(|o| o["type"] == "mistake").expect("a mistake")["mistake"];
    assert!(mistake["line"].is_null() && mistake["column"].is_null() && mistake["span"].is_null());
}

#[test]
fn what_is_set_is_told_by_its_flag_with_the_wrong_word_underlined() {
    let wrong = "protocol.akk=file";
    let said = mirrorsim(&["run", FIRST, "--no-report", "--set", wrong]).ends(2);
    said.complains("--> --set:1:10").complains("1 | protocol.akk=file\n  |          ^^^ want `ack`");
    // Once, however many scenarios have it.
    let many = |more: &[&str]| {
        mirrorsim(&[&["run", FIRST, "scenarios/smoke/two_sources.yaml", "--set", wrong], more].concat())
            .ends(2)
    };
    assert_eq!(many(&[]).complains("  = note: in 2 scenarios\n").err.matches("--> --set").count(), 1);
    let mistakes = many(&["--message-format", "json"]).objects();
    assert_eq!((mistakes.len(), &mistakes[0]["scenarios"]), (1, &2.into()), "{mistakes:?}");
    let compare = ["compare", FIRST, "--seeds", "1..3", "--set", "protocol.reads=local", "--other", wrong];
    mirrorsim(&compare).ends(2).complains("--> --other:1:10");
    mirrorsim(&["diff", FIRST, "--set", "check=end", "--set-b", wrong]).ends(2).complains("--> --set-b:1:10");
}

#[test]
fn what_cannot_be_read_is_bad_usage_everywhere() {
    let nowhere = |arguments: &[&str]| mirrorsim(arguments).ends(2).complains("/nowhere");
    let out = scratch("nowhere");
    for command in ["run", "check", "replay", "trace", "diff", "shrink"] {
        nowhere(&[command, "/nowhere"]);
    }
    nowhere(&["campaign", "/nowhere", "--seeds", "1..3", "--out", text(&out)]);
    nowhere(&["campaign", "--resume", "--out", "/nowhere"]);
    nowhere(&["compare", "/nowhere", "/nowhere"]);
    nowhere(&["merge", "/nowhere", "--out", text(&out)]).complains("help: name the folders of campaigns");
    nowhere(&["submit", "slurm", "/nowhere", "--seeds", "1..3", "--shards", "2", "--out", text(&out)]);
    nowhere(&["list", "/nowhere"]);
}

#[test]
fn what_was_typed_never_reaches_the_terminal_as_it_is() {
    let hostile = "a\u{1b}[31mb\u{7}";
    for arguments in [
        &["run", hostile][..],
        &["run", FIRST, "--seed", hostile],
        &["run", FIRST, "--set", hostile],
        &["run", FIRST, "--set", "a\u{1b}[31mb=\u{7}"],
        &["run", FIRST, "--report-dir", "Cargo.toml/\u{1b}[31m"],
        &["trace", FIRST, "--actor", hostile],
        &["trace", FIRST, "--kind", hostile],
        &["explain", hostile],
        &["list", hostile],
        &["replay", hostile],
        &["new", "no/\u{1b}[31m"],
        &[hostile],
    ] {
        let output = command(arguments).env("CLICOLOR_FORCE", "1").output().expect("the command starts");
        let said = Said::of(&output);
        assert!(said.code == 2 || said.code == 3, "{arguments:?}: {}", said.err);
        let foreign = |c: char| c.is_control() && c != '\n' && c != '\u{1b}';
        // Our own colors are there by force, and theirs is not.
        assert!(
            !said.err.contains("\u{1b}[31mb") && !said.err.contains(foreign),
            "{arguments:?}: {:?}",
            said.err
        );
    }
}

#[test]
fn what_is_allowed_and_odd_is_told_to_whom_asks() {
    let path =
        file("odd", "odd.yaml", &TINY.replace("{name: alpha}", "{name: alpha, partition_size: 5001B}"));
    let quiet = mirrorsim(&["check", text(&path)]).ends(0);
    assert_eq!(quiet.err, "");
    mirrorsim(&["check", "-v", text(&path)]).ends(0).complains("no multiple of a sector");
    mirrorsim(&["run", "-v", text(&path), "--no-report"]).ends(0).complains("no multiple of a sector");
}

#[test]
fn bad_seeds_are_refused() {
    for bad in ["-1", "18446744073709551616", "0x", " 7 ", "1.0", "٧", "", "1e3", "1_000"] {
        mirrorsim(&["run", FIRST, "--seed", bad]).ends(2);
        mirrorsim(&["run", FIRST, "--seeds", bad]).ends(2);
    }
    mirrorsim(&["run", FIRST, "--seed", "1..3"]).ends(2).complains("--seeds");
    mirrorsim(&["run", FIRST, "--seeds", "5..3"]).ends(2).complains("did you mean 3..5?");
    mirrorsim(&["run", FIRST, "--seeds", "0..0"]).ends(2).complains("empty range");
}

#[test]
fn good_seeds_are_accepted() {
    let path = file("good_seeds", "tiny.yaml", TINY);
    let run = |flag: &str, seeds: &str| mirrorsim(&["run", text(&path), flag, seeds, "--no-report"]).ends(0);
    run("--seed", "0x2A").says("seed 42 ");
    run("--seed", "18446744073709551615").says("seed 18446744073709551615 ");
    run("--seeds", "3..=3").says("seed 3 ");
    run("--seeds", "1..4,3,3").says("3 seeds").complains("seed 3 is named twice");
    run("--seeds", "4,5,6,9").says("4 seeds (4..=6,9)");
}

#[test]
fn the_default_seed_is_told() {
    let path = file("default_seed", "tiny.yaml", TINY);
    mirrorsim(&["run", text(&path), "--no-report"]).ends(0).says("seed 1 (the default)");
}

#[test]
fn jobs_are_at_least_one_and_no_more_than_seeds() {
    let path = file("jobs", "tiny.yaml", TINY);
    for bad in ["0", "-1", "1.5", "many"] {
        mirrorsim(&["run", text(&path), "--jobs", bad]).ends(2);
    }
    mirrorsim(&["run", text(&path), "--no-report", "--jobs", "1000000"])
        .ends(0)
        .complains("1 job instead of 1000000");
}

#[test]
fn a_scenario_named_twice_runs_once() {
    let path = file("twice", "tiny.yaml", TINY);
    let other = path.parent().expect("a folder").join("./tiny.yaml");
    mirrorsim(&["run", text(&path), text(&other), "--no-report"])
        .ends(0)
        .complains("it runs once")
        .says("seed 1 (");
}

#[test]
fn nothing_to_run_is_a_mistake() {
    let folder = scratch("nothing");
    mirrorsim(&["run", text(&folder)]).ends(2).complains("no scenario");
    mirrorsim(&["run", text(&folder.join("*.yaml"))]).ends(2).complains("no file matches");
    mirrorsim(&["run", text(&folder.join("absent.yaml"))]).ends(2).complains("absent.yaml");
}

#[test]
fn a_folder_stands_for_all_scenarios_below() {
    let folder = scratch("folder");
    std::fs::create_dir(folder.join("deep")).expect("a folder");
    for name in ["b.yaml", "deep/c.yaml", "a.yaml"] {
        std::fs::write(folder.join(name), TINY.replace("name: tiny\n", "")).expect("written");
    }
    std::fs::write(folder.join("notes.txt"), "no scenario").expect("written");
    let said = mirrorsim(&["run", text(&folder), "--no-report"]).ends(0).says("3 scenarios");
    let places = ["  a  ", "  b  ", "  c  "].map(|n| said.out.find(n));
    assert!(places.is_sorted() && places[0].is_some(), "{}", said.out);
}

#[test]
fn a_run_that_would_check_nothing_is_refused() {
    mirrorsim(&["run", FIRST, "--set", "check=off", "--no-report"]).ends(2).complains("check nothing");
    mirrorsim(&["run", FIRST, "--set", "expect=[\"nonsense == 1\"]", "--no-report"])
        .ends(2)
        .complains("unknown metric");
}

#[test]
fn all_mistakes_of_all_files_are_told_and_nothing_runs() {
    let folder = scratch("mistakes");
    std::fs::write(folder.join("a.yaml"), TINY.replace("operations", "oprations")).expect("written");
    std::fs::write(folder.join("b.yaml"), TINY.replace("alpha", "no/name")).expect("written");
    std::fs::write(folder.join("c.yaml"), TINY).expect("written");
    let said = mirrorsim(&["run", text(&folder), "--report-dir", text(&folder.join("out"))]).ends(2);
    let said = said.complains("a.yaml:4").complains("did you mean `operations`?").complains("b.yaml:3");
    assert_eq!(said.out, "");
    assert!(!folder.join("out").exists(), "nothing was run");
    mirrorsim(&["check", text(&folder)])
        .ends(2)
        .says("c.yaml: ok")
        .says("a.yaml: 1 mistake")
        .complains("b.yaml:3");
}

#[test]
fn images_are_of_one_seed() {
    let folder = scratch("images_of_one_seed");
    let dir = text(&folder);
    mirrorsim(&["run", FIRST, "--seeds", "1..3", "--export-images", dir]).ends(2).complains("one seed");
}

#[test]
fn what_has_another_name_elsewhere_is_named() {
    mirrorsim(&["run", FIRST, "--format", "json"]).ends(2).complains("'--message-format'");
}

#[test]
fn a_list_can_be_of_a_tag() {
    let listed = |tag: &str| mirrorsim(&["list", "--tag", tag]).ends(0).out.lines().count();
    assert!(listed("corner-21") > 0 && listed("corner") > listed("corner-21"));
    mirrorsim(&["list", "--tag", "nothing"]).ends(2).complains("has the tag `nothing`");
}
