//! Leaving elements of a list out, large parts first.

use super::trials::Trials;
use mirrorsim_scenario::{Outline, Step, show_duration};

/// The steps of a path such as `clients.0.script`.
pub(super) fn path(text: &str) -> Vec<Step> {
    let step = |s: &str| s.parse().map_or_else(|_| Step::Key(s.to_owned()), Step::Item);
    text.split('.').map(step).collect()
}

/// Takes elements from one on up to another, which stays, out of the list there; `None`: that cannot be.
type Without = fn(&Outline, &[Step], usize, usize) -> Option<Outline>;

/// Leaves out as much of a list as can be, in halves, quarters and so on; the last elements first, for what comes after
/// the failure is never needed. `without` takes a part out.
pub(super) fn fewer(
    trials: &mut Trials<'_, '_>,
    what: &'static str,
    mut best: Outline,
    at: &[Step],
    without: Without,
) -> Outline {
    let count = |outline: &Outline| outline.at(at).map_or(0, |list| list.items().len());
    let mut part = count(&best);
    while part > 0 {
        let mut end = count(&best);
        while end > 0 {
            let ends: Vec<usize> =
                (0..).map(|i| end.saturating_sub(i * part)).take_while(|e| *e > 0).collect();
            let from = best.clone();
            let candidates =
                ends.iter().filter_map(|e| without(&from, at, e.saturating_sub(part), *e).map(|o| (*e, o)));
            let all: Vec<(usize, Outline)> = candidates.collect();
            let Some((number, smaller)) = trials.first(what, all.iter().map(|(_, o)| o.clone())) else {
                break;
            };
            end = all[number].0.saturating_sub(part);
            best = smaller;
        }
        part = if part > count(&best) { count(&best) } else { part / 2 };
    }
    best
}

/// Takes elements out and nothing else.
pub(super) fn plain(outline: &Outline, at: &[Step], from: usize, to: usize) -> Option<Outline> {
    let mut smaller = outline.clone();
    let Some(Outline::List(items)) = smaller.at_mut(at) else { return None };
    items.drain(from..to.min(items.len()));
    // Without any client there would be others, with the defaults; and so with operations.
    let last = at.last();
    if items.is_empty() && ["clients", "script"].iter().any(|k| last == Some(&Step::Key((*k).into()))) {
        return None;
    }
    if items.is_empty()
        && let Some((Step::Key(last), above)) = at.split_last()
    {
        match smaller.at_mut(above) {
            Some(map) if !above.is_empty() => map.remove(last),
            _ => smaller.remove(last),
        }
    }
    Some(smaller)
}

/// Takes operations out, and has faults that wait for a step do so for one that is so much earlier.
pub(super) fn with_earlier_faults(outline: &Outline, at: &[Step], from: usize, to: usize) -> Option<Outline> {
    let by = (to - from) as u64;
    earlier(&plain(outline, at, from, to)?, &|nth| Some(nth.saturating_sub(by)), &|time| time)
}

/// Has all faults come earlier: on another occurrence of their step, or at another time. `None`: nothing would change.
pub(super) fn earlier(
    outline: &Outline,
    nth: &dyn Fn(u64) -> Option<u64>,
    time: &dyn Fn(u64) -> u64,
) -> Option<Outline> {
    let mut moved = outline.clone();
    let count = outline.get("faults").map_or(0, |f| f.items().len());
    for index in 0..count {
        let on = path(&format!("faults.{index}.when.nth"));
        if let Some(now) = outline.at(&on).and_then(Outline::number)
            && let (Some(value), Some(place)) = (nth(now), moved.at_mut(&on))
        {
            *place = Outline::word(value.max(1));
        }
        let at = path(&format!("faults.{index}.at"));
        if let (Some(now), Some(place)) = (outline.at(&at).and_then(Outline::time), moved.at_mut(&at)) {
            *place = Outline::word(show_duration(time(now)));
        }
    }
    (moved != *outline).then_some(moved)
}

/// Takes sources out, with their clients and with the faults that name them.
pub(super) fn sources(outline: &Outline, at: &[Step], from: usize, to: usize) -> Option<Outline> {
    let names: Vec<String> = outline.at(at)?.items()[from..to]
        .iter()
        .filter_map(|s| s.get("name").and_then(Outline::text).map(str::to_owned))
        .collect();
    let mut smaller = outline.clone();
    if let Some(Outline::List(items)) = smaller.at_mut(at) {
        items.drain(from..to);
        if items.is_empty() {
            return None;
        }
    }
    let named = |o: &Outline| names.iter().any(|n| o.mentions(n) || o.mentions(&format!("{n}.destination")));
    for list in ["clients", "faults"] {
        if let Some(Outline::List(items)) = smaller.at_mut(&path(list)) {
            items.retain(|item| !named(item));
        }
    }
    if smaller.get("faults").is_some_and(|f| f.items().is_empty()) {
        smaller.remove("faults");
    }
    Some(smaller)
}
