//! A request to stop, from a signal handler to the workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Why to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// Told to terminate.
    Terminate,
    /// The time that it was given is over.
    Budget,
    /// What was looked for was found.
    Enough,
    /// Results cannot be kept any more.
    Unkept,
}

impl Signal {
    /// Whether somebody from outside wanted it: then nothing that was not run can be vouched for.
    pub fn interrupts(self) -> bool {
        matches!(self, Signal::Interrupt | Signal::Terminate)
    }
}

/// A flag that asks a campaign to stop: no seed is begun any more, and those that run are waited for a moment.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicU8>);

impl Stop {
    /// Asks to stop. The first reason stays.
    pub fn request(&self, signal: Signal) {
        let value = match signal {
            Signal::Interrupt => 1,
            Signal::Terminate => 2,
            Signal::Budget => 3,
            Signal::Enough => 4,
            Signal::Unkept => 5,
        };
        let _ = self.0.compare_exchange(0, value, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The seeds have ended as they should; what comes next is to go on, unless somebody from outside wants an end.
    pub fn resume(&self) {
        for own in [3, 4] {
            let _ = self.0.compare_exchange(own, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Why to stop, if so.
    pub fn requested(&self) -> Option<Signal> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(Signal::Interrupt),
            2 => Some(Signal::Terminate),
            3 => Some(Signal::Budget),
            4 => Some(Signal::Enough),
            _ => Some(Signal::Unkept),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_stays() {
        let stop = Stop::default();
        assert_eq!(stop.requested(), None);
        stop.request(Signal::Terminate);
        stop.request(Signal::Interrupt);
        assert_eq!(stop.requested(), Some(Signal::Terminate));
        stop.resume();
        assert_eq!(stop.requested(), Some(Signal::Terminate));
        let stop = Stop::default();
        stop.request(Signal::Budget);
        stop.resume();
        assert_eq!(stop.requested(), None);
    }
}
