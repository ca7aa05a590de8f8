//! docs/claims.md says for each claim by what it is judged; what it names exists.

use crate::cli::{mirrorsim, top};

fn text(path: &str) -> String {
    std::fs::read_to_string(top().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The rows of the table as cells.
fn rows() -> Vec<Vec<String>> {
    let page = text("docs/claims.md");
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|c| c.trim().to_owned()).collect();
    page.lines().filter(|l| l.starts_with("| ") && !l.starts_with("| claim")).map(cells).collect()
}

/// What stands in back quotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn every_live_claim_has_a_row() {
    let rows = rows();
    for claim in super::LIVE {
        let named = |cell: &str| cell.split(", ").any(|n| n == claim.to_string());
        assert!(rows.iter().any(|r| named(&r[0])), "docs/claims.md has no row for claim {claim}");
    }
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
