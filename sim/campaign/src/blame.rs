//! Panics inside a run: caught, kept quiet, and blamed on the protocol or on the rig.

use crate::watch::Circle;
use mirrorsim_world::outcome::Verdict;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

/// A panic that was caught.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Panic {
    /// What it said.
    pub message: String,
    /// `file:line:column`; empty if unknown.
    pub place: String,
}

/// How a run ended that gave no result.
#[derive(Debug)]
pub(crate) enum End {
    /// It panicked.
    Panic(Panic),
    /// It went round in a circle.
    Circle,
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// Runs something that may panic. Other threads keep the hook that they have.
pub(crate) fn guarded<T>(f: impl FnOnce() -> T) -> Result<T, End> {
    install();
    GUARDED.set(true);
    // A run is a pure function of what it is given: nothing that it leaves half done is seen again.
    let result = panic::catch_unwind(AssertUnwindSafe(f));
    GUARDED.set(false);
    let unknown = || Panic { message: "panicked".into(), place: String::new() };
    result.map_err(|thrown| match thrown.downcast::<Circle>() {
        Ok(_) => End::Circle,
        Err(_) => End::Panic(LAST.take().unwrap_or_else(unknown)),
    })
}

/// Whose fault it is: the protocol's panic is a finding (exit 1), and so is a circle; any other panic is the rig's
/// (exit 4).
pub(crate) fn verdict(end: &End) -> Verdict {
    let End::Panic(panic) = end else { return Verdict::Failed };
    let place = panic.place.replace('\\', "/");
    if place.starts_with("sim/") || place.contains("/sim/") { Verdict::Rig } else { Verdict::Failed }
}

fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| if GUARDED.get() { keep(info) } else { before(info) }));
    });
}

fn keep(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("panicked").to_owned();
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    LAST.set(Some(Panic { message, place }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_with_its_words_and_its_place() {
        let Err(End::Panic(panic)) = guarded(|| panic!("slot {} is empty", 3)) else { unreachable!() };
        assert_eq!(panic.message, "slot 3 is empty");
        assert!(panic.place.contains("blame.rs:"), "{}", panic.place);
        assert!(matches!(guarded(|| 5), Ok(5)));
    }

    #[test]
    fn blame_goes_by_the_place() {
        let at = |place: &str| verdict(&End::Panic(Panic { message: String::new(), place: place.into() }));
        assert_eq!(at("src/source/forward.rs:10:5"), Verdict::Failed);
        assert_eq!(at("sim/world/src/lib.rs:3:1"), Verdict::Rig);
        assert_eq!(at("/home/me/mirrorsim/sim/oracle/src/judge.rs:3:1"), Verdict::Rig);
        assert_eq!(at("C:\\m\\sim\\engine\\src\\disk.rs:3:1"), Verdict::Rig);
    }
}
