//! Comparisons: pairs are counted right, what differs is said, and what cannot be compared has a cure.

use super::*;
use mirrorsim_campaign::{Header, Plan, Store};
use mirrorsim_scenario::{Options, parse, seeds};
use mirrorsim_world::METRICS;
use serde_json::{Value, json};

/// A campaign over some seeds, in a folder of its own.
fn recorded(test: &str, scenario: &str, seeds: &str, more: &[&str]) -> PathBuf {
    let out = scratch(test);
    let all = ["campaign", scenario, "--seeds", seeds, "--check", "end", "--out", text(&out)];
    mirrorsim(&[&all, more].concat());
    assert!(out.join("report.json").exists());
    out
}

/// What a comparison of two folders says, as JSON.
fn compared(one: &Path, other: &Path) -> Value {
    let said = mirrorsim(&["compare", text(one), text(other), "--message-format", "json"]).ends(0);
    let objects = said.objects();
    assert_eq!((objects.len(), &objects[0]["type"]), (1, &"comparison".into()));
    objects[0]["report"].clone()
}

fn metric<'a>(report: &'a Value, name: &str) -> &'a Value {
    let all = report["metrics"].as_array().expect("metrics");
    all.iter().find(|m| m["name"] == name).expect("a metric")
}

#[test]
fn a_campaign_is_equal_to_itself() {
    let out = recorded("compare_itself", FIRST, "1..=12", &[]);
    let report = compared(&out, &out);
    let pairs = json!({"seeds": 12, "scenarios": 1, "identical": 12, "only_one": 0, "only_other": 0});
    assert_eq!((&report["pairs"], &report["differences"]), (&pairs, &json!([])));
    assert_eq!(report["verdicts"]["neither"], 12);
    for metric in report["metrics"].as_array().expect("metrics") {
        let moved = (&metric["larger"], &metric["smaller"], &metric["differs"], &metric["uneven"]);
        assert_eq!(moved, (&0.into(), &0.into(), &false.into(), &false.into()), "{metric}");
        assert_eq!(metric["one"], metric["other"]);
    }
    let arguments = ["compare", text(&out), text(&out)];
    let said = mirrorsim(&arguments).ends(0).says("12 of them the same in every event");
    assert!(!said.out.contains("acknowledged"), "{}", said.out);
    mirrorsim(&[&arguments[..], &["--all"]].concat()).ends(0).says("acknowledged");
}

/// A planted bug against none, over different seeds: only those of both are paired, and each number can be counted by hand.
#[test]
fn a_planted_bug_is_seen_in_the_pairs() {
    let sound = recorded("compare_sound", FIRST, "1..=12", &[]);
    let bent = recorded("compare_bent", FIRST, "5..=15", &["--plant", "P10"]);
    let report = compared(&sound, &bent);
    let pairs = json!({"seeds": 8, "scenarios": 1, "identical": 0, "only_one": 4, "only_other": 3});
    assert_eq!(report["pairs"], pairs);
    let said = |what: &str| {
        let all = report["differences"].as_array().expect("differences");
        all.iter().find(|d| d["what"] == what).map(|d| (d["one"].clone(), d["other"].clone()))
    };
    assert_eq!(said("planted"), Some(("".into(), "P10".into())));
    assert_eq!(said("seeds"), Some(("1..=12".into(), "5..=15".into())));
    let v = &report["verdicts"];
    assert_eq!(
        (&v["neither"], &v["both"], &v["only_one"], &v["only_other"]),
        (&0.into(), &0.into(), &0.into(), &8.into())
    );
    assert_eq!(v["first_only_other"], json!({"path": FIRST, "seed": "5"}));
    // 0.025^(1/8).
    assert_eq!(v["only_other_share_ppb"], json!({"low": 630_583_352, "high": 1_000_000_000}));
    assert_eq!(v["uneven"], true);
    let failures = report["failures"].as_array().expect("failures");
    assert_eq!(failures.iter().map(|f| f["other"].as_u64().expect("a number")).sum::<u64>(), 8);
    assert!(failures.iter().all(|f| f["one"] == 0));
    let failures = metric(&report, "failures");
    assert_eq!(
        (&failures["larger"], &failures["equal"], &failures["differs"]),
        (&8.into(), &0.into(), &true.into())
    );
    assert_eq!(failures["difference"], failures["other"]);
    // The other way round it is the same with another sign.
    let turned = compared(&bent, &sound);
    let negative = -failures["difference"].as_i64().expect("a number");
    assert_eq!(metric(&turned, "failures")["difference"], negative);
    assert_eq!((&turned["verdicts"]["only_one"], &turned["verdicts"]["uneven"]), (&8.into(), &true.into()));
    mirrorsim(&["compare", text(&sound), text(&bent)])
        .ends(0)
        .says("planted: none in one, P10 in the other")
        .says("left out: 4 seeds that only one has, 3 that only the other has")
        .says("0 only in one, 8 only in the other, 0 in both, 0 in neither")
        .says("63.05 % to 100.00 % are red in the other (95 %, exact): not chance, which is 50 %");
}

