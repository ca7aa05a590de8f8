//! What there is to do for the table, and the table of what was done.

use super::ledger::Ledger;
use mirrorsim_campaign::{Block, Hunted, Plan};
use mirrorsim_planted::{Ground, Row, ground};
use mirrorsim_report::{Kill, KillTable, Spread, Stamp, Worth};
use mirrorsim_scenario::{Scenario, seeds};
use mirrorsim_world::spec::CheckMode;
use mirrorsim_world::{Judging, ORACLES, Rigged};
use std::collections::BTreeMap;
use std::sync::Arc;

/// It judges the rig, not the protocol.
const OF_THE_RIG: &str = "reader";
/// Seeds of a witness in which one oracle alone is tried.
const ALONE: u64 = 50;
/// Without an oracle a bug counts as missed after so many times the seeds with it.
const LATER: u64 = 10;
/// And after so many seeds in any case.
const MOST: u64 = 200;

/// A bug may keep a run busy for ever: a hundred times the events of a usual one are enough to see it.
pub const BUDGET: [&str; 2] = ["budget.events", "500000"];

/// One block to be run.
#[derive(Clone, Copy, Debug)]
pub enum Item {
    /// A judge that is told something false.
    Canary,
    /// A bug in its witness.
    Witness(&'static Row),
    /// A block of a bug, by the judge or by a checker that looks at the end.
    Block { row: &'static Row, end_only: bool, number: u64 },
    /// A bug in its witness, judged by one oracle.
    Alone(&'static str, &'static Row),
    /// A bug in its witness, judged by all oracles but one, with the seeds that are tried.
    Without(&'static str, &'static Row, u64),
}

impl Item {
    /// Its name in the ledger.
    pub fn key(&self) -> String {
        match self {
            Item::Canary => "canary".into(),
            Item::Witness(row) => format!("{}/witness", row.id),
            Item::Block { row, end_only, number } => block_key(row, *end_only, *number),
            Item::Alone(oracle, row) => format!("{}/alone/{oracle}", row.id),
            Item::Without(oracle, row, _) => format!("{}/without/{oracle}", row.id),
        }
    }
}

fn block_key(row: &Row, end_only: bool, number: u64) -> String {
    let kind = if end_only { "end" } else { "full" };
    format!("{}/{kind}/{number}", row.id)
}

/// Oracles of a row that are the judge's and of the protocol.
fn oracles(row: &'static Row) -> impl Iterator<Item = &'static str> {
    row.oracles.iter().copied().filter(|o| *o != OF_THE_RIG && ORACLES.contains(o))
}

/// Scenarios and measures.
pub struct Works {
    /// The default campaign.
    pub campaign: Vec<(String, Scenario)>,
    /// The rows' witnesses.
    pub witnesses: BTreeMap<&'static str, Scenario>,
    /// Blocks of a bug.
    pub blocks: u64,
    /// Seeds of a block.
    pub seeds: u64,
}

impl Works {
    /// What is run.
    pub fn stamp(&self) -> Stamp {
        let campaign = self.campaign.iter().map(|(_, s)| s.source_hash);
        Stamp::of(campaign.chain(self.witnesses.values().map(|s| s.source_hash)))
    }

    /// When so many blocks have come to nothing the median is beyond.
    pub fn enough(&self) -> u64 {
        self.blocks - self.blocks.div_ceil(2) + 1
    }

    /// What does not depend on other results.
    pub fn first(&self, rows: &[&'static Row], skip_oracles: bool) -> Vec<Item> {
        let mut items = vec![Item::Canary];
        items.extend(rows.iter().map(|row| Item::Witness(row)));
        for row in rows {
            for end_only in [false, true] {
                items.extend((0..self.blocks).map(|number| Item::Block { row, end_only, number }));
            }
        }
        for row in rows.iter().filter(|_| !skip_oracles) {
            items.extend(oracles(row).map(|oracle| Item::Alone(oracle, row)));
        }
        items
    }

    /// What is tried for ten times the seeds that it took with all oracles.
    pub fn second(&self, rows: &[&'static Row], ledger: &Ledger, skip_oracles: bool) -> Vec<Item> {
        let mut items = Vec::new();
        for row in rows.iter().filter(|_| !skip_oracles) {
            let witness = ledger.get(&Item::Witness(row).key());
            if let Some(hunted) = witness.filter(|h| h.caught.is_some()) {
                let most = (hunted.seeds * LATER).min(MOST);
                items.extend(oracles(row).map(|oracle| Item::Without(oracle, row, most)));
            }
        }
        items
    }

    /// The blocks of items, in their order.
    pub fn blocks(&self, items: &[Item]) -> Vec<Block> {
        let mut plans: BTreeMap<(String, bool), Arc<[Plan]>> = BTreeMap::new();
        let mut series: BTreeMap<(String, bool), usize> = BTreeMap::new();
        let mut out = Vec::new();
        for item in items {
            let block = match *item {
                Item::Block { row, end_only, number } => {
                    let key = (row.id.to_owned(), end_only);
                    let plans = plans.entry(key.clone()).or_insert_with(|| self.series(row, end_only));
                    // A checker that looks at the end has no oracles to be of the row.
                    let oracles = if end_only { &[][..] } else { row.oracles };
                    let fresh = series.len();
                    let series = *series.entry(key).or_insert(fresh);
                    let first = number * self.seeds + 1;
                    Block {
                        series: Some(series),
                        ..block(Arc::clone(plans), (first, self.seeds), oracles, !end_only)
                    }
                }
                Item::Canary => {
                    let (path, scenario) = &self.campaign[0];
                    let plan = Plan { rigged: Some(Rigged::FalseAnswer), ..plan(path, scenario) };
                    block([plan.with_check(Some(CheckMode::End))].into(), (1, 1), &["replies"], false)
                }
                Item::Witness(row) => {
                    block([self.witness(row, Judging::All)].into(), (0, row.seeds), row.oracles, true)
                }
                Item::Alone(oracle, row) => {
                    let judging = Judging::Only(oracle.to_owned());
                    let most = row.seeds.min(ALONE);
                    block([self.witness(row, judging)].into(), (0, most), &[oracle], false)
                }
                Item::Without(oracle, row, most) => {
                    let judging = Judging::Without(vec![oracle.to_owned()]);
                    block([self.witness(row, judging)].into(), (0, most), &[], false)
                }
            };
            out.push(block);
        }
        out
    }

    fn witness(&self, row: &'static Row, judging: Judging) -> Plan {
        let plan = plan(row.witness, &self.witnesses[row.witness]);
        Plan { planted: vec![row], judging, ..plan }
    }

    /// The plans of a bug's blocks.
    fn series(&self, row: &'static Row, end_only: bool) -> Arc<[Plan]> {
        let on_witness = [(row.witness.to_owned(), self.witnesses[row.witness].clone())];
        let (scenarios, mode) = match ground(row) {
            // Where recovery is judged at one change in 16 four times as many seeds go into the same time.
            Ground::Campaign => (&self.campaign[..], Some(CheckMode::Sampled)),
            Ground::Witness => (&on_witness[..], None),
        };
        let plans = scenarios.iter().map(|(path, scenario)| {
            let plan = Plan { planted: vec![row], ..plan(path, scenario) };
            match end_only {
                true => Plan { judging: Judging::AtTheEnd, ..plan.with_check(Some(CheckMode::End)) },
                false => plan.with_check(mode),
            }
        });
        plans.collect()
    }

    /// The table.
    pub fn table(&self, rows: &[&'static Row], ledger: &Ledger, stamp: Stamp) -> KillTable {
        let mut measured: Vec<&'static str> = Vec::new();
        if rows.iter().any(|row| oracles(row).any(|o| ledger.has(&Item::Alone(o, row).key()))) {
            measured = ORACLES.iter().copied().filter(|o| *o != OF_THE_RIG).collect();
        }
        let whole = rows.len() == mirrorsim_planted::ROWS.len();
        // Of some bugs only what these have to do with is told.
        measured.retain(|o| whole || rows.iter().any(|r| r.oracles.contains(o)));
        KillTable {
            stamp,
            blocks: self.blocks,
            seeds: self.seeds,
            whole,
            canary: ledger.get(&Item::Canary.key()).is_some_and(|h| h.caught.is_some()),
            kills: rows.iter().map(|row| self.kill(row, ledger)).collect(),
            oracles: measured.into_iter().map(|oracle| worth(oracle, rows, ledger)).collect(),
        }
    }

    fn kill(&self, row: &'static Row, ledger: &Ledger) -> Kill {
        let blocks = |end_only| {
            let result = move |number| ledger.get(&block_key(row, end_only, number));
            (0..self.blocks).map(result)
        };
        let spread = |end_only| {
            let seeds = |h: Option<&Hunted>| h.filter(|h| h.caught.is_some()).map(|h| h.seeds);
            Spread::of(&blocks(end_only).map(seeds).collect::<Vec<_>>())
        };
        let witness = ledger.get(&Item::Witness(row).key());
        let catch = witness.and_then(|h| h.caught.as_ref());
        let all: Vec<&Hunted> = blocks(false).flatten().chain(witness).collect();
        let mut first: BTreeMap<&str, u64> = BTreeMap::new();
        for catch in all.iter().filter_map(|h| h.caught.as_ref()) {
            *first.entry(&catch.oracle).or_default() += 1;
        }
        let oracle = first.iter().max_by_key(|(_, n)| **n).map_or("-", |(o, _)| o).to_owned();
        let mut strays = BTreeMap::new();
        for (oracle, n) in all.iter().flat_map(|h| &h.strays) {
            *strays.entry(oracle.clone()).or_default() += n;
        }
        Kill {
            id: row.id.into(),
            name: row.name.into(),
            caught: catch.is_some(),
            oracle,
            ground: if ground(row) == Ground::Witness { "witness" } else { "campaign" }.into(),
            seeds: spread(false),
            end_only: spread(true),
            witness: row.witness.into(),
            witness_seed: catch.map(|c| c.seed),
            replay: catch.map(|c| format!("mirrorsim replay {}", c.token)),
            strays,
        }
    }

    /// What is wrong with the rig.
    pub fn rig(&self, ledger: &Ledger, canary: bool) -> Vec<String> {
        let mut out = Vec::new();
        if !canary {
            out.push(
                "the canary lives: a judge that is told of an answer which nobody gave does not say no"
                    .into(),
            );
        }
        out.extend(ledger.all().flat_map(|(key, h)| h.rig.iter().map(move |what| format!("{key}: {what}"))));
        out
    }
}

fn worth(oracle: &'static str, rows: &[&'static Row], ledger: &Ledger) -> Worth {
    let seeds = |row: &&'static Row| {
        let hunted = ledger.get(&Item::Alone(oracle, row).key())?;
        hunted.caught.as_ref().map(|_| (row.id.to_owned(), hunted.seeds))
    };
    let missed = |row: &&&'static Row| {
        let hunted = ledger.get(&Item::Without(oracle, row, 0).key());
        hunted.is_some_and(|h| h.caught.is_none())
    };
    Worth {
        oracle: oracle.into(),
        alone: rows.iter().filter_map(seeds).collect(),
        missed_without: rows.iter().filter(missed).map(|row| row.id.to_owned()).collect(),
    }
}

fn plan(path: &str, scenario: &Scenario) -> Plan {
    let sets = vec![BUDGET.map(str::to_owned).into()];
    Plan { sets, ..Plan::new(scenario.clone(), path, seeds("1").expect("a seed")) }
}

fn block(plans: Arc<[Plan]>, (first, most): (u64, u64), oracles: &[&str], sound_too: bool) -> Block {
    Block {
        plans,
        first,
        most,
        oracles: oracles.iter().map(|o| (*o).to_owned()).collect(),
        sound_too,
        series: None,
    }
}
