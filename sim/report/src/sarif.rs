//! SARIF 2.1.0, which code scanning shows beside the scenarios: a rule an oracle, a result a kind of failure of a scenario.

use crate::campaign::CampaignReport;
use crate::number::plural;
use crate::place::line_of;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The rule of what has come back.
const REGRESSION: &str = "regression";

/// The report as SARIF; `about` says what an oracle is.
pub fn sarif(report: &CampaignReport, about: impl Fn(&str) -> Option<String>) -> Value {
    let oracle = |signature: &str| signature.split(' ').next().unwrap_or_default().to_owned();
    let mut rules: BTreeSet<String> = report.failures.iter().map(|f| oracle(&f.signature)).collect();
    if !report.regressions.is_empty() {
        rules.insert(REGRESSION.to_owned());
    }
    let rules: Vec<Value> = rules
        .into_iter()
        .map(|name| {
            let text = match name.as_str() {
                REGRESSION => Some("A repro of the corpus is not as it should be.".to_owned()),
                _ => about(&name),
            };
            json!({"id": name, "shortDescription": {"text": text.as_ref().unwrap_or(&name)}})
        })
        .collect();
    let failures = report.scenarios.iter().flat_map(|s| s.summary.failures.iter().map(move |f| (s, f)));
    let failures = failures.map(|(scenario, f)| {
        let known = scenario.known.contains(&f.signature);
        let suppressions = if known { vec![json!({"kind": "external"})] } else { Vec::new() };
        let (seeds, first) = (plural(f.seeds, "seed"), &f.first_seed.0);
        json!({
            "ruleId": oracle(&f.signature),
            "level": "error",
            "message": {"text": format!("{} ({seeds}, first {first})\n{}", f.message, f.replay)},
            "locations": [location(&scenario.path, &f.message)],
            "partialFingerprints": {"signature/v2": format!("{}: {}", scenario.name, f.signature)},
            "suppressions": suppressions,
        })
    });
    let regressions = report.regressions.iter().map(|r| {
        json!({
            "ruleId": REGRESSION,
            "level": "error",
            "message": {"text": format!("{}\n{}", r.message, r.replay)},
            "locations": [location(&r.path, &r.message)],
            "partialFingerprints": {"signature/v2": format!("{REGRESSION} {}", r.path)},
        })
    });
    let results: Vec<Value> = regressions.chain(failures).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "mirrorsim", "version": report.version, "rules": rules}},
            "results": results,
        }],
    })
}

/// The file; and the line, where the message has one.
fn location(path: &str, message: &str) -> Value {
    let region = json!({"startLine": line_of(path, message).unwrap_or(1)});
    json!({"physicalLocation": {"artifactLocation": {"uri": uri(path)}, "region": region}})
}

/// A path as a URI.
fn uri(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-~".contains(&b);
    path.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
