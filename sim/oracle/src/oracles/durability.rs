//! I1: an operation that was answered is in what recovery yields, from its reply on, for ever. What the rig itself has
//! taken from the destination's own copies is not counted against the protocol: then `damaged` must be said (I10).

use crate::finding::{Findings, Oracle};
use crate::ledger::{Census, Copies};
use crate::mirror::Mirror;

/// Index that recovery must reach now, were no damage done.
pub(crate) fn required(m: &Mirror) -> u64 {
    m.owed
}

/// Index that recovery must reach with what the rig has left: the chain in the destination's stable bytes.
pub(crate) fn reachable(m: &Mirror) -> u64 {
    // Nothing can be read into an image at no prefix, until the source has sent every block.
    if m.copy.replaced || m.at_no_prefix() {
        return 0;
    }
    let hurt = m.copy.harmed || m.copy.damaged.range(m.copy.image.cursor + 1..).next().is_some();
    // A damaged block of the image under a partial write ends recovery before that record.
    let required = required(m).min(m.appliable());
    if hurt { required.min(m.copy.end_stable) } else { required }
}

/// A reply was sent for operation `index`: the destination must hold it durably already.
pub(crate) fn answered(m: &Mirror, index: u64, out: &mut Findings) {
    out.judged(Oracle::Durability);
    // Where losses are counted, only a recovery that really misses something counts.
    if out.lossy()
        || index <= m.copy.end_stable.max(m.copy.image.cursor)
        || m.copy.harmed
        || !m.copy.damaged.is_empty()
    {
        return;
    }
    out.loss(index - m.copy.end_stable, || {
        let (position, end) = (m.model.position_of(index), m.model.position_of(m.copy.end_stable));
        format!("source {}: {position} was answered and the destination holds only {end} durably", m.number)
    });
}

/// Some recovery (or the judge's picture of one) reaches `reached`.
pub(crate) fn recovered(m: &Mirror, reached: u64, what: &str, out: &mut Findings) {
    out.judged(Oracle::Durability);
    let needed = reachable(m);
    if reached >= needed {
        return;
    }
    out.loss(needed - reached, || {
        let (reached, needed) = (m.model.position_of(reached), m.model.position_of(needed));
        format!("source {}: {needed} was answered and {what} reaches only {reached}", m.number)
    });
}

/// The ledger was counted: while nothing was taken from either site, each live acknowledged byte has the copies that its
/// level asks for.
pub(crate) fn counted(m: &Mirror, census: &Census, required: Copies, out: &mut Findings) {
    let hurt = m.lonely() || m.source.gone || m.source.harmed || m.copy.harmed || m.copy.fenced.is_some();
    let damaged = !m.copy.damaged.is_empty() || !m.copy.rotten.is_empty();
    let rotten = !m.source.volume.damaged.is_empty() || !m.copy.image.damaged.is_empty();
    if hurt || damaged || rotten || out.lossy() {
        return;
    }
    out.judged(Oracle::Durability);
    let few = |c: &Copies| c.source < required.source || c.destination < required.destination;
    if let Some((copies, bytes)) = census.iter().find(|(c, _)| few(c)) {
        let (number, Copies { source, destination }) = (m.number, *copies);
        out.fail(Oracle::Durability, "I1", || {
            format!(
                "mirror {number}: {bytes} acknowledged bytes have {source} durable copies at the source and {destination} at the destination; each site owes {} and {}",
                required.source, required.destination
            )
        });
    }
}
