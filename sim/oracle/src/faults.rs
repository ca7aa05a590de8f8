//! What the rig does to servers and devices: crashes, power cuts, damage, lost NVRAM.

use crate::copy::Keeps;
use crate::devices::{fence, resync_seen};
use crate::heir::Own;
use crate::judge::Judge;
use crate::mirror::Mirror;
use crate::oracles::durability;
use crate::setup::{Device, Medium, Server};
use crate::source_log;

/// A damaged block justifies an alarm, but no stop: the other side has a good copy.
pub(crate) const DAMAGED_BLOCK: &str = "a damaged block";

/// So does a damaged superblock or journal, until it is written anew.
pub(crate) const STRUCTURE: &str = "a damaged superblock or journal";

/// A device that fails justifies the alarm that says so, and nothing else.
pub(crate) const DEVICE: &str = "a device that fails";

impl Judge {
    /// A device of a server fails what it is asked, or is smaller than it should be: the server must stop, and say why.
    pub fn fault_device(&mut self, server: Server) {
        if let Some(turned) = self.turned_at(server) {
            return turned.fault_device(Server::Destination);
        }
        if server == Server::Destination {
            self.each_heir_named(|judge, server| judge.fault_device(server));
        }
        for m in &mut self.mirrors {
            if server == Server::Destination || server == Server::Source(m.number) {
                m.excuses.insert(DEVICE);
            }
        }
    }

    /// The clock of a server was set, or runs at another speed: how long something lasts by it, nobody here knows.
    pub fn clock_touched(&mut self, server: Server) {
        let own = |m: &&mut Mirror| server == Server::Source(m.number) && !m.away;
        for m in self.mirrors.iter_mut().filter(own) {
            m.source.other_clock = true;
            m.source.alone_since = None;
        }
    }

    /// A cache has let go of unflushed writes to these ranges (offset, length), which read as they are stable now.
    pub fn forgotten(
        &mut self,
        server: Server,
        device: Device,
        ranges: &[(u64, u64)],
        stable: &dyn Medium,
        current: &dyn Medium,
    ) {
        if let Some(turned) = self.turned_at(server) {
            return turned.forgotten(Server::Destination, device, ranges, stable, current);
        }
        if (server, device) == (Server::Destination, Device::Image) {
            self.each_heir(device, ranges, (stable, current), |judge, server, own, stable, current| {
                judge.forgotten(server, device, own, stable, current);
            });
        }
        match (server, device) {
            (Server::Source(i), Device::Image) => {
                if let Some(m) = self.mirrors.get_mut(i) {
                    m.source.volume.forgotten(&m.model.uuid, &m.at.own, ranges, current);
                }
            }
            (Server::Destination, Device::Image) => {
                for m in &mut self.mirrors {
                    m.copy.image.forgotten(&m.model.uuid, &m.at.image, ranges, current);
                }
            }
            (Server::Destination, Device::Log) => {
                self.log.forgotten(&mut self.mirrors, ranges, stable, current);
            }
            _ => {}
        }
    }

