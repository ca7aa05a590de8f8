//! Repros: one file with a scenario and the record of its failing run; what a campaign makes of failures; the corpus.

use super::{FIRST, Said, command, file, mirrorsim, scratch, text, top};
use mirrorsim_campaign::{Repro, Token};
use mirrorsim_world::outcome::Verdict;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A repro of P10 in a folder of its own, and the scenario that it was made of.
fn repro(test: &str) -> (PathBuf, PathBuf) {
    let scenario = std::fs::read_to_string(top().join(FIRST)).expect("a scenario");
    let path = file(test, "origin.yaml", &scenario);
    let small = path.with_file_name("small.yaml");
    mirrorsim(&["shrink", text(&path), "--seed", "1", "--plant", "P10", "--out", text(&small)]).ends(0);
    (small, path)
}

#[test]
fn a_damaged_repro_is_refused_with_the_place() {
    let (small, _) = repro("repro_damaged");
    let whole = std::fs::read_to_string(&small).expect("a repro");
    let other = small.with_file_name("other.yaml");
    let replay = |content: &str| {
        std::fs::write(&other, content).expect("written");
        mirrorsim(&["replay", text(&other)]).ends(2)
    };
    let line = whole.lines().position(|l| l.starts_with("sources:")).expect("sources") + 1;
    replay(&whole.replace("sources:", "source5:"))
        .complains(&format!("other.yaml:{line}:1: the repro is damaged at byte "))
        .complains("mirrorsim run");
    replay(&whole[..whole.len() - 30]).complains("the repro is damaged: it ends too early");
    replay("").complains("there is no record of a failing run in it");
    replay("schema: 1\n").complains("mirrorsim shrink");
    replay(&whole.replace("#= repro 1,", "#= repro 7,")).complains("the repro is damaged");
    mirrorsim(&["replay", "no_such_file.yaml"]).ends(2).complains("cannot read the repro");
    mirrorsim(&["replay", text(&small), "--scenario", FIRST]).ends(2).complains("--scenario is for a token");
}

#[test]
fn an_edited_origin_is_mentioned_and_what_the_repro_has_is_run() {
    let (small, origin) = repro("repro_edited");
    mirrorsim(&["replay", text(&small)]).ends(1).says("reproduced, same digest");
    // As a scenario it runs without its bug, which is said.
    let run = ["run", text(&small), "--no-report"];
    mirrorsim(&run).ends(0).says("PASSED").complains("small.yaml is a repro that was made with P10 planted");
    let bent = mirrorsim(&[&run[..], &["--plant", "P10"]].concat()).ends(1);
    assert!(!bent.err.contains("is a repro"), "{}", bent.err);
    // Whoever edits it damages the record, and still has no sound scenario.
    let own = std::fs::read_to_string(&small).expect("a repro");
    let edited = small.with_file_name("edited.yaml");
    std::fs::write(&edited, own.replacen("# What happens:", "# What happened:", 1)).expect("written");
    mirrorsim(&["run", text(&edited), "--no-report"])
        .ends(0)
        .complains("edited.yaml --plant P10` runs it with");
    let bare: Vec<&str> = own.lines().filter(|line| !line.starts_with("#= sums")).collect();
    std::fs::write(&edited, bare.join("\n") + "\n").expect("written");
    mirrorsim(&["replay", text(&edited)]).ends(2).complains("the lines `#= sums` above this one are missing");
    let edited = std::fs::read_to_string(&origin).expect("a scenario") + "# edited\n";
    std::fs::write(&origin, edited).expect("written");
    let said = mirrorsim(&["replay", text(&small)]).ends(1).says("reproduced, same digest");
    said.complains("origin.yaml was edited since this repro was made of it");
}

fn campaign(out: &Path, more: &[&str]) -> Vec<String> {
    let all = [
        "campaign",
        FIRST,
        "scenarios/smoke/two_sources.yaml",
        "--seeds",
        "1..=4",
        "--check",
        "end",
        "--plant",
        "P12",
        "--plant",
        "P13",
    ];
    all.iter().chain(more).map(|w| (*w).to_owned()).chain(["--out".into(), text(out).to_owned()]).collect()
}

fn words(all: &[String]) -> Vec<&str> {
    all.iter().map(String::as_str).collect()
}

#[test]
fn a_campaign_hands_back_a_repro_of_each_cause() {
    let out = scratch("repro_campaign");
    let more = ["--shrink-budget", "10m"];
    let said = mirrorsim(&words(&campaign(&out, &more))).ends(1).says("  cause       steps I16: ");
    let last = said.out.lines().last().expect("a line").to_owned();
    let path = last.strip_prefix("mirrorsim replay ").expect("a line to paste");
    mirrorsim(&["replay", path]).ends(1).says("reproduced, same digest");
    let causes = std::fs::read_to_string(out.join("repros/causes.json")).expect("causes");
    let causes: Vec<Value> = serde_json::from_str(&causes).expect("JSON");
    let kinds = causes.iter().filter_map(|c| c["kinds"].as_array()).flatten();
    let seeds: u64 = kinds.filter_map(|k| k["seeds"].as_u64()).sum();
    assert_eq!(seeds, 8, "every seed has a cause: {causes:?}");
    // Whatever is in the folder is to fail as it did: they are of a planted bug.
    let folder = out.join("repros");
    mirrorsim(&["replay", text(&folder)]).ends(0).says("are as they should be");
}

