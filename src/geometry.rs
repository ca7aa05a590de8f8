//! Where everything of a mirror stands on its devices. Pure arithmetic over docs/formats.md.

use crate::block_map;
use crate::ids::MirrorId;
use crate::log_file::{FILE_HEADER, FILE_TRAILER};
use crate::nvram_log::{SEAL, SEGMENT_HEADER};
use crate::record::HEADER;
use crate::reply_table;
use crate::resync_file;
use crate::volume::ENTRY;
use alloc::vec::Vec;

const PAGE: u64 = 4096;
/// Bytes of a disk sector: superblocks and check tables are written in whole sectors.
pub const SECTOR: u64 = 512;

fn round_up(value: u64, unit: u64) -> u64 {
    value.div_ceil(unit) * unit
}

/// Shape of one mirror; source and destination must agree on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Identity.
    pub mirror: MirrorId,
    /// Bytes of a block.
    pub block_size: u64,
    /// P.
    pub partitions: u64,
    /// Bytes of a partition, seal included.
    pub partition_size: u64,
    /// k.
    pub files: u64,
    /// Bytes of a segment of the destination's NVRAM.
    pub segment_size: u64,
    /// Bytes of each volume.
    pub volumes: Vec<u64>,
    /// Clients of the source.
    pub clients: u32,
    /// Greatest number of slots of a client.
    pub slots: u32,
    /// Configured limit on the length of an operation.
    pub max_length: Option<u64>,
    /// After-images per apply batch, in bytes; one record may exceed it.
    pub batch: u64,
    /// Number of its first place on the destination's log disk: behind those of the mirrors before it.
    pub first_place: u64,
    /// Bytes of a place: what the largest partition of all mirrors of the destination needs ([`Geometry::file_size_for`]).
    pub file_size: u64,
    /// First byte of its resync file on the destination's log disk: behind the places of all mirrors.
    pub resync_at: u64,
}

/// Where the log, the mark and the volumes of a mirror whose clients a server serves stand: first bytes on its NVRAM, its
/// mark device and its disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Home {
    /// The partitions, one after the other.
    pub nvram: u64,
    /// The two slots of the mark.
    pub mark: u64,
    /// The region with superblocks, journal and volumes.
    pub image: u64,
}

impl Geometry {
    /// Longest payload that fits everywhere (section 2).
    pub fn largest_payload(&self) -> u64 {
        let partition = self.partition_size.saturating_sub(SEAL + HEADER);
        let segment = self.segment_size.saturating_sub(SEGMENT_HEADER + HEADER);
        partition.min(segment) / 8 * 8
    }

    /// Longest operation (also of write_zeroes).
    pub fn max_length(&self) -> u64 {
        self.max_length.unwrap_or(u64::MAX).min(self.largest_payload())
    }

    /// Batch size that follows from the partition: two or more batches a generation, at most 1 MiB.
    pub fn default_batch(partition_size: u64) -> u64 {
        (partition_size / 2).clamp(2048, 1 << 20)
    }

    /// Bytes of NVRAM that the log of the mirror takes: P partitions.
    pub fn log_size(&self) -> u64 {
        self.partitions * self.partition_size
    }

    /// Bytes of a log file that holds one partition of this size.
    pub fn file_size_for(partition_size: u64) -> u64 {
        round_up(partition_size - SEAL + FILE_HEADER + FILE_TRAILER, PAGE)
    }

    /// Places of this mirror on the log disk: k, and a spare one for when a header is lost.
    pub fn places(&self) -> u64 {
        self.files + 1
    }

    /// First byte of a place on the log disk.
    pub fn place(&self, place: u64) -> u64 {
        (self.first_place + place) * self.file_size
    }

    /// Bytes of the journal: whatever one batch can need.
    pub fn journal_size(&self) -> u64 {
        let data = self.batch + self.largest_payload() + 4 * self.block_size;
        // Beside each block up to one reply block and two table sectors, and an index entry for each.
        round_up(PAGE + 4 * data + data / SECTOR * (2 * SECTOR + 96), PAGE)
    }

