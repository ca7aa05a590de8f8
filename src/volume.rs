//! Blocks and the table of their checks, which stands apart from them (section 1): another sector and another write,
//! so that a lost or rolled-back write cannot leave both old and matching.
//!
//! A block that was healed with content from beyond the cursor carries in its entry how far that content goes: the apply
//! skips, for this block, what is in it already. Once the cursor has passed that, the next write gives it a plain entry.

use crate::codec::{all_zero, check, get_u64, put_u64, uuid};
use crate::ids::{MirrorId, Position, get_position, put_position};

/// Bytes of a check table entry.
pub const ENTRY: u64 = 32;

/// In the block number of an entry: the block may be ahead of the cursor.
const AHEAD: u64 = 1 << 63;

/// What an entry says of its block's content.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// One of them is damaged, or they belong to different times.
    Bad,
    /// As of the cursor.
    Good,
    /// All records up to here are in it, be it beyond the cursor or not.
    UpTo(Position),
}

/// Writes the entry of a block at `at`.
pub fn put_entry(sector: &mut [u8], at: usize, mirror: MirrorId, block: u64, content: &[u8]) {
    sector[at..at + 16].copy_from_slice(&mirror.0);
    put_u64(sector, at + 16, block);
    put_u64(sector, at + 24, check(content));
}

/// Writes the entry of a block that holds all records up to `upto`, beyond the cursor.
pub fn put_ahead(sector: &mut [u8], at: usize, mirror: MirrorId, block: u64, upto: Position, content: &[u8]) {
    put_position(sector, at, upto);
    put_u64(sector, at + 16, block | AHEAD);
    put_u64(sector, at + 24, check_ahead(mirror, block, upto, content));
}

/// The mirror's identity is not in such an entry, so it is in its check.
fn check_ahead(mirror: MirrorId, block: u64, upto: Position, content: &[u8]) -> u64 {
    let mut of = [0; 40];
    of[..16].copy_from_slice(&mirror.0);
    put_position(&mut of, 16, upto);
    put_u64(&mut of, 32, block);
    xxhash_rust::xxh3::xxh3_64_with_seed(content, check(&of))
}

/// How far an entry says that its block goes, if it is of that kind; whether it is true only the content tells.
pub fn says_ahead(sector: &[u8], at: usize, block: u64) -> Option<Position> {
    (get_u64(sector, at + 16) == block | AHEAD).then(|| get_position(sector, at))
}

/// What a block's entry says of its content; an entry of zeros means a block of zeros.
pub fn verify(sector: &[u8], at: usize, mirror: MirrorId, block: u64, content: &[u8]) -> Standing {
    let entry = &sector[at..at + ENTRY as usize];
    let expected = get_u64(entry, 24);
    if let Some(upto) = says_ahead(sector, at, block) {
        let good = expected == check_ahead(mirror, block, upto, content);
        return if good { Standing::UpTo(upto) } else { Standing::Bad };
    }
    let good = if all_zero(entry) {
        all_zero(content)
    } else {
        uuid(entry, 0) == mirror.0 && get_u64(entry, 16) == block && expected == check(content)
    };
    if good { Standing::Good } else { Standing::Bad }
}
