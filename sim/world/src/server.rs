//! A server: its machine, its devices, and what they have under way.

use crate::clock::Clock;
use crate::hosted::{Machine as _, Machines};
use crate::spec::{Change, DeviceName};
use bytes::Bytes;
use mirror::effect::{Completion, Device, Effect, Run, Token};
use mirrorsim_engine::{Disk, ExtentMap, FlushMark, Nvram, Store};
use mirrorsim_oracle as oracle;
use smallvec::SmallVec;

/// The machine of a server.
pub enum Machine<M: Machines> {
    /// A source.
    Source(Box<M::Source>),
    /// The destination.
    Destination(Box<M::Destination>),
}

impl<M: Machines> Machine<M> {
    /// The next effect.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        match self {
            Machine::Source(m) => m.poll_effect(),
            Machine::Destination(m) => m.poll_effect(),
        }
    }

    /// When it wants a time-out.
    pub fn poll_timeout(&self) -> Option<u64> {
        match self {
            Machine::Source(m) => m.poll_timeout(),
            Machine::Destination(m) => m.poll_timeout(),
        }
    }

    /// So many bytes of NVRAM are there.
    pub fn handle_nvram(&mut self, size: u64) {
        match self {
            Machine::Source(m) => m.handle_nvram(size),
            Machine::Destination(m) => m.handle_nvram(size),
        }
    }

    /// A time-out.
    pub fn handle_timeout(&mut self, now: u64) {
        match self {
            Machine::Source(m) => m.handle_timeout(now),
            Machine::Destination(m) => m.handle_timeout(now),
        }
    }

    /// A completion.
    pub fn handle_done(&mut self, now: u64, token: Token, completion: Completion) {
        match self {
            Machine::Source(m) => m.handle_done(now, token, completion),
            Machine::Destination(m) => m.handle_done(now, token, completion),
        }
    }
}

/// What a device has under way.
#[derive(Debug)]
pub struct Operation {
    /// Of which server.
    pub server: usize,
    /// Of which life of it.
    pub incarnation: u32,
    /// Whose completion.
    pub token: Token,
    /// Where.
    pub device: Device,
    /// What.
    pub work: Work,
}

/// The kinds of device work.
#[derive(Debug)]
pub enum Work {
    /// Writes or discards in the cache.
    Write(SmallVec<[u64; 4]>),
    /// A write that found no space; what was stored of it all the same.
    NoSpace(SmallVec<[u64; 4]>),
    /// A flush.
    Flush(FlushMark),
    /// A read.
    Read(mirror::effect::Ranges),
    /// A part of a write, and what is to be written after it.
    Short(SmallVec<[u64; 4]>, Vec<Run>),
    /// A write that failed; what was stored of it all the same.
    Failed(SmallVec<[u64; 4]>),
}

/// A server.
pub struct Server<M: Machines> {
    /// `None`: it is down.
    pub machine: Option<Machine<M>>,
    /// Its lives so far.
    pub incarnation: u32,
    /// The NVRAM.
    pub nvram: Nvram,
    /// The device of the marks.
    pub mark: Nvram,
    /// The destination's disk of log files.
    pub log: Option<Disk>,
    /// The disk of volumes or images.
    pub image: Disk,
    /// It stands still until then.
    pub paused_until: u64,
    /// Time for which a timer event is scheduled.
    pub timer: Option<u64>,
    /// Its site is lost.
    pub gone: bool,
    /// When it is to start again.
    pub restart_at: Option<u64>,
    /// How long it stays down when it stops because a device failed.
    pub down_for: u64,
    /// Bytes of NVRAM that are there, if not all are.
    pub nvram_left: Option<u64>,
    /// Its own clock.
    pub clock: Clock,
    /// Its timers fire only at ticks.
    pub ticks: bool,
    /// Version of the formats that it speaks.
    pub version: u16,
    /// What its configuration says otherwise.
    pub config: Option<Change>,
}

impl<M: Machines> Server<M> {
    /// The store of a device.
    pub fn store(&self, device: Device) -> &Store {
        match device {
            Device::Nvram => &self.nvram.store,
            Device::Mark => &self.mark.store,
            Device::Log => &self.log.as_ref().unwrap_or(&self.image).store,
            Device::Image => &self.image.store,
        }
    }

    /// The store of a device.
    pub fn store_mut(&mut self, device: Device) -> &mut Store {
        match device {
            Device::Nvram => &mut self.nvram.store,
            Device::Mark => &mut self.mark.store,
            Device::Log => &mut self.log.as_mut().unwrap_or(&mut self.image).store,
            Device::Image => &mut self.image.store,
        }
    }

    /// A disk; `None` for NVRAM and mark.
    pub fn disk_mut(&mut self, device: Device) -> Option<&mut Disk> {
        match device {
            Device::Log => self.log.as_mut(),
            Device::Image => Some(&mut self.image),
            _ => None,
        }
    }

    /// Its devices.
    pub fn devices(&self) -> &'static [Device] {
        if self.log.is_some() {
            &[Device::Nvram, Device::Mark, Device::Log, Device::Image]
        } else {
            &[Device::Nvram, Device::Mark, Device::Image]
        }
    }

    /// What reads see.
    pub fn current(&self) -> Side<'_> {
        self.side(Store::current)
    }

    /// What cannot be lost.
    pub fn stable(&self) -> Side<'_> {
        self.side(Store::stable)
    }

    fn side(&self, of: impl Fn(&Store) -> &ExtentMap) -> Side<'_> {
        Side {
            nvram: of(&self.nvram.store),
            mark: of(&self.mark.store),
            log: self.log.as_ref().map(|l| of(&l.store)),
            image: of(&self.image.store),
        }
    }
}

/// One state of all devices of a server, for the judge.
pub struct Side<'a> {
    nvram: &'a ExtentMap,
    mark: &'a ExtentMap,
    log: Option<&'a ExtentMap>,
    image: &'a ExtentMap,
}

impl oracle::Medium for Side<'_> {
    fn read(&self, device: oracle::Device, offset: u64, length: u64) -> Bytes {
        match device {
            oracle::Device::Nvram => self.nvram.read(offset, length),
            oracle::Device::Mark => self.mark.read(offset, length),
            oracle::Device::Log => {
                self.log.map_or_else(|| mirrorsim_engine::zeros(length), |log| log.read(offset, length))
            }
            oracle::Device::Image => self.image.read(offset, length),
        }
    }
}

/// The judge's name of a device.
pub fn oracle_device(device: Device) -> oracle::Device {
    match device {
        Device::Nvram => oracle::Device::Nvram,
        Device::Mark => oracle::Device::Mark,
        Device::Log => oracle::Device::Log,
        Device::Image => oracle::Device::Image,
    }
}

/// Subject of a device's draws.
pub(crate) fn subject(server: usize, device: Device) -> u32 {
    server as u32 * 4 + device as u32
}

/// A device by its name in a scenario.
pub(crate) fn device(name: DeviceName) -> Device {
    match name {
        DeviceName::Nvram => Device::Nvram,
        DeviceName::Mark => Device::Mark,
        DeviceName::Log => Device::Log,
        DeviceName::Image => Device::Image,
    }
}

/// The other way round.
pub(crate) fn device_name(device: Device) -> DeviceName {
    match device {
        Device::Nvram => DeviceName::Nvram,
        Device::Mark => DeviceName::Mark,
        Device::Log => DeviceName::Log,
        Device::Image => DeviceName::Image,
    }
}
