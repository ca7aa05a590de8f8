//! How often each mirror has reached each stage, at its source and at the destination.

use mirror::stage::Stage;
use std::collections::BTreeMap;

/// The counts.
#[derive(Clone, Debug)]
pub(crate) struct StageCounts {
    mirrors: usize,
    /// `counts[stage * mirrors + mirror]` at its source and at the destination, as far as stages were reached.
    counts: Vec<[u64; 2]>,
}

impl StageCounts {
    /// For so many mirrors.
    pub fn new(mirrors: usize) -> Self {
        StageCounts { mirrors, counts: Vec::new() }
    }

    /// Once more.
    pub fn add(&mut self, stage: Stage, mirror: usize, at_destination: bool) {
        let at = stage as usize * self.mirrors + mirror;
        if self.counts.len() <= at {
            self.counts.resize((stage as usize + 1) * self.mirrors, [0; 2]);
        }
        self.counts[at][usize::from(at_destination)] += 1;
    }

    /// Of a mirror, at one side or at both.
    pub fn of(&self, stage: Stage, mirror: usize, at_destination: Option<bool>) -> u64 {
        let sides = self.counts.get(stage as usize * self.mirrors + mirror).into_iter();
        sides.map(|[own, there]| at_destination.map_or(own + there, |d| if d { *there } else { *own })).sum()
    }

    /// Those that were reached, by name: at a source, and at the destination.
    pub fn by_name(&self) -> BTreeMap<&'static str, (u64, u64)> {
        let side = |s: Stage, there| (0..self.mirrors).map(|m| self.of(s, m, Some(there))).sum::<u64>();
        let both = |s: &Stage| (side(*s, false), side(*s, true));
        Stage::ALL.iter().map(|s| (s.name(), both(s))).filter(|(_, n)| *n != (0, 0)).collect()
    }

    /// Of all.
    pub fn all(&self, stage: Stage) -> u64 {
        (0..self.mirrors).map(|m| self.of(stage, m, None)).sum()
    }
}
