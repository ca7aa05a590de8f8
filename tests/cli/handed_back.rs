//! What a campaign hands back of its failures, and what it says to whom: nothing is lost, nothing is hidden.

use super::{FIRST, Said, command, file, mirrorsim, scratch, text, top};
use serde_json::Value;
use std::path::Path;

/// A scenario that does not come up to what it expects.
fn short_of(expect: &str, more: &str) -> String {
    format!(
        "schema: 1\nname: same\nsources: [{{name: alpha}}]\nclients: [{{operations: 5}}]\nexpect: [\"{expect}\"]\n{more}"
    )
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).expect("a file")).expect("JSON")
}

#[test]
fn two_kinds_of_one_name_have_a_repro_each_and_a_second_resume_makes_none_anew() {
    let one = file("back_one", "same.yaml", &short_of("acknowledged == 3", ""));
    let other = file("back_other", "same.yaml", &short_of("lost == 7", ""));
    let out = scratch("back_names");
    let all =
        ["campaign", text(&one), text(&other), "--seeds", "1..2", "--check", "end", "--out", text(&out)];
    mirrorsim(&all).ends(1);
    let causes = json(&out.join("repros/causes.json"));
    let kinds: Vec<&Value> =
        causes.as_array().expect("causes").iter().flat_map(|c| c["kinds"].as_array()).flatten().collect();
    assert_eq!(kinds.len(), 2, "{causes}");
    for kind in kinds {
        let (path, message) =
            (kind["path"].as_str().expect("a path"), kind["message"].as_str().expect("a message"));
        mirrorsim(&["replay", path]).ends(1).says("reproduced, same digest").says(message);
    }
    let times = || {
        let files = std::fs::read_dir(out.join("repros")).expect("repros").flatten();
        let mut all: Vec<_> = files
            .filter(|f| f.file_name() != "causes.json")
            .map(|f| f.metadata().and_then(|m| m.modified()).ok())
            .collect();
        all.sort();
        all
    };
    let before = times();
    mirrorsim(&["campaign", "--resume", "--out", text(&out)]).ends(1).says("  cause  ");
    assert_eq!(times(), before);
    // One that was cut short is reduced again, and no other.
    let path = out.join("repros/causes.json");
    let text_of = || std::fs::read_to_string(&path).expect("causes");
    let whole = text_of();
    std::fs::write(&path, whole.replacen("\"cut_short\": false", "\"cut_short\": true", 1)).expect("written");
    mirrorsim(&["campaign", "--resume", "--out", text(&out)]).ends(1).says("  cause  ");
    assert_eq!(text_of(), whole);
    assert_eq!(times().iter().filter(|time| !before.contains(time)).count(), 1);
}

#[test]
fn the_repro_of_a_trace_finds_its_trace() {
    let recording = top().join("tests/data/traces/ext4-sqlite-small.dmlog.zst");
    let folder = scratch("back_trace");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::copy(recording, folder.join("small.dmlog.zst")).expect("a copy");
    let scenario =
        std::fs::read_to_string(top().join("scenarios/traces/ext4_small.yaml")).expect("a scenario");
    let named =
        scenario.lines().find(|l| l.contains("ext4-sqlite-small.dmlog.zst")).expect("the trace").to_owned();
    let near = named
        .replace("../../tests/data/traces/ext4-sqlite-small.dmlog.zst", "small.dmlog.zst")
        .replace("ext4-sqlite-small.dmlog.zst", "small.dmlog.zst");
    let cut = scenario.split("expect:").next().unwrap_or_default().replace(&named, &near);
    let path = folder.join("traced.yaml");
    std::fs::write(&path, format!("{cut}expect: [\"acknowledged == 3\"]\n")).expect("written");
    let out = scratch("back_trace_repro").join("small.yaml");
    let all =
        ["shrink", "traced.yaml", "--seed", "1", "--check", "end", "--budget", "5s", "--out", text(&out)];
    let mut shrink = command(&all);
    let said = Said::of(&shrink.current_dir(&folder).output().expect("it starts")).ends(0);
    // Whatever is said of the result has its place there.
    said.says(&format!("({}:", text(&out)));
    // Wherever it is run from.
    mirrorsim(&["replay", text(&out)]).ends(1).says("reproduced, same digest");
}

