//! The disaster probe: at a durable change, the real recovery machine runs on private copies of what a power cut could
//! leave of the destination, and the judge compares the result with its model. It looks and never touches: its draws
//! come from streams of its own, so that no check changes what happens.

use crate::batches::Batches;
use crate::hosted::Machines;
use crate::judging::{self, Rigged};
use crate::outcome::Checks;
use crate::rehearsal::{Cast, Common, Copy, Recovered, recover};
use crate::server::{Server, oracle_device};
use crate::sites;
use crate::spec::{CheckMode, CheckSpec};
use crate::trunk::Trunks;
use mirror::effect::Device;
use mirror::geometry::{Geometry, Region};
use mirror::quirk::Quirk;
use mirrorsim_engine::{Decisions, Fate, FateOdds, Pending, View};
use mirrorsim_oracle as oracle;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// The devices of a destination.
pub const DEVICES: [Device; 4] = [Device::Nvram, Device::Mark, Device::Log, Device::Image];
/// Verdicts of that many states of a mirror are remembered.
const REMEMBERED: usize = 96;

/// What the probe knows of one mirror.
#[derive(Default)]
struct Known {
    /// Sum over the stable writes of each device; changes with anything else that changes stable content.
    stable: [u64; 4],
    /// Judged states, newest last.
    judged: VecDeque<Judged>,
    /// Changes since the last full check.
    since_full: u64,
    /// Effects of the last recovery that was not cut.
    steps: u64,
    /// What rehearsals have in common.
    trunks: Trunks,
    batches: Batches,
}

/// A state that was judged. A state is known by the writes that made it, as a sum over them and their fates.
///
/// A later state is equal to it for a recovery if the two differ in nothing but bytes that are `blind` here: the machine
/// is a function of what it reads, so it does the same on both up to where it overwrites all of these bytes, and from
/// there on the devices are the same. So writes into them are left out of the sum, whatever became of them: with a
/// journal durable, no subset of its writes in place is a state of its own.
struct Judged {
    /// The sum, without the writes into `blind`.
    sum: u64,
    /// Where recovery came to.
    reached: Option<oracle::Position>,
    /// Ranges of the image disk that recovery overwrote unread.
    blind: Vec<(u64, u64)>,
    /// Sum over the writes into `blind` that have become stable since.
    settled: u64,
}

impl Judged {
    fn is_blind(&self, offset: u64, length: u64) -> bool {
        self.blind.iter().any(|(at, size)| *at <= offset && offset + length <= at + size)
    }

    /// Sum over those of the `open` writes that go into `blind`.
    fn blind_sum(&self, open: &[OpenWrite]) -> u64 {
        let into = open.iter().filter(|w| w.device == Device::Image && self.is_blind(w.offset, w.length));
        into.fold(0, |sum, w| sum.wrapping_add(w.term))
    }
}

/// An unflushed write of a state.
struct OpenWrite {
    device: Device,
    offset: u64,
    length: u64,
    /// What it adds to the state's sum.
    term: u64,
}

/// Where a server has what it keeps of its mirrors.
#[derive(Clone, Copy)]
pub struct Place {
    /// The first of them, as the judge numbers them.
    pub first: usize,
    /// The mark of that one is this.
    pub mark: u16,
    /// Segments of the NVRAM: the first, and the one behind the last.
    pub segments: (u64, u64),
}

/// The probe of a server.
pub struct Probe<Q> {
    spec: CheckSpec,
    geometries: Vec<Arc<Geometry>>,
    regions: Vec<Region>,
    place: Place,
    quirk: Q,
    decisions: Decisions,
    known: Vec<Known>,
    probes: u64,
    odds: FateOdds,
    /// Nobody speaks outside of what is judged here.
    mutes: bool,
    /// The rig is bent: no other state is tried.
    all_kept: bool,
    /// Mirrors that are none any more.
    left: BTreeSet<usize>,
    /// What it did.
    pub checks: Checks,
    /// Recoveries that did not end.
    pub stuck: Vec<String>,
}

