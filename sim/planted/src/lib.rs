//! Planted bugs as data: each row bends a machine in one place, and names the oracle that must catch it.
use mirror::quirk::{Bend, Bent};

/// A planted bug.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// `P01`..
    pub id: &'static str,
    /// What it does, in one line.
    pub name: &'static str,
    /// Where.
    pub place: &'static str,
    /// The bend.
    pub bend: Bend,
    /// Oracles, any of which may fire first for this cause.
    pub oracles: &'static [&'static str],
    /// Seeds within which it must be found in its witness.
    pub seeds: u64,
    /// Scenario that fails with it and passes without.
    pub witness: &'static str,
}

/// Every row.
pub const ROWS: &[Row] = &[];

/// The row of that id.
pub fn find(id: &str) -> Option<&'static Row> {
    ROWS.iter().find(|r| r.id.eq_ignore_ascii_case(id))
}

/// The bends of several rows.
pub fn bent(rows: &[&Row]) -> Bent {
    rows.iter().fold(Bent::default(), |bent, row| bent.with(row.bend))
}
