//! The same seed twice, side by side: where do the two part? Each waits for the other, so that a run of any length is
//! compared in little memory.

use crate::blame;
use crate::plan::Plan;
use crate::serve::words;
use crate::watch::{Circle, Pulse};
use crate::worker::STACK;
use mirrorsim_world::spec::Spec;
use mirrorsim_world::{Entry, Options, Watch, planned, render};
use std::collections::VecDeque;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Builder;

/// Entries that one run may be ahead of the other.
const AHEAD: usize = 1024;

/// An entry of a trace as it is told by a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// Virtual time, ns.
    pub time: u64,
    /// In words, which leave out some of it.
    pub text: String,
    /// All of it: what is in the digest.
    pub words: [u64; 5],
}

impl Told {
    /// An entry of a run of this spec.
    pub fn of(spec: &Spec, entry: &Entry) -> Told {
        Told { time: entry.time, text: render(spec, entry), words: words(entry) }
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

/// Two runs side by side, as far as they are the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diverging {
    /// The first event in which they differ; `None`: in none.
    pub difference: Option<Difference>,
    /// The events right before it, which both have.
    pub before: Vec<String>,
    /// Events that both have, from the beginning.
    pub same: u64,
}

/// Compares two traces, and keeps so many events before the first difference.
pub fn diverging(
    kept: usize,
    mut one: impl FnMut() -> Option<Told>,
    other: impl FnMut() -> Option<Told>,
) -> Diverging {
    let (mut before, mut told) = (VecDeque::new(), 0);
    let one = || {
        let next = one()?;
        before.push_back(next.text.clone());
        told += 1;
        // The last one may turn out to be the one that differs.
        if before.len() > kept + 1 {
            before.pop_front();
        }
        Some(next)
    };
    let difference = parting(one, other);
    let same = difference.as_ref().map_or(told, |d| d.event);
    before.truncate(before.len().saturating_sub((told - same) as usize));
    Diverging { difference, before: before.into(), same }
}

/// Runs a seed twice, in two threads, and compares every event; `None` if the two are the same.
pub fn first_difference(plan: &Plan, seed: u64) -> Option<Difference> {
    std::thread::scope(|scope| {
        let start = || {
            let (sender, told) = sync_channel(AHEAD);
            let run = move || {
                let options = plan.options(seed);
                let spec = planned(&plan.scenario.spec, seed, &options.overrides);
                let watch = Arc::new(Teller { spec, pulse: Pulse::of(&plan.scenario.spec), sender });
                let options = Options { watch: Some(watch), images: false, trace: false, ..options };
                let _ = blame::guarded(|| (plan.host.run)(&plan.scenario.spec, seed, &options));
            };
            Builder::new().stack_size(STACK).spawn_scoped(scope, run).ok().map(|_| told)
        };
        let (one, other): (Receiver<Told>, Receiver<Told>) = (start()?, start()?);
        // A run whose receiver is gone ends, so that the other threads end, too.
        parting(|| one.recv().ok(), || other.recv().ok())
    })
}

/// Tells every entry to whoever compares.
#[derive(Debug)]
struct Teller {
    spec: Spec,
    pulse: Pulse,
    sender: SyncSender<Told>,
}

impl Watch for Teller {
    fn entry(&self, entry: &Entry) {
        self.pulse.entry(entry);
        if self.sender.send(Told::of(&self.spec, entry)).is_err() {
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
