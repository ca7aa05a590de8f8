//! What one run is made of: plain validated data, integers only. A scenario file is resolved into this; a test may
//! build it by hand. Times and durations are nanoseconds, sizes are bytes, probabilities are [`Chance`].

use bytes::Bytes;
use mirror::config::{AckLevel, ApplyScope, Reads, Retry, Transport};
use std::sync::Arc;

/// Nanoseconds of virtual time.
pub type Nanos = u64;

/// A probability in units of 2^-32; `Chance(1 << 32)` is certainty.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Chance(pub u64);

impl Chance {
    /// Never.
    pub const NEVER: Chance = Chance(0);
    /// Always.
    pub const ALWAYS: Chance = Chance(1 << 32);
}

/// A whole run, except for its seed.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The scenario's name, `[A-Za-z0-9._-]{1,64}`.
    pub name: String,
    /// Knobs of the protocol; the same for all mirrors.
    pub protocol: Protocol,
    /// 1..=8 source servers, each the source of one mirror.
    pub sources: Vec<SourceSpec>,
    /// The one destination server.
    pub destination: DestinationSpec,
    /// Clients; each is connected to one source.
    pub clients: Vec<ClientSpec>,
    /// Scripted and triggered faults and operator actions.
    pub faults: Vec<FaultSpec>,
    /// Faults drawn from the seed.
    pub profile: Profile,
    /// What is judged when.
    pub check: CheckSpec,
    /// When a run is given up.
    pub budget: Budget,
    /// The scenario injects faults that two copies cannot survive; then loss is allowed and silence is the failure.
    pub beyond_model: bool,
    /// A run that does nothing is no error.
    pub allow_vacuous: bool,
}

/// Knobs of the protocol (policy is always `strict` in this version).
#[derive(Clone, Debug)]
pub struct Protocol {
    /// Acknowledgement level (DR3); default `nvram`.
    pub ack: AckLevel,
    /// DR10; default per source.
    pub apply_scope: ApplyScope,
    /// SR2; default confirmed.
    pub reads: Reads,
    /// Section 2; default exactly once.
    pub retry: Retry,
    /// Section 3; default stream.
    pub transport: Transport,
    /// P: NVRAM partitions of each source, >= 2.
    pub partitions: u32,
    /// k: log files of each source at the destination, >= P; default P.
    pub files: u32,
    /// Seal a non-empty partition at the latest after this time (optional timer of SR3).
    pub seal_after: Option<Nanos>,
    /// Longest data of one operation in bytes; `None` = the largest that fits everywhere.
    pub max_length: Option<u64>,
    /// Block size of volumes and images in bytes: a power of two, 512..=65536.
    pub block_size: u32,
    /// First repetition of whatever awaits an answer, doubled up to 16 times; default 10 ms.
    pub resend_after: Nanos,
}

/// A source server.
#[derive(Clone, Debug)]
pub struct SourceSpec {
    /// Its name.
    pub name: String,
    /// Bytes of one NVRAM partition, including its 128-byte seal.
    pub partition_size: u64,
    /// Its volumes, at least one.
    pub volumes: Vec<VolumeSpec>,
    /// Its NVRAM.
    pub nvram: NvramSpec,
    /// Its disk.
    pub disk: DiskSpec,
    /// The link between it and the destination, both directions.
    pub link: LinkSpec,
}

/// A volume of a source; its image at the destination has the same size.
#[derive(Clone, Debug)]
pub struct VolumeSpec {
    /// Its name.
    pub name: String,
    /// Bytes, a multiple of the block size. Sparse: only what is touched costs memory.
    pub size: u64,
}

/// The destination server.
#[derive(Clone, Debug)]
pub struct DestinationSpec {
    /// Bytes of its NVRAM, shared by all sources.
    pub nvram_size: u64,
    /// Bytes of NVRAM kept for each source: >= 2 largest records.
    pub reserve: u64,
    /// Timing and faults of the NVRAM.
    pub nvram: NvramSpec,
    /// The disk with the log files.
    pub log_disk: DiskSpec,
    /// The disk with images, journals and superblocks.
    pub image_disk: DiskSpec,
}

/// A delay: `min` plus a draw by `shape`; never above `max`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delay {
    /// Least.
    pub min: Nanos,
    /// Mean (used by `Exponential`).
    pub mean: Nanos,
    /// Greatest.
    pub max: Nanos,
    /// How values are spread.
    pub shape: Shape,
}

/// The distribution of a [`Delay`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// Always `min`.
    Constant,
    /// Uniform in `min..=max`.
    Uniform,
    /// `min` + exponential with mean `mean - min`, cut at `max`.
    Exponential,
}

