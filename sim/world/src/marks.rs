//! Coverage marks: rare states of the protocol that a campaign should have been through. They are counted where the world
//! sees them from outside; no machine knows of them, and they decide nothing.

macro_rules! marks {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal,)*) => {
        /// A mark.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub(crate) enum Mark { $($(#[doc = $doc])* $variant,)* }

        /// Name and meaning of every mark.
        pub const MARKS: &[(&str, &str)] = &[$(($name, concat!($($doc,)*)),)*];
    };
}

marks! {
    /// a partition of the source's NVRAM was filled anew
    PartitionReused = "partition_reused",
    /// admission stalled: all partitions were full
    AllFull = "all_partitions_full",
    /// SyncRequest was sent again
    SyncRequestRepeated = "sync_request_repeated",
    /// SyncRequest came before the last record of its generation
    SyncRequestEarly = "sync_request_early",
    /// SyncRequest came again after its generation was applied
    SyncRequestLate = "sync_request_late",
    /// two generations waited for SyncDone at a time
    SyncOverlap = "sync_overlap",
    /// a generation without records was sealed
    EmptyGeneration = "empty_generation",
    /// a torn tail was found and cut off
    TornTail = "torn_tail_repaired",
    /// a frame of an earlier connection arrived
    Zombie = "zombie_arrived",
    /// a completion of an earlier life of the server came
    LateCompletion = "late_completion",
    /// a record arrived that the destination had
    DuplicateRecord = "duplicate_record",
    /// a record arrived before one that precedes it
    Gap = "gap",
    /// the destination granted no room for any record
    NoCredit = "no_credit",
    /// the destination died with records filed and not yet removed from NVRAM
    CrashBeforeRemoval = "crash_before_removal",
    /// the destination died with a generation applied and not yet cleared
    CrashBeforeClear = "crash_before_clear",
    /// a server died while it put blocks in place
    CrashInApply = "crash_in_apply",
    /// a server died while it booted
    CrashInBoot = "crash_in_boot",
    /// the destination died during a recovery, which then began again
    RecoveryRestarted = "recovery_restarted",
    /// source and destination were down at a time
    BothDown = "both_down",
    /// a server woke up from a pause and found work
    WokeUp = "woke_up",
    /// a write was answered that its client had sent more than once
    RetryAnswered = "retry_answered",
    /// a damaged block was healed by the peer
    BlockHealed = "block_healed",
    /// damage of the log was found
    DamageFound = "damage_found",
    /// part of an open generation was applied at another mirror's signal
    PrefixApplied = "prefix_applied",
    /// a recovery was complete only up to a position
    CompleteUpTo = "complete_up_to",
    /// a recovery reported damage
    DamageReported = "damage_reported",
    /// a source went on alone
    Degraded = "degraded",
    /// a source freed a partition alone, with its blocks in the durable map
    FreedAlone = "freed_alone",
    /// a resync was sealed, and the source in sync again
    Resynced = "resynced",
    /// a resync went on over a new connection
    ResyncResumed = "resync_resumed",
    /// a server died during a resync
    CrashInResync = "crash_in_resync",
    /// a boot or a recovery put a sealed resync file into the image
    RolledAtBoot = "rolled_at_boot",
    /// the destination took the clients of a mirror over
    TakenOver = "taken_over",
    /// the destination died after it had answered clients in their source's place
    CrashOfHeir = "crash_of_heir",
    /// the former source of a mirror became the mirror of the server that has taken over
    RolesSwapped = "roles_swapped",
    /// the clients of a mirror that was promoted went back to its former source
    GivenBack = "given_back",
    /// another source serves the clients of a source that was lost or fenced
    Adopted = "adopted",
}

/// How often each was reached.
#[derive(Clone, Debug)]
pub(crate) struct Marks([u64; MARKS.len()]);

impl Default for Marks {
    fn default() -> Self {
        Marks([0; MARKS.len()])
    }
}

impl Marks {
    pub fn reached(&mut self, mark: Mark) {
        self.0[mark as usize] += 1;
    }

    /// Name and count of those that were reached.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        MARKS.iter().zip(self.0).filter(|(_, n)| *n > 0).map(|((name, _), n)| (*name, n))
    }
}
