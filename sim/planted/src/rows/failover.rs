//! Fail-over.

use crate::Row;
use mirror::quirk::Bend;

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "P34",
        name: "after a promotion records of the former source are still acknowledged",
        place: "failover.fence",
        bend: Bend::AckThoughPromoted,
        oracles: &["fencing"],
        seeds: 20,
        witness: "scenarios/life/promoted_living.yaml",
    },
    Row {
        id: "P35",
        name: "clients are served before the records are in the image",
        place: "failover.read",
        bend: Bend::ServeUnreplayed,
        oracles: &["prefix", "once", "reads"],
        seeds: 20,
        witness: "scenarios/life/promoted_living.yaml",
    },
    Row {
        id: "P36",
        name: "the recovery of one source's mirror is one of all mirrors",
        place: "failover.scope",
        bend: Bend::RecoverAll,
        oracles: &["isolation"],
        seeds: 20,
        witness: "scenarios/life/promoted_of_two.yaml",
    },
    Row {
        id: "F01",
        name: "the generation in which a recovery ended is not closed: the server of the clients waits for the rest of it",
        place: "failover.log",
        bend: Bend::KeepRecoveredOpen,
        oracles: &["liveness", "steps"],
        seeds: 20,
        witness: "scenarios/life/promoted_living.yaml",
    },
    Row {
        id: "F02",
        name: "the map of a promotion has only what was applied since the recovery last began",
        place: "failover.map",
        bend: Bend::MapLastLife,
        oracles: &["resync"],
        seeds: 20,
        witness: "scenarios/life/promoted_cut_off.yaml",
    },
    Row {
        id: "F03",
        name: "a restart of a recovery forgets that the clients are to be served",
        place: "failover.wish",
        bend: Bend::ForgetWish,
        oracles: &["liveness"],
        seeds: 20,
        witness: "scenarios/life/promoted_cut_off.yaml",
    },
    Row {
        id: "F04",
        name: "one slot of the mark with which the clients will be served is left as it was",
        place: "failover.mark",
        bend: Bend::BequeathOneSlot,
        oracles: &["steps"],
        seeds: 20,
        witness: "scenarios/life/promoted.yaml",
    },
];
