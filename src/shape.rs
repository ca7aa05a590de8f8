//! What a mirror was made for, as its superblock keeps it: who starts it with other numbers is told which one differs,
//! before anything is read with them.

use crate::codec::{check, get_u64, put_u64};
use crate::geometry::Geometry;
use alloc::vec::Vec;

/// Names of the numbers, in order.
pub const NAMES: [&str; 10] = [
    "block size",
    "partitions",
    "partition size",
    "log files",
    "segment size",
    "size of a log file",
    "first place of its log files",
    "slots of its clients",
    "volumes",
    "sizes of its volumes",
];

/// The numbers; all zero = not written yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Shape(pub [u64; NAMES.len()]);

impl Shape {
    /// Of a configuration.
    pub fn of(g: &Geometry) -> Shape {
        let sizes: Vec<u8> = g.volumes.iter().flat_map(|size| size.to_le_bytes()).collect();
        Shape([
            g.block_size,
            g.partitions,
            g.partition_size,
            g.files,
            g.segment_size,
            g.file_size,
            g.first_place,
            g.clients as u64 * g.slots as u64,
            g.volumes.len() as u64,
            check(&sizes),
        ])
    }

    /// The first number that differs: which, what is written, what is configured.
    pub fn differs(&self, own: &Shape) -> Option<(usize, u64, u64)> {
        if *self == Shape::default() {
            return None;
        }
        (0..NAMES.len()).find(|i| self.0[*i] != own.0[*i]).map(|i| (i, self.0[i], own.0[i]))
    }

    /// Writes it at byte `at`.
    pub fn put(&self, out: &mut [u8], at: usize) {
        for (i, value) in self.0.iter().enumerate() {
            put_u64(out, at + i * 8, *value);
        }
    }

    /// Reads it at byte `at`.
    pub fn get(bytes: &[u8], at: usize) -> Shape {
        Shape(core::array::from_fn(|i| get_u64(bytes, at + i * 8)))
    }
}
