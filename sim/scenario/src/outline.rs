//! A scenario as a plain tree without places, to be changed and written again: what a tool makes of one.

use crate::place::Text;
use crate::problem::{Desk, Problems};
use crate::tree::{Node, Value};
use crate::{input, quantity, sets, yaml};

/// Columns of a line that is not broken.
const WIDE: usize = 118;

/// A value of a scenario.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outline {
    /// A scalar, and whether it stands without quotes.
    Text(String, bool),
    /// A list.
    List(Vec<Outline>),
    /// A map, in the order of the file.
    Map(Vec<(String, Outline)>),
}

/// One step down into an outline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Into a map.
    Key(String),
    /// Into a list.
    Item(usize),
}

impl Outline {
    /// The outline of a text that is a scenario, with `--set` pairs applied and aliases expanded.
    pub fn read(name: &str, text: &str, pairs: &[(String, String)]) -> Result<Outline, Problems> {
        let mut desk = Desk::default();
        desk.texts.push(Text::new(name, text));
        let text = input::decode(text.as_bytes()).unwrap_or(text);
        let parsed = yaml::parse(text, 0, None);
        parsed.problems.into_iter().for_each(|p| desk.report(p));
        let tree = parsed.root.map(|root| sets::apply(&mut desk, root, pairs));
        match tree {
            Some(tree) if !desk.has_problems() => Ok(Outline::of(&tree)),
            _ => Err(desk.finish()),
        }
    }

    fn of(node: &Node) -> Outline {
        match &node.value {
            Value::Scalar(text, plain) => Outline::Text(text.clone(), *plain),
            Value::List(items) => Outline::List(items.iter().map(|i| Outline::of(i)).collect()),
            Value::Map(entries) => {
                Outline::Map(entries.iter().map(|e| (e.key.clone(), Outline::of(&e.value))).collect())
            }
        }
    }

    /// A word or a number.
    pub fn word(text: impl ToString) -> Outline {
        Outline::Text(text.to_string(), true)
    }

    /// A text that is no word.
    pub fn quoted(text: impl ToString) -> Outline {
        Outline::Text(text.to_string(), false)
    }

