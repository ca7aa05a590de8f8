//! Blocks and the table of their checks, which stands apart from them (section 1): another sector and another write,
//! so that a lost or rolled-back write cannot leave both old and matching.

use crate::codec::{all_zero, check, get_u64, put_u64, uuid};
use crate::ids::MirrorId;

/// Bytes of a check table entry.
pub const ENTRY: u64 = 32;

/// Writes the entry of a block at `at`.
pub fn put_entry(sector: &mut [u8], at: usize, mirror: MirrorId, block: u64, content: &[u8]) {
    sector[at..at + 16].copy_from_slice(&mirror.0);
    put_u64(sector, at + 16, block);
    put_u64(sector, at + 24, check(content));
}

/// Whether a block's content is what its entry says; an entry of zeros means a block of zeros.
pub fn matches(sector: &[u8], at: usize, mirror: MirrorId, block: u64, content: &[u8]) -> bool {
    let entry = &sector[at..at + ENTRY as usize];
    if all_zero(entry) {
        return all_zero(content);
    }
    uuid(entry, 0) == mirror.0 && get_u64(entry, 16) == block && get_u64(entry, 24) == check(content)
}
