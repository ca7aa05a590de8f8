//! I4: files are dense and chained; acknowledged <= mark <= held (levels `nvram`, `file`). I5: a number that was ever
//! forwarded names one content for ever. Claims 6, 8, 27: a record of g stands only in slot g mod k, in order.

use crate::bytes::{FileHeader, Mark, Position, Record};
use crate::copies::Place;
use crate::finding::{Findings, Oracle};
use crate::log::FILE_STABLE;
use crate::mirror::{Leftover, Mirror};
use crate::setup::Level;

/// The destination wrote a record to its NVRAM: it must follow the last one held (DR1).
pub(crate) fn accepted(m: &Mirror, r: &Record, index: u64, out: &mut Findings) {
    out.judged(Oracle::Numbering);
    let (end, number) = (m.copy.end_current, m.number);
    if m.copy.harmed || !m.copy.damaged.is_empty() {
        return;
    }
    if index > end + 1 {
        let held = m.model.position_of(end);
        out.fail(Oracle::Numbering, "I4", || {
            format!("mirror {number}: {} was accepted behind {held}", r.position)
        });
    } else if index <= end && m.excuses.is_empty() && numbered(m, r, index) {
        out.fail(Oracle::Numbering, "I4", || format!("mirror {number}: {} was accepted twice", r.position));
    }
}

/// Whether the record is of the source's log, as far as that is remembered: another content is judged by agreement.
fn numbered(m: &Mirror, r: &Record, index: u64) -> bool {
    index > 0 || m.model.index_of(r.position).is_some_and(|index| m.model.entry(index).is_none())
}

/// A record was appended to the file of a generation, in which `expected` is the next.
pub(crate) fn appended(m: &Mirror, r: &Record, generation: u64, expected: Option<u64>, out: &mut Findings) {
    out.judged(Oracle::Numbering);
    let (number, position) = (m.number, r.position);
    if position.generation != generation {
        out.fail(Oracle::Numbering, "I4", || {
            format!("mirror {number}: {position} is in the file of generation {generation}")
        });
    }
    if Some(position.sequence) != expected {
        out.fail(Oracle::Numbering, "I4", || match expected {
            Some(n) => format!("mirror {number}: the file's record number {n} is {position}: not dense"),
            None => format!("mirror {number}: {position} does not follow its file's records: not dense"),
        });
    }
}

/// A file was opened.
pub(crate) fn file_opened(m: &Mirror, places: &[Place], header: &FileHeader, files: u64, out: &mut Findings) {
    out.judged(Oracle::Numbering);
    let number = m.number;
    let applied = m.copy.image.stable.applied_gen;
    let other = places.iter().find(|p| {
        p.generation > applied
            && p.generation != header.generation
            && p.generation % files == header.generation % files
    });
    if let Some(other) = other {
        out.fail(Oracle::Numbering, "I4", || {
            format!(
                "mirror {number}: slot of generation {} still holds {} (DR4)",
                header.generation, other.generation
            )
        });
    }
    if let Some(g) = m.model.generation(header.generation)
        && let Some(first) = m.model.entry(g.first).filter(|_| g.count > 0)
        && first.prev != header.prev
    {
        out.fail(Oracle::Numbering, "I4", || {
            format!("mirror {number}: the link of file {} is wrong", header.generation)
        });
    }
}

/// The destination wrote a mark: it must not promise what is not held.
pub(crate) fn marked(m: &Mirror, mark: &Mark, level: Level, out: &mut Findings) {
    if level == Level::Received || m.copy.harmed || !m.copy.damaged.is_empty() {
        return;
    }
    out.judged(Oracle::Numbering);
    check_held(m, mark.nvram, m.copy.end_stable, "the mark promises", "held", out);
    // The file copy may be damaged while the NVRAM has another; the mark never falls.
    check_held(m, mark.file, filed_in_good_faith(m), "the mark promises as filed", "filed", out);
}

/// An acknowledgement left (ForwardAck, or Welcome).
pub(crate) fn acknowledged(m: &Mirror, level: u64, up_to: Position, configured: Level, out: &mut Findings) {
    if configured == Level::Received || level == 1 || m.copy.harmed || !m.copy.damaged.is_empty() {
        return;
    }
    out.judged(Oracle::Numbering);
    let (level, mark, end) = match level {
        2 => ("nvram", m.copy.mark_stable.nvram, m.copy.end_stable),
        _ => ("file", m.copy.mark_stable.file, filed_in_good_faith(m)),
    };
    let number = m.number;
    let applied = m.model.index_of(up_to).is_some_and(|i| i <= m.copy.image.cursor);
    if up_to > mark && !applied {
        out.fail(Oracle::Numbering, "I4", || {
            format!(
                "mirror {number}: {up_to} was acknowledged at level {level} and the durable mark says {mark}"
            )
        });
    }
    check_held(m, up_to, end, "acknowledged", "durable", out);
}

fn check_held(m: &Mirror, position: Position, end: u64, what: &str, kind: &str, out: &mut Findings) {
    let good = m.model.index_of(position).is_some_and(|i| i <= end.max(m.copy.image.cursor));
    if !good {
        let (number, end) = (m.number, m.model.position_of(end));
        out.fail(Oracle::Numbering, "I4", || {
            format!("mirror {number}: {what} {position}, {kind} is only {end}")
        });
    }
}

/// A record was put on the wire: its number names one content for ever.
pub(crate) fn forwarded(m: &Mirror, r: &Record, payload: &bytes::Bytes, out: &mut Findings) -> Option<u64> {
    out.judged(Oracle::Numbering);
    let number = m.number;
    let Some(index) = m.model.index_of(r.position) else {
        out.fail(Oracle::Numbering, "I5", || {
            format!("source {number}: {} was forwarded and is not in its log", r.position)
        });
        return None;
    };
    if let Some(entry) = m.model.entry(index)
        && (entry.check != r.check || !crate::content::same(&entry.payload, payload))
    {
        out.fail(Oracle::Numbering, "I5", || {
            format!("source {number}: {} was forwarded with other content", r.position)
        });
    }
    Some(index)
}

/// A partition with leftovers of a lost tail has a new record, durably, and these still stand there: should the records
/// before them come again, they would follow (SR7).
pub(crate) fn renewed(m: &Mirror, standing: &[Leftover], out: &mut Findings) {
    if m.source.harmed {
        return;
    }
    out.judged(Oracle::Numbering);
    if let Some(left) = standing.first() {
        let (number, position) = (m.number, left.position);
        out.fail(Oracle::Numbering, "I5", || {
            format!(
                "source {number}: {position} was lost and still stands behind the next record there (SR7)"
            )
        });
    }
}

/// End of the chain in stable files, if what the rig has damaged there behind everyone's back counted.
fn filed_in_good_faith(m: &Mirror) -> u64 {
    let mut end = m.copy.filed;
    while m.copy.rotten.contains(&(end + 1))
        || (m.model.entry(end + 1)).is_some_and(|e| e.copies & FILE_STABLE != 0)
    {
        end += 1;
    }
    end
}
