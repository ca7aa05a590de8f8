//! Recovery.

use crate::Row;
use mirror::quirk::Bend;

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "P27",
        name: "recovery reads the active file only",
        place: "recover.files",
        bend: Bend::RecoverActiveFileOnly,
        oracles: &["prefix", "durability", "damage"],
        seeds: 100,
        witness: "scenarios/planted/p27_two_files.yaml",
    },
    Row {
        id: "P28",
        name: "recovery applies NVRAM first, then files, without links",
        place: "recover.nvram",
        bend: Bend::NvramBeforeFiles,
        oracles: &["prefix"],
        seeds: 100,
        witness: "scenarios/planted/p28_drain_behind.yaml",
    },
    Row {
        id: "P29",
        name: "recovery clears files and NVRAM before the image is durable",
        place: "recover.finish",
        bend: Bend::ClearBeforeDurable,
        oracles: &["durability", "prefix", "damage"],
        seeds: 100,
        witness: "scenarios/planted/p29_cut_in_recovery.yaml",
    },
    Row {
        id: "P30",
        name: "the verdict is durable before the second file is applied",
        place: "recover.marker",
        bend: Bend::VerdictTooEarly,
        oracles: &["prefix", "once", "durability", "damage"],
        seeds: 20,
        witness: "scenarios/planted/p30_cut_between_files.yaml",
    },
    Row {
        id: "O11",
        name: "recovery does not raise the epoch",
        place: "recover.fence",
        bend: Bend::KeepEpoch,
        oracles: &["fencing", "liveness"],
        seeds: 20,
        witness: "scenarios/faults/recover_living.yaml",
    },
    Row {
        id: "O21",
        name: "recovery takes what is filed for all that there is",
        place: "recover.nvram",
        bend: Bend::RecoverFilesOnly,
        oracles: &["durability"],
        seeds: 20,
        witness: "scenarios/planted/o21_slow_files.yaml",
    },
];
