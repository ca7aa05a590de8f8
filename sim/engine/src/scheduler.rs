//! The clock and the queue of what happens next.

use std::collections::VecDeque;

/// Bits of a key that hold the slot of the event; a key is `time << 64 | order << SLOT_BITS | slot`.
const SLOT_BITS: u32 = 24;
const SLOT_MASK: u128 = (1 << SLOT_BITS) - 1;

/// A queue of events in order of time; events of the same time come out in the order in which they were put in.
///
/// The heap moves 16-byte keys only; an event lies still in its slot. Events for the current time never enter the heap.
/// Keep `E` small (64 bytes at most) and payloads elsewhere.
#[derive(Debug)]
pub struct Scheduler<E> {
    now: u64,
    /// Counts in units of `1 << SLOT_BITS`, so that running out of orders is an overflow and panics.
    order: u64,
    /// A 4-ary heap: the four children of `i` are `4i + 1 ..= 4i + 4`, which is one cache line of keys.
    keys: Vec<u128>,
    slots: Vec<Option<E>>,
    free: Vec<u32>,
    /// Events for `now`. Whatever the heap holds for `now` was put in before the clock came here, so it goes first.
    soon: VecDeque<E>,
}

impl<E> Default for Scheduler<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> Scheduler<E> {
    /// An empty queue at time 0.
    pub fn new() -> Self {
        Scheduler {
            now: 0,
            order: 0,
            keys: Vec::new(),
            slots: Vec::new(),
            free: Vec::new(),
            soon: VecDeque::new(),
        }
    }

    /// The current time in nanoseconds: the time of the event that came out last.
    #[inline]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Puts in an event for `time` (ns); a time in the past means now.
    ///
    /// # Panics
    /// If more than 2^24 events wait, or more than 2^40 were ever put in for a later time.
    #[inline]
    pub fn at(&mut self, time: u64, event: E) {
        if time <= self.now {
            self.soon.push_back(event);
            return;
        }
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(event);
                slot
            }
            None => self.new_slot(event),
        };
        let order = self.order;
        self.order += 1 << SLOT_BITS;
        let key = u128::from(time) << 64 | u128::from(order) | u128::from(slot);
        self.push(key);
    }

    /// Takes out the next event and moves the clock to its time.
    #[allow(clippy::should_implement_trait)] // An iterator would borrow the queue that its events feed.
    #[inline]
    pub fn next(&mut self) -> Option<E> {
        if !self.soon.is_empty() && self.keys.first().is_none_or(|&key| (key >> 64) as u64 != self.now) {
            return self.soon.pop_front();
        }
        let key = self.pop()?;
        self.now = (key >> 64) as u64;
        let slot = (key & SLOT_MASK) as u32;
        self.free.push(slot);
        self.slots[slot as usize].take()
    }

    /// The time (ns) of the next event.
    #[inline]
    pub fn peek_time(&self) -> Option<u64> {
        if !self.soon.is_empty() {
            return Some(self.now);
        }
        self.keys.first().map(|&key| (key >> 64) as u64)
    }

    /// The events that wait, with their times, in the order in which they will come.
    pub fn waiting(&self) -> Vec<(u64, &E)> {
        let mut keys = self.keys.clone();
        keys.sort_unstable();
        let event = |key: &u128| {
            let slot = self.slots.get((key & SLOT_MASK) as usize)?;
            Some(((key >> 64) as u64, slot.as_ref()?))
        };
        let mut all: Vec<_> = keys.iter().filter_map(event).collect();
        let due = all.iter().take_while(|(time, _)| *time <= self.now).count();
        all.splice(due..due, self.soon.iter().map(|event| (self.now, event)));
        all
    }

    /// How many events wait.
    pub fn len(&self) -> usize {
        self.keys.len() + self.soon.len()
    }

    /// Whether no event waits.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.soon.is_empty()
    }

    /// Takes out everything that waits, in no promised order of drops; the clock stays.
    pub fn clear(&mut self) {
        self.keys.clear();
        self.slots.clear();
        self.free.clear();
        self.soon.clear();
    }

    #[cold]
    fn new_slot(&mut self, event: E) -> u32 {
        let slot = self.slots.len() as u32;
        assert!(u128::from(slot) <= SLOT_MASK, "more than 2^24 events wait");
        self.slots.push(Some(event));
        slot
    }

    #[inline]
    fn push(&mut self, key: u128) {
        let mut hole = self.keys.len();
        self.keys.push(key);
        while hole > 0 {
            let parent = (hole - 1) / 4;
            if self.keys[parent] <= key {
                break;
            }
            self.keys[hole] = self.keys[parent];
            hole = parent;
        }
        self.keys[hole] = key;
    }

    #[inline]
    fn pop(&mut self) -> Option<u128> {
        let last = self.keys.pop()?;
        let Some(&top) = self.keys.first() else {
            return Some(last);
        };
        let mut hole = 0;
        loop {
            let (child, least) = least_child(&self.keys, hole);
            if least >= last {
                break;
            }
            self.keys[hole] = least;
            hole = child;
        }
        self.keys[hole] = last;
        Some(top)
    }
}

/// Index and key of the least child; the greatest key if there is none.
#[inline]
fn least_child(keys: &[u128], parent: usize) -> (usize, u128) {
    let first = parent * 4 + 1;
    if let Some(four) = keys.get(first..first + 4) {
        let left = if four[1] < four[0] { (1, four[1]) } else { (0, four[0]) };
        let right = if four[3] < four[2] { (3, four[3]) } else { (2, four[2]) };
        let (index, least) = if right.1 < left.1 { right } else { left };
        return (first + index, least);
    }
    let mut best = (first, u128::MAX);
    for (index, &key) in keys.iter().enumerate().skip(first) {
        if key < best.1 {
            best = (index, key);
        }
    }
    best
}
