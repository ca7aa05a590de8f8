//! I2: what recovery yields is the fold of operations 1..R for one R, byte for byte, and nothing in the log was never
//! issued, refused, torn or resurrected. The same comparison serves the running image and the source's own volume:
//! at each durable cursor the stable blocks equal the model there, except what a durable journal will put in place.

use crate::bytes::{
    ADD, ENTRY, Position, Record, WRITE, WRITE_ZEROES, ahead_entry, all_zero, says_ahead, u64_at,
};
use crate::content::same;
use crate::finding::{Findings, Oracle};
use crate::layout::{BlockAt, Region, block_name};
use crate::mirror::Mirror;
use crate::oracles::once;
use crate::setup::{Answer, Device, Medium, Op, RetryRule, Setup};
use bytes::Bytes;

/// A record was numbered: a client must have issued exactly this. Of an equal payload the client's own buffer comes back,
/// which much else shares.
pub(crate) fn issued(m: &mut Mirror, r: &Record, payload: Bytes, out: &mut Findings) -> Bytes {
    out.judged(Oracle::Prefix);
    let number = m.number;
    let Some(asked) = m.history.find(r.client, r.slot, r.request) else {
        let (client, slot, request) = (r.client, r.slot, r.request);
        out.fail(Oracle::Prefix, "I2", || {
            format!(
                "source {number}: {} numbers a request nobody issued ({client}, {slot}, {request})",
                r.position
            )
        });
        return payload;
    };
    let equal = asked.volume == r.volume
        && match &asked.op {
            Op::Write { offset, payload: p } => {
                r.operation == WRITE && *offset == r.offset && same(p, &payload)
            }
            Op::WriteZeroes { offset, length } => {
                (r.operation, *offset, *length) == (WRITE_ZEROES, r.offset, r.length)
            }
            Op::Add { offset, delta } => {
                (r.operation, *offset, *delta) == (ADD, r.offset, u64_at(&payload, 0))
            }
            Op::Read { .. } => false,
        };
    if !equal {
        out.fail(Oracle::Prefix, "I2", || {
            format!("source {number}: {} differs from what its client issued", r.position)
        });
    }
    if asked.answer == Some(Answer::Refused) {
        out.fail(Oracle::Prefix, "I2", || {
            format!("source {number}: {} numbers a request that was refused", r.position)
        });
    }
    match &asked.op {
        Op::Write { payload: own, .. } if equal => own.clone(),
        _ => payload,
    }
}

/// Whether a record stays within its volume and within the tables; the model cannot fold it otherwise.
pub(crate) fn inside(m: &Mirror, r: &Record, setup: &Setup, out: &mut Findings) -> bool {
    let source = &setup.sources[m.number];
    let size = source.volumes.get(r.volume as usize).copied().unwrap_or(0);
    let end = r.offset.checked_add(r.length);
    let good = end.is_some_and(|e| e <= size) && r.client < source.clients && r.slot < source.slots;
    let word = r.operation != ADD || r.offset.is_multiple_of(8);
    if !good || !word {
        out.fail(Oracle::Prefix, "I2", || {
            format!("source {}: {} lies outside of its volume", m.number, r.position)
        });
    }
    good && word
}

/// An answer arrived at its client; an operation must have been numbered, a refused one must not.
pub(crate) fn answered(
    m: &mut Mirror,
    setup: &Setup,
    (client, slot, request): (u32, u32, u64),
    answer: &Answer,
    out: &mut Findings,
) {
    let number = m.number;
    let Some(asked) = m.history.find(client, slot, request) else {
        return;
    };
    let refused = *answer == Answer::Refused;
    let (numbered, asked) = (asked.index.is_some(), asked.who());
    if refused && numbered && setup.retry == RetryRule::ExactlyOnce {
        out.fail(Oracle::Prefix, "I2", || format!("source {number}: {asked} was refused and is in the log"));
    }
    if !refused && !numbered && !matches!(answer, Answer::Read { .. }) {
        out.fail(Oracle::Prefix, "I2", || {
            format!("source {number}: {asked} was answered and is not in the log")
        });
    }
}

/// A superblock became stable: by induction no block may differ now, but for damage and a newer journal.
pub(crate) fn at_cursor(m: &mut Mirror, own: bool, out: &mut Findings) {
    if !own && m.at_no_prefix() {
        return;
    }
    out.judged(Oracle::Prefix);
    let (image, region) = if own { (&m.source.volume, &m.at.own) } else { (&m.copy.image, &m.at.image) };
    let Some((volume, block)) = image.first_wrong(region) else {
        return;
    };
    let (which, cursor) = (if own { "volume" } else { "image" }, image.stable.cursor());
    out.fail(Oracle::Prefix, "I2", || {
        format!(
            "mirror {}: the {which}'s block {block} of volume {volume} is not the model's at {}",
            m.number,
            Position::new(cursor.0, cursor.1)
        )
    });
}

