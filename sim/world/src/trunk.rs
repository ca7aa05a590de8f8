//! What rehearsals of a mirror's recovery have in common. From one durable change to the next a recovery mostly rolls the
//! same records forward over the same image, and perhaps one more behind them. The machine is a function of what it reads,
//! and between two batches it remembers only the superblock and the records that are left. So the batches that an earlier
//! rehearsal did over an equal image, with equal records up to the one behind the batch, are not done again: their
//! writes are put down as they are. Everything before the first batch, and everything behind the common part, is done; if
//! the image is another one, at least single batches may be known ([`crate::batches`]).

use crate::batches::Known;
use crate::rehearsal::Blind;
use mirror::record::Record;
use mirror::superblock::Superblock;
use mirrorsim_engine::ExtentMap;
use mirrorsim_oracle as oracle;
use std::collections::VecDeque;

/// So many trunks of a mirror are remembered,
const TRUNKS: usize = 4;
/// with so many landings each.
const LANDINGS: usize = 8;

/// The end of a batch.
pub struct Landing {
    /// Records that are applied then.
    pub applied: usize,
    /// Whether there were more.
    pub more: bool,
    /// What the batch leads to.
    pub superblock: Superblock,
    /// Where the judge found its image good.
    pub base: oracle::Base,
    /// What was written to the image disk so far.
    pub image: ExtentMap,
    /// What was overwritten unread so far.
    pub blind: Blind,
    /// Ranges of the image disk that may differ from what is stable.
    pub touched: Vec<(u64, u64)>,
    /// Effects since the first read of the first batch.
    pub steps: u64,
}

/// Roll-forwards over one image.
struct Trunk {
    /// The state of the image disk, and the superblock at the first batch.
    start: (u64, Superblock),
    blind: Blind,
    /// The longest list of records.
    records: Vec<Known>,
    landings: Vec<Landing>,
}

impl Trunk {
    /// Makes `records` hold these; says how many were held before.
    fn follow<'r>(&mut self, records: impl ExactSizeIterator<Item = &'r Record>) -> usize {
        let mut shared = 0;
        for (i, record) in records.enumerate() {
            if i == shared && self.records.get(i).is_some_and(|known| known.is(record)) {
                shared += 1;
                continue;
            }
            if i == shared && i < self.records.len() {
                // Another story from here on.
                self.records.truncate(i);
                self.landings.retain(|l| l.applied < i || l.applied == i && !l.more);
            }
            self.records.push(Known::of(record));
        }
        shared
    }
}

/// Trunks of one mirror, newest last.
#[derive(Default)]
pub struct Trunks {
    trunks: VecDeque<Trunk>,
}

impl Trunks {
    /// No image is known any more.
    pub fn clear(&mut self) {
        self.trunks.clear();
    }

    /// The furthest landing of a roll-forward of `records` over an image, at most `room` effects away. What comes now is
    /// that roll-forward.
    pub fn find<'r>(
        &mut self,
        start: (u64, Superblock),
        blind: &Blind,
        records: impl ExactSizeIterator<Item = &'r Record>,
        room: u64,
    ) -> Option<&Landing> {
        let equal = |t: &Trunk| t.start == start && t.blind.same_so_far(blind);
        let trunk = match self.trunks.iter().rposition(equal) {
            Some(at) => self.trunks.remove(at)?,
            None => {
                if self.trunks.len() == TRUNKS {
                    self.trunks.pop_front();
                }
                let blind = blind.clone();
                Trunk { start, blind, records: Vec::new(), landings: Vec::new() }
            }
        };
        self.trunks.push_back(trunk);
        let trunk = self.trunks.back_mut()?;
        let count = records.len();
        let shared = trunk.follow(records);
        let fits = |l: &&Landing| {
            // The batch ends where it ended if the record behind it is the same, or if there is none.
            let ends = if l.more { l.applied < shared } else { l.applied == count && shared == count };
            ends && l.steps <= room
        };
        trunk.landings.iter().filter(fits).max_by_key(|l| l.applied)
    }

    /// The roll-forward that was looked for last has ended a batch.
    pub fn land(&mut self, applied: usize, more: bool, landing: impl FnOnce() -> Landing) {
        let Some(trunk) = self.trunks.back_mut() else { return };
        if trunk.landings.iter().any(|l| (l.applied, l.more) == (applied, more)) {
            return;
        }
        if trunk.landings.len() == LANDINGS {
            trunk.landings.remove(0);
        }
        trunk.landings.push(landing());
    }
}
