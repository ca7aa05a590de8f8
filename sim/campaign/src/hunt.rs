//! Looking for the first seed that sees something, block by block: a block ends at it, or comes to nothing.

use crate::child::Nursery;
use crate::event::SeedRun;
use crate::plan::Plan;
use crate::run::Crew;
use crate::stop::Stop;
use crate::wall::Clock;
use crate::worker::{self, STACK};
use mirrorsim_world::outcome::Verdict;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::Builder;
use std::time::Duration;

/// How often the caller hears something.
const TICK: Duration = Duration::from_millis(100);
/// How long the seeds that run are waited for after a request to stop.
const GRACE: Duration = Duration::from_secs(1);

/// A block of seeds.
#[derive(Clone, Debug)]
pub struct Block {
    /// What is run: the nth seed is one of the nth of these, round and round.
    pub plans: Arc<[Plan]>,
    /// The first seed; the others follow it.
    pub first: u64,
    /// How many at most.
    pub most: u64,
    /// Oracles whose word counts; none: that of any.
    pub oracles: Vec<String>,
    /// Whether the seed must pass without the planted bug for a catch to count.
    pub sound_too: bool,
    /// The series that it belongs to, if it does; see [`hunt`].
    pub series: Option<usize>,
}

/// What came of a block.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Hunted {
    /// Seeds that were run; the last of them is the catch, if there is one.
    pub seeds: u64,
    /// The catch.
    pub caught: Option<Catch>,
    /// Seeds that did not pass, and not because of an oracle that counts: by the first oracle.
    pub strays: BTreeMap<String, u64>,
    /// What is wrong with the rig: a fault of its own, or a seed that fails without the bug, too.
    pub rig: Vec<String>,
}

/// A catch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Catch {
    /// The oracle that spoke first.
    pub oracle: String,
    /// The seed.
    pub seed: u64,
    /// What it said.
    pub message: String,
    /// The line that shows it again.
    pub token: String,
}

/// What a hunt says while it goes on.
#[derive(Debug)]
pub enum Hunting {
    /// A block is done.
    Done(usize, Hunted),
    /// A block was not run: enough of its series came to nothing.
    Skipped(usize),
    /// Nothing happened for a moment.
    Tick,
}

/// Hunts through all blocks. When `enough` blocks of a series have come to nothing the rest of it is not run: the median
/// is beyond their seeds whatever the others say. After a request to stop blocks that are not done are lost.
pub fn hunt(
    blocks: &Arc<[Block]>,
    enough: u64,
    crew: &Crew,
    stop: &Stop,
    sink: &mut dyn FnMut(Hunting),
) -> io::Result<()> {
    let (sender, messages) = sync_channel(64);
    let next = Arc::new(AtomicUsize::new(0));
    let count = blocks.iter().filter_map(|b| b.series).max().map_or(0, |last| last + 1);
    let nothing: Arc<[AtomicU64]> = (0..count).map(|_| AtomicU64::new(0)).collect();
    for i in 0..crew.workers.max(1) {
        let hunter = Hunter {
            blocks: Arc::clone(blocks),
            next: Arc::clone(&next),
            nothing: Arc::clone(&nothing),
            enough,
            stop: stop.clone(),
        };
        let (crew, sender) = (crew.clone(), sender.clone());
        let builder = Builder::new().name(format!("hunter {i}")).stack_size(STACK);
        let spawned = builder.spawn(move || hunter.work(&crew, &sender));
        if let (0, Err(error)) = (i, spawned) {
            return Err(error);
        }
    }
    drop(sender);
    let mut stopping = None;
    loop {
        match messages.recv_timeout(TICK) {
            Ok(said) => sink(said),
            Err(RecvTimeoutError::Timeout) => sink(Hunting::Tick),
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        if stop.requested().is_some() && stopping.get_or_insert_with(Clock::start).elapsed() > GRACE {
            return Ok(());
        }
    }
}

struct Hunter {
    blocks: Arc<[Block]>,
    next: Arc<AtomicUsize>,
    /// Of each series the blocks that came to nothing.
    nothing: Arc<[AtomicU64]>,
    enough: u64,
    stop: Stop,
}

/// Runs seeds, in a process if there can be one.
struct Runner<'a>(Option<Nursery<'a>>);

impl Runner<'_> {
    fn run(&mut self, plan: &Plan, number: usize, seed: u64) -> SeedRun {
        match &mut self.0 {
            Some(nursery) => nursery.seed_run(plan, (number, 0), seed),
            None => worker::seed_run(plan, (number, 0), seed),
        }
    }
}

impl Hunter {
    fn work(&self, crew: &Crew, sender: &SyncSender<Hunting>) {
        let mut runner = Runner(crew.children.as_ref().map(Nursery::new));
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(block) = self.blocks.get(number) else { return };
            let nothing = block.series.map(|series| &self.nothing[series]);
            let said = if nothing.is_some_and(|n| n.load(Ordering::Relaxed) >= self.enough) {
                Hunting::Skipped(number)
            } else {
                let Some(hunted) = self.hunted(block, number, &mut runner) else { return };
                if let (Some(nothing), None) = (nothing, &hunted.caught) {
                    nothing.fetch_add(1, Ordering::Relaxed);
                }
                Hunting::Done(number, hunted)
            };
            if sender.send(said).is_err() {
                return;
            }
        }
    }

    /// `None`: it is to stop.
    fn hunted(&self, block: &Block, number: usize, runner: &mut Runner<'_>) -> Option<Hunted> {
        let mut hunted = Hunted::default();
        for nth in 0..block.most {
            if self.stop.requested().is_some() {
                return None;
            }
            let which = (nth % block.plans.len() as u64) as usize;
            let (plan, seed) = (&block.plans[which], block.first.wrapping_add(nth));
            // A child keeps the scenario and the bugs of a number.
            let numbered = number * block.plans.len() + which;
            let run = runner.run(plan, numbered, seed);
            hunted.seeds += 1;
            let Some(catch) = look(block, &run, &mut hunted) else { continue };
            if block.sound_too {
                let sound = Plan { planted: Vec::new(), ..plan.clone() };
                let run = runner.run(&sound, usize::MAX - numbered, seed);
                if run.outcome.verdict != Verdict::Passed {
                    hunted.rig.push(format!(
                        "seed {seed} of {} fails without the bug: {}",
                        plan.argument, run.token
                    ));
                    continue;
                }
            }
            hunted.caught = Some(catch);
            break;
        }
        Some(hunted)
    }
}

/// Whether a run is the catch.
fn look(block: &Block, run: &SeedRun, hunted: &mut Hunted) -> Option<Catch> {
    let outcome = &run.outcome;
    let first = outcome.failures.first()?;
    match outcome.verdict {
        Verdict::Failed => {}
        Verdict::Rig => {
            hunted
                .rig
                .push(format!("seed {} is taken for a fault of the rig: {}", outcome.seed, first.message));
            return None;
        }
        _ => return None,
    }
    let counts = |oracle: &str| block.oracles.is_empty() || block.oracles.iter().any(|o| o == oracle);
    let Some(named) = outcome.failures.iter().find(|f| counts(f.oracle)) else {
        *hunted.strays.entry(first.oracle.to_owned()).or_default() += 1;
        return None;
    };
    // Another oracle may speak first for the same cause.
    let oracle = if counts(first.oracle) { first.oracle } else { named.oracle }.to_owned();
    Some(Catch { oracle, seed: outcome.seed, message: named.message.clone(), token: run.token.to_string() })
}
