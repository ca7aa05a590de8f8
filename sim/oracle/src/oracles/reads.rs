//! I18: a read equals the fold at some prefix between the greatest that was answered before the read was issued and the
//! newest that could itself be answered when the read was (SR2: it waits for every record that it shows).

use crate::content::same;
use crate::finding::{Findings, Oracle};
use crate::history::Asked;
use crate::log::Model;
use crate::mirror::{Former, Mirror};
use crate::oracles::resync;
use crate::setup::{Level, Op, Policy, ReadRule, Setup};
use bytes::Bytes;

/// A read was answered with `data`.
pub(crate) fn answered(m: &mut Mirror, setup: &Setup, asked: &Asked, data: &Bytes, out: &mut Findings) {
    let Op::Read { offset, length } = asked.op else {
        return;
    };
    out.judged(Oracle::Reads);
    let (number, request) = (m.number, asked.who());
    if data.len() as u64 != length {
        out.fail(Oracle::Reads, "I18", || {
            format!("source {number}: a read, {request} answered with {} bytes", data.len())
        });
        return;
    }
    let who = Former { since: m.copy.fenced, promoted: m.may_be_alone(), ..Former::default() };
    fenced(m, who, setup, asked, out);
    // It may have come in long after it was asked, never before.
    let alone = resync::answered_alone(m, setup);
    if setup.reads == ReadRule::Confirmed && !alone && !m.contact.since(asked.time) {
        out.fail(Oracle::Reads, "I18", || {
            format!(
                "source {number}: a read, {request} was answered, and no Ping that left after it was asked (SR2)"
            )
        });
    }
    if setup.sources[number]
        .volumes
        .get(asked.volume as usize)
        .is_none_or(|size| offset.saturating_add(length) > *size)
    {
        out.fail(Oracle::Reads, "I18", || {
            format!("source {number}: a read, {request} outside of the volume was answered")
        });
        return;
    }
    let base = m.model.base();
    if asked.floor < base && m.model.tip() - asked.floor >= 1 << 16 {
        return;
    }
    // An open read keeps the prefixes that it may show. One that was answered before does not, and its client has gone on.
    if asked.floor < base && asked.answer.is_some() {
        return;
    }
    let tip = m.model.tip();
    // A source that has lost what it answered has been found wrong for that; what it reads is compared with what is left.
    let floor = asked.floor.max(base).min(tip);
    let newest = if setup.level == Level::Received || m.copy.harmed {
        tip
    } else if alone {
        m.marked().clamp(floor, tip)
    } else {
        m.promised(setup.level).clamp(floor, tip)
    };
    let place = (asked.volume, offset, length);
    if equals(&mut m.model, place, data, newest) || some(&mut m.model, place, data, floor, newest) {
        return;
    }
    let ahead = equals(&mut m.model, place, data, tip) || some(&mut m.model, place, data, newest, tip);
    out.fail(Oracle::Reads, "I18", || {
        let what =
            if ahead { "shows what could not be answered yet" } else { "equals no prefix that it may show" };
        format!(
            "source {number}: a read, {request} of {length} bytes at {offset}, volume {}, {what}",
            asked.volume
        )
    });
}

/// A source that is fenced answers no read that was asked after the fence was durable. One that goes on alone, as weaker
/// policies allow, asks nobody.
pub(crate) fn fenced(m: &Mirror, former: Former, setup: &Setup, asked: &Asked, out: &mut Findings) {
    out.judged(Oracle::Reads);
    let asks = setup.reads == ReadRule::Confirmed && setup.policy == Policy::Strict && !former.promoted;
    if asks && former.since.is_some_and(|since| asked.time > since) {
        let (number, request) = (m.number, asked.who());
        out.fail(Oracle::Reads, "I18", || {
            format!("source {number}: a read, {request} was answered by a fenced source")
        });
    }
}

/// Whether some prefix in (floor, newest) reads so.
fn some(model: &mut Model, place: (u32, u64, u64), data: &Bytes, floor: u64, newest: u64) -> bool {
    let size = model.zeros().len() as u64;
    let (volume, offset, length) = place;
    let Some((_, content, _)) = model.volumes.get(volume as usize) else {
        return false;
    };
    let mut prefixes: Vec<u64> = pieces(offset, length, size)
        .flat_map(|(block, from, to)| content.changes(block, floor, newest, (from, to)))
        .map(|index| index - 1)
        .collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    prefixes.iter().rev().any(|prefix| equals(model, place, data, *prefix))
}

fn equals(model: &mut Model, (volume, offset, length): (u32, u64, u64), data: &Bytes, prefix: u64) -> bool {
    let size = model.zeros().len() as u64;
    let mut done = 0;
    pieces(offset, length, size).all(|(block, from, to)| {
        let piece = data.slice(done..done + to - from);
        done += to - from;
        match model.content(volume, block, prefix) {
            Some(content) => same(&piece, &content.slice(from..to)),
            None => crate::bytes::all_zero(&piece),
        }
    })
}

/// Block, first and last byte in it.
fn pieces(offset: u64, length: u64, size: u64) -> impl Iterator<Item = (u64, usize, usize)> {
    let end = offset + length;
    (offset / size..end.div_ceil(size)).map(move |block| {
        let base = block * size;
        (block, (offset.max(base) - base) as usize, (end.min(base + size) - base) as usize)
    })
}
