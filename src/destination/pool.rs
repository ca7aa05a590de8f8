//! Segments of the destination's NVRAM: two are kept for each mirror, the rest is lent (section 1, DR9).

use crate::ids::MirrorIndex;
use crate::quirk::{Bend, Quirk};
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

/// Segments kept for each mirror.
const RESERVE: usize = 2;

pub(crate) struct Pool {
    owners: Vec<Option<MirrorIndex>>,
    /// Number of the first segment; below it stands something else.
    first: u64,
    owned: Vec<usize>,
    /// Mirrors whose segments are not known yet: until then nothing is given out.
    unknown: usize,
    freed: bool,
    /// Mirrors of whose data nothing is known for sure.
    refused: usize,
    /// Since the boot nothing of what nobody owns was erased.
    soiled: bool,
    /// A planted bug: reserves are lent, too.
    lends_reserves: bool,
}

impl Pool {
    pub fn new<Q: Quirk>(segments: Range<u64>, mirrors: usize, quirk: Q) -> Self {
        Pool {
            owners: vec![None; (segments.end - segments.start) as usize],
            first: segments.start,
            owned: vec![0; mirrors],
            unknown: mirrors,
            freed: false,
            refused: 0,
            soiled: !quirk.bends(Bend::LendUnswept),
            lends_reserves: quirk.bends(Bend::LendReserves),
        }
    }

    /// Their numbers.
    pub fn segments(&self) -> Range<u64> {
        self.first..self.first + self.owners.len() as u64
    }

    fn owner(&mut self, segment: u64) -> &mut Option<MirrorIndex> {
        &mut self.owners[(segment - self.first) as usize]
    }

    /// A boot has found these segments to be the mirror's.
    pub fn found(&mut self, mirror: MirrorIndex, segments: impl Iterator<Item = u64>) {
        for segment in segments {
            *self.owner(segment) = Some(mirror);
            self.owned[mirror as usize] += 1;
        }
        self.unknown = self.unknown.saturating_sub(1);
        self.freed = true;
    }

    /// A boot can do nothing with what the mirror has. It stays as it is, with whatever else is not understood.
    pub fn refused(&mut self, mirror: MirrorIndex, segments: impl Iterator<Item = u64>) {
        let free = segments.filter(|s| self.owners[(s - self.first) as usize].is_none()).collect::<Vec<_>>();
        self.refused += 1;
        self.found(mirror, free.into_iter());
    }

    /// A boot wants to erase what nobody owns; false if another one does already.
    pub fn claim(&mut self, mirror: MirrorIndex, segment: u64) -> bool {
        let free = self.owner(segment).is_none();
        if free {
            *self.owner(segment) = Some(mirror);
            self.owned[mirror as usize] += 1;
        }
        free
    }

    /// What a boot must erase once all owners are known, before any of it is lent: in a segment whose header a power cut
    /// has taken records can have survived, and those of its next use would end right before them (DR8).
    pub fn unswept(&self) -> Option<Vec<u64>> {
        let free = |s: &u64| self.owners[(s - self.first) as usize].is_none();
        let known = self.unknown == 0 && self.refused < self.owned.len();
        (self.soiled && known).then(|| self.segments().filter(free).collect())
    }

    /// It is erased durably.
    pub fn swept(&mut self) {
        self.soiled = false;
        self.freed = true;
    }

    /// Segments that the mirror could take now.
    pub fn available(&self, mirror: MirrorIndex) -> u64 {
        if self.unknown > 0 || self.soiled {
            return 0;
        }
        let free = self.owners.iter().filter(|o| o.is_none()).count();
        if self.lends_reserves {
            return free as u64;
        }
        let kept: usize = self
            .owned
            .iter()
            .enumerate()
            .filter(|(m, _)| *m != mirror as usize)
            .map(|(_, owned)| RESERVE.saturating_sub(*owned))
            .sum();
        free.saturating_sub(kept) as u64
    }

    /// Whether what is kept for no mirror is in use.
    pub fn all_lent(&self) -> bool {
        let free = self.owners.iter().filter(|o| o.is_none()).count();
        free <= self.owned.iter().map(|owned| RESERVE.saturating_sub(*owned)).sum()
    }

    /// How many segments are in use, of how many.
    pub fn lent(&self) -> (usize, usize) {
        (self.owners.iter().flatten().count(), self.owners.len())
    }

    pub fn take(&mut self, mirror: MirrorIndex) -> Option<u64> {
        if self.available(mirror) == 0 {
            return None;
        }
        let segment = self.owners.iter().position(|o| o.is_none())?;
        self.owners[segment] = Some(mirror);
        self.owned[mirror as usize] += 1;
        Some(self.first + segment as u64)
    }

    /// The mirror's segments are about to be surveyed again; until then nothing is given out.
    pub fn forget(&mut self, mirror: MirrorIndex) {
        for owner in self.owners.iter_mut().filter(|o| **o == Some(mirror)) {
            *owner = None;
        }
        self.owned[mirror as usize] = 0;
        self.unknown += 1;
    }

    pub fn release(&mut self, mirror: MirrorIndex, segment: u64) {
        if self.owner(segment).take().is_some() {
            self.owned[mirror as usize] -= 1;
            self.freed = true;
        }
    }

    /// The mirror needs none any more.
    pub fn release_all(&mut self, mirror: MirrorIndex) {
        for segment in self.segments() {
            if *self.owner(segment) == Some(mirror) {
                self.release(mirror, segment);
            }
        }
    }

    /// Whether space has become free since the last call.
    pub fn take_freed(&mut self) -> bool {
        core::mem::take(&mut self.freed)
    }
}
