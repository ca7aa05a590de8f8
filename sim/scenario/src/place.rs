//! Where something stands in the texts that make a scenario: the file, and each `KEY=VALUE` of `--set`.

/// A range of bytes of one text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Place {
    /// Index into the texts; 0 is the file.
    pub text: u32,
    /// First byte.
    pub start: u32,
    /// Behind the last byte.
    pub end: u32,
    /// What stands here was already reported: a mistake that follows from it is not.
    pub poisoned: bool,
}

impl Place {
    /// The place of `start..end` in text `text`.
    pub fn new(text: u32, start: usize, end: usize) -> Place {
        let cut = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place { text, start: cut(start), end: cut(end), poisoned: false }
    }

    /// The same place, marked as already reported.
    pub fn poison(mut self) -> Place {
        self.poisoned = true;
        self
    }
}

/// One text with its name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    /// File name, `<stdin>`, or `--set`.
    pub name: String,
    /// Its content.
    pub content: String,
    lines: Vec<u32>,
}

impl Text {
    /// A text; the starts of its lines are found once.
    pub fn new(name: &str, content: &str) -> Text {
        let starts = content.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i as u32 + 1);
        Text {
            name: printable(name),
            content: content.to_owned(),
            lines: std::iter::once(0).chain(starts).collect(),
        }
    }

    /// Line and column (in characters) of a byte, both from 1.
    pub fn line_column(&self, byte: u32) -> (usize, usize) {
        let line = self.lines.partition_point(|start| *start <= byte).max(1);
        let start = self.lines[line - 1] as usize;
        let end = (byte as usize).min(self.content.len());
        let before = self.content.get(start..end).unwrap_or("");
        (line, before.chars().count() + 1)
    }
}

/// A free text in one line, with everything escaped that could change what a terminal shows.
pub fn one_line(text: &str) -> String {
    printable(&text.trim_end().replace('\n', " "))
}

/// `text` with everything escaped that could change what a terminal shows.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// Control characters, and those that reorder or hide text.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
