//! The kill table: what was planted, and how soon it was caught.

use crate::human::{BOLD, GREEN, RED};
use crate::number::plural;
use crate::stamp::Stamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Median and 95th percentile of the seeds to the first detection, over blocks of seeds; by nearest rank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// Median; null: more than the seeds of a block.
    pub median: Option<u64>,
    /// 95th percentile; null: more than the seeds of a block.
    pub p95: Option<u64>,
}

impl Spread {
    /// Of what came of the blocks; `None` = nothing within the seeds of a block. Blocks that were not run, since too many
    /// of the others came to nothing, are such.
    pub fn of(blocks: &[Option<u64>]) -> Spread {
        let mut ranks: Vec<u64> = blocks.iter().map(|b| b.unwrap_or(u64::MAX)).collect();
        ranks.sort_unstable();
        let rank = |percent: usize| {
            let at = (ranks.len() * percent).div_ceil(100).max(1) - 1;
            ranks.get(at).copied().filter(|n| *n < u64::MAX)
        };
        Spread { median: rank(50), p95: rank(95) }
    }
}

/// One planted bug.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kill {
    /// Its id.
    pub id: String,
    /// What it does.
    pub name: String,
    /// An oracle of its row saw it in its witness, within the row's seeds, and the same seed passes without it.
    pub caught: bool,
    /// The oracle that spoke first most often.
    pub oracle: String,
    /// Where seeds were counted: `campaign` or `witness`.
    pub ground: String,
    /// Seeds to the first detection.
    pub seeds: Spread,
    /// The same for a checker that compares once, at the end of the run.
    pub end_only: Spread,
    /// A scenario that fails with it and passes without.
    pub witness: String,
    /// The first seed there that sees it.
    pub witness_seed: Option<u64>,
    /// The line that shows it.
    pub replay: Option<String>,
    /// Seeds that failed otherwise, by oracle.
    pub strays: BTreeMap<String, u64>,
}

/// What an oracle is worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worth {
    /// The oracle.
    pub oracle: String,
    /// Bugs that it catches with all others off, with the seeds that it takes in their witness.
    pub alone: BTreeMap<String, u64>,
    /// Bugs that all others together miss, or find only after ten times as many seeds.
    pub missed_without: Vec<String>,
}

/// The table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KillTable {
    /// What made it.
    pub stamp: Stamp,
    /// Blocks of each bug.
    pub blocks: u64,
    /// Seeds of a block at most.
    pub seeds: u64,
    /// A judge that was told something false said no, as it must.
    pub canary: bool,
    /// It has every bug.
    pub whole: bool,
    /// Bugs.
    pub kills: Vec<Kill>,
    /// Oracles; empty if they were not measured.
    pub oracles: Vec<Worth>,
}

impl Worth {
    /// Whether nothing would be missed without it.
    pub fn idle(&self) -> bool {
        self.alone.is_empty() || self.missed_without.is_empty()
    }
}

/// A median so many times later than before is a loss.
const LATER: u64 = 10;

impl KillTable {
    /// What is missed, in sentences.
    pub fn misses(&self) -> Vec<String> {
        let mut out = Vec::new();
        for kill in self.kills.iter().filter(|k| !k.caught) {
            let strays: Vec<String> = kill.strays.iter().map(|(o, n)| format!("{o} {n}x")).collect();
            let strays = match strays.is_empty() {
                true => String::new(),
                false => format!("; oracles that are not of its row spoke: {}", strays.join(", ")),
            };
            out.push(format!("{} was not caught in {}: {}{strays}", kill.id, kill.witness, kill.name));
        }
        for worth in self.oracles.iter().filter(|w| w.idle() && self.whole) {
            out.push(format!("{}: there is no planted bug that only this oracle catches", worth.oracle));
        }
        out
    }

    /// What is worse than in an earlier table, in sentences.
    pub fn losses(&self, before: &KillTable) -> Vec<String> {
        let mut out = Vec::new();
        for old in &before.kills {
            let Some(new) = self.kills.iter().find(|k| k.id == old.id) else { continue };
            if old.caught && !new.caught {
                out.push(format!("{} is no longer caught; it was by {}", new.id, old.oracle));
            }
            if old.ground != new.ground {
                continue;
            }
            if let Some(was) = old.seeds.median {
                // Beyond the seeds of a block is at least one more than these.
                let is = new.seeds.median.unwrap_or(self.seeds + 1);
                // The median of a few blocks says little where single blocks took far longer before, too.
                let slice = self.blocks < before.blocks;
                let usual = if slice { old.seeds.p95.unwrap_or(u64::MAX) } else { 0 };
                if is > was.saturating_mul(LATER).max(usual) {
                    let beyond = if new.seeds.median.is_none() { "more than " } else { "" };
                    let shown = new.seeds.median.unwrap_or(self.seeds);
                    out.push(format!(
                        "{} is caught after {beyond}{}; it was after {was}",
                        new.id,
                        plural(shown, "seed")
                    ));
                }
            }
        }
        for old in before.oracles.iter().filter(|w| !w.idle() && self.whole) {
            if let Some(new) = self.oracles.iter().find(|w| w.oracle == old.oracle && w.idle()) {
                out.push(format!("{} no longer catches anything that others do not", new.oracle));
            }
        }
        out
    }

