//! Campaigns: nothing is lost, whoever ends them when, and parts make the whole.

use super::signals::pause;
use super::*;
use serde_json::Value;
use std::process::Child;

const SMOKE: [&str; 2] = ["scenarios/smoke/first_run.yaml", "scenarios/smoke/exact_fit.yaml"];

/// `campaign` over some seeds of two scenarios, with more arguments.
fn arguments<'a>(out: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["campaign"];
    all.extend(SMOKE);
    all.extend(["--check", "end", "--no-shrink", "--out", text(out)]);
    all.extend(more);
    all
}

pub fn report(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("report.json")).expect("a report")
}

/// The report of an undisturbed campaign of one worker.
pub fn whole(test: &str, seeds: &str) -> String {
    let out = scratch(&format!("{test}_whole"));
    mirrorsim(&arguments(&out, &["--seeds", seeds, "--jobs", "1"])).ends(0);
    report(&out)
}

/// The lines of results.
fn lines(results: &Path) -> String {
    let said = std::process::Command::new("gzip").arg("-dc").arg(results).output().expect("gzip");
    String::from_utf8(said.stdout).expect("UTF-8")
}

#[test]
fn workers_and_shards_change_nothing() {
    let whole = whole("campaign_parts", "1..=30");
    let value: Value = serde_json::from_str(&whole).expect("JSON");
    assert_eq!((&value["seeds"], &value["complete"]), (&60.into(), &true.into()));
    let out = scratch("campaign_workers");
    mirrorsim(&arguments(&out, &["--seeds", "1..=30", "--jobs", "4"])).ends(0);
    assert_eq!(report(&out), whole);
    for shards in [3, 7] {
        let out = scratch(&format!("campaign_shards_{shards}"));
        // In any order; and one of them twice, as a scheduler may do.
        for number in (1..=shards).rev().chain([2]) {
            let shard = format!("{number}/{shards}");
            mirrorsim(&arguments(&out, &["--seeds", "1..=30", "--shard", &shard, "--resume"])).ends(0);
        }
        let merged = scratch(&format!("campaign_merged_{shards}"));
        // What is there twice counts once.
        let second = out.join(format!("shard-00002-of-{shards:05}"));
        mirrorsim(&["merge", text(&out), text(&second), "--out", text(&merged)]).ends(0);
        assert_eq!(report(&merged), whole, "{shards} shards");
    }
}

#[test]
fn a_merge_names_what_is_missing_and_can_be_gone_on_with() {
    let out = scratch("campaign_absent");
    for shard in ["1/3", "3/3"] {
        mirrorsim(&arguments(&out, &["--seeds", "1..=9", "--shard", shard])).ends(0);
    }
    let merged = scratch("campaign_absent_merged");
    let said = mirrorsim(&["merge", text(&out), "--out", text(&merged)]).ends(5);
    let said = said.complains("shards are missing or not complete: 2/3");
    let said = said.says("seeds of 2 scenarios are missing");
    assert!(said.out.contains("INCONCLUSIVE  2 scenarios, 12 seeds so far") && !said.out.contains("PASSED"));
    let value: Value = serde_json::from_str(&report(&merged)).expect("JSON");
    assert_eq!((&value["complete"], &value["scenarios"][0]["missing"]), (&false.into(), &"4..=6".into()));
    assert_eq!(value["exit_code"], 5, "it is what the command returns");
    // The curve ends where seeds are missing.
    let growth = value["reach"]["growth"].as_array().expect("a curve");
    assert_eq!(growth.last().expect("a point")["seeds"], 3);
    // Parts of two divisions are no shards of one.
    let divided = ["5/5", "1/2"].map(|shard| {
        let out = scratch(&format!("campaign_divided_{}", shard.replace('/', "_")));
        mirrorsim(&arguments(&out, &["--seeds", "1..=9", "--shard", shard])).ends(0);
        out
    });
    let joined = scratch("campaign_divided");
    let said = mirrorsim(&["merge", text(&divided[0]), text(&divided[1]), "--out", text(&joined)]).ends(5);
    said.complains(
        "results are missing: scenarios/smoke/first_run.yaml: seeds 5..=7; scenarios/smoke/exact_fit",
    );
    mirrorsim(&arguments(&out, &["--seeds", "1..=9", "--shard", "2/3"])).ends(0);
    let last = out.join("shard-00002-of-00003");
    let both = scratch("campaign_absent_both");
    mirrorsim(&["merge", text(&merged), text(&last), "--out", text(&both)]).ends(0);
    assert_eq!(report(&both), whole("campaign_absent", "1..=9"));
}

