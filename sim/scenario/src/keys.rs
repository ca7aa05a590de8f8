//! `explain KEY`: what one key of a scenario means.

use crate::doc::Root;
use crate::document::Doc;
use crate::problem::nearest;
use crate::shape::{Field, Need, Shape, example};
use std::fmt::Write;

/// What a key such as `sources.link.latency` means: doc, type, unit, default, example. Else a hint at the nearest key.
pub fn explain_key(key: &str) -> Result<String, String> {
    let mut all = Vec::new();
    collect(&Root::shape(), "", &mut all);
    let steps: Vec<&str> = key
        .split(['.', '[', ']'])
        .filter(|s| !s.is_empty() && *s != "*" && !s.bytes().all(|b| b.is_ascii_digit()))
        .collect();
    let wanted = steps.join(".");
    if let Some((path, field)) = all.iter().find(|(path, _)| *path == wanted) {
        return Ok(text(path, field));
    }
    let ending = format!(".{wanted}");
    let ends: Vec<&(String, Field)> = all.iter().filter(|(path, _)| path.ends_with(&ending)).collect();
    match ends.as_slice() {
        [] => {}
        [(path, field)] => return Ok(text(path, field)),
        several => {
            let paths: Vec<&str> = several.iter().map(|(p, _)| p.as_str()).collect();
            return Err(format!("`{wanted}` is a key in several places: {}", paths.join(", ")));
        }
    }
    let shown = key.chars().take(80).collect::<String>().escape_debug().to_string();
    let last = steps.last().copied().unwrap_or("");
    let whole = nearest(&wanted, all.iter().map(|(p, _)| p.as_str()));
    let leaf = || nearest(last, all.iter().filter_map(|(p, _)| p.rsplit('.').next()));
    let by_leaf = || {
        leaf()
            .and_then(|l| all.iter().find(|(p, _)| p.rsplit('.').next() == Some(l)))
            .map(|(p, _)| p.as_str())
    };
    Err(match whole.or_else(by_leaf) {
        Some(near) => format!("no key `{shown}`; did you mean `{near}`?"),
        None => {
            let roots: Vec<&str> = all.iter().map(|(p, _)| p.as_str()).filter(|p| !p.contains('.')).collect();
            format!("no key `{shown}`; the first level has: {}", roots.join(", "))
        }
    })
}

/// Every key with its dotted path; lists and alternatives add no step.
fn collect(shape: &Shape, path: &str, out: &mut Vec<(String, Field)>) {
    match shape {
        Shape::List(item) => collect(item, path, out),
        Shape::Either(shapes) => shapes.iter().for_each(|s| collect(s, path, out)),
        Shape::Map(map) => {
            for field in &map.fields {
                let below =
                    if path.is_empty() { field.name.to_owned() } else { format!("{path}.{}", field.name) };
                out.push((below.clone(), field.clone()));
                collect(&field.shape, &below, out);
            }
        }
        Shape::Scalar(_) | Shape::Words(_) => {}
    }
}

fn text(path: &str, field: &Field) -> String {
    let mut out = format!("{path}\n  {}\n\n", field.doc);
    let _ = writeln!(out, "  type     {}", field.shape.want());
    let _ = match field.need {
        Need::Required => writeln!(out, "  default  none: it is required"),
        Need::Default(text) => writeln!(out, "  default  {text}"),
        Need::Optional(words) => writeln!(out, "  without  {words}"),
    };
    let _ = writeln!(out, "  example  {}: {}", field.name, example(&field.shape));
    details(&field.shape, &mut out);
    out
}

fn details(shape: &Shape, out: &mut String) {
    match shape {
        Shape::List(item) => details(item, out),
        Shape::Either(shapes) => shapes.iter().for_each(|s| details(s, out)),
        Shape::Scalar(_) => {}
        Shape::Words(words) => {
            let width = words.iter().map(|(n, _)| n.len()).max().unwrap_or(0);
            let _ = writeln!(out, "\n  words");
            for (name, doc) in *words {
                let _ = writeln!(out, "    {name:width$}  {}", doc.trim());
            }
        }
        Shape::Map(map) => {
            let width = map.fields.iter().map(|f| f.name.len()).max().unwrap_or(0);
            let _ = writeln!(out, "\n  keys");
            for field in &map.fields {
                let _ = writeln!(out, "    {:width$}  {}", field.name, field.doc);
            }
        }
    }
}
