//! From a spec to the shapes that machines, devices and judge need.

use crate::spec::{self, Spec};
use mirror::config::{AckLevel, ApplyScope, Policy, Reads, Retry, Transport};
use mirror::geometry::{Geometry, Region};
use mirror::ids::MirrorId;
use mirrorsim_engine as engine;
use mirrorsim_oracle as oracle;
use std::sync::Arc;

/// Time-out of a stream's retransmission, ns.
const RETRANSMISSION: u64 = 200_000_000;

/// The identity of a source's mirror: its name, hashed, so that look-alike names give unlike identities.
fn uuid(name: &str) -> MirrorId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&xxhash_rust::xxh3::xxh3_64_with_seed(name.as_bytes(), 1).to_le_bytes());
    id[8..].copy_from_slice(&xxhash_rust::xxh3::xxh3_64_with_seed(name.as_bytes(), 2).to_le_bytes());
    MirrorId(id)
}

/// The mirrors' shapes, in the order of the sources.
pub fn geometries(spec: &Spec) -> Vec<Arc<Geometry>> {
    let file_size = spec.sources.iter().map(|s| Geometry::file_size_for(s.partition_size)).max().unwrap_or(0);
    let mut places = vec![0; spec.destinations.len()];
    let mut all = Vec::with_capacity(spec.sources.len());
    for (index, source) in spec.sources.iter().enumerate() {
        let first_place = &mut places[source.destination];
        let of_source = || spec.clients.iter().filter(move |c| c.source == index);
        let geometry = Geometry {
            mirror: uuid(&source.name),
            block_size: spec.protocol.block_size as u64,
            partitions: spec.protocol.partitions as u64,
            partition_size: source.partition_size,
            files: spec.protocol.files as u64,
            segment_size: spec.destination.reserve / 2,
            volumes: source.volumes.iter().map(|v| v.size).collect(),
            clients: of_source().count().max(1) as u32,
            slots: of_source().map(|c| c.slots).max().unwrap_or(1),
            max_length: spec.protocol.max_length,
            batch: Geometry::default_batch(source.partition_size),
            first_place: *first_place,
            file_size,
            resync_at: 0,
        };
        *first_place += geometry.places();
        all.push(geometry);
    }
    let mut resync_at: Vec<u64> = places.iter().map(|places| places * file_size).collect();
    for (geometry, source) in all.iter_mut().zip(&spec.sources) {
        let at = &mut resync_at[source.destination];
        geometry.resync_at = *at;
        *at += geometry.resync_size();
    }
    all.into_iter().map(Arc::new).collect()
}

/// Within this, something is acknowledged on a source's path with which nothing is wrong: the longest back-off of what
/// an outage before has lost, a round trip behind everything that it may have under way, and the NVRAM's flushes. A link
/// that loses, bends or reorders messages is never quite well.
fn patience(spec: &Spec, source: &spec::SourceSpec) -> u64 {
    let link = &source.link;
    if [link.loss, link.corrupt, link.reorder, link.malformed, link.burst]
        .iter()
        .any(|c| *c != spec::Chance::NEVER)
    {
        return 0;
    }
    let under_way = source.partition_size * spec.protocol.partitions as u64;
    let transfer = (under_way * 1_000_000_000).checked_div(link.bandwidth).unwrap_or(0);
    let round = 2 * (link.latency.max + transfer);
    16 * spec.protocol.resend_after + 2 * round + 16 * spec.destination.nvram.flush.max
}

/// The regions of the mirrors on the disks with their images, in the order of the sources.
pub fn regions(spec: &Spec, geometries: &[Arc<Geometry>]) -> Vec<Region> {
    let mut bases = vec![0; spec.destinations.len()];
    let of = |(geometry, source): (&Arc<Geometry>, &spec::SourceSpec)| {
        let base = &mut bases[source.destination];
        let region = geometry.region(*base);
        *base += geometry.region_size();
        region
    };
    geometries.iter().zip(&spec.sources).map(of).collect()
}

