//! I6: at most one reply per attempt, all replies to one request are equal, and a definite error means that the request
//! fits nowhere: length 0, outside the volume, or longer than the largest record can be.

use crate::finding::{Findings, Oracle};
use crate::history::{Asked, Who};
use crate::setup::{Answer, Op, Setup};

/// Bytes before the payload: a partition has its seal, a segment and a file their headers, a file also its trailer; then
/// comes the record's own header (docs/formats.md).
const UNIT: u64 = 128;

/// Whether a source has to take a request.
pub(crate) fn valid(setup: &Setup, source: usize, asked: &Asked) -> bool {
    let at = &setup.sources[source];
    let room = [
        at.partition_size - UNIT,
        setup.destination.segment_size - UNIT,
        setup.destination.file_size - 2 * UNIT,
    ];
    let largest = room.into_iter().map(|r| r.saturating_sub(UNIT) / 8 * 8).chain(setup.max_length).min();
    let (offset, length) = match &asked.op {
        Op::Write { offset, payload } => (*offset, payload.len() as u64),
        Op::WriteZeroes { offset, length } | Op::Read { offset, length } => (*offset, *length),
        Op::Add { offset, .. } if !offset.is_multiple_of(8) => return false,
        Op::Add { offset, .. } => (*offset, 8),
    };
    let inside = |size: &u64| offset.checked_add(length).is_some_and(|end| end <= *size);
    length > 0
        && largest.is_some_and(|l| length <= l)
        && at.volumes.get(asked.volume as usize).is_some_and(inside)
}

/// An answer was sent to `asked`, whose earlier answers are noted and this one not yet.
pub(crate) fn answered(
    source: usize,
    asked: &Asked,
    answer: &Answer,
    valid: bool,
    harmed: bool,
    out: &mut Findings,
) {
    out.judged(Oracle::Replies);
    if asked.replies >= asked.attempts {
        out.fail(Oracle::Replies, "I6", || {
            format!(
                "source {source}: {} had {} attempts and gets one more reply",
                asked.who(),
                asked.attempts
            )
        });
    }
    if valid == (*answer == Answer::Refused) && !(valid && harmed) {
        out.fail(Oracle::Replies, "I6", || {
            let what = if valid { "is in order and was refused" } else { "fits nowhere and was not refused" };
            format!("source {source}: {} {what}", asked.who())
        });
    }
    let fits = match (&asked.op, answer) {
        (_, Answer::Refused) => true,
        (Op::Write { .. } | Op::WriteZeroes { .. }, a) => *a == Answer::Written,
        (Op::Add { .. }, a) => matches!(a, Answer::Added { .. }),
        (Op::Read { .. }, a) => matches!(a, Answer::Read { .. }),
    };
    if !fits {
        out.fail(Oracle::Replies, "I6", || {
            format!("source {source}: {} got an answer of another kind", asked.who())
        });
    }
    let is_read = matches!(answer, Answer::Read { .. });
    if let Some(first) = asked.answer.as_ref().filter(|first| !is_read && !asked.lost && *first != answer) {
        out.fail(Oracle::Replies, "I6", || {
            format!("source {source}: {} was answered {first}, and now {answer}", asked.who())
        });
    }
}

/// An answer was sent that nobody waits for.
pub(crate) fn unasked(source: usize, request: Who, out: &mut Findings) {
    out.fail(Oracle::Replies, "I6", || {
        format!("source {source}: an answer to {request} which nobody issued")
    });
}
