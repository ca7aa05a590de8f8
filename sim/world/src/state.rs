//! How everything stands at a moment of a run, in words: what `replay --until` and `diff` show.

use serde::{Deserialize, Serialize};

/// A part of a world: a server, a mirror at a destination, a client, a direction of a line, or the run itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Facts with their names, in order. Times are virtual, and units stand with the values.
    pub facts: Vec<(String, String)>,
}

/// How everything stands between two events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Virtual time, ns.
    pub time: u64,
    /// Entries of the trace so far.
    pub entries: u64,
    /// The run was over before the moment that was asked for came: this is its end.
    pub over: bool,
    /// Servers, clients, lines, and the run.
    pub parts: Vec<Part>,
}

/// A moment to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sight {
    /// When everything up to a time has happened, or everything that one event of the scheduler led to, of which the
    /// trace has this entry.
    After(crate::DisasterAt),
    /// Before anything happened that this event of the scheduler led to.
    Before(u64),
}

impl Part {
    pub(crate) fn new(name: impl Into<String>) -> Part {
        Part { name: name.into(), facts: Vec::new() }
    }

    pub(crate) fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.facts.push((name.into(), value.into()));
    }

    pub(crate) fn extend(&mut self, facts: Vec<(&'static str, String)>) {
        self.facts.extend(facts.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
}

/// A fact in which two states differ; a side that does not have it has `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing<'a> {
    /// Of which part.
    pub part: &'a str,
    /// Its name.
    pub name: &'a str,
    /// What it is in the one.
    pub one: Option<&'a str>,
    /// What it is in the other.
    pub other: Option<&'a str>,
}

impl State {
    /// The facts in which it differs from another one, in order; those that only the other has come last of their part.
    pub fn differing<'a>(&'a self, other: &'a State) -> Vec<Differing<'a>> {
        let part = |state: &'a State, name: &str| state.parts.iter().find(|p| p.name == name);
        let missing = other.parts.iter().filter(|p| part(self, &p.name).is_none());
        let names = self.parts.iter().chain(missing).map(|p| p.name.as_str());
        let mut all = Vec::new();
        for name in names {
            let facts = |state| part(state, name).map_or(&[][..], |p| &p.facts[..]);
            let (ours, theirs) = (facts(self), facts(other));
            let value = |facts: &'a [(String, String)], name: &str| {
                facts.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
            };
            let missing = theirs.iter().filter(|(n, _)| value(ours, n).is_none());
            for (fact, _) in ours.iter().chain(missing) {
                let (one, other) = (value(ours, fact), value(theirs, fact));
                if one != other {
                    all.push(Differing { part: name, name: fact, one, other });
                }
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(parts: &[(&str, &[(&str, &str)])]) -> State {
        let part = |(name, facts): &(&str, &[(&str, &str)])| Part {
            name: (*name).to_owned(),
            facts: facts.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        };
        State { time: 0, entries: 0, over: false, parts: parts.iter().map(part).collect() }
    }

    #[test]
    fn only_what_differs_is_told_and_what_one_side_lacks() {
        let one = state(&[("a", &[("x", "1"), ("y", "2")]), ("b", &[("z", "3")])]);
        let other = state(&[("a", &[("y", "4"), ("x", "1"), ("w", "5")]), ("c", &[("v", "6")])]);
        let found = one.differing(&other);
        let found: Vec<_> = found.iter().map(|d| (d.part, d.name, d.one, d.other)).collect();
        let expected = [
            ("a", "y", Some("2"), Some("4")),
            ("a", "w", None, Some("5")),
            ("b", "z", Some("3"), None),
            ("c", "v", None, Some("6")),
        ];
        assert_eq!(found, expected);
        assert!(one.differing(&one).is_empty());
    }
}
