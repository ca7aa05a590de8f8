//! `claims.json`. These declarations are its schema, too: their comments are the descriptions in it.

use crate::model::{Hash, SeedText};
use schemars::{JsonSchema, schema_for};
use serde::Serialize;

/// What a campaign says of each claim.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "mirrorsim claims")]
pub struct ClaimsReport {
    /// Version of this format.
    #[schemars(extend("const" = 1))]
    pub schema_version: u32,
    /// Version of mirrorsim.
    pub version: String,
    /// Commit that it was built from; null if it was built outside a checkout.
    pub commit: Option<String>,
    /// Hash of every source file that can change a run.
    pub source_hash: Hash,
    /// Date of the campaign's end, UTC.
    pub date: String,
    /// Planted bugs that were on.
    pub planted: Vec<String>,
    /// The campaign was stopped before all seeds were run.
    pub interrupted: bool,
    /// Claims that stand.
    pub live: u64,
    /// Claims that were shown.
    pub shown: u64,
    /// The kill table that says which planted bugs are caught; null if there is none.
    pub evidence: Option<Evidence>,
    /// Every claim, in the order of its number.
    pub claims: Vec<ClaimReport>,
}

/// A kill table.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Where it was read.
    pub path: String,
    /// Hash of the sources that made it.
    pub source_hash: String,
    /// They are those of this build.
    pub same_sources: bool,
}

/// What is said of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClaimVerdict {
    /// Its scenarios were run, every seed that was judged passed, and each of its steps was exercised.
    Shown,
    /// A finding.
    Failed,
    /// The same as `shown`, but for a planted bug of it that the evidence does not show to be caught.
    Unproven,
    /// No finding, and a step of it never happened.
    NotExercised,
    /// Not all seeds of its scenarios came to a verdict.
    Inconclusive,
    /// No scenario of the campaign has its tag.
    NoScenario,
    /// The claim does not stand.
    Cancelled,
}

/// A claim.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimReport {
    /// Its number.
    pub claim: u32,
    /// What is said of it.
    pub verdict: ClaimVerdict,
    /// What the trace must show; empty if it is cancelled.
    pub shows: String,
    /// Scenarios of the campaign with its tag.
    pub scenarios: Vec<ClaimScenario>,
    /// Seeds that were run, over its scenarios.
    pub seeds: u64,
    /// Its steps, over the seeds that passed.
    pub exercised: Vec<StepReport>,
    /// Planted bugs that an oracle of this claim must see.
    pub bugs: Vec<ClaimBug>,
    /// How many of them the evidence says are caught.
    pub caught: u64,
}

/// A scenario of a claim.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimScenario {
    /// Its path.
    pub path: String,
    /// Hash of its text and of what was set.
    pub hash: Hash,
    /// Seeds that were asked for.
    pub seeds: String,
    /// Seeds that were run.
    pub runs: u64,
    /// Seeds that passed.
    pub passed: u64,
    /// Seeds with a finding.
    pub failed: u64,
    /// The first of them.
    pub first_failed: Option<SeedText>,
    /// How often each step of the claim happened in the seeds that passed, in the order of `exercised`.
    pub exercised: Vec<u64>,
}

/// A step of a claim.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepReport {
    /// What is counted.
    pub step: String,
    /// By which stage, mark, metric, oracle or faults.
    pub counted_by: String,
    /// How often it happened.
    pub count: u64,
    /// In how many seeds it happened.
    pub seeds: u64,
}

/// A planted bug of a claim.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimBug {
    /// Its id.
    pub id: String,
    /// Whether the evidence says that it is caught; null if the evidence does not know it.
    pub caught: Option<bool>,
    /// The oracle that spoke first most often.
    pub oracle: Option<String>,
}

/// The JSON Schema of `claims.json`; `reports/claims.schema.json` is this, pretty-printed.
pub fn claims_schema() -> serde_json::Value {
    schema_for!(ClaimsReport).to_value()
}
