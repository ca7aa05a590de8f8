//! Devices that are exchanged: lost disks, empty ones, older ones, and NVRAM that is not the server's, or not all of it.

use super::World;
use crate::hosted::Machines;
use crate::server::{device, oracle_device};
use crate::spec::{Fault, Nanos};
use mirror::effect::{Device, UNREADABLE};
use mirror::superblock::Role;
use mirrorsim_engine::{ExtentMap, Store};

/// Time that a server is off while one of its devices is exchanged, ns.
pub(super) const EXCHANGE: Nanos = 2_000_000;

impl<M: Machines> World<'_, M> {
    /// A disk is gone, with all that was on it. Its server finds out by itself.
    pub(super) fn lose_disk(&mut self, server: usize, at: Device) -> bool {
        let held = self.servers[server].store(at).stored_bytes() > 0;
        self.insert(server, at, ExtentMap::new());
        held
    }

    /// An empty disk is there instead. It is put in while the server is off, if that has not stopped by itself.
    pub(super) fn replace_lost(&mut self, server: usize) {
        self.crash(server, true, Some(EXCHANGE));
    }

    /// The server is off, and comes back with another disk.
    pub(super) fn exchange(&mut self, index: usize, content: ExtentMap) {
        let Fault::DiskReplaced { node, device: name, .. } = self.faults[index].fault else { return };
        let (server, at) = (self.node(node), device(name));
        if self.servers[server].gone {
            return;
        }
        self.crash(server, true, Some(EXCHANGE));
        let end = |s: &Store| s.stable().end().max(content.end());
        let s = self.servers[server].store(at);
        let differs = s.read_stable(0, end(s)) != content.read(0, end(s));
        self.insert(server, at, content);
        if differs {
            self.took_effect(index);
        }
    }

    /// Whether all that a destination has are copies for sources that live, and are asked: whose clients are served there, or
    /// whose mirror is being recovered, has nothing to fill another one from.
    pub(super) fn has_only_copies(&self, server: usize) -> bool {
        let own = |m: &usize| {
            let home = self.source_of(*m);
            let living = self.hosts[*m] == home && !self.servers[home].gone;
            let asked = !self.ordered.contains_key(m) || self.taken_back.contains(m);
            living && asked && !self.hand_overs.contains(m)
        };
        self.mirrors_at(server).iter().all(own)
    }

    /// Whether a destination is gone because the site is in which it stood beside a source.
    pub(super) fn is_lost_with_its_site(&self, server: usize) -> bool {
        let lost = |s: usize| self.servers[s].gone && !self.is_destination(s);
        self.servers[server].gone && self.is_destination(server) && self.site(server).any(lost)
    }

    /// All that a destination has is gone, and so is the destination until another one stands in its place.
    pub(super) fn lose_copies(&mut self, server: usize) {
        for device in [Device::Nvram, Device::Mark, Device::Log, Device::Image] {
            self.servers[server].store_mut(device).replace_all(ExtentMap::new());
        }
        let (judge, _) = self.bench.at(server);
        judge.destination_replaced(&self.servers[server].stable());
        self.bench.unsettled(server);
    }

    /// A destination is lost, be it now or with its site before, and an empty one is in its place: its operator has formatted it
    /// for the mirrors of the former one, as void, so that nobody takes its zeros for data, and has their sources connect anew.
    pub(super) fn replace(&mut self, server: usize) -> bool {
        let lost = self.is_lost_with_its_site(server);
        if self.servers[server].gone && !lost || !self.has_only_copies(server) {
            return false;
        }
        if lost {
            self.servers[server].gone = false;
            self.ends(server, true, Some(EXCHANGE));
        } else {
            self.crash(server, true, Some(EXCHANGE));
        }
        self.lose_copies(server);
        for mirror in self.mirrors_at(server) {
            let desk = self.desk(server, mirror);
            self.make(mirror, server, self.regions[mirror].base, Role::Mirror, desk, true);
            // One that rests would not notice.
            self.disconnect(mirror, mirror);
        }
        self.bench.unsettled(server);
        true
    }

    /// The site of a source that was lost stands again, with empty devices. Whoever serves its clients has a peer there to fill (LR3,
    /// LR4); and an empty destination stands there, if one was lost. False: it is not lost, or nobody serves its clients.
    pub(super) fn rebuild(&mut self, source: usize) -> bool {
        let d = self.destination_of(source);
        let served = self.serves_at_destination(d, source) && self.adoptions[source].is_none();
        if !self.servers[source].gone || self.is_exiled(source) || !served {
            return false;
        }
        let lost: Vec<usize> = self.site(source).filter(|s| self.is_lost_with_its_site(*s)).collect();
        lost.into_iter().for_each(|server| {
            self.replace(server);
        });
        for device in self.servers[source].devices() {
            self.servers[source].store_mut(*device).replace_all(ExtentMap::new());
        }
        self.servers[source].gone = false;
        self.ended[source] = None;
        let (judge, number) = self.bench.of(source);
        judge.rebuilt(number);
        self.make_target(source, source);
        self.bench.unsettled(source);
        self.start(source);
        true
    }

    /// Destinations that were lost with their sites are replaced, where there is something to fill them from.
    pub(super) fn replace_lost_sites(&mut self) {
        let lost = (0..self.servers.len()).filter(|s| self.is_lost_with_its_site(*s));
        let lost: Vec<usize> = lost.collect();
        lost.into_iter().for_each(|server| {
            self.replace(server);
        });
    }

    fn insert(&mut self, server: usize, at: Device, content: ExtentMap) {
        self.servers[server].store_mut(at).replace_all(content);
        let (judge, who) = self.bench.at(server);
        let s = &self.servers[server];
        judge.device_replaced(who, oracle_device(at), &s.stable(), &s.current());
        self.bench.unsettled(server);
    }

    /// The content of a server's NVRAM of another system: what it holds looks like our own, but for the mirrors' names.
    pub(super) fn foreign_nvram(&self, server: usize) -> ExtentMap {
        let other = (server + 1) % self.servers.len();
        let ours: Vec<[u8; 16]> = self.geometries.iter().map(|g| g.mirror.0).collect();
        let own = self.servers[other].store(Device::Nvram).snapshot();
        let mut foreign = ExtentMap::new();
        for (at, extent) in own.iter(0, own.end()) {
            let mut bytes = own.read(at, extent.len()).to_vec();
            for start in (0..bytes.len().saturating_sub(15)).step_by(8) {
                if ours.iter().any(|name| bytes[start..start + 16] == *name) {
                    bytes[start..start + 16].iter_mut().for_each(|b| *b = !*b);
                }
            }
            foreign.write(at, bytes::Bytes::from(bytes));
        }
        foreign
    }

    /// NVRAM of which nothing can be read.
    pub(super) fn uncorrectable(size: u64) -> ExtentMap {
        let mut content = ExtentMap::new();
        content.write(0, bytes::Bytes::from(vec![UNREADABLE; size as usize]));
        content
    }

    /// Less NVRAM is found at the next start, which is now.
    pub(super) fn shrink_nvram(&mut self, server: usize, size: u64) -> bool {
        if self.servers[server].gone || size >= self.nvram_size(server) {
            return false;
        }
        self.servers[server].nvram_left = Some(size);
        let (judge, who) = self.bench.at(server);
        judge.fault_device(who);
        self.crash(server, true, Some(EXCHANGE));
        true
    }

    /// All of it is there again, and the server is started once more.
    pub(super) fn restore_nvram(&mut self, server: usize) {
        let smaller = self.servers[server].nvram_left.is_some();
        if smaller && !self.servers[server].gone {
            self.restart_after(server, |w| w.servers[server].nvram_left = None);
        }
    }
}
