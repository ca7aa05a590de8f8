//! Exit codes: what a script may rely on.

use crate::stop::Signal;
use mirrorsim_world::outcome::Verdict;

/// How the command ends. When several apply, [`Exit::worst`] says which one wins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum Exit {
    /// Everything that was asked for was done, and everything that was judged holds.
    #[default]
    Passed = 0,
    /// An oracle said no, an expectation does not hold, the protocol panicked, or a failure did not reproduce.
    Failed = 1,
    /// Bad arguments, scenario or token. Nothing was run.
    Usage = 2,
    /// The environment is in the way: a report that cannot be written, a full disk.
    Environment = 3,
    /// Nothing is proven: a scenario whose fault never took effect or that judged nothing; or the rig itself is at fault,
    /// nondeterminism, a panic outside the protocol.
    Rig = 4,
    /// The budget ended before a verdict.
    Inconclusive = 5,
    /// Interrupted from the keyboard (128 + SIGINT).
    Interrupted = 130,
    /// Told to terminate (128 + SIGTERM).
    Terminated = 143,
}

impl Exit {
    /// Every exit, the mildest first. An interrupt hides everything else: what was not run cannot be vouched for.
    pub const BY_SEVERITY: [Exit; 8] = [
        Exit::Passed,
        Exit::Inconclusive,
        Exit::Failed,
        Exit::Environment,
        Exit::Rig,
        Exit::Usage,
        Exit::Interrupted,
        Exit::Terminated,
    ];

    /// The number that the process returns.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The more severe of two.
    #[must_use]
    pub fn worst(self, other: Exit) -> Exit {
        if self.severity() >= other.severity() { self } else { other }
    }

    /// What this exit means, in one line.
    pub fn meaning(self) -> &'static str {
        match self {
            Exit::Passed => "all passed",
            Exit::Failed => "a check failed, or a failure did not reproduce",
            Exit::Usage => "bad arguments, scenario or token; nothing was run",
            Exit::Environment => "environment: cannot write, disk full",
            Exit::Rig => "no proof: a vacuous run, or the rig itself: nondeterminism, internal panic",
            Exit::Inconclusive => "inconclusive: the budget ended before a verdict",
            Exit::Interrupted => "interrupted",
            Exit::Terminated => "terminated",
        }
    }

    fn severity(self) -> usize {
        Exit::BY_SEVERITY.iter().position(|e| *e == self).unwrap_or(0)
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Exit {
        match verdict {
            Verdict::Passed => Exit::Passed,
            Verdict::Failed => Exit::Failed,
            Verdict::Vacuous | Verdict::Rig => Exit::Rig,
            Verdict::Inconclusive => Exit::Inconclusive,
        }
    }
}

impl From<Signal> for Exit {
    fn from(signal: Signal) -> Exit {
        match signal {
            Signal::Interrupt => Exit::Interrupted,
            Signal::Terminate => Exit::Terminated,
            // What was run has its verdict.
            Signal::Budget | Signal::Enough => Exit::Passed,
            Signal::Unkept => Exit::Environment,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_documented_ones() {
        let codes: Vec<u8> = Exit::BY_SEVERITY.iter().map(|e| e.code()).collect();
        assert_eq!(codes, [0, 5, 1, 3, 4, 2, 130, 143]);
    }

    #[test]
    fn the_most_severe_wins_in_the_order_4_3_1_5() {
        let order = [Exit::Rig, Exit::Environment, Exit::Failed, Exit::Inconclusive, Exit::Passed];
        for (i, a) in order.iter().enumerate() {
            for b in &order[i..] {
                assert_eq!(a.worst(*b), *a);
                assert_eq!(b.worst(*a), *a);
            }
        }
    }

    #[test]
    fn nothing_turns_an_interrupt_into_a_success() {
        for exit in Exit::BY_SEVERITY {
            assert!(exit.worst(Exit::Interrupted).code() >= 130);
        }
    }
}
