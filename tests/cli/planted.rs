//! The kill table: what it says, what it returns, and that an interrupt loses nothing.

use super::*;

/// A table of few bugs and seeds.
fn small(out: &Path, more: &[&str]) -> Said {
    let few = ["planted", "--only", "P10,P12", "--blocks", "2", "--seeds", "4", "--report-dir", text(out)];
    mirrorsim(&[&few, more].concat())
}

#[test]
fn the_table_names_bug_oracle_seeds_and_witness() {
    let out = scratch("kills");
    let said = small(&out, &["--jobs", "1"]).ends(0);
    assert!(said.out.lines().any(|l| l.starts_with("P10   yes     numbering ")), "{}", said.out);
    let said =
        said.says("scenarios/smoke/first_run.yaml, seed 0").says("2 of 2 caught").says("catches alone");
    // Everything is known already.
    let again = small(&out, &["--resume"]).ends(0);
    let table =
        |said: &Said| said.out.lines().filter(|l| !l.ends_with(" wall")).collect::<Vec<_>>().join("\n");
    assert_eq!(table(&again), table(&said));
    // Of other runs nothing is taken over.
    let other = ["planted", "--only", "P10", "--seeds", "5", "--resume", "--report-dir", text(&out)];
    mirrorsim(&other).ends(2).complains("is of other runs");
}

#[test]
fn half_a_line_costs_one_block() {
    let out = scratch("kills_half");
    let first = small(&out, &["--skip-oracles"]).ends(0).out;
    let path = out.join("planted.jsonl");
    let text = std::fs::read_to_string(&path).expect("a ledger");
    std::fs::write(&path, &text[..text.len() - 20]).expect("written");
    let said = small(&out, &["--skip-oracles", "--resume", "--message-format", "json"]).ends(0);
    let blocks = said.objects().iter().filter(|o| o["type"] == "block").count();
    assert_eq!(blocks, 1);
    let again = small(&out, &["--skip-oracles", "--resume"]).ends(0).out;
    assert_eq!(again.lines().next(), first.lines().next());
    assert_eq!(again.lines().nth(2), first.lines().nth(2));
}

#[test]
fn a_table_is_compared_with_an_earlier_one() {
    let out = scratch("kills_compared");
    let said = small(&out, &["--skip-oracles", "--message-format", "json"]).ends(0);
    let object = said.objects().into_iter().find(|o| o["type"] == "planted_table").expect("a table");
    let mut table = object["table"].clone();
    let path = out.join("before.json");
    let compare = format!("--compare={}", text(&path));
    let write = |table: &serde_json::Value| std::fs::write(&path, table.to_string()).expect("written");
    write(&table);
    small(&out, &["--skip-oracles", "--resume", &compare]).ends(0).complains("2 bugs compared");
    // As if it had been caught by every first seed ten times sooner than can be.
    table["kills"][0]["seeds"]["median"] = 0.into();
    write(&table);
    let said = small(&out, &["--skip-oracles", "--resume", &compare]).ends(1);
    said.complains("against the baseline: P10 is caught after 1 seed; it was after 0");
    std::fs::write(&path, "{}").expect("written");
    small(&out, &["--skip-oracles", "--resume", &compare]).ends(3).complains("is no such table");
    let baseline = format!("--write-baseline={}", text(&path));
    small(&out, &[&baseline]).ends(2).complains("for the whole table");
}

#[cfg(unix)]
#[test]
fn a_table_that_is_killed_goes_on() {
    let out = scratch("kills_killed");
    let arguments = ["planted", "--only", "P10,P12,P27", "--blocks", "4", "--seeds", "40", "--skip-oracles"];
    // On many processors all of it would be done at once.
    let arguments = [&arguments[..], &["--jobs", "2", "--report-dir", text(&out)]].concat();
    let path = out.join("planted.jsonl");
    let lines = || std::fs::read_to_string(&path).unwrap_or_default().lines().count();
    for signal in ["-INT", "-KILL"] {
        let mut running = command(&[&arguments[..], &["--resume"]].concat());
        let mut running =
            running.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the command starts");
        let before = lines();
        for _ in 0..12000 {
            if lines() > before.max(1) + 2 || running.try_wait().expect("a child").is_some() {
                break;
            }
            signals::pause(25);
        }
        let _ = Command::new("kill").args([signal, &running.id().to_string()]).status();
        let _ = running.wait();
        assert!(lines() > before, "nothing was noted before {signal}");
    }
    let done = lines();
    let said = mirrorsim(&[&arguments[..], &["--resume", "--message-format", "json"]].concat()).ends(0);
    let new = said.objects().iter().filter(|o| o["type"] == "block").count();
    assert!(new + done <= 1 + 1 + 3 + 3 * 2 * 4, "{new} blocks after {done} lines: some were run twice");
    let straight = scratch("kills_straight");
    let arguments = [&arguments[..8], &["--report-dir", text(&straight)]].concat();
    let table = |said: Said| {
        let table = said.objects().into_iter().find(|o| o["type"] == "planted_table").expect("a table");
        table["table"]["kills"].clone()
    };
    let straight = mirrorsim(&[&arguments[..], &["--message-format", "json"]].concat()).ends(0);
    assert_eq!(table(said), table(straight));
}
