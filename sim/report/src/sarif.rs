//! SARIF 2.1.0, which code scanning shows beside the scenarios: a rule an oracle, a result a kind of failure.

use crate::campaign::CampaignReport;
use crate::number::plural;
use mirrorsim_world::ORACLE_TEXTS;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The rule of what has come back.
const REGRESSION: &str = "regression";

/// The report as SARIF.
pub fn sarif(report: &CampaignReport) -> Value {
    let oracle = |signature: &str| signature.split(' ').next().unwrap_or_default().to_owned();
    let mut rules: BTreeSet<String> = report.failures.iter().map(|f| oracle(&f.signature)).collect();
    if !report.regressions.is_empty() {
        rules.insert(REGRESSION.to_owned());
    }
    let rules: Vec<Value> = rules
        .into_iter()
        .map(|name| {
            // The first line of an oracle's file says what it looks at.
            let text = ORACLE_TEXTS.iter().find(|(known, _)| *known == name);
            let text = text.and_then(|(_, text)| text.lines().next()?.strip_prefix("//! ")).unwrap_or(&name);
            json!({"id": name, "shortDescription": {"text": text}})
        })
        .collect();
    let results: Vec<Value> = report
        .failures
        .iter()
        .map(|f| {
            let suppressions = if f.known { vec![json!({"kind": "external"})] } else { Vec::new() };
            json!({
                "ruleId": oracle(&f.signature),
                "level": "error",
                "message": {"text": format!("{} ({}, first {})\n{}", f.message, plural(f.seeds, "seed"), f.first_seed, f.replay)},
                "locations": [{"physicalLocation": {
                    "artifactLocation": {"uri": uri(&f.path)}, "region": {"startLine": 1},
                }}],
                "partialFingerprints": {"signature/v1": f.signature},
                "suppressions": suppressions,
            })
        })
        .collect();
    let regressions = report.regressions.iter().map(|r| {
        json!({
            "ruleId": REGRESSION,
            "level": "error",
            "message": {"text": format!("{}\n{}", r.message, r.replay)},
            "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": uri(&r.path)}, "region": {"startLine": 1},
            }}],
            "partialFingerprints": {"signature/v1": format!("{REGRESSION} {}", r.path)},
        })
    });
    let results: Vec<Value> = regressions.chain(results).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "mirrorsim", "version": report.version, "rules": rules}},
            "results": results,
        }],
    })
}

/// A path as a URI.
fn uri(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-~".contains(&b);
    path.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
