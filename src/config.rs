//! The knobs of the protocol, as one validated value per mirror.

/// When the destination's acknowledgement counts as enough to answer a client (DR3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum AckLevel {
    /// On receipt, before anything is durable at the destination: claim 17 read literally. Unsafe, for study.
    Received,
    /// Durable in the destination's NVRAM and covered by its mark.
    Nvram,
    /// Durable in the destination's log file and covered by its mark (claim 4).
    File,
}

impl AckLevel {
    /// Its number in frames and superblocks.
    pub fn code(self) -> u64 {
        self as u64 + 1
    }

    /// The level of that number.
    pub fn from_code(code: u64) -> Option<AckLevel> {
        [AckLevel::Received, AckLevel::Nvram, AckLevel::File].into_iter().find(|level| level.code() == code)
    }
}

/// Which mirrors a SyncRequest applies (DR10).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ApplyScope {
    /// Only the mirror that asked.
    PerSource,
    /// Every mirror: the others apply their valid filed prefix too (claim 21 read literally).
    Global,
}

/// How the applies of a server's own partitions and of its peers' files go together (DR11).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Coupling {
    /// Each by itself.
    Independent,
    /// In rounds, one at a time ([`crate::couple`]).
    Coupled,
}

/// What a read must wait for (SR2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reads {
    /// A Pong of the current epoch whose Ping left after the read came in.
    Confirmed,
    /// Nothing beyond the records that it shows.
    Local,
}

/// What a client's repeated request means (section 2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Retry {
    /// The same request: answered from the reply table, never numbered twice.
    ExactlyOnce,
    /// A new operation; the first "may or may not have happened".
    NewRequest,
}

/// What the network promises (section 3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// Ordered, reliable, resettable, may be half-open (claim 12). A gap means the transport broke.
    Stream,
    /// Loss, duplication, reordering; one Nak per value of `expected`.
    Datagram,
}

/// What becomes of clients when the destination does not answer (section 6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// Nothing is acknowledged without the destination: clients stall.
    Strict,
    /// The source goes on alone, and fills the image up again later (LR1-LR5). Times in ns.
    Degrade {
        /// After so long without any progress of what waits for the destination.
        timeout: u64,
        /// It returns only after the connection stood for so long.
        settle: u64,
        /// At most one change of the role in such a time.
        hold: u64,
    },
    /// Clients are answered from the source's NVRAM; at most `window` bytes are unacknowledged.
    SemiSync {
        /// Bytes.
        window: u64,
    },
    /// The same, and records leave only when their generation is sealed: loss of at most P generations.
    Async,
}

/// The kinds of policies, as superblocks and Hello name them: how much a recovery may take for granted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum PolicyKind {
    /// [`Policy::Strict`].
    Strict,
    /// [`Policy::Degrade`].
    Degrade,
    /// [`Policy::SemiSync`].
    SemiSync,
    /// [`Policy::Async`].
    Async,
}

impl Policy {
    /// Its kind.
    pub fn kind(self) -> PolicyKind {
        match self {
            Policy::Strict => PolicyKind::Strict,
            Policy::Degrade { .. } => PolicyKind::Degrade,
            Policy::SemiSync { .. } => PolicyKind::SemiSync,
            Policy::Async => PolicyKind::Async,
        }
    }
}

impl PolicyKind {
    /// Its number in frames and superblocks.
    pub fn code(self) -> u64 {
        self as u64
    }

    /// The kind of that number.
    pub fn from_code(code: u64) -> Option<PolicyKind> {
        use PolicyKind::*;
        [Strict, Degrade, SemiSync, Async].into_iter().find(|kind| kind.code() == code)
    }
}
