//! Paths of scenarios on a command line: patterns, and files that are named twice.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Scenario files in the order in which they are to run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Paths {
    /// Each once.
    pub files: Vec<String>,
    /// What the user should know, such as a file that is named twice.
    pub notes: Vec<String>,
}

/// Expands patterns that the shell left as they are (`*` and `?` within a name). No match is a mistake.
pub fn expand(arguments: &[String]) -> Result<Paths, String> {
    let mut out = Paths::default();
    let mut seen = BTreeSet::new();
    for argument in arguments {
        let pattern = argument.contains(['*', '?']) && !Path::new(argument).exists();
        let files = if pattern { matches(argument) } else { vec![argument.clone()] };
        if files.is_empty() {
            let shown = argument.escape_debug();
            return Err(format!(
                "no file matches {shown}; in quotes the shell leaves * to us, and we found nothing"
            ));
        }
        for file in files {
            // Two spellings of one file are one file; what cannot be resolved is reported when it is read.
            let key = std::fs::canonicalize(&file).unwrap_or_else(|_| PathBuf::from(&file));
            if seen.insert(key) {
                out.files.push(file);
            } else {
                out.notes.push(format!("{} is named twice; it runs once", file.escape_debug()));
            }
        }
    }
    Ok(out)
}

fn matches(pattern: &str) -> Vec<String> {
    let root = if pattern.starts_with('/') { "/" } else { "" };
    let mut found = vec![root.to_owned()];
    for part in pattern.split('/').filter(|p| !p.is_empty()) {
        found = found.iter().flat_map(|folder| step(folder, part)).collect();
    }
    found
}

/// Names in a folder that match one part of a pattern, in order.
fn step(folder: &str, part: &str) -> Vec<String> {
    let join = |name: &str| {
        if folder.is_empty() || folder.ends_with('/') {
            format!("{folder}{name}")
        } else {
            format!("{folder}/{name}")
        }
    };
    if !part.contains(['*', '?']) {
        return Some(join(part)).filter(|p| Path::new(p).exists()).into_iter().collect();
    }
    let Ok(entries) = std::fs::read_dir(if folder.is_empty() { "." } else { folder }) else {
        return Vec::new();
    };
    let names = entries.filter_map(|e| e.ok()?.file_name().into_string().ok());
    let hidden = part.starts_with('.');
    let mut out: Vec<String> = names
        .filter(|n| (hidden || !n.starts_with('.')) && fits(part.as_bytes(), n.as_bytes()))
        .map(|n| join(&n))
        .collect();
    out.sort();
    out
}

/// Whether a name fits a pattern; linear in both, whatever the pattern.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == name[n] => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, n) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_names() {
        assert!(fits(b"*.yaml", b"first_run.yaml"));
        assert!(fits(b"f?rst*n.y*", b"first_run.yaml"));
        assert!(!fits(b"*.yml", b"first_run.yaml"));
        assert!(fits(b"**", b""));
    }

    #[test]
    fn no_match_is_a_mistake_and_a_repeat_a_note() {
        let args = |a: &[&str]| a.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        assert!(expand(&args(&["src/no_such_*.yaml"])).is_err());
        let paths = expand(&args(&["src/l?b.rs", "./src/lib.rs"])).expect("paths");
        assert_eq!(paths.files, ["src/lib.rs"]);
        assert_eq!(paths.notes, ["./src/lib.rs is named twice; it runs once"]);
    }
}
