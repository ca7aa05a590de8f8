//! `trace`: what happens in a run, one line an event.

use crate::args::TraceArgs;
use crate::commands::state;
use crate::moment::Moment;
use crate::out::Out;
use crate::target;
use crate::trouble::Trouble;
use mirror::stage::Stage;
use mirrorsim_campaign::{Exit, Plan, attempt};
use mirrorsim_scenario::Scenario;
use mirrorsim_world::outcome::Outcome;
use mirrorsim_world::spec::Spec;
use mirrorsim_world::{Entry, Options, TRACE_KINDS, Watch, planned, render};
use serde_json::json;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Runs one seed and shows its events.
pub fn trace(args: TraceArgs, out: &mut Out) -> Result<Exit, Trouble> {
    let (plan, seed) = target::scenario(&args.scenario, &args.seed, &args.judging, &args.reading)?;
    let filter = Filter::new(&args, &plan.scenario)?;
    let outcome = show(out, &plan, seed, filter);
    // The trace was asked for, not the verdict; but that it does not come to its end must not look like success.
    match outcome.failures.first() {
        _ if args.state => match args.to {
            Some(to) => state::show(out, &plan, seed, to, false),
            None => Ok(Exit::Passed),
        },
        Some(f) if f.oracle == "panic" => Err(Trouble::rig(format!("seed {seed}: {}", f.message))),
        _ => Ok(Exit::Passed),
    }
}

/// Runs a seed and prints the entries that pass, while they happen: behind a crash there is nothing to print them.
pub fn show(out: &mut Out, plan: &Plan, seed: u64, filter: Filter) -> Outcome {
    let lines = Lines { out: Out::new(out.json()), number: 0, left: filter.limit };
    let options = plan.options(seed);
    let spec = planned(&plan.scenario.spec, seed, &options.overrides);
    let printer = Arc::new(Printer { spec, filter, lines: Mutex::new(lines) });
    let run = attempt(plan, seed, &Options { watch: Some(printer.clone()), ..options }).run;
    let mut lines = printer.lines();
    out.join(&mut lines.out);
    let (shown, limit) = (printer.filter.limit - lines.left, printer.filter.limit);
    if shown == 0 && limit > 0 && lines.number > 0 && !lines.out.gone() {
        out.note(&format!("none of the {} events passes these filters", lines.number));
    }
    drop(lines);
    run.outcome
}

#[derive(Debug)]
struct Printer {
    spec: Spec,
    filter: Filter,
    lines: Mutex<Lines>,
}

#[derive(Debug)]
struct Lines {
    out: Out,
    /// Of the next entry.
    number: u64,
    left: u64,
}

impl Printer {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for Printer {
    fn entry(&self, entry: &Entry) {
        let mut lines = self.lines();
        let number = lines.number;
        lines.number += 1;
        if lines.left == 0 || lines.out.gone() || !self.filter.may_pass(number, entry) {
            return;
        }
        let text = render(&self.spec, entry);
        if !self.filter.passes(&text) {
            return;
        }
        lines.left -= 1;
        let out = &mut lines.out;
        if out.json() {
            let kind = kind_name(entry.kind);
            out.object(
                &json!({"type": "event", "event": number, "time_ns": entry.time, "kind": kind, "text": text}),
            );
        } else {
            out.text(&format!("{number:>7} {text}\n"));
        }
    }
}

fn kind_name(kind: u16) -> &'static str {
    TRACE_KINDS.iter().find(|(n, _)| *n == kind).map_or("?", |(_, name)| name)
}

/// Which events are shown.
#[derive(Debug)]
pub struct Filter {
    from: Option<Moment>,
    to: Option<Moment>,
    kinds: Vec<u16>,
    stages: Vec<u16>,
    actors: Vec<String>,
    grep: Option<String>,
    limit: u64,
}

impl Filter {
    /// Everything.
    pub fn all() -> Filter {
        Filter {
            from: None,
            to: None,
            kinds: Vec::new(),
            stages: Vec::new(),
            actors: Vec::new(),
            grep: None,
            limit: u64::MAX,
        }
    }

    /// Everything up to an event.
    pub fn up_to(event: u64) -> Filter {
        Filter { to: Some(Moment::Event(event)), ..Filter::all() }
    }

    /// What the arguments ask for. A name that nothing has is a mistake, not an empty trace.
    fn new(args: &TraceArgs, scenario: &Scenario) -> Result<Filter, Trouble> {
        let kind = |name: &String| {
            let found = TRACE_KINDS.iter().find(|(_, n)| n == name).map(|(number, _)| *number);
            let all = || TRACE_KINDS.iter().map(|(_, n)| *n).collect::<Vec<_>>().join(", ");
            found.ok_or_else(|| {
                Trouble::usage(format!("no kind of event `{}`; there are: {}", name.escape_debug(), all()))
            })
        };
        let stage = |name: &String| {
            let what = || format!("no stage `{}`; `mirrorsim list --stages` names them", name.escape_debug());
            Stage::from_name(name).map(|stage| stage as u16).ok_or_else(|| Trouble::usage(what()))
        };
        let spec = &scenario.spec;
        let clients = spec.clients.iter().map(|c| c.name.as_str());
        let names: Vec<&str> =
            spec.sources.iter().map(|s| s.name.as_str()).chain(["destination"]).chain(clients).collect();
        if let Some(unknown) = args.actor.iter().find(|a| !names.contains(&a.as_str())) {
            let shown = unknown.escape_debug();
            return Err(Trouble::usage(format!(
                "no server or client `{shown}` in this scenario; there are: {}",
                names.join(", ")
            )));
        }
        match (args.from, args.to) {
            (Some(Moment::Time(from)), Some(Moment::Time(to))) if from > to => {
                return Err(Trouble::usage("--from is behind --to: nothing is in between"));
            }
            (Some(Moment::Event(from)), Some(Moment::Event(to))) if from > to => {
                return Err(Trouble::usage("--from is behind --to: nothing is in between"));
            }
            _ => {}
        }
        Ok(Filter {
            from: args.from,
            to: args.to,
            kinds: args.kind.iter().map(kind).collect::<Result<_, _>>()?,
            stages: args.stage.iter().map(stage).collect::<Result<_, _>>()?,
            actors: args.actor.clone(),
            grep: args.grep.clone(),
            limit: args.limit.unwrap_or(u64::MAX),
        })
    }

    /// Whether it is worth the text.
    fn may_pass(&self, number: u64, entry: &Entry) -> bool {
        let at = |moment: Moment| match moment {
            Moment::Time(ns) => entry.time.cmp(&ns),
            Moment::Event(event) => number.cmp(&event),
        };
        self.from.is_none_or(|m| at(m).is_ge())
            && self.to.is_none_or(|m| at(m).is_le())
            && (self.kinds.is_empty() || self.kinds.contains(&entry.kind))
            && (self.stages.is_empty()
                || kind_name(entry.kind) != "stage"
                || self.stages.contains(&entry.flags))
    }

    fn passes(&self, text: &str) -> bool {
        let who = text.split_whitespace().nth(1).unwrap_or_default();
        (self.actors.is_empty() || self.actors.iter().any(|a| a == who))
            && self.grep.as_ref().is_none_or(|g| text.contains(g.as_str()))
    }
}
