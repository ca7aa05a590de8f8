//! What a client asks next: drawn from the seed, or read from a trace.

use crate::sites;
use crate::spec::{Addresses, Generated, Spec, Trace, TraceAction, TraceOperation, Workload};
use bytes::Bytes;
use mirror::source::Body;
use mirrorsim_engine::{Decisions, Zipf};
use std::sync::Arc;

/// An operation to be asked for.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Volume of the source.
    pub volume: u32,
    /// First byte.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// What.
    pub body: Body,
    /// Nothing later is asked before this is answered.
    pub wait: bool,
    /// A definite error is the right answer.
    pub expect_error: bool,
}

/// What comes next.
#[derive(Debug)]
pub enum Next {
    /// This.
    Ask(Ask),
    /// Nothing before this time.
    NotBefore(u64),
    /// Nothing before all that is open is answered.
    Barrier,
    /// Nothing any more.
    End,
}

/// Payload that names its source, client, operation and place in each 16 bytes.
pub fn stamp(source: u32, client: u32, operation: u64, length: u64) -> Bytes {
    let mut bytes = vec![0; length as usize];
    let head = ((source as u64) << 56) | ((client as u64 & 0xff_ffff) << 32);
    for (i, unit) in bytes.chunks_mut(16).enumerate() {
        let mut word = [0; 16];
        word[..8].copy_from_slice(&(head | i as u64 & 0xffff_ffff).to_le_bytes());
        word[8..].copy_from_slice(&(operation + 1).to_le_bytes());
        unit.copy_from_slice(&word[..unit.len()]);
    }
    Bytes::from(bytes)
}

/// The source of a client's operations.
#[derive(Debug)]
pub enum Generator {
    /// Drawn.
    Drawn {
        /// How.
        spec: Generated,
        /// Bytes of each volume.
        volumes: Vec<u64>,
        /// Table of a zipf distribution.
        zipf: Option<Arc<Zipf>>,
        /// How many were asked.
        asked: u64,
        /// Next offset of a sequential workload.
        cursor: u64,
    },
    /// Recorded.
    Recorded {
        /// What.
        trace: Trace,
        /// Next operation.
        at: usize,
    },
}

impl Generator {
    /// For a client of a source with these volumes.
    pub fn new(workload: &Workload, volumes: Vec<u64>) -> Generator {
        match workload {
            Workload::Generated(spec) => {
                let zipf = match spec.addresses {
                    Addresses::Zipf { items, exponent_milli } => {
                        Some(Arc::new(Zipf::new(items, exponent_milli)))
                    }
                    _ => None,
                };
                Generator::Drawn { spec: spec.clone(), volumes, zipf, asked: 0, cursor: 0 }
            }
            Workload::Trace(trace) => Generator::Recorded { trace: trace.clone(), at: 0 },
        }
    }

    /// The next operation of the client (`source`, `client`: for stamps; `subject`: for draws).
    pub fn next(&mut self, now: u64, who: (u32, u32, u32), open: bool, decisions: &mut Decisions) -> Next {
        match self {
            Generator::Drawn { spec, volumes, zipf, asked, cursor } => {
                if *asked == spec.operations {
                    return Next::End;
                }
                *asked += 1;
                Next::Ask(draw(spec, volumes, zipf.as_deref(), *asked, cursor, who, decisions))
            }
            Generator::Recorded { trace, at } => {
                let Some(op) = trace.operations.get(*at) else { return Next::End };
                if let Some(speed) = trace.speed_milli {
                    let due = (op.at as u128 * 1000 / speed.max(1) as u128) as u64;
                    if due > now {
                        return Next::NotBefore(due);
                    }
                }
                let (offset, length, body, wait) = match &op.action {
                    TraceAction::Flush => {
                        if open {
                            return Next::Barrier;
                        }
                        *at += 1;
                        return self.next(now, who, open, decisions);
                    }
                    TraceAction::Write { offset, length, payload, wait } => {
                        let payload = match payload {
                            Some(bytes) => bytes.clone(),
                            None => stamp(who.0, who.1, *at as u64, *length),
                        };
                        (*offset, *length, Body::Write(payload), *wait)
                    }
                    TraceAction::WriteZeroes { offset, length } => {
                        (*offset, *length, Body::WriteZeroes, false)
                    }
                    TraceAction::Add { offset, delta } => (*offset, 8, Body::Add(*delta), false),
                    TraceAction::Read { offset, length } => (*offset, *length, Body::Read, false),
                };
                let (volume, expect_error) = (op.volume as u32, op.expect_error);
                *at += 1;
                Next::Ask(Ask { volume, offset, length, body, wait, expect_error })
            }
        }
    }

    /// Takes the last operation back: it overlaps with one that is open.
    pub fn put_back(&mut self) {
        if let Generator::Recorded { at, .. } = self {
            *at -= 1;
        }
    }

