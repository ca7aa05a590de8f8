//! What stays is made simpler: keys back to their defaults, the least of what has an order, round times.

use super::lists::{earlier, path};
use super::trials::Trials;
use mirrorsim_scenario::{Outline, Step, show_duration, show_size};

/// Keys that are no configuration, or that another pass is for.
const KEPT: [&str; 9] = ["schema", "seeds", "faults", "script", "check", "at", "name", "stage", "operations"];

/// Takes a key away, and with it all that stands below it; where that is not possible, parts of it.
pub(super) fn without_keys(trials: &mut Trials<'_, '_>, mut best: Outline) -> Outline {
    // A key that was tried stands at the same place in the order, for only later ones are taken away.
    let mut tried = 0;
    loop {
        let mut places = Vec::new();
        keys(&best, &mut Vec::new(), &mut places);
        let left: Vec<Vec<Step>> = places.into_iter().skip(tried).collect();
        let from = best.clone();
        let without = |place: &Vec<Step>| {
            let mut outline = from.clone();
            let (last, above) = place.split_last().expect("a key has a name");
            if let (Some(map), Step::Key(key)) = (outline.at_mut(above), last) {
                map.remove(key);
            }
            outline
        };
        match trials.first_no_larger("configuration", left.iter().map(without)) {
            Some((number, smaller)) => (tried, best) = (tried + number, smaller),
            None => return best,
        }
    }
}

/// Every key that may go, from the top down.
fn keys(at: &Outline, here: &mut Vec<Step>, out: &mut Vec<Vec<Step>>) {
    match at {
        Outline::Map(entries) => {
            for (key, value) in entries {
                here.push(Step::Key(key.clone()));
                if !KEPT.contains(&key.as_str()) {
                    out.push(here.clone());
                }
                if !["script", "seeds", "expect"].contains(&key.as_str()) {
                    keys(value, here, out);
                }
                here.pop();
            }
        }
        Outline::List(items) => {
            for (index, item) in items.iter().enumerate() {
                here.push(Step::Item(index));
                keys(item, here, out);
                here.pop();
            }
        }
        Outline::Text(..) => {}
    }
}

/// The least value from `low` on, by doubling and then by halves; `now` is known to do.
pub(super) fn least(
    trials: &mut Trials<'_, '_>,
    what: &'static str,
    best: Outline,
    (low, now): (u64, u64),
    put: &dyn Fn(&Outline, u64) -> Option<Outline>,
) -> Outline {
    let values: Vec<u64> =
        std::iter::successors(Some(low.max(1)), |v| v.checked_mul(2)).take_while(|v| *v < now).collect();
    let from = best.clone();
    let (mut below, mut good, mut best) = match trials
        .first(what, values.iter().filter_map(|v| put(&from, *v)))
    {
        Some((number, smaller)) => (number.checked_sub(1).map_or(0, |n| values[n]), values[number], smaller),
        None => (values.last().copied().unwrap_or(now), now, best),
    };
    while good > below + 1 && !trials.cut_short {
        let middle = below.midpoint(good);
        match put(&best, middle).and_then(|o| trials.first(what, std::iter::once(o))) {
            Some((_, smaller)) => (good, best) = (middle, smaller),
            None => below = middle,
        }
    }
    best
}

/// Smaller partitions, volumes and operations.
pub(super) fn sizes(trials: &mut Trials<'_, '_>, mut best: Outline) -> Outline {
    for client in 0..best.get("clients").map_or(0, |c| c.items().len()) {
        let at = path(&format!("clients.{client}"));
        if best.at(&at).is_none_or(|c| c.get("script").is_some() || c.get("trace").is_some()) {
            continue;
        }
        let size = |words: &&str| {
            let mut outline = best.clone();
            if let Some(of) = outline.at_mut(&at) {
                of.set("sizes", Outline::word(words));
            }
            outline
        };
        if best.at(&at).is_some_and(|c| c.get("sizes").is_some_and(|s| s.text().is_none())) {
            let found = trials.first_no_larger("sizes", ["512B", "1B..2KiB"].iter().map(size));
            best = found.map_or(best, |(_, smaller)| smaller);
        }
    }
    let sources = best.get("sources").map_or(0, |s| s.items().len());
    // All of them at once, and the destination's room with them; then one by one.
    let groups = std::iter::once((0..sources).collect()).chain((0..sources).map(|s| vec![s]));
    let groups: Vec<Vec<usize>> = groups.take(if sources > 1 { usize::MAX } else { 1 }).collect();
    for group in groups {
        let from = best.clone();
        let small = [1u64 << 10, 2 << 10, 4 << 10, 8 << 10];
        let candidates = small.iter().flat_map(|bytes| {
            [true, false].into_iter().filter_map(|room| partitions(&from, &group, *bytes, room))
        });
        let candidates: Vec<Outline> = candidates.collect();
        if let Some((_, smaller)) = trials.first_no_larger("sizes", candidates.into_iter()) {
            best = smaller;
        }
    }
    best
}

