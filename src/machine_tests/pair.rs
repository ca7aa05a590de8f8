//! A source and a destination without a world: the test decides which completion, frame or timer comes next.

use super::device::Store;
use crate::block_map::BlockMap;
use crate::config::{AckLevel, ApplyScope, Policy, PolicyKind, Reads, Transport};
use crate::destination::{self, Destination, Standing};
use crate::effect::{Answer, Completion, Device, Effect, Token};
use crate::geometry::Geometry;
use crate::ids::{Connection, MirrorId, Position, RequestId};
use crate::mark::Mark;
use crate::quirk::Quirk;
use crate::source::{self, Request, Source};
use crate::superblock::{Role, SLOT, Superblock};
use crate::wire::{self, Frame, Message};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

pub const SOURCE: usize = 0;
pub const DESTINATION: usize = 1;

/// What a device has under way.
enum Work {
    Write(Device, Vec<crate::effect::Run>),
    Discard(Device, u64, u64),
    Flush(Device, u64),
    Read(Device, crate::effect::Ranges),
}

pub struct Pair<Q> {
    pub geometry: Arc<Geometry>,
    knobs: (source::Knobs, destination::Knobs),
    pub source: Source<Q>,
    pub destination: Destination<Q>,
    devices: [[Store; 4]; 2],
    pending: [Vec<(Token, Work)>; 2],
    /// Frames under way, by who sent them.
    pub frames: [VecDeque<Frame>; 2],
    pub replies: Vec<(RequestId, Answer)>,
    pub alarms: Vec<crate::effect::Alarm>,
    /// Processes that ended because their superblock says something else now.
    pub restarts: [u32; 2],
    now: u64,
    quirk: Q,
    /// The clients have gone over to the destination.
    pub moved: bool,
}

const NVRAM: u64 = 16 << 10;

pub fn geometry() -> Geometry {
    let partition_size = 2048;
    Geometry {
        mirror: MirrorId([9; 16]),
        block_size: 512,
        partitions: 2,
        partition_size,
        files: 2,
        segment_size: 2048,
        volumes: alloc::vec![8192],
        clients: 1,
        slots: super::SLOTS,
        max_length: None,
        batch: Geometry::default_batch(partition_size),
        first_place: 0,
        file_size: Geometry::file_size_for(partition_size),
        resync_at: 3 * Geometry::file_size_for(partition_size),
    }
}

/// Where the clients are served without a mirror there is nobody to wait for.
fn heir(knobs: source::Knobs) -> source::Knobs {
    source::Knobs { policy: Policy::Degrade { timeout: 3000, settle: 500, hold: 1000 }, ..knobs }
}

impl<Q: Quirk> Pair<Q> {
    pub fn new(transport: Transport, ack: AckLevel, quirk: Q) -> Pair<Q> {
        Pair::with_policy(transport, ack, Policy::Strict, quirk)
    }

    pub fn with_policy(transport: Transport, ack: AckLevel, policy: Policy, quirk: Q) -> Pair<Q> {
        let geometry = Arc::new(geometry());
        let knobs = (
            source::Knobs {
                ack,
                reads: Reads::Confirmed,
                policy,
                transport,
                seal_after: None,
                resend_after: 1000,
            },
            destination::Knobs { ack, apply_scope: ApplyScope::PerSource, transport, retry_after: 1000 },
        );
        let mut devices = <[[Store; 4]; 2]>::default();
        for (side, role) in [(SOURCE, Role::Source), (DESTINATION, Role::Mirror)] {
            let superblock = Superblock { counter: 1, ..Superblock::fresh(role, ack) };
            let mark = Mark { counter: 1, ..Mark::default() };
            let blocks = crate::effect::Run::one(superblock.slot(), superblock.encode(geometry.mirror));
            let promise = crate::effect::Run::one(mark.slot(0), mark.encode(geometry.mirror));
            for (device, run) in [(Device::Image, blocks), (Device::Mark, promise)] {
                let store = &mut devices[side][device as usize];
                store.write(&[run]);
                store.flush(u64::MAX);
            }
        }
        let source = Source::new(geometry.clone(), knobs.0, 0, quirk, 0);
        let destination = Destination::new(core::slice::from_ref(&geometry), NVRAM, knobs.1, quirk, 0)
            .with_heirs(&[heir(knobs.0)]);
        let mut pair = Pair {
            geometry,
            knobs,
            source,
            destination,
            devices,
            pending: Default::default(),
            frames: Default::default(),
            replies: Vec::new(),
            alarms: Vec::new(),
            restarts: [0; 2],
            now: 0,
            quirk,
            moved: false,
        };
        pair.poll();
        pair
    }

