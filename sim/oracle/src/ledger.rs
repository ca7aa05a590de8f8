//! The durable-copy ledger: for every acknowledged byte that no later acknowledged operation has replaced, in how many
//! places each site holds it durably, and whether it outlives one more loss. It reads the judge's pictures only; what
//! copies there must be is a table here, and nothing is asked of the protocol.

use crate::bytes::Position;
use crate::image::Image;
use crate::judge::Judge;
use crate::layout::{BlockAt, Region, Spot};
use crate::log::{FILE_STABLE, NVRAM_STABLE};
use crate::mirror::Mirror;
use crate::oracles::{durability, resync};
use crate::ranges::Ranges;
use crate::setup::{Device, Level, Server};
use std::collections::BTreeMap;

/// Something that the rig may take away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Loss {
    /// A source's site, with the recovery that follows at the destination.
    Site(usize),
    /// What fences a source that lives: its mirror is recovered. Answers to acknowledgements that are under way may still come.
    Fenced(usize),
    /// All that a server's NVRAM holds.
    Nvram(Server),
    /// All that the destination has.
    Destination,
    /// The site of the destination that serves a mirror's clients, with the promotion that follows at the former source.
    Heir(usize),
    /// A range of a device of a server.
    Range {
        /// Whose.
        server: Server,
        /// Which.
        device: Device,
        /// First byte.
        offset: u64,
        /// Bytes.
        length: u64,
    },
}

/// Durable places that hold a byte.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Copies {
    /// Of the source's NVRAM and volume.
    pub source: u8,
    /// Of the destination's NVRAM, file and image.
    pub destination: u8,
}

/// Live acknowledged bytes by the copies that there are of them.
pub type Census = BTreeMap<Copies, u64>;

/// Copies that an acknowledged byte has while both sites are whole: one a site from the reply on (I1, SR1, DR3); on
/// receipt the destination owes nothing.
pub(crate) fn required(level: Level) -> Copies {
    match level {
        Level::Received => Copies { source: 1, destination: 0 },
        Level::Nvram | Level::File => Copies { source: 1, destination: 1 },
    }
}

impl Judge {
    /// Why the run would be out of the fault model after this loss: an acknowledged operation would have no good copy
    /// left that recovery, or repair by the other site, can reach. `None`: it stays in it.
    pub fn beyond(&self, loss: &Loss) -> Option<String> {
        let mut mirrors = self.mirrors.iter();
        match *loss {
            Loss::Site(i)
            | Loss::Fenced(i)
            | Loss::Nvram(Server::Source(i))
            | Loss::Range { server: Server::Source(i), .. } => {
                self.mirrors.get(i).and_then(|m| self.beyond_of(m, loss))
            }
            Loss::Heir(i) => {
                let turned = self.turned.get(i)?.as_ref()?;
                let m = &turned.mirrors[i];
                let lacks = destination_lacks(m, durability::required(m)).filter(|_| !m.lonely());
                let none = || m.lonely().then(|| "what was its source has no copy of it".to_string());
                lacks.or_else(none).map(|what| format!("mirror {}: {what}", self.setup.sources[i].name))
            }
            _ => mirrors.find_map(|m| self.beyond_of(m, loss)),
        }
    }

    /// What the destination lacks now for recovering a mirror whose source is gone: it has gone on since then.
    pub fn lacks(&self, source: usize) -> Option<String> {
        let m = self.mirrors.get(source).filter(|m| !m.away)?;
        destination_lacks(m, durability::required(m))
            .map(|what| format!("mirror {}: {what}", self.setup.sources[m.number].name))
    }

