//! `faults:`, one tag per kind.

use super::failing::{
    DiskFor, DiskReplaced, FlushFailure, LogFile, NvramSmaller, OneDisk, Rollback, Unreadable, WriteFailure,
};
use crate::document::{At, map, words};
use crate::scalar::{Int, Name, Size, Small, Time};
use mirror::stage::Stage;
use mirrorsim_world::spec::{Bend, Change, DeviceName, Direction, LostContent};

map! {
    /// A fault or an operator action: when, and what.
    struct FaultLine one_of [at, when] one_of [
        crash, power_cut, restart, pause, cut, heal, clog, reset, disk_full, slow, damage, nvram_lost, nvram_degraded, disaster, seal, recover, frame, replay, swizzle, storm,
        flush_failure, write_failure, short_io, read_only, unreadable, lost_write, misdirected_write, rollback, disk_lost, disk_replaced, nvram_smaller,
        blackout, starve, version, format, config, clock, timers, readd, log_file, hand_over, replace, heir_lost, adopt, rebuild
    ] {
        /// Virtual time from the start of the run.
        at: Time = optional("`when` says it"),
        /// A stage of the pipeline: it happens when that is reached.
        when: Trigger = optional("`at` says it"),
        /// The process dies. Caches of its devices live on.
        crash: Outage = optional("another fault"),
        /// The process dies, and unflushed data is kept, lost or torn as the seed draws.
        power_cut: Outage = optional("another fault"),
        /// A crashed server starts again.
        restart: OneNode = optional("another fault"),
        /// The process stands still and then goes on with stale beliefs.
        pause: Pause = optional("another fault"),
        /// Nothing passes a link.
        cut: Cut = optional("another fault"),
        /// Ends a cut.
        heal: OneSource = optional("another fault"),
        /// Messages of a link wait and are all delivered when it ends.
        clog: Clog = optional("another fault"),
        /// A connection breaks. What is in flight is lost.
        reset: Reset = optional("another fault"),
        /// Writes that need space fail until it ends.
        disk_full: DiskFull = optional("another fault"),
        /// Everything on a device takes longer.
        slow: Slow = optional("another fault"),
        /// Stored bits change silently.
        damage: Damage = optional("another fault"),
        /// An NVRAM loses its content.
        nvram_lost: NvramLost = optional("another fault"),
        /// An NVRAM's battery is low: it is announced that it must not be relied on.
        nvram_degraded: NvramDegraded = optional("another fault"),
        /// The source's site is lost for ever, with the destination that stands in the same server, if there is one: its images are gone until a `replace`, or until all faults are healed, when an empty one is put in its place. The destination of the source recovers the image, at once or after `recover_after`. It serves the clients only if there is a `recover` with `promote: true`, too.
        disaster: Disaster = optional("another fault"),
        /// Operator: seal the open partition now.
        seal: OneSource = optional("another fault"),
        /// Operator: recover the mirror at the destination, and fence its source, whether that lives or not. A `disaster` orders this by itself: beside one, a `recover` is there to say `promote: true`, or to come earlier than `recover_after`.
        recover: Recovery = optional("another fault"),
        /// Operator: the clients of a mirror that was promoted go back to the server that was their source, once it is in sync.
        hand_over: OneSource = optional("another fault"),
        /// Operator: the clients of a source are to be served by another source, which has them beside its own. The mirror is recovered, and its source fenced; the destination answers nobody, brings the other server up to date with every block, and hands the clients over to it.
        adopt: Adoption = optional("another fault"),
        /// The next frames on a link are bent on their way.
        frame: FrameBend = optional("another fault"),
        /// The next message on a link arrives once more, long after (`datagram` only).
        replay: Replay = optional("another fault"),
        /// All links stop in a drawn order, and go on in another.
        swizzle: Swizzle = optional("another fault"),
        /// A connection breaks again and again.
        storm: Storm = optional("another fault"),
        /// The next flush of a disk that has something to put down fails. The server stops with an alarm, and is started again.
        flush_failure: FlushFailure = optional("another fault"),
        /// The next write to a disk fails. The server stops with an alarm, and is started again.
        write_failure: WriteFailure = optional("another fault"),
        /// Writes and reads of a disk are short or interrupted.
        short_io: DiskFor = optional("another fault"),
        /// Nothing can be written to a disk. The server stops with an alarm, again and again.
        read_only: DiskFor = optional("another fault"),
        /// A part of a device can be read no more, until it is written again.
        unreadable: Unreadable = optional("another fault"),
        /// A write that a disk reports as done, and its flush, too, was never stored.
        lost_write: OneDisk = optional("another fault"),
        /// A write that a disk reports as done, and its flush, too, stands in another file or block.
        misdirected_write: OneDisk = optional("another fault"),
        /// What one write has changed is as before again.
        rollback: Rollback = optional("another fault"),
        /// A disk is gone, and replaced by an empty one in the end.
        disk_lost: DiskFor = optional("another fault"),
        /// A disk is exchanged for an empty or an older one while its server is off.
        disk_replaced: DiskReplaced = optional("another fault"),
        /// An NVRAM is found to be smaller than it is configured: the server does not start.
        nvram_smaller: NvramSmaller = optional("another fault"),
        /// All servers lose power at the same moment.
        blackout: Blackout = optional("another fault"),
        /// The process runs only now and then.
        starve: Starve = optional("another fault"),
        /// A server speaks another version of the protocol.
        version: Version = optional("another fault"),
        /// A server starts again and finds its superblocks in another version of the formats.
        format: Version = optional("another fault"),
        /// A server starts again with another configuration.
        config: ConfigChange = optional("another fault"),
        /// A server's clock is set, and runs fast, slow or not at all.
        clock: ClockFault = optional("another fault"),
        /// A server's timers fire only at ticks: late, all at once, and also if none is due.
        timers: Timers = optional("another fault"),
        /// A source is removed and added again under its name, with empty devices.
        readd: OneSource = optional("another fault"),
        /// A log file is deleted, or another is put in its place, while the destination is off.
        log_file: LogFile = optional("another fault"),
        /// The destination of a source is lost with all that it has, and replaced by an empty one; one that was lost with its site by a `disaster` is replaced.
        replace: OneSource = optional("another fault"),
        /// The destination that serves the clients of a source, promoted, is lost for ever, and its mirror by now, the former source, is promoted in its turn. It waits until it has one; with anybody else's mirror there nothing happens.
        heir_lost: HeirLost = optional("another fault"),
        /// The site of a source that was lost by a `disaster` stands again, with empty devices: whoever serves its clients sends it every block, and an empty destination stands there, if one was lost. The clients go back by a `hand_over`.
        rebuild: OneSource = optional("another fault"),
    }
}

