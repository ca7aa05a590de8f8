//! The summary of many seeds of one scenario, and of many scenarios.

use super::{BOLD, GREEN, Page, RED, YELLOW, again, plural, shortened, unseen};
use crate::collect::failure_rate;
use crate::number::{self, bound, count, nanos, rate, share, share_at_most, wall};
use mirrorsim_campaign::{Exit, Kind, Plan, Signal, Tally};
use std::time::Duration;

/// Groups of failures that are shown.
const GROUPS: usize = 5;
/// What is said of seeds that failed, where no failure can be known.
const FAILED: &str = "failed";

/// The summary of a scenario; the last line of a red one is to be pasted.
pub fn many(
    plan: &Plan,
    tally: &Tally,
    signal: Option<Signal>,
    wall_time: Duration,
    workers: usize,
    report: Option<&str>,
) -> String {
    let mut page = Page::default();
    let name = &plan.scenario.name;
    let planted = plan.planted_ids().join(", ");
    let planted = if planted.is_empty() { planted } else { format!("  planted {planted}") };
    let of = if signal.is_some() { format!(" of {}", plan.seeds.count()) } else { String::new() };
    let ran = plural(tally.runs(), "seed");
    page.line(&format!(
        "{}  {BOLD}{name}{BOLD:#}  {ran}{of} ({}){planted}",
        badge(tally, tally.exit(), signal),
        shortened(&plan.seeds.to_string())
    ));
    page.labelled("verdicts", &verdicts(tally, FAILED));
    let groups = tally.groups_by_size();
    for Kind { signature, group, .. } in groups.iter().take(GROUPS) {
        let seeds = format!("{}x, first seed {}:", count(group.seeds), group.first.2);
        page.labelled("failure", &format!("{seeds} {}", shortened(signature)));
    }
    if groups.len() > GROUPS {
        page.labelled("", &format!("and {}", plural((groups.len() - GROUPS) as u64, "more kind")));
    }
    body(&mut page, tally);
    if let Some(line) = confidence(tally) {
        page.labelled("confidence", &line);
    }
    if tally.twice > 0 && tally.rig == 0 {
        page.labelled("run twice", &format!("{}, each the same in every event", plural(tally.twice, "seed")));
    }
    if signal.is_none() && tally.exit() == Exit::Passed {
        unseen(plan).iter().for_each(|line| page.labelled("planted", line));
    }
    let speed = format!(
        "{} events/s a worker, {} seeds/min",
        count(rate(tally.events, tally.busy)),
        count(rate(tally.runs() * 60, wall_time))
    );
    page.labelled(
        "time",
        &format!("{} wall on {}; {speed}", wall(wall_time), plural(workers as u64, "worker")),
    );
    if let Some(report) = report {
        page.labelled("report", report);
    }
    if let Some((_, again)) = again(&groups, &[]) {
        page.line(&format!("{BOLD}{again}{BOLD:#}"));
    }
    page.text
}

/// What many runs say of those that were not run.
pub(super) fn confidence(tally: &Tally) -> Option<String> {
    if let Some(rate) = failure_rate(tally) {
        let (failed, judged) = (count(tally.failed), plural(tally.passed + tally.failed, "seed"));
        let (low, high) = (share(rate.low), share_at_most(rate.high));
        return Some(format!(
            "{failed} of {judged} failed: {low} to {high} of seeds fail, with 95 % confidence"
        ));
    }
    let bound = bound(tally.runs()).filter(|_| tally.red() == 0)?;
    let runs = plural(tally.runs(), "run");
    Some(format!("none of {runs} failed: below {} of seeds fail, with 95 % confidence", share_at_most(bound)))
}

