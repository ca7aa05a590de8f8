//! The superblock of a mirror at a server: each transition is one write of one sector (docs/formats.md).

use crate::codec::{get_u16, get_u64, other_version, put_check, put_start, put_u16, put_u64, uuid, valid};
use crate::config::{AckLevel, PolicyKind};
use crate::ids::{Link, MirrorId, Position, get_position, put_position};
use crate::shape::Shape;
use bytes::Bytes;

/// Bytes of one slot.
pub const SLOT: u64 = 512;

/// What the server is to the mirror.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Serves the clients.
    Source,
    /// Keeps the image.
    Mirror,
    /// Rolls the image forward; the old writer is fenced.
    Recovering,
    /// The image is open.
    Recovered,
    /// Serves the clients without the destination (LR1).
    Degraded,
    /// Was the source, and another server is: what stands here counts for nothing until a resync is sealed (LR7).
    Target,
    /// Was the source, and may have answered clients for what no other server has: everything is kept (LR7).
    Diverged,
    /// Answers nobody any more: the clients are to be served by the server that was its mirror (LR8).
    Retired,
}

impl Role {
    const ALL: [Role; 8] = [
        Role::Source,
        Role::Mirror,
        Role::Recovering,
        Role::Recovered,
        Role::Degraded,
        Role::Target,
        Role::Diverged,
        Role::Retired,
    ];

    /// Whether the server answers the clients, or has done so last.
    pub fn leads(self) -> bool {
        matches!(self, Role::Source | Role::Degraded | Role::Retired)
    }

    fn code(self) -> u16 {
        self as u16 + 1
    }
}

/// A resync file that is whole: until it is in the image, the image is at no prefix (LR4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sealed {
    /// Blocks in it.
    pub count: u64,
    /// Over their checks.
    pub digest: u64,
}

/// What a Degraded server counts of what it alone has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Alone {
    /// Its clock when it became Degraded, ns; 0: it never had a mirror (LR6).
    pub since: u64,
    /// The last record that it had freed by then: an image that lacks some of what is older needs every block.
    pub freed: Position,
    /// The last record that is counted here, or that the destination was known to hold.
    pub counted: Position,
    /// Records beyond the latter up to the former.
    pub operations: u64,
    /// Their payloads' bytes.
    pub bytes: u64,
}

/// What recovery found (DR7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Everything that was ever promised is in the image.
    Complete,
    /// Everything up to the recovered position; what came after the last contact is unknown.
    CompleteUpTo,
    /// Promised records are missing.
    Damaged {
        /// The last good one.
        after: Position,
        /// The last promised one.
        to: Position,
    },
}

/// The durable state of a mirror beside its blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Superblock {
    /// Role of this server.
    pub role: Role,
    /// Writes so far; picks the slot.
    pub counter: u64,
    /// Epoch.
    pub epoch: u64,
    /// Boots of this server.
    pub boot: u64,
    /// Level at which clients were answered: what a recovery may take for granted.
    pub ack: AckLevel,
    /// Generations up to this one are in the blocks completely.
    pub applied_gen: u64,
    /// Records of the next one up to this sequence are too.
    pub applied_seq: u64,
    /// The last applied record.
    pub tail: Link,
    /// The last record of the generations that are applied completely: what the open one continues.
    pub base: Link,
    /// How far a recovery came.
    pub recovered: Position,
    /// What it found.
    pub verdict: Option<Verdict>,
    /// What the mirror was made for.
    pub shape: Shape,
    /// What was promised to the clients.
    pub policy: PolicyKind,
    /// Of the durable map of blocks that the destination lacks: its number and its check (LR2); number 0: none.
    pub map: (u64, u64),
    /// While Degraded.
    pub alone: Alone,
    /// Destination: number of the last resync that was sealed; 0: none.
    pub session: u64,
    /// Destination: the image is at no prefix, and nothing here makes it one: it needs every block.
    pub void: bool,
    /// Destination: the operator wants it to serve the clients once it is recovered (LR6).
    pub promotes: bool,
    /// With that: the other server has handed the clients over, and everything is here (LR8).
    pub returns: bool,
    /// Another server than the former source is to serve the clients: this one answers nobody, brings that one up to date,
    /// and hands them over (LR9).
    pub adopted: bool,
    /// Destination: the sealed resync file that is to be put into the image.
    pub sealed: Option<Sealed>,
    /// Source: the newer epoch that it has heard of (LR7). It counts as long as it is newer than this one's.
    pub fenced: u64,
}

