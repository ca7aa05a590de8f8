//! The rows of the list of bad inputs, by number: what the text alone shows. Each input with words that its messages
//! must have.
#![expect(clippy::disallowed_methods, reason = "how long a refusal takes is what is tested")]

use crate::read;
use std::time::{Duration, Instant};

pub(crate) const HEAD: &str = "schema: 1\nsources: [{name: alpha}]\n";

/// Every input is refused, and all words are in the messages.
pub(crate) fn refused(rows: &[(&str, &str, &[&str])]) {
    for (row, text, words) in rows {
        let problems = match read(text, &[]) {
            Ok(_) => panic!("row {row}: accepted:\n{text}"),
            Err(problems) => problems.render(false),
        };
        for word in *words {
            assert!(problems.contains(word), "row {row}: no `{word}` in\n{problems}");
        }
    }
}

/// The same below a head with one source.
pub(crate) fn refused_below(rows: &[(&str, &str, &[&str])]) {
    for (row, text, words) in rows {
        refused(&[(row, &format!("{HEAD}{text}\n"), words)]);
    }
}

pub(crate) fn accepted(text: &str) {
    if let Err(problems) = read(text, &[]) {
        panic!("refused:\n{text}\n{}", problems.render(false));
    }
}

pub(crate) fn accepted_below(text: &str) {
    accepted(&format!("{HEAD}{text}\n"));
}

#[test]
fn nothing_at_all_is_called_empty() {
    let words: &[&str] = &["the scenario is empty", "schema: 1", "sources: [{name: alpha}]"];
    refused(&[("1", "", words), ("1", "# only this\n", words), ("1", "---\n", words), ("1", "~", words)]);
    refused(&[("1", "[1, 2]", &["a scenario is a map"]), ("1", "words", &["a scenario is a map"])]);
}

#[test]
fn other_encodings_are_named_with_the_byte() {
    let render = |bytes: &[u8]| read(bytes, &[]).expect_err("bad").render(false);
    assert!(render(b"schema: 1\xff").contains("byte 9 is 0xff"));
    assert!(render(b"sch\0ema: 1").contains("NUL at byte 3"));
    assert!(render(b"\xff\xfes\0c\0").contains("UTF-16"));
    assert!(render(b"schema: 1 # \xe2\x80\xae").contains("U+202E at byte 12"));
    assert!(render(b"schema: 1 # \x1b[31m").contains("U+001B at byte 12"));
    accepted(&format!("\u{feff}{HEAD}"));
}

#[test]
fn tabs_are_explained_and_crlf_is_accepted() {
    refused(&[
        ("3", "schema: 1\nprotocol:\n\tpartitions: 3\n", &["test.yaml:3:1", "use spaces"]),
        ("3", "schema: 1\nprotocol:\n  ack: file\n\tpartitions: 3\n", &["test.yaml:4:1", "use spaces"]),
        ("3", "schema: 1\nbudget: {idle: 5}\r\n", &["test.yaml:2:16"]),
    ]);
    accepted(&HEAD.replace('\n', "\r\n"));
    refused(&[
        ("3", "schema: 1\nsources:\n  -\tname: alpha\n", &["test.yaml:3:4", "use spaces"]),
        ("3", "schema: 1\nsources: [{name:\talpha}]\n", &["test.yaml:2:", "use spaces"]),
    ]);
}

#[test]
fn a_billion_laughs_end_at_once() {
    let mut text = String::from("x-0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n");
    for i in 1..10 {
        let all = vec![format!("*a{}", i - 1); 10].join(", ");
        text.push_str(&format!("x-{i}: &a{i} [{all}]\n"));
    }
    refused(&[("4", &format!("{HEAD}{text}"), &["aliases expand to more than", "test.yaml:7:"])]);
}

