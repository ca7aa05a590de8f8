//! What a seed draws, written out: each source and client on a line of its own, faults and links as the profile has drawn
//! them, and operations as a script. Decisions have addresses, so that under the same seed everything else stays.

use super::lists::path;
use super::trials::Trials;
use crate::plan::Plan;
use crate::worker::attempt;
use mirrorsim_scenario::{Outline, Step, written};
use mirrorsim_world::spec::{FaultSpec, Spec, TraceOperation};
use mirrorsim_world::{Options, TRACE_KINDS, drawn_operations, planned};
use std::collections::BTreeSet;
use std::path::Path;

/// Operations above which no script is written.
const LONG: usize = 400;
/// Keys of a client that a script takes the place of.
const DRAWN: [&str; 12] = [
    "operations",
    "mix",
    "sizes",
    "addresses",
    "volumes",
    "range",
    "align",
    "zero_payload",
    "think",
    "interval",
    "trace",
    "script",
];

/// The scenario of a plan with `--set` and `--check` in it, each source and client on a line of its own.
pub(super) fn outline(plan: &Plan) -> Option<Outline> {
    let scenario = &plan.scenario;
    let mut outline = Outline::read(&scenario.path, &scenario.source, &plan.sets).ok()?;
    for key in ["name", "about", "tags", "seeds", "reach"] {
        outline.remove(key);
    }
    if let Some(mode) = plan.check {
        match outline.at_mut(&path("check")) {
            Some(check @ Outline::Map(_)) => check.set("mode", Outline::word(mode.name())),
            _ => outline.set("check", Outline::word(mode.name())),
        }
    }
    let spec = &scenario.spec;
    let names: Vec<&str> = spec.sources.iter().map(|s| s.name.as_str()).collect();
    let sources = each(outline.get("sources")?, &names);
    outline.set("sources", sources);
    let clients = match outline.get("clients") {
        Some(clients) => each(clients, &spec.clients.iter().map(|c| c.name.as_str()).collect::<Vec<_>>()),
        None => Outline::List(spec.clients.iter().map(|_| Outline::Map(Vec::new())).collect()),
    };
    outline.set("clients", clients);
    if let Some(Outline::List(clients)) = outline.at_mut(&path("clients")) {
        for (client, of) in clients.iter_mut().zip(&spec.clients) {
            client.set("source", Outline::word(names[of.source]));
            find_trace(client, Path::new(&scenario.path));
        }
    }
    Some(outline)
}

/// A trace beside the scenario is not beside the result.
fn find_trace(client: &mut Outline, scenario: &Path) {
    let Some(trace) = client.at_mut(&path("trace")) else { return };
    let Some(file) = trace.get("file").and_then(Outline::text) else { return };
    let beside = scenario.parent().unwrap_or(Path::new("")).join(file);
    if let Some(found) = std::fs::canonicalize(beside).ok().as_deref().and_then(Path::to_str) {
        trace.set("file", Outline::quoted(found));
    }
}

/// A list without `count`, with a name for each.
fn each(list: &Outline, names: &[&str]) -> Outline {
    let mut out = Vec::new();
    for item in list.items() {
        let count = item.get("count").and_then(Outline::number).unwrap_or(1);
        for _ in 0..count {
            let mut one = item.clone();
            one.remove("count");
            if let (Some(name), Outline::Map(entries)) = (names.get(out.len()), &mut one) {
                entries.retain(|(k, _)| k != "name");
                entries.insert(0, ("name".into(), Outline::word(name)));
            }
            out.push(one);
        }
    }
    Outline::List(out)
}

/// The same without a profile: what it draws is written out. `None`: nothing of that kind fails in the same way.
pub(super) fn faults(trials: &mut Trials<'_, '_>, plan: &Plan, start: Outline) -> Option<Outline> {
    let spec = &plan.scenario.spec;
    let seed = trials.seed();
    let explicit = planned(spec, seed, &plan.options(seed).overrides);
    // Of what came it is known that it was within the model; what was withheld would not be.
    let (mut candidates, mut came) = (Vec::new(), 0);
    if spec.profile.draws() {
        // What never came, was withheld, or changed nothing is left out at once: scripted, it would not be withheld, and is
        // vacuous without an effect.
        let seen = if trials.is_deadly() { Vec::new() } else { seen(plan, seed).to_vec() };
        came = seen.len();
        let all = (0..explicit.faults.len()).collect();
        candidates.extend(seen.iter().chain([&all]).map(|wanted| with(&start, spec, &explicit, wanted)));
    } else {
        let mut bare = start.clone();
        bare.remove("profile");
        candidates.push(bare);
    }
    // A draw looks at the run before it takes a copy away, a reader at the scenario alone: what he refuses goes, or is beyond
    // the model.
    let mut tried: Vec<Outline> = candidates.iter().map(|c| allowed(trials, c.clone())).collect();
    let refused = candidates.into_iter().zip(&tried).take(came).filter(|(all, allowed)| *all != **allowed);
    let beyond: Vec<Outline> = refused.map(|(all, _)| beyond_model(all)).collect();
    tried.extend(beyond);
    tried.push(start);
    trials.first("written out", tried.into_iter()).map(|(_, best)| best)
}

