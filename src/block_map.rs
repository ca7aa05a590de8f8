//! The durable map of the blocks that the destination may lack (LR2): each with the last record that has changed it, so that
//! it is known after a restart, too, whether what the destination has of a block can be all there is of it.

use crate::after_image::reply_index;
use crate::codec::{check, get_u64, put_check, put_start, put_u64, uuid, valid};
use crate::geometry::{Geometry, Region, SECTOR};
use crate::heal::BlockKey;
use crate::ids::{MirrorId, Position, get_position, put_position};
use crate::record::Record;
use alloc::collections::BTreeMap;
use alloc::vec;
use bytes::Bytes;

/// Bytes of an entry of the map.
pub const ENTRY: u64 = 16;

/// Blocks, by volume and number, with the last record that has changed each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockMap {
    blocks: BTreeMap<BlockKey, Position>,
}

impl BlockMap {
    /// Every block, reply tables too; nothing has changed one since that record.
    pub fn full(geometry: &Geometry, last: Position) -> Self {
        BlockMap { blocks: BlockMap::all(geometry).map(|key| (key, last)).collect() }
    }

    /// The blocks of a mirror, reply tables too, in order.
    pub fn all(geometry: &Geometry) -> impl Iterator<Item = BlockKey> {
        let of = |v: usize| (0..geometry.blocks(v)).map(move |block| (v as u32, block));
        (0..geometry.volumes.len()).flat_map(of)
    }

    /// Whether it is in it.
    pub fn contains(&self, key: BlockKey) -> bool {
        self.blocks.contains_key(&key)
    }

    /// The last record that has changed it, if it is in it.
    pub fn last_change(&self, key: BlockKey) -> Option<Position> {
        self.blocks.get(&key).copied()
    }

    /// The last record that has changed any.
    pub fn last(&self) -> Position {
        self.blocks.values().copied().max().unwrap_or_default()
    }

    /// The blocks in it, in order.
    pub fn blocks(&self) -> impl Iterator<Item = BlockKey> {
        self.blocks.keys().copied()
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
        for key in BlockMap::of(geometry, region, record) {
            let last = self.blocks.entry(key).or_default();
            *last = record.position.max(*last);
        }
    }

    /// As it stands on the disk: a header of a sector, then an entry for each block in the order of volumes. With the check
    /// that the superblock keeps of it.
    pub fn encode(&self, geometry: &Geometry, number: u64) -> (Bytes, u64) {
        let mut out = vec![0; geometry.map_size() as usize];
        let (header, entries) = out.split_at_mut(SECTOR as usize);
        let mut first = vec![0; geometry.volumes.len()];
        for v in 1..first.len() {
            first[v] = first[v - 1] + geometry.blocks(v - 1);
        }
        for ((volume, block), last) in &self.blocks {
            put_position(entries, ((first[*volume as usize] + block) * ENTRY) as usize, *last);
        }
        let check = check(entries);
        put_start(header, b"MMAP", &geometry.mirror.0);
        put_u64(header, 24, number);
        put_u64(header, 32, check);
        put_check(header);
        (Bytes::from(out), check)
    }

    /// The map of that number and check, if it stands there.
    pub fn decode(geometry: &Geometry, (number, expected): (u64, u64), bytes: &[u8]) -> Option<BlockMap> {
        let (header, entries) = bytes.split_at_checked(SECTOR as usize)?;
        let MirrorId(mirror) = geometry.mirror;
        let ours = valid(header, SECTOR as usize, b"MMAP") && uuid(header, 8) == mirror;
        let room = entries.len() as u64 >= geometry.all_blocks() * ENTRY;
        if !ours || !room || get_u64(header, 24) != number || check(entries) != expected {
            return None;
        }
        let entries = entries.chunks(ENTRY as usize).map(|entry| get_position(entry, 0));
        let blocks = BlockMap::all(geometry).zip(entries).filter(|(_, last)| *last > Position::ZERO);
        Some(BlockMap { blocks: blocks.collect() })
    }
}
