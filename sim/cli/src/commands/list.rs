//! `list`: what there is.

use crate::args::ListArgs;
use crate::commands::names;
use crate::out::Out;
use crate::scenarios;
use crate::trouble::Trouble;
use mirrorsim_campaign::Exit;
use mirrorsim_scenario::{Problems, Scenario, one_line};
use serde_json::{Value, json};
use std::path::Path;

/// Lists scenarios, or what was asked for instead.
pub fn list(args: ListArgs, out: &mut Out) -> Result<Exit, Trouble> {
    let row = |n: names::Named| (n.cells, n.value);
    if args.planted {
        table(out, names::planted().map(row));
    } else if args.metrics {
        table(out, names::metrics().map(row));
    } else if args.stages {
        table(out, names::stages().map(row));
    } else if args.marks {
        table(out, names::marks().map(row));
    } else {
        if !Path::new(&args.folder).is_dir() {
            let what = format!("{}: there is no such folder", args.folder.escape_debug());
            return Err(Trouble::usage(what));
        }
        let files = scenarios::of_folder(&args.folder, out)?;
        let loaded = files.iter().map(|file| (file, scenarios::load(file, &[], args.data.clone(), true)));
        let loaded: Vec<_> = loaded.collect();
        let has = |s: &Scenario, tag: &String| scenarios::has_tag(s, tag);
        let nobody = |tag: &&String| !loaded.iter().any(|(_, s)| s.as_ref().is_ok_and(|s| has(s, tag)));
        if let Some(tag) = args.tags.iter().find(nobody) {
            return Err(scenarios::no_such_tag(tag, loaded.len()));
        }
        let wanted = |s: &Scenario| args.tags.is_empty() || args.tags.iter().any(|tag| has(s, tag));
        let all = args.tags.is_empty();
        let wanted = loaded.iter().filter(|(_, s)| s.as_ref().map_or(all, wanted));
        table(out, wanted.map(|(file, loaded)| scenario(file, loaded)));
    }
    Ok(Exit::Passed)
}

/// A broken scenario is listed, too: that it is there matters more than that it cannot run.
fn scenario(file: &str, loaded: &Result<Scenario, Problems>) -> (Vec<String>, Value) {
    let path = file.escape_debug().to_string();
    match loaded {
        Ok(s) => {
            let tags = if s.tags.is_empty() { String::new() } else { format!(" [{}]", s.tags.join(", ")) };
            let value =
                json!({"type": "scenario", "path": file, "name": s.name, "about": s.about, "tags": s.tags});
            (vec![path, format!("{}{tags}", one_line(&s.about))], value)
        }
        Err(problems) => {
            let count = problems.list().len();
            let value = json!({"type": "scenario", "path": file, "mistakes": count});
            (vec![path.clone(), format!("cannot be used; see: mirrorsim check {path}")], value)
        }
    }
}

/// Prints rows with all but the last column aligned, or as objects.
fn table(out: &mut Out, rows: impl Iterator<Item = (Vec<String>, Value)>) {
    if out.json() {
        rows.for_each(|(_, value)| out.object(&value));
        return;
    }
    let rows: Vec<Vec<String>> = rows.map(|(cells, _)| cells).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |i: usize| rows.iter().filter_map(|r| r.get(i)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in &rows {
        let (last, others) = row.split_last().map_or(("", &[][..]), |(l, o)| (l.as_str(), o));
        let cells: String = others.iter().zip(&widths).map(|(c, w)| format!("{c:w$}  ")).collect();
        out.line(format!("{cells}{last}").trim_end());
    }
}
