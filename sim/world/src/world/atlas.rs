//! The fault atlas: where on the map of copies a fault may be put. A drawn fault that would take the last good copy of
//! something acknowledged is left out; a scripted one ends the run, unless its scenario says that it goes beyond.

use super::World;
use crate::coverage::Coverage;
use crate::event::Phase;
use crate::hosted::{Machines, SourceMachine};
use crate::matrix::{Role, Whom, target};
use crate::server::{Machine, device, device_name, oracle_device};
use crate::spec::{DamageTarget, Fault, Instead};
use mirror::effect::Device;
use mirrorsim_oracle::Loss;

impl<M: Machines> World<'_, M> {
    /// Whether a fault may be injected now.
    pub(super) fn stays_in_model(&mut self, index: usize) -> bool {
        self.count_copies();
        if self.spec.beyond_model {
            return true;
        }
        let fault = self.faults[index].fault.clone();
        let losses = self.losses(&fault);
        let Some(why) = losses.iter().find_map(|loss| self.bench.beyond(loss)) else { return true };
        if self.faults[index].place.is_empty() {
            self.ledger.withheld += 1;
        } else {
            let (name, place) = (crate::faults::name(&fault), &self.faults[index].place);
            self.beyond = Some(format!(
                "{name} at {place} would leave the fault model: {why}; say `beyond_model: true`, then a loss that is \
                 not reported is the failure"
            ));
            self.phase = Phase::Over;
        }
        false
    }

    /// What a damage will hit is looked for once: drawing it again would give another place.
    pub(super) fn find_target(&mut self, index: usize) {
        let fault = self.faults[index].fault.clone();
        let (Fault::Damage { target, .. } | Fault::Unreadable { target, .. }) = fault else { return };
        let Some((server, device, mut offset, mut length)) = self.find(target) else { return };
        if let Fault::Unreadable { more, .. } = fault {
            (offset, length) = self.whole_granules(server, device, (offset, length), more);
        }
        let node = self.node_of(server);
        let target = DamageTarget::Range { node, device: device_name(device), offset, length };
        self.faults[index].fault = match fault {
            Fault::Damage { bits, .. } => Fault::Damage { target, bits },
            _ => Fault::Unreadable { target, more: 0 },
        };
    }

    /// Whether a fault that picks its victim late may pick this one.
    pub(super) fn may_take(&self, server: usize, at: Device, (offset, length): (u64, u64)) -> bool {
        let (panel, server) = self.bench.who(server);
        let loss = Loss::Range { server, device: oracle_device(at), offset, length };
        self.spec.beyond_model || self.bench.beyond(&(panel, loss)).is_none()
    }

    /// What a fault takes away, and from which panel's servers.
    fn losses(&self, fault: &Fault) -> Vec<(usize, Loss)> {
        let range = |server: usize, at: Device, (offset, length): (u64, u64)| {
            let (panel, server) = self.bench.who(server);
            (panel, Loss::Range { server, device: oracle_device(at), offset, length })
        };
        match fault {
            Fault::Disaster { source, .. }
            | Fault::Recover { source, .. }
            | Fault::Adopt { source, .. }
            | Fault::Readd { source } => {
                // Nobody needs a source whose clients the destination serves.
                let former = self.serves_at_destination(self.destination_of(*source), *source);
                let (panel, number) = self.bench.seat(*source);
                let fences = matches!(fault, Fault::Recover { .. } | Fault::Adopt { .. });
                let lost = if fences { Loss::Fenced } else { Loss::Site };
                let mut all = if former { Vec::new() } else { vec![(panel, lost(number))] };
                if let Fault::Disaster { source, .. } = fault {
                    // With it goes what its server has of others.
                    for d in self.site(*source).filter(|s| self.is_destination(*s)) {
                        let served = self.served_at(d).into_iter().map(|m| self.bench.seat(m));
                        let before = all.len();
                        all.extend(served.map(|(panel, number)| (panel, Loss::Heir(number))));
                        if all.len() == before {
                            all.push((self.bench.who(d).0, Loss::Destination));
                        }
                    }
                }
                all
            }
            // It waits until that stays in the model.
            Fault::HeirLost { .. } => Vec::new(),
            Fault::Replace { source } => {
                let (panel, _) = self.bench.seat(*source);
                vec![(panel, Loss::Destination)]
            }
            Fault::NvramLost { node, .. } => {
                let (panel, server) = self.bench.who(self.node(*node));
                vec![(panel, Loss::Nvram(server))]
            }
            Fault::Damage { target, .. } | Fault::Unreadable { target, .. } => {
                let DamageTarget::Range { node, device: name, offset, length } = *target else {
                    return Vec::new();
                };
                vec![range(self.node(node), device(name), (offset, length))]
            }
            Fault::DiskLost { node, device: name, .. } | Fault::DiskReplaced { node, device: name, .. } => {
                let (server, at) = (self.node(*node), device(*name));
                vec![range(server, at, (0, self.servers[server].store(at).current().end()))]
            }
            Fault::LogFile { source, becomes, .. } => {
                let both = [*source, self.neighbour(*source)];
                let of = if *becomes == Instead::Neighbour { &both[..] } else { &both[..1] };
                let files = |mirror: &usize| {
                    let geometry = &self.geometries[*mirror];
                    let (first, length) = (geometry.place(0), geometry.places() * geometry.file_size);
                    range(self.destination_of(*mirror), Device::Log, (first, length))
                };
                of.iter().map(files).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Counts the durable copies of what is acknowledged.
    pub(crate) fn count_copies(&mut self) {
        let ledger = &mut self.ledger;
        ledger.counted += 1;
        for (copies, bytes) in self.bench.judges().flat_map(|judge| judge.look_at_ledger()) {
            let key = (copies.source, copies.destination);
            match ledger.bytes.binary_search_by_key(&key, |(k, _)| *k) {
                Ok(at) => ledger.bytes[at].1 += bytes,
                Err(at) => ledger.bytes.insert(at, (key, bytes)),
            }
        }
    }

    /// Notes what the target of a fault is doing.
    pub(super) fn covers_injection(&mut self, index: usize) {
        let fault = &self.faults[index].fault;
        let (role, whom) = target(fault);
        let mirrors = match whom {
            Whom::Mirror(mirror) => vec![mirror],
            Whom::Destination(d) => self.spec.mirrors_of(d).collect(),
            Whom::All => (0..self.spec.sources.len()).collect(),
        };
        let first = mirrors.first().copied().unwrap_or(0);
        let server =
            if role == Role::Destination { self.destination_of(first) } else { self.source_of(first) };
        let machine = self.servers[server].machine.as_ref();
        let stopped = matches!(machine, Some(Machine::Source(m)) if m.stopped());
        if role == Role::Destination {
            // What a recovery under way reads from now on may be something else.
            mirrors.iter().for_each(|m| self.expected[*m] = None);
        }
        let key = self.coverage.key(fault, &mirrors, machine.is_none(), stopped);
        self.coverage.matrix.injected(key);
        self.fault_keys[index] = Some(key);
    }

    /// Tells the coverage something of each mirror that a server has to do with.
    pub(super) fn covers(&mut self, server: usize, mut tell: impl FnMut(&mut Coverage, usize, bool)) {
        let at_destination = self.is_destination(server);
        let mirrors = self.mirrors_at(server);
        mirrors.into_iter().for_each(|mirror| tell(&mut self.coverage, mirror, at_destination));
    }

    /// A server that runs is about to die.
    pub(super) fn sees_death(&mut self, server: usize) {
        let (mirrors, at_destination) = (self.mirrors_at(server), self.is_destination(server));
        let other = |m: &usize| if at_destination { self.source_of(*m) } else { self.destination_of(*m) };
        let other_is_down = mirrors.iter().any(|m| self.servers[other(m)].machine.is_none());
        self.coverage.dies(&mirrors, at_destination, other_is_down);
    }
}
