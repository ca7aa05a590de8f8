//! Two campaigns over the same seeds, in pairs: what differs between them, and whether it can be chance.

use crate::interval::{Interval, median, median_interval, share_interval, uneven};
use crate::model::{Hash, SeedText};
use mirrorsim_campaign::{BUILD, Header, SeedResult, Unlike};
use mirrorsim_world::METRICS;
use schemars::{JsonSchema, schema_for};
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Version of the format.
const SCHEMA_VERSION: u32 = 1;
/// What was not measured. No metric is as large.
const ABSENT: u64 = u64::MAX;
/// The kind of a seed that passed, and of one that has no result.
const PASSED: u32 = 0;
const NONE: u32 = u32::MAX;

/// What a comparison of two campaigns says.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "mirrorsim comparison")]
pub struct Comparison {
    /// Version of this format.
    #[schemars(extend("const" = 1))]
    pub schema_version: u32,
    /// Version of mirrorsim that compared.
    pub version: String,
    /// The first campaign.
    pub one: Side,
    /// The second one.
    pub other: Side,
    /// In what they differ, as they were asked for.
    pub differences: Vec<HeaderDifference>,
    /// What could be compared.
    pub pairs: Pairs,
    /// Seeds that did not pass.
    pub verdicts: PairedVerdicts,
    /// Kinds of failures in the pairs; the most frequent first.
    pub failures: Vec<PairedFailure>,
    /// What was measured.
    pub metrics: Vec<PairedMetric>,
}

/// One of two campaigns.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Side {
    /// Its folder, as the user wrote it.
    pub folder: String,
    /// Commit of the build that recorded it; null outside a checkout.
    pub commit: Option<String>,
    /// Hash of that build's sources.
    pub source_hash: Hash,
    /// Results that are there.
    pub seeds: u64,
    /// Seeds that are not.
    pub missing: Vec<MissingSeeds>,
}

/// Seeds of a scenario that were not run.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MissingSeeds {
    /// The scenario, as the user wrote it.
    pub path: String,
    /// The seeds, such as `1..=100`.
    pub seeds: String,
}

/// Something in which two campaigns differ.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderDifference {
    /// What it is.
    pub what: String,
    /// What the first one has.
    pub one: String,
    /// What the other one has.
    pub other: String,
    /// In how many pairs of scenarios.
    pub scenarios: u64,
}

/// How many results have a partner: the same seed of the same scenario.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pairs {
    /// Pairs.
    pub seeds: u64,
    /// Scenarios with a pair.
    pub scenarios: u64,
    /// Pairs that are the same in every event (equal digests).
    pub identical: u64,
    /// Results that only the first one has.
    pub only_one: u64,
    /// Results that only the other one has.
    pub only_other: u64,
}

/// Pairs by whether their seed did not pass.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairedVerdicts {
    /// Passed in both.
    pub neither: u64,
    /// Red in both.
    pub both: u64,
    /// Red only in the first one.
    pub only_one: u64,
    /// Red only in the other one.
    pub only_other: u64,
    /// The first pair that is red only in the first one.
    pub first_only_one: Option<PairName>,
    /// The first pair that is red only in the other one.
    pub first_only_other: Option<PairName>,
    /// Of the pairs that are red on one side only: the exact interval (Clopper and Pearson) with 95 % confidence of the share
    /// that is red in the other one, in parts per 10^9; null if there are none.
    pub only_other_share_ppb: Option<Interval<u64>>,
    /// That leaves out one half: one of the two fails more often.
    pub uneven: bool,
}

/// A scenario and a seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairName {
    /// The scenario, as the user wrote it in the first campaign.
    pub path: String,
    /// The seed.
    pub seed: SeedText,
}

/// A kind of failure.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairedFailure {
    /// Oracle, invariant and first words, with numbers blotted out.
    pub signature: String,
    /// Seeds of the first one.
    pub one: u64,
    /// Seeds of the other one.
    pub other: u64,
}