#[test]
fn what_is_known_is_red_for_nobody_and_a_run_that_proves_nothing_cannot_be_known() {
    let red = file("back_known_red", "red.yaml", &short_of("acknowledged == 3", ""));
    let known = file("back_known_list", "known.txt", "expect `acknowledged == 3` does not hold: it is ...\n");
    let out = scratch("back_known_campaign");
    let (xml, sarif) = (out.join("junit.xml"), out.join("failures.sarif"));
    let all = [
        "campaign",
        text(&red),
        "--seeds",
        "1..=30",
        "--check",
        "end",
        "--out",
        text(&out),
        "--known",
        text(&known),
        "--fail-fast",
        "--junit",
        text(&xml),
        "--sarif",
        text(&sarif),
        "--jobs",
        "1",
    ];
    let mut on_github = command(&all);
    on_github.env("GITHUB_ACTIONS", "true").env_remove("GITHUB_STEP_SUMMARY");
    let said =
        Said::of(&on_github.output().expect("it starts")).ends(0).says("PASSED").says("30 seeds: 30 failed");
    assert!(
        !said.out.contains("::error") && !said.out.contains("mirrorsim replay ms1:scenarios"),
        "{}",
        said.out
    );
    assert!(std::fs::read_to_string(&xml).expect("XML").contains("failures=\"0\""));
    assert_eq!(json(&sarif)["runs"][0]["results"][0]["suppressions"][0]["kind"], "external");
    // The list is remembered, unless another one is named.
    let (resume, merged) =
        (["campaign", "--resume", "--no-shrink", "--out", text(&out)], scratch("back_known_merged"));
    mirrorsim(&resume).ends(0);
    mirrorsim(&["merge", text(&out), "--no-shrink", "--out", text(&merged)]).ends(0);
    mirrorsim(&[&resume[..], &["--known", "/dev/null"]].concat()).ends(1);
    mirrorsim(&resume).ends(1);
    mirrorsim(&[&resume[..], &["--known", text(&known)]].concat()).ends(0);
    mirrorsim(&resume).ends(0);
    // They take the place of their like, and of nothing else.
    let takes = |junit: &Path, sarif: &Path| {
        let out = scratch("back_known_again");
        let all = ["campaign", text(&red), "--seeds", "1", "--known", text(&known), "--out", text(&out)];
        mirrorsim(&[&all[..], &["--junit", text(junit), "--sarif", text(sarif)]].concat())
    };
    takes(&xml, &sarif).ends(0);
    takes(&red, &sarif)
        .ends(2)
        .complains("red.yaml: there is something else in this file, which would be lost");
    takes(&sarif, &xml).ends(2).complains("which would be lost");
    let same = out.join(".").join("junit.xml");
    takes(&xml, &same).ends(2).complains("--junit and --sarif name the same file");
    let own = scratch("back_known_again").join("results.jsonl.gz");
    takes(&own, &sarif).ends(2).complains("the campaign keeps something else in this file");
    // What is no file takes it as it comes.
    assert!(takes(Path::new("/dev/stdout"), &sarif).ends(0).out.contains("<testsuites "));
    let idle = file(
        "back_idle",
        "idle.yaml",
        &short_of("lost == 0", "faults: [{when: {stage: sealed, nth: 900}, crash: {node: alpha}}]\n"),
    );
    let none = scratch("back_idle_campaign");
    let run = |known: &Path, out: &Path| {
        mirrorsim(&[
            "campaign",
            text(&idle),
            "--seeds",
            "1..3",
            "--check",
            "end",
            "--out",
            text(out),
            "--known",
            text(known),
        ])
        .ends(4)
    };
    run(&known, &none);
    let signature =
        json(&none.join("report.json"))["failures"][0]["signature"].as_str().expect("a signature").to_owned();
    let list = file("back_idle_list", "known.txt", &signature);
    let said = run(&list, &scratch("back_idle_known")).says("  failure ");
    let said = said.says("no failure that can be known: such a run proves nothing (line 1): ");
    assert!(!said.out.contains("not seen any more"), "{}", said.out);
}

