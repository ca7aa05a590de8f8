//! What a campaign hands back of its failures: for each kind a small scenario that fails in the same way. Kinds that come down
//! to the same faults in the same phases are one cause.

use crate::args::OnFailure;
use crate::out::Out;
use crate::progress::Progress;
use crate::scenarios;
use crate::trouble::Trouble;
use mirrorsim_campaign::{
    Crew, Exit, Kind, Known, Plan, Repro, Shrinker, Shrunk, Signal, Stop, Sums, Unshrunk, short_signature,
};
use mirrorsim_report::{self as report, Folder};
use mirrorsim_world::outcome::Verdict;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// Where they are, in the folder of the campaign.
pub const REPROS: &str = "repros";
/// What they are, for programs.
const CAUSES: &str = "causes.json";
/// Kinds that are reduced; who has more has other worries.
const KINDS: usize = 10;
/// How long each may take, if nothing else is said.
const BUDGET: Duration = Duration::from_secs(30);

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
    pub on_failure: &'a OnFailure,
}

/// A kind of failure, and its repro.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Reduced {
    signature: String,
    seeds: u64,
    /// The first seed, as people say it.
    first: String,
    path: String,
    message: String,
    /// Faults and operations of the first seed, and what is left of them.
    from: (u64, u64),
    to: (u64, u64),
    /// Something ended it before nothing more could be left out.
    cut_short: bool,
}

/// Failures that come down to the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Cause {
    cause: String,
    /// The most frequent one first.
    kinds: Vec<Reduced>,
}