/// A metric in the pairs in which both have it. A difference is the other one's value less the first one's; a median of an even
/// number is the mean of two, rounded towards zero.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PairedMetric {
    /// Its name.
    pub name: String,
    /// `count`, `ns` or `bytes`.
    pub unit: String,
    /// Pairs in which both have it.
    pub pairs: u64,
    /// Pairs in which one of the two has it.
    pub unpaired: u64,
    /// Median of the first one.
    pub one: Option<i64>,
    /// Median of the other one.
    pub other: Option<i64>,
    /// Median of the differences.
    pub difference: Option<i64>,
    /// The interval of that with 95 % confidence, by ranks (as the test of signs has it); null of fewer than six pairs.
    pub difference_interval: Option<Interval<i64>>,
    /// Pairs in which the other one's value is the larger one.
    pub larger: u64,
    /// Pairs with equal values.
    pub equal: u64,
    /// Pairs in which it is the smaller one.
    pub smaller: u64,
    /// The interval leaves out 0: the median difference is not chance.
    pub differs: bool,
    /// Of the pairs that differ more are larger, or smaller, than chance would have it (exact, 95 %).
    pub uneven: bool,
}

/// Gathers pairs: first all results of one side, then those of the other. A pair takes a few numbers for each metric.
#[derive(Debug)]
pub struct Comparing<'a> {
    headers: [&'a Header; 2],
    /// Of each scenario of the other side: which one it is on this.
    partners: Vec<Option<usize>>,
    rows: BTreeMap<(usize, u64), usize>,
    digests: Vec<u64>,
    /// What each row has come to on both sides, as an index of `names`, from 1.
    kinds: [Vec<u32>; 2],
    names: BTreeMap<String, u32>,
    metrics: BTreeMap<String, [Vec<u64>; 2]>,
    results: [u64; 2],
    identical: u64,
}

