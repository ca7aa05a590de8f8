//! `explain`: a scenario with everything that it does not say, or what a key or another name means.

use crate::args::ExplainArgs;
use crate::commands::names;
use crate::out::Out;
use crate::scenarios;
use crate::trouble::Trouble;
use mirrorsim_campaign::Exit;
use mirrorsim_scenario::{explain_key, no_such_key};
use serde_json::json;
use std::path::Path;

/// Explains a file, or whatever has that name.
pub fn explain(args: ExplainArgs, out: &mut Out) -> Result<Exit, Trouble> {
    let all: Vec<(&str, String)> = match (&args.target, &args.key) {
        (Some(target), _) if is_file(target) => {
            let all = scenarios::load_all(std::slice::from_ref(target), &args.reading)?;
            let text: String = all.iter().map(mirrorsim_scenario::explain).collect();
            vec![("scenario", text)]
        }
        (Some(name), _) | (None, Some(name)) => named(name)?,
        (None, None) => return Err(Trouble::usage("want a scenario, a key or another name")),
    };
    for (i, (kind, text)) in all.iter().enumerate() {
        match out.json() {
            true => out.object(&json!({"type": "explanation", "kind": kind, "text": text})),
            false if i > 0 => out.text(&format!("\n{text}")),
            false => out.text(text),
        }
    }
    Ok(Exit::Passed)
}

/// Keys of that name, and what else has it: one word may be a stage, a mark and a metric.
fn named(name: &str) -> Result<Vec<(&'static str, String)>, Trouble> {
    let keys = explain_key(name).map(|text| ("key", text));
    let is_it = |n: &names::Named| n.name.eq_ignore_ascii_case(name);
    let mut others: Vec<names::Named> = names::all().filter(is_it).collect();
    // A role and a stage may differ by a capital letter alone: what was typed comes first.
    others.sort_by_key(|n| n.name != name);
    let others = others.into_iter().map(|n| (n.kind, n.text));
    let found: Vec<_> = keys.into_iter().chain(others).collect();
    if found.is_empty() {
        let others: Vec<&str> = names::all().map(|n| n.name).collect();
        return Err(Trouble::usage(no_such_key(name, &others)));
    }
    Ok(found)
}

fn is_file(target: &str) -> bool {
    target == "-" || target.ends_with(".yaml") || target.ends_with(".yml") || Path::new(target).exists()
}
