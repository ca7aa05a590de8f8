//! `diff`: where two runs part, and how everything stands there.

use crate::args::{DiffArgs, JudgingArgs};
use crate::commands::state::{time, to_json};
use crate::commands::worker;
use crate::out::Out;
use crate::scenarios;
use crate::target::Named;
use crate::trouble::Trouble;
use mirrorsim_campaign::{Children, Difference, Diverging, Exit, Nursery, Plan, Token, diverging};
use mirrorsim_report as report;
use mirrorsim_scenario::Scenario;
use mirrorsim_world::outcome::Outcome;
use mirrorsim_world::spec::CheckMode;
use mirrorsim_world::{Differing, DisasterAt, Sight, State};
use serde_json::{Value, json};
use std::io;

type Side = (Plan, u64);

/// What is seen of a run at a moment; of one that ended badly on the way, how.
type Standing = Result<State, Box<Outcome>>;

/// What is known of two runs.
struct Found {
    diverging: Diverging,
    /// How each ended, if that was seen, and badly.
    ended: [Option<Box<Outcome>>; 2],
    /// How both stand before and after the first event that differs.
    standings: Option<[[Standing; 2]; 2]>,
}

/// Runs two seeds, each in a child, and compares them event by event.
pub fn diff(args: &DiffArgs, out: &mut Out) -> Result<Exit, Trouble> {
    let sides = sides(args)?;
    let sides = sides.map(|(plan, seed)| (plan.with_check(Some(CheckMode::End)), seed));
    let found = found(&sides, args.context.into(), &worker::children(&args.patience));
    let found = found.map_err(Trouble::no_process)?;
    let apart = if found.diverging.difference.is_some() { Exit::Failed } else { Exit::Passed };
    let exit = found.ended.iter().flatten().fold(apart, |exit, o| exit.worst(o.verdict.into()));
    if out.json() {
        out.object(&object(&sides, &found, exit));
        return Ok(exit);
    }
    out.text(&format!("A  {}\nB  {}\n", words(&sides[0]), words(&sides[1])));
    match (&found.diverging.difference, &found.standings) {
        (Some(difference), Some(standings)) => {
            out.text(&events(&found.diverging, difference));
            out.text(&stand(standings));
        }
        _ => {
            out.text(&format!("the same in every event, {} of them\n", found.diverging.same));
            out.text(&ends(found.ended.iter().map(Option::as_deref)));
        }
    }
    Ok(exit)
}

/// Runs both side by side, and looks at both where they part.
fn found([one, other]: &[Side; 2], context: usize, children: &Children) -> io::Result<Found> {
    let mut nurseries = [Nursery::new(children), Nursery::new(children)];
    let [a, b] = &mut nurseries;
    let (mut a, mut b) = (a.tell(&one.0, one.1)?, b.tell(&other.0, other.1)?);
    let diverging = diverging(context, || a.told(), || b.told());
    let ended = [a.end(), b.end()].map(|end| end.filter(Outcome::is_lost).map(Box::new));
    let Some(event) = diverging.difference.as_ref().map(|d| d.event) else {
        return Ok(Found { diverging, ended, standings: None });
    };
    let mut at = |sight| -> io::Result<[Standing; 2]> {
        let mut side = |n: usize, (plan, seed): &Side| match &ended[n] {
            Some(outcome) => Ok(Err(outcome.clone())),
            None => nurseries[n].look(plan, *seed, sight),
        };
        Ok([side(0, one)?, side(1, other)?])
    };
    let mut before = at(Sight::Before(event))?;
    // What one event of the scheduler led to may be more in the one run: both are looked at before the earlier one.
    while let [Ok(one), Ok(other)] = &before
        && one.entries != other.entries
    {
        before = at(Sight::Before(one.entries.min(other.entries)))?;
    }
    let standings = [before, at(Sight::After(DisasterAt::Event(event)))?];
    Ok(Found { diverging, ended, standings: Some(standings) })
}

/// Both runs. What is said for both is said of those that are scenarios.
fn sides(args: &DiffArgs) -> Result<[Side; 2], Trouble> {
    let judging = JudgingArgs { planted: args.planted.clone(), ..JudgingArgs::default() };
    let one = Named::read(&args.one)?;
    let other = args.other.as_deref().map(Named::read).transpose()?;
    let scenario_beside =
        |this: &Named, that: Option<&Named>| this.is_recorded() && that.is_some_and(|n| !n.is_recorded());
    let alone = [
        scenario_beside(&one, other.as_ref()),
        other.as_ref().is_some_and(|o| scenario_beside(o, Some(&one))),
    ];
    let side = |named: Named, alone: bool| match alone {
        true => named.run_alone(&args.reading),
        false => named.run(&args.seed, &judging, &args.reading),
    };
    let one = side(one, alone[0])?;
    let (plan, seed) = match other {
        Some(other) => side(other, alone[1])?,
        None => one.clone(),
    };
    let seed = args.seed_b.as_ref().and_then(|s| s.iter().next()).unwrap_or(seed);
    let mut token = plan.request(seed);
    if let Some(planted) = &args.planted_b {
        token.planted = planted.iter().flatten().map(|row| row.id.to_owned()).collect();
    }
    for (path, value) in &args.sets_b {
        token.sets.retain(|(known, _)| known != path);
        token.sets.push((path.clone(), value.clone()));
    }
    let plain = args.seed_b.is_none() && args.planted_b.is_none() && args.sets_b.is_empty();
    let changed = |plan| changed(plan, &token).map_err(|t| t.last_set_by("--set-b", args.sets_b.len()));
    let other = if plain { (plan, seed) } else { (changed(&plan)?, seed) };
    Ok([one, other])
}

