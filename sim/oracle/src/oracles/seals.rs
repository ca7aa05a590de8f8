//! SR3, SR4, claim 22: a generation is sealed iff its partition is full (what waits for a number does not fit) or a seal is
//! forced, by the operator or by a timer; and each sealed generation is asked for. That no SyncRequest leaves without a
//! durable seal is judged by `steps`.

use crate::bytes::{HEADER, Position};
use crate::finding::{Findings, Oracle};
use crate::mirror::Mirror;
use crate::oracles::liveness::stopped;
use crate::setup::Setup;

/// The operator forces a seal of the generation that is open now. The source may have sealed that one already without a
/// trace of it yet: then it is the next.
pub(crate) fn forced(m: &mut Mirror) {
    let last = m.model.last_generation();
    let sealed = m.model.generation(last).is_none_or(|g| g.seal.is_some());
    let open = last + u64::from(sealed);
    m.source.forced.extend([open, open + 1]);
    m.source.pending_seal = Some(open);
}

/// LR8: with a hand-over the open generation is sealed, if it has a record.
pub(crate) fn handed_over(m: &mut Mirror) {
    let last = m.model.last_generation();
    m.source.forced.extend([last, last + 1]);
}

/// The first seal of a generation was written.
pub(crate) fn sealed(m: &mut Mirror, setup: &Setup, generation: u64, out: &mut Findings) {
    out.judged(Oracle::Seals);
    if m.source.pending_seal.is_some_and(|g| g <= generation) {
        m.source.pending_seal = None;
    }
    let fill = m.source.fills[(generation % setup.partitions) as usize];
    let used = if fill.generation == generation { fill.append } else { HEADER };
    let room = m.at.partition_size - used;
    let full = m.history.unnumbered().any(|op| op.record_size() > room);
    let timed = setup.timed_seals && used > HEADER;
    // The cut of a resync (LR4).
    let cut = m.source.alone;
    if !full && !timed && !cut && !m.source.forced.contains(&generation) {
        let number = m.number;
        out.fail(Oracle::Seals, "I16", || {
            format!("source {number}: generation {generation} was sealed with room for {room} bytes, and nobody forced it (SR3)")
        });
    }
    m.source.forced.retain(|g| *g >= generation);
}

/// The run is over and everything was healed.
pub(crate) fn end(m: &Mirror, out: &mut Findings) {
    if stopped(m) {
        return;
    }
    out.judged(Oracle::Seals);
    let number = m.number;
    if let Some(g) = m.source.pending_seal {
        out.fail(Oracle::Seals, "L1", || {
            format!("source {number}: the seal of {g} was forced and never written (SR3)")
        });
    }
    let sealed = m.model.generations().filter(|g| g.seal.is_some()).map(|g| g.number).last().unwrap_or(0);
    if m.copy.asked < sealed && !m.source.alone && !m.lonely() {
        let (asked, sealed) = (Position::new(m.copy.asked, 0), Position::new(sealed, 0));
        out.fail(Oracle::Seals, "L1", || {
            format!("source {number}: {sealed} is sealed, and SyncRequests came only up to {asked} (SR4)")
        });
    }
}
