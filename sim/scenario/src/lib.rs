//! Scenario files: YAML in, a [`mirrorsim_world::spec::Spec`] out, or every mistake with its place and its cure.
//!
//! A file is read into a tree that knows where each value stands (`yaml`), the tree into typed documents that report
//! what they do not know (`document`, `doc`), and these into a spec, with the checks that need more than one key
//! (`resolve`). The declarations in `doc` are the one source of the reader, the JSON Schema and `explain`.

mod doc;
mod document;
mod estimate;
mod expect;
mod explain;
mod input;
mod keys;
mod layout;
mod load;
mod paths;
mod place;
mod problem;
mod quantity;
mod resolve;
mod scalar;
mod schema;
mod seeds;
mod sets;
mod template;
mod trace;
pub mod traces;
mod tree;
mod yaml;

pub use estimate::{Estimate, estimate};
pub use expect::{Expectation, Metric, Op};
pub use explain::explain;
pub use keys::explain_key;
pub use layout::{largest_operation, record_size};
pub use load::{Options, Scenario, load, parse};
pub use paths::{Paths, expand};
pub use problem::{Problem, Problems, Related};
pub use quantity::{show_chance, show_duration, show_size};
pub use schema::schema;
pub use seeds::{Seeds, seeds};
pub use template::template;
