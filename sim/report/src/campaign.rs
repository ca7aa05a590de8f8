//! The report of a campaign: nothing in it depends on the machine, on the day, or on how the work was divided.

use crate::collect::summary;
use crate::interval::Interval;
use crate::model::{Hash, SCHEMA_VERSION, Summary, Verdicts};
use crate::number::count;
use mirrorsim_campaign::{BUILD, Exit, Header, Kind, Known, Plan, Shard, Sums};
use mirrorsim_world::outcome::Verdict;
use schemars::{JsonSchema, schema_for};
use serde::Serialize;

/// A campaign, or a shard of one.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "mirrorsim campaign")]
pub struct CampaignReport {
    /// Version of this format.
    #[schemars(extend("const" = 1))]
    pub schema_version: u32,
    /// Version of mirrorsim.
    pub version: String,
    /// Commit that it was built from; null if it was built outside a checkout.
    pub commit: Option<String>,
    /// Hash of every source file that can change a run.
    pub source_hash: Hash,
    /// Which shard this is of, such as `2/4`; null of a whole campaign.
    pub shard: Option<String>,
    /// All seeds of the campaign, or of the shard, were run.
    pub complete: bool,
    /// Somebody from outside wanted an end, or results could not be kept any more.
    pub interrupted: bool,
    /// The exit that these results ask for, or 130, 143 or 3 if something ended them.
    pub exit_code: u8,
    /// Ids of the planted bugs that were switched on.
    pub planted: Vec<String>,
    /// What `--set` changed in each scenario.
    pub sets: Vec<String>,
    /// The check mode, if one was asked for.
    pub check: Option<String>,
    /// Seeds that were run, over all scenarios.
    pub seeds: u64,
    /// These by verdict.
    pub verdicts: Verdicts,
    /// Repros that were replayed before everything else, and are not as they should be.
    pub regressions: Vec<Regression>,
    /// Kinds of failures, over all scenarios; the most frequent first.
    pub failures: Vec<CampaignFailure>,
    /// If every seed passed: the upper bound of the share of seeds that fail, in parts per 10^9, with 95 % confidence; else null.
    pub failure_rate_bound_ppb: Option<u64>,
    /// If some failed: the exact interval (Clopper and Pearson) with 95 % confidence of the share that fails, of the seeds that
    /// passed or failed, in parts per 10^9, rounded outwards; else null.
    pub failure_rate_interval_ppb: Option<Interval<u64>>,
    /// What the seeds have been through.
    pub reach: Reach,
    /// Sum of a hash of each result: equal if and only if all results are.
    pub results: Hash,
    /// Each scenario, in the order in which they were given.
    pub scenarios: Vec<CampaignScenario>,
}

impl CampaignReport {
    /// `, planted P10`, if something is.
    pub(crate) fn with_planted(&self) -> String {
        if self.planted.is_empty() { String::new() } else { format!(", planted {}", self.planted.join(", ")) }
    }

    /// What is said behind the number of seeds that failed: `failed`, and how many of them in a way that is known.
    pub(crate) fn failed(&self) -> String {
        let known: u64 = self.failures.iter().filter(|f| f.known).map(|f| f.seeds).sum();
        match known {
            0 => "failed".into(),
            _ if known == self.verdicts.failed => "failed (all known)".into(),
            _ => format!("failed ({} known)", count(known)),
        }
    }
}

/// A repro of the corpus that is not as it should be: a failure has come back, or a planted bug is not seen any more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Regression {
    /// The file.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// The exit that it asks for.
    pub exit_code: u8,
    /// The line that runs it again.
    pub replay: String,
}

impl Regression {
    /// The exit that it asks for.
    pub fn exit(&self) -> Exit {
        let own = Exit::BY_SEVERITY.into_iter().find(|exit| exit.code() == self.exit_code);
        own.unwrap_or(Exit::Failed)
    }
}