#[test]
fn anchors_and_merge_keys_work() {
    let text = "schema: 1
x-link: &slow {latency: 5ms, loss: 1%}
sources:
  - &one {name: alpha, link: {<<: *slow, loss: 2%}}
  - {<<: *one, name: beta}
clients: [{source: alpha}, {source: beta}]
";
    let spec = read(text, &[]).map_err(|p| p.render(false)).expect("loads").spec;
    assert_eq!(spec.sources[1].name, "beta");
    assert_eq!(spec.sources[1].link.latency.min, 5_000_000);
    assert_eq!(spec.sources[1].link.loss.0, ((2u64 << 32) + 50) / 100);
    refused_below(&[
        ("4", "x-a: &a [*a]", &["contains itself: a -> a"]),
        ("4", "x-a: &slow {a: 1}\nx-b: *slwo", &["no anchor `&slwo`", "did you mean `*slow`"]),
        ("4", "protocol: {<<: 5}", &["only maps can be merged"]),
    ]);
}

#[test]
fn a_key_of_the_scenario_in_another_place_is_told_where_it_belongs() {
    refused_below(&[("6", "faults: [{profile: network}]", &["`profile` is a key of the scenario itself"])]);
}

#[test]
fn a_mistake_behind_an_anchor_is_told_once() {
    let text = "schema: 1\nx-l: &l {latency: 5}\nsources: [{name: a1, link: *l}, {name: a2, link: *l}]\n";
    let problems = read(text, &[]).expect_err("bad");
    assert_eq!(problems.list().len(), 1, "{}", problems.render(false));
}

#[test]
fn deep_nesting_is_refused() {
    for text in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
        "? ".repeat(100_000),
        "a:\n ".repeat(70),
    ] {
        assert!(read(&text, &[]).is_err());
    }
    refused(&[("5", &"[".repeat(100_000), &["nested deeper than 64 levels"])]);
    refused(&[("5", &"- ".repeat(65), &["nested deeper than 64 levels"])]);
}

#[test]
fn a_megabyte_of_anything_is_answered_soon() {
    let fill = |line: &str| line.repeat((1 << 20) / line.len() - 10);
    let mut keys = String::new();
    (0..90_000).for_each(|i| keys.push_str(&format!("k{i}: 1\n")));
    for text in [
        fill("[]\n"),
        fill("a: 1\n"),
        keys,
        format!("{HEAD}clients:\n{}", fill("- {}\n")),
        format!("{HEAD}faults:\n{}", fill("- {}\n")),
        format!("{HEAD}faults:\n{}", fill("- {at: 1ms, damage: {image_block: {}}}\n")),
        format!("{HEAD}clients: [{{script: [{}]}}]\n", fill("{read: {offset: 0, length: 1}},")),
        format!("{HEAD}expect: [{}]\n", fill("losd,")),
        format!("{HEAD}about: {}\n", fill("x")),
    ] {
        let start = Instant::now();
        let _ = read(&text, &[]).map_err(|p| p.render(true));
        // A second, on a machine that is busy several; minutes if anything is done for each pair of lines.
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}: {}", start.elapsed(), &text[..60]);
    }
}

#[test]
fn a_list_has_its_limit() {
    let list = |n: usize| format!("{HEAD}x-list: [{}]\n", "1,".repeat(n));
    accepted(&list(20_000));
    refused(&[(
        "32",
        &list(20_001),
        &["more than 20000 elements in one list", "test.yaml:3:40010", "`count:`"],
    )]);
}

#[test]
fn files_that_are_none_are_named() {
    let load = |path: &str| {
        let problems = mirrorsim_scenario::load(path, &[], &mirrorsim_scenario::Options::default());
        problems.expect_err("bad").render(false)
    };
    assert!(load(env!("CARGO_MANIFEST_DIR")).contains("is a directory"));
    assert!(load("/dev/zero").contains("larger than 1048576 bytes"));
    let absent = load("no/such/file.yaml");
    assert!(
        absent.starts_with("error: no/such/file.yaml: cannot read the scenario: no such file"),
        "{absent}"
    );
    assert!(!absent.contains("os error"), "{absent}");
    assert!(read("a".repeat((1 << 20) + 1), &[]).is_err());
}