    /// A device was exchanged for another one; the media already show it.
    pub fn device_replaced(
        &mut self,
        server: Server,
        device: Device,
        stable: &dyn Medium,
        current: &dyn Medium,
    ) {
        if let Some(turned) = self.turned_at(server) {
            return turned.device_replaced(Server::Destination, device, stable, current);
        }
        if server == Server::Destination && device != Device::Log {
            self.each_heir_there((stable, current), |judge, server, stable, current| {
                judge.device_replaced(server, device, stable, current);
            });
        }
        if server == Server::Destination {
            // One that is to become a mirror has nothing to lose, and may miss its superblock all the same.
            for m in self.mirrors.iter_mut().filter(|m| !m.away && m.lonely()) {
                m.excuses.insert("another device");
            }
        }
        match (server, device) {
            (Server::Source(i), _) => {
                if let Some(m) = self.mirrors.get_mut(i) {
                    (m.source.harmed, m.source.volume.wound) = (true, None);
                    m.excuses.insert("another device");
                    if device == Device::Image {
                        let (at, end) = (m.at.own.base, m.at.own.end);
                        m.source.volume.replaced(&mut m.model, &m.at.own, (at, end), stable);
                    }
                }
            }
            (Server::Destination, Device::Image) => {
                for m in self.mirrors.iter_mut().filter(|m| !m.away && !m.lonely()) {
                    (m.copy.harmed, m.copy.emptied, m.copy.replaced) = (true, None, true);
                    m.copy.image.wound = None;
                    m.excuses.insert("another device");
                    let (at, end) = (m.at.image.base, m.at.image.end);
                    m.copy.image.replaced(&mut m.model, &m.at.image, (at, end), stable);
                    m.takes_roll(stable);
                    m.advance();
                }
            }
            (Server::Destination, _) => {
                for m in self.mirrors.iter_mut().filter(|m| !m.lonely()) {
                    m.empty();
                    m.excuses.insert("another device");
                }
                self.log.damage(&mut self.mirrors, device, (0, u64::MAX / 2), stable, current);
                self.log.look_again(&mut self.mirrors, stable);
            }
        }
    }

    /// The destination was lost with all that it had, and an empty one stands in its place.
    pub fn destination_replaced(&mut self, empty: &dyn Medium) {
        self.mirrors.iter_mut().for_each(Mirror::empty_copy);
        self.log.rescan(&mut self.mirrors, empty);
        self.mirrors.iter_mut().for_each(Mirror::advance);
    }

    /// The rig has put other log files in the place of some, while the destination was off.
    pub fn files_replaced(&mut self, medium: &dyn Medium) {
        self.log.rescan(&mut self.mirrors, medium);
        for m in &mut self.mirrors {
            m.count_damaged();
            m.advance();
        }
    }

    /// A server died; the media are what its devices hold afterwards (after a power cut both are the same).
    pub fn crashed(&mut self, server: Server, power_cut: bool, stable: &dyn Medium, current: &dyn Medium) {
        if let Some(turned) = self.turned_at(server) {
            return turned.crashed(Server::Destination, power_cut, stable, current);
        }
        if server == Server::Destination {
            self.each_heir_there((stable, current), |judge, server, stable, current| {
                judge.crashed(server, power_cut, stable, current);
            });
        }
        if let Server::Source(i) = server
            && let Some(m) = self.mirrors.get_mut(i)
        {
            // What its operator had asked for dies with it.
            m.source.pending_seal = None;
        }
        for m in &mut self.mirrors {
            m.falls_asleep(server);
        }
        match server {
            Server::Source(i) => self.mirrors.get_mut(i).into_iter().for_each(|m| m.session.source_down()),
            Server::Destination => self.mirrors.iter_mut().for_each(|m| m.session.destination_down()),
        }
        if !power_cut {
            if server == Server::Destination {
                self.log.reread_strange(&mut self.mirrors, stable, current);
            }
            return;
        }
        match server {
            Server::Source(i) => {
                let Some(m) = self.mirrors.get_mut(i) else {
                    return;
                };
                m.source.volume.rescan(&mut m.model, &m.at.own, stable);
                m.takes_role(stable);
                source_log::rescan(m, stable);
                m.source.mark_stable = m.own_mark(stable);
                m.advance();
            }
            Server::Destination => self.rescan_destination(stable),
        }
    }

    /// The server of a mirror's clients at the destination starts; or runs again.
    pub fn heir_boots(&mut self, mirror: usize, current: &dyn Medium) {
        let home = self.log.layout.mirrors.get(mirror).map(|m| m.home);
        if let (Some(home), Some(turned)) = (home, self.turned(mirror)) {
            turned.boots(Server::Source(mirror), &Own { medium: current, home });
        }
    }

    /// It runs.
    pub fn heir_booted(&mut self, mirror: usize) {
        if let Some(turned) = self.turned(mirror) {
            turned.booted(Server::Source(mirror));
        }
    }

