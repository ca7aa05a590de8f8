//! Damaged blocks of the volumes, and the destination's questions for blocks (section 1).
//!
//! A damaged block is put together again from the own log where a record there gives it its whole content; else the
//! destination is asked. It may answer as of any of its cursors: what is older is rolled forward with the own log, what
//! is newer is installed with a note of how far it goes. In the other direction an answer is rolled forward to the
//! destination's cursor, so that it is never too old to be installed.

use super::Session;
use super::Source;
use crate::after_image::{fold_block, overwrites, touches};
use crate::apply::Apply;
use crate::effect::{Alarm, Completion, Device, Duty, Ranges, Token};
use crate::geometry::SECTOR;
use crate::heal::BlockKey;
use crate::ids::Position;
use crate::quirk::Quirk;
use crate::stage::Stage;
use crate::volume::{self, Standing};
use crate::wire::Message;
use alloc::vec;
use alloc::vec::Vec;
use bytes::Bytes;

/// A block that the destination asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Serve {
    key: BlockKey,
    /// The destination's cursor.
    cursor: Position,
    /// The read, once it is under way.
    token: Option<Token>,
}

impl<Q: Quirk> Source<Q> {
    fn cursor(&self) -> Position {
        self.superblock.tail.position
    }

    /// A block does not match its check.
    pub(super) fn block_damaged(&mut self, key: BlockKey) {
        if !self.healing.want(key) {
            return;
        }
        let (volume, block) = key;
        self.out.alarm(self.index, Alarm::BlockDamaged { volume, block });
        self.healing.held = self.log.tip.position;
        match self.block_in_log(key) {
            Some(content) => self.block_found(key, self.cursor(), content),
            None if self.has_no_mirror() => self.block_lost(key),
            None => {
                self.stage(Stage::BlockWanted, self.cursor());
                self.ask_block(key);
            }
        }
        self.progress = true;
    }

    /// The content as of the cursor, if a record that is still in NVRAM has overwritten the block as a whole.
    fn block_in_log(&self, key: BlockKey) -> Option<Bytes> {
        let size = self.geometry.block_size;
        let mut content: Option<Vec<u8>> = None;
        for ordinal in self.log.base..self.log.upto(self.cursor()) {
            let record = &self.log.entry(ordinal).record;
            if !touches(&self.geometry, &self.region, record, key) {
                continue;
            }
            if overwrites(record, key.1, size) {
                content = Some(vec![0; size as usize]);
            }
            if let Some(content) = &mut content {
                fold_block(&self.geometry, &self.region, record, key, content);
            }
        }
        content.map(Bytes::from)
    }

    fn ask_block(&mut self, (volume, block): BlockKey) {
        if self.session == Session::Up {
            let cursor = self.cursor();
            self.send(Message::BlockWanted { volume, block, cursor });
        }
    }

    /// On a new connection and on the timer.
    pub(super) fn ask_blocks(&mut self) {
        let keys: Vec<BlockKey> = self.healing.asked().collect();
        keys.into_iter().for_each(|key| self.ask_block(key));
    }

    /// The destination's answer.
    pub(super) fn block_came(&mut self, key: BlockKey, as_of: Position, content: Bytes) {
        if !self.healing.asks(key) {
            return;
        }
        if content.is_empty() {
            return self.block_lost(key);
        }
        if content.len() as u64 != self.geometry.block_size || as_of > self.log.tip.position {
            return;
        }
        let cursor = self.cursor();
        if as_of >= cursor {
            return self.block_found(key, as_of, content);
        }
        let needed = self.freed_change(key);
        if as_of >= needed {
            let mut content = content.to_vec();
            self.roll_forward(key, as_of.max(self.log.base_position), cursor, &mut content);
            self.block_found(key, cursor, Bytes::from(content));
        } else if self.alone() && needed > self.peer_held {
            // It was changed alone: the only good copy was the one that is damaged.
            self.block_lost(key);
        }
        // Else it is asked again: with k > P some of the records between may be freed here and not applied there, and what
        // the destination holds of those before the role changed it applies with the next resync.
    }

    pub(super) fn roll_forward(&self, key: BlockKey, from: Position, to: Position, content: &mut [u8]) {
        for ordinal in self.log.upto(from)..self.log.upto(to) {
            fold_block(&self.geometry, &self.region, &self.log.entry(ordinal).record, key, content);
        }
    }

