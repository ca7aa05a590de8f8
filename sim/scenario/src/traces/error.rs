//! What is wrong with a trace, and where.

use std::fmt;

/// Why a trace was refused. Displayed in one line, or two with a help line; text from the file is escaped and cut.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TraceError {
    /// The file cannot be read or unpacked.
    Unreadable {
        /// Its path.
        path: String,
        /// What went wrong.
        problem: Box<Problem>,
    },
    /// What the file says is refused.
    Refused {
        /// Its path.
        path: String,
        /// Where it says so.
        place: Place,
        /// What is wrong.
        problem: Box<Problem>,
    },
}

/// A place in a trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// The file as a whole.
    File,
    /// A line of a text format, from 1.
    Line(u64),
    /// A byte of the unpacked file.
    Byte(u64),
    /// An entry of a log.
    Entry {
        /// Which, from 0.
        number: u64,
        /// Where it starts in the unpacked file.
        byte: u64,
    },
}

/// What is wrong at a place. Empty parts are not displayed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Problem {
    /// In one sentence.
    pub what: String,
    /// What the file has.
    pub got: String,
    /// What would be right.
    pub want: String,
    /// What to do.
    pub help: String,
}

impl Problem {
    pub(super) fn new(what: impl Into<String>) -> Problem {
        Problem { what: what.into(), ..Problem::default() }
    }

    pub(super) fn got(mut self, got: impl fmt::Display) -> Problem {
        self.got = got.to_string();
        self
    }

    /// Text of the file: quoted, escaped, at most 40 characters.
    pub(super) fn got_bytes(self, bytes: &[u8]) -> Problem {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(160)]);
        let mut cut: String = text.chars().take(40).flat_map(char::escape_default).collect();
        if bytes.len() > 160 || text.chars().nth(40).is_some() {
            cut.push_str("...");
        }
        self.got(format_args!("`{cut}`"))
    }

    pub(super) fn want(mut self, want: impl fmt::Display) -> Problem {
        self.want = want.to_string();
        self
    }

    pub(super) fn help(mut self, help: impl fmt::Display) -> Problem {
        self.help = help.to_string();
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match (self.got.is_empty(), self.want.is_empty()) {
            (false, false) => write!(f, ": got {}, want {}", self.got, self.want)?,
            (false, true) => write!(f, ": got {}", self.got)?,
            (true, false) => write!(f, ": want {}", self.want)?,
            (true, true) => {}
        }
        if !self.help.is_empty() {
            write!(f, "\n  help: {}", self.help)?;
        }
        Ok(())
    }
}

impl TraceError {
    /// Where it is wrong, path first, and what is.
    pub fn parts(&self) -> (String, &Problem) {
        let (path, place, problem) = match self {
            TraceError::Unreadable { path, problem } => (path, &Place::File, problem),
            TraceError::Refused { path, place, problem } => (path, place, problem),
        };
        let path = path.escape_debug();
        let place = match place {
            Place::File => path.to_string(),
            Place::Line(line) => format!("{path}:{line}"),
            Place::Byte(byte) => format!("{path}: byte {byte}"),
            Place::Entry { number, byte } => format!("{path}: entry {number} at byte {byte}"),
        };
        (place, problem)
    }
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, problem) = self.parts();
        write!(f, "{place}: {problem}")
    }
}

impl std::error::Error for TraceError {}
