//! Replay tokens: one word without spaces that runs a seed again, and knows when it no longer runs the same thing.
//!
//! `ms1:PATH:SEED:TEXT:BUILD:DIGEST:VERDICT[:NAME=VALUE]...:SUM`
//!
//! | field   | meaning                                                                      |
//! |---------|------------------------------------------------------------------------------|
//! | PATH    | scenario file as the user wrote it, percent-encoded; `-` is standard input   |
//! | SEED    | decimal                                                                      |
//! | TEXT    | 8 hexadecimal digits: hash of the scenario's text, of what `--set` changed, and of its traces |
//! | BUILD   | 8 hexadecimal digits: hash of the sources that can change a run              |
//! | DIGEST  | 16 hexadecimal digits: the run's digest; 0 if it panicked                    |
//! | VERDICT | `passed`, `failed`, `vacuous`, `inconclusive`, `rig`; then `.` and the first failure's oracle |
//! | NAME    | `plant`, `set` (`path=value`), `check`, `at` (`20ns` or event `20`), `data`, `large`, `host` (machines of one's own) |
//! | SUM     | 4 hexadecimal digits over everything before, so that a damaged token never runs something else |

use crate::percent;
use mirrorsim_world::DisasterAt;
use mirrorsim_world::outcome::Verdict;
use mirrorsim_world::spec::CheckMode;
use std::fmt;
use std::str::FromStr;
use xxhash_rust::xxh3::xxh3_64;

const FORMAT: &str = "ms1";

/// Verdicts by name.
const VERDICTS: [(&str, Verdict); 5] = [
    ("passed", Verdict::Passed),
    ("failed", Verdict::Failed),
    ("vacuous", Verdict::Vacuous),
    ("inconclusive", Verdict::Inconclusive),
    ("rig", Verdict::Rig),
];

/// What it takes to run a seed again, and what came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    /// The scenario file.
    pub path: String,
    /// The seed.
    pub seed: u64,
    /// Hash of the scenario's text, sets and traces.
    pub text: u32,
    /// Hash of the build's sources.
    pub build: u32,
    /// Digest of the run.
    pub digest: u64,
    /// Its verdict.
    pub verdict: Verdict,
    /// Oracle of its first failure.
    pub oracle: Option<String>,
    /// Planted bugs.
    pub planted: Vec<String>,
    /// `--set` pairs.
    pub sets: Vec<(String, String)>,
    /// The check mode, if it was not the scenario's own.
    pub check: Option<CheckMode>,
    /// Where the run was stopped by a disaster.
    pub disaster_at: Option<DisasterAt>,
    /// Folder of trace files.
    pub data: Option<String>,
    /// A very large run was allowed.
    pub yes_large: bool,
    /// Whose machines ran, if not ours.
    pub host: Option<String>,
}

/// Why a text is no token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Problem {
    /// It does not look like one.
    NotAToken,
    /// Another version of mirrorsim wrote it.
    Format(String),
    /// Something is missing or was changed; the field.
    Damaged(&'static str),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::NotAToken => {
                write!(f, "this is not a replay token; one starts with `{FORMAT}:`")
            }
            Problem::Format(got) => write!(f, "the token has format `{got}`; this version reads `{FORMAT}`"),
            Problem::Damaged(field) => write!(f, "the token is damaged: {field}; copy the whole line again"),
        }
    }
}