impl Superblock {
    /// A new pair starts at epoch 1 with nothing applied.
    pub fn fresh(role: Role, ack: AckLevel) -> Superblock {
        Superblock {
            role,
            counter: 0,
            epoch: 1,
            boot: 0,
            ack,
            applied_gen: 0,
            applied_seq: 0,
            tail: Link::default(),
            base: Link::default(),
            recovered: Position::ZERO,
            verdict: None,
            shape: Shape::default(),
            policy: PolicyKind::Strict,
            map: (0, 0),
            alone: Alone::default(),
            session: 0,
            void: false,
            promotes: false,
            returns: false,
            adopted: false,
            sealed: None,
            fenced: 0,
        }
    }

    /// Whether a server that leads has heard that another one recovers the mirror, or has: it answers nobody.
    pub fn is_fenced(&self) -> bool {
        self.fenced > self.epoch
    }

    /// On the server that has taken over: the generation that the recovery ended in takes no more records (LR6).
    pub fn close_recovered(&mut self) {
        let fresh = self.role.leads() && self.tail.position == self.recovered;
        if fresh && self.recovered.generation > self.applied_gen {
            self.finish(self.recovered.generation);
        }
    }

    /// All generations up to this one are in the blocks.
    pub fn finish(&mut self, generation: u64) {
        self.applied_gen = generation;
        self.applied_seq = 0;
        self.base = self.tail;
    }

    /// The cursor as (applied_gen, applied_seq), in the order of progress.
    pub fn cursor(&self) -> (u64, u64) {
        (self.applied_gen, self.applied_seq)
    }

    /// Whether a record is in the blocks already.
    pub fn covers(&self, p: Position) -> bool {
        p.generation <= self.applied_gen
            || (p.generation == self.applied_gen + 1 && p.sequence <= self.applied_seq)
    }

    /// 512 bytes.
    pub fn encode(&self, mirror: MirrorId) -> Bytes {
        let mut out = [0; SLOT as usize];
        put_start(&mut out, b"MSUP", &mirror.0);
        put_u16(&mut out, 6, self.role.code());
        put_u64(&mut out, 24, self.counter);
        put_u64(&mut out, 32, self.epoch);
        put_u64(&mut out, 40, self.boot);
        put_u64(&mut out, 48, self.applied_gen);
        put_u64(&mut out, 56, self.applied_seq);
        self.tail.put(&mut out, 64);
        put_position(&mut out, 88, self.recovered);
        match self.verdict {
            None => {}
            Some(Verdict::Complete) => put_u64(&mut out, 104, 1),
            Some(Verdict::CompleteUpTo) => put_u64(&mut out, 104, 2),
            Some(Verdict::Damaged { after, to }) => {
                put_u64(&mut out, 104, 3);
                put_position(&mut out, 112, after);
                put_position(&mut out, 128, to);
            }
        }
        put_u64(&mut out, 144, self.ack.code());
        self.base.put(&mut out, 152);
        self.shape.put(&mut out, 176);
        put_u64(&mut out, 256, self.policy.code());
        put_u64(&mut out, 264, self.map.0);
        put_u64(&mut out, 272, self.map.1);
        put_u64(&mut out, 280, self.alone.since);
        put_position(&mut out, 288, self.alone.freed);
        put_position(&mut out, 304, self.alone.counted);
        put_u64(&mut out, 320, self.alone.operations);
        put_u64(&mut out, 328, self.alone.bytes);
        put_u64(&mut out, 336, self.session);
        let flags = [self.void, self.sealed.is_some(), self.promotes, self.returns, self.adopted];
        put_u64(&mut out, 344, flags.iter().enumerate().map(|(bit, set)| (*set as u64) << bit).sum());
        if let Some(Sealed { count, digest }) = self.sealed {
            put_u64(&mut out, 352, count);
            put_u64(&mut out, 360, digest);
        }
        put_u64(&mut out, 368, self.fenced);
        put_check(&mut out);
        Bytes::from_owner(out)
    }

