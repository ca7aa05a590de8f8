//! One test binary for everything that needs the command or several crates.
mod cli;
mod conversations;
mod determinism;
mod planted;
mod tidy;
