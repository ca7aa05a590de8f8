//! Seeds, workers and replay tokens. A campaign runs scenarios over seeds and emits [`Event`]s; it prints nothing, and
//! writes nothing but the results of a campaign ([`Store`]). Results arrive in the order of the plans and their seeds, whatever the number of workers.
//!
//! ```
//! use mirrorsim_campaign::{Crew, Event, Plan, Stop, Tally, run};
//! use mirrorsim_scenario as scenario;
//!
//! let text = b"schema: 1\nsources: [{name: alpha}]\nclients: [{operations: 20}]\n";
//! let scenario = scenario::parse("tiny.yaml", text, &[], &scenario::Options::default()).expect("a scenario");
//! let plan = Plan::new(scenario, "tiny.yaml", scenario::seeds("1..=4").expect("seeds"));
//! let mut tally = Tally::default();
//! run(&[plan].into(), &Crew::threads(2), &Stop::default(), &mut |event| {
//!     if let Event::Seed(run) = event {
//!         tally.add(&run);
//!     }
//! })
//! .expect("threads");
//! assert_eq!(tally.runs(), 4);
//! ```

mod blame;
mod build;
mod child;
mod date;
mod deliver;
mod event;
mod exit;
mod hunt;
mod judge;
mod known;
mod percent;
mod plan;
mod ranges;
mod repeat;
mod replayed;
mod repro;
mod results;
mod rounds;
mod run;
mod scheduler;
mod serve;
mod shard;
mod shrink;
mod signature;
mod stop;
mod store;
mod sums;
mod tally;
mod telling;
mod token;
mod twice;
mod wall;
mod watch;
mod worker;

pub use build::{BUILD, Build};
pub use child::{Children, Nursery};
pub use date::utc;
pub use event::{Event, SeedRun};
pub use exit::Exit;
pub use hunt::{Block, Catch, Hunted, Hunting, hunt};
pub use known::Known;
pub use plan::Plan;
pub use ranges::Ranges;
pub use repeat::{Difference, Diverging, Told, diverging, first_difference, parting};
pub use replayed::{Recorded, Replayed, Same};
pub use repro::{LARGEST as LARGEST_REPRO, Repro, Unfit};
pub use results::{SeedResult, results};
pub use rounds::rounds;
pub use run::{Crew, run};
pub use scheduler::SHARDS;
pub use serve::{Load, serve};
pub use shard::Shard;
pub use shrink::{Shrinker, Shrinking, Shrunk, Size, Unshrunk};
pub use signature::{kind, short as short_signature, signature};
pub use stop::{Signal, Stop};
pub use store::{Header, Refusal, Stated, Store, StoreError, Unlike, fingerprint};
pub use sums::{Reached, Sums};
pub use tally::{FaultTotal, Group, Kind, Tally};
pub use telling::Telling;
pub use token::{Problem, Token};
pub use twice::Twice;
pub use wall::{Clock, utc_seconds};
pub use worker::{Judged, attempt, look};
