//! A mirror whose clients the destination serves (LR6): the destination takes the source's place in the picture, with a
//! log and a mark of its own, and the image for its volumes. The model goes on behind what was recovered; the former
//! source is not looked at any more, but for what it answers.

use crate::bytes::Mark;
use crate::finding::Findings;
use crate::image::Image;
use crate::judge::Judge;
use crate::layout::Layout;
use crate::log::Model;
use crate::mirror::{Copy, Mirror, Source};
use crate::oracles::{fencing, reads, resync, steps};
use crate::resync_file;
use crate::setup::{Answer, Device, Medium, Server, Setup};
use crate::superblock::DEGRADED;
use bytes::Bytes;

/// Where the log and the mark of each mirror's heir stand on the destination's devices.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Home {
    /// First byte of the log, and bytes of it.
    pub log: (u64, u64),
    /// First byte of the mark's slots.
    pub mark: u64,
}

/// The destination's devices, as the heir of a mirror sees them: as a source of its own.
pub(crate) struct Own<'a> {
    pub medium: &'a dyn Medium,
    pub home: Home,
}

impl Medium for Own<'_> {
    fn read(&self, device: Device, offset: u64, length: u64) -> Bytes {
        let base = match device {
            Device::Nvram => self.home.log.0,
            Device::Mark => self.home.mark,
            Device::Log | Device::Image => 0,
        };
        self.medium.read(device, base + offset, length)
    }
}

impl Layout {
    /// The mirror in whose heir's log or mark a byte of the destination's NVRAM or mark device stands, and the place there.
    pub fn heir_at(&self, device: Device, offset: u64) -> Option<(usize, u64)> {
        let within = |h: &Home| match device {
            Device::Nvram => offset.checked_sub(h.log.0).filter(|at| *at < h.log.1),
            Device::Mark => offset.checked_sub(h.mark).filter(|at| *at < 256),
            Device::Log | Device::Image => None,
        };
        self.mirrors.iter().enumerate().find_map(|(i, m)| Some((i, within(&m.home)?)))
    }
}

impl Judge {
    /// Whether a server is the former source of a mirror: what becomes of its devices nobody needs to know any more.
    pub(crate) fn is_former(&self, server: Server) -> bool {
        matches!(server, Server::Source(i) if self.mirrors.get(i).is_some_and(|m| m.heir))
    }

    /// The former source sent an answer: only of what the recovery has reached, and no read that came in after the fence.
    pub fn former_answered(&mut self, source: usize, client: u32, slot: u32, request: u64, answer: Answer) {
        let out = &mut self.out;
        let Some(m) = self.mirrors.get_mut(source) else { return };
        let reached = m.copy.recovered.unwrap_or(0);
        let Some(found) = m.history.find(client, slot, request) else { return };
        found.lost |= found.index.is_none_or(|index| index > reached);
        let asked = found.clone();
        match answer {
            Answer::Written | Answer::Added { .. } => {
                fencing::answered_by_former(m, &self.setup, &asked, out)
            }
            Answer::Read { .. } => reads::fenced(m, &self.setup, &asked, out),
            Answer::Refused => {}
        }
        m.history.answered(client, slot, request, &answer);
    }
}

impl Mirror {
    /// The recovery has ended, and its superblock says that the destination serves the clients.
    pub fn inherit(&mut self, setup: &Setup, reached: u64, stable: &dyn Medium, out: &mut Findings) {
        if self.heir || self.copy.image.stable.role != DEGRADED {
            return;
        }
        let map = resync_file::map(&self.model.uuid, &self.at.image, self.copy.image.stable.map, stable);
        // One that cannot be read is taken for every block.
        if let Some(map) = map {
            resync::bequeathed(self, &map, out);
        }
        let own = Own { medium: stable, home: self.at.home };
        let harmed = self.copy.harmed;
        for slot in [0, 128].into_iter().filter(|_| !harmed) {
            steps::bequeathed(self, Mark::read(&own.read(Device::Mark, slot, 128)), reached, out);
        }
        self.heir = true;
        self.history.inherit(reached);
        self.truncate(reached);
        let volume = std::mem::replace(&mut self.copy.image, Image::new());
        let (fenced, recovered) = (self.copy.fenced, self.copy.recovered);
        self.copy = Copy { fenced, recovered, ..Copy::new() };
        // What was damaged of the former source is its own affair.
        self.source = Source { volume, stable: reached, alone: true, ..Source::new(setup.partitions) };
        self.at.own = self.at.image.clone();
        self.excuses.clear();
        self.lost_blocks.clear();
        self.model.close();
    }
}

impl Model {
    /// The open generation takes no more records.
    fn close(&mut self) {
        let last = self.last_generation();
        if let Some(generation) = self.generation_mut(last) {
            generation.seal_stable = true;
        }
    }
}
