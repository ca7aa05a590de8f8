//! I10: injected damage is masked, or reported with the right range; nothing else is ever reported as damage, and
//! silence is the failure.

use crate::bytes::Position;
use crate::content::same;
use crate::finding::{Findings, Oracle};
use crate::history::Asked;
use crate::layout::{BlockAt, block_name};
use crate::mirror::Mirror;
use crate::oracles::{durability, once};
use crate::setup::{Op, RecoveredTo, Verdict};
use bytes::Bytes;

/// Whether the rig has done anything to the destination's copies of this mirror that may show in a verdict.
pub(crate) fn possible(m: &Mirror) -> bool {
    // A damaged block under a partial write stops recovery before that record.
    m.copy.harmed
        || m.lonely()
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
            // One that was empty from the start knows of nothing.
            if needed > to.position && last < needed && !m.copy.empty {
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

/// A recovery that really took place, with the fault model kept: nothing is lost, and damage of what is is no answer.
pub(crate) fn in_model(m: &Mirror, to: RecoveredTo, out: &mut Findings) {
    if out.lossy() {
        return;
    }
    let number = m.number;
    let damaged = matches!(to.verdict, Verdict::Damaged { .. });
    let needed = m.model.position_of(durability::required(m));
    out.expect(Oracle::Damage, "I10", !(damaged && to.position < needed), || {
        format!(
            "mirror {number}: {} is reached and {needed} was answered, within the fault model",
            to.position
        )
    });
}

/// A block was sent to the other side: it is the model's at the position that it names. An empty one says that the
/// sender's own copy is damaged.
pub(crate) fn block_sent(
    m: &mut Mirror,
    from_copy: bool,
    (volume, block): (u64, u64),
    as_of: Position,
    content: &Bytes,
    out: &mut Findings,
) {
    out.judged(Oracle::Damage);
    let number = m.number;
    let side = if from_copy { "the destination" } else { "the source" };
    let (image, harmed) = match from_copy {
        true => (&m.copy.image, m.copy.harmed),
        false => (&m.source.volume, m.source.harmed),
    };
    let at = (volume as u32, block);
    if content.is_empty() {
        if !image.damaged.contains(&at) && !harmed {
            out.fail(Oracle::Damage, "I10", || {
                format!("mirror {number}: {side} says that its {} is damaged, and it is not", block_name(at))
            });
        }
        return;
    }
    let Some(index) = m.model.index_of(as_of).map(|i| i.max(m.model.base())) else {
        out.fail(Oracle::Damage, "I10", || {
            format!("mirror {number}: {side} sent {} as of {as_of}, which never existed", block_name(at))
        });
        return;
    };
    let expected = m.model.content(at.0, at.1, index).unwrap_or_else(|| m.model.zeros());
    if !same(content, &expected) {
        once::differs(&mut m.model, number, expected.len() as u64, content, at, index, out);
        out.fail(Oracle::Damage, "I10", || {
            format!("mirror {number}: {side} sent {}, and it is not what it was at {as_of}", block_name(at))
        });
    }
}

/// Blocks that were healed from beyond the cursor: all that they show must be held, else recovery gives a mix.
pub(crate) fn healed(m: &Mirror, out: &mut Findings) {
    if m.copy.image.ahead.is_empty() {
        return;
    }
    out.judged(Oracle::Damage);
    let hurt = m.copy.harmed || !m.copy.damaged.is_empty();
    let early = m.copy.image.ahead.iter().find(|(_, index)| **index > m.copy.end_stable && !hurt);
    if let Some((at, index)) = early {
        let (number, held) = (m.number, m.model.position_of(m.copy.end_stable));
        let shows = m.model.position_of(*index);
        out.fail(Oracle::Damage, "I10", || {
            format!("mirror {number}: {} was healed as of {shows}, and only {held} is held", block_name(*at))
        });
    }
}

/// A request was refused. Damage is a reason only where no good copy is left.
pub(crate) fn refused(m: &Mirror, asked: &Asked, out: &mut Findings) {
    let (offset, length) = match asked.op {
        Op::Read { offset, length } => (offset, length),
        Op::Add { offset, .. } => (offset, 8),
        _ => return,
    };
    let size = m.at.own.block;
    // A longer one may be refused for its length.
    let outside = offset.checked_add(length).is_none();
    if length == 0 || length > size || outside || m.source.harmed || m.copy.harmed {
        return;
    }
    out.judged(Oracle::Damage);
    let mut touched = (offset / size..=offset.saturating_add(length - 1) / size).map(|b| (asked.volume, b));
    let damaged = |at: &BlockAt| m.source.volume.damaged.contains(at);
    if touched.clone().any(|at| damaged(&at)) && !touched.any(|at| m.lost_blocks.contains(&at)) {
        let (number, request) = (m.number, asked.who());
        out.fail(Oracle::Damage, "I10", || {
            format!("source {number}: {request} was refused and the destination has a good copy")
        });
    }
}

/// The mark itself was lost: then nothing tells how much there was.
fn out_of_sight(m: &Mirror) -> bool {
    m.copy.mark_stable.nvram == Position::default()
}

/// SR8: a source whose NVRAM lacks promised records that its volumes lack, too, never serves: it says nothing to anybody,
/// and its volumes stay. What was done to it is no excuse, for it could tell.
pub(crate) fn source_acts(m: &mut Mirror, what: &str, out: &mut Findings) {
    out.judged(Oracle::Damage);
    if m.source.gone {
        return;
    }
    if let Some(index) = m.source.hole.take() {
        let (number, lost) = (m.number, m.model.position_of(index));
        out.fail(Oracle::Damage, "I10", || {
            format!(
                "source {number}: {lost} is lost from its NVRAM and not in its volumes, and it {what} (SR8)"
            )
        });
    }
}
