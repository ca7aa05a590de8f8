//! What a source that is fenced does: what it has heard, what it may have forgotten, and what it answers all the same.

use super::World;
use crate::hosted::{Machines, SourceMachine};
use crate::server::Machine;
use crate::spec::Fault;
use mirror::ids::Position;
use mirror::wire::{self, Frame, Message};

/// Where the epoch of a source has ended: with which report, and how far that recovery came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub report: usize,
    pub recovered: Position,
}

impl<M: Machines> World<'_, M> {
    /// A frame is delivered: if it tells a source that serves its clients of a newer epoch, that answers nobody from now on (I8).
    pub(super) fn hears_fence(&mut self, server: usize, frame: &Frame) {
        let Some(Machine::Source(m)) = &self.servers[server].machine else { return };
        let serves = m.serving() && !m.gives_way();
        let mirror = self.mirror_of(server);
        if let Some((uuid, _, Message::Fenced { epoch })) = wire::decode(frame)
            && uuid == self.geometries[mirror].mirror
            && epoch > m.epoch()
        {
            let (exiled, waits) = (self.is_exiled(server), m.waits_for_heir() && epoch > m.epoch() + 1);
            let (judge, number) = self.bench.of(mirror);
            if serves {
                judge.hears_fence((number, exiled));
            } else if exiled && waits {
                judge.hears_exile(number);
            }
        }
    }

    /// A server ends. If it had nothing under way, what it knew is durable, unless a device has failed it; else it may have
    /// forgotten that it is fenced.
    pub(super) fn fence_outlives(&mut self, server: usize) {
        if self.is_destination(server) {
            return;
        }
        let incarnation = self.servers[server].incarnation;
        let working = self.operations_under_way.any(|o| o.server == server && o.incarnation == incarnation);
        let failing = |fault: &Fault| {
            use Fault::*;
            matches!(
                fault,
                DiskFull { .. }
                    | LostWrite { .. }
                    | MisdirectedWrite { .. }
                    | WriteFailure { .. }
                    | FlushFailure { .. }
                    | Rollback { .. }
                    | DiskLost { .. }
                    | DiskReplaced { .. }
                    | ReadOnly { .. }
                    | Unreadable { .. }
                    | Damage { .. }
                    | Readd { .. }
            )
        };
        let failed = |(fault, count): (&crate::spec::FaultSpec, &crate::outcome::FaultCount)| {
            count.injected > 0 && failing(&fault.fault)
        };
        let failed = self.faults.iter().zip(&self.fault_counts).any(failed);
        if working || failed || !self.inboxes[server].is_empty() {
            let exiled = self.is_exiled(server);
            let (judge, number) = self.bench.of(self.mirror_of(server));
            judge.forgets_fence((number, exiled));
        }
    }

    /// All has come to rest: who has lost its clients to another source, and has heard of it, says what it alone has.
    pub(crate) fn exiles_rest(&mut self) {
        for server in (0..self.servers.len()).filter(|s| self.is_exiled(*s)).collect::<Vec<_>>() {
            let incarnation = self.servers[server].incarnation;
            let working =
                self.operations_under_way.any(|o| o.server == server && o.incarnation == incarnation);
            let waits =
                matches!(&self.servers[server].machine, Some(Machine::Source(m)) if m.waits_for_heir());
            if waits && !working {
                let (judge, number) = self.bench.of(self.mirror_of(server));
                judge.exile_rests(number, &self.servers[server].stable());
            }
        }
    }

    /// A recovery of its mirror has ended the epoch of a source: what it answers beyond that, others do not have.
    pub(super) fn epoch_ended(&mut self, source: usize, recovered: Position) {
        let report = self.recoveries.len() - 1;
        let server = self.source_of(source);
        self.ended[server] = Some(Ended { report, recovered });
    }

    /// What an earlier look at the same end of its epoch has said that is lost: operations, and bytes.
    pub(super) fn lost_before(&self, source: usize, recovered: Position) -> Option<(u64, u64)> {
        let Ended { report, .. } = self.ended[self.source_of(source)].filter(|e| e.recovered == recovered)?;
        let report = &self.recoveries[report];
        Some((report.rpo_operations, report.rpo_bytes))
    }

    /// The last report tells again of a loss that is counted.
    pub(super) fn is_the_same_loss(&mut self, before: Option<(u64, u64)>) {
        if let (Some((operations, bytes)), Some(report)) = (before, self.recoveries.last_mut()) {
            self.ops.lost -= report.rpo_operations;
            (report.rpo_operations, report.rpo_bytes) = (operations, bytes);
        }
    }

    /// A source has answered for a record. True: it is lost, for its epoch had ended before that record, and it is counted.
    pub(super) fn answered_too_late(&mut self, server: usize, position: Position, bytes: u64) -> bool {
        let Some(Ended { report, .. }) = self.ended[server].filter(|e| position > e.recovered) else {
            return false;
        };
        self.ops.lost += 1;
        let report = &mut self.recoveries[report];
        report.rpo_operations += 1;
        report.rpo_bytes += bytes;
        true
    }
}
