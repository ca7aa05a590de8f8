//! Two campaigns in pairs, as a table.

use super::{BOLD, DIM, Page, plural, shortened};
use crate::compare::{Comparison, HeaderDifference, PairName, PairedMetric, Side};
use crate::number::{bytes, count, nanos, share, share_at_most};

/// Kinds of failures that are shown; JSON has all.
const KINDS: usize = 20;
/// Scenarios with missing seeds that are shown.
const MISSING: usize = 5;

/// What a comparison says. `all`: metrics that are equal in every pair, too.
pub fn compare(comparison: &Comparison, all: bool) -> String {
    let mut page = Page::default();
    let Comparison { one, other, pairs, .. } = comparison;
    let scenarios = plural(pairs.scenarios, "scenario");
    page.line(&format!("{BOLD}COMPARED{BOLD:#}  {} of {scenarios}", plural(pairs.seeds, "pair")));
    side(&mut page, "one", one);
    side(&mut page, "other", other);
    if comparison.differences.is_empty() {
        page.labelled("differ", "in nothing that was asked for");
    }
    for (i, difference) in comparison.differences.iter().enumerate() {
        page.labelled(if i == 0 { "differ" } else { "" }, &in_words(difference, pairs.scenarios));
    }
    let alone = match pairs.only_one + pairs.only_other {
        0 => String::new(),
        _ => format!(
            "; left out: {} that only one has, {} that only the other has",
            plural(pairs.only_one, "seed"),
            count(pairs.only_other)
        ),
    };
    page.labelled(
        "pairs",
        &format!(
            "{} with a result in both, {} of them the same in every event{alone}",
            plural(pairs.seeds, "seed"),
            count(pairs.identical)
        ),
    );
    red(&mut page, comparison);
    for failure in comparison.failures.iter().take(KINDS) {
        let both = format!("{} in one, {} in the other", count(failure.one), count(failure.other));
        page.labelled("failure", &format!("{both}: {}", shortened(&failure.signature)));
    }
    if comparison.failures.len() > KINDS {
        page.labelled(
            "",
            &format!("and {}", plural((comparison.failures.len() - KINDS) as u64, "more kind")),
        );
    }
    table(&mut page, &comparison.metrics, all);
    page.text
}

fn side(page: &mut Page, label: &str, side: &Side) {
    let commit = side.commit.as_ref().map_or("no commit", |c| c.get(..12).unwrap_or(c));
    let (folder, sources) = (side.folder.escape_debug(), &side.source_hash.0);
    page.labelled(label, &format!("{folder}: {}; {commit}, sources {sources}", plural(side.seeds, "result")));
    for missing in side.missing.iter().take(MISSING) {
        page.labelled("", &format!("seeds {} of {} are missing", shortened(&missing.seeds), missing.path));
    }
    if side.missing.len() > MISSING {
        page.labelled(
            "",
            &format!("and seeds of {}", plural((side.missing.len() - MISSING) as u64, "more scenario")),
        );
    }
}

/// `planted: none in one, P10 in the other`.
fn in_words(difference: &HeaderDifference, scenarios: u64) -> String {
    let value = |text: &str| {
        if text.is_empty() { "none".to_owned() } else { shortened(&text.escape_debug().to_string()) }
    };
    let (what, one, other) = (&difference.what, value(&difference.one), value(&difference.other));
    let of = if difference.scenarios < scenarios {
        format!(" ({})", plural(difference.scenarios, "scenario"))
    } else {
        String::new()
    };
    format!("{what}: {one} in one, {other} in the other{of}")
}

fn red(page: &mut Page, comparison: &Comparison) {
    let v = &comparison.verdicts;
    page.labelled(
        "red",
        &format!(
            "{} only in one, {} only in the other, {} in both, {} in neither (red: the seed did not pass)",
            count(v.only_one),
            count(v.only_other),
            count(v.both),
            count(v.neither)
        ),
    );
    if let Some(range) = v.only_other_share_ppb {
        let means = if v.uneven { "not chance, which is 50 %" } else { "may be chance, which is 50 %" };
        let (all, low, high) =
            (count(v.only_one + v.only_other), share(range.low), share_at_most(range.high));
        page.labelled(
            "",
            &format!("of the {all} that differ {low} to {high} are red in the other (95 %, exact): {means}"),
        );
    }
    let first = |name: &PairName, side: &str| {
        format!("first that is red only in {side}: {} seed {}", name.path.escape_debug(), name.seed.0)
    };
    let firsts = [
        v.first_only_one.as_ref().map(|p| first(p, "one")),
        v.first_only_other.as_ref().map(|p| first(p, "the other")),
    ];
    firsts.iter().flatten().for_each(|line| page.labelled("", line));
}

fn table(page: &mut Page, metrics: &[PairedMetric], all: bool) {
    let shown: Vec<&PairedMetric> =
        metrics.iter().filter(|m| all || m.larger + m.smaller + m.unpaired > 0).collect();
    let equal = metrics.len() - shown.len();
    if !shown.is_empty() {
        page.labelled("medians", "of one, of the other, and of the difference in each pair, which is in the interval with 95 % confidence");
        page.labelled(
            "",
            "more, equal, less: in so many pairs the other has more, as much, or less than one",
        );
        let heads = ["", "metric", "one", "other", "other - one", "interval", "more", "equal", "less"];
        page.line(&format!("{DIM}{}{DIM:#}", cells(&heads.map(str::to_owned))));
    }
    for m in &shown {
        let value = |v: Option<i64>| v.map_or_else(|| "-".to_owned(), |v| told(v, &m.unit, false));
        let range = m
            .difference_interval
            .map(|i| format!("{} to {}", told(i.low, &m.unit, true), told(i.high, &m.unit, true)));
        let row = [
            if m.differs {
                "*"
            } else if m.uneven {
                "+"
            } else {
                ""
            }
            .to_owned(),
            m.name.clone(),
            value(m.one),
            value(m.other),
            m.difference.map_or_else(|| "-".to_owned(), |v| told(v, &m.unit, true)),
            range.unwrap_or_else(|| "-".into()),
            count(m.larger),
            count(m.equal),
            count(m.smaller),
        ];
        let unpaired =
            if m.unpaired > 0 { format!("   {} on one side only", count(m.unpaired)) } else { String::new() };
        page.line(&format!("{}{unpaired}", cells(&row)));
    }
    if shown.iter().any(|m| m.differs || m.uneven) {
        page.labelled("*", "they differ: the interval leaves out 0");
        page.labelled("+", "the interval has 0 in it, but the pairs that differ do so in one direction more than chance would have it");
        page.labelled(
            "",
            "each with 95 % confidence: of 20 metrics that do not differ about one is marked by chance",
        );
    }
    if equal > 0 {
        page.labelled(
            "equal",
            &format!("{} in every pair (--all shows them)", plural(equal as u64, "metric")),
        );
    }
}

/// A row of the table.
fn cells([mark, name, one, other, difference, range, more, equal, less]: &[String; 9]) -> String {
    let row = format!(
        "{mark:<1} {name:<20} {one:>10} {other:>10} {difference:>11}  {range:<24} {more:>8} {equal:>8} {less:>8}"
    );
    row.trim_end().to_owned()
}

/// A value in its unit, a difference with its sign.
fn told(value: i64, unit: &str, sign: bool) -> String {
    let size = value.unsigned_abs();
    let text = match unit {
        "ns" => nanos(size),
        "bytes" => bytes(size),
        _ => count(size),
    };
    match value.signum() {
        0 => "0".into(),
        1 if sign => format!("+{text}"),
        1 => text,
        _ => format!("-{text}"),
    }
}
