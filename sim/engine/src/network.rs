//! One direction of a network link.
//!
//! In both modes a message takes its time to pass at the bandwidth, one after the other, and then a drawn latency. A
//! bit of it may be flipped past the transport's checksum (sums of 16 bits miss some), which only a check from end to
//! end finds.
//!
//! `Stream` is a connection that repairs what is beneath it: messages arrive once and in order. A loss costs time: the
//! first retransmission comes after `timeout`, each further one after twice the wait before, and whatever was sent
//! later waits behind. While the link is cut or clogged messages wait with the sender and go out in order at the heal.
//! The connection may be reset: then everything under way is gone.
//!
//! `Datagram` promises nothing: messages are lost (all of them while the link is cut), arrive twice, and overtake one
//! another. While the link is clogged they wait in some queue, and all come out at the end.
//!
//! Losses may come in bursts (Gilbert's model): with each message a bad period may begin or end, and in it all messages
//! are lost; it has an end after four times its mean length. A path holds a limited number of messages: beyond that a stream's sender waits, as for a window, and a
//! datagram is dropped, as by a full queue.
//!
//! A cut or clog does not reach messages that are already under way. How many messages wait is up to the senders: the
//! link refuses none.

use crate::decisions::Decisions;
use crate::delay::Delay;
use crate::disk::transfer_time;
use crate::sites;
use smallvec::SmallVec;

/// What a link promises.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mode {
    /// Once and in order, or not at all after a reset.
    Stream,
    /// Nothing.
    Datagram,
}

/// How one direction of a link behaves. Chances are in units of 2^-32.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LinkSpec {
    /// What it promises.
    pub mode: Mode,
    /// One-way latency, ns.
    pub latency: Delay,
    /// Bytes per second; 0 is unlimited.
    pub bandwidth: u64,
    /// That a message is lost.
    pub loss: u64,
    /// First retransmission time-out of a stream, ns.
    pub timeout: u64,
    /// That a datagram arrives twice.
    pub duplicate: u64,
    /// That a datagram takes an extra delay.
    pub reorder: u64,
    /// Greatest extra delay of a reordered or duplicated datagram, ns.
    pub reorder_by: u64,
    /// That a bit is flipped past the transport's checksum.
    pub corrupt: u64,
    /// That a bad period begins with a message; 0 = never.
    pub burst: u64,
    /// Mean length of a bad period, in messages; at least 1.
    pub burst_length: u32,
    /// Greatest number of messages on their way at a time; 0 = any.
    pub in_flight: u32,
}

/// A message comes out of the link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivery<H = u64> {
    /// When, ns.
    pub at: u64,
    /// The message.
    pub handle: H,
    /// A draw that decides which bit is flipped, if one is.
    pub corrupt: Option<u64>,
    /// The connection that it was sent on: not to be delivered unless [`Link::era`] is still the same.
    pub era: u64,
}

/// A message that waits for the link to heal.
#[derive(Clone, Debug)]
struct Held<H> {
    bytes: u64,
    /// Latency with everything that is added to it, ns.
    delay: u64,
    corrupt: Option<u64>,
    handle: H,
}

/// Retransmissions in a row after which a stream's message gets through.
const MAX_LOSSES: u32 = 8;

/// One direction of a link. `H` is a handle of a message, or the message itself.
#[derive(Clone, Debug)]
pub struct Link<H = u64> {
    /// How it behaves; may be changed at any time.
    pub spec: LinkSpec,
    era: u64,
    cut: bool,
    clogged: bool,
    /// When the last byte sent has passed, ns.
    busy_until: u64,
    /// Arrival of the last message of a stream, ns.
    last: u64,
    /// Messages of the bad period so far; 0: in none.
    bad: u32,
    /// When those arrive that are on their way; kept only if their number is limited.
    under_way: Vec<u64>,
    held: Vec<Held<H>>,
}

impl<H: Clone> Link<H> {
    /// An idle link.
    pub fn new(spec: LinkSpec) -> Self {
        Link {
            spec,
            era: 0,
            cut: false,
            clogged: false,
            busy_until: 0,
            last: 0,
            bad: 0,
            under_way: Vec::new(),
            held: Vec::new(),
        }
    }

    /// Sends a message of so many bytes. What comes back is to be delivered at its time; nothing if it is lost, or
    /// waits for a heal.
    ///
    /// The draws of a message do not depend on cuts and clogs: occurrence n is always the nth message.
    pub fn send(
        &mut self,
        now: u64,
        bytes: u64,
        handle: H,
        decisions: &mut Decisions,
        subject: u32,
    ) -> SmallVec<[Delivery<H>; 2]> {
        match self.spec.mode {
            Mode::Stream => self.send_stream(now, bytes, handle, decisions, subject),
            Mode::Datagram => self.send_datagram(now, bytes, handle, decisions, subject),
        }
    }

    /// Cuts the link, or ends the cut. Returns what was held and goes out now.
    pub fn set_cut(&mut self, cut: bool, now: u64) -> Vec<Delivery<H>> {
        self.cut = cut;
        self.release(now)
    }

    /// Clogs the link, or ends the clog. Returns what was held and goes out now.
    pub fn set_clogged(&mut self, clogged: bool, now: u64) -> Vec<Delivery<H>> {
        self.clogged = clogged;
        self.release(now)
    }

    /// Whether the link is cut.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// Whether the link is clogged.
    pub fn is_clogged(&self) -> bool {
        self.clogged
    }

    /// Counts the resets.
    pub fn era(&self) -> u64 {
        self.era
    }

    /// How many messages wait for a heal.
    pub fn held(&self) -> u64 {
        self.held.len() as u64
    }

