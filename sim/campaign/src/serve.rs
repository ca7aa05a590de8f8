//! The child's side of [`crate::child`]: seeds come in, results go out, and a watchdog looks whether anything moves.

use crate::plan::Plan;
use crate::token::Token;
use crate::watch::Pulse;
use crate::worker::{Judged, STACK, attempt, look};
use mirrorsim_scenario::{Problems, Scenario};
use mirrorsim_world::outcome::Outcome;
use mirrorsim_world::{Entry, Judging, Options, Rigged, Sight, State, Watch};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Duration;

/// How often the watchdog looks. It counts its looks, not time: a machine that sleeps is not stuck.
const LOOK: Duration = Duration::from_millis(250);

/// Reads a scenario: its name, its text, and the token with everything else.
pub type Load = fn(&str, &str, &Token) -> Result<Scenario, Problems>;

/// A seed to run.
#[derive(Serialize, Deserialize, Debug)]
pub(crate) struct Task {
    /// Everything but the text.
    pub token: String,
    /// What messages call the scenario.
    pub name: String,
    /// Its text, unless it is that of the task before.
    pub text: Option<String>,
    /// Who may say no.
    pub judging: Judging,
    /// A bug of the rig.
    pub rigged: Option<Rigged>,
    /// Go on to this moment only, and say how everything stands there.
    pub sight: Option<Sight>,
    /// Tell every entry from this one on.
    pub echo: Option<u64>,
    /// Without an entry for so long it is stuck.
    pub patience: Duration,
}

/// What a child says.
#[derive(Serialize, Deserialize, Debug)]
pub(crate) enum Said {
    /// So many entries up to now.
    Pulse(u64),
    /// An entry, encoded.
    Event { number: u64, words: [u64; 5] },
    /// The result.
    Done { outcome: Box<Outcome>, expectations: usize, wall: Duration },
    /// How everything stands at the moment that was asked for.
    Seen(Box<State>),
    /// No entry for too long after this one. The child ends itself.
    Stuck(u64),
    /// It cannot be run.
    Refused(String),
}

/// Runs the seeds that standard input asks for, until it ends. Whoever returns from here is to end the process:
/// a seed may still run, and nobody waits for it.
pub fn serve(load: Load) -> io::Result<()> {
    let now = Arc::new(Now::default());
    let (sender, tasks) = channel();
    let (ended, alive) = channel();
    let current = Arc::clone(&now);
    Builder::new().name("seed".into()).stack_size(STACK).spawn(move || {
        let works = catch_unwind(AssertUnwindSafe(|| work(load, &tasks, &current)));
        drop(ended);
        if works.is_err() {
            std::process::exit(i32::from(crate::Exit::Rig.code()));
        }
    })?;
    Builder::new().name("watchdog".into()).spawn(move || guard(&now, &alive))?;
    for line in io::stdin().lines() {
        let task: Task = serde_json::from_str(&line?).map_err(io::Error::other)?;
        if sender.send(task).is_err() {
            break;
        }
    }
    Ok(())
}

/// What is done now.
type Now = Mutex<Doing>;

#[derive(Clone, Default)]
enum Doing {
    #[default]
    Nothing,
    /// A scenario is read, which takes as long as its traces are.
    Reading,
    /// A seed is run, and stands still after so long without an entry.
    Running(Arc<Pulse>, Duration),
}

fn work(load: Load, tasks: &Receiver<Task>, now: &Now) {
    let mut plan = None;
    for task in tasks {
        set(now, Doing::Reading);
        let said = run(load, &mut plan, &task, now).unwrap_or_else(Said::Refused);
        set(now, Doing::Nothing);
        say(&said);
    }
}

fn run(load: Load, known: &mut Option<Plan>, task: &Task, now: &Now) -> Result<Said, String> {
    let token: Token = task.token.parse().map_err(|e: crate::Problem| e.to_string())?;
    if let Some(text) = &task.text {
        // Nothing that is refused leaves the plan before it in its place.
        *known = None;
        let scenario = load(&task.name, text, &token).map_err(|p| p.to_string())?;
        *known = Some(Plan::of(&token, scenario)?);
    }
    if let Some(plan) = known.as_mut() {
        (plan.judging, plan.rigged) = (task.judging.clone(), task.rigged);
    }
    let plan = known.as_ref().ok_or("no scenario was given")?;
    if plan.scenario.source_hash as u32 != token.text {
        return Err(
            "its traces are not what they were when it was read: they must not change while it runs".into()
        );
    }
    let pulse = Arc::new(Pulse::of(&plan.scenario.spec));
    let watch: Arc<dyn Watch> = match task.echo {
        Some(from) => Arc::new(Echo { pulse: Arc::clone(&pulse), from }),
        None => Arc::clone(&pulse) as Arc<dyn Watch>,
    };
    set(now, Doing::Running(pulse, task.patience));
    let options = Options { watch: Some(watch), ..plan.options(token.seed) };
    if let Some(sight) = task.sight {
        return Ok(match look(plan, token.seed, &options, sight) {
            Ok(state) => Said::Seen(Box::new(state)),
            Err(outcome) => Said::Done { outcome, expectations: 0, wall: Duration::ZERO },
        });
    }
    let Judged { run, expectations, wall } = attempt(plan, token.seed, &options);
    Ok(Said::Done { outcome: Box::new(run.outcome), expectations, wall })
}

