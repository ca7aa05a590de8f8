//! What became of a recorded run when it was run again.

use crate::build::BUILD;
use crate::event::SeedRun;
use crate::exit::Exit;
use crate::plan::Plan;
use crate::signature::signature;
use crate::token::Token;
use mirrorsim_world::outcome::Verdict;

/// What is known of a run from before.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    /// Its token.
    pub token: &'a Token,
    /// What it failed by, if that is recorded in full.
    pub signature: Option<&'a str>,
}

/// What is the same as when it was recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Same {
    /// The scenario and its traces.
    pub text: bool,
    /// The sources of the build; never of machines of one's own, which are no part of what is known of a build.
    pub build: bool,
    /// The digest of the run.
    pub digest: bool,
}

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Replayed {
    /// The same scenario and the same sources give another digest.
    Nondeterminism,
    /// It failed, and passes now.
    Gone,
    /// It passed, and still does.
    PassedAgain,
    /// It fails in the same way.
    Reproduced,
    /// It fails, but something else speaks first.
    OtherFailure,
    /// The verdict is another one, and no pass.
    OtherVerdict,
}

impl Recorded<'_> {
    /// What is the same in a run of now.
    pub fn same(&self, plan: &Plan, run: &SeedRun) -> Same {
        Same {
            text: self.token.text == plan.scenario.source_hash as u32,
            build: self.token.build == BUILD.short() && plan.host.name.is_none(),
            digest: self.token.digest == run.outcome.digest,
        }
    }

    /// What became of it.
    pub fn replayed(&self, same: Same, run: &SeedRun) -> Replayed {
        let (before, now) = (self.token, &run.outcome);
        // A run that panics has no digest to compare.
        if same.text && same.build && !same.digest && before.digest != 0 && now.digest != 0 {
            return Replayed::Nondeterminism;
        }
        let first = now.failures.first();
        let alike = match self.signature {
            Some(wanted) => first.is_some_and(|f| signature(f) == wanted),
            None => first.map(|f| f.oracle) == before.oracle.as_deref(),
        };
        match (before.verdict, now.verdict) {
            (Verdict::Passed, Verdict::Passed) => Replayed::PassedAgain,
            (_, Verdict::Passed) => Replayed::Gone,
            (before, now) if before != now => Replayed::OtherVerdict,
            _ if alike => Replayed::Reproduced,
            _ => Replayed::OtherFailure,
        }
    }
}

impl Replayed {
    /// The exit that it asks for; with `expect_pass` a failure that is gone is a success.
    pub fn exit(self, run: &SeedRun, expect_pass: bool) -> Exit {
        match self {
            Replayed::Nondeterminism => Exit::Rig,
            Replayed::Gone if expect_pass => Exit::Passed,
            Replayed::Gone => Exit::Failed,
            _ => run.outcome.verdict.into(),
        }
    }

    /// In words.
    pub fn text(self, same: Same) -> &'static str {
        match self {
            Replayed::Nondeterminism => "nondeterminism: same scenario, same build, other digest",
            Replayed::Gone if same.text && same.build => "did not reproduce: passed on this build",
            Replayed::Gone => "stale: did not reproduce: passed on this build",
            Replayed::PassedAgain => "passed again",
            Replayed::Reproduced => "reproduced",
            Replayed::OtherFailure => "not the same failure: something else is found first",
            Replayed::OtherVerdict => "another verdict than before",
        }
    }
}
