//! The summary of a single seed. A red one fits on a screen; the last line is the one to paste.

use super::{BOLD, DIM, Page, badge, plain_replay, plural, reason, shortened, trace_line, unseen};
use crate::collect::source_name;
use crate::number::{bytes, count, nanos, rate, wall};
use mirrorsim_campaign::{Plan, SeedRun};
use mirrorsim_world::outcome::{
    Alarm, Outcome, RecoveryReport, RtoFrom, TakeoverKind, TakeoverReport, Verdict,
};

/// Lines of a red summary.
const RED_LINES: usize = 24;
/// Findings that are shown.
const FINDINGS: usize = 3;
/// Kinds of faults and recoveries in one line.
const IN_A_LINE: usize = 4;
/// Kinds of alarms that a red summary shows.
const KINDS: usize = 3;
/// Alarms that an operator must not miss, the worst first; the others follow in the order of their first.
const WORST: [&str; 9] = [
    "diverged",
    "damaged",
    "block_lost",
    "log_lost",
    "behind_destination",
    "no_superblock",
    "conflict",
    "sync_conflict",
    "fenced",
];

/// The summary. `seed_note` says where the seed comes from, if the user did not choose it; `report` is its file.
pub fn one(plan: &Plan, run: &SeedRun, seed_note: &str, report: Option<&str>) -> String {
    let mut page = Page::default();
    header(&mut page, plan, run, seed_note);
    if run.outcome.verdict == Verdict::Passed {
        green(&mut page, plan, run);
    } else {
        red(&mut page, plan, run, report.is_some());
    }
    if let Some(report) = report {
        page.labelled("report", report);
    }
    if run.outcome.verdict == Verdict::Passed {
        page.labelled("replay", &plain_replay(run));
    } else {
        page.line(&format!("{BOLD}{}{BOLD:#}", plain_replay(run)));
    }
    page.text
}

fn header(page: &mut Page, plan: &Plan, run: &SeedRun, seed_note: &str) {
    let outcome = &run.outcome;
    let note = if seed_note.is_empty() { String::new() } else { format!(" ({seed_note})") };
    let planted = plan.planted_ids().join(", ");
    let planted = if planted.is_empty() { planted } else { format!("  planted {planted}") };
    let name = &plan.scenario.name;
    let badge = badge(outcome.verdict);
    page.line(&format!(
        "{badge}  {BOLD}{name}{BOLD:#}  seed {}{note}  digest {:016x}{planted}",
        outcome.seed, outcome.digest
    ));
}

fn green(page: &mut Page, plan: &Plan, run: &SeedRun) {
    let outcome = &run.outcome;
    let proof = proof(outcome);
    if !proof.is_empty() {
        page.labelled("proven", &proof);
    }
    for line in fault_lines(outcome) {
        page.labelled("faults", &line);
    }
    page.labelled("operations", &operations(outcome));
    for (i, (kind, l)) in outcome.latency.iter().filter(|(_, l)| l.count > 0).enumerate() {
        let [p50, p90, p99, p999, max] = [l.p50, l.p90, l.p99, l.p999, l.max].map(nanos);
        let label = if i == 0 { "latency" } else { "" };
        page.labelled(
            label,
            &format!("{kind:<12} p50 {p50:<7} p90 {p90:<7} p99 {p99:<7} p99.9 {p999:<7} max {max}"),
        );
    }
    page.labelled("stalls", &stalls(outcome));
    alone(outcome).iter().for_each(|line| page.labelled("alone", line));
    for r in &outcome.recoveries {
        page.labelled("recovery", &recovery(plan, r));
    }
    outcome.takeovers.iter().for_each(|t| page.labelled(kind(t), &takeover(plan, outcome, t)));
    alarms(page, outcome, usize::MAX);
    page.labelled("checks", &checks(outcome));
    match (plan.scenario.expect.len(), run.expectations) {
        (0, _) => {}
        (_, 0) => page.labelled("expect", "not judged: the run was ended on purpose"),
        (_, judged) => page.labelled("expect", &format!("all hold, {judged} judged")),
    }
    if run.twice {
        page.labelled("run twice", "the same in every event");
    }
    unseen(plan).iter().for_each(|line| page.labelled("planted", line));
    page.labelled("time", &time(run));
}

