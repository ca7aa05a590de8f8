//! What a server's own clock shows. It may run fast or slow, stand still, and be set forward or back: integers only, so
//! that every run shows the same.

use crate::spec::Nanos;

/// What every clock shows at the start: enough to be set back by days.
const START: u64 = 100 * 86_400 * 1_000_000_000;
/// Parts per million.
const MILLION: i128 = 1_000_000;

/// A server's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// When it was last touched, virtual time.
    since: Nanos,
    /// What it showed then.
    showed: u64,
    /// How much it gains, in parts per million; -1,000,000 = it stands still.
    gains: i64,
}

impl Clock {
    pub fn new() -> Self {
        Clock { since: 0, showed: START, gains: 0 }
    }

    /// What it shows.
    pub fn shows(&self, now: Nanos) -> u64 {
        let passed =
            i128::from(now.saturating_sub(self.since)) * (MILLION + i128::from(self.gains)) / MILLION;
        (i128::from(self.showed) + passed).clamp(0, i128::from(u64::MAX)) as u64
    }

    /// When it will show `time`; `None`: never, if nobody touches it.
    pub fn reaches(&self, time: u64) -> Option<Nanos> {
        let ahead = i128::from(time) - i128::from(self.showed);
        if ahead <= 0 {
            return Some(self.since);
        }
        let speed = MILLION + i128::from(self.gains);
        (speed > 0).then(|| self.since.saturating_add(((ahead * MILLION + speed - 1) / speed) as u64))
    }

    /// Sets it by `step`, and lets it gain from now on.
    pub fn touch(&mut self, now: Nanos, step: i64, gains: i64) {
        let shows = i128::from(self.shows(now)) + i128::from(step);
        *self = Clock { since: now, showed: shows.clamp(0, i128::from(u64::MAX)) as u64, gains };
    }

    /// Whether it runs as time does.
    pub fn steady(&self) -> bool {
        self.gains == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_reached_when_it_is_shown_and_not_before() {
        for gains in [0, 200, -200, 100_000, -100_000, 7, -999_999] {
            let mut clock = Clock::new();
            clock.touch(1_000, -5_000, gains);
            for ahead in [1, 2, 999, 1_000_000, 123_456_789] {
                let time = clock.shows(1_000) + ahead;
                let at = clock.reaches(time).expect("it runs");
                assert!(clock.shows(at) >= time && clock.shows(at - 1) < time, "{gains} {ahead}");
            }
        }
    }

    #[test]
    fn a_clock_that_stands_still_reaches_nothing_new() {
        let mut clock = Clock::new();
        clock.touch(5, 0, -1_000_000);
        assert_eq!(clock.shows(5), clock.shows(1 << 40));
        assert_eq!(clock.reaches(clock.shows(5) + 1), None);
        assert!(clock.reaches(clock.shows(5)).is_some());
    }
}
