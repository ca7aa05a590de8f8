//! The same seed twice, side by side: where do the two part? Each waits for the other, so that a run of any length is
//! compared in little memory.

use crate::blame;
use crate::plan::Plan;
use crate::watch::{Circle, Pulse};
use crate::worker::STACK;
use mirrorsim_world::{Entry, Options, Watch, render};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Builder;

/// Entries that one run may be ahead of the other.
const AHEAD: usize = 1024;

/// An entry of a trace as it is told by a run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Told {
    /// Virtual time, ns.
    pub time: u64,
    /// In words, which leave out some of it.
    pub text: String,
    /// All of it: what is in the digest.
    pub words: [u64; 5],
}

impl Told {
    /// An entry of a run of this plan.
    pub fn of(plan: &Plan, entry: &Entry) -> Told {
        let bytes = entry.encode();
        let word = |i: usize| u64::from_le_bytes(std::array::from_fn(|b| bytes[i * 8 + b]));
        Told { time: entry.time, text: render(&plan.scenario.spec, entry), words: std::array::from_fn(word) }
    }
}

/// The first event in which two runs of one seed differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Number of the event.
    pub event: u64,
    /// Virtual time of the earlier of the two.
    pub time: u64,
    /// What happened in the one; `None` if it had ended.
    pub one: Option<String>,
    /// What happened in the other.
    pub other: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |text: &Option<String>| match text {
            Some(text) => format!("`{}`", text.trim()),
            None => "nothing, it had ended".to_owned(),
        };
        write!(f, "event {}: one has {}, the other {}", self.event, side(&self.one), side(&self.other))
    }
}

/// Compares two traces, entry by entry; `None` if they are the same.
pub fn parting(
    mut one: impl FnMut() -> Option<Told>,
    mut other: impl FnMut() -> Option<Told>,
) -> Option<Difference> {
    for event in 0.. {
        let (one, other) = (one(), other());
        if one.is_none() && other.is_none() {
            break;
        }
        if one == other {
            continue;
        }
        let time = one.iter().chain(&other).map(|t| t.time).min().unwrap_or(0);
        let same_text = one.as_ref().map(|t| &t.text) == other.as_ref().map(|t| &t.text);
        // What the words leave out is told in numbers.
        let shown = |t: Told| match same_text {
            true => format!("{} {:x?}", t.text, t.words),
            false => t.text,
        };
        return Some(Difference { event, time, one: one.map(shown), other: other.map(shown) });
    }
    None
}

/// Runs a seed twice, in two threads, and compares every event; `None` if the two are the same.
pub fn first_difference(plan: &Plan, seed: u64) -> Option<Difference> {
    std::thread::scope(|scope| {
        let start = || {
            let (sender, told) = sync_channel(AHEAD);
            let run = move || {
                let watch = Arc::new(Teller { plan: plan.clone(), pulse: Pulse::default(), sender });
                let options =
                    Options { watch: Some(watch), images: false, trace: false, ..plan.options(seed) };
                let _ = blame::guarded(|| mirrorsim_world::run(&plan.scenario.spec, seed, &options));
            };
            Builder::new().stack_size(STACK).spawn_scoped(scope, run).ok().map(|_| told)
        };
        let (one, other): (Receiver<Told>, Receiver<Told>) = (start()?, start()?);
        // A run whose receiver is gone ends, so that the other threads end, too.
        parting(move || one.recv().ok(), move || other.recv().ok())
    })
}

/// Tells every entry to whoever compares.
#[derive(Debug)]
struct Teller {
    plan: Plan,
    pulse: Pulse,
    sender: SyncSender<Told>,
}

impl Watch for Teller {
    fn entry(&self, entry: &Entry) {
        self.pulse.entry(entry);
        if self.sender.send(Told::of(&self.plan, entry)).is_err() {
            resume_unwind(Box::new(Circle));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::tests::plan;

    fn told(time: u64, text: &str, word: u64) -> Told {
        Told { time, text: text.into(), words: [word; 5] }
    }

    /// Where two lists part.
    fn part(one: &[Told], other: &[Told]) -> Option<Difference> {
        let (mut one, mut other) = (one.iter().cloned(), other.iter().cloned());
        parting(move || one.next(), move || other.next())
    }

    #[test]
    fn the_first_difference_is_named_with_both_sides() {
        let (a, b, c) = (told(1, "a", 1), told(2, "b", 2), told(3, "c", 3));
        assert_eq!(part(&[a.clone(), b.clone()], &[a.clone(), b.clone()]), None);
        let found = part(&[a.clone(), b.clone()], &[a.clone(), c]).expect("a difference");
        assert_eq!((found.event, found.time), (1, 2));
        assert_eq!(found.to_string(), "event 1: one has `b`, the other `c`");
        let found = part(std::slice::from_ref(&a), &[a.clone(), b]).expect("a difference");
        assert_eq!(found.to_string(), "event 1: one has nothing, it had ended, the other `b`");
        let found = part(&[a], &[told(1, "a", 9)]).expect("the text does not show it");
        assert_ne!(found.one, found.other);
    }

    #[test]
    fn a_seed_is_equal_to_itself() {
        assert_eq!(first_difference(&plan("1"), 5), None);
    }
}