impl<'a> Comparing<'a> {
    /// Scenarios have the same path on both sides; where each has one only, that is the same.
    pub fn new(one: &'a Header, other: &'a Header) -> Comparing<'a> {
        let single = one.scenarios.len() == 1 && other.scenarios.len() == 1;
        let partner = |path: &str| one.scenarios.iter().position(|s| single || s.path == path);
        Comparing {
            headers: [one, other],
            partners: other.scenarios.iter().map(|s| partner(&s.path)).collect(),
            rows: BTreeMap::new(),
            digests: Vec::new(),
            kinds: Default::default(),
            names: BTreeMap::new(),
            metrics: BTreeMap::new(),
            results: [0; 2],
            identical: 0,
        }
    }

    /// Adds a result of the first one. All of these come before those of the other one.
    pub fn one(&mut self, result: &SeedResult) {
        let row = self.digests.len();
        self.rows.insert((result.scenario, result.seed), row);
        self.digests.push(result.digest);
        self.kinds[1].push(NONE);
        self.kinds[0].push(PASSED);
        self.fill(0, row, result);
    }

    /// Adds a result of the other one.
    pub fn other(&mut self, result: &SeedResult) {
        let partner = self.partners.get(result.scenario).copied().flatten();
        match partner.and_then(|scenario| self.rows.get(&(scenario, result.seed)).copied()) {
            Some(row) => {
                self.identical += u64::from(self.digests[row] == result.digest);
                self.fill(1, row, result);
            }
            None => self.results[1] += 1,
        }
    }

    fn fill(&mut self, side: usize, row: usize, result: &SeedResult) {
        self.results[side] += 1;
        let next = self.names.len() as u32 + 1;
        self.kinds[side][row] =
            result.failure.as_ref().map_or(PASSED, |name| *self.names.entry(name.clone()).or_insert(next));
        for (name, value) in &result.metrics {
            if !self.metrics.contains_key(name) {
                self.metrics.insert(name.clone(), Default::default());
            }
            if let Some(values) = self.metrics.get_mut(name) {
                let values = &mut values[side];
                values.resize(values.len().max(row + 1), ABSENT);
                values[row] = (*value).min(ABSENT - 1);
            }
        }
    }

    /// Results of both sides.
    pub fn results(&self) -> [u64; 2] {
        self.results
    }

    /// What they say, if there is a pair. `folders` and `missing` are of both sides.
    pub fn close(self, folders: [&str; 2], missing: [Vec<Option<String>>; 2]) -> Option<Comparison> {
        let paired = |(_, row): &(&(usize, u64), &usize)| self.kinds[1][**row] != NONE;
        let seeds = self.rows.iter().filter(paired).count() as u64;
        let scenarios: Vec<usize> = {
            let mut all: Vec<usize> = self.rows.iter().filter(paired).map(|((s, _), _)| *s).collect();
            all.dedup();
            all
        };
        let [one, other] = missing;
        (seeds > 0).then(|| Comparison {
            schema_version: SCHEMA_VERSION,
            version: BUILD.version.into(),
            one: self.side(0, folders[0], one),
            other: self.side(1, folders[1], other),
            differences: self.differences(&scenarios),
            pairs: Pairs {
                seeds,
                scenarios: scenarios.len() as u64,
                identical: self.identical,
                only_one: self.results[0] - seeds,
                only_other: self.results[1] - seeds,
            },
            verdicts: self.verdicts(),
            failures: self.failures(),
            metrics: self.measured(),
        })
    }

    fn side(&self, side: usize, folder: &str, missing: Vec<Option<String>>) -> Side {
        let header = self.headers[side];
        let missing = header.scenarios.iter().zip(missing);
        Side {
            folder: folder.into(),
            commit: Some(header.commit.clone()).filter(|c| !c.is_empty()),
            source_hash: Hash(header.source_hash.clone()),
            seeds: self.results[side],
            missing: missing
                .filter_map(|(s, seeds)| Some(MissingSeeds { path: s.path.clone(), seeds: seeds? }))
                .collect(),
        }
    }

    /// The hash of a scenario says nothing more where what `--set` changed differs.
    fn differences(&self, scenarios: &[usize]) -> Vec<HeaderDifference> {
        let [one, other] = self.headers;
        let mut found: Vec<(Unlike, u64)> = Vec::new();
        for (partner, stated) in self.partners.iter().zip(&other.scenarios) {
            let Some(first) = partner.filter(|p| scenarios.contains(p)) else { continue };
            let unlike = one.scenarios[first].unlike(stated);
            let set = unlike.iter().any(|u| u.what == "--set");
            for unlike in unlike.into_iter().filter(|u| !(set && u.what == "text (hash)")) {
                match found.iter_mut().find(|(known, _)| *known == unlike) {
                    Some((_, pairs)) => *pairs += 1,
                    None => found.push((unlike, 1)),
                }
            }
        }
        let whole = one.unlike(other).into_iter().map(|u| (u, scenarios.len() as u64));
        let all = whole.chain(found).map(|(u, scenarios)| HeaderDifference {
            what: u.what.into(),
            one: u.there,
            other: u.here,
            scenarios,
        });
        all.collect()
    }

    /// Of each pair: its name, and whether it is red on both sides.
    fn pairs(&self) -> impl Iterator<Item = ((usize, u64), [u32; 2])> {
        let all = self.rows.iter().map(|(name, row)| (*name, [self.kinds[0][*row], self.kinds[1][*row]]));
        all.filter(|(_, [_, other])| *other != NONE)
    }

    fn verdicts(&self) -> PairedVerdicts {
        let mut count = [[0u64; 2]; 2];
        let mut first = [[None; 2]; 2];
        for (name, kinds) in self.pairs() {
            let [one, other] = kinds.map(|kind| usize::from(kind != PASSED));
            count[one][other] += 1;
            first[one][other].get_or_insert(name);
        }
        let named = |name: Option<(usize, u64)>| {
            let path = |scenario: usize| self.headers[0].scenarios[scenario].path.clone();
            name.map(|(scenario, seed)| PairName { path: path(scenario), seed: SeedText(seed.to_string()) })
        };
        let [[neither, only_other], [only_one, both]] = count;
        let share = share_interval(only_other, only_one + only_other);
        PairedVerdicts {
            neither,
            both,
            only_one,
            only_other,
            first_only_one: named(first[1][0]),
            first_only_other: named(first[0][1]),
            only_other_share_ppb: share,
            uneven: share.is_some_and(uneven),
        }
    }

    fn failures(&self) -> Vec<PairedFailure> {
        let mut counts: BTreeMap<u32, [u64; 2]> = BTreeMap::new();
        for (_, kinds) in self.pairs() {
            for (side, kind) in kinds.into_iter().enumerate().filter(|(_, kind)| *kind != PASSED) {
                counts.entry(kind).or_default()[side] += 1;
            }
        }
        let named = self.names.iter().filter_map(|(name, kind)| {
            let [one, other] = *counts.get(kind)?;
            Some(PairedFailure { signature: name.clone(), one, other })
        });
        let mut all: Vec<PairedFailure> = named.collect();
        all.sort_by_key(|f| std::cmp::Reverse(f.one + f.other));
        all
    }

    /// In the order in which metrics are listed; then those of other builds.
    fn measured(&self) -> Vec<PairedMetric> {
        // What no list has nobody can look up, nor use in `expect:`.
        let known =
            METRICS.iter().filter_map(|(name, unit, _)| self.metrics.get_key_value(*name).zip(Some(*unit)));
        known.map(|((name, values), unit)| self.metric(name, unit, values)).collect()
    }

    fn metric(&self, name: &str, unit: &str, values: &[Vec<u64>; 2]) -> PairedMetric {
        let [mut one, mut other, mut differences] = [(); 3].map(|()| Vec::new());
        let (mut unpaired, mut larger, mut equal, mut smaller) = (0, 0, 0, 0);
        for row in (0..self.digests.len()).filter(|row| self.kinds[1][*row] != NONE) {
            let both = [0, 1].map(|side: usize| values[side].get(row).copied().filter(|v| *v != ABSENT));
            let [Some(a), Some(b)] = both else {
                unpaired += u64::from(both != [None; 2]);
                continue;
            };
            *match b.cmp(&a) {
                Ordering::Greater => &mut larger,
                Ordering::Equal => &mut equal,
                Ordering::Less => &mut smaller,
            } += 1;
            one.push(whole(a));
            other.push(whole(b));
            differences.push(whole(b) - whole(a));
        }
        [&mut one, &mut other, &mut differences].into_iter().for_each(|all| all.sort_unstable());
        let interval = median_interval(&differences);
        PairedMetric {
            name: name.into(),
            unit: unit.into(),
            pairs: differences.len() as u64,
            unpaired,
            one: median(&one),
            other: median(&other),
            difference: median(&differences),
            difference_interval: interval,
            larger,
            equal,
            smaller,
            differs: interval.is_some_and(|i| i.low > 0 || i.high < 0),
            uneven: share_interval(larger, larger + smaller).is_some_and(uneven),
        }
    }
}

