//! I16: the orders of DR2, DR6, SR1..SR5 on what really happened to the devices. It catches missing and forged flushes
//! without any crash.

use crate::bytes::{HEADER, Mark, Position};
use crate::content::same;
use crate::finding::{Findings, Oracle};
use crate::layout::Spot;
use crate::log::FILE_STABLE;
use crate::mirror::Mirror;
use crate::setup::{Device, Level, Medium};
use crate::superblock::Superblock;

fn fail(out: &mut Findings, message: impl FnOnce() -> String) {
    out.fail(Oracle::Steps, "I16", message);
}

/// SR1: a record is forwarded once it and all before it are durable in the source's NVRAM, and the seals of all
/// generations before its own (SR3).
pub(crate) fn forwarded(m: &Mirror, index: u64, position: Position, out: &mut Findings) {
    out.judged(Oracle::Steps);
    let number = m.number;
    if index > m.source.stable.max(m.source.volume.cursor) && !m.source.harmed {
        fail(out, || {
            format!("source {number}: {position} was forwarded before it was durable in its own NVRAM (SR1)")
        });
    }
    if index > m.marked() && !m.source.harmed {
        fail(out, || {
            format!("source {number}: {position} was forwarded before its own mark covered it (SR8)")
        });
    }
    let open = m.model.generations().take_while(|g| g.number < position.generation).last();
    if let Some(g) =
        open.filter(|g| !g.seal_stable && !m.source.harmed && g.first + g.count > m.source.volume.cursor)
    {
        let before = g.number;
        fail(out, || {
            format!("source {number}: {position} left before the seal of {before} was durable (SR3)")
        });
    }
}

/// SR2: a reply is sent once the record is durable locally and promised by the destination at the level.
pub(crate) fn answered(m: &Mirror, index: u64, level: Level, alone: bool, out: &mut Findings) {
    out.judged(Oracle::Steps);
    let number = m.number;
    if index > m.source.stable.max(m.source.volume.cursor) && !m.source.harmed {
        fail(out, || {
            format!(
                "source {number}: {} was answered before it was durable there (SR2)",
                m.model.position_of(index)
            )
        });
    }
    if index > m.marked() && !m.source.harmed {
        fail(out, || {
            format!(
                "source {number}: {} was answered before its own mark covered it (SR8)",
                m.model.position_of(index)
            )
        });
    }
    if level != Level::Received && !alone && index > m.promised(level) && !m.copy.harmed {
        fail(out, || {
            format!(
                "source {number}: {} was answered before the mark covered it (SR2)",
                m.model.position_of(index)
            )
        });
    }
}

/// SR8: the source's mark promises only what is durable in its log.
pub(crate) fn own_mark(m: &mut Mirror, current: &dyn Medium, out: &mut Findings) {
    let mark = m.own_mark(current).nvram;
    let durable = m.source.stable.max(m.source.volume.cursor);
    let good = m.source.harmed || m.model.index_of(mark).is_some_and(|index| index <= durable);
    out.expect(Oracle::Steps, "I16", good, || {
        let (number, durable) = (m.number, m.model.position_of(durable));
        format!("source {number}: its mark says {mark}, durable is only {durable} (SR8)")
    });
}

/// LR6: before the destination serves the clients, each slot of the mark that it will serve them with says how far the
/// recovery came: whichever of them it reads, a log that is lost is noticed.
pub(crate) fn bequeathed(m: &Mirror, mark: Option<Mark>, reached: u64, out: &mut Findings) {
    let end = m.model.position_of(reached);
    out.expect(Oracle::Steps, "LR6", mark.is_some_and(|mark| mark.nvram == end), || {
        format!(
            "mirror {} is promoted at {end}, and the mark of its server says {}",
            m.number,
            mark.map_or("nothing".into(), |mark| mark.nvram.to_string())
        )
    });
}

