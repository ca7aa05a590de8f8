//! What the writers of a source were told is done, for the count of what a recovery lacks. What the image holds durably
//! is only counted, so that a long run needs no more memory than a short one.

use crate::spec::Nanos;
use mirror::ids::Position;
use std::collections::VecDeque;

/// So many are looked through before the settled ones are let go.
const BATCH: usize = 1024;

/// An answered write: where it stands, when it was answered, its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Acked {
    pub position: Position,
    pub time: Nanos,
    pub bytes: u64,
}

/// All answered writes of a source, in the order of their answers.
#[derive(Clone, Debug, Default)]
pub(crate) struct AckedWrites {
    /// The first ones, which the image holds: how many, and up to where they reach.
    settled: u64,
    settled_to: Position,
    recent: VecDeque<Acked>,
    /// With so many recent ones it is time to look what has settled.
    full: usize,
}

/// What a recovery lacks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Lacking {
    pub operations: u64,
    pub bytes: u64,
    /// When the first of them was answered.
    pub since: Option<Nanos>,
}

impl AckedWrites {
    /// One more; `applied` = how far the image goes durably.
    pub fn push(&mut self, acked: Acked, applied: impl FnOnce() -> Position) {
        self.recent.push_back(acked);
        if self.recent.len() < self.full.max(BATCH) {
            return;
        }
        let applied = applied();
        while let Some(first) = self.recent.front().filter(|a| a.position <= applied) {
            self.settled_to = self.settled_to.max(first.position);
            self.settled += 1;
            self.recent.pop_front();
        }
        self.full = self.recent.len() + BATCH;
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.settled + self.recent.len() as u64
    }

    /// What is missing of the first `count` in a recovery up to `position`. It never ends below what has settled; if it
    /// does, all of that counts.
    pub fn lacking(&self, count: u64, position: Position) -> Lacking {
        let mut lacking = Lacking::default();
        if position < self.settled_to {
            lacking.operations = self.settled;
        }
        let recent = count.saturating_sub(self.settled) as usize;
        for acked in self.recent.iter().take(recent).filter(|a| a.position > position) {
            lacking.operations += 1;
            lacking.bytes += acked.bytes;
            lacking.since = Some(lacking.since.map_or(acked.time, |since| since.min(acked.time)));
        }
        lacking
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_settled_is_let_go_and_what_is_missing_is_counted() {
        let mut all = AckedWrites::default();
        let at = |i: u64| Position::new(1 + i / 100, 1 + i % 100);
        for i in 0..100_000u64 {
            let applied = || at(i.saturating_sub(50));
            all.push(Acked { position: at(i), time: i, bytes: 10 }, applied);
            assert!(all.recent.len() <= 2 * BATCH);
        }
        assert_eq!(all.count(), 100_000);
        let lacking = all.lacking(99_990, at(99_979));
        assert_eq!(lacking, Lacking { operations: 10, bytes: 100, since: Some(99_980) });
        assert_eq!(all.lacking(99_990, at(99_999)), Lacking::default());
        assert!(all.lacking(100_000, at(3)).operations > 90_000);
    }
}
