//! The reply table: the last request of each (client, slot) on a volume, changed by the same apply as the volume
//! (section 2; docs/formats.md).

use crate::codec::{get_u32, get_u64, put_u32, put_u64};
use crate::ids::RequestId;

/// Bytes of an entry.
pub const ENTRY: u64 = 32;

/// The last request of a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReplyEntry {
    /// Which; request 0 = none.
    pub id: RequestId,
    /// Old value of an add, else 0.
    pub result: u64,
    /// Operation code of the record.
    pub operation: u64,
}

impl ReplyEntry {
    /// Writes the entry at `at`.
    pub fn put(&self, block: &mut [u8], at: usize) {
        put_u32(block, at, self.id.client);
        put_u32(block, at + 4, self.id.slot);
        put_u64(block, at + 8, self.id.request);
        put_u64(block, at + 16, self.result);
        put_u64(block, at + 24, self.operation);
    }

    /// Reads the entry at `at`; `None` if the slot never asked.
    pub fn get(block: &[u8], at: usize) -> Option<ReplyEntry> {
        let id = RequestId {
            client: get_u32(block, at),
            slot: get_u32(block, at + 4),
            request: get_u64(block, at + 8),
        };
        (id.request != 0).then(|| ReplyEntry {
            id,
            result: get_u64(block, at + 16),
            operation: get_u64(block, at + 24),
        })
    }
}
