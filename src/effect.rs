//! What machines ask of the world. Effects are plain data, in order; payloads go by handle.

use crate::ids::{MirrorIndex, Position, RequestId};
use crate::stage::Stage;
use crate::wire::Frame;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;
use smallvec::SmallVec;

/// A storage device of a server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Device {
    /// NVRAM: stores retire at once, only a flush makes them durable.
    Nvram,
    /// The small device of the marks; like NVRAM, in a fault domain of its own.
    Mark,
    /// The destination's disk with the log files.
    Log,
    /// The disk with volumes or images, journals and superblocks.
    Image,
}

impl Device {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Device::Nvram => "nvram",
            Device::Mark => "mark",
            Device::Log => "log",
            Device::Image => "image",
        }
    }
}

/// Names the completion of an effect: mirror, duty and a serial number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Token(pub u64);

/// Which part of a machine waits for a completion.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Duty {
    /// NVRAM flush of the log.
    Log,
    /// Mark.
    Mark,
    /// Log file.
    File,
    /// Apply engine.
    Apply,
    /// Boot or recovery.
    Boot,
    /// A volume read for a client.
    Read,
    /// Clearing and removal.
    Clear,
    /// Healing of a block.
    Heal,
    /// A change of the role or of what goes with it.
    Role,
    /// Resync.
    Resync,
    /// Erasure of segments that nobody owns.
    Sweep,
}

impl Duty {
    const ALL: [Duty; 11] = [
        Duty::Log,
        Duty::Mark,
        Duty::File,
        Duty::Apply,
        Duty::Boot,
        Duty::Read,
        Duty::Clear,
        Duty::Heal,
        Duty::Role,
        Duty::Resync,
        Duty::Sweep,
    ];
}

impl Token {
    /// Builds one: `mirror` in the top 16 bits, then 8 bits of duty, then the serial number.
    pub fn new(mirror: MirrorIndex, duty: Duty, serial: u64) -> Token {
        Token((mirror as u64) << 48 | (duty as u64) << 40 | (serial & 0xff_ffff_ffff))
    }

    /// The mirror on whose behalf.
    pub fn mirror(self) -> MirrorIndex {
        (self.0 >> 48) as MirrorIndex
    }

    /// The part of the machine.
    pub fn duty(self) -> Duty {
        Duty::ALL[(((self.0 >> 40) & 0xff) as usize).min(Duty::ALL.len() - 1)]
    }

    /// The serial number.
    pub fn serial(self) -> u64 {
        self.0 & 0xff_ffff_ffff
    }
}

/// Contiguous bytes to be written, gathered from parts.
#[derive(Clone, Debug)]
pub struct Run {
    /// First byte on the device.
    pub offset: u64,
    /// The content, part after part.
    pub parts: SmallVec<[Bytes; 2]>,
}

impl Run {
    /// One part.
    pub fn one(offset: u64, bytes: Bytes) -> Run {
        let mut parts = SmallVec::new();
        parts.push(bytes);
        Run { offset, parts }
    }

    /// Bytes in all.
    pub fn length(&self) -> u64 {
        self.parts.iter().map(|p| p.len() as u64).sum()
    }
}

/// Byte ranges to be read: (offset, length).
pub type Ranges = SmallVec<[(u64, u64); 4]>;

