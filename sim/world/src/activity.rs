//! What each side of each mirror is doing, as its stages tell. The matrix of faults needs it, and nothing that decides.

use mirror::ids::Position;
use mirror::stage::Stage;

/// A phase of the protocol, from the least to the most remarkable: of two at a time the later one is named.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Doing {
    /// Nothing is under way.
    Idle,
    /// Records are: at the source not answered yet, at the destination not in their file.
    Log,
    /// The source has no connection.
    Apart,
    /// The source goes on without the destination.
    Alone,
    /// A sealed generation waits: at the source for SyncDone, at the destination (applied) for its file to be cleared.
    Sync,
    /// A resync is under way, or its file not in the image yet.
    Resync,
    /// Blocks are put in place.
    Apply,
    /// A damaged block waits for the peer's.
    Heal,
    /// The image is being recovered.
    Recover,
    /// The server boots.
    Boot,
    /// It has stopped with an alarm.
    Stopped,
    /// It does not run.
    Off,
}

impl Doing {
    /// All of them.
    pub const ALL: [Doing; 12] = [
        Doing::Idle,
        Doing::Log,
        Doing::Apart,
        Doing::Alone,
        Doing::Sync,
        Doing::Resync,
        Doing::Apply,
        Doing::Heal,
        Doing::Recover,
        Doing::Boot,
        Doing::Stopped,
        Doing::Off,
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Doing::Idle => "idle",
            Doing::Log => "log",
            Doing::Apart => "apart",
            Doing::Alone => "alone",
            Doing::Sync => "sync",
            Doing::Resync => "resync",
            Doing::Apply => "apply",
            Doing::Heal => "heal",
            Doing::Recover => "recover",
            Doing::Boot => "boot",
            Doing::Stopped => "stopped",
            Doing::Off => "off",
        }
    }
}

/// One side of one mirror.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Side {
    boot: bool,
    apart: bool,
    apply: bool,
    heal: bool,
    alone: bool,
    resync: bool,
    pub recover: bool,
    /// The last record that came in, and the last that is through.
    pub tail: Position,
    pub through: Position,
    /// The last record that left the destination's NVRAM.
    pub removed: Position,
    /// The last generation that was sealed (source) or applied (destination), and that was synchronized (cleared).
    pub closed: u64,
    pub synced: u64,
}

impl Side {
    fn note(&mut self, stage: Stage, at: Position) {
        match stage {
            Stage::BootStarted => self.boot = true,
            Stage::Booted => self.boot = false,
            Stage::Connected => self.apart = false,
            Stage::Numbered | Stage::Received => self.tail = self.tail.max(at),
            Stage::Replied | Stage::FileDurable => self.through = self.through.max(at),
            Stage::NvramRemoved => self.removed = self.removed.max(at),
            Stage::Sealed => self.closed = self.closed.max(at.generation),
            Stage::SyncCompleted | Stage::FileCleared => self.synced = self.synced.max(at.generation),
            Stage::ApplyStarted | Stage::ApplyJournaled => self.apply = true,
            Stage::Applied => self.apply = false,
            Stage::ImageApplied => (self.apply, self.closed) = (false, self.closed.max(at.generation)),
            Stage::BlockWanted => self.heal = true,
            Stage::BlockHealed => self.heal = false,
            Stage::RecoveryStarted => self.recover = true,
            Stage::Recovered => self.recover = false,
            Stage::Degraded => self.alone = true,
            Stage::ResyncBegun | Stage::ResyncReady => self.resync = true,
            Stage::ResyncApplied => self.resync = false,
            Stage::InSync => {
                (self.alone, self.resync) = (false, false);
                self.synced = self.closed;
            }
            _ => {}
        }
    }

    fn doing(&self) -> Doing {
        let signs = [
            (self.boot, Doing::Boot),
            (self.recover, Doing::Recover),
            (self.heal, Doing::Heal),
            (self.apply, Doing::Apply),
            (self.resync, Doing::Resync),
            (self.closed > self.synced && !self.alone, Doing::Sync),
            (self.alone, Doing::Alone),
            (self.apart, Doing::Apart),
            (self.tail > self.through, Doing::Log),
        ];
        signs.into_iter().find(|(on, _)| *on).map_or(Doing::Idle, |(_, doing)| doing)
    }
}

/// Both sides of every mirror: at its source, at the destination.
#[derive(Clone, Debug)]
pub(crate) struct Activity {
    sides: Vec<[Side; 2]>,
}

impl Activity {
    pub fn new(mirrors: usize) -> Self {
        Activity { sides: vec![[Side::default(); 2]; mirrors] }
    }

    pub fn side(&self, mirror: usize, at_destination: bool) -> &Side {
        &self.sides[mirror][usize::from(at_destination)]
    }

    /// A stage was reached.
    pub fn note(&mut self, stage: Stage, mirror: usize, at_destination: bool, at: Position) {
        self.sides[mirror][usize::from(at_destination)].note(stage, at);
    }

    /// Whether a server finds out what stands on its devices.
    pub fn begins(&self, mirror: usize, at_destination: bool) -> bool {
        let side = self.side(mirror, at_destination);
        side.boot || side.recover
    }

    /// A source has lost its connection.
    pub fn parted(&mut self, mirror: usize) {
        self.sides[mirror][0].apart = true;
    }

    /// A server starts: it knows nothing but what it reads.
    pub fn started(&mut self, mirror: usize, at_destination: bool) {
        let side = &mut self.sides[mirror][usize::from(at_destination)];
        let Side { closed, synced, alone, .. } = *side;
        *side = Side { boot: true, apart: !at_destination, closed, synced, alone, ..Side::default() };
    }

    /// What one side of these mirrors does: the most remarkable.
    pub fn doing(&self, mirrors: &[usize], at_destination: bool) -> Doing {
        let all = mirrors.iter().map(|m| self.side(*m, at_destination).doing());
        all.max().unwrap_or(Doing::Idle)
    }
}
