//! Machines of one's own in the place of ours: three destinations, each before the same judge in a campaign of thirty seeds.
//! `cargo run --release --example own_machine`
//!
//! - `grouped` flushes its NVRAM 200 us later than ours, so that more records share a flush: another behaviour, and a correct one.
//! - `hasty` acknowledges one record more than is durable, if that has been received: the oracles say so.
//! - `mute` is written from nothing: it needs ten methods to take part, and answers nobody.
//!
//! A layer around our machine is enough for the first two; the traits `SourceMachine` and `DestinationMachine` are all that a world asks
//! of a machine, so a whole protocol may be written against them. The judge reads devices and lines by itself, as
//! docs/formats.md describes them, and believes no machine.

use mirror::destination::{Destination, Standing};
use mirror::effect::{Completion, Device, Effect, Token};
use mirror::ids::{MirrorIndex, Position};
use mirror::quirk::Sound;
use mirror::source::Source;
use mirror::wire::{self, Frame, Message};
use mirrorsim_campaign::{Crew, Event, Plan, Stop, Tally, run};
use mirrorsim_scenario as scenario;
use mirrorsim_world::{
    DestinationMachine, DestinationSeat, Host, Layer, Layered, Machine, Machines, SourceSeat,
};
use std::collections::VecDeque;
use std::marker::PhantomData;

const SCENARIO: &str = "
schema: 1
sources: [{name: alpha, partition_size: 8KiB}]
clients: [{operations: 100, mix: {write: 70, add: 20, read: 10}, sizes: 1B..1KiB}]
faults:
  - {at: 20ms, power_cut: {node: destination, restart_after: 5ms}}
  - {at: 40ms, cut: {source: alpha, lasting: 10ms}}
  - {when: {stage: sealed, nth: 4}, disaster: {source: alpha}}
";

/// A flush of the NVRAM waits for so long, ns.
const DELAY: u64 = 200_000;

/// Flushes of the NVRAM are held back.
#[derive(Clone, Default)]
struct Grouped {
    held: Vec<Effect>,
    due: Option<u64>,
}

impl Layer for Grouped {
    fn effect(&mut self, now: u64, effect: Effect, out: &mut VecDeque<Effect>) {
        if let Effect::Flush { device: Device::Nvram, .. } = effect {
            self.held.push(effect);
            self.due.get_or_insert(now + DELAY);
        } else {
            out.push_back(effect);
        }
    }

    fn poll_timeout(&self) -> Option<u64> {
        self.due
    }

    fn handle_timeout(&mut self, _now: u64, out: &mut VecDeque<Effect>) {
        out.extend(self.held.drain(..));
        self.due = None;
    }

    fn quiet(&self) -> bool {
        self.held.is_empty()
    }
}

/// No record of the scenario is larger, bytes.
const LARGEST: u64 = 2048;

/// It counts records that were received, where it ought to count those that are durable.
#[derive(Clone, Default)]
struct Hasty {
    received: Position,
}

impl Layer for Hasty {
    fn frame(&mut self, _: u64, _: MirrorIndex, frame: &Frame, _: &mut VecDeque<Effect>) -> bool {
        if let Some((_, _, Message::Forward(record))) = wire::decode(frame) {
            self.received = self.received.max(record.position);
        }
        true
    }

    fn effect(&mut self, _: u64, effect: Effect, out: &mut VecDeque<Effect>) {
        if let Effect::Send { mirror, frame } = &effect
            && let Some((uuid, connection, Message::ForwardAck { level, upto, room })) = wire::decode(frame)
            && self.received.generation == upto.generation
            && self.received > upto
        {
            let upto = Position::new(upto.generation, upto.sequence + 1);
            // It grants no more than before.
            let room = room.saturating_sub(LARGEST);
            let frame = Message::ForwardAck { level, upto, room }.frame(uuid, connection);
            return out.push_back(Effect::Send { mirror: *mirror, frame });
        }
        out.push_back(effect);
    }
}

/// Hears everything, and says nothing.
struct Mute(MirrorIndex);

