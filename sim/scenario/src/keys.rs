//! `explain KEY`: what one key of a scenario means.

use crate::doc::Root;
use crate::document::Doc;
use crate::problem::nearest;
use crate::shape::{Field, Need, Shape, example_of};
use std::fmt::Write;
use std::sync::OnceLock;

/// Keys of one name that are shown one after the other; more are listed.
const SHOWN: usize = 3;

/// Words of the field for what is called otherwise here.
const CALLED: &[(&str, &str)] = &[
    ("failover", "promote"),
    ("fail_over", "promote"),
    ("takeover", "promote"),
    ("take_over", "promote"),
    ("promotion", "promote"),
    ("partition", "cut"),
    ("network_partition", "cut"),
    ("isolate", "cut"),
    ("kill", "crash"),
    ("stop", "crash"),
    ("failback", "hand_over"),
    ("fail_back", "hand_over"),
    ("give_back", "hand_over"),
];

/// What a key such as `sources.link.latency`, or the end of one, means: doc, type, unit, default, example. Of several keys,
/// each, or where they are. `None`: there is none.
pub fn explain_key(key: &str) -> Option<String> {
    let all = all();
    let wanted = steps(key);
    if let Some((path, field)) = all.iter().find(|(path, _)| *path == wanted) {
        return Some(text(path, field));
    }
    let ending = format!(".{}", called(&wanted));
    let ends: Vec<&(String, Field)> = all.iter().filter(|(path, _)| path.ends_with(&ending)).collect();
    match ends.len() {
        0 => None,
        1..=SHOWN => Some(ends.iter().map(|(path, field)| text(path, field)).collect::<Vec<_>>().join("\n")),
        _ => {
            let mut out = format!("{wanted}\n  a key in several places\n\n");
            let width = ends.iter().map(|(path, _)| path.len()).max().unwrap_or(0);
            for (path, field) in ends {
                let _ = writeln!(out, "  {path:width$}  {}", field.doc);
            }
            Some(out)
        }
    }
}

/// What to say of a key, or of one of `others`, that is not there: with the nearest one that is.
pub fn no_such_key(key: &str, others: &[&str]) -> String {
    let all = all();
    let wanted = steps(key);
    let last = wanted.rsplit('.').next().unwrap_or("");
    let shown = key.chars().take(80).collect::<String>().escape_debug().to_string();
    let leaf = |path: &'static str| path.rsplit('.').next().unwrap_or("");
    let paths = || all.iter().map(|(path, _)| path.as_str());
    let near = nearest(&wanted, paths()).or_else(|| {
        let near = nearest(last, paths().map(leaf).chain(others.iter().copied()))?;
        paths().find(|path| leaf(path) == near).or(others.iter().copied().find(|name| *name == near))
    });
    match near {
        Some(near) => format!("there is no `{shown}`; did you mean `{near}`?"),
        None => {
            let roots: Vec<&str> = paths().filter(|p| !p.contains('.')).collect();
            let lists = match others {
                [] => "",
                _ => {
                    "; `mirrorsim list --stages`, `--marks`, `--metrics` and `--planted` name more, and docs/protocol.md has rules, \
                     invariants and words"
                }
            };
            format!("there is no `{shown}`; the first level of a scenario has: {}{lists}", roots.join(", "))
        }
    }
}

/// The paths of all keys that have this name, or the meaning of it.
pub(crate) fn places(name: &str) -> Vec<&'static str> {
    let ending = format!(".{}", called(name));
    all().iter().map(|(path, _)| path.as_str()).filter(|path| path.ends_with(&ending)).collect()
}

/// Whether a scenario itself has a key of this name.
pub(crate) fn is_root(name: &str) -> bool {
    all().iter().any(|(path, _)| path == name)
}

/// What is called so here; a word that nobody knows means itself.
pub(crate) fn called(word: &str) -> &str {
    CALLED.iter().find(|(other, _)| *other == word).map_or(word, |(_, name)| name)
}

/// A path without what only one element of a list has.
fn steps(key: &str) -> String {
    let steps = key.split(['.', '[', ']']);
    let named = |s: &&str| !s.is_empty() && *s != "*" && !s.bytes().all(|b| b.is_ascii_digit());
    steps.filter(named).collect::<Vec<_>>().join(".")
}

/// Every key with its dotted path.
fn all() -> &'static [(String, Field)] {
    static ALL: OnceLock<Vec<(String, Field)>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = Vec::new();
        collect(&Root::shape(), "", &mut all);
        all
    })
}

/// Adds the keys of a shape; lists and alternatives add no step.
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
    let _ = writeln!(out, "  example  {}: {}", field.name, example_of(field));
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