    fn rescan_destination(&mut self, medium: &dyn Medium) {
        let kept = |m: &&mut Mirror| !m.away && m.copy.keeps != Keeps::Nothing;
        for m in self.mirrors.iter_mut().filter(kept) {
            let before = (m.copy.image.stable.session, m.copy.image.stable.sealed.is_some());
            m.copy.image.rescan(&mut m.model, &m.at.image, medium);
            m.takes_roll(medium);
            resync_seen(m, before, medium, &mut self.out);
            if !m.lonely() {
                m.copy.mark_stable = m.copy_mark(medium);
                m.copy.mark_current = m.copy.mark_stable;
            }
        }
        self.log.rescan(&mut self.mirrors, medium);
        for m in self.mirrors.iter_mut().filter(|m| !m.away && !m.lonely()) {
            m.count_damaged();
            m.advance();
            if m.copy.fenced.is_none() {
                let end = m.copy.end_stable;
                durability::recovered(m, end, "the chain after the power cut", &mut self.out);
            }
            fence(m, &mut self.out);
        }
    }

    /// Whether blocks that the rig has damaged are not repaired yet: of a source's volumes, or of any image.
    pub fn has_damaged_blocks(&mut self, server: Server) -> bool {
        if let Some(turned) = self.turned_at(server) {
            return turned.has_damaged_blocks(Server::Destination);
        }
        let mut heirs = false;
        if server == Server::Destination {
            self.each_heir_named(|judge, server| heirs |= judge.has_damaged_blocks(server));
        }
        let mut mirrors = self.mirrors.iter();
        let own = match server {
            Server::Source(i) => mirrors.any(|m| m.number == i && !m.source.volume.damaged.is_empty()),
            Server::Destination => mirrors.any(|m| !m.copy.image.damaged.is_empty()),
        };
        own || heirs
    }

    /// The rig has noted what a device of a server holds, and may put it there again: the model must still know then how
    /// that was.
    pub fn remembered(&mut self, server: Server) {
        if let Some(turned) = self.turned_at(server) {
            return turned.remembered(Server::Destination);
        }
        if server == Server::Destination {
            self.each_heir_named(|judge, server| judge.remembered(server));
        }
        for m in self.mirrors.iter_mut().filter(|m| !m.away) {
            let cursor = match server {
                Server::Source(i) if i != m.number => continue,
                Server::Destination => m.copy.image.cursor,
                Server::Source(_) => m.source.volume.cursor,
            };
            m.remembered = Some(m.remembered.map_or(cursor, |r| r.min(cursor)));
        }
    }

    /// A server starts; `current` is what its devices hold.
    pub fn boots(&mut self, server: Server, current: &dyn Medium) {
        let Server::Source(i) = server else { return };
        self.mirrors.get_mut(i).into_iter().filter(|m| !m.away).for_each(|m| boots(m, current));
    }

    /// A server runs again.
    pub fn booted(&mut self, server: Server) {
        if let Some(turned) = self.turned_at(server) {
            return turned.booted(Server::Destination);
        }
        for m in &mut self.mirrors {
            match server {
                Server::Source(i) if i == m.number => booted(m),
                Server::Destination => m.copy.image.asleep = false,
                Server::Source(_) => {}
            }
        }
    }

