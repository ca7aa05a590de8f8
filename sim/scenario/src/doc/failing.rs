//! Devices in `faults:` that fail, lie, or are exchanged.

use super::faults::{BlockOf, DeviceRange, RecordOf};
use crate::document::{map, words};
use crate::scalar::{Name, Size, Small, Time};
use mirrorsim_world::spec::{AfterFailure, DeviceName, Instead};

map! {
    /// A flush that fails.
    struct FlushFailure {
        /// The server: `destination` or the name of a source.
        node: Name = default("destination"),
        /// Which disk.
        device: DeviceName = default("log"),
        /// What the cache makes of what was not put down.
        after: AfterFailure = default("kept_clean"),
        /// It starts again after this time. Its caches live on.
        restart_after: Time = default("1ms"),
    }
}

map! {
    /// A write that fails, with a part of it stored or not.
    struct WriteFailure {
        /// The server: `destination` or the name of a source.
        node: Name = default("destination"),
        /// Which disk.
        device: DeviceName = default("log"),
        /// It starts again after this time. Its caches live on.
        restart_after: Time = default("1ms"),
    }
}

map! {
    /// Something that lasts on a disk.
    struct DiskFor {
        /// The server: `destination` or the name of a source.
        node: Name = default("destination"),
        /// Which disk.
        device: DeviceName = default("log"),
        /// How long.
        lasting: Time = required,
    }
}

map! {
    /// The next write to a disk.
    struct OneDisk {
        /// The server: `destination` or the name of a source.
        node: Name = default("destination"),
        /// Which disk.
        device: DeviceName = default("log"),
    }
}

map! {
    /// A part of a device, rounded out to whole sectors or lines.
    struct Unreadable one_of [file_record, nvram_record, image_block, volume_block, range] {
        /// A record of the oldest log file of a source, at the destination.
        file_record: RecordOf = optional("another target"),
        /// A live record of a source in the destination's NVRAM.
        nvram_record: RecordOf = optional("another target"),
        /// A block of an image.
        image_block: BlockOf = optional("another target"),
        /// A block of a source's volume.
        volume_block: BlockOf = optional("another target"),
        /// Bytes of a device.
        range: DeviceRange = optional("another target"),
        /// So many more sectors or lines behind it.
        more: Small = default("0"),
    }
}

map! {
    /// One write that is taken back.
    struct Rollback {
        /// The server: `destination` or the name of a source.
        node: Name = default("destination"),
        /// Which device.
        device: DeviceName = default("log"),
        /// So long after this moment one of the writes since then is taken back.
        after: Time = required,
    }
}

map! {
    /// Another disk.
    struct DiskReplaced {
        /// The server: `destination` or the name of a source.
        node: Name = default("destination"),
        /// Which disk.
        device: DeviceName = default("log"),
        /// So long after this moment the disk is exchanged for one with its content of this moment.
        after: Time = optional("at once, by an empty one"),
    }
}

map! {
    /// The oldest log file of a source, or its newest one.
    struct LogFile {
        /// Whose mirror.
        source: Name = required,
        /// What stands in its place.
        becomes: Instead = required,
        /// So long after this moment.
        after: Time = optional("at once"),
    }
}

words!(Instead {
    /// nothing: it is deleted
    "nothing" => Instead::Nothing,
    /// what stood there when the fault began: an older copy was put back, of the newest file
    "earlier" => Instead::Earlier,
    /// a copy of the mirror's next file
    "next" => Instead::Next,
    /// the oldest file of the next source, which has this one in return
    "neighbour" => Instead::Neighbour,
});

map! {
    /// A part of an NVRAM is not found.
    struct NvramSmaller {
        /// The server: `destination` or the name of a source.
        node: Name = default("destination"),
        /// What is left of it.
        size: Size = required,
        /// How long.
        lasting: Time = required,
    }
}

words!(AfterFailure {
    /// it is thrown away: reads see what stood there before
    "reverted" => AfterFailure::Reverted,
    /// it is kept, and a later flush may put it down
    "kept_dirty" => AfterFailure::KeptDirty,
    /// it is kept and taken for written: reads see it, and no flush puts it down
    "kept_clean" => AfterFailure::KeptClean,
});