    /// A map of these.
    pub fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Outline)>) -> Outline {
        Outline::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// Text of a scalar.
    pub fn text(&self) -> Option<&str> {
        if let Outline::Text(text, _) = self { Some(text) } else { None }
    }

    /// The elements of a list.
    pub fn items(&self) -> &[Outline] {
        if let Outline::List(items) = self { items } else { &[] }
    }

    /// A duration in nanoseconds, if it is one.
    pub fn time(&self) -> Option<u64> {
        quantity::duration(self.text()?).ok()
    }

    /// A size in bytes, if it is one.
    pub fn bytes(&self) -> Option<u64> {
        quantity::size(self.text()?).ok()
    }

    /// A whole number without a unit, if it is one.
    pub fn number(&self) -> Option<u64> {
        quantity::integer(self.text()?).ok()
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Outline> {
        match self {
            Outline::Map(entries) => entries.iter().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The value behind some steps.
    pub fn at(&self, path: &[Step]) -> Option<&Outline> {
        path.iter().try_fold(self, |at, step| match step {
            Step::Key(key) => at.get(key),
            Step::Item(index) => at.items().get(*index),
        })
    }

    /// The value behind some steps, to be changed.
    pub fn at_mut(&mut self, path: &[Step]) -> Option<&mut Outline> {
        path.iter().try_fold(self, |at, step| match (step, at) {
            (Step::Key(key), Outline::Map(entries)) => {
                entries.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v)
            }
            (Step::Item(index), Outline::List(items)) => items.get_mut(*index),
            _ => None,
        })
    }

    /// Sets a key of a map; a new one stands behind the others.
    pub fn set(&mut self, key: &str, value: Outline) {
        if let Outline::Map(entries) = self {
            match entries.iter_mut().find(|(k, _)| k == key) {
                Some((_, old)) => *old = value,
                None => entries.push((key.to_owned(), value)),
            }
        }
    }

    /// Takes a key out of a map.
    pub fn remove(&mut self, key: &str) {
        if let Outline::Map(entries) = self {
            entries.retain(|(k, _)| k != key);
        }
    }

    /// Whether a scalar in it is this text.
    pub fn mentions(&self, word: &str) -> bool {
        match self {
            Outline::Text(text, _) => text == word,
            Outline::List(items) => items.iter().any(|i| i.mentions(word)),
            Outline::Map(entries) => entries.iter().any(|(_, v)| v.mentions(word)),
        }
    }

    /// The text of a scenario. `note` gives the lines of comment above an element of a list at the top.
    pub fn yaml(&self, note: &dyn Fn(&str, usize) -> Vec<String>) -> String {
        let mut out = String::new();
        let Outline::Map(entries) = self else { return self.flow() + "\n" };
        for (key, value) in entries {
            match value {
                Outline::List(items) if !items.is_empty() && items.iter().any(|i| i.text().is_none()) => {
                    out.push_str(&format!("{key}:\n"));
                    for (index, item) in items.iter().enumerate() {
                        note(key, index).iter().for_each(|line| out.push_str(&format!("  # {line}\n")));
                        item.block(&mut out, 2, "- ");
                    }
                }
                _ => value.block(&mut out, 0, &format!("{key}: ")),
            }
        }
        out
    }

    /// Behind `head`, on its line if there is room, else on lines of its own.
    fn block(&self, out: &mut String, indent: usize, head: &str) {
        let (flow, pad) = (self.flow(), " ".repeat(indent));
        let fits = indent + head.len() + flow.len() <= WIDE;
        match self {
            Outline::Map(entries) if !fits && !entries.is_empty() => {
                // An element's first key stands behind its hyphen.
                let within = indent + 2;
                if head != "- " {
                    out.push_str(&format!("{pad}{}\n", head.trim_end()));
                }
                for (i, (key, value)) in entries.iter().enumerate() {
                    let first = head == "- " && i == 0;
                    let (indent, head) = match first {
                        true => (indent, format!("- {key}: ")),
                        false => (within, format!("{key}: ")),
                    };
                    value.inner(out, indent, &head, within);
                }
            }
            Outline::List(items) if !fits && !items.is_empty() => {
                out.push_str(&format!("{pad}{}\n", head.trim_end()));
                items.iter().for_each(|i| i.block(out, indent + 2, "- "));
            }
            _ => out.push_str(&format!("{pad}{head}{flow}\n")),
        }
    }

    /// The value of a key that stands at `column`, though its line begins at `indent`.
    fn inner(&self, out: &mut String, indent: usize, head: &str, column: usize) {
        let flow = self.flow();
        if indent + head.len() + flow.len() <= WIDE || self.text().is_some() {
            out.push_str(&format!("{}{head}{flow}\n", " ".repeat(indent)));
            return;
        }
        out.push_str(&format!("{}{}\n", " ".repeat(indent), head.trim_end()));
        match self {
            Outline::List(items) => items.iter().for_each(|i| i.block(out, column + 2, "- ")),
            Outline::Map(entries) => {
                for (key, value) in entries {
                    value.inner(out, column + 2, &format!("{key}: "), column + 2);
                }
            }
            Outline::Text(..) => {}
        }
    }

    /// On one line.
    pub fn flow(&self) -> String {
        match self {
            Outline::Text(text, plain) => scalar(text, *plain),
            Outline::List(items) => {
                format!("[{}]", items.iter().map(Outline::flow).collect::<Vec<_>>().join(", "))
            }
            Outline::Map(entries) => {
                let parts: Vec<String> = entries.iter().map(|(k, v)| format!("{k}: {}", v.flow())).collect();
                format!("{{{}}}", parts.join(", "))
            }
        }
    }
}

/// Without quotes only what no reader takes for anything else.
fn scalar(text: &str, plain: bool) -> String {
    let inside = |c: char| c.is_ascii_alphanumeric() || "_.<>=%/+- ".contains(c);
    let safe = text.chars().all(inside)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/' || c == '_')
        && !text.ends_with(' ');
    match plain {
        true if text.is_empty() => "~".to_owned(),
        true if safe => text.to_owned(),
        _ => {
            let mut out = String::from("\"");
            for c in text.chars() {
                match c {
                    '"' => out.push_str("\\\""),
                    '\\' => out.push_str("\\\\"),
                    '\n' => out.push_str("\\n"),
                    '\t' => out.push_str("\\t"),
                    c => out.push(c),
                }
            }
            out.push('"');
            out
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_as_the_same() {
        let text = "schema: 1\nname: x\nabout: \"a: b, {c} # \\\"d\\\"\"\nexpect: [lost == 0]\nsources:\n  - {name: alpha, link: {latency: 1ms..2ms}}\nclients:\n  - {source: alpha, operations: 3, mix: {write: 1, add: 2, read: 3}, sizes: [{size: 1B..2KiB, weight: 3}, {size: 4KiB, weight: 1}, {size: 8KiB, weight: 2}]}\nfaults:\n  - {at: 1ms, power_cut: {node: alpha}}\n";
        let outline = Outline::read("x", text, &[]).expect("an outline");
        let note = |key: &str, index: usize| if key == "faults" { vec![format!("n{index}")] } else { vec![] };
        let written = outline.yaml(&note);
        assert!(written.contains("  # n0\n  - {at: 1ms, power_cut: {node: alpha}}\n"), "{written}");
        assert_eq!(Outline::read("y", &written, &[]).expect("again"), outline, "{written}");
    }

    /// Without a difference between words and texts in quotes.
    fn unquoted(outline: &Outline) -> Outline {
        match outline {
            Outline::Text(text, _) => Outline::quoted(text),
            Outline::List(items) => Outline::List(items.iter().map(unquoted).collect()),
            Outline::Map(entries) => Outline::map(entries.iter().map(|(k, v)| (k.clone(), unquoted(v)))),
        }
    }

    #[test]
    fn every_scenario_is_read_again_as_it_was() {
        let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
        for folder in ["smoke", "faults", "life", "planted", "swarm", "claims", "disaster"] {
            for entry in std::fs::read_dir(top.join(folder)).expect("a folder") {
                let path = entry.expect("an entry").path();
                let text = std::fs::read_to_string(&path).expect("a text");
                let outline = Outline::read("x", &text, &[]).expect("an outline");
                let written = outline.yaml(&|_, _| Vec::new());
                let again = Outline::read("x", &written, &[]).expect("again");
                assert_eq!(unquoted(&again), unquoted(&outline), "{written}");
            }
        }
    }
}
