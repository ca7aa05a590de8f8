//! One test binary for everything that needs the command or several crates.
mod claims;
mod cli;
mod conversations;
mod determinism;
mod ext4;
mod ladder;
mod own_machine;
mod planted;
mod rings;
mod scenarios;
mod steps;
mod tidy;
