//! I17: bytes of one mirror stand only in its own regions, places and segments, every record there carries its uuid, and
//! nobody reads where nothing of its own can be.

use crate::bytes::{FileHeader, Record};
use crate::copies::Segment;
use crate::finding::{Findings, Oracle};
use crate::mirror::Mirror;

fn fail(out: &mut Findings, message: impl FnOnce() -> String) {
    out.fail(Oracle::Isolation, "I17", message);
}

/// A mirror's machine wrote to a place for log files.
pub(crate) fn place(owner: usize, by: Option<usize>, place: u64, out: &mut Findings) {
    out.judged(Oracle::Isolation);
    if let Some(by) = by.filter(|by| *by != owner) {
        fail(out, || format!("mirror {by} wrote to place {place} of mirror {owner}"));
    }
}

/// A mirror's machine wrote to a segment in use.
pub(crate) fn segment(segment: &Segment, number: usize, by: Option<usize>, out: &mut Findings) {
    out.judged(Oracle::Isolation);
    if let (Some(by), Some(owner)) = (by, segment.owner)
        && by != owner
    {
        fail(out, || format!("mirror {by} wrote to segment {number}, which mirror {owner} uses"));
    }
}

/// A mirror's machine wrote to the image disk or to the marks.
pub(crate) fn region(owner: Option<usize>, by: Option<usize>, what: &str, offset: u64, out: &mut Findings) {
    out.judged(Oracle::Isolation);
    match (owner, by) {
        (Some(owner), Some(by)) if owner != by => {
            fail(out, || format!("mirror {by} wrote to the {what} of mirror {owner}, byte {offset}"))
        }
        (None, _) => fail(out, || format!("a write beyond every mirror's {what}, byte {offset}")),
        _ => {}
    }
}

/// A machine reads a range; `own` = the unit in which it begins ends there, and is the mirror's own.
pub(crate) fn read(
    mirror: usize,
    what: &str,
    (offset, length): (u64, u64),
    own: Option<u64>,
    out: &mut Findings,
) {
    out.judged(Oracle::Isolation);
    if own.is_none_or(|end| offset.saturating_add(length) > end) {
        fail(out, || {
            format!("mirror {mirror} reads {length} bytes at byte {offset} of {what}, which are not its own")
        });
    }
}

/// A record was written where mirror `m` keeps its own.
pub(crate) fn record(m: &Mirror, r: &Record, what: &str, out: &mut Findings) {
    out.judged(Oracle::Isolation);
    if r.uuid != m.model.uuid {
        fail(out, || format!("mirror {}: its {what} holds {} of another mirror", m.number, r.position));
    }
}

/// A file was opened in a place of mirror `m`.
pub(crate) fn file(m: &Mirror, header: &FileHeader, out: &mut Findings) {
    out.judged(Oracle::Isolation);
    if header.uuid != m.model.uuid {
        fail(out, || {
            format!(
                "mirror {}: a place of it holds the file {} of another mirror",
                m.number, header.generation
            )
        });
    }
}

/// A frame names another mirror than the link it travels on.
pub(crate) fn frame(m: &Mirror, uuid: &[u8; 16], out: &mut Findings) -> bool {
    out.judged(Oracle::Isolation);
    if *uuid != m.model.uuid {
        fail(out, || format!("a frame of another mirror on the link of source {}", m.number));
    }
    *uuid == m.model.uuid
}
