//! What a campaign hands back of its failures: for each kind a small scenario that fails in the same way. Kinds that come down
//! to the same faults in the same phases are one cause.

use crate::args::Shrinks;
use crate::out::Out;
use crate::progress::Progress;
use crate::scenarios;
use crate::trouble::Trouble;
use mirrorsim_campaign::{
    Crew, Exit, Group, Known, Plan, Shrinker, Shrunk, Signal, Size, Stop, Sums, Token, Unshrunk,
};
use mirrorsim_report::{self as report, Folder};
use mirrorsim_world::outcome::Verdict;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Where they are, in the folder of the campaign.
const REPROS: &str = "repros";
/// What they are, for programs.
const CAUSES: &str = "causes.json";
/// Kinds that are reduced; who has more has other worries.
const KINDS: usize = 10;

/// What is reduced, and by whom.
pub struct Reducing<'a> {
    /// What was run.
    pub plans: &'a [Plan],
    /// What it came to.
    pub sums: &'a Sums,
    /// Failures that nobody need see again.
    pub known: &'a Known,
    /// Who runs candidates.
    pub crew: &'a Crew,
    /// Asks to end early.
    pub stop: &'a Stop,
    /// How it was asked for.
    pub shrinks: &'a Shrinks,
}

/// Failures that come down to the same.
struct Cause {
    /// Their signatures.
    kinds: Vec<String>,
    seeds: u64,
    /// The first seed of the most frequent kind, as people say it.
    first: String,
    /// The scenario of that.
    path: String,
    message: String,
    from: Size,
    to: Size,
    cut_short: bool,
}

