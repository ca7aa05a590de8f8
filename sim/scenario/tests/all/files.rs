//! The scenarios of this repository, the schema beside them, the template and the words of `explain`.

use crate::{METRICS, bless, read};
use mirrorsim_scenario::{Options, explain, explain_key, load, no_such_key, schema, template};
use std::path::{Path, PathBuf};

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios")
}

fn yaml_files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            yaml_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "yaml") {
            out.push(path);
        }
    }
}

#[test]
fn every_scenario_loads() {
    let mut files = Vec::new();
    yaml_files(&scenarios(), &mut files);
    assert!(files.len() >= 6);
    for file in files {
        let path = file.to_str().expect("path");
        let scenario = match load(path, &[], &Options::default()) {
            Ok(scenario) => scenario,
            // Recorded traces are data that a checkout need not have.
            Err(p) if p.list().iter().all(|p| p.code == "trace-missing") => continue,
            Err(problems) => panic!("{}", problems.render(false)),
        };
        assert!(!explain(&scenario).is_empty());
    }
}

#[test]
fn the_schema_is_fresh() {
    let file = scenarios().join("scenario.schema.json");
    let mut text = serde_json::to_string_pretty(&schema()).expect("schema");
    text.push('\n');
    if bless() {
        std::fs::write(&file, &text).expect("schema");
    }
    assert_eq!(
        std::fs::read_to_string(&file).unwrap_or_default(),
        text,
        "MIRRORSIM_BLESS=1 rewrites {}",
        file.display()
    );
}

#[test]
fn the_template_is_short_and_loads() {
    assert!(template("scenario.schema.json").lines().count() <= 12);
    let options = Options { metrics: METRICS, ..Options::default() };
    let scenario =
        mirrorsim_scenario::parse("new.yaml", template("scenario.schema.json").as_bytes(), &[], &options);
    let scenario = scenario.map_err(|p| p.render(false)).expect("loads");
    assert_eq!(scenario.spec.faults.len(), 2);
}

#[test]
fn keys_are_explained_or_corrected() {
    let text = explain_key("sources.link.latency").expect("key");
    assert!(
        text.contains("Time of one way.")
            && text.contains("default  50us..500us")
            && text.contains("ns, us, ms"),
        "{text}"
    );
    assert_eq!(explain_key("sources[0].link.latency"), explain_key("sources.link.latency"));
    assert!(
        explain_key("faults.when.stage").expect("key").contains("the source has sealed a partition durably")
    );
    assert!(
        explain_key("partition_size")
            .expect("a key that is there once")
            .starts_with("sources.partition_size")
    );
    let many = explain_key("lasting").expect("many");
    assert!(many.contains("several places") && many.contains("faults.cut.lasting"), "{many}");
    for typo in ["sources.link.latncy", "latncy", "", "\u{1b}[31m"] {
        assert_eq!(explain_key(typo), None, "{typo:?}");
    }
    let said = no_such_key("sources.link.latncy", &[]);
    assert!(said.contains("did you mean `sources.link.latency`"), "{said}");
    assert!(no_such_key("latncy", &[]).contains("latency"));
    let said = no_such_key("taken_ovr", &["taken_over", "degraded"]);
    assert_eq!(said, "there is no `taken_ovr`; did you mean `taken_over`?");
    assert!(!no_such_key("\u{1b}[31m", &[]).contains('\u{1b}'));
}

/// A newcomer types the last word of a key, or the word of the field.
#[test]
fn a_key_in_few_places_is_explained_in_each() {
    let both = explain_key("disaster").expect("a fault and a chance");
    assert!(both.starts_with("faults.disaster\n") && both.contains("\nprofile.disaster\n"), "{both}");
    let one = explain_key("promote").expect("a key");
    for word in ["fenced", "`damaged` is not promoted", "the stage `promoted`"] {
        assert!(one.contains(word), "{word}: {one}");
    }
    for word in ["failover", "takeover", "promotion"] {
        assert_eq!(explain_key(word).as_ref(), Some(&one), "{word}");
    }
    let outage = explain_key("faults.power_cut.restart_after").expect("a key");
    assert!(outage.contains("or until all faults are healed"), "{outage}");
    for key in ["faults.disaster.recover_after", "faults.disaster", "faults.recover"] {
        let text = explain_key(key).expect("a key");
        assert!(
            text.contains("`recover`") || text.contains("`disaster`"),
            "{key} says nothing of the other: {text}"
        );
    }
}

/// Each key of the schema has words and a default that reads, or words for what happens without it.
#[test]
fn every_key_is_documented() {
    fn walk(value: &serde_json::Value, path: &str, missing: &mut Vec<String>) {
        if let Some(properties) = value["properties"].as_object() {
            for (key, property) in properties {
                let text = property["description"].as_str().unwrap_or("");
                let tail =
                    text.contains("Default: ") || text.contains("Required.") || text.contains("Without it: ");
                if !tail || text.starts_with("Default") || text.starts_with("Required") {
                    missing.push(format!("{path}.{key}: {text}"));
                }
            }
        }
    }
    let schema = schema();
    let mut missing = Vec::new();
    for (name, definition) in schema["definitions"].as_object().expect("definitions") {
        walk(definition, name, &mut missing);
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(schema["definitions"].as_object().is_some_and(|d| d.len() > 30));
}

#[test]
fn explain_shows_units_and_the_timeline() {
    let text = "schema: 1
sources: [{name: alpha}]
faults:
  - {when: {stage: sealed, nth: 3}, disaster: {source: alpha}}
  - {at: 20ms, power_cut: {node: destination, restart_after: 5ms}}
  - {at: 5ms, cut: {direction: forward, lasting: 1ms}}
";
    let page = explain(&read(text, &[]).map_err(|p| p.render(false)).expect("loads"));
    let at = |words: &str| page.find(words).unwrap_or_else(|| panic!("no `{words}` in\n{page}"));
    assert!(
        at("at 5ms: cut the link of alpha (forward) for 1ms")
            < at("at 20ms: power cut of destination, back after 5ms")
    );
    assert!(at("at 20ms") < at("when sealed, time 3: site of alpha is lost for ever"));
    at("latency 50us..500us");
    at("largest operation 16128 bytes");
    at("about");
}
