//! The judges of a run. A destination and the sources that are mirrored there are judged by themselves: their judge and their
//! probe have never heard of another destination, and number its mirrors from 0.

use crate::Options;
use crate::outcome::{Checks, Failure};
use crate::plan;
use crate::probe::{Place, Probe};
use crate::spec::Spec;
use mirror::destination::Destination;
use mirror::geometry::{Geometry, Region};
use mirror::quirk::Quirk;
use mirrorsim_oracle::{self as oracle, Judge, Loss};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A source that no judge knows: what it does is nobody's concern.
const NOBODY: oracle::Server = oracle::Server::Source(usize::MAX);

/// The judge of a destination and its sources, and the probe there.
pub(crate) struct Panel<Q> {
    pub judge: Judge,
    pub probe: Probe<Q>,
    /// Of each mirror the probe at what was its source, where that keeps its image by now.
    formers: Vec<Probe<Q>>,
}

/// All of them.
pub(crate) struct Bench<Q> {
    panels: Vec<Panel<Q>>,
    /// Of each mirror: its panel, and its number there.
    seats: Vec<(usize, usize)>,
    /// Of each server: its panel, and who it is there.
    servers: Vec<(usize, oracle::Server)>,
    /// Judges number the clients, people read names.
    clients: Vec<String>,
}

impl<Q: Quirk> Bench<Q> {
    pub fn new(
        spec: &Spec,
        geometries: &[Arc<Geometry>],
        regions: &[Region],
        (quirk, seed): (Q, u64),
        options: &Options,
    ) -> Self {
        let d = &spec.destination;
        let segments = d.nvram_size / (d.reserve / 2);
        let garbage = d.log_disk.garbage || d.image_disk.garbage;
        let panels = (0..spec.destinations.len()).map(|destination| {
            let own = || spec.mirrors_of(destination);
            let mut judge = Judge::new(plan::setup(spec, geometries, destination));
            options.judging.instruct(options.rigged, &mut judge);
            let probe = |mirrors: Vec<(Arc<Geometry>, Region)>, place: Place, seed: u64| {
                let (geometries, regions) = mirrors.into_iter().unzip();
                let how = (options.judging.mutes(), options.rigged, garbage);
                Probe::new(spec.check.clone(), geometries, regions, place, how, quirk, seed)
            };
            let former = |(first, m): (usize, usize)| {
                let geometry = geometries[m].clone();
                let segments = Destination::<Q>::segments_behind_log(&geometry);
                let seed = seed.wrapping_add((1 << 32) + m as u64);
                let region = geometry.region(0);
                probe(
                    vec![(geometry, region)],
                    Place { first, mark: 1, segments: (segments.start, segments.end) },
                    seed,
                )
            };
            let formers = own().enumerate().map(former).collect();
            let mirrors = own().map(|m| (geometries[m].clone(), regions[m].clone())).collect();
            let place = Place { first: 0, mark: 0, segments: (0, segments) };
            let probe = probe(mirrors, place, seed.wrapping_add(destination as u64));
            Panel { judge, probe, formers }
        });
        let seat = |mirror: usize| (spec.sources[mirror].destination, spec.desk(mirror));
        let seats: Vec<_> = (0..spec.sources.len()).map(seat).collect();
        let sources = seats.iter().map(|(panel, number)| (*panel, oracle::Server::Source(*number)));
        let destinations = (0..spec.destinations.len()).map(|d| (d, oracle::Server::Destination));
        let spares = spec.spares().into_iter().map(|s| (seats[s.mirror].0, NOBODY));
        let servers = sources.chain(destinations).chain(spares).collect();
        let clients = spec.clients.iter().map(|c| c.name.clone()).collect();
        Bench { panels: panels.collect(), seats, servers, clients }
    }

    /// Of a mirror: its judge, and its number there.
    pub fn of(&mut self, mirror: usize) -> (&mut Judge, usize) {
        let (panel, number) = self.seats[mirror];
        (&mut self.panels[panel].judge, number)
    }

    /// Of a server: its judge, and who it is there.
    pub fn at(&mut self, server: usize) -> (&mut Judge, oracle::Server) {
        let (panel, who) = self.who(server);
        (&mut self.panels[panel].judge, who)
    }

    /// Who a server is, and before which panel.
    pub fn who(&self, server: usize) -> (usize, oracle::Server) {
        self.servers[server]
    }