    /// Breaks the connection: everything under way is gone. Returns the messages that were held; deliveries that were
    /// handed out are recognised by their era. Cuts and clogs stay.
    pub fn reset(&mut self) -> Vec<H> {
        self.era += 1;
        self.busy_until = 0;
        self.last = 0;
        self.under_way.clear();
        self.held.drain(..).map(|held| held.handle).collect()
    }

    fn send_stream(
        &mut self,
        now: u64,
        bytes: u64,
        handle: H,
        decisions: &mut Decisions,
        subject: u32,
    ) -> SmallVec<[Delivery<H>; 2]> {
        let latency = decisions.delay(sites::LATENCY, subject, &self.spec.latency);
        let mut delay = latency.saturating_add(self.retransmission(decisions, subject));
        if self.burst(decisions, subject) {
            delay = delay.saturating_add(self.spec.timeout);
        }
        let corrupt = self.corruption(decisions, subject);
        self.launch(now, Held { bytes, delay, corrupt, handle }).into_iter().collect()
    }

    fn send_datagram(
        &mut self,
        now: u64,
        bytes: u64,
        handle: H,
        decisions: &mut Decisions,
        subject: u32,
    ) -> SmallVec<[Delivery<H>; 2]> {
        let mut delay = decisions.delay(sites::LATENCY, subject, &self.spec.latency);
        let lost = decisions.chance(sites::LOSS, subject, self.spec.loss);
        let twice = decisions.chance(sites::DUPLICATE, subject, self.spec.duplicate);
        if decisions.chance(sites::REORDER, subject, self.spec.reorder) {
            delay =
                delay.saturating_add(decisions.range(sites::REORDER_DELAY, subject, 0, self.spec.reorder_by));
        }
        let corrupt = self.corruption(decisions, subject);
        let lost = self.burst(decisions, subject) || lost;
        let mut out = SmallVec::new();
        if lost || self.cut || self.full(now) {
            return out;
        }
        if twice {
            let extra = decisions.range(sites::DUPLICATE_DELAY, subject, 0, self.spec.reorder_by);
            let copy =
                Held { bytes, delay: delay.saturating_add(extra), corrupt: None, handle: handle.clone() };
            out.extend(self.launch(now, Held { bytes, delay, corrupt, handle }));
            out.extend(self.launch(now, copy));
        } else {
            out.extend(self.launch(now, Held { bytes, delay, corrupt, handle }));
        }
        out
    }

    /// The time that losses in a row cost a stream. One draw decides how many there are: each is `loss` as likely.
    fn retransmission(&self, decisions: &mut Decisions, subject: u32) -> u64 {
        let loss = self.spec.loss;
        if loss == 0 {
            return 0;
        }
        let draw = decisions.draw(sites::LOSS, subject) >> 32;
        let (mut bound, mut losses) = (loss, 0);
        while draw < bound && losses < MAX_LOSSES {
            losses += 1;
            bound = ((u128::from(bound) * u128::from(loss)) >> 32) as u64;
        }
        self.spec.timeout.saturating_mul((1 << losses) - 1)
    }

    /// Whether this message falls into a bad period.
    fn burst(&mut self, decisions: &mut Decisions, subject: u32) -> bool {
        if self.spec.burst == 0 {
            return false;
        }
        let mean = self.spec.burst_length.max(1);
        let turn = if self.bad > 0 { (1 << 32) / u64::from(mean) } else { self.spec.burst };
        let turns = decisions.chance(sites::BURST, subject, turn);
        self.bad = match self.bad {
            0 => u32::from(turns),
            // Who sends seldom would else wait for hours, once in some ten thousand runs.
            long if turns || long >= mean.saturating_mul(4) => 0,
            long => long + 1,
        };
        self.bad > 0
    }

    /// Whether a datagram finds no place on the path.
    fn full(&mut self, now: u64) -> bool {
        self.under_way.retain(|at| *at > now);
        self.spec.in_flight > 0 && self.under_way.len() >= self.spec.in_flight as usize
    }

    /// When the path has a place for one more message of a stream.
    fn place(&mut self, now: u64) -> u64 {
        self.under_way.retain(|at| *at > now);
        let over = self.under_way.len().checked_sub(self.spec.in_flight as usize);
        over.and_then(|i| self.under_way.get(i)).map_or(now, |at| *at)
    }

    fn corruption(&self, decisions: &mut Decisions, subject: u32) -> Option<u64> {
        decisions
            .chance(sites::CORRUPT, subject, self.spec.corrupt)
            .then(|| decisions.draw(sites::CORRUPT_BIT, subject))
    }

    /// Puts a message on its way, or holds it.
    fn launch(&mut self, now: u64, message: Held<H>) -> Option<Delivery<H>> {
        if self.cut || self.clogged {
            self.held.push(message);
            return None;
        }
        let limited = self.spec.in_flight > 0;
        let now = if limited && self.spec.mode == Mode::Stream { self.place(now) } else { now };
        if self.spec.bandwidth > 0 {
            self.busy_until = self.busy_until.max(now) + transfer_time(message.bytes, self.spec.bandwidth);
        } else {
            self.busy_until = now;
        }
        let mut at = self.busy_until.saturating_add(message.delay);
        if self.spec.mode == Mode::Stream {
            at = at.max(self.last);
            self.last = at;
        }
        if limited {
            self.under_way.push(at);
        }
        Some(Delivery { at, handle: message.handle, corrupt: message.corrupt, era: self.era })
    }

    fn release(&mut self, now: u64) -> Vec<Delivery<H>> {
        if self.cut || self.clogged {
            return Vec::new();
        }
        let held = std::mem::take(&mut self.held);
        held.into_iter().filter_map(|message| self.launch(now, message)).collect()
    }
}
