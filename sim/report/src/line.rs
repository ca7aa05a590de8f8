//! Events as JSON objects, one a line.

use crate::collect::run_report;
use crate::model::Report;
use mirrorsim_campaign::{Plan, SeedRun};
use serde_json::{Value, json};

/// A scenario begins.
pub fn begun(plan: &Plan) -> Value {
    json!({
        "type": "begun", "scenario": plan.scenario.name, "path": plan.argument, "seeds": plan.seeds.to_string(),
        "planted": plan.planted_ids(),
    })
}

/// One seed.
pub fn run_line(plan: &Plan, run: &SeedRun) -> Value {
    json!({"type": "run", "scenario": plan.scenario.name, "run": run_report(plan, run)})
}

/// A scenario ends. `path` is where its report was written.
pub fn ended(report: &Report, path: Option<&str>) -> Value {
    json!({
        "type": "ended", "scenario": report.environment.scenario.name, "verdict": report.verdict,
        "exit_code": report.exit_code, "interrupted": report.interrupted, "summary": report.summary,
        "environment": report.environment, "abandoned": report.abandoned, "report": path,
    })
}
