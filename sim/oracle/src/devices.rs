//! What happens to devices: writes issued, ranges made durable.

use crate::copy::Keeps;
use crate::finding::{Findings, Oracle};
use crate::heir::Own;
use crate::image::Image;
use crate::judge::Judge;
use crate::layout::Region;
use crate::mirror::Mirror;
use crate::oracles::{apply, damage, held, isolation, numbering, prefix, resync, session, steps};
use crate::setup::{Device, Level, Medium, Server};
use crate::source_log;
use crate::superblock::{DEGRADED, MIRROR, RETIRED, Superblock};

impl Judge {
    /// A write or discard was issued: it is in `current` and not in `stable` yet. `by`: the mirror whose machine issued
    /// it, at the destination.
    #[allow(clippy::too_many_arguments)]
    pub fn stored(
        &mut self,
        server: Server,
        device: Device,
        offset: u64,
        length: u64,
        by: Option<usize>,
        stable: &dyn Medium,
        current: &dyn Medium,
    ) {
        if length == 0 {
            return;
        }
        if let Some(turned) = self.turned_at(server) {
            let Server::Source(i) = server else { return };
            return turned.stored(Server::Destination, device, offset, length, Some(i), stable, current);
        }
        if server == Server::Destination && self.heir_stored(device, (offset, length), by, stable, current) {
            return;
        }
        let (range, out) = ((offset, length), &mut self.out);
        match (server, device) {
            (Server::Source(i), _) if self.mirrors.get(i).is_none_or(|m| m.source.gone) => {}
            (Server::Source(i), Device::Nvram) => {
                source_log::stored(&mut self.mirrors[i], &self.setup, range, current, out)
            }
            (Server::Source(i), Device::Image) => {
                image_stored(&mut self.mirrors[i], true, false, range, (stable, current), out);
            }
            (Server::Source(i), Device::Mark) => {
                steps::mark_slot(&mut self.mirrors[i], true, 0, range, stable, out);
                steps::own_mark(&mut self.mirrors[i], current, out)
            }
            (Server::Source(_), _) => {}
            (Server::Destination, Device::Nvram | Device::Log) => {
                self.log.stored(&mut self.mirrors, device, range, by, current, out);
            }
            (Server::Destination, Device::Mark) => {
                let owner = self.log.layout.marked_at(offset);
                isolation::region(owner, by, "mark", offset, out);
                let m = owner.and_then(|owner| self.mirrors.get_mut(owner));
                if let Some(m) = m.filter(|m| !m.lonely()) {
                    let base = m.at.mark;
                    steps::mark_slot(m, false, base, range, stable, out);
                    mark_stored(m, self.setup.level, current, out);
                }
            }
            (Server::Destination, Device::Image) => {
                let owner = self.log.layout.owner(offset);
                isolation::region(owner, by, "region", offset, out);
                if let Some(i) = owner.filter(|i| self.mirrors[*i].copy.keeps != Keeps::Nothing) {
                    let m = &mut self.mirrors[i];
                    let (before, session) = (m.copy.image.current.applied_gen, m.copy.image.current.session);
                    image_stored(m, false, self.setup.global_apply, range, (stable, current), out);
                    let after = m.copy.image.current;
                    if !after.recovers() && after.session == session {
                        let known = after.applied_gen.min(m.model.last_generation());
                        for generation in before.saturating_add(1)..=known {
                            apply::trailed(m, generation, self.log.trailed(i, generation, stable), out);
                        }
                    }
                }
            }
        }
    }

    /// A read was issued, by the machine of mirror `by`.
    pub fn read(&mut self, server: Server, device: Device, ranges: &[(u64, u64)], by: usize) {
        if let Some(turned) = self.turned_at(server) {
            return turned.read(Server::Destination, device, ranges, by);
        }
        let Some(m) = self.mirrors.get(by) else { return };
        if server == Server::Destination && m.copy.keeps == Keeps::Nothing && !m.away {
            return;
        }
        let layout = &self.log.layout;
        let unit = |at: u64, size: u64| at / size * size + size;
        for &(offset, length) in ranges {
            let (what, own) = match (server, device) {
                (_, Device::Mark) => continue,
                (Server::Source(_), Device::Image) => {
                    ("its disk", (offset >= m.at.own.base).then_some(m.at.own.end))
                }
                (Server::Source(_), _) => {
                    let whole = m.at.partition_size * self.setup.partitions;
                    ("its NVRAM", Some(unit(offset, m.at.partition_size)).filter(|end| *end <= whole))
                }
                (Server::Destination, Device::Nvram) if layout.heir_at(device, offset).is_some() => {
                    let (first, size) = m.at.home.log;
                    let own = m.leads_there() && (first..first + size).contains(&offset);
                    ("the NVRAM", own.then(|| first + unit(offset - first, m.at.partition_size)))
                }
                (Server::Destination, Device::Nvram) => {
                    let whole = layout.segments * layout.segment_size;
                    ("the NVRAM", Some(unit(offset, layout.segment_size)).filter(|end| *end <= whole))
                }
                (Server::Destination, Device::Log) => {
                    let (first, count) = layout.places(by);
                    let place = offset / layout.file_size;
                    let own = (first..first + count).contains(&place);
                    let own = own.then_some(unit(offset, layout.file_size));
                    let (start, size, most) = m.at.resync;
                    let resync = (start..start + size * most).contains(&offset);
                    ("the log disk", if resync { Some(start + size * most) } else { own })
                }
                (Server::Destination, Device::Image) => {
                    let own = layout.owner(offset) == Some(by);
                    ("the image disk", own.then_some(m.at.image.end))
                }
            };
            isolation::read(by, what, (offset, length), own, &mut self.out);
        }
    }

