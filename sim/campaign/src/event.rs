//! What a campaign says while it runs.

use crate::token::Token;
use mirrorsim_world::Image;
use mirrorsim_world::outcome::Outcome;
use std::time::Duration;

/// One thing that happened in a campaign. `plan` is an index into the plans that were given.
#[derive(Debug)]
pub enum Event {
    /// Work begins.
    Started {
        /// Seeds of all plans.
        seeds: u128,
        /// Threads.
        workers: usize,
    },
    /// A seed is done, in order of completion; for progress only.
    Progress {
        /// Seeds done so far.
        done: u128,
        /// How many of them did not pass.
        red: u128,
    },
    /// Nothing happened for a moment; comes at least ten times a second.
    Tick,
    /// A result; in order of plans and seeds.
    Seed(Box<SeedRun>),
    /// All results of a plan were given. In order.
    Ended {
        /// Which plan.
        plan: usize,
        /// Not all of its seeds were run.
        interrupted: bool,
        /// Seeds that were begun and given up.
        abandoned: Vec<u64>,
        /// Wall time from the start of its first seed to the end of its last.
        wall: Duration,
    },
}

/// The result of one seed.
#[derive(Debug)]
pub struct SeedRun {
    /// Which plan.
    pub plan: usize,
    /// Which of its seeds, from 0.
    pub index: u128,
    /// The result, expectations included.
    pub outcome: Outcome,
    /// Expectations that were evaluated.
    pub expectations: usize,
    /// Time that it took on this machine.
    pub wall: Duration,
    /// It was run twice, and gave the same twice or is a fault of the rig.
    pub twice: bool,
    /// Images, if they were asked for.
    pub images: Vec<Image>,
    /// Runs it again.
    pub token: Token,
}