    fn block_found(&mut self, key: BlockKey, upto: Position, content: Bytes) {
        self.healing.found(key, upto, content);
        self.repeat_reads();
        self.progress = true;
    }

    /// Both copies are damaged: what needs the block is refused, an apply that needs it cannot go on.
    fn block_lost(&mut self, key: BlockKey) {
        let (volume, block) = key;
        self.healing.lose(key);
        let stops = self.apply.as_ref().is_some_and(|a| a.unreadable().contains(&key));
        if !stops {
            self.out.alarm(self.index, Alarm::BlockLost { volume, block });
        }
        self.repeat_reads();
        self.progress = true;
    }

    /// Goes on with an apply whose blocks have been found, or puts a found block in place. False if there is none.
    pub(super) fn heal_next(&mut self) -> bool {
        self.healing.held = self.log.tip.position;
        let Some(apply) = &mut self.apply else {
            let Some(key) = self.healing.first_usable() else { return false };
            let (geometry, region) = (self.geometry.clone(), self.region.clone());
            let mut apply = Apply::repair(geometry, region, self.index, self.quirk, key, &self.superblock);
            let progress = apply.start(&mut self.superblock, &mut self.healing, &mut self.out);
            self.apply = Some(apply);
            self.apply_progress(progress);
            return true;
        };
        let waits = apply.unreadable();
        if let Some((volume, block)) = waits.iter().find(|key| self.healing.lost(**key)).copied() {
            self.stop(Alarm::BlockLost { volume, block });
        } else if !waits.is_empty() && waits.iter().all(|key| self.healing.usable(*key).is_some()) {
            let progress = apply.start(&mut self.superblock, &mut self.healing, &mut self.out);
            self.apply_progress(progress);
        }
        true
    }

    /// The destination asks for a block.
    pub(super) fn block_asked(&mut self, key: BlockKey, cursor: Position) {
        let blocks = self.geometry.volumes.get(key.0 as usize).map(|_| self.geometry.blocks(key.0 as usize));
        if blocks.is_none_or(|blocks| key.1 >= blocks) || cursor > self.log.tip.position {
            return;
        }
        match self.serves.iter_mut().find(|s| s.key == key) {
            Some(serve) => serve.cursor = serve.cursor.max(cursor),
            None => self.serves.push(Serve { key, cursor, token: None }),
        }
    }

    /// Reads what is asked for, while the blocks are those of the cursor.
    pub(super) fn serve_blocks(&mut self) {
        if self.apply.as_ref().is_some_and(|a| !a.at_cursor()) {
            return;
        }
        for serve in self.serves.iter_mut().filter(|s| s.token.is_none()) {
            let map = &self.region.volumes[serve.key.0 as usize];
            let mut ranges = Ranges::new();
            ranges.push((map.block(serve.key.1), map.block_size));
            ranges.push((map.entry(serve.key.1).0, SECTOR));
            serve.token = Some(self.out.read(self.index, Duty::Heal, Device::Image, ranges));
        }
    }

    pub(super) fn served(&mut self, token: Token, completion: Completion) {
        let Completion::Read(data) = completion else { return };
        let Some(at) = self.serves.iter().position(|s| s.token == Some(token)) else { return };
        if self.apply.as_ref().is_some_and(|a| !a.at_cursor()) {
            // The blocks may be ahead of the cursor by now: read again.
            self.serves[at].token = None;
            return;
        }
        let Serve { key, cursor, .. } = self.serves.remove(at);
        let (_, place) = self.region.volumes[key.0 as usize].entry(key.1);
        let own = self.cursor();
        let as_of = match volume::verify(&data[1], place, self.geometry.mirror, key.1, &data[0]) {
            Standing::Good => own,
            Standing::UpTo(upto) => upto.max(own),
            Standing::Bad => {
                self.block_damaged(key);
                return self.answer_block(key, own, Bytes::new());
            }
        };
        if as_of >= cursor {
            return self.answer_block(key, as_of, data[0].clone());
        }
        let mut content = data[0].to_vec();
        self.roll_forward(key, as_of, cursor, &mut content);
        self.answer_block(key, cursor, Bytes::from(content));
    }

    fn answer_block(&mut self, (volume, block): BlockKey, as_of: Position, content: Bytes) {
        if self.session == Session::Up {
            self.send(Message::Block { volume, block, as_of, content });
            self.stage(Stage::BlockSent, as_of);
        }
    }
}
