//! Whether a run still gets anywhere, as its trace shows it.

use mirrorsim_scenario::estimate;
use mirrorsim_world::spec::Spec;
use mirrorsim_world::{Entry, Watch, render};
use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Entries at one moment of virtual time above which a run is taken to go round in a circle: so many, and so many of each
/// operation and block, which may all come at once. It is found out soon where little is done, so that it can be reduced.
const CROWD: u64 = 100_000;
const OF_AN_OPERATION: u64 = 100;
/// Last entries that are kept.
const LAST: usize = 12;

/// What is thrown out of a run that goes round in a circle.
pub(crate) struct Circle;

/// Counts entries, for another thread to look at, and ends a run in which time stands still.
#[derive(Debug)]
pub(crate) struct Pulse {
    most: u64,
    entries: AtomicU64,
    time: AtomicU64,
    crowd: AtomicU64,
    waits: AtomicBool,
}

impl Pulse {
    /// Of a run of that kind.
    pub fn of(spec: &Spec) -> Pulse {
        let volumes = spec.sources.iter().flat_map(|s| &s.volumes);
        // A resync may take every block at once, where nothing takes time.
        let blocks =
            volumes.map(|v| v.size / u64::from(spec.protocol.block_size.max(1))).fold(0, u64::saturating_add);
        let things = estimate(spec).operations.saturating_add(blocks);
        Pulse::with_most(things.saturating_mul(OF_AN_OPERATION).saturating_add(CROWD))
    }

    fn with_most(most: u64) -> Pulse {
        let (entries, time, crowd, waits) = Default::default();
        Pulse { most, entries, time, crowd, waits }
    }

    /// How many entries there were.
    pub fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }

    /// Whether the run waits for whoever it tells its entries, which says nothing of the run.
    pub fn waits(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }

    /// Does something that may have to wait for others.
    pub fn waiting(&self, f: impl FnOnce()) {
        self.waits.store(true, Ordering::Relaxed);
        f();
        self.waits.store(false, Ordering::Relaxed);
    }

    fn beat(&self, time: u64) {
        // One thread writes: no need for anything stronger.
        let entries = self.entries() + 1;
        self.entries.store(entries, Ordering::Relaxed);
        if self.time.load(Ordering::Relaxed) != time {
            self.time.store(time, Ordering::Relaxed);
            self.crowd.store(0, Ordering::Relaxed);
            return;
        }
        let crowd = self.crowd.load(Ordering::Relaxed) + 1;
        self.crowd.store(crowd, Ordering::Relaxed);
        // What was sent before may all arrive at once: to a server that stood still, say.
        if crowd > self.most.saturating_add(entries - crowd) {
            resume_unwind(Box::new(Circle));
        }
    }
}

impl Watch for Pulse {
    fn entry(&self, entry: &Entry) {
        self.beat(entry.time);
    }

    fn again(&self) {
        self.waits.store(true, Ordering::Relaxed);
    }
}

/// The last entries of a run that may not get to its end.
#[derive(Debug, Default)]
pub(crate) struct Last {
    /// Of the next entry.
    next: u64,
    entries: VecDeque<Entry>,
}

impl Last {
    /// The number of the next entry; the first has 0.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Takes an entry.
    pub fn add(&mut self, number: u64, entry: Entry) {
        if self.entries.len() == LAST {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
        self.next = number + 1;
    }

    /// Number and time of the last one; zeros: there is none.
    pub fn place(&self) -> (u64, u64) {
        (self.next.saturating_sub(1), self.entries.back().map_or(0, |e| e.time))
    }

    /// All that are kept, in words.
    pub fn lines(&self, spec: &Spec) -> Vec<String> {
        self.entries.iter().map(|e| render(spec, e)).collect()
    }
}

/// Keeps the last entries.
#[derive(Debug)]
pub(crate) struct Recorder {
    pulse: Pulse,
    last: Mutex<Last>,
}

impl Recorder {
    /// Of a run of that kind.
    pub fn of(spec: &Spec) -> Recorder {
        Recorder { pulse: Pulse::of(spec), last: Mutex::default() }
    }

    /// The last entries.
    pub fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for Recorder {
    fn entry(&self, entry: &Entry) {
        self.last().add(self.pulse.entries(), *entry);
        self.pulse.entry(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blame::{End, guarded};

    #[test]
    fn a_circle_is_left_and_time_that_goes_on_is_none() {
        let pulse = Pulse::with_most(5);
        (0..100).for_each(|time| pulse.beat(time / 5));
        assert_eq!(pulse.entries(), 100);
        // Each that was there before may have sent one that arrives now.
        let round = guarded(|| (0..400).for_each(|_| pulse.beat(20)));
        assert!(matches!(round, Err(End::Circle)), "{round:?}");
        assert_eq!(pulse.entries(), 208);
    }

    #[test]
    fn a_run_waits_for_whoever_it_tells_and_no_longer() {
        let pulse = Pulse::with_most(5);
        pulse.waiting(|| assert!(pulse.waits()));
        assert!(!pulse.waits());
    }

    #[test]
    fn the_last_entries_have_their_numbers() {
        let mut last = Last::default();
        assert_eq!((last.next(), last.place()), (0, (0, 0)));
        (70..90).for_each(|number| last.add(number, Entry { time: number * 10, ..Entry::default() }));
        assert_eq!((last.next(), last.place(), last.entries.len()), (90, (89, 890), LAST));
        assert_eq!(last.entries.front().map(|e| e.time), Some(780));
    }
}
