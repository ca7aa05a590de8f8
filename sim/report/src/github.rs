//! What GitHub Actions shows of a campaign, within its limits: 10 annotations of a kind a step, 1 MiB of summary.

use crate::campaign::CampaignReport;
use crate::number::{count, plural, share, share_at_most};
use crate::place::line_of;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Annotations of one kind that are shown of a step.
const ANNOTATIONS: usize = 10;
/// Bytes of a step's summary, with some left for other tools.
const SUMMARY: usize = 900 << 10;
/// Kinds of failures in the summary.
const KINDS: usize = 200;

/// Workflow commands, a line each: an error for each kind of failure, with the line that runs it again.
pub fn annotations(report: &CampaignReport) -> String {
    let mut out = String::new();
    let regressions = report.regressions.iter().map(|r| {
        (r.path.as_str(), &r.message, "regression".to_owned(), format!("{}\n{}", r.message, r.replay))
    });
    let failures = report.failures.iter().filter(|f| !f.known).map(|f| {
        let text =
            format!("{}, first {}: {}\n{}", plural(f.seeds, "seed"), f.first_seed, f.message, f.replay);
        (f.path.as_str(), &f.message, format!("{}: {}", f.scenario, f.signature), text)
    });
    let all: Vec<_> = regressions.chain(failures).collect();
    let shown = if all.len() > ANNOTATIONS { ANNOTATIONS - 1 } else { ANNOTATIONS };
    for (path, message, title, text) in all.iter().take(shown) {
        let line = line_of(path, message).map_or_else(String::new, |line| format!(",line={line}"));
        let (file, title) = (property(path), property(title));
        let _ = writeln!(out, "::error file={file}{line},title={title}::{}", data(text));
    }
    let more = all.len().saturating_sub(shown);
    if more > 0 {
        let _ = writeln!(
            out,
            "::error title=mirrorsim::{} of failures; the report has them",
            plural(more as u64, "more kind")
        );
    }
    out
}

/// Markdown for the page of the run. `repros` are the files of kinds of failures, by signature.
pub fn step_summary(report: &CampaignReport, repros: &BTreeMap<String, String>) -> String {
    let v = &report.verdicts;
    let mut out = format!(
        "### mirrorsim: {}{} of {}{}\n\n{} passed, {} {}, {} vacuous, {} inconclusive, {} of the rig\n\n",
        plural(report.seeds, "seed"),
        if report.complete { "" } else { " so far" },
        plural(report.scenarios.len() as u64, "scenario"),
        report.with_planted(),
        count(v.passed),
        count(v.failed),
        report.failed(),
        count(v.vacuous),
        count(v.inconclusive),
        plural(v.rig, "fault")
    );
    if !report.complete {
        out += "**Partial**: seeds are missing, and nothing is said of them.\n\n";
    }
    if let Some(bound) = report.failure_rate_bound_ppb {
        let _ = writeln!(
            out,
            "None failed: below {} of seeds fail, with 95 % confidence.\n",
            share_at_most(bound)
        );
    }
    if let Some(rate) = report.failure_rate_interval_ppb {
        let (low, high) = (share(rate.low), share_at_most(rate.high));
        let _ = writeln!(out, "{low} to {high} of seeds fail, with 95 % confidence.\n");
    }
    for r in &report.regressions {
        let _ = writeln!(out, "Regression {}: {}, `{}`\n", cell(&r.path), cell(&r.message), cell(&r.replay));
    }
    if !report.failures.is_empty() {
        out += "| seeds | scenario | first seed | cause | again |\n|---|---|---|---|---|\n";
    }
    for f in report.failures.iter().take(KINDS) {
        // The signature is what `--known` takes; the message is the first finding, as the first seed has it.
        let repro = repros.get(&f.signature).filter(|_| !f.known);
        let repro = repro.map_or_else(String::new, |path| format!("<br>repro `{}`", cell(path)));
        let row = format!(
            "| {} | {} | {} | {}{}<br>`{}` | `{}`{repro} |\n",
            count(f.seeds),
            cell(&f.scenario),
            f.first_seed,
            if f.known { "known: " } else { "" },
            cell(&f.message),
            cell(&f.signature),
            cell(&f.replay),
        );
        if out.len() + row.len() > SUMMARY {
            break;
        }
        out += &row;
    }
    out
}

/// A value before the double colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The text behind it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text in a table.
fn cell(text: &str) -> String {
    text.replace(['\n', '\r'], " ").replace('|', "\\|").replace('`', "'").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_said_can_be_taken_for_a_command() {
        assert_eq!(property("a,b: 50%\n::error::x"), "a%2Cb%3A 50%25%0A%3A%3Aerror%3A%3Ax");
        assert_eq!(data("50 %\nnext"), "50 %25%0Anext");
        assert_eq!(cell("a|b\n<script>`"), "a\\|b &lt;script>'");
    }
}