#[test]
fn both_ways_are_run_once_and_compared() {
    let out = scratch("compare_run");
    let base = ["compare", FIRST, "--seeds", "1..=20", "--check", "end", "--out", text(&out)];
    let ways = ["--one", "protocol.ack=nvram", "--other", "protocol.ack=file"];
    let said = mirrorsim(&[&base[..], &ways].concat()).ends(0);
    let said =
        said.says("--set: protocol.ack=nvram in one, protocol.ack=file in the other").says("* p50_write");
    // Which side a number is of, and what is taken from what.
    let heads: Vec<&str> = said.out.lines().filter(|l| l.contains("metric  ")).collect();
    let words: Vec<&str> = heads[0].split_whitespace().collect();
    assert_eq!(words[..7], ["metric", "one", "other", "other", "-", "one", "interval"], "{}", said.out);
    let alike = said.out.lines().any(|l| l.contains("of them the same") && l.contains("left out"));
    assert!(!alike, "nobody is left out: {}", said.out);
    let written = std::fs::read_to_string(out.join("compare.json")).expect("a report");
    let value: Value = serde_json::from_str(&written).expect("JSON");
    assert_eq!((&value["pairs"]["seeds"], &metric(&value, "p50_write")["larger"]), (&20.into(), &20.into()));
    assert_eq!(compared(&out.join("one"), &out.join("other"))["metrics"], value["metrics"]);
    // The same again has nothing to run, and says the same.
    let results = out.join("other/results.jsonl.gz");
    let before = std::fs::metadata(&results).expect("results").len();
    mirrorsim(&[&base[..], &ways].concat()).ends(0).complains("20 results are there already");
    assert_eq!(std::fs::metadata(&results).expect("results").len(), before);
    assert_eq!(std::fs::read_to_string(out.join("compare.json")).expect("a report"), written);
    // Another comparison in its place is refused before anything is run.
    let other = [&base[..], &ways[..2], &["--other", "protocol.policy=strict"]].concat();
    mirrorsim(&other)
        .ends(2)
        .complains("other: holds another campaign: ")
        .complains("name another folder with --out");
    mirrorsim(&base).ends(2).complains("both ways are the same");
    let bad = [&base[..], &ways[..2], &["--other", "protocol.akc=file"]].concat();
    mirrorsim(&bad).ends(2).complains("akc");
    mirrorsim(&["compare", FIRST, "--one", "protocol.ack=file"]).ends(2).complains("--seeds");
}

/// The same results of another campaign: its header is changed.
fn of_another(folder: &Path, scenario: &str, change: impl FnOnce(&mut Header)) {
    let reading = Options { metrics: METRICS, ..Options::default() };
    let bytes = std::fs::read(top().join(scenario)).expect("a scenario");
    let read = parse(scenario, &bytes, &[], &reading).expect("a scenario");
    let plans = [Plan::new(read, scenario, seeds("1").expect("seeds"))];
    let mut runs = Vec::new();
    Store::results(folder, &plans, &mut |run| runs.push(run)).expect("results");
    let mut header = Store::header(folder).expect("a header");
    change(&mut header);
    Store::FILES.iter().for_each(|name| std::fs::remove_file(folder.join(name)).expect("removed"));
    let mut store = Store::open(folder, &header, &plans, false, &mut |_| {}).expect("a store");
    runs.iter().for_each(|run| store.add(run).expect("kept"));
    store.sync().expect("kept");
}

