//! Frames that are bent on their way, come again long after, and links that stop and break in series.

use super::World;
use super::network::on;
use crate::event::Event;
use crate::hosted::Machines;
use crate::parcel::{Content, Why};
use crate::sites;
use crate::spec::{Bend, Direction, Fault, FaultSpec, Nanos, Node, When};
use bytes::Bytes;
use mirror::wire::{self, Frame};
use std::collections::VecDeque;

/// How long a frame that is to be glued waits for the one behind it, ns.
const GLUE: Nanos = 5_000_000;

/// What a plan still has to do to the frames of one direction of a link.
#[derive(Debug, Default)]
pub(crate) struct Bends {
    /// Bends for the next frames, each with the fault that wants it.
    next: VecDeque<(Bend, u32)>,
    /// Waits for the frame behind it.
    glue: Option<Glue>,
    /// Frames that are kept until they come again.
    replays: Vec<Replay>,
}

#[derive(Debug)]
struct Glue {
    bytes: Vec<u8>,
    on: (u64, u64),
    era: u64,
    why: Why,
}

#[derive(Debug)]
struct Replay {
    frame: Option<Frame>,
    /// Generations that the source has to seal before it comes again.
    left: u64,
    fault: u32,
}

/// A bend, the draw that says how, and the fault that wants it.
pub(super) type Bending = (Bend, u64, Why);

