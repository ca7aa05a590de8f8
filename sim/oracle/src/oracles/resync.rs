//! I13: at the seal of a resync base and file are the source's log, folded, byte for byte. I14: until all of the file is
//! in the image the image is not opened. LR1: alone a source answers only once its role is durable. LR2: what it frees
//! alone is in its durable map. I15: what it says may be lost is never below what is.

use crate::bytes::Position;
use crate::content::same;
use crate::finding::{Findings, Oracle};
use crate::layout::{BlockAt, Region, block_name};
use crate::mirror::Mirror;
use crate::resync_file::Map;
use crate::setup::{Medium, Policy, Setup};
use crate::superblock::{MIRROR, Superblock};

fn fail(out: &mut Findings, invariant: &'static str, message: impl FnOnce() -> String) {
    out.fail(Oracle::Resync, invariant, message);
}

/// The destination wrote a superblock that seals a resync file.
pub(crate) fn sealing(m: &Mirror, new: &Superblock, out: &mut Findings) {
    out.judged(Oracle::Resync);
    let number = m.number;
    let end = m.model.index_of_cursor(new.cursor());
    let Some(end) = end else {
        return fail(out, "I13", || {
            format!(
                "mirror {number}: a resync is sealed at {}, which is beyond the source's log",
                new.place()
            )
        });
    };
    if end < m.copy.end_stable.max(m.copy.image.cursor) {
        let held = m.model.position_of(m.copy.end_stable);
        fail(out, "I12", || {
            format!("mirror {number}: a resync is sealed at {}, and {held} was held", new.place())
        });
    }
    if !m.source.alone && !m.source.gone && !m.source.harmed {
        fail(out, "I13", || format!("mirror {number}: a resync is sealed and its source is not Degraded"));
    }
}

/// That superblock is durable, and so must be the file.
pub(crate) fn sealed(m: &mut Mirror, out: &mut Findings) {
    out.judged(Oracle::Resync);
    let number = m.number;
    let Some(roll) = &m.copy.image.roll else {
        if m.copy.image.stable.sealed.is_some() && !m.copy.harmed {
            fail(out, "I13", || format!("mirror {number}: a resync is sealed and its file is not whole"));
        }
        return;
    };
    let end = m.copy.image.cursor;
    let mut wrong = None;
    for (at, contents) in roll {
        let Some(content) = contents.last() else { continue };
        let expected = m.model.content(at.0, at.1, end).unwrap_or_else(|| m.model.zeros());
        if !same(content, &expected) {
            wrong.get_or_insert(*at);
        }
    }
    if let Some((volume, block)) = wrong {
        let end = m.model.position_of(end);
        fail(out, "I13", || {
            format!(
                "mirror {number}: the resync file holds other content for block {block} of volume {volume} than the \
                 source's log at {end}"
            )
        });
    }
    if let Some((volume, block)) = m.copy.image.first_wrong(&m.at.image) {
        let end = m.model.position_of(end);
        fail(out, "I13", || {
            format!(
                "mirror {number}: block {block} of volume {volume} is not that of {end}, and the resync file lacks it"
            )
        });
    }
}

/// Another role of the source is durable: it does not come back before `hold` is over (section "Policies").
pub(crate) fn role_changed(m: &mut Mirror, was_alone: bool, hold: u64, out: &mut Findings) {
    if m.source.alone == was_alone {
        return;
    }
    let now = out.time;
    let since = m.source.alone_since.take();
    if m.source.alone {
        m.source.alone_since = Some(now).filter(|_| !m.source.other_clock);
    } else if let Some(since) = since {
        let number = m.number;
        out.expect(Oracle::Resync, "LR1", now >= since.saturating_add(hold), || {
            format!(
                "source {number} is in sync again {} ns after it went on alone; `hold` is {hold} ns",
                now.saturating_sub(since)
            )
        });
    }
}

/// The destination counts a resync file as part of the image.
pub(crate) fn rolled(m: &Mirror, out: &mut Findings) {
    out.judged(Oracle::Resync);
    let number = m.number;
    if let Some((volume, block)) = m.copy.image.first_wrong(&m.at.image) {
        fail(out, "I14", || {
            format!(
                "mirror {number}: the image counts as whole, and block {block} of volume {volume} is not in it (LR4)"
            )
        });
    }
}