impl std::error::Error for Problem {}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = VERDICTS.iter().find(|(_, v)| *v == self.verdict).map_or("", |(name, _)| name);
        let mut out = format!(
            "{FORMAT}:{}:{}:{:08x}:{:08x}:{:016x}:{verdict}",
            percent::encode(&self.path),
            self.seed,
            self.text,
            self.build,
            self.digest
        );
        if let Some(oracle) = &self.oracle {
            out = out + "." + &percent::encode(oracle);
        }
        let mut add = |name: &str, value: &str| out = format!("{out}:{name}={}", percent::encode(value));
        self.planted.iter().for_each(|id| add("plant", id));
        self.sets.iter().for_each(|(path, value)| add("set", &format!("{path}={value}")));
        if let Some(mode) = self.check {
            add("check", mode.name());
        }
        match self.disaster_at {
            Some(DisasterAt::Time(ns)) => add("at", &format!("{ns}ns")),
            Some(DisasterAt::Event(number)) => add("at", &number.to_string()),
            None => {}
        }
        if let Some(data) = &self.data {
            add("data", data);
        }
        if self.yes_large {
            add("large", "yes");
        }
        if let Some(host) = &self.host {
            add("host", host);
        }
        write!(f, "{out}:{:04x}", sum(&out))
    }
}

fn sum(text: &str) -> u16 {
    xxh3_64(text.as_bytes()) as u16
}

impl FromStr for Token {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Token, Problem> {
        let text = text.trim();
        let (format, _) = text.split_once(':').ok_or(Problem::NotAToken)?;
        if format != FORMAT {
            let other = format
                .strip_prefix("ms")
                .is_some_and(|v| !v.is_empty() && v.bytes().all(|b| b.is_ascii_digit()));
            return Err(if other { Problem::Format(format.into()) } else { Problem::NotAToken });
        }
        let (body, checksum) = text.rsplit_once(':').ok_or(Problem::NotAToken)?;
        if hex(checksum, 4, "its checksum") != Ok(u64::from(sum(body))) {
            return Err(Problem::Damaged("its checksum does not fit"));
        }
        let mut fields = body.split(':').skip(1);
        let mut field = |name| fields.next().ok_or(Problem::Damaged(name));
        let path = decoded(field("path")?, "its path")?;
        let seed = field("seed")?.parse().map_err(|_| Problem::Damaged("its seed"))?;
        let text = hex(field("text")?, 8, "the scenario's hash")? as u32;
        let build = hex(field("build")?, 8, "the build's hash")? as u32;
        let digest = hex(field("digest")?, 16, "its digest")?;
        let verdict = field("verdict")?;
        let (verdict, oracle) = verdict.split_once('.').map_or((verdict, None), |(v, o)| (v, Some(o)));
        let (_, verdict) =
            *VERDICTS.iter().find(|(name, _)| *name == verdict).ok_or(Problem::Damaged("its verdict"))?;
        let oracle = oracle.map(|o| decoded(o, "its oracle")).transpose()?;
        let mut token = Token {
            path,
            seed,
            text,
            build,
            digest,
            verdict,
            oracle,
            planted: Vec::new(),
            sets: Vec::new(),
            check: None,
            disaster_at: None,
            data: None,
            yes_large: false,
            host: None,
        };
        fields.try_for_each(|f| token.add(f))?;
        Ok(token)
    }
}

impl Token {
    fn add(&mut self, field: &str) -> Result<(), Problem> {
        let (name, value) = field.split_once('=').ok_or(Problem::Damaged("a field without a value"))?;
        let value = decoded(value, name_of(name))?;
        let twice = match name {
            "check" => self.check.is_some(),
            "at" => self.disaster_at.is_some(),
            "data" => self.data.is_some(),
            "host" => self.host.is_some(),
            _ => false,
        };
        if twice {
            return Err(Problem::Damaged("a field stands twice"));
        }
        match name {
            "plant" => self.planted.push(value),
            "set" => {
                let (path, value) = value.split_once('=').ok_or(Problem::Damaged("its sets"))?;
                self.sets.push((path.to_owned(), value.to_owned()));
            }
            "check" => {
                let mode = CheckMode::ALL.into_iter().find(|m| m.name() == value);
                self.check = Some(mode.ok_or(Problem::Damaged("its check mode"))?);
            }
            "at" => self.disaster_at = Some(moment(&value).ok_or(Problem::Damaged("its disaster"))?),
            "data" => self.data = Some(value),
            "large" if value == "yes" => self.yes_large = true,
            "host" if !value.is_empty() => self.host = Some(value),
            _ => return Err(Problem::Damaged("a field that is not known")),
        }
        Ok(())
    }
}