    /// Whether operations that overlap with an open one must wait: a recorded order is kept.
    pub fn ordered(&self) -> bool {
        matches!(self, Generator::Recorded { .. })
    }
}

/// What each client asks under a seed, operation by operation: it depends on nothing else. No operation has a time, for
/// that depends on the answers. A client that asks very much is cut short.
pub fn drawn(spec: &Spec, seed: u64, most: usize) -> Vec<Vec<TraceOperation>> {
    let mut decisions = Decisions::with_overrides(seed, &[]);
    let mut all = Vec::new();
    for (index, client) in spec.clients.iter().enumerate() {
        let volumes = spec.sources[client.source].volumes.iter().map(|v| v.size).collect();
        let mut generator = Generator::new(&client.workload, volumes);
        let mut operations = Vec::new();
        while let Next::Ask(ask) = generator.next(u64::MAX, (0, 0, index as u32), false, &mut decisions) {
            if operations.len() == most {
                break;
            }
            let (offset, length) = (ask.offset, ask.length);
            let action = match ask.body {
                // Whoever replays it stamps it again.
                Body::Write(payload) => TraceAction::Write {
                    offset,
                    length,
                    payload: is_zeros(&payload).then_some(payload),
                    wait: ask.wait,
                },
                Body::WriteZeroes => TraceAction::WriteZeroes { offset, length },
                Body::Add(delta) => TraceAction::Add { offset, delta },
                Body::Read => TraceAction::Read { offset, length },
            };
            let (volume, expect_error) = (ask.volume as usize, ask.expect_error);
            operations.push(TraceOperation { at: 0, volume, action, expect_error });
        }
        all.push(operations);
    }
    all
}

/// Whether a payload has no byte but zero.
pub fn is_zeros(payload: &[u8]) -> bool {
    payload.iter().all(|byte| *byte == 0)
}

fn draw(
    spec: &Generated,
    volumes: &[u64],
    zipf: Option<&Zipf>,
    number: u64,
    cursor: &mut u64,
    (source, client, subject): (u32, u32, u32),
    d: &mut Decisions,
) -> Ask {
    let mix = spec.mix;
    let total = mix.write as u64 + mix.write_zeroes as u64 + mix.add as u64 + mix.read as u64;
    let kind = d.below(sites::KIND, subject, total);
    let add = kind >= (mix.write + mix.write_zeroes) as u64
        && kind < mix.write as u64 + mix.write_zeroes as u64 + mix.add as u64;
    let length = if add { 8 } else { length(spec, subject, d) };
    let volume = spec.volumes[d.below(sites::VOLUME, subject, spec.volumes.len() as u64) as usize];
    let (first, span) = spec.range;
    let span = span.min(volumes[volume].saturating_sub(first));
    let align = if add { spec.align.max(8).next_multiple_of(8) } else { spec.align.max(1) };
    let places = (span.saturating_sub(length) / align) + 1;
    let place = match spec.addresses {
        Addresses::Uniform => d.below(sites::ADDRESS, subject, places),
        Addresses::Zipf { items, .. } => {
            let item = zipf.map_or(0, |z| z.sample(d.draw(sites::ADDRESS, subject))) as u64;
            (item as u128 * places as u128 / items as u128) as u64
        }
        Addresses::Sequential => {
            let step = length.div_ceil(align).max(1);
            let at = if *cursor >= places { 0 } else { *cursor };
            *cursor = at + step;
            at
        }
        Addresses::HotCold { hot, to_hot } => {
            let hot_places = ((places as u128 * hot.0 as u128) >> 32).max(1) as u64;
            if d.chance(sites::ADDRESS, subject, to_hot.0) {
                d.below(sites::ADDRESS, subject, hot_places)
            } else {
                d.below(sites::ADDRESS, subject, places)
            }
        }
    };
    let offset = first.next_multiple_of(if add { 8 } else { 1 }) + place * align;
    let body = if add {
        Body::Add(1 + d.below(sites::DELTA, subject, 1000))
    } else if kind < mix.write as u64 {
        if d.chance(sites::ZERO_PAYLOAD, subject, spec.zero_payload.0) {
            Body::Write(Bytes::from(vec![0; length as usize]))
        } else {
            Body::Write(stamp(source, client, number, length))
        }
    } else if kind < mix.write as u64 + mix.write_zeroes as u64 {
        Body::WriteZeroes
    } else {
        Body::Read
    };
    Ask { volume: volume as u32, offset, length, body, wait: false, expect_error: false }
}

fn length(spec: &Generated, subject: u32, d: &mut Decisions) -> u64 {
    let total: u64 = spec.sizes.iter().map(|s| s.weight as u64).sum();
    let mut at = d.below(sites::LENGTH, subject, total.max(1));
    for class in &spec.sizes {
        if at < class.weight as u64 {
            let length = d.range(sites::LENGTH, subject, class.min, class.max);
            let step = class.step.max(1);
            return (length / step * step).max(class.min);
        }
        at -= class.weight as u64;
    }
    512
}
