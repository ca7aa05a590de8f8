//! Drawn faults of disks and NVRAM.

use super::drawn::Draw;
use crate::spec::{AfterFailure, DamageTarget, DeviceName, Fault, Instead, LostContent, Node, Profile};

type Family = (u32, Box<dyn Fn(&mut Draw) -> Fault>);

/// A disk of any server; the destination's two as often as those of all sources.
fn disk(d: &mut Draw, sources: u64) -> (Node, DeviceName) {
    match d.below(4) {
        0 | 1 => (Node::Destination, DeviceName::Log),
        2 => (Node::Destination, DeviceName::Image),
        _ => (Node::Source(d.source(sources)), DeviceName::Image),
    }
}

/// The families in the order in which they are drawn, with the expected number of each in thousandths.
pub(super) fn families(p: &Profile, sources: u64) -> [Family; 9] {
    let family = |milli, draw: Box<dyn Fn(&mut Draw) -> Fault>| (milli, draw);
    [
        family(
            p.flush_failures_milli,
            Box::new(move |d| {
                let (node, device) = disk(d, sources);
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
                let (node, device) = disk(d, sources);
                Fault::WriteFailure { node, device, restart_after: d.outage() }
            }),
        ),
        family(
            p.short_io_milli,
            Box::new(move |d| {
                let (node, device) = disk(d, sources);
                Fault::ShortIo { node, device, lasting: d.outage() }
            }),
        ),
        family(
            p.read_only_milli,
            Box::new(move |d| {
                let (node, device) = disk(d, sources);
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
                let (node, device) = disk(d, sources);
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
                    0 => (Node::Destination, DeviceName::Nvram),
                    _ => disk(d, sources),
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
                Fault::NvramLost { node: Node::Destination, reads }
            }),
        ),
        family(
            p.disk_exchanges_milli,
            Box::new(move |d| {
                let (node, device) = (Node::Destination, DeviceName::Log);
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