fn red(page: &mut Page, plan: &Plan, run: &SeedRun, report: bool) {
    let outcome = &run.outcome;
    let more = outcome.failures.iter().skip(1).take(FINDINGS - 1);
    page.labelled("cause", &cause(outcome));
    for f in more {
        page.labelled("then", &shortened(&format!("{} {}: {}", f.oracle, f.invariant, f.message)));
    }
    let hidden = outcome.failures.len().saturating_sub(FINDINGS);
    if hidden > 0 {
        page.labelled("", &format!("and {}", plural(hidden as u64, "more finding")));
    }
    let faults = fault_parts(outcome);
    if !faults.is_empty() {
        page.labelled("faults", &limited(&faults));
    }
    page.labelled("operations", &operations(outcome));
    if let Some(last) = outcome.recoveries.last() {
        page.labelled("recovery", &format!("{}{}", when(outcome, last), recovery(plan, last)));
    }
    if let Some(last) = outcome.takeovers.last() {
        page.labelled(kind(last), &takeover(plan, outcome, last));
    }
    alarms(page, outcome, KINDS);
    page.labelled("checks", &checks(outcome));
    page.labelled("time", &time(run));
    let trace = trace_line(plan, outcome);
    // Still to come: how to see more of that, where the report is, and the line to paste.
    let room = RED_LINES.saturating_sub(page.lines + 1 + usize::from(trace.is_some()) + usize::from(report));
    last_events(page, outcome, room);
    trace.iter().for_each(|line| page.labelled("more of it", line));
}

/// The last events of a run that did not come to its end, a line each.
pub fn up_to_it(outcome: &Outcome) -> String {
    let mut page = Page::default();
    last_events(&mut page, outcome, usize::MAX);
    page.text
}

fn last_events(page: &mut Page, outcome: &Outcome, room: usize) {
    let from = outcome.last_events.len().saturating_sub(room);
    for (i, event) in outcome.last_events[from..].iter().enumerate() {
        page.labelled(if i == 0 { "up to it" } else { "" }, &format!("{DIM}{}{DIM:#}", shortened(event)));
    }
}

/// Whether a recovery had ended when something was found: what it came to says nothing of what came later.
fn when(outcome: &Outcome, r: &RecoveryReport) -> &'static str {
    match outcome.failures.first() {
        Some(f) if f.event > 0 && r.time < f.time => "before the finding: ",
        Some(f) if f.event > 0 && r.time > f.time => "after the finding: ",
        _ => "",
    }
}

/// The first finding, with its time; nothing is cut off from it.
pub fn cause(outcome: &Outcome) -> String {
    let text = reason(outcome);
    match outcome.failures.first() {
        Some(f) if f.event > 0 && f.invariant != "scenario" => {
            format!("{text} [{}, line {} of the trace]", nanos(f.time), count(f.event))
        }
        _ => text,
    }
}

fn proof(outcome: &Outcome) -> String {
    let exact = outcome.recoveries.iter().filter(|r| r.exact).count();
    let all = outcome.recoveries.len();
    let mut parts = Vec::new();
    if all > 0 && exact == all {
        let recoveries = plural(all as u64, "recovery").replace("recoverys", "recoveries");
        parts.push(match outcome.operations.lost {
            0 => format!("{recoveries} exact, byte for byte"),
            n => format!(
                "{recoveries} exact up to what was left; {} lost, and reported",
                plural(n, "answered operation")
            ),
        });
    }
    let changes: u64 = outcome.checks.changes.values().sum();
    if changes > 0 && outcome.checks.mode == "every" {
        parts.push(format!("recovery judged at each of {}", plural(changes, "durable change")));
    }
    parts.join("; ")
}

