//! Failures that somebody knows of: they are counted and shown, and turn no campaign red.

use std::collections::BTreeMap;

/// Signatures of known failures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known(BTreeMap<String, usize>);

impl Known {
    /// A signature a line, as a campaign shows it; empty lines and those that begin with `#` do not count.
    pub fn of(text: &str) -> Known {
        let lines = text.lines().map(str::trim).enumerate();
        // No signature begins so: its first word is an oracle.
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let one = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        Known(lines.map(|(number, line)| (one(line), number + 1)).collect())
    }

    /// Whether a failure is known.
    pub fn contains(&self, signature: &str) -> bool {
        self.0.contains_key(signature)
    }

    /// All of them, with the line of each.
    pub fn all(&self) -> impl Iterator<Item = (&str, usize)> {
        self.0.iter().map(|(signature, line)| (signature.as_str(), *line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_signatures_and_comments_do_not_count() {
        let known = Known::of("# what we know\n\n  durability I1 write #  of\nreads I18 a read\n");
        assert!(known.contains("durability I1 write # of") && known.contains("reads I18 a read"));
        assert!(!known.contains("durability I1") && !known.contains("# what we know"));
        assert_eq!(
            known.all().collect::<Vec<_>>(),
            [("durability I1 write # of", 3), ("reads I18 a read", 4)]
        );
    }
}
