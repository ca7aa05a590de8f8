//! What recoveries come to: those on copies (the disaster probe), the one that the judge's picture says must happen, and what
//! the judge's own reader makes of the same bytes.

use crate::bytes::Position;
use crate::finding::Oracle;
use crate::judge::Judge;
use crate::oracles::{damage, durability, liveness, resync};
use crate::probe::{self, DeltaVerdict, Touched};
use crate::reader;
use crate::setup::{Base, Medium, RecoveredTo, Verdict};

impl Judge {
    /// Judges one recovery on a copy: I1, I2, I10, I11. `state` = the destination after it; `touched` = ranges (offset,
    /// length) of the Image device where it may differ from the destination's stable image (unflushed writes that were
    /// kept, and all that recovery wrote). `base`: where [`Judge::batch`] has said `true` of this recovery, or of one that
    /// did the same up to there. `true` = nothing was found.
    pub fn probe(
        &mut self,
        source: usize,
        state: &dyn Medium,
        touched: &[(u64, u64)],
        base: Option<Base>,
        to: RecoveredTo,
    ) -> bool {
        if let Some(turned) = self.turned(source) {
            return turned.probe(source, state, touched, base, to);
        }
        let Some(m) = self.mirrors.get_mut(source) else {
            return true;
        };
        let good = probe::judge(m, state, Touched { ranges: touched, base, whole: false }, to, &mut self.out);
        if let Some(reached) = m.model.index_of(to.position) {
            resync::exposed(m, &self.setup, reached, &mut self.out);
        }
        good
    }

    /// A recovery on a copy of the destination has ended without a verdict.
    pub fn unrecoverable(&mut self, source: usize, state: &dyn Medium) {
        if let Some(turned) = self.turned(source) {
            return turned.unrecoverable(source, state);
        }
        if let Some(m) = self.mirrors.get(source) {
            liveness::unrecoverable(m, state, &mut self.out);
        }
    }

    /// The same of a real one.
    pub fn lost_mirror(&mut self, source: usize, state: &dyn Medium) {
        if let Some(m) = self.mirrors.get_mut(source) {
            m.copy.lost = liveness::unrecoverable(m, state, &mut self.out);
        }
    }

    /// Judges the image between two batches of a recovery on a copy, which have led to `at`; as [`Judge::probe`], but
    /// nothing is reported.
    pub fn batch(
        &mut self,
        source: usize,
        state: &dyn Medium,
        touched: &[(u64, u64)],
        base: Option<Base>,
        at: Base,
    ) -> bool {
        if let Some(turned) = self.turned(source) {
            return turned.batch(source, state, touched, base, at);
        }
        let touched = Touched { ranges: touched, base, whole: false };
        self.mirrors.get_mut(source).is_some_and(|m| probe::batch(m, state, touched, at))
    }

    /// What recovery must reach now, from what the rig has left at the destination.
    pub fn required(&self, source: usize) -> Position {
        self.mirrors
            .get(source)
            .map_or(Position::default(), |m| m.model.position_of(durability::reachable(m)))
    }

    /// How far the image at the destination goes durably.
    pub fn applied(&self, source: usize) -> Position {
        self.mirrors.get(source).map_or(Position::default(), |m| m.model.position_of(m.copy.image.cursor))
    }

    /// What recovery would reach, from what was followed; judged like a probe, at the price of what changed.
    pub fn delta(&mut self, source: usize) -> DeltaVerdict {
        if let Some(turned) = self.turned(source) {
            return turned.delta(source);
        }
        match self.mirrors.get_mut(source) {
            Some(m) => probe::delta(m, self.setup.level, &mut self.out),
            None => {
                let to = RecoveredTo { position: Position::default(), verdict: Verdict::Complete };
                DeltaVerdict { stable: to, current: to, sound: true }
            }
        }
    }

    /// The judge's own recovery over any state of the destination (before recovery): what the right one reaches.
    pub fn expected_recovery(&mut self, source: usize, state: &dyn Medium) -> RecoveredTo {
        if let Some(turned) = self.turned(source) {
            return turned.expected_recovery(source, state);
        }
        let suspects = self.mirrors.get(source).map(|m| m.copy.image.damaged.clone());
        reader::recover(&self.log.layout, source, state, &suspects.unwrap_or_default(), &mut self.hashes)
    }

    /// Compares a real recovery with [`Judge::expected_recovery`] of the state before it; `right` = what
    /// [`Judge::probe`] says of its result. Where the two differ, the machine went further and its result is right byte
    /// for byte, nothing but a mistake of the judge's reader explains it (`rig`): unless the rig has damaged every copy of the
    /// record that the reader stops at, or the machine was found wrong before. Who believes what does not match its check is
    /// right by luck. Else the machine is wrong (I2, I10).
    pub fn compare(&mut self, source: usize, expected: RecoveredTo, real: RecoveredTo, right: bool) -> bool {
        if let Some(turned) = self.turned(source) {
            return turned.compare(source, expected, real, right);
        }
        let equal = expected == real;
        let Some(m) = self.mirrors.get(source) else {
            return equal;
        };
        self.out.judged(Oracle::Reader);
        if equal {
            return true;
        }
        let message = || {
            format!(
                "mirror {source}: the judge's own reader recovers up to {expected}, the machine up to {real}"
            )
        };
        let next = m.model.index_of(expected.position).map_or(0, |index| index + 1);
        let lucky = m.copy.damaged.contains(&next) || self.out.wronged();
        if real.position > expected.position && right && !lucky {
            self.out.fail(Oracle::Reader, "rig", message);
        } else if expected.position == real.position || damage::possible(m) {
            self.out.fail(Oracle::Damage, "I10", message);
        } else if real.position < expected.position {
            self.out.fail(Oracle::Durability, "I1", message);
        } else {
            self.out.fail(Oracle::Prefix, "I2", message);
        }
        false
    }
}
