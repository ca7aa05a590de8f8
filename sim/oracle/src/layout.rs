//! Where everything stands, computed from the sizes alone (docs/formats.md).

use crate::bytes::{ENTRY, HEADER};
use crate::heir::Home;
use crate::setup::Setup;

/// A block: volume, and number in it.
pub(crate) type BlockAt = (u32, u64);

/// A block as a finding names it.
pub(crate) fn block_name((volume, block): BlockAt) -> String {
    format!("block {block} of volume {volume}")
}

/// All addresses of a run.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub files: u64,
    pub file_size: u64,
    pub segment_size: u64,
    /// Segments of the NVRAM, with those before the first that is one.
    pub segments: u64,
    pub first_segment: u64,
    /// Mirrors that share them.
    pub sharers: usize,
    pub mirrors: Vec<MirrorLayout>,
}

/// The addresses of one mirror.
#[derive(Clone, Debug)]
pub(crate) struct MirrorLayout {
    pub uuid: [u8; 16],
    pub partition_size: u64,
    /// On the source's own disk.
    pub own: Region,
    /// On the destination's image disk.
    pub image: Region,
    /// First byte of the mark's slots at the destination.
    pub mark: u64,
    /// For the case that the destination serves its clients.
    pub home: Home,
    /// First byte of its resync file on the log disk, bytes of an entry there, and how many there may be.
    pub resync: (u64, u64, u64),
}

/// A mirror's region on a disk.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    pub base: u64,
    pub journal: u64,
    pub journal_size: u64,
    pub volumes: Vec<VolumeLayout>,
    /// The two copies of the map of blocks, and bytes of each.
    pub map: u64,
    pub map_size: u64,
    pub end: u64,
    pub block: u64,
    /// Slots of each client, for the place in the reply table.
    pub slots: u32,
}

/// A volume within a region.
#[derive(Clone, Debug)]
pub(crate) struct VolumeLayout {
    pub data: u64,
    /// Data blocks; the blocks of the reply table follow.
    pub blocks: u64,
    pub reply_blocks: u64,
    pub check: u64,
    pub end: u64,
}

/// What stands at an address of a region.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Spot {
    Superblock,
    Journal,
    /// The map of blocks that the peer lacks.
    Map,
    /// A block of data or of the reply table.
    Block(u32, u64),
    /// Check table entries of blocks first..end.
    Check(u32, u64, u64),
    Padding,
}

impl Layout {
    pub fn new(setup: &Setup) -> Self {
        let segment_size = setup.destination.segment_size.max(HEADER);
        let mut nvram = setup.destination.nvram_size / segment_size * segment_size;
        let mut base = 0;
        let mut mirrors = Vec::new();
        let places = setup.sources.len() as u64 * (setup.files.max(1) + 1);
        let mut file = places * setup.destination.file_size.max(HEADER);
        for source in &setup.sources {
            let region = |base| Region::new(setup, source, base);
            let image: Region = region(base);
            base = image.end;
            let partition_size = source.partition_size;
            let log = (nvram, setup.partitions * partition_size);
            let home = Home { log, mark: (setup.sources.len() + mirrors.len()) as u64 * 256 };
            nvram += log.1;
            let resync = (file, crate::resync_file::HEADER + image.block, 2 * image.blocks() + 256);
            file += (resync.1 * resync.2).next_multiple_of(4096);
            mirrors.push(MirrorLayout {
                uuid: source.uuid,
                partition_size,
                own: region(0),
                image,
                mark: mirrors.len() as u64 * 256,
                home,
                resync,
            });
        }
        Layout {
            files: setup.files.max(1),
            file_size: setup.destination.file_size.max(HEADER),
            segment_size,
            segments: setup.destination.nvram_size / segment_size,
            first_segment: 0,
            sharers: mirrors.len(),
            mirrors,
        }
    }

    /// The same for a mirror whose roles are swapped: what was the source keeps its image, where the volumes were, and has
    /// its segments behind its log; nobody else is there.
    pub fn turned(&self, mirror: usize) -> Self {
        /// Beyond every device.
        const NOWHERE: u64 = 1 << 62;
        let mut turned = self.clone();
        let mut end = 0;
        for (number, m) in turned.mirrors.iter_mut().enumerate() {
            let log = m.home.log.1;
            if number == mirror {
                core::mem::swap(&mut m.own, &mut m.image);
                (m.mark, m.home) = (256, Home { log: (0, log), mark: 0 });
                end = m.image.end;
                turned.first_segment = log.div_ceil(self.segment_size);
            } else {
                (m.image.base, m.image.end) = (end, end);
                (m.mark, m.home) = (NOWHERE, Home { log: (NOWHERE, 0), mark: NOWHERE });
            }
        }
        turned.segments = turned.first_segment + turned.first_segment.max(4);
        turned.sharers = 0;
        turned
    }

