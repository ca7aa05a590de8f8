//! Whether a run still gets anywhere, as its trace shows it.

use mirrorsim_scenario::estimate;
use mirrorsim_world::spec::Spec;
use mirrorsim_world::{Entry, Watch, render};
use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Entries at one moment of virtual time above which a run is taken to go round in a circle: so many, and so many of each
/// operation, which may all be asked for at once. It is found out soon where little is done, so that it can be reduced.
const CROWD: u64 = 100_000;
const OF_AN_OPERATION: u64 = 100;
/// Last entries that are kept.
pub(crate) const LAST: usize = 12;

/// What is thrown out of a run that goes round in a circle.
pub(crate) struct Circle;

/// Counts entries, for another thread to look at, and ends a run in which time stands still.
#[derive(Debug)]
pub(crate) struct Pulse {
    most: u64,
    entries: AtomicU64,
    time: AtomicU64,
    crowd: AtomicU64,
}

impl Pulse {
    /// Of a run of that kind.
    pub fn of(spec: &Spec) -> Pulse {
        Pulse::with_most(estimate(spec).operations.saturating_mul(OF_AN_OPERATION).saturating_add(CROWD))
    }

    fn with_most(most: u64) -> Pulse {
        let (entries, time, crowd) = Default::default();
        Pulse { most, entries, time, crowd }
    }

    /// How many entries there were.
    pub fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
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
        if crowd > self.most {
            resume_unwind(Box::new(Circle));
        }
    }
}

impl Watch for Pulse {
    fn entry(&self, entry: &Entry) {
        self.beat(entry.time);
    }
}

/// Keeps the last entries, for a run that will not get to its end.
#[derive(Debug)]
pub(crate) struct Recorder {
    pulse: Pulse,
    last: Mutex<VecDeque<Entry>>,
}

impl Recorder {
    /// Of a run of that kind.
    pub fn of(spec: &Spec) -> Recorder {
        Recorder { pulse: Pulse::of(spec), last: Mutex::default() }
    }

    /// Number and time of the last entry.
    pub fn last(&self) -> (u64, u64) {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        (self.pulse.entries().saturating_sub(1), last.back().map_or(0, |e| e.time))
    }

    /// The last entries in words.
    pub fn lines(&self, spec: &Spec) -> Vec<String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|e| render(spec, e)).collect()
    }
}

impl Watch for Recorder {
    fn entry(&self, entry: &Entry) {
        {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.len() == LAST {
                last.pop_front();
            }
            last.push_back(*entry);
        }
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
        let round = guarded(|| (0..100).for_each(|_| pulse.beat(20)));
        assert!(matches!(round, Err(End::Circle)), "{round:?}");
        assert_eq!(pulse.entries(), 107);
    }
}
