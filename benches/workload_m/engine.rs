//! The same on the engine: decisions by site and subject, an entry of the trace for each event.

use crate::{DESTINATION_LOG, IN_FLIGHT, LINK, SOURCE_LOG, SOURCES, payload};
use mirrorsim_engine::{Decisions, Delay, Entry, Scheduler, Site, Trace};
use xxhash_rust::xxh3::xxh3_64;

const SITE_SOURCE_LOG: Site = Site(32);
const SITE_FORWARD: Site = Site(33);
const SITE_LOG: Site = Site(34);
const SITE_ACK: Site = Site(35);

/// Something happens to the write in a slot.
#[derive(Clone, Copy)]
enum Event {
    Request { slot: u32 },
    SourceLogged { slot: u32 },
    Forward { slot: u32, checksum: u64 },
    Logged { slot: u32 },
    Ack { slot: u32 },
    Reply { slot: u32 },
}

struct Write {
    id: u64,
    checksum: u64,
    payload: [u8; payload::SIZE],
}

struct World {
    scheduler: Scheduler<Event>,
    decisions: Decisions,
    trace: Trace,
    slots: Vec<Write>,
    issued: u64,
    writes: u64,
}

impl World {
    fn handle(&mut self, event: Event) {
        match event {
            Event::Request { slot } => {
                let write = &mut self.slots[slot as usize];
                write.checksum = xxh3_64(&write.payload);
                self.emit(1, slot);
                self.after(SITE_SOURCE_LOG, SOURCE_LOG, slot, Event::SourceLogged { slot });
            }
            Event::SourceLogged { slot } => {
                let checksum = self.slots[slot as usize].checksum;
                self.emit(2, slot);
                self.after(SITE_FORWARD, LINK, slot, Event::Forward { slot, checksum });
            }
            Event::Forward { slot, checksum } => {
                assert_eq!(checksum, xxh3_64(&self.slots[slot as usize].payload));
                self.emit(3, slot);
                self.after(SITE_LOG, DESTINATION_LOG, slot, Event::Logged { slot });
            }
            Event::Logged { slot } => {
                self.emit(4, slot);
                self.after(SITE_ACK, LINK, slot, Event::Ack { slot });
            }
            Event::Ack { slot } => {
                self.emit(5, slot);
                self.scheduler.at(self.scheduler.now(), Event::Reply { slot });
            }
            Event::Reply { slot } => {
                self.emit(6, slot);
                self.issue(slot);
            }
        }
    }

    fn issue(&mut self, slot: u32) {
        if self.issued == self.writes {
            return;
        }
        let write = &mut self.slots[slot as usize];
        write.id = self.issued;
        payload::fill(&mut write.payload, self.issued);
        self.issued += 1;
        self.scheduler.at(self.scheduler.now(), Event::Request { slot });
    }

    fn after(&mut self, site: Site, (min, max): (u64, u64), slot: u32, event: Event) {
        let delay = self.decisions.delay(site, source(slot), &Delay::uniform(min, max));
        self.scheduler.at(self.scheduler.now() + delay, event);
    }

    fn emit(&mut self, kind: u16, slot: u32) {
        let write = &self.slots[slot as usize];
        self.trace.emit(Entry {
            time: self.scheduler.now(),
            kind,
            actor: source(slot) as u16,
            peer: 0,
            flags: 0,
            a: write.id,
            b: write.checksum,
            c: u64::from(slot),
        });
    }
}

fn source(slot: u32) -> u32 {
    slot / IN_FLIGHT as u32
}

/// Runs `writes` writes; returns the digest.
pub fn run(seed: u64, writes: u64) -> u64 {
    let mut world = World {
        scheduler: Scheduler::new(),
        decisions: Decisions::new(seed),
        trace: Trace::new(None),
        slots: Vec::new(),
        issued: 0,
        writes,
    };
    for slot in 0..(SOURCES * IN_FLIGHT) as u32 {
        world.slots.push(Write { id: 0, checksum: 0, payload: [0; payload::SIZE] });
        world.issue(slot);
    }
    while let Some(event) = world.scheduler.next() {
        world.handle(event);
    }
    assert_eq!(world.trace.count(), writes * crate::EVENTS);
    world.trace.digest()
}