    /// Blocks of a volume's data.
    pub fn data_blocks(&self, volume: usize) -> u64 {
        self.volumes[volume] / self.block_size
    }

    /// Blocks of a volume, those of its reply table included.
    pub fn blocks(&self, volume: usize) -> u64 {
        self.data_blocks(volume) + self.reply_blocks()
    }

    /// Blocks of a volume's reply table.
    pub fn reply_blocks(&self) -> u64 {
        (self.clients as u64 * self.slots as u64 * reply_table::ENTRY).div_ceil(self.block_size)
    }

    /// All blocks of the mirror.
    pub fn all_blocks(&self) -> u64 {
        (0..self.volumes.len()).map(|v| self.blocks(v)).sum()
    }

    /// Bytes of a block in a resync file, with its header.
    pub fn resync_entry(&self) -> u64 {
        resync_file::HEADER + self.block_size
    }

    /// Blocks for which a resync file has room: each may be written again while it is sent.
    pub fn resync_capacity(&self) -> u64 {
        2 * self.all_blocks() + 256
    }

    /// Bytes of a resync file.
    pub fn resync_size(&self) -> u64 {
        round_up(self.resync_capacity() * self.resync_entry(), PAGE)
    }

    /// Bytes of one copy of the map of blocks.
    pub fn map_size(&self) -> u64 {
        round_up(SECTOR + self.all_blocks() * block_map::ENTRY, SECTOR)
    }

    fn volume_span(&self, volume: usize) -> u64 {
        let blocks = self.data_blocks(volume) + self.reply_blocks();
        round_up(blocks * self.block_size + round_up(blocks * ENTRY, SECTOR), PAGE)
    }

    /// Bytes of the mirror's region on a disk.
    pub fn region_size(&self) -> u64 {
        let volumes = (0..self.volumes.len()).map(|v| self.volume_span(v)).sum::<u64>();
        PAGE + self.journal_size() + volumes + round_up(2 * self.map_size(), PAGE)
    }

    /// The region that starts at byte `base`.
    pub fn region(&self, base: u64) -> Region {
        let mut at = base + PAGE + self.journal_size();
        let mut volumes = Vec::with_capacity(self.volumes.len());
        for v in 0..self.volumes.len() {
            let blocks = self.data_blocks(v) + self.reply_blocks();
            volumes.push(VolumeMap {
                data: at,
                table: at + blocks * self.block_size,
                data_blocks: self.data_blocks(v),
                block_size: self.block_size,
            });
            at += self.volume_span(v);
        }
        Region { base, journal: base + PAGE, volumes, map: at }
    }
}

/// Addresses of a mirror's region on a disk.
#[derive(Clone, Debug)]
pub struct Region {
    /// Superblock slots.
    pub base: u64,
    /// Journal.
    pub journal: u64,
    /// Volumes in order.
    pub volumes: Vec<VolumeMap>,
    /// The two copies of the map of blocks that the peer lacks (LR2).
    pub map: u64,
}

/// Addresses of one volume.
#[derive(Clone, Copy, Debug)]
pub struct VolumeMap {
    /// Block 0.
    pub data: u64,
    /// Check table.
    pub table: u64,
    /// Blocks before the reply table.
    pub data_blocks: u64,
    /// Bytes of a block.
    pub block_size: u64,
}

impl VolumeMap {
    /// First byte of a block.
    pub fn block(&self, block: u64) -> u64 {
        self.data + block * self.block_size
    }

    /// First byte of the table sector that holds a block's entry, and the entry's place in it.
    pub fn entry(&self, block: u64) -> (u64, usize) {
        let at = block * ENTRY;
        (self.table + at / SECTOR * SECTOR, (at % SECTOR) as usize)
    }

    /// Block of the reply table and place in it of an entry.
    pub fn reply(&self, index: u64) -> (u64, usize) {
        let at = index * reply_table::ENTRY;
        (self.data_blocks + at / self.block_size, (at % self.block_size) as usize)
    }
}