/// With smaller partitions, and so much less room at the destination, if that is said.
fn partitions(outline: &Outline, group: &[usize], bytes: u64, room: bool) -> Option<Outline> {
    let mut smaller = outline.clone();
    let mut part = (1, 1);
    for source in group {
        let source = smaller.at_mut(&path(&format!("sources.{source}")))?;
        let now = source.get("partition_size").and_then(Outline::bytes).unwrap_or(16 << 10);
        if now > bytes {
            source.set("partition_size", Outline::word(show_size(bytes)));
            part = (bytes, now);
        }
    }
    if let Some(destination) = smaller.at_mut(&path("destination")).filter(|_| room) {
        for key in ["nvram_size", "reserve"] {
            if let Some(now) = destination.get(key).and_then(Outline::bytes) {
                destination.set(key, Outline::word(show_size((now / part.1 * part.0).next_multiple_of(512))));
            }
        }
    }
    (part != (1, 1)).then_some(smaller)
}

/// All faults earlier, together: what one waits for may be what another one leaves.
pub(super) fn sooner(trials: &mut Trials<'_, '_>, mut best: Outline) -> Outline {
    for _ in 0..12 {
        let from = best.clone();
        let part = |(n, of): &(u64, u64)| {
            let (n, of) = (*n, *of);
            let scaled = move |now: u64| now / of * n + now % of * n / of;
            earlier(&from, &|nth| Some(scaled(nth)), &scaled)
        };
        let parts = [(1, 16), (1, 4), (1, 2), (3, 4), (7, 8)];
        let less = |by: &u64| earlier(&from, &|nth| Some(nth.saturating_sub(*by)), &|time| time);
        let candidates: Vec<Outline> =
            parts.iter().filter_map(part).chain([3u64, 2, 1].iter().filter_map(less)).collect();
        match trials.first("faults earlier", candidates.into_iter()) {
            Some((_, sooner)) => best = sooner,
            None => break,
        }
    }
    best
}

/// Operations of a script: short ones, at the beginning, and without a time.
pub(super) fn steps(trials: &mut Trials<'_, '_>, mut best: Outline, script: &[Step]) -> Outline {
    let count = best.at(script).map_or(0, |s| s.items().len());
    let mut untimed = best.clone();
    if let Some(Outline::List(steps)) = untimed.at_mut(script) {
        steps.iter_mut().for_each(|s| s.remove("at"));
    }
    best = trials.first("times", std::iter::once(untimed)).map_or(best, |(_, smaller)| smaller);
    for index in 0..count {
        let at = [script, &[Step::Item(index)]].concat();
        for key in ["write", "write_zeroes", "read", "add"] {
            let Some(of) = best.at(&at).and_then(|s| s.get(key)).cloned() else { continue };
            let mut smaller = Vec::new();
            for (length, offset) in [
                (Some(8), Some(0)),
                (Some(512), Some(0)),
                (None, Some(0)),
                (Some(8), None),
                (Some(512), None),
            ] {
                let mut one = of.clone();
                if let (Some(length), Some(now)) = (length, of.get("length").and_then(Outline::bytes)) {
                    one.set("length", Outline::word(now.min(length)));
                }
                if let Some(offset) = offset {
                    one.set("offset", Outline::word(offset));
                }
                let mut outline = best.clone();
                if let Some(step) = outline.at_mut(&at) {
                    step.set(key, one);
                }
                smaller.push(outline);
            }
            smaller.retain(|o| *o != best);
            if let Some((_, shorter)) = trials.first("sizes", smaller.into_iter()) {
                best = shorter;
            }
        }
        best = rounder(trials, best, &[&at[..], &[Step::Key("at".into())]].concat());
    }
    best
}

