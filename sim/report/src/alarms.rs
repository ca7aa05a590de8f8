//! Evidence that the judge raises no false alarm: runs of the protocol as it is, none of which failed.

use crate::number::{bound, count, plural, share_at_most};
use crate::stamp::Stamp;
use mirrorsim_campaign::{Plan, SeedRun, Tally};
use serde::{Deserialize, Serialize};

/// Seeds of a scenario whose digests are kept.
const DIGESTS: usize = 8;

/// The evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoFalseAlarm {
    /// What made it.
    pub stamp: Stamp,
    /// Seeds that were run, of all scenarios.
    pub runs: u64,
    /// Seeds that passed.
    pub passed: u64,
    /// Upper bound of the share of seeds that fail, in parts per 10^9, with 95 % confidence; null if one did, or if there
    /// were fewer than three.
    pub failure_rate_bound_ppb: Option<u64>,
    /// The scenarios.
    pub scenarios: Vec<Clean>,
}

/// A scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clean {
    /// Its path.
    pub path: String,
    /// Hash of its text.
    pub hash: String,
    /// How much was checked, if not what the scenario says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// Seeds that were asked for.
    pub seeds: String,
    /// Seeds that were run.
    pub runs: u64,
    /// Seeds that passed.
    pub passed: u64,
    /// Some of the seeds, and their digests.
    pub digests: Vec<(String, String)>,
}

impl Clean {
    /// Adds a result.
    pub fn add(&mut self, run: &SeedRun) {
        if self.digests.len() < DIGESTS {
            self.digests.push((run.outcome.seed.to_string(), format!("{:016x}", run.outcome.digest)));
        }
    }

    /// All results are there.
    #[must_use]
    pub fn finish(mut self, plan: &Plan, tally: &Tally) -> Clean {
        self.path = plan.argument.clone();
        self.hash = format!("{:016x}", plan.scenario.source_hash);
        self.check = plan.sets.iter().find(|(path, _)| path == "check").map(|(_, mode)| mode.clone());
        self.seeds = plan.seeds.to_string();
        (self.runs, self.passed) = (tally.runs(), tally.passed);
        self
    }
}

impl NoFalseAlarm {
    /// Of all scenarios of a campaign.
    pub fn of(scenarios: Vec<Clean>, hashes: impl Iterator<Item = u64>) -> NoFalseAlarm {
        let runs = scenarios.iter().map(|s| s.runs).sum();
        let passed = scenarios.iter().map(|s| s.passed).sum();
        let failure_rate_bound_ppb = if runs == passed { bound(runs) } else { None };
        NoFalseAlarm { stamp: Stamp::of(hashes), runs, passed, failure_rate_bound_ppb, scenarios }
    }

    /// Digests that are others than in earlier evidence of the same sources, in sentences.
    pub fn differences(&self, before: &NoFalseAlarm) -> Vec<String> {
        let mut out = Vec::new();
        if self.stamp.source_hash != before.stamp.source_hash {
            return out;
        }
        for (new, old) in self.pairs(before).filter(|(new, old)| new.hash == old.hash) {
            for (seed, digest) in &new.digests {
                let was = old.digests.iter().find(|(s, _)| s == seed).map(|(_, digest)| digest);
                if let Some(was) = was.filter(|was| *was != digest) {
                    let path = &new.path;
                    out.push(format!(
                        "{path} seed {seed}: digest {digest} instead of {was}, of the same sources"
                    ));
                }
            }
        }
        out
    }

    /// What was compared, in a sentence.
    pub fn compared(&self, before: &NoFalseAlarm) -> String {
        let same = self.stamp.source_hash == before.stamp.source_hash;
        let digests = if same { "their digests, too" } else { "of other sources, so not their digests" };
        format!(
            "{} of {} compared with the baseline ({}, {}), {digests}",
            count(self.pairs(before).count() as u64),
            plural(before.scenarios.len() as u64, "scenario"),
            plural(before.runs, "run"),
            before
                .failure_rate_bound_ppb
                .map_or_else(|| "some failed".into(), |b| format!("below {}", share_at_most(b))),
        )
    }

    fn pairs<'a>(&'a self, before: &'a NoFalseAlarm) -> impl Iterator<Item = (&'a Clean, &'a Clean)> {
        self.scenarios
            .iter()
            .filter_map(|new| Some((new, before.scenarios.iter().find(|old| old.path == new.path)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(digest: &str) -> NoFalseAlarm {
        let clean = Clean {
            path: "a.yaml".into(),
            runs: 300,
            passed: 300,
            digests: vec![("1".into(), digest.into())],
            ..Clean::default()
        };
        NoFalseAlarm::of(vec![clean], std::iter::empty())
    }

    #[test]
    fn the_bound_and_the_digests_are_compared() {
        let (one, other) = (evidence("aa"), evidence("bb"));
        assert_eq!(one.failure_rate_bound_ppb, Some(9_985_775));
        assert!(one.differences(&one).is_empty());
        assert_eq!(one.differences(&other), ["a.yaml seed 1: digest aa instead of bb, of the same sources"]);
        let mut foreign = other;
        foreign.stamp.source_hash = "0".into();
        assert!(one.differences(&foreign).is_empty());
        assert!(
            one.compared(&foreign)
                .starts_with("1 of 1 scenario compared with the baseline (300 runs, below 0.999")
        );
    }
}
