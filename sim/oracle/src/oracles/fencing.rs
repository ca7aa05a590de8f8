//! I8, as far as this part goes: once a superblock in role recovering or recovered is durable at the destination, no
//! record of the mirror is accepted any more and no acknowledgement for one is generated.

use crate::bytes::{Position, Record};
use crate::finding::{Findings, Oracle};
use crate::mirror::Mirror;

/// A record was written to the destination's NVRAM.
pub(crate) fn accepted(m: &Mirror, r: &Record, out: &mut Findings) {
    let Some(since) = m.copy.fenced else { return };
    out.judged(Oracle::Fencing);
    out.fail(Oracle::Fencing, "I8", || {
        format!("mirror {}: {} was accepted though fenced since {since}", m.number, r.position)
    });
}

/// An acknowledgement (ForwardAck, Welcome, SyncDone) left the destination.
pub(crate) fn acknowledged(m: &Mirror, what: &str, up_to: Position, epoch: Option<u64>, out: &mut Findings) {
    let Some(since) = m.copy.fenced else { return };
    out.judged(Oracle::Fencing);
    if epoch.is_some_and(|e| e >= m.copy.image.stable.epoch) {
        return;
    }
    out.fail(Oracle::Fencing, "I8", || {
        format!("mirror {}: a {what} for {up_to} was generated though fenced since {since}", m.number)
    });
}

/// A client was answered after a real recovery: only what that recovery has reached may have been acknowledged.
pub(crate) fn answered(m: &Mirror, index: u64, out: &mut Findings) {
    let Some(reached) = m.copy.recovered else {
        return;
    };
    out.expect(Oracle::Fencing, "I8", index <= reached, || {
        let (at, end) = (m.model.position_of(index), m.model.position_of(reached));
        format!("source {}: {at} was answered, the mirror was recovered to {end}", m.number)
    });
}
