//! What a host asks of the machines of its servers. Ours implement it, and so may others: the simulation is generic over it,
//! and costs nothing by that. Inputs return at once; effects are polled until there are none.
//!
//! What has a default is not needed by a machine that keeps a mirror and recovers it, but for promotions, adoptions,
//! rounds, or reports.

use crate::destination::{Destination, Standing};
use crate::effect::{Completion, Effect, Token};
use crate::ids::MirrorIndex;
use crate::quirk::Quirk;
use crate::source::{Exposure, Request, Source};
use crate::status::Status;
use crate::wire::Frame;

/// What is asked of each machine.
pub trait Machine {
    /// The next effect, in order.
    fn poll_effect(&mut self) -> Option<Effect>;
    /// When `handle_timeout` is wanted.
    fn poll_timeout(&self) -> Option<u64>;
    /// A timer is due.
    fn handle_timeout(&mut self, now: u64);
    /// An effect finished.
    fn handle_done(&mut self, now: u64, token: Token, completion: Completion);
    /// Only so many bytes of NVRAM were found at the start.
    fn handle_nvram(&mut self, _size: u64) {}
    /// How it stands, in words.
    fn status(&self) -> Status {
        Status::default()
    }
}

/// The machine of a source.
pub trait SourceMachine: Machine {
    /// A client's request.
    fn handle_request(&mut self, now: u64, request: Request);
    /// A frame from the destination.
    fn handle_frame(&mut self, now: u64, frame: &Frame);
    /// The transport broke.
    fn handle_disconnect(&mut self, now: u64);
    /// Operator: seal the open generation now, empty or not.
    fn handle_seal(&mut self, now: u64);
    /// Whether it takes requests.
    fn serving(&self) -> bool;
    /// Whether it has stopped with an alarm.
    fn stopped(&self) -> bool;
    /// Whether nothing is under way, and the destination has everything, or never will.
    fn quiet(&self) -> bool;
    /// Whether nothing is under way but what the other server has to have.
    fn waits_for_peer(&self) -> bool;
    /// The epoch in which it writes.
    fn epoch(&self) -> u64;
    /// What would be lost with it now, at most (I15).
    fn exposure(&self) -> Exposure;
    /// Bytes of records in NVRAM that are not freed.
    fn log_bytes(&self) -> u64 {
        0
    }
    /// Whether the clients were handed over, and nobody is known to serve them (LR8).
    fn gives_way(&self) -> bool {
        false
    }
    /// Whether it has stopped only to become the mirror of whoever serves the clients (LR7).
    fn waits_for_heir(&self) -> bool {
        false
    }
    /// Whether its log or its disk is lost, and it serves nobody any more (SR8).
    fn has_lost(&self) -> bool {
        false
    }
    /// The generation of its oldest partition that is not free, if it is sealed (DR11).
    fn oldest_sealed(&self) -> Option<u64> {
        None
    }
    /// Whether the partition of a generation is not free yet (DR11).
    fn owes(&self, _generation: u64) -> bool {
        false
    }
    /// A round takes this generation (DR11).
    fn handle_round(&mut self, _now: u64, _generation: u64) {}
}

/// The machine of a destination; it may keep several mirrors.
pub trait DestinationMachine: Machine {
    /// A frame from the source of a mirror.
    fn handle_frame(&mut self, now: u64, from: MirrorIndex, frame: &Frame);
    /// The transport of a mirror broke.
    fn handle_disconnect(&mut self, now: u64, mirror: MirrorIndex);
    /// Operator: recover the mirror, whether its source lives or not (DR7).
    fn handle_recover(&mut self, now: u64, mirror: MirrorIndex);
    /// How a mirror stands.
    fn standing(&self, mirror: MirrorIndex) -> Standing;
    /// Whether nothing of a mirror is under way.
    fn quiet(&self, mirror: MirrorIndex) -> bool;
    /// How many mirrors it has.
    fn mirrors(&self) -> MirrorIndex;
    /// The battery of the NVRAM is low, or is not any more.
    fn handle_degraded(&mut self, _now: u64, _degraded: bool) {}
    /// How far the image of a mirror is: the last generation in it.
    fn applied(&self, _mirror: MirrorIndex) -> u64 {
        0
    }
    /// Records that the last recovery of a mirror applied.
    fn replayed(&self, _mirror: MirrorIndex) -> u64 {
        0
    }
    /// How a mirror stands, in words.
    fn status_of(&self, _mirror: MirrorIndex) -> Status {
        Status::default()
    }
    /// The generations of a mirror that can be applied, and are to be: first and last (DR11).
    fn asked(&self, _mirror: MirrorIndex) -> Option<(u64, u64)> {
        None
    }
    /// A round takes the files of a mirror up to this generation (DR11).
    fn handle_round(&mut self, _now: u64, _mirror: MirrorIndex, _generation: u64) {}
    /// Operator: recover the mirror, and serve its clients (LR6).
    fn handle_promote(&mut self, _now: u64, _mirror: MirrorIndex) {}
    /// Operator: recover the mirror for another server than its source (LR9).
    fn handle_adopt(&mut self, _now: u64, _mirror: MirrorIndex) {}
    /// A frame from the former source of a mirror that another server has adopted (LR9).
    fn handle_stranger(&mut self, _now: u64, _mirror: MirrorIndex, _frame: &Frame) {}
    /// A request of a client of a mirror that was promoted.
    fn handle_request(&mut self, _now: u64, _mirror: MirrorIndex, _request: Request) {}
    /// Operator: hand the clients of a mirror that was promoted over (LR8). True: it goes about it.
    fn handle_hand_over(&mut self, _now: u64, _mirror: MirrorIndex) -> bool {
        false
    }
    /// Operator, by force: serve the clients of a mirror here again (LR8). True: nothing is handed over any more.
    fn handle_reclaim(&mut self, _now: u64, _mirror: MirrorIndex) -> bool {
        false
    }
    /// Operator: seal the open generation of a mirror that was promoted.
    fn handle_seal(&mut self, _now: u64, _mirror: MirrorIndex) {}
    /// Whether the clients of a mirror are served here, now.
    fn serves(&self, _mirror: MirrorIndex) -> bool {
        false
    }
    /// What would be lost with this server of the clients that its mirror does not have; `None`: it is not theirs.
    fn exposure(&self, _mirror: MirrorIndex) -> Option<Exposure> {
        None
    }
    /// Whether the clients of a mirror are served here, and nothing is under way but what the other server has to have.
    fn waits_for_peer(&self, _mirror: MirrorIndex) -> bool {
        false
    }
    /// Whether the clients of a mirror are served here, and the other server has everything.
    fn in_sync(&self, _mirror: MirrorIndex) -> bool {
        false
    }
    /// Whether the clients of a mirror were handed over, and nobody is known to serve them.
    fn gives_way(&self, _mirror: MirrorIndex) -> bool {
        false
    }
    /// Whether they were handed over to a server that has said that it lacks what they need.
    fn bereft(&self, _mirror: MirrorIndex) -> bool {
        false
    }
    /// Whether they were handed over, or are about to be.
    fn hands_over(&self, _mirror: MirrorIndex) -> bool {
        false
    }
}

