//! The apply engine of both sides, and the healing of blocks.

use crate::Row;
use mirror::quirk::Bend;

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "P24",
        name: "the cursor is written without the flush of the blocks before it",
        place: "apply.restart",
        bend: Bend::CursorWithoutBlocks,
        oracles: &["steps", "prefix", "durability"],
        seeds: 100,
        witness: "scenarios/planted/p24_cut_in_apply.yaml",
    },
    Row {
        id: "H01",
        name: "a block that shows more than is held is put in place at once",
        place: "heal.install",
        bend: Bend::InstallBeforeHeld,
        oracles: &["damage", "prefix", "once"],
        seeds: 10,
        witness: "scenarios/planted/h01_block_before_held.yaml",
    },
    Row {
        id: "H02",
        name: "what is in a healed block already is applied to it again",
        place: "heal.skip",
        bend: Bend::ApplyWithoutSkip,
        oracles: &["once", "prefix", "damage"],
        seeds: 10,
        witness: "scenarios/planted/h02_apply_without_skip.yaml",
    },
];
