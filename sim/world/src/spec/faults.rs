//! Faults and operator actions: when, what, and where.

use super::units::Nanos;
pub use mirrorsim_engine::AfterFailure;

/// A server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Node {
    /// A source, by index.
    Source(usize),
    /// A destination, by index.
    Destination(usize),
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

impl FaultSpec {
    /// Whether it has the destination serve the clients.
    pub fn promotes(&self) -> bool {
        matches!(self.fault, Fault::Recover { promote: true, .. } | Fault::Adopt { .. })
    }
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
        /// Only when this server reaches it.
        node: Option<Node>,
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
        /// It starts again after this time; `None` = by `Restart`, or when everything is healed.
        restart_after: Option<Nanos>,
    },
    /// The process dies and unflushed data is kept, lost or torn as drawn.
    PowerCut {
        /// Which server.
        node: Node,
        /// It starts again after this time; `None` = by `Restart`, or when everything is healed.
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
        /// So long after it the operator orders the recovery; 0 = at once.
        recover_after: Nanos,
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
        /// Then the destination serves its clients (LR6).
        promote: bool,
    },
    /// Operator: the clients that the destination serves go back to the server that was their source, and is the mirror
    /// now (LR8). It waits until that is in sync.
    HandOver {
        /// Which source's clients.
        source: usize,
    },
    /// Operator: the clients of a source are to be served by another one (LR9, claim 19). The mirror is recovered as for a
    /// promotion, but the destination answers nobody: that server gets every block, and then the clients.
    Adopt {
        /// Which source's clients.
        source: usize,
        /// The source that is to serve them, too.
        by: usize,
    },
    /// The next frames on a link are bent on their way (FN10).
    Frame {
        /// Whose link.
        source: usize,
        /// Which way.
        direction: Direction,
        /// What becomes of them.
        bend: Bend,
        /// How many of them, in each direction that is meant.
        count: u32,
    },
    /// `datagram`: the next message on a link arrives once more, long after (FN3).
    Replay {
        /// Whose link.
        source: usize,
        /// Which way.
        direction: Direction,
        /// When the source has sealed so many generations more.
        after: u64,
    },
    /// All links stop in a drawn order, and go on in another (FN6).
    Swizzle {
        /// From the first stop to the last start.
        lasting: Nanos,
    },
    /// All servers lose power at the same moment (FP3).
    Blackout {
        /// Each is back after a drawn part of this time.
        within: Nanos,
    },
    /// The process runs only now and then (FP7).
    Starve {
        /// Which server.
        node: Node,
        /// How long it runs at a time.
        run: Nanos,
        /// How long it stands still between.
        wait: Nanos,
        /// How long that goes on.
        lasting: Nanos,
    },
    /// The server speaks another version of the protocol (FP9).
    Version {
        /// Which server.
        node: Node,
        /// Which version.
        version: u16,
        /// How long.
        lasting: Nanos,
    },
    /// The server starts again and finds its superblocks in another version of the formats (FP9).
    Format {
        /// Which server.
        node: Node,
        /// Which version.
        version: u16,
        /// After this time it starts again and finds them as they were.
        lasting: Nanos,
    },
    /// The server starts again with another configuration (FO5).
    Config {
        /// Which server.
        node: Node,
        /// What differs.
        change: Change,
        /// After this time it starts again with the right one.
        lasting: Nanos,
    },
    /// The server's clock is set, and runs fast, slow or not at all (FC1).
    Clock {
        /// Which server.
        node: Node,
        /// By how much it is set, ns.
        step: i64,
        /// What it gains, in parts per million; -1,000,000 = it stands still.
        gains: i64,
        /// How long it does that.
        lasting: Nanos,
    },
    /// The server's timers fire only at ticks, late, all at once, and also if none is due (FC2).
    Timers {
        /// Which server.
        node: Node,
        /// From one tick to the next.
        every: Nanos,
        /// How long.
        lasting: Nanos,
    },
    /// A source is removed and added again under its name, with empty devices (FO6).
    Readd {
        /// Which source.
        source: usize,
    },
    /// The destination of a source is lost with all its devices. An empty one stands in its place, which its operator has
    /// formatted for the mirrors of the former one.
    Replace {
        /// Whose destination.
        source: usize,
    },
    /// The destination that serves the clients of a source is lost for ever, and its mirror by then, the former source, is
    /// promoted in its turn (FP4).
    HeirLost {
        /// Whose clients.
        source: usize,
        /// The operator orders it so long after.
        recover_after: Nanos,
    },
    /// The site of a source that was lost stands again, with empty devices: as a mirror of whoever serves its clients, and with an
    /// empty destination, if it had one.
    Rebuild {
        /// Which source.
        source: usize,
    },
    /// A connection breaks again and again (FN8).
    Storm {
        /// Whose link.
        source: usize,
        /// How often.
        resets: u32,
        /// Time from one to the next.
        every: Nanos,
    },
    /// The next flush of a disk that has something to put down fails. The server stops, and is started again.
    FlushFailure {
        /// Which server.
        node: Node,
        /// Which disk.
        device: DeviceName,
        /// What the cache makes of what was not put down.
        after: AfterFailure,
        /// It starts again after this time; its caches live on.
        restart_after: Nanos,
    },
    /// The next write to a disk fails, and a part of it may be stored. The server stops, and is started again.
    WriteFailure {
        /// Which server.
        node: Node,
        /// Which disk.
        device: DeviceName,
        /// It starts again after this time; its caches live on.
        restart_after: Nanos,
    },
    /// Writes to a disk are short or interrupted, and so are reads: what is missing is asked for again. What stored
    /// nothing is not interrupted twice.
    ShortIo {
        /// Which server.
        node: Node,
        /// Which disk.
        device: DeviceName,
        /// How long.
        lasting: Nanos,
    },
    /// Nothing can be written to a disk: each attempt fails, and the server stops each time.
    ReadOnly {
        /// Which server.
        node: Node,
        /// Which disk.
        device: DeviceName,
        /// How long.
        lasting: Nanos,
    },
    /// Granules of a device can be read no more until they are written again.
    Unreadable {
        /// What is hit; rounded out to whole granules.
        target: DamageTarget,
        /// So many more granules behind it.
        more: u32,
    },
    /// A write to a disk is completed and flushed, and was never stored.
    LostWrite {
        /// Which server.
        node: Node,
        /// Which disk.
        device: DeviceName,
    },
    /// A write to a disk is completed and flushed, and stands elsewhere, aligned in another file or block.
    MisdirectedWrite {
        /// Which server.
        node: Node,
        /// Which disk.
        device: DeviceName,
    },
    /// What one write has changed from now on is as before again.
    Rollback {
        /// Which server.
        node: Node,
        /// Which device.
        device: DeviceName,
        /// When it becomes so.
        after: Nanos,
    },
    /// A disk is gone: nothing can be written or read. It is replaced by an empty one.
    DiskLost {
        /// Which server.
        node: Node,
        /// Which disk.
        device: DeviceName,
        /// How long nothing is there.
        lasting: Nanos,
    },
    /// A disk is exchanged for one with its content of this moment, or for an empty one, while the server is off.
    DiskReplaced {
        /// Which server.
        node: Node,
        /// Which disk.
        device: DeviceName,
        /// How long after this moment; `None` = at once, by an empty one.
        after: Option<Nanos>,
    },
    /// The oldest log file of a source is deleted, or another is put in its place, while the destination is off.
    LogFile {
        /// Whose mirror.
        source: usize,
        /// What is there then.
        becomes: Instead,
        /// How long after this moment; 0 = at once.
        after: Nanos,
    },
    /// The NVRAM is found to be smaller at a start, until it ends.
    NvramSmaller {
        /// Which server.
        node: Node,
        /// Bytes that are left.
        size: u64,
        /// How long.
        lasting: Nanos,
    },
}