/// Each would draw others, and a night later nobody could merge them.
#[test]
fn shards_of_random_seeds_are_refused_with_seeds_that_are_the_same_for_all() {
    let out = scratch("campaign_random").join("out");
    let run = |shard| mirrorsim(&arguments(&out, &["--seeds", "random:4", "--shard", shard]));
    let said = run("1/2").ends(2).complains("each shard would draw others").complains(" --seeds ");
    assert!(!out.exists(), "{}", said.err);
    run("1/1").ends(0);
}

/// Starts one that is to be killed.
fn started(out: &Path, seeds: &str) -> Child {
    let mut command = command(&arguments(out, &["--seeds", seeds, "--resume", "--jobs", "2"]));
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts")
}

#[test]
fn killed_again_and_again_it_comes_to_the_same() {
    let (seeds, out) = ("1..=300", scratch("campaign_killed"));
    let results = out.join("results.jsonl.gz");
    let size = || std::fs::metadata(&results).map_or(0, |file| file.len());
    let mut kills = 0;
    for _ in 0..6 {
        let (mut child, before) = (started(&out, seeds), size());
        // As soon as something more is on disk.
        while child.try_wait().expect("a child").is_none() && size() == before {
            pause(5);
        }
        if child.try_wait().expect("a child").is_none() {
            child.kill().expect("it dies");
            kills += 1;
        }
        child.wait().expect("its end");
    }
    assert!(kills > 0);
    // What a kill in the middle of a write leaves.
    let kept = std::fs::read(&results).expect("results");
    std::fs::write(&results, &kept[..kept.len() - kept.len() / 9]).expect("shorter");
    mirrorsim(&arguments(&out, &["--seeds", seeds, "--resume"])).ends(0);
    assert_eq!(report(&out), whole("campaign_killed", seeds));
}

#[test]
fn another_campaign_in_its_folder_is_refused_and_damage_is_named() {
    let out = scratch("campaign_other");
    mirrorsim(&arguments(&out, &["--seeds", "1..=4"])).ends(0);
    let run = |seeds: &str, more: &[&str]| mirrorsim(&arguments(&out, &[&["--seeds", seeds], more].concat()));
    run("1..=4", &[]).ends(2).complains("holds a campaign already; --resume goes on with it");
    let other = run("1..=5", &["--resume"]).ends(2);
    other.complains("first_run.yaml: seeds 1..=4 there, and 1..=5 here");
    run("1..=4", &["--resume", "--plant", "P01"]).ends(2).complains("planted none there, and P01 here");
    mirrorsim(&["campaign", "--resume", "--out", text(&out)]).ends(0);
    let mut elsewhere = command(&["campaign", "--resume", "--out", text(&out)]);
    let elsewhere = Said::of(&elsewhere.current_dir(&out).output().expect("it starts")).ends(2);
    elsewhere.complains("first_run.yaml: the campaign is of this scenario, and there is no such file here");
    // What is said of its runs is not passed over.
    let alone = ["campaign", "--resume", "--out", text(&out), "--plant", "P01", "--set", "check=end"];
    mirrorsim(&alone).ends(2).complains("--plant, --set: a campaign that goes on runs what it ran before");
    let results = out.join("results.jsonl.gz");
    let mut bytes = std::fs::read(&results).expect("results");
    bytes[40] ^= 1;
    std::fs::write(&results, bytes).expect("damaged");
    let resume = || mirrorsim(&["campaign", "--resume", "--out", text(&out)]);
    resume()
        .ends(2)
        .complains("is damaged behind byte 0")
        .complains("help: nothing of it is whole: remove it");
    mirrorsim(&["merge", text(&out), "--out", text(&scratch("campaign_other_merged"))]).ends(2);
    std::fs::remove_file(&results).expect("removed");
    run("1..=4", &["--resume"]).ends(0);
    // What somebody else has packed is no result.
    let kept = std::fs::read(&results).expect("results");
    let mut gzip = std::process::Command::new("gzip");
    let plain = file("campaign_other_plain", "results.jsonl", &lines(&results));
    assert!(gzip.arg("-n").arg(&plain).status().expect("gzip").success());
    std::fs::copy(plain.with_extension("jsonl.gz"), &results).expect("replaced");
    resume().ends(2).complains("what stands behind byte 0 was not written by a campaign");
    std::fs::write(&results, kept).expect("put back");
    // Results are of one campaign, and nobody else's.
    let header = out.join("campaign.json");
    let kept = std::fs::read_to_string(&header).expect("a header");
    std::fs::write(&header, kept.replace("\"planted\": []", "\"planted\": [\"P10\"]")).expect("written");
    resume().ends(2).complains("results.jsonl.gz: holds results of another campaign than the campaign.json");
    std::fs::remove_file(&header).expect("removed");
    run("1..=4", &["--plant", "P10"])
        .ends(2)
        .complains("there is no campaign.json, and results.jsonl.gz holds results")
        .complains("help: nobody knows what the results are of");
    std::fs::write(out.join("campaign.json"), "{\"format\": 1, ").expect("damaged");
    resume()
        .ends(2)
        .complains("campaign.json: is damaged: ")
        .complains("help: nobody knows what the results are of");
}

