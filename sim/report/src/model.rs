//! The JSON report. These declarations are its schema, too: their comments are the descriptions in it.

use crate::interval::Interval;
use schemars::{JsonSchema, schema_for};
use serde::Serialize;
use std::collections::BTreeMap;

/// Version of the report's format; goes up when a field changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// The report of one scenario over its seeds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "mirrorsim report")]
pub struct Report {
    /// Version of this format.
    #[schemars(extend("const" = 1))]
    pub schema_version: u32,
    /// What was run, by what, when.
    pub environment: Environment,
    /// The campaign was stopped before all seeds were run.
    pub interrupted: bool,
    /// The worst verdict of all seeds, in the order rig, vacuous, failed, inconclusive, passed. Seeds that an interrupt
    /// kept from running count as inconclusive.
    pub verdict: VerdictName,
    /// What the command returned for this scenario.
    pub exit_code: u8,
    /// Sums over all seeds. They do not depend on the machine.
    pub summary: Summary,
    /// How fast they were run.
    pub speed: Speed,
    /// Seeds in the order in which they ran: the first 1,000, and the first 1,000 of those that did not pass.
    pub runs: Vec<RunReport>,
    /// Seeds that were run and are not in `runs`.
    pub runs_left_out: u64,
    /// Seeds that were begun and given up at an interrupt.
    pub abandoned: Vec<SeedText>,
}

/// A seed in decimal. Text, since many readers of JSON round numbers above 2^53.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct SeedText(#[schemars(regex(pattern = "^[0-9]{1,20}$"))] pub String);

/// 64 bits in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Hash(#[schemars(regex(pattern = "^[0-9a-f]{16}$"))] pub String);

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictName {
    /// Everything that was judged holds.
    Passed,
    /// A finding.
    Failed,
    /// Nothing was judged, or a scripted fault never took effect.
    Vacuous,
    /// The budget ended before a verdict, or the campaign before all seeds were run.
    Inconclusive,
    /// The rig disagrees with itself.
    Rig,
}

/// What was run, by what, when.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// Version of mirrorsim.
    pub version: String,
    /// Commit that it was built from; null if it was built outside a checkout.
    pub commit: Option<String>,
    /// Hash of every source file that can change a run; equal hashes mean equal digests.
    pub source_hash: Hash,
    /// Hash of the lock file.
    pub lock_hash: Hash,
    /// Compiler.
    pub rustc: String,
    /// Target triple.
    pub target: String,
    /// `debug` or `release`.
    pub profile: String,
    /// Date of the report, UTC.
    #[schemars(regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"))]
    pub date: String,
    /// The scenario.
    pub scenario: ScenarioStamp,
    /// Seeds that were asked for, such as `1..=100`.
    pub seeds: String,
    /// Planted bugs that were on.
    pub planted: Vec<String>,
    /// What was judged when: `every`, `delta`, `sampled` or `end`.
    pub check: String,
    /// Threads.
    pub workers: u64,
}

/// Which scenario.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScenarioStamp {
    /// Its name.
    pub name: String,
    /// What it shows.
    pub about: String,
    /// Words to choose it by.
    pub tags: Vec<String>,
    /// Where it was read from; `-` is standard input.
    pub path: String,
    /// Hash of its text and of `sets`.
    pub hash: Hash,
    /// What `--set` changed, as `path=value`.
    pub sets: Vec<String>,
}

/// How fast seeds were run on this machine.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Speed {
    /// Wall time from the first seed's start to the last one's end, ms.
    pub wall_ms: u64,
    /// Time of all workers, ms.
    pub busy_ms: u64,
    /// Events per second of one worker.
    pub events_per_second: u64,
    /// Seeds per minute of wall time.
    pub seeds_per_minute: u64,
}

/// Sums over all seeds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// Seeds by verdict.
    pub verdicts: Verdicts,
    /// If every seed passed: the upper bound of the share of seeds that fail, in parts per 10^9, with 95 % confidence
    /// (-ln(0.05) / seeds); null if one did not pass, or if there were fewer than three.
    pub failure_rate_bound_ppb: Option<u64>,
    /// If some failed: the exact interval (Clopper and Pearson) with 95 % confidence of the share that fails, of the seeds that
    /// passed or failed, in parts per 10^9, rounded outwards; else null.
    pub failure_rate_interval_ppb: Option<Interval<u64>>,
    /// Seeds that were run twice, in two processes: each that did not pass, and a share of the others, or all. A seed that
    /// gave two results is one of the rig's failures.
    pub run_twice: u64,
    /// Seeds that did not pass, grouped by what their first failure says; the largest group first.
    pub failures: Vec<FailureGroup>,
    /// Events dispatched.
    pub events: u64,
    /// Virtual time, ns.
    pub virtual_time_ns: u64,
    /// Clients' operations.
    pub operations: OperationCounts,
    /// Faults by kind.
    pub faults: BTreeMap<String, FaultSum>,
    /// What the campaign has been through.
    pub coverage: Coverage,
    /// What the checker did.
    pub checks: CheckSum,
    /// Recoveries carried out.
    pub recoveries: u64,
    /// Recoveries whose image equals the model byte for byte.
    pub recoveries_exact: u64,
    /// Greatest number of answered operations missing after a recovery.
    pub worst_rpo_operations: u64,
    /// Longest time from a disaster, or without one from the operator's order, to the opening of the image, ns.
    pub worst_rto_ns: u64,
    /// Promotions and adoptions that were carried out: another server served the clients.
    pub promotions: u64,
    /// Longest time over one of them in which no client had an answer, ns.
    pub worst_outage_ns: u64,
    /// Hand-overs that were carried out: the clients went back.
    pub hand_overs: u64,
    /// Longest time over one of them in which no client had an answer, ns.
    pub worst_hand_over_ns: u64,
    /// Alarms raised by the servers.
    pub alarms: u64,
}

