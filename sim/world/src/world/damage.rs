//! Silent damage: finds what a target stands for on the devices, and flips bits of it.

use super::World;
use crate::hosted::Machines;
use crate::server::{device, oracle_device};
use crate::sites;
use crate::spec::DamageTarget;
use mirror::area::Area;
use mirror::effect::Device;
use mirror::geometry::Region;
use mirror::log_file::{FILE_HEADER, FileHeader};
use mirror::nvram_log::{SEGMENT_HEADER, SegmentHeader};

impl<M: Machines> World<'_, M> {
    /// Flips bits of a stored range; false if there is nothing to hit.
    pub(super) fn damage(&mut self, target: DamageTarget, bits: u32) -> bool {
        let Some((server, device, offset, length)) = self.find(target) else { return false };
        let mut flips = Vec::new();
        for _ in 0..bits {
            flips.push(self.decisions.below(sites::DAMAGE, 0, length * 8));
        }
        flips.sort_unstable();
        flips.dedup();
        let changed = self.servers[server].store_mut(device).damage(offset, length, |bytes| {
            for bit in &flips {
                bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
            }
        });
        let (judge, who) = self.bench.at(server);
        let s = &self.servers[server];
        judge.fault_damage(who, oracle_device(device), offset, length, &s.stable(), &s.current());
        self.bench.unsettled(server);
        changed > 0
    }

    /// Where a target stands: server, device, offset, length.
    pub(super) fn find(&mut self, target: DamageTarget) -> Option<(usize, Device, u64, u64)> {
        match target {
            DamageTarget::Range { node, device: name, offset, length } => {
                Some((self.node(node), device(name), offset, length))
            }
            DamageTarget::ImageBlock { source, volume, block } => {
                let region = self.regions[source].clone();
                self.find_block(self.destination_of(source), &region, source, volume, block)
            }
            DamageTarget::VolumeBlock { source, volume, block } => {
                let region = self.geometries[source].region(0);
                self.find_block(self.source_of(source), &region, source, volume, block)
            }
            DamageTarget::FileRecord { source, nth } => {
                let size = self.geometries[source].file_size;
                let (offset, length) = self.log_files(source).into_iter().find_map(|(generation, at)| {
                    let area = Area::new(at + FILE_HEADER, at + size, Some(generation));
                    self.nth_record(source, Device::Log, area, nth)
                })?;
                Some((self.destination_of(source), Device::Log, offset, length))
            }
            DamageTarget::LogRecord { source, nth } => {
                let (judge, mirror) = self.bench.ask(source);
                let (offset, length) = judge.needed_record(mirror, nth)?;
                Some((self.source_of(source), Device::Nvram, offset, length))
            }
            DamageTarget::NvramRecord { source, nth } => {
                let (geometry, d) = (&self.geometries[source], self.destination_of(source));
                let store = self.servers[d].store(Device::Nvram);
                let mut segments: Vec<(u64, Area)> = (0..self.spec.destination.nvram_size
                    / geometry.segment_size)
                    .filter_map(|segment| {
                        let at = segment * geometry.segment_size;
                        let header = SegmentHeader::decode(&store.read_stable(at, SEGMENT_HEADER))?;
                        let area = Area::new(at + SEGMENT_HEADER, at + geometry.segment_size, None);
                        (header.in_use && header.mirror == geometry.mirror).then_some((header.serial, area))
                    })
                    .collect();
                segments.sort_by_key(|s| s.0);
                let (offset, length) = segments
                    .into_iter()
                    .find_map(|(_, area)| self.nth_record(source, Device::Nvram, area, nth))?;
                Some((d, Device::Nvram, offset, length))
            }
        }
    }

    /// The log files of a mirror that are stable, the oldest first: generation, and where it stands.
    pub(super) fn log_files(&self, source: usize) -> Vec<(u64, u64)> {
        let geometry = &self.geometries[source];
        let store = self.servers[self.destination_of(source)].store(Device::Log);
        let file = |place| {
            let at = geometry.place(place);
            let (mirror, header) = FileHeader::decode(&store.read_stable(at, FILE_HEADER))?;
            (mirror == geometry.mirror).then_some((header.generation, at))
        };
        let mut files: Vec<(u64, u64)> = (0..geometry.places()).filter_map(file).collect();
        files.sort_unstable();
        files
    }

    pub(super) fn nth_record(
        &self,
        source: usize,
        device: Device,
        mut area: Area,
        nth: u64,
    ) -> Option<(u64, u64)> {
        let store = self.servers[self.destination_of(source)].store(device);
        let mut next = area.first();
        while let Some(ranges) = next {
            let data: Vec<_> = ranges.iter().map(|(at, length)| store.read_stable(*at, *length)).collect();
            next = area.feed(&self.geometries[source], &data);
        }
        // What is about to be overwritten would hide the damage.
        let mut free: Vec<(u64, u64)> = area.valid().map(|(from, to, _)| (from, to - from)).collect();
        free.retain(|(at, size)| !store.pending().iter().any(|p| p.overlaps(&(*at..at + size))));
        free.get(nth as usize).or(free.last()).copied()
    }

    pub(super) fn find_block(
        &mut self,
        server: usize,
        region: &Region,
        source: usize,
        volume: usize,
        block: Option<u64>,
    ) -> Option<(usize, Device, u64, u64)> {
        let map = region.volumes[volume];
        let block = match block {
            Some(block) => block,
            None => {
                let end = map.block(self.geometries[source].data_blocks(volume));
                let stable = self.servers[server].store(Device::Image).stable();
                let written: Vec<u64> = stable
                    .iter(map.data, end - map.data)
                    .map(|(at, _)| (at - map.data) / map.block_size)
                    .collect();
                let pick = self.decisions.below(sites::DAMAGE, 1, written.len().max(1) as u64) as usize;
                *written.get(pick)?
            }
        };
        Some((server, Device::Image, map.block(block), map.block_size))
    }
}
