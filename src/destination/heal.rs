//! Damaged blocks of an image, and the source's questions for blocks (section 1). The source answers at or beyond the
//! cursor: content from beyond it is installed once all that it shows is held, so that what recovery gives is never a mix
//! of two prefixes.

use super::Shared;
use super::ahead::Ahead;
use super::apply::Applying;
use super::desk::{Desk, Phase};
use crate::effect::{Alarm, Completion, Device, Duty, Ranges, Token};
use crate::geometry::SECTOR;
use crate::heal::{BlockKey, Healing};
use crate::ids::Position;
use crate::quirk::{Bend, Quirk};
use crate::stage::Stage;
use crate::volume::{self, Standing};
use crate::wire::Message;
use alloc::boxed::Box;
use alloc::vec::Vec;
use bytes::Bytes;

/// Healing of the blocks of one image.
#[derive(Debug, Default)]
pub(super) struct Heal {
    pub blocks: Healing,
    /// When the source is asked again, and how often it was.
    pub ask_at: Option<u64>,
    asked: u32,
    /// Blocks that the source asks for.
    pub serves: Vec<Serve>,
}

/// A block that the source asks for.
#[derive(Debug)]
pub(super) struct Serve {
    key: BlockKey,
    /// The read, once it is under way.
    pub token: Option<Token>,
    /// It was read, and what follows is put down on it.
    pub ahead: Option<Box<Ahead>>,
}

impl Heal {
    pub fn quiet(&self) -> bool {
        self.blocks.quiet() && self.serves.is_empty()
    }
}

impl<Q: Quirk> Desk<Q> {
    /// A block does not match its check.
    pub fn block_damaged(&mut self, shared: &mut Shared, key: BlockKey) {
        if !self.heal.blocks.want(key) {
            return;
        }
        let (volume, block) = key;
        self.alarm(shared, Alarm::BlockDamaged { volume, block });
        self.stage(shared, Stage::BlockWanted, self.superblock.tail.position);
        self.ask_block(shared, key);
        self.heal.asked = 0;
        self.ask_later(shared);
    }

    fn ask_block(&self, shared: &mut Shared, (volume, block): BlockKey) {
        if let Some(connection) = self.connection {
            let cursor = self.superblock.tail.position;
            self.send(shared, connection, Message::BlockWanted { volume, block, cursor });
        }
    }

    fn ask_later(&mut self, shared: &Shared) {
        let wanted = self.heal.blocks.asked().next().is_some();
        let wait = shared.knobs.retry_after << self.heal.asked.min(4);
        self.heal.ask_at = wanted.then_some(shared.now + wait);
    }

    /// On a new connection and on the timer.
    pub fn ask_blocks(&mut self, shared: &mut Shared) {
        let keys: Vec<BlockKey> = self.heal.blocks.asked().collect();
        keys.into_iter().for_each(|key| self.ask_block(shared, key));
        self.heal.asked += 1;
        self.ask_later(shared);
    }

    /// The source's answer.
    pub fn block_came(&mut self, shared: &mut Shared, key: BlockKey, as_of: Position, content: Bytes) {
        if !self.heal.blocks.asks(key) {
            return;
        }
        if content.is_empty() {
            let (volume, block) = key;
            self.heal.blocks.lose(key);
            return self.alarm(shared, Alarm::BlockLost { volume, block });
        }
        if content.len() as u64 != self.geometry.block_size {
            return;
        }
        if as_of < self.superblock.tail.position && !self.quirk.bends(Bend::InstallPassed) {
            // The cursor has moved on since it was asked.
            return self.ask_block(shared, key);
        }
        self.heal.blocks.found(key, as_of, content);
    }

    /// Goes on with an apply whose blocks have been found, or puts a found block in place.
    pub fn heal_next(&mut self, shared: &mut Shared) {
        let early = self.quirk.bends(Bend::InstallBeforeHeld);
        let held = if early { Position::new(u64::MAX, 0) } else { self.position(self.marked) };
        self.heal.blocks.held = held;
        if self.turn.is_some() || self.superblock.sealed.is_some() {
            return;
        }
        let blocks = &self.heal.blocks;
        match &self.applying {
            None => {
                if let Some(key) = blocks.first_usable() {
                    self.repair_block(shared, key);
                }
            }
            Some(applying) => {
                let waits = applying.unreadable();
                if waits.iter().any(|key| blocks.lost(*key)) {
                    // The file stays, so that nothing is lost; no SyncDone, so that the source keeps its copy.
                    self.phase = Phase::Stopped;
                    self.reset(shared);
                } else if !waits.is_empty() && waits.iter().all(|key| blocks.usable(*key).is_some()) {
                    self.start_batch(shared);
                }
            }
        }
    }

