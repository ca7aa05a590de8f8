//! Everything that is left to chance, each decision under an address of its own.
//!
//! The address is (site, subject, occurrence): what kind of decision, about whom, and the how-manieth of these. Each
//! (site, subject) has a ChaCha8 stream of its own, keyed by the seed, and the occurrence is the place in that stream.
//! So a fault that is switched off, and draws nothing, changes no other decision.
//!
//! For each decision that may do harm `u64::MAX` is the mildest value and 0 the worst: whoever shrinks a failure
//! overrides with `u64::MAX`.

use crate::delay::Delay;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Version of how decisions are drawn from a seed; to be raised when the same seed gives other ones.
pub const DECISIONS: u32 = 1;

/// What kind of decision: an index that its owner chose at build time. See [`crate::sites`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Site(pub u16);

/// The value of one decision, given rather than drawn.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Override {
    /// Number of the [`Site`].
    pub site: u16,
    /// Who the decision is about.
    pub subject: u32,
    /// Which draw of this site and subject, from 0.
    pub occurrence: u64,
    /// The value of [`Decisions::draw`] there.
    pub value: u64,
}

/// The source of all decisions of a run.
#[derive(Debug)]
pub struct Decisions {
    seed: u64,
    /// `rows[site][subject]` is an index into `streams`, or `CLOSED`.
    rows: Vec<Vec<u32>>,
    streams: Vec<Stream>,
    /// Sorted by address, one for each.
    overrides: Vec<Override>,
    record: bool,
    recorded: Vec<Override>,
}

const CLOSED: u32 = u32::MAX;

#[derive(Debug)]
struct Stream {
    rng: ChaCha8Rng,
    /// Occurrence of the next draw.
    occurrence: u64,
    /// Occurrence of the next override; `u64::MAX` if there is none.
    overridden: u64,
    /// Index of that override.
    next_override: u32,
}

impl Decisions {
    /// Decisions drawn from `seed`.
    pub fn new(seed: u64) -> Self {
        Self::with_overrides(seed, &[])
    }

    /// Decisions drawn from `seed`, except those that are given. Of two overrides of one address the later counts. An
    /// override does not shift what is drawn after it.
    pub fn with_overrides(seed: u64, overrides: &[Override]) -> Self {
        let mut sorted: Vec<Override> = overrides.iter().rev().copied().collect();
        sorted.sort_by_key(|o| (o.site, o.subject, o.occurrence));
        sorted.dedup_by_key(|o| (o.site, o.subject, o.occurrence));
        Decisions {
            seed,
            rows: Vec::new(),
            streams: Vec::new(),
            overrides: sorted,
            record: false,
            recorded: Vec::new(),
        }
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Whether each draw from now on is recorded with its address; off at first. A record grows with the run.
    pub fn record(&mut self, on: bool) {
        self.record = on;
    }

    /// What was recorded, in the order of the draws: overrides that repeat the run under any seed.
    pub fn recorded(&self) -> &[Override] {
        &self.recorded
    }

    /// How many draws this site and subject have made: the occurrence of the next.
    pub fn occurrences(&self, site: Site, subject: u32) -> u64 {
        match self.slot(site, subject) {
            CLOSED => 0,
            slot => self.streams[slot as usize].occurrence,
        }
    }

    /// The next value of this site and subject, all 64 bits equally likely. Subjects are small numbers: memory grows
    /// with the greatest.
    #[inline]
    pub fn draw(&mut self, site: Site, subject: u32) -> u64 {
        let mut slot = self.slot(site, subject);
        if slot == CLOSED {
            slot = self.open(site, subject);
        }
        let stream = &mut self.streams[slot as usize];
        let occurrence = stream.occurrence;
        stream.occurrence = occurrence + 1;
        let mut value = stream.rng.next_u64();
        if occurrence == stream.overridden {
            value = take_override(&self.overrides, stream);
        }
        if self.record {
            self.recorded.push(Override { site: site.0, subject, occurrence, value });
        }
        value
    }

    /// A number below `n`; 0 if `n` is 0. One draw.
    #[inline]
    pub fn below(&mut self, site: Site, subject: u32, n: u64) -> u64 {
        ((u128::from(self.draw(site, subject)) * u128::from(n)) >> 64) as u64
    }

    /// A number in `lo..=hi`. One draw; none, and `lo`, if `hi <= lo`.
    #[inline]
    pub fn range(&mut self, site: Site, subject: u32, lo: u64, hi: u64) -> u64 {
        if hi <= lo {
            return lo;
        }
        let span = u128::from(hi - lo) + 1;
        lo + ((u128::from(self.draw(site, subject)) * span) >> 64) as u64
    }

    /// True with probability `p` in units of 2^-32; `1 << 32` is always. One draw, but none if `p` is 0.
    #[inline]
    pub fn chance(&mut self, site: Site, subject: u32, p: u64) -> bool {
        p != 0 && self.draw(site, subject) >> 32 < p
    }

    /// A duration in ns. One draw; none if the delay is constant.
    #[inline]
    pub fn delay(&mut self, site: Site, subject: u32, d: &Delay) -> u64 {
        if !d.draws() {
            return d.min;
        }
        d.value(self.draw(site, subject))
    }

    #[inline]
    fn slot(&self, site: Site, subject: u32) -> u32 {
        match self.rows.get(usize::from(site.0)) {
            Some(row) => row.get(subject as usize).copied().unwrap_or(CLOSED),
            None => CLOSED,
        }
    }

    #[cold]
    fn open(&mut self, site: Site, subject: u32) -> u32 {
        let index = usize::from(site.0);
        if self.rows.len() <= index {
            self.rows.resize_with(index + 1, Vec::new);
        }
        let row = &mut self.rows[index];
        if row.len() <= subject as usize {
            row.resize(subject as usize + 1, CLOSED);
        }
        let slot = self.streams.len() as u32;
        row[subject as usize] = slot;
        let first = self.overrides.partition_point(|o| (o.site, o.subject) < (site.0, subject));
        let mut stream = Stream {
            rng: stream(self.seed, site, subject),
            occurrence: 0,
            overridden: u64::MAX,
            next_override: first as u32,
        };
        aim(&self.overrides, &mut stream, site.0, subject);
        self.streams.push(stream);
        slot
    }
}

/// ChaCha8 with the seed as its key (little-endian, then zeros) and the address as its stream number.
fn stream(seed: u64, site: Site, subject: u32) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(u64::from(site.0) << 32 | u64::from(subject));
    rng
}

#[cold]
fn take_override(overrides: &[Override], stream: &mut Stream) -> u64 {
    let taken = overrides[stream.next_override as usize];
    stream.next_override += 1;
    aim(overrides, stream, taken.site, taken.subject);
    taken.value
}

/// Points the stream at its next override.
fn aim(overrides: &[Override], stream: &mut Stream, site: u16, subject: u32) {
    stream.overridden = match overrides.get(stream.next_override as usize) {
        Some(o) if (o.site, o.subject) == (site, subject) => o.occurrence,
        _ => u64::MAX,
    };
}
