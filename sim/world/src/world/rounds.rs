//! Apply rounds of servers (DR11), and servers that wait for each other in them for ever.

use super::World;
use crate::hosted::{DestinationMachine, Machines};
use crate::server::Machine;
use crate::spec::Node;
use mirror::config::Coupling;

impl<M: Machines> World<'_, M> {
    pub(super) fn coupled(&self) -> bool {
        self.spec.protocol.apply == Coupling::Coupled
    }

    /// Something has happened to a machine: the round of its server goes on. Those of its machines that have something to
    /// do now.
    pub(super) fn turn(&mut self, server: usize) -> Vec<usize> {
        let site: Vec<usize> = self.site(server).collect();
        let (now, at) = (self.clock(server), self.place(server));
        let (mut source, mut destination) = (None, None);
        for (index, s) in self.servers.iter_mut().enumerate().filter(|(index, _)| site.contains(index)) {
            match s.machine.as_mut() {
                Some(Machine::Source(m)) => source = Some(&mut **m),
                // One that was a source itself is nobody's but its heir's.
                Some(Machine::Destination(m)) if index >= self.spec.sources.len() => {
                    destination = Some(&mut **m)
                }
                _ => {}
            }
        }
        let begun = self.rounds[at].turn(now, source, destination, self.machines.quirk());
        if begun { site } else { Vec::new() }
    }

    /// Where the rounds of a server are: those of a destination in another one's server are that one's.
    fn place(&self, server: usize) -> usize {
        self.node(self.spec.site(self.node_of(server)))
    }

    /// A machine starts anew, and with it the rounds of its server.
    pub(super) fn forget_round(&mut self, server: usize) {
        let at = self.place(server);
        self.rounds[at] = Default::default();
    }

    /// Counts each time that servers come to wait for each other in a circle: each in a round that waits for nothing but
    /// another one's apply, which that one's round does not take. It is noted for the report, and decides nothing.
    pub(super) fn look_for_deadlock(&mut self) {
        let circle = (0..self.spec.sources.len()).any(|source| {
            let mut at = Some(source);
            for _ in 0..self.spec.sources.len() {
                at = at.and_then(|at| self.waits_for(at));
            }
            at.is_some()
        });
        if circle && !self.deadlocked {
            *self.metrics.entry("deadlocks").or_default() += 1;
        }
        self.deadlocked = circle;
    }

    /// The source in the server whose next round the round of this one waits for.
    fn waits_for(&self, source: usize) -> Option<usize> {
        let own = self.rounds[source].own()?;
        let there = self.spec.sources[source].destination;
        let next = self.spec.destinations[there].beside?;
        let (partitions, files) = (self.spec.protocol.partitions, self.spec.protocol.files);
        let wanted = (own + u64::from(partitions)).saturating_sub(u64::from(files));
        let desk = self.spec.desk(source) as u16;
        let Some(Machine::Destination(m)) = &self.servers[self.node(Node::Destination(there))].machine else {
            return None;
        };
        let takes = self.rounds[next].takes(desk).is_some_and(|upto| upto >= wanted);
        let runs = self.rounds[next].own().is_some();
        (runs && !takes && m.applied(desk) < wanted).then_some(next)
    }
}
