//! Whose machines a world hosts: ours, or those of whoever studies the protocol with a source or a destination of their own.

use crate::spec::Spec;
use crate::{Options, Run, Sight, State};
use mirror::destination::{self, Destination};
use mirror::geometry::Geometry;
pub use mirror::host::{DestinationMachine, Machine, SourceMachine};
use mirror::ids::MirrorIndex;
use mirror::quirk::Quirk;
use mirror::source::{self, Source};
use std::sync::Arc;

/// Where a source is to stand.
#[derive(Clone, Debug)]
pub struct SourceSeat {
    /// What its mirror looks like.
    pub geometry: Arc<Geometry>,
    /// Knobs of the scenario.
    pub knobs: source::Knobs,
    /// What its effects call the mirror.
    pub index: MirrorIndex,
    /// Partitions are applied in rounds (DR11).
    pub coupled: bool,
    /// What its clock shows.
    pub now: u64,
}

/// Where a destination is to stand.
#[derive(Clone, Debug)]
pub struct DestinationSeat {
    /// What its mirrors look like, in the order of their desks.
    pub geometries: Vec<Arc<Geometry>>,
    /// Bytes of NVRAM.
    pub nvram_size: u64,
    /// Knobs of the scenario.
    pub knobs: destination::Knobs,
    /// Knobs with which it would serve the clients of a mirror that is promoted; empty where none is in the scenario.
    pub heirs: Vec<source::Knobs>,
    /// The server was the source of the one mirror, with these knobs, and keeps the image from now on (LR7).
    pub former: Option<source::Knobs>,
    /// Files are applied in rounds (DR11).
    pub coupled: bool,
    /// What its clock shows.
    pub now: u64,
}

impl SourceSeat {
    /// Our own machine for it.
    pub fn ours<Q: Quirk>(self, quirk: Q) -> Source<Q> {
        let machine = Source::new(self.geometry, self.knobs, self.index, quirk, self.now);
        if self.coupled { machine.coupled() } else { machine }
    }
}

impl DestinationSeat {
    /// Our own machine for it.
    pub fn ours<Q: Quirk>(self, quirk: Q) -> Destination<Q> {
        if let Some(own) = self.former {
            return Destination::of_former_source(&self.geometries[0], self.knobs, own, quirk, self.now);
        }
        let mut machine = Destination::new(&self.geometries, self.nvram_size, self.knobs, quirk, self.now);
        if !self.heirs.is_empty() {
            machine = machine.with_heirs(&self.heirs);
        }
        if self.coupled { machine.coupled() } else { machine }
    }
}

/// The machines of a world. They must be what they are called: what they put on devices and lines is read by the judge as
/// docs/formats.md says, and what they answer is held against docs/protocol.md. A machine is made for each life of a server.
pub trait Machines: Clone {
    /// How the recoveries bend that the judge rehearses; `Sound`: not at all.
    type Quirk: Quirk;
    /// Whatever stands in the place of a source.
    type Source: SourceMachine;
    /// Whatever stands in the place of a destination.
    type Destination: DestinationMachine;
    /// How the recoveries bend that the judge rehearses.
    fn quirk(&self) -> Self::Quirk;
    /// A source that was just switched on.
    fn source(&self, seat: SourceSeat) -> Self::Source;
    /// A destination that was just switched on.
    fn destination(&self, seat: DestinationSeat) -> Self::Destination;
}

/// Our own machines, bent or not.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ours<Q>(pub Q);

impl<Q: Quirk> Machines for Ours<Q> {
    type Quirk = Q;
    type Source = Source<Q>;
    type Destination = Destination<Q>;

    fn quirk(&self) -> Q {
        self.0
    }

    fn source(&self, seat: SourceSeat) -> Source<Q> {
        seat.ours(self.0)
    }

    fn destination(&self, seat: DestinationSeat) -> Destination<Q> {
        seat.ours(self.0)
    }
}

/// Runs worlds with machines of one kind: what a campaign needs of them.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// What tokens call them; nothing: ours. Whoever changes machines of their own may give them another name.
    pub name: Option<&'static str>,
    /// Runs a spec with a seed.
    pub run: fn(&Spec, u64, &Options) -> Run,
    /// How everything stands at a moment of a run.
    pub look: fn(&Spec, u64, &Options, Sight) -> State,
}

impl Host {
    /// Of other machines than ours; they are called as their type.
    pub fn of<M: Machines + Default>() -> Host {
        Host {
            name: Some(std::any::type_name::<M>()),
            run: |spec, seed, options| crate::run_with(spec, seed, options, M::default()),
            look: |spec, seed, options, sight| crate::look_with(spec, seed, options, M::default(), sight),
        }
    }
}

impl Default for Host {
    /// Of our own, bent as the options say.
    fn default() -> Host {
        Host { name: None, run: crate::run, look: crate::look }
    }
}
