//! A repro: a scenario that fails, and behind it, in comments, the record of the failing run. So one file is both what people
//! read and run, and what a machine replays and compares.
//!
//! ```text
//! schema: 1
//! ...
//! #= repro 1, decisions 1
//! #= build    mirrorsim 0.1.0 (commit ..., sources ..., release, x86_64-unknown-linux-gnu)
//! #= of       ms1:...        the run that was reduced
//! #= run      ms1:...        the run of this scenario
//! #= fails by durability I1 source #: request # of client #, slot ...
//! #= sums     1f2e 0a3b ...  16 bits of each line above
//! #= end      12345678       32 bits of all above
//! ```

use crate::build::BUILD;
use crate::token::{Problem, Token};
use mirrorsim_scenario::RECORD as MARK;
use mirrorsim_world::DECISIONS;
use mirrorsim_world::outcome::Verdict;
use std::fmt;
use xxhash_rust::xxh3::xxh3_64;

/// Version of the record.
const FORMAT: u32 = 1;
/// Sums on one line.
const A_LINE: usize = 20;
/// No repro is larger, bytes.
pub const LARGEST: u64 = 1 << 24;

/// A scenario and the record of a failing run of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repro {
    /// The text of the scenario, without the record.
    pub scenario: String,
    /// Version of the record, and of how decisions are drawn from a seed.
    pub versions: (u32, u32),
    /// The build that has written it.
    pub build: String,
    /// The run that was reduced; its scenario may have been edited since.
    pub of: Token,
    /// The run of this scenario.
    pub run: Token,
    /// What it fails by.
    pub signature: String,
}

/// Why a file is no repro that can be relied on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unfit {
    /// It has no record.
    NoRecord,
    /// It ends too early, after so many bytes.
    Cut(usize),
    /// A line is not what was written: its number from 1, the byte at which it begins from 0, and what is wrong with it.
    Damaged(usize, usize, String),
    /// Other versions of the record or of decisions.
    Versions(u32, u32),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::NoRecord => write!(f, "this is no repro: there is no record of a failing run in it"),
            Unfit::Cut(bytes) => write!(f, "the repro is damaged: it ends too early, after {bytes} bytes"),
            Unfit::Damaged(_, byte, what) => {
                write!(f, "the repro is damaged at byte {byte}: {what}")
            }
            Unfit::Versions(format, decisions) => write!(
                f,
                "the repro has format {format} and decisions {decisions}; this version has {FORMAT} and {DECISIONS}: its run \
                 cannot be compared with one of now"
            ),
        }
    }
}

impl std::error::Error for Unfit {}

impl Unfit {
    /// The line that is meant, from 1.
    pub fn line(&self) -> Option<usize> {
        if let Unfit::Damaged(line, ..) = self { Some(*line) } else { None }
    }
}

impl fmt::Display for Repro {
    /// The file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (format, decisions) = self.versions;
        let mut text = self.scenario.clone();
        let mut add = |line: String| text += &format!("{MARK}{line}\n");
        add(format!("repro {format}, decisions {decisions}"));
        add(format!("build    {}", self.build));
        add(format!("of       {}", self.of));
        add(format!("run      {}", self.run));
        add(format!("fails by {}", self.signature));
        let sums: Vec<String> = text.lines().map(|line| format!("{:04x}", sum(line))).collect();
        for some in sums.chunks(A_LINE) {
            text += &format!("{MARK}sums     {}\n", some.join(" "));
        }
        writeln!(f, "{text}{MARK}end      {:08x}", xxh3_64(text.as_bytes()) as u32)
    }
}

/// 16 bits of a line, without its end.
fn sum(line: &str) -> u16 {
    xxh3_64(line.as_bytes()) as u16
}

impl Repro {
    /// Of a scenario whose run is known.
    pub fn new(scenario: String, (of, run): (Token, Token), signature: String) -> Repro {
        let signature = signature.split_whitespace().collect::<Vec<_>>().join(" ");
        Repro { scenario, versions: (FORMAT, DECISIONS), build: BUILD.to_string(), of, run, signature }
    }

    /// Whether it is of another version, so that nothing can be compared.
    pub fn is_foreign(&self) -> bool {
        self.versions != (FORMAT, DECISIONS)
    }

    /// Whether a file has a record, or what is left of one: then it is no scenario that is to be run as it stands.
    pub fn is_recorded(bytes: &[u8]) -> bool {
        first_mark(bytes).is_some()
    }

