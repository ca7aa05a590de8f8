//! `faults` of devices that fail, lie, or are exchanged.

use super::faults::Lookup;
use crate::doc::failing::{DiskFor, OneDisk, Unreadable};
use crate::doc::faults::FaultLine;
use crate::document::At;
use crate::quantity::show_size;
use crate::scalar::Name;
use mirrorsim_world::spec::{DamageTarget, DeviceName, Fault, Node};

impl Lookup<'_, '_, '_> {
    /// The line names one of them.
    pub(super) fn failing(&mut self, line: &FaultLine) -> Option<Fault> {
        if let Some(f) = &line.flush_failure {
            let (node, device) = self.disk(&f.node, &f.device)?;
            return Some(Fault::FlushFailure {
                node,
                device,
                after: *f.after,
                restart_after: f.restart_after.0,
            });
        }
        if let Some(w) = &line.write_failure {
            let (node, device) = self.disk(&w.node, &w.device)?;
            return Some(Fault::WriteFailure { node, device, restart_after: w.restart_after.0 });
        }
        if let Some(d) = &line.short_io {
            return self.disk_for(d).map(|(node, device, lasting)| Fault::ShortIo { node, device, lasting });
        }
        if let Some(d) = &line.read_only {
            return self.disk_for(d).map(|(node, device, lasting)| Fault::ReadOnly { node, device, lasting });
        }
        if let Some(d) = &line.disk_lost {
            return self.disk_for(d).map(|(node, device, lasting)| Fault::DiskLost { node, device, lasting });
        }
        if let Some(u) = &line.unreadable {
            let more = u.more.0;
            return self.unreadable(u).map(|target| Fault::Unreadable { target, more });
        }
        if let Some(OneDisk { node, device }) = line.lost_write.as_deref() {
            return self.disk(node, device).map(|(node, device)| Fault::LostWrite { node, device });
        }
        if let Some(OneDisk { node, device }) = line.misdirected_write.as_deref() {
            return self.disk(node, device).map(|(node, device)| Fault::MisdirectedWrite { node, device });
        }
        if let Some(r) = &line.rollback {
            let (node, after) = (self.node(&r.node)?, self.lasting(&r.after));
            self.device(node, &r.device);
            if *r.device == DeviceName::Mark {
                let what = "a mark that says less than was promised cannot be told from a true one";
                let draft = r.device.wrong("never", what).want("nvram | log | image");
                self.cx.desk.report(draft);
            }
            return Some(Fault::Rollback { node, device: *r.device, after });
        }
        if let Some(r) = &line.disk_replaced {
            let (node, device) = self.disk(&r.node, &r.device)?;
            let after = r.after.as_ref().map(|t| self.lasting(t));
            return Some(Fault::DiskReplaced { node, device, after });
        }
        let smaller = line.nvram_smaller.as_ref()?;
        let (node, lasting) = (self.node(&smaller.node)?, self.lasting(&smaller.lasting));
        let all = match node {
            Node::Destination(_) => self.spec.destination.nvram_size,
            Node::Source(s) => {
                let partitions = u64::from(self.spec.protocol.partitions);
                self.spec.sources[s].partition_size.saturating_mul(partitions)
            }
        };
        if smaller.size.0 >= all {
            let draft = smaller.size.wrong("never", "not smaller than it is configured");
            self.cx.desk.report(draft.want(format!("less than {}", show_size(all))));
        }
        Some(Fault::NvramSmaller { node, size: smaller.size.0, lasting })
    }

    /// A disk of a server: NVRAM and mark have no errors of their own beside lost or unreadable content.
    fn disk(&mut self, node: &At<Name>, device: &At<DeviceName>) -> Option<(Node, DeviceName)> {
        let node = self.node(node)?;
        self.device(node, device);
        if matches!(**device, DeviceName::Nvram | DeviceName::Mark) {
            let draft = device.wrong("never", "not a disk: it takes every store, and its flush cannot fail");
            self.cx.desk.report(draft.want("log | image"));
        }
        Some((node, **device))
    }

    fn disk_for(&mut self, d: &At<DiskFor>) -> Option<(Node, DeviceName, u64)> {
        let lasting = self.lasting(&d.lasting);
        self.disk(&d.node, &d.device).map(|(node, device)| (node, device, lasting))
    }

    fn unreadable(&mut self, u: &At<Unreadable>) -> Option<DamageTarget> {
        if let Some(r) = &u.file_record {
            let (source, nth) = self.record(r)?;
            return Some(DamageTarget::FileRecord { source, nth });
        }
        if let Some(r) = &u.nvram_record {
            let (source, nth) = self.record(r)?;
            return Some(DamageTarget::NvramRecord { source, nth });
        }
        if let Some(b) = &u.image_block {
            let (source, volume, block) = self.block(b)?;
            return Some(DamageTarget::ImageBlock { source, volume, block });
        }
        if let Some(b) = &u.volume_block {
            let (source, volume, block) = self.block(b)?;
            return Some(DamageTarget::VolumeBlock { source, volume, block });
        }
        self.range(u.range.as_ref()?)
    }
}
