//! Judges what a recovery yields: the real one, one on a copy (the disaster probe), or the one that the judge's picture
//! says must happen. A probe looks only at blocks that may differ from the stable image or from its cursor; the rest is
//! equal by induction.

use crate::bytes::Position;
use crate::finding::{Findings, Oracle};
use crate::layout::{BlockAt, Spot};
use crate::mirror::Mirror;
use crate::oracles::{damage, durability, prefix};
use crate::setup::{Base, Device, Level, Medium, RecoveredTo, Verdict};
use crate::superblock::Superblock;

/// What recovery would reach from the destination's durable bytes as the judge has followed them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeltaVerdict {
    /// If a power cut kept nothing unflushed.
    pub stable: RecoveredTo,
    /// If it kept everything written.
    pub current: RecoveredTo,
    /// Whether both satisfy I1, I2 and I10; if not, findings were collected.
    pub sound: bool,
}

/// The ranges of the image disk where a recovery may have made a difference.
#[derive(Clone, Copy)]
pub(crate) struct Touched<'t> {
    pub ranges: &'t [(u64, u64)],
    /// Every block was judged when there were fewer of them.
    pub base: Option<Base>,
    /// Every block ever written is looked at.
    pub whole: bool,
}

/// Judges one recovery.
pub(crate) fn judge(
    m: &mut Mirror,
    state: &dyn Medium,
    touched: Touched<'_>,
    to: RecoveredTo,
    out: &mut Findings,
) -> bool {
    let before = out.failed();
    let number = m.number;
    let Some(reached) = index_of_end(m, to.position) else {
        out.fail(Oracle::Prefix, "I2", || {
            format!("mirror {number}: recovered to {}, which never existed", to.position)
        });
        return false;
    };
    damage::verdict(m, reached, to, out);
    durability::recovered(m, reached, "recovery", out);
    let mut touched = touched;
    if m.at_no_prefix() && sealed_since(m, state) {
        touched = Touched { base: None, whole: true, ..touched };
    } else if m.at_no_prefix() {
        out.expect(Oracle::Damage, "I10", matches!(to.verdict, Verdict::Damaged { .. }), || {
            format!("mirror {number}: recovery says `{}` of an image that is at no prefix (LR5)", to.verdict)
        });
        return out.failed() == before;
    }
    let cursor = m.copy.image.cursor;
    if reached < cursor {
        out.fail(Oracle::Durability, "I1", || {
            format!(
                "mirror {number}: recovered to {}, and the image was at {} already",
                to.position,
                m.copy.image.stable.place()
            )
        });
        return false;
    }
    superblock(m, state, to, out);
    out.judged(Oracle::Prefix);
    blocks(m, state, touched, reached, out);
    out.failed() == before
}

/// Whether what was left has the seal of a younger resync than the durable superblock, though its flush had not ended.
fn sealed_since(m: &Mirror, state: &dyn Medium) -> bool {
    let slots = state.read(Device::Image, m.at.image.base, 1024);
    let found = Superblock::best(&slots, &m.model.uuid);
    found.is_some_and(|s| s.session > m.copy.image.stable.session)
}

/// Judges the image between two batches of a recovery, where it is the model's at a cursor. `true`: it may be a base.
/// Nothing is reported: only where a recovery ends counts.
pub(crate) fn batch(m: &mut Mirror, state: &dyn Medium, touched: Touched<'_>, at: Base) -> bool {
    let Some(reached) = index_of_base(m, &at).filter(|reached| *reached >= m.copy.image.cursor) else {
        return false;
    };
    let mut out = Findings::new(false, Vec::new());
    blocks(m, state, touched, reached, &mut out);
    out.failed() == 0
}

/// The index of a base, if the model still has that very record.
fn index_of_base(m: &Mirror, base: &Base) -> Option<u64> {
    let index = m.model.index_of(base.position)?;
    (m.model.position_of(index) == base.position && m.model.check_of(index) == Some(base.check))
        .then_some(index)
}

