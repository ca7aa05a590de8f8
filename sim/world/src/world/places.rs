//! Who is who: servers are numbered, the sources first, then the destinations. A mirror has the number of its source; at its
//! destination it has a desk.

use super::World;
use crate::spec::Node;
use mirror::quirk::Quirk;

impl<Q: Quirk> World<'_, Q> {
    /// The destination of a mirror.
    pub fn destination_of(&self, mirror: usize) -> usize {
        self.spec.sources.len() + self.spec.sources[mirror].destination
    }

    pub fn is_destination(&self, server: usize) -> bool {
        server >= self.spec.sources.len()
    }

    /// The mirrors that a server has to do with.
    pub fn mirrors_at(&self, server: usize) -> Vec<usize> {
        match server.checked_sub(self.spec.sources.len()) {
            Some(destination) => self.spec.mirrors_of(destination).collect(),
            None => vec![server],
        }
    }

    /// The desk of a mirror at a server that keeps images: one that was its source itself has no other.
    pub fn desk(&self, server: usize, mirror: usize) -> u16 {
        if server == mirror { 0 } else { self.spec.desk(mirror) as u16 }
    }

    /// The mirror at a desk. A server that was a source knows one only, be it its source or not.
    pub fn mirror_at(&self, server: usize, desk: u16) -> Option<usize> {
        match server.checked_sub(self.spec.sources.len()) {
            Some(destination) => self.spec.mirrors_of(destination).nth(usize::from(desk)),
            None => Some(server),
        }
    }

    /// A server, and what stands in the same one.
    pub fn site(&self, server: usize) -> impl Iterator<Item = usize> + use<Q> {
        let site = self.spec.site(self.node_of(server));
        let all: Vec<usize> =
            (0..self.servers.len()).filter(|s| self.spec.site(self.node_of(*s)) == site).collect();
        std::iter::once(server).chain(all.into_iter().filter(move |s| *s != server))
    }

    pub fn name(&self, server: usize) -> &str {
        match server.checked_sub(self.spec.sources.len()) {
            Some(destination) => &self.spec.destinations[destination].name,
            None => &self.spec.sources[server].name,
        }
    }

    pub fn node(&self, node: Node) -> usize {
        match node {
            Node::Source(source) => source,
            Node::Destination(destination) => self.spec.sources.len() + destination,
        }
    }

    pub fn node_of(&self, server: usize) -> Node {
        match server.checked_sub(self.spec.sources.len()) {
            Some(destination) => Node::Destination(destination),
            None => Node::Source(server),
        }
    }
}
