//! The destination server's machine: one desk per mirror behind one NVRAM and one log disk (rules DR1-DR10). A duty a
//! file; what desks share is in [`Shared`].

mod ahead;
mod apply;
mod boot;
mod desk;
mod file;
mod heal;
mod intake;
mod pool;
mod repair;
mod resync;
mod session;
mod status;

use crate::config::{AckLevel, ApplyScope, Transport};
use crate::effect::{Alarm, Completion, Device, Duty, Effect, Outbox, Token};
use crate::geometry::{Geometry, Home};
use crate::ids::{MirrorIndex, Position};
use crate::mark;
use crate::nvram_log::SEGMENT_HEADER;
use crate::quirk::{Bend, Quirk};
use crate::source::{self, Exposure, Source};
use crate::superblock::{Role, Verdict};
use crate::wire::{self, Frame, Message};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use desk::{Desk, Heir, Next, Phase};
use pool::Pool;

/// Knobs of a destination.
#[derive(Clone, Copy, Debug)]
pub struct Knobs {
    /// Level at which it acknowledges first: `received` makes it acknowledge on receipt too.
    pub ack: AckLevel,
    /// DR10.
    pub apply_scope: ApplyScope,
    /// Section 3.
    pub transport: Transport,
    /// Repetition of what found no space, ns.
    pub retry_after: u64,
}

/// What all desks use.
pub(crate) struct Shared {
    pub out: Outbox,
    pub now: u64,
    pub knobs: Knobs,
    pub pool: Pool,
    pub degraded: bool,
}

/// How a mirror stands at the destination, for its operator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Not yet serving.
    Booting,
    /// Takes records.
    Serving,
    /// Rolls the image forward.
    Recovering,
    /// The image is open.
    Open(Verdict, Position),
    /// It was recovered, and serves the mirror's clients, or boots to do so.
    Promoted(Verdict, Position),
    /// Stopped with an alarm.
    Stopped,
    /// No valid superblock is left: nothing can be recovered, and no verdict be made durable.
    Lost,
}

/// The destination's machine. All inputs return at once; effects are polled.
pub struct Destination<Q> {
    shared: Shared,
    desks: Vec<Desk<Q>>,
    /// Flushes of the boot that are not done.
    flushes: u32,
    /// The erasure of what nobody owns is under way, or done.
    sweeps: bool,
    /// A device has failed: it does nothing more.
    failed: bool,
    quirk: Q,
}

impl<Q: Quirk> Destination<Q> {
    /// A server that has just been switched on, with `nvram_size` bytes of NVRAM shared by these mirrors, whose regions
    /// stand one after the other on the image disk. It boots by itself.
    pub fn new(mirrors: &[Arc<Geometry>], nvram_size: u64, knobs: Knobs, quirk: Q, now: u64) -> Self {
        let segments = 0..nvram_size / mirrors[0].segment_size;
        Destination::with_segments(mirrors, segments, knobs, quirk, now)
    }

    /// A server that was the source of this mirror, and now keeps its image where the volumes were (LR7): with a log disk,
    /// and in its NVRAM these segments behind the log.
    pub fn of_former_source(
        geometry: &Arc<Geometry>,
        knobs: Knobs,
        own: source::Knobs,
        quirk: Q,
        now: u64,
    ) -> Self {
        let segments = Self::segments_behind_log(geometry);
        let mirrors = core::slice::from_ref(geometry);
        let mut server = Destination::with_segments(mirrors, segments, knobs, quirk, now);
        let desk = &mut server.desks[0];
        desk.former = Some(Home::default());
        desk.heir = Some(Heir { home: Home::default(), knobs: own });
        desk.mark_at = mark::base(1);
        server
    }

    /// Numbers of the segments that a source's NVRAM has for [`Destination::of_former_source`]: as many as hold its log
    /// once more, and four at least.
    pub fn segments_behind_log(geometry: &Geometry) -> Range<u64> {
        let first = geometry.log_size().div_ceil(geometry.segment_size);
        first..first + first.max(4)
    }

    fn with_segments(
        mirrors: &[Arc<Geometry>],
        segments: Range<u64>,
        knobs: Knobs,
        quirk: Q,
        now: u64,
    ) -> Self {
        let pool = Pool::new(segments, mirrors.len(), quirk);
        let mut shared = Shared { out: Outbox::default(), now, knobs, pool, degraded: false };
        let mut base = 0;
        let mut desks = Vec::with_capacity(mirrors.len());
        for (index, geometry) in mirrors.iter().enumerate() {
            desks.push(Desk::new(geometry.clone(), geometry.region(base), index as MirrorIndex, quirk));
            base += geometry.region_size();
        }
        // A process crash leaves unflushed bytes in the caches; nothing counts before it is durable (DR2).
        let devices = [Device::Nvram, Device::Mark, Device::Log, Device::Image];
        for device in devices {
            shared.out.flush(0, Duty::Boot, device);
        }
        Destination { shared, desks, flushes: devices.len() as u32, sweeps: false, failed: false, quirk }
    }