/// Judges what may not be equal by induction: from a base, what was touched or changed since; else from the cursor.
fn blocks(m: &mut Mirror, state: &dyn Medium, touched: Touched<'_>, reached: u64, out: &mut Findings) {
    let base = touched.base.filter(|_| !touched.whole).and_then(|b| Some((index_of_base(m, &b)?, b)));
    let base = base.filter(|(index, _)| *index <= reached);
    let mut blocks: Vec<BlockAt> = if touched.whole { m.model.written() } else { Vec::new() };
    let mut checks;
    let mut ranges = touched.ranges;
    let mut placed = Vec::new();
    if let Some((index, base)) = base {
        m.model.changed(index, reached, &mut blocks);
        checks = blocks.clone();
        ranges = ranges.get(base.touched..).unwrap_or_default();
    } else {
        m.model.changed(m.copy.image.cursor, reached, &mut blocks);
        checks = blocks.clone();
        blocks.extend(&m.copy.image.bad_blocks);
        checks.extend(&m.copy.image.bad_checks);
        placed.extend(m.copy.image.placed());
    }
    // A recovery writes its superblock, reply blocks and table sectors in each of its batches.
    let image = &m.at.image;
    let volumes = image.volumes.first().map_or(image.end, |v| v.data);
    placed.extend(ranges.iter().filter(|(at, length)| at + length > volumes));
    let mut ranges = placed;
    ranges.sort();
    ranges.dedup();
    for (offset, length) in ranges {
        image.walk(offset, offset + length, |spot, _, _| match spot {
            Spot::Block(v, b) => blocks.push((v, b)),
            Spot::Check(v, first, end) => checks.extend((first..end).map(|b| (v, b))),
            _ => {}
        });
    }
    // The lists consist of a few sorted ones, which a stable sort only merges.
    for list in [&mut blocks, &mut checks] {
        list.sort();
        list.dedup();
    }
    prefix::blocks(m, false, state, (&blocks, &checks), reached, out);
}

/// The index of a position that a recovery names; (g, 0) is the end of generation g - 1.
fn index_of_end(m: &Mirror, position: Position) -> Option<u64> {
    if position.sequence > 0 || position.generation == 0 {
        let index = m.model.index_of(position)?;
        let old = index == 0 && position != Position::default();
        return Some(if old { m.model.base().min(m.copy.image.cursor) } else { index });
    }
    m.model.index_of_cursor((position.generation - 1, 0))
}

/// DR7 step 4: what is persisted is what is said.
fn superblock(m: &Mirror, state: &dyn Medium, to: RecoveredTo, out: &mut Findings) {
    let slots = state.read(Device::Image, m.at.image.base, 1024);
    let found = Superblock::best(&slots, &m.model.uuid).filter(Superblock::is_recovered);
    let same = |s: Superblock| s.recovered == to.position && s.says() == Some(to.verdict);
    out.expect(Oracle::Prefix, "I2", found.is_some_and(same), || {
        let number = m.number;
        match found {
            Some(s) => format!(
                "mirror {number}: the superblock says recovered to {} ({}), recovery says {to}",
                s.recovered,
                s.says().map_or("no verdict".into(), |says| says.to_string())
            ),
            None => format!("mirror {number}: recovery ended without a superblock that says so (DR7)"),
        }
    });
}

/// The verdict over the judge's own picture, in O(1) but for findings.
pub(crate) fn delta(m: &mut Mirror, level: Level, out: &mut Findings) -> DeltaVerdict {
    let before = out.total();
    let appliable = m.appliable();
    let end = m.copy.end_stable.max(m.copy.image.cursor).min(appliable);
    let written = m.copy.end_current.max(end).min(appliable);
    let quiet = m.unsound || m.copy.fenced.is_some();
    let stable = picture(
        m,
        level,
        end,
        m.copy.top_stable.max(m.copy.end_stable),
        m.copy.mark_stable.nvram.max(m.copy.mark_stable.file),
    );
    let mark = m.copy.mark_current.nvram.max(m.copy.mark_current.file);
    let top = m.copy.top_current.max(m.copy.end_current);
    let current = picture(m, level, written, top, mark);
    if !quiet {
        for (what, to, index) in [("stable", stable, end), ("written", current, written)] {
            damage::verdict(m, index, to, out);
            let what = if what == "stable" {
                "the chain in its stable bytes"
            } else {
                "the chain in its written bytes"
            };
            durability::recovered(m, index, what, out);
        }
        if m.copy.image.bad_blocks.len() + m.copy.image.bad_checks.len() > 0 {
            prefix::at_cursor(m, false, out);
        }
    }
    let sound = out.total() == before && !m.unsound;
    m.unsound |= !sound;
    DeltaVerdict { stable, current, sound }
}

fn picture(m: &Mirror, level: Level, end: u64, top: u64, mark: Position) -> RecoveredTo {
    let position = m.model.position_of(end);
    let last = mark.max(m.model.position_of(top.max(end)));
    let verdict = match level {
        _ if last > position => Verdict::Damaged { from: position, to: last },
        Level::Received => Verdict::CompleteUpTo,
        _ if m.copy.image.stable.policy > 0 => Verdict::CompleteUpTo,
        _ => Verdict::Complete,
    };
    RecoveredTo { position, verdict }
}