    /// The mirror of whose mark a byte of the destination's mark device is.
    pub fn marked_at(&self, offset: u64) -> Option<usize> {
        self.mirrors.iter().position(|m| (m.mark..m.mark + 256).contains(&offset))
    }

    /// Places of a mirror: its first, and how many.
    pub fn places(&self, mirror: usize) -> (u64, u64) {
        (mirror as u64 * (self.files + 1), self.files + 1)
    }

    /// Whose bytes stand at this offset of the image disk.
    pub fn owner(&self, offset: u64) -> Option<usize> {
        let i = self.mirrors.partition_point(|m| m.image.base <= offset);
        (i > 0 && offset < self.mirrors[i - 1].image.end).then(|| i - 1)
    }

    pub fn by_uuid(&self, uuid: &[u8; 16]) -> Option<usize> {
        self.mirrors.iter().position(|m| m.uuid == *uuid)
    }
}

impl Region {
    fn new(setup: &Setup, source: &crate::setup::SourceSetup, base: u64) -> Self {
        let block = setup.block_size;
        let entries = u64::from(source.clients) * u64::from(source.slots);
        let reply_blocks = (entries * ENTRY).div_ceil(block);
        let journal = base + 4096;
        let mut at = (journal + source.journal_size).next_multiple_of(4096);
        let mut volumes = Vec::new();
        for size in &source.volumes {
            let blocks = size / block;
            let check = at + (blocks + reply_blocks) * block;
            let end = (check + (blocks + reply_blocks) * ENTRY).next_multiple_of(4096);
            volumes.push(VolumeLayout { data: at, blocks, reply_blocks, check, end });
            at = end;
        }
        let blocks: u64 = volumes.iter().map(|v: &VolumeLayout| v.blocks + v.reply_blocks).sum();
        let map_size = (512 + blocks * crate::resync_file::MAPPED).next_multiple_of(512);
        Region {
            base,
            journal,
            journal_size: source.journal_size,
            volumes,
            map: at,
            map_size,
            end: at + (2 * map_size).next_multiple_of(4096),
            block,
            slots: source.slots,
        }
    }

    /// All blocks.
    pub fn blocks(&self) -> u64 {
        self.volumes.iter().map(|v| v.blocks + v.reply_blocks).sum()
    }

    /// Address of a block.
    pub fn block_at(&self, volume: u32, block: u64) -> u64 {
        self.volumes[volume as usize].data + block * self.block
    }

    /// Address of a check table entry.
    pub fn check_at(&self, volume: u32, block: u64) -> u64 {
        self.volumes[volume as usize].check + block * ENTRY
    }

    /// Block of the reply table that holds a slot.
    pub fn reply_block(&self, volume: u32, client: u32, slot: u32) -> u64 {
        let index = u64::from(client) * u64::from(self.slots) + u64::from(slot);
        self.volumes[volume as usize].blocks + index * ENTRY / self.block
    }

    /// Everything that a range of the disk touches, piece by piece.
    pub fn walk(&self, start: u64, end: u64, mut each: impl FnMut(Spot, u64, u64)) {
        let end = end.min(self.end);
        let mut at = start.max(self.base);
        while at < end {
            let (spot, next) = self.spot(at, end);
            let next = next.min(end).max(at + 1);
            each(spot, at, next);
            at = next;
        }
    }

    fn spot(&self, at: u64, end: u64) -> (Spot, u64) {
        if at < self.base + 1024 {
            return (Spot::Superblock, self.base + 1024);
        }
        if at < self.journal {
            return (Spot::Padding, self.journal);
        }
        if at < self.journal + self.journal_size {
            return (Spot::Journal, self.journal + self.journal_size);
        }
        if at >= self.map {
            return (Spot::Map, self.end);
        }
        let i = self.volumes.partition_point(|v| v.data <= at);
        if i == 0 {
            return (Spot::Padding, self.volumes.first().map_or(self.end, |v| v.data));
        }
        let (number, v) = (i as u32 - 1, &self.volumes[i - 1]);
        let checks = v.check + (v.blocks + v.reply_blocks) * ENTRY;
        if at < v.check {
            let block = (at - v.data) / self.block;
            (Spot::Block(number, block), v.data + (block + 1) * self.block)
        } else if at < checks {
            // One piece a sector, as they are journalled.
            let sector = v.check + ((at - v.check) / 512 + 1) * 512;
            let stop = end.min(checks).min(sector);
            let (first, last) = ((at - v.check) / ENTRY, (stop - v.check).div_ceil(ENTRY));
            (Spot::Check(number, first, last), stop)
        } else {
            (Spot::Padding, v.end)
        }
    }
}