/// A kind of failure.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignFailure {
    /// Oracle, invariant and first words, with numbers blotted out.
    pub signature: String,
    /// Whether it was said to be known, so that it turns nothing red.
    pub known: bool,
    /// How many seeds.
    pub seeds: u64,
    /// Scenario of the first of them.
    pub scenario: String,
    /// Where that is, as the user wrote it.
    pub path: String,
    /// The first of them.
    pub first_seed: String,
    /// What it says.
    pub message: String,
    /// The line that runs it again.
    pub replay: String,
}

/// Rare states, stages, and cells of fault, role and phase: what was reached, and how much may be left.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reach {
    /// How many different ones.
    pub reached: u64,
    /// How many of them in one seed only.
    pub in_one_seed: u64,
    /// How many seeds these are.
    pub seeds_with_such: u64,
    /// The estimate by Good and Turing of the chance that one more seed reaches something new, in parts per 10^9: seeds that alone
    /// reached something, by all seeds.
    pub next_is_new_ppb: u64,
    /// How many the first so many seeds of each scenario had reached; no further than to the first seed that is missing.
    pub growth: Vec<Growth>,
}

/// A point of the curve.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Growth {
    /// Seeds of each scenario.
    pub seeds: u64,
    /// What they had reached.
    pub reached: u64,
}

/// A scenario of a campaign.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignScenario {
    /// Its name.
    pub name: String,
    /// As the user wrote it.
    pub path: String,
    /// Hash of its text and of what `--set` changed.
    pub hash: Hash,
    /// Seeds that were asked for, of all shards.
    pub seeds: String,
    /// Those that are missing here, of the campaign or of the shard; null if none are.
    pub missing: Option<String>,
    /// Signatures of failures that were said to be known, and were seen.
    pub known: Vec<String>,
    /// Sums over those that were run.
    pub summary: Summary,
}

/// What was run, and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// The scenarios.
    pub plans: &'a [Plan],
    /// What they came to.
    pub sums: &'a Sums,
    /// Which part.
    pub shard: Shard,
    /// Failures that turn nothing red.
    pub known: &'a Known,
    /// What is wrong with the corpus of regressions.
    pub regressions: &'a [Regression],
    /// All seeds were wanted, and nothing will run those that are missing: it is no verdict without them.
    pub whole: bool,
}

