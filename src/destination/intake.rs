//! Records from receipt to the `nvram` acknowledgement (DR1, DR2, DR3).

use super::Shared;
use super::desk::{Desk, Entry, Segment};
use crate::config::{AckLevel, Transport};
use crate::effect::{Alarm, Device, Duty, Run, Token};
use crate::ids::{Link, Position};
use crate::nvram_log::{SEGMENT_HEADER, SegmentHeader};
use crate::quirk::{Bend, Quirk};
use crate::record::{Draft, Operation, Record};
use crate::stage::Stage;
use crate::wire::Message;
use alloc::vec::Vec;

impl<Q: Quirk> Desk<Q> {
    /// DR1: exactly the successor of the last accepted record, of the current epoch.
    pub fn receive(&mut self, shared: &mut Shared, record: Record) {
        let record = if self.quirk.bends(Bend::AcceptByPartition) { self.renumbered(record) } else { record };
        if record.epoch != self.superblock.epoch || !self.sound(&record) {
            return self.alarm(shared, Alarm::Protocol { kind: 5 });
        }
        let late = self.quirk.bends(Bend::AcceptAnyOrder) && self.late(&record);
        if record.position <= self.tip.position && !late {
            let forgotten = self.quirk.bends(Bend::AlarmAtCopy);
            if self.known_check(&record).map_or(forgotten, |check| check != record.check) {
                self.alarm(shared, Alarm::Conflict { position: record.position });
            }
            if self.quirk.bends(Bend::LogCopies) {
                self.log_copy(shared, record);
            }
            return self.repeat_acks(shared);
        }
        if record.prev != self.tip && !late {
            return self.gap(shared, &record);
        }
        let end_bytes = self.bytes(self.next()) + record.size();
        if end_bytes > self.promised {
            // More than it was given credit for: what waits here is bounded by the NVRAM.
            return self.alarm(shared, Alarm::Protocol { kind: 5 });
        }
        self.naked = None;
        if record.position > self.tip.position {
            self.tip = record.link();
        }
        let position = record.position;
        crate::quirk::lapse(self.quirk, record.check);
        self.entries.push_back(Entry { record, segment: u64::MAX, end_bytes });
        self.stage(shared, Stage::Received, position);
        if shared.knobs.ack == AckLevel::Received {
            let room = self.room(shared, self.next());
            self.ack(shared, AckLevel::Received, self.next(), room);
        }
        let former = || self.former.is_some() && self.quirk.bends(Bend::AckOnReceiptAsFormer);
        if self.quirk.bends(Bend::AckOnReceipt) || former() {
            let room = self.room(shared, self.next());
            self.ack(shared, AckLevel::Nvram, self.next(), room);
        }
    }

    /// A planted bug: g is known by its partition alone, so that a record of an earlier fill is the next one.
    fn renumbered(&self, record: Record) -> Record {
        let (tip, p) = (self.tip.position, record.position);
        let partition = |generation| generation % self.geometry.partitions;
        let next = p.sequence == tip.sequence + 1 && partition(p.generation) == partition(tip.generation);
        if !next || p.generation >= tip.generation {
            return record;
        }
        let position = Position::new(tip.generation, p.sequence);
        let Record { epoch, id, volume, offset, length, operation, payload: data, .. } = record;
        let prev = self.tip;
        let draft = Draft { epoch, position, prev, id, volume, offset, length, operation, data };
        Record::encode(self.geometry.mirror, draft)
    }

    /// A planted bug: a copy is logged, too, as one that follows nothing, and the segment ends there.
    fn log_copy(&mut self, shared: &mut Shared, record: Record) {
        let Record { epoch, position, id, volume, offset, length, operation, payload: data, .. } = record;
        let prev = Link { check: !record.prev.check, ..record.prev };
        let draft = Draft { epoch, position, prev, id, volume, offset, length, operation, data };
        let copy = Record::encode(self.geometry.mirror, draft);
        let (size, length) = (self.geometry.segment_size, copy.size());
        let Some(segment) = self.segments.back_mut().filter(|s| !s.closed && s.used + length <= size) else {
            return;
        };
        let offset = segment.number * size + segment.used;
        (segment.used, segment.closed) = (segment.used + length, true);
        let run = Run { offset, parts: copy.parts() };
        shared.out.write(self.index, Duty::Log, Device::Nvram, alloc::vec![run]);
    }

