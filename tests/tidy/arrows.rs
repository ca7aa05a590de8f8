//! The Cargo graph: who may use whom. Read from the manifests, so that it is a fact and not a habit.

use super::{File, file, files, none};
use std::collections::{BTreeMap, BTreeSet};

/// Folder, crate, and the crates of this workspace that it may use. A line may only name crates above it.
const ARROWS: &[(&str, &str, &[&str])] = &[
    ("", "mirror", &[]),
    ("sim/engine/", "mirrorsim-engine", &[]),
    ("sim/oracle/", "mirrorsim-oracle", &[]),
    ("sim/world/", "mirrorsim-world", &["mirror", "mirrorsim-engine", "mirrorsim-oracle"]),
    ("sim/planted/", "mirrorsim-planted", &["mirror", "mirrorsim-world"]),
    ("sim/scenario/", "mirrorsim-scenario", &["mirror", "mirrorsim-world"]),
    ("sim/campaign/", "mirrorsim-campaign", &["mirrorsim-world", "mirrorsim-planted", "mirrorsim-scenario"]),
    ("sim/report/", "mirrorsim-report", &["mirrorsim-world", "mirrorsim-campaign"]),
    (
        "sim/cli/",
        "mirrorsim",
        &[
            "mirror",
            "mirrorsim-world",
            "mirrorsim-planted",
            "mirrorsim-scenario",
            "mirrorsim-campaign",
            "mirrorsim-report",
        ],
    ),
    ("benches/", "mirrorsim-benches", &[]),
];

/// The crates whose purity is the point: nobody above them may be needed even to test them.
const LEAVES: &[&str] = &["mirror", "mirrorsim-engine", "mirrorsim-oracle"];

/// Names in sections of a manifest whose headers end in `kind`; `[dependencies.x]` counts, too.
fn dependencies(manifest: &File, kind: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut inside = false;
    for line in manifest.text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            let header = header.trim_end_matches(']');
            let (section, name) = match header.rsplit_once(&format!("{kind}.")) {
                Some((before, name)) => (format!("{before}{kind}"), Some(name)),
                None => (header.to_owned(), None),
            };
            let ours =
                section == kind || (section.starts_with("target.") && section.ends_with(&format!(".{kind}")));
            inside = ours && name.is_none();
            names.extend(name.filter(|_| ours).map(str::to_owned));
        } else if inside && line.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
            names.insert(name.to_owned());
        }
    }
    names
}

fn manifest(folder: &str) -> File {
    file(&format!("{folder}Cargo.toml"))
}

fn of_workspace(names: BTreeSet<String>) -> BTreeSet<String> {
    names.into_iter().filter(|n| ARROWS.iter().any(|(_, name, _)| name == n)).collect()
}

#[test]
fn every_crate_is_in_the_table() {
    let manifests: BTreeSet<String> = files("", &["Cargo.toml"]).into_iter().map(|m| m.path).collect();
    let table = ARROWS.iter().map(|(folder, _, _)| format!("{folder}Cargo.toml")).collect();
    assert_eq!(manifests, table, "manifests, and those in tests/tidy/arrows.rs");
    for (folder, name, _) in ARROWS {
        let line = format!("name = \"{name}\"");
        assert!(manifest(folder).text.contains(&line), "{folder}Cargo.toml: no line `{line}`");
    }
}

#[test]
fn arrows_are_never_reversed() {
    let mut wrong = Vec::new();
    for (folder, name, allowed) in ARROWS {
        for kind in ["dependencies", "build-dependencies"] {
            let used = of_workspace(dependencies(&manifest(folder), kind));
            wrong.extend(
                used.iter().filter(|u| !allowed.contains(&u.as_str())).map(|u| format!("{name} uses {u}")),
            );
        }
    }
    none("arrows that ARCHITECTURE.md does not have", &wrong);
}

#[test]
fn the_table_itself_has_no_cycle() {
    let places: BTreeMap<&str, usize> =
        ARROWS.iter().enumerate().map(|(i, (_, name, _))| (*name, i)).collect();
    for (i, (_, name, allowed)) in ARROWS.iter().enumerate() {
        for used in *allowed {
            assert!(places[used] < i, "{name} stands above {used}, which it may use");
        }
    }
}

#[test]
fn tests_use_only_crates_below() {
    let places: BTreeMap<&str, usize> =
        ARROWS.iter().enumerate().map(|(i, (_, name, _))| (*name, i)).collect();
    let mut wrong = Vec::new();
    for (i, (folder, name, _)) in ARROWS.iter().enumerate() {
        for used in of_workspace(dependencies(&manifest(folder), "dev-dependencies")) {
            if places[used.as_str()] > i || LEAVES.contains(name) {
                wrong.push(format!("the tests of {name} use {used}"));
            }
        }
    }
    none("dev-dependencies against the arrows", &wrong);
}

#[test]
fn the_protocol_has_few_and_small_dependencies() {
    let all = ["bytes", "smallvec", "xxhash-rust"].map(str::to_owned);
    assert_eq!(dependencies(&manifest(""), "dependencies"), all.clone().into(), "of `mirror`");
    let workspace = &file("Cargo.toml").text;
    for name in all {
        let line = workspace.lines().find(|l| l.starts_with(&format!("{name} = {{")));
        let line = line.unwrap_or_else(|| panic!("no line `{name} = {{...` in Cargo.toml"));
        assert!(line.contains("default-features = false"), "std may come in through: {line}");
    }
}

#[test]
fn what_determinism_rests_on_is_pinned() {
    for name in ["rand", "rand_chacha", "xxhash-rust"] {
        let text = &file("Cargo.toml").text;
        assert!(
            text.contains(&format!("{name} = {{ version = \"=")),
            "`{name}` is not pinned to one version"
        );
    }
}

#[test]
fn there_is_one_command() {
    let mains: Vec<String> = files("", &["main.rs"]).into_iter().map(|f| f.path).collect();
    let bins: Vec<&String> =
        mains.iter().filter(|p| p.ends_with("src/main.rs") || p.contains("/src/bin/")).collect();
    assert_eq!(bins, ["sim/cli/src/main.rs"], "a second binary breaks `cargo run`");
    let named = files("", &["Cargo.toml"]).iter().map(|m| m.text.matches("[[bin]]").count()).sum::<usize>();
    assert_eq!(named, 1, "sections [[bin]] in the workspace");
}

#[test]
fn every_crate_obeys_the_lints() {
    let lax: Vec<String> = files("", &["Cargo.toml"])
        .into_iter()
        .filter(|m| !m.text.contains("[lints]\nworkspace = true"))
        .map(|m| m.path)
        .collect();
    none("manifests without `[lints] workspace = true`", &lax);
    assert!(
        file("Cargo.toml").text.contains("unsafe_code = \"forbid\""),
        "unsafe code is not forbidden any more"
    );
    assert!(!file("Cargo.toml").text.contains("panic = \"abort\""), "one panic must not end a campaign");
}
