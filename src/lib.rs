//! The mirroring protocol as pure machines: inputs are method calls, outputs are [`effect::Effect`]s, time is an
//! argument. No I/O, no clock, no threads, no randomness; the same code would run on real sockets and files.
//! ARCHITECTURE.md says how the pieces fit, docs/formats.md what stands where.
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod after_image;
pub mod apply;
pub mod area;
pub mod block_map;
pub mod chain;
pub mod codec;
pub mod config;
pub mod couple;
pub mod destination;
pub mod effect;
#[cfg(test)]
mod format_tests;
pub mod geometry;
pub mod ground;
pub mod heal;
pub mod host;
pub mod ids;
pub mod journal;
pub mod log_file;
#[cfg(test)]
mod machine_tests;
pub mod mark;
pub mod nvram_log;
pub mod overlay;
pub mod quirk;
pub mod reader;
#[cfg(test)]
mod reader_tests;
pub mod record;
pub mod recovery;
pub mod reply_table;
pub mod resync_file;
pub mod roll;
pub mod shape;
pub mod source;
pub mod stage;
pub mod status;
pub mod superblock;
pub mod survey;
pub mod volume;
pub mod wire;
