//! How everything stands at a moment of a run, as text and as JSON.

use crate::commands::trace::{self, Filter};
use crate::moment::Moment;
use crate::out::Out;
use crate::trouble::Trouble;
use mirrorsim_campaign::{Children, Exit, Nursery, Plan};
use mirrorsim_world::spec::CheckMode;
use mirrorsim_world::{Part, Sight, State};
use serde_json::{Map, Value, json};

/// Shows how everything stands at a moment, and before that the events up to there, if they are wanted.
pub fn show(
    out: &mut Out,
    (plan, seed): (&Plan, u64),
    at: Moment,
    events: bool,
    children: &Children,
) -> Result<Exit, Trouble> {
    let state = Nursery::new(children).look(plan, seed, Sight::After(at.into()));
    let state = state.map_err(Trouble::no_process)?.map_err(Trouble::Run)?;
    if events {
        // What happens is the same with less judging.
        let plan = plan.clone().with_check(Some(CheckMode::End));
        trace::show(out, (&plan, seed), &Filter::up_to(state.entries.saturating_sub(1)), children)?;
    }
    if out.json() {
        out.object(&json!({"type": "state", "over": state.over, "state": to_json(&state)}));
    } else {
        out.text(&text(&state));
    }
    Ok(Exit::Passed)
}

/// A virtual time as traces show it.
pub fn time(ns: u64) -> String {
    format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000)
}

fn text(state: &State) -> String {
    let (last, at) = (state.entries.saturating_sub(1), time(state.time));
    let mut text = match state.over {
        true => format!(
            "the run was over before that, with event {last}, {at}; this is how everything stood then\n"
        ),
        false => format!("how everything stands after event {last}, {at}\n"),
    };
    state.parts.iter().for_each(|part| text += &part_text(part));
    text
}

fn part_text(part: &Part) -> String {
    let width = part.facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let fact = |(name, value): &(String, String)| format!("    {name:<width$}  {value}\n");
    format!("  {}\n", part.name) + &part.facts.iter().map(fact).collect::<String>()
}

/// All of it.
pub fn to_json(state: &State) -> Value {
    let part = |part: &Part| {
        let facts: Map<String, Value> =
            part.facts.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        json!({"name": part.name, "facts": facts})
    };
    let parts: Vec<Value> = state.parts.iter().map(part).collect();
    json!({"time_ns": state.time, "events": state.entries, "parts": parts})
}
