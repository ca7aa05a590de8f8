//! Who is who: servers are numbered, the sources first, then the destinations, then the places that sources have for the clients of
//! others (LR9). A mirror has the number of its source; at its destination it has a desk. Between each server that is no
//! destination and the one of its mirror runs a line.

use super::World;
use crate::hosted::Machines;
use crate::spec::{LinkSpec, Node, Spare};

impl<M: Machines> World<'_, M> {
    /// The destination of a mirror.
    pub fn destination_of(&self, mirror: usize) -> usize {
        self.spec.sources.len() + self.spec.sources[mirror].destination
    }

    pub fn is_destination(&self, server: usize) -> bool {
        (self.spec.sources.len()..self.first_spare()).contains(&server)
    }

    pub fn first_spare(&self) -> usize {
        self.spec.sources.len() + self.spec.destinations.len()
    }

    /// The place of a source for another one's clients, by its server.
    fn spare(&self, server: usize) -> Option<Spare> {
        server.checked_sub(self.first_spare()).map(|at| self.spares[at])
    }

    /// The server of a source's place for another one's clients.
    pub fn spare_of(&self, mirror: usize, by: usize) -> Option<usize> {
        let at = self.spares.iter().position(|s| *s == Spare { mirror, by })?;
        Some(self.first_spare() + at)
    }

    /// The mirror of a server that is no destination.
    pub fn mirror_of(&self, server: usize) -> usize {
        self.spare(server).map_or(server, |spare| spare.mirror)
    }

    /// The server that is the source of a mirror, or was it last: none but that and the destination know the other.
    pub fn source_of(&self, mirror: usize) -> usize {
        self.sources[mirror]
    }

    /// Whether nothing stands in a place for another one's clients.
    pub fn is_vacant(&self, server: usize) -> bool {
        self.spare(server).is_some_and(|spare| self.epoch(server, spare.mirror) == 0)
    }

    /// Whether a server was the source of a mirror that another source has adopted.
    pub fn is_exiled(&self, server: usize) -> bool {
        !self.is_destination(server) && self.source_of(self.mirror_of(server)) != server
    }

    /// The line from a server to the destination of its mirror.
    pub fn line(&self, server: usize) -> usize {
        if server < self.spec.sources.len() { server } else { server - self.spec.destinations.len() }
    }

    /// The lines that end at a server.
    pub fn lines_at(&self, server: usize) -> Vec<usize> {
        match self.is_destination(server) {
            true => {
                let all = 0..self.spec.sources.len() + self.spares.len();
                all.filter(|line| self.destination_of(self.mirror_on(*line)) == server).collect()
            }
            false => vec![self.line(server)],
        }
    }

    /// The server at the source's end of a line.
    pub fn end_of(&self, line: usize) -> usize {
        if line < self.spec.sources.len() { line } else { line + self.spec.destinations.len() }
    }

    /// Lines of one cable: those of a source, and of what stands in its server.
    pub fn cable(&self, source: usize) -> Vec<usize> {
        let spares = (0..self.spares.len()).filter(|at| self.spares[*at].by == source);
        std::iter::once(source).chain(spares.map(|at| self.spec.sources.len() + at)).collect()
    }

    /// The mirror whose frames pass a line.
    pub fn mirror_on(&self, line: usize) -> usize {
        self.mirror_of(self.end_of(line))
    }

    /// What a line is like.
    pub fn line_spec(&self, line: usize) -> &LinkSpec {
        let source = line.checked_sub(self.spec.sources.len()).map_or(line, |at| self.spares[at].by);
        &self.spec.sources[source].link
    }

    /// The mirrors that a server has to do with.
    pub fn mirrors_at(&self, server: usize) -> Vec<usize> {
        if self.is_destination(server) {
            self.spec.mirrors_of(server - self.spec.sources.len()).collect()
        } else {
            vec![self.mirror_of(server)]
        }
    }

    /// The desk of a mirror at a server that keeps images: one that was its source itself has no other.
    pub fn desk(&self, server: usize, mirror: usize) -> u16 {
        if self.is_destination(server) { self.spec.desk(mirror) as u16 } else { 0 }
    }

    /// The mirror at a desk. A server that was a source knows one only, be it its source or not.
    pub fn mirror_at(&self, server: usize, desk: u16) -> Option<usize> {
        if self.is_destination(server) {
            self.spec.mirrors_of(server - self.spec.sources.len()).nth(usize::from(desk))
        } else {
            Some(self.mirror_of(server))
        }
    }

    /// A server, and what stands in the same one.
    pub fn site(&self, server: usize) -> impl Iterator<Item = usize> + use<M> {
        let site = self.spec.site(self.node_of(server));
        let all: Vec<usize> =
            (0..self.servers.len()).filter(|s| self.spec.site(self.node_of(*s)) == site).collect();
        std::iter::once(server).chain(all.into_iter().filter(move |s| *s != server))
    }

    pub fn name(&self, server: usize) -> &str {
        match self.node_of(server) {
            Node::Destination(destination) => &self.spec.destinations[destination].name,
            Node::Source(source) => &self.spec.sources[source].name,
        }
    }

    pub fn node(&self, node: Node) -> usize {
        match node {
            Node::Source(source) => source,
            Node::Destination(destination) => self.spec.sources.len() + destination,
        }
    }

    pub fn node_of(&self, server: usize) -> Node {
        if let Some(spare) = self.spare(server) {
            return Node::Source(spare.by);
        }
        server.checked_sub(self.spec.sources.len()).map_or(Node::Source(server), Node::Destination)
    }
}
