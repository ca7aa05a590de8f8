//! Requests: refused, answered from the reply table, or numbered in order of arrival (section 2, SR2, SR3).

use super::{Body, Request, Source};
use crate::effect::{Answer, Effect, Refusal};
use crate::ids::{Position, RequestId};
use crate::quirk::{Bend, Quirk};
use crate::record::{Draft, HEADER, Operation, padded};
use crate::stage::Stage;
use bytes::Bytes;

/// What is known of the last request of a slot.
#[derive(Clone, Debug)]
pub(super) struct SlotState {
    pub request: u64,
    pub outcome: Outcome,
}

#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// It waits for a number.
    Waiting,
    /// It has one; the answer may go out once so many records could be answered.
    Logged { needs: u64, answer: Answer },
}

/// A request that waits for a number.
#[derive(Debug)]
pub(super) struct Waiting {
    pub request: Request,
    /// The eight bytes under an add, read while the blocks stood at this in-place count.
    pub base: Option<Bytes>,
    pub reading: bool,
}

impl<Q: Quirk> Source<Q> {
    pub(super) fn admit(&mut self, request: Request) {
        let id = request.id;
        if let Err(refusal) = self.validate(&request) {
            self.out.push(Effect::Reply { mirror: self.index, id, answer: Answer::Refused(refusal) });
            return;
        }
        if let Body::Read = request.body {
            return self.admit_read(request);
        }
        if let Some(slot) = self.slots.get(&(id.client, id.slot)) {
            if id.request < slot.request {
                return;
            }
            if id.request == slot.request {
                if let Outcome::Logged { needs, answer } = &slot.outcome {
                    self.waiters.insert((*needs, id), answer.clone());
                }
                return;
            }
        }
        self.slots.insert((id.client, id.slot), SlotState { request: id.request, outcome: Outcome::Waiting });
        self.queue.push_back(Waiting { request, base: None, reading: false });
    }

    /// Definite errors come before numbering.
    fn validate(&self, request: &Request) -> Result<(), Refusal> {
        let Request { id, volume, offset, length, body } = request;
        if id.client >= self.geometry.clients || id.slot >= self.geometry.slots || id.request == 0 {
            return Err(Refusal::Unknown);
        }
        if *length == 0 {
            return Err(Refusal::Empty);
        }
        let size = self.geometry.volumes.get(*volume as usize).ok_or(Refusal::Outside)?;
        if offset.checked_add(*length).is_none_or(|end| end > *size) {
            return Err(Refusal::Outside);
        }
        let add_breaks = matches!(body, Body::Add(_)) && (*length != 8 || offset % 8 != 0);
        let write_breaks = matches!(body, Body::Write(data) if data.len() as u64 != *length);
        if add_breaks || write_breaks {
            return Err(Refusal::Outside);
        }
        if *length > self.geometry.max_length() {
            return Err(Refusal::TooLong);
        }
        Ok(())
    }

    /// Numbers what waits, in order, as long as there is room.
    pub(super) fn admit_waiting(&mut self) {
        while let Some(front) = self.queue.front() {
            let (payload, add) = match &front.request.body {
                Body::Write(data) => (data.len() as u64, false),
                Body::Add(_) => (16, true),
                _ => (0, false),
            };
            let size = HEADER + padded(payload);
            if self.admission_rests(size) || !self.open_next() {
                return self.stall();
            }
            if !self.fits(size) {
                if self.quirk.bends(Bend::SplitAtEnd) {
                    self.split_front();
                }
                if !self.seal() {
                    return self.stall();
                }
                continue;
            }
            self.stalled = false;
            let old = if add {
                let Some(old) = self.value_for_front() else { return };
                old
            } else {
                0
            };
            let Some(Waiting { request, .. }) = self.queue.pop_front() else { return };
            self.number(request, old);
        }
    }

    /// A planted bug: as much of a write as fits becomes a record of its own, which nothing ties to the rest.
    fn split_front(&mut self) {
        let room = self.log.open().map_or(0, |g| self.geometry.partition_size - g.used);
        let first = room.saturating_sub(HEADER) / 8 * 8;
        let Some(front) = self.queue.front_mut() else { return };
        let Request { id, volume, offset, .. } = front.request;
        let Body::Write(data) = &mut front.request.body else { return };
        if first == 0 || first >= data.len() as u64 {
            return;
        }
        let part = data.split_to(first as usize);
        front.request.offset += first;
        front.request.length -= first;
        let appended = self.append(|position, prev, epoch| Draft {
            epoch,
            position,
            prev,
            id,
            volume,
            offset,
            length: first,
            operation: Operation::Write,
            data: part,
        });
        if let Some((record, ordinal)) = appended {
            self.overlay(&record, ordinal);
        }
    }

