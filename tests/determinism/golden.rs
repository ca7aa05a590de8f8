//! Committed digests. This test runs in debug; `.ci/golden` compares the release build with the same file.
//!
//! A digest changes when a run does something else, in another order, or when the trace gets another entry. That is
//! allowed, and it is a line in CHANGELOG.md: tokens and goldens of the version before are worth nothing after it.

use crate::cli::{mirrorsim, top};

const GOLDEN: &str = "tests/determinism/golden.txt";

/// Lines of `scenario seed digest`.
fn golden() -> Vec<[String; 3]> {
    let text = std::fs::read_to_string(top().join(GOLDEN)).unwrap_or_else(|e| panic!("{GOLDEN}: {e}"));
    let lines = text.lines().filter(|l| !l.starts_with('#'));
    let words = |l: &str| l.split(' ').map(str::to_owned).collect::<Vec<_>>().try_into();
    lines.map(|l| words(l).unwrap_or_else(|_| panic!("{GOLDEN}: want `scenario seed digest`: {l}"))).collect()
}

fn digest(scenario: &str, seed: &str) -> String {
    let said = mirrorsim(&["run", scenario, "--seed", seed, "--check", "end", "--no-report"]).out;
    let mut words = said.split_whitespace().skip_while(|w| *w != "digest");
    words.nth(1).unwrap_or_else(|| panic!("{scenario} seed {seed}: no digest in:\n{said}")).to_owned()
}

#[test]
fn digests_are_the_committed_ones() {
    let all = golden();
    assert_eq!(all.len(), 20, "golden digests");
    let now: Vec<[String; 3]> = all
        .iter()
        .map(|[scenario, seed, _]| [scenario.clone(), seed.clone(), digest(scenario, seed)])
        .collect();
    if std::env::var_os("MIRRORSIM_BLESS").is_some() {
        let lines: String = now.iter().map(|l| format!("{}\n", l.join(" "))).collect();
        let head = "# scenario, seed, digest. MIRRORSIM_BLESS=1 cargo test golden rewrites it; then CHANGELOG.md, too.\n";
        return std::fs::write(top().join(GOLDEN), format!("{head}{lines}")).expect("written");
    }
    assert!(
        all == now,
        "golden digests have changed\n  was: {all:?}\n  now: {now:?}\n\
         If runs were meant to change: MIRRORSIM_BLESS=1 cargo test golden, and say so in CHANGELOG.md."
    );
}

#[test]
fn the_changelog_names_the_first_golden_digest() {
    let [scenario, seed, digest] = golden().swap_remove(0);
    let changelog = std::fs::read_to_string(top().join("CHANGELOG.md")).expect("CHANGELOG.md");
    assert!(
        changelog.contains(&digest),
        "CHANGELOG.md lacks `{digest}`, the digest of {scenario} with seed {seed}; a change of digests is a line there"
    );
}
