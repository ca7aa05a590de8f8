//! A mirror whose clients the destination serves (LR6): the destination takes the source's place in the picture, with a
//! log and a mark of its own, and the image for its volumes. The model goes on behind what was recovered; the former
//! source is not looked at any more, but for what it answers.

use crate::bytes::Mark;
use crate::faults::DAMAGED_BLOCK;
use crate::finding::{Findings, Oracle};
use crate::image::Image;
use crate::judge::Judge;
use crate::layout::Layout;
use crate::log::Model;
use crate::mirror::{Copy, Mirror, Source};
use crate::oracles::{fencing, reads, resync, steps};
use crate::resync_file;
use crate::setup::{Answer, Device, Medium, Server, Setup};
use crate::superblock::{DEGRADED, RETIRED, Superblock};
use crate::wire::{Frame, Message};
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

    /// The rig did something to the former source's devices, at which nobody looks now.
    pub(crate) fn former_hurt(&mut self, server: Server, device: Device, (from, to): (u64, u64)) {
        if let (Server::Source(i), Device::Image) = (server, device) {
            self.mirrors.get_mut(i).into_iter().for_each(|m| m.hurt.insert(from, to));
        }
    }

    /// What the former source says that it holds, as the mirror of its heir.
    pub(crate) fn former_says(&mut self, source: usize, head: &[u8]) {
        let (Some(m), Some(frame)) = (self.mirrors.get_mut(source), Frame::read(head)) else { return };
        if let Message::ForwardAck { level: 2.., up_to, .. } | Message::Welcome { held: up_to, .. } =
            frame.message
        {
            m.kept = m.kept.max(m.model.index_of(up_to).unwrap_or(0));
        }
    }

    /// The server of the clients has retired, and knows it (LR8).
    pub fn retired(&mut self, source: usize) {
        self.mirrors.get_mut(source).into_iter().filter(|m| m.heir).for_each(|m| m.retired = true);
    }

    /// The former source is the source again (LR8), and has booted: from now on both servers are looked at as before.
    pub fn returned(&mut self, source: usize, own: &dyn Medium, destination: &dyn Medium) {
        let Some(m) = self.mirrors.get_mut(source).filter(|m| m.heir) else { return };
        resync::handed_over(m, &mut self.out);
        let tip = m.model.tip();
        (m.heir, m.retired) = (false, false);
        (m.only_former, m.kept) = (0, 0);
        m.session.holds(tip);
        m.wait.acknowledged = m.wait.acknowledged.max(tip);
        m.at.own = m.at.former.clone();
        m.source = Source { stable: tip, ..Source::new(self.setup.partitions) };
        let asked = m.model.last_generation();
        m.copy = Copy { end_stable: tip, end_current: tip, filed: tip, asked, ..Copy::new() };
        let sides = [(&mut m.source.volume, &m.at.own, own), (&mut m.copy.image, &m.at.image, destination)];
        for (image, region, medium) in sides {
            image.replaced(&mut m.model, region, (region.base, region.end), medium);
        }
        if !std::mem::take(&mut m.hurt).is_empty() {
            m.excuses.insert(DAMAGED_BLOCK);
        }
        m.copy.policy = m.copy.image.stable.policy;
        m.source.mark_stable = m.own_mark(own);
        m.copy.mark_stable = m.copy_mark(destination);
        m.copy.mark_current = m.copy.mark_stable;
        m.model.close();
        m.advance();
    }

    /// The former source gives up what it has, and is to become a mirror.
    pub fn becomes_target(&mut self, source: usize) {
        let Some(m) = self.mirrors.get(source) else { return };
        let (number, only) = (m.number, m.only_former);
        self.out.expect(Oracle::Fencing, "LR7", only == 0, || {
            format!("source {number}: {only} operations are answered that no other server has, and it gives them up")
        });
    }

    /// All has come to rest, and the former source keeps the image of what the destination serves (LR7): it has all of it.
    pub fn kept(&mut self, source: usize, medium: &dyn Medium) {
        let Some(m) = self.mirrors.get_mut(source).filter(|m| m.heir) else { return };
        let region = m.at.former.clone();
        let found = Superblock::best(&medium.read(Device::Image, region.base, 1024), &m.model.uuid);
        resync::kept(m, &region, found, medium, &mut self.out);
    }

    /// The former source sent an answer: only of what the recovery has reached, and no read that came in after the fence.
    pub fn former_answered(&mut self, source: usize, client: u32, slot: u32, request: u64, answer: Answer) {
        let out = &mut self.out;
        let Some(m) = self.mirrors.get_mut(source) else { return };
        if !m.heir {
            return fencing::answered_by_retired(m, request, out);
        }
        let reached = m.copy.recovered.unwrap_or(0);
        let Some(found) = m.history.find(client, slot, request) else { return };
        found.lost |= found.index.is_none_or(|index| index > reached);
        let asked = found.clone();
        match answer {
            Answer::Written | Answer::Added { .. } => {
                m.only_former += u64::from(asked.index.is_none_or(|index| index > reached));
                fencing::answered_by_former(m, &self.setup, &asked, out)
            }
            Answer::Read { .. } => reads::fenced(m, &self.setup, &asked, out),
            Answer::Refused => {}
        }
        m.history.answered(client, slot, request, &answer);
    }
}

impl Mirror {
    /// Whether the destination serves the clients, or has done so last and is not the mirror yet (LR8).
    pub fn leads_there(&self) -> bool {
        self.heir || self.copy.image.stable.role == RETIRED
    }

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
        // One that was added again under its name has nothing of what the one before had answered.
        if !harmed && !self.source.replaced {
            self.only_former = self.history.answered_beyond(reached);
        }
        self.history.inherit(reached);
        self.truncate(reached);
        let volume = std::mem::replace(&mut self.copy.image, Image::new());
        let (fenced, recovered) = (self.copy.fenced, self.copy.recovered);
        self.copy = Copy { fenced, recovered, ..Copy::new() };
        // What was damaged of the former source is its own affair.
        self.source = Source { volume, stable: reached, alone: true, ..Source::new(setup.partitions) };
        self.at.own = self.at.image.clone();
        self.excuses.clear();
        self.hurt.clear();
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
