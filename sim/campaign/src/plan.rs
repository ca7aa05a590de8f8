//! What a campaign does with one scenario.

use crate::build::BUILD;
use crate::token::Token;
use mirrorsim_planted::Row;
use mirrorsim_scenario::{Scenario, Seeds};
use mirrorsim_world::outcome::{Outcome, Verdict};
use mirrorsim_world::spec::CheckMode;
use mirrorsim_world::{DisasterAt, Host, Judging, Options, Rigged};

/// A scenario, its seeds, and what was asked for beside.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The scenario; its spec already has the check mode that was asked for.
    pub scenario: Scenario,
    /// Its path as the user wrote it; goes into tokens.
    pub argument: String,
    /// Seeds, in the order in which they run.
    pub seeds: Seeds,
    /// `--set` pairs that were applied when it was loaded.
    pub sets: Vec<(String, String)>,
    /// Planted bugs.
    pub planted: Vec<&'static Row>,
    /// The check mode, if it is not the scenario's own.
    pub check: Option<CheckMode>,
    /// Keep images.
    pub images: bool,
    /// Stop at a disaster.
    pub disaster_at: Option<DisasterAt>,
    /// The folder of trace files, if one was named.
    pub data: Option<String>,
    /// The user allowed a very large run.
    pub yes_large: bool,
    /// Who may say no; in no token.
    pub judging: Judging,
    /// A bug of the rig; in no token.
    pub rigged: Option<Rigged>,
    /// Whose machines run. Others than ours are for workers that are threads, and their tokens for the program that has them.
    pub host: Host,
    /// What a fixture changes in the options of each run; in no token, so it is for workers that are threads.
    pub twist: Option<fn(u64, &mut Options)>,
}

impl Plan {
    /// A plan with nothing special.
    pub fn new(scenario: Scenario, argument: &str, seeds: Seeds) -> Plan {
        Plan {
            scenario,
            argument: argument.to_owned(),
            seeds,
            sets: Vec::new(),
            planted: Vec::new(),
            check: None,
            images: false,
            disaster_at: None,
            data: None,
            yes_large: false,
            judging: Judging::All,
            rigged: None,
            host: Host::default(),
            twist: None,
        }
    }

    /// What a token says, of a scenario that was read with its sets.
    pub fn of(token: &Token, scenario: Scenario) -> Result<Plan, String> {
        Plan::hosted(token, scenario, Host::default())
    }

    /// The same with these machines. What others did says nothing of them: a token of others is refused.
    pub fn hosted(token: &Token, scenario: Scenario, host: Host) -> Result<Plan, String> {
        if token.host.as_deref() != host.name {
            let of = |name: Option<&str>| {
                name.map_or("mirrorsim's own".to_owned(), |n| format!("`{}`", n.escape_debug()))
            };
            let (were, are) = (of(token.host.as_deref()), of(host.name));
            return Err(format!(
                "the machines of this run were {were}, and these are {are}: only the program that has them can run it again"
            ));
        }
        let unknown = |id: &String| {
            format!("the token names a planted bug that this build does not have: {}", id.escape_debug())
        };
        let planted = token.planted.iter().map(|id| mirrorsim_planted::find(id).ok_or_else(|| unknown(id)));
        let plan = Plan {
            sets: token.sets.clone(),
            planted: planted.collect::<Result<Vec<_>, _>>()?,
            disaster_at: token.disaster_at,
            data: token.data.clone(),
            yes_large: token.yes_large,
            host,
            ..Plan::new(scenario, &token.path, mirrorsim_scenario::seeds(&token.seed.to_string())?)
        };
        Ok(plan.with_check(token.check))
    }

    /// With another check mode than the scenario's.
    #[must_use]
    pub fn with_check(mut self, check: Option<CheckMode>) -> Plan {
        if let Some(mode) = check {
            self.scenario.spec.check.mode = mode;
            self.check = check;
        }
        self
    }

    /// What the world is told beside the spec, for one run of a seed.
    pub fn options(&self, seed: u64) -> Options {
        let mut options = Options {
            planted: mirrorsim_planted::bent(&self.planted),
            images: self.images,
            disaster_at: self.disaster_at,
            judging: self.judging.clone(),
            rigged: self.rigged,
            ..Options::default()
        };
        if let Some(twist) = self.twist {
            twist(seed, &mut options);
        }
        options
    }

    /// Identifiers of the planted bugs.
    pub fn planted_ids(&self) -> Vec<&'static str> {
        self.planted.iter().map(|row| row.id).collect()
    }

    /// The token that runs this outcome's seed again.
    pub fn token(&self, outcome: &Outcome) -> Token {
        Token {
            digest: outcome.digest,
            verdict: outcome.verdict,
            oracle: outcome.failures.first().map(|f| f.oracle.to_owned()),
            ..self.request(outcome.seed)
        }
    }

    /// A token of a seed that is not run yet.
    pub fn request(&self, seed: u64) -> Token {
        Token {
            path: self.argument.clone(),
            seed,
            text: self.scenario.source_hash as u32,
            build: BUILD.short(),
            digest: 0,
            verdict: Verdict::Inconclusive,
            oracle: None,
            planted: self.planted_ids().into_iter().map(str::to_owned).collect(),
            sets: self.sets.clone(),
            check: self.check,
            disaster_at: self.disaster_at,
            data: self.data.clone(),
            yes_large: self.yes_large,
            host: self.host.name.map(str::to_owned),
        }
    }
}
