//! A client: open requests in slots, and the repetition of what is in doubt.

use crate::spec::{ClientSpec, Pacing, Workload};
use crate::workload::{Ask, Generator};
use mirror::ids::RequestId;
use mirror::source::{Body, Request};

/// An open request.
#[derive(Debug)]
pub struct Open {
    /// Its number.
    pub request: u64,
    /// What.
    pub ask: Ask,
    /// When it was first asked, ns.
    pub since: u64,
    /// When it is asked again, ns.
    pub deadline: u64,
    /// When the client knocks at a server that is down, ns: one knock at a time, however often it asks.
    pub knock: u64,
}

/// One slot.
#[derive(Debug, Default)]
pub struct Slot {
    /// Its open request.
    pub open: Option<Open>,
    /// Last request number.
    pub last: u64,
    /// Thinking: not before an event says so.
    pub busy: bool,
}

/// A client.
#[derive(Debug)]
pub struct Client {
    /// Its source.
    pub source: usize,
    /// The server that it takes for that of its source's clients.
    pub calls: usize,
    /// It learns late of another one, and asks both.
    pub late: bool,
    /// When it may ask the other server: once in a time-out, however many slots wait.
    pub turns_at: u64,
    /// Its number at the source.
    pub number: u32,
    /// Its slots.
    pub slots: Vec<Slot>,
    /// What it asks.
    pub generator: Generator,
    /// Nothing more to ask.
    pub ended: bool,
    /// Its source is gone or has closed the connection for good.
    pub hung_up: bool,
    /// An operation with `wait` is open.
    pub waiting: bool,
    /// A wake-up is scheduled.
    pub wake: Option<u64>,
    /// A check of deadlines is scheduled.
    pub armed: bool,
    /// Arrivals of an open loop that found no slot.
    pub backlog: u64,
    /// Operations that were answered, in the order of asking, without a gap.
    pub answered_in_order: u64,
}

impl Client {
    /// From its spec.
    pub fn new(spec: &ClientSpec, number: u32, volumes: Vec<u64>) -> Client {
        Client {
            source: spec.source,
            calls: spec.source,
            late: spec.learns.max > 0,
            turns_at: 0,
            number,
            slots: (0..spec.slots).map(|_| Slot::default()).collect(),
            generator: Generator::new(&spec.workload, volumes),
            ended: false,
            hung_up: false,
            waiting: false,
            wake: None,
            armed: false,
            backlog: 0,
            answered_in_order: 0,
        }
    }

    /// Nothing is open and nothing will be.
    pub fn done(&self) -> bool {
        self.hung_up || (self.ended && self.open() == 0)
    }

    /// Open requests.
    pub fn open(&self) -> usize {
        self.slots.iter().filter(|s| s.open.is_some()).count()
    }

    /// Whether an open request touches the range.
    pub fn overlaps(&self, ask: &Ask) -> bool {
        self.slots.iter().filter_map(|s| s.open.as_ref()).any(|o| {
            o.ask.volume == ask.volume
                && o.ask.offset < ask.offset + ask.length
                && ask.offset < o.ask.offset + o.ask.length
        })
    }

    /// The request in a slot, as it goes to the source.
    pub fn request(&self, slot: u32, request: u64) -> Option<Request> {
        let open = self.slots[slot as usize].open.as_ref().filter(|o| o.request == request)?;
        Some(Request {
            id: RequestId { client: self.number, slot, request },
            volume: open.ask.volume,
            offset: open.ask.offset,
            length: open.ask.length,
            body: open.ask.body.clone(),
        })
    }
}

/// Think time of a closed loop, or none.
pub fn pacing(spec: &ClientSpec) -> Option<&Pacing> {
    match &spec.workload {
        Workload::Generated(g) => Some(&g.pacing),
        Workload::Trace(_) => None,
    }
}

/// The name of an operation's kind in reports.
pub fn kind(body: &Body) -> &'static str {
    match body {
        Body::Write(_) => "write",
        Body::WriteZeroes => "write_zeroes",
        Body::Add(_) => "add",
        Body::Read => "read",
    }
}
