//! `expect:` lines: a metric, a comparison, a value.

use crate::problem::nearest;
use crate::quantity;
use std::fmt;

/// A metric that a run reports: name, unit (`ns`, `bytes` or anything else for a plain count), meaning.
pub type Metric = (&'static str, &'static str, &'static str);

/// What must hold at the end of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expectation {
    /// Name of the metric.
    pub metric: String,
    /// How it is compared.
    pub op: Op,
    /// With what; nanoseconds, bytes or a count.
    pub value: u64,
    /// Unit of the metric.
    pub unit: String,
    /// `file:line`.
    pub place: String,
}

/// A comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

/// Signs, the longer ones first.
const OPS: [(&str, Op); 6] = [
    ("==", Op::Equal),
    ("!=", Op::NotEqual),
    ("<=", Op::AtMost),
    (">=", Op::AtLeast),
    ("<", Op::Less),
    (">", Op::More),
];

impl Op {
    /// Whether a measured value meets the expectation.
    pub fn holds(self, measured: u64, value: u64) -> bool {
        match self {
            Op::Equal => measured == value,
            Op::NotEqual => measured != value,
            Op::Less => measured < value,
            Op::AtMost => measured <= value,
            Op::More => measured > value,
            Op::AtLeast => measured >= value,
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(OPS.iter().find(|(_, op)| op == self).map_or("", |(sign, _)| sign))
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = match self.unit.as_str() {
            "ns" => quantity::show_duration(self.value),
            "bytes" => quantity::show_size(self.value),
            _ => self.value.to_string(),
        };
        write!(f, "{} {} {value}", self.metric, self.op)
    }
}

/// Why a line is refused.
#[derive(Debug)]
pub(crate) struct Why {
    /// What is wrong.
    pub what: String,
    /// The cure.
    pub help: Option<String>,
}

fn why(what: impl Into<String>, help: impl Into<Option<String>>) -> Why {
    Why { what: what.into(), help: help.into() }
}

/// Parses a line. Without known metrics every name is accepted, and the form of the value gives the unit.
pub(crate) fn parse(line: &str, metrics: &[Metric]) -> Result<Expectation, Why> {
    let at = line.find(['=', '!', '<', '>']).ok_or_else(|| why("no comparison", None))?;
    let (name, rest) = (line[..at].trim(), &line[at..]);
    let (sign, op) = OPS
        .iter()
        .find(|(sign, _)| rest.starts_with(sign))
        .ok_or_else(|| why("not a comparison", format!("write == instead of {}", &rest[..1])))?;
    let text = rest[sign.len()..].trim();
    let shaped = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    if !shaped {
        return Err(why("the name of a metric comes first", None));
    }
    let known = metrics.iter().find(|(n, _, _)| *n == name);
    if known.is_none() && !metrics.is_empty() {
        let names = || metrics.iter().map(|(n, _, _)| *n);
        let help = match nearest(name, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "`mirrorsim list --metrics` says what each is: {}",
                names().collect::<Vec<_>>().join(", ")
            ),
        };
        return Err(why(format!("unknown metric `{name}`"), help));
    }
    let (value, unit) = value(text, known.map(|(_, unit, _)| *unit))?;
    never_or_always(*op, value)?;
    Ok(Expectation { metric: name.to_owned(), op: *op, value, unit, place: String::new() })
}

fn value(text: &str, unit: Option<&str>) -> Result<(u64, String), Why> {
    let bad = |what: &'static str| move |reason: String| why(format!("not {what}"), reason);
    match unit {
        Some("ns") => Ok((quantity::duration(text).map_err(bad("a duration"))?, "ns".into())),
        Some("bytes") => Ok((quantity::size(text).map_err(bad("a size"))?, "bytes".into())),
        Some(other) => Ok((quantity::integer(text).map_err(bad("a whole number"))?, other.to_owned())),
        None => match (quantity::integer(text), quantity::duration(text), quantity::size(text)) {
            (Ok(n), _, _) => Ok((n, "count".into())),
            (_, Ok(n), _) => Ok((n, "ns".into())),
            (_, _, Ok(n)) => Ok((n, "bytes".into())),
            (Err(reason), _, _) => Err(bad("a value")(reason)),
        },
    }
}

/// A count is never below 0 and always at least 0: such a line would check nothing.
fn never_or_always(op: Op, value: u64) -> Result<(), Why> {
    match (op, value) {
        (Op::Less, 0) => Err(why("can never hold: nothing is below 0", "write == 0".to_owned())),
        (Op::AtLeast, 0) => {
            Err(why("always holds: it would check nothing", "write > 0, or leave it out".to_owned()))
        }
        _ => Ok(()),
    }
}
