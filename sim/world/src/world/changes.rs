//! Servers that are not what they were: another version, another configuration, empty devices; and those that hardly run.

use super::World;
use crate::hosted::Machines;
use crate::sites;
use crate::spec::{Change, Fault, Nanos, Node, Spec};
use bytes::Bytes;
use mirror::codec::check;
use mirror::config::AckLevel;
use mirror::effect::Device;
use mirror::superblock::{Role, SLOT};
use mirror::wire::{self, Frame};
use mirrorsim_engine::ExtentMap;

impl<M: Machines> World<'_, M> {
    /// Everything loses power at once.
    pub(super) fn blackout(&mut self, within: Nanos) -> bool {
        let mut up = false;
        for server in 0..self.servers.len() {
            // What stands in another one's server ends and starts with it.
            if self.node(self.spec.site(self.node_of(server))) != server {
                continue;
            }
            let back = self.decisions.below(sites::SWIZZLE, 1, within.max(1));
            if self.site(server).any(|s| !self.servers[s].gone) {
                up |= self.crash(server, true, Some(back));
            }
        }
        up
    }

    /// The process gets the processor only now and then.
    pub(super) fn starve(&mut self, node: Node, run: Nanos, wait: Nanos, lasting: Nanos) {
        let (round, mut after) = ((run + wait).max(1), 0);
        while after < lasting {
            self.also(after, Fault::Pause { node, lasting: wait });
            after += round;
        }
    }

    /// The mirrors that a server has to do with may be refused with this alarm.
    pub(super) fn expect_alarms(&mut self, server: usize, kind: &'static str) {
        for mirror in self.mirrors_at(server) {
            let (judge, number) = self.bench.of(mirror);
            judge.expect_alarm(number, kind);
        }
    }

    /// The process ends, something changes, and it starts again.
    pub(super) fn restart_after(&mut self, server: usize, change: impl FnOnce(&mut Self)) {
        let up = self.ends(server, false, None);
        change(self);
        if up {
            self.start(server);
        }
        // One that is down for another reason comes back, and nobody would call it; one whose site is lost does not.
        if !self.servers[server].gone {
            self.call_again(server);
        }
    }

    /// Every superblock of a server in this version, whole, as if another program had written it.
    pub(super) fn reformat(&mut self, server: usize, version: u16) {
        for at in self.bases(server).into_iter().flat_map(|base| [base, base + SLOT]) {
            self.servers[server].store_mut(Device::Image).damage(at, SLOT, |bytes| {
                let end = bytes.len().saturating_sub(8);
                let whole = bytes.len() as u64 == SLOT
                    && bytes[..4] == *b"MSUP"
                    && bytes[end..] == check(&bytes[..end]).to_le_bytes();
                if whole {
                    bytes[4..6].copy_from_slice(&version.to_le_bytes());
                    let value = check(&bytes[..end]).to_le_bytes();
                    bytes[end..].copy_from_slice(&value);
                }
            });
        }
    }

    /// Where the superblocks of a server stand.
    fn bases(&self, server: usize) -> Vec<u64> {
        match self.is_destination(server) {
            true => self.mirrors_at(server).into_iter().map(|m| self.regions[m].base).collect(),
            false => vec![0],
        }
    }

    /// A frame as its sender's version has it.
    pub(super) fn versioned(&self, server: usize, frame: Frame) -> Frame {
        let version = self.servers[server].version;
        if version == 1 {
            return frame;
        }
        let mut head = frame.head.to_vec();
        head[4..6].copy_from_slice(&version.to_le_bytes());
        wire::seal(&mut head);
        Frame { head: Bytes::from(head), payload: frame.payload }
    }

    /// A source that is new, but for its name. Where its mirror has nothing durable yet, it is simply the first one; where the
    /// destination needs the former one for a damaged record, exchanging it leaves the fault model.
    pub(super) fn readd(&mut self, source: usize) -> bool {
        let (judge, number) = self.bench.ask(source);
        let fresh = self.acked[source].count() == 0
            || self.spec.protocol.ack == AckLevel::Received
            || judge.unheard(number)
            || judge.rotten(number);
        if self.servers[source].gone || fresh || self.is_exiled(source) {
            return false;
        }
        self.ends(source, true, None);
        for device in [Device::Nvram, Device::Mark, Device::Image] {
            self.servers[source].store_mut(device).replace_all(ExtentMap::new());
        }
        let (judge, number) = self.bench.of(source);
        judge.replaced(number);
        self.make(source, source, 0, Role::Source, 0, false);
        self.start(source);
        true
    }

    /// What a server was told wrong is right again; it starts again where it has to.
    pub(super) fn set_right(&mut self, server: usize) {
        let s = &mut self.servers[server];
        s.version = 1;
        s.ticks = false;
        let changed = s.config.take().is_some();
        self.touch_clock(server, 0, 0);
        let refused = self.refused(server);
        if changed || refused {
            self.restart_after(server, |w| w.reformat(server, 1));
        }
    }

    /// The end of one of the faults that [`Self::set_right`] ends all of.
    pub(super) fn set_right_of(&mut self, server: usize, fault: &Fault) {
        match fault {
            Fault::Version { .. } => self.servers[server].version = 1,
            Fault::Timers { .. } => {
                self.servers[server].ticks = false;
                self.touch_clock(server, 0, 0);
            }
            Fault::Clock { .. } => {
                for server in self.site(server) {
                    self.touch_clock(server, 0, 0);
                }
            }
            Fault::Format { .. } => self.restart_after(server, |w| w.reformat(server, 1)),
            Fault::Config { .. } => self.restart_after(server, |w| w.servers[server].config = None),
            _ => {}
        }
    }

    /// Whether a server's superblocks are of another version.
    fn refused(&self, server: usize) -> bool {
        let store = self.servers[server].store(Device::Image);
        let other = |at: u64| {
            let bytes = store.read(at, SLOT);
            bytes[..4] == *b"MSUP" && bytes[4..6] != [1, 0]
        };
        self.bases(server).into_iter().any(|base| other(base) || other(base + SLOT))
    }

    /// The configuration that a server starts with.
    pub(super) fn configured(&self, server: usize) -> Spec {
        let mut spec = self.spec.clone();
        match self.servers[server].config {
            None => {}
            Some(Change::Partitions) => {
                spec.protocol.partitions += 1;
                spec.protocol.files += 1;
            }
            Some(Change::PartitionSize) => spec.sources.iter_mut().for_each(|s| s.partition_size *= 2),
            Some(Change::Files) => spec.protocol.files += 1,
            Some(Change::VolumeSize) => {
                let block = u64::from(spec.protocol.block_size);
                spec.sources.iter_mut().for_each(|s| s.volumes[0].size += block);
            }
            Some(Change::Order) => {
                spec.sources.rotate_left(1);
                let count = spec.sources.len();
                spec.clients.iter_mut().for_each(|c| c.source = (c.source + count - 1) % count);
            }
        }
        spec
    }
}
