//! Policies, going on alone, and resync.

use crate::Row;
use mirror::quirk::Bend;

const CUT: &str = "scenarios/life/degrade_cut.yaml";
const TWICE: &str = "scenarios/life/resync_source_dies.yaml";
const DIES: &str = "scenarios/life/resync_destination_dies.yaml";

pub(super) const ROWS: &[Row] = &[
    Row {
        id: "L01",
        name: "a partition is freed alone, and its blocks are in no durable map",
        place: "degrade.map",
        bend: Bend::FreeBeforeMap,
        oracles: &["resync"],
        seeds: 10,
        witness: TWICE,
    },
    Row {
        id: "L02",
        name: "a write during a resync does not put its blocks back into the set",
        place: "resync.set",
        bend: Bend::ResyncForgetsWrites,
        oracles: &["resync", "prefix", "once"],
        seeds: 10,
        witness: "scenarios/life/resync_cut_off.yaml",
    },
    Row {
        id: "L03",
        name: "what is in NVRAM is not folded into the blocks of a resync",
        place: "resync.read",
        bend: Bend::ResyncFromVolume,
        oracles: &["resync"],
        seeds: 10,
        witness: CUT,
    },
    Row {
        id: "L04",
        name: "the seal of a resync leaves the cursor where it was",
        place: "resync.seal",
        bend: Bend::SealOldCursor,
        oracles: &["resync", "prefix"],
        seeds: 10,
        witness: CUT,
    },
    Row {
        id: "L05",
        name: "clients are answered before the role Degraded is durable",
        place: "degrade.role",
        bend: Bend::AnswerBeforeRole,
        oracles: &["steps", "session", "durability"],
        seeds: 10,
        witness: CUT,
    },
    Row {
        id: "L06",
        name: "a boot or a recovery takes the image for whole before a sealed resync file is in it",
        place: "resync.roll",
        bend: Bend::SkipRoll,
        oracles: &["resync", "prefix"],
        seeds: 20,
        witness: DIES,
    },
    Row {
        id: "L07",
        name: "records are forwarded while the source is Degraded",
        place: "degrade.forward",
        bend: Bend::ForwardAlone,
        oracles: &["resync", "session"],
        seeds: 10,
        witness: CUT,
    },
    Row {
        id: "L08",
        name: "what was freed alone is missing in the count of what may be lost",
        place: "degrade.count",
        bend: Bend::CountOnlyNvram,
        oracles: &["resync"],
        seeds: 10,
        witness: CUT,
    },
    Row {
        id: "L09",
        name: "a weaker policy is welcomed before it is durable at the destination",
        place: "session.policy",
        bend: Bend::WelcomeAnyPolicy,
        oracles: &["steps", "session", "durability"],
        seeds: 10,
        witness: "scenarios/life/semi_sync.yaml",
    },
    Row {
        id: "L10",
        name: "the window of `semi_sync` is not kept",
        place: "source.window",
        bend: Bend::IgnoreWindow,
        oracles: &["resync"],
        seeds: 10,
        witness: "scenarios/life/semi_sync.yaml",
    },
    Row {
        id: "L11",
        name: "ResyncSealed is sent before the seal is durable",
        place: "resync.sealed",
        bend: Bend::SealedBeforeDurable,
        oracles: &["resync"],
        seeds: 10,
        witness: CUT,
    },
    Row {
        id: "L12",
        name: "under `async` records of the open generation leave, too",
        place: "source.async",
        bend: Bend::LeaveUnsealed,
        oracles: &["resync"],
        seeds: 10,
        witness: "scenarios/life/async.yaml",
    },
];
