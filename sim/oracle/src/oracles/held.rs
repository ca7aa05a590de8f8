//! I12: what the destination says it holds goes back only with damage or with a change of the epoch; its durable mark
//! never goes back.

use crate::bytes::{Mark, Position};
use crate::finding::{Findings, Oracle};
use crate::mirror::Mirror;

/// The destination told the source that it holds everything up to a position (Welcome, ForwardAck at `nvram`).
pub(crate) fn told(m: &mut Mirror, held: Position, epoch: Option<u64>, absolute: bool, out: &mut Findings) {
    out.judged(Oracle::Held);
    let epoch = epoch.unwrap_or(m.copy.told_epoch);
    // Applied or not: the file of an open generation must be whole, and ends before a damaged record.
    let next = m.model.index_of(held).unwrap_or(0) + 1;
    let damaged = !m.copy.damaged.is_empty() || m.copy.rotten.contains(&next);
    let excused = m.copy.harmed || damaged || epoch > m.copy.told_epoch;
    if absolute && held < m.copy.told && !excused {
        let (number, before) = (m.number, m.copy.told);
        out.fail(Oracle::Held, "I12", || format!("mirror {number}: held went back from {before} to {held}"));
    }
    m.copy.told_epoch = m.copy.told_epoch.max(epoch);
    m.copy.told = if absolute { held } else { m.copy.told.max(held) };
}

/// The destination wrote a mark.
pub(crate) fn marked(m: &Mirror, mark: &Mark, out: &mut Findings) {
    let old = m.copy.mark_stable;
    let excused = m.copy.harmed || !m.copy.damaged.is_empty() || m.copy.fenced.is_some();
    let good = mark.nvram >= old.nvram && mark.file >= old.file;
    out.expect(Oracle::Held, "I12", good || excused, || {
        format!(
            "mirror {}: the mark went back from {}/{} to {}/{}",
            m.number, old.nvram, old.file, mark.nvram, mark.file
        )
    });
}
