//! The fault atlas: where on the map of copies a fault may be put. A drawn fault that would take the last good copy of
//! something acknowledged is left out; a scripted one ends the run, unless its scenario says that it goes beyond.

use super::World;
use crate::coverage::Coverage;
use crate::event::Phase;
use crate::matrix::{Role, target};
use crate::server::{Machine, device, device_name, oracle_device};
use crate::spec::{DamageTarget, Fault, Instead, Node};
use mirror::effect::Device;
use mirror::quirk::Quirk;
use mirrorsim_oracle::{self as oracle, Loss};

impl<Q: Quirk> World<'_, Q> {
    /// Whether a fault may be injected now.
    pub(super) fn stays_in_model(&mut self, index: usize) -> bool {
        self.count_copies();
        if self.spec.beyond_model {
            return true;
        }
        let fault = self.faults[index].fault.clone();
        let losses = self.losses(&fault);
        let Some(why) = losses.iter().find_map(|loss| self.judge.beyond(loss)) else { return true };
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
        let node = if server == self.destination() { Node::Destination } else { Node::Source(server) };
        let target = DamageTarget::Range { node, device: device_name(device), offset, length };
        self.faults[index].fault = match fault {
            Fault::Damage { bits, .. } => Fault::Damage { target, bits },
            _ => Fault::Unreadable { target, more: 0 },
        };
    }

    /// Whether a fault that picks its victim late may pick this one.
    pub(super) fn may_take(&self, server: usize, at: Device, (offset, length): (u64, u64)) -> bool {
        let loss =
            Loss::Range { server: self.oracle_server(server), device: oracle_device(at), offset, length };
        self.spec.beyond_model || self.judge.beyond(&loss).is_none()
    }

    /// What a fault takes away.
    fn losses(&self, fault: &Fault) -> Vec<Loss> {
        match fault {
            Fault::Disaster { source, .. } | Fault::Recover { source, .. } | Fault::Readd { source } => {
                // Nobody needs a source whose clients the destination serves.
                let former = self.serves_at_destination(self.destination(), *source);
                if former { Vec::new() } else { vec![Loss::Site(*source)] }
            }
            Fault::NvramLost { node, .. } => vec![Loss::Nvram(self.who(*node))],
            Fault::Damage { target, .. } | Fault::Unreadable { target, .. } => {
                let DamageTarget::Range { node, device: name, offset, length } = *target else {
                    return Vec::new();
                };
                vec![Loss::Range {
                    server: self.who(node),
                    device: oracle_device(device(name)),
                    offset,
                    length,
                }]
            }
            Fault::DiskLost { node, device: name, .. } | Fault::DiskReplaced { node, device: name, .. } => {
                let at = device(*name);
                vec![Loss::Range {
                    server: self.who(*node),
                    device: oracle_device(at),
                    offset: 0,
                    length: self.servers[self.node(*node)].store(at).current().end(),
                }]
            }
            Fault::LogFile { source, becomes, .. } => {
                let next = (source + 1) % self.geometries.len();
                let both = [*source, next];
                let of = if *becomes == Instead::Neighbour { &both[..] } else { &both[..1] };
                of.iter().map(|mirror| self.log_files_of(*mirror)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// All log files of a mirror.
    fn log_files_of(&self, mirror: usize) -> Loss {
        let geometry = &self.geometries[mirror];
        let (first, count) = (geometry.place(0), geometry.places());
        Loss::Range {
            server: oracle::Server::Destination,
            device: oracle::Device::Log,
            offset: first,
            length: count * geometry.file_size,
        }
    }

    fn who(&self, node: Node) -> oracle::Server {
        self.oracle_server(self.node(node))
    }

    /// Counts the durable copies of what is acknowledged.
    pub(crate) fn count_copies(&mut self) {
        let census = self.judge.look_at_ledger();
        let ledger = &mut self.ledger;
        ledger.counted += 1;
        for (copies, bytes) in census {
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
        let (role, mirror) = target(fault);
        let server = if role == Role::Destination { self.destination() } else { mirror.unwrap_or(0) };
        let machine = self.servers[server].machine.as_ref();
        let stopped = matches!(machine, Some(Machine::Source(m)) if m.stopped());
        if role == Role::Destination {
            // What a recovery under way reads from now on may be something else.
            self.expected.fill(None);
        }
        let key = self.coverage.key(fault, machine.is_none(), stopped);
        self.coverage.matrix.injected(key);
        self.fault_keys[index] = Some(key);
    }

    /// Tells the coverage something of each mirror that a server has to do with.
    pub(super) fn covers(&mut self, server: usize, mut tell: impl FnMut(&mut Coverage, usize, bool)) {
        let destination = self.destination();
        let mirrors = if server == destination { 0..destination } else { server..server + 1 };
        mirrors.for_each(|mirror| tell(&mut self.coverage, mirror, server == destination));
    }

    /// A server that runs is about to die.
    pub(super) fn sees_death(&mut self, server: usize) {
        let destination = self.destination();
        let down = |s: usize| self.servers[s].machine.is_none();
        let other_is_down =
            if server == destination { (0..destination).any(down) } else { down(destination) };
        self.coverage.dies((server != destination).then_some(server), other_is_down);
    }
}