    /// A planted bug: whatever belongs to the generation that is open here is welcome, in order or not.
    fn late(&self, record: &Record) -> bool {
        let generation = record.position.generation;
        let open = generation == self.tip.position.generation && generation > self.superblock.applied_gen;
        open && self.known_check(record).is_none()
    }

    /// The limits that the source checks too; a breach is no damage.
    fn sound(&self, record: &Record) -> bool {
        let Some(size) = self.geometry.volumes.get(record.volume as usize) else { return false };
        record.offset.checked_add(record.length).is_some_and(|end| end <= *size)
            && record.length <= self.geometry.max_length()
            && record.id.client < self.geometry.clients
            && record.id.slot < self.geometry.slots
            && (!matches!(record.operation, Operation::Add { .. }) || record.offset.is_multiple_of(8))
    }

    /// Check of the first copy of a record, as long as it is here.
    fn known_check(&self, record: &Record) -> Option<u64> {
        let in_memory = self.entries.iter().map(|e| &e.record).find(|r| r.position == record.position);
        in_memory.map(|r| r.check).or_else(|| {
            let file = self.files.iter().find(|f| f.generation == record.position.generation)?;
            file.checks.get(record.position.sequence as usize - 1).copied()
        })
    }

    /// `stream`: the transport broke. `datagram`: one Nak per missing record.
    fn gap(&mut self, shared: &mut Shared, _: &Record) {
        match shared.knobs.transport {
            Transport::Stream => self.reset(shared),
            Transport::Datagram => {
                let after = self.tip.position;
                if self.naked != Some(after)
                    && let Some(connection) = self.connection
                {
                    self.naked = Some(after);
                    self.send(shared, connection, Message::Nak { after });
                }
            }
        }
    }

    /// Writes what has no place in NVRAM yet, as far as there is room.
    pub fn place_records(&mut self, shared: &mut Shared) {
        let mut runs: Vec<Run> = Vec::new();
        while self.written < self.next() {
            let cursor = (self.written - self.base) as usize;
            if let Some((number, at)) = self.remains.place(&self.entries[cursor].record) {
                let entry = &mut self.entries[cursor];
                entry.segment = number;
                runs.extend(at.map(|offset| Run { offset, parts: entry.record.parts() }));
                self.written += 1;
                let end = self.written;
                let segment = self.segments.iter_mut().find(|s| s.number == number);
                segment.into_iter().for_each(|s| s.end = s.end.max(end));
                continue;
            }
            let size = self.entry(self.written).record.size();
            let fits = self
                .segments
                .back()
                .is_some_and(|s| !s.closed && s.used + size <= self.geometry.segment_size);
            if !fits {
                let Some(number) = shared.pool.take(self.index) else {
                    if self.needs_no_place() {
                        self.written += 1;
                        self.placeless = self.written;
                        continue;
                    }
                    if self.quirk.bends(Bend::DropWhatDoesNotFit) {
                        self.drop_unplaced(shared);
                    }
                    self.give_up_remains(shared);
                    break;
                };
                self.serial += 1;
                let header =
                    SegmentHeader { in_use: true, mirror: self.geometry.mirror, serial: self.serial };
                runs.push(Run::one(number * self.geometry.segment_size, header.encode()));
                self.segments.push_back(Segment {
                    number,
                    serial: self.serial,
                    used: SEGMENT_HEADER,
                    end: self.written,
                    evidence: Position::ZERO,
                    closed: false,
                });
            }
            let Some(segment) = self.segments.back_mut() else { break };
            let at = segment.number * self.geometry.segment_size + segment.used;
            let number = segment.number;
            segment.used += size;
            segment.end = self.written + 1;
            let entry = &mut self.entries[(self.written - self.base) as usize];
            entry.segment = number;
            runs.push(Run { offset: at, parts: entry.record.parts() });
            self.written += 1;
        }
        if !runs.is_empty() {
            shared.out.write(self.index, Duty::Log, Device::Nvram, runs);
        }
    }

    /// What stands behind damage fills all segments, and nothing in them is left to be filed: what comes before it would wait
    /// for ever. The youngest of it goes; the mark still says that there was more, and the source sends it again. Where the
    /// image has what is missing all of it still counts for a recovery, and stays: what is missing needs no place then.
    fn give_up_remains(&mut self, shared: &mut Shared) {
        let stuck = self.file_marked == self.written && self.only_remains();
        if !stuck || self.position(self.written) < self.superblock.tail.position {
            return;
        }
        let Some(segment) = self.segments.iter().max_by_key(|s| s.evidence).copied() else { return };
        self.segments.retain(|s| s.number != segment.number);
        self.remains.forget(segment.number);
        self.erase_segment(shared, segment.number, segment.serial, Duty::Log);
        self.erasing.push(segment.number);
    }