    /// These ranges (offset, length) became stable. All ranges of one flush in one call.
    pub fn flushed(
        &mut self,
        server: Server,
        device: Device,
        ranges: &[(u64, u64)],
        stable: &dyn Medium,
        current: &dyn Medium,
    ) {
        if let Some(turned) = self.turned_at(server) {
            return turned.flushed(Server::Destination, device, ranges, stable, current);
        }
        if server == Server::Destination {
            self.each_heir(device, ranges, (stable, current), |judge, server, own, stable, current| {
                judge.flushed(server, device, own, stable, current);
            });
        }
        let out = &mut self.out;
        match (server, device) {
            (Server::Source(i), _) if self.mirrors.get(i).is_none_or(|m| m.source.gone) => {}
            (Server::Source(i), Device::Nvram) => {
                source_log::flushed(&mut self.mirrors[i], ranges, stable, out);
            }
            (Server::Source(i), Device::Image) => {
                image_flushed(&mut self.mirrors[i], true, self.setup.hold, ranges, stable, out)
            }
            (Server::Source(i), Device::Mark) => {
                let m = &mut self.mirrors[i];
                m.source.mark_stable = m.own_mark(stable);
            }
            (Server::Source(_), _) => {}
            (Server::Destination, Device::Nvram | Device::Log) => {
                self.log.flushed(&mut self.mirrors, device, ranges, stable);
            }
            (Server::Destination, Device::Mark) => {
                for m in self.mirrors.iter_mut().filter(|m| !m.away && !m.lonely()) {
                    let (from, to) = (m.at.mark, m.at.mark + 256);
                    if ranges.iter().any(|(offset, length)| *offset < to && offset + length > from) {
                        m.copy.mark_stable = m.copy_mark(stable);
                        m.heal();
                    }
                }
            }
            (Server::Destination, Device::Image) => {
                let kept = |m: &&mut Mirror| !m.away && m.copy.keeps != Keeps::Nothing;
                for m in self.mirrors.iter_mut().filter(kept) {
                    let region = &m.at.image;
                    if ranges
                        .iter()
                        .any(|(offset, length)| *offset < region.end && offset + length > region.base)
                    {
                        image_flushed(m, false, self.setup.hold, ranges, stable, out);
                    }
                }
            }
        }
    }
}

fn mark_stored(m: &mut Mirror, level: Level, current: &dyn Medium, out: &mut Findings) {
    let mark = m.copy_mark(current);
    if mark.counter == m.copy.mark_current.counter {
        return;
    }
    held::marked(m, &mark, out);
    numbering::marked(m, &mark, level, out);
    m.copy.mark_current = mark;
}

impl Judge {
    /// A write that concerns a server of clients at the destination: its log, its mark, or volumes that were an image.
    fn heir_stored(
        &mut self,
        device: Device,
        range: (u64, u64),
        by: Option<usize>,
        stable: &dyn Medium,
        current: &dyn Medium,
    ) -> bool {
        let out = &mut self.out;
        if device == Device::Image {
            let owner = self.log.layout.owner(range.0);
            let Some(i) = owner.filter(|i| self.mirrors[*i].away) else { return false };
            isolation::region(owner, by, "region", range.0, out);
            if let Some(turned) = self.turned(i) {
                turned.stored(Server::Source(i), device, range.0, range.1, None, stable, current);
            }
            return true;
        }
        let Some((i, at)) = self.log.layout.heir_at(device, range.0) else { return false };
        isolation::region(Some(i), by, "log or mark", range.0, out);
        let home = self.mirrors[i].at.home;
        // Before it serves, a recovery makes them blank.
        if let Some(turned) = self.turned(i) {
            let (stable, current) = (Own { medium: stable, home }, Own { medium: current, home });
            turned.stored(Server::Source(i), device, at, range.1, None, &stable, &current);
        }
        true
    }
}

fn image_stored(
    m: &mut Mirror,
    own: bool,
    global: bool,
    (offset, length): (u64, u64),
    (stable, current): (&dyn Medium, &dyn Medium),
    out: &mut Findings,
) {
    let end = offset + length;
    let region: &Region = if own { &m.at.own } else { &m.at.image };
    let touches = |from: u64, to: u64| offset < to && end > from;
    let (slots, journal) = (region.base + 1024, region.journal + region.journal_size);
    let superblock = touches(region.base, slots);
    let in_place = touches(slots, region.journal) || touches(journal, region.end);
    if end > region.end {
        isolation::region(None, None, "region", offset, out);
    }
    if in_place {
        steps::in_place(m, own, (offset, end), (stable, current), out);
    }
    if superblock {
        steps::superblock_slot(m, own, (offset, length), stable, out);
        let region: &Region = if own { &m.at.own } else { &m.at.image };
        let slots = current.read(Device::Image, region.base, 1024);
        if let Some(new) = Superblock::best(&slots, &m.model.uuid) {
            superblock_stored(m, own, global, &new, out);
        }
    }
    let image = if own { &mut m.source.volume } else { &mut m.copy.image };
    image.dirty.insert(offset, end);
}

