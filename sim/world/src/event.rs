//! What happens at a time, what waits until a server goes on, and the phases of a run.

use crate::spec::Nanos;
use mirror::effect::{Completion, Token};
use mirror::wire::Frame;

/// How often the end of a phase is looked for, ns.
pub(crate) const WATCH: Nanos = 10_000_000;

/// What happens at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Frame { line: u16, forward: bool, era: u64, slot: u32 },
    Done { slot: u32 },
    Timer { server: u16, at: u64 },
    Request { client: u16, slot: u32, request: u64 },
    Reply { client: u16, slot: u32, request: u64, answer: u32, server: u16 },
    Think { client: u16, slot: u32 },
    Arrival { client: u16 },
    Wake { client: u16 },
    Learns { client: u16 },
    Deadlines { client: u16 },
    Fault { index: u32 },
    FaultEnd { index: u32 },
    Restart { server: u16, incarnation: u32 },
    Resume { server: u16 },
    Order { source: u16 },
    HeirLost { index: u32 },
    Adopt { index: u32 },
    Recover { source: u16 },
    HandOver { source: u16 },
    Tick { server: u16, index: u32 },
    Unglue { line: u16, forward: bool },
    Watch,
}

/// Phase of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    Faults,
    Healed,
    Quiesce,
    Over,
}

/// What reached a server that stood still.
pub(crate) enum Deferred {
    Frame(u16, Frame),
    Done(Token, Completion, u32),
    Request(u16, u32, u64),
    Disconnect(u16),
}