    /// Bugs of an earlier table that are in this one no more.
    pub fn gone(&self, before: &KillTable) -> Vec<String> {
        let gone = before.kills.iter().filter(|old| self.kills.iter().all(|k| k.id != old.id));
        gone.map(|k| k.id.clone()).collect()
    }

    /// The table for people.
    pub fn text(&self) -> String {
        let seeds = |n: Option<u64>| n.map_or_else(|| format!(">{}", self.seeds), |n| n.to_string());
        let mut out = format!(
            "{BOLD}{:<5} {:<7} {:<12} {:>7} {:>7}  {:>8} {:>7}  witness{BOLD:#}\n",
            "bug", "caught", "oracle", "median", "95 %", "end-only", "95 %"
        );
        for k in &self.kills {
            let (style, word) = if k.caught { (GREEN, "yes") } else { (RED, "MISSED") };
            let mark = if k.ground == "witness" { "*" } else { "" };
            let at = k.witness_seed.map_or_else(String::new, |s| format!(", seed {s}"));
            let _ = writeln!(
                out,
                "{:<5} {style}{word:<7}{style:#} {:<12} {:>7} {:>7}  {:>8} {:>7}  {}{at}",
                format!("{}{mark}", k.id),
                k.oracle,
                seeds(k.seeds.median),
                seeds(k.seeds.p95),
                seeds(k.end_only.median),
                seeds(k.end_only.p95),
                k.witness
            );
        }
        let caught = self.kills.iter().filter(|k| k.caught).count();
        let end = self.kills.iter().filter(|k| k.end_only.median.is_some()).count();
        let _ = writeln!(
            out,
            "{caught} of {} caught; seeds to the first detection over {} of {}; a checker that compares once at the \
             end sees {end} within a block (median). * counted in its witness",
            self.kills.len(),
            plural(self.blocks, "block"),
            self.seeds
        );
        if !self.oracles.is_empty() {
            let _ =
                writeln!(out, "\n{BOLD}{:<12} {:<44} missed without it{BOLD:#}", "oracle", "catches alone");
        }
        for w in &self.oracles {
            let mut alone = w.alone.keys().cloned().collect::<Vec<_>>().join(" ");
            if alone.is_empty() {
                alone = "-".into();
            }
            let _ = writeln!(out, "{:<12} {alone:<44} {}", w.oracle, w.missed_without.join(" "));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(median: Option<u64>, caught: bool) -> KillTable {
        let kill = Kill {
            id: "P10".into(),
            name: "a bug".into(),
            caught,
            oracle: "durability".into(),
            ground: "campaign".into(),
            seeds: Spread { median, p95: None },
            end_only: Spread::default(),
            witness: "a.yaml".into(),
            witness_seed: None,
            replay: None,
            strays: BTreeMap::new(),
        };
        KillTable {
            stamp: Stamp::default(),
            blocks: 20,
            seeds: 500,
            canary: true,
            whole: true,
            kills: vec![kill],
            oracles: Vec::new(),
        }
    }

    #[test]
    fn percentiles_are_by_rank_and_know_what_was_not_seen() {
        let blocks: Vec<Option<u64>> = (1..=20).map(Some).collect();
        assert_eq!(Spread::of(&blocks), Spread { median: Some(10), p95: Some(19) });
        let blocks: Vec<Option<u64>> = (0..20).map(|i| (i < 10).then_some(7)).collect();
        assert_eq!(Spread::of(&blocks), Spread { median: Some(7), p95: None });
        let blocks: Vec<Option<u64>> = (0..20).map(|i| (i < 9).then_some(7)).collect();
        assert_eq!(Spread::of(&blocks), Spread { median: None, p95: None });
        assert_eq!(Spread::of(&[]), Spread::default());
    }

    #[test]
    fn what_is_lost_against_an_earlier_table_is_said() {
        let before = table(Some(20), true);
        assert!(table(Some(200), true).losses(&before).is_empty());
        assert_eq!(
            table(Some(201), true).losses(&before),
            ["P10 is caught after 201 seeds; it was after 20"]
        );
        assert_eq!(
            table(None, true).losses(&before),
            ["P10 is caught after more than 500 seeds; it was after 20"]
        );
        assert_eq!(table(Some(20), false).losses(&before), ["P10 is no longer caught; it was by durability"]);
        // A slice of few seeds proves nothing about what takes many.
        let slice = KillTable { seeds: 50, ..table(None, true) };
        assert!(slice.losses(&before).is_empty());
        // Nor two blocks about what took one block in twenty as long before.
        let mut wide = table(Some(20), true);
        wide.kills[0].seeds.p95 = Some(300);
        let blocks = |blocks, median| KillTable { blocks, ..table(median, true) };
        assert!(blocks(2, Some(300)).losses(&wide).is_empty());
        assert_eq!(blocks(2, Some(301)).losses(&wide).len(), 1);
        assert_eq!(blocks(20, Some(201)).losses(&wide).len(), 1);
        assert_eq!(table(Some(1), false).misses(), ["P10 was not caught in a.yaml: a bug"]);
        assert!(table(None, false).text().contains("MISSED") && table(None, true).text().contains(">500"));
    }
}
