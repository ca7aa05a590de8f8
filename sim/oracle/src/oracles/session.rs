//! Section 3, as it is spoken: a boot number is durable before it is spoken, and higher after each start; a source's
//! Hellos count up; one Nak for each missing record; no record is left out on a connection (SR7); one connection of a
//! mirror lives at a time; and credit: a source sends no record beyond what it was given, and a destination gives no more
//! than its NVRAM can take. What is answered was acknowledged at the configured level, and what is in an NVRAM whose
//! battery is low is not acknowledged (DR3).

use crate::bytes::{HEADER, Position};
use crate::copies::Segment;
use crate::finding::{Findings, Oracle};
use crate::mirror::Mirror;
use crate::setup::Level;
use crate::wire::{Connection, Message};

/// Segments that are kept for each mirror.
const RESERVE: u64 = 2;

/// What was spoken on a link.
#[derive(Debug, Default)]
pub(crate) struct Session {
    source: Boots,
    destination: Boots,
    /// Source boot and counter of the last Hello.
    hello: (u64, u64),
    /// The last Nak and its connection.
    naked: Option<(Connection, Position)>,
    /// Its NVRAM was damaged: what stands there behind the end of the log keeps its place, and so does what is missing.
    pub nvram_damaged: bool,
    /// The connection of the last Welcome.
    open: Option<Open>,
    /// Source boot and counter of the youngest connection on which the destination has spoken.
    live: (u64, u64),
    /// Its NVRAM must not be relied on.
    pub degraded: bool,
    /// The greatest operation that was acknowledged at each level, or at a better one.
    granted: [u64; 3],
}

#[derive(Clone, Copy, Debug)]
struct Open {
    connection: Connection,
    /// Up to which byte of the log it may be sent.
    credit: u64,
    /// Up to which operation it was sent, or held when it began.
    sent: u64,
}

#[derive(Debug, Default)]
struct Boots {
    spoken: u64,
    /// What the boots before this one have spoken.
    former: u64,
}

impl Session {
    /// All up to here is in both volumes, whoever has acknowledged it (LR8).
    pub fn holds(&mut self, index: u64) {
        self.granted.fill(index);
    }

    /// The source died.
    pub fn source_down(&mut self) {
        self.source.former = self.source.spoken;
    }

    /// The last record that the destination holds, as it said when the connection began, or that was sent on it since.
    pub fn told(&self) -> Option<u64> {
        self.open.map(|open| open.sent)
    }

    /// Another source stands in the place of the one that has spoken so far.
    pub fn another_source(&mut self) {
        self.source = Boots::default();
        (self.hello, self.naked, self.open, self.live) = ((0, 0), None, None, (0, 0));
    }

    /// Another destination stands in the place of the one that has spoken so far.
    pub fn replaced(&mut self) {
        self.destination = Boots::default();
        (self.naked, self.open, self.live, self.nvram_damaged) = (None, None, (0, 0), false);
    }

    /// The destination died.
    pub fn destination_down(&mut self) {
        self.destination.former = self.destination.spoken;
        self.live = (0, 0);
    }

    /// The transport broke: the destination may begin anew with whatever comes first.
    pub fn disconnected(&mut self) {
        self.live = (0, 0);
    }
}

fn fail(out: &mut Findings, message: impl FnOnce() -> String) {
    out.fail(Oracle::Session, "I16", message);
}

fn boot(boots: &mut Boots, who: &str, number: u64, durable: u64, out: &mut Findings) {
    if number <= boots.former {
        let former = boots.former;
        fail(out, || format!("{who} speaks as boot {number} and was {former} before it started again"));
    }
    if number != durable {
        fail(out, || format!("{who} speaks as boot {number}, durable is {durable}"));
    }
    boots.spoken = boots.spoken.max(number);
}

/// The source said Hello.
pub(crate) fn hello(m: &mut Mirror, connection: Connection, out: &mut Findings) {
    out.judged(Oracle::Session);
    let number = m.number;
    if m.source.harmed || m.source.replaced {
        return;
    }
    boot(&mut m.session.source, &format!("source {number}"), connection[0], m.source.volume.stable.boot, out);
    let pair = (connection[0], connection[1]);
    if pair < m.session.hello {
        let last = m.session.hello;
        fail(out, || format!("source {number}: Hello of boot and connection {pair:?} after one of {last:?}"));
    }
    m.session.hello = pair;
}

