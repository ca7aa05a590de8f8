//! The arrows of the pipeline by name. A machine notes each stage that it reaches: the trace shows it, a scenario's
//! trigger waits for it, a golden conversation reads it. No oracle believes it: they look at the devices.

/// Who can reach a stage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// A source.
    Source,
    /// The destination.
    Destination,
    /// Either.
    Any,
}

macro_rules! stages {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal at $side:ident,)*) => {
        /// A stage that a machine has reached.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        #[repr(u8)]
        pub enum Stage { $($(#[doc = $doc])* $variant,)* }

        impl Stage {
            /// Every stage, in the order of its number.
            pub const ALL: &'static [Stage] = &[$(Stage::$variant,)*];
            /// Name and meaning of every stage, in the same order.
            pub const NAMES: &'static [(&'static str, &'static str)] = &[$(($name, concat!($($doc,)*)),)*];

            /// Its name in scenarios and traces.
            pub fn name(self) -> &'static str { Self::NAMES[self as usize].0 }

            /// Who reaches it.
            pub fn side(self) -> Side {
                match self { $(Stage::$variant => Side::$side,)* }
            }

            /// The stage of that name.
            pub fn from_name(name: &str) -> Option<Stage> {
                Self::NAMES.iter().position(|(n, _)| *n == name).map(|i| Self::ALL[i])
            }
        }
    };
}

stages! {
    /// the source has numbered a request and written it to its NVRAM (not yet flushed)
    Numbered = "numbered" at Source,
    /// a record is durable in the source's NVRAM
    Logged = "logged" at Source,
    /// the source's mark covers a record
    LogMarked = "log_marked" at Source,
    /// the source has sent a record
    Forwarded = "forwarded" at Source,
    /// the source has answered a client
    Replied = "replied" at Source,
    /// the source has sealed a partition durably
    Sealed = "sealed" at Source,
    /// admission stalls: no partition is free
    Stalled = "stalled" at Source,
    /// the source has sent SyncRequest
    SyncRequested = "sync_requested" at Source,
    /// the source has received SyncDone
    SyncCompleted = "sync_completed" at Source,
    /// the source's local apply of a generation is durable
    Applied = "applied" at Source,
    /// a partition of the source is free again
    Freed = "freed" at Source,
    /// the source has connected
    Connected = "connected" at Source,
    /// the destination has accepted a record into memory
    Received = "received" at Destination,
    /// a record is durable in the destination's NVRAM
    NvramDurable = "nvram_durable" at Destination,
    /// the destination's mark covers a record in NVRAM
    NvramMarked = "nvram_marked" at Destination,
    /// the destination has acknowledged a record at level `nvram`
    NvramAcked = "nvram_acked" at Destination,
    /// a record was written to its file (not yet flushed)
    FileAppended = "file_appended" at Destination,
    /// a record is durable in its file
    FileDurable = "file_durable" at Destination,
    /// the destination's mark covers a record in its file
    FileMarked = "file_marked" at Destination,
    /// the destination has acknowledged a record at level `file`
    FileAcked = "file_acked" at Destination,
    /// records were removed from the destination's NVRAM
    NvramRemoved = "nvram_removed" at Destination,
    /// the destination has received SyncRequest
    SyncReceived = "sync_received" at Destination,
    /// the destination starts to apply a file
    ApplyStarted = "apply_started" at Destination,
    /// an apply has its journal durable (DR6 step 1)
    ApplyJournaled = "apply_journaled" at Any,
    /// an apply has its blocks durable in place (DR6 step 2)
    ApplyWritten = "apply_written" at Any,
    /// an apply has its cursor durable (DR6 step 3)
    ApplyAdvanced = "apply_advanced" at Any,
    /// the destination has applied a whole generation
    ImageApplied = "image_applied" at Destination,
    /// the destination has cleared a file durably
    FileCleared = "file_cleared" at Destination,
    /// the destination has sent SyncDone
    SyncDone = "sync_done" at Destination,
    /// a server starts to boot
    BootStarted = "boot_started" at Any,
    /// a boot has finished one of its steps
    BootStep = "boot_step" at Any,
    /// a server has booted
    Booted = "booted" at Any,
    /// a boot or recovery found a torn tail and cuts it off
    TornTail = "torn_tail" at Any,
    /// damage was found
    DamageFound = "damage_found" at Any,
    /// a damaged range holds good data again
    DamageRepaired = "damage_repaired" at Any,
    /// recovery starts
    RecoveryStarted = "recovery_started" at Any,
    /// recovery has finished one of its steps
    RecoveryStep = "recovery_step" at Any,
    /// recovery has reached its verdict and the image is open
    Recovered = "recovered" at Any,
    /// a server has found a damaged block and asks its peer for it
    BlockWanted = "block_wanted" at Any,
    /// a server has answered its peer with a block
    BlockSent = "block_sent" at Any,
    /// a damaged block holds good content again, durably
    BlockHealed = "block_healed" at Any,
    /// the destination has applied what is filed of an open generation, at another mirror's signal
    PrefixApplied = "prefix_applied" at Destination,
    /// good content for a damaged block is durable in the journal, outside of any apply, and goes in place now
    BlockJournaled = "block_journaled" at Any,
    /// the source goes on alone, durably (LR1)
    Degraded = "degraded" at Source,
    /// the source has the blocks of its applied records in the durable map (LR2)
    Mapped = "mapped" at Source,
    /// the source has sent ResyncBegin
    ResyncBegun = "resync_begun" at Source,
    /// the destination has opened an empty resync file (LR3)
    ResyncReady = "resync_ready" at Destination,
    /// blocks are durable in the destination's resync file
    ResyncStored = "resync_stored" at Destination,
    /// the source has stopped admission to send the rest of a resync (LR4)
    ResyncCut = "resync_cut" at Source,
    /// the destination has sealed a resync file durably (LR4)
    ResyncSealed = "resync_sealed" at Destination,
    /// a sealed resync file is in the image (a boot, a recovery or the serving destination)
    ResyncApplied = "resync_applied" at Any,
    /// the source is in sync again, durably
    InSync = "in_sync" at Source,
    /// the destination serves the clients of a mirror from now on, durably (LR6)
    Promoted = "promoted" at Destination,
    /// the server of the clients answers nobody any more, durably, and hands them over to the other one (LR8)
    Retired = "retired" at Any,
    /// a server that had handed the clients over serves them again, durably: the other one is lost (LR8)
    Reclaimed = "reclaimed" at Any,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_reached_by_whom_its_words_name() {
        for (stage, (name, about)) in Stage::ALL.iter().zip(Stage::NAMES) {
            let side = match about.trim() {
                a if a.starts_with("the source") => Side::Source,
                a if a.starts_with("the destination") => Side::Destination,
                _ => stage.side(),
            };
            assert_eq!(stage.side(), side, "{name}");
        }
        let any = [
            "apply_journaled",
            "apply_written",
            "apply_advanced",
            "boot_started",
            "boot_step",
            "booted",
            "torn_tail",
            "damage_found",
            "damage_repaired",
            "recovery_started",
            "recovery_step",
            "recovered",
            "block_wanted",
            "block_sent",
            "block_healed",
            "block_journaled",
            "resync_applied",
            "retired",
            "reclaimed",
        ];
        for stage in Stage::ALL {
            assert_eq!(stage.side() == Side::Any, any.contains(&stage.name()), "{}", stage.name());
        }
    }
}
