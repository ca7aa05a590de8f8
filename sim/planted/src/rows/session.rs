//! The connection, on both sides.

use crate::Row;
use mirror::quirk::Bend;

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "P31",
        name: "after a reconnect only the open generation is sent again",
        place: "session.resume",
        bend: Bend::ResendOpenOnly,
        oracles: &["session", "liveness"],
        seeds: 20,
        witness: "scenarios/planted/p31_cut_around_a_switch.yaml",
    },
    Row {
        id: "P32",
        name: "acknowledgements count on any connection, and for whatever is in the partition now",
        place: "session.ack",
        bend: Bend::AckOfAnyConnection,
        oracles: &["durability", "steps", "session"],
        seeds: 20,
        witness: "scenarios/planted/p32_late_ack.yaml",
    },
    Row {
        id: "P33",
        name: "the connection before the last one is still good",
        place: "session.dual",
        bend: Bend::KeepFormerConnection,
        oracles: &["session"],
        seeds: 20,
        witness: "scenarios/planted/p33_half_open.yaml",
    },
];
