//! The example of machines of one's own: a correct one passes, what breaks a rule is caught, and no machine of ours is needed.

#[allow(dead_code)]
#[path = "../../examples/own_machine.rs"]
mod example;

use example::Row;

#[test]
fn what_breaks_a_rule_is_caught_whoever_wrote_it() {
    let [ours, grouped, hasty, mute] = example::all();
    let first = |row: &Row| row.tally.groups_by_size().first().map(|kind| kind.signature.to_owned());
    for (row, passed) in [(&ours, 30), (&grouped, 30), (&hasty, 0), (&mute, 0)] {
        assert_eq!((row.tally.runs(), row.tally.passed, row.tally.rig), (30, passed, 0), "{}", row.name);
    }
    assert!(first(&hasty).is_some_and(|s| s.starts_with("numbering I4 ")), "{:?}", first(&hasty));
    assert!(first(&mute).is_some_and(|s| s.starts_with("liveness L1 ")), "{:?}", first(&mute));
    // It is another machine: what it holds back is seen in what clients wait for.
    let median = |row: &Row| row.latencies[row.latencies.len() / 2];
    assert!(median(&grouped) > median(&ours) + 100_000, "{} {}", median(&grouped), median(&ours));
}