impl Reducing<'_> {
    /// Whether repros can be kept there: that is to be known before the first seed.
    pub fn check(folder: &Folder, on_failure: &OnFailure) -> Result<(), Trouble> {
        let path = folder.path().join(REPROS);
        if on_failure.no_shrink || !path.exists() || path.is_dir() {
            return Ok(());
        }
        let what = format!("{}: is no folder, and repros are to be kept there", path.display());
        Err(Trouble::environment(what).help("remove it, or say --no-shrink"))
    }

    /// Reduces the first seed of each kind, and tells of the causes. Where repros are, by signature; the line to paste, of the most
    /// frequent one; and what went wrong.
    pub fn reduce(&self, folder: &Folder, out: &mut Out) -> (BTreeMap<String, String>, Option<String>, Exit) {
        let none = BTreeMap::new;
        let kinds: Vec<Kind<'_>> =
            self.sums.kinds(self.plans, self.known).into_iter().filter(|k| self.wanted(k)).collect();
        if self.on_failure.no_shrink || kinds.is_empty() && !folder.path().join(REPROS).exists() {
            return (none(), None, Exit::Passed);
        }
        let reduced = Folder::open(&folder.path().join(REPROS)).map_err(Trouble::from).and_then(|repros| {
            let some = &kinds[..kinds.len().min(KINDS)];
            let (causes, exit) = self.reduce_all(&repros, some, out)?;
            let text = serde_json::to_string_pretty(&causes).map_err(|e| Trouble::rig(e.to_string()))?;
            repros.write(CAUSES, format!("{text}\n").as_bytes())?;
            Ok((causes, exit))
        });
        let (causes, exit) = match reduced {
            Ok(reduced) => reduced,
            Err(trouble) => {
                out.error(&trouble);
                return (none(), None, trouble.exit());
            }
        };
        for cause in &causes {
            match out.json() {
                true => out.object(&json!({"type": "cause", "cause": cause.cause, "kinds": cause.kinds})),
                false => out.text(&cause.text()),
            }
        }
        if kinds.len() > KINDS {
            let (more, were) = (kinds.len() - KINDS, if kinds.len() == KINDS + 1 { "was" } else { "were" });
            out.note(&format!("{} of failures {were} not reduced", report::plural(more as u64, "more kind")));
        }
        let again = causes.first().and_then(Cause::again);
        let kinds = causes.into_iter().flat_map(|cause| cause.kinds);
        (kinds.map(|kind| (kind.signature, kind.path)).collect(), again, exit)
    }

    /// What is left of before: each kind that was reduced of the same seed, with its cause.
    fn reduced(&self, repros: &Folder, kinds: &[Kind<'_>]) -> BTreeMap<String, (String, Reduced)> {
        let text = std::fs::read_to_string(repros.path().join(CAUSES)).unwrap_or_default();
        let causes: Vec<Cause> = serde_json::from_str(&text).unwrap_or_default();
        let mut left = BTreeMap::new();
        for Cause { cause, kinds: before } in causes {
            for reduced in before {
                let Some(kind) = kinds.iter().find(|k| k.signature == reduced.signature) else { continue };
                let repro = std::fs::read(repros.path().join(self.name(kind))).ok();
                let repro = repro.and_then(|bytes| Repro::read(&bytes, false).ok());
                if repro.is_some_and(|repro| repro.of.to_string() == kind.group.token) {
                    // There may be more seeds now, and the folder may have been moved.
                    let (seeds, path) = (kind.group.seeds, self.file(repros, kind));
                    left.insert(
                        reduced.signature.clone(),
                        (cause.clone(), Reduced { seeds, path, ..reduced }),
                    );
                }
            }
        }
        left
    }

    /// Reduces what was not, or was cut short.
    fn reduce_all(
        &self,
        repros: &Folder,
        kinds: &[Kind<'_>],
        out: &mut Out,
    ) -> Result<(Vec<Cause>, Exit), Trouble> {
        let mut exit = Exit::Passed;
        let mut before = self.reduced(repros, kinds);
        let is_new = |k: &&Kind<'_>| before.get(k.signature).is_none_or(|(_, reduced)| reduced.cut_short);
        let new = kinds.iter().filter(is_new).count();
        let mut progress = (new > 0).then(|| Progress::of(new as u128, ("repro", "not made"), out.json()));
        let (mut done, mut unreduced) = (0, 0);
        let mut causes: Vec<Cause> = Vec::new();
        for kind in kinds {
            let mut known = before.remove(kind.signature);
            if let Some(progress) = &mut progress
                && known.as_ref().is_none_or(|(_, reduced)| reduced.cut_short)
                && !self.is_interrupted()
            {
                let shrunk = self.shrink(repros, kind, progress);
                // What an interrupt has cut short is no result.
                if !self.is_interrupted() {
                    (done, unreduced) = (done + 1, unreduced + u128::from(shrunk.is_err()));
                    progress.update(done, unreduced);
                    known = match shrunk {
                        Ok(shrunk) => Some(self.keep(repros, kind, shrunk)?),
                        Err(what) => {
                            exit = Exit::Rig;
                            let what = format!("{}: {what}", kind.signature);
                            progress.aside(|| out.error(&Trouble::rig(what)));
                            None
                        }
                    };
                }
            }
            let Some((cause, reduced)) = known else { continue };
            match causes.iter_mut().find(|other| other.cause == cause) {
                Some(other) => other.kinds.push(reduced),
                None => causes.push(Cause { cause, kinds: vec![reduced] }),
            }
        }
        if let Some(mut progress) = progress {
            progress.finish();
        }
        Ok((causes, exit))
    }

    fn is_interrupted(&self) -> bool {
        self.stop.requested().is_some_and(Signal::interrupts)
    }

    /// Writes a repro; what is to be said of it, with its cause.
    fn keep(&self, repros: &Folder, kind: &Kind<'_>, shrunk: Shrunk) -> Result<(String, Reduced), Trouble> {
        repros.write(&self.name(kind), shrunk.repro.to_string().as_bytes())?;
        let (plan, _, seed) = kind.group.first;
        let reduced = Reduced {
            signature: kind.signature.to_owned(),
            seeds: kind.group.seeds,
            first: format!("{} seed {seed}", self.plans[plan].scenario.name),
            path: self.file(repros, kind),
            message: shrunk.failure.message,
            from: (shrunk.from.faults, shrunk.from.operations),
            to: (shrunk.to.faults, shrunk.to.operations),
            cut_short: shrunk.cut_short,
        };
        Ok((shrunk.cause, reduced))
    }

    /// Only a finding can be kept while a run gets smaller.
    fn wanted(&self, kind: &Kind<'_>) -> bool {
        kind.verdict == Verdict::Failed && !kind.known
    }

    /// The file of a kind: the scenario, the bugs and the seed, for people; and what makes it its own.
    fn name(&self, kind: &Kind<'_>) -> String {
        let (plan, _, seed) = kind.group.first;
        let plan = &self.plans[plan];
        let bugs: String = plan.planted_ids().iter().map(|id| format!("-{}", id.to_lowercase())).collect();
        format!("{}{bugs}-{seed}-{}.yaml", plan.scenario.name, short_signature(kind.signature))
    }

    fn file(&self, repros: &Folder, kind: &Kind<'_>) -> String {
        repros.path().join(self.name(kind)).display().to_string()
    }

    fn shrink(&self, repros: &Folder, kind: &Kind<'_>, progress: &mut Progress) -> Result<Shrunk, String> {
        let (plan, _, seed) = kind.group.first;
        let file = self.file(repros, kind);
        let called = report::quoted(&file);
        let shrinker = Shrinker {
            plan: &self.plans[plan],
            seed,
            file: &file,
            called: &called,
            load: scenarios::parse,
            crew: self.crew,
            stop: self.stop,
            budget: self.on_failure.shrink_budget.unwrap_or(BUDGET),
        };
        match shrinker.shrink(&mut |_| progress.touch()) {
            Ok(shrunk) if shrunk.kept() => Ok(shrunk),
            Ok(shrunk) => Err(format!("seed {seed} cannot be reduced: it became {}", shrunk.ends_with)),
            Err(Unshrunk::Flaky(what)) => Err(format!("seed {seed}: {what}")),
            Err(Unshrunk::Interrupted) => Err("it was interrupted".into()),
            Err(Unshrunk::Unfailing(outcome)) => {
                let verdict = format!("{:?}", outcome.verdict).to_lowercase();
                Err(format!("seed {seed} failed in the campaign, and now its verdict is {verdict}"))
            }
        }
    }
}

impl Cause {
    fn again(&self) -> Option<String> {
        Some(format!("mirrorsim replay {}", report::quoted(&self.kinds.first()?.path)))
    }

    fn text(&self) -> String {
        let mut text = format!("  cause       {}\n", self.cause);
        for kind in &self.kinds {
            let ((faults, operations), (fewer, less)) = (kind.from, kind.to);
            let more = match (kind.cut_short, kind.from == kind.to) {
                (false, _) => "",
                (true, false) => " (the budget ended)",
                (true, true) => " (the budget ended before less was found)",
            };
            text += &format!(
                "              {}x, first {}; from {} and {} to {fewer} and {less}{more}\n              \
                 mirrorsim replay {}\n",
                kind.seeds,
                kind.first,
                report::plural(faults, "fault"),
                report::plural(operations, "operation"),
                report::quoted(&kind.path)
            );
        }
        text
    }
}
