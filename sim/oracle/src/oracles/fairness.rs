//! L3: a healthy source's acknowledgements are not delayed by a sick one (DR9).
//!
//! An acknowledgement is due while a record is durable at the source and not acknowledged, the path between the two
//! servers is whole, they are connected, and the source holds less than its reserve of the destination's NVRAM: what is
//! within the reserve waits for nobody's files. Such a stretch without any acknowledgement is bounded by a patience that
//! the rig computes from the source's own path (latencies, timers, what may be under way), whatever others do. It is the
//! acknowledgement that the NVRAM gives which is judged (on receipt, at level `received`): files share a disk. Under policy
//! `async` nothing is due before a seal, and it is not judged.

use crate::finding::{Findings, Oracle};
use crate::mirror::Mirror;
use crate::oracles::liveness::stopped;
use crate::wait::RESERVE;

/// Time has passed.
pub(crate) fn look(m: &mut Mirror, out: &mut Findings) {
    let owed = m.source.stable > m.wait.acknowledged;
    let wait = &m.wait;
    if !owed
        || m.source.alone
        || !wait.whole
        || !wait.connected
        || wait.segments >= RESERVE
        || wait.patience == 0
        || stopped(m)
    {
        m.wait.over();
        return;
    }
    let since = *m.wait.since.get_or_insert(out.time);
    let waited = out.time - since;
    m.wait.longest = m.wait.longest.max(waited);
    if waited > m.wait.patience && !m.wait.told {
        m.wait.told = true;
        let (number, wait, next) = (m.number, m.wait, m.model.position_of(m.wait.acknowledged + 1));
        out.fail(Oracle::Fairness, "L3", || {
            format!(
                "source {number}: {next} has waited {waited} ns for an acknowledgement, with a whole path and {} of \
                 {RESERVE} segments in use; {} ns are enough",
                wait.segments, wait.patience
            )
        });
    }
}

/// The destination has sent an acknowledgement of everything up to an index.
pub(crate) fn acknowledged(m: &mut Mirror, index: u64, out: &mut Findings) {
    if index <= m.wait.acknowledged {
        return;
    }
    m.wait.acknowledged = index;
    if m.wait.since.is_some() {
        out.judged(Oracle::Fairness);
        m.wait.over();
    }
}