#[test]
fn what_is_whole_of_damaged_results_can_be_kept() {
    let out = scratch("campaign_damaged");
    let run = |seeds: &str| mirrorsim(&arguments(&out, &["--seeds", seeds, "--resume"]));
    run("1..=9").ends(0);
    let results = out.join("results.jsonl.gz");
    let kept = std::fs::read(&results).expect("results");
    let damaged = [&kept[..], &b"no gzip member"[..]].concat();
    std::fs::write(&results, damaged).expect("written");
    let said = run("1..=9").ends(2);
    said.complains(&format!(
        "help: what stands before that is whole: cut it off there (truncate -s {} '",
        kept.len()
    ));
    std::fs::write(&results, kept).expect("cut off");
    run("1..=9").ends(0).complains("18 results are there already");
}

#[test]
fn two_campaigns_do_not_share_a_folder() {
    let out = scratch("campaign_shared");
    let mut first = started(&out, "1..=100000");
    while !out.join("results.jsonl.gz").exists() {
        pause(20);
    }
    let second = mirrorsim(&arguments(&out, &["--seeds", "1..=100000", "--resume"])).ends(3);
    second.complains(&format!("is in use by another campaign (process {}, since 20", first.id()));
    first.kill().expect("it dies");
    first.wait().expect("its end");
    // A dead one keeps nobody away.
    let more = ["--seeds", "1..=100000", "--resume", "--budget", "50ms"];
    assert!([0, 5].contains(&mirrorsim(&arguments(&out, &more)).code));
}

#[test]
fn what_was_wanted_ends_it_and_the_rest_is_told() {
    let out = scratch("campaign_enough");
    let read = |path: &Path| std::fs::read_to_string(path).expect("XML");
    let xml = out.join("junit.xml");
    let more = ["--seeds", "1..=5000", "--plant", "P10", "--fail-fast", "--junit", text(&xml)];
    let said = mirrorsim(&arguments(&out, &more)).ends(1);
    let page = read(&xml);
    let failure = page.split("<failure ").nth(1).and_then(|f| f.split("</failure>").next());
    assert!(failure.is_some_and(|f| f.contains("; not run: seeds ")), "{page}");
    said.says(
        "a seed did not pass (--fail-fast); the rest of the seeds:\nmirrorsim campaign --resume --out ",
    )
    .says("mirrorsim replay ms1:");
    let stable = scratch("campaign_stable");
    let xml = stable.join("junit.xml");
    let more = ["--seeds", "1..=100000", "--until-stable", "40", "--junit", text(&xml)];
    let said = mirrorsim(&arguments(&stable, &more)).ends(0);
    // Some seeds of each were run, and all of these passed.
    let page = read(&xml);
    assert!(page.contains("skipped=\"0\"") && page.contains("..=100000</system-out>"), "{page}");
    said.says("the last seeds reached nothing new (--until-stable); the rest of the seeds:\n")
        .says("seeds of 2 scenarios are still to be run")
        .says("seeds so far: ");
    // Of what ended it nothing is said again; the rest is as it was.
    let over = scratch("campaign_over");
    let more = [
        "--seeds",
        "1..=100000",
        "--budget",
        "50ms",
        "--fail-fast",
        "--until-stable",
        "99999",
        "--hang-after",
        "30s",
    ];
    let said = mirrorsim(&arguments(&over, &more));
    assert!([0, 5].contains(&said.code), "{}", said.out);
    said.says(" --no-shrink --hang-after 30s --fail-fast --until-stable 99999\n");
}

