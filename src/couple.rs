//! Apply rounds (DR11, `apply: coupled`): a server applies in rounds, one at a time. A round takes the oldest partition of its
//! own source, if that is sealed, and the files that its peers have asked for by the round's beginning; it ends when these
//! are applied, and the partition is free (SR5). What is asked for meanwhile waits for the next round. So servers that
//! mirror to each other may wait for each other for ever, each in a round that began before it heard the other; how
//! many files keep them from it, docs/protocol.md says.

use crate::host::{DestinationMachine, SourceMachine};
use crate::ids::MirrorIndex;
use crate::quirk::{Bend, Quirk};
use alloc::vec::Vec;

/// A round.
#[derive(Clone, Debug, Default)]
struct Round {
    /// The generation of its own partition.
    own: Option<u64>,
    /// Up to which generation each peer's files are applied in it.
    files: Vec<(MirrorIndex, u64)>,
}

/// The rounds of a server. They are volatile: one that starts again begins a new one.
#[derive(Clone, Debug, Default)]
pub struct Rounds {
    round: Option<Round>,
}

impl Rounds {
    /// Goes on, after anything that has happened to one of the machines of a server: its source, its destination, or both.
    /// True: a round has begun, and they have something to do.
    pub fn turn<S: SourceMachine, D: DestinationMachine, Q: Quirk>(
        &mut self,
        now: u64,
        mut source: Option<&mut S>,
        mut destination: Option<&mut D>,
        quirk: Q,
    ) -> bool {
        if let Some(round) = &self.round {
            let holds = |g: u64| source.as_ref().is_some_and(|s| s.owes(g));
            let asked = |&(mirror, g): &(MirrorIndex, u64)| {
                destination.as_ref().is_some_and(|d| d.asked(mirror).is_some_and(|(first, _)| first <= g))
            };
            if round.own.is_some_and(holds) || round.files.iter().any(asked) {
                return false;
            }
        }
        let own = source.as_ref().and_then(|s| s.oldest_sealed());
        let mirrors = destination.as_ref().map_or(0, |d| d.mirrors());
        // A planted bug: whose own partition waits thinks of nobody else.
        let mirrors = if own.is_some() && quirk.bends(Bend::OwnRoundOnly) { 0 } else { mirrors };
        let asked = |d: &&mut D, m| d.asked(m).map(|(_, last)| (m, last));
        let files = (0..mirrors).filter_map(|m| destination.as_ref().and_then(|d| asked(d, m)));
        let round = Round { own, files: files.collect() };
        self.round = None;
        if round.own.is_none() && round.files.is_empty() {
            return false;
        }
        if let (Some(source), Some(generation)) = (source.as_mut(), round.own) {
            source.handle_round(now, generation);
        }
        for (mirror, generation) in &round.files {
            if let Some(destination) = destination.as_mut() {
                destination.handle_round(now, *mirror, *generation);
            }
        }
        self.round = Some(round);
        true
    }

    /// The generation of its own partition that the round waits for.
    pub fn own(&self) -> Option<u64> {
        self.round.as_ref().and_then(|r| r.own)
    }

    /// Up to which generation a peer's files are applied in this round.
    pub fn takes(&self, mirror: MirrorIndex) -> Option<u64> {
        let round = self.round.as_ref()?;
        round.files.iter().find(|(m, _)| *m == mirror).map(|(_, generation)| *generation)
    }
}
