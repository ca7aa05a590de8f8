//! The summary of a campaign.

use super::many::{badge, confidence, verdicts};
use super::{BOLD, Page, YELLOW, plural, shortened};
use crate::campaign::{CampaignReport, Standing};
use crate::number::{count, rate, share, wall};
use mirrorsim_campaign::{Signal, Tally};
use mirrorsim_world::outcome::Verdict;
use std::time::Duration;

/// Kinds of failures that are shown; the report has all.
const GROUPS: usize = 20;

/// What it came to. `signal` is why it was stopped.
pub fn campaign(standing: &Standing<'_>, report: &CampaignReport, signal: Option<Signal>) -> String {
    let mut page = Page::default();
    let total = &standing.sums.total;
    let scenarios = plural(standing.plans.len() as u64, "scenario");
    let shard = report.shard.as_ref().map_or_else(String::new, |s| format!(" (shard {s})"));
    page.line(&format!(
        "{}  {BOLD}{scenarios}{BOLD:#}, {}{}{shard}{}: {}",
        badge(total, standing.exit(), signal),
        plural(total.runs(), "seed"),
        if report.complete { "" } else { " so far" },
        report.with_planted(),
        verdicts(total, &report.failed())
    ));
    for regression in &report.regressions {
        page.labelled(
            "regression",
            &format!("{}: {}", regression.path.escape_debug(), shortened(&regression.message)),
        );
        page.labelled("", &regression.replay);
    }
    for failure in report.failures.iter().take(GROUPS) {
        let first = format!("{} seed {}", failure.scenario, failure.first_seed);
        let seeds = format!("{}x, first {first}:", count(failure.seeds));
        let label = if failure.known { "known" } else { "failure" };
        page.labelled(label, &format!("{seeds} {}", shortened(&failure.signature)));
        page.labelled("", &failure.replay);
    }
    let seen = |scenario: Option<&str>, signature: &str| {
        let of = standing.plans.iter().zip(&standing.sums.plans);
        let of = of.filter(|(plan, _)| scenario.is_none_or(|name| name == plan.scenario.name));
        let kinds = of.flat_map(|(_, (tally, _))| tally.groups.keys());
        kinds.filter(|kind| kind.0 == signature).map(|kind| kind.1).collect::<Vec<_>>()
    };
    for (scenario, signature, line) in standing.known.all() {
        let seen = seen(scenario, signature);
        let what = match seen.first() {
            Some(_) if seen.contains(&Verdict::Failed) => continue,
            Some(_) => "seen, but no failure that can be known: such a run proves nothing",
            None if report.complete => "known, and not seen any more",
            None => continue,
        };
        let of = scenario.map_or_else(String::new, |name| format!("{name}: "));
        page.labelled("", &format!("{what} (line {line}): {of}{signature}"));
    }
    if report.failures.len() > GROUPS {
        let more = plural((report.failures.len() - GROUPS) as u64, "more kind");
        page.labelled("", &format!("and {more}; the report has them"));
    }
    for missing in &total.unreached {
        page.labelled("", &format!("{YELLOW}not reached: {missing}{YELLOW:#}"));
    }
    if let Some(line) = confidence(total) {
        page.labelled("confidence", &line);
    }
    let reach = &report.reach;
    if total.runs() > 0 {
        let alone = match reach.in_one_seed {
            0 if reach.reached == 0 => "nothing at all".to_owned(),
            0 => "each in more than one seed".to_owned(),
            _ => format!(
                "{} of them in one seed only ({}): one more seed reaches something new with a chance of about {} (Good and \
                 Turing)",
                count(reach.in_one_seed),
                plural(reach.seeds_with_such, "such seed"),
                share(reach.next_is_new_ppb)
            ),
        };
        page.labelled("reached", &format!("{} states, stages and cells, {alone}", count(reach.reached)));
        let curve: Vec<String> =
            reach.growth.iter().map(|g| format!("{} by {}", count(g.reached), count(g.seeds))).collect();
        if !curve.is_empty() {
            page.labelled("growth", &format!("{} (seeds of each scenario)", curve.join(", ")));
        }
    }
    if total.twice > 0 && total.rig == 0 {
        page.labelled("run twice", &format!("{}, each the same in every event", plural(total.twice, "seed")));
    }
    page.labelled("results", &format!("{} (sum of their hashes)", report.results.0));
    if !report.complete {
        let missing = report.scenarios.iter().filter(|s| s.missing.is_some()).count() as u64;
        let what = if standing.whole { "missing" } else { "still to be run" };
        page.labelled("partial", &format!("seeds of {} are {what}", plural(missing, "scenario")));
    }
    page.text
}

/// How fast it was since there were the seeds of `before`, by so many workers on so many cores. It is in no report, since it
/// depends on the machine.
pub fn pace(before: &Tally, after: &Tally, elapsed: Duration, workers: usize, cores: usize) -> String {
    let seeds = after.runs() - before.runs();
    let judged = |tally: &Tally| tally.full + tally.delta + tally.recoveries;
    let (workers, a_minute) = (workers as u64, rate(seeds * 60, elapsed));
    let mut page = Page::default();
    page.labelled(
        "time",
        &format!(
            "{} wall on {}; {}, {} a minute, {} a minute and core; {} disasters checked per CPU-hour",
            wall(elapsed),
            plural(workers, "worker"),
            plural(seeds, "seed"),
            count(a_minute),
            count(a_minute / workers.min(cores as u64).max(1)),
            count(rate((judged(after) - judged(before)) * 3600, after.busy.saturating_sub(before.busy)))
        ),
    );
    page.text
}
