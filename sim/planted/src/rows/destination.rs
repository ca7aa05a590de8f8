//! The destination from receipt to the file, and its boot.

use crate::Row;
use mirror::quirk::Bend;

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "P10",
        name: "`nvram` is acknowledged on receipt, before anything is durable",
        place: "dest.ack",
        bend: Bend::AckOnReceipt,
        oracles: &["numbering", "durability", "steps"],
        seeds: 10,
        witness: "scenarios/smoke/first_run.yaml",
    },
    Row {
        id: "P12",
        name: "records leave NVRAM when their append was issued, not when it is durable",
        place: "dest.drain",
        bend: Bend::RemoveOnAppend,
        oracles: &["steps", "durability", "nvram", "numbering"],
        seeds: 10,
        witness: "scenarios/planted/p12_unsynced_file.yaml",
    },
    Row {
        id: "P13",
        name: "at boot everything in NVRAM is appended again, in the file already or not",
        place: "dest.restart",
        bend: Bend::AppendAgainAtBoot,
        oracles: &["numbering", "prefix", "liveness", "steps"],
        seeds: 100,
        witness: "scenarios/planted/p13_crash_before_removal.yaml",
    },
    Row {
        id: "P37",
        name: "the reserves of the destination's NVRAM are lent, too: a busy source starves another",
        place: "multi.fair",
        bend: Bend::LendReserves,
        oracles: &["fairness"],
        seeds: 10,
        witness: "scenarios/planted/p37_busy_neighbour.yaml",
    },
    Row {
        id: "P38",
        name: "at boot files are bound by their position in the listing",
        place: "multi.reopen",
        bend: Bend::BindFilesByPosition,
        oracles: &["isolation", "damage", "divergence", "held", "numbering"],
        seeds: 100,
        witness: "scenarios/planted/p38_two_sources.yaml",
    },
];
