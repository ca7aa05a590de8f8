//! No file names a place that only exists where it was written.

use super::{files, none};

const TEXTS: &[&str] = &[
    ".rs",
    ".toml",
    ".md",
    ".yaml",
    ".yml",
    ".json",
    ".txt",
    ".sh",
    ".py",
    ".ci/run",
    "LICENSE-MIT",
    "LICENSE-APACHE",
];

#[test]
fn no_file_names_a_place_of_one_machine() {
    // In pieces, so that this file may stay where it is.
    let places =
        [["/wo", "rk/"], ["/ro", "ot/"], ["/tm", "p/"], ["/Us", "ers/"], ["../sha", "red"], ["file:/", "//"]];
    let mut found = Vec::new();
    for file in files("", TEXTS) {
        for (number, line) in file.text.lines().enumerate() {
            for place in places.iter().map(|p| p.concat()).filter(|p| line.contains(p)) {
                found.push(format!("{}:{}: {place}", file.path, number + 1));
            }
        }
    }
    none("paths of one machine; tests find data that does not ship through MIRRORSIM_DATA", &found);
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut dead = Vec::new();
    for file in files("", &[".md"]) {
        let folder = file.path.rsplit_once('/').map_or("", |(f, _)| f);
        for link in file.text.split("](").skip(1).filter_map(|l| l.split([')', '#']).next()) {
            let outside = link.is_empty() || link.contains("://") || link.contains(' ');
            if !outside && !super::top().join(folder).join(link).exists() {
                dead.push(format!("{}: {link}", file.path));
            }
        }
    }
    none("links to files that do not exist", &dead);
}
