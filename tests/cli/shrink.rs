//! `shrink`: from a red run to a file that fails in the same way.

use super::{FIRST, file, mirrorsim, scratch, text, top};

const SOUND: &str = "schema: 1\nsources: [{name: alpha}]\nclients: [{operations: 5}]\n";

#[test]
fn a_failing_seed_becomes_a_small_scenario_that_fails() {
    let small = file("shrunk", "other.yaml", "").with_file_name("small.yaml");
    let path = top().join(FIRST);
    let said =
        mirrorsim(&["shrink", text(&path), "--seed", "1", "--plant", "P10", "--out", text(&small)]).ends(0);
    let said = said.says("to stay: numbering I4").says("to 0 and 1");
    let line = said.out.lines().last().expect("a last line").to_owned();
    assert_eq!(line, format!("mirrorsim replay {}", text(&small)));
    let written = std::fs::read_to_string(&small).expect("a scenario");
    assert!(written.starts_with("# Seed 1 of ") && written.contains("# What happens:"), "{written}");
    mirrorsim(&["check", text(&small)]).ends(0);
    mirrorsim(&["replay", text(&small)]).ends(1).says("numbering (I4)").says("reproduced, same digest");
    // It is a scenario, too, and its runs have the digest that is recorded.
    let red =
        mirrorsim(&["run", text(&small), "--plant", "P10", "--no-report"]).ends(1).says("numbering (I4)");
    // The token of the small one can be reduced, too, to itself.
    let token =
        red.out.lines().last().and_then(|l| l.strip_prefix("mirrorsim replay ")).expect("a token").to_owned();
    let smaller = small.with_file_name("smaller.yaml");
    let said = mirrorsim(&["shrink", &token, "--out", text(&smaller), "--message-format", "json"]).ends(0);
    let last = said.objects().pop().expect("an object");
    assert_eq!((&last["type"], &last["to"]["operations"]), (&"shrunk".into(), &1.into()));
    // All was tried, whatever the budget has become meanwhile; and without one nothing was.
    assert_eq!(last["cut_short"], false);
    let out = small.with_file_name("none.yaml");
    mirrorsim(&["shrink", &token, "--budget", "1ms", "--out", text(&out)]).ends(0).says("the budget ended");
    let out = small.with_file_name("same.yaml");
    mirrorsim(&["shrink", &token, "--out", text(&out)])
        .ends(0)
        .says("all was tried, and nothing less fails so");
    mirrorsim(&["shrink", &token, "--out", text(&smaller)]).ends(2).complains("there already");
}

/// What a profile drew is written out although some of it had no effect, and although the scenario alone cannot tell that
/// it is within the model: else the profile stays, and with it all that it draws.
#[test]
fn drawn_faults_are_left_out_one_by_one() {
    for (threshold, most) in [("recoveries == 0", 2), ("alarms < 3", 4)] {
        let scenario = format!(
            "schema: 1\nsources: [{{count: 2, partition_size: 8KiB}}]\nprofile: swarm\ncheck: end\nclients:\n  \
             - {{source: alpha, operations: 60, mix: {{write: 50, add: 40, read: 10}}, sizes: 1B..1KiB}}\n  \
             - {{source: beta, operations: 60, mix: {{write: 60, write_zeroes: 10, add: 30}}, sizes: 1B..1KiB}}\n\
             expect: [\"{threshold}\"]\n"
        );
        let path = file(&format!("shrunk_drawn_{most}"), "drawn.yaml", &scenario);
        let mut red = 0;
        for seed in 1..=10 {
            let small = path.with_file_name(format!("small_{seed}.yaml"));
            let seed = seed.to_string();
            mirrorsim(&["shrink", text(&path), "--seed", &seed, "--budget", "10m", "--out", text(&small)]);
            let Ok(written) = std::fs::read_to_string(&small) else { continue };
            red += 1;
            let faults = written.lines().filter(|l| l.starts_with("  - {when:") || l.starts_with("  - {at:"));
            assert!(!written.contains("\nprofile: "), "{written}");
            assert!(faults.count() <= most, "{written}");
            // Its story has no line of the text that stood there before it.
            let place = format!("small_{seed}.yaml:");
            assert!(!written.lines().any(|l| l.starts_with("# ") && l.contains(&place)), "{written}");
            // Whatever it says, it loses nothing that the original has not lost.
            mirrorsim(&["replay", text(&small)]).ends(1).says(", 0 lost\n");
        }
        assert!(red > 0, "`{threshold}` holds in all seeds");
    }
}

/// A server that stays away makes everything slow, which fails with the same words and is another failure.
#[test]
fn what_is_slow_once_does_not_become_what_is_down_for_good() {
    let scenario = "schema: 1\nsources: [{name: alpha, partition_size: 8KiB}]\nclients: [{operations: 200, mix: {write: 70, \
                    add: 20, read: 10}, sizes: 1B..1KiB}]\nfaults:\n  - {when: {stage: apply_journaled, nth: 2}, \
                    power_cut: {node: destination, restart_after: 5ms}}\n  - {when: {stage: sealed, nth: 4}, \
                    disaster: {source: alpha}}\nexpect: [\"p99_write < 20ms\"]\n";
    let path = file("shrunk_slow", "slow.yaml", scenario);
    let small = path.with_file_name("small.yaml");
    mirrorsim(&["shrink", text(&path), "--seed", "2", "--budget", "10m", "--out", text(&small)]).ends(0);
    let written = std::fs::read_to_string(&small).expect("a scenario");
    assert!(written.contains("restart_after: "), "{written}");
}

/// Of a run that did not come to its end nobody has counted what came: what was to come is told.
#[test]
fn what_panics_has_a_size() {
    let small = scratch("shrunk_panic").join("new/folder/small.yaml");
    let all = ["shrink", FIRST, "--seed", "1", "--plant", "X1", "--budget", "10m", "--out", text(&small)];
    let said = mirrorsim(&all).ends(0).says("from 2 faults and 200 operations to 0 and ");
    said.complains("new/folder created");
}

#[test]
fn a_seed_that_passes_is_not_reduced() {
    let path = file("shrink_sound", "sound.yaml", SOUND);
    mirrorsim(&["shrink", text(&path), "--seed", "1"]).ends(1).says("does not fail");
}

/// What is stamped anew is another payload; zeros are written out, for what only they break.
#[test]
fn payloads_of_zeros_stay_zeros() {
    let scenario = "schema: 1\nsources: [{name: alpha, partition_size: 4KiB}]\nclients: [{operations: 60, zero_payload: 20%, range: {length: 4KiB}}]\n";
    let path = file("shrunk_zeros", "zeros.yaml", scenario);
    let small = path.with_file_name("small.yaml");
    let all =
        ["shrink", text(&path), "--seed", "1", "--check", "end", "--plant", "P25", "--out", text(&small)];
    mirrorsim(&all).ends(0).says("from 0 faults and 60 operations to 0 and 2");
    assert!(std::fs::read_to_string(&small).expect("a scenario").contains("zeros: true"));
    mirrorsim(&["replay", text(&small)]).ends(1).says("reproduced, same digest");
}