impl Reducing<'_> {
    /// Reduces the first seed of each kind, and tells of the causes. The line to paste, of the most frequent one; and whether the rig
    /// disagreed with itself.
    pub fn reduce(&self, folder: &Folder, out: &mut Out) -> Result<(Option<String>, Exit), Trouble> {
        let kinds: Vec<(&str, &Group)> =
            self.sums.total.groups_by_size().into_iter().filter(|(s, g)| self.wanted(s, g)).collect();
        if self.shrinks.no_shrink || kinds.is_empty() {
            return Ok((None, Exit::Passed));
        }
        let mut exit = Exit::Passed;
        let some = kinds.len().min(KINDS);
        let mut progress = Progress::of(some as u128, ("kinds of failures reduced", "not"), out.json());
        let mut unreduced = 0;
        let repros = Folder::open(&folder.path().join(REPROS))?;
        let mut causes: BTreeMap<String, Cause> = BTreeMap::new();
        let mut order: Vec<String> = Vec::new();
        for (number, (signature, group)) in kinds.iter().take(KINDS).enumerate() {
            if self.stop.requested().is_some_and(Signal::interrupts) {
                break;
            }
            let shrunk = self.shrink(folder, group, &mut progress);
            unreduced += u128::from(shrunk.is_err());
            progress.update(number as u128 + 1, unreduced);
            let shrunk = match shrunk {
                Ok(shrunk) => shrunk,
                Err(what) => {
                    exit = Exit::Rig;
                    progress.aside(|| out.error(&Trouble::rig(format!("{signature}: {what}"))));
                    continue;
                }
            };
            repros.write(&self.name(group), shrunk.repro.to_string().as_bytes())?;
            let (plan, _, seed) = group.first;
            let path = self.file(folder, group);
            let cause = causes.entry(shrunk.cause.clone()).or_insert_with(|| {
                order.push(shrunk.cause.clone());
                Cause {
                    kinds: Vec::new(),
                    seeds: 0,
                    first: format!("{} seed {seed}", self.plans[plan].scenario.name),
                    path,
                    message: shrunk.failure.message.clone(),
                    from: shrunk.from,
                    to: shrunk.to,
                    cut_short: shrunk.cut_short,
                }
            });
            cause.seeds += group.seeds;
            cause.kinds.push((*signature).to_owned());
        }
        progress.finish();
        let all: Vec<(&String, &Cause)> = order.iter().filter_map(|c| Some((c, causes.get(c)?))).collect();
        let list: Vec<Value> = all.iter().map(|(name, cause)| cause.value(name)).collect();
        let text = serde_json::to_string_pretty(&list).map_err(|e| Trouble::rig(e.to_string()))?;
        repros.write(CAUSES, format!("{text}\n").as_bytes())?;
        for (value, (name, cause)) in list.into_iter().zip(&all) {
            match out.json() {
                true => out.object(&value),
                false => out.text(&cause.text(name)),
            }
        }
        if kinds.len() > KINDS {
            out.note(&format!("{} more kinds of failures were not reduced", kinds.len() - KINDS));
        }
        Ok((all.first().map(|(_, cause)| cause.again()), exit))
    }

    /// Only a finding can be kept while a run gets smaller.
    fn wanted(&self, signature: &str, group: &Group) -> bool {
        group.verdict == Verdict::Failed && !self.known.contains(signature)
    }

    /// The file of a kind: the scenario, the bugs and the seed.
    fn name(&self, group: &Group) -> String {
        let (plan, _, seed) = group.first;
        let plan = &self.plans[plan];
        let bugs: String = plan.planted_ids().iter().map(|id| format!("-{}", id.to_lowercase())).collect();
        let oracle = group.token.parse::<Token>().ok().and_then(|t| t.oracle).unwrap_or_default();
        format!("{}{bugs}-{seed}-{oracle}.yaml", plan.scenario.name)
    }

    fn file(&self, folder: &Folder, group: &Group) -> String {
        folder.path().join(REPROS).join(self.name(group)).display().to_string()
    }

    fn shrink(&self, folder: &Folder, group: &Group, progress: &mut Progress) -> Result<Shrunk, String> {
        let (plan, _, seed) = group.first;
        let called = report::quoted(&self.file(folder, group));
        let shrinker = Shrinker {
            plan: &self.plans[plan],
            seed,
            called: &called,
            load: scenarios::parse,
            crew: self.crew,
            stop: self.stop,
            budget: self.shrinks.shrink_budget,
        };
        match shrinker.shrink(&mut |_| progress.touch()) {
            Ok(shrunk) if shrunk.kept() => Ok(shrunk),
            Ok(shrunk) => Err(format!("seed {seed} cannot be reduced: it became {}", shrunk.ends_with)),
            Err(Unshrunk::Flaky(what)) => Err(format!("seed {seed}: {what}")),
            Err(Unshrunk::Unfailing(outcome)) => {
                let verdict = format!("{:?}", outcome.verdict).to_lowercase();
                Err(format!("seed {seed} failed in the campaign, and now its verdict is {verdict}"))
            }
        }
    }
}

impl Cause {
    fn again(&self) -> String {
        format!("mirrorsim replay {}", report::quoted(&self.path))
    }

    fn value(&self, name: &str) -> Value {
        let size = |size: Size| json!({"faults": size.faults, "operations": size.operations});
        json!({
            "type": "cause", "cause": name, "kinds": self.kinds, "seeds": self.seeds, "first": self.first,
            "message": self.message, "from": size(self.from), "to": size(self.to), "cut_short": self.cut_short,
            "path": self.path, "again": self.again(),
        })
    }

    fn text(&self, name: &str) -> String {
        let kinds = match self.kinds.len() {
            1 => String::new(),
            n => format!(", {n} kinds"),
        };
        let more = if self.cut_short { " (the budget ended)" } else { "" };
        let (from, to) = (self.from, self.to);
        format!(
            "  cause       {name}\n              {} seeds{kinds}, first {}; from {} faults and {} operations to {} and {}{more}\n              {}\n",
            self.seeds,
            self.first,
            from.faults,
            from.operations,
            to.faults,
            to.operations,
            self.again()
        )
    }
}
