//! What one run came to. Everything here was computed in the run; only `wall` depends on the machine, and it is
//! measured by the caller, never here.

use crate::names::{name, named};
use crate::spec::Nanos;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One of a few words: an oracle, an invariant, a kind.
pub type Name = &'static str;

/// The result of one run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// xxh3 over every event of the run.
    pub digest: u64,
    /// Summary of all below.
    pub verdict: Verdict,
    /// What went wrong, in order of detection; the first is the cause to look at.
    pub failures: Vec<Failure>,
    /// Events dispatched.
    pub events: u64,
    /// Virtual time at the end.
    pub virtual_time: Nanos,
    /// Clients' operations.
    pub operations: Operations,
    /// Latency of answered operations by kind (`write`, `write_zeroes`, `add`, `read`).
    #[serde(deserialize_with = "named")]
    pub latency: BTreeMap<&'static str, Latency>,
    /// Faults by name: injected and took effect. Faults that were scripted come with their place.
    pub faults: Vec<FaultCount>,
    /// The same by what was hit and what it was doing; with what the network did to single messages.
    pub matrix: Vec<Cell>,
    /// Rare states of the protocol that were reached, see [`crate::MARKS`].
    #[serde(deserialize_with = "named")]
    pub marks: BTreeMap<&'static str, u64>,
    /// Stages that were reached, by name: how often at a source, and at the destination.
    #[serde(deserialize_with = "named")]
    pub stages: BTreeMap<&'static str, (u64, u64)>,
    /// The durable-copy ledger.
    pub ledger: Ledger,
    /// What the checker did.
    pub checks: Checks,
    /// Recoveries that were carried out in the run (not in probes).
    pub recoveries: Vec<RecoveryReport>,
    /// Takeovers of clients that were ordered, and what they cost these.
    pub takeovers: Vec<TakeoverReport>,
    /// Alarms raised by the servers.
    pub alarms: Vec<Alarm>,
    /// Protocol counters by name; also what `expect:` can name (see [`crate::metrics`]).
    #[serde(deserialize_with = "named")]
    pub metrics: BTreeMap<&'static str, u64>,
    /// Lines of the trace, as `trace` numbers and shows them: what led to the event of the first finding, that event, and
    /// what it led to, without what devices do in between; of a run that failed otherwise, its last ones.
    pub last_events: Vec<String>,
}

impl Outcome {
    /// Whether it comes from a run that did not get to its end, or did not begin: a machine panicked, ended its process, or
    /// does not come back, or a child refused the scenario.
    pub fn is_lost(&self) -> bool {
        self.is_deadly() || self.failures.first().is_some_and(|f| matches!(f.oracle, "panic" | "refused"))
    }

    /// Whether that ended its process, or would have: such a run is for a child only.
    pub fn is_deadly(&self) -> bool {
        self.failures.first().is_some_and(|f| matches!(f.oracle, "crash" | "hang"))
    }
}

/// Summary of a run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Verdict {
    /// Everything that was judged holds.
    Passed,
    /// An oracle says no.
    Failed,
    /// A scripted fault never took effect, or nothing was judged.
    Vacuous,
    /// The budget ended before a verdict.
    Inconclusive,
    /// The rig disagrees with itself (exit 4).
    Rig,
}

/// One finding of an oracle.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// The oracle, by file name, such as `durability`.
    #[serde(deserialize_with = "name")]
    pub oracle: Name,
    /// The invariant, such as `I1`.
    #[serde(deserialize_with = "name")]
    pub invariant: Name,
    /// Virtual time of detection.
    pub time: Nanos,
    /// Number of the event in which it was found.
    pub event: u64,
    /// One sentence: what is wrong, with names and numbers.
    pub message: String,
}

/// Clients' operations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operations {
    /// Issued.
    pub issued: u64,
    /// Answered with success.
    pub acknowledged: u64,
    /// Answered with a definite error.
    pub refused: u64,
    /// Never answered: may or may not have happened.
    pub in_doubt: u64,
    /// Acknowledged and missing after a recovery or at the end.
    pub lost: u64,
    /// Bytes of payload acknowledged.
    pub bytes: u64,
}

/// Percentiles in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// How many.
    pub count: u64,
    /// Median.
    pub p50: Nanos,
    /// 90 %.
    pub p90: Nanos,
    /// 99 %.
    pub p99: Nanos,
    /// 99.9 %.
    pub p999: Nanos,
    /// Greatest.
    pub max: Nanos,
}

/// One kind of fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultCount {
    /// Name as in the scenario, such as `power_cut`.
    #[serde(deserialize_with = "name")]
    pub name: Name,
    /// `file:line` of a scripted one; empty for drawn ones (which are summed).
    pub place: String,
    /// How often it was injected.
    pub injected: u64,
    /// How often it changed anything.
    pub took_effect: u64,
}