map! {
    /// When a stage is reached.
    struct Trigger {
        /// The stage.
        stage: Stage = required,
        /// Which time that it is reached, from 1.
        nth: Int = default("1"),
        /// Only of this source's mirror.
        source: Name = optional("any source"),
        /// Only when this server reaches it: `destination` or the name of a source.
        node: Name = optional("any server"),
        /// How long after. `0ns` is at once, before anything else happens.
        delay: Time = default("0ns"),
    }
}

map! {
    /// A server goes down.
    struct Outage {
        /// The server: `destination` or the name of a source.
        node: Name = required,
        /// It starts again after this time.
        restart_after: Time = optional("it stays down until a `restart`, or until all faults are healed, when every server starts"),
    }
}

map! {
    /// One server.
    struct OneNode {
        /// The server: `destination` or the name of a source.
        node: Name = required,
    }
}

map! {
    /// One source.
    struct OneSource {
        /// The source.
        source: Name = optional("the only source"),
    }
}

map! {
    /// A source whose clients another one is to serve.
    struct Adoption {
        /// The source.
        source: Name = required,
        /// The other one. Its site is then theirs, too: what happens to that server happens to both.
        by: Name = required,
    }
}

map! {
    /// One mirror at the destination.
    struct Recovery {
        /// The source.
        source: Name = optional("the only source"),
        /// Then the destination serves the clients: they read and write the image from the stage `promoted` on. The source is fenced: it stops with an alarm when it hears of that, and answers nobody any more. A mirror that is recovered as `damaged` is not promoted. One that is being recovered, or was before, can still be.
        promote: bool = default("false"),
    }
}

map! {
    /// A server stands still.
    struct Pause {
        /// The server: `destination` or the name of a source.
        node: Name = required,
        /// How long.
        lasting: Time = required,
    }
}

