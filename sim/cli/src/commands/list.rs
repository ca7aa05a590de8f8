//! `list`: what there is.

use crate::args::ListArgs;
use crate::out::Out;
use crate::scenarios;
use crate::trouble::Trouble;
use mirror::stage::Stage;
use mirrorsim_campaign::Exit;
use mirrorsim_planted::ROWS;
use mirrorsim_scenario::one_line;
use mirrorsim_world::{MARKS, METRICS};
use serde_json::{Value, json};
use std::path::Path;

/// Lists scenarios, or what was asked for instead.
pub fn list(args: ListArgs, out: &mut Out) -> Result<Exit, Trouble> {
    if args.planted {
        table(
            out,
            ROWS.iter().map(|r| {
                let value = json!({
                    "type": "planted", "id": r.id, "name": r.name, "place": r.place, "oracles": r.oracles,
                    "seeds": r.seeds, "witness": r.witness,
                });
                (vec![r.id.into(), r.place.into(), format!("{} [{}]", r.name, r.witness)], value)
            }),
        );
    } else if args.metrics {
        table(
            out,
            METRICS.iter().map(|(name, unit, about)| {
                let value = json!({"type": "metric", "name": name, "unit": unit, "about": about});
                (vec![(*name).into(), (*unit).into(), (*about).into()], value)
            }),
        );
    } else if args.stages {
        table(
            out,
            Stage::NAMES.iter().map(|(name, about)| {
                let value = json!({"type": "stage", "name": name, "about": about.trim()});
                (vec![(*name).into(), about.trim().into()], value)
            }),
        );
    } else if args.marks {
        table(
            out,
            MARKS.iter().map(|(name, about)| {
                let value = json!({"type": "mark", "name": name, "about": about.trim()});
                (vec![(*name).into(), about.trim().into()], value)
            }),
        );
    } else {
        if !Path::new(&args.folder).is_dir() {
            let what = format!("{}: there is no such folder", args.folder.escape_debug());
            return Err(Trouble::usage(what));
        }
        let files = scenarios::below(&args.folder)?;
        if files.is_empty() {
            return Err(Trouble::usage(format!(
                "{}: no scenario (*.yaml) below this folder",
                args.folder.escape_debug()
            )));
        }
        table(out, files.iter().map(|file| scenario(file, &args)));
    }
    Ok(Exit::Passed)
}

/// A broken scenario is listed, too: that it is there matters more than that it cannot run.
fn scenario(file: &str, args: &ListArgs) -> (Vec<String>, Value) {
    let path = file.escape_debug().to_string();
    match scenarios::load(file, &[], args.data.clone(), true) {
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