fn fault_parts(outcome: &Outcome) -> Vec<String> {
    let part = |f: &mirrorsim_world::outcome::FaultCount| {
        let place = if f.place.is_empty() { String::new() } else { format!(" ({})", f.place) };
        match (f.injected, f.took_effect) {
            (0, _) => format!("{}{place} not reached", f.name),
            (1, 1) => format!("{}{place}", f.name),
            (1, 0) => format!("{}{place} without effect", f.name),
            (injected, took) => format!("{} {}, {} took effect{place}", f.name, count(injected), count(took)),
        }
    };
    outcome.faults.iter().filter(|f| f.injected > 0 || !f.place.is_empty()).map(part).collect()
}

fn fault_lines(outcome: &Outcome) -> Vec<String> {
    fault_parts(outcome).chunks(IN_A_LINE).map(|c| c.join("; ")).collect()
}

fn limited(parts: &[String]) -> String {
    let shown = parts.iter().take(IN_A_LINE).cloned().collect::<Vec<_>>().join("; ");
    let more = parts.len().saturating_sub(IN_A_LINE);
    if more > 0 { format!("{shown}; and {more} more") } else { shown }
}

fn operations(outcome: &Outcome) -> String {
    let o = &outcome.operations;
    format!(
        "{} issued: {} acknowledged ({}), {} refused, {} in doubt, {} lost",
        count(o.issued),
        count(o.acknowledged),
        bytes(o.bytes),
        count(o.refused),
        count(o.in_doubt),
        count(o.lost)
    )
}

fn stalls(outcome: &Outcome) -> String {
    let of = |name: &str| outcome.metrics.get(name).copied().unwrap_or(0);
    match of("stalls") {
        0 => "none".into(),
        n => format!("{}, {} in all", count(n), nanos(of("stall_time"))),
    }
}

/// What going on without the destination came to; nothing under `strict`.
fn alone(outcome: &Outcome) -> Option<String> {
    let of = |name: &str| outcome.metrics.get(name).copied().unwrap_or(0);
    let exposed = of("exposed_operations");
    if exposed + of("degraded") == 0 {
        return None;
    }
    let most = format!("at most {} exposed ({})", plural(exposed, "operation"), bytes(of("exposed_bytes")));
    let (in_sync, at_destination) = outcome.stages.get("in_sync").copied().unwrap_or_default();
    Some(match of("degraded") {
        0 => most,
        n if in_sync + at_destination == 0 => format!("{}, never in sync again; {most}", plural(n, "time")),
        n => format!(
            "{}, {} until in sync again; {} of {}; {most}",
            plural(n, "time"),
            nanos(of("degraded_time")),
            plural(of("resyncs"), "resync"),
            plural(of("resync_blocks"), "block")
        ),
    })
}

fn recovery(plan: &Plan, r: &RecoveryReport) -> String {
    let rpo = match r.rpo_operations {
        0 => "RPO 0".to_owned(),
        n => format!("RPO {} ({}, {})", plural(n, "operation"), bytes(r.rpo_bytes), nanos(r.rpo_time)),
    };
    let exact = if r.exact { ", exact" } else { "" };
    // One that was carried out on a copy takes no time.
    let from = match r.rto_from {
        RtoFrom::Disaster => "disaster",
        RtoFrom::Order => "order",
    };
    let rto = if r.rto > 0 { format!("RTO {} from the {from}; ", nanos(r.rto)) } else { String::new() };
    let replayed = plural(r.replayed, "record");
    let promoted = match (r.promoted, r.adopter) {
        (false, _) => String::new(),
        (true, None) => "; its clients go on with the image".into(),
        (true, Some(by)) => format!("; its clients go to {}", source_name(plan, by)),
    };
    format!(
        "{}: {}{exact}; {rpo}; {rto}{replayed} replayed{promoted}",
        source_name(plan, r.source),
        r.verdict
    )
}

