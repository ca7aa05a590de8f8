//! What a campaign came to, in all the forms in which somebody wants it: text or JSON, its report, JUnit, SARIF, GitHub.

use super::glossary;
use crate::out::Out;
use crate::trouble::Trouble;
use mirrorsim_campaign::{Exit, Header, Known, Plan, Signal, Store};
use mirrorsim_report::{self as report, CampaignReport, Folder, Standing};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Says what came of it, and whether it is complete.
const REPORT: &str = "report.json";
/// Set where GitHub Actions runs something, and where it takes a summary.
const GITHUB: &str = "GITHUB_ACTIONS";
const GITHUB_SUMMARY: &str = "GITHUB_STEP_SUMMARY";
/// Bytes at the beginning of a file by which it is known, and words that are in these.
const FIRST: u64 = 1 << 10;
const JUNIT: &[&str] = &["<?xml", "<testsuites"];
const SARIF: &[&str] = &["{", "\"$schema\"", "sarif"];
/// No list of known failures is larger, bytes.
const LIST: u64 = 1 << 24;

/// Writes the report, and says what it says; where GitHub runs it, to that, too. [`summarize`] is for its page.
pub fn tell(
    standing: &Standing<'_>,
    header: &Header,
    folder: &Folder,
    (junit, sarif): (Option<&Path>, Option<&Path>),
    signal: Option<Signal>,
    out: &mut Out,
) -> Result<(CampaignReport, Exit), Trouble> {
    let mut report = standing.report(header);
    let mut exit = standing.exit();
    report.interrupted = signal.is_some();
    report.exit_code = exit.worst(signal.map_or(Exit::Passed, Exit::from)).code();
    let mut fails = |trouble: Trouble, out: &mut Out| {
        exit = exit.worst(trouble.exit());
        out.error(&trouble);
    };
    let text = serde_json::to_string_pretty(&report).map_err(|e| Trouble::rig(e.to_string()))?;
    // A folder that somebody has removed is not made again.
    let written = Store::is_one(folder.path()).then(|| folder.write(REPORT, format!("{text}\n").as_bytes()));
    match out.json() {
        true => out.object(&json!({"type": "campaign", "report": report})),
        false => out.text(&report::campaign(standing, &report, signal)),
    }
    match written {
        Some(Ok(path)) if !out.json() => {
            out.text(&format!("  report      {}\n", path.display().to_string().escape_debug()))
        }
        Some(Ok(_)) | None => {}
        Some(Err(trouble)) => fails(trouble.into(), out),
    }
    if let Some(path) = junit {
        let text = report::junit(&report).map_err(Trouble::rig)?;
        match write(path, &text) {
            Ok(()) => out.wrote("junit", path),
            Err(trouble) => fails(trouble.of("--junit"), out),
        }
    }
    if let Some(path) = sarif {
        let sarif = report::sarif(&report, glossary::about_oracle);
        let text = serde_json::to_string_pretty(&sarif).map_err(|e| Trouble::rig(e.to_string()))?;
        match write(path, &text) {
            Ok(()) => out.wrote("sarif", path),
            Err(trouble) => fails(trouble.of("--sarif"), out),
        }
    }
    // They are lines of standard output, which is of JSON alone.
    if std::env::var_os(GITHUB).is_some() && !out.json() {
        out.text(&report::annotations(&report));
    }
    Ok((report, exit))
}

/// Where GitHub runs it: the page of the run, once it is known which kinds of failures have a repro, and where.
pub fn summarize(report: &CampaignReport, repros: &BTreeMap<String, String>, out: &mut Out) -> Exit {
    let page = std::env::var_os(GITHUB).and_then(|_| std::env::var_os(GITHUB_SUMMARY)).map(PathBuf::from);
    let Some(page) = page else { return Exit::Passed };
    let Err(error) = append(&page, &report::step_summary(report, repros)) else { return Exit::Passed };
    let shown = page.display().to_string();
    let trouble = Trouble::environment(format!("{}: {}", shown.escape_debug(), report::reason(&error)));
    let trouble = trouble.of(GITHUB_SUMMARY);
    out.error(&trouble);
    trouble.exit()
}

