//! The apply engine of both sides, and the healing of blocks.

use crate::Row;
use mirror::quirk::Bend;

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "P23",
        name: "any record of the open generation is accepted, and applied by its place in the file",
        place: "apply.order",
        bend: Bend::AcceptAnyOrder,
        oracles: &["numbering", "prefix"],
        seeds: 20,
        witness: "scenarios/planted/p23_any_order.yaml",
    },
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
        id: "P25",
        name: "a payload of zeros is taken for a hole",
        place: "apply.ops",
        bend: Bend::SkipZeroes,
        oracles: &["prefix", "reads"],
        seeds: 20,
        witness: "scenarios/planted/p25_zeros_over_data.yaml",
    },
    Row {
        id: "P26",
        name: "a write of image blocks that failed is passed over, and the apply goes on",
        place: "apply.error",
        bend: Bend::IgnoreFailedApply,
        oracles: &["prefix", "durability", "damage", "steps", "once"],
        seeds: 20,
        witness: "scenarios/planted/p26_failed_write.yaml",
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
    Row {
        id: "H03",
        name: "a boot does not put a block in place again whose repair it finds in the journal",
        place: "heal.restart",
        bend: Bend::ForgetRepair,
        oracles: &["divergence", "damage"],
        seeds: 20,
        witness: "scenarios/planted/h03_repair_cut_off.yaml",
    },
    Row {
        id: "H04",
        name: "a block is put in place though the cursor has passed what it shows",
        place: "heal.passed",
        bend: Bend::InstallPassed,
        oracles: &["prefix", "once", "damage"],
        seeds: 20,
        witness: "scenarios/planted/h04_passed_block.yaml",
    },
];