    /// Byte of the slot that this counter is written to, from the start of the region.
    pub fn slot(&self) -> u64 {
        (self.counter % 2) * SLOT
    }

    fn decode(mirror: MirrorId, b: &[u8]) -> Option<Superblock> {
        if !valid(b, SLOT as usize, b"MSUP") || uuid(b, 8) != mirror.0 {
            return None;
        }
        let code = get_u16(b, 6);
        let role = Role::ALL.into_iter().find(|role| role.code() == code)?;
        let verdict = match get_u64(b, 104) {
            0 => None,
            1 => Some(Verdict::Complete),
            2 => Some(Verdict::CompleteUpTo),
            3 => Some(Verdict::Damaged { after: get_position(b, 112), to: get_position(b, 128) }),
            _ => return None,
        };
        Some(Superblock {
            role,
            counter: get_u64(b, 24),
            epoch: get_u64(b, 32),
            boot: get_u64(b, 40),
            ack: AckLevel::from_code(get_u64(b, 144))?,
            applied_gen: get_u64(b, 48),
            applied_seq: get_u64(b, 56),
            tail: Link::get(b, 64),
            base: Link::get(b, 152),
            recovered: get_position(b, 88),
            verdict,
            shape: Shape::get(b, 176),
            policy: PolicyKind::from_code(get_u64(b, 256))?,
            map: (get_u64(b, 264), get_u64(b, 272)),
            alone: Alone {
                since: get_u64(b, 280),
                freed: get_position(b, 288),
                counted: get_position(b, 304),
                operations: get_u64(b, 320),
                bytes: get_u64(b, 328),
            },
            session: get_u64(b, 336),
            void: get_u64(b, 344) & 1 == 1,
            promotes: get_u64(b, 344) & 4 == 4,
            returns: get_u64(b, 344) & 8 == 8,
            adopted: get_u64(b, 344) & 16 == 16,
            sealed: (get_u64(b, 344) & 2 == 2)
                .then(|| Sealed { count: get_u64(b, 352), digest: get_u64(b, 360) }),
            fenced: get_u64(b, 368),
        })
    }

    /// The format version of a slot that this code cannot read, though it is whole.
    pub fn other_version(both: &[u8]) -> Option<u64> {
        both.chunks(SLOT as usize).find_map(|slot| other_version(slot, SLOT as usize, b"MSUP")).map(u64::from)
    }

    /// Another mirror's superblock stands here: the first half of its uuid.
    pub fn foreign(mirror: MirrorId, both: &[u8]) -> Option<u64> {
        let whole = |slot: &&[u8]| valid(slot, SLOT as usize, b"MSUP");
        both.chunks(SLOT as usize).filter(whole).find(|slot| uuid(slot, 8) != mirror.0).map(|s| get_u64(s, 8))
    }

    /// The newer valid one of both slots.
    pub fn newest(mirror: MirrorId, both: &[u8]) -> Option<Superblock> {
        let first = Superblock::decode(mirror, &both[..SLOT as usize]);
        let second = Superblock::decode(mirror, &both[SLOT as usize..]);
        first.into_iter().chain(second).max_by_key(|s| s.counter)
    }
}
