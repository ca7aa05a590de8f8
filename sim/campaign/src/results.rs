//! Results of a campaign for those who compare, whatever build recorded them: only what can be compared is read, and no scenario
//! has to be there any more.

use crate::ranges::Ranges;
use crate::signature::kind;
use crate::store::{Header, Store, StoreError, refused};
use mirrorsim_scenario::seeds;
use mirrorsim_world::outcome::{Failure, Verdict};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// What one seed came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedResult {
    /// Which scenario of the campaign.
    pub scenario: usize,
    /// The seed.
    pub seed: u64,
    /// Of every event.
    pub digest: u64,
    /// Of one that did not pass: what kind of failure it is.
    pub failure: Option<String>,
    /// What was measured.
    pub metrics: BTreeMap<String, u64>,
}

/// The part of a line that is read.
#[derive(Deserialize)]
struct Line {
    plan: usize,
    index: u64,
    outcome: Told,
}

/// The part of an outcome that is read.
#[derive(Deserialize)]
struct Told {
    seed: u64,
    digest: u64,
    verdict: Verdict,
    failures: Vec<Failure>,
    metrics: BTreeMap<String, u64>,
}

/// Gives out the results in a folder, each once. Returns of each scenario the seeds that are missing, such as `1..=100`.
pub fn results(
    folder: &Path,
    header: &Header,
    each: &mut dyn FnMut(SeedResult),
) -> Result<Vec<Option<String>>, StoreError> {
    let mut done = vec![Ranges::default(); header.scenarios.len()];
    Store::lines(folder, &mut |path, text| {
        let line: Line = serde_json::from_slice(text)
            .map_err(|e| refused(path, format!("has a line that is none: {e}")))?;
        let Line { plan, index, outcome } = line;
        let of = done.len();
        let Some(done) = done.get_mut(plan) else {
            return Err(refused(path, format!("has a result of scenario {plan}, of {of}")));
        };
        if done.add(index) {
            let Told { seed, digest, verdict, failures, metrics } = outcome;
            let failure = (verdict != Verdict::Passed).then(|| kind(verdict, &failures));
            each(SeedResult { scenario: plan, seed, digest, failure, metrics });
        }
        Ok(())
    })?;
    let missing = header.scenarios.iter().zip(done).map(|(stated, done)| {
        let seeds = seeds(&stated.seeds).map_err(|what| refused(folder, format!("has bad seeds: {what}")))?;
        let (from, to) = header.shard.part(u64::try_from(seeds.count()).unwrap_or(u64::MAX));
        Ok(seeds.part(done.missing(from, to).spans()).map(|seeds| seeds.to_string()))
    });
    missing.collect()
}