fn beyond_model(mut outline: Outline) -> Outline {
    outline.set("beyond_model", Outline::word(true));
    outline
}

/// Numbers of the faults that changed something, and of those that came.
fn seen(plan: &Plan, seed: u64) -> [BTreeSet<usize>; 2] {
    let keep = Options { trace: true, ..plan.options(seed) };
    let run = attempt(plan, seed, &keep).run;
    let kind = TRACE_KINDS.iter().find(|(_, name)| *name == "fault").map(|(number, _)| *number);
    let changed = run.took_effect.iter().enumerate().filter(|(_, times)| **times > 0).map(|(index, _)| index);
    let came = run.trace.iter().filter(|e| Some(e.kind) == kind).map(|e| e.a as usize);
    [changed.collect(), came.collect()]
}

fn with(start: &Outline, spec: &Spec, explicit: &Spec, wanted: &BTreeSet<usize>) -> Outline {
    let mut outline = start.clone();
    outline.remove("profile");
    let scripted: Vec<Outline> = start.get("faults").map(|f| f.items().to_vec()).unwrap_or_default();
    let line = |(index, fault): (usize, &FaultSpec)| match scripted.get(index) {
        Some(own) => own.clone(),
        None => written::fault(explicit, fault),
    };
    let all = explicit.faults.iter().enumerate();
    let faults: Vec<Outline> =
        all.filter(|(i, _)| wanted.contains(i) || *i < scripted.len()).map(line).collect();
    outline.remove("faults");
    if !faults.is_empty() {
        outline.set("faults", Outline::List(faults));
    }
    if let Some(Outline::List(sources)) = outline.at_mut(&path("sources")) {
        for (index, source) in sources.iter_mut().enumerate() {
            let changes = written::link_changes(&spec.sources[index].link, &explicit.sources[index].link);
            if changes.is_empty() {
                continue;
            }
            let mut link = source.get("link").cloned().unwrap_or(Outline::Map(Vec::new()));
            changes.into_iter().for_each(|(key, value)| link.set(key, value));
            source.set("link", link);
        }
    }
    outline
}

/// Without the faults that no scenario may script.
fn allowed(trials: &Trials<'_, '_>, mut outline: Outline) -> Outline {
    for _ in 0..8 {
        let text = outline.yaml(&|_, _| Vec::new());
        let Err(problems) = trials.read(&text) else { break };
        let index = |p: &str| p.strip_prefix("faults[")?.split(']').next()?.parse::<usize>().ok();
        let wrong: BTreeSet<usize> = problems.list().iter().filter_map(|p| index(&p.path)).collect();
        let Some(Outline::List(faults)) = outline.at_mut(&path("faults")) else { break };
        if wrong.is_empty() {
            break;
        }
        let mut number = 0;
        faults.retain(|_| {
            number += 1;
            !wrong.contains(&(number - 1))
        });
    }
    outline
}

/// Clients' operations as scripts: at the times at which they were asked for, or as fast as the slots allow; of all
/// clients, or of one of them.
pub(super) fn operations(trials: &mut Trials<'_, '_>, best: &Outline) -> Option<Outline> {
    let plan = trials.plan_of(&best.yaml(&|_, _| Vec::new())).ok()?;
    let (spec, seed) = (&plan.scenario.spec, trials.seed());
    let mut all = drawn_operations(spec, seed, LONG + 1);
    if all.iter().map(Vec::len).sum::<usize>() > LONG {
        return None;
    }
    let deadly = trials.is_deadly();
    let timed = if deadly { Vec::new() } else { asked(&plan, seed) };
    for (operations, times) in all.iter_mut().zip(&timed) {
        // What was never asked for is not needed.
        operations.truncate(times.len().max(1));
        operations.iter_mut().zip(times).for_each(|(operation, at)| operation.at = *at);
    }
    let scripted = |timed: bool, only: Option<usize>| {
        let mut outline = best.clone();
        for (index, operations) in all.iter().enumerate().filter(|(i, _)| only.is_none_or(|only| only == *i))
        {
            script(&mut outline, spec, index, operations, timed);
        }
        outline
    };
    let ways = if deadly { vec![false] } else { vec![true, false] };
    let whose: Vec<Option<usize>> = std::iter::once(None).chain((0..all.len()).map(Some)).collect();
    let candidates = whose.iter().flat_map(|only| ways.iter().map(|timed| scripted(*timed, *only)));
    trials.first("operations written out", candidates.filter(|o| o != best)).map(|(_, best)| best)
}

fn script(outline: &mut Outline, spec: &Spec, index: usize, operations: &[TraceOperation], timed: bool) {
    let steps = [Step::Key("clients".into()), Step::Item(index)];
    let Some(client) = outline.at_mut(&steps) else { return };
    if client.get("script").is_some() || operations.is_empty() {
        return;
    }
    DRAWN.iter().for_each(|key| client.remove(key));
    let of = spec.clients[index].source;
    client.set("script", written::script(spec, of, operations, timed));
}

/// When the operations of each client were asked for, in order.
fn asked(plan: &Plan, seed: u64) -> Vec<Vec<u64>> {
    let keep = Options { trace: true, ..plan.options(seed) };
    attempt(plan, seed, &keep).run.asked
}
