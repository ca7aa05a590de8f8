//! From a path to text: the size cap, encodings and characters that no scenario has.

use crate::place::{Place, is_hidden};
use crate::problem::Draft;
use std::fs::File;
use std::io::Read;

/// Reads at most `cap` bytes of `path` (`-` is standard input). The cap holds while reading: a pipe or `/dev/zero`
/// has no size to ask for.
pub(crate) fn fetch(path: &str, cap: u64) -> Result<Vec<u8>, Box<Draft>> {
    if path == "-" {
        return capped(std::io::stdin().lock(), cap);
    }
    let file = File::open(path).map_err(|e| unreadable(&e))?;
    if file.metadata().is_ok_and(|m| m.is_dir()) {
        let file = format!("{}/first_run.yaml", path.trim_end_matches('/'));
        return Err(Box::new(
            Draft::nowhere("", "directory", "is a directory, not a scenario file")
                .help(format!("give the path of a file in it, such as {file}")),
        ));
    }
    capped(file, cap)
}

fn unreadable(e: &std::io::Error) -> Box<Draft> {
    let draft = Draft::nowhere("", "cannot-read", format!("cannot read the scenario: {}", reason(e)));
    Box::new(draft.help("give the path of a YAML file, or - for standard input; replay, diff and shrink take tokens (ms1:...), too"))
}

/// An error in words, without the number of the operating system.
fn reason(e: &std::io::Error) -> String {
    let text = e.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map(|c| c.to_lowercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}

fn capped(from: impl Read, cap: u64) -> Result<Vec<u8>, Box<Draft>> {
    let mut bytes = Vec::new();
    from.take(cap + 1).read_to_end(&mut bytes).map_err(|e| unreadable(&e))?;
    if bytes.len() as u64 > cap {
        return Err(Box::new(too_large(cap)));
    }
    Ok(bytes)
}

/// What follows the indentation of a line; the dashes of a list are a part of it.
fn indented(line: &str) -> &str {
    let body = line.trim_start_matches([' ', '\t']);
    match body.strip_prefix('-') {
        Some(rest) if rest.starts_with([' ', '\t']) => indented(rest),
        _ => body,
    }
}

/// The mistake of a text above the cap.
pub(crate) fn too_large(cap: u64) -> Draft {
    let what = format!("is larger than {cap} bytes, the most that a scenario may have");
    let help = "keep long lists of operations in a trace file and name it under `trace:`";
    Draft::nowhere("", "too-large", what).help(help)
}

/// Checks the encoding. A byte order mark of UTF-8 is dropped; every other mistake is named with its byte offset.
pub(crate) fn decode(bytes: &[u8]) -> Result<&str, Box<Draft>> {
    let wrong = |what: String| Box::new(Draft::nowhere("", "encoding", what).help("save the file as UTF-8"));
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(wrong("is UTF-16 or UTF-32 (byte order mark at byte 0), want UTF-8".into()));
    }
    if let Some(at) = bytes.iter().position(|b| *b == 0) {
        return Err(wrong(format!("has a NUL at byte {at}, want UTF-8 text")));
    }
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let at = e.valid_up_to();
        wrong(format!("is not UTF-8: byte {at} is 0x{:02x}", bytes[at]))
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Characters that a scenario never needs and that make a terminal or an editor show something else: refused at
/// once, as the rest of the text cannot be trusted to look as it is.
pub(crate) fn hidden_characters(text: &str) -> Option<Draft> {
    let bad = |c: &char| is_hidden(*c) && !matches!(c, '\n' | '\t' | '\r');
    let (at, c) = text.char_indices().find(|(_, c)| bad(c))?;
    let what = format!("has the invisible character U+{:04X} at byte {at}", c as u32);
    let place = Place::new(0, at, at + c.len_utf8());
    Some(
        Draft::at(place, "", "hidden-character", what)
            .help("delete it; in a quoted text write \\u and its number"),
    )
}

/// Tabs in indentation: YAML forbids them, and what they mean depends on the editor. All of them in one mistake.
pub(crate) fn tab_indents(text: &str) -> Option<Draft> {
    let mut at = 0;
    let mut tabs = Vec::new();
    for line in text.split_inclusive('\n') {
        let body = indented(line);
        let blank = body.trim_end().is_empty() || body.starts_with('#');
        if let Some(tab) = line[..line.len() - body.len()].find('\t').filter(|_| !blank) {
            tabs.push(Place::new(0, at + tab, at + tab + 1));
        }
        at += line.len();
    }
    let first = *tabs.first()?;
    let mut draft = Draft::at(first, "", "tab", "a tab indents this line")
        .help("use spaces for indentation, two per level");
    for tab in tabs.iter().skip(1).take(4) {
        draft = draft.also(*tab, "a tab too");
    }
    Some(if tabs.len() > 5 { draft.got(format!("tabs on {} lines", tabs.len())) } else { draft })
}