/// Seeds by verdict.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Verdicts {
    pub passed: u64,
    pub failed: u64,
    pub vacuous: u64,
    pub inconclusive: u64,
    pub rig: u64,
}

/// Seeds that failed in the same way.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailureGroup {
    /// Oracle, invariant and first words, with numbers blotted out.
    pub signature: String,
    /// How many seeds.
    pub seeds: u64,
    /// The first of them.
    pub first_seed: SeedText,
    /// What it says.
    pub message: String,
    /// The line that runs it again.
    pub replay: String,
}

/// Clients' operations.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationCounts {
    /// Issued.
    pub issued: u64,
    /// Answered with success.
    pub acknowledged: u64,
    /// Answered with a definite error.
    pub refused: u64,
    /// Never answered.
    pub in_doubt: u64,
    /// Acknowledged, and missing after a recovery or at the end.
    pub lost: u64,
    /// Bytes of payload acknowledged.
    pub bytes: u64,
}

/// One kind of fault over all seeds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultSum {
    /// How often it was injected.
    pub injected: u64,
    /// How often it changed anything.
    pub took_effect: u64,
}

/// What a campaign has been through.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// Every kind of fault that was injected, by what it hit and what that was doing; cells with zeros, too.
    pub cells: Vec<FaultCell>,
    /// Rare states of the protocol, and how often each was reached.
    pub marks: BTreeMap<String, u64>,
    /// Stages of the protocol that were reached, and how often.
    pub stages: BTreeMap<String, StageCount>,
    /// What the scenario's `reach` wants and what its profile draws, and was not reached or never took effect.
    pub unreached: Vec<String>,
    /// The durable-copy ledger.
    pub ledger: LedgerSum,
}

/// How often a stage was reached.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StageCount {
    /// By sources, at their own sites.
    pub source: u64,
    /// By the destination, in whatever role.
    pub destination: u64,
}

/// A kind of fault, a role and a phase of the protocol.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultCell {
    /// Name as in a scenario; `loss`, `duplicate`, `corrupt` and `bent` are what the network did to single messages,
    /// `lost_at_power_cut` and `torn_at_power_cut` what became of single unflushed writes.
    pub fault: String,
    /// `source`, `destination` or `link`.
    pub role: String,
    /// What that was doing; a link does what its source does.
    pub phase: String,
    /// How often it was injected there.
    pub injected: u64,
    /// How often it changed anything.
    pub took_effect: u64,
    /// Why it cannot take effect there, if it cannot.
    pub unreachable: Option<String>,
}

/// Durable copies of bytes that were acknowledged and not replaced by something acknowledged.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LedgerSum {
    /// How often they were counted: before each fault, and at the end of each run.
    pub counted: u64,
    /// By copies at either site, summed over the counts.
    pub copies: Vec<CopyCount>,
    /// Drawn faults that were left out, since an acknowledged byte would have had no good copy left.
    pub withheld: u64,
}

/// Bytes with so many durable copies.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CopyCount {
    /// In NVRAM and volume of the source.
    pub source: u8,
    /// In NVRAM, file and image of the destination.
    pub destination: u8,
    /// Bytes.
    pub bytes: u64,
}

/// What the checker did over all seeds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckSum {
    /// Durable changes seen.
    pub changes: u64,
    /// Full checks.
    pub full: u64,
    /// Verdicts of the resumable scan.
    pub delta: u64,
    /// States that had been judged before.
    pub equal: u64,
    /// Recoveries that were themselves cut and repeated.
    pub nested: u64,
    /// Differences between recovery machine and independent reader; each has a finding against the one or the other.
    pub disagreements: u64,
    /// Judgements by oracle.
    pub judged: BTreeMap<String, u64>,
}

