//! `explain`: what it knows, and that what it says to write can be written.

use super::*;

const BASE: &str = "schema: 1\nsources: [{name: alpha}, {name: beta}]\nclients: [{source: alpha, operations: 20}, {source: beta, operations: 20}]\n";

fn explained(name: &str) -> String {
    mirrorsim(&["explain", name]).ends(0).out
}

/// The examples in a text.
fn examples(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|l| l.trim_start().strip_prefix("example  "))
}

/// The names below `keys` in what is said of a key.
fn keys(name: &str) -> Vec<String> {
    let text = explained(name);
    let below = text.lines().skip_while(|l| l.trim() != "keys").skip(1).take_while(|l| l.starts_with("    "));
    below.filter_map(|l| l.split_whitespace().next().map(str::to_owned)).collect()
}

/// What must stand before a fault for it to have a sense.
fn before(fault: &str) -> &'static str {
    match fault {
        "heal" => "{at: 1ms, cut: {source: alpha}}, ",
        "restart" => "{at: 1ms, crash: {node: destination}}, ",
        "hand_over" | "heir_lost" => "{at: 1ms, recover: {source: alpha, promote: true}}, ",
        _ => "",
    }
}

#[test]
fn every_example_of_explain_passes_check() {
    let folder = scratch("examples");
    let mut number = 0;
    let mut write = |text: String| {
        number += 1;
        std::fs::write(folder.join(format!("{number}.yaml")), text).expect("written");
    };
    for (list, kind) in [("--stages", "stage"), ("--metrics", "metric"), ("--marks", "mark")] {
        for listed in mirrorsim(&["list", list, "--message-format", "json"]).ends(0).objects() {
            let name = listed["name"].as_str().expect("a name");
            let said = mirrorsim(&["explain", name, "--message-format", "json"]).ends(0).objects();
            let text = said.iter().find(|s| s["kind"] == kind).expect("it")["text"]
                .as_str()
                .expect("text")
                .to_owned();
            for example in examples(&text) {
                let example = example.split("    (").next().unwrap_or(example);
                write(format!("# {name}\n{BASE}{example}\n"));
            }
        }
    }
    for fault in keys("faults").iter().filter(|k| !["at", "when"].contains(&k.as_str())) {
        let text = explained(&format!("faults.{fault}"));
        let example = examples(&text).next().expect("an example");
        let base = if fault == "adopt" { BASE.to_owned() } else { BASE.replace(", {name: beta}", "") };
        let base = base.replace(if fault == "adopt" { "?" } else { ", {source: beta, operations: 20}" }, "");
        let transport = if fault == "replay" { "datagram" } else { "stream" };
        let base = format!(
            "{base}protocol: {{transport: {transport}}}
"
        );
        let beyond = "beyond_model: true\n";
        write(format!("# {fault}\n{base}{beyond}faults: [{}{{at: 5ms, {example}}}]\n", before(fault)));
    }
    for key in ["reach", "expect", "tags", "about", "check", "budget", "protocol"] {
        let text = explained(key);
        write(format!("# {key}\n{BASE}{}\n", examples(&text).next().expect("an example")));
    }
    mirrorsim(&["check", text(&folder)]).ends(0);
}

/// In a report, too.
#[test]
fn every_metric_that_is_measured_is_one_that_can_be_named() {
    let listed = mirrorsim(&["list", "--metrics", "--message-format", "json"]).ends(0).objects();
    let names: Vec<&str> = listed.iter().filter_map(|metric| metric["name"].as_str()).collect();
    let scenario = "schema: 1\nname: bent\nsources: [{name: alpha, link: {corrupt: 20%}}]\nclients: [{operations: 20}]\n";
    let path = file("explained_metrics", "bent.yaml", scenario);
    let folder = path.with_file_name("reports");
    let run = ["run", text(&path), "--seed", "1", "--report-dir", text(&folder)];
    mirrorsim(&run).ends(0);
    let report = std::fs::read_to_string(folder.join("bent-1.json")).expect("a report");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    let measured = report["runs"][0]["metrics"].as_object().expect("metrics");
    let unknown: Vec<_> = measured.keys().filter(|name| !names.contains(&name.as_str())).collect();
    assert!(measured.len() > 20 && unknown.is_empty(), "{unknown:?}");
    let out = path.with_file_name("compared");
    let all = [
        "compare",
        text(&path),
        "--seeds",
        "1..=3",
        "--one",
        "sources.alpha.link.corrupt=0%",
        "--all",
        "--out",
        text(&out),
    ];
    mirrorsim(&all).ends(0);
    let compared = std::fs::read_to_string(out.join("compare.json")).expect("written");
    let compared: serde_json::Value = serde_json::from_str(&compared).expect("JSON");
    let compared = compared["metrics"].as_array().expect("metrics");
    assert!(compared.iter().all(|m| names.iter().any(|name| m["name"] == *name)), "{compared:?}");
}

#[test]
fn what_verdicts_and_findings_speak_of_is_explained() {
    let words = [
        ("LR8", "hand_over"),
        ("I15", "never below"),
        ("fencing", "an oracle"),
        ("retired", "a role"),
        ("epoch", "incarnation"),
        ("atlas", "a good copy would be left"),
        ("strict", "a policy"),
        ("VACUOUS", "a scripted fault never took effect"),
        ("passed", "everything that was judged holds"),
        ("Failed", "an oracle says no"),
        ("rig", "believe nothing of this run"),
        ("INCONCLUSIVE", "ended first"),
        ("interrupted", "it was stopped"),
        ("stale", "does not have any more"),
        ("disagreements", "the judge's own reader"),
        ("proven", "how often recovery was judged"),
        ("apart", "The source has no connection"),
        ("log", "a phase, what a server was doing"),
        ("sync", "waits"),
        ("idle", "Nothing is under way"),
        ("hang", "--hang-after"),
        ("panic", "without a result"),
        ("torn_at_power_cut", "single unflushed writes"),
    ];
    for (word, text) in words {
        let said = explained(word);
        assert!(said.contains(text), "{word}: {said}");
    }
    for name in ["Degraded", "degraded", "Retired", "retired"] {
        let said = explained(name);
        assert!(said.contains(": a role") && said.contains(": a stage"), "{name}: {said}");
        assert!(said.starts_with(&format!("{name}: ")), "what was typed comes first: {said}");
    }
    mirrorsim(&["explain", "fencng"]).ends(2).complains("did you mean `fencing`?");
}