/// What a machine asks for.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Read ranges, all at one instant. A sector that the device cannot read is no error of the whole: where it stands
    /// the bytes are those of [`UNREADABLE`], which no check fits, so it is damage of these bytes like any other.
    Read {
        /// Where.
        device: Device,
        /// Whose completion.
        token: Token,
        /// What.
        ranges: Ranges,
    },
    /// Write runs; durable only after a flush that was issued after the completion. On NVRAM and mark there is no
    /// completion: a store retires at once.
    Write {
        /// Where.
        device: Device,
        /// Whose completion.
        token: Token,
        /// What.
        runs: Vec<Run>,
    },
    /// Make a range read as zeros (truncate); like a write.
    Discard {
        /// Where.
        device: Device,
        /// Whose completion.
        token: Token,
        /// First byte.
        offset: u64,
        /// Bytes.
        length: u64,
    },
    /// Make all completed writes of the device durable.
    Flush {
        /// Where.
        device: Device,
        /// Whose completion.
        token: Token,
    },
    /// What is read of a disk from now on is what its medium holds, past the cache, which after a failed flush may take
    /// for written what is not. Nothing completes.
    Reload {
        /// Where.
        device: Device,
    },
    /// The superblock says that the server is something else to the mirror from now on: its process ends, and the next one
    /// looks what it is ([`crate::superblock::Superblock::newest`]).
    Restart,
    /// Send a frame to the peer of a mirror.
    Send {
        /// Whose connection.
        mirror: MirrorIndex,
        /// What.
        frame: Frame,
    },
    /// Send a frame to the former source of a mirror that another server has adopted (LR9).
    Refuse {
        /// Whose mirror.
        mirror: MirrorIndex,
        /// What.
        frame: Frame,
    },
    /// Answer a client.
    Reply {
        /// Whose client.
        mirror: MirrorIndex,
        /// Which request.
        id: RequestId,
        /// With what.
        answer: Answer,
    },
    /// Close the clients' connections; requests that are not answered stay in doubt (SR9).
    CloseClients {
        /// Whose clients.
        mirror: MirrorIndex,
    },
    /// A stage was reached.
    Stage {
        /// Whose mirror.
        mirror: MirrorIndex,
        /// Which.
        stage: Stage,
        /// Up to which record, or which generation with sequence 0.
        position: Position,
    },
    /// Something that an operator must see.
    Alarm {
        /// Whose mirror.
        mirror: MirrorIndex,
        /// What.
        alarm: Alarm,
    },
}

/// The answer to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A write or write_zeroes is done.
    Written,
    /// An add is done; the value before it.
    Added(u64),
    /// The bytes read.
    Read(Bytes),
    /// A definite error: it did not and will not happen.
    Refused(Refusal),
}

/// Why a request is refused before it is numbered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Length 0.
    Empty,
    /// No such volume, or not inside it.
    Outside,
    /// Above the largest operation.
    TooLong,
    /// An unknown client or slot.
    Unknown,
    /// The blocks are damaged and no good copy is in reach.
    Damaged,
}

/// In [`Alarm::Config`]: another mirror's data stand there.
pub const CONFIG_MIRROR: u64 = 100;

/// What an operator must see.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Alarm {
    /// SR1: the destination holds records that the source has lost.
    BehindDestination {
        /// What the destination holds.
        held: Position,
        /// What the source has.
        own: Position,
    },
    /// SR8: the source's NVRAM is lost, foreign or damaged below its mark.
    LogLost {
        /// What is there.
        found: Position,
        /// What the mark promises.
        marked: Position,
    },
    /// A newer epoch exists.
    Fenced {
        /// That epoch.
        epoch: u64,
    },
    /// LR7: another server serves the clients, and this one may have answered them for what no other server has.
    Diverged {
        /// That in which this one served them.
        epoch: u64,
    },
    /// The destination refuses the mirror.
    Refused {
        /// 1 = another mirror, 2 = below what the source still has, 3 = a block is damaged on both sides, 4 = the
        /// destination has no valid superblock of it.
        reason: u64,
    },
    /// No valid superblock.
    NoSuperblock,
    /// A frame, or what stands on the devices, is of another version of the formats.
    Version {
        /// That version.
        found: u64,
    },
    /// What stands on the devices was made with another configuration.
    Config {
        /// Which number differs, as in [`crate::shape::NAMES`]; [`CONFIG_MIRROR`] = it is another mirror's.
        field: u64,
        /// What is written there.
        found: u64,
        /// What is configured.
        own: u64,
    },
    /// Records between these positions are damaged at the destination.
    Damaged {
        /// Last good one.
        after: Position,
        /// Last promised one.
        to: Position,
    },
    /// A block does not match its check.
    BlockDamaged {
        /// Which volume.
        volume: u32,
        /// Which block.
        block: u64,
    },
    /// A block does not match its check, and neither does the peer's copy of it.
    BlockLost {
        /// Which volume.
        volume: u32,
        /// Which block.
        block: u64,
    },
    /// A record with a known number and other content.
    Conflict {
        /// Its number.
        position: Position,
    },
    /// SyncRequest contradicts the file.
    SyncConflict {
        /// Whose count or digest differs.
        generation: u64,
    },
    /// A frame breaks the protocol.
    Protocol {
        /// The kind of the frame.
        kind: u16,
    },
    /// A device failed in a way that the server cannot go on with.
    DeviceFailed {
        /// Which.
        device: Device,
    },
    /// The NVRAM is smaller than what the server is configured for: it does not start.
    NvramTooSmall {
        /// Bytes that are there.
        size: u64,
        /// Bytes that are needed.
        needed: u64,
    },
}

