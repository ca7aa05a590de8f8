//! A destination that takes the clients over, as a newcomer meets it: what is told before a run, in it and after it.

use super::*;
use serde_json::Value;

const PROMOTED: &str = "scenarios/life/promoted.yaml";

const BUSY: &str = "schema: 1\nname: busy\nsources: [{name: alpha, partition_size: 8KiB}, {name: beta}]\nclients: [{source: alpha, operations: 120, timeout: 25ms}]\nfaults:\n";

fn busy(test: &str, faults: &[&str]) -> PathBuf {
    let lines: String = faults.iter().map(|f| format!("  - {f}\n")).collect();
    file(test, "busy.yaml", &format!("{BUSY}{lines}"))
}

/// The only run of a command's JSON.
#[track_caller]
fn the_run(path: &str) -> Value {
    let said = mirrorsim(&["run", path, "--no-report", "--message-format", "json"]).ends(0);
    said.objects().into_iter().map(|mut o| o["run"].take()).find(Value::is_object).expect("a run")
}

#[test]
fn the_report_says_when_the_clients_were_taken_over_and_what_it_cost_them() {
    let said = mirrorsim(&["run", PROMOTED, "--no-report"]).ends(0);
    let said = said.says(" from the disaster; ").says("  promotion   alpha: disaster at ");
    said.says(", first answer at ").says("; outage for clients ");
    let run = the_run(PROMOTED);
    let one = &run["promotions"][0];
    let at = |name: &str| one[name].as_u64().unwrap_or_else(|| panic!("no {name} in {one}"));
    let order = ["last_answer_ns", "disaster_ns", "ordered_ns", "served_ns", "first_answer_ns"].map(at);
    assert!(order.is_sorted(), "{one}");
    assert_eq!(at("outage_ns"), at("first_answer_ns") - at("last_answer_ns"));
    assert_eq!(run["metrics"]["outage"], one["outage_ns"]);
    let recovery = &run["recoveries"][0];
    let (end, rto) = (recovery["time_ns"].as_u64(), recovery["rto_ns"].as_u64());
    assert_eq!(end.zip(rto).map(|(end, rto)| end - rto), Some(at("disaster_ns")));
    assert_eq!(recovery["rto_from"], "disaster");
}

#[test]
fn a_campaign_says_the_worst_outage() {
    let out = scratch("worst_outage");
    let said = mirrorsim(&["run", PROMOTED, "--seeds", "1..=3", "--report-dir", text(&out)]).ends(0);
    said.says("  promotions  3; worst outage for clients ");
    let report = std::fs::read_to_string(out.join("promoted-1-3.json")).expect("a report");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let runs = report["runs"].as_array().expect("runs");
    let worst = runs.iter().filter_map(|r| r["promotions"][0]["outage_ns"].as_u64()).max();
    assert_eq!(report["summary"]["worst_outage_ns"].as_u64(), worst);
    assert_eq!(report["summary"]["promotions"], 3);
}

#[test]
fn what_is_damaged_is_not_promoted_and_the_report_says_so() {
    let path = "scenarios/life/promoted_damaged.yaml";
    mirrorsim(&["run", path, "--no-report"]).ends(0).says(", never promoted: what was recovered is damaged");
    let run = the_run(path);
    assert!(run["promotions"][0]["served_ns"].is_null(), "{run}");
    assert_eq!(run["metrics"]["promotions"], 0);
}

