//! Words that verdicts and findings use, for `explain`: verdicts, rules, invariants and words of the protocol, roles, phases, oracles.
//! Nothing is said here: each text is that of the page or the source that says it first.

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
/// What a server can be doing when a fault hits it.
const ACTIVITY: &str = include_str!("../../../world/src/activity.rs");

/// All of them.
pub fn all() -> impl Iterator<Item = Named> {
    verdicts().into_iter().chain(rules()).chain(roles()).chain(phases()).chain(oracles())
}

/// What an oracle, or what stands in the place of one (a verdict, too), is: the words of its page, on one line.
pub fn about_oracle(name: &str) -> Option<String> {
    let is_it = |n: &Named| match n.kind {
        "verdict" => n.name.eq_ignore_ascii_case(name),
        kind => n.name == name && ["oracle", "word"].contains(&kind),
    };
    let found = all().find(is_it)?;
    Some(found.value["about"].as_str()?.replace('`', ""))
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
                rest = [" and ", ", "].iter().find_map(|more| behind.strip_prefix(more)).unwrap_or(behind);
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
fn roles() -> impl Iterator<Item = Named> {
    let what = "a role, what a server is to a mirror (`The life of a mirror` in the README has all)";
    variants(SUPERBLOCK, "pub enum Role {")
        .into_iter()
        .map(move |(name, about)| named("role", name, what, &about, "src/superblock.rs"))
}

/// What a cause says behind `in`.
fn phases() -> impl Iterator<Item = Named> {
    let what = "a phase, what a server was doing when a fault hit it (`crash of source in ...`; a link does what its source does)";
    let all = variants(ACTIVITY, "pub(crate) enum Doing {");
    mirrorsim_world::phases().filter_map(move |name| {
        let (_, about) = all.iter().find(|(variant, _)| variant.eq_ignore_ascii_case(name))?;
        Some(named("phase", name, what, about, "sim/world/src/activity.rs"))
    })
}

/// Variants of an enumeration, each with what is said of it.
fn variants(source: &'static str, head: &str) -> Vec<(&'static str, String)> {
    let all = source.split_once(head).and_then(|(_, rest)| rest.split_once("\n}"));
    let mut about = String::new();
    let mut found = Vec::new();
    for line in all.map_or("", |(variants, _)| variants).lines().map(str::trim) {
        if let Some(doc) = line.strip_prefix("///") {
            about += doc;
        } else if let Some(name) = line.strip_suffix(',') {
            found.push((name, about.trim().to_owned()));
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
    fn all_that_a_verdict_or_a_cause_says_is_known() {
        let table = README
            .lines()
            .skip_while(|line| !line.contains(VERDICTS))
            .take_while(|line| !line.contains("| code |"));
        let rows: Vec<&str> = table.filter(|line| line.starts_with("| ")).collect();
        fn plain(word: &&str) -> bool {
            word.len() > 1 && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        }
        let quoted = rows.iter().flat_map(|row| row.split('`').skip(1).step_by(2)).filter(plain);
        let verdicts = rows.iter().filter_map(|row| row.split(' ').nth(1)).filter(|word| *word != "verdict");
        let faults = mirrorsim_scenario::explain_key("faults").expect("it");
        let faults =
            faults.lines().filter_map(|l| l.strip_prefix("    ")?.split_whitespace().next()).filter(plain);
        let others =
            "panic expect determinism script loss duplicate corrupt bent lost_at_power_cut torn_at_power_cut";
        let others = others.split(' ').chain(mirrorsim_world::ORACLES.iter().copied());
        let others = mirrorsim_world::phases().chain(quoted).chain(verdicts).chain(others);
        let words: Vec<String> = faults.map(str::to_owned).chain(others.map(str::to_owned)).collect();
        assert!(
            words.len() > 80
                && ["hang", "RIG", "power_cut", "apart"].iter().all(|word| words.iter().any(|w| w == word)),
            "{words:?}"
        );
        let known: Vec<Named> = crate::commands::names::all().collect();
        for word in words {
            let is_it = |n: &Named| n.name == word;
            assert!(
                known.iter().any(is_it) || mirrorsim_scenario::explain_key(&word).is_some(),
                "{word} is not known"
            );
        }
        for phase in mirrorsim_world::phases() {
            let said = known.iter().find(|n| n.kind == "phase" && n.name == phase);
            assert!(
                said.is_some_and(|n| n.value["about"].as_str().is_some_and(|about| about.len() > 8)),
                "{phase}"
            );
        }
        // An oracle, and what stands in its place.
        for (name, words) in [
            ("durability", "answered"),
            ("hang", "--hang-after"),
            ("vacuous", "scripted fault"),
            ("expect", "expectation"),
        ] {
            assert!(
                about_oracle(name).is_some_and(|about| about.contains(words)),
                "{name}: {:?}",
                about_oracle(name)
            );
        }
    }

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
