//! What no other row touches of the corner cases (docs/corner-cases.md); the number is the case's.

use crate::Row;
use mirror::quirk::Bend;

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "C03",
        name: "the role changes as often as the link does",
        place: "degrade.hold",
        bend: Bend::IgnoreHold,
        oracles: &["resync"],
        seeds: 10,
        witness: "scenarios/life/degrade_flapping.yaml",
    },
    Row {
        id: "C19",
        name: "a source whose Welcome lies above its log goes on as if it had lost nothing",
        place: "session.welcome",
        bend: Bend::PassWelcomeAbove,
        oracles: &["numbering", "divergence", "session", "liveness", "reads", "prefix"],
        seeds: 20,
        witness: "scenarios/faults/readd.yaml",
    },
    Row {
        id: "C26",
        name: "a write of image blocks that finds no space is passed over, and the apply goes on",
        place: "dest.apply",
        bend: Bend::PassNoSpace,
        oracles: &["prefix", "durability", "damage", "steps", "once"],
        seeds: 20,
        witness: "scenarios/disaster/corner_26_image_disk_full.yaml",
    },
    Row {
        id: "C31",
        name: "where a clock is set back, what was waited for waits as long again",
        place: "timers",
        bend: Bend::KeepOldTimers,
        oracles: &["liveness"],
        seeds: 20,
        witness: "scenarios/disaster/corner_31_clock_set_back.yaml",
    },
    Row {
        id: "C35",
        name: "what a signal of another mirror has applied of a generation is applied again with the rest of it",
        place: "dest.apply",
        bend: Bend::ApplyPrefixAgain,
        oracles: &["once", "prefix", "apply"],
        seeds: 20,
        witness: "scenarios/disaster/corner_35_global_unsealed.yaml",
    },
    Row {
        id: "C36",
        name: "a generation without records is not asked for",
        place: "source.sync",
        bend: Bend::EmptyUnasked,
        oracles: &["liveness", "seals"],
        seeds: 20,
        witness: "scenarios/disaster/corner_36_empty_generation.yaml",
    },
];
