//! What of the trace a report shows with a finding: the event in which it was made, and what led to it. A device's reads and
//! writes fill most of a trace and say least, so they are left out; what comes seldom and explains much is kept for longer.

use super::World;
use crate::hosted::Machines;
use crate::kinds::{self, render};
use mirror::stage::Stage;
use mirrorsim_engine::Entry;
use std::collections::{BTreeMap, VecDeque};

/// Entries that are shown.
const SHOWN: usize = 10;
/// Those of them that are landmarks from further back.
const FAR: usize = 3;
/// Those of them that the event itself has led to.
const AFTER: usize = 4;
/// Entries of the trace that are looked through.
const SEEN: usize = 1_024;
/// Stages that change who serves, or are about to.
const TURNS: [Stage; 9] = [
    Stage::Degraded,
    Stage::InSync,
    Stage::Promoted,
    Stage::Retired,
    Stage::Reclaimed,
    Stage::RecoveryStarted,
    Stage::Recovered,
    Stage::ResyncSealed,
    Stage::ResyncCut,
];

/// The last faults, alarms, starts and turns of a run, with their numbers.
#[derive(Debug, Default)]
pub(crate) struct Landmarks(VecDeque<(u64, Entry)>);

impl Landmarks {
    /// Looks at an entry; `number` is its place in the trace.
    #[inline]
    pub fn pass(&mut self, number: u64, e: &Entry) {
        let turn = |e: &Entry| TURNS.iter().any(|stage| *stage as u16 == e.flags);
        if (rare(e.kind) && !(e.kind == kinds::START && e.a == 0)) || (e.kind == kinds::STAGE && turn(e)) {
            if self.0.len() == SHOWN {
                self.0.pop_front();
            }
            self.0.push_back((number, *e));
        }
    }
}

fn rare(kind: u16) -> bool {
    matches!(
        kind,
        kinds::START | kinds::CRASH | kinds::ALARM | kinds::FAULT | kinds::FAULT_END | kinds::PHASE
    )
}

/// Whether an entry says by itself what the protocol does.
fn telling(kind: u16) -> bool {
    const DEVICES: [u16; 6] =
        [kinds::READ, kinds::WRITE, kinds::DISCARD, kinds::FLUSH, kinds::DONE, kinds::TIMER];
    !DEVICES.contains(&kind)
}

impl<M: Machines> World<'_, M> {
    /// The lines to the first finding, made in the event that begins with entry `event`; without one, to the end.
    pub(crate) fn lead_up(&self, event: Option<u64>) -> Vec<String> {
        let mirror = self.bench.failures().first().and_then(|f| self.mirror_in(&f.message));
        let concerns = |e: &Entry| rare(e.kind) || mirror.is_none_or(|m| self.is_about(m, e));
        let last = self.trace.last(SEEN);
        let first = self.trace.count() - last.len() as u64;
        let event = event.unwrap_or(self.trace.count());
        let told = (first..).zip(last).filter(|(n, e)| *n == event || (telling(e.kind) && concerns(e)));
        let (before, since): (Vec<_>, Vec<_>) = told.partition(|(n, _)| *n < event);
        let mut shown: BTreeMap<u64, Entry> = since.into_iter().take(1 + AFTER).collect();
        let near = (SHOWN - FAR).saturating_sub(shown.len());
        shown.extend(before.iter().rev().take(near).copied());
        let nearest = shown.keys().next().copied().unwrap_or(event);
        shown.extend(self.landmarks.0.iter().rev().filter(|(n, _)| *n < nearest).take(FAR).copied());
        let more = SHOWN.saturating_sub(shown.len());
        shown.extend(before.iter().rev().skip(near).take(more).copied());
        shown.iter().map(|(n, e)| format!("{n:>7} {}", render(self.spec, e))).collect()
    }

    /// Whose mirror a finding names.
    fn mirror_in(&self, message: &str) -> Option<usize> {
        let words: Vec<&str> = message.split([' ', ':', ',']).collect();
        let named = words.windows(2).find(|w| matches!(w[0], "mirror" | "source"))?[1];
        self.spec.sources.iter().position(|s| s.name == named)
    }

    /// Whether an entry is about a mirror: its servers, its clients, its stages.
    fn is_about(&self, mirror: usize, e: &Entry) -> bool {
        let client = |n: usize| self.spec.clients.get(n).is_some_and(|c| c.source == mirror);
        let (actor, peer) = (usize::from(e.actor), usize::from(e.peer));
        match e.kind {
            kinds::REQUEST | kinds::REPLY => client(peer),
            kinds::ANSWERED => client(actor.wrapping_sub(100)),
            kinds::STAGE => peer == mirror,
            // A server of another mirror and the destination: that is about the other one.
            _ => [actor, peer].into_iter().any(|s| !self.is_destination(s) && self.mirror_of(s) == mirror),
        }
    }
}