fn set(now: &Now, to: Doing) {
    *now.lock().unwrap_or_else(PoisonError::into_inner) = to;
}

/// Tells how far the run is, and that it is stuck.
fn guard(now: &Now, alive: &Receiver<()>) {
    let (mut last, mut silent) = (0, Duration::ZERO);
    while alive.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
        let current = now.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (pulse, patience) = match current {
            Doing::Running(pulse, patience) => (pulse, patience),
            other => {
                silent = Duration::ZERO;
                if matches!(other, Doing::Reading) {
                    say(&Said::Pulse(0));
                }
                continue;
            }
        };
        let entries = pulse.entries();
        if entries != last || pulse.waits() {
            (last, silent) = (entries, Duration::ZERO);
            say(&Said::Pulse(entries));
            continue;
        }
        silent += LOOK;
        if silent >= patience {
            say(&Said::Stuck(entries));
            std::process::exit(i32::from(crate::Exit::Failed.code()));
        }
    }
}

/// Whoever asked may be gone; then the end of standard input ends this process.
fn say(said: &Said) {
    if let Ok(line) = serde_json::to_string(said) {
        let mut out = io::stdout().lock();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

/// An entry as it is told.
pub(crate) fn words(entry: &Entry) -> [u64; 5] {
    let bytes = entry.encode();
    std::array::from_fn(|i| u64::from_le_bytes(std::array::from_fn(|b| bytes[i * 8 + b])))
}

/// The entry that was told.
pub(crate) fn entry(words: [u64; 5]) -> Entry {
    Entry::decode(&std::array::from_fn(|b| words[b / 8].to_le_bytes()[b % 8]))
}

/// Tells entries while they happen: behind the last one there may be nothing more.
#[derive(Debug)]
struct Echo {
    pulse: Arc<Pulse>,
    from: u64,
}

impl Watch for Echo {
    fn entry(&self, entry: &Entry) {
        self.pulse.entry(entry);
        let number = self.pulse.entries() - 1;
        if number >= self.from {
            self.pulse.waiting(|| say(&Said::Event { number, words: words(entry) }));
        }
    }

    fn again(&self) {
        self.pulse.again();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(plan: &Plan, text: Option<&str>) -> Task {
        Task {
            token: plan.request(1).to_string(),
            name: "a.yaml".into(),
            text: text.map(str::to_owned),
            judging: plan.judging.clone(),
            rigged: None,
            sight: None,
            echo: None,
            patience: Duration::from_secs(60),
        }
    }

    #[test]
    fn an_entry_is_what_was_told() {
        let told =
            Entry { time: u64::MAX - 1, kind: 2, actor: 3, peer: 65_535, flags: 4, a: 5, b: 6 << 40, c: 7 };
        assert_eq!(entry(words(&told)), told);
    }

    /// What is refused is not run as what came before it.
    #[test]
    fn who_refuses_a_scenario_knows_none() {
        let load: Load =
            |name, text, _| mirrorsim_scenario::parse(name, text.as_bytes(), &[], &Default::default());
        let plan = crate::worker::tests::plan("1");
        let (mut known, now) = (None, Now::default());
        let mut runs = |text| run(load, &mut known, &task(&plan, text), &now).is_ok();
        assert!(runs(Some(&plan.scenario.source)));
        assert!(runs(None));
        assert!(!runs(Some("schema: 1\nsourcez: 1\n")));
        assert!(!runs(None));
    }

    /// The trace of a scenario may be another one by the time that a child reads it.
    #[test]
    fn who_reads_another_scenario_than_was_meant_refuses_it() {
        let load: Load = |name, text, _| {
            let read = mirrorsim_scenario::parse(name, text.as_bytes(), &[], &Default::default());
            read.map(|s| Scenario { source_hash: s.source_hash ^ 1, ..s })
        };
        let plan = crate::worker::tests::plan("1");
        let said = run(load, &mut None, &task(&plan, Some(&plan.scenario.source)), &Now::default());
        assert!(said.is_err_and(|why| why.contains("traces")));
    }
}