fn name_of(name: &str) -> &'static str {
    match name {
        "plant" => "its planted bugs",
        "set" => "its sets",
        _ => "a field's value",
    }
}

fn moment(text: &str) -> Option<DisasterAt> {
    match text.strip_suffix("ns") {
        Some(ns) => ns.parse().ok().map(DisasterAt::Time),
        None => text.parse().ok().map(DisasterAt::Event),
    }
}

fn decoded(text: &str, what: &'static str) -> Result<String, Problem> {
    percent::decode(text).ok_or(Problem::Damaged(what))
}

fn hex(text: &str, digits: usize, what: &'static str) -> Result<u64, Problem> {
    let all = text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit());
    let value = if all { u64::from_str_radix(text, 16).ok() } else { None };
    value.ok_or(Problem::Damaged(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Vec<Token> {
        let plain = Token {
            path: "scenarios/smoke/first_run.yaml".into(),
            seed: u64::MAX,
            text: 0x1234,
            build: 0xdead_beef,
            digest: 0x0123_4567_89ab_cdef,
            verdict: Verdict::Failed,
            oracle: Some("durability".into()),
            planted: vec!["P10".into(), "P12".into()],
            sets: Vec::new(),
            check: None,
            disaster_at: None,
            data: None,
            yes_large: false,
            host: None,
        };
        let full = Token {
            path: "my scenarios/a:b%.yaml".into(),
            verdict: Verdict::Passed,
            oracle: None,
            sets: vec![("clients[0].slots".into(), "4=5: x".into()), ("a".into(), String::new())],
            check: Some(CheckMode::Sampled),
            disaster_at: Some(DisasterAt::Time(20_000_000)),
            data: Some("../data dir".into()),
            yes_large: true,
            host: Some("mine::Around<mine::Layer, 2>".into()),
            ..plain.clone()
        };
        let event = Token { disaster_at: Some(DisasterAt::Event(7)), planted: Vec::new(), ..plain.clone() };
        vec![plain, full, event]
    }

    #[test]
    fn a_token_survives_the_round_trip() {
        for token in tokens() {
            let text = token.to_string();
            assert!(!text.contains(char::is_whitespace), "{text}");
            assert_eq!(text.parse(), Ok(token), "{text}");
        }
    }

    #[test]
    fn one_changed_or_missing_character_is_noticed() {
        for token in tokens() {
            let text = token.to_string();
            for at in 0..text.len() {
                let replacement = if text.as_bytes()[at] == b'1' { "2" } else { "1" };
                let changed = format!("{}{replacement}{}", &text[..at], &text[at + 1..]);
                assert!(changed.parse::<Token>().is_err(), "{changed}");
                assert!(text[..at].parse::<Token>().is_err(), "{}", &text[..at]);
            }
        }
    }

    #[test]
    fn a_field_stands_once_and_says_something() {
        let of = |fields: &str| {
            let body = format!("ms1:a.yaml:1:00000000:00000000:0000000000000000:passed:{fields}");
            format!("{body}:{:04x}", sum(&body)).parse::<Token>()
        };
        assert_eq!(of("host=a:plant=P1:plant=P2:at=5").map(|t| t.planted.len()), Ok(2));
        for wrong in ["host=a:host=a", "host=", "check=end:check=end", "at=1:at=1ns", "data=x:data=x"] {
            assert!(matches!(of(wrong), Err(Problem::Damaged(_))), "{wrong}");
        }
    }

    #[test]
    fn other_formats_are_named() {
        let of = |text: &str| text.parse::<Token>().expect_err("no token");
        assert_eq!(of("ms2:a:1"), Problem::Format("ms2".into()));
        assert_eq!(of("scenarios/a.yaml"), Problem::NotAToken);
        assert_eq!(of(""), Problem::NotAToken);
        assert_eq!(of("C:\\a.yaml"), Problem::NotAToken);
        assert!(matches!(of("ms1:a"), Problem::Damaged(_)));
    }
}
