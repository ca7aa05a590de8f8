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
