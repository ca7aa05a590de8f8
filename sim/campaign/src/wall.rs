//! The only place below the command that looks at a clock of this machine. What it says goes into reports, never into
//! a run.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Time since it was started.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    /// Starts one.
    #[allow(clippy::disallowed_methods, reason = "wall time of a run, for the report")]
    pub fn start() -> Clock {
        Clock(Instant::now())
    }

    /// Time since then.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Seconds since 1970, UTC; 0 if the machine's clock stands before that.
#[allow(clippy::disallowed_methods, reason = "date of a report")]
pub fn utc_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}
