//! Where the destinations stand, and which mirrors each of them has.

use super::{Node, Spec};

/// A destination; all of a run are made alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Its name.
    pub name: String,
    /// The source whose server it shares; `None` = it has one of its own.
    pub beside: Option<usize>,
}

impl Placement {
    /// A destination with a server of its own.
    pub fn alone() -> Self {
        Placement { name: "destination".into(), beside: None }
    }
}

/// A place at a source's server for the mirror of another source, should it adopt the clients of that (LR9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spare {
    /// The mirror.
    pub mirror: usize,
    /// The source whose server it is.
    pub by: usize,
}

impl Spec {
    /// The places that its faults ask for.
    pub fn spares(&self) -> Vec<Spare> {
        let mut all = Vec::new();
        for fault in &self.faults {
            if let super::Fault::Adopt { source, by } = fault.fault {
                let spare = Spare { mirror: source, by };
                if !all.contains(&spare) {
                    all.push(spare);
                }
            }
        }
        all
    }

    /// The mirrors of a destination, in the order of its desks.
    pub fn mirrors_of(&self, destination: usize) -> impl Iterator<Item = usize> + '_ {
        (0..self.sources.len()).filter(move |m| self.sources[*m].destination == destination)
    }

    /// Whether a destination has several mirrors.
    pub fn has_neighbours(&self) -> bool {
        (0..self.destinations.len()).any(|d| self.mirrors_of(d).count() > 1)
    }

    /// Whose server this one stands in.
    pub fn site(&self, node: Node) -> Node {
        match node {
            Node::Destination(d) => self.destinations[d].beside.map_or(node, Node::Source),
            Node::Source(_) => node,
        }
    }

    /// The desk of a mirror at its destination.
    pub fn desk(&self, mirror: usize) -> usize {
        self.mirrors_of(self.sources[mirror].destination).take_while(|m| *m != mirror).count()
    }
}
