//! The one run that a command is about: a recorded one, or a scenario with what is said beside it.

use crate::args::{JudgingArgs, Reading, TraceSeed};
use crate::recording::{Recording, contents, is_token};
use crate::scenarios;
use crate::trouble::Trouble;
use mirrorsim_campaign::{Plan, Repro};
use mirrorsim_scenario::{Problems, Scenario, seeds};

/// What an argument names. It is read once: it may be a pipe.
#[derive(Debug)]
pub enum Named {
    /// A token or a repro: it says all of its run itself.
    Recorded(Box<Recording>),
    /// A scenario, and its text if that could be read.
    Scenario(String, Option<Vec<u8>>),
}

impl Named {
    /// Reads an argument.
    pub fn read(argument: &str) -> Result<Named, Trouble> {
        if is_token(argument) {
            return Ok(Named::Recorded(Box::new(Recording::named(argument, None, false)?)));
        }
        // What cannot be read is told of by whoever reads scenarios.
        match contents(argument).ok() {
            Some(bytes) if Repro::is_recorded(&bytes) => {
                Ok(Named::Recorded(Box::new(Recording::of_repro(argument, &bytes, false)?)))
            }
            bytes => Ok(Named::Scenario(argument.to_owned(), bytes)),
        }
    }

    /// Whether it says all of its run itself.
    pub fn is_recorded(&self) -> bool {
        matches!(self, Named::Recorded(_))
    }

    /// The plan and the seed. What is said beside one that says all of it is a mistake.
    pub fn run(
        self,
        seed: &TraceSeed,
        judging: &JudgingArgs,
        reading: &Reading,
    ) -> Result<(Plan, u64), Trouble> {
        let recording = match self {
            Named::Scenario(path, None) => return scenario(&path, seed, judging, reading),
            Named::Scenario(path, Some(bytes)) => {
                let scenario = scenarios::parse_bytes(&path, &bytes, reading);
                return planned(scenario, &path, seed, judging, reading);
            }
            Named::Recorded(recording) => recording,
        };
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
        Ok((recording.plan, recording.token.seed))
    }

    /// The plan and the seed of what says all of it; what is said beside is meant for another one.
    pub fn run_alone(self, reading: &Reading) -> Result<(Plan, u64), Trouble> {
        match self {
            Named::Recorded(recording) => Ok((recording.plan, recording.token.seed)),
            scenario => scenario.run(&TraceSeed::default(), &JudgingArgs::default(), reading),
        }
    }
}

/// The plan and the seed of an argument.
pub fn target(
    argument: &str,
    seed: &TraceSeed,
    judging: &JudgingArgs,
    reading: &Reading,
) -> Result<(Plan, u64), Trouble> {
    Named::read(argument)?.run(seed, judging, reading)
}

/// The plan and the seed of a scenario.
pub fn scenario(
    path: &str,
    seed: &TraceSeed,
    judging: &JudgingArgs,
    reading: &Reading,
) -> Result<(Plan, u64), Trouble> {
    let scenario = scenarios::load(path, &reading.sets, reading.data.clone(), reading.yes_large);
    planned(scenario, path, seed, judging, reading)
}

fn planned(
    scenario: Result<Scenario, Problems>,
    path: &str,
    seed: &TraceSeed,
    judging: &JudgingArgs,
    reading: &Reading,
) -> Result<(Plan, u64), Trouble> {
    let scenario = scenario.map_err(|p| Trouble::Scenarios(vec![p]))?;
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
