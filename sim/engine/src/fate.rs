//! What a power cut leaves of an unflushed write.
//!
//! A device keeps its unflushed writes in a volatile cache and puts them down whenever and in whatever order it likes,
//! so each of them is kept or lost on its own, whether it has completed or not. One that was on its way when the power
//! went may be torn: each granule (a sector of a disk, a line of memory) holds its new content, its old content, or,
//! if the device is that bad, garbage. A granule is the unit that the device itself protects: it is never half new.
//! Garbage stays within the bytes that were written, even where these do not fill their granule: a device that damages
//! its neighbours is a different fault.

use crate::decisions::Decisions;
use crate::extent::Extent;
use crate::extent_map::ExtentMap;
use crate::fixed::mix;
use crate::pending::{Content, Pending};
use crate::sites;
use crate::source::length;
use bytes::Bytes;
use std::ops::Range;

/// What becomes of one write.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fate {
    /// All of it is there.
    Kept,
    /// Nothing of it is there.
    Lost,
    /// Some granules are there.
    Torn {
        /// Granule `i` is kept iff this bit is set: bit `i` if the write touches up to 64 granules; of `n` granules
        /// beyond that, bit `i * 64 / n`, so that a prefix stays a prefix.
        keep: u64,
        /// Seed of the garbage in the granules that are not kept; without it these hold their old content.
        garbage: Option<u64>,
    },
}

impl Fate {
    /// The same of this write, said in one way only: its mask has no bits beyond the granules of the write, and one that
    /// keeps them all, or none, tears nothing. `granule` is the device's, in bytes.
    pub fn canonical(self, write: &Pending, granule: u32) -> Fate {
        let Fate::Torn { keep, garbage } = self else { return self };
        let all = u64::MAX >> (64 - granules(&write.range(), granule).clamp(1, 64));
        match (keep & all, garbage) {
            (keep, _) if keep == all => Fate::Kept,
            (0, None) => Fate::Lost,
            (keep, garbage) => Fate::Torn { keep, garbage },
        }
    }
}

/// How likely each fate is. Chances are in units of 2^-32; what is neither torn nor lost is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FateOdds {
    /// That a write which had completed is torn.
    pub completed_torn: u64,
    /// That a write which had completed is lost.
    pub completed_lost: u64,
    /// That a write on its way is torn.
    pub open_torn: u64,
    /// That a write on its way is lost.
    pub open_lost: u64,
    /// That the lost part of a torn write holds garbage.
    pub garbage: u64,
}

impl FateOdds {
    /// The usual odds: writes on their way are mostly (80 %) torn, those that had completed seldom (1 in 8).
    pub const USUAL: FateOdds = FateOdds {
        completed_torn: 1 << 29,
        completed_lost: 3 << 29,
        open_torn: 3_435_973_837,
        open_lost: 429_496_730,
        garbage: 0,
    };
}

/// Draws a fate for each write. A write costs one draw of [`sites::FATE`], one of [`sites::TEAR`], and one of
/// [`sites::GARBAGE`] unless its chance is 0; `u64::MAX` at `FATE` keeps the write. `granule` is the device's, in bytes.
pub fn draw_fates(
    pending: &[Pending],
    granule: u32,
    decisions: &mut Decisions,
    subject: u32,
    odds: &FateOdds,
) -> Vec<Fate> {
    pending.iter().map(|write| draw_fate(write, granule, decisions, subject, odds)).collect()
}

fn draw_fate(
    write: &Pending,
    granule: u32,
    decisions: &mut Decisions,
    subject: u32,
    odds: &FateOdds,
) -> Fate {
    if write.clean {
        return Fate::Lost;
    }
    // Each write takes all its draws, so that occurrence n always speaks of the nth write.
    let fate = decisions.draw(sites::FATE, subject) >> 32;
    let tear = decisions.draw(sites::TEAR, subject);
    let garbage = decisions.chance(sites::GARBAGE, subject, odds.garbage);
    let (torn, lost) = match write.completed {
        true => (odds.completed_torn, odds.completed_lost),
        false => (odds.open_torn, odds.open_lost),
    };
    if fate >= torn.saturating_add(lost) {
        return Fate::Kept;
    }
    if fate >= torn {
        return Fate::Lost;
    }
    let bits = granules(&write.range(), granule).min(64) as u32;
    if bits < 2 {
        // A single granule cannot be torn.
        return if tear & 1 == 0 { Fate::Kept } else { Fate::Lost };
    }
    let garbage = (garbage && matches!(write.data, Content::Data(_))).then(|| mix(tear));
    Fate::Torn { keep: tear_mask(tear, bits), garbage }
}