    /// Takes every effect of both machines.
    fn poll(&mut self) {
        for side in [SOURCE, DESTINATION] {
            while let Some(effect) =
                if side == SOURCE { self.source.poll_effect() } else { self.destination.poll_effect() }
            {
                self.effect(side, effect);
            }
        }
    }

    fn effect(&mut self, side: usize, effect: Effect) {
        let stores = &mut self.devices[side];
        let (token, work) = match effect {
            // Stores to NVRAM retire at once.
            Effect::Write { device: device @ (Device::Nvram | Device::Mark), runs, .. } => {
                return stores[device as usize].write(&runs);
            }
            Effect::Discard { device: device @ (Device::Nvram | Device::Mark), offset, length, .. } => {
                return stores[device as usize].discard(offset, length);
            }
            Effect::Write { device, token, runs } => (token, Work::Write(device, runs)),
            Effect::Discard { device, token, offset, length } => {
                (token, Work::Discard(device, offset, length))
            }
            Effect::Flush { device, token } => {
                (token, Work::Flush(device, stores[device as usize].completed()))
            }
            Effect::Read { device, token, ranges } => (token, Work::Read(device, ranges)),
            Effect::Refuse { .. } => return,
            Effect::Send { frame, .. } => return self.frames[side].push_back(frame),
            Effect::Reply { id, answer, .. } => return self.replies.push((id, answer)),
            Effect::Alarm { alarm, .. } => return self.alarms.push(alarm),
            Effect::Restart => return self.restarts[side] += 1,
            Effect::CloseClients { .. } | Effect::Reload { .. } | Effect::Stage { .. } => return,
        };
        self.pending[side].push((token, work));
    }

    /// Ends one of the operations under way on the devices of a side.
    pub fn complete(&mut self, side: usize, which: usize) {
        let pending = &mut self.pending[side];
        if pending.is_empty() {
            return;
        }
        let (token, work) = pending.remove(which % pending.len());
        let stores = &mut self.devices[side];
        let completion = match work {
            Work::Write(device, runs) => {
                stores[device as usize].write(&runs);
                Completion::Done
            }
            Work::Discard(device, offset, length) => {
                stores[device as usize].discard(offset, length);
                Completion::Done
            }
            Work::Flush(device, upto) => {
                stores[device as usize].flush(upto);
                Completion::Done
            }
            Work::Read(device, ranges) => Completion::Read(stores[device as usize].ranges(&ranges)),
        };
        self.now += 1;
        match side {
            SOURCE => self.source.handle_done(self.now, token, completion),
            _ => self.destination.handle_done(self.now, token, completion),
        }
        self.poll();
    }

    /// Delivers a frame that a side has sent.
    pub fn deliver(&mut self, from: usize, frame: &Frame) {
        self.now += 1;
        match from {
            SOURCE => self.destination.handle_frame(self.now, 0, frame),
            _ => self.source.handle_frame(self.now, frame),
        }
        self.poll();
    }

    /// Both ends notice that the transport broke.
    pub fn disconnect(&mut self) {
        self.frames.iter_mut().for_each(VecDeque::clear);
        self.now += 1;
        self.destination.handle_disconnect(self.now, 0);
        self.source.handle_disconnect(self.now);
        self.poll();
    }

    /// The next timer of a side is due, however far away it is.
    pub fn timeout(&mut self, side: usize) {
        let due = if side == SOURCE { self.source.poll_timeout() } else { self.destination.poll_timeout() };
        let Some(due) = due else { return };
        self.now = self.now.max(due) + 1;
        match side {
            SOURCE => self.source.handle_timeout(self.now),
            _ => self.destination.handle_timeout(self.now),
        }
        self.poll();
    }

