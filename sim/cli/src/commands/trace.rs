//! `trace`: what happens in a run, one line an event.

use crate::args::TraceArgs;
use crate::commands::{state, worker};
use crate::moment::Moment;
use crate::out::Out;
use crate::recording::mention_bugs;
use crate::target;
use crate::trouble::Trouble;
use mirror::stage::Stage;
use mirrorsim_campaign::{Children, Exit, Nursery, Plan};
use mirrorsim_scenario::Scenario;
use mirrorsim_world::outcome::Outcome;
use mirrorsim_world::{Entry, TRACE_KINDS, render};
use serde_json::json;
use std::cmp::Ordering;

/// Runs one seed and shows its events.
pub fn trace(args: TraceArgs, out: &mut Out) -> Result<Exit, Trouble> {
    let (plan, seed) = target::scenario(&args.scenario, &args.seed, &args.judging, &args.reading)?;
    let filter = Filter::new(&args, &plan.scenario)?;
    mention_bugs(std::slice::from_ref(&plan), out);
    let children = worker::children(&args.patience);
    show(out, (&plan, seed), &filter, &children)?;
    match args.to.filter(|_| args.state) {
        Some(to) => state::show(out, (&plan, seed), to, false, &children),
        None => Ok(Exit::Passed),
    }
}

/// Runs a seed in a child and prints the entries that pass, while they happen. The trace is asked for, not the verdict; but that it
/// does not come to its end is a trouble.
pub fn show(
    out: &mut Out,
    (plan, seed): (&Plan, u64),
    filter: &Filter,
    children: &Children,
) -> Result<(), Trouble> {
    let mut nursery = Nursery::new(children);
    let mut run = nursery.tell(plan, seed).map_err(Trouble::no_process)?;
    let (mut number, mut left) = (0, filter.limit);
    while left > 0 && !out.gone() {
        let Some(entry) = run.next().filter(|entry| !filter.is_over(number, entry)) else { break };
        if filter.may_pass(number, &entry) {
            let text = render(run.spec(), &entry);
            if filter.passes(&text) {
                left -= 1;
                tell(out, number, &entry, &text);
            }
        }
        number += 1;
    }
    let lost = run.end().filter(Outcome::is_lost);
    if lost.is_none() && left == filter.limit && left > 0 && number > 0 && !out.gone() {
        let upto = if filter.to.is_some() { " up to there" } else { "" };
        out.note(&format!("none of the {number} events{upto} passes these filters"));
    }
    lost.map_or(Ok(()), |outcome| Err(Trouble::Run(Box::new(outcome))))
}

fn tell(out: &mut Out, number: u64, entry: &Entry, text: &str) {
    if out.json() {
        let kind = kind_name(entry.kind);
        out.object(
            &json!({"type": "event", "event": number, "time_ns": entry.time, "kind": kind, "text": text}),
        );
    } else {
        out.text(&format!("{number:>7} {text}\n"));
    }
}

fn kind_name(kind: u16) -> &'static str {
    TRACE_KINDS.iter().find(|(n, _)| *n == kind).map_or("?", |(_, name)| name)
}

/// Whether an entry is before a moment, there, or behind it.
fn at(number: u64, entry: &Entry, moment: Moment) -> Ordering {
    match moment {
        Moment::Time(ns) => entry.time.cmp(&ns),
        Moment::Event(event) => number.cmp(&event),
    }
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

    /// Whether this entry and all behind it are too late.
    fn is_over(&self, number: u64, entry: &Entry) -> bool {
        self.to.is_some_and(|to| at(number, entry, to).is_gt())
    }

    /// Whether it is worth the text.
    fn may_pass(&self, number: u64, entry: &Entry) -> bool {
        self.from.is_none_or(|from| at(number, entry, from).is_ge())
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