/// A plan with what a token says instead. Its scenario is at hand: it may have come through a pipe.
fn changed(plan: &Plan, token: &Token) -> Result<Plan, Trouble> {
    let Scenario { path, source, .. } = &plan.scenario;
    let scenario = scenarios::parse(path, source, token).map_err(|p| Trouble::Scenarios(vec![p]))?;
    Plan::of(token, scenario).map_err(Trouble::usage)
}

/// What a run is made of, as it would be typed.
fn words((plan, seed): &Side) -> String {
    let mut text = format!("{} --seed {seed}", plan.argument.escape_debug());
    plan.planted_ids().iter().for_each(|id| text += &format!(" --plant {id}"));
    for (path, value) in &plan.sets {
        text += &format!(" --set {}={}", path.escape_debug(), value.escape_debug());
    }
    text
}

/// The last events of both, and the first that differs.
fn events(found: &Diverging, difference: &Difference) -> String {
    let mut text = match found.same {
        0 => "they differ from the first event on\n".to_owned(),
        same => format!(
            "the same in {}; they part at event {same}, {}\n",
            report::plural(same, "event"),
            time(difference.time)
        ),
    };
    let first = found.same - found.before.len() as u64;
    for (number, line) in (first..).zip(&found.before) {
        text += &format!("  {number:>7} {line}\n");
    }
    for (name, line) in [("A", &difference.one), ("B", &difference.other)] {
        let line = line.as_deref().unwrap_or("   (it had ended)");
        text += &format!("{name} {:>7} {line}\n", difference.event);
    }
    text
}

/// In what both stand differently before and after the first event that differs; of who does not get there, why.
fn stand([before, after]: &[[Standing; 2]; 2]) -> String {
    let mut text = String::new();
    for (when, standings) in [("before", before), ("after", after)] {
        match standings {
            [Ok(one), Ok(other)] => text += &format!("{when} it {}", apart(one, other)),
            _ => return text + &ends(standings.iter().map(|s| s.as_ref().err().map(|o| &**o))),
        }
    }
    text
}

/// Who ended badly, and how.
fn ends<'o>(ended: impl Iterator<Item = Option<&'o Outcome>>) -> String {
    let sides = ["A", "B"].into_iter().zip(ended);
    sides.filter_map(|(name, end)| Some(format!("{name} ended there: {}\n", report::cause(end?)))).collect()
}

/// The facts in which two states differ.
fn apart(one: &State, other: &State) -> String {
    let differing = one.differing(other);
    if differing.is_empty() {
        return "both stand alike\n".to_owned();
    }
    let mut text = "they stand differently\n".to_owned();
    let width = differing.iter().map(|d| d.name.len()).max().unwrap_or(0);
    let mut part = "";
    for Differing { part: of, name, one, other } in differing {
        if part != of {
            text += &format!("  {of}\n");
            part = of;
        }
        let side = |value: Option<&str>| value.unwrap_or("-").to_owned();
        text += &format!("    {name:<width$}  A  {}\n    {:<width$}  B  {}\n", side(one), "", side(other));
    }
    text
}

fn object(sides: &[Side; 2], found: &Found, exit: Exit) -> Value {
    let side = |n: usize| {
        let (plan, seed) = &sides[n];
        let mut side = json!({"scenario": plan.argument, "seed": seed, "planted": plan.planted_ids(), "sets": plan.sets});
        found.ended[n].iter().for_each(|outcome| side["ended"] = report::cause(outcome).into());
        side
    };
    let state = |side: &Standing| match side {
        Ok(state) => json!({"over": state.over, "state": to_json(state)}),
        Err(outcome) => json!({"ended": report::cause(outcome)}),
    };
    let standing = |of: &[Standing; 2]| {
        let differing: Vec<Value> = match of {
            [Ok(one), Ok(other)] => one
                .differing(other)
                .iter()
                .map(|d| json!({"part": d.part, "name": d.name, "one": d.one, "other": d.other}))
                .collect(),
            _ => Vec::new(),
        };
        json!({"one": state(&of[0]), "other": state(&of[1]), "differing": differing})
    };
    let before = &found.diverging.before;
    let difference = found.diverging.difference.as_ref().map(
        |d| json!({"event": d.event, "time_ns": d.time, "one": d.one, "other": d.other, "before": before}),
    );
    let [before, after] = [0, 1].map(|n| found.standings.as_ref().map(|s| standing(&s[n])));
    json!({
        "type": "diff", "exit_code": exit.code(), "one": side(0), "other": side(1), "same": found.diverging.same,
        "difference": difference, "before": before, "after": after,
    })
}
