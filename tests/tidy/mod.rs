//! The repository tests itself: what ARCHITECTURE.md and CONTRIBUTING.md promise about files and manifests.

mod arrows;
mod files;
mod paths;
mod words;

use crate::cli::top;
use std::path::{Path, PathBuf};

/// One text file of the repository.
pub struct File {
    /// Path from the top of the checkout, with `/`.
    pub path: String,
    /// Content.
    pub text: String,
}

impl File {
    /// Whether it is only there for tests.
    pub fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        self.path.contains("/tests/") || name == "tests.rs" || name.ends_with("_tests.rs")
    }

    /// Lines of code that are not only there for tests, without comments; numbered from 1.
    pub fn shipped(&self) -> Vec<(usize, &str)> {
        if self.is_test() {
            return Vec::new();
        }
        let lines: Vec<&str> = self.text.lines().collect();
        let inline_tests =
            |i: usize| lines[i] == "#[cfg(test)]" && lines.get(i + 1).is_some_and(|l| l.ends_with('{'));
        let end = (0..lines.len()).find(|i| inline_tests(*i)).unwrap_or(lines.len());
        let code = |i: usize| (i + 1, lines[i].split("//").next().unwrap_or_default());
        (0..end).map(code).collect()
    }
}

/// Files below a folder (or the file itself) with one of these endings, in order of their paths. What is built, what
/// is ignored and what other programs keep here is left out.
pub fn files(of: &str, endings: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    collect(&top().join(of), &mut found);
    found.sort();
    let has_ending = |p: &PathBuf| endings.iter().any(|e| p.to_str().is_some_and(|p| p.ends_with(e)));
    let read = |p: PathBuf| {
        let text = std::fs::read(&p).unwrap_or_else(|e| panic!("{}: {e}", p.display()));
        let path = p.strip_prefix(top()).unwrap_or(&p).to_str().expect("UTF-8").replace('\\', "/");
        File { path, text: String::from_utf8(text).unwrap_or_else(|e| panic!("{}: {e}", p.display())) }
    };
    found.into_iter().filter(has_ending).map(read).collect()
}

fn collect(path: &Path, into: &mut Vec<PathBuf>) {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    if path.is_file() {
        return into.push(path.to_owned());
    }
    let hidden = name.starts_with('.') && name != ".." && name != ".ci";
    if hidden || name == "target" || path.ends_with("reports/out") {
        return;
    }
    for entry in std::fs::read_dir(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())) {
        collect(&entry.expect("an entry").path(), into);
    }
}

/// One file.
pub fn file(path: &str) -> File {
    let all = files(path, &[path]);
    all.into_iter().next().unwrap_or_else(|| panic!("{path} is missing"))
}

/// Fails with all complaints, one a line.
#[track_caller]
pub fn none(what: &str, complaints: &[String]) {
    assert!(complaints.is_empty(), "{what}:\n  {}", complaints.join("\n  "));
}