/// A journal became stable: it must hold the model's blocks at its cursor.
pub(crate) fn journal(m: &Mirror, own: bool, out: &mut Findings) {
    let image = if own { &m.source.volume } else { &m.copy.image };
    let Some(journal) = &image.journal else {
        return;
    };
    out.judged(Oracle::Prefix);
    // The entry of a damaged block may stand in a sector that is written for others; a block is never written wrong.
    let mut checks = journal.wrong_checks.iter().filter(|at| !image.damaged.contains(at));
    if let Some((volume, block)) = journal.wrong_blocks.first().or_else(|| checks.next()) {
        out.fail(Oracle::Prefix, "I2", || {
            let side = if own { "the source" } else { "the destination" };
            format!(
                "mirror {}: {side}'s journal to cursor {} holds other content than the model for block {block} of volume {volume}",
                m.number,
                Position::new(journal.cursor.0, journal.cursor.1)
            )
        });
    }
    if let Some(at) = journal.stray {
        out.fail(Oracle::Isolation, "I17", || {
            format!("mirror {}: a journal entry for byte {at} of the disk", m.number)
        });
    }
}

/// Judges blocks and check entries of a state at a prefix. `true` = all as they must be.
pub(crate) fn state(
    m: &mut Mirror,
    own: bool,
    state: &dyn Medium,
    lists: (&[BlockAt], &[BlockAt]),
    prefix: u64,
    out: &mut Findings,
) -> bool {
    out.judged(Oracle::Prefix);
    blocks(m, own, state, lists, prefix, out)
}

/// The same, as a part of a judgement.
pub(crate) fn blocks(
    m: &mut Mirror,
    own: bool,
    state: &dyn Medium,
    (blocks, checks): (&[BlockAt], &[BlockAt]),
    prefix: u64,
    out: &mut Findings,
) -> bool {
    let (image, region) = if own { (&m.source.volume, &m.at.own) } else { (&m.copy.image, &m.at.image) };
    if !own && m.copy.replaced {
        // Another disk may be as of any time, which the model has forgotten.
        return true;
    }
    let mut good = true;
    for &at in blocks {
        if !m.model.block_is(region, state, at, prefix) {
            good = false;
            // Damage elsewhere ends a recovery before what this block shows; its entry says that it is later.
            let short = m.copy.harmed || !m.copy.damaged.is_empty() || !image.damaged.is_empty();
            if short && m.model.ahead(region, state, at, prefix).is_some() {
                continue;
            }
            if image.damaged.contains(&at) {
                good = detectable(&m.model.uuid, region, state, at);
                let _ = good || {
                    let number = m.number;
                    out.fail(Oracle::Damage, "I10", || {
                        format!(
                            "mirror {number}: damage of {} was given a good check: nobody will notice it",
                            block_name(at)
                        )
                    });
                    true
                };
                continue;
            }
            let number = m.number;
            let actual = state.read(Device::Image, region.block_at(at.0, at.1), region.block);
            once::differs(&mut m.model, number, region.block, &actual, at, prefix, out);
            out.fail(Oracle::Prefix, "I2", || {
                format!(
                    "mirror {number}: {} is not the fold of the first {prefix} operations",
                    block_name(at)
                )
            });
        }
    }
    // Neighbouring entries are read as one.
    for run in checks.chunk_by(|a, b| (a.0, a.1 + 1) == *b) {
        let ((volume, first), length) = (run[0], run.len() as u64 * ENTRY);
        let table = state.read(Device::Image, region.check_at(volume, first), length);
        for (&at, entry) in run.iter().zip(table.chunks_exact(ENTRY as usize)) {
            let right = m.model.entry_is(entry, at, prefix)
                || image.damaged.contains(&at)
                || m.model.ahead_is(entry, at, prefix).is_some();
            if !right {
                good = false;
                let number = m.number;
                out.fail(Oracle::Prefix, "I2", || {
                    format!(
                        "mirror {number}: the check of {} is not the one at {prefix} operations",
                        block_name(at)
                    )
                });
            }
        }
    }
    good
}

/// Whether a read of the block would notice that it is not what was written.
pub(crate) fn detectable(uuid: &[u8; 16], region: &Region, state: &dyn Medium, (v, b): BlockAt) -> bool {
    let entry = state.read(Device::Image, region.check_at(v, b), crate::bytes::ENTRY);
    let block = state.read(Device::Image, region.block_at(v, b), region.block);
    if all_zero(&entry) {
        return !all_zero(&block);
    }
    if let Some(upto) = says_ahead(&entry, b) {
        return entry != ahead_entry(uuid, b, upto, &block).as_slice();
    }
    entry != crate::bytes::check_entry(uuid, b, crate::bytes::hash(&block)).as_slice()
}

/// A bug of the judge, for the rig's own tests: what the source's volume holds is taken to be right, so that what is wrong
/// on both sides alike is not seen.
pub(crate) fn alike(
    m: &Mirror,
    own: &dyn Medium,
    destination: &dyn Medium,
    blocks: &[BlockAt],
    out: &mut Findings,
) {
    out.judged(Oracle::Prefix);
    for &(volume, block) in blocks {
        let read = |medium: &dyn Medium, at: &Region| {
            medium.read(Device::Image, at.block_at(volume, block), at.block)
        };
        if read(own, &m.at.own) != read(destination, &m.at.image) {
            out.fail(Oracle::Prefix, "I2", || {
                format!("mirror {}: block {block} of volume {volume} is not that of the source", m.number)
            });
        }
    }
}
