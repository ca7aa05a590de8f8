//! `expect:` lines of a scenario, judged over the metrics of a run.

use mirrorsim_scenario::Expectation;
use mirrorsim_world::outcome::{Failure, Outcome, Verdict};

/// The oracle of what a scenario expects.
pub(crate) const EXPECT: &str = "expect";

/// Judges the expectations; those that do not hold become failures of the oracle `expect`. Returns how many were
/// judged: none of a run that was cut short, since its numbers mean nothing yet.
pub(crate) fn expectations(expect: &[Expectation], outcome: &mut Outcome) -> usize {
    if !matches!(outcome.verdict, Verdict::Passed | Verdict::Failed) {
        return 0;
    }
    let mut judged = 0;
    for e in expect {
        let Some(measured) = outcome.metrics.get(e.metric.as_str()).copied() else { continue };
        judged += 1;
        if e.op.holds(measured, e.value) {
            continue;
        }
        let found = shown(e, measured);
        outcome.verdict = Verdict::Failed;
        let message = format!("`{e}` does not hold: it is {found} ({})", e.place);
        outcome.failures.push(at_the_end(outcome, (EXPECT, ""), message));
    }
    judged
}

/// What nothing was measured of, in a scenario whose faults are all in its script: it would say so of every seed.
pub(crate) fn unmeasured(expect: &[Expectation], outcome: &mut Outcome) {
    let missing = |e: &&Expectation| !outcome.metrics.contains_key(e.metric.as_str());
    if outcome.verdict == Verdict::Passed
        && let Some(e) = expect.iter().find(missing)
    {
        outcome.verdict = Verdict::Vacuous;
        let message = format!("`{e}` says nothing: nothing was measured for {} ({})", e.metric, e.place);
        outcome.failures.push(at_the_end(outcome, ("vacuous", "scenario"), message));
    }
}

fn at_the_end(
    outcome: &Outcome,
    (oracle, invariant): (&'static str, &'static str),
    message: String,
) -> Failure {
    Failure { oracle, invariant, time: outcome.virtual_time, event: outcome.events, message }
}

/// A measured value in the unit of its metric.
fn shown(e: &Expectation, value: u64) -> String {
    if e.unit == "ns" {
        return mirrorsim_scenario::show_about(value);
    }
    let text = Expectation { value, ..e.clone() }.to_string();
    text.rsplit(' ').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::tests::outcome;
    use mirrorsim_scenario::Op;

    fn expectation(metric: &str, op: Op, value: u64) -> Expectation {
        Expectation { metric: metric.into(), op, value, unit: "count".into(), place: "a.yaml:3".into() }
    }

    #[test]
    fn a_threshold_that_does_not_hold_is_a_failure() {
        let mut run = outcome(1);
        run.metrics.insert("lost", 2);
        assert_eq!(
            expectations(&[expectation("lost", Op::Equal, 0), expectation("lost", Op::Less, 3)], &mut run),
            2
        );
        assert_eq!(run.verdict, Verdict::Failed);
        assert_eq!(run.failures.len(), 1);
        assert_eq!(run.failures[0].message, "`lost == 0` does not hold: it is 2 (a.yaml:3)");
    }

    #[test]
    fn measured_times_can_be_read() {
        let ns = Expectation { unit: "ns".into(), ..expectation("p99_write", Op::Less, 5_000_000) };
        let shown = |value| shown(&ns, value);
        assert_eq!([0, 999, 808_160_779, 90_000_000_000].map(shown), ["0ns", "999ns", "808.16ms", "1.5m"]);
    }

    #[test]
    fn a_threshold_for_what_was_not_measured_is_vacuous() {
        let mut run = outcome(1);
        let expect = [expectation("p99_read", Op::Less, 3)];
        assert_eq!((expectations(&expect, &mut run), run.verdict), (0, Verdict::Passed));
        unmeasured(&expect, &mut run);
        assert_eq!(run.verdict, Verdict::Vacuous);
        let message = "`p99_read < 3` says nothing: nothing was measured for p99_read (a.yaml:3)";
        assert_eq!(run.failures[0].message, message);
    }

    #[test]
    fn a_run_that_was_cut_short_is_not_judged() {
        let mut run = outcome(1);
        run.verdict = Verdict::Inconclusive;
        assert_eq!(expectations(&[expectation("lost", Op::More, 3)], &mut run), 0);
        assert_eq!(run.verdict, Verdict::Inconclusive);
    }
}