    /// Another server than before is a mirror's source, or is to be.
    pub fn takes_place(&mut self, mirror: usize, before: usize, server: usize) {
        let (panel, number) = self.seats[mirror];
        self.servers[before] = (panel, NOBODY);
        self.servers[server] = (panel, oracle::Server::Source(number));
    }

    /// The panel of a mirror, and its number there.
    pub fn seat(&self, mirror: usize) -> (usize, usize) {
        self.seats[mirror]
    }

    /// The judge of a mirror, and its number there, to ask only.
    pub fn ask(&self, mirror: usize) -> (&Judge, usize) {
        let (panel, number) = self.seats[mirror];
        (&self.panels[panel].judge, number)
    }

    /// The panel of a server.
    pub fn panel(&mut self, server: usize) -> &mut Panel<Q> {
        let (panel, _) = self.who(server);
        &mut self.panels[panel]
    }

    /// Every judge.
    pub fn judges(&mut self) -> impl Iterator<Item = &mut Judge> {
        self.panels.iter_mut().map(|p| &mut p.judge)
    }

    /// Why a loss before a panel would leave the fault model.
    pub fn beyond(&self, (panel, loss): &(usize, Loss)) -> Option<String> {
        self.panels[*panel].judge.beyond(loss)
    }

    /// Something else than its machine has changed what is stable at a server.
    pub fn unsettled(&mut self, server: usize) {
        self.probe(server).into_iter().for_each(Probe::unsettled);
    }

    /// The probe of a server, if that is anybody.
    pub fn probe(&mut self, server: usize) -> Option<&mut Probe<Q>> {
        let (panel, who) = self.who(server);
        match who {
            oracle::Server::Destination => Some(&mut self.panels[panel].probe),
            oracle::Server::Source(number) => self.panels[panel].formers.get_mut(number),
        }
    }

    /// The same with its judge, if that server keeps images now.
    pub fn kept(&mut self, server: usize) -> Option<(&mut Probe<Q>, &mut Judge)> {
        let (panel, who) = self.who(server);
        let Panel { judge, probe, formers } = &mut self.panels[panel];
        match who {
            oracle::Server::Destination => Some((probe, judge)),
            oracle::Server::Source(number) => judge.is_kept(number).then(|| (&mut formers[number], judge)),
        }
    }

    /// All findings, kept or not.
    pub fn total_findings(&self) -> u64 {
        self.panels.iter().map(|p| p.judge.total_findings()).sum()
    }

    /// What was found, in order.
    pub fn failures(&self) -> Vec<Failure> {
        let found = self.panels.iter().flat_map(|p| p.judge.findings());
        let mut all: Vec<Failure> = found
            .map(|f| Failure {
                oracle: f.oracle,
                invariant: f.invariant,
                time: f.time,
                event: f.event,
                message: oracle::named(&f.message, "client", &self.clients),
            })
            .collect();
        all.sort_by_key(|f| f.event);
        all
    }

    /// Recoveries on copies that did not end.
    pub fn stuck(&mut self) -> Vec<String> {
        let panels = self.panels.iter_mut();
        let probes = panels.flat_map(|p| std::iter::once(&mut p.probe).chain(&mut p.formers));
        probes.flat_map(|probe| std::mem::take(&mut probe.stuck)).collect()
    }

    /// What was checked, and how much each oracle has judged.
    pub fn checks(&self) -> Checks {
        let mut all = Checks::default();
        let mut judged: BTreeMap<&'static str, u64> = BTreeMap::new();
        for Panel { judge, probe, formers } in &self.panels {
            std::iter::once(probe).chain(formers).for_each(|probe| all.add(&probe.checks));
            for (oracle, count) in judge.counts() {
                *judged.entry(oracle).or_default() += count;
            }
        }
        judged.retain(|_, count| *count > 0);
        Checks { judged, ..all }
    }

    /// Acknowledged operations missing from a recovery, where losses are allowed.
    pub fn lost(&self) -> u64 {
        self.panels.iter().map(|p| p.judge.lost()).sum()
    }

    /// The longest time that a healthy source waited for an acknowledgement.
    pub fn longest_wait(&self) -> u64 {
        self.panels.iter().map(|p| p.judge.longest_wait()).max().unwrap_or(0)
    }

    /// Estimate of their own memory in bytes.
    pub fn memory(&self) -> u64 {
        self.panels.iter().map(|p| p.judge.memory()).sum()
    }
}
