//! `diff`: where two runs part, and how everything stands there.

use crate::args::{DiffArgs, JudgingArgs};
use crate::commands::state::{time, to_json};
use crate::out::Out;
use crate::scenarios;
use crate::target::Named;
use crate::trouble::Trouble;
use mirrorsim_campaign::{Difference, Diverging, Exit, Plan, Token, diverging, look};
use mirrorsim_scenario::Scenario;
use mirrorsim_world::spec::CheckMode;
use mirrorsim_world::{Differing, Sight, State};
use serde_json::{Value, json};

type Side = (Plan, u64);

/// How both stand at a moment; of a run that does not get there, why.
type Standings = [Result<State, String>; 2];

/// Runs two seeds, and compares them event by event.
pub fn diff(args: &DiffArgs, out: &mut Out) -> Result<Exit, Trouble> {
    let sides = sides(args)?;
    let sides = sides.map(|(plan, seed)| (plan.with_check(Some(CheckMode::End)), seed));
    let [one, other] = &sides;
    let found = diverging([(&one.0, one.1), (&other.0, other.1)], args.context.into());
    let exit = if found.difference.is_some() { Exit::Failed } else { Exit::Passed };
    let at = |sight| [one, other].map(|(plan, seed)| look(plan, *seed, sight));
    let standings = found.difference.as_ref().map(|d| {
        let after = Sight::After(mirrorsim_world::DisasterAt::Event(d.event));
        [at(Sight::Before(d.event)), at(after)]
    });
    if out.json() {
        out.object(&object(&sides, &found, standings.as_ref(), exit));
        return Ok(exit);
    }
    out.text(&format!("A  {}\nB  {}\n", words(one), words(other)));
    match (&found.difference, &standings) {
        (Some(difference), Some(standings)) => {
            out.text(&events(&found, difference));
            out.text(&stand(standings));
        }
        _ => out.text(&format!("the same in every event, {} of them\n", found.same)),
    }
    Ok(exit)
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
    let other = if plain { (plan, seed) } else { (changed(&plan, &token)?, seed) };
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
        same => format!("the same in {same} events; they part at event {same}, {}\n", time(difference.time)),
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
fn stand([before, after]: &[Standings; 2]) -> String {
    let mut text = String::new();
    for (when, standings) in [("before", before), ("after", after)] {
        match standings {
            [Ok(one), Ok(other)] => text += &format!("{when} it {}", apart(one, other)),
            _ => {
                let sides = ["A", "B"].iter().zip(standings);
                let ended = sides.filter_map(|(name, side)| Some((name, side.as_ref().err()?)));
                return text
                    + &ended
                        .map(|(name, why)| format!("{name} ended there: it {why}\n"))
                        .collect::<String>();
            }
        }
    }
    text
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

fn object(sides: &[Side; 2], found: &Diverging, standings: Option<&[Standings; 2]>, exit: Exit) -> Value {
    let side = |(plan, seed): &Side| json!({"scenario": plan.argument, "seed": seed, "planted": plan.planted_ids(), "sets": plan.sets});
    let state = |side: &Result<State, String>| match side {
        Ok(state) => json!({"over": state.over, "state": to_json(state)}),
        Err(why) => json!({"ended": why}),
    };
    let standing = |of: &Standings| {
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
    let difference = found.difference.as_ref().map(|d| {
        json!({"event": d.event, "time_ns": d.time, "one": d.one, "other": d.other, "before": found.before})
    });
    json!({
        "type": "diff", "exit_code": exit.code(), "one": side(&sides[0]), "other": side(&sides[1]), "same": found.same,
        "difference": difference, "before": standings.map(|s| standing(&s[0])), "after": standings.map(|s| standing(&s[1])),
    })
}
