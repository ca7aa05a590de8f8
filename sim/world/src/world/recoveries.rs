//! Recoveries that the operator ordered: begun when the mirror can, judged when they have ended.

use super::World;
use crate::event::Event;
use crate::outcome::RecoveryReport;
use crate::server::Machine;
use crate::spec::Nanos;
use crate::{kinds, rehearsal};
use mirror::destination::Standing;
use mirror::ids::Position;
use mirror::quirk::Quirk;

/// How often an operator asks whether a recovery can begin, ns.
const ASK: Nanos = 1_000_000;

impl<Q: Quirk> World<'_, Q> {
    pub fn try_recover(&mut self, source: usize) {
        let d = self.destination();
        let now = self.sched.now();
        if self.ordered.get(&source).is_none_or(|o| o.done) {
            return;
        }
        let paused = self.servers[d].paused_until > now;
        if let Some(Machine::Destination(m)) = self.servers[d].machine.as_mut()
            && !paused
            && matches!(m.standing(source as u16), Standing::Serving | Standing::Stopped)
        {
            m.handle_recover(now, source as u16);
            self.drain(d);
        }
        self.sched.at(now + ASK, Event::Recover { source: source as u16 });
    }

    /// Judges recoveries that have ended.
    pub(super) fn see_recoveries(&mut self) {
        if self.ordered.values().all(|o| o.done) {
            return;
        }
        let d = self.destination();
        let now = self.sched.now();
        let sources: Vec<usize> = self.ordered.iter().filter(|(_, o)| !o.done).map(|(s, _)| *s).collect();
        for source in sources {
            let Some(Machine::Destination(m)) = self.servers[d].machine.as_ref() else { return };
            let (replayed, before) = (m.replayed(source as u16), self.judge.total_findings());
            let (position, verdict, open) = match m.standing(source as u16) {
                Standing::Open(verdict, position) => {
                    let to = rehearsal::to_oracle(position, verdict);
                    self.judge.recovered(source, &self.servers[d].current(), to);
                    (position, kinds::verdict_text(to), true)
                }
                Standing::Lost => {
                    self.judge.unrecoverable(source, &self.servers[d].current());
                    (Position::ZERO, "none: no valid superblock".into(), false)
                }
                _ => continue,
            };
            let exact = open && self.judge.total_findings() == before;
            let Some(ordered) = self.ordered.get_mut(&source) else { continue };
            ordered.done = true;
            let since = ordered.since;
            let lost = self.acked[source].lacking(ordered.answered, position);
            self.ops.lost += lost.operations;
            self.recoveries.push(RecoveryReport {
                source,
                time: now,
                verdict,
                recovered: (position.generation, position.sequence),
                rpo_operations: lost.operations,
                rpo_bytes: lost.bytes,
                rpo_time: lost.since.map_or(0, |first| since.saturating_sub(first)),
                rto: now - since,
                replayed,
                exact,
            });
            self.progress_at = now;
        }
    }
}