    /// All segments hold what stands behind damage.
    fn only_remains(&self) -> bool {
        let filed = self.position(self.file_marked);
        self.erasing.is_empty() && self.segments.iter().all(|s| s.evidence > filed)
    }

    /// The next record is in the image, and comes again only because its file must be whole. With every segment full of
    /// evidence, which counts for a recovery and stays, it goes to its file without a place in NVRAM.
    fn needs_no_place(&self) -> bool {
        let goes_on = self.file_marked == self.written || self.placeless == self.written;
        goes_on && self.only_remains() && self.position(self.written) < self.superblock.tail.position
    }

    /// A planted bug: what finds no place is taken for a duplicate, acknowledged and forgotten.
    fn drop_unplaced(&mut self, shared: &mut Shared) {
        self.entries.truncate((self.written - self.base) as usize);
        if let Some(connection) = self.connection {
            let (level, upto) = (AckLevel::Nvram, self.tip.position);
            self.send(shared, connection, Message::ForwardAck { level, upto, room: 0 });
        }
    }

    pub fn flush_nvram(&mut self, shared: &mut Shared) {
        if self.nvram_flush.is_none() && (self.logged < self.written || !self.erasing.is_empty()) {
            let token = shared.out.flush(self.index, Duty::Log, Device::Nvram);
            self.nvram_flush = Some((token, self.written, self.erasing.len()));
        }
    }

    pub fn nvram_flushed(&mut self, shared: &mut Shared, token: Token) {
        let Some((_, upto, erased)) = self.nvram_flush.filter(|(t, _, _)| *t == token) else { return };
        self.nvram_flush = None;
        let erased = if self.quirk.bends(Bend::LendUnerased) { self.erasing.len() } else { erased };
        for segment in self.erasing.drain(..erased) {
            shared.pool.release(self.index, segment);
        }
        if upto <= self.logged {
            return;
        }
        self.logged = upto;
        let position = self.position(upto);
        self.stage(shared, Stage::NvramDurable, position);
    }

    /// One mark write serves all records that have become durable, in NVRAM and in files.
    pub fn flush_mark(&mut self, shared: &mut Shared) {
        if self.mark_flush.is_some() || (self.marked >= self.logged && self.file_marked >= self.filed) {
            return;
        }
        let (nvram, file) = (self.logged, self.filed);
        self.mark.counter += 1;
        // After damage was found the mark stays: it says what was promised.
        self.mark.nvram = self.mark.nvram.max(self.position(nvram));
        self.mark.file = self.mark.file.max(self.position(file));
        let run = Run::one(self.mark.slot(self.mark_at), self.mark.encode(self.geometry.mirror));
        shared.out.write(self.index, Duty::Mark, Device::Mark, alloc::vec![run]);
        let token = shared.out.flush(self.index, Duty::Mark, Device::Mark);
        self.mark_flush = Some((token, nvram, file));
    }

    pub fn mark_flushed(&mut self, shared: &mut Shared, token: Token) {
        let Some((_, nvram, file)) = self.mark_flush.filter(|(t, _, _)| *t == token) else { return };
        self.mark_flush = None;
        if nvram > self.marked {
            self.marked = nvram;
            let position = self.position(nvram);
            self.stage(shared, Stage::NvramMarked, position);
        }
        if file > self.file_marked {
            self.file_marked = file;
            let position = self.position(file);
            self.stage(shared, Stage::FileMarked, position);
            if let Some(last) = self.suspect.take_if(|last| *last <= position) {
                self.stage(shared, Stage::DamageRepaired, last);
            }
        }
    }

    /// Bytes that the source may send beyond its first `upto` records.
    pub fn room(&mut self, shared: &Shared, upto: u64) -> u64 {
        let capacity = self.geometry.segment_size - SEGMENT_HEADER;
        let current =
            self.segments.back().filter(|s| !s.closed).map_or(0, |s| self.geometry.segment_size - s.used);
        let available = shared.pool.available(self.index);
        let mut free = current + available * capacity + self.remains.room();
        if available == 0 && self.needs_no_place() {
            free += capacity;
        }
        let waiting = self.bytes(self.next()) - self.bytes(self.written);
        let accepted = self.bytes(self.next()) - self.bytes(upto);
        let room = accepted + free.saturating_sub(waiting);
        self.promised = self.promised.max(self.bytes(upto) + room);
        room
    }

