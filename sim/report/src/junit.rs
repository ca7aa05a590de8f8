//! JUnit XML for CI: a test case a scenario, with the lines that run its failures again.

use crate::campaign::{CampaignReport, CampaignScenario};
use crate::number::{count, plural};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::fmt::Write;

/// The report as XML.
pub fn junit(report: &CampaignReport) -> Result<String, String> {
    let mut suite = TestSuite::new(format!("mirrorsim campaign{}", report.with_planted()));
    for regression in &report.regressions {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(regression.message.clone()).set_description(regression.replay.clone());
        suite.add_test_case(TestCase::new(regression.path.clone(), status));
    }
    for scenario in &report.scenarios {
        let mut case = TestCase::new(scenario.name.clone(), status(scenario));
        case.set_classname(scenario.path.clone());
        let failures = scenario.summary.failures.iter().filter(|f| scenario.known.contains(&f.signature));
        let failures =
            failures.map(|f| format!("known: {} failed: {}", plural(f.seeds, "seed"), f.signature));
        let lines: Vec<String> = failures.chain(partly(scenario)).collect();
        if !lines.is_empty() {
            case.set_system_out(lines.join("\n"));
        }
        suite.add_test_case(case);
    }
    let mut all = Report::new("mirrorsim");
    all.add_test_suite(suite);
    all.to_string().map(|xml| with_breaks(&xml)).map_err(|e| e.to_string())
}

/// A reader takes a line break in an attribute for a space, unless it is a reference.
fn with_breaks(xml: &str) -> String {
    let mut out = String::with_capacity(xml.len());
    let (mut tag, mut value) = (false, false);
    for c in xml.chars() {
        match c {
            // No other ones stand between tags, or in a value: they are escaped.
            '<' | '>' if !value => tag = c == '<',
            '"' if tag => value = !value,
            '\n' | '\r' | '\t' if value => {
                let _ = write!(out, "&#{};", u32::from(c));
                continue;
            }
            _ => {}
        }
        out.push(c);
    }
    out
}

/// Seeds that were run.
fn run(scenario: &CampaignScenario) -> u64 {
    let v = &scenario.summary.verdicts;
    v.passed + v.failed + v.vacuous + v.inconclusive + v.rig
}

/// Of a scenario of which some seeds were run: how many, and which were not.
fn partly(scenario: &CampaignScenario) -> Option<String> {
    let missing = scenario.missing.as_ref().filter(|_| run(scenario) > 0)?;
    Some(format!("run: {}; not run: seeds {missing}", plural(run(scenario), "seed")))
}

fn status(scenario: &CampaignScenario) -> TestCaseStatus {
    let (summary, run) = (&scenario.summary, run(scenario));
    let (known, new): (Vec<_>, Vec<_>) =
        summary.failures.iter().partition(|f| scenario.known.contains(&f.signature));
    if let Some(first) = new.first() {
        let mut text = format!("{} of {} did not pass", run - summary.verdicts.passed, plural(run, "seed"));
        text += &match known.iter().map(|f| f.seeds).sum() {
            0 => "\n".to_owned(),
            seeds => format!(", {} of them in a way that is known\n", count(seeds)),
        };
        let all = new.iter().map(|f| ("", f)).chain(known.iter().map(|f| ("known: ", f)));
        for (mark, f) in all {
            let first = format!("first seed {}: {}", f.first_seed.0, f.message);
            let _ = write!(text, "\n{mark}{}x, {first}\n{}\n", f.seeds, f.replay);
        }
        partly(scenario).iter().for_each(|line| text += &format!("\n{line}\n"));
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(first.message.clone()).set_type(first.signature.clone()).set_description(text);
        return status;
    }
    if !summary.coverage.unreached.is_empty() {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(format!("not reached: {}", summary.coverage.unreached.join("; ")));
        return status;
    }
    match &scenario.missing {
        Some(missing) if run == 0 => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(format!("not run: seeds {missing}"));
            status
        }
        _ => TestCaseStatus::success(),
    }
}
