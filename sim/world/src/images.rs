//! Images for tools outside: a source's volume with its NVRAM folded in, and what recovery gives at the destination.

use crate::hosted::Machines;
use crate::outcome::{RecoveryReport, RtoFrom};
use crate::probe::Probe;
use crate::rehearsal::{Cast, Copy, recover};
use crate::server::{Server, subject};
use crate::world::World;
use crate::{Image, kinds};
use mirror::area::Area;
use mirror::chain;
use mirror::effect::Device;
use mirror::geometry::{Region, VolumeMap};
use mirror::nvram_log::SEAL;
use mirror::quirk::Sound;
use mirror::record::Operation;
use mirror::survey::SegmentArea;
use mirrorsim_engine::{Fate, FateOdds};
use mirrorsim_oracle::Medium;
use std::collections::BTreeSet;

/// Content is looked at in pieces of this size.
const PIECE: u64 = 65_536;

fn pieces<S: Machines>(
    server: &Server<S>,
    map: &VolumeMap,
    size: u64,
    touched: &[(u64, u64)],
) -> BTreeSet<u64> {
    let store = server.store(Device::Image);
    let mut at = BTreeSet::new();
    let mut add = |from: u64, length: u64| {
        let from = from.max(map.data);
        let to = (from + length).min(map.data + size);
        if from < to {
            at.extend((from - map.data) / PIECE..=(to - 1 - map.data) / PIECE);
        }
    };
    for (offset, extent) in store.current().iter(map.data, size).chain(store.stable().iter(map.data, size)) {
        add(offset, extent.len());
    }
    for (offset, length) in touched {
        if offset + length > map.data && *offset < map.data + size {
            let from = (*offset).max(map.data);
            add(from, offset + length - from);
        }
    }
    at
}

/// SOURCE.VOLUME.KIND; a dot in a name is `%2E`, so that no two images have one name.
fn image_name(source: &str, volume: &str, kind: &str) -> String {
    format!("{}.{}.{kind}", source.replace('.', "%2E"), volume.replace('.', "%2E"))
}