map! {
    /// Nothing passes a link. `datagram`: messages are lost; `stream`: they are held until it heals or resets.
    struct Cut {
        /// Whose link.
        source: Name = optional("the only source"),
        /// Which way.
        direction: Direction = default("both"),
        /// How long.
        lasting: Time = optional("until a `heal`, or until all faults are healed"),
    }
}

map! {
    /// Messages wait.
    struct Clog {
        /// Whose link.
        source: Name = optional("the only source"),
        /// Which way.
        direction: Direction = default("both"),
        /// How long.
        lasting: Time = required,
    }
}

map! {
    /// A connection breaks.
    struct Reset {
        /// Whose link.
        source: Name = optional("the only source"),
        /// Only this server learns of it: the connection is half-open.
        only: Name = optional("both learn of it"),
    }
}

map! {
    /// A disk has no space.
    struct DiskFull {
        /// The server: `destination` or the name of a source.
        node: Name = default("destination"),
        /// Which disk.
        device: DeviceName = default("log"),
        /// How long.
        lasting: Time = required,
    }
}

map! {
    /// A device is slow.
    struct Slow {
        /// The server: `destination` or the name of a source.
        node: Name = required,
        /// Which device.
        device: DeviceName = required,
        /// How many times as long, 2 to 100000.
        factor: Small = default("10"),
        /// How long.
        lasting: Time = required,
    }
}

map! {
    /// Stored bits change silently.
    struct Damage one_of [file_record, nvram_record, log_record, image_block, volume_block, range] {
        /// A record of the oldest log file of a source, at the destination.
        file_record: RecordOf = optional("another target"),
        /// A live record of a source in the destination's NVRAM.
        nvram_record: RecordOf = optional("another target"),
        /// A record in a source's own NVRAM, above the cursor of its volumes, of a generation that the destination has filed.
        log_record: RecordOf = optional("another target"),
        /// A block of an image.
        image_block: BlockOf = optional("another target"),
        /// A block of a source's volume.
        volume_block: BlockOf = optional("another target"),
        /// Bytes of a device.
        range: DeviceRange = optional("another target"),
        /// How many bits flip, spread by the seed.
        bits: Small = default("1"),
    }
}

map! {
    /// A record that is stored durably, in the oldest file or NVRAM segment of its mirror that has one.
    struct RecordOf {
        /// Whose mirror.
        source: Name = optional("the only source"),
        /// Which one, from 0 for the oldest. Above the last it is the last.
        nth: Int = default("0"),
    }
}

map! {
    /// A block.
    struct BlockOf {
        /// Whose mirror.
        source: Name = optional("the only source"),
        /// Which volume of it.
        volume: Name = optional("the first volume of the source"),
        /// Which block.
        block: Int = optional("drawn among the written ones"),
    }
}

map! {
    /// Bytes of a device.
    struct DeviceRange {
        /// The server: `destination` or the name of a source.
        node: Name = required,
        /// Which device.
        device: DeviceName = required,
        /// First byte.
        offset: Size = required,
        /// Bytes.
        length: Size = required,
    }
}

map! {
    /// An NVRAM loses its content.
    struct NvramLost {
        /// The server: `destination` or the name of a source.
        node: Name = required,
        /// What it reads as afterwards.
        reads: LostContent = default("zeros"),
    }
}

map! {
    /// An NVRAM's battery is low.
    struct NvramDegraded {
        /// The server. Only the destination acts on it.
        node: Name = default("destination"),
        /// How long.
        lasting: Time = optional("until all faults are healed"),
    }
}

map! {
    /// A site is lost for ever.
    struct Disaster {
        /// Which source.
        source: Name = optional("the only source"),
        /// The destination loses power at the same moment, and restarts, before it recovers.
        power_cut: bool = default("false"),
        /// The operator orders the recovery so long after it. A `recover` of the source that comes before takes the place of this order.
        recover_after: Time = default("0ns"),
    }
}

map! {
    /// The server that was promoted is lost for ever.
    struct HeirLost {
        /// Whose clients it serves.
        source: Name = optional("the only source"),
        /// The operator orders the promotion of the former source so long after it.
        recover_after: Time = default("0ns"),
    }
}

map! {
    /// Frames are bent on their way. On a stream what cannot be read ends the connection; a datagram is dropped.
    struct FrameBend {
        /// Whose link.
        source: Name = optional("the only source"),
        /// Which way.
        direction: Direction = default("forward"),
        /// What becomes of them.
        bend: Bend = required,
        /// How many.
        count: Small = default("1"),
    }
}

