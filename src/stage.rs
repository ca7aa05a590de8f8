//! The arrows of the pipeline by name. A machine notes each stage that it reaches: the trace shows it, a scenario's
//! trigger waits for it, a golden conversation reads it. No oracle believes it: they look at the devices.

macro_rules! stages {
    ($($(#[doc = $doc:literal])* $variant:ident = $name:literal,)*) => {
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

            /// The stage of that name.
            pub fn from_name(name: &str) -> Option<Stage> {
                Self::NAMES.iter().position(|(n, _)| *n == name).map(|i| Self::ALL[i])
            }
        }
    };
}

stages! {
    /// the source has numbered a request and written it to its NVRAM (not yet flushed)
    Numbered = "numbered",
    /// a record is durable in the source's NVRAM
    Logged = "logged",
    /// the source's mark covers a record
    LogMarked = "log_marked",
    /// the source has sent a record
    Forwarded = "forwarded",
    /// the source has answered a client
    Replied = "replied",
    /// the source has sealed a partition durably
    Sealed = "sealed",
    /// admission stalls: no partition is free
    Stalled = "stalled",
    /// the source has sent SyncRequest
    SyncRequested = "sync_requested",
    /// the source has received SyncDone
    SyncCompleted = "sync_completed",
    /// the source's local apply of a generation is durable
    Applied = "applied",
    /// a partition of the source is free again
    Freed = "freed",
    /// the source has connected
    Connected = "connected",
    /// the destination has accepted a record into memory
    Received = "received",
    /// a record is durable in the destination's NVRAM
    NvramDurable = "nvram_durable",
    /// the destination's mark covers a record in NVRAM
    NvramMarked = "nvram_marked",
    /// the destination has acknowledged a record at level `nvram`
    NvramAcked = "nvram_acked",
    /// a record was written to its file (not yet flushed)
    FileAppended = "file_appended",
    /// a record is durable in its file
    FileDurable = "file_durable",
    /// the destination's mark covers a record in its file
    FileMarked = "file_marked",
    /// the destination has acknowledged a record at level `file`
    FileAcked = "file_acked",
    /// records were removed from the destination's NVRAM
    NvramRemoved = "nvram_removed",
    /// the destination has received SyncRequest
    SyncReceived = "sync_received",
    /// the destination starts to apply a file
    ApplyStarted = "apply_started",
    /// an apply has its journal durable (DR6 step 1)
    ApplyJournaled = "apply_journaled",
    /// an apply has its blocks durable in place (DR6 step 2)
    ApplyWritten = "apply_written",
    /// an apply has its cursor durable (DR6 step 3)
    ApplyAdvanced = "apply_advanced",
    /// the destination has applied a whole generation
    ImageApplied = "image_applied",
    /// the destination has cleared a file durably
    FileCleared = "file_cleared",
    /// the destination has sent SyncDone
    SyncDone = "sync_done",
    /// a server starts to boot
    BootStarted = "boot_started",
    /// a boot has finished one of its steps
    BootStep = "boot_step",
    /// a server has booted
    Booted = "booted",
    /// a boot or recovery found a torn tail and cuts it off
    TornTail = "torn_tail",
    /// damage was found
    DamageFound = "damage_found",
    /// a damaged range holds good data again
    DamageRepaired = "damage_repaired",
    /// recovery starts
    RecoveryStarted = "recovery_started",
    /// recovery has finished one of its steps
    RecoveryStep = "recovery_step",
    /// recovery has reached its verdict and the image is open
    Recovered = "recovered",
    /// a server has found a damaged block and asks its peer for it
    BlockWanted = "block_wanted",
    /// a server has answered its peer with a block
    BlockSent = "block_sent",
    /// a damaged block holds good content again, durably
    BlockHealed = "block_healed",
    /// the destination has applied what is filed of an open generation, at another mirror's signal
    PrefixApplied = "prefix_applied",
}
