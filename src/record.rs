//! A record: one client operation with its number, as it stands in NVRAM, in a log file and on the wire
//! (docs/formats.md, "Record").

use crate::codec::{check, get_u16, get_u32, get_u64, put_check, put_start, put_u32, put_u64, uuid};
use crate::geometry::Geometry;
use crate::ids::{Link, MirrorId, Position, RequestId};
use bytes::Bytes;
use smallvec::SmallVec;

/// Bytes of a record header.
pub const HEADER: u64 = 128;
const MAGIC: &[u8; 4] = b"MREC";

/// What an operation does to its volume.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Store the payload.
    Write,
    /// Make the range read as zeros.
    WriteZeroes,
    /// Add to the little-endian u64 at the offset; not idempotent on purpose.
    Add {
        /// What to add, wrapping.
        delta: u64,
        /// The value before: the operation's result.
        old: u64,
    },
}

impl Operation {
    fn code(self) -> u8 {
        match self {
            Operation::Write => 1,
            Operation::WriteZeroes => 2,
            Operation::Add { .. } => 3,
        }
    }

    /// What the reply table keeps: operation code and result.
    pub fn result(self) -> (u64, u64) {
        match self {
            Operation::Add { old, .. } => (3, old),
            other => (other.code() as u64, 0),
        }
    }
}

/// A numbered operation. `encoded` holds the 128 header bytes; header and payload are shared, never copied.
#[derive(Clone, Debug)]
pub struct Record {
    /// Incarnation of the (mirror, writer) pair.
    pub epoch: u64,
    /// Its number.
    pub position: Position,
    /// Its predecessor.
    pub prev: Link,
    /// Who asked.
    pub id: RequestId,
    /// Where.
    pub volume: u32,
    /// First byte.
    pub offset: u64,
    /// Bytes in the volume.
    pub length: u64,
    /// What.
    pub operation: Operation,
    /// Check of the header, which covers the payload's check.
    pub check: u64,
    /// The 128 bytes.
    pub encoded: Bytes,
    /// The payload.
    pub payload: Bytes,
}

/// What a new record is made of.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Incarnation.
    pub epoch: u64,
    /// Number.
    pub position: Position,
    /// Predecessor.
    pub prev: Link,
    /// Who asks.
    pub id: RequestId,
    /// Volume.
    pub volume: u32,
    /// First byte.
    pub offset: u64,
    /// Bytes in the volume.
    pub length: u64,
    /// What.
    pub operation: Operation,
    /// Data of a write, else empty.
    pub data: Bytes,
}

/// Bytes that a payload of this length takes after the header.
pub fn padded(payload: u64) -> u64 {
    payload.div_ceil(8) * 8
}

impl Record {
    /// Numbers and encodes an operation.
    pub fn encode(mirror: MirrorId, draft: Draft) -> Record {
        let Draft { epoch, position, prev, id, volume, offset, length, operation, data } = draft;
        let payload = match operation {
            Operation::Write => data,
            Operation::WriteZeroes => Bytes::new(),
            Operation::Add { delta, old } => {
                let mut both = [0; 16];
                put_u64(&mut both, 0, delta);
                put_u64(&mut both, 8, old);
                Bytes::from_owner(both)
            }
        };
        let mut out = [0; HEADER as usize];
        put_start(&mut out, MAGIC, &mirror.0);
        out[6] = operation.code();
        put_u64(&mut out, 24, epoch);
        put_u64(&mut out, 32, position.generation);
        put_u64(&mut out, 40, position.sequence);
        prev.put(&mut out, 48);
        put_u32(&mut out, 72, id.client);
        put_u32(&mut out, 76, id.slot);
        put_u64(&mut out, 80, id.request);
        put_u32(&mut out, 88, volume);
        put_u32(&mut out, 92, payload.len() as u32);
        put_u64(&mut out, 96, offset);
        put_u64(&mut out, 104, length);
        put_u64(&mut out, 112, check(&payload));
        put_check(&mut out);
        let check = get_u64(&out, 120);
        let encoded = Bytes::from_owner(out);
        Record { epoch, position, prev, id, volume, offset, length, operation, check, encoded, payload }
    }

    /// Link that the successor must name.
    pub fn link(&self) -> Link {
        Link { position: self.position, check: self.check }
    }

    /// Bytes in NVRAM or file.
    pub fn size(&self) -> u64 {
        HEADER + padded(self.payload.len() as u64)
    }

    /// The parts to be written, padding included.
    pub fn parts(&self) -> SmallVec<[Bytes; 2]> {
        let mut parts = SmallVec::new();
        self.push_parts(&mut parts);
        parts
    }

