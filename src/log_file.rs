//! The frame of a log file at the destination: header and trailer (docs/formats.md, "Log file").

use crate::codec::{get_u64, put_check, put_start, put_u64, uuid, valid};
use crate::ids::{Link, MirrorId};
use alloc::vec;
use bytes::Bytes;

/// Bytes of a file header; the first record follows.
pub const FILE_HEADER: u64 = 128;
/// Bytes of a trailer.
pub const FILE_TRAILER: u64 = 128;

/// What a file is; it is known by this alone, never by its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileHeader {
    /// Epoch.
    pub epoch: u64,
    /// g; the file stands for slot g mod k.
    pub generation: u64,
    /// Of two files of a generation the higher replaces the lower.
    pub incarnation: u64,
    /// Link that its first record continues.
    pub prev: Link,
}

impl FileHeader {
    /// 128 bytes.
    pub fn encode(&self, mirror: MirrorId) -> Bytes {
        let mut out = vec![0; FILE_HEADER as usize];
        put_start(&mut out, b"MFIL", &mirror.0);
        put_u64(&mut out, 24, self.epoch);
        put_u64(&mut out, 32, self.generation);
        put_u64(&mut out, 40, self.incarnation);
        self.prev.put(&mut out, 48);
        put_check(&mut out);
        Bytes::from(out)
    }

    /// `None` if it is not a valid header; the mirror is to be compared by the caller.
    pub fn decode(b: &[u8]) -> Option<(MirrorId, FileHeader)> {
        valid(b, FILE_HEADER as usize, b"MFIL").then(|| {
            let header = FileHeader {
                epoch: get_u64(b, 24),
                generation: get_u64(b, 32),
                incarnation: get_u64(b, 40),
                prev: Link::get(b, 48),
            };
            (MirrorId(uuid(b, 8)), header)
        })
    }
}

/// The file holds exactly `count` records (DR5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileTrailer {
    /// Epoch.
    pub epoch: u64,
    /// g.
    pub generation: u64,
    /// Records.
    pub count: u64,
    /// Over their checks.
    pub digest: u64,
}

impl FileTrailer {
    /// 128 bytes.
    pub fn encode(&self, mirror: MirrorId) -> Bytes {
        let mut out = vec![0; FILE_TRAILER as usize];
        put_start(&mut out, b"MTRL", &mirror.0);
        put_u64(&mut out, 24, self.epoch);
        put_u64(&mut out, 32, self.generation);
        put_u64(&mut out, 40, self.count);
        put_u64(&mut out, 48, self.digest);
        put_check(&mut out);
        Bytes::from(out)
    }

    /// `None` if it is not a valid trailer of this mirror.
    pub fn decode(mirror: MirrorId, b: &[u8]) -> Option<FileTrailer> {
        (valid(b, FILE_TRAILER as usize, b"MTRL") && uuid(b, 8) == mirror.0).then(|| FileTrailer {
            epoch: get_u64(b, 24),
            generation: get_u64(b, 32),
            count: get_u64(b, 40),
            digest: get_u64(b, 48),
        })
    }
}
