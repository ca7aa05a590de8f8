//! The sites that the engine draws from. 0..=31 are the engine's; its user starts at [`FIRST_FREE`].

use crate::decisions::Site;

/// Latency of a message.
pub const LATENCY: Site = Site(0);
/// Whether, and in a stream how often in a row, a message is lost.
pub const LOSS: Site = Site(1);
/// Whether a datagram arrives twice.
pub const DUPLICATE: Site = Site(2);
/// Extra delay of the second copy.
pub const DUPLICATE_DELAY: Site = Site(3);
/// Whether a datagram takes an extra delay.
pub const REORDER: Site = Site(4);
/// The extra delay of a reordered datagram.
pub const REORDER_DELAY: Site = Site(5);
/// Whether a bit of a message is flipped past the checksum of the transport.
pub const CORRUPT: Site = Site(6);
/// Which bit is flipped.
pub const CORRUPT_BIT: Site = Site(7);
/// Time of a disk read.
pub const DISK_READ: Site = Site(8);
/// Time of a disk write.
pub const DISK_WRITE: Site = Site(9);
/// Time of a disk flush.
pub const DISK_FLUSH: Site = Site(10);
/// How much of a write was stored before a full disk refused the rest.
pub const SHORT_WRITE: Site = Site(11);
/// Time of an NVRAM flush.
pub const NVRAM_FLUSH: Site = Site(12);
/// Whether a bad period of a link begins, or ends, with this message.
pub const BURST: Site = Site(13);
/// What a power cut leaves of an unflushed write: all, nothing, or a part.
pub const FATE: Site = Site(16);
/// Which part of a torn write is kept.
pub const TEAR: Site = Site(17);
/// Whether the lost part of a torn write holds garbage.
pub const GARBAGE: Site = Site(18);
/// The first site that the engine leaves to its user.
pub const FIRST_FREE: u16 = 32;