/// Timing of an NVRAM and what a power cut leaves of its unflushed lines.
#[derive(Clone, Debug)]
pub struct NvramSpec {
    /// Time of one flush.
    pub flush: Delay,
    /// Bytes that are written or lost as one: 8 or 64.
    pub tear: u32,
}

/// Timing of a disk and what a power cut leaves of its write cache.
#[derive(Clone, Debug)]
pub struct DiskSpec {
    /// Time of one read.
    pub read: Delay,
    /// Time of one write into the cache.
    pub write: Delay,
    /// Time of one flush.
    pub flush: Delay,
    /// Bytes per second moved by reads and writes; 0 = unlimited.
    pub bandwidth: u64,
    /// Bytes that are written or lost as one: 512 or 4096.
    pub tear: u32,
    /// A torn sector may hold garbage, not only old or new content.
    pub garbage: bool,
}

/// One network link; the same in both directions unless a fault says otherwise.
#[derive(Clone, Debug)]
pub struct LinkSpec {
    /// One-way latency.
    pub latency: Delay,
    /// Bytes per second; 0 = unlimited.
    pub bandwidth: u64,
    /// Chance that a message is lost. Under `stream` a loss is repaired by the transport and costs time.
    pub loss: Chance,
    /// Chance that a message is delivered twice (`datagram` only).
    pub duplicate: Chance,
    /// Chance that a message takes an extra delay of up to `reorder_by` (`datagram` only).
    pub reorder: Chance,
    /// Greatest extra delay of a reordered or duplicated message.
    pub reorder_by: Nanos,
    /// Chance that a bit of a message is flipped past the transport's checksum (FN9).
    pub corrupt: Chance,
}

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

/// A server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Node {
    /// A source, by index.
    Source(usize),
    /// The destination.
    Destination,
}

/// A storage device of a server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum DeviceName {
    /// The NVRAM.
    Nvram,
    /// The device of the marks.
    Mark,
    /// The destination's disk with the log files.
    Log,
    /// A source's disk with its volumes, or the destination's disk with the images; with journal and superblock.
    Image,
}

/// Directions of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// From the source to the destination.
    Forward,
    /// From the destination to the source.
    Backward,
    /// Both.
    Both,
}

/// A scripted or triggered fault or operator action.
#[derive(Clone, Debug)]
pub struct FaultSpec {
    /// When it happens.
    pub when: When,
    /// What happens.
    pub fault: Fault,
    /// Where the scenario says so (`file:line`), for reports; empty if built by hand or drawn.
    pub place: String,
}

/// When a fault happens.
#[derive(Clone, Debug)]
pub enum When {
    /// At a virtual time.
    At(Nanos),
    /// `delay` after the `nth` (from 1) time that `stage` is reached (of one source, or of any).
    On {
        /// A stage of the pipeline or of boot or recovery; see [`mirror::stage::Stage::NAMES`].
        stage: mirror::stage::Stage,
        /// Which occurrence, from 1.
        nth: u64,
        /// Only of this source's mirror.
        source: Option<usize>,
        /// How long after; 0 = at once, before anything else happens.
        delay: Nanos,
    },
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process dies; caches of its devices live on.
    Crash {
        /// Which server.
        node: Node,
        /// It starts again after this time; `None` = only by `Restart`.
        restart_after: Option<Nanos>,
    },
    /// The process dies and unflushed data is kept, lost or torn as drawn.
    PowerCut {
        /// Which server.
        node: Node,
        /// It starts again after this time; `None` = only by `Restart`.
        restart_after: Option<Nanos>,
    },
    /// A crashed server starts again.
    Restart {
        /// Which server.
        node: Node,
    },
    /// The process stands still and then goes on with stale beliefs.
    Pause {
        /// Which server.
        node: Node,
        /// How long.
        lasting: Nanos,
    },
    /// Nothing passes; `datagram`: lost, `stream`: held until healed or reset.
    Cut {
        /// Whose link.
        source: usize,
        /// Which way.
        direction: Direction,
        /// `None` = until `Heal` or the end of the fault phase.
        lasting: Option<Nanos>,
    },
    /// Ends a cut.
    Heal {
        /// Whose link.
        source: usize,
    },
    /// Messages wait and are all delivered when it ends.
    Clog {
        /// Whose link.
        source: usize,
        /// Which way.
        direction: Direction,
        /// How long.
        lasting: Nanos,
    },
    /// The stream breaks; what is in flight is lost.
    Reset {
        /// Whose link.
        source: usize,
        /// Only this server learns of it (half-open); `None` = both.
        only: Option<Node>,
    },
    /// Writes that need space fail (part of one may be stored) until it ends.
    DiskFull {
        /// Which server.
        node: Node,
        /// Which disk.
        device: DeviceName,
        /// How long.
        lasting: Nanos,
    },
    /// Everything on the device takes `factor` times as long.
    Slow {
        /// Which server.
        node: Node,
        /// Which device.
        device: DeviceName,
        /// Factor, 2..=100000.
        factor: u32,
        /// How long.
        lasting: Nanos,
    },
    /// A stored range changes silently; sticky.
    Damage {
        /// What is hit.
        target: DamageTarget,
        /// How many bits are flipped, spread over the range by the seed; >= 1.
        bits: u32,
    },
    /// The NVRAM loses its content.
    NvramLost {
        /// Which server.
        node: Node,
        /// What it reads as afterwards.
        reads: LostContent,
    },
    /// The NVRAM's battery is low: announced, it must not be relied on until it ends.
    NvramDegraded {
        /// Which server (only the destination acts on it).
        node: Node,
        /// `None` = to the end of the fault phase.
        lasting: Option<Nanos>,
    },
    /// The source's site is lost for ever; the destination's operator recovers the image.
    Disaster {
        /// Which source.
        source: usize,
        /// The destination loses power at the same moment (and restarts) before it recovers.
        power_cut: bool,
    },
    /// Operator: seal the open partition now.
    Seal {
        /// Which source.
        source: usize,
    },
    /// Operator: recover the mirror at the destination, whether its source lives or not.
    Recover {
        /// Which source's mirror.
        source: usize,
    },
}

