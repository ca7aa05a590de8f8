//! One file a command.

pub mod campaign;
pub mod check;
pub mod compare;
pub mod diff;
pub mod explain;
mod glossary;
pub mod list;
pub mod merge;
mod names;
pub mod new;
pub mod planted;
pub mod regressions;
pub mod replay;
pub mod repros;
mod rest;
mod results;
pub mod run;
pub mod schema;
mod session;
pub mod shrink;
mod state;
pub mod submit;
pub mod trace;
pub mod worker;
