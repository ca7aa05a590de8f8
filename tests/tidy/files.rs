//! Every file is used, fresh, and of a size that one can read.

use super::{File, file, files, none, top};
use crate::cli::mirrorsim;
use std::collections::BTreeSet;

/// Above this, a file probably has two nouns in it.
const LONG: usize = 600;

#[test]
fn files_stay_short() {
    let mut wrong = Vec::new();
    for file in ["src", "sim", "tests", "benches"].iter().flat_map(|f| files(f, &[".rs"])) {
        let lines = file.text.lines().count();
        if lines > LONG {
            wrong.push(format!(
                "{}: {lines} lines; look for the noun that wants a room of its own",
                file.path
            ));
        }
    }
    none(&format!("files above {LONG} lines"), &wrong);
}

#[test]
fn every_source_file_belongs_to_a_crate() {
    let roots = ["lib.rs", "main.rs", "build.rs", "mod.rs"];
    let mut lost = Vec::new();
    for file in ["src", "sim", "tests", "benches"].iter().flat_map(|f| files(f, &[".rs"])) {
        let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        if roots.contains(&name) && name != "mod.rs" {
            continue;
        }
        let (folder, module) = match name.strip_suffix(".rs") {
            Some("mod") => folder.rsplit_once('/').unwrap_or(("", folder)),
            stem => (folder, stem.unwrap_or(name)),
        };
        let parents = [
            format!("{folder}/mod.rs"),
            format!("{folder}/lib.rs"),
            format!("{folder}/main.rs"),
            format!("{folder}.rs"),
        ];
        let line = format!("mod {module};");
        let declares = |p: &String| std::fs::read_to_string(top().join(p)).is_ok_and(|t| t.contains(&line));
        if !parents.iter().any(declares) {
            lost.push(format!("{}: no `{line}`", file.path));
        }
    }
    none("files that are never compiled", &lost);
}

/// Scenarios that people run; the others are data of tests.
fn scenarios() -> Vec<File> {
    files("scenarios", &[".yaml"])
}

/// What a shrinker has written.
fn is_regression(file: &File) -> bool {
    file.path.starts_with("scenarios/regressions/")
}

#[test]
fn every_regression_is_whole() {
    let read = |f: &File| mirrorsim_campaign::Repro::read(f.text.as_bytes(), false).err();
    let broken = scenarios().into_iter().filter(is_regression);
    let broken: Vec<String> = broken.filter_map(|f| Some(format!("{}: {}", f.path, read(&f)?))).collect();
    none("damaged regressions", &broken);
}

#[test]
fn every_scenario_has_manners() {
    let mut wrong = Vec::new();
    for file in scenarios().into_iter().filter(|f| !is_regression(f)) {
        let mut say = |what: &str| wrong.push(format!("{}: {what}", file.path));
        if !file.text.starts_with("# yaml-language-server: $schema=../scenario.schema.json\nschema: 1\n") {
            say("the first two lines name the schema (`mirrorsim new` prints them)");
        }
        if !file.text.contains("\nabout: ") {
            say("no `about:`; one or two sentences that say what it shows");
        }
        // A witness is there for the oracles.
        if !file.text.contains("\nexpect: [") && !file.path.starts_with("scenarios/planted/") {
            say("no `expect:`; what makes it more than a run without complaints?");
        }
        let base = file.path.rsplit('/').next().unwrap_or_default();
        let stem = base.trim_end_matches(".yaml");
        if let Some(name) = file.text.lines().find_map(|l| l.strip_prefix("name: ")).filter(|n| *n != stem) {
            say(&format!("`name: {name}` differs from the file's name"));
        }
    }
    none("scenarios", &wrong);
}

#[test]
fn every_scenario_has_no_mistake() {
    let found = mirrorsim(&["check", "scenarios/smoke", "scenarios/claims"]).ends(0);
    let checked = found.out.lines().filter(|l| l.contains(".yaml")).count();
    let smoke_and_claims =
        |f: &&File| f.path.starts_with("scenarios/smoke/") || f.path.starts_with("scenarios/claims/");
    assert_eq!(checked, scenarios().iter().filter(smoke_and_claims).count(), "{}", found.out);
}

