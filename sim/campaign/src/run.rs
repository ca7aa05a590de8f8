//! The threads of a campaign: one that hands out seeds, the workers, and the caller's, which hears of everything.

use crate::child::{Children, Nursery};
use crate::deliver::Delivery;
use crate::event::{Event, SeedRun};
use crate::plan::Plan;
use crate::stop::Stop;
use crate::twice::{Second, Twice};
use crate::wall::Clock;
use crate::worker::{self, STACK};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Duration;

/// How long the seeds that run are waited for after a request to stop.
const GRACE: Duration = Duration::from_secs(1);
/// How often the caller hears something.
const TICK: Duration = Duration::from_millis(100);
/// No seed is begun that is so far ahead of the one whose turn it is to be reported: results wait in memory.
const WINDOW: u64 = 4096;

struct Job {
    number: u64,
    plan: usize,
    index: u128,
    seed: u64,
}

enum Message {
    Begun { number: u64, plan: usize, seed: u64, clock: Clock },
    Done { number: u64, run: Box<SeedRun> },
}

/// Who runs the seeds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Crew {
    /// How many at a time.
    pub workers: usize,
    /// In processes of their own; else in threads of this one, which a stack that overflows ends.
    pub children: Option<Children>,
    /// Which seeds are run twice.
    pub twice: Twice,
}

impl Crew {
    /// So many threads.
    pub fn threads(workers: usize) -> Crew {
        Crew { workers, children: None, twice: Twice::default() }
    }
}

/// Runs every seed of every plan; `sink` is called in this thread. An error means that no
/// thread could be started. Seeds that do not end soon after a request to stop are abandoned: their threads live on,
/// and the caller is expected to end the process.
pub fn run(plans: &Arc<[Plan]>, crew: &Crew, stop: &Stop, sink: &mut dyn FnMut(Event)) -> io::Result<()> {
    let seeds = plans.iter().fold(0u128, |n, p| n.saturating_add(p.seeds.count()));
    sink(Event::Started { seeds, workers: crew.workers });
    let delivered = Arc::new(AtomicU64::new(0));
    let jobs = feeder(plans, stop, &delivered)?;
    let messages = hire(plans, crew, stop, jobs)?;
    let mut delivery = Delivery::new(plans, sink);
    let mut stopping = None;
    loop {
        match messages.recv_timeout(TICK) {
            Ok(Message::Begun { number, plan, seed, clock }) => delivery.begun(number, plan, seed, clock),
            Ok(Message::Done { number, run }) => {
                delivered.store(delivery.done(number, *run), Ordering::Relaxed)
            }
            Err(RecvTimeoutError::Timeout) => delivery.tick(),
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if stop.requested().is_some() && stopping.get_or_insert_with(Clock::start).elapsed() > GRACE {
            break;
        }
    }
    delivery.finish();
    Ok(())
}

/// Starts the thread that hands out seeds. They are never collected: a range may have 2^64 of them.
fn feeder(plans: &Arc<[Plan]>, stop: &Stop, delivered: &Arc<AtomicU64>) -> io::Result<Receiver<Job>> {
    let (sender, jobs) = sync_channel(1);
    let (plans, stop, delivered) = (Arc::clone(plans), stop.clone(), Arc::clone(delivered));
    let feed = move || {
        let seeds =
            plans.iter().enumerate().flat_map(|(i, p)| (0u128..).zip(p.seeds.iter()).map(move |s| (i, s)));
        for (number, (plan, (index, seed))) in (0u64..).zip(seeds) {
            while number.saturating_sub(delivered.load(Ordering::Relaxed)) >= WINDOW
                && stop.requested().is_none()
            {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "the feeder waits for workers, outside of any run"
                )]
                std::thread::sleep(Duration::from_millis(1));
            }
            if stop.requested().is_some() || sender.send(Job { number, plan, index, seed }).is_err() {
                return;
            }
        }
    };
    Builder::new().name("seeds".into()).spawn(feed)?;
    Ok(jobs)
}

/// Starts the workers; one is enough.
fn hire(plans: &Arc<[Plan]>, crew: &Crew, stop: &Stop, jobs: Receiver<Job>) -> io::Result<Receiver<Message>> {
    let (sender, messages) = sync_channel(64);
    let jobs = Arc::new(Mutex::new(jobs));
    for i in 0..crew.workers.max(1) {
        let (plans, stop, jobs, sender) =
            (Arc::clone(plans), stop.clone(), Arc::clone(&jobs), sender.clone());
        let crew = crew.clone();
        let builder = Builder::new().name(format!("worker {i}")).stack_size(STACK);
        let spawned = builder.spawn(move || work(&plans, &crew, &stop, &jobs, &sender));
        if let (0, Err(error)) = (i, spawned) {
            return Err(error);
        }
    }
    Ok(messages)
}

fn work(plans: &[Plan], crew: &Crew, stop: &Stop, jobs: &Mutex<Receiver<Job>>, sender: &SyncSender<Message>) {
    let mut nursery = crew.children.as_ref().map(Nursery::new);
    let mut second = Second::new(crew.twice, crew.children.as_ref().map(Nursery::new));
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { number, plan, index, seed }) = job else {
            return;
        };
        let clock = Clock::start();
        if stop.requested().is_some() || sender.send(Message::Begun { number, plan, seed, clock }).is_err() {
            return;
        }
        let mut run = Box::new(match &mut nursery {
            Some(nursery) => nursery.seed_run(&plans[plan], (plan, index), seed),
            None => worker::seed_run(&plans[plan], (plan, index), seed),
        });
        // A request to stop changes no result: what takes too long is given up as a whole.
        second.confirm(nursery.as_mut(), &plans[plan], &mut run);
        if sender.send(Message::Done { number, run }).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stop::Signal;
    use crate::worker::tests::plan;
    use mirrorsim_world::outcome::Verdict;

    /// Verdict and first oracle of each seed, and whether it was interrupted.
    fn ran(plan: Plan, stop: &Stop) -> (Vec<(u64, Verdict, &'static str)>, bool) {
        let (mut seen, mut cut) = (Vec::new(), false);
        let mut sink = |event: Event| match event {
            Event::Seed(run) => {
                let oracle = run.outcome.failures.first().map_or("", |f| f.oracle);
                seen.push((run.outcome.seed, run.outcome.verdict, oracle));
            }
            Event::Ended { interrupted, .. } => cut = interrupted,
            _ => {}
        };
        run(&[plan].into(), &Crew::threads(3), stop, &mut sink).expect("threads");
        (seen, cut)
    }

    #[test]
    fn a_panic_ends_one_seed_and_no_other() {
        let mut plan = plan("1..=3");
        // No scenario file can say this; so the world may panic.
        plan.scenario.spec.clients[0].source = 99;
        let (seen, cut) = ran(plan, &Stop::default());
        assert_eq!(seen, [1, 2, 3].map(|seed| (seed, Verdict::Rig, "panic")));
        assert!(!cut);
    }

    #[test]
    fn nothing_is_begun_after_a_request_to_stop() {
        let stop = Stop::default();
        stop.request(Signal::Interrupt);
        assert_eq!(ran(plan("0..=18446744073709551615"), &stop), (Vec::new(), true));
    }
}
