//! Machines: started, driven until they have no effect left, and what their effects are.

use super::World;
use crate::acked::Acked;
use crate::event::Event;
use crate::hosted::{DestinationMachine, DestinationSeat, Machines, SourceMachine, SourceSeat};
use crate::kinds;
use crate::marks::Mark;
use crate::outcome::Alarm;
use crate::server::Machine;
use mirror::config::{Policy, PolicyKind};
use mirror::destination::{self, Standing};
use mirror::effect::{Device, Effect};
use mirror::ids::Position;
use mirror::source::{self, Exposure};
use mirror::stage::Stage;
use mirror::superblock::{self, Role, Superblock};

/// With which a destination serves the clients of a mirror that had no policy for being alone: a time-out of 50 ms, and
/// the connection must stand for 10 ms before it takes anybody as its mirror, once in 100 ms at most.
const ALONE: Policy = Policy::Degrade { timeout: 50_000_000, settle: 10_000_000, hold: 100_000_000 };

impl<M: Machines> World<'_, M> {
    pub fn start(&mut self, server: usize) {
        if self.servers[server].gone || self.is_vacant(server) || self.servers[server].machine.is_some() {
            return;
        }
        let now = self.clock(server);
        let changed = self.servers[server].config.map(|_| self.configured(server));
        let geometries = match &changed {
            Some(spec) => crate::plan::geometries(spec),
            None => self.geometries.clone(),
        };
        let p = &self.spec.protocol;
        let left = self.servers[server].nvram_left;
        let knobs = destination::Knobs {
            ack: p.ack,
            apply_scope: p.apply_scope,
            transport: p.transport,
            retry_after: p.resend_after,
        };
        let coupled = self.coupled();
        let mut machine: Machine<M> = if self.is_destination(server) {
            let own = |m: usize| geometries[m].clone();
            // One that was told another order of the sources has them at other desks.
            let told = changed.as_ref().unwrap_or(self.spec);
            let geometries: Vec<_> = told.mirrors_of(server - self.spec.sources.len()).map(own).collect();
            let heirs = if self.promotes() { vec![self.heir_knobs(); geometries.len()] } else { Vec::new() };
            let nvram_size = self.spec.destination.nvram_size;
            let seat = DestinationSeat { geometries, nvram_size, knobs, heirs, former: None, coupled, now };
            Machine::Destination(Box::new(self.machines.destination(seat)))
        } else if self.keeps_an_image(server) {
            let geometries = vec![geometries[self.mirror_of(server)].clone()];
            let (heirs, former) = (Vec::new(), Some(self.source_knobs()));
            let nvram_size = self.spec.destination.nvram_size;
            let seat = DestinationSeat { geometries, nvram_size, knobs, heirs, former, coupled, now };
            Machine::Destination(Box::new(self.machines.destination(seat)))
        } else {
            // One that was promoted without a mirror has nobody to wait for.
            let promoted = self.superblock_of(server).is_some_and(Self::was_promoted);
            let knobs = if promoted { self.heir_knobs() } else { self.source_knobs() };
            let mirror = self.mirror_of(server);
            let (geometry, index) = (geometries[mirror].clone(), mirror as u16);
            let seat = SourceSeat { geometry, knobs, index, coupled, now };
            Machine::Source(Box::new(self.machines.source(seat)))
        };
        if let Machine::Destination(machine) = &mut machine {
            machine.handle_degraded(now, self.servers[server].nvram.degraded);
        }
        let stable = self.servers[server].store(Device::Image).stable().read(0, 2 * superblock::SLOT);
        if self.comes_back(server, &stable) {
            self.taken_back(self.mirror_of(server));
        }
        if !self.is_destination(server) && !self.is_exiled(server) && self.promotes() {
            let s = &self.servers[server];
            let (judge, mirror) = self.bench.of(self.mirror_of(server));
            judge.keeps(mirror, &s.current());
            judge.former_degraded(mirror, s.nvram.degraded);
            self.bench.unsettled(server);
        }
        if let Some(size) = left {
            machine.handle_nvram(size);
        }
        let s = &mut self.servers[server];
        s.machine = Some(machine);
        // A process is gone only when its kernel has ended what it had under way: what the next one reads, its first
        // flush covers.
        for device in s.devices() {
            s.store_mut(*device).complete_all();
        }
        s.restart_at = None;
        s.timer = None;
        self.forget_round(server);
        self.covers(server, |coverage, mirror, there| coverage.activity.started(mirror, there));
        self.emit(kinds::START, server, server, 0, [self.servers[server].incarnation as u64, 0, 0]);
        self.tell_paths();
        self.drain(server);
    }

    /// What the superblock of a source, or of a server that was one, says.
    pub(super) fn superblock_of(&self, server: usize) -> Option<Superblock> {
        let both = self.servers[server].store(Device::Image).read(0, 2 * superblock::SLOT);
        Superblock::newest(self.geometries[self.mirror_of(server)].mirror, &both)
    }

    /// Whether it is that of a server of clients that was promoted, or has gone on alone since.
    fn was_promoted(found: Superblock) -> bool {
        found.role == Role::Degraded && found.policy == PolicyKind::Degrade
    }

    /// Whether a server that was a source and then a mirror serves the clients again, as this superblock of its says: whoever
    /// did is lost.
    fn comes_back(&self, server: usize, both: &[u8]) -> bool {
        if self.is_destination(server) || self.is_exiled(server) {
            return false;
        }
        let mirror = self.mirror_of(server);
        let uuid = self.geometries[mirror].mirror;
        let found = Superblock::newest(uuid, both).is_some_and(Self::was_promoted);
        found && self.recovered_at(mirror) == server && self.ordered.get(&mirror).is_some_and(|o| !o.done)
    }

    /// Whether a server that was a source is a mirror now, or is to become one, as its superblock says (LR7).
    fn keeps_an_image(&self, server: usize) -> bool {
        self.promotes()
            && self.superblock_of(server).is_some_and(|s| {
                matches!(s.role, Role::Target | Role::Mirror | Role::Recovering | Role::Recovered)
            })
    }

    /// Whether the destination is a mirror's mirror, and takes records.
    fn keeps_records(&self, mirror: usize) -> bool {
        let d = self.destination_of(mirror);
        let desk = self.desk(d, mirror);
        matches!(&self.servers[d].machine, Some(Machine::Destination(m)) if m.standing(desk) == Standing::Serving)
    }

    /// Whether a source whose mirror was promoted is the source of a newer epoch (LR8).
    fn leads_again(&self, server: usize) -> bool {
        let mirror = self.mirror_of(server);
        let own = matches!(self.servers[server].machine, Some(Machine::Source(_)));
        let newer = || self.epoch(server, mirror) > self.epoch(self.destination_of(mirror), mirror);
        self.serves_at_destination(self.destination_of(mirror), mirror) && own && newer()
    }

    /// The epoch of a mirror that a server's superblock says.
    pub(super) fn epoch(&self, server: usize, mirror: usize) -> u64 {
        let at = if self.is_destination(server) { self.regions[mirror].base } else { 0 };
        let both = self.servers[server].store(Device::Image).read(at, 2 * superblock::SLOT);
        Superblock::newest(self.geometries[mirror].mirror, &both).map_or(0, |found| found.epoch)
    }

    fn source_knobs(&self) -> source::Knobs {
        let p = &self.spec.protocol;
        source::Knobs {
            ack: p.ack,
            reads: p.reads,
            policy: p.policy,
            transport: p.transport,
            seal_after: p.seal_after,
            resend_after: p.resend_after,
        }
    }

    /// Whoever serves the clients without a mirror has nobody to wait for.
    fn heir_knobs(&self) -> source::Knobs {
        let knobs = self.source_knobs();
        let policy = match knobs.policy {
            Policy::Degrade { .. } => knobs.policy,
            _ => ALONE,
        };
        source::Knobs { policy, ..knobs }
    }

    /// Carries out a machine's effects until it has none, then arms its timer.
    pub fn drain(&mut self, server: usize) {
        let incarnation = self.servers[server].incarnation;
        loop {
            let s = &mut self.servers[server];
            if s.incarnation != incarnation {
                return;
            }
            let Some(effect) = s.machine.as_mut().and_then(Machine::poll_effect) else { break };
            self.effect(server, effect);
        }
        if self.coupled() {
            for other in self.turn(server) {
                self.drain(other);
            }
            self.look_for_deadlock();
        }
        let wanted = self.servers[server].machine.as_ref().and_then(Machine::poll_timeout);
        if let Some(at) = wanted.and_then(|time| self.due(server, time))
            && self.servers[server].timer.is_none_or(|t| at < t)
        {
            self.servers[server].timer = Some(at);
            self.sched.at(at, Event::Timer { server: server as u16, at });
        }
        self.see_exposure(server);
        if self.is_destination(server) {
            self.see_recoveries(server);
        } else {
            self.see_log(server);
            if self.recovered_at(self.mirror_of(server)) == server {
                self.see_recoveries(server);
            }
        }
    }

    fn see_log(&mut self, server: usize) {
        if let Some(Machine::Source(source)) = &self.servers[server].machine {
            let bytes = source.log_bytes();
            self.most("source_log", bytes);
        }
    }

    /// What would be lost with each server of clients, as it says itself (I15).
    pub(super) fn see_exposure(&mut self, server: usize) {
        for at in 0..self.mirrors_at(server).len() {
            let mirror = self.mirrors_at(server)[at];
            if self.hosts[mirror] != server {
                continue;
            }
            let counted = match &self.servers[server].machine {
                Some(Machine::Source(source)) if source.serving() => source.exposure(),
                Some(Machine::Destination(d)) => match d.exposure(self.desk(server, mirror)) {
                    Some(counted) => counted,
                    None => continue,
                },
                _ => continue,
            };
            let Exposure { operations, bytes, .. } = counted;
            let (judge, number) = self.bench.of(mirror);
            judge.exposure(number, operations, bytes);
            if self.spec.protocol.policy == Policy::Strict && operations == 0 {
                // Nobody answers without the other's word.
                continue;
            }
            for (name, value) in [("exposed_operations", operations), ("exposed_bytes", bytes)] {
                self.most(name, value);
            }
        }
    }

    fn most(&mut self, metric: &'static str, value: u64) {
        let most = self.metrics.entry(metric).or_default();
        *most = value.max(*most);
    }

    pub(super) fn timer(&mut self, server: usize, at: u64) {
        let (now, shows) = (self.sched.now(), self.clock(server));
        let s = &mut self.servers[server];
        if s.timer != Some(at) {
            return;
        }
        if s.paused_until > now {
            let later = s.paused_until;
            s.timer = Some(later);
            self.sched.at(later, Event::Timer { server: server as u16, at: later });
            return;
        }
        s.timer = None;
        let Some(machine) = s.machine.as_mut() else { return };
        if machine.poll_timeout().is_some_and(|t| t <= shows) {
            machine.handle_timeout(shows);
            self.emit(kinds::TIMER, server, server, 0, [0; 3]);
        }
        self.drain(server);
    }

    pub(super) fn effect(&mut self, server: usize, effect: Effect) {
        let of = |desk: u16| self.mirror_at(server, desk).unwrap_or(usize::from(desk));
        match effect {
            Effect::Restart => self.restart(server),
            Effect::Stage { mirror, stage, position } => self.staged(server, of(mirror), stage, position),
            Effect::Send { mirror, frame } => self.send(server, of(mirror), frame),
            Effect::Write { device, token, runs } => self.write(server, device, token, runs),
            Effect::Flush { device, token } => self.flush(server, device, token),
            Effect::Reload { device } => self.reload(server, device),
            Effect::Read { device, token, ranges } => self.read(server, device, token, ranges),
            Effect::Discard { device, token, offset, length } => {
                self.discard(server, device, token, offset, length);
            }
            Effect::Refuse { frame, .. } => self.refuse(server, frame),
            Effect::Reply { mirror, id, answer } => self.reply(server, of(mirror), id, answer),
            Effect::CloseClients { mirror } => self.hang_up(server, of(mirror)),
            Effect::Alarm { mirror, alarm } => self.alarm(server, of(mirror), &alarm),
        }
    }

    fn alarm(&mut self, server: usize, mirror: usize, alarm: &mirror::effect::Alarm) {
        let message = kinds::alarm_text(alarm);
        self.emit(kinds::ALARM, server, mirror, kinds::alarm_number(alarm), kinds::alarm_fields(alarm));
        let who = server;
        if !self.is_exiled(server) {
            let (_, number) = self.bench.seat(mirror);
            let (judge, seen) = self.bench.at(server);
            judge.alarm(seen, Some(number), kinds::alarm_name(alarm), &message);
        }
        match kinds::alarm_name(alarm) {
            "version" => {
                self.said_no(&["version"], server, true);
                self.said_no(&["format"], server, false);
            }
            "config" => self.said_no(&["config"], server, false),
            _ => {}
        }
        let server = self.name(server).to_string();
        let kind = kinds::alarm_name(alarm);
        self.alarms.push(Alarm { time: self.sched.now(), server, kind, message });
        if let mirror::effect::Alarm::DeviceFailed { .. } = alarm {
            self.device_failed(who);
        }
    }

    pub(super) fn staged(&mut self, server: usize, mirror: usize, stage: Stage, position: Position) {
        let now = self.sched.now();
        self.emit(kinds::STAGE, server, mirror, stage as u16, [position.generation, position.sequence, 0]);
        match stage {
            Stage::Replied => {
                self.progress_at = now;
                let replying = self.replying.take();
                if let Some((_, bytes)) =
                    replying.filter(|(_, b)| !self.answered_too_late(server, position, *b))
                {
                    let (judge, number) = self.bench.ask(mirror);
                    let applied = || {
                        let applied = judge.applied(number);
                        Position::new(applied.generation, applied.sequence)
                    };
                    self.acked[mirror].push(Acked { position, time: now, bytes }, applied);
                }
            }
            Stage::Freed | Stage::ImageApplied | Stage::Booted | Stage::ApplyAdvanced | Stage::FileMarked => {
                self.progress_at = now;
            }
            Stage::Degraded => {
                *self.metrics.entry("degraded").or_default() += 1;
                self.degraded_since[mirror] = Some(now);
            }
            Stage::InSync => {
                if self.is_destination(server) {
                    self.coverage.marks.reached(Mark::RolesSwapped);
                }
                *self.metrics.entry("resyncs").or_default() += 1;
                if let Some(since) = self.degraded_since[mirror].take() {
                    *self.metrics.entry("degraded_time").or_default() += now - since;
                }
            }
            Stage::Promoted => {
                self.service[mirror].serves(server, now);
            }
            Stage::Retired => {
                let (judge, number) = self.bench.of(mirror);
                judge.retired(number);
                self.handed_over(mirror);
            }
            Stage::Reclaimed => {
                let (judge, number) = self.bench.of(mirror);
                judge.reclaimed(number);
                self.call_again(server);
            }
            Stage::Stalled => {
                *self.metrics.entry("stalls").or_default() += 1;
                self.stalled_since[mirror] = Some(now);
            }
            Stage::Numbered => {
                self.rest_wanted[mirror] = false;
                if let Some(since) = self.stalled_since[mirror].take() {
                    *self.metrics.entry("stall_time").or_default() += now - since;
                }
            }
            _ => {}
        }
        let at_destination = self.is_destination(server);
        let heir = self.serves_at_destination(server, mirror);
        if stage == Stage::BootStarted && heir {
            let (judge, number) = self.bench.of(mirror);
            judge.heir_boots(number, &self.servers[server].current());
        } else if stage == Stage::BootStarted && !at_destination {
            let (judge, who) = self.bench.at(server);
            judge.boots(who, &self.servers[server].current());
        }
        if stage == Stage::Booted && at_destination && self.keeps_records(mirror) {
            // Be it again.
            let (_, number) = self.bench.seat(mirror);
            self.bench.panel(server).probe.enter(number);
        }
        let both = self.servers[server].store(Device::Image).read(0, 2 * superblock::SLOT);
        if stage == Stage::Booted && !at_destination && self.comes_back(server, &both) {
            self.taken_back(mirror);
        } else if stage == Stage::Booted && !at_destination && self.leads_again(server) {
            self.returned(mirror);
        } else if stage == Stage::Booted && heir {
            let (judge, number) = self.bench.of(mirror);
            judge.heir_booted(number);
        } else if stage == Stage::Booted {
            let (judge, who) = self.bench.at(server);
            judge.booted(who);
        }
        if stage == Stage::Booted {
            self.call_late(server);
        }
        self.coverage.stage(stage, mirror, at_destination, position);
        let there = self.recovered_at(mirror) == server;
        if stage == Stage::RecoveryStarted && there {
            self.expects_recovery(mirror);
        }
        if stage == Stage::Sealed && !at_destination {
            self.sealed_again(mirror);
        }
        self.stage_counts.add(stage, mirror, at_destination);
        self.trigger(stage, mirror, server);
    }
}
