//! I10: injected damage is masked, or reported with the right range; nothing else is ever reported as damage, and
//! silence is the failure.

use crate::bytes::Position;
use crate::finding::{Findings, Oracle};
use crate::mirror::Mirror;
use crate::oracles::durability;
use crate::setup::{RecoveredTo, Verdict};

/// Whether the rig has done anything to the destination's copies of this mirror that may show in a verdict.
pub(crate) fn possible(m: &Mirror) -> bool {
    // A damaged block under a partial write stops recovery before that record.
    m.copy.harmed
        || !m.copy.image.damaged.is_empty()
        || m.copy.damaged.range(m.copy.image.cursor + 1..).next().is_some()
}

/// A recovery reached `reached` and says `to`.
pub(crate) fn verdict(m: &Mirror, reached: u64, to: RecoveredTo, out: &mut Findings) -> bool {
    out.judged(Oracle::Damage);
    let number = m.number;
    let mut good = true;
    let mut fail = |message: String| {
        good = false;
        out.fail(Oracle::Damage, "I10", || message);
    };
    match to.verdict {
        Verdict::Damaged { from, to: last } => {
            if !possible(m) {
                fail(format!("mirror {number}: `damaged` ({from}, {last}] and nothing was damaged"));
            } else if from != to.position {
                fail(format!(
                    "mirror {number}: `damaged` from {from}, and the image ends at {}",
                    to.position
                ));
            }
            let needed = m.model.position_of(durability::required(m));
            if needed > to.position && last < needed {
                fail(format!("mirror {number}: `damaged` up to {last}, and {needed} was answered"));
            }
            if last > m.model.tail().position {
                fail(format!("mirror {number}: `damaged` up to {last}, which never existed"));
            }
        }
        Verdict::Complete | Verdict::CompleteUpTo => {
            let needed = durability::required(m);
            if reached < needed && possible(m) && !out_of_sight(m) {
                let (end, needed) = (to.position, m.model.position_of(needed));
                fail(format!(
                    "mirror {number}: recovery ends at {end} and does not say that {needed} is lost"
                ));
            }
        }
    }
    good
}

/// The mark itself was lost: then nothing tells how much there was.
fn out_of_sight(m: &Mirror) -> bool {
    m.copy.mark_stable.nvram == Position::default()
}