#[test]
fn known_failures_turn_nothing_red_and_hide_no_new_ones() {
    let out = scratch("repro_known");
    mirrorsim(&words(&campaign(&out, &["--no-shrink"]))).ends(1);
    let report: Value =
        serde_json::from_str(&std::fs::read_to_string(out.join("report.json")).expect("a report"))
            .expect("JSON");
    let failures = report["failures"].as_array().expect("failures");
    let signatures: Vec<&str> = failures.iter().filter_map(|f| f["signature"].as_str()).collect();
    assert!(signatures.len() > 1, "{signatures:?}");
    let all =
        file("repro_known_list", "known.txt", &format!("# known\n{}\ngone I1 #\n", signatures.join("\n")));
    let known = scratch("repro_known_all");
    let (xml, page) = (known.join("junit.xml"), known.join("page.md"));
    let arguments = campaign(&known, &["--known", text(&all), "--junit", text(&xml)]);
    let mut known = command(&words(&arguments));
    known.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", &page);
    let said = Said::of(&known.output().expect("it starts")).ends(0);
    let read = |path: &Path| std::fs::read_to_string(path).expect("written");
    assert!(read(&page).contains("0 passed, 8 failed (all known), "), "{}", read(&page));
    assert!(read(&xml).contains("<system-out>known: ") && !read(&xml).contains("<failure"), "{}", read(&xml));
    said.says("PASSED")
        .says("8 seeds, planted P12, P13: 8 failed (all known)\n")
        .says("  known ")
        .says("known, and not seen any more (line ")
        .says("gone I1 #");
    let some = file("repro_known_some", "known.txt", signatures[0]);
    let more = ["--known", text(&some), "--no-shrink"];
    let said = mirrorsim(&words(&campaign(&scratch("repro_known_one"), &more))).ends(1);
    said.says("  known ").says("  failure ").says(" known)\n");
    // What is known in one scenario is new in another one.
    let one = format!("first_run: {}\n", signatures.join("\nfirst_run: "));
    let one = file("repro_known_scenario", "known.txt", &one);
    let more = ["--known", text(&one), "--no-shrink"];
    let said = mirrorsim(&words(&campaign(&scratch("repro_known_there"), &more))).ends(1);
    let said = said.says("FAILED two_sources ").says("known, and not seen any more (line 2): first_run: ");
    let said = said
        .says("  known       4x, first first_run seed 1: steps")
        .says("  failure     3x, first two_sources seed ");
    assert!(!said.out.contains("FAILED first_run "), "{}", said.out);
    let nowhere = file("repro_known_nowhere", "known.txt", "firstrun: steps I16 #\n");
    let more = ["--known", text(&nowhere), "--no-shrink"];
    let said = mirrorsim(&words(&campaign(&scratch("repro_known_nobody"), &more))).ends(1);
    said.complains("known.txt:1: no scenario here is called firstrun");
    let more = ["--known", "no_such_list.txt"];
    mirrorsim(&words(&campaign(&scratch("repro_known_none"), &more)))
        .ends(2)
        .complains("no_such_list.txt: cannot read");
}

/// Whatever is wrong in a folder is told at once.
#[test]
fn every_damaged_repro_of_a_folder_is_named() {
    let (small, origin) = repro("repro_folder");
    let whole = std::fs::read_to_string(&small).expect("a repro");
    let folder = small.parent().expect("a folder");
    std::fs::remove_file(origin).expect("removed");
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("written");
    write("bent.yaml", &whole.replace("sources:", "source5:"));
    write("cut.yaml", &whole[..whole.len() - 30]);
    write("plain.yaml", "schema: 1\n");
    for all in [
        &["replay", text(folder)][..],
        &["campaign", FIRST, "--seeds", "1..=2", "--regressions", text(folder), "--out", "no/such/folder"],
    ] {
        let said = mirrorsim(all).ends(2);
        assert_eq!(said.err.matches("error: ").count(), 3, "{}", said.err);
        let said =
            said.complains("bent.yaml:").complains("cut.yaml: the repro is damaged: it ends too early");
        said.complains("plain.yaml: this is no repro");
        let objects = mirrorsim(&[all, &["--message-format", "json"]].concat()).ends(2).objects();
        assert_eq!(objects.iter().filter(|o| o["type"] == "error" && o["exit_code"] == 2).count(), 3);
    }
}

/// Lines of a record begin with `#= `; any other comment is one.
#[test]
fn a_scenario_with_a_banner_is_a_scenario() {
    let banner = format!("#==========\n#=  mine =#\n#==========\n{}", super::RED).replace("#= ", "#=\t");
    let path = file("repro_banner", "red.yaml", &banner);
    mirrorsim(&["run", text(&path), "--no-report"]).ends(1);
    mirrorsim(&["diff", text(&path), "--seed", "3"]).ends(0).says("the same in every event, ");
    let small = path.with_file_name("small.yaml");
    mirrorsim(&["shrink", text(&path), "--seed", "3", "--out", text(&small)]).ends(0);
    mirrorsim(&["replay", text(&small)]).ends(1).says("reproduced, same digest");
    mirrorsim(&["replay", text(&path)]).ends(2).complains("this is no repro");
}

