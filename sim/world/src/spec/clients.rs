//! Clients and what they do: drawn workloads, and lists of operations.

use super::units::{Chance, Delay, Nanos};
use bytes::Bytes;
use std::sync::Arc;

/// A client, connected to one source.
#[derive(Clone, Debug)]
pub struct ClientSpec {
    /// Its name.
    pub name: String,
    /// Index into [`Spec::sources`].
    pub source: usize,
    /// W: open requests at a time, 1..=1024.
    pub slots: u32,
    /// Time after which an unanswered request is sent again.
    pub timeout: Nanos,
    /// One-way delay between client and source.
    pub delay: Delay,
    /// How long after another server has taken its source's place it learns of that; until then, and whenever it waits for an
    /// answer in vain, it asks the former one, too. 0: it is told at once, and asks nobody else.
    pub learns: Delay,
    /// What it does.
    pub workload: Workload,
}

/// What a client does.
#[derive(Clone, Debug)]
pub enum Workload {
    /// Drawn from the seed.
    Generated(Generated),
    /// A list of operations: a trace that was recorded elsewhere, or scripted operations.
    Trace(Trace),
}

/// A drawn workload.
#[derive(Clone, Debug)]
pub struct Generated {
    /// How many operations in all.
    pub operations: u64,
    /// Relative weights of the kinds.
    pub mix: Mix,
    /// Lengths in bytes with relative weights; a length is drawn uniformly in `min..=max`, rounded down to `step`.
    pub sizes: Vec<SizeClass>,
    /// Where operations go.
    pub addresses: Addresses,
    /// Volume indices (of the source) that are used, uniformly.
    pub volumes: Vec<usize>,
    /// First byte and length of the part of each volume that is used.
    pub range: (u64, u64),
    /// Offsets are multiples of this (1 = any byte).
    pub align: u64,
    /// Chance that a write's payload is all zeros.
    pub zero_payload: Chance,
    /// When the next operation is issued.
    pub pacing: Pacing,
}

/// Relative weights of operation kinds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mix {
    /// Plain writes.
    pub write: u32,
    /// write_zeroes (discard).
    pub write_zeroes: u32,
    /// add: fetch-and-add on a little-endian u64 (8 bytes, 8-byte aligned).
    pub add: u32,
    /// Reads.
    pub read: u32,
}

/// One class of operation lengths.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SizeClass {
    /// Least length, >= 1.
    pub min: u64,
    /// Greatest length.
    pub max: u64,
    /// Lengths are multiples of this.
    pub step: u64,
    /// Relative weight.
    pub weight: u32,
}

/// Distribution of offsets over the used range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Addresses {
    /// Every aligned offset equally likely.
    Uniform,
    /// Zipf over `items` equal pieces, exponent in thousandths (990 = 0.99).
    Zipf {
        /// Number of equal pieces, 1..=65536.
        items: u32,
        /// Exponent times 1000.
        exponent_milli: u32,
    },
    /// One after the other, wrapping around; each client starts at the beginning.
    Sequential,
    /// A hot part of the range takes a share of the operations.
    HotCold {
        /// Share of the range that is hot.
        hot: Chance,
        /// Share of operations that go there.
        to_hot: Chance,
    },
}

/// When a client issues its next operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pacing {
    /// Closed loop: a slot issues its next operation this long after its answer.
    Closed {
        /// Think time.
        think: Delay,
    },
    /// Open loop: operations arrive at intervals whatever the answers do; they queue for a free slot.
    Open {
        /// Time between arrivals.
        interval: Delay,
    },
}

/// A list of operations to replay.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The operations, shared by all runs of the process.
    pub operations: Arc<Vec<TraceOperation>>,
    /// Recorded times are divided by this in thousandths (1000 = as recorded); `None` = as fast as slots allow.
    pub speed_milli: Option<u64>,
}

/// One recorded or scripted operation.
#[derive(Clone, Debug)]
pub struct TraceOperation {
    /// Earliest time of issue, from the start of the run.
    pub at: Nanos,
    /// Index of the volume (of the client's source).
    pub volume: usize,
    /// What to do.
    pub action: TraceAction,
    /// It is expected to be refused with a definite error (`expect: error`).
    pub expect_error: bool,
}

/// What a recorded operation does.
#[derive(Clone, Debug)]
pub enum TraceAction {
    /// Write; without payload the bytes are stamped with source, client, operation and block.
    Write {
        /// First byte.
        offset: u64,
        /// Bytes.
        length: u64,
        /// Recorded content, of that length.
        payload: Option<Bytes>,
        /// Nothing later is issued until this is answered (FUA).
        wait: bool,
    },
    /// Make a range read as zeros.
    WriteZeroes {
        /// First byte.
        offset: u64,
        /// Bytes.
        length: u64,
    },
    /// Fetch-and-add.
    Add {
        /// First byte; 8 bytes are changed.
        offset: u64,
        /// What to add, wrapping.
        delta: u64,
    },
    /// Read.
    Read {
        /// First byte.
        offset: u64,
        /// Bytes.
        length: u64,
    },
    /// Nothing later is issued until everything before is answered (FLUSH). Answered flushes are durability points.
    Flush,
}
