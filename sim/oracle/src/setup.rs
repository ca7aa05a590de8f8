//! The vocabulary between the rig and its judge: what a run is made of, and what can be observed.

use crate::bytes::Position;
use bytes::Bytes;

/// A storage device of a server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Device {
    /// The NVRAM.
    Nvram,
    /// The small device of the marks.
    Mark,
    /// The destination's disk with the log files.
    Log,
    /// A source's disk with its volumes, or the destination's disk with the images.
    Image,
}

/// A server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Server {
    /// A source, by index; its mirror has the same index.
    Source(usize),
    /// The one destination.
    Destination,
}

/// One state of all devices of one server. Bytes never written read as zeros; beyond the end of a device: zeros too.
pub trait Medium {
    /// The bytes of a range, of exactly that length. Handing out a stored buffer itself (no copy) makes judging
    /// cheap: equal buffers are recognised by address.
    fn read(&self, device: Device, offset: u64, length: u64) -> Bytes;
}

/// When the destination's acknowledgement is enough for an answer (DR3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// On receipt; unsafe, for study. I1 is then counted as loss instead of failed if [`Setup::lossy`] says so.
    Received,
    /// Durable in the destination's NVRAM and covered by its mark.
    Nvram,
    /// Durable in the destination's file and covered by its mark.
    File,
}

/// Knob `reads` (SR2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReadRule {
    /// A read that came in after a fence was durable is never answered by the old source.
    Confirmed,
    /// It may be, and is then stale.
    Local,
}

/// Knob `retry` (section 2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RetryRule {
    /// The same request is numbered once.
    ExactlyOnce,
    /// Each attempt may be numbered once.
    NewRequest,
}

/// What clients are promised when the destination does not answer (section 6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// Nothing is acknowledged without the destination.
    Strict,
    /// While its durable role is Degraded the source answers alone.
    Degrade,
    /// The source answers from its own NVRAM, with so many bytes unacknowledged at most.
    SemiSync {
        /// Bytes.
        window: u64,
    },
    /// The same; records leave when their generation is sealed.
    Async,
}

/// What a run is made of. All addresses are computed from these sizes by docs/formats.md.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Bytes of a block of volumes and images.
    pub block_size: u64,
    /// P.
    pub partitions: u64,
    /// k.
    pub files: u64,
    /// Configured limit on the length of an operation.
    pub max_length: Option<u64>,
    /// Acknowledgement level.
    pub level: Level,
    /// Which reads a fenced source may answer.
    pub reads: ReadRule,
    /// What a repeated request means.
    pub retry: RetryRule,
    /// What clients are promised.
    pub policy: Policy,
    /// Under `degrade`: for so long a source that has gone on alone is not in sync again, ns of its clock.
    pub hold: u64,
    /// Transport `stream` (claim 12): a Nak is then a fault of its own.
    pub stream: bool,
    /// Apply scope `global` (DR10): images may move without their own signal.
    pub global_apply: bool,
    /// The sources seal by a timer, too.
    pub timed_seals: bool,
    /// Losses are counted ([`crate::Judge::lost`]) instead of reported: level `received`, or a run beyond the model.
    pub lossy: bool,
    /// The sources; index = mirror.
    pub sources: Vec<SourceSetup>,
    /// The destination.
    pub destination: DestinationSetup,
}

/// A source and its mirror.
#[derive(Clone, Debug)]
pub struct SourceSetup {
    /// What findings call it.
    pub name: String,
    /// The mirror's uuid.
    pub uuid: [u8; 16],
    /// Bytes of one NVRAM partition with its seal.
    pub partition_size: u64,
    /// Bytes of each volume, multiples of the block size.
    pub volumes: Vec<u64>,
    /// Clients of this source; they are numbered from 0.
    pub clients: u32,
    /// Slots of each client (the greatest number, if they differ).
    pub slots: u32,
    /// Bytes of the apply journal, in the source's own region and in the mirror's region at the destination.
    pub journal_size: u64,
    /// Nanoseconds within which something is acknowledged on its path if nothing is wrong with it (L3); 0 = its path is
    /// never quite well, and that is not judged.
    pub patience: u64,
}

/// The destination.
#[derive(Clone, Debug)]
pub struct DestinationSetup {
    /// Bytes of its NVRAM.
    pub nvram_size: u64,
    /// Bytes of one segment of it, with its header.
    pub segment_size: u64,
    /// Bytes of one place for a log file; place i stands at i * file_size.
    pub file_size: u64,
}

/// An operation of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Write these bytes.
    Write {
        /// First byte.
        offset: u64,
        /// What.
        payload: Bytes,
    },
    /// Make a range read as zeros.
    WriteZeroes {
        /// First byte.
        offset: u64,
        /// Bytes.
        length: u64,
    },
    /// Fetch-and-add on a little-endian u64.
    Add {
        /// First of 8 bytes.
        offset: u64,
        /// What to add, wrapping.
        delta: u64,
    },
    /// Read a range.
    Read {
        /// First byte.
        offset: u64,
        /// Bytes.
        length: u64,
    },
}

/// A request, as its client issued it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Number of the client at its source, from 0.
    pub client: u32,
    /// Slot, from 0.
    pub slot: u32,
    /// From 1, rising in each slot.
    pub request: u64,
    /// Volume of the source, from 0.
    pub volume: u32,
    /// What is asked.
    pub op: Op,
}

/// An answer, as the source sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A write or write_zeroes is done.
    Written,
    /// An add is done.
    Added {
        /// Value before.
        old: u64,
    },
    /// A read is done.
    Read {
        /// What was there.
        data: Bytes,
    },
    /// A definite error: never numbered, never applied.
    Refused,
}

impl core::fmt::Display for Server {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Server::Source(i) => write!(f, "source {i}"),
            Server::Destination => f.write_str("the destination"),
        }
    }
}

impl core::fmt::Display for Answer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Answer::Written => f.write_str("that it is written"),
            Answer::Added { old } => write!(f, "that it is added to {old}"),
            Answer::Read { data } => write!(f, "with {} bytes", data.len()),
            Answer::Refused => f.write_str("that it is refused"),
        }
    }
}

impl core::fmt::Display for Verdict {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Verdict::Complete => f.write_str("complete"),
            Verdict::CompleteUpTo => f.write_str("complete up to there, more is not known"),
            Verdict::Damaged { from, to } => {
                write!(f, "damaged, records after {from} up to {to} are missing")
            }
        }
    }
}

impl core::fmt::Display for RecoveredTo {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} ({})", self.position, self.verdict)
    }
}

/// What a recovery reached, or should reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecoveredTo {
    /// The last record in the image; (0, 0) if none.
    pub position: Position,
    /// What it says.
    pub verdict: Verdict,
}

/// A point of a recovery at which its image was judged ([`crate::Judge::batch`]).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Base {
    /// The last record in the image then.
    pub position: Position,
    /// The check of that record, which stands for all records before it, too.
    pub check: u64,
    /// So many of the touched ranges had been touched.
    pub touched: usize,
}

/// The verdict of a recovery (DR7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Nothing acknowledged is missing.
    Complete,
    /// Everything up to the position; more is not known.
    CompleteUpTo,
    /// Records after `from` up to `to` existed and are lost.
    Damaged {
        /// End of the longest valid chain.
        from: Position,
        /// Last position that is known to have existed.
        to: Position,
    },
}
