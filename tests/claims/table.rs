//! docs/claims.md says for each claim by what it is judged; what it names exists.

use crate::cli::{mirrorsim, top};
use mirrorsim_report::Of;

fn text(path: &str) -> String {
    std::fs::read_to_string(top().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The rows of a page's tables as cells.
pub(super) fn table(path: &str) -> Vec<Vec<String>> {
    let page = text(path);
    let cells = |line: &str| {
        let line = line.trim_start_matches("| ").trim_end_matches('|');
        line.split(" |").map(|c| c.trim().to_owned()).collect()
    };
    let heads = ["| claim", "| case"];
    let row = |l: &&str| l.starts_with("| ") && !heads.iter().any(|h| l.starts_with(h));
    page.lines().filter(row).map(cells).collect()
}

fn rows() -> Vec<Vec<String>> {
    table("docs/claims.md")
}

/// What stands in back quotes.
pub(super) fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn every_live_claim_has_a_row() {
    let rows = rows();
    for claim in super::live() {
        let number = claim.number;
        let named = |cell: &str| cell.split(", ").any(|n| n == number.to_string());
        let row = rows.iter().find(|r| named(&r[0]));
        let row = row.unwrap_or_else(|| panic!("docs/claims.md has no row for claim {number}"));
        // What a campaign says of the claims is said from the same words.
        assert_eq!(
            row[1], claim.shows,
            "claim {number} in docs/claims.md and in sim/report/src/claims/table.rs"
        );
        let planted: Vec<&str> = quoted(&row[3]).filter(|n| mirrorsim_planted::find(n).is_some()).collect();
        assert_eq!(planted, claim.planted, "planted bugs of claim {number}, there and here");
    }
}

/// What the steps of the claims count exists: a step of a name that nobody counts would never happen.
#[test]
fn what_a_step_counts_exists() {
    let names = |flag| mirrorsim(&["list", flag]).ends(0).out;
    let (stages, marks, metrics) = (names("--stages"), names("--marks"), names("--metrics"));
    let has = |list: &str, name: &str| list.lines().any(|l| l.split_whitespace().next() == Some(name));
    for step in super::live().flat_map(|c| c.steps) {
        let known = match step.of {
            Of::AtSource(name) | Of::AtDestination(name) => has(&stages, name),
            Of::Mark(name) => has(&marks, name),
            Of::Metric(name) => has(&metrics, name),
            Of::Judged(oracle) => mirrorsim_world::ORACLES.contains(&oracle),
            Of::Faults(kinds) => kinds.iter().all(|k| k.ends_with("_at_power_cut") || fault(k)),
            Of::FaultsAt(role) => ["source", "destination", "link"].contains(&role),
        };
        assert!(known, "{step:?}");
    }
}

fn fault(name: &str) -> bool {
    text("docs/faults.md").contains(&format!("`{name}"))
}

#[test]
fn what_a_row_names_exists() {
    let metrics = mirrorsim(&["list", "--metrics"]).ends(0).out;
    let tests: String = ["claims", "damage", "fairness", "seals", "sound", "steps"]
        .iter()
        .map(|f| text(&format!("sim/oracle/tests/judge/{f}.rs")))
        .chain(["tests/claims/network.rs".into()].iter().map(|f: &String| text(f)))
        .collect();
    for row in rows() {
        assert_eq!(row.len(), 4, "{row:?}");
        for name in quoted(&row[2]) {
            let oracle = top().join(format!("sim/oracle/src/oracles/{name}.rs")).is_file();
            let known = oracle || metrics.contains(name) || tests.contains(name);
            assert!(known, "claim {}: no oracle, metric or test `{name}`", row[0]);
        }
        for name in quoted(&row[3]) {
            let planted = mirrorsim_planted::find(name).is_some();
            assert!(planted || tests.contains(name), "claim {}: no bug or test `{name}`", row[0]);
        }
    }
}
