//! What many runs are worth, and that it is kept and compared.

use super::*;

#[test]
fn many_runs_have_a_bound_or_an_interval() {
    let path = file("bound", "tiny.yaml", TINY);
    let run = |more: &[&str]| mirrorsim(&[&["run", text(&path), "--no-report"], more].concat());
    run(&["--seeds", "1..=30"])
        .ends(0)
        .says("none of 30 runs failed: below 9.99 % of seeds fail, with 95 % confidence");
    assert!(!run(&["--seeds", "1..=2"]).ends(0).out.contains("confidence"), "two runs say nothing");
    let said = run(&["--seeds", "1..=30", "--message-format", "json"]).ends(0);
    let ended = said.objects().into_iter().find(|o| o["type"] == "ended").expect("an end");
    assert_eq!(ended["summary"]["failure_rate_bound_ppb"], 99_857_743);
    let red = file("bound_red", "red.yaml", RED);
    let run = |more: &[&str]| {
        mirrorsim(&[&["run", text(&path), text(&red), "--seeds", "1..=50", "--no-report"], more].concat())
            .ends(1)
    };
    run(&[]).says("50 of 100 seeds failed: 39.83 % to 60.17 % of seeds fail, with 95 % confidence");
    let said = run(&["--message-format", "json"]).objects();
    let summary = |o: &serde_json::Value| (o["type"] == "ended").then(|| o["summary"].clone());
    let ended: Vec<serde_json::Value> = said.iter().filter_map(summary).collect();
    assert_eq!(ended[0]["failure_rate_interval_ppb"], serde_json::Value::Null);
    let all = serde_json::json!({"low": 928_878_263, "high": 1_000_000_000});
    assert_eq!(
        (&ended[1]["failure_rate_bound_ppb"], &ended[1]["failure_rate_interval_ppb"]),
        (&serde_json::Value::Null, &all)
    );
}

#[test]
fn evidence_is_written_and_compared() {
    let path = file("evidence", "tiny.yaml", TINY);
    let kept = path.with_file_name("kept.json");
    let (write, compare) =
        (format!("--write-baseline={}", text(&kept)), format!("--compare={}", text(&kept)));
    let run = |more: &[&str]| mirrorsim(&[&["run", text(&path), "--no-report"], more].concat());
    run(&["--seeds", "1..=30", &write]).ends(0).says("baseline ");
    let evidence: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&kept).expect("a file")).expect("JSON");
    assert_eq!((&evidence["runs"], &evidence["failure_rate_bound_ppb"]), (&30.into(), &99_857_743.into()));
    run(&["--seeds", "1..=3", &compare])
        .ends(0)
        .complains("1 of 1 scenario compared with the baseline (30 runs");
    // Of the same sources another digest is the rig's fault.
    let mut other = evidence.clone();
    other["scenarios"][0]["digests"][2][1] = "00".into();
    std::fs::write(&kept, other.to_string()).expect("written");
    run(&["--seeds", "1..=3", &compare]).ends(4).complains("seed 3: digest");
    std::fs::write(&kept, "[]").expect("written");
    run(&["--seed", "1", &compare]).ends(3).complains("is no such table");
    // How much is checked changes no run; anything else does.
    run(&["--seed", "1", "--set", "check=end", &write]).ends(0).says("baseline ");
    for bent in [["--plant", "P10"], ["--set", "protocol.ack=file"]] {
        run(&[&["--seed", "1", &write][..], &bent].concat()).ends(2).complains("scenarios as they are");
    }
}

#[test]
fn what_failed_is_no_evidence() {
    let path = file("no_evidence", "red.yaml", RED);
    let kept = path.with_file_name("kept.json");
    let write = format!("--write-baseline={}", text(&kept));
    mirrorsim(&["run", text(&path), "--no-report", &write]).ends(1).complains("no baseline is written");
    assert!(!kept.exists());
}
