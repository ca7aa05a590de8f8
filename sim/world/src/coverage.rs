//! What a run has been through: the matrix of faults and the marks, kept by looking at stages, frames and crashes.

use crate::activity::{Activity, Doing};
use crate::kinds;
use crate::marks::{Mark, Marks};
use crate::matrix::{Key, Matrix, Role, target};
use crate::spec::Fault;
use mirror::ids::Position;
use mirror::stage::Stage;
use mirror::wire::Frame;
use mirrorsim_engine::Fate;

/// Kinds of frames that are looked at.
const WELCOME: u16 = 2;
const FORWARD: u16 = 5;
const ACK: u16 = 6;
const SYNC_REQUEST: u16 = 8;
const RESYNC_BEGIN: u16 = 15;

/// The coverage of one run.
#[derive(Clone, Debug)]
pub(crate) struct Coverage {
    pub activity: Activity,
    pub matrix: Matrix,
    pub marks: Marks,
    mirrors: Vec<Seen>,
    partitions: u64,
}

/// What was seen of one mirror.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// Greatest connection that the source has asked for or used: source boot, counter.
    connection: (u64, u64),
    /// Greatest generation for which SyncRequest was sent.
    asked: u64,
    /// The last record of the last generation in which something was numbered.
    tail: Position,
    /// A recovery began and has not ended.
    recovering: bool,
    /// The last resync that was begun, and the connection on which it was.
    resync: (u64, (u64, u64)),
}

impl Coverage {
    pub fn new(mirrors: usize, partitions: u64) -> Self {
        Coverage {
            activity: Activity::new(mirrors),
            matrix: Matrix::default(),
            marks: Marks::default(),
            mirrors: vec![Seen::default(); mirrors],
            partitions,
        }
    }

    /// Where a fault counts: what its target does now; `off`: it does not run.
    pub fn key(&self, fault: &Fault, mirrors: &[usize], off: bool, stopped: bool) -> Key {
        let (role, _) = target(fault);
        let doing = if off {
            Doing::Off
        } else if stopped {
            Doing::Stopped
        } else {
            self.activity.doing(mirrors, role == Role::Destination)
        };
        (crate::faults::name(fault), role, doing)
    }

    /// The network did something to a message of a mirror.
    pub fn on_link(&mut self, what: &'static str, mirror: usize) {
        let key = (what, Role::Link, self.activity.doing(&[mirror], false));
        self.matrix.happened(key);
    }

    /// A power cut has lost or torn unflushed writes of the server of these mirrors.
    pub fn on_power_cut(&mut self, mirrors: &[usize], at_destination: bool, fates: &[Fate]) {
        let role = if at_destination { Role::Destination } else { Role::Source };
        let doing = self.activity.doing(mirrors, at_destination);
        for fate in fates {
            let what = match fate {
                Fate::Kept => continue,
                Fate::Lost => "lost_at_power_cut",
                Fate::Torn { .. } => "torn_at_power_cut",
            };
            self.matrix.happened((what, role, doing));
        }
    }

    /// A server has reached a stage of a mirror.
    pub fn stage(&mut self, stage: Stage, mirror: usize, at_destination: bool, at: Position) {
        let seen = &mut self.mirrors[mirror];
        let mark = match stage {
            Stage::Numbered => {
                seen.tail = at;
                (at.sequence == 1 && at.generation > self.partitions).then_some(Mark::PartitionReused)
            }
            Stage::Sealed => (seen.tail.generation < at.generation).then_some(Mark::EmptyGeneration),
            Stage::Stalled => Some(Mark::AllFull),
            Stage::TornTail => Some(Mark::TornTail),
            Stage::DamageFound => Some(Mark::DamageFound),
            Stage::BlockHealed => Some(Mark::BlockHealed),
            Stage::PrefixApplied => Some(Mark::PrefixApplied),
            Stage::Degraded => Some(Mark::Degraded),
            Stage::Mapped => Some(Mark::FreedAlone),
            Stage::InSync => Some(Mark::Resynced),
            Stage::ResyncApplied => {
                self.activity.begins(mirror, at_destination).then_some(Mark::RolledAtBoot)
            }
            Stage::RecoveryStarted if at_destination => {
                std::mem::replace(&mut seen.recovering, true).then_some(Mark::RecoveryRestarted)
            }
            Stage::Recovered if at_destination => {
                seen.recovering = false;
                None
            }
            _ => None,
        };
        mark.into_iter().for_each(|m| self.marks.reached(m));
        self.activity.note(stage, mirror, at_destination, at);
    }

