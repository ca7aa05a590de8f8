//! The source: admission, its log, forwarding, its own apply.

use crate::Row;
use mirror::quirk::Bend;

pub(super) const ROWS: &[Row] = &[
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
        id: "P20",
        name: "a partition is freed when the last batch of its apply was issued",
        place: "source.free",
        bend: Bend::FreeOnApplyIssued,
        oracles: &["nvram", "steps", "prefix", "reads"],
        seeds: 100,
        witness: "scenarios/planted/p20_source_power_cut.yaml",
    },
];
