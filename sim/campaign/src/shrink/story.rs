//! The head of a reduced scenario: what it is, what happens in it, and how to run it again.

use super::{Shrinker, Size};
use crate::plan::Plan;
use crate::worker::attempt;
use mirrorsim_scenario::one_line;
use mirrorsim_world::outcome::Outcome;
use mirrorsim_world::{Entry, Options, TRACE_KINDS, planned, render};

/// Columns of a comment.
const WIDE: usize = 116;
/// Lines of the story: the first ones, and the last ones.
const LINES: (usize, usize) = (6, 18);
/// Stages that are told of, if there are not many.
const LANDMARKS: [&str; 22] = [
    "sealed",
    "stalled",
    "sync_requested",
    "apply_started",
    "image_applied",
    "freed",
    "booted",
    "degraded",
    "mapped",
    "resync_begun",
    "resync_ready",
    "resync_cut",
    "resync_sealed",
    "resync_applied",
    "in_sync",
    "recovery_started",
    "recovered",
    "promoted",
    "retired",
    "connected",
    "block_wanted",
    "fenced",
];

/// The comment above the scenario.
pub(super) fn head(
    shrinker: &Shrinker<'_>,
    plan: Option<&Plan>,
    outcome: &Outcome,
    (from, to): (Size, Size),
) -> String {
    let ids = shrinker.plan.planted_ids();
    let bugs =
        if ids.is_empty() { String::new() } else { format!(" with planted bug {}", ids.join(" and ")) };
    let mut lines = vec![format!(
        "Seed {} of {}{bugs}, reduced: from {} and {} to {} and {}.",
        shrinker.seed,
        shrinker.plan.argument,
        number(from.faults, "fault"),
        number(from.operations, "operation"),
        to.faults,
        to.operations
    )];
    if let Some(f) = outcome.failures.first() {
        let invariant = if f.invariant.is_empty() { String::new() } else { format!(" ({})", f.invariant) };
        lines.push(format!("{}{invariant} says: {}", f.oracle, unplaced(&f.message, shrinker.file)));
    }
    if let Some(plan) = plan {
        lines.push(String::new());
        lines.push("What happens:".into());
        lines.extend(told(plan, shrinker.seed, outcome).into_iter().map(|line| format!("  {line}")));
        lines.push(String::new());
    }
    lines.push(format!("Again: mirrorsim replay {}", shrinker.called));
    lines.iter().flat_map(|l| wrapped(l)).map(|l| format!("# {l}").trim_end().to_owned() + "\n").collect()
}

/// Without the line of the scenario at the end: there is another text above it now.
fn unplaced<'a>(message: &'a str, file: &str) -> &'a str {
    match message.rsplit_once(" (") {
        Some((before, place)) if place.starts_with(&format!("{file}:")) => before,
        _ => message,
    }
}

fn number(of: u64, what: &str) -> String {
    format!("{of} {what}{}", if of == 1 { "" } else { "s" })
}

/// Landmarks of the run up to the finding, and the finding.
fn told(plan: &Plan, seed: u64, outcome: &Outcome) -> Vec<String> {
    let Some(failure) = outcome.failures.first() else { return Vec::new() };
    // What ends a process is told by the process that it has ended.
    if outcome.is_deadly() {
        return outcome.last_events.clone();
    }
    let options = Options { trace: true, ..plan.options(seed) };
    let spec = planned(&plan.scenario.spec, seed, &options.overrides);
    let run = attempt(plan, seed, &options).run;
    if run.trace.is_empty() {
        return outcome.last_events.clone();
    }
    let until = usize::try_from(failure.event).unwrap_or(usize::MAX).saturating_add(1).min(run.trace.len());
    let mut lines: Vec<String> = Vec::new();
    let (mut answered, mut before) = (0u64, String::new());
    let named = records(&failure.message);
    for entry in &run.trace[..until] {
        let text = render(&spec, entry);
        answered += u64::from(kind(entry) == "answered");
        if !is_landmark(entry, &text, &named) {
            continue;
        }
        if answered > 0 {
            lines.push(answers(answered));
            answered = 0;
        }
        // `   0.001234567 who          what`
        let mut words: Vec<&str> = text.split_whitespace().skip(1).collect();
        let line = match kind(entry) {
            // Nobody does these.
            "fault" | "fault_end" => words.split_off(2.min(words.len())).join(" "),
            "phase" => format!("phase: {}", words.last().unwrap_or(&"?")),
            _ => words.join(" ").replace(" * ", ": ").replace(" ! ", " raises an alarm: "),
        };
        if line != before {
            lines.push(format!("{:>13}  {line}", exactly(entry.time)));
        }
        before = line;
    }
    if answered > 0 {
        lines.push(answers(answered));
    }
    let (head, tail) = LINES;
    if lines.len() > head + tail + 1 {
        let left_out = lines.len() - head - tail;
        lines.splice(head..head + left_out, [format!("{:>13}  ... {left_out} lines", "")]);
    }
    lines.push(format!(
        "{:>13}  {}: {}",
        exactly(failure.time),
        failure.oracle,
        unplaced(&failure.message, &plan.scenario.path)
    ));
    lines
}

/// The records that a message names, such as `(3, 13)`; what became of them is told, too. None has the number 0.
fn records(message: &str) -> Vec<String> {
    let inner = message.split('(').skip(1).filter_map(|rest| rest.split_once(')').map(|(inner, _)| inner));
    let numbers = |inner: &str| {
        let (generation, sequence) = inner.split_once(", ")?;
        Some((generation.parse::<u64>().ok()?, sequence.parse::<u64>().ok()?))
    };
    let real = inner.filter(|inner| numbers(inner).is_some_and(|(_, sequence)| sequence > 0));
    real.map(|inner| format!("({inner})")).collect()
}

/// A time that `--until` takes.
fn exactly(time: u64) -> String {
    format!("{}.{:06}ms", time / 1_000_000, time % 1_000_000)
}

fn answers(count: u64) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{:>13}  ({count} operation{plural} answered)", "")
}

fn kind(entry: &Entry) -> &'static str {
    TRACE_KINDS.iter().find(|(number, _)| *number == entry.kind).map_or("", |(_, name)| name)
}

fn is_landmark(entry: &Entry, text: &str, named: &[String]) -> bool {
    match kind(entry) {
        "fault" | "fault_end" | "crash" | "alarm" | "phase" | "resume" => true,
        "start" => entry.a > 1,
        "stage" => {
            let name = text.split("* ").nth(1).and_then(|t| t.split_whitespace().next()).unwrap_or_default();
            LANDMARKS.contains(&name) || named.iter().any(|record| text.contains(record))
        }
        _ => false,
    }
}

/// Lines that are not too wide; what goes on stands further in.
fn wrapped(line: &str) -> Vec<String> {
    let line = one_line(line);
    let mut out = Vec::new();
    let indent = line.len() - line.trim_start().len() + 4;
    let mut rest = line.trim_end().to_owned();
    while rest.chars().count() > WIDE {
        let cut = rest.char_indices().take(WIDE).filter(|(_, c)| *c == ' ').last().map_or(0, |(i, _)| i);
        if cut <= indent {
            break;
        }
        out.push(rest[..cut].to_owned());
        rest = " ".repeat(indent) + rest[cut..].trim_start();
    }
    out.push(rest);
    out
}
