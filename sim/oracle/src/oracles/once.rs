//! I11: each operation is applied exactly once. A request is numbered once (in retry mode `new_request`: once per
//! attempt), an `add` reports the value that the model has there, and counters in an image come out right.

use crate::bytes::{ADD, Record, u64_at};
use crate::finding::{Findings, Oracle};
use crate::layout::BlockAt;
use crate::log::Model;
use crate::mirror::Mirror;
use crate::setup::{Answer, RetryRule, Setup};
use bytes::Bytes;

/// A request got number `index`.
pub(crate) fn numbered(m: &mut Mirror, setup: &Setup, r: &Record, index: u64, out: &mut Findings) {
    out.judged(Oracle::Once);
    let number = m.number;
    let Some(asked) = m.history.find(r.client, r.slot, r.request) else {
        return;
    };
    let allowed = if setup.retry == RetryRule::ExactlyOnce { 1 } else { asked.attempts };
    asked.index = Some(index);
    asked.numbered += 1;
    if asked.numbered > allowed {
        let times = asked.numbered;
        out.fail(Oracle::Once, "I11", || {
            format!(
                "source {number}: request {} of client {} is numbered {times} times, now {}",
                r.request, r.client, r.position
            )
        });
    }
}

/// An add was numbered with an old value.
pub(crate) fn numbered_add(m: &Mirror, r: &Record, old: u64, expected: u64, out: &mut Findings) {
    out.expect(Oracle::Once, "I11", old == expected, || {
        format!("source {}: {} adds to {old}, the counter is {expected}", m.number, r.position)
    });
}

/// An add was answered.
pub(crate) fn answered(m: &mut Mirror, index: u64, answer: &Answer, out: &mut Findings) {
    let Answer::Added { old } = answer else {
        return;
    };
    let Some((volume, offset)) =
        m.model.entry(index).filter(|e| e.operation == ADD).map(|e| (e.volume, e.offset))
    else {
        return;
    };
    let expected = m.model.word(volume, offset, index - 1);
    out.expect(Oracle::Once, "I11", *old == expected, || {
        format!(
            "source {}: the add at {} was answered {old}, the counter was {expected}",
            m.number,
            m.model.position_of(index)
        )
    });
}

/// A block of a state differs from the model: if a word that an add made last is among the difference, a counter is
/// wrong.
pub(crate) fn differs(
    model: &mut Model,
    mirror: usize,
    size: u64,
    actual: &Bytes,
    (v, b): BlockAt,
    prefix: u64,
    out: &mut Findings,
) {
    out.judged(Oracle::Once);
    let expected = model.content(v, b, prefix).unwrap_or_else(|| model.zeros());
    let Some((blocks, content, _)) = model.volumes.get(v as usize) else {
        return;
    };
    if b >= *blocks {
        return;
    }
    for at in (0..size as usize).step_by(8) {
        let (is, should) = (u64_at(actual, at), u64_at(&expected, at));
        if is == should {
            continue;
        }
        let last = content.changes(b, 0, prefix, (at, at + 8)).next();
        let by_add = last.and_then(|i| model.entry(i)).is_some_and(|e| e.operation == ADD);
        if by_add {
            out.fail(Oracle::Once, "I11", || {
                format!("mirror {mirror}: the counter at byte {at} of block {b}, volume {v}, is {is} instead of {should}")
            });
            return;
        }
    }
}
