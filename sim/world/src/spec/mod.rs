//! What one run is made of: plain validated data, integers only. A scenario file is resolved into this; a test may
//! build it by hand. Times and durations are nanoseconds, sizes are bytes, probabilities are [`Chance`].

mod check;
mod clients;
mod faults;
mod placement;
mod profile;
mod servers;
mod units;

pub use check::*;
pub use clients::*;
pub use faults::*;
pub use placement::*;
pub use profile::*;
pub use servers::*;
pub use units::*;

use mirror::config::{AckLevel, ApplyScope, Coupling, Policy, Reads, Retry, Transport};

/// A whole run, except for its seed.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The scenario's name, `[A-Za-z0-9._-]{1,64}`.
    pub name: String,
    /// Knobs of the protocol; the same for all mirrors.
    pub protocol: Protocol,
    /// 1..=8 source servers, each the source of one mirror.
    pub sources: Vec<SourceSpec>,
    /// What a destination is made of.
    pub destination: DestinationSpec,
    /// The destinations, at least one; each has a mirror at least.
    pub destinations: Vec<Placement>,
    /// Clients; each is connected to one source.
    pub clients: Vec<ClientSpec>,
    /// Scripted and triggered faults and operator actions.
    pub faults: Vec<FaultSpec>,
    /// Faults drawn from the seed.
    pub profile: Profile,
    /// What is judged when.
    pub check: CheckSpec,
    /// When a run is given up.
    pub budget: Budget,
    /// The scenario injects faults that two copies cannot survive; then loss is allowed and silence is the failure.
    pub beyond_model: bool,
    /// A run that does nothing is no error.
    pub allow_vacuous: bool,
}

/// Knobs of the protocol.
#[derive(Clone, Debug)]
pub struct Protocol {
    /// Acknowledgement level (DR3); default `nvram`.
    pub ack: AckLevel,
    /// DR11; default independent.
    pub apply: Coupling,
    /// DR10; default per source.
    pub apply_scope: ApplyScope,
    /// SR2; default confirmed under `strict`, else local.
    pub reads: Reads,
    /// Section 6; default strict.
    pub policy: Policy,
    /// Section 2; default exactly once.
    pub retry: Retry,
    /// Section 3; default stream.
    pub transport: Transport,
    /// P: NVRAM partitions of each source, >= 2.
    pub partitions: u32,
    /// k: log files of each source at the destination, >= P; default P.
    pub files: u32,
    /// Seal a non-empty partition at the latest after this time (optional timer of SR3).
    pub seal_after: Option<Nanos>,
    /// Longest data of one operation in bytes; `None` = the largest that fits everywhere.
    pub max_length: Option<u64>,
    /// Block size of volumes and images in bytes: a power of two, 512..=65536.
    pub block_size: u32,
    /// First repetition of whatever awaits an answer, doubled up to 16 times; default 10 ms.
    pub resend_after: Nanos,
}