    /// Appends the parts to be written to `parts`.
    pub fn push_parts(&self, parts: &mut SmallVec<[Bytes; 2]>) {
        parts.push(self.encoded.clone());
        let length = self.payload.len() as u64;
        if length > 0 {
            parts.push(self.payload.clone());
            let pad = (padded(length) - length) as usize;
            if pad > 0 {
                parts.push(Bytes::from_static(&[0; 8]).slice(..pad));
            }
        }
    }

    /// Whether a header could start here, at a glance.
    pub fn may_start(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC)
    }

    /// Reads a header; `None` if it is not a valid one of this mirror. The payload is still to be checked.
    pub fn header(mirror: MirrorId, bytes: &Bytes) -> Option<Header> {
        if !crate::codec::valid(bytes, HEADER as usize, MAGIC) {
            return None;
        }
        debug_assert_eq!(get_u16(bytes, 4), 1);
        Record::believed(mirror, bytes).filter(Header::sound)
    }

    /// Reads a header of this mirror without a look at its check.
    pub(crate) fn believed(mirror: MirrorId, bytes: &Bytes) -> Option<Header> {
        let begins = bytes.len() as u64 >= HEADER && Record::may_start(bytes) && uuid(bytes, 8) == mirror.0;
        begins.then(|| Header {
            bytes: bytes.slice(..HEADER as usize),
            code: bytes[6],
            payload_length: get_u32(bytes, 92) as u64,
        })
    }
}

/// A checked header whose payload is not known yet.
#[derive(Clone, Debug)]
pub struct Header {
    bytes: Bytes,
    code: u8,
    payload_length: u64,
}

impl Header {
    /// Bytes of payload that follow.
    pub fn payload_length(&self) -> u64 {
        self.payload_length
    }

    /// Bytes of the whole record in NVRAM or file.
    pub fn size(&self) -> u64 {
        HEADER + padded(self.payload_length)
    }

    /// Its number.
    pub fn position(&self) -> Position {
        crate::ids::get_position(&self.bytes, 32)
    }

    /// Whether its fields can be those of a record. Generations and sequences start at 1.
    pub(crate) fn sound(&self) -> bool {
        let (payload_length, length) = (self.payload_length, get_u64(&self.bytes, 104));
        let sound = match self.code {
            1 => payload_length == length && length > 0,
            2 => payload_length == 0 && length > 0,
            3 => payload_length == 16 && length == 8,
            _ => false,
        };
        sound && get_u64(&self.bytes, 32) > 0 && get_u64(&self.bytes, 40) > 0
    }

    /// Whether it speaks of bytes, clients and slots that there are.
    pub(crate) fn fits(&self, geometry: &Geometry) -> bool {
        let b = &self.bytes;
        let volume = geometry.volumes.get(get_u32(b, 88) as usize);
        let end = get_u64(b, 96).checked_add(get_u64(b, 104));
        volume.is_some_and(|size| end.is_some_and(|end| end <= *size))
            && get_u32(b, 72) < geometry.clients
            && get_u32(b, 76) < geometry.slots
    }

    /// Joins header and payload; `None` if the payload does not check.
    pub fn with_payload(self, payload: Bytes) -> Option<Record> {
        let good =
            payload.len() as u64 == self.payload_length && check(&payload) == get_u64(&self.bytes, 112);
        good.then(|| self.join(payload))
    }

    /// Joins header and payload, whatever the payload's check.
    pub(crate) fn join(self, payload: Bytes) -> Record {
        let b = &self.bytes;
        let operation = match self.code {
            1 => Operation::Write,
            2 => Operation::WriteZeroes,
            _ => Operation::Add { delta: get_u64(&payload, 0), old: get_u64(&payload, 8) },
        };
        Record {
            epoch: get_u64(b, 24),
            position: self.position(),
            prev: Link::get(b, 48),
            id: RequestId { client: get_u32(b, 72), slot: get_u32(b, 76), request: get_u64(b, 80) },
            volume: get_u32(b, 88),
            offset: get_u64(b, 96),
            length: get_u64(b, 104),
            operation,
            check: get_u64(b, 120),
            payload,
            encoded: self.bytes,
        }
    }
}

/// Digest of a generation, record by record.
pub fn extend_digest(digest: u64, check_of_record: u64) -> u64 {
    let mut both = [0; 16];
    put_u64(&mut both, 0, digest);
    put_u64(&mut both, 8, check_of_record);
    check(&both)
}
