//! The README: what it shows is what the commands print, and what it says to type can be typed.

use super::*;

/// Fenced blocks of the README that have a language or none, in order.
fn blocks(readme: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut current: Option<(bool, String)> = None;
    for line in readme.lines() {
        match (&mut current, line.strip_prefix("```")) {
            (None, Some(name)) => current = Some((name == language, String::new())),
            (Some(_), Some(_)) => {
                found.extend(current.take().filter(|(wanted, _)| *wanted).map(|(_, text)| text))
            }
            (Some((_, text)), None) => *text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    found
}

/// A block without what differs from machine to machine, or with every change of a source: wall times and what
/// follows from them, in the token the hash of the sources and the sum, and whether the committed evidence is of others.
fn lasting(block: &str) -> String {
    let line = |line: &str| {
        let line = line.trim_end_matches(" (of other sources)");
        let line = match line.split_once(" virtual, ") {
            Some((before, after)) => {
                let events =
                    after.split_once("; ").map_or("", |(_, e)| e.split(" (").next().unwrap_or_default());
                format!("{before} virtual, {events}")
            }
            None => line.to_owned(),
        };
        match line.split_once("ms1:") {
            Some((before, token)) => {
                let mut fields: Vec<&str> = token.split(':').collect();
                fields.pop();
                if fields.len() > 3 {
                    fields[3] = "build";
                }
                format!("{before}ms1:{}", fields.join(":"))
            }
            None => line,
        }
    };
    block.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn golden_blocks_of_the_readme_are_what_the_commands_print() {
    let path = top().join("README.md");
    let mut readme = std::fs::read_to_string(&path).expect("a README");
    let bad = file("readme", "bad.yaml", "schema: 1\nsources: [{name: alpha, partion_size: 8KiB}]\n");
    let out = scratch("readme_reports");
    let run = |more: &[&str]| {
        let said = mirrorsim(&[&["run", FIRST, "--report-dir", text(&out)], more].concat());
        said.out.replace(text(&out), "reports/out")
    };
    let refused = command(&["check", "bad.yaml"]).current_dir(bad.parent().expect("a folder")).output();
    let refused = Said::of(&refused.expect("the command starts")).ends(2).err;
    let promoted = mirrorsim(&["run", "scenarios/life/promoted.yaml", "--no-report"]).ends(0).out;
    let of_it =
        |l: &&str| ["recovery", "promotion", "adoption"].iter().any(|w| l.starts_with(&format!("  {w} ")));
    let promoted: String = promoted.lines().filter(of_it).map(|l| format!("{l}\n")).collect();
    let said = |start: &str| {
        let line = readme.lines().find(|l| l.starts_with(start)).expect("its command");
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        mirrorsim(&words).ends(0).out
    };
    let timeline = said("mirrorsim trace scenarios/life/given_back.yaml");
    let adopted =
        mirrorsim(&["run", "scenarios/claims/claim_19_second_source.yaml", "--no-report"]).ends(0).out;
    let adopted: String = adopted.lines().filter(of_it).map(|l| format!("{l}\n")).collect();
    let claims = ["run", "scenarios/claims", "--seed", "1", "--claims", "--no-report"];
    let claims = mirrorsim(&claims).ends(0).out;
    let claims: String =
        claims.lines().skip_while(|l| !l.starts_with("claim ")).map(|l| format!("{l}\n")).collect();
    let printed = [run(&[]), run(&["--plant", "P10"]), refused, promoted, timeline, adopted, claims];
    let shown = blocks(&readme, "");
    assert_eq!(shown.len(), printed.len(), "blocks of output in the README");
    let mut stale = Vec::new();
    for (shown, printed) in shown.iter().zip(&printed) {
        if lasting(shown) != lasting(printed) {
            readme = readme.replace(shown, printed);
            stale.push(printed.as_str());
        }
    }
    if std::env::var_os("MIRRORSIM_BLESS").is_some() {
        std::fs::write(&path, readme).expect("written");
    } else {
        assert!(
            stale.is_empty(),
            "the README shows something else; MIRRORSIM_BLESS=1 rewrites it:\n{}",
            stale.join("\n")
        );
    }
}

#[test]
fn the_scenario_of_the_readme_runs() {
    let readme = std::fs::read_to_string(top().join("README.md")).expect("a README");
    let yaml = blocks(&readme, "yaml");
    assert_eq!(yaml.len(), 2);
    let adoption = std::fs::read_to_string(top().join("scenarios/claims/claim_19_second_source.yaml"));
    assert!(adoption.expect("a scenario").contains(&yaml[1]), "the README shows another adoption");
    assert!(yaml[0].lines().count() <= 12);
    fed(&["run", "-", "--no-report", "--check", "end"], &yaml[0]).ends(0).says("PASSED");
}

/// Every command of the five minutes, with fewer seeds; many scenarios are only read.
#[test]
fn what_the_readme_says_to_type_can_be_typed() {
    let readme = std::fs::read_to_string(top().join("README.md")).expect("a README");
    let folder = scratch("readme_typed");
    #[cfg(unix)]
    std::os::unix::fs::symlink(top().join("scenarios"), folder.join("scenarios")).expect("a link");
    let lines: Vec<String> = blocks(&readme, "sh").concat().lines().map(str::to_owned).collect();
    let lines =
        lines.iter().filter_map(|l| l.strip_prefix("mirrorsim ")).filter(|l| !l.starts_with("replay"));
    let mut typed = 0;
    for line in lines {
        let line = line.split(" #").next().unwrap_or(line).trim();
        let line = line.replace("1..=100000", "1..=2").replace("1..=100", "1..=2");
        // All of it takes most of an hour.
        let line = line.replace("planted --write-baseline", "planted --only P10 --blocks 1 --seeds 20");
        let mut words: Vec<&str> = line.split_whitespace().collect();
        if line.contains("scenarios/claims") {
            words = vec!["check", "scenarios/smoke", "scenarios/claims"];
        }
        let output = command(&words).current_dir(&folder).output().expect("the command starts");
        let said = Said::of(&output);
        // Only one of the four shards is run.
        let code = match words[0] {
            "merge" => 5,
            // The two runs differ.
            "diff" => 1,
            _ => 0,
        };
        assert_eq!(said.code, code, "{line}:\n{}{}", said.out, said.err);
        typed += 1;
    }
    assert!(typed > 8, "{typed} commands");
}

/// What it says of the committed evidence is what that says.
#[test]
fn the_figures_of_the_readme_are_those_of_the_baselines() {
    let read = |path: &str| std::fs::read_to_string(top().join(path)).expect("a text");
    let json = |path: &str| -> serde_json::Value { serde_json::from_str(&read(path)).expect("JSON") };
    let readme = read("README.md").split_whitespace().collect::<Vec<_>>().join(" ");
    let (table, alarms) =
        (json("reports/baseline/planted.json"), json("reports/baseline/no_false_alarm.json"));
    let rows = table["kills"].as_array().expect("rows");
    let caught = rows.iter().filter(|row| row["caught"] == true).count();
    let oracles = table["oracles"].as_array().expect("oracles").len();
    let scenarios = alarms["scenarios"].as_array().expect("scenarios").len();
    let count = |n: &serde_json::Value| mirrorsim_report::count(n.as_u64().expect("a number"));
    for figure in [
        format!("`{caught} of {} caught`", rows.len()),
        format!("Each of the {oracles} oracles"),
        format!("`{} seeds: {} passed`", count(&alarms["runs"]), count(&alarms["passed"])),
        format!("over the {scenarios} scenarios"),
    ] {
        assert!(readme.contains(&figure), "the README does not say {figure}");
    }
}

/// The diagram of a mirror's life has every role that a superblock can say, and the table of its arrows has no other.
#[test]
fn the_life_of_a_mirror_has_every_role() {
    let read = |path: &str| std::fs::read_to_string(top().join(path)).expect("a text");
    let source = read("src/superblock.rs");
    let roles = source.split_once("pub enum Role {").expect("roles").1.split_once('}').expect("an end").0;
    let roles: Vec<&str> =
        roles.lines().filter_map(|l| l.trim().strip_suffix(',')).filter(|l| !l.starts_with("//")).collect();
    assert!(roles.len() >= 8, "{roles:?}");
    let readme = read("README.md");
    let diagram = &blocks(&readme, "text")[0];
    for role in &roles {
        assert!(diagram.contains(role), "the README's diagram lacks {role}");
    }
    let page = read("ARCHITECTURE.md");
    let rows = page.lines().skip_while(|l| !l.starts_with("| from | to |")).skip(2);
    let mut arrows = 0;
    for row in rows.take_while(|l| l.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let named = cells[..2].iter().flat_map(|c| c.split(", "));
        named.for_each(|role| assert!(roles.contains(&role), "no role {role}: {row}"));
        arrows += 1;
    }
    assert!(arrows >= 10, "{arrows} arrows");
    let named: String = page.split("## The life of a mirror").nth(1).expect("a section").into();
    let files = named.split('`').skip(1).step_by(2).take_while(|w| *w != "u64");
    for file in files.filter(|w| w.starts_with("src/") || w.starts_with("tests/")) {
        assert!(top().join(file).exists(), "ARCHITECTURE.md names {file}, which is not there");
    }
}
