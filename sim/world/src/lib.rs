//! Hosts the machines of `mirror` on the engine: a [`spec::Spec`] in, an [`outcome::Outcome`] out.
//! `run(spec, seed, options)` is a pure function; nothing here reads a clock, an environment or a file.
mod acked;
mod activity;
mod batches;
mod client;
mod clock;
mod coverage;
mod event;
mod faults;
mod histogram;
mod hosted;
mod images;
mod judging;
mod kinds;
mod layer;
mod marks;
mod matrix;
mod names;
pub mod outcome;
mod parcel;
mod phases;
mod plan;
mod probe;
mod rehearsal;
mod server;
mod sites;
mod slab;
#[cfg(test)]
mod smoke_tests;
pub mod spec;
mod stages;
mod state;
mod trunk;
mod workload;
mod world;

use bytes::Bytes;
pub use faults::name as fault_name;
pub use hosted::{
    DestinationMachine, DestinationSeat, Host, Machine, Machines, Ours, SourceMachine, SourceSeat,
};
pub use judging::{Judging, Rigged, WATCHING};
pub use kinds::{NAMES as TRACE_KINDS, render};
pub use layer::{Layer, Layered};
pub use marks::MARKS;
pub use matrix::{UNREACHABLE, phases, unreachable};
pub use mirror::quirk::Bent;
use mirror::quirk::Sound;
use mirrorsim_engine::Decisions;
pub use mirrorsim_engine::{DECISIONS, Entry, Override};
pub use mirrorsim_oracle::{ABOUT as ORACLE_TEXTS, NAMED, ORACLES};
use serde::{Deserialize, Serialize};
pub use state::{Differing, Part, Sight, State};
use std::cell::RefCell;
use std::fmt::Debug;
use std::rc::Rc;
use std::sync::Arc;
pub use workload::{drawn as drawn_operations, is_zeros};

/// What a run is asked to do beside its spec; none of it changes what happens, except `planted`, `overrides` and `rigged`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Planted bugs that are on.
    pub planted: Bent,
    /// Decisions to be taken from here instead of from the seed.
    pub overrides: Vec<Override>,
    /// Keep the whole trace, not only its end.
    pub trace: bool,
    /// Hears of every entry of the trace as it is made.
    pub watch: Option<Arc<dyn Watch>>,
    /// Keep the images for export.
    pub images: bool,
    /// Stop here and recover every mirror on a power-cut copy of the destination: what a disaster now would leave.
    pub disaster_at: Option<DisasterAt>,
    /// Who may say no.
    pub judging: Judging,
    /// A bug of the rig itself.
    pub rigged: Option<Rigged>,
}

/// Hears of a run while it goes on; a run that never ends leaves nothing else.
pub trait Watch: Debug + Send + Sync {
    /// An entry of the trace.
    fn entry(&self, entry: &Entry);

    /// The run is made once more, for somebody else: until that is over nothing is to be heard.
    fn again(&self) {}
}

/// A moment of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum DisasterAt {
    /// A virtual time, ns.
    Time(u64),
    /// An event, by its number in the trace.
    Event(u64),
}

/// Everything that a run leaves.
#[derive(Debug)]
pub struct Run {
    /// The result.
    pub outcome: outcome::Outcome,
    /// The trace, if it was asked for.
    pub trace: Vec<Entry>,
    /// The images, if they were asked for.
    pub images: Vec<Image>,
    /// Operations of each client that were answered; with one slot these are its first ones.
    pub answered: Vec<u64>,
    /// When each client asked for its operations, in order, ns; if the trace was asked for.
    pub asked: Vec<Vec<u64>>,
    /// How often each fault of the plan changed anything; what others have brought comes behind it.
    pub took_effect: Vec<u64>,
}

/// Content of a volume, sparse.
#[derive(Debug)]
pub struct Image {
    /// `SOURCE.VOLUME.volume` for the source's volume with its NVRAM folded in, `.recovered` for what recovery gives.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// (offset, content), in order; the rest is zeros.
    pub extents: Vec<(u64, Bytes)>,
}