#[test]
fn a_regression_is_in_every_report_and_a_corpus_that_is_none_costs_no_folder() {
    let red = file("back_corpus", "red.yaml", &short_of("acknowledged == 3", ""));
    let corpus = scratch("back_corpus_folder");
    std::fs::create_dir_all(&corpus).expect("a folder");
    mirrorsim(&["shrink", text(&red), "--seed", "1", "--out", text(&corpus.join("back.yaml"))]).ends(0);
    let out = scratch("back_corpus_campaign");
    let (xml, sarif) = (out.join("junit.xml"), out.join("failures.sarif"));
    let all = |corpus: &Path, shard: &str, out: &Path| {
        let all = [
            "campaign",
            FIRST,
            "--seeds",
            "1..=2",
            "--check",
            "end",
            "--regressions",
            text(corpus),
            "--out",
            text(out),
        ];
        let shard = if shard.is_empty() { vec![] } else { vec!["--shard".to_owned(), shard.to_owned()] };
        all.map(str::to_owned).into_iter().chain(shard).collect::<Vec<_>>()
    };
    let mut whole = all(&corpus, "", &out);
    whole.extend([
        "--junit".to_owned(),
        text(&xml).to_owned(),
        "--sarif".to_owned(),
        text(&sarif).to_owned(),
    ]);
    let words: Vec<&str> = whole.iter().map(String::as_str).collect();
    let page = file("back_corpus_page", "page.md", "");
    let mut on_github = command(&words);
    on_github.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", &page);
    let said =
        Said::of(&on_github.output().expect("it starts")).ends(1).says("FAILED").says("  regression  ");
    assert!(said.out.starts_with("regression "), "it comes first: {}", said.out);
    said.says(&format!("::error file={},line=", text(&corpus.join("back.yaml"))));
    let page = std::fs::read_to_string(&page).expect("a page");
    assert!(page.contains("Regression ") && page.contains("back.yaml: it fails again: expect: "), "{page}");
    mirrorsim(&["replay", text(&corpus)])
        .ends(1)
        .says("back.yaml: it fails again: expect: ")
        .says("0 of 1 regression ");
    // Nothing else is red.
    let again = format!("mirrorsim replay {}", text(&corpus.join("back.yaml")));
    let alone = |more: &[&str]| {
        let out = scratch("back_corpus_alone");
        let words = all(&corpus, "", &out);
        let words: Vec<&str> = words.iter().map(String::as_str).chain(more.iter().copied()).collect();
        mirrorsim(&words).ends(1)
    };
    assert_eq!(alone(&[]).out.lines().last(), Some(again.as_str()));
    alone(&["--fail-fast"]).says("a regression did not pass (--fail-fast); the rest of the seeds:\n");
    let report = json(&out.join("report.json"));
    assert_eq!(
        (&report["exit_code"], &report["regressions"][0]["exit_code"]),
        (&1.into(), &1.into()),
        "{report}"
    );
    assert!(std::fs::read_to_string(&xml).expect("XML").contains("back.yaml"));
    assert_eq!(json(&sarif)["runs"][0]["results"][0]["ruleId"], "regression");
    // A merge has the last word, whoever ran the first shard.
    let parts = scratch("back_corpus_parts");
    for shard in ["1/2", "2/2"] {
        let words = all(&corpus, shard, &parts);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        mirrorsim(&words).ends(if shard == "1/2" { 1 } else { 0 });
    }
    let merged = scratch("back_corpus_merged");
    let said = mirrorsim(&["merge", text(&parts), "--out", text(&merged), "--regressions", text(&corpus)]);
    assert_eq!(said.ends(1).out.lines().last(), Some(again.as_str()));
    let none = scratch("back_corpus_none");
    let words = all(Path::new("scenarios/smoke"), "", &none);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    mirrorsim(&words).ends(2).complains("there is no record of a failing run in it");
    assert!(!none.join("campaign.json").exists(), "nothing was begun");
}

#[test]
fn the_line_that_goes_on_says_what_decides_the_verdict() {
    let out = scratch("back_rest");
    let known = file("back_rest_list", "known.txt", "expect nothing\n");
    let all = [
        "campaign",
        FIRST,
        "--seeds",
        "1..=100000",
        "--check",
        "end",
        "--out",
        text(&out),
        "--known",
        text(&known),
        "--no-shrink",
        "--budget",
        "300ms",
    ];
    let said = mirrorsim(&all);
    assert!([0, 5].contains(&said.code), "{}", said.out);
    let line = said.out.lines().last().expect("a line");
    assert!(
        line.contains("--resume")
            && line.contains(&format!("--known {}", text(&known)))
            && line.contains("--no-shrink"),
        "{line}"
    );
}

#[test]
fn repros_that_cannot_be_kept_are_told_before_the_first_seed() {
    let out = scratch("back_unkept");
    std::fs::create_dir_all(&out).expect("a folder");
    std::fs::write(out.join("repros"), "").expect("written");
    let all = ["campaign", FIRST, "--seeds", "1..=2", "--check", "end", "--out", text(&out)];
    mirrorsim(&all).ends(3).complains("repros: is no folder").complains("--no-shrink");
}
