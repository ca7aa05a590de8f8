//! What a campaign has been through, and a run that leaves the fault model.

use super::*;

/// Two generations and a record in a file when the fault comes.
const BUSY: &str =
    "schema: 1\nname: busy\nsources: [{name: alpha, partition_size: 8KiB}]\nclients: [{operations: 80}]\n";

#[test]
fn a_scenario_that_leaves_the_model_unannounced_is_refused() {
    let faults = "faults:\n  - {when: {stage: file_marked, nth: 9}, damage: {file_record: {nth: 0}, bits: 3}}\n  - {when: {stage: damage_found}, recover: {source: alpha}}\n";
    let faults = faults.replace("{stage: damage_found}", "{stage: file_marked, nth: 9, delay: 1us}");
    let path = file("beyond", "beyond.yaml", &format!("{BUSY}{faults}"));
    let said = mirrorsim(&["run", text(&path), "--no-report"]).ends(4).says("VACUOUS");
    said.says("recover at ")
        .says("beyond.yaml:7 would leave the fault model")
        .says("is damaged at the destination");
    let told = format!("{BUSY}beyond_model: true\n{faults}");
    let path = file("beyond", "told.yaml", &told);
    mirrorsim(&["run", text(&path), "--no-report"]).ends(0).says("PASSED");
}

#[test]
fn what_is_lost_stands_beside_what_is_exact() {
    let faults = "beyond_model: true\nfaults:\n  - {at: 20ms, log_file: {source: alpha, becomes: nothing}}\n  - {at: 20ms, disaster: {}}\n";
    let path = file("loss", "loss.yaml", &format!("{BUSY}{faults}"));
    let said = mirrorsim(&["run", text(&path), "--no-report"]).ends(0);
    said.says("1 recovery exact up to what was left; ").says(" answered operations lost, and reported");
}

/// The source lives, and nobody asks it any more.
#[test]
fn damage_of_a_mirror_that_is_being_recovered_leaves_the_model() {
    let faults = "faults:\n  - {when: {stage: file_marked, nth: 9}, recover: {source: alpha}}\n  - {when: {stage: file_marked, nth: 9, delay: 1us}, damage: {file_record: {nth: 0}, bits: 3}}\n";
    let path = file("recovering", "recovering.yaml", &format!("{BUSY}{faults}"));
    let said = mirrorsim(&["run", text(&path), "--no-report"]).ends(4).says("VACUOUS");
    said.says("damage at ").says("would leave the fault model").says("its source is asked no more");
}

/// A source that is fenced and lives may still hear what the destination had acknowledged, and answer it (I8).
#[test]
fn damage_of_what_may_still_be_answered_leaves_the_model() {
    let start = "schema: 1
sources: [{name: alpha, partition_size: 8KiB}, {name: beta}]
destination: {reserve: 2KiB}
clients: [{source: alpha, slots: 4, script: [{write: {offset: 0, length: 600}}, {at: 40ms, write: {offset: 600, length: 600}}]}]
faults:
  - {at: 39ms, cut: {source: alpha, direction: backward}}
  - {at: 50ms, damage: {file_record: {source: alpha, nth: 1}, bits: 3}}
";
    let run = |name: &str, fault: &str| {
        let path = file(
            "under_way",
            &format!("{name}.yaml"),
            &format!("{start}  - {{at: 60ms, {name}: {fault}}}\n"),
        );
        mirrorsim(&["run", text(&path), "--no-report"])
    };
    for (name, fault) in [("recover", "{source: alpha}"), ("adopt", "{source: alpha, by: beta}")] {
        let said = run(name, fault).ends(4).says("would leave the fault model");
        said.says(&format!("{name} at ")).says("(1, 2) is damaged at the destination");
    }
}