fn kind(t: &TakeoverReport) -> &'static str {
    match t.kind {
        TakeoverKind::Promotion => "promotion",
        TakeoverKind::HandOver => "hand-over",
        TakeoverKind::Adoption => "adoption",
    }
}

/// When the clients were taken over, and what it cost them.
fn takeover(plan: &Plan, outcome: &Outcome, t: &TakeoverReport) -> String {
    let at = |what: &str, time: Option<u64>| time.map(|t| format!("{what} at {}", nanos(t)));
    let served = match (t.kind, t.adopter) {
        (TakeoverKind::Promotion, _) => "promoted".into(),
        (_, Some(by)) => format!("{} serves them", source_name(plan, by)),
        (_, None) => "back".into(),
    };
    let mut parts: Vec<String> = [
        at("disaster", t.disaster),
        at("ordered", Some(t.ordered)),
        at(&served, t.served),
        at("first answer", t.first_answer),
    ]
    .into_iter()
    .flatten()
    .collect();
    if t.served.is_none() {
        let of = outcome.recoveries.iter().rfind(|r| r.source == t.source);
        let damaged = of.is_some_and(|r| r.verdict.starts_with("damaged"));
        let back = t.kind == TakeoverKind::HandOver;
        let why = if damaged && !back { ": what was recovered is damaged" } else { "" };
        parts.push(format!("never {}{why}", if back { "carried out" } else { "promoted" }));
    } else if t.first_answer.is_none() {
        parts.push("no client was answered since".into());
    }
    let outage = match (t.outage, t.last_answer) {
        (Some(outage), Some(last)) => {
            format!("; outage for clients {} (last answer before at {})", nanos(outage), nanos(last))
        }
        _ => String::new(),
    };
    format!("{}: {}{outage}", source_name(plan, t.source), parts.join(", "))
}

/// Each kind of alarm, with its first.
fn alarms(page: &mut Page, outcome: &Outcome, most: usize) {
    let mut kinds: Vec<(&Alarm, u64)> = Vec::new();
    for alarm in &outcome.alarms {
        match kinds.iter_mut().find(|(first, _)| first.kind == alarm.kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((alarm, 1)),
        }
    }
    kinds.sort_by_key(|(first, _)| WORST.iter().position(|kind| *kind == first.kind).unwrap_or(WORST.len()));
    for (i, (a, n)) in kinds.iter().take(most).enumerate() {
        let first = if *n > 1 { "first " } else { "" };
        let times = if *n > 1 { format!(" {}x", count(*n)) } else { String::new() };
        let text = format!("{}{times}: {first}at {}, {}: {}", a.kind, nanos(a.time), a.server, a.message);
        page.labelled(if i == 0 { "alarms" } else { "" }, &shortened(&text));
    }
    let hidden = kinds.len().saturating_sub(most);
    if hidden > 0 {
        page.labelled("", &format!("and {}", plural(hidden as u64, "more kind")));
    }
}

fn checks(outcome: &Outcome) -> String {
    let c = &outcome.checks;
    let parts = [(c.full, "full"), (c.delta, "delta"), (c.equal, "seen before"), (c.nested, "nested")];
    let parts: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, name)| format!("{} {name}", count(*n))).collect();
    let changes = plural(c.changes.values().sum(), "durable change");
    let judged: u64 = c.judged.values().sum();
    let parts = if parts.is_empty() { "none".into() } else { parts.join(", ") };
    format!(
        "{} at {changes}: {parts}; {} of {}; {}",
        c.mode,
        plural(judged, "judgement"),
        plural(c.judged.len() as u64, "oracle"),
        plural(c.disagreements, "disagreement")
    )
}

fn time(run: &SeedRun) -> String {
    let outcome = &run.outcome;
    format!(
        "{} virtual, {} wall; {} ({}/s)",
        nanos(outcome.virtual_time),
        wall(run.wall),
        plural(outcome.events, "event"),
        count(rate(outcome.events, run.wall))
    )
}