#[test]
fn the_corpus_is_as_it_should_be() {
    let said = mirrorsim(&["replay", "scenarios/regressions"]).ends(0);
    said.says("regressions in scenarios/regressions are as they should be");
    mirrorsim(&["replay", text(&scratch("repro_corpus_empty"))])
        .ends(2)
        .complains("no repro below this folder");
}

#[test]
fn what_is_left_of_a_repro_is_run_as_nothing_else() {
    let (small, _) = repro("repro_left");
    let whole = std::fs::read_to_string(&small).expect("a repro");
    let damaged = small.with_file_name("damaged.yaml");
    std::fs::write(&damaged, whole.replace("#= repro", "#= rEpro")).expect("written");
    let line = whole.lines().position(|l| l.starts_with("#= repro")).expect("a record") + 1;
    let place = format!("damaged.yaml:{line}:1: the repro is damaged");
    for all in [
        &["replay", text(&damaged)][..],
        &["diff", text(&damaged), "--seed-b", "2"],
        &["shrink", text(&damaged)],
    ] {
        mirrorsim(all).ends(2).complains(&place);
    }
    let folder = small.parent().expect("a folder");
    for option in
        [&["--until", "5ms"][..], &["--trace"], &["--expect-pass"], &["--force"], &["--scenario", "x"]]
    {
        mirrorsim(&[&["replay", text(folder)], option].concat()).ends(2).complains("is for one run");
    }
}

#[cfg(unix)]
#[test]
fn a_scenario_may_come_through_a_pipe() {
    let out = scratch("repro_pipe");
    std::fs::create_dir_all(&out).expect("a folder");
    let scenario = "schema: 1\nsources: [{name: alpha}]\nclients: [{operations: 5}]\nexpect: [\"acknowledged > 1000\"]\n";
    let piped = file("repro_pipe_file", "red.yaml", scenario);
    let small = out.join("small.yaml");
    let mut shrink = super::command(&["shrink", "/dev/stdin", "--seed", "1", "--out", text(&small)]);
    shrink.stdin(std::fs::File::open(piped).expect("a file"));
    super::Said::of(&shrink.output().expect("it starts")).ends(0);
    mirrorsim(&["replay", text(&small)]).ends(1).says("reproduced, same digest");
}

/// A regression that proves nothing any more does not fail again.
#[test]
fn a_regression_that_became_vacuous_says_so() {
    let idle = "schema: 1\nsources: [{name: alpha}]\nclients: [{operations: 5}]\nfaults: [{when: {stage: sealed, nth: 900}, crash: {node: alpha}}]\n";
    let path = file("repro_vacuous", "idle.yaml", idle);
    let said = mirrorsim(&["run", text(&path), "--seed", "1", "--no-report"]).ends(4);
    let now: Token = said
        .out
        .split_whitespace()
        .rfind(|w| w.starts_with("ms1:"))
        .expect("a token")
        .parse()
        .expect("it is whole");
    let before = Token { verdict: Verdict::Failed, oracle: Some("expect".into()), build: !now.build, ..now };
    let repro = Repro::new(idle.into(), (before.clone(), before), "expect lost == #".into());
    std::fs::write(&path, repro.to_string()).expect("written");
    let folder = path.parent().expect("a folder");
    mirrorsim(&["replay", text(folder)])
        .ends(4)
        .says("it neither fails nor passes any more: vacuous: ")
        .says("0 of 1 regression ");
}

/// A folder that was named once is asked by whoever goes on or merges, too.
#[test]
fn what_a_campaign_replays_first_is_remembered() {
    let red =
        "schema: 1\nsources: [{name: alpha}]\nclients: [{operations: 5}]\nexpect: [\"acknowledged == 3\"]\n";
    let path = file("repro_remembered", "red.yaml", red);
    let folder = path.with_file_name("regressions");
    let small = folder.join("small.yaml");
    mirrorsim(&["shrink", text(&path), "--seed", "1", "--check", "end", "--out", text(&small)]).ends(0);
    let (out, merged) = (scratch("repro_remembered_out"), scratch("repro_remembered_merged"));
    let all =
        ["campaign", FIRST, "--seeds", "1..=2", "--check", "end", "--shard", "1/1", "--out", text(&out)];
    mirrorsim(&[&all[..], &["--regressions", text(&folder)]].concat()).ends(1).says("it fails again");
    mirrorsim(&["campaign", "--resume", "--out", text(&out)]).ends(1).says("it fails again");
    mirrorsim(&["merge", text(&out), "--out", text(&merged)]).ends(1).says("it fails again");
    mirrorsim(&["campaign", "--resume", "--out", text(&merged)]).ends(1).says("it fails again");
}
