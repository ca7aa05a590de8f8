//! Strict scalars: what is written is what is meant, or it is refused with the reason.

use crate::document::{Doc, Reader};
use crate::quantity;
use crate::shape::{Scalar, Shape};
use crate::tree::{Node, Value};
use mirror::stage::Stage;
use mirrorsim_world::spec::Chance;

/// Declares a number with its parser.
macro_rules! numbers {
    ($($(#[doc = $doc:literal])* $Name:ident($T:ty) = $parse:path, $name:literal, units $units:literal, example $example:literal,
        pattern $pattern:literal, types $types:expr;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub(crate) struct $Name(pub $T);

        impl Doc for $Name {
            fn shape() -> Shape {
                let (name, units, example) = ($name, $units, $example);
                Shape::Scalar(Scalar { name, units, example, pattern: $pattern, types: $types })
            }

            fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Self> {
                read_number(reader, node, &Self::shape(), $parse).map($Name)
            }
        }
    )*};
}

numbers! {
    /// Nanoseconds.
    Time(u64) = quantity::duration, "a duration", units "ns, us, ms, s, m, h", example "10ms",
        pattern r"^\d+(\.\d+)? ?(ns|us|ms|s|m|h)$", types &["string"];
    /// Bytes.
    Size(u64) = quantity::size, "a size", units "B, KiB, MiB, GiB, TiB, kB, MB, GB, TB", example "64KiB",
        pattern r"^\d+(\.\d+)? ?(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB)$", types &["string", "integer"];
    /// Bytes per second; 0 = unlimited.
    Rate(u64) = quantity::rate, "a rate", units "B/s, KiB/s, MiB/s, kB/s, MB/s, ...", example "100MB/s",
        pattern r"^(unlimited|\d+(\.\d+)? ?(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB)/s)$", types &["string"];
    /// A whole number.
    Int(u64) = quantity::integer, "a whole number", units "", example "100", pattern "", types &["integer"];
    /// A version of the file format.
    Version(u64) = quantity::integer, "a version", units "", example "1", pattern "", types &["integer"];
    /// A whole number of 32 bits.
    Small(u32) = small, "a whole number", units "", example "4", pattern "", types &["integer"];
    /// A number in thousandths.
    Milli(u32) = quantity::thousandths, "a number", units "", example "0.5", pattern "", types &["number"];
}

fn small(text: &str) -> Result<u32, String> {
    u32::try_from(quantity::integer(text)?).map_err(|_| format!("the largest number is {}", u32::MAX))
}

fn probability(text: &str) -> Result<Chance, String> {
    quantity::chance(text).map(Chance)
}

impl Doc for Chance {
    fn shape() -> Shape {
        let (pattern, types): (_, &[&str]) = (r"^\d+(\.\d+)? ?%$", &["number", "string"]);
        Shape::Scalar(Scalar { name: "a probability", units: "0 to 1, or %", example: "5%", pattern, types })
    }

    fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Self> {
        read_number(reader, node, &Self::shape(), probability)
    }
}

/// Reads a number; quotes are allowed only where the text has a unit, that is where a string is what it is.
fn read_number<T>(
    r: &mut Reader<'_>,
    node: &Node,
    shape: &Shape,
    parse: fn(&str) -> Result<T, String>,
) -> Option<T> {
    let Value::Scalar(text, plain) = &node.value else {
        r.wrong_type(node, shape);
        return None;
    };
    let unit = matches!(shape, Shape::Scalar(s) if s.types.contains(&"string"));
    let reason = match parse(text) {
        Ok(value) if *plain || unit => return Some(value),
        Ok(_) => "in quotes it is a text: remove them".into(),
        Err(_) if node.is_null() => "nothing is written".into(),
        Err(reason) => reason,
    };
    let Shape::Scalar(scalar) = shape else {
        return None;
    };
    let draft = r.wrong(node, "number", &format!("not {}", scalar.name), scalar.want());
    r.desk.report(draft.help(reason));
    None
}

/// A name of something: safe in paths and on terminals.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Name(pub String);

/// Seeds as a text; see [`crate::seeds()`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SeedList(pub String);

impl Doc for SeedList {
    fn shape() -> Shape {
        let (name, example, types) = ("seeds", "0..100", &["string"]);
        Shape::Scalar(Scalar { name, units: "", example, pattern: "", types })
    }

    fn read(r: &mut Reader<'_>, node: &Node) -> Option<Self> {
        match &node.value {
            Value::Scalar(text, true) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
                let draft = r.wrong(node, "yaml-trap", "one seed, or so many?", Self::shape().want());
                r.desk.report(draft.help(format!("write \"{text}\" for this seed, 0..{text} for so many")));
                None
            }
            // What looks like a range to us is a number to nobody.
            Value::Scalar(text, true) if text.contains("..") => Some(SeedList(text.clone())),
            _ => read_text(r, node, &Self::shape()).map(SeedList),
        }
    }
}

