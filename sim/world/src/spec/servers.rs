//! Servers with their devices, and the links between them.

use super::units::{Chance, Delay, Nanos};

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
    /// The link between it and its destination, both directions.
    pub link: LinkSpec,
    /// Where it is mirrored to: an index of [`super::Spec::destinations`].
    pub destination: usize,
}

/// A volume of a source; its image at the destination has the same size.
#[derive(Clone, Debug)]
pub struct VolumeSpec {
    /// Its name.
    pub name: String,
    /// Bytes, a multiple of the block size. Sparse: only what is touched costs memory.
    pub size: u64,
}

/// A destination server.
#[derive(Clone, Debug)]
pub struct DestinationSpec {
    /// Bytes of its NVRAM, shared by all its sources.
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
    /// Chance that a frame is bent as [`super::Bend`] says (FN10).
    pub malformed: Chance,
    /// Chance that with a message a bad period begins, in which all are lost (FN2).
    pub burst: Chance,
    /// Mean length of a bad period, in messages; >= 1.
    pub burst_length: u32,
    /// Greatest number of messages on their way at a time, 0 = any (FN4).
    pub in_flight: u32,
    /// Greatest piece that passes at a time, 0 = any: a frame is split into such pieces (FN11).
    pub mtu: u64,
}
