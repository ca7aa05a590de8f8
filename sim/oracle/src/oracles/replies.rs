//! I6: at most one reply per attempt, and all replies to one request are equal.

use crate::finding::{Findings, Oracle};
use crate::history::Asked;
use crate::setup::{Answer, Op};

/// An answer was sent to `asked`, whose earlier answers are noted and this one not yet.
pub(crate) fn answered(source: usize, asked: &Asked, answer: &Answer, out: &mut Findings) {
    out.judged(Oracle::Replies);
    if asked.replies >= asked.attempts {
        out.fail(Oracle::Replies, "I6", || {
            format!(
                "source {source}: request {} had {} attempts and gets one more reply",
                asked.number, asked.attempts
            )
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
            format!("source {source}: request {} got an answer of another kind", asked.number)
        });
    }
    let is_read = matches!(answer, Answer::Read { .. });
    if let Some(first) = asked.answer.as_ref().filter(|first| !is_read && *first != answer) {
        out.fail(Oracle::Replies, "I6", || {
            format!("source {source}: request {} was answered {first:?} and now {answer:?}", asked.number)
        });
    }
}

/// An answer was sent that nobody waits for.
pub(crate) fn unasked(source: usize, request: u64, out: &mut Findings) {
    out.fail(Oracle::Replies, "I6", || {
        format!("source {source}: an answer to request {request}, which nobody issued")
    });
}