/// Declares a text with what it is and an example that is one.
macro_rules! texts {
    ($($(#[doc = $doc:literal])* $Name:ident = $name:literal, example $example:literal;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub(crate) struct $Name(pub String);

        impl Doc for $Name {
            fn shape() -> Shape {
                let (name, example, types) = ($name, $example, &["string"]);
                Shape::Scalar(Scalar { name, units: "", example, pattern: "", types })
            }

            fn read(r: &mut Reader<'_>, node: &Node) -> Option<Self> {
                read_text(r, node, &Self::shape()).map($Name)
            }
        }
    )*};
}

texts! {
    /// Free text.
    Words = "a text", example "\"some words\"";
    /// What a metric is expected to be; see [`crate::expect`].
    Condition = "a condition", example "lost == 0";
    /// A file of recorded requests.
    TraceFile = "a file name", example "disk0.csv";
    /// A host in a recorded trace.
    Host = "the name of a host", example "usr";
}

impl Doc for Name {
    fn shape() -> Shape {
        let pattern = "^[A-Za-z0-9._-]{1,64}$";
        Shape::Scalar(Scalar { name: "a name", units: "", example: "alpha", pattern, types: &["string"] })
    }

    fn read(r: &mut Reader<'_>, node: &Node) -> Option<Self> {
        let text = read_text(r, node, &Self::shape())?;
        let Some(reason) = bad_name(&text) else {
            return Some(Name(text));
        };
        let want = "1 to 64 of A-Z a-z 0-9 . _ -".into();
        let draft = r.wrong(node, "name", "not a name", want);
        r.desk.report(draft.help(reason));
        None
    }
}

/// Why a text cannot be a name.
pub(crate) fn bad_name(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("a name has at least one character".into());
    }
    if text.len() > 64 {
        return Some(format!("it has {} characters", text.chars().count()));
    }
    if text == "." || text == ".." {
        return Some("this would name a folder".into());
    }
    let bad = text.chars().find(|c| !c.is_ascii_alphanumeric() && !"._-".contains(*c))?;
    Some(match bad {
        '/' | '\\' => format!("`{bad}` would lead to another folder"),
        ' ' => "write `_` or `-` for a space".into(),
        c => format!("U+{:04X} is none of them", c as u32),
    })
}

fn read_text(r: &mut Reader<'_>, node: &Node, shape: &Shape) -> Option<String> {
    let Value::Scalar(text, plain) = &node.value else {
        r.wrong_type(node, shape);
        return None;
    };
    match trap(text).filter(|_| *plain) {
        None => Some(text.clone()),
        Some(reason) => {
            let draft = r.wrong(node, "yaml-trap", "not a text", shape.want());
            let cure = if node.is_null() { reason.to_owned() } else { format!("{reason}: write \"{text}\"") };
            r.desk.report(draft.help(cure));
            None
        }
    }
}

/// What other YAML readers would take a plain word for.
fn trap(text: &str) -> Option<&'static str> {
    let lower = text.to_ascii_lowercase();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    match lower.as_str() {
        "" | "~" | "null" => Some("nothing is written"),
        "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" => {
            Some("YAML may read this as true or false")
        }
        ".inf" | "-.inf" | "+.inf" | ".nan" => Some("YAML reads this as a number"),
        _ if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b"._:".contains(&b)) => {
            Some("YAML may read this as a number")
        }
        _ if lower.starts_with("0x") || lower.starts_with("0o") => Some("YAML may read this as a number"),
        _ => None,
    }
}

impl Doc for bool {
    fn shape() -> Shape {
        let types = &["boolean"];
        Shape::Scalar(Scalar { name: "true or false", units: "", example: "true", pattern: "", types })
    }

    fn read(r: &mut Reader<'_>, node: &Node) -> Option<Self> {
        match &node.value {
            Value::Scalar(t, true) if t == "true" => return Some(true),
            Value::Scalar(t, true) if t == "false" => return Some(false),
            _ => {}
        }
        let help = match node.text().map(str::to_ascii_lowercase).as_deref() {
            Some("yes" | "on" | "y" | "true" | "1") => Some("write true"),
            Some("no" | "off" | "n" | "false" | "0") => Some("write false"),
            _ => None,
        };
        let draft = r.wrong(node, "bool", "neither true nor false", "true | false".into());
        r.desk.report(match help {
            Some(help) => draft.help(help),
            None => draft,
        });
        None
    }
}

impl Doc for Stage {
    fn shape() -> Shape {
        Shape::Words(Stage::NAMES)
    }

    fn read(r: &mut Reader<'_>, node: &Node) -> Option<Self> {
        let stage = node.text().and_then(Stage::from_name);
        if stage.is_none() {
            crate::document::unknown_word(r, node, &Self::shape());
        }
        stage
    }
}
