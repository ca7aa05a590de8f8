//! What a run is judged by instead of everything, and how the rig itself is bent: for tables that show what the oracles
//! are worth, and for the rig's own tests. None of it is in any scenario.

use mirrorsim_engine::FateOdds;
use mirrorsim_oracle::Judge;
use serde::{Deserialize, Serialize};

/// Oracles that watch the steps of a run; a checker that only compares images at its end has none of them.
pub const WATCHING: &[&str] = &[
    "agreement",
    "apply",
    "divergence",
    "fairness",
    "fencing",
    "held",
    "isolation",
    "numbering",
    "nvram",
    "reads",
    "replies",
    "seals",
    "session",
    "steps",
];

/// Who may say no.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Judging {
    /// Every oracle, all the time.
    #[default]
    All,
    /// One oracle.
    Only(String),
    /// All but these.
    Without(Vec<String>),
    /// Nobody watches steps; what recoveries give is compared with the model, as often as the check mode says.
    States,
    /// Nobody looks before the end. Then images are compared with the model, once: that of a mirror that was recovered
    /// after it, and of the others what both sides hold and what a recovery would give; and the run must have come to
    /// rest. What a test without oracles of the steps would do.
    AtTheEnd,
}

/// A bug of the rig, which its own tests must find.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Rigged {
    /// P40: a power cut keeps every write that was not flushed.
    PowerCutsKeepAll,
    /// P41: what the destination should hold is read from the source's volume. At the end only.
    SourceIsRight,
    /// The canary: the judge is told of an answer that nobody gave. It must say no.
    FalseAnswer,
    /// P44: a shrinker takes any failure for the one that it reduces. No run knows of it.
    AnyFailureWillDo,
}

impl Judging {
    /// Whether nobody speaks but in comparisons.
    pub(crate) fn mutes(&self) -> bool {
        matches!(self, Judging::AtTheEnd | Judging::States)
    }

    /// Whether what the scenario expects is judged, too: it is none of the oracles that are compared.
    pub fn expects(&self) -> bool {
        !matches!(self, Judging::Only(_) | Judging::Without(_))
    }

    /// Whether an oracle that the rig itself speaks for is asked.
    pub(crate) fn hears(&self, oracle: &str) -> bool {
        match self {
            Judging::All | Judging::AtTheEnd | Judging::States => true,
            Judging::Only(only) => only == oracle,
            Judging::Without(others) => others.iter().all(|other| other != oracle),
        }
    }

    /// Tells the judge before the first event.
    pub(crate) fn instruct(&self, rigged: Option<Rigged>, judge: &mut Judge) {
        match self {
            Judging::All => {}
            Judging::Only(oracle) => judge.only(oracle),
            Judging::Without(oracles) => oracles.iter().for_each(|oracle| judge.without(oracle)),
            Judging::AtTheEnd | Judging::States => {
                WATCHING.iter().for_each(|oracle| judge.without(oracle));
                judge.mute(true);
            }
        }
        if rigged == Some(Rigged::SourceIsRight) {
            judge.believe_the_source();
        }
    }
}

/// What becomes of unflushed writes in a power cut.
pub(crate) fn odds(rigged: Option<Rigged>, garbage: bool) -> FateOdds {
    match rigged {
        Some(Rigged::PowerCutsKeepAll) => {
            FateOdds { completed_torn: 0, completed_lost: 0, open_torn: 0, open_lost: 0, garbage: 0 }
        }
        _ => FateOdds { garbage: if garbage { 1 << 31 } else { 0 }, ..FateOdds::USUAL },
    }
}
