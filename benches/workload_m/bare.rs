//! The bare loop: nothing but what the workload asks for, done right. No addresses of decisions, one generator; no
//! trace, but a digest over the completed writes.

use crate::{DESTINATION_LOG, IN_FLIGHT, LINK, SOURCE_LOG, SOURCES, payload};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

const REQUEST: u32 = 0;
const SOURCE_LOGGED: u32 = 1;
const FORWARD: u32 = 2;
const LOGGED: u32 = 3;
const ACK: u32 = 4;

struct Write {
    id: u64,
    checksum: u64,
    payload: [u8; payload::SIZE],
}

struct Bare {
    now: u64,
    order: u64,
    /// `time << 64 | order << 32 | kind << 16 | slot`.
    heap: BinaryHeap<Reverse<u128>>,
    soon: VecDeque<u32>,
    rng: ChaCha8Rng,
}

impl Bare {
    fn uniform(&mut self, (min, max): (u64, u64), event: u32) {
        let span = u128::from(max - min + 1);
        let time = self.now + min + ((u128::from(self.rng.next_u64()) * span) >> 64) as u64;
        self.order += 1;
        self.heap.push(Reverse(u128::from(time) << 64 | u128::from(self.order << 32) | u128::from(event)));
    }

    fn next(&mut self) -> Option<u32> {
        if let Some(event) = self.soon.pop_front() {
            return Some(event);
        }
        let Reverse(key) = self.heap.pop()?;
        self.now = (key >> 64) as u64;
        Some(key as u32)
    }
}

/// Runs `writes` writes; returns the digest.
pub fn run(seed: u64, writes: u64) -> u64 {
    let mut bare = Bare {
        now: 0,
        order: 0,
        heap: BinaryHeap::new(),
        soon: VecDeque::new(),
        rng: ChaCha8Rng::seed_from_u64(seed),
    };
    let mut slots: Vec<Write> = Vec::new();
    let mut hash = Xxh3Default::new();
    let mut completed: Vec<u8> = Vec::with_capacity(65_536);
    let mut issued = 0;
    for slot in 0..(SOURCES * IN_FLIGHT) as u32 {
        let mut write = Write { id: issued, checksum: 0, payload: [0; payload::SIZE] };
        payload::fill(&mut write.payload, issued);
        slots.push(write);
        issued += 1;
        bare.soon.push_back(REQUEST << 16 | slot);
    }
    while let Some(event) = bare.next() {
        let slot = event & 0xffff;
        let write = &mut slots[slot as usize];
        match event >> 16 {
            REQUEST => {
                write.checksum = xxh3_64(&write.payload);
                bare.uniform(SOURCE_LOG, SOURCE_LOGGED << 16 | slot);
            }
            SOURCE_LOGGED => bare.uniform(LINK, FORWARD << 16 | slot),
            FORWARD => {
                assert_eq!(write.checksum, xxh3_64(&write.payload));
                bare.uniform(DESTINATION_LOG, LOGGED << 16 | slot);
            }
            LOGGED => bare.uniform(LINK, ACK << 16 | slot),
            ACK => bare.soon.push_back(5 << 16 | slot),
            _ => {
                completed.extend_from_slice(&write.id.to_le_bytes());
                completed.extend_from_slice(&write.checksum.to_le_bytes());
                if completed.len() == 65_536 {
                    hash.update(&completed);
                    completed.clear();
                }
                if issued < writes {
                    write.id = issued;
                    payload::fill(&mut write.payload, issued);
                    issued += 1;
                    bare.soon.push_back(REQUEST << 16 | slot);
                }
            }
        }
    }
    hash.update(&completed);
    hash.digest()
}
