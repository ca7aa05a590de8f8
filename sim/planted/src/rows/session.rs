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
        // A source that sends on one that is not the last is never told so by a Reset, and waits for ever.
        oracles: &["session", "liveness"],
        seeds: 20,
        witness: "scenarios/planted/p33_half_open.yaml",
    },
    Row {
        id: "O04",
        name: "recovery leaves the connection open, and what is asked on it is acknowledged",
        place: "recover.fence",
        bend: Bend::AckThoughFenced,
        oracles: &["fencing"],
        seeds: 20,
        witness: "scenarios/planted/o04_acknowledged_though_fenced.yaml",
    },
    Row {
        id: "O05",
        name: "Welcome gives what is filed for what is held",
        place: "session.welcome",
        bend: Bend::WelcomeFiled,
        oracles: &["held"],
        seeds: 20,
        witness: "scenarios/planted/o05_welcome_goes_back.yaml",
    },
    Row {
        id: "O06",
        name: "a copy of a record that is no longer in memory is taken for a conflict",
        place: "dest.receive",
        bend: Bend::AlarmAtCopy,
        oracles: &["divergence"],
        seeds: 20,
        witness: "scenarios/planted/o06_alarm_at_a_copy.yaml",
    },
    Row {
        id: "O18",
        name: "a source that was fenced is welcomed before it is told so",
        place: "session.welcome",
        bend: Bend::WelcomeFenced,
        oracles: &["fencing"],
        seeds: 20,
        witness: "scenarios/planted/o18_welcomed_though_fenced.yaml",
    },
];
