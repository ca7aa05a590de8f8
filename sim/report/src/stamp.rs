//! What made a committed table: two tables of one stamp are of the same runs.

use mirrorsim_campaign::BUILD;
use serde::{Deserialize, Serialize};

/// The fingerprint of a build and of what it ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stamp {
    /// Version of mirrorsim.
    pub version: String,
    /// Commit that it was built from; empty outside a checkout.
    pub commit: String,
    /// Hash of every source file that can change a run, planted bugs among them.
    pub source_hash: String,
    /// Hash of the lock file.
    pub lock_hash: String,
    /// Hash over the texts of the scenarios.
    pub scenarios: String,
}

impl Stamp {
    /// Of this build and scenarios, by the hashes of their texts.
    pub fn of(scenarios: impl Iterator<Item = u64>) -> Stamp {
        // One after the other: the order counts.
        let mix = |sum: u64, hash: u64| (sum.rotate_left(23) ^ hash).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Stamp {
            version: BUILD.version.into(),
            commit: BUILD.commit.into(),
            source_hash: BUILD.source_hash.into(),
            lock_hash: BUILD.lock_hash.into(),
            scenarios: format!("{:016x}", scenarios.fold(0, mix)),
        }
    }

    /// Whether both ran the same; the commit may differ in what changes no run.
    pub fn same_runs(&self, other: &Stamp) -> bool {
        self.source_hash == other.source_hash && self.scenarios == other.scenarios
    }
}
