//! A campaign runs its plans in turn, some seeds of each a round, so that whenever it ends all of them have had their share.

use crate::event::Event;
use crate::plan::Plan;
use crate::ranges::Ranges;
use crate::run::{self, Crew};
use crate::stop::Stop;
use crate::wall::Clock;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Seeds of a plan in the first round, for each worker.
const FIRST: u64 = 4;
/// At the end of a round workers wait for the slowest: a shorter one is followed by one twice as long.
const SHORT: Duration = Duration::from_secs(10);
/// Seeds of a plan in any round.
const MOST: u64 = 1 << 16;

/// Runs what is left of each plan. Events are those of [`run::run`], with plans and indices of the whole campaign, and without
/// [`Event::Ended`].
pub fn rounds(
    plans: &[Plan],
    mut left: Vec<Ranges>,
    crew: &Crew,
    stop: &Stop,
    sink: &mut dyn FnMut(Event),
) -> io::Result<()> {
    let seeds = left.iter().map(|l| u128::from(l.count())).sum();
    sink(Event::Started { seeds, workers: crew.workers });
    let (mut before, mut reds) = (0, 0);
    let mut portion = FIRST * crew.workers.max(1) as u64;
    while stop.requested().is_none() {
        let round: Vec<(usize, Ranges)> = (0..)
            .zip(&mut left)
            .map(|(plan, left)| (plan, left.take(portion)))
            .filter(|(_, part)| !part.is_empty())
            .collect();
        if round.is_empty() {
            break;
        }
        let part = |(plan, part): &(usize, Ranges)| {
            let plan: &Plan = &plans[*plan];
            plan.seeds.part(part.spans()).map(|seeds| Plan { seeds, ..plan.clone() })
        };
        let parts: Arc<[Plan]> = round.iter().filter_map(part).collect();
        let (mut done_here, mut red_here) = (0, 0);
        let clock = Clock::start();
        run::run(&parts, crew, stop, &mut |event| match event {
            Event::Started { .. } | Event::Ended { .. } => {}
            Event::Tick => sink(Event::Tick),
            Event::Progress { done, red } => {
                (done_here, red_here) = (done, red);
                sink(Event::Progress { done: before + done, red: reds + red });
            }
            Event::Seed(mut run) => {
                let (plan, part) = &round[run.plan];
                let index = u64::try_from(run.index).ok().and_then(|n| part.nth(n));
                (run.plan, run.index) = (*plan, index.map_or(u128::MAX, u128::from));
                sink(Event::Seed(run));
            }
        })?;
        (before, reds) = (before + done_here, reds + red_here);
        if clock.elapsed() < SHORT {
            portion = (portion * 2).min(MOST);
        }
    }
    Ok(())
}
