//! A machine with something around it: whoever wants to study one rule of the protocol need not write all the others.

use mirror::destination::Standing;
use mirror::effect::{Completion, Effect, Token};
use mirror::host::{DestinationMachine, Machine, SourceMachine};
use mirror::ids::MirrorIndex;
use mirror::source::{Exposure, Request};
use mirror::status::Status;
use mirror::wire::Frame;
use std::collections::VecDeque;

/// What stands around a machine: it hears every frame before the machine does, has every effect of it pass, and may keep,
/// change, delay, or add some. It is volatile, like the machine.
pub trait Layer {
    /// The machine asks for this. What is put into `out` is asked of the world.
    fn effect(&mut self, _now: u64, effect: Effect, out: &mut VecDeque<Effect>) {
        out.push_back(effect);
    }

    /// A frame of a mirror; false: the machine does not hear of it.
    fn frame(
        &mut self,
        _now: u64,
        _mirror: MirrorIndex,
        _frame: &Frame,
        _out: &mut VecDeque<Effect>,
    ) -> bool {
        true
    }

    /// When it wants `handle_timeout` itself.
    fn poll_timeout(&self) -> Option<u64> {
        None
    }

    /// That time has come.
    fn handle_timeout(&mut self, _now: u64, _out: &mut VecDeque<Effect>) {}

    /// Whether it holds nothing back.
    fn quiet(&self) -> bool {
        true
    }
}

/// A machine with a layer around it.
#[derive(Debug)]
pub struct Layered<T, L> {
    machine: T,
    layer: L,
    now: u64,
    out: VecDeque<Effect>,
}

impl<T: Machine, L: Layer> Layered<T, L> {
    /// Puts a layer around a machine that was switched on at that time.
    pub fn new(machine: T, layer: L, now: u64) -> Layered<T, L> {
        Layered { machine, layer, now, out: VecDeque::new() }
    }
}

/// Inputs that go to the machine as they are, behind the time.
macro_rules! inputs {
    ($($name:ident($($arg:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        $(fn $name(&mut self, now: u64 $(, $arg: $type)*) $(-> $result)? {
            self.now = now;
            self.machine.$name(now $(, $arg)*)
        })*
    };
}

/// Questions that the machine answers.
macro_rules! questions {
    ($($name:ident($($arg:ident: $type:ty),*) -> $result:ty;)*) => {
        $(fn $name(&self $(, $arg: $type)*) -> $result { self.machine.$name($($arg),*) })*
    };
}

impl<T: Machine, L: Layer> Machine for Layered<T, L> {
    inputs! {
        handle_done(token: Token, completion: Completion);
    }

    questions! {
        status() -> Status;
    }

    fn handle_nvram(&mut self, size: u64) {
        self.machine.handle_nvram(size);
    }

    fn poll_effect(&mut self) -> Option<Effect> {
        while self.out.is_empty() {
            let effect = self.machine.poll_effect()?;
            self.layer.effect(self.now, effect, &mut self.out);
        }
        self.out.pop_front()
    }

    fn poll_timeout(&self) -> Option<u64> {
        [self.machine.poll_timeout(), self.layer.poll_timeout()].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, now: u64) {
        self.now = now;
        if self.layer.poll_timeout().is_some_and(|at| at <= now) {
            self.layer.handle_timeout(now, &mut self.out);
        }
        if self.machine.poll_timeout().is_some_and(|at| at <= now) {
            self.machine.handle_timeout(now);
        }
    }
}

impl<T: SourceMachine, L: Layer> SourceMachine for Layered<T, L> {
    inputs! {
        handle_request(request: Request);
        handle_disconnect();
        handle_seal();
        handle_round(generation: u64);
    }

    questions! {
        serving() -> bool;
        stopped() -> bool;
        epoch() -> u64;
        exposure() -> Exposure;
        log_bytes() -> u64;
        gives_way() -> bool;
        waits_for_heir() -> bool;
        has_lost() -> bool;
        oldest_sealed() -> Option<u64>;
        owes(generation: u64) -> bool;
    }

    fn handle_frame(&mut self, now: u64, frame: &Frame) {
        self.now = now;
        if self.layer.frame(now, 0, frame, &mut self.out) {
            self.machine.handle_frame(now, frame);
        }
    }

    fn quiet(&self) -> bool {
        self.layer.quiet() && self.machine.quiet()
    }

    fn waits_for_peer(&self) -> bool {
        self.layer.quiet() && self.machine.waits_for_peer()
    }
}

impl<T: DestinationMachine, L: Layer> DestinationMachine for Layered<T, L> {
    inputs! {
        handle_disconnect(mirror: MirrorIndex);
        handle_recover(mirror: MirrorIndex);
        handle_degraded(degraded: bool);
        handle_round(mirror: MirrorIndex, generation: u64);
        handle_promote(mirror: MirrorIndex);
        handle_adopt(mirror: MirrorIndex);
        handle_stranger(mirror: MirrorIndex, frame: &Frame);
        handle_request(mirror: MirrorIndex, request: Request);
        handle_hand_over(mirror: MirrorIndex) -> bool;
        handle_reclaim(mirror: MirrorIndex) -> bool;
        handle_seal(mirror: MirrorIndex);
    }

    questions! {
        standing(mirror: MirrorIndex) -> Standing;
        mirrors() -> MirrorIndex;
        applied(mirror: MirrorIndex) -> u64;
        replayed(mirror: MirrorIndex) -> u64;
        status_of(mirror: MirrorIndex) -> Status;
        asked(mirror: MirrorIndex) -> Option<(u64, u64)>;
        serves(mirror: MirrorIndex) -> bool;
        exposure(mirror: MirrorIndex) -> Option<Exposure>;
        gives_way(mirror: MirrorIndex) -> bool;
        bereft(mirror: MirrorIndex) -> bool;
        hands_over(mirror: MirrorIndex) -> bool;
    }

    fn handle_frame(&mut self, now: u64, from: MirrorIndex, frame: &Frame) {
        self.now = now;
        if self.layer.frame(now, from, frame, &mut self.out) {
            self.machine.handle_frame(now, from, frame);
        }
    }

    fn quiet(&self, mirror: MirrorIndex) -> bool {
        self.layer.quiet() && self.machine.quiet(mirror)
    }

    fn waits_for_peer(&self, mirror: MirrorIndex) -> bool {
        self.layer.quiet() && self.machine.waits_for_peer(mirror)
    }

    fn in_sync(&self, mirror: MirrorIndex) -> bool {
        self.layer.quiet() && self.machine.in_sync(mirror)
    }
}
