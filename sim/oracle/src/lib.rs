//! The judge: an independent model and its own reader of the durable formats, one oracle a file under `oracles/`.
//!
//! It depends on nothing of the workspace and believes no machine. The rig feeds what really happened (requests and
//! answers, bytes written, flushes, frames, crashes, and what the rig itself did to the devices); the order of
//! operations is read from the record bytes in the source's NVRAM, matched with what clients really issued, and folded
//! into blocks. Alarms and recoveries' verdicts are claims, and are judged.
//!
//! Findings are collected, never thrown; see [`Judge::findings`]. Invariants are those of docs/protocol.md.

#![forbid(unsafe_code)]

mod about;
mod blocks;
mod bytes;
mod contact;
mod content;
mod copies;
mod copy;
mod destination_log;
mod devices;
mod faults;
mod fences;
mod finding;
mod hashes;
mod heir;
mod history;
mod image;
mod journal;
mod judge;
mod layout;
mod ledger;
mod log;
mod mark_slots;
mod mirror;
mod oracles;
mod places;
mod probe;
mod ranges;
mod reader;
mod reply_table;
mod resync_file;
mod segments;
mod setup;
mod source_log;
mod superblock;
mod turned;
mod verdicts;
mod wait;
mod wire;

pub use crate::bytes::Position;
pub use about::ABOUT;
pub use finding::{Finding, NAMED, ORACLES, named};
pub use judge::Judge;
pub use ledger::{Census, Copies, Loss};
pub use probe::DeltaVerdict;
pub use setup::{
    Answer, Base, DestinationSetup, Device, Level, Medium, Op, Policy, ReadRule, RecoveredTo, Request,
    RetryRule, Server, Setup, SourceSetup, Verdict,
};
