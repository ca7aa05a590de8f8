//! Scenario files: YAML in, a [`mirrorsim_world::spec::Spec`] out, or every mistake with its place and its cure.
//!
//! A file is read into a tree that knows where each value stands (`yaml`), the tree into typed documents that report
//! what they do not know (`document`, `doc`), and these into a spec, with the checks that need more than one key
//! (`resolve`). The declarations in `doc` are the one source of the reader, the JSON Schema and `explain`.
//!
//! ```
//! // A scenario, one seed, and its history.
//! let text = b"schema: 1\nname: three_writes\nsources: [{name: alpha}]\nclients: [{operations: 3}]\n";
//! let options = mirrorsim_scenario::Options { metrics: mirrorsim_world::METRICS, ..Default::default() };
//! let scenario = mirrorsim_scenario::parse("three_writes.yaml", text, &[], &options)?;
//! let keep = mirrorsim_world::Options { trace: true, ..Default::default() };
//! let run = mirrorsim_world::run(&scenario.spec, 7, &keep);
//! assert_eq!(run.outcome.verdict, mirrorsim_world::outcome::Verdict::Passed);
//! assert_eq!(run.outcome.operations.acknowledged, 3);
//! let history: Vec<String> = run.trace.iter().map(|e| mirrorsim_world::render(&scenario.spec, e)).collect();
//! assert_eq!(history.iter().filter(|line| line.contains("* replied")).count(), 3);
//! # Ok::<(), mirrorsim_scenario::Problems>(())
//! ```

mod doc;
mod document;
mod estimate;
mod expect;
mod explain;
mod input;
mod keys;
mod layout;
mod load;
mod outline;
mod paths;
mod place;
mod problem;
mod quantity;
mod resolve;
mod scalar;
mod schema;
mod seeds;
mod sets;
mod shape;
mod template;
mod trace;
pub mod traces;
mod tree;
pub mod written;
mod yaml;

pub use estimate::{Estimate, estimate};
pub use expect::{Expectation, Metric, Op};
pub use explain::explain;
pub use keys::{explain_key, no_such_key};
pub use layout::{largest_operation, record_size};
pub use load::{Options, RECORD, Scenario, load, parse};
pub use outline::{Outline, Step};
pub use paths::{Paths, expand};
pub use place::one_line;
pub use problem::{Problem, Problems, Related};
pub use quantity::{grain, show_about, show_chance, show_duration, show_size};
pub use schema::schema;
pub use seeds::{Seeds, seeds};
pub use template::template;
