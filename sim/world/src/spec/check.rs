//! What is judged when, and when a run is given up.

use super::units::Nanos;

/// What is judged when. Never changes what happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSpec {
    /// At which durable changes recovery is run on a copy.
    pub mode: CheckMode,
    /// Up to so many unflushed writes every subset is tried at a power cut.
    pub exhaustive: u32,
    /// Above that: so many drawn subsets beside none, all and torn.
    pub drawn: u32,
    /// Every n-th recovery of a probe is itself cut at a drawn step and repeated; 0 = never.
    pub nested_every: u32,
    /// `delta`: a full check at least once per so many durable changes.
    pub full_every: u64,
    /// `sampled`: one change in so many.
    pub one_in: u64,
}

/// At which durable changes recovery is judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CheckMode {
    /// At every durable change, by the real recovery machine.
    Every,
    /// At every durable change by a resumable scan, with full checks in between; for long traces.
    Delta,
    /// At one durable change in `one_in`, drawn.
    Sampled,
    /// Only at disasters and at the end.
    End,
}

impl CheckMode {
    /// All of them.
    pub const ALL: [CheckMode; 4] = [CheckMode::Every, CheckMode::Delta, CheckMode::Sampled, CheckMode::End];

    /// Its name on the command line, in tokens and in reports.
    pub fn name(self) -> &'static str {
        match self {
            CheckMode::Every => "every",
            CheckMode::Delta => "delta",
            CheckMode::Sampled => "sampled",
            CheckMode::End => "end",
        }
    }
}

/// When a run is given up (verdict: inconclusive, or a liveness failure).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Greatest number of events; default 50,000,000.
    pub events: u64,
    /// Virtual time without progress after the faults are healed that counts as a stall; default 60 s.
    pub idle: Nanos,
    /// Virtual time within which, once everything is healed, each operation is answered and then the servers rest.
    pub converge: Nanos,
    /// Greatest estimated memory of devices and model in bytes; default 8 GiB.
    pub memory: u64,
}
