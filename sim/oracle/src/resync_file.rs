//! The judge's own reader of resync files and of the map of blocks (docs/formats.md).

use crate::bytes::{Position, digest_step, hash, u64_at, uuid_at, whole};
use crate::layout::{BlockAt, MirrorLayout, Region};
use crate::setup::{Device, Medium};
use bytes::Bytes;
use std::collections::BTreeMap;

/// Bytes of the header of a block.
pub(crate) const HEADER: u64 = 80;

/// Bytes of a block's entry in the map.
pub(crate) const MAPPED: u64 = 16;

/// The blocks of a map, each with the last record that has changed it.
pub(crate) type Map = BTreeMap<BlockAt, Position>;

/// What a resync file holds of each block, in the order in which it came: the last counts.
pub(crate) type Blocks = BTreeMap<BlockAt, Vec<Bytes>>;

/// The blocks in a file of that session, count and digest; `None`: that is not what stands there.
pub(crate) fn read(
    at: &MirrorLayout,
    session: u64,
    (count, digest): (u64, u64),
    medium: &dyn Medium,
) -> Option<Blocks> {
    let (start, size, most) = at.resync;
    let mut blocks = Blocks::new();
    let mut sum = 0;
    for index in 0..Some(count).filter(|count| *count <= most)? {
        let entry = medium.read(Device::Log, start + index * size, size);
        let head = whole(&entry, b"MRSY", HEADER as usize)?;
        let (volume, block) = (u64_at(head, 40), u64_at(head, 48));
        let content = entry.slice(HEADER as usize..);
        let known = at.image.volumes.get(volume as usize).is_some_and(|v| block < v.blocks + v.reply_blocks);
        let ours = uuid_at(head, 8) == at.uuid && u64_at(head, 24) == session && u64_at(head, 32) == index;
        if !known || !ours || hash(&content) != u64_at(head, 56) {
            return None;
        }
        sum = digest_step(sum, u64_at(head, 56));
        blocks.entry((volume as u32, block)).or_default().push(content);
    }
    (sum == digest).then_some(blocks)
}

/// The blocks of the map of that number and check; `None`: that is not what stands there.
pub(crate) fn map(
    uuid: &[u8; 16],
    region: &Region,
    (number, check): (u64, u64),
    medium: &dyn Medium,
) -> Option<Map> {
    let mut blocks = Map::new();
    if number == 0 {
        return Some(blocks);
    }
    let bytes = medium.read(Device::Image, region.map + number % 2 * region.map_size, region.map_size);
    let head = whole(&bytes, b"MMAP", 512)?;
    let entries = &bytes[512..];
    if uuid_at(head, 8) != *uuid || u64_at(head, 24) != number || hash(entries) != check {
        return None;
    }
    let mut place = 0;
    for (volume, layout) in region.volumes.iter().enumerate() {
        for block in 0..layout.blocks + layout.reply_blocks {
            let last = Position::new(u64_at(entries, place), u64_at(entries, place + 8));
            if last > Position::default() {
                blocks.insert((volume as u32, block), last);
            }
            place += MAPPED as usize;
        }
    }
    Some(blocks)
}
