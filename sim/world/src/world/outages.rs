//! Servers that die: crashes, power cuts, lost NVRAM, lost sites.

use super::{Ordered, Service, World};
use crate::event::{Event, Phase};
use crate::hosted::Machines;
use crate::judging;
use crate::marks::Mark;
use crate::outcome::TakeoverKind;
use crate::server::subject;
use crate::spec::{Fault, LostContent, Nanos};
use crate::{kinds, sites};
use mirror::destination::Destination;
use mirror::effect::Device;
use mirror::superblock::Role;
use mirrorsim_engine::ExtentMap;
use mirrorsim_oracle::Loss;

/// Time that a server stays down after its NVRAM was lost, ns.
const NVRAM_LOSS_OUTAGE: Nanos = 10_000_000;
/// How often it is looked whether a server may be lost, ns.
const LOOK: Nanos = 1_000_000;

impl<M: Machines> World<'_, M> {
    /// A server ends, with all that stands in it.
    pub(super) fn crash(&mut self, server: usize, power: bool, restart_after: Option<Nanos>) -> bool {
        self.site(server).fold(false, |up, s| self.ends(s, power, restart_after) | up)
    }

    /// A process ends, or loses power with its devices.
    pub(super) fn ends(&mut self, server: usize, power: bool, restart_after: Option<Nanos>) -> bool {
        let up = self.servers[server].machine.is_some();
        if !up && !power || self.is_vacant(server) {
            return false;
        }
        if up {
            self.fence_outlives(server);
            // A step of its last drain may be what ends it.
            self.see_exposure(server);
            self.sees_death(server);
            let serves = |(s, host): (&Service, &usize)| *host == server && s.server() == server;
            if self.is_destination(server) && self.service.iter().zip(&self.hosts).any(serves) {
                self.coverage.marks.reached(Mark::CrashOfHeir);
            }
        }
        let s = &mut self.servers[server];
        s.machine = None;
        s.incarnation += 1;
        s.timer = None;
        s.paused_until = 0;
        let incarnation = s.incarnation;
        self.forget_inbox(server);
        self.emit(kinds::CRASH, server, server, power as u16, [incarnation as u64, 0, 0]);
        if power {
            self.cut_power(server);
        }
        let (judge, who) = self.bench.at(server);
        let s = &self.servers[server];
        judge.crashed(who, power, &s.stable(), &s.current());
        if power {
            self.bench.unsettled(server);
        }
        // A process that dies takes its connections with it; the peer learns of it by the next reset or time-out.
        for line in self.lines_at(server) {
            self.links[line][0].reset();
            self.links[line][1].reset();
            self.disconnected(line);
        }
        self.tell_paths();
        if let Some(after) = restart_after {
            let at = self.sched.now() + after;
            self.sched.at(at, Event::Restart { server: server as u16, incarnation });
            self.servers[server].restart_at = Some(at);
            self.last_fault_at = self.last_fault_at.max(at);
        }
        up
    }

    /// The connection on a line is gone.
    pub(super) fn disconnected(&mut self, line: usize) {
        if !self.is_exiled(self.end_of(line)) {
            let (judge, mirror) = self.bench.of(self.mirror_on(line));
            judge.disconnected(mirror);
        }
    }

    pub(super) fn cut_power(&mut self, server: usize) {
        for device in self.servers[server].devices() {
            let garbage = self.servers[server].disk_mut(*device).is_some_and(|d| d.spec.garbage);
            let odds = judging::odds(self.rigged, garbage);
            let subject = subject(server, *device);
            let fates = self.servers[server].store(*device).draw_fates(&mut self.decisions, subject, &odds);
            self.coverage.on_power_cut(&self.mirrors_at(server), self.is_destination(server), &fates);
            self.servers[server].store_mut(*device).power_cut(&fates);
        }
    }

    pub(super) fn lose_nvram(&mut self, server: usize, reads: LostContent) -> bool {
        if self.servers[server].gone {
            return false;
        }
        self.crash(server, true, Some(NVRAM_LOSS_OUTAGE));
        let seed = self.decisions.draw(sites::DAMAGE, 2);
        let size = self.nvram_size(server);
        let store = self.servers[server].store_mut(Device::Nvram);
        let held = store.stored_bytes() > 0;
        let content = match reads {
            LostContent::Zeros | LostContent::Random => ExtentMap::new(),
            LostContent::Uncorrectable => Self::uncorrectable(size.min(1 << 20)),
            LostContent::Foreign => self.foreign_nvram(server),
        };
        let store = self.servers[server].store_mut(Device::Nvram);
        store.replace_all(content);
        if reads == LostContent::Random {
            store.scramble(0, size.min(1 << 20), seed);
        }
        let (judge, who) = self.bench.at(server);
        let s = &self.servers[server];
        judge.nvram_lost(who, &s.stable(), &s.current());
        self.bench.unsettled(server);
        held
    }

    /// The server is something else from now on: its process ends, and the next one looks what it is.
    pub(super) fn restart(&mut self, server: usize) {
        let s = &mut self.servers[server];
        s.machine = None;
        s.incarnation += 1;
        s.timer = None;
        self.forget_inbox(server);
        let line = self.line(server);
        self.links[line].iter_mut().for_each(|link| drop(link.reset()));
        self.disconnected(line);
        let (judge, mirror) = self.bench.of(self.mirror_of(server));
        judge.becomes_target(mirror);
        self.start(server);
    }

    pub(super) fn nvram_size(&self, server: usize) -> u64 {
        if self.is_destination(server) {
            let own = self.mirrors_at(server);
            let logs: u64 = own.into_iter().map(|m| self.geometries[m].log_size()).sum();
            return self.spec.destination.nvram_size + if self.promotes() { logs } else { 0 };
        }
        let geometry = &self.geometries[self.mirror_of(server)];
        match self.promotes() {
            true => Destination::<M::Quirk>::segments_behind_log(geometry).end * geometry.segment_size,
            false => geometry.log_size(),
        }
    }

    /// A site is lost for ever: the source, and what else stands there.
    pub(super) fn disaster(&mut self, source: usize, power_cut: bool, recover_after: Nanos) -> bool {
        let lost: Vec<usize> = self.site(source).collect();
        let images: Vec<usize> = lost.iter().copied().filter(|s| self.is_destination(*s)).collect();
        let served: Vec<usize> = images.iter().flat_map(|d| self.served_at(*d)).collect();
        let harmless = |d: &usize| self.has_only_copies(*d) || !self.served_at(*d).is_empty();
        let kept = served.iter().all(|m| self.has_mirror_of_heir(*m));
        if self.servers[source].gone || !images.iter().all(harmless) || !kept {
            return false;
        }
        self.crash(source, false, None);
        for server in &lost {
            self.servers[*server].gone = true;
            self.servers[*server].incarnation += 1;
        }
        images.into_iter().for_each(|d| self.lose_copies(d));
        served.into_iter().for_each(|mirror| self.heir_is_lost(mirror, recover_after));
        let all = 0..self.spec.sources.len();
        let seated: Vec<usize> = all.filter(|m| lost.contains(&self.source_of(*m))).collect();
        for mirror in &seated {
            let (judge, number) = self.bench.of(*mirror);
            judge.disaster(number);
        }
        // Of the others the clients have gone before, and nobody needs it.
        let needs = |m: &usize| !self.serves_at_destination(self.destination_of(*m), *m);
        let mirrors: Vec<usize> = seated.into_iter().filter(needs).collect();
        for mirror in &mirrors {
            self.hang_up(self.source_of(*mirror), *mirror);
            self.service[*mirror].lost(self.sched.now());
        }
        if power_cut {
            self.crash(self.destination_of(source), true, Some(1_000_000));
        }
        for mirror in mirrors {
            if recover_after == 0 {
                self.order_recovery(mirror, false);
            } else {
                let at = self.sched.now() + recover_after;
                self.last_fault_at = self.last_fault_at.max(at);
                self.sched.at(at, Event::Order { source: mirror as u16 });
            }
        }
        true
    }

    /// A promoted destination is lost, as soon as it has a mirror.
    pub(super) fn try_to_lose_heir(&mut self, index: usize) {
        let Fault::HeirLost { source, recover_after } = self.faults[index].fault else { return };
        if self.phase != Phase::Faults || !self.armed.contains(&index) {
            return;
        }
        let (panel, number) = self.bench.seat(source);
        let beyond = self.bench.beyond(&(panel, Loss::Heir(number))).is_some();
        if (!beyond || self.spec.beyond_model) && self.lose_heir(source, recover_after) {
            self.armed.remove(&index);
            self.tell_paths();
            return self.took_effect(index);
        }
        let later = self.sched.now() + LOOK;
        self.sched.at(later, Event::HeirLost { index: index as u32 });
    }

    /// Whether a promoted destination is still to be lost, or an adoption waits for clients that are on their way.
    pub(crate) fn orders_wait(&self) -> bool {
        let waits = |f: &Fault| matches!(f, Fault::HeirLost { .. } | Fault::Adopt { .. });
        self.armed.iter().any(|index| waits(&self.faults[*index].fault))
    }

    /// The destination that serves the clients of a source is lost, with nobody else's clients; what was the source is
    /// its mirror, or about to become it.
    fn lose_heir(&mut self, source: usize, recover_after: Nanos) -> bool {
        let d = self.destination_of(source);
        let served = self.served_at(d) == [source];
        if self.servers[d].gone || !served || !self.has_mirror_of_heir(source) {
            return false;
        }
        self.crash(d, false, None);
        self.servers[d].gone = true;
        self.servers[d].incarnation += 1;
        self.heir_is_lost(source, recover_after);
        true
    }

    /// The mirrors of a destination, if it serves the clients of all of them.
    pub(super) fn served_at(&self, server: usize) -> Vec<usize> {
        let all = self.mirrors_at(server);
        if all.iter().all(|m| self.serves_at_destination(server, *m)) { all } else { Vec::new() }
    }

    /// Whether what was the source is the mirror of its heir, or about to become it. One that recovers has been handed the
    /// clients, and is to be the source again.
    fn has_mirror_of_heir(&self, source: usize) -> bool {
        let home = self.source_of(source);
        let found = self.superblock_of(home).filter(|_| !self.servers[home].gone);
        found.is_some_and(|s| matches!(s.role, Role::Mirror | Role::Target))
    }

    /// Who served the clients is gone, and its mirror is to be promoted some time later.
    fn heir_is_lost(&mut self, source: usize, recover_after: Nanos) {
        let (judge, mirror) = self.bench.of(source);
        judge.heir_lost(mirror);
        self.service[source].lost(self.sched.now());
        self.hand_overs.remove(&source);
        self.ordered.remove(&source);
        self.adoptions[source] = None;
        let at = self.sched.now() + recover_after;
        self.last_fault_at = self.last_fault_at.max(at);
        self.sched.at(at, Event::Order { source: source as u16 });
    }

    /// The operator acts some time after a disaster, unless somebody has done so before.
    pub(super) fn act_on_disaster(&mut self, source: usize) {
        self.progress_at = self.sched.now();
        if self.ordered.contains_key(&source) {
            return;
        }
        if self.recovered_at(source) != self.destination_of(source) {
            return self.order_recovery(source, true);
        }
        // What was whole at the disaster may have had its one good copy in NVRAM, and be filed and removed by now.
        let (judge, mirror) = self.bench.ask(source);
        let lacks = judge.lacks(mirror).filter(|_| !self.spec.beyond_model);
        if let Some(why) = lacks {
            self.beyond = Some(format!(
                "the recovery ordered after the disaster of source {} would leave the fault model: {why}; say `beyond_model: \
                 true`, then a loss that is not reported is the failure",
                self.name(source)
            ));
            self.phase = Phase::Over;
            return;
        }
        self.order_recovery(source, false);
    }

    pub(super) fn order_recovery(&mut self, source: usize, promote: bool) {
        let now = self.sched.now();
        let answered = self.acked[source].count();
        self.taken_back.remove(&source);
        let to = self.recovered_at(source);
        if promote && self.adoptions[source].is_none() && self.hosts[source] != to {
            self.service[source].ordered(TakeoverKind::Promotion, to, None, now);
        }
        let as_of = self.service[source].disaster.unwrap_or(now);
        let fresh =
            Ordered { since: now, again: false, done: false, answered, as_of, promote, ..Ordered::default() };
        let ordered = self.ordered.entry(source).or_insert(fresh);
        ordered.promote |= promote;
        if ordered.done {
            // Once more: what was opened is told again, and nothing else comes of it.
            let Ordered { answered, as_of, promote, .. } = *ordered;
            *ordered = Ordered { again: true, answered, as_of, promote, ..fresh };
        }
        self.sched.at(now, Event::Recover { source: source as u16 });
    }
}
