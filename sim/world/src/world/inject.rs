//! Faults take place: at their time or on a stage, until they end or everything is healed.

use super::World;
use crate::event::{Event, Phase};
use crate::hosted::{DestinationMachine, Machines, SourceMachine};
use crate::kinds;
use crate::server::{Machine, device};
use crate::spec::{Direction, Fault, Nanos, Node, When};
use mirror::effect::Device;
use mirror::stage::Stage;
use mirrorsim_engine::ExtentMap;
use mirrorsim_oracle as oracle;

impl<M: Machines> World<'_, M> {
    /// How often a stage was reached: of one source's mirror, by one server, or at all.
    pub(crate) fn came(&self, stage: Stage, source: Option<usize>, server: Option<usize>) -> u64 {
        let mirrors = match (source, server) {
            (Some(source), _) => vec![source],
            (None, Some(server)) => self.mirrors_at(server),
            (None, None) => return self.stage_counts.all(stage),
        };
        let side = server.map(|s| self.is_destination(s));
        mirrors.into_iter().map(|m| self.stage_counts.of(stage, m, side)).sum()
    }

    /// Faults that wait for this occurrence of a stage.
    pub(super) fn trigger(&mut self, stage: Stage, mirror: usize, server: usize) {
        for index in 0..self.faults.len() {
            let When::On { stage: wanted, nth, source, node, delay } = self.faults[index].when else {
                continue;
            };
            let node = node.map(|n| self.node(n));
            let elsewhere = source.is_some_and(|s| s != mirror) || node.is_some_and(|n| n != server);
            if wanted != stage || self.triggered[index] || elsewhere {
                continue;
            }
            if self.came(stage, source, node) < nth {
                continue;
            }
            self.triggered[index] = true;
            if delay == 0 {
                self.inject(index);
            } else {
                self.last_fault_at = self.last_fault_at.max(self.sched.now() + delay);
                self.sched.at(self.sched.now() + delay, Event::Fault { index: index as u32 });
            }
        }
    }

    /// Carries out a fault of the plan.
    pub(super) fn inject(&mut self, index: usize) {
        if self.phase != Phase::Faults {
            return;
        }
        self.triggered[index] = true;
        self.find_target(index);
        let fault = self.faults[index].fault.clone();
        if !self.stays_in_model(index) {
            return;
        }
        self.fault_counts[index].injected += 1;
        self.covers_injection(index);
        self.emit(
            kinds::FAULT,
            self.spec.sources.len(),
            index,
            kinds::fault_number(&fault),
            [index as u64, 0, 0],
        );
        let now = self.sched.now();
        let until = |lasting: Nanos| now.saturating_add(lasting);
        let (effective, ends) = match fault {
            Fault::Crash { node, restart_after } => (self.crash(self.node(node), false, restart_after), None),
            Fault::PowerCut { node, restart_after } => {
                (self.crash(self.node(node), true, restart_after), None)
            }
            Fault::Restart { node } => {
                let all: Vec<usize> = self.site(self.node(node)).collect();
                let down = |s: &&usize| self.servers[**s].machine.is_none() && !self.servers[**s].gone;
                let down = all.iter().filter(down).count() > 0;
                all.into_iter().for_each(|server| self.start(server));
                (down, None)
            }
            Fault::Pause { node, lasting } => {
                let runs = self.site(self.node(node)).fold(false, |runs, server| {
                    let s = &mut self.servers[server];
                    s.paused_until = s.paused_until.max(until(lasting));
                    let at = s.paused_until;
                    self.last_fault_at = self.last_fault_at.max(at);
                    self.sched.at(at, Event::Resume { server: server as u16 });
                    self.servers[server].machine.is_some() | runs
                });
                (runs, None)
            }
            Fault::Cut { source, direction, lasting } => {
                (self.set_links(source, direction, true, false), lasting.map(until))
            }
            Fault::Heal { source } => {
                self.forget_cuts(source);
                (self.set_links(source, Direction::Both, false, false), None)
            }
            Fault::Clog { source, direction, lasting } => {
                (self.set_links(source, direction, true, true), Some(until(lasting)))
            }
            Fault::Reset { source, only } => (self.reset(source, only), None),
            Fault::DiskFull { node, device: name, lasting } => {
                let server = self.node(node);
                if let Some(disk) = self.servers[server].disk_mut(device(name)) {
                    disk.full = true;
                }
                // It takes effect when a write fails.
                (false, Some(until(lasting)))
            }
            Fault::Slow { node, device: name, factor, lasting } => {
                let server = self.node(node);
                let factor = u64::from(factor).max(self.slowest(server, device(name)));
                self.set_slow(server, device(name), factor);
                (true, Some(until(lasting)))
            }
            Fault::Damage { target, bits } => (self.damage(target, bits), None),
            Fault::NvramLost { node, reads } => (self.lose_nvram(self.node(node), reads), None),
            Fault::NvramDegraded { node, lasting } => {
                let server = self.node(node);
                self.set_degraded(server, true);
                (true, lasting.map(until))
            }
            Fault::Disaster { source, power_cut, recover_after } => {
                (self.disaster(source, power_cut, recover_after), None)
            }
            Fault::Seal { source } => (self.force_seal(source), None),
            Fault::Recover { source, promote: true } if self.is_recovered_for_another(source) => {
                (self.serve_after_all(source), None)
            }
            // It serves already, whoever asks for it.
            Fault::Recover { source, .. }
                if self.serves_at_destination(self.destination_of(source), source) =>
            {
                (true, None)
            }
            Fault::Recover { source, promote } => {
                let (judge, number) = self.bench.of(source);
                judge.excuse(Some(number), "recover");
                self.order_recovery(source, promote);
                (true, None)
            }
            Fault::HandOver { source } => (self.order_hand_over(index, source), None),
            Fault::Adopt { source, by } => (self.adopts(index, source, by), None),
            // These two take effect when such a frame arrives.
            Fault::Frame { source, direction, bend, count } => {
                self.bend_frames(index, source, direction, bend, count);
                (false, None)
            }
            Fault::Replay { source, direction, after } => {
                self.replay(index, source, direction, after);
                (false, None)
            }
            Fault::Blackout { within } => (self.blackout(within), None),
            Fault::Starve { node, run, wait, lasting } => {
                self.starve(node, run, wait, lasting);
                (true, None)
            }
            // These take effect when somebody says no.
            Fault::Version { node, version, lasting } => {
                let server = self.node(node);
                self.expect_alarms(server, "version");
                self.servers[server].version = version;
                (false, Some(until(lasting)))
            }
            Fault::Format { node, version, lasting } => {
                let server = self.node(node);
                let up = self.servers[server].machine.is_some();
                if up {
                    self.expect_alarms(server, "version");
                    self.restart_after(server, |w| w.reformat(server, version));
                }
                (false, up.then(|| until(lasting)))
            }
            Fault::Config { node, change, lasting } => {
                let server = self.node(node);
                // Disks that are made with wrong numbers keep them, and nothing is mirrored ever: that is not drawn.
                let side = Some(self.is_destination(server));
                let made = |m: usize| self.stage_counts.of(Stage::Booted, m, side) > 0;
                let counts =
                    !self.faults[index].place.is_empty() || self.mirrors_at(server).into_iter().all(made);
                let up = counts && self.servers[server].machine.is_some();
                if up {
                    self.expect_alarms(server, "config");
                    self.expect_alarms(server, "no_superblock");
                    self.restart_after(server, |w| w.servers[server].config = Some(change));
                }
                (false, up.then(|| until(lasting)))
            }
            Fault::Clock { node, step, gains, lasting } => {
                let all = self.site(self.node(node));
                let touched = all.fold(false, |any, server| self.touch_clock(server, step, gains) | any);
                (touched, Some(until(lasting)))
            }
            Fault::Timers { node, every, lasting } => {
                let server = self.node(node);
                self.servers[server].ticks = true;
                let next = (now / every.max(1) + 1) * every.max(1);
                self.sched.at(next, Event::Tick { server: server as u16, index: index as u32 });
                (false, Some(until(lasting)))
            }
            Fault::Readd { source } => (self.readd(source), None),
            Fault::Rebuild { source } => (self.rebuild(source), None),
            // It takes effect once what was the source is the mirror.
            Fault::HeirLost { .. } => {
                self.armed.insert(index);
                self.sched.at(now, Event::HeirLost { index: index as u32 });
                (false, None)
            }
            Fault::Replace { source } => (self.replace(self.destination_of(source)), None),
            Fault::Swizzle { lasting } => {
                self.swizzle(lasting);
                (true, None)
            }
            Fault::Storm { source, resets, every } => {
                self.storm(source, resets, every);
                (true, None)
            }
            Fault::FlushFailure { .. }
            | Fault::WriteFailure { .. }
            | Fault::LostWrite { .. }
            | Fault::MisdirectedWrite { .. } => {
                // It takes effect when what it waits for comes by.
                self.armed.insert(index);
                (false, None)
            }
            Fault::ShortIo { lasting, .. } | Fault::ReadOnly { lasting, .. } => (false, Some(until(lasting))),
            Fault::Unreadable { target, .. } => (self.make_unreadable(target), None),
            Fault::Rollback { node, device: name, after } => {
                self.remember(index, self.node(node), device(name));
                (false, Some(until(after)))
            }
            Fault::DiskLost { node, device: name, lasting } => {
                (self.lose_disk(self.node(node), device(name)), Some(until(lasting)))
            }
            Fault::DiskReplaced { node, device: name, after: Some(after) } => {
                self.remember(index, self.node(node), device(name));
                (false, Some(until(after)))
            }
            Fault::DiskReplaced { after: None, .. } => {
                self.exchange(index, ExtentMap::new());
                (false, None)
            }
            Fault::LogFile { after: 0, .. } => (self.replace_log_file(index), None),
            Fault::LogFile { source, after, .. } => {
                self.remember(index, self.destination_of(source), Device::Log);
                (false, Some(until(after)))
            }
            Fault::NvramSmaller { node, size, lasting } => {
                (self.shrink_nvram(self.node(node), size), Some(until(lasting)))
            }
        };
        self.tell_paths();
        if effective {
            self.took_effect(index);
        } else if let Some(why) = self.why_nothing(&self.faults[index].fault) {
            self.why_idle.insert(index, why);
        }
        if ends.is_some()
            || matches!(self.faults[index].fault, Fault::Cut { .. } | Fault::NvramDegraded { .. })
        {
            self.lasting.insert(index);
        }
        if let Some(at) = ends {
            self.last_fault_at = self.last_fault_at.max(at);
            self.sched.at(at, Event::FaultEnd { index: index as u32 });
        }
    }

    /// A fault of the plan has changed something: at its injection, or later, when what it lies in wait for comes by.
    /// However often that happens, it counts once an injection.
    pub(super) fn took_effect(&mut self, index: usize) {
        let count = &mut self.fault_counts[index];
        if count.took_effect < count.injected {
            count.took_effect += 1;
            if let Some(key) = self.fault_keys[index] {
                self.coverage.matrix.took_effect(key);
            }
        }
    }

    /// Whether the source took it.
    pub(crate) fn force_seal(&mut self, source: usize) -> bool {
        let d = self.destination_of(source);
        let (desk, now) = (self.desk(d, source), self.clock(self.hosts[source]));
        let home = self.source_of(source);
        let (judge, number) = self.bench.of(source);
        if self.hosts[source] == d {
            let machine = self.servers[d].machine.as_mut();
            let Some(Machine::Destination(m)) = machine.filter(|_| self.phase != Phase::Over) else {
                return false;
            };
            let serves = m.serves(desk);
            if serves {
                judge.forced(number);
                m.handle_seal(now, desk);
                self.drain(d);
            }
            return serves;
        }
        let Some(Machine::Source(m)) = self.servers[home].machine.as_mut() else {
            return false;
        };
        if !m.serving() {
            return false;
        }
        judge.forced(number);
        m.handle_seal(now);
        self.rest_wanted[source] = true;
        self.drain(home);
        true
    }

    /// Everything that can be mended is.
    pub(crate) fn heal_all(&mut self) {
        let lost = |i: &usize| match self.faults[*i].fault {
            Fault::DiskLost { node, .. } => Some(self.node(node)),
            _ => None,
        };
        let without_disk: Vec<usize> = self.lasting.iter().filter_map(lost).collect();
        without_disk.into_iter().for_each(|server| self.replace_lost(server));
        self.replace_lost_sites();
        self.lasting.clear();
        self.armed.clear();
        self.rollbacks.clear();
        self.straighten();
        (0..self.servers.len()).for_each(|server| self.set_right(server));
        for source in 0..self.spec.sources.len() {
            self.set_links(source, Direction::Both, false, false);
            self.set_links(source, Direction::Both, false, true);
        }
        for server in 0..self.servers.len() {
            for device in [Device::Nvram, Device::Mark, Device::Log, Device::Image] {
                self.set_slow(server, device, 1);
                if let Some(disk) = self.servers[server].disk_mut(device) {
                    disk.full = false;
                }
            }
            self.restore_nvram(server);
            if self.servers[server].nvram.degraded {
                self.set_degraded(server, false);
            }
            if self.servers[server].paused_until > self.sched.now() {
                self.servers[server].paused_until = self.sched.now();
                self.sched.at(self.sched.now(), Event::Resume { server: server as u16 });
            }
            self.start(server);
        }
        self.tell_paths();
    }

    /// Cuts, or clogs, or ends that; whether anything has changed.
    pub(super) fn set_links(&mut self, source: usize, direction: Direction, on: bool, clog: bool) -> bool {
        let now = self.sched.now();
        let mut changed = false;
        for backward in [false, true] {
            let wanted = match direction {
                Direction::Forward => !backward,
                Direction::Backward => backward,
                Direction::Both => true,
            };
            if !wanted {
                continue;
            }
            for line in self.cable(source) {
                let link = &mut self.links[line][backward as usize];
                let before = if clog { link.is_clogged() } else { link.is_cut() };
                changed |= before != on;
                let released = if clog { link.set_clogged(on, now) } else { link.set_cut(on, now) };
                for delivery in released {
                    self.schedule(line, !backward, delivery);
                }
            }
        }
        changed
    }

    pub(super) fn reset(&mut self, line: usize, only: Option<Node>) -> bool {
        for link in &mut self.links[line] {
            link.reset();
        }
        self.disconnected(line);
        let (end, destination) = (self.end_of(line), self.destination_of(self.mirror_on(line)));
        if only.is_none_or(|n| n == self.node_of(end)) {
            self.disconnect(end, line);
        }
        if only.is_none_or(|n| self.node(n) == destination) {
            self.disconnect(destination, line);
        }
        true
    }

    pub(super) fn set_slow(&mut self, server: usize, device: Device, factor: u64) {
        let s = &mut self.servers[server];
        match device {
            Device::Nvram => s.nvram.slow = factor,
            Device::Mark => s.mark.slow = factor,
            _ => {
                if let Some(disk) = s.disk_mut(device) {
                    disk.slow = factor;
                }
            }
        }
    }

    pub(super) fn set_degraded(&mut self, server: usize, degraded: bool) {
        self.servers[server].nvram.degraded = degraded;
        let (judge, who) = self.bench.at(server);
        match who {
            oracle::Server::Destination => judge.degraded(degraded),
            oracle::Server::Source(mirror) => judge.former_degraded(mirror, degraded),
        }
        let now = self.clock(server);
        if let Some(Machine::Destination(m)) = self.servers[server].machine.as_mut() {
            m.handle_degraded(now, degraded);
            self.drain(server);
        }
    }

    /// A write has failed on a full disk.
    pub(super) fn full_took_effect(&mut self, server: usize, at: Device) {
        for index in 0..self.faults.len() {
            if let Fault::DiskFull { node, device: name, .. } = self.faults[index].fault
                && self.node(node) == server
                && device(name) == at
                && self.fault_counts[index].injected > 0
            {
                self.took_effect(index);
            }
        }
    }
}