/// Runs a spec with a seed.
pub fn run(spec: &spec::Spec, seed: u64, options: &Options) -> Run {
    if options.planted == Bent::default() {
        run_with(spec, seed, options, Ours(Sound))
    } else {
        run_with(spec, seed, options, Ours(options.planted))
    }
}

/// How everything stands at a moment of a run, in words. The run is made again up to there, without recoveries.
pub fn look(spec: &spec::Spec, seed: u64, options: &Options, sight: Sight) -> State {
    if options.planted == Bent::default() {
        look_with(spec, seed, options, Ours(Sound), sight)
    } else {
        look_with(spec, seed, options, Ours(options.planted), sight)
    }
}

/// The same of a world with other machines than ours.
pub fn look_with<M: Machines>(
    spec: &spec::Spec,
    seed: u64,
    options: &Options,
    machines: M,
    sight: Sight,
) -> State {
    let options = &Options { images: false, trace: false, ..options.clone() };
    let check = spec::CheckSpec { mode: spec::CheckMode::End, ..spec.check.clone() };
    let spec = &spec::Spec { check, ..spec.clone() };
    let moment = match sight {
        Sight::After(DisasterAt::Event(entry)) | Sight::Before(entry) => {
            DisasterAt::Event(entry.saturating_add(1))
        }
        Sight::After(time) => time,
    };
    let (state, events) = drive(spec, seed, options, &machines, moment, u64::MAX);
    match sight {
        // Which event of the scheduler led to an entry can only be told from behind it.
        Sight::Before(_) if !state.over => {
            drive(spec, seed, options, &machines, moment, events.saturating_sub(1)).0
        }
        _ => state,
    }
}

/// Begins a run and goes on with it up to a moment, or so many events; how it stands then, and events dispatched.
fn drive<M: Machines>(
    spec: &spec::Spec,
    seed: u64,
    options: &Options,
    machines: &M,
    moment: DisasterAt,
    most: u64,
) -> (State, u64) {
    let mut decisions = Decisions::with_overrides(seed, &options.overrides);
    let spec = faults::plan(spec, &mut decisions);
    let trace = mirrorsim_engine::Trace::new(sink(options, &Rc::default()));
    let mut world = world::World::new(&spec, machines.clone(), decisions, trace, options);
    world.begin();
    let mut goes_on = true;
    while goes_on && world.events < most && !world.comes_to(moment) {
        goes_on = options.disaster_at.is_none_or(|end| !world.comes_to(end)) && world.advance();
    }
    let early = goes_on && world.events >= most;
    let came = match moment {
        DisasterAt::Event(_) => world.comes_to(moment),
        DisasterAt::Time(_) => goes_on,
    };
    (world.state(!came && !early), world.events)
}

/// The spec of one seed, with the faults that its profile draws among the others: with it [`render`] can name them, too.
pub fn planned(spec: &spec::Spec, seed: u64, overrides: &[Override]) -> spec::Spec {
    faults::plan(spec, &mut Decisions::with_overrides(seed, overrides))
}

/// Runs a spec with a seed, and machines of whoever studies the protocol. Planted bugs are ours, and bend none of theirs.
pub fn run_with<M: Machines>(spec: &spec::Spec, seed: u64, options: &Options, machines: M) -> Run {
    let mut decisions = Decisions::with_overrides(seed, &options.overrides);
    let spec = faults::plan(spec, &mut decisions);
    let kept = Rc::new(RefCell::new(Vec::new()));
    let trace = mirrorsim_engine::Trace::new(sink(options, &kept));
    let mut world = world::World::new(&spec, machines, decisions, trace, options);
    world.run(options.disaster_at);
    let mut images =
        if options.images || options.disaster_at.is_some() { world.images() } else { Vec::new() };
    if !options.images {
        images.clear();
    }
    let outcome = world.outcome(seed);
    let answered = world.clients.iter().map(|c| c.answered_in_order).collect();
    let asked = world.asked.take().unwrap_or_default();
    let took_effect = world.fault_counts.iter().map(|count| count.took_effect).collect();
    drop(world);
    Run { outcome, trace: kept.take(), images, answered, asked, took_effect }
}

type Sink = Box<dyn FnMut(&Entry)>;

