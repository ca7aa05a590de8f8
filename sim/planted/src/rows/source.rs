//! The source: admission, its log, forwarding, its own apply.

use crate::Row;
use mirror::quirk::Bend;

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "P01",
        name: "a client is answered once the record is durable at the source, whatever the destination says",
        place: "source.ack",
        bend: Bend::ReplyUnacknowledged,
        oracles: &["steps", "durability"],
        seeds: 20,
        witness: "scenarios/planted/p01_answered_alone.yaml",
    },
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
        id: "P03",
        name: "in the local apply a short record overtakes the longer one before it",
        place: "source.seq",
        bend: Bend::ShortOvertakesLong,
        oracles: &["prefix", "reads"],
        seeds: 20,
        witness: "scenarios/planted/p03_short_overtakes_long.yaml",
    },
    Row {
        id: "P05",
        name: "a write that does not fit is split into two records that nothing ties together",
        place: "source.split",
        bend: Bend::SplitAtEnd,
        oracles: &["prefix", "once"],
        seeds: 20,
        witness: "scenarios/planted/p05_split_write.yaml",
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
        id: "P09",
        name: "SyncRequest is sent once and never again",
        place: "source.sync",
        bend: Bend::SyncOnce,
        oracles: &["liveness"],
        seeds: 20,
        witness: "scenarios/planted/p09_lost_sync_request.yaml",
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
];