    /// The same server with room for the clients of its mirrors, of which each has its knobs here: their logs stand behind
    /// the segments in its NVRAM, and their marks behind those of the mirrors.
    pub fn with_heirs(mut self, knobs: &[source::Knobs]) -> Self {
        let mut nvram = self.shared.pool.segments().end * self.desks[0].geometry.segment_size;
        let mirrors = self.desks.len() as MirrorIndex;
        for (desk, knobs) in self.desks.iter_mut().zip(knobs) {
            let home = Home { nvram, mark: mark::base(mirrors + desk.index), image: desk.region.base };
            nvram += desk.geometry.log_size();
            desk.heir = Some(Heir { home, knobs: *knobs });
        }
        self
    }

    /// The next effect, in order.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.shared.out.poll()
    }

    /// When `handle_timeout` is wanted.
    pub fn poll_timeout(&self) -> Option<u64> {
        if self.failed {
            return None;
        }
        self.desks.iter().flat_map(|d| [d.retry, d.heal.ask_at, d.heir_timeout()]).flatten().min()
    }

    /// The files that its sources ask for are applied in rounds (DR11).
    pub fn coupled(mut self) -> Self {
        self.desks.iter_mut().for_each(|desk| desk.round = 0);
        self
    }

    /// How many mirrors it has.
    pub fn mirrors(&self) -> MirrorIndex {
        self.desks.len() as MirrorIndex
    }

    /// The generations of a mirror, first and last, that can be applied, and are to be: asked for, and all there.
    pub fn asked(&self, mirror: MirrorIndex) -> Option<(u64, u64)> {
        let desk = self.desks.get(mirror as usize).filter(|_| !self.failed)?;
        desk.asked()
    }

    /// How far the image of a mirror is: the last generation in it.
    pub fn applied(&self, mirror: MirrorIndex) -> u64 {
        self.desks.get(mirror as usize).map_or(0, |desk| desk.superblock.applied_gen)
    }

    /// A round takes the files of a mirror up to this generation.
    pub fn handle_round(&mut self, now: u64, mirror: MirrorIndex, generation: u64) {
        self.tick(now);
        if let Some(desk) = self.desks.get_mut(mirror as usize).filter(|_| !self.failed) {
            desk.round = desk.round.max(generation);
            desk.pump(&mut self.shared);
        }
    }

    /// How a mirror stands.
    pub fn standing(&self, mirror: MirrorIndex) -> Standing {
        let desk = &self.desks[mirror as usize];
        match &desk.phase {
            _ if self.failed => Standing::Stopped,
            Phase::Idle | Phase::Booting(_) | Phase::Draining(Next::Repair) => Standing::Booting,
            Phase::Serving => Standing::Serving,
            Phase::Draining(Next::Recovery) | Phase::Recovering(_) => Standing::Recovering,
            Phase::Open(verdict, position) => Standing::Open(*verdict, *position),
            // It is to become the mirror again (LR8).
            Phase::Promoted(heir) if heir.gives_way() => Standing::Booting,
            Phase::Promoted(heir) if heir.boots() && desk.superblock.role == Role::Retired => {
                Standing::Booting
            }
            Phase::Promoted(heir) if heir.stopped() => Standing::Stopped,
            Phase::Promoted(heir) => {
                let s = heir.superblock_above(&desk.superblock);
                Standing::Promoted(s.verdict.unwrap_or(Verdict::CompleteUpTo), s.recovered)
            }
            Phase::Stopped | Phase::Refused => Standing::Stopped,
            Phase::Lost => Standing::Lost,
        }
    }

    /// Records that the last recovery of a mirror applied.
    pub fn replayed(&self, mirror: MirrorIndex) -> u64 {
        self.desks[mirror as usize].replayed
    }

    /// Whether nothing of a mirror is under way.
    pub fn quiet(&self, mirror: MirrorIndex) -> bool {
        let desk = &self.desks[mirror as usize];
        match desk.phase {
            Phase::Serving => desk.quiet(),
            Phase::Promoted(ref heir) => !heir.gives_way() && (heir.stopped() || heir.rests()),
            Phase::Open(..) | Phase::Stopped | Phase::Lost | Phase::Refused => true,
            _ => false,
        }
    }

    /// Whether the clients of a mirror are served here, and nothing of it is under way but what the other server has to have.
    pub fn waits_for_peer(&self, mirror: MirrorIndex) -> bool {
        matches!(&self.desks[mirror as usize].phase, Phase::Promoted(heir) if heir.waits_for_peer())
    }

    /// Whether the clients of a mirror are served here, and the other server has everything.
    pub fn in_sync(&self, mirror: MirrorIndex) -> bool {
        matches!(&self.desks[mirror as usize].phase, Phase::Promoted(heir) if heir.quiet())
    }

    /// The time is what the host's clock shows, which may be set back: what is waited for does not move with it.
    fn tick(&mut self, now: u64) {
        let back = self.shared.now.saturating_sub(now);
        if back > 0 && !self.quirk.bends(Bend::KeepOldTimers) {
            for at in self.desks.iter_mut().flat_map(|d| [&mut d.retry, &mut d.heal.ask_at]).flatten() {
                *at = at.saturating_sub(back);
            }
        }
        self.shared.now = now;
    }

    /// A frame from the source of a mirror.
    pub fn handle_frame(&mut self, now: u64, from: MirrorIndex, frame: &Frame) {
        self.tick(now);
        // Where one mirror's data are for another configuration, nothing that another one misses is known to be lost.
        let unsure = |d: &Desk<Q>| matches!(d.phase, Phase::Idle | Phase::Booting(_) | Phase::Refused);
        let unsure = self.desks.iter().any(unsure);
        let Some(desk) = self.desks.get_mut(from as usize).filter(|_| !self.failed) else { return };
        if unsure
            && !matches!(
                desk.phase,
                Phase::Serving | Phase::Recovering(_) | Phase::Open(..) | Phase::Promoted(_) | Phase::Stopped
            )
        {
            return;
        }
        let Some((mirror, connection, message)) = wire::decode(frame) else {
            if let Some(found) = wire::other_version(frame) {
                // It is asked again and again; the operator is told once.
                if !core::mem::replace(&mut desk.skewed, true) {
                    desk.alarm(&mut self.shared, Alarm::Version { found });
                }
            }
            if self.shared.knobs.transport == Transport::Stream {
                // Nothing may be missing on a stream, and this may have been its last frame for long.
                desk.reset(&mut self.shared);
                self.of_heir(now, from, |heir| heir.handle_disconnect(now));
            }
            return;
        };
        desk.skewed = false;
        if mirror != desk.geometry.mirror {
            if let Message::Refused { .. } = message {
                // The answer of a server that keeps an image, too: two of them would go on for ever.
                return;
            }
            // Another uuid: refused (section 3).
            desk.alarm(&mut self.shared, Alarm::Refused { reason: 1 });
            let frame = Message::Refused { reason: 1 }.frame(mirror, connection);
            self.shared.out.push(Effect::Send { mirror: from, frame });
            return;
        }
        let asked = matches!(message, Message::SyncRequest { .. });
        desk.handle_message(&mut self.shared, connection, message);
        desk.pump(&mut self.shared);
        if asked && self.shared.knobs.apply_scope == ApplyScope::Global {
            for desk in self.desks.iter_mut().filter(|d| d.index != from) {
                desk.apply_prefix(&mut self.shared);
                desk.pump(&mut self.shared);
            }
        }
    }

    /// The transport of a mirror broke.
    pub fn handle_disconnect(&mut self, now: u64, mirror: MirrorIndex) {
        self.tick(now);
        self.desks[mirror as usize].disconnect();
        self.of_heir(now, mirror, |heir| heir.handle_disconnect(now));
    }

    /// An effect finished.
    pub fn handle_done(&mut self, now: u64, token: Token, completion: Completion) {
        self.tick(now);
        let mut completion = completion;
        if let Completion::Failed(device) = completion {
            if !self.quirk.bends(Bend::IgnoreFailedApply) || token.duty() != Duty::Apply {
                return self.fail(token.mirror(), device);
            }
            completion = Completion::Done;
        }
        if matches!(completion, Completion::NoSpace)
            && token.duty() == Duty::Apply
            && self.quirk.bends(Bend::PassNoSpace)
        {
            completion = Completion::Done;
        }
        if self.failed {
            return;
        }
        if self.flushes > 0 {
            self.flushes -= 1;
            if self.flushes == 0 {
                // What a flush did not make durable although it succeeded, the cache only takes for written.
                for device in [Device::Log, Device::Image] {
                    if !self.quirk.bends(Bend::BelieveCache) {
                        self.shared.out.push(Effect::Reload { device });
                    }
                }
                for desk in &mut self.desks {
                    desk.boot(&mut self.shared);
                }
            }
            return;
        }
        if token.duty() == Duty::Sweep {
            self.shared.pool.swept();
        } else if let Some(desk) = self.desks.get_mut(token.mirror() as usize) {
            desk.handle_done(&mut self.shared, token, completion);
            desk.pump(&mut self.shared);
        }
        self.sweep();
        if self.shared.pool.take_freed() {
            for desk in &mut self.desks {
                desk.pump(&mut self.shared);
            }
        }
    }

    /// Once after a boot: erases the segments that nobody owns, before they are lent.
    fn sweep(&mut self) {
        if self.sweeps {
            return;
        }
        let Some(segments) = self.shared.pool.unswept() else { return };
        self.sweeps = true;
        let size = self.desks[0].geometry.segment_size;
        let out = &mut self.shared.out;
        for number in segments {
            let (body, length) = (number * size + SEGMENT_HEADER, size - SEGMENT_HEADER);
            out.discard(0, Duty::Sweep, Device::Nvram, body, length);
        }
        out.flush(0, Duty::Sweep, Device::Nvram);
    }

    /// Only so many bytes of NVRAM were found at the start. With fewer than it is configured for it does not begin.
    pub fn handle_nvram(&mut self, size: u64) {
        // That of a former source stands below the segments.
        let behind = self.desks.iter().filter(|d| d.heir.is_some() && d.former.is_none());
        let logs = behind.map(|d| d.geometry.log_size());
        let needed =
            self.desks[0].geometry.segment_size * self.shared.pool.segments().end + logs.sum::<u64>();
        if size < needed && !self.failed {
            self.failed = true;
            self.shared.out = Outbox::default();
            for desk in &self.desks {
                self.shared.out.alarm(desk.index, Alarm::NvramTooSmall { size, needed });
            }
        }
    }

    /// A write or a flush failed. What the cache holds cannot be trusted any more, and what is acknowledged from now on
    /// would be: it stops, and whoever starts it again reads the medium.
    fn fail(&mut self, mirror: MirrorIndex, device: Device) {
        if !self.failed {
            self.failed = true;
            self.shared.out.alarm(mirror, Alarm::DeviceFailed { device });
            for desk in self.desks.iter().filter(|d| matches!(d.phase, Phase::Promoted(_))) {
                self.shared.out.push(Effect::CloseClients { mirror: desk.index });
            }
        }
    }

    /// A timer is due.
    pub fn handle_timeout(&mut self, now: u64) {
        self.tick(now);
        if self.failed {
            return;
        }
        for desk in &mut self.desks {
            if desk.retry.is_some_and(|at| at <= now) {
                desk.retry = None;
                desk.handle_retry(&mut self.shared);
                desk.pump(&mut self.shared);
            }
            if desk.heal.ask_at.is_some_and(|at| at <= now) {
                desk.ask_blocks(&mut self.shared);
            }
            if let Phase::Promoted(heir) = &mut desk.phase
                && heir.poll_timeout().is_some_and(|at| at <= now)
            {
                heir.handle_timeout(now);
                desk.pump(&mut self.shared);
            }
        }
    }

    /// The battery of the NVRAM: while it is low, `nvram` is acknowledged only together with `file` (DR3).
    pub fn handle_degraded(&mut self, now: u64, degraded: bool) {
        self.tick(now);
        self.shared.degraded = degraded;
        if self.failed {
            return;
        }
        for desk in &mut self.desks {
            desk.pump(&mut self.shared);
        }
    }

    /// Operator: recover the mirror, whether its source lives or not (DR7).
    pub fn handle_recover(&mut self, now: u64, mirror: MirrorIndex) {
        self.tick(now);
        if !self.failed {
            self.desks[mirror as usize].recover(&mut self.shared);
            self.recover_others(mirror);
        }
    }

    /// Operator: recover the mirror, and serve its clients (LR6). Asked twice, it happens once.
    pub fn handle_promote(&mut self, now: u64, mirror: MirrorIndex) {
        self.tick(now);
        if !self.failed {
            let desk = &mut self.desks[mirror as usize];
            desk.promote(&mut self.shared, false);
            desk.pump(&mut self.shared);
            self.recover_others(mirror);
        }
    }

    /// Operator: recover the mirror for another server than its source: that one is the peer from then on, gets every block,
    /// and then the clients (LR9).
    pub fn handle_adopt(&mut self, now: u64, mirror: MirrorIndex) {
        self.tick(now);
        if !self.failed {
            let desk = &mut self.desks[mirror as usize];
            desk.promote(&mut self.shared, true);
            desk.pump(&mut self.shared);
        }
    }

    /// A frame from the former source of a mirror that another server has adopted: whatever it says, it is fenced.
    pub fn handle_stranger(&mut self, now: u64, mirror: MirrorIndex, frame: &Frame) {
        self.tick(now);
        let desk = &self.desks[mirror as usize];
        let booted = !matches!(desk.phase, Phase::Idle | Phase::Booting(_) | Phase::Lost | Phase::Refused);
        if let Some((uuid, connection, message)) = wire::decode(frame)
            && uuid == desk.geometry.mirror
            && message.is_sources()
            && booted
            && !self.failed
        {
            let epoch = desk.epoch();
            let frame = Message::Fenced { epoch }.frame(uuid, connection);
            self.shared.out.push(Effect::Refuse { mirror, frame });
        }
    }

    /// A planted bug.
    fn recover_others(&mut self, mirror: MirrorIndex) {
        if self.quirk.bends(Bend::RecoverAll) {
            let others = self.desks.iter_mut().filter(|d| d.index != mirror);
            others.for_each(|desk| desk.recover(&mut self.shared));
        }
    }

    /// A request of a client of a mirror that was promoted; of another one it is not heard.
    pub fn handle_request(&mut self, now: u64, mirror: MirrorIndex, request: source::Request) {
        self.of_heir(now, mirror, |heir| heir.handle_request(now, request));
    }

    /// Operator: hand the clients of a mirror that was promoted over to the server that is its mirror now (LR8). True: it
    /// goes about it; false: it is not in sync with that one, or not the server of the clients.
    pub fn handle_hand_over(&mut self, now: u64, mirror: MirrorIndex) -> bool {
        let mut goes = false;
        self.of_heir(now, mirror, |heir| goes = heir.handle_hand_over(now));
        goes
    }

    /// Whether the clients of a mirror were handed over, and nobody is known to serve them.
    pub fn gives_way(&self, mirror: MirrorIndex) -> bool {
        matches!(&self.desks[mirror as usize].phase, Phase::Promoted(heir) if heir.gives_way())
    }

    /// Whether they were handed over to a server that has said that it lacks what they need.
    pub fn bereft(&self, mirror: MirrorIndex) -> bool {
        matches!(&self.desks[mirror as usize].phase, Phase::Promoted(heir) if heir.bereft())
    }

    /// Whether the clients of a mirror were handed over, or are about to be: it must not be given another peer meanwhile.
    pub fn hands_over(&self, mirror: MirrorIndex) -> bool {
        matches!(&self.desks[mirror as usize].phase, Phase::Promoted(heir) if heir.hands_over())
    }

    /// Operator, by force: the server to which the clients of a mirror were handed over is lost, and they are served here
    /// again (LR8). True: nothing is handed over, or not any more.
    pub fn handle_reclaim(&mut self, now: u64, mirror: MirrorIndex) -> bool {
        let mut done = false;
        self.of_heir(now, mirror, |heir| done = heir.handle_reclaim(now));
        done
    }

    /// Operator: seal the open generation of a mirror that was promoted.
    pub fn handle_seal(&mut self, now: u64, mirror: MirrorIndex) {
        self.of_heir(now, mirror, |heir| heir.handle_seal(now));
    }

    fn of_heir(&mut self, now: u64, mirror: MirrorIndex, act: impl FnOnce(&mut Source<Q>)) {
        self.tick(now);
        let desk = &mut self.desks[mirror as usize];
        if let (false, Phase::Promoted(heir)) = (self.failed, &mut desk.phase) {
            act(heir);
            desk.pump(&mut self.shared);
        }
    }

    /// What would be lost with this server of the clients that its mirror does not have; `None`: it is not theirs.
    pub fn exposure(&self, mirror: MirrorIndex) -> Option<Exposure> {
        match &self.desks[mirror as usize].phase {
            Phase::Promoted(heir) if heir.serving() && !self.failed => Some(heir.exposure()),
            _ => None,
        }
    }

    /// Whether the clients of a mirror are served here, now.
    pub fn serves(&self, mirror: MirrorIndex) -> bool {
        matches!(&self.desks[mirror as usize].phase, Phase::Promoted(heir) if heir.answers() && !self.failed)
    }
}