/// SR3, SR4: SyncRequest leaves after the seal is durable, and says what the log says.
pub(crate) fn sync_requested(m: &Mirror, (generation, count, digest): (u64, u64, u64), out: &mut Findings) {
    out.judged(Oracle::Steps);
    let number = m.number;
    let Some(g) = m.model.generation(generation) else {
        if generation > m.model.last_generation() {
            fail(out, || {
                format!("source {number}: SyncRequest for generation {generation}, which does not exist")
            });
        }
        return;
    };
    if !g.seal_stable && m.model.last_generation() == generation {
        fail(out, || {
            format!("source {number}: SyncRequest for {generation} before its seal was durable (SR3)")
        });
    }
    if (g.count, g.digest) != (count, digest) {
        let has = g.count;
        fail(out, || {
            format!("source {number}: SyncRequest for {generation} says {count} records, its log has {has}")
        });
    }
}

/// DR2: a record enters a file only after the durable mark covers it.
pub(crate) fn appended(m: &Mirror, index: u64, level: Level, out: &mut Findings) {
    out.judged(Oracle::Steps);
    if level != Level::Received && index > m.promised(Level::Nvram) && !m.copy.harmed {
        let (number, position) = (m.number, m.model.position_of(index));
        fail(out, || {
            format!("mirror {number}: {position} was appended to its file before the mark covered it (DR2)")
        });
    }
}

/// DR2: a promised record leaves the NVRAM only when it is durable in a file that the mark covers, or applied.
/// `elsewhere` = another segment has it, too (it was sent again). A file copy that the rig has damaged since counts: the
/// machine cannot know.
pub(crate) fn segment_freed(m: &mut Mirror, index: u64, elsewhere: bool, out: &mut Findings) {
    out.judged(Oracle::Steps);
    if index <= m.copy.image.cursor || m.copy.harmed || elsewhere {
        return;
    }
    let filed = index <= m.promised(Level::File)
        && m.model
            .entry(index)
            .is_some_and(|e| e.copies & FILE_STABLE != 0 || m.copy.rotten.contains(&index));
    // No chain leads to what stands behind damage: the source was told, and sends it again. Until then it is lost here.
    let told = m.model.index_of(m.copy.told).unwrap_or(0).max(m.copy.image.cursor);
    if !filed && m.copy.damaged.range((told + 1).min(index)..index).next().is_some() {
        m.copy.damaged.insert(index);
        return;
    }
    if index <= m.promised(Level::Nvram) && !filed {
        let (number, position) = (m.number, m.model.position_of(index));
        fail(out, || {
            format!(
                "mirror {number}: {position} was removed from NVRAM before its file was durable and marked (DR2)"
            )
        });
    }
}

/// DR5, DR6: a file is cleared only when the durable cursor covers it (or another good file has the record).
pub(crate) fn file_cleared(m: &Mirror, index: u64, elsewhere: bool, out: &mut Findings) {
    out.judged(Oracle::Steps);
    let promised = index <= m.promised(Level::File);
    if index > m.copy.image.cursor && promised && !elsewhere {
        let (number, position) = (m.number, m.model.position_of(index));
        fail(out, || {
            format!("mirror {number}: the file of {position} was cleared before the image was durable (DR6)")
        });
    }
}

/// DR5: SyncDone leaves once the cursor and the clear are durable. `file` = a generation up to it whose file still stands.
pub(crate) fn sync_done(m: &Mirror, generation: u64, file: Option<u64>, out: &mut Findings) {
    out.judged(Oracle::Steps);
    let number = m.number;
    if m.copy.image.stable.applied_gen < generation {
        fail(out, || {
            format!("mirror {number}: SyncDone for {generation} before its cursor was durable (DR6)")
        });
    }
    if let Some(file) = file {
        fail(out, || {
            format!(
                "mirror {number}: SyncDone for {generation} before the clear of file {file} was durable (DR6)"
            )
        });
    }
}

/// Claim 12: under `stream` a gap means that the transport broke, and no Nak is ever sent.
pub(crate) fn nak(mirror: usize, stream: bool, out: &mut Findings) {
    out.judged(Oracle::Steps);
    if stream {
        fail(out, || format!("mirror {mirror}: a Nak on a stream (claim 12)"));
    }
}

