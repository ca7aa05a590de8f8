//! What happened, as a stream of small binary entries, with a digest over all of them. Text is rendered later, by
//! whoever wants to read it.

use xxhash_rust::xxh3::Xxh3Default;

/// One thing that happened. Encoded in 40 bytes, little-endian:
///
/// | offset | width | field   | meaning                         |
/// |-------:|------:|---------|---------------------------------|
/// |      0 |     8 | `time`  | virtual time, ns                |
/// |      8 |     2 | `kind`  | what happened; its user's table |
/// |     10 |     2 | `actor` | who                             |
/// |     12 |     2 | `peer`  | with whom                       |
/// |     14 |     2 | `flags` | its user's bits                 |
/// |     16 |     8 | `a`     | depends on `kind`               |
/// |     24 |     8 | `b`     | depends on `kind`               |
/// |     32 |     8 | `c`     | depends on `kind`               |
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Entry {
    /// Virtual time, ns.
    pub time: u64,
    /// What happened.
    pub kind: u16,
    /// Who.
    pub actor: u16,
    /// With whom.
    pub peer: u16,
    /// Bits.
    pub flags: u16,
    /// Depends on `kind`.
    pub a: u64,
    /// Depends on `kind`.
    pub b: u64,
    /// Depends on `kind`.
    pub c: u64,
}

impl Entry {
    /// Bytes of an encoded entry.
    pub const SIZE: usize = 40;

    /// The encoded entry; see the table above.
    #[inline]
    pub fn encode(&self) -> [u8; Self::SIZE] {
        let head = u64::from(self.kind)
            | u64::from(self.actor) << 16
            | u64::from(self.peer) << 32
            | u64::from(self.flags) << 48;
        let mut bytes = [0; Self::SIZE];
        bytes[0..8].copy_from_slice(&self.time.to_le_bytes());
        bytes[8..16].copy_from_slice(&head.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.a.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.b.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.c.to_le_bytes());
        bytes
    }

    /// The entry of an encoding.
    pub fn decode(bytes: &[u8; Self::SIZE]) -> Self {
        let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let head = word(8);
        Entry {
            time: word(0),
            kind: head as u16,
            actor: (head >> 16) as u16,
            peer: (head >> 32) as u16,
            flags: (head >> 48) as u16,
            a: word(16),
            b: word(24),
            c: word(32),
        }
    }
}

/// Entries of a block: as many as fit into 64 KiB.
const BLOCK: usize = 65_536 / Entry::SIZE;

/// How many of the last entries are always kept.
const KEPT: usize = 1_024;

/// Where each entry goes besides the digest.
type Sink = Box<dyn FnMut(&Entry)>;

/// The trace of a run. It keeps a digest of everything and the last 1,024 entries, in constant memory.
pub struct Trace {
    sink: Option<Sink>,
    count: u64,
    hash: Xxh3Default,
    /// A ring: `block[..fill]` is not hashed yet, the rest is left over from the block before.
    block: Vec<[u8; Entry::SIZE]>,
    fill: usize,
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trace").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Trace {
    /// An empty trace; `sink`, if any, sees each entry.
    pub fn new(sink: Option<Sink>) -> Self {
        Trace { sink, count: 0, hash: Xxh3Default::new(), block: vec![[0; Entry::SIZE]; BLOCK], fill: 0 }
    }

    /// Adds an entry.
    #[inline]
    pub fn emit(&mut self, e: Entry) {
        self.block[self.fill] = e.encode();
        self.fill += 1;
        if self.fill == BLOCK {
            self.hash_block();
        }
        if let Some(sink) = &mut self.sink {
            sink(&e);
        }
    }

    /// How many entries there are.
    pub fn count(&self) -> u64 {
        self.count + self.fill as u64
    }

    /// xxh3-64 of the encodings of all entries so far, one after the other; the same with and without a sink.
    pub fn digest(&self) -> u64 {
        let mut hash = self.hash.clone();
        hash.update(self.block[..self.fill].as_flattened());
        hash.digest()
    }

    /// The last `n` entries (1,024 at most), the oldest first.
    pub fn last(&self, n: usize) -> Vec<Entry> {
        let n = n.min(KEPT).min(usize::try_from(self.count()).unwrap_or(KEPT));
        (1..=n).rev().map(|back| Entry::decode(&self.block[(self.fill + BLOCK - back) % BLOCK])).collect()
    }

    #[cold]
    fn hash_block(&mut self) {
        self.hash.update(self.block.as_flattened());
        self.count += self.fill as u64;
        self.fill = 0;
    }
}