/// The destination said Welcome: a connection, and credit on it.
pub(crate) fn welcome(
    m: &mut Mirror,
    connection: Connection,
    (held, room): (Position, u64),
    segments: Segments<'_>,
    out: &mut Findings,
) {
    if !m.copy.harmed {
        let (number, durable) = (m.number, m.copy.image.stable.boot);
        boot(
            &mut m.session.destination,
            &format!("destination (mirror {number})"),
            connection[2],
            durable,
            out,
        );
    }
    // What is held need not be sent. A Hello that is repeated is answered with what is held by then.
    let sent = m.model.index_of(held).unwrap_or(0);
    match m.session.open.as_mut().filter(|o| o.connection == connection) {
        Some(open) => open.sent = open.sent.max(sent),
        None => m.session.open = Some(Open { connection, credit: 0, sent }),
    }
    given(m, connection, (held, room), segments, out);
}

/// The NVRAM of the destination, as it is written.
#[derive(Clone, Copy)]
pub(crate) struct Segments<'a> {
    pub all: &'a [Segment],
    pub size: u64,
    pub mirrors: usize,
}

impl Segments<'_> {
    /// Bytes of the segments that a mirror has, and of those that it could have.
    fn most(&self, mirror: usize) -> u64 {
        let own = self.all.iter().filter(|s| s.owner == Some(mirror)).count() as u64;
        (own + self.lendable(mirror)) * (self.size - HEADER)
    }

    /// Free segments that are not kept for others.
    fn lendable(&self, mirror: usize) -> u64 {
        let free = self.all.iter().filter(|s| s.owner.is_none()).count() as u64;
        let others = (0..self.mirrors).filter(|other| *other != mirror);
        let owned = |other: usize| self.all.iter().filter(|s| s.owner == Some(other)).count() as u64;
        let kept: u64 = others.map(|other| RESERVE.saturating_sub(owned(other))).sum();
        free.saturating_sub(kept)
    }

    /// Bytes that a mirror could still write: what is left of its last segment, and the free ones that are not kept for
    /// others.
    fn free(&self, mirror: usize) -> u64 {
        let own = self.all.iter().filter(|s| s.owner == Some(mirror));
        let rest = own.max_by_key(|s| s.serial).map_or(0, |s| self.size.saturating_sub(s.used.max(HEADER)));
        rest + self.lendable(mirror) * (self.size - HEADER)
    }
}

/// Welcome or ForwardAck: so many bytes may be sent beyond a position.
pub(crate) fn given(
    m: &mut Mirror,
    connection: Connection,
    (upto, room): (Position, u64),
    segments: Segments<'_>,
    out: &mut Findings,
) {
    out.judged(Oracle::Session);
    let Some(index) = m.model.index_of(upto) else {
        return;
    };
    let limit = m.model.bytes_upto(index).saturating_add(room);
    if let Some(open) = m.session.open.as_mut().filter(|o| o.connection == connection) {
        open.credit = limit.max(open.credit);
    }
    // Of what is older than the list the bytes are not known exactly: the limit is too generous then.
    let exact = index >= m.model.base();
    let hurt = m.copy.harmed || !m.copy.damaged.is_empty();
    if hurt || !exact {
        return;
    }
    let written = if m.session.nvram_damaged {
        // What is promised as filed needs no NVRAM; all else fits in there.
        let filed = m.model.index_of(m.copy.mark_stable.file).unwrap_or(0);
        m.model.bytes_upto(filed.max(m.copy.image.cursor)) + segments.most(m.number)
    } else {
        m.model.bytes_upto(m.copy.end_current.max(index)) + segments.free(m.number)
    };
    let number = m.number;
    if limit > written.max(m.model.bytes_upto(m.source.forwarded)) {
        let beyond = limit - written;
        fail(out, || {
            format!("mirror {number}: credit up to {upto} + {room}, {beyond} bytes more than there are")
        });
    }
}

