//! I7: the logs of source and destination agree on their common prefix: whatever the destination writes down under a
//! number is, byte for byte, what the source's log has there.

use crate::bytes::Record;
use crate::finding::{Findings, Oracle};
use crate::mirror::Mirror;

/// The destination wrote a record; `index` 0 = it is not the one of the source's log.
pub(crate) fn accepted(m: &Mirror, r: &Record, index: u64, out: &mut Findings) {
    out.judged(Oracle::Agreement);
    // Its own mirror is judged by isolation, what is older than the list by numbering.
    if index > 0 || r.uuid != m.model.uuid {
        return;
    }
    let number = m.number;
    match m.model.index_of(r.position) {
        None => out.fail(Oracle::Agreement, "I7", || {
            format!(
                "mirror {number}: the destination has {}, the source's log ends at {}",
                r.position,
                m.model.tail().position
            )
        }),
        Some(index) if m.model.entry(index).is_some() => out.fail(Oracle::Agreement, "I7", || {
            format!(
                "mirror {number}: {} has other content at the destination than in the source's log",
                r.position
            )
        }),
        Some(_) => {}
    }
}