/// Failures that are said to be known; those that nobody has seen are said once all seeds were run.
pub fn known(path: Option<&Path>, plans: &[Plan], out: &mut Out) -> Result<Known, Trouble> {
    let Some(path) = path else { return Ok(Known::default()) };
    let shown = path.display().to_string();
    let mut text = String::new();
    let file = std::fs::File::open(path).and_then(|f| f.take(LIST + 1).read_to_string(&mut text));
    file.map_err(|e| {
        Trouble::usage(format!("{}: cannot read: {}", shown.escape_debug(), report::reason(&e)))
            .of("--known")
            .help("a campaign that goes on remembers its list: put it back, or name another one (--known /dev/null: none)")
    })?;
    if text.len() as u64 > LIST {
        return Err(Trouble::usage(format!(
            "{}: no such list is larger than {LIST} bytes",
            shown.escape_debug()
        ))
        .of("--known"));
    }
    let known = Known::of(&text);
    let named = |scenario: &str| plans.iter().any(|plan| plan.scenario.name == scenario);
    for (scenario, _, line) in known.all() {
        if let Some(scenario) = scenario.filter(|scenario| !named(scenario)) {
            out.note(&format!(
                "{}:{line}: no scenario here is called {}",
                shown.escape_debug(),
                scenario.escape_debug()
            ));
        }
    }
    if known.all().next().is_none() {
        out.note(&format!("{}: there is no signature in it", shown.escape_debug()));
    }
    Ok(known)
}

/// The path of such a list as a campaign remembers it: what is no file, such as a pipe, is not there again.
pub fn remembered(list: Option<PathBuf>) -> Option<String> {
    list.filter(|path| path.is_file()).and_then(|path| path.to_str().map(str::to_owned))
}

/// Whether files of the user's choice can be written: that is to be known before the first seed.
pub fn check<'a>(files: impl IntoIterator<Item = &'a Path>) -> Result<(), Trouble> {
    for path in files {
        place(path)?;
        if path.is_dir() {
            let shown = path.display().to_string();
            let what = format!("{}: is a folder, and a file is wanted", shown.escape_debug());
            return Err(Trouble::environment(what));
        }
    }
    Ok(())
}

/// The same of what a campaign in a folder is told in, and that nothing else is lost by it.
pub fn check_forms(of: &Folder, junit: Option<&Path>, sarif: Option<&Path>) -> Result<(), Trouble> {
    // Where it is, whatever it is called.
    let whole =
        |path: &Path| Some((place(path).ok()?.0.path().canonicalize().ok()?, path.file_name()?.to_owned()));
    let (one, other) = (junit.and_then(whole), sarif.and_then(whole));
    if one.is_some() && one == other {
        return Err(Trouble::usage("--junit and --sarif name the same file").help("give each its own"));
    }
    let of = of.path().canonicalize().ok();
    for (flag, path, form) in [("--junit", junit, JUNIT), ("--sarif", sarif, SARIF)] {
        let Some(path) = path.filter(|path| !is_stream(path)) else { continue };
        check([path]).map_err(|trouble| trouble.of(flag))?;
        let shown = path.display().to_string();
        let lost = |what: &str| {
            Err(Trouble::usage(format!("{}: {what}", shown.escape_debug()))
                .of(flag)
                .help("name another file, or remove it"))
        };
        let own = whole(path).is_some_and(|(folder, name)| {
            Some(folder) == of && (name == REPORT || Store::FILES.iter().any(|file| name == *file))
        });
        if own {
            return lost("the campaign keeps something else in this file");
        }
        if path.is_symlink() {
            return lost("is a link, and none is written through");
        }
        if !path.exists() {
            continue;
        }
        let mut first = Vec::new();
        let file = std::fs::File::open(path).and_then(|file| file.take(FIRST).read_to_end(&mut first));
        let first = String::from_utf8_lossy(&first);
        if file.is_err() || !first.is_empty() && !form.iter().all(|words| first.contains(words)) {
            return lost("there is something else in this file, which would be lost");
        }
    }
    Ok(())
}

/// Whether it is there and is neither a file nor a folder, such as a pipe: what is said goes into it.
fn is_stream(path: &Path) -> bool {
    path.exists() && !path.is_file() && !path.is_dir()
}

/// A file of the user's choice, whole or not at all; what is no file, such as a pipe, is written into.
fn write(path: &Path, text: &str) -> Result<(), Trouble> {
    if is_stream(path) {
        return std::fs::write(path, text).map_err(|e| {
            Trouble::environment(format!(
                "{}: {}",
                path.display().to_string().escape_debug(),
                report::reason(&e)
            ))
        });
    }
    let (folder, name) = place(path)?;
    folder.write(name, text.as_bytes())?;
    Ok(())
}

/// The folder of a file, which is made if need be, and its name there.
fn place(path: &Path) -> Result<(Folder, &str), Trouble> {
    let (folder, name) = (path.parent().unwrap_or(Path::new("")), path.file_name().and_then(|n| n.to_str()));
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let no_name =
        || Trouble::usage(format!("{}: is no file name", path.display().to_string().escape_debug()));
    let name = name.ok_or_else(no_name)?;
    Ok((Folder::open(folder)?, name))
}

fn append(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    std::fs::OpenOptions::new().append(true).create(true).open(path)?.write_all(text.as_bytes())
}