/// A resync is sealed: that is the place to go on from, and the word for all before.
pub(crate) fn sealed(m: &mut Mirror) {
    let end = m.copy.image.cursor;
    if let Some(open) = &mut m.session.open {
        open.sent = open.sent.max(end);
    }
    m.session.granted.iter_mut().for_each(|granted| *granted = end.max(*granted));
}

/// The destination acknowledged everything up to a position: at `nvram` only together with `file` while its battery is
/// low (DR3).
pub(crate) fn granted(m: &mut Mirror, level: u64, up_to: Position, out: &mut Findings) {
    let index = m.model.index_of(up_to).unwrap_or(0);
    if m.session.degraded && level == 2 && !m.copy.harmed {
        let number = m.number;
        out.expect(Oracle::Session, "I16", index <= m.promised(Level::File), || {
            format!(
                "mirror {number}: {up_to} was acknowledged at level nvram, which must not be relied on (DR3)"
            )
        });
    }
    for granted in m.session.granted.iter_mut().take(level.min(3) as usize) {
        *granted = index.max(*granted);
    }
}

/// A client was answered: that was acknowledged at the configured level (SR2).
pub(crate) fn answered(m: &Mirror, index: u64, level: Level, out: &mut Findings) {
    let granted = m.session.granted[level as usize];
    out.expect(Oracle::Session, "I16", index <= granted, || {
        let (number, position, last) = (m.number, m.model.position_of(index), m.model.position_of(granted));
        format!("source {number}: {position} was answered and only {last} was acknowledged (SR2)")
    });
}

/// The source sent a record.
pub(crate) fn forwarded(m: &mut Mirror, connection: Connection, index: u64, out: &mut Findings) {
    let Some(open) = m.session.open.as_mut().filter(|o| o.connection == connection) else {
        return;
    };
    let next = open.sent.max(m.model.base()) + 1;
    open.sent = open.sent.max(index);
    let most = open.credit;
    out.expect(Oracle::Session, "I16", index <= next, || {
        let (number, first, position) =
            (m.number, m.model.position_of(next), m.model.position_of(index));
        format!("source {number}: {position} was forwarded, and {first} before it neither held nor sent on this connection (SR7)")
    });
    out.expect(Oracle::Session, "I16", m.model.bytes_upto(index) <= most, || {
        let (number, position) = (m.number, m.model.position_of(index));
        let beyond = m.model.bytes_upto(index) - most;
        format!("source {number}: {position} was forwarded {beyond} bytes beyond its credit")
    });
}

/// SR4: SyncRequest leaves after every record of its generation left on this connection.
pub(crate) fn sync_requested(m: &Mirror, connection: Connection, generation: u64, out: &mut Findings) {
    let open = m.session.open.filter(|o| o.connection == connection);
    let (Some(open), Some(g)) = (open, m.model.generation(generation)) else {
        return;
    };
    out.expect(Oracle::Session, "I16", g.count == 0 || g.first + g.count - 1 <= open.sent, || {
        let (number, sent) = (m.number, m.model.position_of(open.sent));
        format!(
            "source {number}: SyncRequest for {generation}, and only {sent} was sent on this connection (SR4)"
        )
    });
}

/// The destination spoke on a connection. On the first message of a new one it gives up those before it (section 3).
pub(crate) fn spoken(m: &mut Mirror, connection: Connection, message: &Message, out: &mut Findings) {
    let (pair, live, number) = ((connection[0], connection[1]), m.session.live, m.number);
    match message {
        // Greetings, and answers to what is no connection.
        Message::Welcome { .. } | Message::Ping { .. } | Message::Refused | Message::Other => {}
        Message::Reset if pair == live => m.session.live = (0, 0),
        Message::Reset => {}
        _ => {
            out.expect(Oracle::Session, "I16", pair >= live, || {
                format!("mirror {number}: connection {pair:?} still lives beside {live:?}")
            });
            m.session.live = live.max(pair);
        }
    }
}

/// The destination misses the record after a position.
pub(crate) fn nak(m: &mut Mirror, connection: Connection, after: Position, out: &mut Findings) {
    let again = m.session.naked.is_some_and(|(on, last)| on == connection && after <= last);
    let number = m.number;
    out.expect(Oracle::Session, "I16", !again, || format!("mirror {number}: a second Nak after {after}"));
    m.session.naked = Some((connection, after));
}
