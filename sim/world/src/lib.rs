//! Hosts the machines of `mirror` on the engine: a [`spec::Spec`] in, an [`outcome::Outcome`] out.
pub mod outcome;
pub mod spec;