/// Methods that a type of ours has under the same names.
macro_rules! has {
    ($own:ident; $($name:ident($($mutable:ident)? $(, $arg:ident: $type:ty)*) $(-> $result:ty)?;)*) => {
        $(fn $name(&$($mutable)? self $(, $arg: $type)*) $(-> $result)? { $own::$name(self $(, $arg)*) })*
    };
}

/// What both have.
macro_rules! machine {
    ($own:ident) => {
        impl<Q: Quirk> Machine for $own<Q> {
            has! { $own;
                poll_effect(mut) -> Option<Effect>;
                poll_timeout() -> Option<u64>;
                handle_timeout(mut, now: u64);
                handle_done(mut, now: u64, token: Token, completion: Completion);
                handle_nvram(mut, size: u64);
                status() -> Status;
            }
        }
    };
}

machine!(Source);
machine!(Destination);

impl<Q: Quirk> SourceMachine for Source<Q> {
    has! { Source;
        handle_request(mut, now: u64, request: Request);
        handle_frame(mut, now: u64, frame: &Frame);
        handle_disconnect(mut, now: u64);
        handle_seal(mut, now: u64);
        serving() -> bool;
        stopped() -> bool;
        quiet() -> bool;
        waits_for_peer() -> bool;
        epoch() -> u64;
        exposure() -> Exposure;
        log_bytes() -> u64;
        gives_way() -> bool;
        waits_for_heir() -> bool;
        has_lost() -> bool;
        oldest_sealed() -> Option<u64>;
        owes(, generation: u64) -> bool;
        handle_round(mut, now: u64, generation: u64);
    }
}

impl<Q: Quirk> DestinationMachine for Destination<Q> {
    has! { Destination;
        handle_frame(mut, now: u64, from: MirrorIndex, frame: &Frame);
        handle_disconnect(mut, now: u64, mirror: MirrorIndex);
        handle_recover(mut, now: u64, mirror: MirrorIndex);
        standing(, mirror: MirrorIndex) -> Standing;
        quiet(, mirror: MirrorIndex) -> bool;
        mirrors() -> MirrorIndex;
        handle_degraded(mut, now: u64, degraded: bool);
        applied(, mirror: MirrorIndex) -> u64;
        replayed(, mirror: MirrorIndex) -> u64;
        status_of(, mirror: MirrorIndex) -> Status;
        asked(, mirror: MirrorIndex) -> Option<(u64, u64)>;
        handle_round(mut, now: u64, mirror: MirrorIndex, generation: u64);
        handle_promote(mut, now: u64, mirror: MirrorIndex);
        handle_adopt(mut, now: u64, mirror: MirrorIndex);
        handle_stranger(mut, now: u64, mirror: MirrorIndex, frame: &Frame);
        handle_request(mut, now: u64, mirror: MirrorIndex, request: Request);
        handle_hand_over(mut, now: u64, mirror: MirrorIndex) -> bool;
        handle_reclaim(mut, now: u64, mirror: MirrorIndex) -> bool;
        handle_seal(mut, now: u64, mirror: MirrorIndex);
        serves(, mirror: MirrorIndex) -> bool;
        exposure(, mirror: MirrorIndex) -> Option<Exposure>;
        waits_for_peer(, mirror: MirrorIndex) -> bool;
        in_sync(, mirror: MirrorIndex) -> bool;
        gives_way(, mirror: MirrorIndex) -> bool;
        bereft(, mirror: MirrorIndex) -> bool;
        hands_over(, mirror: MirrorIndex) -> bool;
    }
}
