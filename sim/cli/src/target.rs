//! The one run that a command is about: a recorded one, or a scenario with what is said beside it.

use crate::args::{JudgingArgs, Reading, TraceSeed};
use crate::recording::{Recording, is_token};
use crate::scenarios;
use crate::trouble::Trouble;
use mirrorsim_campaign::Plan;
use mirrorsim_scenario::{RECORD, seeds};

/// Whether an argument says all of a run itself: a token, or a repro.
pub fn is_recorded(argument: &str) -> bool {
    let record = format!("{RECORD}repro ");
    let has = |text: String| text.lines().any(|line| line.starts_with(&record));
    is_token(argument) || std::fs::read_to_string(argument).is_ok_and(has)
}

/// The plan and the seed of an argument. What is said beside one that says all of it is a mistake.
pub fn target(
    argument: &str,
    seed: &TraceSeed,
    judging: &JudgingArgs,
    reading: &Reading,
) -> Result<(Plan, u64), Trouble> {
    if !is_recorded(argument) {
        return scenario(argument, seed, judging, reading);
    }
    let beside = [
        ("--seed", seed.seed.is_some()),
        ("--plant", !judging.planted.is_empty()),
        ("--check", judging.check.is_some()),
        ("--disaster-at", judging.disaster_at.is_some()),
        ("--set", !reading.sets.is_empty()),
        ("--data", reading.data.is_some()),
    ];
    if let Some((option, _)) = beside.iter().find(|(_, said)| *said) {
        let what = format!("{option} is for a scenario; a token or a repro says all of its run itself");
        return Err(Trouble::usage(what).help("name the scenario, or leave the option out"));
    }
    recorded(argument)
}

/// The plan and the seed of a token or a repro.
pub fn recorded(argument: &str) -> Result<(Plan, u64), Trouble> {
    let recording = Recording::named(argument, None, false)?;
    Ok((recording.plan, recording.token.seed))
}

/// The plan and the seed of a scenario.
pub fn scenario(
    path: &str,
    seed: &TraceSeed,
    judging: &JudgingArgs,
    reading: &Reading,
) -> Result<(Plan, u64), Trouble> {
    let scenario = scenarios::load(path, &reading.sets, reading.data.clone(), reading.yes_large)
        .map_err(|p| Trouble::Scenarios(vec![p]))?;
    let chosen = seed.seed.clone().or_else(|| scenario.seeds.clone());
    let chosen = chosen.map_or_else(|| seeds("1"), Ok).map_err(Trouble::usage)?;
    let seed = chosen.iter().next().unwrap_or(1);
    let plan = Plan {
        sets: reading.sets.clone(),
        planted: judging.planted(),
        disaster_at: judging.disaster_at.map(Into::into),
        data: reading.data.as_ref().map(|d| d.display().to_string()),
        yes_large: reading.yes_large,
        ..Plan::new(scenario, path, chosen)
    };
    Ok((plan.with_check(judging.check.map(Into::into)), seed))
}
