//! Blocks that do not match their check, and the content that takes their place (section 1): from the own log, or from
//! the peer. All of it is volatile: after a restart a block is found damaged again, and asked for again.

use crate::ids::Position;
use alloc::collections::BTreeMap;
use bytes::Bytes;

/// Volume and block.
pub type BlockKey = (u32, u64);

#[derive(Debug)]
enum Want {
    /// The peer is to be asked, again and again.
    Asked,
    /// The peer's copy is damaged, too.
    Lost,
    /// Good content with all records up to a position in it, not installed yet.
    Found { upto: Position, content: Bytes },
}

/// The damaged blocks of a mirror at a server.
#[derive(Debug, Default)]
pub struct Healing {
    wanted: BTreeMap<BlockKey, Want>,
    /// All records up to here are durable here: content that goes further waits.
    pub held: Position,
}

impl Healing {
    /// A block was found damaged; false if that is known.
    pub fn want(&mut self, key: BlockKey) -> bool {
        if self.wanted.contains_key(&key) {
            return false;
        }
        self.wanted.insert(key, Want::Asked);
        true
    }

    /// Whether the peer is to be asked for this block.
    pub fn asks(&self, key: BlockKey) -> bool {
        matches!(self.wanted.get(&key), Some(Want::Asked))
    }

    /// Whether a block is damaged and nothing good is in its place.
    pub fn wants(&self, key: BlockKey) -> bool {
        self.wanted.contains_key(&key)
    }

    /// The blocks that the peer is to be asked for.
    pub fn asked(&self) -> impl Iterator<Item = BlockKey> {
        self.wanted.iter().filter(|(_, w)| matches!(w, Want::Asked)).map(|(key, _)| *key)
    }

    /// The peer has no good copy.
    pub fn lose(&mut self, key: BlockKey) {
        self.wanted.insert(key, Want::Lost);
    }

    /// Whether no good copy is in reach.
    pub fn lost(&self, key: BlockKey) -> bool {
        matches!(self.wanted.get(&key), Some(Want::Lost))
    }

    /// Whether no good copy of some block is in reach.
    pub fn any_lost(&self) -> bool {
        self.lost_blocks().next().is_some()
    }

    /// The blocks of which no good copy is in reach.
    pub fn lost_blocks(&self) -> impl Iterator<Item = BlockKey> {
        self.wanted.iter().filter(|(_, w)| matches!(w, Want::Lost)).map(|(key, _)| *key)
    }

    /// Good content, at or beyond the cursor. It stays good while the cursor passes: whatever writes into the block
    /// settles it ([`Healing::settle`]).
    pub fn found(&mut self, key: BlockKey, upto: Position, content: Bytes) {
        self.wanted.insert(key, Want::Found { upto, content });
    }

    /// Good content that shows nothing which is not held.
    pub fn usable(&self, key: BlockKey) -> Option<(Position, &Bytes)> {
        match self.wanted.get(&key) {
            Some(Want::Found { upto, content }) if *upto <= self.held => Some((*upto, content)),
            _ => None,
        }
    }

    /// A block that can be installed now.
    pub fn first_usable(&self) -> Option<BlockKey> {
        self.wanted.keys().find(|key| self.usable(**key).is_some()).copied()
    }

    /// A block was written, durably; says whether it was damaged before.
    pub fn settle(&mut self, key: BlockKey) -> bool {
        !self.wanted.is_empty() && self.wanted.remove(&key).is_some()
    }

    /// Whether nothing is asked for or waits to be installed.
    pub fn quiet(&self) -> bool {
        self.wanted.values().all(|w| matches!(w, Want::Lost))
    }
}