/// What is read in the place of each byte that the device cannot read: neither blank nor part of anything that is ever
/// written as a structure. A block of a client may hold such bytes; then its check fits, and they are right.
pub const UNREADABLE: u8 = 0xee;

/// How an effect ended.
#[derive(Clone, Debug)]
pub enum Completion {
    /// Write, discard or flush done.
    Done,
    /// The ranges, in order.
    Read(Vec<Bytes>),
    /// No space: none or a part of the write is stored.
    NoSpace,
    /// A write, a discard or a flush of this disk failed. What the cache makes of it nobody knows: the server stops.
    Failed(Device),
}

/// Effects waiting to be polled, and the source of tokens.
#[derive(Debug, Default)]
pub struct Outbox {
    queue: VecDeque<Effect>,
    serial: u64,
}

impl Outbox {
    /// One whose tokens come after those of another one that used so many.
    pub fn after(serial: u64) -> Outbox {
        Outbox { queue: VecDeque::new(), serial }
    }

    /// Tokens used so far.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// The next effect.
    pub fn poll(&mut self) -> Option<Effect> {
        self.queue.pop_front()
    }

    /// Adds one.
    pub fn push(&mut self, effect: Effect) {
        self.queue.push_back(effect);
    }

    /// A token that was never used.
    pub fn token(&mut self, mirror: MirrorIndex, duty: Duty) -> Token {
        self.serial += 1;
        Token::new(mirror, duty, self.serial)
    }

    /// Asks for a write.
    pub fn write(&mut self, mirror: MirrorIndex, duty: Duty, device: Device, runs: Vec<Run>) -> Token {
        let token = self.token(mirror, duty);
        self.push(Effect::Write { device, token, runs });
        token
    }

    /// Asks for a discard.
    pub fn discard(
        &mut self,
        mirror: MirrorIndex,
        duty: Duty,
        device: Device,
        offset: u64,
        length: u64,
    ) -> Token {
        let token = self.token(mirror, duty);
        self.push(Effect::Discard { device, token, offset, length });
        token
    }

    /// Asks for a flush.
    pub fn flush(&mut self, mirror: MirrorIndex, duty: Duty, device: Device) -> Token {
        let token = self.token(mirror, duty);
        self.push(Effect::Flush { device, token });
        token
    }

    /// Asks for reads.
    pub fn read(&mut self, mirror: MirrorIndex, duty: Duty, device: Device, ranges: Ranges) -> Token {
        let token = self.token(mirror, duty);
        self.push(Effect::Read { device, token, ranges });
        token
    }

    /// Notes a stage.
    pub fn stage(&mut self, mirror: MirrorIndex, stage: Stage, position: Position) {
        self.push(Effect::Stage { mirror, stage, position });
    }

    /// Raises an alarm.
    pub fn alarm(&mut self, mirror: MirrorIndex, alarm: Alarm) {
        self.push(Effect::Alarm { mirror, alarm });
    }
}