#[test]
fn every_scenario_is_run_by_something() {
    let scripts: String = [file(".ci/run"), file("tests/main.rs")].iter().map(|f| f.text.as_str()).collect();
    let mut users: Vec<File> = files("tests", &[".rs", ".sh"]);
    users.extend(files(".ci", &["run", ".sh", ".py"]));
    let mut idle = Vec::new();
    for scenario in scenarios() {
        let folder = scenario.path.rsplit_once('/').map_or("", |(f, _)| f);
        if !scripts.contains(folder) && !users.iter().any(|u| u.text.contains(&scenario.path)) {
            idle.push(scenario.path);
        }
    }
    none("scenarios that neither .ci/run nor a test runs", &idle);
}

#[test]
fn every_golden_file_has_its_story() {
    let stems = |folder: &str, ending: &str| -> BTreeSet<String> {
        files(folder, &[ending]).into_iter().map(|f| f.path.trim_end_matches(ending).to_owned()).collect()
    };
    assert_eq!(
        stems("sim/scenario/tests/bad", ".yaml"),
        stems("sim/scenario/tests/bad", ".txt"),
        "broken scenarios, and what is said about them"
    );
    for story in files("tests/conversations", &[".txt"]) {
        let command = story.text.lines().find(|l| l.starts_with("trace ")).unwrap_or_default();
        let scenario = command.split(' ').nth(1).unwrap_or_default();
        assert!(top().join(scenario).is_file(), "{}: no scenario `{scenario}`", story.path);
    }
    let told: String = files("tests/conversations", &[".txt"]).into_iter().map(|f| f.text).collect();
    let silent = files("tests/conversations", &[".yaml"]).into_iter().map(|f| f.path);
    let silent: Vec<String> = silent.filter(|p| !told.contains(p.as_str())).collect();
    none("scenarios in tests/conversations that no story uses", &silent);
}

#[test]
fn every_planted_bug_has_its_witness() {
    let ids: BTreeSet<&str> = mirrorsim_planted::ROWS.iter().map(|r| r.id).collect();
    assert_eq!(ids.len(), mirrorsim_planted::ROWS.len(), "two rows of one id");
    let lost = mirrorsim_planted::ROWS.iter().filter(|r| !top().join(r.witness).is_file());
    let lost: Vec<String> = lost.map(|r| format!("{}: {}", r.id, r.witness)).collect();
    none("witnesses that do not exist", &lost);
}

#[test]
fn every_recording_is_described() {
    let readme = file("tests/data/traces/README.md").text;
    for entry in std::fs::read_dir(top().join("tests/data/traces")).expect("a folder") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_str().expect("UTF-8");
        assert!(
            name == "README.md" || readme.contains(name),
            "tests/data/traces/README.md says nothing of {name}"
        );
    }
}

/// Generated files are the ones that this build generates.
#[test]
fn schemas_are_fresh() {
    for (command, path) in [
        (&["schema"][..], "scenarios/scenario.schema.json"),
        (&["schema", "report"], "reports/report.schema.json"),
        (&["schema", "claims"], "reports/claims.schema.json"),
        (&["schema", "campaign"], "reports/campaign.schema.json"),
        (&["schema", "compare"], "reports/compare.schema.json"),
    ] {
        let printed = mirrorsim(command).ends(0).out;
        let fresh = file(path).text.trim_end() == printed.trim_end();
        assert!(fresh, "{path} is stale; run: cargo run -- {} > {path}", command.join(" "));
    }
}

#[test]
fn the_changelog_knows_this_version() {
    let version = env!("CARGO_PKG_VERSION");
    let known = file("CHANGELOG.md").text.lines().any(|l| l.starts_with(&format!("## {version}")));
    assert!(known, "CHANGELOG.md has no section `## {version}`");
}
