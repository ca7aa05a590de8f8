//! A recovery after which the destination serves the clients (LR6).

use super::{Outcome, Recovery, Step};
use crate::block_map::BlockMap;
use crate::config::PolicyKind;
use crate::effect::{Device, Duty, Outbox, Run};
use crate::geometry::Home;
use crate::mark::Mark;
use crate::quirk::{Bend, Quirk};
use crate::superblock::{Alone, Role, Verdict};
use alloc::collections::BTreeMap;

impl<Q: Quirk> Recovery<Q> {
    /// The same on a server that can take over; `promotes`: the operator wants it to, now; `adopts`: for another server, which
    /// is to serve the clients (LR9).
    pub fn with_heir(mut self, home: Option<Home>, promotes: bool, adopts: bool) -> Self {
        (self.home, self.promotes, self.adopts) = (home, promotes, adopts);
        self
    }

    /// LR8: it has everything, and the other server answers nobody any more.
    pub fn returning(mut self, returns: bool) -> Self {
        self.returns = returns;
        self
    }

    /// LR6: the server is to serve the clients. Durable with the superblock of the next batch, or of the verdict; where the
    /// verdict is there already, another recovery follows.
    pub fn promote(&mut self, adopts: bool) {
        self.promotes = true;
        self.adopts |= adopts;
    }

    /// What the operator wants is in the superblock that is written next.
    pub(super) fn note_wish(&mut self) {
        self.superblock.promotes |= self.promotes;
        self.superblock.adopted |= self.adopts;
    }

    /// The operator wants the clients to be served, and this recovery has ended without that.
    pub fn leaves_promotion(&self) -> bool {
        self.promotes && self.superblock.role == Role::Recovered && self.inherits()
    }

    /// Whether this server can take over: what is damaged is for the operator to decide first.
    pub(super) fn inherits(&self) -> bool {
        self.home.is_some() && !matches!(self.superblock.verdict, Some(Verdict::Damaged { .. }))
    }

    /// Blocks of all records that were not in the image when the source was fenced, whichever life of this recovery
    /// has applied them.
    pub(super) fn applied_since_the_fence(&self) -> BlockMap {
        let areas = self.survey.files.iter().map(|f| &f.area);
        let areas = areas.chain(self.survey.segments.iter().map(|s| &s.area));
        let records = areas.flat_map(|a| a.records.iter().chain(&a.beyond));
        let mut found = BTreeMap::new();
        let fence = self.superblock.alone.freed;
        let from = if self.quirk.bends(Bend::MapLastLife) { self.resumed } else { fence };
        let to = self.end;
        for record in records.filter(|r| r.position > from && r.position <= to) {
            found.insert(record.position, record);
        }
        let mut map = BlockMap::default();
        let mut last = from;
        for record in found.values() {
            if record.prev.position != last {
                break;
            }
            last = record.position;
            map.touch(&self.geometry, &self.region, record);
        }
        // One that an earlier life has applied may be damaged by now: nobody knows what it changed.
        if last == to { map } else { BlockMap::full(&self.geometry, to) }
    }

    /// LR6, step 3: what the heir will boot from. Log and mark of its own, blank but for what is recovered, and the map of
    /// what the former source may lack; once they are durable, one superblock makes it the server of the clients.
    pub(super) fn bequeath(&mut self, map: BlockMap, out: &mut Outbox) -> Outcome {
        let (Some(home), end) = (self.home, self.end) else { return Outcome::Working };
        out.discard(self.index, Duty::Boot, Device::Nvram, home.nvram, self.geometry.log_size());
        let mark = Mark { nvram: end, ..Mark::default() };
        let counters = if self.quirk.bends(Bend::BequeathOneSlot) { [2, 2] } else { [2, 3] };
        let slots = counters.map(|counter| Mark { counter, ..mark });
        let runs = slots.map(|m| Run::one(m.slot(home.mark), m.encode(self.geometry.mirror)));
        out.write(self.index, Duty::Boot, Device::Mark, runs.into());
        let number = self.superblock.map.0 + 1;
        let (bytes, check) = map.encode(&self.geometry, number);
        let at = self.region.map + number % 2 * self.geometry.map_size();
        self.map = Some(Run::one(at, bytes));
        let s = &mut self.superblock;
        s.promotes = false;
        if core::mem::take(&mut s.returns) {
            // The other one lacks nothing, and becomes the mirror.
            (s.role, s.map, s.alone) = (Role::Source, (0, 0), Alone::default());
            s.adopted = false;
        } else {
            (s.role, s.map, s.policy) = (Role::Degraded, (number, check), PolicyKind::Degrade);
            s.alone = Alone { freed: end, counted: end, ..Alone::default() };
        }
        self.write_map(out);
        Outcome::Working
    }

    pub(super) fn write_map(&mut self, out: &mut Outbox) {
        if let Some(run) = &self.map {
            self.step = Step::Map;
            self.token = out.write(self.index, Duty::Boot, Device::Image, alloc::vec![run.clone()]);
        }
    }
}