/// The destination told the source that a resync is sealed.
pub(crate) fn told(m: &Mirror, session: u64, out: &mut Findings) {
    let stable = &m.copy.image.stable;
    let (number, durable) = (m.number, stable.session);
    let marked = m.copy.mark_stable.nvram.min(m.copy.mark_stable.file);
    out.expect(Oracle::Resync, "I13", !stable.void, || {
        format!("mirror {number}: ResyncSealed for {session:x}, whose file was found damaged (LR5)")
    });
    out.expect(Oracle::Resync, "I13", session == durable && marked >= stable.tail.position, || {
        format!("mirror {number}: ResyncSealed for {session:x}; durable is {durable:x}, and the mark {marked} (LR4)")
    });
}

/// The source frees a partition alone: the blocks of all its records that the destination lacks are in its durable map, and
/// no block is there with a record that is older than one of these which changes it. What was freed before is counted in
/// its superblock: where the destination lacks some of it, the seal of a resync shows what was not sent.
pub(crate) fn freed(m: &Mirror, (first, last): (u64, u64), out: &mut Findings) {
    out.judged(Oracle::Resync);
    let changes = m.model.last_changes(first - 1, last);
    let held = m.kept.max(m.copy.end_stable).max(m.copy.image.cursor);
    let held = m.model.position_of(held);
    if m.source.map_lost {
        return;
    }
    let before = held.max(m.source.volume.stable.freed);
    let known =
        |at: &BlockAt, change| m.source.map.get(at).map_or(change <= before, |known| *known >= change);
    let missing = changes.iter().find(|(at, change)| !known(at, **change));
    if let Some(((volume, block), _)) = missing {
        let (number, last) = (m.number, m.model.position_of(last));
        fail(out, "I13", || {
            format!(
                "source {number}: {last} is freed alone, and its change of block {block} of volume {volume} is not in the map (LR2)"
            )
        });
    }
}

/// The source forwarded a record.
pub(crate) fn forwarded(m: &Mirror, setup: &Setup, position: Position, out: &mut Findings) {
    if setup.policy == Policy::Async && m.source.policy == 3 && !m.source.harmed {
        let open = m.model.generation(position.generation).is_some_and(|g| !g.seal_stable);
        let open = open && m.model.last_generation() == position.generation;
        out.expect(Oracle::Resync, "I16", !open, || {
            let number = m.number;
            format!("source {number}: {position} left before its generation was sealed (async)")
        });
    }
    if m.source.alone {
        let number = m.number;
        fail(out, "I8", || format!("source {number}: {position} was forwarded while it is Degraded (LR3)"));
    }
}

/// The destination serves the clients from now on: what its recovery has put into the image, the former source may lack
/// (LR6).
pub(crate) fn bequeathed(m: &Mirror, map: &Map, out: &mut Findings) {
    let number = m.number;
    let missing = m.copy.since_fence.iter().find(|at| !map.contains_key(at));
    out.expect(Oracle::Resync, "LR6", missing.is_none(), || {
        format!("mirror {number} is promoted, and {} of its recovery is not in the map of what its former source lacks", missing.map_or_else(String::new, |at| block_name(*at)))
    });
}

/// LR8: the clients go back; all that was answered is in the volumes of the server that has served them.
pub(crate) fn handed_over(m: &Mirror, out: &mut Findings) {
    let (number, tip) = (m.number, m.model.tip());
    let there = m.source.volume.cursor;
    out.expect(Oracle::Resync, "LR8", there == tip && !m.source.alone, || {
        format!("mirror {number}: handed over with {there} of {tip} operations in the volumes")
    });
    let image = &m.copy.image;
    let wrong = image.first_wrong(&m.at.image);
    out.expect(Oracle::Resync, "LR8", image.cursor == tip && !m.lonely() && wrong.is_none(), || {
        let has = image.cursor;
        let wrong = wrong.map_or_else(String::new, |at| format!(", and {} is wrong there", block_name(at)));
        let peer = if m.lonely() { ", and has no peer" } else { "" };
        format!("mirror {number}: the server that serves its clients again has {has} of {tip} operations in the volumes{wrong}{peer}")
    });
}

