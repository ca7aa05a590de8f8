//! The table of claims for people.

use super::{ClaimReport, ClaimVerdict, ClaimsReport};
use crate::human::{BOLD, GREEN, RED, YELLOW};
use crate::number::count;
use anstyle::Style;
use std::fmt::Write;

impl ClaimVerdict {
    fn words(self) -> (Style, &'static str) {
        match self {
            ClaimVerdict::Shown => (GREEN, "shown"),
            ClaimVerdict::Failed => (RED, "FAILED"),
            ClaimVerdict::Unproven => (YELLOW, "UNPROVEN"),
            ClaimVerdict::NotExercised => (YELLOW, "NOT EXERCISED"),
            ClaimVerdict::Inconclusive => (YELLOW, "INCONCLUSIVE"),
            ClaimVerdict::NoScenario => (YELLOW, "no scenario"),
            ClaimVerdict::Cancelled => (Style::new(), "cancelled"),
        }
    }
}

impl ClaimsReport {
    /// The table.
    pub fn text(&self) -> String {
        let mut out = format!(
            "{BOLD}{:<5}  {:<13} {:>9}  {:>7}  {:>6}  exercised{BOLD:#}\n",
            "claim", "verdict", "scenarios", "seeds", "bugs"
        );
        for claim in self.claims.iter().filter(|c| c.verdict != ClaimVerdict::Cancelled) {
            let (style, word) = claim.verdict.words();
            let _ = writeln!(
                out,
                "{:>5}  {style}{word:<13}{style:#} {:>9}  {:>7}  {:>6}  {}",
                claim.claim,
                claim.scenarios.len(),
                count(claim.seeds),
                bugs(claim),
                exercised(claim)
            );
        }
        let cancelled = self.claims.iter().filter(|c| c.verdict == ClaimVerdict::Cancelled);
        let cancelled: Vec<String> = cancelled.map(|c| c.claim.to_string()).collect();
        let _ = writeln!(
            out,
            "{} of {} live claims shown; {} are cancelled. bugs: planted bugs of the claim that are caught, {}",
            self.shown,
            self.live,
            cancelled.join(", "),
            match &self.evidence {
                None => "of which no table was found".into(),
                Some(e) if e.same_sources => format!("by {}", e.path),
                Some(e) => format!("by {} (of other sources)", e.path),
            }
        );
        out
    }

    /// Claims whose scenarios were run without a finding and proved nothing, in sentences.
    pub fn idle(&self) -> Vec<String> {
        let idle = self.claims.iter().filter(|c| c.verdict == ClaimVerdict::NotExercised);
        idle.map(|claim| {
            let never: Vec<&str> =
                claim.exercised.iter().filter(|s| s.count == 0).map(|s| s.counted_by.as_str()).collect();
            format!("claim {} was not exercised: no {}", claim.claim, never.join(", no "))
        })
        .collect()
    }
}

/// `3/4`: so many of those that the claim has; with a `?`, some are not in the table.
fn bugs(claim: &ClaimReport) -> String {
    let unknown = if claim.bugs.iter().any(|b| b.caught.is_none()) { "?" } else { "" };
    if claim.bugs.is_empty() { "-".into() } else { format!("{}/{}{unknown}", claim.caught, claim.bugs.len()) }
}

fn exercised(claim: &ClaimReport) -> String {
    if claim.seeds == 0 {
        return claim.shows.clone();
    }
    let steps: Vec<String> =
        claim.exercised.iter().map(|s| format!("{} {}", count(s.count), s.step)).collect();
    steps.join(", ")
}