/// Where entries go beside the digest, if anywhere.
fn sink(options: &Options, kept: &Rc<RefCell<Vec<Entry>>>) -> Option<Sink> {
    let (keep, watch, kept) = (options.trace, options.watch.clone(), kept.clone());
    if !keep && watch.is_none() {
        return None;
    }
    Some(Box::new(move |entry| {
        if keep {
            kept.borrow_mut().push(*entry);
        }
        if let Some(watch) = &watch {
            watch.entry(entry);
        }
    }))
}

/// Name, unit (`count`, `ns`, `bytes`) and meaning of everything that `expect:` can name; values are in
/// [`outcome::Outcome::metrics`].
pub const METRICS: &[(&str, &str, &str)] = &[
    ("acknowledged", "count", "operations answered with success"),
    ("refused", "count", "operations answered with a definite error"),
    ("in_doubt", "count", "operations never answered"),
    ("lost", "count", "acknowledged operations missing after a recovery or at the end"),
    ("failures", "count", "findings of the oracles"),
    ("alarms", "count", "alarms raised by the servers"),
    ("generations", "count", "generations sealed by the sources"),
    ("applied", "count", "generations applied to images"),
    ("stalls", "count", "times that admission stalled"),
    ("stall_time", "ns", "time that admission stalled, over all sources"),
    (
        "deadlocks",
        "count",
        "times that servers of a ring came to wait for each other's apply for ever (`apply: coupled`)",
    ),
    ("degraded", "count", "times that a source went on alone"),
    ("degraded_time", "ns", "time that sources were alone, until they were in sync again"),
    ("resyncs", "count", "resyncs that were sealed, and the source in sync again"),
    ("resync_blocks", "count", "blocks sent for resyncs"),
    (
        "exposed_operations",
        "count",
        "most operations that would have been lost with a source, as it counted them",
    ),
    ("exposed_bytes", "bytes", "their bytes"),
    ("source_log", "bytes", "most bytes of records in the NVRAM of a source that were not freed"),
    ("wire_bytes", "bytes", "bytes of frames that servers sent to each other"),
    ("naks", "count", "Naks sent"),
    ("resets", "count", "Resets sent"),
    ("connections", "count", "connections made"),
    ("broken_streams", "count", "connections ended because what came was no frame"),
    ("bent", "count", "frames that reached a server bent, merged with another, or after noise"),
    ("resent", "count", "records forwarded more than once"),
    ("healed", "count", "damaged blocks that hold good content again"),
    ("recoveries", "count", "recoveries carried out in the run"),
    ("recoveries_exact", "count", "recoveries whose image equals the model byte for byte"),
    ("recoveries_damaged", "count", "recoveries that reported damage"),
    ("promotions", "count", "mirrors whose clients the destination took over"),
    (
        "hand_overs",
        "count",
        "times that clients went back to the former source of a mirror that was promoted",
    ),
    ("adoptions", "count", "mirrors whose clients another source has taken over"),
    ("rpo_operations", "count", "answered operations missing after recoveries; not measured without one"),
    ("rpo_bytes", "bytes", "bytes of answered operations missing after recoveries; not measured without one"),
    (
        "rto",
        "ns",
        "longest time from a disaster, or without one from the order, to the opening of the image; not measured without one",
    ),
    (
        "outage",
        "ns",
        "longest time over a promotion or adoption without an answer: from the last of the server before to the first of \
         the new one; not measured without one",
    ),
    ("hand_over_outage", "ns", "the same over a hand-over; not measured without one"),
    ("healthy_wait", "ns", "longest wait of a healthy source within its reserve for an acknowledgement"),
    ("longest_open", "ns", "longest wait, with everything healed, for an answer or for the servers' rest"),
    ("converged_in", "ns", "time from the last answer, with everything healed, to the servers' rest"),
    ("rests", "count", "times that volume, image and model were compared with nothing under way"),
    ("checks", "count", "full checks"),
    ("changes", "count", "durable changes"),
    ("p50_write", "ns", "median latency of writes; not measured without one"),
    ("p99_write", "ns", "99 % latency of writes; not measured without one"),
    ("p99_read", "ns", "99 % latency of reads; not measured without one"),
    ("virtual_time", "ns", "virtual time at the end"),
    ("events", "count", "events dispatched"),
];