/// DR6 step 2: blocks are written in place only when a durable valid journal holds these very bytes.
pub(crate) fn in_place(
    m: &Mirror,
    own: bool,
    (offset, end): (u64, u64),
    (stable, current): (&dyn Medium, &dyn Medium),
    out: &mut Findings,
) {
    if !own && m.at_no_prefix() {
        return;
    }
    out.judged(Oracle::Steps);
    let (image, region) = if own { (&m.source.volume, &m.at.own) } else { (&m.copy.image, &m.at.image) };
    let mut wrong = None;
    region.walk(offset, end, |spot, from, to| {
        let apart = matches!(spot, Spot::Superblock | Spot::Journal | Spot::Map);
        if apart || image.rolls(region, (spot, from, to), &m.model.uuid, (stable, current)) {
            return;
        }
        let held = image.journal.as_ref().and_then(|j| j.data(from, to - from));
        let same = held.is_some_and(|held| same(&held, &current.read(Device::Image, from, to - from)));
        if !same {
            wrong.get_or_insert((spot, from));
        }
    });
    if let Some((_, at)) = wrong {
        let (number, side) = (m.number, if own { "source" } else { "destination" });
        fail(out, || {
            format!(
                "mirror {number}: the {side} wrote at byte {at} of its disk in place without a durable journal (DR6)"
            )
        });
    }
}

/// DR6 step 3: the cursor is written only when the blocks of the batch are durable.
pub(crate) fn cursor_written(m: &Mirror, own: bool, new: &Superblock, out: &mut Findings) {
    let (image, region) = if own { (&m.source.volume, &m.at.own) } else { (&m.copy.image, &m.at.image) };
    if new.cursor() <= image.stable.cursor() {
        return;
    }
    out.judged(Oracle::Steps);
    let Some(index) = m.model.index_of_cursor(new.cursor()) else {
        return;
    };
    let mut changed = Vec::new();
    if !image.dirty.is_empty() {
        m.model.changed(image.cursor, index, &mut changed);
    }
    let block = region.block;
    let dirty = changed.iter().find(|&&(v, b)| {
        let (at, check) = (region.block_at(v, b), region.check_at(v, b));
        image.dirty.touches(at, at + block) || image.dirty.touches(check, check + crate::bytes::ENTRY)
    });
    if let Some((v, b)) = dirty {
        let (number, side) = (m.number, if own { "source" } else { "destination" });
        fail(out, || {
            format!(
                "mirror {number}: the {side}'s cursor {} was written before block {b} of volume {v} was durable (DR6)",
                new.place()
            )
        });
    }
}

/// Two slots written in turn: a write never touches the one that holds the newest durable mark (section 1).
pub(crate) fn mark_slot(
    m: &mut Mirror,
    own: bool,
    base: u64,
    (offset, length): (u64, u64),
    stable: &dyn Medium,
    out: &mut Findings,
) {
    out.judged(Oracle::Steps);
    let slots = if own { &mut m.source.mark_slots } else { &mut m.copy.mark_slots };
    let newest = slots.newest(&m.model.uuid, base, stable).map(|slot| base + slot);
    if newest.is_some_and(|at| offset < at + HEADER && offset + length > at) {
        let number = m.number;
        fail(out, || format!("mirror {number}: the newest durable mark is written over, not the other slot"));
    }
}

/// The same for superblocks: with the newest durable one torn there would be none.
pub(crate) fn superblock_slot(
    m: &Mirror,
    own: bool,
    (offset, length): (u64, u64),
    stable: &dyn Medium,
    out: &mut Findings,
) {
    out.judged(Oracle::Steps);
    let (image, region) = if own { (&m.source.volume, &m.at.own) } else { (&m.copy.image, &m.at.image) };
    // Damage may have hit it.
    let newest = image.stable.slot_in(&stable.read(Device::Image, region.base, 1024));
    if newest.is_some_and(|slot| offset < region.base + slot + 512 && offset + length > region.base + slot) {
        let (number, side) = (m.number, if own { "source" } else { "destination" });
        fail(out, || {
            format!(
                "mirror {number}: the {side} writes over its newest durable superblock, not the other slot"
            )
        });
    }
}
