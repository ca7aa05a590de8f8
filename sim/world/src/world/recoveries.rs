//! Recoveries that the operator ordered: begun when the mirror can, judged when they have ended.

use super::bench::Panel;
use super::{Ordered, World};
use crate::event::Event;
use crate::hosted::{DestinationMachine, Machines, SourceMachine};
use crate::marks::Mark;
use crate::outcome::{RecoveryReport, RtoFrom, TakeoverKind};
use crate::server::Machine;
use crate::spec::{Fault, Nanos};
use crate::{kinds, rehearsal};
use mirror::destination::Standing;
use mirror::effect::Device;
use mirror::ids::Position;
use mirror::superblock::{self, Role, Superblock, Verdict};

/// How often an operator asks whether a recovery can begin, ns.
pub(super) const ASK: Nanos = 1_000_000;

impl<M: Machines> World<'_, M> {
    /// The server that recovers a mirror: its destination, or the former source, if that one has served the clients and is
    /// lost.
    pub(super) fn recovered_at(&self, source: usize) -> usize {
        let d = self.destination_of(source);
        if self.servers[d].gone && self.hosts[source] == d { self.source_of(source) } else { d }
    }

    pub fn try_recover(&mut self, source: usize) {
        let d = self.recovered_at(source);
        let desk = self.desk(d, source);
        let now = self.sched.now();
        let Some(ordered) = self.ordered.get(&source).copied().filter(|o| !o.done) else {
            return;
        };
        let shows = self.clock(d);
        let gone = self.servers[self.source_of(source)].gone;
        let noted = ordered.promote && self.notes_promotion(d, source);
        self.ordered.entry(source).and_modify(|o| o.noted |= noted);
        let s = &mut self.servers[d];
        let (paused, life) = (s.paused_until > now, s.incarnation);
        if let Some(Machine::Destination(m)) = s.machine.as_mut().filter(|_| !paused) {
            use Standing::*;
            let standing = m.standing(desk);
            let ready = matches!(standing, Serving | Stopped | Open(..));
            // Nobody repeats what was heard, unless it may have been forgotten.
            let heard = ordered.noted || noted || ordered.told == Some(life);
            if gone && m.gives_way(desk) {
                // Its source was to have its clients back, and is lost.
                m.handle_reclaim(shows, desk);
                self.drain(d);
            } else if ordered.promote && !heard && (ready || matches!(standing, Booting | Recovering)) {
                match self.adoptions[source] {
                    Some(_) => m.handle_adopt(shows, desk),
                    None => m.handle_promote(shows, desk),
                }
                self.ordered.entry(source).and_modify(|o| o.told = Some(life));
                self.drain(d);
            } else if !ordered.promote && ready {
                m.handle_recover(shows, desk);
                self.drain(d);
            }
        }
        self.sched.at(now + ASK, Event::Recover { source: source as u16 });
    }

    /// The operator wants the clients back where they were, as fault `index` of the plan: that takes effect once who serves
    /// them has given them away.
    pub(super) fn order_hand_over(&mut self, index: usize, source: usize) -> bool {
        let there = self.may_hand_over(source) && !self.servers[self.source_of(source)].gone;
        if there && self.hand_overs.insert(source) {
            let (home, now) = (self.source_of(source), self.sched.now());
            self.service[source].ordered(TakeoverKind::HandOver, home, None, now);
            self.sched.at(now, Event::HandOver { source: source as u16 });
        }
        if there {
            self.hand_over_orders.insert(index);
        }
        // They are there already, whoever asks for it.
        !there && self.hosts[source] == self.source_of(source) && self.service[source].given_back()
    }

    /// Who serves the clients of a mirror has given them away, as it was told.
    pub(super) fn handed_over(&mut self, source: usize) {
        let faults = &self.faults;
        let of = |i: &usize| matches!(faults[*i].fault, Fault::HandOver { source: s } if s == source);
        let done: Vec<usize> = self.hand_over_orders.iter().copied().filter(of).collect();
        for index in done {
            self.hand_over_orders.remove(&index);
            self.took_effect(index);
        }
    }

    /// Whether the destination serves the clients, or is about to.
    fn may_hand_over(&self, source: usize) -> bool {
        let promotes = self.ordered.get(&source).is_some_and(|o| o.promote && !o.done);
        promotes || self.serves_at_destination(self.destination_of(source), source)
    }

    /// Asks until it is done, or can never be: the server is gone, or keeps what it has for itself.
    pub fn try_hand_over(&mut self, source: usize) {
        let d = self.destination_of(source);
        let desk = self.desk(d, source);
        let other = &self.servers[self.source_of(source)];
        let refuses =
            matches!(&other.machine, Some(Machine::Source(m)) if m.stopped() && !m.waits_for_heir());
        if refuses || !self.may_hand_over(source) {
            self.hand_overs.remove(&source);
        }
        if !self.hand_overs.contains(&source) {
            return;
        }
        let (now, shows) = (self.sched.now(), self.clock(d));
        let gone = self.servers[self.source_of(source)].gone || self.hands_over_to_nobody(source);
        let other = &self.servers[self.source_of(source)];
        let lost = matches!(&other.machine, Some(Machine::Source(m)) if m.has_lost());
        let s = &mut self.servers[d];
        let paused = s.paused_until > now;
        if let Some(Machine::Destination(m)) = s.machine.as_mut().filter(|_| !paused) {
            // Its own alarm says that it has lost what it had, or that of the server which waits for it does.
            let in_vain = lost && m.gives_way(desk) || m.bereft(desk);
            if gone || in_vain {
                // They have nowhere to go: by force, if they were handed over already.
                if m.handle_reclaim(shows, desk) {
                    self.hand_overs.remove(&source);
                }
            } else if m.handle_hand_over(shows, desk) {
                let (judge, mirror) = self.bench.of(source);
                judge.hands_over(mirror);
            }
            self.drain(d);
        }
        self.sched.at(now + ASK, Event::HandOver { source: source as u16 });
    }

    /// Whether the clients were handed over to a server that is lost, and an empty one stands there.
    fn hands_over_to_nobody(&self, source: usize) -> bool {
        let role = |found: Option<Superblock>| found.map(|s| s.role);
        let at = self.regions[source].base;
        let here = self.servers[self.destination_of(source)].store(Device::Image);
        let here = Superblock::newest(self.geometries[source].mirror, &here.read(at, 2 * superblock::SLOT));
        let there = self.superblock_of(self.source_of(source));
        role(here) == Some(Role::Retired) && role(there) == Some(Role::Target)
    }

    /// The server that was the source of a mirror is it again, and has booted.
    pub(super) fn returned(&mut self, source: usize) {
        let (d, home) = (self.destination_of(source), self.source_of(source));
        let (judge, mirror) = self.bench.of(source);
        judge.returned(mirror, &self.servers[home].stable(), &self.servers[d].stable());
        if self.is_lost_with_its_site(d) {
            // Whoever gave them back is lost since.
            self.lose_copies(d);
        }
        self.hand_overs.remove(&source);
        self.handed_over(source);
        self.ended[home] = None;
        self.ordered.remove(&source);
        self.hosts[source] = home;
        self.service[source].serves(home, self.sched.now());
        let (mark, metric) = match self.adoptions[source].take() {
            Some(_) => (Mark::Adopted, "adoptions"),
            None => (Mark::GivenBack, "hand_overs"),
        };
        self.coverage.marks.reached(mark);
        *self.metrics.entry(metric).or_default() += 1;
        self.tell_clients(source);
    }

    /// Whether the superblock of a server says durably that it is to serve the clients of a mirror, or does so.
    fn notes_promotion(&self, server: usize, mirror: usize) -> bool {
        let at = if self.is_destination(server) { self.regions[mirror].base } else { 0 };
        let both = self.servers[server].store(Device::Image).stable().read(at, 2 * superblock::SLOT);
        Superblock::newest(self.geometries[mirror].mirror, &both)
            .is_some_and(|s| s.promotes || matches!(s.role, Role::Source | Role::Degraded))
    }

    /// A recovery begins: what the judge's own reader makes of what is there now.
    pub(super) fn expects_recovery(&mut self, source: usize) {
        let current = self.servers[self.recovered_at(source)].current();
        let (judge, mirror) = self.bench.of(source);
        self.expected[source] = Some(judge.expected_recovery(mirror, &current));
    }

    /// Judges recoveries at a server that have ended.
    pub(super) fn see_recoveries(&mut self, d: usize) {
        if self.ordered.values().all(|o| o.done) {
            return;
        }
        let open = self.ordered.iter().filter(|(s, o)| !o.done && self.recovered_at(**s) == d);
        let sources: Vec<usize> = open.map(|(s, _)| *s).collect();
        for source in sources {
            let desk = self.desk(d, source);
            let (_, mirror) = self.bench.seat(source);
            let Panel { judge, probe, .. } = self.bench.panel(d);
            let Some(Machine::Destination(m)) = self.servers[d].machine.as_ref() else { return };
            let (replayed, before) = (m.replayed(desk), judge.total_findings());
            // A mirror's own end: this is the comparison.
            judge.mute(false);
            let standing = m.standing(desk);
            let (position, verdict, open) = match standing {
                // What is damaged is not promoted.
                Standing::Open(verdict, _)
                    if self.ordered[&source].promote && !matches!(verdict, Verdict::Damaged { .. }) =>
                {
                    judge.mute(self.judging.mutes());
                    continue;
                }
                Standing::Open(verdict, position) | Standing::Promoted(verdict, position) => {
                    let to = rehearsal::to_oracle(position, verdict);
                    judge.recovered(mirror, &self.servers[d].current(), to);
                    let right = judge.total_findings() == before;
                    if let Some(expected) = self.expected[source].take() {
                        let equal = judge.compare(mirror, expected, to, right);
                        probe.checks.disagreements += u64::from(!equal);
                    }
                    (position, kinds::verdict_text(to), true)
                }
                // With another configuration it looks elsewhere.
                Standing::Lost if self.servers[d].config.is_none() => {
                    judge.lost_mirror(mirror, &self.servers[d].current());
                    (Position::ZERO, "none: no valid superblock".into(), false)
                }
                _ => {
                    judge.mute(self.judging.mutes());
                    continue;
                }
            };
            let promoted = matches!(standing, Standing::Promoted(..));
            let exact = open && judge.total_findings() == before;
            judge.mute(self.judging.mutes());
            self.recovery_ended((source, d), (position, verdict), (replayed, exact, promoted));
        }
    }

    /// What was the source serves the clients again, after a promotion of its own: as its superblock says, it starts as one.
    pub(super) fn taken_back(&mut self, source: usize) {
        let home = self.source_of(source);
        self.ended[home] = None;
        let Some(found) = self.superblock_of(home) else { return };
        let to = rehearsal::to_oracle(found.recovered, found.verdict.unwrap_or(Verdict::CompleteUpTo));
        let (judge, mirror) = self.bench.of(source);
        let before = judge.total_findings();
        judge.mute(false);
        judge.recovered(mirror, &self.servers[home].stable(), to);
        let right = judge.total_findings() == before;
        if let Some(expected) = self.expected[source].take() {
            judge.compare(mirror, expected, to, right);
        }
        let exact = judge.total_findings() == before;
        judge.mute(self.judging.mutes());
        let verdict = kinds::verdict_text(to);
        self.recovery_ended((source, home), (found.recovered, verdict), (0, exact, true));
        self.taken_back.insert(source);
    }

    fn recovery_ended(
        &mut self,
        (source, server): (usize, usize),
        (position, verdict): (Position, String),
        (replayed, exact, promoted): (u64, bool, bool),
    ) {
        let now = self.sched.now();
        let damaged = verdict.starts_with("damaged").then_some(Mark::DamageReported);
        let up_to = verdict.starts_with("complete up to").then_some(Mark::CompleteUpTo);
        damaged.or(up_to).into_iter().for_each(|m| self.coverage.marks.reached(m));
        let Some(ordered) = self.ordered.get_mut(&source) else { return };
        ordered.done = true;
        let Ordered { since, again, answered, as_of, .. } = *ordered;
        let recovered = (position.generation, position.sequence);
        // An image that was open before has not been waited for since the disaster, but whoever serves the clients has.
        let disaster = self.service[source].disaster.filter(|at| *at <= since && (promoted || !again));
        let rto = now - disaster.unwrap_or(since);
        let rto_from = if disaster.is_some() { RtoFrom::Disaster } else { RtoFrom::Order };
        let report = RecoveryReport {
            source,
            verdict,
            recovered,
            rto,
            rto_from,
            replayed,
            exact,
            promoted,
            adopter: self.adoptions[source].filter(|_| promoted),
            ..RecoveryReport::default()
        };
        // Who lives may have answered more since the order: of a second look at the same image that is counted already.
        let answered = if again { answered } else { answered.max(self.acked[source].count()) };
        let before = self.lost_before(source, position).filter(|_| again);
        self.report(report, as_of, answered);
        self.is_the_same_loss(before);
        if server != self.source_of(source) {
            self.epoch_ended(source, position);
        }
        self.progress_at = now;
        if promoted {
            self.move_clients(source, server);
            self.seat_adopter(source);
        }
    }

    /// Notes a recovery that has ended now, with what it lacks of the first `answered` operations, as of `since`.
    pub(crate) fn report(&mut self, mut report: RecoveryReport, since: Nanos, answered: u64) {
        let position = Position::new(report.recovered.0, report.recovered.1);
        let lost = self.acked[report.source].lacking(answered, position);
        self.ops.lost += lost.operations;
        report.time = self.sched.now();
        report.rpo_operations = lost.operations;
        report.rpo_bytes = lost.bytes;
        report.rpo_time = lost.since.map_or(0, |first| since.saturating_sub(first));
        self.recoveries.push(report);
    }
}