impl Standing<'_> {
    /// Seeds of a plan that belong to this part and were not run, such as `1..=100`.
    pub fn missing(&self, plan: usize) -> Option<String> {
        let seeds = &self.plans[plan].seeds;
        let (from, to) = self.shard.part(u64::try_from(seeds.count()).unwrap_or(u64::MAX));
        seeds.part(self.sums.plans[plan].1.missing(from, to).spans()).map(|seeds| seeds.to_string())
    }

    /// Whether there are none.
    pub fn complete(&self) -> bool {
        (0..self.plans.len()).all(|plan| self.missing(plan).is_none())
    }

    /// Signatures of failures of a plan that are known, and of none that is not.
    fn known_of(&self, plan: usize) -> Vec<String> {
        let name = &self.plans[plan].scenario.name;
        let covered =
            |(signature, verdict): &&(String, Verdict)| self.known.covers(name, signature, *verdict);
        let kinds = || self.sums.plans[plan].0.groups.keys();
        let new = |signature: &String| kinds().any(|kind| kind.0 == *signature && !covered(&kind));
        kinds().filter(covered).map(|(signature, _)| signature.clone()).filter(|s| !new(s)).collect()
    }

    /// How many of the first seeds of each scenario there are, or all of one that has fewer. Of what more seeds reach nothing is
    /// known: some of them are missing.
    fn without_a_gap(&self) -> u64 {
        let counts = self.plans.iter().map(|p| u64::try_from(p.seeds.count()).unwrap_or(u64::MAX));
        let all =
            counts.zip(&self.sums.plans).map(|(count, (_, done))| (count, done.missing(0, count).nth(0)));
        let (most, gap) = all.fold((0, u64::MAX), |(most, gap), (count, first)| {
            (count.max(most), first.unwrap_or(u64::MAX).min(gap))
        });
        most.min(gap)
    }

    /// The exit that the results ask for; nothing was run is no verdict.
    pub fn exit(&self) -> Exit {
        // Of a scenario of which no seed was run nothing is known; a shard may have none of its seeds.
        let unheard = self.plans.is_empty()
            || (0..self.plans.len())
                .any(|plan| self.sums.plans[plan].0.runs() == 0 && self.missing(plan).is_some());
        let seeds = self.sums.exit_but(self.plans, self.known);
        let seeds = if unheard { seeds.worst(Exit::Inconclusive) } else { seeds };
        let seeds = if self.whole && !self.complete() { seeds.worst(Exit::Inconclusive) } else { seeds };
        self.regressions.iter().map(Regression::exit).fold(seeds, Exit::worst)
    }

    /// The report.
    pub fn report(&self, header: &Header) -> CampaignReport {
        let total = &self.sums.total;
        let sum = summary(total);
        let most = self.without_a_gap();
        // What a campaign runs it runs in all scenarios alike.
        let first = self.plans.first();
        let growth = |seeds| Growth { seeds, reached: self.sums.reached_by(seeds) };
        let points = (0..20).flat_map(|e| [1, 2, 5].map(|d| d * 10u64.pow(e))).take_while(|n| *n < most);
        let (reached, (in_one_seed, seeds_with_such)) = (self.sums.reached.len() as u64, self.sums.singles());
        let kinds = self.sums.kinds(self.plans, self.known).into_iter();
        let failures = kinds.map(|Kind { signature, group, known, .. }| CampaignFailure {
            signature: signature.to_owned(),
            known,
            seeds: group.seeds,
            scenario: self.plans[group.first.0].scenario.name.clone(),
            path: self.plans[group.first.0].argument.clone(),
            first_seed: group.first.2.to_string(),
            message: group.message.clone(),
            replay: format!("mirrorsim replay {}", group.token),
        });
        let scenarios = self.plans.iter().enumerate().map(|(number, plan)| CampaignScenario {
            name: plan.scenario.name.clone(),
            path: plan.argument.clone(),
            hash: Hash(format!("{:016x}", plan.scenario.source_hash)),
            seeds: plan.seeds.to_string(),
            missing: self.missing(number),
            known: self.known_of(number),
            summary: summary(&self.sums.plans[number].0),
        });
        CampaignReport {
            schema_version: SCHEMA_VERSION,
            version: BUILD.version.into(),
            commit: Some(header.commit.clone()).filter(|c| !c.is_empty()),
            source_hash: Hash(header.source_hash.clone()),
            shard: (self.shard.of > 1).then(|| self.shard.to_string()),
            complete: self.complete(),
            interrupted: false,
            exit_code: self.exit().code(),
            planted: first
                .map(Plan::planted_ids)
                .unwrap_or_default()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            sets: first.iter().flat_map(|p| &p.sets).map(|(key, value)| format!("{key}={value}")).collect(),
            check: first.and_then(|p| p.check).map(|mode| mode.name().to_owned()),
            seeds: total.runs(),
            verdicts: sum.verdicts,
            regressions: self.regressions.to_vec(),
            failures: failures.collect(),
            failure_rate_bound_ppb: sum.failure_rate_bound_ppb,
            failure_rate_interval_ppb: sum.failure_rate_interval_ppb,
            reach: Reach {
                reached,
                in_one_seed,
                seeds_with_such,
                next_is_new_ppb: ppb(seeds_with_such, total.runs()),
                growth: points.chain(Some(most).filter(|n| *n > 0)).map(growth).collect(),
            },
            results: Hash(format!("{:016x}", self.sums.fingerprint)),
            scenarios: scenarios.collect(),
        }
    }
}

/// So many of `all`, in parts per 10^9.
fn ppb(part: u64, all: u64) -> u64 {
    (u128::from(part) * 1_000_000_000 / u128::from(all.max(1))) as u64
}

/// The schema of the report.
pub fn campaign_schema() -> serde_json::Value {
    schema_for!(CampaignReport).to_value()
}