    fn stall(&mut self) {
        if !self.stalled {
            self.stalled = true;
            let position = Position::new(self.log.next_position().generation, 0);
            self.stage(Stage::Stalled, position);
        }
    }

    fn number(&mut self, request: Request, old: u64) {
        let Request { id, volume, offset, length, body } = request;
        let (operation, data, answer) = match body {
            Body::Write(data) => (Operation::Write, data, Answer::Written),
            Body::WriteZeroes => (Operation::WriteZeroes, Bytes::new(), Answer::Written),
            Body::Add(delta) => (Operation::Add { delta, old }, Bytes::new(), Answer::Added(old)),
            Body::Read => return,
        };
        let draft = |data| {
            move |position, prev, epoch| Draft {
                epoch,
                position,
                prev,
                id,
                volume,
                offset,
                length,
                operation,
                data,
            }
        };
        let twice = operation == Operation::Write && !self.queue.is_empty();
        if self.quirk.bends(Bend::NumberTwice) && twice && self.fits(2 * (HEADER + padded(length))) {
            self.append(draft(data.clone()));
        }
        let Some((record, ordinal)) = self.append(draft(data)) else { return };
        self.overlay(&record, ordinal);
        let needs = ordinal + 1;
        let outcome = Outcome::Logged { needs, answer: answer.clone() };
        // A younger one may wait already, if another server has answered this one: it must not be taken for a new one later.
        let slot = self.slots.get(&(id.client, id.slot));
        if slot.is_none_or(|s| s.request <= id.request) {
            self.slots.insert((id.client, id.slot), SlotState { request: id.request, outcome });
        }
        self.waiters.insert((needs, id), answer);
        self.progress = true;
    }

    /// Folds a record over the blocks for reads.
    pub(super) fn overlay(&mut self, record: &crate::record::Record, ordinal: u64) {
        let data = match record.operation {
            Operation::Write => Some(record.payload.clone()),
            Operation::WriteZeroes => None,
            Operation::Add { delta, old } => {
                Some(Bytes::copy_from_slice(&old.wrapping_add(delta).to_le_bytes()))
            }
        };
        self.overlays[record.volume as usize].put(record.offset, record.length, data, ordinal);
    }

    /// How many records could be answered (SR2).
    pub(super) fn answerable(&self) -> u64 {
        if self.answers_alone() { self.marked } else { self.mirrored() }
    }

    /// How many of them the destination has acknowledged at the level that is asked for.
    pub(super) fn mirrored(&self) -> u64 {
        let remote = match self.knobs.ack {
            crate::config::AckLevel::Received => self.acked_received.max(self.acked_nvram),
            crate::config::AckLevel::Nvram => self.acked_nvram.max(self.acked_file),
            crate::config::AckLevel::File => self.acked_file,
        };
        if self.quirk.bends(Bend::ReplyUnacknowledged) {
            return self.marked;
        }
        if self.quirk.bends(Bend::ForwardBeforeDurable) { remote } else { remote.min(self.marked) }
    }

    /// Replies whose records are safe.
    pub(super) fn answer(&mut self) {
        let answerable = self.answerable();
        if self.answers_alone() {
            self.answered_alone = answerable;
        }
        while let Some(entry) = self.waiters.first_entry() {
            let (needs, id) = *entry.key();
            if needs > answerable {
                break;
            }
            let answer = entry.remove();
            self.reply(id, answer, self.log.position(needs));
        }
        self.answer_reads(answerable);
    }

    /// A planted bug: on a new connection whatever was answered last is answered once more.
    pub(super) fn answer_again(&mut self) {
        for ((client, slot), state) in &self.slots {
            if let Outcome::Logged { needs, answer } = &state.outcome {
                let id = RequestId { client: *client, slot: *slot, request: state.request };
                self.waiters.insert((*needs, id), answer.clone());
            }
        }
    }

    pub(super) fn reply(&mut self, id: RequestId, answer: Answer, position: Position) {
        self.out.push(Effect::Reply { mirror: self.index, id, answer });
        self.stage(Stage::Replied, position);
    }
}
