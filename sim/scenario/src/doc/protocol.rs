//! `protocol:`.

use crate::document::{map, words};
use crate::scalar::{Size, Small, Time};
use mirror::config::{AckLevel, ApplyScope, Coupling, PolicyKind, Reads, Retry, Transport};

map! {
    /// Knobs of the protocol.
    struct Protocol {
        /// When the destination's acknowledgement counts as enough to answer a client.
        ack: AckLevel = default("nvram"),
        /// How the applies of a server's own partitions and of its peers' files go together.
        apply: Coupling = default("independent"),
        /// Which mirrors a SyncRequest applies.
        apply_scope: ApplyScope = default("per_source"),
        /// What a read must wait for.
        reads: Reads = optional("`confirmed` under policy `strict`, else `local`"),
        /// What becomes of clients when the destination does not answer.
        policy: PolicyKind = default("strict"),
        /// Policy `degrade`: the source goes on alone after so long without any progress of what waits for the destination.
        timeout: Time = optional("100ms"),
        /// Policy `degrade`: it returns only after the connection stood for so long.
        settle: Time = optional("50ms"),
        /// Policy `degrade`: at most one change of the role in such a time.
        hold: Time = optional("100ms"),
        /// Policy `semi_sync`: so many bytes may be unacknowledged.
        window: Size = optional("64KiB"),
        /// What a client's repeated request means.
        retry: Retry = default("exactly_once"),
        /// What the network promises.
        transport: Transport = default("stream"),
        /// NVRAM partitions of each source, at least 2. One fills while another is applied.
        partitions: Small = default("2"),
        /// Log files of each source at the destination, at least `partitions`.
        files: Small = optional("as many as `partitions`: each partition has its own file"),
        /// Seal a partition that is not empty at the latest after this time.
        seal_after: Time = optional("a partition is sealed only when it is full"),
        /// Longest data of one operation.
        max_length: Size = optional("the largest that fits into a partition and into half a reserve"),
        /// Block size of volumes and images: a power of two, 512B to 64KiB.
        block_size: Size = default("512B"),
        /// First repetition of whatever awaits an answer. It is doubled up to 16 times.
        resend_after: Time = default("10ms"),
    }
}

words!(AckLevel {
    /// on receipt, before anything is durable at the destination: unsafe, for study
    "received" => AckLevel::Received,
    /// durable in the destination's NVRAM
    "nvram" => AckLevel::Nvram,
    /// durable in the destination's log file
    "file" => AckLevel::File,
});

words!(Coupling {
    /// each by itself
    "independent" => Coupling::Independent,
    /// in rounds, one at a time: in a ring too few files are a deadlock
    "coupled" => Coupling::Coupled,
});

words!(ApplyScope {
    /// only the mirror that asked
    "per_source" => ApplyScope::PerSource,
    /// every mirror
    "global" => ApplyScope::Global,
});

words!(Reads {
    /// until the destination has confirmed that this source is still the source
    "confirmed" => Reads::Confirmed,
    /// only for the records that it shows
    "local" => Reads::Local,
});

words!(PolicyKind {
    /// nothing is acknowledged without the destination: clients stall, and go on in order
    "strict" => PolicyKind::Strict,
    /// after a time the source goes on alone, counts what may be lost, and fills the image up again later
    "degrade" => PolicyKind::Degrade,
    /// clients are answered from the source's NVRAM, with a bound on what is unacknowledged
    "semi_sync" => PolicyKind::SemiSync,
    /// the same, and records leave when their partition is sealed: loss of at most as many generations as partitions
    "async" => PolicyKind::Async,
});

words!(Retry {
    /// the same request: answered again, never done twice
    "exactly_once" => Retry::ExactlyOnce,
    /// a new operation; the first may or may not have happened
    "new_request" => Retry::NewRequest,
});

words!(Transport {
    /// ordered and reliable, may be reset
    "stream" => Transport::Stream,
    /// messages may be lost, duplicated and reordered
    "datagram" => Transport::Datagram,
});