    fn ack(&mut self, shared: &mut Shared, level: AckLevel, upto: u64, room: u64) {
        if let Some(connection) = self.connection {
            let upto = self.position(upto);
            self.send(shared, connection, Message::ForwardAck { level, upto, room });
        }
    }

    /// While its NVRAM is degraded, or has no place for a record, it acknowledges `nvram` only together with `file`.
    pub fn nvram_level(&self, shared: &Shared) -> u64 {
        let degraded = shared.degraded && !self.quirk.bends(Bend::IgnoreBattery);
        let crowded = self.quirk.bends(Bend::AckWhenRoomy) && shared.pool.all_lent();
        if degraded || crowded || self.file_marked < self.placeless { self.file_marked } else { self.marked }
    }

    /// Cumulative acknowledgements of what has newly reached a level; then filed records leave NVRAM.
    pub fn acknowledge(&mut self, shared: &mut Shared) {
        let nvram = self.nvram_level(shared);
        let starved =
            self.connection.is_some() && self.bytes(self.next()) + self.geometry.segment_size > self.promised;
        let before = self.promised;
        let room = if nvram > self.acked_nvram || starved { self.room(shared, nvram) } else { 0 };
        if nvram > self.acked_nvram || (starved && self.promised > before) {
            self.acked_nvram = self.acked_nvram.max(nvram);
            let position = self.position(nvram);
            self.ack(shared, AckLevel::Nvram, nvram, room);
            self.stage(shared, Stage::NvramAcked, position);
        }
        if self.file_marked > self.acked_file {
            self.acked_file = self.file_marked;
            let position = self.position(self.file_marked);
            let room = self.room(shared, self.file_marked);
            self.ack(shared, AckLevel::File, self.file_marked, room);
            self.stage(shared, Stage::FileAcked, position);
        }
        let removable = if self.quirk.bends(Bend::RemoveOnAppend) { self.appended } else { self.file_marked };
        self.remove(shared, removable);
    }

    pub fn repeat_acks(&mut self, shared: &mut Shared) {
        let nvram = self.nvram_level(shared);
        let room = self.room(shared, nvram);
        self.ack(shared, AckLevel::Nvram, nvram, room);
        let room = self.room(shared, self.file_marked);
        self.ack(shared, AckLevel::File, self.file_marked, room);
        if shared.knobs.ack == AckLevel::Received {
            let room = self.room(shared, self.next());
            self.ack(shared, AckLevel::Received, self.next(), room);
        }
    }

    /// Segments whose records are all filed are given back.
    fn remove(&mut self, shared: &mut Shared, upto: u64) {
        let mut erased = false;
        let done = self.position(upto);
        let mut next = 0;
        while let Some(segment) = self.segments.get(next).copied() {
            let full = segment.closed || next + 1 < self.segments.len() || self.nearly_full(&segment);
            if segment.end > upto || !full {
                break;
            }
            if segment.evidence > done {
                next += 1;
                continue;
            }
            self.segments.remove(next);
            self.remains.forget(segment.number);
            self.erase_segment(shared, segment.number, segment.serial, Duty::Log);
            self.erasing.push(segment.number);
            erased = true;
        }
        if erased {
            let position = self.position(upto);
            self.stage(shared, Stage::NvramRemoved, position);
        }
        let kept = upto.min(self.file_marked);
        while self.base < kept
            && let Some(entry) = self.entries.pop_front()
        {
            self.base += 1;
            self.base_link = entry.record.link();
            self.base_bytes = entry.end_bytes;
        }
    }

    /// Nothing of a segment's former use may be read after it was handed out again (DR8).
    pub fn erase_segment(&self, shared: &mut Shared, number: u64, serial: u64, duty: Duty) {
        let at = number * self.geometry.segment_size;
        let header = SegmentHeader { in_use: false, mirror: self.geometry.mirror, serial };
        shared.out.write(self.index, duty, Device::Nvram, alloc::vec![Run::one(at, header.encode())]);
        let body = self.geometry.segment_size - SEGMENT_HEADER;
        shared.out.discard(self.index, duty, Device::Nvram, at + SEGMENT_HEADER, body);
    }

    /// Half used and empty of live records: better a fresh one than a nearly full one.
    fn nearly_full(&self, segment: &Segment) -> bool {
        segment.used * 2 > self.geometry.segment_size
    }
}
