//! Servers' clocks, and timers that fire when they like.

use super::World;
use crate::event::Event;
use crate::hosted::Machines;
use crate::spec::{Fault, Nanos};

impl<M: Machines> World<'_, M> {
    /// What a server's clock shows now.
    pub(crate) fn clock(&self, server: usize) -> u64 {
        self.servers[server].clock.shows(self.sched.now())
    }

    /// Sets a clock. Who waits for it is woken, as by a timer that is cancelled when the clock is set.
    pub(super) fn touch_clock(&mut self, server: usize, step: i64, gains: i64) -> bool {
        let now = self.sched.now();
        self.servers[server].clock.touch(now, step, gains);
        let (judge, who) = self.bench.at(server);
        judge.clock_touched(who);
        self.wake(server)
    }

    /// Calls a machine though no timer may be due; whether there is one.
    fn wake(&mut self, server: usize) -> bool {
        let now = self.sched.now();
        let shows = self.clock(server);
        let s = &mut self.servers[server];
        s.timer = None;
        let Some(machine) = s.machine.as_mut() else { return false };
        if s.paused_until <= now {
            machine.handle_timeout(shows);
        }
        self.drain(server);
        true
    }

    /// All timers of a server are looked at, due or not.
    pub(super) fn tick(&mut self, server: usize, index: usize) {
        let Fault::Timers { every, .. } = self.faults[index].fault else { return };
        if !self.lasting.contains(&index) {
            return;
        }
        if self.wake(server) {
            self.took_effect(index);
        }
        let at = self.sched.now() + every.max(1);
        self.sched.at(at, Event::Tick { server: server as u16, index: index as u32 });
    }

    /// When a machine is to be called that wants it when its clock shows `time`; `None`: something else will wake it.
    pub(super) fn due(&self, server: usize, time: u64) -> Option<Nanos> {
        let s = &self.servers[server];
        if s.ticks { None } else { s.clock.reaches(time).map(|at| at.max(self.sched.now())) }
    }
}