    /// The rig has damaged a range; the media already show it.
    pub fn fault_damage(
        &mut self,
        server: Server,
        device: Device,
        offset: u64,
        length: u64,
        stable: &dyn Medium,
        current: &dyn Medium,
    ) {
        let end = offset + length;
        if let Some(turned) = self.turned_at(server) {
            return turned.fault_damage(Server::Destination, device, offset, length, stable, current);
        }
        if server == Server::Destination {
            let hit = [(offset, length)];
            self.each_heir(device, &hit, (stable, current), |judge, server, own, stable, current| {
                for (offset, length) in own {
                    judge.fault_damage(server, device, *offset, *length, stable, current);
                }
            });
        }
        match (server, device) {
            (Server::Source(i), _) => {
                let Some(m) = self.mirrors.get_mut(i) else {
                    return;
                };
                if device == Device::Image {
                    let map = (m.at.own.map, m.at.own.map + 2 * m.at.own.map_size);
                    m.source.map_hurt |= offset < map.1 && end > map.0;
                    let structural = m.source.volume.damage(&mut m.model, &m.at.own, offset, end, stable);
                    if structural {
                        let mendable = !m.source.harmed || m.source.volume.wound.is_some();
                        let mendable = mendable && m.source.volume.wounded();
                        m.source.harmed = true;
                        m.excuses.insert(if mendable { STRUCTURE } else { "damage" });
                    } else {
                        m.excuses.insert(DAMAGED_BLOCK);
                    }
                    m.count_lost_blocks();
                } else {
                    (m.source.harmed, m.source.volume.wound) = (true, None);
                    m.excuses.insert("damage");
                }
            }
            (Server::Destination, Device::Nvram | Device::Log) => {
                self.log.damage(&mut self.mirrors, device, (offset, end), stable, current);
                for m in &mut self.mirrors {
                    m.excuses.insert("damage");
                    if device == Device::Log && !m.away && !m.lonely() {
                        m.damage_roll((offset, end), stable);
                    }
                }
            }
            (Server::Destination, Device::Mark) => {
                let hit = |m: &&mut Mirror| m.at.mark < end && m.at.mark + 256 > offset && !m.lonely();
                for m in self.mirrors.iter_mut().filter(hit) {
                    m.empty();
                    m.excuses.insert("damage");
                }
            }
            (Server::Destination, Device::Image) => {
                let hit = |m: &&mut Mirror| m.at.image.base < end && m.at.image.end > offset;
                let hit = |m: &&mut Mirror| hit(m) && !m.away && !m.lonely();
                for m in self.mirrors.iter_mut().filter(hit) {
                    let structural = m.copy.image.damage(&mut m.model, &m.at.image, offset, end, stable);
                    if structural {
                        let for_good =
                            m.copy.harmed && m.copy.emptied.is_none() && m.copy.image.wound.is_none();
                        let mendable = !for_good && m.copy.image.wounded();
                        m.copy.harmed = true;
                        if !mendable {
                            m.copy.emptied = None;
                        }
                        m.excuses.insert(if mendable { STRUCTURE } else { "damage" });
                    } else {
                        m.excuses.insert(DAMAGED_BLOCK);
                    }
                    m.count_lost_blocks();
                }
            }
        }
    }

    /// The rig has emptied or garbled an NVRAM; the media already show it.
    pub fn nvram_lost(&mut self, server: Server, stable: &dyn Medium, current: &dyn Medium) {
        if let Some(turned) = self.turned_at(server) {
            return turned.nvram_lost(Server::Destination, stable, current);
        }
        if server == Server::Destination {
            self.each_heir_there((stable, current), |judge, server, stable, current| {
                judge.nvram_lost(server, stable, current);
            });
        }
        match server {
            Server::Source(i) => {
                if let Some(m) = self.mirrors.get_mut(i) {
                    (m.source.harmed, m.source.volume.wound) = (true, None);
                    m.excuses.insert("nvram lost");
                }
            }
            Server::Destination => {
                for m in self.mirrors.iter_mut().filter(|m| !m.lonely()) {
                    m.empty();
                    m.excuses.insert("nvram lost");
                }
                let size = self.setup.destination.nvram_size;
                self.log.damage(&mut self.mirrors, Device::Nvram, (0, size), stable, current);
            }
        }
    }
}

fn boots(m: &mut Mirror, current: &dyn Medium) {
    let marked = m.own_mark(current).nvram;
    m.source.missing = source_log::missing(m, m.model.index_of(marked).unwrap_or(0), current);
    m.source.hole = None;
}

fn booted(m: &mut Mirror) {
    m.source.volume.asleep = false;
    // A journal that was written in place again has moved the cursor.
    let cursor = m.source.volume.cursor;
    m.source.hole = m.source.missing.iter().copied().find(|index| *index > cursor);
}