fn body(page: &mut Page, tally: &Tally) {
    let faults = tally.faults.iter().filter(|(_, f)| f.injected > 0);
    let faults: Vec<String> =
        faults.map(|(name, f)| format!("{name} {}/{}", count(f.took_effect), count(f.injected))).collect();
    if !faults.is_empty() {
        page.labelled("faults", &format!("took effect/injected: {}", faults.join(", ")));
    }
    let idle: Vec<String> =
        tally.ineffective().iter().map(|(name, n)| format!("{name} ({n} injected)")).collect();
    if !idle.is_empty() {
        page.labelled("", &format!("{YELLOW}never took effect: {}{YELLOW:#}", idle.join(", ")));
    }
    coverage(page, tally);
    let o = &tally.operations;
    let parts = [
        (o.acknowledged, "acknowledged"),
        (o.refused, "refused"),
        (o.in_doubt, "in doubt"),
        (o.lost, "lost"),
    ];
    let parts: Vec<String> = parts.iter().map(|(n, what)| format!("{} {what}", count(*n))).collect();
    page.labelled("operations", &format!("{} issued: {}", count(o.issued), parts.join(", ")));
    if tally.recoveries > 0 {
        let worst = format!(
            "worst RPO {}, worst RTO {}",
            plural(tally.worst_rpo, "operation"),
            nanos(tally.worst_rto)
        );
        page.labelled(
            "recoveries",
            &format!("{}, {} exact; {worst}", count(tally.recoveries), count(tally.exact)),
        );
    }
    if tally.promotions > 0 {
        let worst = format!("worst outage for clients {}", nanos(tally.worst_outage));
        page.labelled("promotions", &format!("{}; {worst}", count(tally.promotions)));
    }
    if tally.hand_overs > 0 {
        let worst = format!("worst outage for clients {}", nanos(tally.worst_hand_over));
        page.labelled("hand-overs", &format!("{}; {worst}", count(tally.hand_overs)));
    }
    let parts = [
        (tally.full, "full"),
        (tally.delta, "delta"),
        (tally.equal, "seen before"),
        (tally.nested, "nested"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", count(*n))).collect();
    let parts = if parts.is_empty() { "none".into() } else { parts.join(", ") };
    page.labelled(
        "checks",
        &format!(
            "{}: {parts}; {}",
            plural(tally.changes, "durable change"),
            plural(tally.disagreements, "disagreement")
        ),
    );
}

fn coverage(page: &mut Page, tally: &Tally) {
    let hit = tally.matrix.values().filter(|c| c.took_effect > 0).count();
    let all = mirrorsim_world::MARKS.len();
    page.labelled(
        "coverage",
        &format!(
            "{} of fault, role and phase; {} of {all} marks",
            plural(hit as u64, "cell"),
            tally.marks.len()
        ),
    );
    for missing in &tally.unreached {
        page.labelled("", &format!("{YELLOW}not reached: {missing}{YELLOW:#}"));
    }
    let bytes = |few: fn(u8) -> bool| -> u64 {
        tally.copies.iter().filter(|((s, d), _)| few(s + d)).map(|(_, b)| b).sum()
    };
    let [none, one, more] = [bytes(|n| n == 0), bytes(|n| n == 1), bytes(|n| n > 1)];
    page.labelled(
        "copies",
        &format!(
            "of acknowledged bytes, {}: {} without, {} with one, {} with more; {} withheld by the atlas",
            plural(tally.counted, "count"),
            number::bytes(none),
            number::bytes(one),
            number::bytes(more),
            plural(tally.withheld, "drawn fault")
        ),
    );
}

/// One line about a scenario among several, by what it is called there.
pub fn brief(name: &str, plan: &Plan, tally: &Tally, signal: Option<Signal>, wall_time: Duration) -> String {
    let seeds = match plan.seeds.count() {
        1 => format!("seed {}", plan.seeds),
        _ => format!("{}: {}", plural(tally.runs(), "seed"), verdicts(tally, FAILED)),
    };
    let changes = plural(tally.changes, "durable change");
    let events = plural(tally.events, "event");
    format!(
        "{}  {BOLD}{}{BOLD:#}  {seeds}; {events}, {changes}, {}\n",
        badge(tally, tally.exit(), signal),
        name,
        wall(wall_time)
    )
}

/// One line over several scenarios.
pub fn several(scenarios: usize, tally: &Tally, signal: Option<Signal>, wall_time: Duration) -> String {
    let seeds = plural(tally.runs(), "seed");
    let all = plural(scenarios as u64, "scenario");
    let events = plural(tally.events, "event");
    let confidence = confidence(tally).map_or_else(String::new, |line| format!("{line}\n"));
    format!(
        "{}  {BOLD}{all}{BOLD:#}, {seeds}: {}; {events}, {} wall\n{confidence}",
        badge(tally, tally.exit(), signal),
        verdicts(tally, FAILED),
        wall(wall_time)
    )
}

pub(super) fn badge(tally: &Tally, exit: Exit, signal: Option<Signal>) -> String {
    let (style, word) = match (signal, exit) {
        (Some(Signal::Unkept), _) => (YELLOW, "STOPPED"),
        (Some(_), _) => (YELLOW, "INTERRUPTED"),
        (_, Exit::Passed) => (GREEN, "PASSED"),
        (_, Exit::Failed) => (RED, "FAILED"),
        (_, Exit::Inconclusive) => (YELLOW, "INCONCLUSIVE"),
        _ if tally.rig > 0 => (RED, "RIG FAILURE"),
        _ => (YELLOW, "VACUOUS"),
    };
    format!("{style}{word}{style:#}")
}

/// `failed`: what is said of those that did.
pub(super) fn verdicts(tally: &Tally, failed: &str) -> String {
    let counts = [
        (tally.passed, "passed"),
        (tally.failed, failed),
        (tally.vacuous, "vacuous"),
        (tally.inconclusive, "inconclusive"),
        (tally.rig, "rig failure"),
    ];
    let some: Vec<String> =
        counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", count(*n))).collect();
    if some.is_empty() { "none".into() } else { some.join(", ") }
}
