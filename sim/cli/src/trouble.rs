//! Why a command could not do what it was asked for.

use mirrorsim_campaign::{Exit, Refusal};
use mirrorsim_report as report;
use mirrorsim_scenario::Problems;
use mirrorsim_world::outcome::Outcome;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;

/// What is wrong, and the cure where whoever found it knows one.
#[derive(Debug)]
pub struct Said {
    what: String,
    help: String,
}

impl From<String> for Said {
    fn from(what: String) -> Said {
        Said { what, help: String::new() }
    }
}

impl From<&str> for Said {
    fn from(what: &str) -> Said {
        what.to_owned().into()
    }
}

impl From<Refusal> for Said {
    fn from(Refusal { what, help }: Refusal) -> Said {
        Said { what, help }
    }
}

/// What went wrong.
#[derive(Debug)]
pub enum Trouble {
    /// In one sentence.
    Words {
        /// What the process returns.
        exit: Exit,
        /// What is wrong.
        what: String,
        /// The cure, if there is one to tell.
        help: String,
    },
    /// Mistakes in scenarios.
    Scenarios(Vec<Problems>),
    /// A run that was to be looked at does not come to its end: it panics, crashes or hangs.
    Run(Box<Outcome>),
    /// Several at once.
    Several(Vec<Trouble>),
}

impl Trouble {
    /// Bad arguments.
    pub fn usage(said: impl Into<Said>) -> Trouble {
        let Said { what, help } = said.into();
        Trouble::Words { exit: Exit::Usage, what, help }
    }

    /// Something outside is in the way.
    pub fn environment(what: impl ToString) -> Trouble {
        Trouble::Words { exit: Exit::Environment, what: what.to_string(), help: String::new() }
    }

    /// The rig is at fault.
    pub fn rig(what: impl Into<String>) -> Trouble {
        Trouble::Words { exit: Exit::Rig, what: what.into(), help: String::new() }
    }

    /// That there can be no process for a run, which may end its process.
    pub fn no_process(error: io::Error) -> Trouble {
        Trouble::environment(format!("cannot start a process for the run: {}", report::reason(&error)))
    }

    /// The last so many pairs that were set were given by another flag than `--set`.
    pub fn last_set_by(self, flag: &str, pairs: usize) -> Trouble {
        let by = |problems: Problems| problems.last_set_by(flag, pairs);
        match self {
            Trouble::Scenarios(files) => Trouble::Scenarios(files.into_iter().map(by).collect()),
            other => other,
        }
    }

    /// That it is about the file of this flag or variable.
    pub fn of(mut self, name: &str) -> Trouble {
        if let Trouble::Words { what, .. } = &mut self {
            *what = format!("{name} {what}");
        }
        self
    }

    /// With a cure.
    pub fn help(mut self, text: impl Into<String>) -> Trouble {
        if let Trouble::Words { help, .. } = &mut self {
            *help = text.into();
        }
        self
    }

    /// With a cure, if there is none yet.
    pub fn help_else(self, text: &str) -> Trouble {
        match self {
            Trouble::Words { ref help, .. } if help.is_empty() => self.help(text),
            other => other,
        }
    }

    /// What the process returns.
    pub fn exit(&self) -> Exit {
        match self {
            Trouble::Words { exit, .. } => *exit,
            Trouble::Scenarios(_) => Exit::Usage,
            Trouble::Run(outcome) => outcome.verdict.into(),
            Trouble::Several(all) => all.iter().map(Trouble::exit).fold(Exit::Passed, Exit::worst),
        }
    }

    /// One object for each mistake.
    pub fn to_json(&self) -> Vec<Value> {
        match self {
            Trouble::Words { exit, what, help } => {
                vec![json!({"type": "error", "exit_code": exit.code(), "what": what, "help": help})]
            }
            Trouble::Run(outcome) => {
                let (exit, what) = (self.exit().code(), report::cause(outcome));
                let what = format!("seed {}: {what}", outcome.seed);
                vec![
                    json!({"type": "error", "exit_code": exit, "what": what, "last_events": outcome.last_events}),
                ]
            }
            Trouble::Several(all) => all.iter().flat_map(Trouble::to_json).collect(),
            Trouble::Scenarios(files) => {
                let lists = files.iter().map(Problems::to_json);
                let mistakes = lists.flat_map(|l| l.as_array().cloned().unwrap_or_default());
                let mistakes: Vec<String> = mistakes.map(|mistake| mistake.to_string()).collect();
                let counted = counted(mistakes.iter().map(String::as_str)).into_iter();
                let object = |(mistake, scenarios)| {
                    let mistake: Value = serde_json::from_str(mistake).unwrap_or_default();
                    json!({"type": "mistake", "exit_code": Exit::Usage.code(), "mistake": mistake, "scenarios": scenarios})
                };
                counted.map(object).collect()
            }
        }
    }
}

/// Mistakes, each once, and in how many scenarios it is: that of a flag is the same in all of them.
pub fn counted<'a>(mistakes: impl Iterator<Item = &'a str>) -> Vec<(&'a str, u64)> {
    let (mut all, mut places) = (Vec::<(&str, u64)>::new(), BTreeMap::new());
    for mistake in mistakes {
        let place = *places.entry(mistake).or_insert(all.len());
        match all.get_mut(place) {
            Some((_, scenarios)) => *scenarios += 1,
            None => all.push((mistake, 1)),
        }
    }
    all
}

impl From<report::Trouble> for Trouble {
    fn from(trouble: report::Trouble) -> Trouble {
        Trouble::environment(trouble)
    }
}
