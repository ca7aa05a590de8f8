//! Failures that somebody knows of: they are counted and shown, and turn no campaign red.

use mirrorsim_world::outcome::Verdict;
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

    /// Whether a failure is known. Only a finding can be: a run that proves nothing is no failure of what it runs.
    pub fn covers(&self, signature: &str, verdict: Verdict) -> bool {
        verdict == Verdict::Failed && self.0.contains_key(signature)
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
        let covers = |signature| known.covers(signature, Verdict::Failed);
        assert!(covers("durability I1 write # of") && covers("reads I18 a read"));
        assert!(!covers("durability I1") && !covers("# what we know"));
        assert!(!known.covers("reads I18 a read", Verdict::Vacuous));
        assert_eq!(
            known.all().collect::<Vec<_>>(),
            [("durability I1 write # of", 3), ("reads I18 a read", 4)]
        );
    }
}