/// What stands where a log file was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Instead {
    /// Nothing: it was deleted.
    Nothing,
    /// What stood there when the fault began; it is the newest file then.
    Earlier,
    /// A copy of the mirror's next file.
    Next,
    /// The oldest file of the next source's mirror, which has this one in return.
    Neighbour,
}

/// What a server's configuration says otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// One partition more, and one log file more.
    Partitions,
    /// Partitions of twice the size.
    PartitionSize,
    /// One log file more.
    Files,
    /// The first volume of every source has a block more.
    VolumeSize,
    /// The sources stand in another order.
    Order,
}

impl Change {
    /// All of them.
    pub const ALL: [Change; 5] =
        [Change::Partitions, Change::PartitionSize, Change::Files, Change::VolumeSize, Change::Order];
}

/// What becomes of a frame on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bend {
    /// Only a beginning of it arrives.
    Truncated,
    /// It arrives in one piece with the frame behind it.
    Merged,
    /// Its length says more than any frame may have; all checks hold.
    Oversized,
    /// Noise arrives before it.
    Garbage,
    /// A copy of it arrives before it that says that it is of another mirror; all checks hold.
    Foreign,
}

impl Bend {
    /// All of them.
    pub const ALL: [Bend; 5] = [Bend::Truncated, Bend::Merged, Bend::Oversized, Bend::Garbage, Bend::Foreign];
}

/// What a [`Fault::NvramLost`] leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LostContent {
    /// All zeros.
    Zeros,
    /// Bytes drawn from the seed.
    Random,
    /// Nothing can be read of it.
    Uncorrectable,
    /// The content of another server's.
    Foreign,
}

/// What a [`Fault::Damage`] hits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DamageTarget {
    /// The `nth` (from 0) valid record of the oldest non-empty log file of a source, at the destination. What a write
    /// that is under way will replace does not count: it would hide the damage.
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
    /// The `nth` record that a source still needs in its own NVRAM: above the cursor of its volumes, of a
    /// generation that the destination has filed.
    LogRecord {
        /// Which source.
        source: usize,
        /// Which record, from the oldest; clipped to the last.
        nth: u64,
    },
}
