//! From arguments to scenarios: folders, patterns, files named twice, and all mistakes of all files at once.

use crate::args::Reading;
use crate::commands::repros::REPROS;
use crate::out::Out;
use crate::trouble::Trouble;
use mirrorsim_campaign::{Store, Token};
use mirrorsim_report::{plural, quoted, reason};
use mirrorsim_scenario::{self as scenario, Problems, Scenario};
use mirrorsim_world::METRICS;
use std::path::{Path, PathBuf};

/// Scenario files that the arguments name, each once: files, folders of them, and with `@` files with a path a line.
pub fn files(arguments: &[String], out: &mut Out) -> Result<Vec<String>, Trouble> {
    let mut named = Vec::new();
    for argument in arguments {
        let list = argument.strip_prefix('@').filter(|_| !Path::new(argument).exists());
        if let Some(list) = list {
            let text = std::fs::read_to_string(list).map_err(|e| {
                let what =
                    format!("{}: cannot read this list of scenarios: {}", list.escape_debug(), reason(&e));
                Trouble::usage(what)
            })?;
            named.extend(text.lines().filter(|l| !l.trim().is_empty()).map(str::to_owned));
        } else if Path::new(argument).is_dir() {
            named.append(&mut of_folder(argument, out)?);
        } else {
            named.push(argument.clone());
        }
    }
    let paths = scenario::expand(&named).map_err(Trouble::usage)?;
    paths.notes.iter().for_each(|note| out.note(note));
    Ok(paths.files)
}

/// The scenarios below a folder. What campaigns have handed back is theirs: a campaign whose results are beside its scenarios
/// is the same one when it is begun again.
pub fn of_folder(folder: &str, out: &mut Out) -> Result<Vec<String>, Trouble> {
    let mut left = Vec::new();
    let found = walk(folder, &mut |path| {
        let is_handed_back = path.ends_with(REPROS) && path.parent().is_some_and(Store::is_one);
        left.extend(is_handed_back.then(|| path.display().to_string()));
        !is_handed_back
    })?;
    let shown = folder.escape_debug();
    if found.is_empty() {
        let trouble = Trouble::usage(format!("{shown}: no scenario (*.yaml) below this folder"));
        return Err(match left.first() {
            Some(repros) => trouble.help(format!("to run the repros of a campaign name {}", quoted(repros))),
            None => trouble,
        });
    }
    if !left.is_empty() {
        let left = plural(left.len() as u64, "folder");
        out.note(&format!(
            "{shown}: {left} with repros of a campaign left out; such a folder or file runs if it is named"
        ));
    }
    Ok(found)
}

/// All YAML files below a folder.
pub fn below(folder: &str) -> Result<Vec<String>, Trouble> {
    walk(folder, &mut |_| true)
}

/// YAML files below a folder and those in it that are wanted, in an order that does not depend on the file system. Links to
/// folders are not followed: they may lead in circles.
fn walk(folder: &str, wanted: &mut dyn FnMut(&Path) -> bool) -> Result<Vec<String>, Trouble> {
    let unreadable = |e: std::io::Error| {
        Trouble::usage(format!("{}: cannot read this folder: {}", folder.escape_debug(), reason(&e)))
    };
    let mut found = Vec::new();
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        let Some(text) = path.to_str() else { continue };
        if entry.file_type().map_err(unreadable)?.is_dir() {
            folders.extend(wanted(&path).then(|| text.to_owned()));
        } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            found.push(text.to_owned());
        }
    }
    for folder in folders {
        found.append(&mut walk(&folder, wanted)?);
    }
    found.sort();
    Ok(found)
}

/// The variable that names a folder of trace files, if no argument does. It stays out of replay tokens, which are
/// pasted on other machines.
const DATA: &str = "MIRRORSIM_DATA";

fn options(data: Option<PathBuf>, yes_large: bool) -> scenario::Options<'static> {
    let data = data.or_else(|| std::env::var_os(DATA).filter(|d| !d.is_empty()).map(PathBuf::from));
    scenario::Options { metrics: METRICS, yes_large, data, ..scenario::Options::default() }
}

/// Reads one scenario.
pub fn load(
    path: &str,
    sets: &[(String, String)],
    data: Option<PathBuf>,
    yes_large: bool,
) -> Result<Scenario, Problems> {
    scenario::load(path, sets, &options(data, yes_large))
}

/// Reads one whose file is at hand.
pub fn parse_bytes(name: &str, bytes: &[u8], reading: &Reading) -> Result<Scenario, Problems> {
    scenario::parse(name, bytes, &reading.sets, &options(reading.data.clone(), reading.yes_large))
}

/// Reads one whose text is at hand.
pub fn parse(name: &str, text: &str, token: &Token) -> Result<Scenario, Problems> {
    let options = options(token.data.as_ref().map(PathBuf::from), token.yes_large);
    scenario::parse(name, text.as_bytes(), &token.sets, &options)
}

/// Those with one of the tags, or with one that goes on behind a hyphen: `corner` is also `corner-12`.
pub fn tagged(
    files: Vec<String>,
    scenarios: Vec<Scenario>,
    tags: &[String],
) -> Result<(Vec<String>, Vec<Scenario>), Trouble> {
    if tags.is_empty() {
        return Ok((files, scenarios));
    }
    if let Some(tag) = tags.iter().find(|tag| !scenarios.iter().any(|s| has_tag(s, tag))) {
        return Err(no_such_tag(tag, files.len()));
    }
    let both = files.into_iter().zip(scenarios);
    Ok(both.filter(|(_, s)| tags.iter().any(|tag| has_tag(s, tag))).unzip())
}

/// Whether a scenario has a tag, or one that goes on behind a hyphen.
pub fn has_tag(scenario: &Scenario, tag: &str) -> bool {
    let goes_on = |rest: &str| rest.is_empty() || rest.starts_with('-');
    scenario.tags.iter().any(|own| own.strip_prefix(tag).is_some_and(goes_on))
}

/// A tag that none of so many scenarios has is a mistake.
pub fn no_such_tag(tag: &str, scenarios: usize) -> Trouble {
    Trouble::usage(format!(
        "none of these {} has the tag `{}`; `mirrorsim list` shows tags",
        plural(scenarios as u64, "scenario"),
        tag.escape_debug()
    ))
}

/// Reads all of them; if any has mistakes, all mistakes of all.
pub fn load_all(files: &[String], reading: &Reading) -> Result<Vec<Scenario>, Trouble> {
    let mut scenarios = Vec::new();
    let mut problems = Vec::new();
    for file in files {
        match load(file, &reading.sets, reading.data.clone(), reading.yes_large) {
            Ok(scenario) => scenarios.push(scenario),
            Err(p) => problems.push(p),
        }
    }
    if problems.is_empty() { Ok(scenarios) } else { Err(Trouble::Scenarios(problems)) }
}
