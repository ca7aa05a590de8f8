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
        id: "P18",
        name: "only payloads are checked, headers are believed",
        place: "log.format",
        bend: Bend::CheckPayloadOnly,
        oracles: &["prefix", "damage"],
        seeds: 20,
        witness: "scenarios/planted/p18_flipped_offset.yaml",
    },
    Row {
        id: "P19",
        name: "a length is used before it is checked",
        place: "log.scan",
        bend: Bend::LengthBeforeCheck,
        oracles: &["isolation"],
        seeds: 20,
        witness: "scenarios/planted/p19_flipped_length.yaml",
    },
    Row {
        id: "P21",
        name: "after a short write the append goes on behind the fragment",
        place: "log.append",
        bend: Bend::AppendBehindFragment,
        oracles: &["numbering", "steps", "durability", "prefix"],
        seeds: 20,
        witness: "scenarios/planted/p21_disk_full.yaml",
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
