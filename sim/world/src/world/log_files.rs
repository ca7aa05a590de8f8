//! Log files that an operator deletes, puts back, or mixes up (FO4). A file has a fixed place on its disk, so this is a change
//! of what stands there; nobody does it to a server that runs.

use super::World;
use super::replaced::EXCHANGE;
use crate::hosted::Machines;
use crate::spec::{Fault, Instead};
use bytes::Bytes;
use mirror::effect::Device;

impl<M: Machines> World<'_, M> {
    /// The next mirror of the same destination.
    pub(super) fn neighbour(&self, source: usize) -> usize {
        let own = self.mirrors_at(self.destination_of(source));
        own[(self.spec.desk(source) + 1) % own.len()]
    }

    /// Another file, or none, stands in the place of a source's oldest one. Whether that has changed anything.
    pub(super) fn replace_log_file(&mut self, index: usize) -> bool {
        let Fault::LogFile { source, becomes, .. } = self.faults[index].fault else { return false };
        let earlier = self.content_before(index);
        let server = self.destination_of(source);
        if self.servers[server].gone {
            return false;
        }
        self.crash(server, true, Some(EXCHANGE));
        let files = self.log_files(source);
        // Of the newest file an older copy lacks something.
        let which = if becomes == Instead::Earlier { files.last() } else { files.first() };
        let Some((_, at)) = which.copied() else { return false };
        let size = self.geometries[source].file_size;
        let stable = |at: u64| self.servers[server].store(Device::Log).read_stable(at, size);
        let mut changes: Vec<(u64, Bytes)> = Vec::new();
        match becomes {
            Instead::Nothing => changes.push((at, Bytes::from(vec![0; size as usize]))),
            Instead::Earlier => changes.extend(earlier.map(|disk| (at, disk.read(at, size)))),
            Instead::Next => {
                changes.extend(files.get(1).map(|(_, other)| (at, stable(*other))));
            }
            Instead::Neighbour => {
                if let Some((_, other)) = self.log_files(self.neighbour(source)).first() {
                    changes.extend([(at, stable(*other)), (*other, stable(at))]);
                }
            }
        }
        // Since the fault began the other site may have become the only one that is left.
        if changes.iter().any(|(at, _)| !self.may_take(server, Device::Log, (*at, size))) {
            return false;
        }
        let mut differs = false;
        for (at, bytes) in changes {
            differs |= self.overwrite(server, Device::Log, at, bytes);
        }
        self.bench.at(server).0.files_replaced(&self.servers[server].stable());
        differs
    }
}
