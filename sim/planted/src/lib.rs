//! Planted bugs as data: each row bends a machine in one place and names the oracles that must catch it; its witness is a
//! scenario that fails with it and passes without. The ids `P..` are those of the project's list of bugs.

mod ground;
mod rows;

pub use ground::{Ground, ground};
use mirror::quirk::{Bend, Bent};

/// A planted bug.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// `P01`..; `H01`.. for the healing of blocks; `D01`.. for devices that fail; `R01`.. for rounds; `O01`.. where an oracle
    /// is the only one that sees it; `C..` for corner cases that no other row touches.
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
pub const ROWS: &[Row] = &rows::ALL;

/// Bugs after which there is nothing to judge: the machine does not come back. They try the rig, not its oracles, and
/// end whatever runs them without a supervisor; so they are in no list.
pub const LAPSES: &[Row] = &[
    Row {
        id: "X1",
        name: "the destination panics at a record",
        place: "dest.receive",
        bend: Bend::Panic,
        oracles: &["panic"],
        seeds: 10,
        witness: "scenarios/smoke/first_run.yaml",
    },
    Row {
        id: "X2",
        name: "the destination calls itself without end at a record",
        place: "dest.receive",
        bend: Bend::Recurse,
        oracles: &["crash"],
        seeds: 10,
        witness: "scenarios/smoke/first_run.yaml",
    },
    Row {
        id: "X3",
        name: "the destination loops for ever at a record",
        place: "dest.receive",
        bend: Bend::Loop,
        oracles: &["hang"],
        seeds: 10,
        witness: "scenarios/smoke/first_run.yaml",
    },
];

/// The row of that id.
pub fn find(id: &str) -> Option<&'static Row> {
    ROWS.iter().chain(LAPSES).find(|r| r.id.eq_ignore_ascii_case(id))
}

/// The bends of several rows.
pub fn bent(rows: &[&Row]) -> Bent {
    rows.iter().fold(Bent::default(), |bent, row| bent.with(row.bend))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bend_has_one_row() {
        for row in ROWS.iter().chain(LAPSES) {
            assert_eq!(ROWS.iter().chain(LAPSES).filter(|r| r.bend == row.bend).count(), 1, "{}", row.id);
            assert!(!row.oracles.is_empty() && row.seeds > 0, "{}", row.id);
            assert_eq!(find(row.id).map(|r| r.id), Some(row.id));
        }
    }
}