fn mix(device: usize, serial: u64, fate: u64) -> u64 {
    let mut word = [0; 24];
    word[..8].copy_from_slice(&serial.to_le_bytes());
    word[8..16].copy_from_slice(&fate.to_le_bytes());
    word[16] = device as u8;
    xxhash_rust::xxh3::xxh3_64(&word)
}

const KEPT: u64 = u64::MAX;

impl<Q: Quirk> Probe<Q> {
    /// A probe over a server.
    pub fn new(
        spec: CheckSpec,
        geometries: Vec<Arc<Geometry>>,
        regions: Vec<Region>,
        place: Place,
        (mutes, rigged, garbage): (bool, Option<Rigged>, bool),
        quirk: Q,
        seed: u64,
    ) -> Self {
        let mode = match spec.mode {
            CheckMode::Every => "every",
            CheckMode::Delta => "delta",
            CheckMode::Sampled => "sampled",
            CheckMode::End => "end",
        };
        let known = geometries.iter().map(|_| Known::default()).collect();
        Probe {
            spec,
            geometries,
            regions,
            place,
            quirk,
            decisions: Decisions::new(seed ^ 0x9e37_79b9_7f4a_7c15),
            known,
            probes: 0,
            odds: judging::odds(rigged, garbage),
            mutes,
            all_kept: rigged == Some(Rigged::PowerCutsKeepAll),
            left: BTreeSet::new(),
            checks: Checks { mode, ..Checks::default() },
            stuck: Vec::new(),
        }
    }

    /// Writes of a mirror have become stable.
    pub fn flushed(&mut self, mirror: usize, device: Device, serial: u64, (offset, length): (u64, u64)) {
        if let Some(known) = self.known.get_mut(mirror) {
            let term = mix(device as usize, serial, KEPT);
            let slot = &mut known.stable[device as usize];
            *slot = slot.wrapping_add(term);
            if device == Device::Image {
                let into = known.judged.iter_mut().filter(|j| j.is_blind(offset, length));
                into.for_each(|j| j.settled = j.settled.wrapping_add(term));
            }
        }
    }

    /// Anything else has changed the devices: no state is known any more.
    pub fn unsettled(&mut self) {
        self.probes += 1;
        for known in &mut self.known {
            known.judged.clear();
            known.trunks.clear();
            known.batches.clear();
            known.stable[0] = known.stable[0].wrapping_add(mix(9, self.probes, 0));
        }
    }

    /// A mirror is promoted: what the destination has of it is no image any more, but the volumes of its clients.
    pub fn leave(&mut self, mirror: usize) {
        self.left.insert(mirror);
    }

    /// Its clients went back to their source, and it is an image again.
    pub fn enter(&mut self, mirror: usize) {
        self.left.remove(&mirror);
    }

    /// A durable change of `kind` has happened to these mirrors.
    pub fn changed<S: Machines>(
        &mut self,
        kind: &'static str,
        mirrors: &[usize],
        server: &Server<S>,
        judge: &mut oracle::Judge,
    ) {
        for &mirror in mirrors {
            if self.left.contains(&mirror) {
                continue;
            }
            *self.checks.changes.entry(kind).or_default() += 1;
            let full = match self.spec.mode {
                CheckMode::Every => true,
                CheckMode::End => false,
                CheckMode::Sampled => {
                    let one_in = self.spec.one_in.max(1);
                    self.decisions.below(sites::PROBE, 1, one_in) == 0
                }
                CheckMode::Delta => {
                    self.checks.delta += 1;
                    judge.delta(self.place.first + mirror);
                    self.known[mirror].since_full += 1;
                    self.known[mirror].since_full >= self.spec.full_every.max(1)
                }
            };
            if full {
                self.known[mirror].since_full = 0;
                self.check(mirror, server, judge);
            }
        }
    }

