//! The structures around the records in NVRAM: the seal of a source's partition and the header of a destination's
//! segment (docs/formats.md).

use crate::codec::{get_u16, get_u64, put_check, put_start, put_u16, put_u64, uuid, valid};
use crate::ids::{Link, MirrorId};
use alloc::vec;
use bytes::Bytes;

/// Bytes of a seal, at the start of each partition.
pub const SEAL: u64 = 128;
/// Bytes of a segment header.
pub const SEGMENT_HEADER: u64 = 128;

/// A finished generation (SR3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seal {
    /// Epoch.
    pub epoch: u64,
    /// g.
    pub generation: u64,
    /// Records in it.
    pub count: u64,
    /// Over the checks of its records.
    pub digest: u64,
    /// Its last record or, if it is empty, the predecessor of that.
    pub tail: Link,
}

impl Seal {
    /// 128 bytes.
    pub fn encode(&self, mirror: MirrorId) -> Bytes {
        let mut out = vec![0; SEAL as usize];
        put_start(&mut out, b"MSEA", &mirror.0);
        put_u64(&mut out, 24, self.epoch);
        put_u64(&mut out, 32, self.generation);
        put_u64(&mut out, 40, self.count);
        put_u64(&mut out, 48, self.digest);
        self.tail.put(&mut out, 56);
        put_check(&mut out);
        Bytes::from(out)
    }

    /// `None` if it is not a valid seal of this mirror.
    pub fn decode(mirror: MirrorId, b: &[u8]) -> Option<Seal> {
        (valid(b, SEAL as usize, b"MSEA") && uuid(b, 8) == mirror.0).then(|| Seal {
            epoch: get_u64(b, 24),
            generation: get_u64(b, 32),
            count: get_u64(b, 40),
            digest: get_u64(b, 48),
            tail: Link::get(b, 56),
        })
    }
}

/// Who uses a segment of the destination's NVRAM.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SegmentHeader {
    /// Its records count; else they are filed and removed.
    pub in_use: bool,
    /// Whose.
    pub mirror: MirrorId,
    /// Order of the segments of one mirror.
    pub serial: u64,
}

impl SegmentHeader {
    /// 128 bytes.
    pub fn encode(&self) -> Bytes {
        let mut out = vec![0; SEGMENT_HEADER as usize];
        put_start(&mut out, b"MSEG", &self.mirror.0);
        put_u16(&mut out, 6, self.in_use as u16);
        put_u64(&mut out, 24, self.serial);
        put_check(&mut out);
        Bytes::from(out)
    }

    /// `None` if it was never used or does not check.
    pub fn decode(b: &[u8]) -> Option<SegmentHeader> {
        valid(b, SEGMENT_HEADER as usize, b"MSEG").then(|| SegmentHeader {
            in_use: get_u16(b, 6) == 1,
            mirror: MirrorId(uuid(b, 8)),
            serial: get_u64(b, 24),
        })
    }
}
