//! An encoder of the durable formats for tests, written from docs/formats.md and not from the judge's reader.

use xxhash_rust::xxh3::xxh3_64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Link(pub u64, pub u64, pub u64);

/// A structure under construction.
pub struct Bytes(pub Vec<u8>);

impl Bytes {
    pub fn new(magic: &[u8; 4], size: usize) -> Self {
        let mut b = vec![0; size];
        b[..4].copy_from_slice(magic);
        b[4] = 1;
        Bytes(b)
    }
    pub fn put(mut self, at: usize, bytes: &[u8]) -> Self {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }
    pub fn u64(self, at: usize, value: u64) -> Self {
        self.put(at, &value.to_le_bytes())
    }
    pub fn u32(self, at: usize, value: u32) -> Self {
        self.put(at, &value.to_le_bytes())
    }
    pub fn u16(self, at: usize, value: u16) -> Self {
        self.put(at, &value.to_le_bytes())
    }
    pub fn link(self, at: usize, link: Link) -> Self {
        self.u64(at, link.0).u64(at + 8, link.1).u64(at + 16, link.2)
    }
    pub fn checked(self) -> Vec<u8> {
        let at = self.0.len() - 8;
        let check = xxh3_64(&self.0[..at]);
        self.u64(at, check).0
    }
}

#[derive(Clone, Debug)]
pub struct Record {
    pub uuid: [u8; 16],
    pub operation: u8,
    pub position: (u64, u64),
    pub prev: Link,
    pub client: u32,
    pub slot: u32,
    pub request: u64,
    pub volume: u32,
    pub offset: u64,
    pub length: u64,
    pub payload: Vec<u8>,
}

impl Record {
    pub fn header(&self) -> Vec<u8> {
        Bytes::new(b"MREC", 128)
            .put(6, &[self.operation])
            .put(8, &self.uuid)
            .u64(24, 1)
            .u64(32, self.position.0)
            .u64(40, self.position.1)
            .link(48, self.prev)
            .u32(72, self.client)
            .u32(76, self.slot)
            .u64(80, self.request)
            .u32(88, self.volume)
            .u32(92, self.payload.len() as u32)
            .u64(96, self.offset)
            .u64(104, self.length)
            .u64(112, xxh3_64(&self.payload))
            .checked()
    }
    pub fn check(&self) -> u64 {
        u64::from_le_bytes(self.header()[120..].try_into().unwrap())
    }
    pub fn link(&self) -> Link {
        Link(self.position.0, self.position.1, self.check())
    }
    pub fn bytes(&self) -> Vec<u8> {
        let mut all = self.header();
        all.extend(&self.payload);
        all.resize(all.len().next_multiple_of(8), 0);
        all
    }
}

pub fn digest(records: &[Record]) -> u64 {
    records.iter().fold(0, |d: u64, r| xxh3_64(&[d.to_le_bytes(), r.check().to_le_bytes()].concat()))
}

pub fn seal(uuid: &[u8; 16], generation: u64, records: &[Record], prev: Link) -> Vec<u8> {
    let tail = records.last().map_or(prev, Record::link);
    Bytes::new(b"MSEA", 128)
        .put(8, uuid)
        .u64(24, 1)
        .u64(32, generation)
        .u64(40, records.len() as u64)
        .u64(48, digest(records))
        .link(56, tail)
        .checked()
}

pub fn segment(uuid: &[u8; 16], used: bool, serial: u64) -> Vec<u8> {
    Bytes::new(b"MSEG", 128).u16(6, used.into()).put(8, uuid).u64(24, serial).checked()
}

pub fn file(uuid: &[u8; 16], generation: u64, incarnation: u64, prev: Link) -> Vec<u8> {
    Bytes::new(b"MFIL", 128)
        .put(8, uuid)
        .u64(24, 1)
        .u64(32, generation)
        .u64(40, incarnation)
        .link(48, prev)
        .checked()
}

pub fn trailer(uuid: &[u8; 16], generation: u64, records: &[Record]) -> Vec<u8> {
    Bytes::new(b"MTRL", 128)
        .put(8, uuid)
        .u64(24, 1)
        .u64(32, generation)
        .u64(40, records.len() as u64)
        .u64(48, digest(records))
        .checked()
}

pub fn mark(uuid: &[u8; 16], counter: u64, nvram: (u64, u64), file: (u64, u64)) -> Vec<u8> {
    Bytes::new(b"MMRK", 128)
        .put(8, uuid)
        .u64(24, counter)
        .u64(32, nvram.0)
        .u64(40, nvram.1)
        .u64(48, file.0)
        .u64(56, file.1)
        .checked()
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Superblock {
    pub role: u16,
    pub counter: u64,
    pub epoch: u64,
    pub cursor: (u64, u64),
    pub tail: Link,
    pub recovered: (u64, u64),
    pub verdict: u64,
    pub damaged: [u64; 4],
    pub policy: u64,
}

impl Superblock {
    pub fn bytes(&self, uuid: &[u8; 16]) -> Vec<u8> {
        let mut b = Bytes::new(b"MSUP", 512)
            .u16(6, self.role)
            .put(8, uuid)
            .u64(24, self.counter)
            .u64(32, self.epoch)
            .u64(40, 1)
            .u64(48, self.cursor.0)
            .u64(56, self.cursor.1)
            .link(64, self.tail)
            .u64(88, self.recovered.0)
            .u64(96, self.recovered.1)
            .u64(104, self.verdict);
        b = b.u64(144, 2).u64(256, self.policy);
        for (i, d) in self.damaged.iter().enumerate() {
            b = b.u64(112 + 8 * i, *d);
        }
        b.checked()
    }
}

pub fn journal(uuid: &[u8; 16], cursor: (u64, u64), tail: Link, entries: &[(u64, Vec<u8>)]) -> Vec<u8> {
    journal_of(uuid, cursor, tail, entries, false)
}

/// A repair leaves the cursor where it is.
pub fn journal_of(
    uuid: &[u8; 16],
    cursor: (u64, u64),
    tail: Link,
    entries: &[(u64, Vec<u8>)],
    repair: bool,
) -> Vec<u8> {
    let (mut index, mut data) = (Vec::<u8>::new(), Vec::<u8>::new());
    for (at, bytes) in entries {
        for word in [*at, bytes.len() as u64, xxh3_64(bytes)] {
            index.extend(word.to_le_bytes());
        }
        data.extend(bytes);
    }
    let mut all = Bytes::new(b"MJNL", 512)
        .put(8, uuid)
        .u64(24, 1)
        .u64(32, cursor.0)
        .u64(40, cursor.1)
        .link(48, tail)
        .u64(72, entries.len() as u64)
        .u64(80, data.len() as u64)
        .u64(88, xxh3_64(&index))
        .u64(120, u64::from(repair))
        .checked();
    all.extend(index);
    all.resize(all.len().next_multiple_of(512), 0);
    all.extend(data);
    all
}

pub fn frame(uuid: &[u8; 16], [boot, counter, other]: [u64; 3], kind: u16, body: &[u8]) -> Vec<u8> {
    let mut head = Bytes::new(b"MWIR", 64).u16(6, kind).put(8, uuid);
    head = head.u64(24, boot).u64(32, counter).u64(40, other);
    head = head.u64(48, body.len() as u64);
    let check = xxhash_rust::xxh3::xxh3_64_with_seed(body, xxh3_64(&head.0[..56]));
    let mut all = head.u64(56, check).0;
    all.extend(body);
    all
}

pub fn words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}
