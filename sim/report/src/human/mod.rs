//! What a person reads. Styles are always in the text; whoever prints it strips them where they do not belong.

mod campaign;
mod compare;
mod many;
mod one;

pub use campaign::{campaign, pace};
pub use compare::compare;
pub use many::{brief, many, several};
pub use one::{cause, one, up_to_it};

use crate::campaign::Regression;
use crate::number::{count, nanos, plural};
use anstyle::{AnsiColor, Style};
use mirrorsim_campaign::{Exit, Kind, Plan, SeedRun};
use mirrorsim_world::DisasterAt;
use mirrorsim_world::outcome::{Outcome, Verdict};
use std::cmp::Reverse;
use std::fmt::Write;

pub(crate) const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
pub(crate) const GREEN: Style = AnsiColor::Green.on_default().bold();
pub(crate) const RED: Style = AnsiColor::Red.on_default().bold();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default().bold();

/// Longest message of a line about one seed among many.
const MESSAGE: usize = 160;

/// Lines with a label in front.
#[derive(Default)]
struct Page {
    text: String,
    lines: usize,
}

impl Page {
    fn line(&mut self, text: &str) {
        let _ = writeln!(self.text, "{text}");
        self.lines += 1;
    }

    fn labelled(&mut self, label: &str, text: &str) {
        self.line(&format!("  {DIM}{label:<11}{DIM:#} {text}"));
    }
}

/// A verdict in capitals and color.
fn badge(verdict: Verdict) -> String {
    let (style, word) = match verdict {
        Verdict::Passed => (GREEN, "PASSED"),
        Verdict::Failed => (RED, "FAILED"),
        Verdict::Vacuous => (YELLOW, "VACUOUS"),
        Verdict::Inconclusive => (YELLOW, "INCONCLUSIVE"),
        Verdict::Rig => (RED, "RIG FAILURE"),
    };
    format!("{style}{word}{style:#}")
}

/// Why a run did not pass, in one line.
fn reason(outcome: &Outcome) -> String {
    if let Some(f) = outcome.failures.first() {
        let invariant = if f.invariant.is_empty() { String::new() } else { format!(" ({})", f.invariant) };
        return format!("{}{invariant}: {}", f.oracle, f.message);
    }
    let idle: Vec<String> = outcome
        .faults
        .iter()
        .filter(|f| f.took_effect == 0 && !f.place.is_empty())
        .map(|f| format!("{} at {}", f.name, f.place))
        .collect();
    match outcome.verdict {
        Verdict::Vacuous if !idle.is_empty() => format!("never took effect: {}", idle.join(", ")),
        Verdict::Vacuous => "the run judged nothing".into(),
        Verdict::Inconclusive => {
            format!(
                "the budget ended after {} events, at {}",
                count(outcome.events),
                nanos(outcome.virtual_time)
            )
        }
        Verdict::Rig => "the rig disagrees with itself".into(),
        Verdict::Passed | Verdict::Failed => String::new(),
    }
}

/// One line about a seed that did not pass, and the line that runs it again.
pub fn red_line(scenario: &str, run: &SeedRun) -> String {
    let outcome = &run.outcome;
    // Both sides of a difference are to be seen.
    let whole = outcome.failures.first().is_some_and(|f| f.oracle == "determinism");
    let reason = if whole { reason(outcome) } else { shortened(&reason(outcome)) };
    let badge = badge(outcome.verdict);
    format!("{badge} {scenario} seed {}: {reason}\n    {}\n", outcome.seed, plain_replay(run))
}

/// The last line of a red run: to be pasted.
pub fn replay_line(run: &SeedRun) -> String {
    format!("{BOLD}{}{BOLD:#}\n", plain_replay(run))
}

/// The line that repeats what decided the exit code: of the most severe failures the first seed, or, where it was none of the
/// seeds, the first regression; and the exit that it asks for. What is known decides nothing.
pub fn again(kinds: &[Kind<'_>], regressions: &[Regression]) -> Option<(Exit, String)> {
    let severity = |exit| Exit::BY_SEVERITY.into_iter().position(|other| other == exit);
    let seeds = kinds.iter().filter(|kind| !kind.known);
    let seeds = seeds.min_by_key(|kind| (Reverse(severity(kind.verdict.into())), kind.group.first));
    let seeds = seeds.map(|kind| (kind.verdict.into(), format!("mirrorsim replay {}", kind.group.token)));
    let regressions = regressions.iter().map(|r| (r.exit(), r.replay.clone()));
    seeds.into_iter().chain(regressions).min_by_key(|(exit, _)| Reverse(severity(*exit)))
}

fn plain_replay(run: &SeedRun) -> String {
    format!("mirrorsim replay {}", run.token)
}

/// What shows more of the trace around the first finding: to be pasted, too. Standard input cannot be read again.
fn trace_line(plan: &Plan, outcome: &Outcome) -> Option<String> {
    const BEFORE: u64 = 100;
    const AFTER: u64 = 20;
    let told = |text: &str| text.chars().all(|c| !c.is_control());
    let mut line = format!("mirrorsim trace {} --seed {}", quoted(&plan.argument), outcome.seed);
    plan.planted.iter().for_each(|row| line += &format!(" --plant {}", row.id));
    plan.sets
        .iter()
        .for_each(|(path, value)| line += &format!(" --set {}", quoted(&format!("{path}={value}"))));
    plan.data.iter().for_each(|data| line += &format!(" --data {}", quoted(data)));
    match plan.disaster_at {
        Some(DisasterAt::Time(ns)) => line += &format!(" --disaster-at {ns}ns"),
        Some(DisasterAt::Event(number)) => line += &format!(" --disaster-at {number}"),
        None => {}
    }
    if plan.yes_large {
        line += " --yes-large";
    }
    line += &match outcome.failures.first() {
        Some(f) if f.event > 0 && f.invariant != "scenario" => {
            format!(" --from {} --to {}", f.event.saturating_sub(BEFORE), f.event + AFTER)
        }
        _ => " --kind phase,fault,fault_end,alarm,crash,start".into(),
    };
    (plan.argument != "-" && told(&line)).then_some(line)
}

/// As a shell takes it for one word.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./=:,+@%-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Of planted bugs that were not seen: where they are. Not every scenario leads to every bug.
fn unseen(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for row in &plan.planted {
        let (id, within) = (row.id, plural(row.seeds, "seed"));
        lines.push(match row.witness == plan.argument {
            true => format!("{id} was not seen; here it is within {within}"),
            false => format!("{id} was not seen here; it is within {within} of {}", row.witness),
        });
    }
    lines
}

/// What is too long for a line, cut.
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(MESSAGE) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}