    /// Tries what a power cut could leave of a mirror now.
    pub fn check<S: Machines>(&mut self, mirror: usize, server: &Server<S>, judge: &mut oracle::Judge) {
        judge.mute(false);
        self.try_states(mirror, server, judge);
        judge.mute(self.mutes);
    }

    fn try_states<S: Machines>(&mut self, mirror: usize, server: &Server<S>, judge: &mut oracle::Judge) {
        // Pending writes of this mirror, device by device.
        let mut open: Vec<(usize, usize)> = Vec::new();
        for (d, device) in DEVICES.iter().enumerate() {
            let pending = server.store(*device).pending();
            open.extend(
                pending
                    .iter()
                    .enumerate()
                    .filter(|(_, p)| p.tag as usize == mirror && !p.clean)
                    .map(|(i, _)| (d, i)),
            );
        }
        let n = open.len();
        if n == 0 {
            return self.state(mirror, server, judge, &open, &[]);
        }
        let all = vec![Fate::Kept; n];
        self.state(mirror, server, judge, &open, &all);
        if self.all_kept {
            return;
        }
        self.state(mirror, server, judge, &open, &vec![Fate::Lost; n]);
        // The newest write torn, the others there.
        let mut torn = all;
        torn[n - 1] = self.torn(server, open[n - 1]);
        self.state(mirror, server, judge, &open, &torn);
        if n as u32 <= self.spec.exhaustive {
            for subset in 1..(1u32 << n) - 1 {
                let fates: Vec<Fate> =
                    (0..n).map(|i| if subset >> i & 1 == 1 { Fate::Kept } else { Fate::Lost }).collect();
                self.state(mirror, server, judge, &open, &fates);
            }
        } else {
            for _ in 0..self.spec.drawn {
                let fates: Vec<Fate> = open
                    .iter()
                    .map(|write| match self.decisions.below(sites::PROBE, 2, 8) {
                        0 => self.torn(server, *write),
                        1..=3 => Fate::Lost,
                        _ => Fate::Kept,
                    })
                    .collect();
                self.state(mirror, server, judge, &open, &fates);
            }
        }
    }

    /// A drawn tear of a write. Of a few granules there are a few only, and one that is none is a state known already.
    fn torn<S: Machines>(&mut self, server: &Server<S>, (device, write): (usize, usize)) -> Fate {
        let keep = self.decisions.draw(sites::PROBE, 3);
        let keep = match keep & 3 {
            0 => u64::MAX >> (1 + (keep >> 8) % 63),
            1 => u64::MAX << (1 + (keep >> 8) % 63),
            _ => keep,
        };
        let garbage = (self.odds.garbage > 0 && self.decisions.chance(sites::PROBE, 4, self.odds.garbage))
            .then(|| self.decisions.draw(sites::PROBE, 5));
        let store = server.store(DEVICES[device]);
        Fate::Torn { keep, garbage }.canonical(&store.pending()[write], store.granule())
    }

