//! A block that the source asks for, with what the log holds beyond the cursor put down on it. The apply may wait for a block
//! that comes with the next resync only, because the source has changed it alone, while that resync waits for this one.

use super::Shared;
use super::desk::Desk;
use crate::after_image::fold_block;
use crate::area::Area;
use crate::effect::{Device, Duty};
use crate::geometry::{Geometry, Region};
use crate::heal::BlockKey;
use crate::ids::{Link, Position};
use crate::log_file::FILE_HEADER;
use crate::quirk::Quirk;
use crate::record::Record;
use alloc::vec::Vec;
use bytes::Bytes;

/// A block on its way beyond the cursor.
#[derive(Debug)]
pub(super) struct Ahead {
    key: BlockKey,
    content: Vec<u8>,
    /// The block itself has all records up to here.
    from: Position,
    /// The cursor when it was read.
    pub cursor: Position,
    /// The last record that was looked at.
    last: Link,
    /// The file that is read, and its generation.
    file: Option<(u64, Area)>,
}

impl Ahead {
    /// A block as it was read, while the image's last record is `tail`.
    pub fn new(key: BlockKey, content: &[u8], from: Position, tail: Link) -> Self {
        Ahead { key, content: content.to_vec(), from, cursor: tail.position, last: tail, file: None }
    }

    /// Puts down what follows.
    fn follow(&mut self, geometry: &Geometry, region: &Region, record: &Record) {
        if record.prev != self.last {
            return;
        }
        self.last = record.link();
        if record.position > self.from {
            fold_block(geometry, region, record, self.key, &mut self.content);
        }
    }
}

impl<Q: Quirk> Desk<Q> {
    /// Whether the image stays behind what is held until the resync is sealed.
    pub fn stays_behind(&self) -> bool {
        self.resyncs() && self.applying.as_ref().is_some_and(|a| a.rests())
    }

    /// The next file of a block that is asked for; without one the block is answered.
    pub fn read_ahead(&mut self, shared: &mut Shared, at: usize) {
        let serve = &mut self.heal.serves[at];
        let Some(ahead) = &mut serve.ahead else { return };
        let read = ahead.file.as_ref().map_or(0, |(generation, _)| *generation);
        let later = self.files.iter().filter(|f| f.generation > read && f.durable > 0);
        if let Some(file) = later.min_by_key(|f| f.generation) {
            let start = self.geometry.place(file.place);
            let area = Area::new(start + FILE_HEADER, start + self.geometry.file_size, Some(file.generation));
            if let Some(ranges) = area.first() {
                ahead.file = Some((file.generation, area));
                serve.token = Some(shared.out.read(self.index, Duty::Heal, Device::Log, ranges));
                return;
            }
        }
        let held = self.position(self.marked);
        let Some(mut ahead) = self.heal.serves.remove(at).ahead else { return };
        for entry in self.entries.iter().take_while(|e| e.record.position <= held) {
            ahead.follow(&self.geometry, &self.region, &entry.record);
        }
        let as_of = ahead.from.max(ahead.last.position);
        self.answer_block(shared, ahead.key, as_of, Bytes::from(ahead.content));
    }

    /// Something of a file was read.
    pub fn ahead_read(&mut self, shared: &mut Shared, at: usize, data: &[Bytes]) {
        let serve = &mut self.heal.serves[at];
        let Some(ahead) = &mut serve.ahead else { return };
        let Some((generation, area)) = &mut ahead.file else { return };
        if let Some(ranges) = area.feed(&self.geometry, data) {
            serve.token = Some(shared.out.read(self.index, Duty::Heal, Device::Log, ranges));
            return;
        }
        let durable = self.files.iter().find(|f| f.generation == *generation).map_or(0, |f| f.durable);
        let records = core::mem::take(&mut area.records);
        for record in records.iter().take(durable as usize) {
            ahead.follow(&self.geometry, &self.region, record);
        }
        self.read_ahead(shared, at);
    }
}
