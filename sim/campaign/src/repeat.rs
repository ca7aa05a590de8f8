//! The same seed twice: where do the two part?

use crate::plan::Plan;
use crate::worker::{Judged, attempt};
use mirrorsim_world::{Options, render};

/// The first event in which two runs of one seed differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Number of the event.
    pub event: u64,
    /// What happened in the one; `None` if it had ended.
    pub one: Option<String>,
    /// What happened in the other.
    pub other: Option<String>,
}

/// Runs a seed twice and compares every event; `None` if the two are the same.
pub fn first_difference(plan: &Plan, seed: u64) -> Option<Difference> {
    let options = Options { trace: true, images: false, ..plan.options() };
    let Judged { run: one, .. } = attempt(plan, seed, &options);
    let Judged { run: other, .. } = attempt(plan, seed, &options);
    let longest = one.trace.len().max(other.trace.len());
    let event = (0..longest).find(|i| one.trace.get(*i) != other.trace.get(*i))?;
    let spec = &plan.scenario.spec;
    Some(Difference {
        event: event as u64,
        one: one.trace.get(event).map(|e| render(spec, e)),
        other: other.trace.get(event).map(|e| render(spec, e)),
    })
}