#[test]
fn keys_are_known_and_there_once() {
    refused(&[
        (
            "7",
            "schema: 1\nsources: [{name: alpha}]\nschema: 1\n",
            &["`schema` twice", "test.yaml:3:1", "first here", "1 | schema"],
        ),
        (
            "8",
            "schema: 1\nsources: [{name: alpha, partion_size: 4KiB}]\n",
            &["unknown key", "did you mean `partition_size`"],
        ),
        ("8", "schema: 1\nsource: [{name: alpha}]\n", &["did you mean `sources`"]),
        ("8", "schema: 1\n", &["`sources` is missing"]),
        ("9", "schema: 1\nsources: 3\n", &["sources: wrong type", "got `3`", "want a list"]),
        ("9", "schema: 1\nsources: {name: alpha}\n", &["got a map", "want a list"]),
    ]);
    let fold = read("schema: 1\nsourcs: [{name: alpha}]\n", &[]).expect_err("bad");
    assert_eq!(fold.list().len(), 1, "missing and misspelt are one mistake:\n{}", fold.render(false));
}

#[test]
fn scalars_are_strict() {
    for bad in [
        "no", "1:30", "0o17", "1_000", "1e3", ".inf", "~", "\"3\"", "3.0", "-1", "0x10", "017", "true", "٣",
        "[3]",
    ] {
        refused_below(&[(
            "10",
            &format!("protocol: {{partitions: {bad}}}"),
            &["protocol.partitions", "got"],
        )]);
    }
    for bad in ["no", "yes", "True", "1", "on", "~", "\"true\""] {
        refused_below(&[("10", &format!("beyond_model: {bad}"), &["beyond_model: neither true nor false"])]);
    }
    for bad in ["no", "123", "1.5", "null", "0x1", "1:30"] {
        refused_below(&[("10", &format!("name: {bad}"), &["name: not a text"])]);
        accepted_below(&format!("name: \"{}\"", bad.replace(':', "-")));
    }
}

#[test]
fn durations_have_a_unit_and_a_limit() {
    for bad in [".nan", "inf", "-5ms", "1e400s", "10 parsecs", "5", "~", "''", "5 ms s", "1,5ms"] {
        refused_below(&[(
            "11",
            &format!("budget: {{idle: {bad}}}"),
            &["budget.idle: not a duration", "ns, us, ms, s, m, h"],
        )]);
    }
    for long in ["999999999999h".to_owned(), format!("{}s", "9".repeat(60))] {
        refused_below(&[("12", &format!("budget: {{idle: {long}}}"), &["the longest duration is 8760h"])]);
    }
    refused_below(&[("20", &format!("budget: {{memory: {}}}", "9".repeat(60)), &["the largest size is"])]);
    accepted_below("budget: {idle: 1.5 s}");
}

#[test]
fn versions_and_documents_are_not_guessed() {
    refused(&[
        (
            "30",
            "schema: 2\nfuture: true\n",
            &["this file has version 2", "want version 1", "newer mirrorsim"],
        ),
        ("30", "schema: 0\nsources: [{}]\n", &["this file has version 0"]),
        ("30", "sources: [{name: alpha}]\n", &["`schema` is missing", "`schema: 1`"]),
        (
            "31",
            "schema: 1\nsources: [{}]\n---\nschema: 1\n",
            &["a second document starts here", "test.yaml:3:1"],
        ),
        ("31", "schema: 1\nsources: [{nme: a}]\n---\n", &["a second document", "did you mean `name`"]),
    ]);
}

#[test]
fn all_mistakes_come_in_one_pass_in_the_order_of_the_file() {
    let text = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bad/many.yaml")).expect("file");
    let problems = read(&text, &[]).expect_err("bad");
    let lines: Vec<usize> = problems.list().iter().map(|p| p.line).collect();
    assert!(lines.len() >= 25, "{lines:?}");
    assert!(lines.is_sorted(), "{lines:?}");
}
