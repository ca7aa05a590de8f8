//! What operators order at drawn moments: that a mirror be promoted, whether its source lives or not, and that the clients
//! go back. Some orders are given twice, by two operators at once or by one who has heard nothing; many come at the wrong
//! moment. And that a destination which is lost be replaced by an empty one.

use super::drawn::{DrawFault, some_of};
use crate::sites;
use crate::spec::{Fault, FaultSpec, Nanos, Profile, When};
use mirror::stage::Stage;
use mirrorsim_engine::Decisions;

/// The streams of the orders; 42 to 46 are of the families before them.
const PROMOTIONS: u32 = 47;
const HAND_OVERS: u32 = 48;
const REPLACEMENTS: u32 = 49;
const MOMENTS: u32 = 103;

/// Steps of the life of a mirror at which orders come, beside those of all faults.
const STEPS: [Stage; 12] = [
    Stage::Degraded,
    Stage::ResyncBegun,
    Stage::ResyncReady,
    Stage::ResyncCut,
    Stage::ResyncSealed,
    Stage::InSync,
    Stage::RecoveryStarted,
    Stage::RecoveryStep,
    Stage::Recovered,
    Stage::Promoted,
    Stage::Retired,
    Stage::Booted,
];

/// Adds the orders, of which so many thousandths are expected, and draws a third of the faults that come on a step of the
/// protocol to a step of these lives instead.
pub(super) fn orders(
    faults: &mut Vec<FaultSpec>,
    p: &Profile,
    sources: u64,
    milli: [u64; 3],
    d: &mut Decisions,
) {
    if milli[0] + milli[2] > 0 {
        for fault in faults.iter_mut().filter(|f| f.place.is_empty()) {
            into_the_life(&mut fault.when, 0, d);
        }
    }
    let promote: DrawFault<'_> = &|d| Fault::Recover { source: d.source(sources), promote: true };
    let hand_over: DrawFault<'_> = &|d| Fault::HandOver { source: d.source(sources) };
    for (subject, milli, draw) in [(PROMOTIONS, milli[0], promote), (HAND_OVERS, milli[1], hand_over)] {
        for mut order in some_of(d, subject, milli, p, draw) {
            into_the_life(&mut order.when, p.longest, d);
            if subject == HAND_OVERS && d.below(sites::PLAN, MOMENTS, 2) == 0 {
                order.when = in_season(p.longest, d);
            }
            let again = match d.below(sites::PLAN, MOMENTS, 4) {
                0 => Some(0),
                1 => Some(d.below(sites::PLAN, MOMENTS, p.longest.max(1))),
                _ => None,
            };
            let second = again.map(|after| later(&order, after));
            faults.push(order);
            faults.extend(second);
        }
    }
    let replace: DrawFault<'_> = &|d| Fault::Replace { source: d.source(sources) };
    faults.extend(some_of(d, REPLACEMENTS, milli[2], p, replace));
}

/// A moment at which somebody may want the clients back: after a promotion, or a resync.
fn in_season(longest: Nanos, d: &mut Decisions) -> When {
    let mut below = |n| d.below(sites::PLAN, MOMENTS, n);
    let stage = if below(2) == 0 { Stage::Promoted } else { Stage::InSync };
    When::On { stage, nth: 1 + below(3), source: None, node: None, delay: below(4 * longest.max(1)) }
}

/// The same order, given again.
fn later(order: &FaultSpec, after: Nanos) -> FaultSpec {
    let mut second = order.clone();
    match &mut second.when {
        When::At(at) => *at += after,
        When::On { delay, .. } => *delay += after,
    }
    second
}

/// An order may also come some time after its step: `longest` at most.
fn into_the_life(when: &mut When, longest: Nanos, d: &mut Decisions) {
    let mut below = |n| d.below(sites::PLAN, MOMENTS, n);
    let chance = if longest > 0 { 1 } else { 3 };
    if let When::On { stage, nth, delay, .. } = when
        && below(chance) == 0
    {
        *stage = STEPS[below(STEPS.len() as u64) as usize];
        *nth = 1 + below(4);
        if longest > 0 && below(2) == 0 {
            *delay += below(longest);
        }
    }
}