/// What the judge of a destination and its sources must know.
pub fn setup(spec: &Spec, geometries: &[Arc<Geometry>], destination: usize) -> oracle::Setup {
    oracle::Setup {
        block_size: spec.protocol.block_size as u64,
        partitions: spec.protocol.partitions as u64,
        files: spec.protocol.files as u64,
        max_length: spec.protocol.max_length,
        level: match spec.protocol.ack {
            AckLevel::Received => oracle::Level::Received,
            AckLevel::Nvram => oracle::Level::Nvram,
            AckLevel::File => oracle::Level::File,
        },
        reads: match spec.protocol.reads {
            Reads::Confirmed => oracle::ReadRule::Confirmed,
            Reads::Local => oracle::ReadRule::Local,
        },
        retry: match spec.protocol.retry {
            Retry::ExactlyOnce => oracle::RetryRule::ExactlyOnce,
            Retry::NewRequest => oracle::RetryRule::NewRequest,
        },
        policy: match spec.protocol.policy {
            Policy::Strict => oracle::Policy::Strict,
            Policy::Degrade { .. } => oracle::Policy::Degrade,
            Policy::SemiSync { window } => oracle::Policy::SemiSync { window },
            Policy::Async => oracle::Policy::Async,
        },
        hold: match spec.protocol.policy {
            Policy::Degrade { hold, .. } => hold,
            _ => 0,
        },
        stream: spec.protocol.transport == Transport::Stream,
        global_apply: spec.protocol.apply_scope == ApplyScope::Global,
        timed_seals: spec.protocol.seal_after.is_some(),
        lossy: spec.protocol.ack == AckLevel::Received || spec.beyond_model,
        sources: spec
            .mirrors_of(destination)
            .map(|m| (&geometries[m], &spec.sources[m]))
            .map(|(g, source)| oracle::SourceSetup {
                name: source.name.clone(),
                uuid: g.mirror.0,
                partition_size: g.partition_size,
                volumes: g.volumes.clone(),
                clients: g.clients,
                slots: g.slots,
                journal_size: g.journal_size(),
                patience: patience(spec, source),
            })
            .collect(),
        destination: oracle::DestinationSetup {
            nvram_size: spec.destination.nvram_size,
            segment_size: spec.destination.reserve / 2,
            file_size: geometries[0].file_size,
        },
    }
}

/// The engine's form of a delay.
pub fn delay(d: &spec::Delay) -> engine::Delay {
    let shape = match d.shape {
        spec::Shape::Constant => engine::Shape::Constant,
        spec::Shape::Uniform => engine::Shape::Uniform,
        spec::Shape::Exponential => engine::Shape::Exponential,
    };
    engine::Delay { min: d.min, mean: d.mean, max: d.max, shape }
}

/// The engine's form of a disk.
pub fn disk(d: &spec::DiskSpec) -> engine::DiskSpec {
    engine::DiskSpec {
        read: delay(&d.read),
        write: delay(&d.write),
        flush: delay(&d.flush),
        bandwidth: d.bandwidth,
        tear: d.tear,
        garbage: d.garbage,
    }
}

/// The engine's form of an NVRAM.
pub fn nvram(n: &spec::NvramSpec) -> engine::NvramSpec {
    engine::NvramSpec { flush: delay(&n.flush), tear: n.tear }
}

/// The engine's form of a link.
pub fn link(transport: Transport, l: &spec::LinkSpec) -> engine::LinkSpec {
    engine::LinkSpec {
        mode: match transport {
            Transport::Stream => engine::Mode::Stream,
            Transport::Datagram => engine::Mode::Datagram,
        },
        latency: delay(&l.latency),
        bandwidth: l.bandwidth,
        loss: l.loss.0,
        timeout: RETRANSMISSION,
        duplicate: l.duplicate.0,
        reorder: l.reorder.0,
        reorder_by: l.reorder_by,
        corrupt: l.corrupt.0,
        burst: l.burst.0,
        burst_length: l.burst_length,
        in_flight: l.in_flight,
    }
}
