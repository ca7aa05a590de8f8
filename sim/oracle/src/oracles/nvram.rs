//! Ownership of NVRAM: no live entry is overwritten on either side, none leaks (SR3, SR5, DR2).

use crate::copies::Segment;
use crate::finding::{Findings, Oracle};
use crate::log::{FILE_STABLE, Generation};
use crate::mirror::Mirror;
use crate::oracles::resync;
use crate::setup::{Level, Setup};

fn fail(out: &mut Findings, message: impl FnOnce() -> String) {
    out.fail(Oracle::Nvram, "I16", message);
}

/// DR8: what a segment held is erased durably before the segment is given out again; else a power cut in between could
/// bring records of its former use back behind those of the new one. `dirty` = its body has unflushed changes; `soiled` =
/// something stood there after a power cut, and was not erased.
pub(crate) fn segment_lent(m: &Mirror, segment: usize, dirty: bool, soiled: bool, out: &mut Findings) {
    out.judged(Oracle::Nvram);
    if dirty {
        let number = m.number;
        fail(out, || {
            format!("mirror {number}: segment {segment} is in use again before its erasure is durable (DR8)")
        });
    }
    if soiled {
        let number = m.number;
        fail(out, || {
            format!("mirror {number}: segment {segment} is in use with what a power cut has left in it (DR8)")
        });
    }
}

/// SR5: a partition is filled anew once its old generation is applied here durably, acknowledged at level `file`, and
/// the destination has applied g + P - k. A restart may erase the records of one that is freed, but for its seal.
pub(crate) fn partition_reused(m: &Mirror, setup: &Setup, generation: u64, erased: bool, out: &mut Findings) {
    out.judged(Oracle::Nvram);
    let Some(g) = m.model.generation(generation) else {
        return;
    };
    let (number, last) = (m.number, g.first + g.count - 1);
    let durable = |h: &Generation| h.seal_stable || h.count > 0 && h.first <= m.source.stable;
    let trace = erased && g.seal_stable || m.model.generations().any(|h| h.number > generation && durable(h));
    if !trace && !m.source.harmed {
        fail(out, || {
            format!(
                "source {number}: generation {generation} is overwritten, and nothing younger is durable (SR8)"
            )
        });
    }
    if g.count > 0 && last > m.source.volume.cursor {
        fail(out, || {
            format!(
                "source {number}: generation {generation} is overwritten before it is applied there (SR5)"
            )
        });
    }
    if m.source.gone || m.copy.harmed {
        return;
    }
    // What was acknowledged by a mirror that is lost.
    if m.lonely() && !m.source.alone {
        return;
    }
    if m.source.alone {
        return resync::freed(m, (g.first, last), out);
    }
    if g.count > 0 && last > m.promised(Level::File) {
        fail(out, || {
            format!("source {number}: generation {generation} is overwritten before it is filed (SR5)")
        });
    }
    let needed = (generation + setup.partitions).saturating_sub(setup.files);
    if m.copy.image.stable.applied_gen < needed {
        fail(out, || {
            format!(
                "source {number}: generation {generation} is overwritten before {needed} is applied (SR5)"
            )
        });
    }
}

/// Bytes of a record in the source's log were replaced: allowed only for a tail that was never forwarded or answered.
pub(crate) fn source_overwritten(m: &Mirror, index: u64, out: &mut Findings) {
    out.judged(Oracle::Nvram);
    let number = m.number;
    if (index <= m.source.forwarded || index <= m.history.answered) && !m.source.harmed {
        fail(out, || {
            format!("source {number}: the live record {} was overwritten", m.model.position_of(index))
        });
    }
}

/// Bytes of a record in the destination's NVRAM were replaced while its segment is in use.
pub(crate) fn destination_overwritten(m: &Mirror, index: u64, out: &mut Findings) {
    out.judged(Oracle::Nvram);
    if index <= m.copy.image.cursor || m.copy.harmed {
        return;
    }
    let filed =
        index <= m.promised(Level::File) && m.model.entry(index).is_some_and(|e| e.copies & FILE_STABLE != 0);
    if index <= m.promised(Level::Nvram) && !filed {
        let (number, position) = (m.number, m.model.position_of(index));
        fail(out, || format!("mirror {number}: the live record {position} was overwritten in NVRAM"));
    }
}

/// At the end: of the segments in use at most one may hold nothing but what is filed.
pub(crate) fn leaks(m: &Mirror, segments: &[Segment], out: &mut Findings) {
    out.judged(Oracle::Nvram);
    let filed = m.promised(Level::File).max(m.copy.image.cursor);
    let own = segments.iter().filter(|s| s.owner == Some(m.number));
    let idle = own.filter(|s| s.records.iter().all(|r| r.index <= filed)).count();
    if idle > 1 {
        fail(out, || format!("mirror {}: {idle} segments are in use and hold only filed records", m.number));
    }
}