    /// A frame was sent.
    pub fn sent(&mut self, mirror: usize, frame: &Frame) {
        let fields = kinds::frame_fields(frame);
        let seen = &mut self.mirrors[mirror];
        seen.connection = seen.connection.max(kinds::frame_connection(frame));
        match frame.kind() {
            SYNC_REQUEST => {
                let generation = fields[0];
                if generation <= seen.asked {
                    self.marks.reached(Mark::SyncRequestRepeated);
                } else if seen.asked > self.activity.side(mirror, false).synced {
                    self.marks.reached(Mark::SyncOverlap);
                }
                seen.asked = seen.asked.max(generation);
            }
            RESYNC_BEGIN => {
                let this = (fields[0], kinds::frame_connection(frame));
                if this.0 == seen.resync.0 && this.1 > seen.resync.1 {
                    self.marks.reached(Mark::ResyncResumed);
                }
                seen.resync = this;
            }
            ACK | WELCOME if kinds::frame_room(frame) < mirror::record::HEADER => {
                self.marks.reached(Mark::NoCredit)
            }
            _ => {}
        }
    }

    /// A frame arrived at a server that runs.
    pub fn arrived(&mut self, mirror: usize, frame: &Frame) {
        let fields = kinds::frame_fields(frame);
        let connection = kinds::frame_connection(frame);
        if connection < self.mirrors[mirror].connection {
            self.marks.reached(Mark::Zombie);
            return;
        }
        let desk = self.activity.side(mirror, true);
        match frame.kind() {
            FORWARD => {
                let at = Position::new(fields[0], fields[1]);
                let next = at.sequence == desk.tail.sequence + 1 && at.generation == desk.tail.generation;
                if at <= desk.tail {
                    self.marks.reached(Mark::DuplicateRecord);
                } else if !next && at.sequence > 1 {
                    self.marks.reached(Mark::Gap);
                }
            }
            SYNC_REQUEST => {
                let (generation, count) = (fields[0], fields[1]);
                if generation <= desk.closed {
                    self.marks.reached(Mark::SyncRequestLate);
                } else if desk.tail < Position::new(generation, count) {
                    self.marks.reached(Mark::SyncRequestEarly);
                }
            }
            _ => {}
        }
    }

    /// The server of these mirrors ran, and dies.
    pub fn dies(&mut self, mirrors: &[usize], at_destination: bool, other_is_down: bool) {
        match self.activity.doing(mirrors, at_destination) {
            Doing::Apply => self.marks.reached(Mark::CrashInApply),
            Doing::Boot => self.marks.reached(Mark::CrashInBoot),
            Doing::Resync => self.marks.reached(Mark::CrashInResync),
            _ => {}
        }
        if other_is_down {
            self.marks.reached(Mark::BothDown);
        }
        if at_destination {
            let desks = mirrors.iter().map(|m| *self.activity.side(*m, true));
            let (mut removal, mut clear) = (false, false);
            for desk in desks {
                removal |= desk.removed < desk.through;
                clear |= desk.closed > desk.synced;
            }
            let both = [(removal, Mark::CrashBeforeRemoval), (clear, Mark::CrashBeforeClear)];
            both.into_iter().filter(|(on, _)| *on).for_each(|(_, mark)| self.marks.reached(mark));
        }
    }
}