    /// Reads a file. With `force` other versions are tried, too.
    pub fn read(bytes: &[u8], force: bool) -> Result<Repro, Unfit> {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(e) => return Err(not_text(bytes, e.valid_up_to())),
        };
        let first = format!("{MARK}repro ");
        let start = text.match_indices(&first).map(|(at, _)| at).filter(|at| begins_line(text, *at)).last();
        let Some(start) = start else {
            let mark = first_mark(bytes).ok_or(Unfit::NoRecord)?;
            // Sums, if they are left, know the line.
            if let Err(damaged @ Unfit::Damaged(..)) = whole(text) {
                return Err(damaged);
            }
            return Err(at_byte(text, mark, "its record does not begin with `#= repro`".into()));
        };
        let record = &text[start..];
        let head = record.lines().next().unwrap_or_default();
        let versions = versions(&head[first.len()..])
            .ok_or_else(|| at_byte(text, start, "the versions cannot be read".into()))?;
        // First: a flipped digit is no other version.
        whole(text)?;
        if versions != (FORMAT, DECISIONS) && !force {
            return Err(Unfit::Versions(versions.0, versions.1));
        }
        // A value, and the byte at which its line begins.
        let field = |name: &str| {
            let mut at = start;
            for line in record.split_inclusive('\n') {
                let value = line.strip_prefix(MARK).and_then(|l| l.strip_prefix(name)?.strip_prefix(' '));
                if let Some(value) = value {
                    return Ok((value.trim(), at));
                }
                at += line.len();
            }
            Err(at_byte(text, start, format!("its record has no `{name}`")))
        };
        let token = |name: &str| {
            let (value, at) = field(name)?;
            let token = value.parse().map_err(|e: Problem| at_byte(text, at, format!("`{name}`: {e}")))?;
            Ok((token, at))
        };
        let (run, at): (Token, usize) = token("run")?;
        if run.verdict != Verdict::Failed {
            return Err(at_byte(text, at, "its `run` is none that failed".into()));
        }
        Ok(Repro {
            scenario: text[..start].to_owned(),
            versions,
            build: field("build")?.0.to_owned(),
            of: token("of")?.0,
            run,
            signature: field("fails by")?.0.to_owned(),
        })
    }
}

/// Where the first line of a record begins, or of what is left of one.
fn first_mark(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        if line.starts_with(MARK.as_bytes()) {
            return Some(at);
        }
        at += line.len();
    }
    None
}

fn begins_line(text: &str, at: usize) -> bool {
    at == 0 || text.as_bytes()[at - 1] == b'\n'
}

fn versions(text: &str) -> Option<(u32, u32)> {
    let (format, decisions) = text.split_once(", decisions ")?;
    Some((format.parse().ok()?, decisions.parse().ok()?))
}

fn at_byte(text: &str, byte: usize, what: String) -> Unfit {
    let line = 1 + text.as_bytes()[..byte].iter().filter(|b| **b == b'\n').count();
    Unfit::Damaged(line, byte, what)
}

fn not_text(bytes: &[u8], byte: usize) -> Unfit {
    let line = 1 + bytes[..byte].iter().filter(|b| **b == b'\n').count();
    Unfit::Damaged(line, byte, "this is no text".into())
}

