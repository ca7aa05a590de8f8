//! Drawn faults of disks and NVRAM.

use super::drawn::{Draw, Servers};
use crate::spec::{AfterFailure, DamageTarget, DeviceName, Fault, Instead, LostContent, Node, Profile};

type Family = (u32, Box<dyn Fn(&mut Draw) -> Fault>);

/// A disk of any server; the destination's two as often as those of all sources.
fn disk(d: &mut Draw, servers: Servers) -> (Node, DeviceName) {
    match d.below(4) {
        0 | 1 => (servers.destination(d), DeviceName::Log),
        2 => (servers.destination(d), DeviceName::Image),
        _ => (Node::Source(d.source(servers.sources)), DeviceName::Image),
    }
}

/// The families in the order in which they are drawn, with the expected number of each in thousandths.
pub(super) fn families(p: &Profile, servers: Servers) -> [Family; 9] {
    let sources = servers.sources;
    let family = |milli, draw: Box<dyn Fn(&mut Draw) -> Fault>| (milli, draw);
    [
        family(
            p.flush_failures_milli,
            Box::new(move |d| {
                let (node, device) = disk(d, servers);
                let after = match d.below(4) {
                    0 => AfterFailure::Reverted,
                    1 => AfterFailure::KeptDirty,
                    _ => AfterFailure::KeptClean,
                };
                Fault::FlushFailure { node, device, after, restart_after: d.outage() }
            }),
        ),
        family(
            p.write_failures_milli,
            Box::new(move |d| {
                let (node, device) = disk(d, servers);
                Fault::WriteFailure { node, device, restart_after: d.outage() }
            }),
        ),
        family(
            p.short_io_milli,
            Box::new(move |d| {
                let (node, device) = disk(d, servers);
                Fault::ShortIo { node, device, lasting: d.outage() }
            }),
        ),
        family(
            p.read_only_milli,
            Box::new(move |d| {
                let (node, device) = disk(d, servers);
                Fault::ReadOnly { node, device, lasting: d.outage() }
            }),
        ),
        family(
            p.unreadable_milli,
            Box::new(move |d| {
                let (source, nth) = (d.source(sources), d.below(8));
                let target = match d.below(4) {
                    0 => DamageTarget::FileRecord { source, nth },
                    1 => DamageTarget::NvramRecord { source, nth },
                    2 => DamageTarget::ImageBlock { source, volume: 0, block: None },
                    _ => DamageTarget::VolumeBlock { source, volume: 0, block: None },
                };
                Fault::Unreadable { target, more: d.below(4) as u32 }
            }),
        ),
        family(
            p.astray_milli,
            Box::new(move |d| {
                let (node, device) = disk(d, servers);
                match d.below(3) {
                    0 => Fault::MisdirectedWrite { node, device },
                    _ => Fault::LostWrite { node, device },
                }
            }),
        ),
        family(
            p.rollbacks_milli,
            Box::new(move |d| {
                let (node, device) = match d.below(3) {
                    0 => (servers.destination(d), DeviceName::Nvram),
                    _ => disk(d, servers),
                };
                Fault::Rollback { node, device, after: d.outage() }
            }),
        ),
        family(
            p.nvram_losses_milli,
            Box::new(move |d| {
                let reads = match d.below(4) {
                    0 => LostContent::Zeros,
                    1 => LostContent::Random,
                    2 => LostContent::Uncorrectable,
                    _ => LostContent::Foreign,
                };
                Fault::NvramLost { node: servers.destination(d), reads }
            }),
        ),
        family(
            p.disk_exchanges_milli,
            Box::new(move |d| {
                let (node, device) = (servers.destination(d), DeviceName::Log);
                match d.below(6) {
                    0 => Fault::DiskLost { node, device, lasting: d.outage() },
                    1 => Fault::DiskReplaced { node, device, after: None },
                    2 => Fault::DiskReplaced { node, device, after: Some(d.outage()) },
                    _ => {
                        let source = d.source(sources);
                        let (becomes, after) = match d.below(4) {
                            0 => (Instead::Nothing, 0),
                            1 => (Instead::Next, 0),
                            2 if sources > 1 => (Instead::Neighbour, 0),
                            _ => (Instead::Earlier, d.outage()),
                        };
                        Fault::LogFile { source, becomes, after }
                    }
                }
            }),
        ),
    ]
}
