//! A deterministic engine for simulating computers: a clock with a scheduler, decisions with addresses, a trace with a
//! digest, and devices (network links, disks, battery-backed memory) with prose fault models at the top of their files.
//!
//! The engine knows nothing about what is simulated on it. Everything that decides is integer arithmetic, ties are
//! broken by insertion order, and no wall clock is ever read: the same seed gives the same digest on any platform, in
//! debug and in release.
//!
//! Times and durations are `u64` nanoseconds, offsets and lengths are `u64` bytes, probabilities are `u64` in units of
//! 2^-32 (`1 << 32` is certainty).

mod decisions;
mod delay;
mod disk;
mod extent;
mod extent_map;
mod fate;
mod fixed;
mod layers;
mod network;
mod nvram;
mod pages;
mod pending;
mod scheduler;
mod scratch;
pub mod sites;
mod source;
mod store;
mod trace;
mod view;
mod zipf;

#[cfg(test)]
mod tests;

pub use decisions::{DECISIONS, Decisions, Override, Site};
pub use delay::{Delay, Shape};
pub use disk::{Disk, DiskSpec, NoSpace};
pub use extent::Extent;
pub use extent_map::ExtentMap;
pub use fate::{Fate, FateOdds, draw_fates};
pub use layers::{AfterFailure, FlushMark};
pub use network::{Delivery, Link, LinkSpec, Mode};
pub use nvram::{Nvram, NvramSpec};
pub use pending::{Content, Parts, Pending};
pub use scheduler::Scheduler;
pub use scratch::Scratch;
pub use source::{Source, zeros};
pub use store::{Flushing, Store, Written};
pub use trace::{Entry, Trace};
pub use view::View;
pub use zipf::Zipf;