impl Machine for Mute {
    fn poll_effect(&mut self) -> Option<Effect> {
        None
    }
    fn poll_timeout(&self) -> Option<u64> {
        None
    }
    fn handle_timeout(&mut self, _now: u64) {}
    fn handle_done(&mut self, _now: u64, _token: Token, _completion: Completion) {}
}

impl DestinationMachine for Mute {
    fn handle_frame(&mut self, _now: u64, _from: MirrorIndex, _frame: &Frame) {}
    fn handle_disconnect(&mut self, _now: u64, _mirror: MirrorIndex) {}
    fn handle_recover(&mut self, _now: u64, _mirror: MirrorIndex) {}
    fn standing(&self, _mirror: MirrorIndex) -> Standing {
        Standing::Serving
    }
    fn quiet(&self, _mirror: MirrorIndex) -> bool {
        true
    }
    fn mirrors(&self) -> MirrorIndex {
        self.0
    }
}

/// Our source, and our destination with a layer around it.
#[derive(Clone, Default)]
struct Around<L>(PhantomData<L>);

impl<L: Layer + Default + Clone> Machines for Around<L> {
    type Quirk = Sound;
    type Source = Source<Sound>;
    type Destination = Layered<Destination<Sound>, L>;

    fn quirk(&self) -> Sound {
        Sound
    }

    fn source(&self, seat: SourceSeat) -> Self::Source {
        seat.ours(Sound)
    }

    fn destination(&self, seat: DestinationSeat) -> Self::Destination {
        let now = seat.now;
        Layered::new(seat.ours(Sound), L::default(), now)
    }
}

/// Our source, and a destination of its own kind.
#[derive(Clone, Default)]
struct WithMute;

impl Machines for WithMute {
    type Quirk = Sound;
    type Source = Source<Sound>;
    type Destination = Mute;

    fn quirk(&self) -> Sound {
        Sound
    }

    fn source(&self, seat: SourceSeat) -> Self::Source {
        seat.ours(Sound)
    }

    fn destination(&self, seat: DestinationSeat) -> Mute {
        Mute(seat.geometries.len() as MirrorIndex)
    }
}

/// A destination and what came of its campaign.
pub struct Row {
    /// What it is called.
    pub name: &'static str,
    /// What came of the seeds.
    pub tally: Tally,
    /// Median latencies of writes, one a seed, ns.
    pub latencies: Vec<u64>,
}

/// Runs the seeds of a campaign with these machines.
fn campaign(name: &'static str, host: Host) -> Row {
    let read = scenario::parse("own_machine.yaml", SCENARIO.as_bytes(), &[], &scenario::Options::default());
    let scenario = read.unwrap_or_else(|problems| panic!("{problems}"));
    let seeds = scenario::seeds("1..=30").expect("seeds");
    let plan = Plan { host, ..Plan::new(scenario, "own_machine.yaml", seeds) };
    let mut row = Row { name, tally: Tally::default(), latencies: Vec::new() };
    let add = &mut |event| {
        if let Event::Seed(run) = event {
            row.tally.add(&run);
            row.latencies.extend(run.outcome.metrics.get("p50_write"));
        }
    };
    run(&[plan].into(), &Crew::threads(2), &Stop::default(), add).expect("threads");
    row.latencies.sort_unstable();
    row
}

/// The destinations, each with its campaign.
pub fn all() -> [Row; 4] {
    [
        ("ours", Host::default()),
        ("grouped", Host::of::<Around<Grouped>>()),
        ("hasty", Host::of::<Around<Hasty>>()),
        ("mute", Host::of::<WithMute>()),
    ]
    .map(|(name, host)| campaign(name, host))
}

fn main() {
    println!("destination  seeds  passed  judgements  median write  found in most seeds");
    for Row { name, tally, latencies } in all() {
        let judged: u64 = tally.judged.values().sum();
        let groups = tally.groups_by_size();
        let found = groups.first().map_or("nothing", |kind| kind.signature);
        let median = latencies.get(latencies.len() / 2).map_or("-".into(), |ns| format!("{} us", ns / 1000));
        let (runs, passed) = (tally.runs(), tally.passed);
        println!("{name:<11}  {runs:>5}  {passed:>6}  {judged:>10}  {median:>12}  {found}");
    }
}