impl<M: Machines> World<'_, M> {
    /// What becomes of the next frame: as the plan says, else as is drawn.
    pub(super) fn next_bend(&mut self, line: usize, forward: bool) -> Option<Bending> {
        let subject = line as u32 * 2 + !forward as u32;
        let bends = &mut self.bends[line][!forward as usize];
        let waits = bends.glue.is_some();
        if let Some((bend, fault)) = if waits { None } else { bends.next.pop_front() } {
            return Some((bend, self.decisions.draw(sites::BEND, subject + 1000), Why::Fault(fault)));
        }
        let chance = self.line_spec(line).malformed.0;
        if chance == 0 || !self.decisions.chance(sites::BEND, subject, chance) {
            return None;
        }
        let draw = self.decisions.draw(sites::BEND, subject + 1000);
        Some((Bend::ALL[(draw % Bend::ALL.len() as u64) as usize], draw / 8, Why::Drawn))
    }

    /// On the link, bent or not.
    pub(super) fn pass(&mut self, line: usize, forward: bool, frame: Frame, bend: Option<Bending>) {
        let on = on(&frame);
        let glue = self.bends[line][!forward as usize].glue.take();
        let era = self.links[line][!forward as usize].era();
        let glue = glue.filter(|g| g.era == era);
        if let Some(mut glue) = glue {
            glue.bytes.extend_from_slice(&frame.bytes());
            let bytes = Content::Bytes(Bytes::from(glue.bytes));
            return self.launch(line, forward, bytes, glue.on, glue.why);
        }
        let Some((bend, draw, why)) = bend else {
            return self.launch(line, forward, Content::Frame(frame), on, Why::Straight);
        };
        // What waits for an answer now may have to wait for its repetition.
        if !self.is_exiled(self.end_of(line)) {
            let (judge, number) = self.bench.of(self.mirror_on(line));
            judge.path(number, false);
        }
        self.tell_paths();
        let bytes = frame.bytes();
        let bent = match bend {
            Bend::Merged => {
                let glue = Glue { bytes: bytes.to_vec(), on, era, why };
                self.bends[line][!forward as usize].glue = Some(glue);
                let event = Event::Unglue { line: line as u16, forward };
                self.sched.at(self.sched.now() + GLUE, event);
                return;
            }
            Bend::Truncated => {
                if self.is_stream() {
                    // From here on nothing is whole on this connection, and only the next frame shows it.
                    self.disconnected(line);
                }
                bytes.slice(..(draw % bytes.len() as u64) as usize)
            }
            Bend::Oversized => oversized(&frame, draw),
            Bend::Garbage => garbage(draw),
            Bend::Foreign => self.foreign(&frame, line, forward),
        };
        self.launch(line, forward, Content::Bytes(bent), on, why);
        if matches!(bend, Bend::Garbage | Bend::Foreign) {
            self.launch(line, forward, Content::Frame(frame), on, Why::Straight);
        }
    }

    /// A copy that says that it is of another mirror of the same destination, or of one that nobody knows.
    fn foreign(&mut self, frame: &Frame, line: usize, forward: bool) -> Bytes {
        let mirror = self.mirror_on(line);
        let other = self.neighbour(mirror);
        let mut uuid = self.geometries[other].mirror.0;
        if other == mirror {
            uuid.iter_mut().for_each(|b| *b ^= 0xff);
        }
        // Where roles may be swapped either side may be the one that keeps an image.
        if forward || self.promotes() {
            let (judge, number) = self.bench.of(mirror);
            judge.expect_alarm(number, "refused");
        }
        let mut head = frame.head.to_vec();
        head[8..24].copy_from_slice(&uuid);
        wire::seal(&mut head);
        Frame { head: Bytes::from(head), payload: frame.payload.clone() }.bytes()
    }

    /// Nothing came behind it.
    pub(super) fn unglue(&mut self, line: usize, forward: bool) {
        let era = self.links[line][!forward as usize].era();
        if let Some(glue) = self.bends[line][!forward as usize].glue.take().filter(|g| g.era == era) {
            self.launch(line, forward, Content::Bytes(Bytes::from(glue.bytes)), glue.on, Why::Straight);
        }
    }

    /// A bent frame has reached a server.
    pub(super) fn bent_arrives(&mut self, server: usize, source: usize, why: Why) {
        if self.servers[server].machine.is_none() {
            return;
        }
        match why {
            Why::Straight => {}
            Why::Drawn => {
                *self.metrics.entry("bent").or_default() += 1;
                self.coverage.on_link("bent", source);
            }
            Why::Fault(index) => {
                *self.metrics.entry("bent").or_default() += 1;
                self.took_effect(index as usize);
            }
        }
    }

    /// The next frames of a link are bent.
    pub(super) fn bend_frames(
        &mut self,
        index: usize,
        source: usize,
        way: Direction,
        bend: Bend,
        count: u32,
    ) {
        for forward in directions(way) {
            let next = &mut self.bends[source][!forward as usize].next;
            next.extend((0..count).map(|_| (bend, index as u32)));
        }
    }

    /// The next message of a link comes again when so many generations more are sealed.
    pub(super) fn replay(&mut self, index: usize, source: usize, way: Direction, after: u64) {
        for forward in directions(way) {
            let replay = Replay { frame: None, left: after.max(1), fault: index as u32 };
            self.bends[source][!forward as usize].replays.push(replay);
        }
    }

    pub(super) fn keep_for_replay(&mut self, line: usize, forward: bool, frame: &Frame) {
        for replay in &mut self.bends[line][!forward as usize].replays {
            replay.frame.get_or_insert_with(|| frame.clone());
        }
    }

    /// A source has sealed a generation.
    pub(super) fn sealed_again(&mut self, mirror: usize) {
        let line = self.line(self.source_of(mirror));
        for forward in [true, false] {
            let mut due = Vec::new();
            self.bends[line][!forward as usize].replays.retain_mut(|replay| {
                if replay.frame.is_some() {
                    replay.left -= 1;
                }
                let now = replay.left == 0;
                if now {
                    due.extend(replay.frame.take().map(|frame| (frame, replay.fault)));
                }
                !now
            });
            for (frame, fault) in due {
                let on = on(&frame);
                self.launch(line, forward, Content::Frame(frame), on, Why::Fault(fault));
            }
        }
    }

    /// Every direction of every link stops at a drawn time of the first half and goes on at one of the second.
    pub(super) fn swizzle(&mut self, lasting: Nanos) {
        let half = (lasting / 2).max(1);
        for source in 0..self.spec.sources.len() {
            for direction in [Direction::Forward, Direction::Backward] {
                let stop = self.decisions.below(sites::SWIZZLE, 0, half);
                let go = half + self.decisions.below(sites::SWIZZLE, 0, half);
                self.also(stop, Fault::Clog { source, direction, lasting: go - stop });
            }
        }
    }

    /// Resets one after the other, of which each end learns in turn.
    pub(super) fn storm(&mut self, source: usize, resets: u32, every: Nanos) {
        for n in 0..u64::from(resets) {
            let there = self.node_of(self.destination_of(source));
            let only = [None, Some(Node::Source(source)), Some(there)][n as usize % 3];
            self.also(n.saturating_mul(every), Fault::Reset { source, only });
        }
    }

    /// What a fault is made of, `after` from now.
    pub(super) fn also(&mut self, after: Nanos, fault: Fault) {
        let at = self.sched.now().saturating_add(after);
        let spec = FaultSpec { when: When::At(at), fault, place: String::new() };
        self.fault_counts.extend(crate::faults::counts(std::slice::from_ref(&spec)));
        self.faults.push(spec);
        self.triggered.push(true);
        self.fault_keys.push(None);
        self.last_fault_at = self.last_fault_at.max(at);
        self.sched.at(at, Event::Fault { index: self.faults.len() as u32 - 1 });
    }

    /// Nothing is bent or replayed any more.
    pub(super) fn straighten(&mut self) {
        for bends in self.bends.iter_mut().flatten() {
            bends.next.clear();
            bends.replays.clear();
        }
    }
}

fn directions(way: Direction) -> impl Iterator<Item = bool> {
    [true, false].into_iter().filter(move |forward| match way {
        Direction::Both => true,
        Direction::Forward => *forward,
        Direction::Backward => !*forward,
    })
}

/// A length that no frame may have, in a header that checks.
fn oversized(frame: &Frame, draw: u64) -> Bytes {
    let length = [u64::MAX, u64::MAX - 63, 1 << 40, 1 << 32, (1 << 24) + draw % 4096][(draw % 5) as usize];
    let mut head = frame.head.to_vec();
    head[48..56].copy_from_slice(&length.to_le_bytes());
    wire::seal(&mut head);
    Frame { head: Bytes::from(head), payload: frame.payload.clone() }.bytes()
}

/// Up to 256 bytes; half of them begin as a frame does.
fn garbage(draw: u64) -> Bytes {
    let length = 1 + (draw >> 8) % 256;
    let word = |i: u64| xxhash_rust::xxh3::xxh3_64_with_seed(&i.to_le_bytes(), draw).to_le_bytes();
    let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(word).collect();
    bytes.truncate(length as usize);
    if draw & 1 == 1 {
        bytes.iter_mut().zip(*b"MWIR\x01\0").for_each(|(b, m)| *b = m);
    }
    Bytes::from(bytes)
}
