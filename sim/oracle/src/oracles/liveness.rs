//! L1..L4, once faults are healed: every operation is answered, every sealed generation is applied and freed, recovery
//! has ended, both sides are equal. The only justified ends without it have a cause in the trace.

use crate::faults::{DAMAGED_BLOCK, DEVICE};
use crate::finding::{Findings, Oracle};
use crate::mirror::Mirror;
use crate::setup::{Device, Medium};
use crate::superblock::Superblock;

/// Whether a mirror may have stopped: its source is gone, or something was done that stops it with an alarm.
pub(crate) fn stopped(m: &Mirror) -> bool {
    let stops = |excuse: &&str| ![DAMAGED_BLOCK, DEVICE].contains(excuse);
    let excused = m.excuses.iter().any(stops) || !m.lost_blocks.is_empty();
    let fenced = m.copy.fenced.is_some();
    m.source.gone || m.source.harmed || m.copy.harmed || fenced || excused
}

/// The run is over.
pub(crate) fn end(m: &Mirror, out: &mut Findings) {
    out.judged(Oracle::Liveness);
    let number = m.number;
    if m.source.gone && !m.source.replaced && m.copy.recovered.is_none() && !m.copy.lost {
        out.fail(Oracle::Liveness, "L2", || format!("source {number} was lost and recovery never ended"));
    }
    if stopped(m) {
        said_why(m, out);
        return;
    }
    if m.history.open > 0 {
        let first = m.history.unanswered().next();
        let first = first.map_or(String::new(), |(c, s, a)| {
            format!(", first: client {c}, slot {s}, request {}", a.number)
        });
        out.fail(Oracle::Liveness, "L1", || {
            format!("source {number}: {} operations were never answered{first}", m.history.open)
        });
    }
    let sides = if m.lonely() { [&m.source.volume; 2] } else { [&m.copy.image, &m.source.volume] };
    let sealed = m.model.generations().filter(|g| g.seal.is_some() || g.number < m.model.last_generation());
    if let Some(last) = sealed.map(|g| g.number).last() {
        let [image, volume] = sides.map(|image| image.stable.applied_gen);
        if image < last || volume < last {
            out.fail(Oracle::Liveness, "L1", || {
                format!("source {number}: {last} is sealed, the image has {image} and the volume {volume}")
            });
        }
    }
    let (held, tip) = (m.copy.end_stable, m.model.tip());
    if held < tip && !m.lonely() {
        let (held, tip) = (m.model.position_of(held), m.model.position_of(tip));
        out.fail(Oracle::Liveness, "L4", || {
            format!("mirror {number}: the destination holds {held} of {tip}")
        });
    }
}

/// L4: what was done to a mirror may keep its sides apart, but not in silence.
fn said_why(m: &Mirror, out: &mut Findings) {
    let (volume, tip, number) = (m.source.volume.cursor, m.model.tip(), m.number);
    let image = if m.lonely() { volume } else { m.copy.image.cursor };
    let ends = m.source.gone || m.copy.fenced.is_some() || m.alarmed;
    let open = m.history.open;
    out.expect(Oracle::Liveness, "L4", ends || image == tip && volume == tip && open == 0, || {
        let of = |i| m.model.position_of(i);
        format!(
            "mirror {number}: at the end {} is numbered, the image has {}, the volume {}, {open} operations are open, \
             and no alarm says why",
            of(tip), of(image), of(volume)
        )
    });
}

/// L2: recovery ended without a verdict. There is none to be had only where damage has left no valid superblock, since then
/// nothing says how far the image goes, and where the rig has put superblocks of another version: they are not ours to read.
pub(crate) fn unrecoverable(m: &Mirror, state: &dyn Medium, out: &mut Findings) -> bool {
    let slots = state.read(Device::Image, m.at.image.base, 1024);
    let other = m.expected_alarms.contains("version") && Superblock::of_another_version(&slots);
    // One of another version may be the newer of the two, whatever the other one is.
    let lost = other || m.copy.harmed && Superblock::best(&slots, &m.model.uuid).is_none();
    let number = m.number;
    out.expect(Oracle::Liveness, "L2", lost, || {
        format!("recovery of mirror {number} ends without a verdict (L2)")
    });
    lost
}

/// Both sides have applied everything.
pub(crate) fn equal(m: &Mirror, out: &mut Findings) {
    out.judged(Oracle::Liveness);
    if stopped(m) {
        return;
    }
    if m.at_no_prefix() && !m.lonely() && !m.source.alone {
        let number = m.number;
        out.fail(Oracle::Liveness, "L4", || {
            format!("mirror {number}: quiet and in sync, and the image is at no prefix")
        });
    }
    let (volume, tip) = (m.source.volume.cursor, m.model.tip());
    let image = if m.lonely() { volume } else { m.copy.image.cursor };
    if image < tip || volume < tip {
        let of = |i| m.model.position_of(i);
        let (image, volume, tip, number) = (of(image), of(volume), of(tip), m.number);
        out.fail(Oracle::Liveness, "L4", || {
            format!("mirror {number}: quiet, and of {tip} the image has {image}, the volume {volume}")
        });
    }
}