/// One kind of fault, one role, one phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Name of the fault.
    #[serde(deserialize_with = "name")]
    pub fault: Name,
    /// `source`, `destination` or `link`.
    #[serde(deserialize_with = "name")]
    pub role: Name,
    /// What that was doing, such as `apply`; a link does what its source does.
    #[serde(deserialize_with = "name")]
    pub phase: Name,
    /// How often it was injected.
    pub injected: u64,
    /// How often it changed anything.
    pub took_effect: u64,
}

/// Durable copies of acknowledged bytes that nothing acknowledged has replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// How often they were counted: before each fault, and at the end.
    pub counted: u64,
    /// Bytes by (copies at the source, copies at the destination), summed over the counts.
    pub bytes: Vec<((u8, u8), u64)>,
    /// Drawn faults that the atlas left out: the run would have been out of the fault model.
    pub withheld: u64,
}

/// What the checker did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// Mode: `every`, `delta`, `sampled` or `end`.
    #[serde(deserialize_with = "name")]
    pub mode: Name,
    /// Durable changes seen, by kind.
    #[serde(deserialize_with = "named")]
    pub changes: BTreeMap<&'static str, u64>,
    /// Full checks: the recovery machine ran to its verdict.
    pub full: u64,
    /// Records that they rolled forward.
    pub records: u64,
    /// Verdicts of the resumable scan.
    pub delta: u64,
    /// States that had been judged before.
    pub equal: u64,
    /// Recoveries that were themselves cut and repeated.
    pub nested: u64,
    /// Differences between recovery machine and the oracle's own reader; always 0 unless the rig is broken.
    pub disagreements: u64,
    /// Judgements by oracle.
    #[serde(deserialize_with = "named")]
    pub judged: BTreeMap<&'static str, u64>,
}

impl Checks {
    /// What another checker of the same run did, too.
    pub(crate) fn add(&mut self, other: &Checks) {
        let Checks { mode, changes, full, records, delta, equal, nested, disagreements, judged } = other;
        self.mode = mode;
        self.full += full;
        self.records += records;
        self.delta += delta;
        self.equal += equal;
        self.nested += nested;
        self.disagreements += disagreements;
        changes.iter().for_each(|(kind, n)| *self.changes.entry(kind).or_default() += n);
        judged.iter().for_each(|(oracle, n)| *self.judged.entry(oracle).or_default() += n);
    }
}

/// A recovery that was carried out.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RecoveryReport {
    /// Whose mirror.
    pub source: usize,
    /// Virtual time of its end.
    pub time: Nanos,
    /// `complete`, `complete up to (g, n)` or `damaged ...`, in words.
    pub verdict: String,
    /// Recovered up to this generation and sequence.
    pub recovered: (u64, u64),
    /// Operations answered before the disaster that are not in the image.
    pub rpo_operations: u64,
    /// Their bytes.
    pub rpo_bytes: u64,
    /// Age of the oldest of them at the disaster.
    pub rpo_time: Nanos,
    /// Recovery time: from the disaster or the order to the opening of the image, or to the promotion.
    pub rto: Nanos,
    /// Which of the two.
    pub rto_from: RtoFrom,
    /// Records that recovery applied.
    pub replayed: u64,
    /// The image equals the model's state at this prefix, byte for byte.
    pub exact: bool,
    /// The destination serves the clients from then on (LR6).
    pub promoted: bool,
    /// It answers nobody: this source is to serve them (LR9).
    pub adopter: Option<usize>,
}

/// From when on a recovery's time counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum RtoFrom {
    /// The operator's order: no site was lost before it, or the image had been opened already.
    #[default]
    Order,
    /// The loss of the source's site.
    Disaster,
}

/// Why another server is to serve the clients of a mirror.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum TakeoverKind {
    /// The destination, or what was the source, does with the image (LR6).
    #[default]
    Promotion,
    /// They go back (LR8).
    HandOver,
    /// Another source takes them (LR9).
    Adoption,
}

/// A takeover of clients that was ordered, in virtual times.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TakeoverReport {
    /// Whose mirror.
    pub source: usize,
    /// By which rule.
    pub kind: TakeoverKind,
    /// When the site of who served them was lost, if it was.
    pub disaster: Option<Nanos>,
    /// When the operator ordered it.
    pub ordered: Nanos,
    /// When the other server served the clients, durably; `None` if it never did.
    pub served: Option<Nanos>,
    /// The last answer that a client had of the server before.
    pub last_answer: Option<Nanos>,
    /// The first answer that a client had of the other server.
    pub first_answer: Option<Nanos>,
    /// From that to this: how long no client had an answer.
    pub outage: Option<Nanos>,
    /// The source that was to serve them (LR9).
    pub adopter: Option<usize>,
}

/// An alarm raised by a server.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Alarm {
    /// Virtual time.
    pub time: Nanos,
    /// Name of the server.
    pub server: String,
    /// The kind, such as `fenced` or `diverged`.
    #[serde(deserialize_with = "name")]
    pub kind: Name,
    /// What it says.
    pub message: String,
}