fn superblock_stored(m: &mut Mirror, own: bool, global: bool, new: &Superblock, out: &mut Findings) {
    let image: &Image = if own { &m.source.volume } else { &m.copy.image };
    if new.counter == image.current.counter {
        return;
    }
    steps::cursor_written(m, own, new, out);
    if !own && m.gives_up(new) {
        // The number of its boots was lost with the rest.
        m.loses_copy();
        return m.session.replaced();
    }
    if !own && new.session != image.stable.session {
        resync::sealing(m, new, out);
        m.copy.asked = m.copy.asked.max(new.applied_gen);
    } else if !own {
        apply::superblock(m, new, global, out);
    }
    let image = if own { &mut m.source.volume } else { &mut m.copy.image };
    image.current = *new;
}

fn image_flushed(
    m: &mut Mirror,
    own: bool,
    hold: u64,
    ranges: &[(u64, u64)],
    stable: &dyn Medium,
    out: &mut Findings,
) {
    let (image, region) =
        if own { (&mut m.source.volume, &m.at.own) } else { (&mut m.copy.image, &m.at.image) };
    let (before, session, sealed) = (image.cursor, image.stable.session, image.stable.sealed);
    let retired = image.stable.role == RETIRED;
    let changed = image.flushed(&mut m.model, region, ranges, stable);
    let reclaims = !own && retired && image.stable.role == DEGRADED;
    m.copy.reclaims |= reclaims;
    let moved = image.cursor != before;
    if changed.journal {
        prefix::journal(m, own, out);
        if !own {
            apply::journalled(m, out);
        }
    }
    if !own && changed.superblock {
        m.takes_roll(stable);
    }
    if changed.superblock && moved {
        prefix::at_cursor(m, own, out);
    }
    if own && changed.superblock {
        let was_alone = m.source.alone;
        m.takes_role(stable);
        resync::role_changed(m, was_alone, hold, out);
    }
    if !own && changed.superblock {
        resync_seen(m, (session, sealed.is_some()), stable, out);
        m.advance();
        fence(m, out);
    }
    if !own {
        damage::healed(m, out);
    }
    if moved && !own && m.copy.fenced.is_some() {
        let mut changed = Vec::new();
        m.model.changed(before, m.copy.image.cursor, &mut changed);
        m.copy.since_fence.extend(changed);
    }
    if moved && !own {
        let above = m.copy.image.cursor + 1;
        m.copy.damaged = m.copy.damaged.split_off(&above);
        let whole = m.whole();
        m.copy.rotten = m.copy.rotten.split_off(&(whole + 1));
    }
    if changed.superblock {
        m.mend(own);
    }
    if moved {
        m.prune();
    }
}

/// The destination's durable superblock is another one than that which named this session, with its file in the image or
/// not.
pub(crate) fn resync_seen(
    m: &mut Mirror,
    (session, sealed): (u64, bool),
    stable: &dyn Medium,
    out: &mut Findings,
) {
    let mirror = m.copy.image.stable.role == MIRROR && !m.copy.image.stable.void;
    if m.copy.keeps == Keeps::Void && mirror {
        m.gains_copy(stable);
    }
    if m.copy.image.stable.session != session {
        resync::sealed(m, out);
        m.owed = m.owed.max(m.copy.image.cursor);
        session::sealed(m);
        m.refilled();
    }
    if sealed && m.copy.image.stable.sealed.is_none() && !m.copy.image.stable.void {
        resync::rolled(m, out);
        m.rolled();
    }
}

/// Notes when a recovery became durable; one that nobody asked for touches a living mirror (I17).
pub(crate) fn fence(m: &mut Mirror, out: &mut Findings) {
    if !m.copy.image.stable.recovers() || m.copy.fenced.is_some() || m.lonely() {
        return;
    }
    m.copy.fenced = Some(out.time);
    let (raised, writer) = (m.copy.image.stable.epoch, m.source.volume.stable.epoch);
    out.expect(Oracle::Fencing, "I8", raised > writer || m.source.harmed, || {
        format!("mirror {} is recovered in epoch {raised}, its source writes in {writer} (DR7)", m.number)
    });
    let asked = m.excuses.iter().any(|excuse| *excuse != crate::faults::DEVICE);
    // Its clients are handed over to it (LR8).
    let asked = asked || m.source.volume.stable.role == RETIRED;
    out.expect(Oracle::Isolation, "I17", asked, || {
        format!("mirror {} is recovered and nobody asked for it", m.number)
    });
}