/// One seed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunReport {
    /// The seed.
    pub seed: SeedText,
    /// How it ended.
    pub verdict: VerdictName,
    /// xxh3 over every event; zeros if it panicked, crashed or hung.
    pub digest: Hash,
    /// The line that runs it again.
    pub replay: String,
    /// Findings in order of detection.
    pub failures: Vec<FailureReport>,
    /// Events dispatched.
    pub events: u64,
    /// Virtual time at the end, ns.
    pub virtual_time_ns: u64,
    /// Wall time, us.
    pub wall_us: u64,
    /// Clients' operations.
    pub operations: OperationCounts,
    /// Latency of answered operations by kind.
    pub latency: BTreeMap<String, LatencyReport>,
    /// Faults; scripted ones with their place.
    pub faults: Vec<FaultReport>,
    /// What the checker did.
    pub checks: CheckSum,
    /// Durable changes by kind.
    pub changes: BTreeMap<String, u64>,
    /// Recoveries carried out.
    pub recoveries: Vec<RecoveryEntry>,
    /// Promotions and adoptions that were ordered, each, and what they cost the clients.
    pub promotions: Vec<TakeoverEntry>,
    /// Hand-overs back to a former source that were ordered, each.
    pub hand_overs: Vec<TakeoverEntry>,
    /// Alarms raised by the servers.
    pub alarms: Vec<AlarmReport>,
    /// Expectations of the scenario that were judged.
    pub expectations: u64,
    /// Everything that `expect:` can name.
    pub metrics: BTreeMap<String, u64>,
    /// Of a run that did not pass: lines of the trace, as `trace` numbers them, that led to the event of the first finding,
    /// that event, and what it led to; without what devices do in between.
    pub last_events: Vec<String>,
}

/// One finding.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FailureReport {
    /// The oracle; `expect` for a threshold; `panic`, `crash` or `hang` of a seed that gave no result.
    pub oracle: String,
    /// The invariant, such as `I1`; may be empty.
    pub invariant: String,
    /// Virtual time of detection, ns.
    pub time_ns: u64,
    /// Number of the event in which it was found.
    pub event: u64,
    /// What is wrong.
    pub message: String,
    /// What it is grouped by.
    pub signature: String,
}

/// Latency of one kind of operation, ns.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct LatencyReport {
    pub count: u64,
    pub p50_ns: u64,
    pub p90_ns: u64,
    pub p99_ns: u64,
    pub p999_ns: u64,
    pub max_ns: u64,
}

/// One kind of fault in one run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultReport {
    /// Name as in the scenario.
    pub name: String,
    /// `file:line` of a scripted one; empty for drawn ones.
    pub place: String,
    /// How often it was injected.
    pub injected: u64,
    /// How often it changed anything.
    pub took_effect: u64,
}

/// One recovery.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecoveryEntry {
    /// Name of the source.
    pub source: String,
    /// Virtual time of its end, ns.
    pub time_ns: u64,
    /// Complete or damaged, in words.
    pub verdict: String,
    /// Recovered up to this generation.
    pub generation: u64,
    /// And this sequence number in it.
    pub sequence: u64,
    /// Operations answered before the disaster that are not in the image.
    pub rpo_operations: u64,
    /// Their bytes.
    pub rpo_bytes: u64,
    /// Age of the oldest of them at the disaster, ns.
    pub rpo_time_ns: u64,
    /// From the disaster or the order to the opening of the image (of a promotion: until the destination serves), ns.
    pub rto_ns: u64,
    /// From which of the two.
    pub rto_from: RtoFromName,
    /// Records that recovery applied.
    pub replayed: u64,
    /// The image equals the model byte for byte.
    pub exact: bool,
    /// The destination serves the clients with it from then on.
    pub promoted: bool,
    /// Name of the source that is to serve them instead; null if none is.
    pub adopter: Option<String>,
}

/// From when on the time of a recovery counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RtoFromName {
    /// The loss of the source's site.
    Disaster,
    /// The operator's order: no site was lost before it, or the image had been opened already.
    Order,
}

/// One takeover of clients that was ordered.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeoverEntry {
    /// Name of the source.
    pub source: String,
    /// Virtual time at which the site of the server before was lost, ns; null if it was not.
    pub disaster_ns: Option<u64>,
    /// Virtual time of the operator's order, ns.
    pub ordered_ns: u64,
    /// Virtual time from which on the other server served the clients, durably, ns; null if it never did.
    pub served_ns: Option<u64>,
    /// Virtual time of the last answer that a client had of the server before, ns; null if there was none.
    pub last_answer_ns: Option<u64>,
    /// Virtual time of the first answer that a client had of the other server, ns; null if there was none.
    pub first_answer_ns: Option<u64>,
    /// The clients' outage, ns: from the one to the other; null without both.
    pub outage_ns: Option<u64>,
    /// Name of the source that was to adopt them; null if none was.
    pub adopter: Option<String>,
}

/// One alarm.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmReport {
    /// Virtual time, ns.
    pub time_ns: u64,
    /// Name of the server.
    pub server: String,
    /// The kind, such as `fenced` or `diverged`.
    pub kind: String,
    /// What it says.
    pub message: String,
}

/// The JSON Schema of reports; `reports/report.schema.json` is this, pretty-printed.
pub fn schema() -> serde_json::Value {
    schema_for!(Report).to_value()
}
