//! What a campaign says of the claims, and what it returns then.

use super::*;

/// Seals a few generations, and asks for them again and again.
const REPEATS: &str = "schema: 1\nname: repeats\ntags: [claim-3]\nprotocol: {transport: datagram, resend_after: 1ms}\n\
     sources: [{name: alpha, link: {latency: 1ms..9ms}}]\nclients: [{operations: 60}]\n";

fn read(path: &Path) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(path).expect("a file")).expect("JSON")
}

fn claim(all: &serde_json::Value, number: u64) -> serde_json::Value {
    let claims = all["claims"].as_array().expect("claims");
    claims.iter().find(|c| c["claim"] == number).expect("the claim").clone()
}

#[test]
fn a_campaign_about_claims_says_what_it_has_shown() {
    let path = file("claims", "repeats.yaml", REPEATS);
    let out = scratch("claims_out");
    let run = |more: &[&str]| {
        mirrorsim(&[&["run", text(&path), "--seeds", "1..=3", "--report-dir", text(&out)], more].concat())
    };
    // The file is written whether the table is wanted or not.
    assert!(!run(&[]).ends(0).out.contains("live claims"));
    let all = read(&out.join("claims.json"));
    let third = claim(&all, 3);
    assert_eq!((&third["verdict"], &third["seeds"]), (&"shown".into(), &3.into()));
    assert!(third["exercised"].as_array().expect("steps").iter().all(|s| s["count"].as_u64() > Some(0)));
    assert_eq!((&third["caught"], &third["bugs"][0]["id"]), (&4.into(), &"P07".into()));
    assert_eq!(claim(&all, 2)["verdict"], "cancelled");
    assert_eq!(claim(&all, 1)["verdict"], "no_scenario");
    run(&["--claims"]).ends(0).says("    3  shown ").says("1 of 20 live claims shown").says("claims.json");
    let objects = run(&["--claims", "--message-format", "json"]).ends(0).objects();
    assert!(objects.iter().any(|o| o["type"] == "claims" && o["claims"]["shown"] == 1));
    // A bug that nobody can find in it is no claim's failure, and what it comes to is kept apart.
    run(&["--plant", "P09", "--claims"]);
    assert_eq!(read(&out.join("claims+P09.json"))["planted"][0], "P09");
    assert_eq!(claim(&read(&out.join("claims.json")), 3)["verdict"], "shown");
}

#[test]
fn a_claim_of_which_nothing_happened_is_not_shown() {
    let idle = TINY.replace("name: tiny", "name: tiny\ntags: [claim-3]");
    let path = file("claims_idle", "tiny.yaml", &idle);
    let run = |more: &[&str]| mirrorsim(&[&["run", text(&path), "--no-report"], more].concat());
    run(&[]).ends(0);
    run(&["--claims"])
        .ends(4)
        .says("NOT EXERCISED")
        .complains("claim 3 was not exercised: no mark sync_request_repeated");
    let red = RED.replace("name: red", "name: red\ntags: [claim-3]");
    let path = file("claims_red", "red.yaml", &red);
    mirrorsim(&["run", text(&path), "--no-report", "--claims"]).ends(1).says("    3  FAILED ");
}

#[test]
fn without_a_claim_there_is_no_file() {
    let path = file("claims_none", "tiny.yaml", TINY);
    let out = scratch("claims_none_out");
    mirrorsim(&["run", text(&path), "--report-dir", text(&out)]).ends(0);
    assert!(!out.join("claims.json").exists());
    mirrorsim(&["run", text(&path), "--report-dir", text(&out), "--claims"]).ends(0).says("0 of 20 live");
}

#[test]
fn where_claims_cannot_be_written_nothing_is_run() {
    let path = file("claims_unwritable", "repeats.yaml", REPEATS);
    let run = ["run", text(&path), "--claims", "--report-dir", text(&path)];
    let said = mirrorsim(&run).ends(3).complains("is a file, and a folder is wanted");
    assert_eq!(said.out, "");
}
