//! The log files: append, scan, format, clear.

use crate::Row;
use mirror::quirk::Bend;

pub(super) const ROWS: &[Row] = &[
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
        id: "P22",
        name: "a cleared file is not flushed before SyncDone, and nobody compares it with the cursor",
        place: "log.recycle",
        bend: Bend::ClearWithoutFlush,
        oracles: &["steps", "once", "prefix", "numbering", "damage"],
        seeds: 100,
        witness: "scenarios/planted/p22_file_comes_back.yaml",
    },
];
