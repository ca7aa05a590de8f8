//! Words that verdicts and findings use, for `explain`: verdicts, rules, invariants and words of the protocol, roles, oracles. Nothing is
//! said here: each text is that of the page or the source that says it first.

use super::names::Named;
use mirrorsim_world::ORACLE_TEXTS;
use serde_json::json;

/// How a verdict is read.
const README: &str = include_str!("../../../../README.md");
const VERDICTS: &str = "Reading a verdict";
/// The rules.
const PROTOCOL: &str = include_str!("../../../../docs/protocol.md");
/// The roles, with what each is.
const SUPERBLOCK: &str = include_str!("../../../../src/superblock.rs");

/// All of them.
pub fn all() -> impl Iterator<Item = Named> {
    verdicts().into_iter().chain(rules()).chain(roles()).chain(oracles())
}

fn named(kind: &'static str, name: &'static str, what: &str, about: &str, place: &str) -> Named {
    Named {
        kind,
        name,
        cells: vec![name.into(), about.into()],
        value: json!({"type": kind, "name": name, "about": about}),
        text: format!("{name}: {what}\n{}\n\n  from     {place}\n", wrapped(&unlinked(about))),
    }
}

/// Of the README: lines of the table that begin with a word, and sentences that begin with one: "`WORD` is ...".
fn verdicts() -> Vec<Named> {
    let (from, place) = (format!("\n## {VERDICTS}\n"), format!("README.md, \"{VERDICTS}\""));
    let section = README.split_once(&from).map_or("", |(_, rest)| rest);
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut found = Vec::new();
    for paragraph in section.split("\n\n") {
        for row in paragraph.lines().filter_map(|line| line.strip_prefix("| ")) {
            let mut cells = row.split(" | ");
            if let (Some(name), Some(about)) = (cells.next(), cells.next())
                && name.chars().all(|c| c.is_ascii_uppercase())
            {
                let about = about.trim_end_matches(" |");
                found.push(named("verdict", name, "a verdict", about, &place));
            }
        }
        for sentence in paragraph.split(". ").flat_map(|s| s.split(".\n")) {
            let about = format!("{}.", sentence.trim_end_matches('.'));
            let mut rest = sentence;
            while let Some((name, behind)) = rest.strip_prefix('`').and_then(|r| r.split_once('`')) {
                found.push(named("word", name, "a word of verdicts", &about, &place));
                rest = behind.strip_prefix(" and ").unwrap_or(behind);
            }
        }
    }
    found
}

/// Items of the page: `- **NAME** text`, or under "Words" one or several `**NAME**: text`.
fn rules() -> Vec<Named> {
    let mut found = Vec::new();
    let mut section = "";
    let mut lines = PROTOCOL.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title;
        }
        let Some(start) = line.strip_prefix("- **") else { continue };
        let mut item = format!("**{start}");
        while let Some(more) = lines.next_if(|l| l.starts_with("  ")) {
            item += " ";
            item += more.trim();
        }
        let (kind, what) = match section {
            "Words" => ("word", "a word of these pages"),
            "Invariants" => ("invariant", "an invariant, which oracles judge"),
            "Policies, and going on alone" if !start.starts_with("LR") => ("policy", "a policy"),
            _ => ("rule", "a rule of the protocol"),
        };
        // The first word of the line is where it stands in the page; the others of "Words" are looked up in it.
        let names = start.split("**").step_by(2).take(if section == "Words" { usize::MAX } else { 1 });
        for name in names.flat_map(|n| n.split(", ")) {
            let name = name.trim_end_matches(':');
            let about = item.replace("**", "");
            let about =
                about.strip_prefix(name).map_or(about.as_str(), |rest| rest.trim_start_matches([':', ' ']));
            found.push(named(kind, name, what, about, &format!("docs/protocol.md, \"{section}\"")));
        }
    }
    found
}

/// What a superblock can say that its server is.
fn roles() -> Vec<Named> {
    let all = SUPERBLOCK.split_once("pub enum Role {").and_then(|(_, rest)| rest.split_once("\n}"));
    let mut about = String::new();
    let mut found = Vec::new();
    for line in all.map_or("", |(roles, _)| roles).lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("///") {
            about += doc;
        } else if let Some(name) = line.strip_suffix(',') {
            let what = "a role, what a server is to a mirror (`The life of a mirror` in the README has all)";
            found.push(named("role", name, what, about.trim(), "src/superblock.rs"));
            about.clear();
        }
    }
    found
}

/// Who judges: the first paragraph of each one's file.
fn oracles() -> impl Iterator<Item = Named> {
    ORACLE_TEXTS.iter().map(|(name, source)| {
        let head = source.lines().map_while(|l| l.strip_prefix("//!")).take_while(|l| !l.trim().is_empty());
        let about = head.map(str::trim).collect::<Vec<_>>().join(" ");
        named(
            "oracle",
            name,
            "an oracle, which judges runs",
            &about,
            &format!("sim/oracle/src/oracles/{name}.rs"),
        )
    })
}

/// Without the addresses of links.
fn unlinked(text: &str) -> String {
    let mut text = text.to_owned();
    while let Some(middle) = text.find("](") {
        let (open, close) = (text[..middle].rfind('['), text[middle..].find(')'));
        let (Some(open), Some(close)) = (open, close) else { break };
        text.replace_range(middle..=middle + close, "");
        text.remove(open);
    }
    text
}

/// Lines of at most a page's width, two spaces in.
fn wrapped(text: &str) -> String {
    let mut out = String::from(" ");
    let mut width = 1;
    for word in text.split_whitespace() {
        if width + word.chars().count() > 110 {
            out += "\n ";
            width = 1;
        }
        out += " ";
        out += word;
        width += 1 + word.chars().count();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_verdicts_speak_of_is_known() {
        let known: Vec<Named> = all().collect();
        let words = "PASSED FAILED VACUOUS INCONCLUSIVE RIG INTERRUPTED STOPPED stale disagreements proven cause \
                     epoch generation mark fence heir desk atlas ledger SyncRequest strict degrade SR1 SR9 DR1 DR11 LR1 LR9 \
                     I1 I18 L1 L4 Source Degraded Mirror Target Retired Diverged Recovering Recovered fencing resync reader";
        for word in words.split_whitespace() {
            let found =
                known.iter().find(|n| n.name == word).unwrap_or_else(|| panic!("{word} is not known"));
            assert!(found.text.len() > word.len() + 60 && !found.text.contains("**"), "{}", found.text);
        }
        assert_eq!(known.iter().filter(|n| n.kind == "role").count(), 8);
        for rules in [("SR", 9), ("DR", 11), ("LR", 9)] {
            let of = |n: &&Named| {
                n.kind == "rule" && n.name.strip_prefix(rules.0).is_some_and(|r| r.parse::<u8>().is_ok())
            };
            assert_eq!(known.iter().filter(of).count(), rules.1, "{}", rules.0);
        }
    }
}
