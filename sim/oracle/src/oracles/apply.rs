//! I3: applied_gen is raised to g only on exactly `count` chained valid records in the file of g; claim 15: an image is
//! modified only after its source asked (or any, under `global`), or by recovery; the cursor is written only once the
//! blocks are stable (DR6, I16).

use crate::bytes::Trailer;
use crate::finding::{Findings, Oracle};
use crate::journal::Journal;
use crate::log::{FILE, FILE_STABLE};
use crate::mirror::Mirror;
use crate::superblock::Superblock;

/// A trailer was written behind `count` records.
pub(crate) fn trailer(m: &Mirror, trailer: &Trailer, count: u64, out: &mut Findings) {
    let Some(g) = m.model.generation(trailer.generation) else {
        return;
    };
    let good = trailer.count == count && trailer.count == g.count && trailer.digest == g.digest;
    out.expect(Oracle::Apply, "I3", good, || {
        format!(
            "mirror {}: the trailer of generation {} says {}, the file has {count}, the log {}",
            m.number, g.number, trailer.count, g.count
        )
    });
}

/// A generation counts as applied: its file had its trailer, durably.
pub(crate) fn trailed(m: &Mirror, generation: u64, trailed: bool, out: &mut Findings) {
    if m.copy.harmed || !m.copy.damaged.is_empty() || !m.copy.rotten.is_empty() {
        return;
    }
    out.expect(Oracle::Apply, "I3", trailed, || {
        format!("mirror {}: generation {generation} counts as applied and its file has no trailer", m.number)
    });
}

/// The destination wrote a superblock.
pub(crate) fn superblock(m: &Mirror, new: &Superblock, global: bool, out: &mut Findings) {
    let old = m.copy.image.stable;
    if new.cursor() == old.cursor() {
        return;
    }
    out.judged(Oracle::Apply);
    let number = m.number;
    if new.cursor() < old.cursor() {
        out.fail(Oracle::Apply, "I3", || format!("mirror {number}: the cursor went back to {}", new.place()));
        return;
    }
    let Some(index) = m.model.index_of_cursor(new.cursor()) else {
        out.fail(Oracle::Apply, "I3", || {
            format!("mirror {number}: cursor {} is beyond the source's log", new.place())
        });
        return;
    };
    let recovering = new.recovers();
    if index > m.copy.end_current && !m.copy.harmed && m.copy.damaged.is_empty() {
        out.fail(Oracle::Apply, "I3", || {
            format!("mirror {number}: the cursor moved to {} and the records end before it", new.place())
        });
    }
    for generation in old.applied_gen + 1..=new.applied_gen {
        whole(m, generation, recovering, out);
    }
    let asked = new.applied_gen + u64::from(new.applied_seq > 0);
    if !recovering && !global && asked > m.copy.asked && index > m.copy.image.cursor {
        out.fail(Oracle::Apply, "I3", || {
            format!(
                "mirror {number}: generation {asked} is applied and its source never asked for it (claim 15)"
            )
        });
    }
}

/// A journal is durable at the destination. DR5, DR10: an apply takes what is flushed to the file; recovery takes what
/// there is.
pub(crate) fn journalled(m: &Mirror, out: &mut Findings) {
    let image = &m.copy.image;
    let hurt = m.copy.harmed || !m.copy.damaged.is_empty() || !m.copy.rotten.is_empty();
    let Some(index) = image.journal.as_ref().and_then(Journal::sound_at) else { return };
    if hurt || m.copy.fenced.is_some() || image.stable.recovers() {
        return;
    }
    out.judged(Oracle::Apply);
    let early =
        (image.cursor + 1..=index).find(|i| m.model.entry(*i).is_some_and(|e| e.copies & FILE_STABLE == 0));
    if let Some(early) = early {
        let (number, position) = (m.number, m.model.position_of(early));
        out.fail(Oracle::Apply, "I3", || {
            format!("mirror {number}: {position} is being applied and is not flushed to its file (DR5, DR10)")
        });
    }
}

fn whole(m: &Mirror, generation: u64, recovering: bool, out: &mut Findings) {
    let Some(g) = m.model.generation(generation).copied() else {
        return;
    };
    let number = m.number;
    let sealed = g.seal.is_some() || m.model.last_generation() > generation;
    if !sealed && !recovering {
        out.fail(Oracle::Apply, "I3", || {
            format!("mirror {number}: generation {generation} counts as applied unsealed")
        });
    }
    let missing = (g.first..g.first + g.count)
        // What the rig has damaged after it was read for the apply is no fault of the machine.
        .find(|i| !m.copy.rotten.contains(i) && m.model.entry(*i).is_some_and(|e| e.copies & FILE == 0));
    if let Some(index) = missing.filter(|_| !recovering && !m.copy.harmed) {
        let position = m.model.position_of(index);
        out.fail(Oracle::Apply, "I3", || {
            format!(
                "mirror {number}: generation {generation} counts as applied and {position} is not in its file"
            )
        });
    }
}
