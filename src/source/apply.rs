//! The local apply: one generation at a time, in order (SR6).

use super::Source;
use super::log::Sealing;
use crate::apply::{Apply, Progress};
use crate::effect::{Completion, Token};
use crate::ids::Position;
use crate::quirk::{Bend, Quirk};
use crate::record::Record;
use crate::stage::Stage;
use alloc::vec::Vec;

/// A planted bug: a short record overtakes the longer one before it. The last one stays the last.
fn overtake(records: &mut [Record]) {
    for at in 1..records.len().saturating_sub(1) {
        if records[at].size() < records[at - 1].size() {
            records.swap(at - 1, at);
        }
    }
}

impl<Q: Quirk> Source<Q> {
    pub(super) fn apply_next(&mut self) {
        if self.turn.is_some() {
            return;
        }
        if let Some(apply) = self.apply.as_mut().filter(|a| !a.working() && a.unreadable().is_empty()) {
            // It made way for a change of the role.
            let progress = apply.start(&mut self.superblock, &mut self.healing, &mut self.out);
            self.apply_progress(progress);
        }
        if self.heal_next() || self.apply.is_some() {
            return;
        }
        let wanted = self.superblock.applied_gen + 1;
        let Some(g) = self.log.generations.iter().find(|g| g.number == wanted) else { return };
        if g.sealing != Sealing::Durable || g.start < self.log.base || wanted > self.round {
            return;
        }
        let record = |ordinal| &self.log.entry(ordinal).record;
        let covered = (g.start..g.end()).take_while(|o| self.superblock.covers(record(*o).position));
        let records = (g.start + covered.count() as u64..g.end()).map(|ordinal| record(ordinal).clone());
        let mut records: Vec<Record> = records.collect();
        if self.quirk.bends(Bend::ShortOvertakesLong) {
            overtake(&mut records);
        }
        let mut apply = Apply::new(
            self.geometry.clone(),
            self.region.clone(),
            self.index,
            self.quirk,
            records,
            Some(wanted),
            &self.superblock,
        );
        let progress = apply.start(&mut self.superblock, &mut self.healing, &mut self.out);
        self.apply = Some(apply);
        self.apply_progress(progress);
    }

    pub(super) fn apply_done(&mut self, token: Token, completion: Completion) {
        let Some(apply) = self.apply.as_mut().filter(|a| a.waits_for(token)) else { return };
        let before = apply.in_place();
        let progress = apply.done(completion, &mut self.superblock, &mut self.healing, &mut self.out);
        let after = apply.in_place();
        if after && !before {
            self.hold_reads();
        }
        if before && !after {
            self.release_reads();
        }
        self.apply_progress(progress);
    }

    pub(super) fn apply_progress(&mut self, progress: Progress) {
        match progress {
            Progress::Working => {}
            Progress::Advanced => {
                self.repeat_reads();
                self.progress = true;
                if self.wants_turn() {
                    return;
                }
                let Some(apply) = &mut self.apply else { return };
                let next = apply.start(&mut self.superblock, &mut self.healing, &mut self.out);
                self.apply_progress(next);
            }
            Progress::Finished => {
                self.progress = true;
                if self.apply.take().is_some_and(|a| a.is_repair()) {
                    return;
                }
                let done = self.superblock.applied_gen;
                if let Some(g) = self.log.generations.iter_mut().find(|g| g.number == done) {
                    g.applied = true;
                }
                let end = self.log.upto(Position::new(done, u64::MAX));
                for overlay in &mut self.overlays {
                    overlay.drop_below(end);
                }
                self.stage(Stage::Applied, Position::new(done, 0));
            }
            Progress::NoSpace => self.apply_retry = Some(self.now + self.knobs.resend_after),
            Progress::Damaged => {
                let blocks = self.apply.as_ref().map_or(Vec::new(), |a| a.unreadable().to_vec());
                blocks.into_iter().for_each(|key| self.block_damaged(key));
                self.progress = true;
            }
        }
    }
}
