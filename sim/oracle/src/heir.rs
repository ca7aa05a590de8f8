//! A mirror whose clients its other server serves from now on (LR6): that one takes the source's place in the picture,
//! with a log and a mark of its own, and the image for its volumes. The model goes on behind what was recovered.

use crate::bytes::Mark;
use crate::contact::Contact;
use crate::copy::{Copy, Keeps};
use crate::finding::Findings;
use crate::image::Image;
use crate::layout::Layout;
use crate::log::Model;
use crate::mirror::{Former, Mirror, Source};
use crate::oracles::{resync, steps};
use crate::resync_file;
use crate::setup::{Device, Medium, Setup};
use crate::superblock::{DEGRADED, RETIRED, SOURCE};
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

impl Home {
    /// Bytes of a device that are the heir's alone: first, and how many. Its volumes are the image.
    pub fn range(&self, device: Device) -> (u64, u64) {
        match device {
            Device::Nvram => self.log,
            Device::Mark => (self.mark, 256),
            Device::Log | Device::Image => (0, 0),
        }
    }
}

impl Layout {
    /// The mirror in whose heir's log or mark a byte of the destination's NVRAM or mark device stands, and the place there.
    pub fn heir_at(&self, device: Device, offset: u64) -> Option<(usize, u64)> {
        let within = |h: &Home| {
            let (from, size) = h.range(device);
            offset.checked_sub(from).filter(|at| *at < size)
        };
        self.mirrors.iter().enumerate().find_map(|(i, m)| Some((i, within(&m.home)?)))
    }
}

impl Mirror {
    /// Whether the destination serves the clients, is about to, or has done so last and is not the mirror yet (LR8).
    pub fn leads_there(&self) -> bool {
        self.away || matches!(self.copy.image.stable.role, SOURCE | DEGRADED | RETIRED)
    }

    /// The recovery has ended; whether its superblock says that the destination serves the clients. Then it is the source,
    /// and there is no copy until what was the source has become its mirror.
    pub fn inherit(&mut self, setup: &Setup, reached: u64, stable: &dyn Medium, out: &mut Findings) -> bool {
        if self.away || self.copy.image.stable.role != DEGRADED {
            return false;
        }
        let map = resync_file::map(&self.model.uuid, &self.at.image, self.copy.image.stable.map, stable);
        // One that cannot be read is taken for every block.
        if let Some(map) = map {
            resync::bequeathed(self, &map, out);
        }
        let own = Own { medium: stable, home: self.at.home };
        let harmed = self.copy.harmed;
        let mut marks = [0, 128].map(|slot| Mark::read(&own.read(Device::Mark, slot, 128)));
        if self.copy.reclaims {
            marks = [marks.into_iter().flatten().max_by_key(|mark| mark.counter); 2];
        }
        for mark in marks.into_iter().filter(|_| !harmed) {
            steps::bequeathed(self, mark, reached, out);
        }
        // One that was added again under its name has nothing of what the one before had answered.
        if !harmed && !self.source.replaced {
            self.only_former = self.history.answered_beyond(reached);
        }
        if self.source.replaced {
            // It may become the mirror, and be the source after that.
            self.hears_another();
        }
        self.history.inherit(reached);
        self.truncate(reached);
        self.model.forget_empty(self.copy.image.stable.applied_gen);
        let volume = std::mem::replace(&mut self.copy.image, Image::new());
        let promoted = self.may_be_alone();
        self.former = Some(Former { since: self.copy.fenced, reached, promoted });
        self.copy = Copy { keeps: Keeps::Nothing, ..Copy::new() };
        (self.kept, self.retired) = (0, false);
        // What was damaged of the former source is its own affair.
        let policy = volume.stable.policy;
        self.source =
            Source { volume, policy, stable: reached, alone: true, ..Source::new(setup.partitions) };
        self.excuses.clear();
        self.lost_blocks.clear();
        self.model.close();
        true
    }

    /// Another server has the former source's name: it counts its boots and its Pings from the beginning.
    pub fn hears_another(&mut self) {
        self.session.another_source();
        self.contact = Contact::default();
    }

    /// Whether the server of the clients was promoted, and goes by the policy with which it was.
    pub fn may_be_alone(&self) -> bool {
        self.former.is_some() && self.source.policy == 1
    }

    /// The mirror is lost, or exchanged for one that has nothing.
    pub fn loses_copy(&mut self) {
        self.kept = self.kept.max(self.copy.end_stable).max(self.copy.image.cursor);
        self.copy = Copy { keeps: Keeps::Nothing, ..Copy::new() };
    }

    /// The first resync is sealed: from now on there is a copy, and all of it is looked at once.
    pub fn gains_copy(&mut self, stable: &dyn Medium) {
        let image = &mut self.copy.image;
        let asleep = image.asleep;
        *image = Image::new();
        image.asleep = asleep;
        let (base, end) = (self.at.image.base, self.at.image.end);
        image.replaced(&mut self.model, &self.at.image, (base, end), stable);
        // What the file lacks is nobody's doing but the machines'.
        image.damaged.clear();
        self.takes_roll(stable);
        self.copy.keeps = Keeps::Copy;
        self.copy.mark_stable = self.copy_mark(stable);
        self.copy.mark_current = self.copy.mark_stable;
        self.owed = self.copy.image.cursor;
        self.kept = 0;
        self.advance();
    }
}

impl Model {
    /// The open generation takes no more records.
    pub fn close(&mut self) {
        let last = self.last_generation();
        if let Some(generation) = self.generation_mut(last) {
            generation.seal_stable = true;
        }
    }
}