/// Faults: on an earlier step, and at round times; and round times and chances of links.
pub(super) fn faults(trials: &mut Trials<'_, '_>, mut best: Outline) -> Outline {
    let count = best.get("faults").map_or(0, |f| f.items().len());
    for index in 0..count {
        let nth = path(&format!("faults.{index}.when.nth"));
        if let Some(now) = best.at(&nth).and_then(Outline::number) {
            let put = |outline: &Outline, value: u64| {
                let mut smaller = outline.clone();
                *smaller.at_mut(&nth)? = Outline::word(value);
                Some(smaller)
            };
            best = least(trials, "faults", best, (1, now), &put);
        }
        best = all_rounder(trials, best, &path(&format!("faults.{index}")));
    }
    for index in 0..best.get("sources").map_or(0, |s| s.items().len()) {
        best = all_rounder(trials, best, &path(&format!("sources.{index}.link")));
    }
    best
}

fn all_rounder(trials: &mut Trials<'_, '_>, best: Outline, at: &[Step]) -> Outline {
    let mut places = Vec::new();
    best.at(at).into_iter().for_each(|of| measures(of, &mut at.to_vec(), &mut places));
    places.iter().fold(best, |best, place| rounder(trials, best, place))
}

/// Every scalar that is a time or a percentage.
fn measures(at: &Outline, here: &mut Vec<Step>, out: &mut Vec<Vec<Step>>) {
    match at {
        Outline::Map(entries) => {
            for (key, value) in entries {
                here.push(Step::Key(key.clone()));
                measures(value, here, out);
                here.pop();
            }
        }
        text @ Outline::Text(..) if measure(text).is_some() => out.push(here.clone()),
        _ => {}
    }
}

/// How a whole number is written: of nanoseconds, or of a percentage with so many decimals.
enum Unit {
    Time,
    Percent(usize),
}

impl Unit {
    fn show(&self, value: u64) -> String {
        let Unit::Percent(decimals) = *self else { return show_duration(value) };
        let digits = format!("{value:0>width$}", width = decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        format!("{}%", format!("{whole}.{fraction}").trim_end_matches('0').trim_end_matches('.'))
    }
}

/// A time or a percentage as a whole number.
fn measure(of: &Outline) -> Option<(u64, Unit)> {
    if let Some(time) = of.time() {
        return Some((time, Unit::Time));
    }
    let (whole, fraction) = of.text()?.strip_suffix('%')?.split_once('.')?;
    Some((format!("{whole}{fraction}").parse().ok()?, Unit::Percent(fraction.len())))
}

/// A time or a percentage with one, two or three digits, if it has more.
fn rounder(trials: &mut Trials<'_, '_>, best: Outline, place: &[Step]) -> Outline {
    let Some((now, unit)) = best.at(place).and_then(measure) else { return best };
    let mut round = Vec::new();
    for digits in 1..=3 {
        let mut unit = 1;
        while now / unit >= 10u64.pow(digits) {
            unit *= 10;
        }
        for value in [now / unit * unit, (now / unit + 1) * unit] {
            if value != now && value > 0 && unit > 1 {
                round.push(value);
            }
        }
        if now % unit == 0 {
            break;
        }
    }
    let put = |value: &u64| {
        let mut outline = best.clone();
        if let Some(of) = outline.at_mut(place) {
            *of = Outline::word(unit.show(*value));
        }
        outline
    };
    trials.first("round numbers", round.iter().map(put)).map_or(best.clone(), |(_, rounder)| rounder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_percentages_have_digits() {
        let again = |text: &str| {
            measure(&Outline::word(text)).map(|(value, unit)| (value, unit.show(value / 1000 * 1000)))
        };
        assert_eq!(again("1234567ns"), Some((1_234_567, "1234us".into())));
        assert_eq!(again("0.682975%"), Some((682_975, "0.682%".into())));
        assert_eq!(again("12.340000%"), Some((12_340_000, "12.34%".into())));
        assert_eq!(again("30.0000%"), Some((300_000, "30%".into())));
        assert_eq!((again("30%"), again("512"), again("alpha"), again("1.2x%")), (None, None, None, None));
    }
}