map! {
    /// A message comes again.
    struct Replay {
        /// Whose link.
        source: Name = optional("the only source"),
        /// Which way.
        direction: Direction = default("forward"),
        /// When its source has sealed so many generations more.
        after: Int = default("2"),
    }
}

map! {
    /// Links stop and start.
    struct Swizzle {
        /// From the first stop to the last start.
        lasting: Time = required,
    }
}

map! {
    /// A connection breaks again and again.
    struct Storm {
        /// Whose link.
        source: Name = optional("the only source"),
        /// How often.
        resets: Small = default("8"),
        /// Time from one to the next.
        every: Time = default("500us"),
    }
}

map! {
    /// All servers lose power.
    struct Blackout {
        /// Each is back after a drawn part of this time.
        within: Time = default("5ms"),
    }
}

map! {
    /// A process that hardly runs.
    struct Starve {
        /// The server: `destination` or the name of a source.
        node: Name = required,
        /// How long it runs at a time.
        run: Time = default("20us"),
        /// How long it stands still between.
        wait: Time = default("1ms"),
        /// How long that goes on.
        lasting: Time = required,
    }
}

map! {
    /// Another version.
    struct Version {
        /// The server: `destination` or the name of a source.
        node: Name = required,
        /// Which version; the right one is 1.
        version: Small = default("2"),
        /// How long.
        lasting: Time = required,
    }
}

map! {
    /// Another configuration.
    struct ConfigChange {
        /// The server: `destination` or the name of a source.
        node: Name = required,
        /// What differs.
        change: Change = required,
        /// After this time it starts again with the right one.
        lasting: Time = required,
    }
}

map! {
    /// A clock.
    struct ClockFault {
        /// The server: `destination` or the name of a source.
        node: Name = required,
        /// It is set forward by this.
        forward: Time = default("0ns"),
        /// It is set back by this.
        back: Time = default("0ns"),
        /// It runs fast by so many parts in a million.
        fast: Small = default("0"),
        /// It runs slow by so many parts in a million. At 1000000 it stands still.
        slow: Small = default("0"),
        /// How long it runs fast or slow.
        lasting: Time = required,
    }
}

map! {
    /// Timers that fire at ticks.
    struct Timers {
        /// The server: `destination` or the name of a source.
        node: Name = required,
        /// From one tick to the next.
        every: Time = required,
        /// How long.
        lasting: Time = required,
    }
}

words!(Change {
    /// one partition and one log file more
    "partitions" => Change::Partitions,
    /// partitions of twice the size
    "partition_size" => Change::PartitionSize,
    /// one log file more
    "files" => Change::Files,
    /// the first volume of every source has a block more
    "volume_size" => Change::VolumeSize,
    /// the sources stand in another order
    "order" => Change::Order,
});

words!(Bend {
    /// only a beginning of it arrives
    "truncated" => Bend::Truncated,
    /// it arrives in one piece with the frame behind it
    "merged" => Bend::Merged,
    /// its length is more than any frame may have, and all checks hold
    "oversized" => Bend::Oversized,
    /// noise arrives before it
    "garbage" => Bend::Garbage,
    /// a copy arrives before it that says that it is of another mirror
    "foreign" => Bend::Foreign,
});

words!(Direction {
    /// both ways
    "both" => Direction::Both,
    /// from the source to the destination
    "forward" => Direction::Forward,
    /// from the destination to the source
    "backward" => Direction::Backward,
});

words!(DeviceName {
    /// the NVRAM
    "nvram" => DeviceName::Nvram,
    /// the small device of the marks
    "mark" => DeviceName::Mark,
    /// the destination's disk with the log files
    "log" => DeviceName::Log,
    /// a source's disk, or the destination's disk with the images
    "image" => DeviceName::Image,
});

words!(LostContent {
    /// all zeros
    "zeros" => LostContent::Zeros,
    /// bytes drawn from the seed
    "random" => LostContent::Random,
    /// nothing can be read
    "uncorrectable" => LostContent::Uncorrectable,
    /// the content of another server's NVRAM: it was moved
    "foreign" => LostContent::Foreign,
});

/// A fault line with what it names.
pub(crate) type Line = At<FaultLine>;