impl<M: Machines> World<'_, M> {
    /// All images: of live sources, and of destinations in their place, their volumes, of every other mirror what recovery gives after a power cut now (or what it
    /// gave, if it was carried out in the run). A run that was stopped for that reports and judges these recoveries.
    pub(crate) fn images(&mut self) -> Vec<Image> {
        let mut images = Vec::new();
        for source in 0..self.spec.sources.len() {
            let d = self.destination_of(source);
            if self.serves_at_destination(d, source) {
                let before = self.mirrors_at(d).into_iter().take_while(|m| *m != source);
                let logs = before.map(|m| self.geometries[m].log_size()).sum::<u64>();
                let size = self.geometries[source].segment_size;
                let log = self.spec.destination.nvram_size / size * size + logs;
                self.volumes(source, (d, self.regions[source].clone(), log), &mut images);
                continue;
            }
            let home = self.source_of(source);
            if !self.servers[home].gone {
                self.volumes(source, (home, self.geometries[source].region(0), 0), &mut images);
            }
            self.recovered(source, &mut images);
        }
        images
    }

    fn recovered(&mut self, source: usize, images: &mut Vec<Image>) {
        let d = self.destination_of(source);
        let devices = [Device::Nvram, Device::Mark, Device::Log, Device::Image];
        let mut open = Vec::new();
        let mut fates: Vec<Fate> = Vec::new();
        for (i, device) in devices.iter().enumerate() {
            let store = self.servers[d].store(*device);
            let subject = subject(d, *device);
            fates.extend(store.draw_fates(&mut self.decisions, subject, &FateOdds::USUAL));
            open.extend((0..store.pending().len()).map(|n| (i, n)));
        }
        let server = &self.servers[d];
        let (views, touched) = Probe::<M::Quirk>::views(server, &open, &fates);
        let copy = Copy::new(views, false);
        let geometry = &self.geometries[source];
        let segments = self.spec.destination.nvram_size / geometry.segment_size;
        let region = self.regions[source].clone();
        let (judge, number) = self.bench.of(source);
        let (mark, segments) = (number as u16, (0, segments));
        let cast = Cast {
            index: number,
            number,
            geometry,
            region: &region,
            mark,
            segments,
            quirk: self.machines.quirk(),
        };
        let judged = self.stopped_on_purpose && self.ordered.get(&source).is_none_or(|o| !o.done);
        let expected = judged.then(|| judge.expected_recovery(number, &copy));
        let recovered = recover(&copy, cast, u64::MAX, touched, None);
        let touched = recovered.touched;
        let mut report = None;
        if let (Some(expected), Some(to)) = (expected, recovered.to) {
            let right = judge.probe(number, &copy, &touched, None, to);
            let exact = judge.compare(number, expected, to, right) && right;
            let verdict = kinds::verdict_text(to);
            let (replayed, to) = (recovered.records, (to.position.generation, to.position.sequence));
            report = Some(RecoveryReport {
                source,
                verdict,
                recovered: to,
                replayed,
                exact,
                rto_from: RtoFrom::Disaster,
                ..RecoveryReport::default()
            });
        } else if expected.is_some() {
            judge.unrecoverable(number, &copy);
        }
        for (volume, map) in region.volumes.iter().enumerate() {
            let size = geometry.volumes[volume];
            let extents = pieces(server, map, size, &touched)
                .into_iter()
                .map(|piece| {
                    let length = PIECE.min(size - piece * PIECE);
                    (
                        piece * PIECE,
                        copy.read(mirrorsim_oracle::Device::Image, map.data + piece * PIECE, length),
                    )
                })
                .filter(|(_, bytes)| bytes.iter().any(|b| *b != 0))
                .collect();
            let spec = &self.spec.sources[source];
            let name = image_name(&spec.name, &spec.volumes[volume].name, "recovered");
            images.push(Image { name, size, extents });
        }
        if let Some(report) = report {
            let answered = self.ordered.get(&source).map_or(self.acked[source].count(), |o| o.answered);
            self.report(report, self.sched.now(), answered);
        }
    }

    /// A source's volumes with the records above the cursor folded over them, as a client would read them. They are on
    /// this server, in this region, and the log begins at this byte of its NVRAM.
    fn volumes(&self, source: usize, (host, region, log): (usize, Region, u64), images: &mut Vec<Image>) {
        let geometry = &self.geometries[source];
        let server = &self.servers[host];
        let store = server.store(Device::Nvram);
        let mut areas: Vec<SegmentArea> = Vec::new();
        for p in 0..geometry.partitions {
            let start = log + p * geometry.partition_size;
            let mut area = Area::new(start + SEAL, start + geometry.partition_size, None);
            let mut next = area.first();
            while let Some(ranges) = next {
                let data: Vec<_> = ranges.iter().map(|(at, length)| store.read(*at, *length)).collect();
                next = area.feed(geometry, &data);
            }
            areas.push(SegmentArea { segment: p, serial: p, area });
        }
        let slots = server.store(Device::Image).read(region.base, 1024);
        let Some(superblock) = mirror::superblock::Superblock::newest(geometry.mirror, &slots) else {
            return;
        };
        let log = chain::longest(superblock.tail, superblock.epoch, &[], &areas, false, Sound);
        for (volume, map) in region.volumes.iter().enumerate() {
            let size = geometry.volumes[volume];
            let touched: Vec<(u64, u64)> = log
                .entries
                .iter()
                .filter(|e| e.record.volume as usize == volume)
                .map(|e| (map.data + e.record.offset, e.record.length))
                .collect();
            let mut extents = Vec::new();
            for piece in pieces(server, map, size, &touched) {
                let from = piece * PIECE;
                let length = PIECE.min(size - from);
                let mut bytes = server.store(Device::Image).read(map.data + from, length).to_vec();
                for record in log.entries.iter().map(|e| &e.record).filter(|r| r.volume as usize == volume) {
                    fold(record, from, &mut bytes);
                }
                if bytes.iter().any(|b| *b != 0) {
                    extents.push((from, bytes.into()));
                }
            }
            let spec = &self.spec.sources[source];
            let name = image_name(&spec.name, &spec.volumes[volume].name, "volume");
            images.push(Image { name, size, extents });
        }
    }
}

fn fold(record: &mirror::record::Record, from: u64, bytes: &mut [u8]) {
    let end = from + bytes.len() as u64;
    let (start, stop) = (record.offset.max(from), (record.offset + record.length).min(end));
    if start >= stop {
        return;
    }
    let target = &mut bytes[(start - from) as usize..(stop - from) as usize];
    let within = (start - record.offset) as usize;
    match record.operation {
        Operation::Write => target.copy_from_slice(&record.payload[within..within + target.len()]),
        Operation::WriteZeroes => target.fill(0),
        Operation::Add { delta, old } => {
            let value = old.wrapping_add(delta).to_le_bytes();
            target.copy_from_slice(&value[within..within + target.len()]);
        }
    }
}
