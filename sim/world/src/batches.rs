//! Batches of a roll-forward that rehearsals have done before. What a batch writes is a function of the superblock that it
//! starts from, of its records and of the blocks that it reads: with all of these equal, byte by byte, its writes are put
//! down as they are.

use bytes::Bytes;
use mirror::record::Record;
use mirror::superblock::Superblock;
use std::collections::VecDeque;

/// So many batches of a mirror are remembered.
const BATCHES: usize = 48;

/// A record by its bytes.
pub struct Known {
    encoded: Bytes,
    payload: Bytes,
}

impl Known {
    /// That record.
    pub fn of(record: &Record) -> Self {
        Known { encoded: record.encoded.clone(), payload: record.payload.clone() }
    }

    /// Whether it is this one.
    pub fn is(&self, record: &Record) -> bool {
        same(&self.encoded, &record.encoded) && same(&self.payload, &record.payload)
    }
}

/// Equal bytes; the same buffer is recognised by its address.
fn same(a: &Bytes, b: &Bytes) -> bool {
    a.len() == b.len() && (a.as_ptr() == b.as_ptr() || a == b)
}

/// A batch.
pub struct Batch {
    before: Superblock,
    records: Vec<Known>,
    read: Vec<Bytes>,
    /// What it wrote to the image disk, in order.
    pub writes: Vec<(u64, Bytes)>,
    /// What it led to.
    pub after: Superblock,
    /// Effects that it took behind its read.
    pub steps: u64,
}

impl Batch {
    /// A batch that begins after so many `steps`.
    pub fn new(before: &Superblock, records: &[Record], read: &[Bytes], steps: u64) -> Self {
        let records = records.iter().map(Known::of).collect();
        let (before, after, read) = (*before, *before, read.to_vec());
        Batch { before, records, read, writes: Vec::new(), after, steps }
    }

    fn is(&self, before: &Superblock, records: &[Record], read: &[Bytes]) -> bool {
        self.before == *before
            && self.records.len() == records.len()
            && self.records.iter().zip(records).all(|(known, record)| known.is(record))
            && self.read.len() == read.len()
            && self.read.iter().zip(read).all(|(a, b)| same(a, b))
    }
}

/// Batches of one mirror, newest last.
#[derive(Default)]
pub struct Batches {
    batches: VecDeque<Batch>,
}

impl Batches {
    /// None is known any more.
    pub fn clear(&mut self) {
        self.batches.clear();
    }

    /// The batch that starts like this.
    pub fn find(&self, before: &Superblock, records: &[Record], read: &[Bytes]) -> Option<&Batch> {
        self.batches.iter().rev().find(|batch| batch.is(before, records, read))
    }

    /// A batch was done.
    pub fn add(&mut self, batch: Batch) {
        if self.batches.len() == BATCHES {
            self.batches.pop_front();
        }
        self.batches.push_back(batch);
    }
}