/// A prefix, a suffix, or any subset of `bits` (2..=64) granules.
fn tear_mask(tear: u64, bits: u32) -> u64 {
    let all = u64::MAX >> (64 - bits);
    let random = mix(tear);
    // All but 1 to `bits` granules; of 64 granules that may be a shift by all 64.
    let prefix = all.checked_shr(1 + (random % u64::from(bits)) as u32).unwrap_or(0);
    match tear >> 62 {
        0 | 1 => prefix,
        2 => all & !prefix,
        _ => all & random,
    }
}

/// How many granules a range touches.
fn granules(range: &Range<u64>, granule: u32) -> u64 {
    let granule = u64::from(granule);
    if range.is_empty() { 0 } else { (range.end - 1) / granule - range.start / granule + 1 }
}

/// Puts down what `fate` leaves of `write`; zeros are explicit if `keep_zero` (for an overlay).
pub(crate) fn land(write: &Pending, fate: Fate, granule: u32, keep_zero: bool, map: &mut ExtentMap) {
    match fate {
        Fate::Lost => {}
        Fate::Kept => put(write, write.range(), keep_zero, map),
        Fate::Torn { keep, garbage } => {
            for_each_run(&write.range(), granule, keep, |run, kept| match (kept, garbage) {
                (true, _) => put(write, run, keep_zero, map),
                (false, Some(seed)) => put_garbage(write, run, seed, map),
                (false, None) => {}
            });
        }
    }
}

/// Visits the longest runs of granules that share a fate.
fn for_each_run(range: &Range<u64>, granule: u32, keep: u64, mut visit: impl FnMut(Range<u64>, bool)) {
    let count = granules(range, granule);
    let granule = u64::from(granule);
    let kept = |i: u64| {
        keep >> (if count <= 64 { i } else { (u128::from(i) * 64 / u128::from(count)) as u64 }) & 1 == 1
    };
    let mut start = range.start;
    for i in 0..count {
        if i + 1 < count && kept(i + 1) == kept(i) {
            continue;
        }
        let end = ((range.start / granule + i + 1) * granule).min(range.end);
        visit(start..end, kept(i));
        start = end;
    }
}

/// Puts down the part `range` of a write, where nothing hides it.
fn put(write: &Pending, range: Range<u64>, keep_zero: bool, map: &mut ExtentMap) {
    // Most writes are one buffer, and land as a whole.
    if let (Content::Data(buffers), []) = (&write.data, &write.hidden[..])
        && let [only] = &buffers[..]
        && range == write.range()
    {
        map.write(write.offset, only.clone());
        return;
    }
    for_each_visible(&write.hidden, range, &mut |part| match &write.data {
        Content::Zero(_) if keep_zero => map.overlay_zero(part.start, part.end - part.start),
        Content::Zero(_) => map.zero(part.start, part.end - part.start),
        Content::Data(buffers) => {
            let mut at = write.offset;
            for buffer in buffers {
                let end = at + buffer.len() as u64;
                let (from, to) = (part.start.max(at), part.end.min(end));
                if from < to {
                    map.put(from, Extent::Data(buffer.slice(length(from - at)..length(to - at))));
                }
                at = end;
            }
        }
    });
}

fn put_garbage(write: &Pending, range: Range<u64>, seed: u64, map: &mut ExtentMap) {
    for_each_visible(&write.hidden, range, &mut |part| map.write(part.start, garbage(seed, part)));
}

/// Visits what is left of `range` without the `hidden` ranges.
fn for_each_visible(hidden: &[Range<u64>], range: Range<u64>, visit: &mut dyn FnMut(Range<u64>)) {
    match hidden.split_first() {
        None if range.is_empty() => {}
        None => visit(range),
        Some((first, rest)) => {
            for_each_visible(rest, range.start..range.end.min(first.start), visit);
            for_each_visible(rest, range.start.max(first.end)..range.end, visit);
        }
    }
}

/// Random bytes that depend on the seed and their own offset alone.
pub(crate) fn garbage(seed: u64, range: Range<u64>) -> Bytes {
    let byte = |at: u64| (mix(seed ^ mix(at / 8)) >> (at % 8 * 8)) as u8;
    range.map(byte).collect::<Vec<u8>>().into()
}
