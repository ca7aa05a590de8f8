//! Writes that a device takes and does not keep where they belong: lost, misdirected, rolled back later. Nobody is told.

use super::World;
use crate::hosted::Machines;
use crate::server::oracle_device;
use crate::sites;
use crate::spec::{DamageTarget, Fault};
use bytes::Bytes;
use mirror::effect::{Device, UNREADABLE};
use mirrorsim_engine::ExtentMap;

/// What a device held when a roll-back began, and the writes that have become stable since.
pub(crate) struct Before {
    server: usize,
    device: Device,
    content: ExtentMap,
    since: Vec<(u64, u64)>,
}

impl<M: Machines> World<'_, M> {
    /// What is stable now, if a flush that ends may lose some of its writes.
    pub(super) fn before_flush(&self, server: usize, at: Device) -> Option<(usize, ExtentMap)> {
        if self.armed.is_empty() {
            return None;
        }
        let astray = |f: &Fault| matches!(f, Fault::LostWrite { .. } | Fault::MisdirectedWrite { .. });
        let index = self.waiting(server, at, astray)?;
        Some((index, self.servers[server].store(at).snapshot()))
    }

    /// A flush has made these writes stable; one of them is not where it should be.
    pub(super) fn go_astray(
        &mut self,
        server: usize,
        at: Device,
        (index, before): (usize, ExtentMap),
        ranges: &[(u64, u64)],
    ) {
        let new = |(offset, length): (u64, u64)| self.servers[server].store(at).read_stable(offset, length);
        let eligible: Vec<(u64, u64)> = ranges
            .iter()
            .copied()
            .filter(|range| self.is_content(server, at, range.0))
            .filter(|&range| new(range) != before.read(range.0, range.1))
            .filter(|range| self.may_take(server, at, *range))
            .collect();
        if eligible.is_empty() {
            return;
        }
        let pick = self.decisions.below(sites::DAMAGE, 3, eligible.len() as u64) as usize;
        let (offset, length) = eligible[pick];
        let written = self.servers[server].store(at).read_stable(offset, length);
        let misdirected = matches!(self.faults[index].fault, Fault::MisdirectedWrite { .. });
        let elsewhere = if misdirected { self.elsewhere(server, at, offset, length) } else { None };
        let allowed = elsewhere.is_some_and(|there| self.may_take(server, at, (there, length)));
        if misdirected && !allowed {
            return;
        }
        self.armed.remove(&index);
        self.took_effect(index);
        self.overwrite(server, at, offset, before.read(offset, length));
        if let Some(there) = elsewhere {
            self.overwrite(server, at, there, written);
        }
    }

    /// Whether a place is not a superblock, a journal, or the header of a segment or file: of these there is one copy on one
    /// device, and older ones look as good.
    fn is_content(&self, server: usize, at: Device, offset: u64) -> bool {
        match at {
            Device::Image => {
                self.region_at(server, offset).is_some_and(|(region, _)| offset >= region.volumes[0].data)
            }
            Device::Nvram => !offset.is_multiple_of(self.geometries[0].segment_size),
            Device::Log => !offset.is_multiple_of(self.geometries[0].file_size),
            Device::Mark => true,
        }
    }

    /// The region of an image disk that holds a byte, and the mirror.
    fn region_at(&self, server: usize, offset: u64) -> Option<(mirror::geometry::Region, usize)> {
        if !self.is_destination(server) {
            let mirror = self.mirror_of(server);
            return Some((self.geometries[mirror].region(0), mirror));
        }
        let own = self.mirrors_at(server);
        let at = own.partition_point(|m| self.regions[*m].base <= offset).checked_sub(1)?;
        Some((self.regions[own[at]].clone(), own[at]))
    }

    /// Where a write may land instead: the same place in another file, or another block.
    fn elsewhere(&mut self, server: usize, at: Device, offset: u64, length: u64) -> Option<u64> {
        if at == Device::Log {
            let size = self.geometries[0].file_size;
            let places: u64 = self.mirrors_at(server).iter().map(|m| self.geometries[*m].places()).sum();
            let other = 1 + self.decisions.below(sites::DAMAGE, 4, places - 1);
            return Some((offset / size + other) % places * size + offset % size);
        }
        let (region, mirror) = self.region_at(server, offset)?;
        let volume = self.decisions.below(sites::DAMAGE, 4, region.volumes.len() as u64) as usize;
        let map = &region.volumes[volume];
        let room =
            self.geometries[mirror].data_blocks(volume).checked_sub(length.div_ceil(map.block_size))?;
        let block = self.decisions.below(sites::DAMAGE, 5, room + 1);
        (map.block(block) != offset).then(|| map.block(block))
    }

    /// The medium holds other bytes than it should. Whether any reads differently now.
    pub(super) fn overwrite(&mut self, server: usize, at: Device, offset: u64, bytes: Bytes) -> bool {
        let length = bytes.len() as u64;
        let store = self.servers[server].store_mut(at);
        let differs = store.read_stable(offset, length) != bytes;
        let changed = store.damage(offset, length, |own| own.copy_from_slice(&bytes));
        let (judge, who) = self.bench.at(server);
        let s = &self.servers[server];
        judge.fault_damage(who, oracle_device(at), offset, length, &s.stable(), &s.current());
        self.bench.unsettled(server);
        changed > 0 || differs
    }

    /// A roll-back begins.
    pub(super) fn remember(&mut self, index: usize, server: usize, device: Device) {
        let content = self.servers[server].store(device).snapshot();
        let (judge, who) = self.bench.at(server);
        judge.remembered(who);
        self.rollbacks.insert(index, Before { server, device, content, since: Vec::new() });
    }

    /// These writes have become stable.
    pub(super) fn note_changes(&mut self, server: usize, at: Device, ranges: &[(u64, u64)]) {
        for before in self.rollbacks.values_mut().filter(|b| b.server == server && b.device == at) {
            before.since.extend_from_slice(ranges);
        }
    }

    /// What one write has changed since the beginning is as before again.
    pub(super) fn roll_back(&mut self, index: usize) {
        let Some(Before { server, device, content, since }) = self.rollbacks.remove(&index) else { return };
        // Two roll-backs may meet in a block and its check, which then fit again: nobody could tell.
        let (judge, who) = self.bench.at(server);
        if device == Device::Image && judge.has_damaged_blocks(who) {
            return;
        }
        let store = self.servers[server].store(device);
        let differs = |&(offset, length): &(u64, u64)| {
            store.read_stable(offset, length) != content.read(offset, length)
                && self.is_content(server, device, offset)
                && self.may_take(server, device, (offset, length))
        };
        let changed: Vec<(u64, u64)> = since.into_iter().filter(differs).collect();
        if changed.is_empty() {
            return;
        }
        let pick = self.decisions.below(sites::DAMAGE, 3, changed.len() as u64) as usize;
        let (offset, length) = changed[pick];
        if self.overwrite(server, device, offset, content.read(offset, length)) {
            self.took_effect(index);
        }
    }

    /// Content as it was when a roll-back began, all of it.
    pub(super) fn content_before(&mut self, index: usize) -> Option<ExtentMap> {
        self.rollbacks.remove(&index).map(|before| before.content)
    }

    /// A range rounded out to whole granules, and so many more behind it, within the device.
    pub(super) fn whole_granules(
        &self,
        server: usize,
        device: Device,
        (offset, length): (u64, u64),
        more: u32,
    ) -> (u64, u64) {
        let granule = u64::from(self.servers[server].store(device).granule());
        let start = offset / granule * granule;
        let end = (offset + length).next_multiple_of(granule) + u64::from(more) * granule;
        let end = if device == Device::Nvram { end.min(self.nvram_size(server)).max(start) } else { end };
        (start, end - start)
    }

    /// Nothing of a range can be read until it is written again.
    pub(super) fn make_unreadable(&mut self, target: DamageTarget) -> bool {
        let Some((server, device, offset, length)) = self.find(target) else { return false };
        self.overwrite(server, device, offset, Bytes::from(vec![UNREADABLE; length as usize]))
    }
}