    pub fn request(&mut self, request: Request) {
        self.now += 1;
        match self.moved {
            false => self.source.handle_request(self.now, request),
            true => self.destination.handle_request(self.now, 0, request),
        }
        self.poll();
    }

    pub fn seal(&mut self) {
        self.now += 1;
        match self.moved {
            false => self.source.handle_seal(self.now),
            true => self.destination.handle_seal(self.now, 0),
        }
        self.poll();
    }

    pub fn promote(&mut self) {
        self.now += 1;
        self.destination.handle_promote(self.now, 0);
        self.poll();
    }

    pub fn adopt(&mut self) {
        self.now += 1;
        self.destination.handle_adopt(self.now, 0);
        self.poll();
    }

    pub fn hand_over(&mut self) {
        self.now += 1;
        self.source.handle_hand_over(self.now);
        self.poll();
    }

    /// The Hello of a source that is still in this epoch.
    pub fn hello(&self, epoch: u64) -> Frame {
        let connection = Connection { source_boot: 1, counter: 9, destination_boot: 0 };
        let policy = PolicyKind::Strict;
        let (next, recovered) = (Position::new(1, 1), Position::ZERO);
        Message::Hello { epoch, policy, oldest_gen: 1, next, recovered }
            .frame(self.geometry.mirror, connection)
    }

    /// What a server that is not the peer any more is told.
    pub fn stranger(&mut self, frame: &Frame) -> Option<Message> {
        self.now += 1;
        self.destination.handle_stranger(self.now, 0, frame);
        let mut told = None;
        while let Some(effect) = self.destination.poll_effect() {
            match effect {
                Effect::Refuse { frame, .. } => told = wire::decode(&frame).map(|(_, _, message)| message),
                effect => self.effect(DESTINATION, effect),
            }
        }
        told
    }

    pub fn recover(&mut self) {
        self.now += 1;
        self.destination.handle_recover(self.now, 0);
        self.poll();
    }

    /// Power is cut and comes back: writes under way and in caches survive as `fates` say.
    pub fn power_cut(&mut self, side: usize, fates: u64) {
        for (_, work) in core::mem::take(&mut self.pending[side]) {
            match work {
                Work::Write(device, runs) => self.devices[side][device as usize].write(&runs),
                Work::Discard(device, at, length) => self.devices[side][device as usize].discard(at, length),
                Work::Flush(..) | Work::Read(..) => {}
            }
        }
        for (device, store) in self.devices[side].iter_mut().enumerate() {
            store.power_cut(fates.rotate_left(device as u32 * 16));
        }
        self.now += 1;
        match side {
            SOURCE => self.source = Source::new(self.geometry.clone(), self.knobs.0, 0, self.quirk, self.now),
            _ => {
                let mirrors = core::slice::from_ref(&self.geometry);
                self.destination = Destination::new(mirrors, NVRAM, self.knobs.1, self.quirk, self.now)
                    .with_heirs(&[heir(self.knobs.0)]);
            }
        }
        self.poll();
    }

    /// Whether nothing is under way but timers.
    pub fn idle(&self) -> bool {
        self.pending.iter().all(Vec::is_empty) && self.frames.iter().all(VecDeque::is_empty)
    }

    pub fn working(&self, side: usize) -> bool {
        !self.pending[side].is_empty()
    }

    pub fn standing(&self) -> Standing {
        self.destination.standing(0)
    }

    /// What the destination keeps as the blocks that its peer may lack.
    pub fn map(&self) -> Option<BlockMap> {
        let (region, disk) = (self.geometry.region(0), &self.devices[DESTINATION][Device::Image as usize]);
        let superblock = Superblock::newest(self.geometry.mirror, &disk.read(region.base, 2 * SLOT))?;
        let at = region.map + superblock.map.0 % 2 * self.geometry.map_size();
        BlockMap::decode(&self.geometry, superblock.map, &disk.read(at, self.geometry.map_size()))
    }

    /// The blocks of a side, reply table included.
    pub fn blocks(&self, side: usize) -> Vec<u8> {
        let region = self.geometry.region(0);
        let volume = region.volumes[0];
        let length = (self.geometry.data_blocks(0) + self.geometry.reply_blocks()) * volume.block_size;
        self.devices[side][Device::Image as usize].read(volume.data, length)
    }
}
