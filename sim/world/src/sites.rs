//! The sites that the world draws from; the engine's come before them.

use mirrorsim_engine::Site;

/// Delay from a client to its source, and back.
pub const CLIENT_DELAY: Site = Site(32);
/// Kind of a client's next operation.
pub const KIND: Site = Site(33);
/// Its length.
pub const LENGTH: Site = Site(34);
/// Where it goes.
pub const ADDRESS: Site = Site(35);
/// Its volume.
pub const VOLUME: Site = Site(36);
/// Whether its payload is all zeros.
pub const ZERO_PAYLOAD: Site = Site(37);
/// What an add adds.
pub const DELTA: Site = Site(38);
/// Think time or arrival interval.
pub const PACE: Site = Site(39);
/// Which families of faults a swarm seed leaves out, and their rates.
pub const SWARM: Site = Site(40);
/// The drawn plan of faults; subject = family.
pub const PLAN: Site = Site(41);
/// Which bits a damage flips, or which block it hits.
pub const DAMAGE: Site = Site(42);
/// Of the probe only: which subsets are tried.
pub const PROBE: Site = Site(43);
/// Which frames are bent, and how; subject = link and direction.
pub const BEND: Site = Site(44);
/// The order in which links stop and start.
pub const SWIZZLE: Site = Site(45);
/// How long a client goes on asking the former server.
pub const LEARNS: Site = Site(46);