/// What the destination serves clients with has no second copy; what a former source has nobody needs.
#[test]
fn what_serves_clients_at_the_destination_has_no_second_copy() {
    let promotion =
        "faults:\n  - {when: {stage: file_marked, nth: 9}, recover: {source: alpha, promote: true}}\n";
    let then = "{when: {stage: promoted, nth: 1, delay: 5ms}, ";
    let run = |name: &str, fault: &str| {
        let path = file(name, "promoted.yaml", &format!("{BUSY}{promotion}  - {then}{fault}}}\n"));
        mirrorsim(&["run", text(&path), "--no-report"])
    };
    let said = run("heir", "nvram_lost: {node: destination}").ends(4).says("VACUOUS");
    said.says("would leave the fault model").says("its clients are served with the image alone");
    let former = run("former", "disk_replaced: {node: alpha, device: image}");
    former.ends(0).says("its clients go on with the image");
}

/// No verdict is owed where the superblocks are not ours to read, at any change in between.
#[test]
fn formats_of_another_version_at_every_change() {
    let path = top().join("scenarios/faults/format_destination.yaml");
    mirrorsim(&["run", text(&path), "--seeds", "11..=13", "--no-report"]).ends(0);
}

#[test]
fn a_campaign_that_does_not_get_where_it_should_is_not_green() {
    let reach = "reach: [partition_reused, damage_reported]\n";
    let path = file("reach", "reach.yaml", &format!("{BUSY}check: end\n{reach}"));
    mirrorsim(&["run", text(&path), "--seeds", "1..=99", "--no-report"]).ends(0);
    let out = scratch("reached");
    let said = mirrorsim(&["run", text(&path), "--seeds", "1..=100", "--report-dir", text(&out)]);
    let said = said.ends(4).says("VACUOUS").says("not reached: busy: damage_reported, in 100 seeds");
    assert!(!said.out.contains("partition_reused"), "{}", said.out);
    let report = std::fs::read_to_string(out.join("busy-1-100.json")).expect("a report");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    let coverage = &report["summary"]["coverage"];
    assert_eq!(coverage["unreached"][0], "busy: damage_reported, in 100 seeds");
    assert!(coverage["marks"]["partition_reused"].as_u64() >= Some(100), "{coverage}");
    assert_eq!(coverage["marks"]["damage_reported"], 0);
}

#[test]
fn the_report_counts_faults_by_role_and_phase() {
    let faults = "faults: [{when: {stage: apply_journaled, node: destination}, crash: {node: destination}}, {at: 1ms, cut: {lasting: 1ms}}]\n";
    let path = file("matrix", "matrix.yaml", &format!("{BUSY}{faults}"));
    let out = scratch("matrix_out");
    mirrorsim(&["run", text(&path), "--report-dir", text(&out)]).ends(0);
    let report = std::fs::read_to_string(out.join("busy-1.json")).expect("a report");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    let cells = report["summary"]["coverage"]["cells"].as_array().expect("cells").clone();
    let cell = |fault: &str, role: &str, phase: &str| {
        let found = cells.iter().find(|c| c["fault"] == fault && c["role"] == role && c["phase"] == phase);
        found.unwrap_or_else(|| panic!("{fault} {role} {phase}: {cells:#?}")).clone()
    };
    let crash = cell("crash", "destination", "apply");
    assert_eq!((crash["injected"].as_u64(), crash["took_effect"].as_u64()), (Some(1), Some(1)));
    assert_eq!(cell("crash", "destination", "heal")["injected"], 0);
    assert!(
        cell("crash", "destination", "off")["unreachable"]
            .as_str()
            .is_some_and(|r| r.contains("cannot crash"))
    );
    let cuts = cells.iter().filter(|c| c["fault"] == "cut").map(|c| c["injected"].as_u64().unwrap_or(0));
    assert_eq!(cuts.sum::<u64>(), 1);
    let copies = report["summary"]["coverage"]["ledger"]["copies"].as_array().expect("copies");
    assert!(
        copies.iter().all(|c| c["source"].as_u64() >= Some(1) && c["destination"].as_u64() >= Some(1)),
        "{copies:?}"
    );
}