#[test]
fn ci_is_told_of_each_failure_with_the_line_that_repeats_it() {
    let out = scratch("campaign_ci");
    let (xml, page) = (out.join("deep/junit.xml"), out.join("summary.md"));
    let sarif = out.join("failures.sarif");
    let more = ["--seeds", "1..=40", "--plant", "P10", "--junit", text(&xml), "--sarif", text(&sarif)];
    let mut command = command(&arguments(&out, &more));
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", &page);
    let said = Said::of(&command.output().expect("it starts")).ends(1);
    let errors: Vec<&str> = said.out.lines().filter(|l| l.starts_with("::error ")).collect();
    assert!((1..=10).contains(&errors.len()), "{}", said.out);
    assert!(errors[0].contains("file=scenarios/smoke/") && errors[0].contains("%0Amirrorsim replay ms1:"));
    let sarif: Value = serde_json::from_str(&std::fs::read_to_string(&sarif).expect("SARIF")).expect("JSON");
    let (rules, results) = (&sarif["runs"][0]["tool"]["driver"]["rules"], &sarif["runs"][0]["results"]);
    let first = &results[0];
    assert!(
        rules.as_array().is_some_and(|rules| rules.iter().any(|r| r["id"] == first["ruleId"])),
        "{sarif}"
    );
    let uri = first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().expect("a path");
    assert!(uri.starts_with("scenarios/smoke/"), "{uri}");
    let xml = std::fs::read_to_string(&xml).expect("XML");
    assert_eq!(xml.matches("<testcase ").count(), 2);
    assert!(xml.contains("mirrorsim replay ms1:scenarios/smoke/"), "{xml}");
    let page = std::fs::read_to_string(&page).expect("a summary");
    assert!(
        page.contains("### mirrorsim: 80 seeds of 2 scenarios") && page.contains("`mirrorsim replay ms1:"),
        "{page}"
    );
}

#[test]
fn a_folder_that_is_removed_under_way_ends_it_and_is_named() {
    let out = scratch("campaign_removed");
    let mut command = command(&arguments(&out, &["--seeds", "1..=100000", "--jobs", "1"]));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    while std::fs::metadata(out.join("results.jsonl.gz")).map_or(0, |file| file.len()) == 0 {
        pause(20);
    }
    std::fs::remove_dir_all(&out).expect("removed");
    let said = Said::of(&child.wait_with_output().expect("its end")).ends(3);
    let said = said.complains("results.jsonl.gz: was removed or replaced while the campaign was under way");
    let said = said.complains("nothing goes on with it: begin it again");
    assert!(!said.out.contains("--resume") && !out.exists(), "{}", said.out);
}

/// Its results are there, and nobody knows what they are of.
#[test]
fn a_header_that_is_removed_under_way_ends_it_and_is_named() {
    let out = scratch("campaign_beheaded");
    let mut command = command(&arguments(&out, &["--seeds", "1..=100000", "--jobs", "1"]));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    while std::fs::metadata(out.join("results.jsonl.gz")).map_or(0, |file| file.len()) == 0 {
        pause(20);
    }
    std::fs::remove_file(out.join("campaign.json")).expect("removed");
    let _ = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    let said = Said::of(&child.wait_with_output().expect("its end")).ends(143);
    let said = said.complains("campaign.json: was removed while the campaign was under way");
    assert!(!said.out.contains("--resume") && !out.join("report.json").exists(), "{}", said.out);
}

#[test]
fn a_link_in_the_place_of_the_results_is_not_followed() {
    let out = scratch("campaign_link");
    std::os::unix::fs::symlink("elsewhere", out.join("results.jsonl.gz")).expect("a link");
    let said = mirrorsim(&arguments(&out, &["--seeds", "1..=9"])).ends(3);
    said.complains("results.jsonl.gz: is a link, and is not followed");
    assert!(!out.join("elsewhere").exists());
}

