//! A mirror's wait for the next acknowledgement: what it has a right to, and since when it is kept waiting.

/// The wait of one source.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wait {
    /// A stretch of nothing is too long above this, ns; 0 = its path is not one that can be judged.
    pub patience: u64,
    /// It and the destination run, and nothing cuts, clogs or slows what lies between them.
    pub whole: bool,
    /// A Welcome has left since they last lost each other.
    pub connected: bool,
    /// Segments of the destination's NVRAM with its name on them.
    pub segments: u64,
    /// Index up to which the destination has acknowledged, at the level that its NVRAM gives.
    pub acknowledged: u64,
    /// Since when an acknowledgement is due.
    pub since: Option<u64>,
    /// The longest wait so far, ns.
    pub longest: u64,
    /// This wait was reported.
    pub told: bool,
}

impl Wait {
    /// Nothing is due, or it has just come; a new wait may begin.
    pub fn over(&mut self) {
        self.since = None;
        self.told = false;
    }

    /// The destination's NVRAM has one more segment with its name on it, or one fewer.
    pub fn holds(&mut self, segments: u64) {
        self.segments = segments;
        if segments >= RESERVE {
            self.over();
        }
    }
}

/// Segments that are kept for each mirror (DR9).
pub(crate) const RESERVE: u64 = 2;