/// What a [`Fault::NvramLost`] leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LostContent {
    /// All zeros.
    Zeros,
    /// Bytes drawn from the seed.
    Random,
}

/// What a [`Fault::Damage`] hits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DamageTarget {
    /// The `nth` (from 0) valid record of the oldest non-empty log file of a source, at the destination.
    FileRecord {
        /// Whose mirror.
        source: usize,
        /// Which record of the file; clipped to the last.
        nth: u64,
    },
    /// The `nth` live record of a source in the destination's NVRAM.
    NvramRecord {
        /// Whose mirror.
        source: usize,
        /// Which record, from the oldest; clipped to the last.
        nth: u64,
    },
    /// A block of an image volume.
    ImageBlock {
        /// Whose mirror.
        source: usize,
        /// Which volume of it.
        volume: usize,
        /// Which block; `None` = drawn among the written ones.
        block: Option<u64>,
    },
    /// A block of a source volume.
    VolumeBlock {
        /// Which source.
        source: usize,
        /// Which volume of it.
        volume: usize,
        /// Which block; `None` = drawn among the written ones.
        block: Option<u64>,
    },
    /// Bytes of a device.
    Range {
        /// Which server.
        node: Node,
        /// Which device.
        device: DeviceName,
        /// First byte.
        offset: u64,
        /// Bytes.
        length: u64,
    },
}

/// Faults drawn from the seed: each seed gets a plan of its own. A family that is off draws nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Swarm: each family below is switched off in a seed with this chance, and its rate drawn between 0 and the given one.
    pub swarm: Option<Chance>,
    /// Faults are drawn in the first `span` of virtual time (0 = no drawn faults).
    pub span: Nanos,
    /// Expected number of each per run (or per link or server and run), in thousandths.
    pub source_crashes_milli: u32,
    /// Power cuts of sources.
    pub source_power_cuts_milli: u32,
    /// Crashes of the destination.
    pub destination_crashes_milli: u32,
    /// Power cuts of the destination.
    pub destination_power_cuts_milli: u32,
    /// Pauses of any server.
    pub pauses_milli: u32,
    /// Cuts of a link, either or both directions.
    pub cuts_milli: u32,
    /// Clogs of a link.
    pub clogs_milli: u32,
    /// Resets of a link, half of them half-open.
    pub resets_milli: u32,
    /// Disk-full episodes at the destination.
    pub disk_full_milli: u32,
    /// Slow devices anywhere.
    pub slow_milli: u32,
    /// Damaged ranges that the other site can repair.
    pub damages_milli: u32,
    /// Forced seals.
    pub seals_milli: u32,
    /// Chance that the run ends in a site disaster of one source.
    pub disaster: Chance,
    /// Greatest length of an outage, pause, cut or clog.
    pub longest: Nanos,
    /// Greatest chance of loss per message added to every link.
    pub loss: Chance,
    /// Greatest chance of duplication added to every link (`datagram`).
    pub duplicate: Chance,
    /// Greatest chance of reordering added to every link (`datagram`).
    pub reorder: Chance,
    /// Greatest chance of corruption added to every link.
    pub corrupt: Chance,
}

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

/// When a run is given up (verdict: inconclusive, or a liveness failure).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Greatest number of events; default 50,000,000.
    pub events: u64,
    /// Virtual time without progress after the faults are healed that counts as a stall; default 60 s.
    pub idle: Nanos,
    /// Greatest estimated memory of devices and model in bytes; default 8 GiB.
    pub memory: u64,
}
