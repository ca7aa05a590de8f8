//! What CI is told of a campaign: JUnit, SARIF, annotations, the page of the run; each by its name where it cannot be written.

use super::*;
use serde_json::Value;

/// Fails in line 6, whatever the seed.
fn red(name: &str) -> String {
    format!(
        "schema: 1\nname: {name}\nsources: [{{name: alpha}}]\nclients: [{{operations: 20}}]\n\nexpect: [\"acknowledged > 1000000\"]\n"
    )
}

fn on_github(arguments: &[&str], page: &Path) -> Said {
    let mut command = command(arguments);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", page);
    Said::of(&command.output().expect("it starts"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a file")
}

#[test]
fn every_scenario_that_fails_is_told_with_the_line_and_the_rule_says_what_it_is() {
    let folder = scratch("told_lines");
    let [one, other] = ["one", "other"].map(|name| {
        let path = folder.join(format!("{name}.yaml"));
        std::fs::write(&path, red(name)).expect("written");
        path
    });
    let (out, page, sarif) = (folder.join("out"), folder.join("page.md"), folder.join("failures.sarif"));
    let all = ["campaign", text(&one), text(&other), "--seeds", "1..=2", "--out", text(&out)];
    let said = on_github(&[&all[..], &["--sarif", text(&sarif)]].concat(), &page).ends(1);
    said.says(&format!("::error file={},line=6,title=one%3A ", text(&one)));
    let sarif: Value = serde_json::from_str(&read(&sarif)).expect("JSON");
    let run = &sarif["runs"][0];
    let results = run["results"].as_array().expect("results");
    let place = |r: &Value| {
        let place = &r["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap_or_default().to_owned();
        (uri, place["region"]["startLine"].clone())
    };
    let places: Vec<_> = results.iter().map(place).collect();
    assert_eq!(places, [&one, &other].map(|path| (text(path).to_owned(), 6.into())), "{sarif:#}");
    assert_ne!(results[0]["partialFingerprints"], results[1]["partialFingerprints"]);
    let about = run["tool"]["driver"]["rules"][0]["shortDescription"]["text"].as_str().expect("text");
    assert!(about.contains("does not hold"), "{about}");
}

/// A fault that was written down, too.
#[test]
fn a_scripted_fault_that_never_took_effect_is_told_with_its_line() {
    let fault = "faults: [{when: {stage: sealed, nth: 900}, crash: {node: alpha}}]\n";
    let path = file("told_fault", "idle.yaml", &format!("{TINY}{fault}"));
    let sarif = path.with_file_name("failures.sarif");
    let out = path.with_file_name("out");
    let all = ["campaign", text(&path), "--seeds", "1", "--out", text(&out), "--sarif", text(&sarif)];
    on_github(&all, &path.with_file_name("page.md")).ends(4).says("idle.yaml,line=5,title=");
    let sarif: Value = serde_json::from_str(&read(&sarif)).expect("JSON");
    let run = &sarif["runs"][0];
    let region = &run["results"][0]["locations"][0]["physicalLocation"]["region"];
    assert_eq!(region["startLine"], 5, "{sarif:#}");
    let about = run["tool"]["driver"]["rules"][0]["shortDescription"]["text"].as_str().expect("text");
    assert!(about.contains("a scripted fault never took effect"), "{about}");
}

/// It is a file of its own; annotations are lines of standard output, where only JSON is.
#[test]
fn the_page_of_the_run_has_cause_count_seed_replay_and_repro_whatever_the_format() {
    let path = file("told_page", "red.yaml", &red("red"));
    let (out, page) = (path.with_file_name("out"), path.with_file_name("page.md"));
    let all = ["campaign", text(&path), "--seeds", "1..=3", "--out", text(&out), "--message-format", "json"];
    let said = on_github(&all, &page).ends(1);
    let cause = said.objects().into_iter().find(|o| o["type"] == "cause").expect("a cause");
    let repro = cause["kinds"][0]["path"].as_str().expect("a path").to_owned();
    let shown = read(&page);
    let row = shown.lines().find(|line| line.starts_with("| 3 | red | 1 | ")).expect("a row");
    for words in [
        &format!("'acknowledged > 1000000' does not hold: it is 20 ({}:6)", text(&path)),
        "`expect 'acknowledged > 1000000' does not hold: it is ...`",
        "`mirrorsim replay ms1:",
        &format!("repro `{repro}`"),
    ] {
        assert!(row.contains(words), "no `{words}` in {row}");
    }
    // A merge has a page, too.
    let (merged, page) = (path.with_file_name("merged"), path.with_file_name("merged.md"));
    on_github(&["merge", text(&out), "--out", text(&merged), "--message-format", "json"], &page).ends(1);
    assert!(read(&page).contains(&format!("repro `{}", text(&merged.join("repros")))), "{}", read(&page));
}

#[test]
fn failures_that_are_known_stand_behind_the_new_ones_and_are_marked() {
    let plain = file("told_known", "plain.yaml", TINY);
    let named = |name: &str| plain.with_file_name(name);
    let (reports, out, list, xml) = (named("reports"), named("out"), named("known.txt"), named("junit.xml"));
    let seeds = ["--seeds", "1..=8"];
    mirrorsim(&[&["run", text(&plain), "--report-dir", text(&reports)], &seeds[..]].concat()).ends(0);
    let report = std::fs::read_dir(&reports).expect("reports").next().expect("one").expect("one").path();
    let report: Value = serde_json::from_str(&read(&report)).expect("JSON");
    let runs = report["runs"].as_array().expect("runs");
    let most = runs.iter().filter_map(|run| run["events"].as_u64()).max().expect("events");
    // Some have fewer events, and fail only in the second way.
    let red = named("red.yaml");
    std::fs::write(&red, format!("{TINY}expect: [\"events < {most}\", \"acknowledged == 3\"]\n"))
        .expect("written");
    std::fs::write(&list, "expect `acknowledged == 3` does not hold: it is ...\n").expect("written");
    let all = ["campaign", text(&red), "--no-shrink", "--out", text(&out)];
    let more = ["--known", text(&list), "--junit", text(&xml)];
    mirrorsim(&[&all[..], &seeds, &more].concat()).ends(1);
    let xml = read(&xml);
    assert!(xml.contains("8 of 8 seeds did not pass, 7 of them in a way that is known\n"), "{xml}");
    let [new, known] = ["\n1x, first seed ", "\nknown: 7x, first seed "].map(|words| xml.find(words));
    assert!(new.is_some() && new < known, "{xml}");
}

#[cfg(unix)]
#[test]
fn a_line_break_in_a_path_is_one_for_who_reads_the_xml() {
    let path = file("told_break", "a\nb.yaml", &red("red"));
    let xml = path.with_file_name("junit.xml");
    let out = path.with_file_name("out");
    let all =
        ["campaign", text(&path), "--seeds", "1", "--no-shrink", "--out", text(&out), "--junit", text(&xml)];
    mirrorsim(&all).ends(1);
    let xml = read(&xml);
    assert!(xml.contains("a&#10;b.yaml\">\n") && xml.contains("did not pass\n"), "{xml}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_written_or_read_is_told_with_what_it_is_for() {
    let path = file("told_full", "tiny.yaml", TINY);
    let full = Path::new("/dev/full");
    let out = path.with_file_name("out");
    let all = ["campaign", text(&path), "--seeds", "1", "--out", text(&out), "--resume"];
    for flag in ["--junit", "--sarif"] {
        let more = [flag, "/dev/full"];
        mirrorsim(&[&all[..], &more].concat())
            .ends(3)
            .complains(&format!("error: {flag} /dev/full: no space"));
        let more = [flag, text(&path)];
        let why = format!("error: {flag} {}: there is something else", text(&path));
        mirrorsim(&[&all[..], &more].concat()).ends(2).complains(&why);
    }
    on_github(&all, full).ends(3).complains("error: GITHUB_STEP_SUMMARY /dev/full: no space");
    mirrorsim(&[&all[..], &["--known", "/nowhere"]].concat())
        .ends(2)
        .complains("error: --known /nowhere: cannot read");
}

/// Whoever keeps a campaign beside its scenarios runs these again, and nothing else.
#[test]
fn repros_of_a_campaign_are_no_scenarios_of_the_folder() {
    let folder = file("told_folder", "red.yaml", &red("red")).parent().expect("a folder").to_owned();
    let all = ["campaign", text(&folder), "--seeds", "1", "--out", text(&folder)];
    mirrorsim(&all).ends(1).complains("seeds 1 of 1 scenario");
    let again = mirrorsim(&[&all[..], &["--resume"]].concat()).ends(1);
    again.complains("seeds 1 of 1 scenario").complains(": 1 folder with repros of a campaign left out; ");
    let repros = folder.join("repros");
    mirrorsim(&["run", text(&repros), "--no-report"]).ends(1).says("FAILED");
    std::fs::remove_file(folder.join("red.yaml")).expect("removed");
    mirrorsim(&["check", text(&folder)]).ends(2).complains(&format!("name {}", text(&repros)));
}