/// LR7, L4: the former source keeps the image of its heir, and nothing is under way.
pub(crate) fn kept(
    m: &mut Mirror,
    region: &Region,
    found: Option<Superblock>,
    medium: &dyn Medium,
    out: &mut Findings,
) {
    if m.copy.harmed {
        // What it makes of its superblock nobody can foresee.
        return;
    }
    let (number, tip) = (m.number, m.model.tip());
    let whole = |s: &Superblock| s.role == MIRROR && !s.void && s.sealed.is_none();
    let cursor = found.filter(whole).and_then(|s| m.model.index_of_cursor(s.cursor()));
    out.expect(Oracle::Resync, "L4", cursor == Some(tip), || {
        format!(
            "mirror {number}: at rest the former source has {} of {tip} records in its image (LR7)",
            cursor.map_or("none".into(), |index| index.to_string())
        )
    });
    if cursor != Some(tip) {
        return;
    }
    let sizes = region.volumes.iter().map(|v| v.blocks + v.reply_blocks).enumerate();
    // What only the former source had is nowhere in the model any more.
    let blocks: Vec<BlockAt> = sizes.flat_map(|(v, n)| (0..n).map(move |b| (v as u32, b))).collect();
    // What the rig has damaged there and nobody has read nobody can know.
    let whole: Vec<BlockAt> = blocks.into_iter().filter(|at| !m.copy.image.damaged.contains(at)).collect();
    let wrong = whole.into_iter().find(|at| !m.model.block_is(region, medium, *at, tip));
    out.expect(Oracle::Resync, "L4", wrong.is_none(), || {
        let wrong = wrong.map_or_else(String::new, block_name);
        format!("mirror {number}: at rest {wrong} of the former source's image is another one (LR7)")
    });
}

/// An operation was answered without the destination's word: may it be?
pub(crate) fn answered_alone(m: &Mirror, setup: &Setup) -> bool {
    // Nobody else has anything; when it may go on alone, its log says.
    if m.lonely() {
        return true;
    }
    // An older disk there makes nothing unsaid; nor does an empty server, which cannot be taken for whole.
    let told = |kind| m.copy.replaced || m.copy.empty || m.copy.policy == kind;
    match setup.policy {
        Policy::Strict => m.source.alone && m.may_be_alone() && told(1),
        Policy::Degrade => m.source.alone && told(1),
        Policy::SemiSync { .. } => told(2),
        Policy::Async => told(3),
    }
}

/// `semi_sync`: so many bytes may be unacknowledged.
pub(crate) fn numbered(m: &Mirror, setup: &Setup, index: u64, out: &mut Findings) {
    let Policy::SemiSync { window } = setup.policy else { return };
    if m.source.policy != 2 || m.source.harmed || m.source.alone {
        return;
    }
    out.judged(Oracle::Resync);
    let acknowledged = m.wait.acknowledged.max(m.copy.image.cursor);
    let ahead = m.model.bytes_upto(index) - m.model.bytes_upto(acknowledged.min(index));
    if ahead > window && index > acknowledged + 1 {
        let (number, position) = (m.number, m.model.position_of(index));
        fail(out, "I15", || {
            format!("source {number}: with {position} {ahead} bytes are unacknowledged, {window} are allowed")
        });
    }
}

/// A recovery without the source reaches `reached`: what is then lost, the source has counted.
pub(crate) fn exposed(m: &Mirror, setup: &Setup, reached: u64, out: &mut Findings) {
    // What is older than the list has no number any more; it is in the image.
    let reached = reached.max(m.copy.image.cursor);
    let untold = m.source.harmed || m.source.replaced || m.copy.harmed;
    if setup.policy == Policy::Strict || reached >= m.history.answered || untold {
        return;
    }
    let Some((operations, bytes)) = m.source.exposure else { return };
    if !m.copy.damaged.is_empty() || !m.copy.image.damaged.is_empty() {
        return;
    }
    out.judged(Oracle::Resync);
    let lost = m.history.answered - reached;
    let entries = (reached + 1..=m.history.answered).filter_map(|i| m.model.entry(i));
    let lost_bytes: u64 = entries.map(|e| e.length).sum();
    if lost > operations || lost_bytes > bytes {
        let number = m.number;
        fail(out, "I15", || {
            format!(
                "source {number}: {lost} answered operations ({lost_bytes} bytes) would be lost, and it counts \
                 {operations} ({bytes} bytes)"
            )
        });
    }
}