/// A value, or the greatest that can be told.
fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The schema of a comparison.
pub fn compare_schema() -> serde_json::Value {
    schema_for!(Comparison).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::walker::validate;
    use mirrorsim_campaign::{Shard, Stated};

    fn header(paths: &[&str]) -> Header {
        let stated = |path: &&str| Stated {
            path: (*path).into(),
            hash: "0123456789abcdef".into(),
            sets: Vec::new(),
            planted: Vec::new(),
            check: None,
            data: None,
            yes_large: false,
            seeds: "1..=40".into(),
        };
        Header {
            format: 1,
            commit: String::new(),
            source_hash: "0123456789abcdef".into(),
            shard: Shard::default(),
            twice: false,
            regressions: None,
            known: None,
            scenarios: paths.iter().map(stated).collect(),
        }
    }

    fn result(scenario: usize, seed: u64, failure: Option<&str>, metrics: &[(&str, u64)]) -> SeedResult {
        let metrics = metrics.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        SeedResult { scenario, seed, digest: seed, failure: failure.map(str::to_owned), metrics }
    }

    /// 40 seeds of `a`, and one of `b`; the other campaign has its scenarios in another order, and its seeds backwards.
    fn comparison() -> Comparison {
        let (one, other) = (header(&["a", "b"]), header(&["c", "b", "a"]));
        let mut comparing = Comparing::new(&one, &other);
        for seed in 1..=40 {
            comparing.one(&result(
                0,
                seed,
                (seed == 1).then_some("x"),
                &[("events", seed), ("stalls", 0), ("rto", 5)],
            ));
        }
        comparing.one(&result(1, 7, None, &[("events", 1)]));
        for seed in (1..=40).rev() {
            let failure = if seed % 4 == 1 { Some("x") } else { None };
            let mut metrics =
                vec![("events", seed + 2), ("stalls", u64::from(seed <= 9)), ("foreign", u64::MAX)];
            metrics.extend((seed > 30).then_some(("rto", 5)));
            comparing.other(&result(2, seed, failure, &metrics));
        }
        comparing.other(&result(0, 7, None, &[]));
        comparing
            .close(["here", "there"], [vec![None; 2], vec![None, Some("3".into()), None]])
            .expect("pairs")
    }

    #[test]
    fn pairs_are_found_by_path_and_seed_and_counted() {
        let said = comparison();
        let Pairs { seeds, scenarios, identical, only_one, only_other } = said.pairs;
        assert_eq!((seeds, scenarios, identical, only_one, only_other), (40, 1, 40, 1, 1));
        let v = &said.verdicts;
        assert_eq!((v.neither, v.both, v.only_one, v.only_other, v.uneven), (30, 1, 0, 9, true));
        assert_eq!(v.first_only_other, Some(PairName { path: "a".into(), seed: SeedText("5".into()) }));
        assert_eq!((said.failures.len(), said.failures[0].one, said.failures[0].other), (1, 1, 10));
        assert_eq!((said.other.missing.len(), said.other.missing[0].path.as_str()), (1, "b"));
    }

    #[test]
    fn metrics_are_compared_where_both_were_measured() {
        let said = comparison();
        let metric = |name: &str| said.metrics.iter().find(|m| m.name == name).expect("a metric");
        let m = metric("events");
        assert_eq!((m.one, m.other, m.difference), (Some(20), Some(22), Some(2)));
        assert_eq!(
            (m.larger, m.differs, m.difference_interval),
            (40, true, Some(Interval { low: 2, high: 2 }))
        );
        // Too few to move the median, and too many for chance.
        let m = metric("stalls");
        assert_eq!((m.difference, m.larger, m.equal, m.differs, m.uneven), (Some(0), 9, 31, false, true));
        let m = metric("rto");
        assert_eq!((m.pairs, m.unpaired, m.equal, m.uneven), (10, 30, 10, false));
        // Nobody can look it up.
        assert!(said.metrics.iter().all(|m| m.name != "foreign"), "{:?}", said.metrics);
    }

    #[test]
    fn it_is_as_its_schema_says() {
        let value = serde_json::to_value(comparison()).expect("JSON");
        assert_eq!(validate(&compare_schema(), &value), Vec::<String>::new());
    }

    #[test]
    fn without_a_pair_there_is_nothing_to_say() {
        let (one, other) = (header(&["a", "b"]), header(&["b"]));
        let mut comparing = Comparing::new(&one, &other);
        comparing.one(&result(0, 7, None, &[]));
        comparing.other(&result(0, 7, None, &[]));
        assert!(comparing.close(["here", "there"], [vec![], vec![]]).is_none());
    }
}