/// An image that was opened long before: its clients have waited since the disaster all the same.
#[test]
fn the_time_of_a_recovery_counts_from_the_disaster_or_the_order() {
    let rto = |test: &str, faults: &[&str]| -> Vec<(u64, String)> {
        let run = the_run(text(&busy(test, faults)));
        let one = |r: &Value| {
            (r["rto_ns"].as_u64().expect("a time"), r["rto_from"].as_str().expect("a word").to_owned())
        };
        run["recoveries"].as_array().expect("recoveries").iter().map(one).collect()
    };
    let lost = "{at: 20ms, disaster: {source: alpha}}";
    let late = rto("rto_late", &[lost, "{at: 90ms, recover: {source: alpha, promote: true}}"]);
    assert!(late[0].0 < 70_000_000 && late[1].0 > 70_000_000, "{late:?}");
    assert!(late.iter().all(|(_, from)| from == "disaster"), "{late:?}");
    let again = rto("rto_again", &[lost, "{at: 90ms, recover: {source: alpha}}"]);
    assert_eq!((again.len(), again[1].1.as_str()), (2, "order"), "{again:?}");
    let living = rto("rto_living", &["{at: 20ms, recover: {source: alpha, promote: true}}"]);
    assert_eq!(living[0].1, "order");
    mirrorsim(&["run", "scenarios/life/promoted_living.yaml", "--no-report"])
        .ends(0)
        .says(" from the order; ");
}

#[test]
fn an_operator_who_acts_later_is_waited_for() {
    let outage = |after: &str| {
        let disaster = format!("{{at: 20ms, disaster: {{source: alpha, recover_after: {after}}}}}");
        let promotion = "{when: {stage: recovery_started}, recover: {source: alpha, promote: true}}";
        let run = the_run(text(&busy(&format!("later_{after}"), &[&disaster, promotion])));
        let one = &run["promotions"][0];
        let since =
            |name: &str| one[name].as_u64().expect("a time") - one["disaster_ns"].as_u64().expect("a time");
        (since("ordered_ns"), since("first_answer_ns"))
    };
    let (at_once, later) = (outage("0ns"), outage("30ms"));
    assert!(at_once.0 < 30_000_000 && later.0 >= 30_000_000, "{at_once:?} {later:?}");
    assert!(later.1 > at_once.1, "{at_once:?} {later:?}");
    // Who comes earlier takes the place of that order.
    let path = busy(
        "earlier",
        &[
            "{at: 20ms, disaster: {source: alpha, recover_after: 500ms}}",
            "{at: 25ms, recover: {source: alpha, promote: true}}",
        ],
    );
    let run = the_run(text(&path));
    assert_eq!(run["recoveries"].as_array().map(Vec::len), Some(1), "{run}");
    assert_eq!(run["promotions"][0]["ordered_ns"], 25_000_000);
    mirrorsim(&["explain", text(&path)])
        .ends(0)
        .says("site of alpha is lost for ever; the operator orders the recovery 500ms later")
        .says("alpha is fenced, and the destination serves its clients, unless it is damaged");
}

/// A crash before anybody was answered is one of a recovery.
#[test]
fn an_heir_dies_only_once_it_has_answered() {
    let crashes = |test: &str, delay: &str| {
        let path = busy(
            test,
            &[
                "{at: 20ms, recover: {source: alpha, promote: true}}",
                &format!(
                    "{{when: {{stage: promoted, delay: {delay}}}, crash: {{node: destination, restart_after: 1ms}}}}"
                ),
            ],
        );
        let out = scratch(&format!("{test}_out"));
        mirrorsim(&["run", text(&path), "--report-dir", text(&out)]).ends(0);
        let report = std::fs::read_to_string(out.join("busy-1.json")).expect("a report");
        let report: Value = serde_json::from_str(&report).expect("JSON");
        report["summary"]["coverage"]["marks"]["crash_of_heir"].as_u64()
    };
    assert_eq!(crashes("heir_at_once", "0ns"), Some(0));
    assert_eq!(crashes("heir_later", "30ms"), Some(1));
}

