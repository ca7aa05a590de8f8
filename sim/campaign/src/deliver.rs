//! Results come from the workers in any order and are given out in one: that of plans and seeds.

use crate::event::{Event, SeedRun};
use crate::plan::Plan;
use crate::wall::Clock;
use std::collections::BTreeMap;
use std::time::Duration;

/// Holds results back until their turn.
pub(crate) struct Delivery<'a> {
    plans: &'a [Plan],
    sink: &'a mut dyn FnMut(Event),
    waiting: BTreeMap<u64, SeedRun>,
    /// Seeds that were begun and are not done: number -> (plan, seed).
    running: BTreeMap<u64, (usize, u64)>,
    clocks: Vec<Option<(Clock, Duration)>>,
    /// Number of the result whose turn it is.
    next: u64,
    /// The plan whose turn it is, and how many of its results were given out.
    plan: usize,
    given: u128,
    done: u128,
    red: u128,
}

impl<'a> Delivery<'a> {
    pub fn new(plans: &'a [Plan], sink: &'a mut dyn FnMut(Event)) -> Self {
        let clocks = vec![None; plans.len()];
        let (waiting, running) = (BTreeMap::new(), BTreeMap::new());
        Delivery { plans, sink, waiting, running, clocks, next: 0, plan: 0, given: 0, done: 0, red: 0 }
    }

    /// A worker began when its clock was started; this may be heard late.
    pub fn begun(&mut self, number: u64, plan: usize, seed: u64, clock: Clock) {
        self.running.insert(number, (plan, seed));
        self.clocks[plan].get_or_insert((clock, Duration::ZERO));
    }

    /// A worker is done. Returns how many results were given out so far.
    pub fn done(&mut self, number: u64, run: SeedRun) -> u64 {
        self.running.remove(&number);
        if let Some((clock, wall)) = &mut self.clocks[run.plan] {
            *wall = clock.elapsed();
        }
        self.done += 1;
        self.red += u128::from(run.outcome.verdict != mirrorsim_world::outcome::Verdict::Passed);
        (self.sink)(Event::Progress { done: self.done, red: self.red });
        self.waiting.insert(number, run);
        while let Some(run) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.give(run);
        }
        self.next
    }

    pub fn tick(&mut self) {
        (self.sink)(Event::Tick);
    }

    /// No more results will come: gives out what is there, and says what is missing.
    pub fn finish(mut self) {
        for run in std::mem::take(&mut self.waiting).into_values() {
            while self.plan < run.plan {
                self.end_plan();
            }
            self.give(run);
        }
        while self.plan < self.plans.len() {
            self.end_plan();
        }
    }

    fn give(&mut self, run: SeedRun) {
        self.given += 1;
        (self.sink)(Event::Seed(Box::new(run)));
        if self.given == self.plans[self.plan].seeds.count() {
            self.end_plan();
        }
    }

    fn end_plan(&mut self) {
        let plan = self.plan;
        let interrupted = self.given < self.plans[plan].seeds.count();
        let abandoned = self.running.values().filter(|(p, _)| *p == plan).map(|(_, seed)| *seed).collect();
        let wall = self.clocks[plan].map_or(Duration::ZERO, |(_, wall)| wall);
        (self.sink)(Event::Ended { plan, interrupted, abandoned, wall });
        (self.plan, self.given) = (plan + 1, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::tests::outcome;
    use mirrorsim_scenario as scenario;

    fn plans() -> Vec<Plan> {
        let text = b"schema: 1\nsources: [{name: alpha}]\nclients: [{operations: 20}]\n";
        let scenario = scenario::parse("a.yaml", text, &[], &scenario::Options::default()).expect("scenario");
        ["1..=2", "7"]
            .map(|s| Plan::new(scenario.clone(), "a.yaml", scenario::seeds(s).expect("seeds")))
            .into()
    }

    fn run(plans: &[Plan], plan: usize, seed: u64) -> SeedRun {
        let outcome = outcome(seed);
        let token = plans[plan].token(&outcome);
        SeedRun {
            plan,
            index: 0,
            outcome,
            expectations: 0,
            wall: Duration::ZERO,
            twice: false,
            images: Vec::new(),
            token,
        }
    }

    /// What is given out when results are done in this order.
    fn said(order: &[(u64, usize, u64)]) -> Vec<String> {
        let plans = plans();
        let mut said = Vec::new();
        let mut sink = |event: Event| match event {
            Event::Seed(run) => said.push(format!("{}:{}", run.plan, run.outcome.seed)),
            Event::Ended { plan, interrupted, abandoned, .. } => {
                said.push(format!("end {plan} {interrupted} {abandoned:?}"))
            }
            _ => {}
        };
        let mut delivery = Delivery::new(&plans, &mut sink);
        for (number, plan, seed) in [(0, 0, 1), (1, 0, 2), (2, 1, 7)] {
            delivery.begun(number, plan, seed, Clock::start());
        }
        for (number, plan, seed) in order {
            delivery.done(*number, run(&plans, *plan, *seed));
        }
        delivery.finish();
        said
    }

    #[test]
    fn results_are_given_out_in_order_whatever_order_they_come_in() {
        let expected = ["0:1", "0:2", "end 0 false []", "1:7", "end 1 false []"];
        assert_eq!(said(&[(0, 0, 1), (1, 0, 2), (2, 1, 7)]), expected);
        assert_eq!(said(&[(2, 1, 7), (1, 0, 2), (0, 0, 1)]), expected);
    }

    #[test]
    fn what_is_missing_is_said() {
        assert_eq!(said(&[(2, 1, 7), (1, 0, 2)]), ["0:2", "end 0 true [1]", "1:7", "end 1 false []"]);
        assert_eq!(said(&[]), ["end 0 true [1, 2]", "end 1 true [7]"]);
    }
}
