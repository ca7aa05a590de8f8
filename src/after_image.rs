//! What records make of a block: whether they touch it, and its content after them.

use crate::geometry::{Geometry, Region};
use crate::heal::BlockKey;
use crate::record::{Operation, Record};
use crate::reply_table::ReplyEntry;
use alloc::vec::Vec;
use bytes::Bytes;

/// Content of a block of the batch. A block that lies wholly in one payload stays a slice of it.
#[derive(Debug)]
pub(crate) enum Image {
    Slice { bytes: Bytes, record: usize, at: u64 },
    Own(Vec<u8>),
}

impl Image {
    pub fn bytes(&self) -> &[u8] {
        match self {
            Image::Slice { bytes, .. } => bytes,
            Image::Own(bytes) => bytes,
        }
    }

    pub fn own(&mut self) -> &mut Vec<u8> {
        if let Image::Slice { bytes, .. } = self {
            *self = Image::Own(bytes.to_vec());
        }
        match self {
            Image::Own(bytes) => bytes,
            Image::Slice { .. } => unreachable!("made owned above"),
        }
    }
}

/// Whether a record gives a block of data its whole content.
pub fn overwrites(record: &Record, block: u64, size: u64) -> bool {
    let end = record.offset + record.length;
    let add = matches!(record.operation, Operation::Add { .. });
    record.offset <= block * size && end >= (block + 1) * size && !add
}

pub(crate) fn reply_index(geometry: &Geometry, record: &Record) -> u64 {
    record.id.client as u64 * geometry.slots as u64 + record.id.slot as u64
}

/// Whether a record changes a block.
pub fn touches(geometry: &Geometry, region: &Region, record: &Record, (volume, block): BlockKey) -> bool {
    let size = geometry.block_size;
    let (reply, _) = region.volumes[record.volume as usize].reply(reply_index(geometry, record));
    let data = record.offset / size..=(record.offset + record.length - 1) / size;
    record.volume == volume && (reply == block || data.contains(&block))
}

/// Puts what a record does to a block down on its content.
pub fn fold_block(geometry: &Geometry, region: &Region, record: &Record, key: BlockKey, content: &mut [u8]) {
    if !touches(geometry, region, record, key) {
        return;
    }
    let (reply, at) = region.volumes[record.volume as usize].reply(reply_index(geometry, record));
    if reply == key.1 {
        put_reply(record, content, at);
    } else {
        put_data(record, key.1, content);
    }
}

pub(crate) fn put_reply(record: &Record, block: &mut [u8], at: usize) {
    let (operation, result) = record.operation.result();
    ReplyEntry { id: record.id, result, operation }.put(block, at);
}

/// The part of a record that lies in a block of data.
pub(crate) fn put_data(record: &Record, block: u64, content: &mut [u8]) {
    let size = content.len() as u64;
    let from = record.offset.max(block * size);
    let to = (record.offset + record.length).min((block + 1) * size);
    let target = &mut content[(from - block * size) as usize..(to - block * size) as usize];
    match record.operation {
        Operation::Write => {
            let (start, end) = (from - record.offset, to - record.offset);
            target.copy_from_slice(&record.payload[start as usize..end as usize]);
        }
        Operation::WriteZeroes => target.fill(0),
        Operation::Add { delta, .. } => {
            if let Ok(old) = <[u8; 8]>::try_from(&*target) {
                let new = u64::from_le_bytes(old).wrapping_add(delta);
                target.copy_from_slice(&new.to_le_bytes());
            }
        }
    }
}
