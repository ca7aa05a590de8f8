//! How a machine stands, in words: for its operator, and for whoever compares two of them. Nothing is decided by it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Display;

/// Facts with their names, in an order that does not change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    facts: Vec<(&'static str, String)>,
}

impl Status {
    /// Adds one.
    pub fn add(&mut self, name: &'static str, value: impl Display) {
        self.facts.push((name, value.to_string()));
    }

    /// Adds one if there is one.
    pub fn add_some(&mut self, name: &'static str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    /// All of them.
    pub fn into_facts(self) -> Vec<(&'static str, String)> {
        self.facts
    }
}

/// Several things in a row; `none` if there are none.
pub(crate) fn list<T: Display>(all: impl Iterator<Item = T>) -> String {
    let all: Vec<String> = all.map(|one| one.to_string()).collect();
    if all.is_empty() { "none".into() } else { all.join(", ") }
}