#[test]
fn explain_knows_stages_marks_metrics_and_planted_bugs() {
    let explained = |name: &str| mirrorsim(&["explain", name]).ends(0);
    explained("taken_over")
        .says("taken_over: a mark")
        .says("took the clients of a mirror over")
        .says("reach: [");
    explained("promoted")
        .says("promoted: a stage that the destination reaches")
        .says("when: {stage: promoted");
    explained("promotions").says("promotions: a metric").says("expect: [\"promotions >= 1\"]");
    explained("p34").says("P34: a planted bug").says("seen by  fencing").says("--plant P34");
    explained("degraded").says("degraded: a stage").says("\ndegraded: a mark").says("\ndegraded: a metric");
    explained("disaster").says("faults.disaster").says("recover_after").says("`promote: true`");
    explained("failover").says("faults.recover.promote");
    mirrorsim(&["explain", "nonsense"]).ends(2).complains("first level").complains("list --stages");
    mirrorsim(&["explain", "takn_over"]).ends(2).complains("did you mean `taken_over`?");
    let objects = mirrorsim(&["explain", "degraded", "--message-format", "json"]).ends(0).objects();
    let kinds: Vec<&str> = objects.iter().filter_map(|o| o["kind"].as_str()).collect();
    assert_eq!(kinds, ["stage", "mark", "metric", "role"]);
}

/// What can be tried with each is what its explanation shows.
#[test]
fn every_example_of_a_stage_a_mark_or_a_metric_is_right() {
    let run = |line: &str| {
        let scenario = format!("schema: 1\nsources: [{{name: alpha}}]\n{line}\n");
        fed(&["check", "-"], &scenario).ends(0);
    };
    for name in ["sealed", "taken_over", "rto", "rpo_bytes", "lost"] {
        let said = mirrorsim(&["explain", name]).ends(0).out;
        let example = said.lines().find_map(|l| l.trim().strip_prefix("example ")).expect("an example");
        run(example.split("    (").next().unwrap_or_default().trim());
    }
}

#[test]
fn a_run_names_the_stage_that_never_came() {
    let never = busy("never_came", &["{when: {stage: degraded}, crash: {node: alpha}}"]);
    let said = mirrorsim(&["run", text(&never), "--no-report"]).ends(4).says("VACUOUS");
    said.says("never took effect: the stage `degraded` never came");
    let few = busy("few_came", &["{when: {stage: sealed, nth: 9999, source: alpha}, crash: {node: alpha}}"]);
    let said = mirrorsim(&["run", text(&few), "--no-report", "--message-format", "json"]).ends(4);
    let all = said.out.clone();
    assert!(
        all.contains("the stage `sealed` of alpha came ") && all.contains(" times, and not 9999"),
        "{all}"
    );
}

#[test]
fn a_trace_says_whom_a_fault_hits() {
    let path = busy(
        "trace_targets",
        &[
            "{at: 10ms, cut: {source: alpha, direction: forward, lasting: 1ms}}",
            "{at: 20ms, recover: {source: alpha, promote: true}}",
            "{at: 60ms, power_cut: {node: destination, restart_after: 1ms}}",
            "{at: 70ms, damage: {volume_block: {source: beta, block: 3}}}",
        ],
    );
    let said = mirrorsim(&["trace", text(&path), "--kind", "fault,fault_end"]).ends(0);
    for line in [
        "# fault 0: cut alpha, forward\n",
        "# fault 0 ends: cut alpha, forward\n",
        "# fault 1: recover alpha, promote\n",
        "# fault 2: power_cut destination\n",
        "# fault 3: damage beta, volume_block 3\n",
    ] {
        assert!(said.out.contains(line), "no {line} in\n{}", said.out);
    }
}

/// A drawn fault is none of the scenario's, and is named all the same.
#[test]
fn a_trace_names_what_drawn_faults_hit() {
    let profile = "profile: {source_crashes: 2, span: 20ms}\n";
    let path = file("trace_drawn", "tiny.yaml", &format!("{TINY}{profile}").replace("20}", "200}"));
    let said = mirrorsim(&["trace", text(&path), "--kind", "fault"]).ends(0);
    assert!(
        said.out.lines().count() > 0 && said.out.lines().all(|l| l.ends_with(": crash alpha")),
        "{}",
        said.out
    );
}