/// Whether every line is what was written.
fn whole(text: &str) -> Result<(), Unfit> {
    let cut = || Unfit::Cut(text.len());
    let end = format!("{MARK}end ");
    let at = text.rfind(&end).filter(|at| begins_line(text, *at)).ok_or_else(cut)?;
    let last = text[at + end.len()..].strip_suffix('\n').ok_or_else(cut)?;
    if u32::from_str_radix(last.trim(), 16) == Ok(xxh3_64(&text.as_bytes()[..at]) as u32) {
        return Ok(());
    }
    let label = format!("{MARK}sums ");
    if !text[..at].lines().any(|line| line.starts_with(&label)) {
        return Err(at_byte(
            text,
            at,
            format!("the lines `{}` above this one are missing", label.trim_end()),
        ));
    }
    let mut sums = text[..at].lines().filter_map(|l| l.strip_prefix(&label)).flat_map(str::split_whitespace);
    let mut byte = 0;
    for line in text[..at].split_inclusive('\n').take_while(|l| !l.starts_with(&label)) {
        let wanted = sums.next();
        let is_of = |line: &str| wanted == Some(&format!("{:04x}", sum(line)));
        if !is_of(line.trim_end_matches('\n')) {
            let why = match line.strip_suffix("\r\n").is_some_and(is_of) {
                true => {
                    ": it ends with CR LF, as git may make it; a line `FILE -text` in .gitattributes keeps it from that"
                }
                false => "",
            };
            return Err(at_byte(text, byte, format!("this line is not what was written{why}")));
        }
        byte += line.len();
    }
    Err(at_byte(text, byte, "its sums are not what was written".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repro() -> Repro {
        let token = Token {
            path: "a.yaml".into(),
            seed: 7,
            text: 1,
            build: 2,
            digest: 3,
            verdict: Verdict::Failed,
            oracle: Some("durability".into()),
            planted: vec!["P10".into()],
            sets: Vec::new(),
            check: None,
            disaster_at: None,
            data: None,
            yes_large: false,
            host: None,
        };
        let scenario = "schema: 1\n# a comment\nsources: [{name: alpha}]\n".to_owned();
        let new =
            Repro::new(scenario, (Token { seed: 8, ..token.clone() }, token), "durability I1 of #".into());
        // One of 65,536 changed lines has the sum that is written; of a text that is always the same it is known that none has.
        Repro { build: "mirrorsim 0.1.0 (commit 1)".into(), ..new }
    }

    #[test]
    fn it_survives_the_round_trip() {
        let text = repro().to_string();
        assert_eq!(Repro::read(text.as_bytes(), false), Ok(repro()), "{text}");
    }

    #[test]
    fn every_changed_byte_is_noticed_and_its_line_named() {
        let text = repro().to_string();
        let sums = text.find("#= sums").expect("sums");
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            let error = Repro::read(&bytes, false).expect_err("damaged");
            let line = 1 + text[..at].matches('\n').count();
            if let (Some(named), true) = (error.line(), at < sums && text.as_bytes()[at] != b'\n') {
                assert!(named <= line, "byte {at}: {error}");
                assert!(
                    !error.to_string().contains("not what was written") || named == line,
                    "{at}: {error}"
                );
            }
        }
    }

    #[test]
    fn every_cut_is_noticed() {
        let text = repro().to_string();
        for at in 0..text.len() {
            assert!(Repro::read(&text.as_bytes()[..at], false).is_err(), "{at}");
        }
        assert_eq!(Repro::read(b"schema: 1\n", false), Err(Unfit::NoRecord));
        assert!(matches!(Repro::read(&text.as_bytes()[..text.len() - 3], false), Err(Unfit::Cut(_))));
    }

    #[test]
    fn only_a_run_that_failed_is_a_repro_and_line_ends_are_named() {
        let passed = Token { verdict: Verdict::Passed, ..repro().run };
        let text = Repro { run: passed, ..repro() }.to_string();
        let run = text.lines().position(|l| l.starts_with("#= run ")).expect("a run") + 1;
        let error = Repro::read(text.as_bytes(), false).expect_err("it passed");
        assert_eq!(error.line(), Some(run), "{error}");
        let with_ends = repro().to_string().replace('\n', "\r\n");
        let error = Repro::read(with_ends.as_bytes(), false).expect_err("CR LF");
        assert!(error.to_string().contains("CR LF"), "{error}");
        // Another change of such a line has nothing to do with its end.
        let other = with_ends.replacen("schema: 1", "schema: 2", 1);
        let error = Repro::read(other.as_bytes(), false).expect_err("another line");
        assert!(!error.to_string().contains("CR LF"), "{error}");
        // What is left of a record has a place.
        let error = Repro::read(b"schema: 1\n#= \n", false).expect_err("no record");
        assert_eq!(error.line(), Some(2), "{error}");
        assert!(Repro::is_recorded(b"schema: 1\n#= \xff"));
    }

    #[test]
    fn a_banner_is_no_record() {
        for banner in ["#=\n", "#==========\n", "#=\tmine\n", "# = mine\n", " #= mine\n", "#- mine -#= \n"] {
            let text = format!("{banner}schema: 1\n{banner}");
            assert!(!Repro::is_recorded(text.as_bytes()), "{text}");
            assert_eq!(Repro::read(text.as_bytes(), false), Err(Unfit::NoRecord), "{text}");
        }
        let scenario = format!("#=====\n{}#=====\n", repro().scenario);
        let with_banner = Repro { scenario, ..repro() };
        assert_eq!(Repro::read(with_banner.to_string().as_bytes(), false), Ok(with_banner));
    }

    #[test]
    fn other_versions_are_refused_but_by_force() {
        let other = Repro { versions: (FORMAT, DECISIONS + 1), ..repro() };
        let text = other.to_string();
        assert_eq!(Repro::read(text.as_bytes(), false), Err(Unfit::Versions(FORMAT, DECISIONS + 1)));
        assert_eq!(Repro::read(text.as_bytes(), true), Ok(other));
    }
}
