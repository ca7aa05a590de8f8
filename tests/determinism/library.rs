//! The same questions to the library, where each knob can be turned alone.

use super::SCENARIOS;
use crate::cli::top;
use mirrorsim_scenario::{Options as Reading, load};
use mirrorsim_world::spec::{CheckMode, CheckSpec, Spec};
use mirrorsim_world::{Bent, Options, run};

fn spec(scenario: &str) -> Spec {
    let path = top().join(scenario);
    let read = load(path.to_str().expect("UTF-8"), &[], &Reading::default());
    read.unwrap_or_else(|_| panic!("{scenario}: see `mirrorsim check {scenario}`")).spec
}

#[track_caller]
fn same(what: &str, one: impl Fn(&Spec) -> u64, other: impl Fn(&Spec) -> u64) {
    for scenario in SCENARIOS {
        let spec = spec(scenario);
        assert_eq!(format!("{:016x}", one(&spec)), format!("{:016x}", other(&spec)), "{scenario}: {what}");
    }
}

fn digest(spec: &Spec, options: &Options) -> u64 {
    run(spec, 9, options).outcome.digest
}

#[test]
fn keeping_the_trace_changes_nothing() {
    let plain = Options::default();
    let watched = Options { trace: true, images: true, ..Options::default() };
    same("trace and images are kept", |s| digest(s, &plain), |s| digest(s, &watched));
}

#[test]
fn a_quirk_that_bends_nothing_is_as_good_as_none() {
    let plain = Options::default();
    // The highest bit is no bend; but it makes the machines run with the type that can bend.
    let quirky = Options { planted: Bent(1 << 127), ..Options::default() };
    same("`Sound` against `Bent` without a bend", |s| digest(s, &plain), |s| digest(s, &quirky));
}

#[test]
fn how_much_is_tried_changes_nothing() {
    let plain = Options::default();
    let thorough = |s: &Spec| {
        let check =
            CheckSpec { mode: CheckMode::Every, exhaustive: 4, drawn: 2, nested_every: 3, ..s.check.clone() };
        digest(&Spec { check, ..s.clone() }, &plain)
    };
    let lazy = |s: &Spec| {
        let check =
            CheckSpec { mode: CheckMode::End, exhaustive: 0, drawn: 0, nested_every: 0, ..s.check.clone() };
        digest(&Spec { check, ..s.clone() }, &plain)
    };
    same("probe settings", thorough, lazy);
}

#[test]
fn a_spec_is_not_used_up() {
    let plain = Options::default();
    for scenario in SCENARIOS {
        let spec = spec(scenario);
        assert_eq!(digest(&spec, &plain), digest(&spec, &plain), "{scenario}: twice in one process");
    }
}
