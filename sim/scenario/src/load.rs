//! The way from bytes to a scenario.

use crate::doc::Root;
use crate::document::{Doc, Reader};
use crate::expect::{Expectation, Metric};
use crate::place::Text;
use crate::problem::{Desk, Draft, Problems};
use crate::resolve::{Cx, resolve};
use crate::seeds::Seeds;
use crate::tree::{Node, Value};
use crate::{input, quantity, sets, yaml};
use mirrorsim_world::spec::Spec;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The version of the format that is read.
const VERSION: u64 = 1;
/// Most bytes of a scenario file.
const MAX_BYTES: u64 = 1 << 20;
/// Shown to whom gives an empty file.
const MINIMAL: &str = "this is the least:\n    schema: 1\n    sources: [{name: alpha}]";

/// What the caller allows and knows.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// Metrics that `expect:` may name; empty = any name.
    pub metrics: &'a [Metric],
    /// The user said that a very large run is meant.
    pub yes_large: bool,
    /// A folder of trace files, tried after the scenario's own.
    pub data: Option<PathBuf>,
    /// Most bytes of a scenario.
    pub max_bytes: u64,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options { metrics: &[], yes_large: false, data: None, max_bytes: MAX_BYTES }
    }
}

/// A scenario that can be run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// What it shows; may be empty.
    pub about: String,
    /// Words to choose it by.
    pub tags: Vec<String>,
    /// Seeds that it asks for; `None` = the command decides.
    pub seeds: Option<Seeds>,
    /// What is run.
    pub spec: Spec,
    /// What must hold at the end.
    pub expect: Vec<Expectation>,
    /// Marks that a campaign of it must reach.
    pub reach: Vec<&'static str>,
    /// Where it was read from; `-` is standard input.
    pub path: String,
    /// The text of the file.
    pub source: String,
    /// What is allowed, and seldom meant; for whom wants to know.
    pub notes: Vec<String>,
    /// A hash of the text, without the record of a run, of what `--set` changed, and of what is used of traces.
    pub source_hash: u64,
}

/// Reads the scenario at `path` (`-` is standard input) and applies `KEY=VALUE` pairs to it.
pub fn load(path: &str, sets: &[(String, String)], options: &Options<'_>) -> Result<Scenario, Problems> {
    let shown = if path == "-" { "<stdin>" } else { path };
    match input::fetch(path, options.max_bytes) {
        Ok(bytes) => parse(shown, &bytes, sets, options),
        Err(draft) => Err(refused(shown, *draft)),
    }
}

/// The same for a text that is at hand; `name` stands for its path.
pub fn parse(
    name: &str,
    text: &[u8],
    sets: &[(String, String)],
    options: &Options<'_>,
) -> Result<Scenario, Problems> {
    if text.len() as u64 > options.max_bytes {
        return Err(refused(name, input::too_large(options.max_bytes)));
    }
    let text = input::decode(text).map_err(|draft| refused(name, *draft))?;
    let mut desk = Desk::default();
    desk.texts.push(Text::new(name, text));
    match scenario(&mut desk, name, text, sets, options) {
        Some(scenario) if !desk.has_problems() => Ok(scenario),
        _ => {
            if !desk.has_problems() {
                // Not reachable as far as we know; an error without words would be worse than one with these.
                desk.report(Draft::nowhere(
                    "",
                    "unknown",
                    "cannot be used, for a reason that was not recorded",
                ));
            }
            Err(desk.finish())
        }
    }
}

fn refused(name: &str, draft: Draft) -> Problems {
    let mut desk = Desk::default();
    desk.texts.push(Text::new(name, ""));
    desk.report(draft);
    desk.finish()
}

fn scenario(
    desk: &mut Desk,
    name: &str,
    text: &str,
    sets: &[(String, String)],
    options: &Options<'_>,
) -> Option<Scenario> {
    if let Some(draft) = input::hidden_characters(text).or_else(|| input::tab_indents(text)) {
        desk.report(draft);
        return None;
    }
    let parsed = yaml::parse(text, 0, None);
    let broken = parsed.root.is_none() && !parsed.problems.is_empty();
    parsed.problems.into_iter().for_each(|p| desk.report(p));
    if broken {
        return None;
    }
    let Some(tree) = parsed.root.filter(|r| !r.is_null()) else {
        desk.report(Draft::nowhere("", "empty", "the scenario is empty").help(MINIMAL));
        return None;
    };
    if !matches!(tree.value, Value::Map(_)) {
        let draft = Draft::at(tree.place, "", "type", "a scenario is a map").got(tree.got());
        desk.report(draft.want("lines of `key: value`").help(MINIMAL));
        return None;
    }
    let tree = sets::apply(desk, tree, sets);
    if !version_is_ours(desk, &tree) {
        return None;
    }
    let root = Root::read(&mut Reader { desk, path: String::new(), dropped: false }, &tree)?;
    debug_assert_eq!(root.schema.0, VERSION, "judged before the rest was read");
    let folder = Path::new(name).parent().unwrap_or(Path::new(""));
    let mut cx = Cx { desk, options, folder, traces: Vec::new() };
    let mut scenario = resolve(&mut cx, &root, name)?;
    scenario.source = text.to_owned();
    scenario.source_hash = hash(text, sets, &cx.traces);
    scenario.notes = std::mem::take(&mut desk.notes);
    Some(scenario)
}

/// Row 30: a file of another version is not judged by the rules of this one.
fn version_is_ours(desk: &mut Desk, tree: &Rc<Node>) -> bool {
    let Some(entry) = tree.get("schema") else {
        return true;
    };
    let version = entry.value.text().and_then(|t| quantity::integer(t).ok());
    let Some(other) = version.filter(|v| *v != VERSION) else {
        return true;
    };
    let draft = Draft::at(entry.value.place, "schema", "version", format!("this file has version {other}"));
    desk.report(if other > VERSION {
        draft.want(format!("version {VERSION}")).help("a newer mirrorsim wrote it: use that one")
    } else {
        draft.want(format!("version {VERSION}")).help(format!("there is no version before {VERSION}"))
    });
    false
}

/// Lines that begin so are the record of a run that somebody has added to a scenario: they are no part of it.
pub const RECORD: &str = "#= ";

fn hash(text: &str, sets: &[(String, String)], traces: &[u64]) -> u64 {
    let mut all: String = text.split_inclusive('\n').filter(|line| !line.starts_with(RECORD)).collect();
    for (key, value) in sets {
        all.push('\0');
        all.push_str(key);
        all.push('=');
        all.push_str(value);
    }
    for trace in traces {
        all.push_str(&format!("\0{trace:016x}"));
    }
    xxhash_rust::xxh3::xxh3_64(all.as_bytes())
}