    /// Judges one state: `fates` of the `open` writes, everything else as it is.
    fn state<S: Machines>(
        &mut self,
        mirror: usize,
        server: &Server<S>,
        judge: &mut oracle::Judge,
        open: &[(usize, usize)],
        fates: &[Fate],
    ) {
        let writes: Vec<OpenWrite> = open
            .iter()
            .zip(fates)
            .map(|((d, i), fate)| {
                let write = &server.store(DEVICES[*d]).pending()[*i];
                let term = match fate {
                    Fate::Kept => mix(*d, write.serial, KEPT),
                    Fate::Lost => 0,
                    Fate::Torn { keep, garbage } => {
                        mix(*d, write.serial, keep ^ garbage.unwrap_or(0).rotate_left(7))
                    }
                };
                OpenWrite { device: DEVICES[*d], offset: write.offset, length: write.len(), term }
            })
            .collect();
        let terms = self.known[mirror].stable.iter().copied().chain(writes.iter().map(|w| w.term));
        let sum = terms.fold(0, u64::wrapping_add);
        let required = judge.required(self.place.first + mirror);
        let equal = |j: &Judged| {
            j.reached.is_some_and(|r| r >= required)
                && sum.wrapping_sub(j.settled).wrapping_sub(j.blind_sum(&writes)) == j.sum
        };
        if self.known[mirror].judged.iter().rev().any(equal) {
            self.checks.equal += 1;
            return;
        }
        let nested =
            self.spec.nested_every > 0 && self.checks.full.is_multiple_of(self.spec.nested_every as u64);
        let unflushed = writes.iter().filter(|w| w.device == Device::Image).map(|w| w.term);
        let image = unflushed.fold(self.known[mirror].stable[Device::Image as usize], u64::wrapping_add);
        let (reached, blind) = self.judge_state(mirror, server, judge, (open, fates), image, nested);
        let mut new = Judged { sum, reached, blind, settled: 0 };
        new.sum = sum.wrapping_sub(new.blind_sum(&writes));
        let judged = &mut self.known[mirror].judged;
        if judged.len() == REMEMBERED {
            judged.pop_front();
        }
        judged.push_back(new);
    }

