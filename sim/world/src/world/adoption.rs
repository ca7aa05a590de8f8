//! Adoption (LR9): another source is to serve the clients of a mirror. Its server has a place for that, which was empty until
//! the mirror is recovered for it; from then on it is the peer of the destination, and the former source is a stranger.

use super::World;
use super::recoveries::ASK;
use crate::event::{Event, Phase};
use crate::hosted::{DestinationMachine, Machines};
use crate::outcome::TakeoverKind;
use crate::server::Machine;
use crate::spec::Fault;
use mirror::effect::Device;
use mirror::mark::{self, Mark};
use mirror::superblock::{Role, SLOT, Superblock};

impl<M: Machines> World<'_, M> {
    /// The operator wants an adoption, as fault `index` of the plan. While the clients are being handed over it must not begin:
    /// who has given them away would wait for a server that is not its peer any more. It waits until they are there.
    pub(super) fn adopts(&mut self, index: usize, source: usize, by: usize) -> bool {
        if !self.is_handing_over(source) {
            return self.order_adoption(source, by);
        }
        self.armed.insert(index);
        self.sched.at(self.sched.now() + ASK, Event::Adopt { index: index as u32 });
        false
    }

    /// It is ordered once the clients are where they were to go.
    pub(super) fn try_to_adopt(&mut self, index: usize) {
        let Fault::Adopt { source, by } = self.faults[index].fault else { return };
        if self.phase == Phase::Faults && self.armed.remove(&index) && self.adopts(index, source, by) {
            self.took_effect(index);
        }
    }

    fn is_handing_over(&self, source: usize) -> bool {
        let d = self.destination_of(source);
        let desk = self.desk(d, source);
        let both = self.servers[d].store(Device::Image).stable().read(self.regions[source].base, 2 * SLOT);
        let retired = Superblock::newest(self.geometries[source].mirror, &both)
            .is_some_and(|found| found.role == Role::Retired);
        let about = |m: &Machine<M>| matches!(m, Machine::Destination(m) if m.hands_over(desk));
        retired || self.servers[d].machine.as_ref().is_some_and(about)
    }

    /// The operator wants the clients of a source to be served by another one; false: that is gone, or serves them.
    pub(super) fn order_adoption(&mut self, source: usize, by: usize) -> bool {
        let Some(place) = self.spare_of(source, by) else { return false };
        if self.source_of(source) == place || self.adoptions[source].is_some() {
            // It is, or is about to be, whoever asks for it.
            return self.source_of(source) == place || self.adoptions[source] == Some(by);
        }
        if self.servers[by].gone || self.servers[self.destination_of(source)].gone {
            return false;
        }
        self.adoptions[source] = Some(by);
        let now = self.sched.now();
        self.service[source].ordered(TakeoverKind::Adoption, place, Some(by), now);
        let (judge, number) = self.bench.of(source);
        judge.excuse(Some(number), "recover");
        if self.serves_at_destination(self.destination_of(source), source) {
            // The destination goes on serving them until that one has everything.
            self.seat_adopter(source);
        } else {
            self.order_recovery(source, true);
        }
        true
    }

    /// Whether the destination has a mirror for another server, and answers nobody.
    pub(super) fn is_recovered_for_another(&self, source: usize) -> bool {
        let d = self.destination_of(source);
        let serves = |m: &Machine<M>| matches!(m, Machine::Destination(m) if m.serves(self.desk(d, source)));
        let adopts = self.adoptions[source].is_some() && self.serves_at_destination(d, source);
        adopts && !self.servers[d].machine.as_ref().is_some_and(serves)
    }

    /// The operator has the clients served by the destination after all; false: it does not hear that.
    pub(super) fn serve_after_all(&mut self, source: usize) -> bool {
        let d = self.destination_of(source);
        let (desk, shows, now) = (self.desk(d, source), self.clock(d), self.sched.now());
        let s = &mut self.servers[d];
        let Some(Machine::Destination(m)) = s.machine.as_mut().filter(|_| s.paused_until <= now) else {
            return false;
        };
        m.handle_promote(shows, desk);
        self.hand_overs.remove(&source);
        self.drain(d);
        true
    }

    /// The mirror is recovered: whoever is to serve its clients is the destination's peer from now on, with nothing on its disks.
    pub(super) fn seat_adopter(&mut self, source: usize) {
        let place = self.adoptions[source].and_then(|by| self.spare_of(source, by));
        let Some(place) = place.filter(|place| self.source_of(source) != *place) else { return };
        let before = self.source_of(source);
        self.disconnected(self.line(before));
        let (judge, number) = self.bench.of(source);
        judge.adopted(number);
        self.sources[source] = place;
        self.bench.takes_place(source, before, place);
        self.make_target(source, place);
        self.start(place);
        if self.hand_overs.insert(source) {
            self.sched.at(self.sched.now(), Event::HandOver { source: source as u16 });
        }
    }

    /// Superblock and mark of one whose devices are empty, and that is to be the mirror of the destination.
    pub(super) fn make_target(&mut self, source: usize, place: usize) {
        let uuid = self.geometries[source].mirror;
        let epoch = self.epoch(self.destination_of(source), source);
        let fresh = Superblock::fresh(Role::Target, self.spec.protocol.ack);
        let superblock = Superblock { counter: 1, epoch, void: true, ..fresh };
        self.format(place, Device::Image, superblock.slot(), superblock.encode(uuid), source);
        let mark = Mark { counter: 1, ..Mark::default() };
        self.format(place, Device::Mark, mark.slot(mark::base(0)), mark.encode(uuid), source);
    }
}
