//! Planted bugs as data: each row bends a machine in one place and names the oracles that must catch it; its witness is a
//! scenario that fails with it and passes without. The ids `P..` are those of the project's list of bugs.
use mirror::quirk::{Bend, Bent};

/// A planted bug.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// `P01`..; `H01`.. for the healing of blocks.
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
pub const ROWS: &[Row] = &[
    Row {
        id: "P02",
        name: "a record is forwarded before it is durable at the source, and answered on the destination's word alone",
        place: "source.ack",
        bend: Bend::ForwardBeforeDurable,
        oracles: &["steps", "divergence"],
        seeds: 100,
        witness: "scenarios/planted/p02_source_power_cut.yaml",
    },
    Row {
        id: "P06",
        name: "a partition is freed by the local apply alone",
        place: "source.switch",
        bend: Bend::FreeOnLocalApply,
        oracles: &["nvram", "steps", "prefix", "liveness", "numbering"],
        seeds: 100,
        witness: "scenarios/planted/p06_clogged_switch.yaml",
    },
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
        id: "P16",
        name: "a re-opened file goes on behind its torn tail",
        place: "log.open",
        bend: Bend::AppendBehindTornTail,
        oracles: &["durability", "numbering", "prefix", "steps"],
        seeds: 1000,
        witness: "scenarios/planted/p16_torn_tail.yaml",
    },
    Row {
        id: "P17",
        name: "a bad checksum is the end of the log, whatever the mark says",
        place: "log.scan",
        bend: Bend::EndAtBadChecksum,
        oracles: &["damage", "prefix", "durability"],
        seeds: 100,
        witness: "scenarios/planted/p17_damage_in_the_middle.yaml",
    },
    Row {
        id: "P20",
        name: "a partition is freed when the last batch of its apply was issued",
        place: "source.free",
        bend: Bend::FreeOnApplyIssued,
        oracles: &["nvram", "steps", "prefix", "reads"],
        seeds: 100,
        witness: "scenarios/planted/p20_source_power_cut.yaml",
    },
    Row {
        id: "P22",
        name: "a cleared file is not flushed before SyncDone, and nobody compares it with the cursor",
        place: "log.recycle",
        bend: Bend::ClearWithoutFlush,
        oracles: &["steps", "once", "prefix", "numbering", "damage"],
        seeds: 100,
        witness: "scenarios/planted/p22_file_comes_back.yaml",
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