/// Scenarios have different paths, and there is one on each side.
#[test]
fn one_scenario_each_is_paired_whatever_its_path_and_what_is_missing_is_said() {
    let here = file("compare_paths", "tiny.yaml", TINY);
    let there = here.with_file_name("moved.yaml");
    std::fs::write(&there, TINY).expect("written");
    let one = recorded("compare_paths_one", text(&here), "1..=30", &[]);
    let other = recorded("compare_paths_other", text(&there), "1..=9", &[]);
    assert_eq!(compared(&one, &other)["pairs"]["identical"], 9);
    // A campaign of more seeds that has not come further.
    of_another(&other, text(&there), |header| header.scenarios[0].seeds = "1..=20".into());
    let report = compared(&one, &other);
    assert_eq!(report["other"]["missing"], json!([{"path": text(&there), "seeds": "10..=20"}]));
    assert_eq!((&report["one"]["missing"], &report["pairs"]["seeds"]), (&json!([]), &9.into()));
    mirrorsim(&["compare", text(&one), text(&other)])
        .ends(0)
        .says("seeds 10..=20 of")
        .says("moved.yaml are missing");
    // What a kill has torn is no result; here there is no other one.
    let results = other.join("results.jsonl.gz");
    let bytes = std::fs::read(&results).expect("results");
    std::fs::write(&results, &bytes[..bytes.len() - 9]).expect("shorter");
    let none = mirrorsim(&["compare", text(&one), text(&other)]).ends(2);
    none.complains("have no result of one scenario and seed in common")
        .complains("help: compare campaigns of the same scenarios");
}

#[test]
fn what_cannot_be_compared_has_a_cure() {
    let good = recorded("compare_good", FIRST, "1..=3", &[]);
    let later = recorded("compare_later", FIRST, "4..=6", &[]);
    let compare = |other: &Path| mirrorsim(&["compare", text(&good), text(other)]).ends(2);
    compare(&later).complains(
        "3 results of seeds 1..=3 of scenarios/smoke/first_run.yaml, and 3 results of seeds 4..=6 of",
    );
    compare(&good.join("nowhere"))
        .complains("nowhere: holds no campaign")
        .complains("help: name a folder that");
    let shards = scratch("compare_shards");
    mirrorsim(&["campaign", FIRST, "--seeds", "1..=3", "--shard", "1/2", "--out", text(&shards)]).ends(0);
    compare(&shards).complains("holds no campaign").complains("shards are joined by `mirrorsim merge");
    mirrorsim(&["compare", text(&good)])
        .ends(2)
        .complains("two folders of campaigns are wanted, and here is one named");
    let results = later.join("results.jsonl.gz");
    let mut bytes = std::fs::read(&results).expect("results");
    bytes[40] ^= 1;
    std::fs::write(&results, bytes).expect("damaged");
    compare(&later).complains("is damaged behind byte 0").complains("help: nothing of it is whole");
    let header = later.join("campaign.json");
    let newer = std::fs::read_to_string(&header).expect("a header").replace("\"format\": 1", "\"format\": 2");
    std::fs::write(&header, newer).expect("written");
    compare(&later)
        .complains("is of format 2, and this build writes 1")
        .complains("merged and compared by that version");
}

/// Another build's campaign is compared, and its sources are said.
#[test]
fn another_build_is_said_and_compared() {
    let out = recorded("compare_build", FIRST, "1..=3", &[]);
    let other = scratch("compare_build_other");
    Store::FILES.iter().for_each(|name| _ = std::fs::copy(out.join(name), other.join(name)).expect("copied"));
    of_another(&other, FIRST, |header| header.source_hash = "0123456789abcdef".into());
    let said = mirrorsim(&["compare", text(&out), text(&other)]).ends(0);
    said.says("in one, 0123456789abcdef in the other").says("3 of them the same in every event");
}

/// An interrupt ends both, and the line that it says goes on.
#[cfg(unix)]
#[test]
fn an_interrupt_leaves_the_line_that_goes_on() {
    let out = scratch("compare_interrupted");
    let arguments = [
        "compare",
        FIRST,
        "--seeds",
        "1..=300",
        "--plant-other",
        "P10",
        "--check",
        "end",
        "--jobs",
        "1",
        "--out",
        text(&out),
    ];
    let child = command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    while !out.join("one/results.jsonl.gz").exists() {
        super::signals::pause(20);
    }
    let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    let said = Said::of(&child.wait_with_output().expect("its end")).ends(130);
    let last = said.out.lines().last().unwrap_or_default().to_owned();
    assert_eq!(last, format!("mirrorsim {}", arguments.join(" ")));
    assert!(!said.out.contains("--resume") && !out.join("compare.json").exists(), "{}", said.out);
    let words: Vec<&str> = last.split_whitespace().skip(1).collect();
    mirrorsim(&words).ends(0).says("300 pairs of 1 scenario").says("300 only in the other");
}
