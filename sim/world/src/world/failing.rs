//! Disks that fail what they are asked: flushes and writes that end with an error, or a disk that is gone. The server stops
//! by itself, with an alarm; whoever watches over it starts it again. Its caches live on.

use super::World;
use crate::hosted::Machines;
use crate::server::device;
use crate::spec::{DeviceName, Fault, Nanos, Node};
use mirror::effect::Device;
use mirrorsim_engine::FlushMark;
use std::ops::Range;

/// How long a server is down that has stopped by itself, if nothing else is said, ns.
pub(super) const DOWN: Nanos = 1_000_000;

/// What a write to a disk meets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// It fails; a part of it may be stored all the same.
    Fails { partly: bool },
    /// It is short, or interrupted.
    Short,
}

/// The device of a fault that lies in wait there or lasts.
fn place(fault: &Fault) -> Option<(Node, DeviceName)> {
    match fault {
        Fault::FlushFailure { node, device, .. }
        | Fault::WriteFailure { node, device, .. }
        | Fault::ShortIo { node, device, .. }
        | Fault::ReadOnly { node, device, .. }
        | Fault::LostWrite { node, device }
        | Fault::MisdirectedWrite { node, device }
        | Fault::DiskLost { node, device, .. } => Some((*node, *device)),
        _ => None,
    }
}

impl<M: Machines> World<'_, M> {
    fn hits(&self, index: usize, server: usize, at: Device, kind: impl Fn(&Fault) -> bool) -> bool {
        let fault = &self.faults[index].fault;
        kind(fault)
            && place(fault).is_some_and(|(node, name)| self.node(node) == server && device(name) == at)
    }

    /// A fault that lies in wait at a device.
    pub(super) fn waiting(&self, server: usize, at: Device, kind: impl Fn(&Fault) -> bool) -> Option<usize> {
        self.armed.iter().copied().find(|index| self.hits(*index, server, at, &kind))
    }

    /// One that lasts there.
    pub(super) fn under(&self, server: usize, at: Device, kind: impl Fn(&Fault) -> bool) -> Option<usize> {
        self.lasting.iter().copied().find(|index| self.hits(*index, server, at, &kind))
    }

    /// Whether nothing can be read of a disk.
    pub(super) fn is_gone(&self, server: usize, at: Device) -> bool {
        self.under(server, at, |f| matches!(f, Fault::DiskLost { .. })).is_some()
    }

    /// Whether a flush that ends now fails; then what it covers is as the fault says.
    pub(super) fn flush_fails(&mut self, server: usize, at: Device, mark: FlushMark, life: u32) -> bool {
        if self.armed.is_empty() && self.lasting.is_empty() || self.servers[server].incarnation != life {
            return false;
        }
        if let Some(index) = self.under(server, at, |f| matches!(f, Fault::DiskLost { .. })) {
            self.fails(index, server, DOWN);
            return true;
        }
        let waiting = self.waiting(server, at, |f| matches!(f, Fault::FlushFailure { .. }));
        let Some(index) = waiting.filter(|_| self.servers[server].store(at).covers(mark)) else {
            return false;
        };
        let Fault::FlushFailure { after, restart_after, .. } = self.faults[index].fault else { return false };
        self.armed.remove(&index);
        let changed = self.servers[server].store_mut(at).fail_flush(mark, after);
        self.fails(index, server, restart_after);
        self.forgotten(server, at, changed);
        true
    }

    /// What a write to a disk meets that is issued now.
    pub(super) fn write_meets(&mut self, server: usize, at: Device) -> Option<Obstacle> {
        if self.armed.is_empty() && self.lasting.is_empty() {
            return None;
        }
        let no_writes = |f: &Fault| matches!(f, Fault::ReadOnly { .. } | Fault::DiskLost { .. });
        if let Some(index) = self.under(server, at, no_writes) {
            self.fails(index, server, DOWN);
            return Some(Obstacle::Fails { partly: false });
        }
        if let Some(index) = self.waiting(server, at, |f| matches!(f, Fault::WriteFailure { .. })) {
            let Fault::WriteFailure { restart_after, .. } = self.faults[index].fault else { return None };
            self.armed.remove(&index);
            self.fails(index, server, restart_after);
            return Some(Obstacle::Fails { partly: true });
        }
        self.is_short(server, at).then_some(Obstacle::Short)
    }

    /// Whether what is read or written now is short.
    pub(super) fn is_short(&mut self, server: usize, at: Device) -> bool {
        let short = self.under(server, at, |f| matches!(f, Fault::ShortIo { .. }));
        short.into_iter().for_each(|index| self.took_effect(index));
        short.is_some()
    }

    fn fails(&mut self, index: usize, server: usize, down_for: Nanos) {
        self.took_effect(index);
        self.servers[server].down_for = down_for;
        let (judge, who) = self.bench.at(server);
        judge.fault_device(who);
    }

    /// A machine says that it cannot go on.
    pub(super) fn device_failed(&mut self, server: usize) {
        let down_for = std::mem::replace(&mut self.servers[server].down_for, DOWN);
        self.crash(server, false, Some(down_for));
    }

    /// From now on the medium is read, past the cache.
    pub(super) fn reload(&mut self, server: usize, at: Device) {
        let changed = self.servers[server].store_mut(at).forget_clean();
        self.forgotten(server, at, changed);
    }

    /// A cache has let go of writes to these ranges.
    fn forgotten(&mut self, server: usize, at: Device, ranges: Vec<Range<u64>>) {
        let s = &self.servers[server];
        let hidden = |range: &Range<u64>| s.store(at).pending().iter().any(|p| p.overlaps(range));
        let seen = ranges.into_iter().filter(|range| !hidden(range));
        let seen: Vec<(u64, u64)> = seen.map(|range| (range.start, range.end - range.start)).collect();
        if seen.is_empty() {
            return;
        }
        let (judge, who) = self.bench.at(server);
        let s = &self.servers[server];
        judge.forgotten(who, crate::server::oracle_device(at), &seen, &s.stable(), &s.current());
    }
}