    fn beyond_of(&self, m: &Mirror, loss: &Loss) -> Option<String> {
        let name = &self.setup.sources[m.number].name;
        let say = |what: String| Some(format!("mirror {name}: {what}"));
        if m.away {
            // What the former source loses nobody needs; of what the destination has there is no other copy.
            let there = match *loss {
                Loss::Nvram(Server::Destination) | Loss::Destination => true,
                Loss::Range { server: Server::Destination, device: Device::Image, offset, length } => {
                    offset < m.at.image.end && offset + length > m.at.image.base
                }
                Loss::Range { server: Server::Destination, device, offset, length } => {
                    let home = m.at.home;
                    let (from, size) = home.range(device);
                    offset < from + size && offset + length > from
                }
                _ => false,
            };
            return there.then(|| "its clients are served with the image alone".into()).and_then(say);
        }
        let source = source_lacks(m);
        let destination = destination_lacks(m, durability::required(m));
        let alone = (m.history.answered > durability::required(m))
            .then(|| "its source has answered what the destination lacks".to_string());
        match *loss {
            Loss::Heir(_) => None,
            // What is gone cannot be lost again.
            Loss::Site(_) | Loss::Fenced(_) | Loss::Nvram(Server::Source(_)) if m.source.gone => None,
            Loss::Nvram(Server::Source(_)) => destination.or(alone).and_then(say),
            // What it has answered alone goes with it: that is what the policy says (I15).
            Loss::Site(_) => destination.and_then(say),
            Loss::Fenced(_) => destination_lacks(m, self.may_be_answered(m)).and_then(say),
            Loss::Destination => source.or_else(|| harmed_blocks(m)).and_then(say),
            Loss::Nvram(Server::Destination) => match source {
                Some(_) if m.copy.filed.max(m.copy.image.cursor) >= self.may_be_answered(m) => None,
                lacks => lacks.and_then(say),
            },
            Loss::Range { server: Server::Source(_), device, offset, length } => {
                if m.source.gone {
                    return None;
                }
                if device != Device::Image {
                    return destination.or(alone).and_then(say);
                }
                let lacks =
                    m.copy.harmed.then(|| "the destination has not got back what was taken from it".into());
                let lacks = lacks.or(alone);
                let hit = blocks(&m.at.own, (offset, length))?;
                missing(m, &hit, (&m.copy.image, &m.at.image), lacks).and_then(say)
            }
            Loss::Range { server: Server::Destination, device, offset, length } => {
                let end = offset + length;
                match device {
                    Device::Image => {
                        let hit = blocks(&m.at.image, (offset, length))?;
                        missing(m, &hit, (&m.source.volume, &m.at.own), source).and_then(say)
                    }
                    Device::Mark if m.at.mark < end && m.at.mark + 256 > offset => source.and_then(say),
                    Device::Mark => None,
                    Device::Nvram | Device::Log if self.log.holds_live(m, device, (offset, end)) => {
                        source.and_then(say)
                    }
                    Device::Log if m.holds_roll((offset, end)) => source.and_then(say),
                    Device::Nvram | Device::Log => None,
                }
            }
        }
    }

    /// Index up to which clients have an answer, or may have one of a source that lives once it hears what the destination has
    /// acknowledged.
    fn may_be_answered(&self, m: &Mirror) -> u64 {
        let waits = !m.source.gone && !resync::answered_alone(m, &self.setup);
        let under_way = match self.setup.level {
            Level::Nvram if waits => m.wait.acknowledged,
            Level::File if waits => m.wait.acknowledged.min(m.copy.filed),
            // Nobody waits for it, or nothing is promised.
            _ => 0,
        };
        durability::required(m).max(under_way.min(m.model.tip()))
    }

    /// How many durable copies there are of what is acknowledged and not replaced by something acknowledged.
    pub fn census(&self) -> Census {
        let mut census = Census::new();
        self.mirrors.iter().for_each(|m| count(m, &mut census));
        self.turned.iter().flatten().for_each(|turned| add(&mut census, swapped(turned.census())));
        census
    }

    /// Counts the copies, and judges them where both sites are whole: the number that is required (I1).
    pub fn look_at_ledger(&mut self) -> Census {
        let required = required(self.setup.level);
        let mut all = Census::new();
        for m in &self.mirrors {
            let mut census = Census::new();
            count(m, &mut census);
            durability::counted(m, &census, required, &mut self.out);
            add(&mut all, census);
        }
        self.all_turned().for_each(|turned| add(&mut all, swapped(turned.look_at_ledger())));
        all
    }
}

fn add(all: &mut Census, more: Census) {
    more.into_iter().for_each(|(copies, bytes)| *all.entry(copies).or_default() += bytes);
}

/// Where roles are swapped the source is at the destination's site.
fn swapped(census: Census) -> Census {
    let swap = |(c, bytes): (Copies, u64)| (Copies { source: c.destination, destination: c.source }, bytes);
    census.into_iter().map(swap).collect()
}

/// What the source lacks for being the one good copy of everything; `None`: nothing.
fn source_lacks(m: &Mirror) -> Option<String> {
    if m.source.gone {
        return Some("its source is gone".into());
    }
    if m.excuses.contains("recover") {
        return Some("its mirror is being recovered, and its source is asked no more".into());
    }
    if m.source.harmed {
        return Some("its source has lost its log or its place in it".into());
    }
    None
}

/// Blocks of the source's volumes that only the destination can give back.
fn harmed_blocks(m: &Mirror) -> Option<String> {
    let own = &m.source.volume;
    let block = own.damaged.iter().find(|at| !own.will_redo(&m.at.own, **at));
    block.map(|(v, b)| format!("block {b} of volume {v} is damaged at its source"))
}

