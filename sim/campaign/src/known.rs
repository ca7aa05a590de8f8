//! Failures that somebody knows of: they are counted and shown, and turn no campaign red.

use mirrorsim_world::outcome::Verdict;
use std::collections::BTreeMap;

/// Signatures of known failures, each with its line: of any scenario, or of one of that name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known(BTreeMap<(Option<String>, String), usize>);

impl Known {
    /// A signature a line, as a campaign shows it; with `SCENARIO: ` before it, it is known there and new elsewhere. Empty lines and
    /// those that begin with `#` do not count.
    pub fn of(text: &str) -> Known {
        let lines = text.lines().map(str::trim).enumerate();
        // No signature begins so: its first word is an oracle.
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let one = |line: &str| {
            let mut words = line.split_whitespace().peekable();
            let scenario =
                words.next_if(|word| word.ends_with(':')).map(|word| word.trim_end_matches(':').to_owned());
            (scenario, words.collect::<Vec<_>>().join(" "))
        };
        Known(lines.map(|(number, line)| (one(line), number + 1)).collect())
    }

    /// Whether a failure of a scenario is known. Only a finding can be: a run that proves nothing is no failure of what it runs.
    pub fn covers(&self, scenario: &str, signature: &str, verdict: Verdict) -> bool {
        let has = |scenario: Option<&str>| {
            self.0.contains_key(&(scenario.map(str::to_owned), signature.to_owned()))
        };
        verdict == Verdict::Failed && (has(None) || has(Some(scenario)))
    }

    /// All of them, with the scenario in which alone it is known, and the line of each.
    pub fn all(&self) -> impl Iterator<Item = (Option<&str>, &str, usize)> {
        self.0.iter().map(|((scenario, signature), line)| (scenario.as_deref(), signature.as_str(), *line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_signatures_and_comments_do_not_count() {
        let known = Known::of(
            "# what we know\n\n  durability I1 write #  of\nreads I18 a read\ntiny: reads I18 a lie\n",
        );
        let covers = |scenario, signature| known.covers(scenario, signature, Verdict::Failed);
        assert!(covers("tiny", "durability I1 write # of") && covers("other", "reads I18 a read"));
        assert!(!covers("tiny", "durability I1") && !covers("tiny", "# what we know"));
        assert!(!known.covers("tiny", "reads I18 a read", Verdict::Vacuous));
        assert!(covers("tiny", "reads I18 a lie") && !covers("other", "reads I18 a lie"));
        let all: Vec<_> = known.all().collect();
        assert_eq!(all[..2], [(None, "durability I1 write # of", 3), (None, "reads I18 a read", 4)]);
        assert_eq!(all[2], (Some("tiny"), "reads I18 a lie", 5));
    }
}
