//! How often each mirror has reached each stage.

use mirror::stage::Stage;

/// The counts.
#[derive(Clone, Debug)]
pub(crate) struct StageCounts {
    mirrors: usize,
    /// `counts[stage * mirrors + mirror]`, as far as stages were reached.
    counts: Vec<u64>,
}

impl StageCounts {
    /// For so many mirrors.
    pub fn new(mirrors: usize) -> Self {
        StageCounts { mirrors, counts: Vec::new() }
    }

    /// Once more.
    pub fn add(&mut self, stage: Stage, mirror: u16) {
        let at = stage as usize * self.mirrors + usize::from(mirror);
        if self.counts.len() <= at {
            self.counts.resize((stage as usize + 1) * self.mirrors, 0);
        }
        self.counts[at] += 1;
    }

    /// Of one mirror.
    pub fn of(&self, stage: Stage, mirror: u16) -> u64 {
        self.counts.get(stage as usize * self.mirrors + usize::from(mirror)).copied().unwrap_or(0)
    }

    /// Of all mirrors.
    pub fn all(&self, stage: Stage) -> u64 {
        (0..self.mirrors as u16).map(|mirror| self.of(stage, mirror)).sum()
    }
}