/// What the destination lacks for that, of what is `answered`.
fn destination_lacks(m: &Mirror, answered: u64) -> Option<String> {
    let cursor = m.copy.image.cursor;
    let position = |index| -> Position { m.model.position_of(index) };
    // What was in a lost NVRAM is counted below; without its mark, or a superblock, nothing says how far the log goes.
    let unmarked = m.copy.mark_stable.nvram == Position::default() && answered > cursor;
    if m.copy.harmed && (m.copy.emptied.is_none() || unmarked) {
        return Some("the destination has not got back yet what was taken from it".into());
    }
    if let Some(index) = m.copy.damaged.range(cursor + 1..).next().filter(|i| **i <= answered) {
        return Some(format!("{} is damaged at the destination", position(*index)));
    }
    if m.copy.end_stable.max(cursor) < answered {
        let next = position(m.copy.end_stable.max(cursor) + 1);
        return Some(format!("{next} is acknowledged and not durable at the destination"));
    }
    let image = &m.copy.image;
    let block = image.damaged.iter().find(|at| !image.will_redo(&m.at.image, **at));
    block.map(|(v, b)| format!("block {b} of volume {v} is damaged at the destination"))
}

/// Blocks of a region that stand in a range, with those whose check does; `None` if nothing of the region does.
fn blocks(region: &Region, (offset, length): (u64, u64)) -> Option<Vec<BlockAt>> {
    let mut hit = Vec::new();
    let mut other = false;
    region.walk(offset, offset + length, |spot, _, _| match spot {
        Spot::Block(v, b) => hit.push((v, b)),
        Spot::Check(v, first, end) => hit.extend((first..end).map(|b| (v, b))),
        Spot::Superblock | Spot::Journal => other = true,
        Spot::Map | Spot::Padding => {}
    });
    (other || !hit.is_empty()).then_some(hit)
}

/// What of these blocks the other site cannot give back; `lacks`: what it lacks as a whole.
fn missing(
    m: &Mirror,
    hit: &[BlockAt],
    (other, region): (&Image, &Region),
    lacks: Option<String>,
) -> Option<String> {
    let damaged = |at: &BlockAt| other.damaged.contains(at) && !other.will_redo(region, *at);
    let lost = |at: &&BlockAt| damaged(at) || m.lost_blocks.contains(at);
    let one = || {
        let (v, b) = hit.iter().find(lost)?;
        Some(format!("block {b} of volume {v} is damaged at the other site, too"))
    };
    lacks.or_else(one)
}

/// Whether the source's NVRAM still holds an operation: its partition has not been filled anew.
fn in_source_nvram(m: &Mirror, index: u64) -> bool {
    let Some(entry) = m.model.entry(index) else {
        return false;
    };
    let partition = (entry.place / m.at.partition_size) as usize;
    let fill = m.source.fills.get(partition);
    index <= m.source.stable && fill.is_some_and(|f| f.generation == entry.position.generation)
}

/// Adds one mirror's live acknowledged bytes.
fn count(m: &Mirror, census: &mut Census) {
    let answered = durability::required(m).min(m.model.tip());
    let mut replaced: BTreeMap<u32, Ranges> = BTreeMap::new();
    let size = m.at.own.block;
    let whole = |image: &Image, volume: u32, from: u64, to: u64| {
        (from / size..to.div_ceil(size)).all(|b| !image.damaged.contains(&(volume, b)))
    };
    let at_source = |volume, from, to, index| {
        if m.source.gone {
            return 0;
        }
        let log = !m.source.harmed && in_source_nvram(m, index);
        let applied = index <= m.source.volume.cursor && whole(&m.source.volume, volume, from, to);
        u8::from(log) + u8::from(applied)
    };
    let at_destination = |volume, from, to, index, bits: u8| {
        let applied = index <= m.copy.image.cursor && whole(&m.copy.image, volume, from, to);
        let applied = applied && !m.lonely();
        u8::from(bits & NVRAM_STABLE != 0) + u8::from(bits & FILE_STABLE != 0) + u8::from(applied)
    };
    for index in (m.model.base() + 1..=answered).rev() {
        let Some(entry) = m.model.entry(index) else {
            continue;
        };
        let (from, to) = (entry.offset, entry.offset + entry.length);
        let above = replaced.entry(entry.volume).or_default();
        let bytes = above.free_in(from, to);
        above.insert(from, to);
        if bytes > 0 {
            let source = at_source(entry.volume, from, to, index);
            let destination = at_destination(entry.volume, from, to, index, entry.copies);
            *census.entry(Copies { source, destination }).or_default() += bytes;
        }
    }
    // What is older than the list is in volume and image.
    for (volume, block) in m.model.written_before_list() {
        let (from, to) = (block * size, (block + 1) * size);
        let bytes = replaced.get(&volume).map_or(size, |r| r.free_in(from, to));
        if bytes > 0 {
            let source = at_source(volume, from, to, 0);
            let destination = at_destination(volume, from, to, 0, 0);
            *census.entry(Copies { source, destination }).or_default() += bytes;
        }
    }
}
