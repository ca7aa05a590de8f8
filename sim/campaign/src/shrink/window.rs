//! In which interval of its time a fault still kills. It is slid from its place both ways, by doubled steps and then by
//! halves; so what is found is the interval around its place that hangs together. Beyond it there may be others.

use super::lists::path;
use super::trials::Trials;
use mirrorsim_scenario::{Outline, Step, grain, show_about, show_duration};

/// The first step of a time, ns.
const FIRST: u64 = 1_000;
/// No end of an interval is found more exactly than this, ns.
const EXACT: u64 = 1_000;
/// No number of a step is slid further.
const MOST: u64 = 1 << 16;

/// What is slid.
enum Kind {
    Time,
    Number,
}

/// Lines of comment for each fault.
pub(super) fn windows(trials: &mut Trials<'_, '_>, best: &Outline) -> Vec<Vec<String>> {
    trials.extend();
    let count = best.get("faults").map_or(0, |f| f.items().len());
    (0..count).map(|index| of(trials, best, index).into_iter().collect()).collect()
}

fn of(trials: &mut Trials<'_, '_>, best: &Outline, index: usize) -> Option<String> {
    let fault = best.at(&path(&format!("faults.{index}")))?;
    let (place, kind, what) = match (fault.get("at"), fault.get("when").and_then(|w| w.get("delay"))) {
        (Some(_), _) => (path(&format!("faults.{index}.at")), Kind::Time, "at"),
        (_, Some(_)) => (path(&format!("faults.{index}.when.delay")), Kind::Time, "delay"),
        _ => (path(&format!("faults.{index}.when.nth")), Kind::Number, "nth"),
    };
    let now = match (best.at(&place), &kind) {
        (Some(value), Kind::Time) => value.time()?,
        (Some(value), Kind::Number) => value.number()?,
        (None, _) => 1,
    };
    let (first, exact, low, high) = match kind {
        Kind::Time => (FIRST, EXACT, 0, trials.taken.virtual_time.max(now)),
        Kind::Number => (1, 1, 1, MOST),
    };
    let mut at = |value: u64| {
        let mut outline = best.clone();
        let word = match kind {
            Kind::Time => show_duration(value),
            Kind::Number => value.to_string(),
        };
        put(&mut outline, &place, Outline::word(word));
        (!trials.is_over()).then(|| trials.kills(&outline))
    };
    let down = end(now - low, first, exact, &mut |by| at(now - by))?;
    let up = end(high - now, first, exact, &mut |by| at(now + by))?;
    let (from, to) = (now - down.0, now + up.0);
    let show = |value: u64| match kind {
        Kind::Time => shown((from, to), now, value),
        Kind::Number => value.to_string(),
    };
    let interval = match (from == to, up.1) {
        (_, true) => format!("from {} on", show(from)),
        (true, _) => format!("only {}", show(from)),
        _ => format!("{}..={}", show(from), show(to)),
    };
    Some(format!("window: {what} {interval}: the interval around its place in which it still kills"))
}

/// An end of an interval of times: rounded to its inside, or in full where that would leave out what it is around.
fn shown((from, to): (u64, u64), now: u64, end: u64) -> String {
    let inside = (from.next_multiple_of(grain(from)), to / grain(to) * grain(to));
    match end == from {
        _ if !(inside.0..=inside.1).contains(&now) => show_duration(end),
        true => show_about(inside.0),
        false => show_about(inside.1),
    }
}

/// Sets a value whose key may be missing.
fn put(outline: &mut Outline, place: &[Step], value: Outline) {
    if let Some((Step::Key(key), above)) = place.split_last()
        && let Some(map) = outline.at_mut(above)
    {
        map.set(key, value);
    }
}

/// How far it goes, and whether it goes to the very end; as far as there was time to find out. `None`: there was too little for
/// that.
fn end(most: u64, first: u64, exact: u64, kills: &mut dyn FnMut(u64) -> Option<bool>) -> Option<(u64, bool)> {
    let (mut good, mut step) = (0, first);
    let mut bad = loop {
        if good == most {
            return Some((most, true));
        }
        let next = (good + step).min(most);
        match kills(next)? {
            true => good = next,
            false => break next,
        }
        step *= 2;
    };
    while bad - good > exact {
        let middle = good.midpoint(bad);
        match kills(middle) {
            Some(true) => good = middle,
            Some(false) => bad = middle,
            // So far it goes for sure.
            None => break,
        }
    }
    Some((good, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_interval_is_found_by_doubling_and_halving() {
        let upto = |last: u64| move |by: u64| Some(by <= last);
        assert_eq!(end(1000, 1, 1, &mut upto(137)), Some((137, false)));
        assert_eq!(end(1000, 1, 1, &mut upto(0)), Some((0, false)));
        assert_eq!(end(1000, 1, 1, &mut upto(1000)), Some((1000, true)));
        assert_eq!(end(0, 1, 1, &mut upto(0)), Some((0, true)));
        assert_eq!(end(1 << 20, 1, 1, &mut upto(300_001)), Some((300_001, false)), "to the last one");
        assert_eq!(end(10, 1, 1, &mut |_| None), None);
    }

    #[test]
    fn no_time_is_shown_that_is_outside() {
        let both = |from, to, now| [from, to].map(|end| shown((from, to), now, end));
        assert_eq!(both(38_416_001, 41_408_999, 40_000_000), ["38.417ms", "41.408ms"]);
        assert_eq!(
            both(38_416_001, 38_416_999, 38_416_500),
            ["38416001ns", "38416999ns"],
            "nothing is left in between"
        );
        assert_eq!(both(999, 1_001, 1_000), ["999ns", "1.001us"]);
        assert_eq!(both(1_500_000, 60_100_000_000, 2_000_000), ["1.5ms", "1.001m"]);
    }
}