/// A file that may not grow stands for a disk that is full. What was whole stays, and once there is space it goes on.
#[test]
fn a_full_disk_ends_it_and_loses_nothing_that_was_kept() {
    let out = scratch("campaign_full");
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_mirrorsim")]);
    limited.args(arguments(&out, &["--seeds", "1..=300", "--jobs", "1"])).current_dir(top());
    ENVIRONMENT.iter().for_each(|name| _ = limited.env_remove(name));
    let said = Said::of(&limited.output().expect("it starts")).ends(3);
    assert!(said.err.contains("results.jsonl.gz: "), "{}", said.err);
    assert!(said.out.contains("STOPPED  ") && !said.out.contains("PASSED  "), "{}", said.out);
    let said = said.says("results could not be kept any more (see the error); the rest of the seeds:\n");
    // Half a member would stand before whatever is written next.
    let results = out.join("results.jsonl.gz");
    if std::fs::metadata(&results).expect("results").len() > 0 {
        assert!(std::process::Command::new("gzip").arg("-t").arg(&results).status().expect("gzip").success());
    }
    // Nothing is reported that is not there.
    let told: Value = serde_json::from_str(&report(&out)).expect("JSON");
    assert_eq!(told["seeds"].as_u64(), Some(lines(&results).lines().count() as u64), "{}", said.out);
    said.complains(" could not be kept: not counted below");
    mirrorsim(&arguments(&out, &["--seeds", "1..=300", "--resume"])).ends(0);
    assert_eq!(report(&out), whole("campaign_full", "1..=300"));
}

/// What was under way at an interrupt is kept as it would have been without one, second runs included.
#[test]
fn interrupted_again_and_again_it_comes_to_the_same() {
    let (seeds, out) = ("1..=200", scratch("campaign_interrupted"));
    let results = out.join("results.jsonl.gz");
    let size = || std::fs::metadata(&results).map_or(0, |file| file.len());
    let start = || {
        let more = ["--seeds", seeds, "--resume", "--jobs", "2", "--check-determinism"];
        let mut command = command(&arguments(&out, &more));
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts")
    };
    for _ in 0..4 {
        let (mut child, before) = (start(), size());
        while child.try_wait().expect("a child").is_none() && size() == before {
            pause(5);
        }
        let _ = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!([Some(0), Some(130)].contains(&child.wait().expect("its end").code()));
    }
    assert_eq!(start().wait().expect("its end").code(), Some(0));
    let undisturbed = scratch("campaign_interrupted_whole");
    mirrorsim(&arguments(&undisturbed, &["--seeds", seeds, "--check-determinism"])).ends(0);
    assert_eq!(report(&out), report(&undisturbed));
}

/// What was run until then is on the page of the run, and says that it is not all.
#[cfg(unix)]
#[test]
fn ci_is_told_of_a_campaign_that_was_interrupted() {
    let out = scratch("campaign_ci_interrupted");
    let page = out.join("summary.md");
    let mut command = command(&arguments(&out, &["--seeds", "1..=100000", "--jobs", "1"]));
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", &page);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    while std::fs::metadata(out.join("results.jsonl.gz")).map_or(0, |file| file.len()) == 0 {
        pause(20);
    }
    let _ = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    Said::of(&child.wait_with_output().expect("its end")).ends(130).says("INTERRUPTED");
    let value: Value = serde_json::from_str(&report(&out)).expect("JSON");
    assert_eq!((&value["interrupted"], &value["exit_code"]), (&true.into(), &130.into()));
    let page = std::fs::read_to_string(&page).expect("a summary");
    assert!(page.contains(" seeds so far of 2 scenarios") && page.contains("**Partial**"), "{page}");
}

/// The report is there then; what is not reduced is said.
#[cfg(unix)]
#[test]
fn an_interrupt_while_failures_are_reduced_says_what_is_left() {
    let out = scratch("campaign_unreduced");
    // A machine that does not come back takes its time, candidate by candidate.
    let all =
        ["campaign", SMOKE[0], "--seeds", "1..=8", "--check", "end", "--plant", "X3", "--hang-after", "2s"];
    let merged = scratch("campaign_unreduced_merged");
    let merge = ["merge", text(&out), "--out", text(&merged), "--hang-after", "2s"];
    for (all, folder, rest) in [
        ([&all[..], &["--out", text(&out)]].concat(), &out, "campaign --resume --out "),
        (merge.to_vec(), &merged, "merge "),
    ] {
        let child = command(&all).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        while !folder.join("report.json").exists() {
            pause(20);
        }
        let _ = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        let said = Said::of(&child.wait_with_output().expect("its end")).ends(130);
        said.says(&format!("not all failures were reduced; the others:\nmirrorsim {rest}"));
    }
}

