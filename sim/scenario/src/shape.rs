//! What a value looks like: the source of the schema, of `explain` and of the reader's messages.

/// What a value looks like.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// One word, number, text or quantity.
    Scalar(Scalar),
    /// One of some words, with their meanings.
    Words(&'static [(&'static str, &'static str)]),
    /// A map with known keys.
    Map(MapShape),
    /// A list of one shape.
    List(Box<Shape>),
    /// One of several shapes, told apart by their YAML kind.
    Either(Vec<Shape>),
}

/// A map with known keys.
#[derive(Clone, Debug)]
pub(crate) struct MapShape {
    /// Name of its type, unique among all.
    pub name: &'static str,
    /// What it describes.
    pub doc: String,
    /// Groups of keys of which exactly one is needed.
    pub one_of: Vec<&'static [&'static str]>,
    /// Its keys.
    pub fields: Vec<Field>,
}

/// One key.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// The key.
    pub name: &'static str,
    /// What it means.
    pub doc: String,
    /// What its value looks like.
    pub shape: Shape,
    /// What happens without it.
    pub need: Need,
}

/// What happens without a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Need {
    /// A mistake.
    Required,
    /// This is read instead.
    Default(&'static str),
    /// As these words say.
    Optional(&'static str),
}

impl Shape {
    /// What is accepted, in a few words.
    pub fn want(&self) -> String {
        match self {
            Shape::Scalar(s) => s.want(),
            Shape::Words(words) => {
                let names: Vec<&str> = words.iter().map(|(n, _)| *n).collect();
                if names.len() > 12 {
                    format!("a word such as {}", names[..4].join(", "))
                } else {
                    names.join(" | ")
                }
            }
            Shape::Map(map) => {
                let need = map.fields.iter().filter(|f| f.need == Need::Required);
                let mut names: Vec<&str> = need.map(|f| f.name).collect();
                if let (true, [group, ..]) = (names.is_empty(), map.one_of.as_slice()) {
                    let maps: Vec<String> = group.iter().take(2).map(|n| format!("{{{n}: ...}}")).collect();
                    return format!("a map such as {}", maps.join(" or "));
                }
                if names.is_empty() {
                    names = map.fields.iter().take(2).map(|f| f.name).collect();
                }
                format!("a map such as {{{}: ...}}", names.join(": ..., "))
            }
            Shape::List(item) => format!("a list of: {}", item.want()),
            Shape::Either(shapes) => shapes.iter().map(Shape::want).collect::<Vec<_>>().join(", or "),
        }
    }
}

/// What a scalar looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Scalar {
    /// What it is, with its article.
    pub name: &'static str,
    /// Its units, if it has any.
    pub units: &'static str,
    /// One of them.
    pub example: &'static str,
    /// Regular expression of the text form; empty = any text.
    pub pattern: &'static str,
    /// Types in JSON.
    pub types: &'static [&'static str],
}

impl Scalar {
    /// What is accepted, in a few words.
    pub fn want(&self) -> String {
        let unit = if self.units.is_empty() { String::new() } else { format!(" ({})", self.units) };
        format!("{}{unit} such as {}", self.name, self.example)
    }
}

/// An example of the value of a key: some want more than any value of their type.
pub(crate) fn example_of(field: &Field) -> String {
    match field.name {
        "by" => "beta".into(),
        "reach" => "[taken_over]".into(),
        "node" => "destination".into(),
        "clock" => "{node: destination, fast: 1000, lasting: 10ms}".into(),
        "budget" => "{events: 1000000}".into(),
        "nvram_smaller" => "{size: 4KiB, lasting: 10ms}".into(),
        _ => example(&field.shape),
    }
}

/// An example of a value.
pub(crate) fn example(shape: &Shape) -> String {
    match shape {
        Shape::Scalar(s) => s.example.to_owned(),
        Shape::Words(words) => words.first().map_or("", |(n, _)| n).to_owned(),
        Shape::List(item) => format!("[{}]", example(item)),
        Shape::Either(shapes) => shapes.first().map(example).unwrap_or_default(),
        Shape::Map(map) => {
            let needed = |f: &&Field| {
                f.need == Need::Required || map.one_of.iter().any(|g| g.first() == Some(&f.name))
            };
            let mut fields: Vec<&Field> = map.fields.iter().filter(needed).collect();
            if fields.is_empty() {
                fields.extend(map.fields.first());
            }
            let parts: Vec<String> =
                fields.iter().map(|f| format!("{}: {}", f.name, example_of(f))).collect();
            format!("{{{}}}", parts.join(", "))
        }
    }
}

/// The first sentence of a doc comment.
pub(crate) fn first_sentence(doc: &str) -> String {
    doc.split_once(". ").map_or(doc, |(first, _)| first).trim_end_matches('.').to_owned()
}

/// The lines of a doc comment as one text.
pub(crate) fn joined(lines: &[&str]) -> String {
    lines.iter().map(|l| l.trim()).collect::<Vec<_>>().join(" ")
}
