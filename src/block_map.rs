//! Sets of blocks of a mirror: the durable map of what the destination lacks (LR2), and the volatile set of what a
//! resync has still to send (LR3).

use crate::after_image::reply_index;
use crate::codec::{check, get_u64, put_check, put_start, put_u64, uuid, valid};
use crate::geometry::{Geometry, Region, SECTOR};
use crate::heal::BlockKey;
use crate::ids::MirrorId;
use crate::record::Record;
use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;
use bytes::Bytes;

/// Blocks, by volume and number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockMap {
    blocks: BTreeSet<BlockKey>,
}

impl BlockMap {
    /// Every block, reply tables too.
    pub fn full(geometry: &Geometry) -> Self {
        let volumes = 0..geometry.volumes.len();
        let of = |v: usize| (0..geometry.blocks(v)).map(move |block| (v as u32, block));
        BlockMap { blocks: volumes.flat_map(of).collect() }
    }

    /// Blocks in it.
    pub fn len(&self) -> u64 {
        self.blocks.len() as u64
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Whether it is in it.
    pub fn contains(&self, key: BlockKey) -> bool {
        self.blocks.contains(&key)
    }

    /// Adds one.
    pub fn insert(&mut self, key: BlockKey) {
        self.blocks.insert(key);
    }

    /// Takes the lowest one out.
    pub fn pop(&mut self) -> Option<BlockKey> {
        self.blocks.pop_first()
    }

    /// The blocks that a record changes: of data, and of the reply table.
    pub fn of(geometry: &Geometry, region: &Region, record: &Record) -> impl Iterator<Item = BlockKey> {
        let (size, volume) = (geometry.block_size, record.volume);
        let last = (record.offset + record.length - 1) / size;
        let (reply, _) = region.volumes[volume as usize].reply(reply_index(geometry, record));
        (record.offset / size..=last).chain([reply]).map(move |block| (volume, block))
    }

    /// Adds them.
    pub fn touch(&mut self, geometry: &Geometry, region: &Region, record: &Record) {
        self.blocks.extend(BlockMap::of(geometry, region, record));
    }

    /// As it stands on the disk: a header of a sector, then a bit for each block in the order of volumes. With the check
    /// that the superblock keeps of it.
    pub fn encode(&self, geometry: &Geometry, number: u64) -> (Bytes, u64) {
        let mut out = vec![0; geometry.map_size() as usize];
        let (header, bits) = out.split_at_mut(SECTOR as usize);
        let mut first = vec![0; geometry.volumes.len()];
        for v in 1..first.len() {
            first[v] = first[v - 1] + geometry.blocks(v - 1);
        }
        for (volume, block) in &self.blocks {
            let bit = first[*volume as usize] + block;
            bits[(bit / 8) as usize] |= 1 << (bit % 8);
        }
        let check = check(bits);
        put_start(header, b"MMAP", &geometry.mirror.0);
        put_u64(header, 24, number);
        put_u64(header, 32, check);
        put_check(header);
        (Bytes::from(out), check)
    }

    /// The map of that number and check, if it stands there.
    pub fn decode(geometry: &Geometry, (number, expected): (u64, u64), bytes: &[u8]) -> Option<BlockMap> {
        let (header, bits) = bytes.split_at_checked(SECTOR as usize)?;
        let MirrorId(mirror) = geometry.mirror;
        let ours = valid(header, SECTOR as usize, b"MMAP") && uuid(header, 8) == mirror;
        if !ours || get_u64(header, 24) != number || check(bits) != expected {
            return None;
        }
        let all: Vec<BlockKey> = BlockMap::full(geometry).blocks.into_iter().collect();
        let set = |bit: &usize| bits.get(bit / 8).is_some_and(|byte| byte & (1 << (bit % 8)) != 0);
        Some(BlockMap { blocks: (0..all.len()).filter(set).map(|bit| all[bit]).collect() })
    }
}
