//! Ctrl-C and its relatives. The first asks the campaign to stop; the second ends the process at once. Files are
//! whole either way: they are written under another name and renamed.

use mirrorsim_campaign::{Exit, Signal, Stop};

/// Turns signals into requests to stop, from now on. `quiet`: nothing is said about it.
#[cfg(unix)]
pub fn listen(quiet: bool) -> Stop {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    use std::io::Write;

    let stop = Stop::default();
    // Without a handler the system's default holds, which is good enough.
    let Ok(mut signals) = Signals::new([SIGINT, SIGTERM, SIGHUP]) else {
        return stop;
    };
    let request = stop.clone();
    std::thread::spawn(move || {
        for number in signals.forever() {
            let signal = if number == SIGINT { Signal::Interrupt } else { Signal::Terminate };
            if request.requested().is_some() {
                std::process::exit(Exit::from(signal).code().into());
            }
            request.request(signal);
            if !quiet {
                let _ = writeln!(
                    anstream::stderr(),
                    "\nstopping: what was begun comes to its end and is reported; once more to stop at once"
                );
            }
        }
    });
    stop
}

/// Lets a worker outlive such signals: a scheduler sends them to every process of a job, and a worker ends when nobody asks it
/// for seeds any more.
#[cfg(unix)]
pub fn leave_to_parent() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // Without a handler the worker dies, and its parent sees why.
        let _ = signal_hook::flag::register(signal, Arc::<AtomicBool>::default());
    }
}

/// Elsewhere nobody sends them.
#[cfg(not(unix))]
pub fn leave_to_parent() {}

/// Elsewhere the system's default holds.
#[cfg(not(unix))]
pub fn listen(_quiet: bool) -> Stop {
    Stop::default()
}
