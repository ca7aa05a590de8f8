//! A YAML document as a tree in which every node knows its place.

use crate::place::Place;
use std::rc::Rc;

/// A node; shared where an anchor is used more than once.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Where it starts.
    pub place: Place,
    /// What it is.
    pub value: Value,
    /// Nodes in it with all aliases expanded.
    pub size: u64,
    /// Levels below it.
    pub height: u32,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A scalar and whether it was written without quotes.
    Scalar(String, bool),
    /// A list.
    List(Vec<Rc<Node>>),
    /// A map in the order of the file; merged keys behind its own.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub place: Place,
    /// Its value.
    pub value: Rc<Node>,
}

impl Node {
    /// A scalar.
    pub fn scalar(text: impl Into<String>, plain: bool, place: Place) -> Node {
        Node { place, value: Value::Scalar(text.into(), plain), size: 1, height: 0 }
    }

    /// A list.
    pub fn list(items: Vec<Rc<Node>>, place: Place) -> Node {
        let size = items.iter().fold(1, |n: u64, i| n.saturating_add(i.size));
        let height = items.iter().map(|i| i.height + 1).max().unwrap_or(1);
        Node { place, value: Value::List(items), size, height }
    }

    /// A map.
    pub fn map(entries: Vec<Entry>, place: Place) -> Node {
        let size = entries.iter().fold(1, |n: u64, e| n.saturating_add(e.value.size + 1));
        let height = entries.iter().map(|e| e.value.height + 1).max().unwrap_or(1);
        Node { place, value: Value::Map(entries), size, height }
    }

    /// The value of a key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|e| e.key == key),
            _ => None,
        }
    }

    /// Text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// An empty plain scalar, `~` or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(text, true) if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// What was found, for a message.
    pub fn got(&self) -> String {
        match &self.value {
            Value::List(items) if items.is_empty() => "an empty list".into(),
            Value::List(_) => "a list".into(),
            Value::Map(_) => "a map".into(),
            Value::Scalar(text, _) if self.is_null() && text.is_empty() => "nothing".into(),
            Value::Scalar(text, true) => format!("`{}`", shorten(text)),
            Value::Scalar(text, false) => format!("the text \"{}\"", shorten(text)),
        }
    }
}

/// At most 48 characters of a text.
pub(crate) fn shorten(text: &str) -> String {
    let mut out: String = text.chars().take(48).collect();
    if out.len() < text.len() {
        out.push_str("...");
    }
    out
}