    fn repair_block(&mut self, shared: &mut Shared, key: BlockKey) {
        let (geometry, region) = (self.geometry.clone(), self.region.clone());
        let apply =
            crate::apply::Apply::repair(geometry, region, self.index, self.quirk, key, &self.superblock);
        self.applying = Some(Applying::repair(apply));
        self.start_batch(shared);
    }

    /// The source asks for a block.
    pub fn block_asked(&mut self, key: BlockKey) {
        let blocks = self.geometry.volumes.get(key.0 as usize).map(|_| self.geometry.blocks(key.0 as usize));
        let known = self.heal.serves.iter().any(|s| s.key == key);
        if blocks.is_some_and(|blocks| key.1 < blocks) && !known {
            self.heal.serves.push(Serve { key, token: None, ahead: None });
        }
    }

    /// Whether the blocks are those of the cursor: not while a resync file is to be put into the image.
    fn at_cursor(&self) -> bool {
        self.superblock.sealed.is_none() && self.applying.as_ref().is_none_or(|a| a.at_cursor())
    }

    /// Reads what is asked for, while the blocks are those of the cursor.
    pub fn serve_blocks(&mut self, shared: &mut Shared) {
        if !self.at_cursor() {
            return;
        }
        for Serve { key, token, .. } in self.heal.serves.iter_mut().filter(|s| s.token.is_none()) {
            let map = &self.region.volumes[key.0 as usize];
            let mut ranges = Ranges::new();
            ranges.push((map.block(key.1), map.block_size));
            ranges.push((map.entry(key.1).0, SECTOR));
            *token = Some(shared.out.read(self.index, Duty::Heal, Device::Image, ranges));
        }
    }

    pub fn served(&mut self, shared: &mut Shared, token: Token, completion: Completion) {
        let Completion::Read(data) = completion else { return };
        let Some(at) = self.heal.serves.iter().position(|s| s.token == Some(token)) else { return };
        let moved = |ahead: &Ahead| ahead.cursor != self.superblock.tail.position;
        let serve = &self.heal.serves[at];
        if !self.at_cursor() || serve.ahead.as_deref().is_some_and(moved) {
            // The blocks may be ahead of the cursor by now, and files gone: read again.
            (self.heal.serves[at].token, self.heal.serves[at].ahead) = (None, None);
            return;
        }
        if serve.ahead.is_some() {
            return self.ahead_read(shared, at, &data);
        }
        let key = serve.key;
        let (_, place) = self.region.volumes[key.0 as usize].entry(key.1);
        let own = self.superblock.tail.position;
        let mut content = data[0].clone();
        let as_of = match volume::verify(&data[1], place, self.geometry.mirror, key.1, &content) {
            _ if self.superblock.void => {
                // It may be of any prefix.
                content = Bytes::new();
                own
            }
            Standing::Good => own,
            Standing::UpTo(upto) => upto.max(own),
            Standing::Bad => {
                self.block_damaged(shared, key);
                content = Bytes::new();
                own
            }
        };
        if self.stays_behind() && !content.is_empty() {
            self.heal.serves[at].ahead =
                Some(Box::new(Ahead::new(key, &content, as_of, self.superblock.tail)));
            return self.read_ahead(shared, at);
        }
        self.heal.serves.remove(at);
        self.answer_block(shared, key, as_of, content);
    }

    pub fn answer_block(
        &self,
        shared: &mut Shared,
        (volume, block): BlockKey,
        as_of: Position,
        content: Bytes,
    ) {
        if let Some(connection) = self.connection {
            self.send(shared, connection, Message::Block { volume, block, as_of, content });
            self.stage(shared, Stage::BlockSent, as_of);
        }
    }
}
