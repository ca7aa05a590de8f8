//! Faults that last. Of two at a time on one link or device, the end of one does not end the other.

use super::World;
use crate::event::Phase;
use crate::hosted::Machines;
use crate::kinds;
use crate::server::device;
use crate::spec::{Direction, Fault};
use mirror::effect::Device;

impl<M: Machines> World<'_, M> {
    /// The end of a fault that lasts.
    pub(super) fn end_fault(&mut self, index: usize) {
        if self.phase != Phase::Faults {
            return;
        }
        let fault = self.faults[index].fault.clone();
        let number = kinds::fault_number(&fault);
        self.emit(kinds::FAULT_END, self.spec.sources.len(), index, number, [index as u64, 0, 0]);
        if !self.lasting.remove(&index) {
            return;
        }
        match fault {
            Fault::Cut { source, direction, .. } => self.end_on_link(source, direction, false),
            Fault::Clog { source, direction, .. } => self.end_on_link(source, direction, true),
            Fault::DiskFull { node, device: name, .. } => {
                let server = self.node(node);
                let still = self.last().any(|f| {
                    matches!(f, Fault::DiskFull { node, device, .. } if self.node(*node) == server && *device == name)
                });
                if let Some(disk) = self.servers[server].disk_mut(device(name)) {
                    disk.full = still;
                }
            }
            Fault::Slow { node, device: name, .. } => {
                let (server, device) = (self.node(node), device(name));
                let factor = self.slowest(server, device);
                self.set_slow(server, device, factor);
            }
            Fault::Version { node, .. }
            | Fault::Format { node, .. }
            | Fault::Config { node, .. }
            | Fault::Clock { node, .. }
            | Fault::Timers { node, .. } => {
                let server = self.node(node);
                let kind = std::mem::discriminant(&fault);
                let same = |f: &Fault| std::mem::discriminant(f) == kind && self.concerns(f, server);
                if !self.last().any(same) {
                    self.set_right_of(server, &fault);
                }
            }
            Fault::NvramDegraded { node, .. } => {
                let server = self.node(node);
                let same =
                    |f: &Fault| matches!(f, Fault::NvramDegraded { node, .. } if self.node(*node) == server);
                if !self.last().any(same) {
                    self.set_degraded(server, false);
                }
            }
            Fault::Rollback { .. } => self.roll_back(index),
            // Meanwhile something else may have become the last copy.
            Fault::DiskReplaced { .. } => {
                if let Some(content) = self.content_before(index)
                    && self.stays_in_model(index)
                {
                    self.exchange(index, content);
                }
            }
            Fault::LogFile { .. } => {
                let changed = self.replace_log_file(index);
                if changed {
                    self.took_effect(index);
                }
            }
            Fault::DiskLost { node, .. } => self.replace_lost(self.node(node)),
            Fault::NvramSmaller { node, .. } => self.restore_nvram(self.node(node)),
            _ => {}
        }
        self.tell_paths();
    }

    /// Those that have not ended.
    fn last(&self) -> impl Iterator<Item = &Fault> {
        self.lasting.iter().map(|index| &self.faults[*index].fault)
    }

    fn concerns(&self, fault: &Fault, server: usize) -> bool {
        match fault {
            Fault::Version { node, .. }
            | Fault::Format { node, .. }
            | Fault::Config { node, .. }
            | Fault::Timers { node, .. } => self.node(*node) == server,
            Fault::Clock { node, .. } => self.spec.site(*node) == self.spec.site(self.node_of(server)),
            _ => false,
        }
    }

    /// Faults in force that a server must have said no to.
    pub(super) fn said_no(&mut self, to: &[&str], server: usize, peer: bool) {
        let faults = self.lasting.iter().copied();
        let wanted = faults.filter(|i| {
            let fault = &self.faults[*i].fault;
            let at = match fault {
                Fault::Version { node, .. } if peer => self.node(*node) != server,
                Fault::Format { node, .. } | Fault::Config { node, .. } => self.node(*node) == server,
                _ => false,
            };
            at && to.contains(&crate::faults::name(fault))
        });
        let wanted: Vec<usize> = wanted.collect();
        wanted.into_iter().for_each(|index| self.took_effect(index));
    }

    /// The largest factor of those that slow down a device; 1 if there is none.
    pub(super) fn slowest(&self, server: usize, at: Device) -> u64 {
        let factors = self.last().filter_map(|f| match f {
            Fault::Slow { node, device: name, factor, .. } => {
                (self.node(*node) == server && device(*name) == at).then_some(u64::from(*factor))
            }
            _ => None,
        });
        factors.max().unwrap_or(1)
    }

    /// Every cut of a link is healed.
    pub(super) fn forget_cuts(&mut self, healed: usize) {
        let faults = &self.faults;
        self.lasting.retain(|i| !matches!(faults[*i].fault, Fault::Cut { source, .. } if source == healed));
    }

    fn end_on_link(&mut self, source: usize, direction: Direction, clog: bool) {
        for one in [Direction::Forward, Direction::Backward] {
            if direction != one && direction != Direction::Both {
                continue;
            }
            let holds = |f: &Fault| {
                let (at, way) = match f {
                    Fault::Cut { source, direction, .. } if !clog => (*source, *direction),
                    Fault::Clog { source, direction, .. } if clog => (*source, *direction),
                    _ => return false,
                };
                at == source && (way == one || way == Direction::Both)
            };
            let holding: Vec<usize> =
                self.lasting.iter().copied().filter(|index| holds(&self.faults[*index].fault)).collect();
            // One that came meanwhile makes it longer, though it changed nothing when it came.
            for index in &holding {
                if self.fault_counts[*index].took_effect == 0 {
                    self.took_effect(*index);
                }
            }
            if holding.is_empty() {
                self.set_links(source, one, false, clog);
            }
        }
    }
}