    /// The state as views, and the ranges of the image disk where it differs from what is stable.
    pub fn views<'a, S: Machines>(
        server: &'a Server<S>,
        open: &[(usize, usize)],
        fates: &[Fate],
    ) -> ([View<'a>; 4], Vec<(u64, u64)>) {
        let mut touched = Vec::new();
        let mut d = 0;
        let views = DEVICES.map(|device| {
            let store = server.store(device);
            let mine = || open.iter().zip(fates).filter(|((at, _), _)| *at == d);
            // What a cache takes for written is gone with the power.
            let clean = store.pending().iter().any(|p| p.clean);
            let view = if store.pending().is_empty() || !clean && mine().all(|(_, f)| *f == Fate::Kept) {
                View::current(store)
            } else if mine().count() == store.pending().len() && mine().all(|(_, f)| *f == Fate::Lost) {
                View::stable(store)
            } else {
                let kept = |p: &Pending| if p.clean { Fate::Lost } else { Fate::Kept };
                let mut all: Vec<Fate> = store.pending().iter().map(kept).collect();
                mine().for_each(|((_, i), fate)| all[*i] = *fate);
                View::chosen(store, &all)
            };
            if device == Device::Image {
                touched.extend(
                    mine()
                        .filter(|(_, f)| **f != Fate::Lost)
                        .map(|((_, i), _)| &store.pending()[*i])
                        .map(|p| (p.offset, p.len())),
                );
            }
            d += 1;
            view
        });
        (views, touched)
    }

    /// `image`: sum over the writes that made the state of the image disk.
    fn judge_state<S: Machines>(
        &mut self,
        mirror: usize,
        server: &Server<S>,
        judge: &mut oracle::Judge,
        (open, fates): (&[(usize, usize)], &[Fate]),
        image: u64,
        nested: bool,
    ) -> (Option<oracle::Position>, Vec<(u64, u64)>) {
        self.checks.full += 1;
        let (views, touched) = Self::views(server, open, fates);
        let copy = Copy::new(views, nested);
        let expected = judge.expected_recovery(self.place.first + mirror, &copy);
        let mut trunks = std::mem::take(&mut self.known[mirror].trunks);
        let mut batches = std::mem::take(&mut self.known[mirror].batches);
        let image = Some(image);
        let mut common = Common { trunks: &mut trunks, image, batches: &mut batches, judge };
        let mut blind = Vec::new();
        let recovered = if nested {
            self.checks.nested += 1;
            // Cut at a drawn step, or after the end if it is shorter than the last one, and again.
            let cut = self.decisions.below(sites::PROBE, 6, self.known[mirror].steps + 1);
            let first = recover(&copy, self.cast(mirror), cut, touched, Some(&mut common));
            copy.power_cut(&mut self.decisions, &self.odds);
            common.image = None;
            let second = recover(&copy, self.cast(mirror), u64::MAX, first.touched, Some(&mut common));
            copy.end_blind();
            second
        } else {
            let only = recover(&copy, self.cast(mirror), u64::MAX, touched, Some(&mut common));
            blind = copy.end_blind();
            self.known[mirror].steps = only.steps;
            only
        };
        (self.known[mirror].trunks, self.known[mirror].batches) = (trunks, batches);
        self.checks.records += recovered.records;
        #[cfg(test)]
        if !nested {
            self.compare_with_alone(mirror, server, judge, (open, fates), &copy, (&recovered, &blind));
        }
        (self.conclude(mirror, judge, &copy, expected, recovered), blind)
    }

    /// What a rehearsal comes to with the help of earlier ones is what it comes to alone.
    #[cfg(test)]
    fn compare_with_alone<S: Machines>(
        &self,
        mirror: usize,
        server: &Server<S>,
        judge: &mut oracle::Judge,
        (open, fates): (&[(usize, usize)], &[Fate]),
        copy: &Copy<'_>,
        (with, blind): (&Recovered, &[(u64, u64)]),
    ) {
        use mirrorsim_oracle::Medium as _;
        let (views, touched) = Self::views(server, open, fates);
        let own = Copy::new(views, false);
        judge.expected_recovery(self.place.first + mirror, &own);
        let alone = recover(&own, self.cast(mirror), u64::MAX, touched, None);
        assert_eq!((alone.to, alone.steps, alone.records), (with.to, with.steps, with.records));
        assert_eq!(own.end_blind(), blind);
        let sorted =
            |touched: &[(u64, u64)]| touched.iter().copied().collect::<std::collections::BTreeSet<_>>();
        let (ours, theirs) = (sorted(&alone.touched), sorted(&with.touched));
        assert!(ours.is_subset(&theirs));
        for (offset, length) in theirs {
            let read = |copy: &Copy<'_>| copy.read(oracle::Device::Image, offset, length);
            assert_eq!(read(&own), read(copy), "bytes at {offset}");
        }
    }

    fn cast(&self, mirror: usize) -> Cast<'_, Q> {
        let (geometry, region) = (&self.geometries[mirror], &self.regions[mirror]);
        let Place { first, mark, segments } = self.place;
        let number = first + mirror;
        Cast {
            index: mirror,
            number,
            geometry,
            region,
            mark: mark + mirror as u16,
            segments,
            quirk: self.quirk,
        }
    }

    fn conclude(
        &mut self,
        mirror: usize,
        judge: &mut oracle::Judge,
        copy: &Copy<'_>,
        expected: oracle::RecoveredTo,
        recovered: Recovered,
    ) -> Option<oracle::Position> {
        let Recovered { to, mut touched, base, .. } = recovered;
        let Some(to) = to else {
            judge.unrecoverable(self.place.first + mirror, copy);
            return None;
        };
        let right = judge.probe(self.place.first + mirror, copy, &touched, base, to);
        if !judge.compare(self.place.first + mirror, expected, to, right) {
            self.checks.disagreements += 1;
        }
        // Recovery repeated on its own result says and leaves the same.
        let repeated = recover(copy, self.cast(mirror), u64::MAX, Vec::new(), None);
        if repeated.to != Some(to) || repeated.steps > 0 && !repeated.touched.is_empty() {
            touched.extend(repeated.touched);
            match repeated.to {
                Some(second) => {
                    let right = judge.probe(self.place.first + mirror, copy, &touched, None, second);
                    judge.compare(self.place.first + mirror, to, second, right);
                }
                None => self.stuck.push(format!("recovery of mirror {mirror} ends only once (L2)")),
            }
        }
        Some(to.position)
    }
}

/// The judge's device names are in the order of [`DEVICES`].
const _: fn() = || {
    let _ = DEVICES.map(oracle_device);
};
