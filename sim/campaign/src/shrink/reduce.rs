//! The order in which things are left out and made simpler: what makes runs shorter first.

use super::lists::{self, fewer, path};
use super::trials::Trials;
use super::{materialise, simpler};
use mirrorsim_scenario::{Outline, Step};

/// Rounds after which what is left may stay.
const ROUNDS: usize = 4;
/// Operations that are too many.
const MANY: u64 = 12;
/// Operations of which not every length is tried.
const FEW: usize = 24;

/// The smallest that is found, with the cheapest checks.
pub(super) fn reduce(trials: &mut Trials<'_, '_>, mut best: Outline) -> Outline {
    best = cheaper_checks(trials, best);
    for round in 0..ROUNDS {
        let before = best.clone();
        best = amounts(trials, best, "operations");
        best = fewer(trials, "faults", best, &path("faults"), lists::plain);
        best = fewer(trials, "sources", best, &path("sources"), lists::sources);
        best = fewer(trials, "clients", best, &path("clients"), lists::plain);
        best = simpler::sooner(trials, best);
        best = amounts(trials, best, "operations");
        best = amounts(trials, best, "slots");
        best = simpler::without_keys(trials, best);
        best = simpler::sizes(trials, best);
        if best.get("clients").is_some_and(|c| c.items().iter().any(|c| c.get("script").is_none()))
            && (round == 0 || trials.taken.operations.issued > MANY)
            && let Some(scripted) = materialise::operations(trials, &best)
        {
            best = scripted;
        }
        for client in 0..clients(&best) {
            let script = path(&format!("clients.{client}.script"));
            best = fewer(trials, "operations", best, &script, lists::plain);
            if trials.taken.operations.issued > MANY && best.get("faults").is_some() {
                best = fewer(trials, "operations", best, &script, lists::with_earlier_faults);
            }
            let steps = best.at(&script).map_or(0, |s| s.items().len());
            if (1..=FEW).contains(&steps) {
                best = simpler::steps(trials, best, &script);
            }
        }
        best = fewer(trials, "expectations", best, &path("expect"), lists::plain);
        best = simpler::faults(trials, best);
        if best == before || trials.cut_short {
            break;
        }
    }
    best
}

fn clients(outline: &Outline) -> usize {
    outline.get("clients").map_or(0, |c| c.items().len())
}

/// The cheapest check mode in which the failure is seen: all that follows takes as long.
fn cheaper_checks(trials: &mut Trials<'_, '_>, best: Outline) -> Outline {
    let mode = |word: &str| {
        let mut outline = best.clone();
        outline.set("check", Outline::word(word));
        outline
    };
    let found = trials.first("check", ["end", "sampled"].into_iter().map(mode));
    found.map_or(best, |(_, cheaper)| cheaper)
}

/// In the end it is seen in the default mode, if it is. That may cost much more than all before, and is tried whatever the time.
pub(super) fn own_checks(trials: &mut Trials<'_, '_>, best: &Outline) -> Outline {
    let mut without = best.clone();
    without.remove("check");
    if best.get("check").is_some() && trials.kills(&without) { without } else { best.clone() }
}

/// The least number of something of each client.
fn amounts(trials: &mut Trials<'_, '_>, mut best: Outline, key: &'static str) -> Outline {
    let usual = if key == "slots" { 4 } else { 200 };
    for client in 0..clients(&best) {
        let at = [Step::Key("clients".into()), Step::Item(client)];
        let Some(of) = best.at(&at) else { continue };
        if key == "operations" && (of.get("script").is_some() || of.get("trace").is_some()) {
            continue;
        }
        let now = of.get(key).and_then(Outline::number).unwrap_or(usual);
        let put = |outline: &Outline, value: u64| {
            let mut smaller = outline.clone();
            if let Some(of) = smaller.at_mut(&at) {
                of.set(key, Outline::word(value));
            }
            Some(smaller)
        };
        best = simpler::least(trials, key, best, (1, now), &put);
    }
    best
}
