//! The resync file (LR3; docs/formats.md): blocks in the order in which they came, each behind a header.

use crate::codec::{check, get_u64, put_check, put_start, put_u64, uuid, valid};
use crate::geometry::Geometry;
use crate::heal::BlockKey;
use crate::ids::MirrorId;
use bytes::Bytes;

/// Bytes of the header of a block.
pub const HEADER: u64 = 80;

/// The header of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EntryHeader {
    /// Which resync.
    pub session: u64,
    /// Its place in the file.
    pub index: u64,
    /// Volume and block.
    pub key: BlockKey,
    /// Of the content.
    pub check: u64,
}

impl EntryHeader {
    /// 80 bytes.
    pub fn encode(&self, mirror: MirrorId) -> Bytes {
        let mut out = [0; HEADER as usize];
        put_start(&mut out, b"MRSY", &mirror.0);
        put_u64(&mut out, 24, self.session);
        put_u64(&mut out, 32, self.index);
        put_u64(&mut out, 40, self.key.0 as u64);
        put_u64(&mut out, 48, self.key.1);
        put_u64(&mut out, 56, self.check);
        put_check(&mut out);
        Bytes::from_owner(out)
    }

    /// Header and content of the entry that stands there whole.
    pub fn decode(geometry: &Geometry, bytes: &Bytes) -> Option<(EntryHeader, Bytes)> {
        let header = bytes.get(..HEADER as usize)?;
        if !valid(header, HEADER as usize, b"MRSY") || uuid(header, 8) != geometry.mirror.0 {
            return None;
        }
        let volume = u32::try_from(get_u64(header, 40)).ok()?;
        let key = (volume, get_u64(header, 48));
        let inside = (volume as usize) < geometry.volumes.len() && key.1 < geometry.blocks(volume as usize);
        let found = EntryHeader {
            session: get_u64(header, 24),
            index: get_u64(header, 32),
            key,
            check: get_u64(header, 56),
        };
        let content = bytes.slice(HEADER as usize..);
        let whole = content.len() as u64 == geometry.block_size && check(&content) == found.check;
        (inside && whole).then_some((found, content))
    }
}

/// First byte of a block's entry on the log disk.
pub fn place(geometry: &Geometry, index: u64) -> u64 {
    geometry.resync_at + index * geometry.resync_entry()
}