/// Three lines of a kind are enough; the summary counts.
#[test]
fn what_fails_alike_is_told_a_few_times() {
    let out = scratch("campaign_alike");
    let said = mirrorsim(&arguments(&out, &["--seeds", "1..=9", "--plant", "P10", "--jobs", "1"])).ends(1);
    let lines = |words: &str| said.out.lines().filter(|line| line.starts_with(words)).count();
    assert_eq!((lines("FAILED first_run seed "), lines("more seeds fail so")), (3, 1), "{}", said.out);
    assert!(said.out.contains("  failure     "), "{}", said.out);
}

/// What was not run at all is not green because something else was.
#[test]
fn a_scenario_of_which_no_seed_was_run_has_no_verdict() {
    let out = scratch("campaign_unheard");
    let all = ["campaign", "scenarios/swarm", "--seeds", "1..=10", "--budget", "1ms", "--jobs", "1", "--out"];
    let xml = out.join("junit.xml");
    let said = mirrorsim(&[&all[..], &[text(&out), "--junit", text(&xml)]].concat()).ends(5);
    let page = std::fs::read_to_string(&xml).expect("XML");
    assert!(page.contains("<skipped message=\"not run: seeds 1..=10\"/>"), "{page}");
    // How many seeds that is depends on the machine.
    said.says("INCONCLUSIVE  ").says(" so far: ");
    // A part that has no seeds at all is done.
    let out = scratch("campaign_empty_part");
    mirrorsim(&arguments(&out, &["--seeds", "1..=3", "--shard", "1/5"]))
        .ends(0)
        .says(" 0 seeds (shard 1/5): none");
}

/// One that stands still, as in a debugger or a frozen group, is ended and its seed run by another one: also if it has not
/// read yet what it is to do, and that is more than a pipe holds.
#[cfg(target_os = "linux")]
#[test]
fn a_worker_that_stands_still_costs_nothing() {
    let long = format!("{TINY}# {}\n", "long ".repeat(60_000));
    for (name, content) in [("short", TINY), ("long", &long)] {
        let scenario = file(&format!("campaign_frozen_{name}"), "tiny.yaml", content);
        let out = scenario.with_file_name("out");
        let all = ["campaign", text(&scenario), "--seeds", "1..=40", "--check", "end", "--jobs", "1"];
        let mut command = command(&[&all[..], &["--hang-after", "1s", "--out", text(&out)]].concat());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        // Before it is a program of its own its parent waits for it.
        let begun = |pid: &&String| {
            let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline"));
            line.is_ok_and(|line| line.ends_with("worker\0"))
        };
        let mut stopped = 0;
        while stopped == 0 && child.try_wait().expect("a child").is_none() {
            for worker in super::lapses::children(child.id()).iter().filter(begun) {
                let stop = std::process::Command::new("kill").args(["-STOP", worker]).status();
                stopped += u32::from(stop.is_ok_and(|status| status.success()));
            }
        }
        assert!(stopped > 0, "no worker was stopped");
        for _ in 0..1200 {
            if child.try_wait().expect("a child").is_some() {
                break;
            }
            pause(100);
        }
        let _ = child.kill();
        assert_eq!(child.wait().expect("its end").code(), Some(0), "{name}");
        let told: Value = serde_json::from_str(&report(&out)).expect("JSON");
        assert_eq!(told["verdicts"]["passed"], 40, "{name}");
    }
}

/// A worker that somebody kills, as a system does that is short of memory, costs no result.
#[cfg(target_os = "linux")]
#[test]
fn a_worker_that_is_killed_costs_nothing() {
    let seeds = "1..=300";
    let out = scratch("campaign_killed_worker");
    let mut command = command(&arguments(&out, &["--seeds", seeds, "--jobs", "1"]));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let results = out.join("results.jsonl.gz");
    let size = || std::fs::metadata(&results).map_or(0, |file| file.len());
    let (mut killed, mut before) = (0, None);
    while child.try_wait().expect("a child").is_none() {
        // The first as soon as it is there, the next ones once something more is on disk: a seed whose worker dies again and
        // again is a failure.
        let now = size();
        if before != Some(now) {
            for worker in super::lapses::children(child.id()) {
                let mut kill = std::process::Command::new("kill");
                let kill = kill.args(["-KILL", &worker]).stderr(Stdio::null()).status();
                killed += u32::from(kill.is_ok_and(|status| status.success()));
                before = Some(now);
            }
        }
        pause(5);
    }
    assert!(killed > 0, "no worker was killed");
    assert_eq!(child.wait().expect("its end").code(), Some(0));
    assert_eq!(report(&out), whole("campaign_killed_worker", seeds));
}
