//! SR3, claim 22: sealed iff full or forced, and then asked for.

use crate::encode;
use crate::rig::*;
use mirrorsim_oracle::*;

fn found(rig: &Rig, words: &str) -> bool {
    rig.judge.findings().iter().any(|f| f.oracle == "seals" && f.message.contains(words))
}

/// Only the seal of the open generation.
fn seal(rig: &mut Rig) {
    let records = rig.of_generation(1);
    let seal = encode::seal(&uuid(0), 1, &records, Default::default());
    rig.store(Server::Source(0), Device::Nvram, PARTITION, &seal);
    rig.flush(Server::Source(0), Device::Nvram);
}

#[test]
fn a_seal_that_nobody_forced_with_room_left() {
    let mut rig = Rig::new();
    rig.run(write(0, 100, 1));
    seal(&mut rig);
    assert!(found(&rig, "nobody forced it"), "{:#?}", rig.judge.findings());
}

#[test]
fn a_forced_seal_is_good_and_so_is_one_of_a_full_partition() {
    let mut rig = Rig::new();
    rig.run(write(0, 100, 1));
    rig.judge.forced(0);
    seal(&mut rig);
    rig.clean();

    let mut rig = Rig::new();
    rig.run(write(0, 1500, 1));
    rig.run(write(0, 1500, 2));
    // Asked, without a number yet, and too long for what is left.
    let op = write(0, 1000, 2);
    rig.judge.issued(0, Request { client: 0, slot: 7, request: 99, volume: 0, op });
    seal(&mut rig);
    rig.clean();
}

#[test]
fn a_forced_seal_is_written_and_asked_for() {
    let mut rig = Rig::new();
    rig.run(write(0, 100, 1));
    rig.judge.healed();
    rig.judge.forced(0);
    rig.judge.end();
    assert!(found(&rig, "never written"), "{:#?}", rig.judge.findings());

    let mut rig = Rig::new();
    rig.run(write(0, 100, 1));
    rig.judge.healed();
    rig.judge.forced(0);
    seal(&mut rig);
    rig.judge.end();
    assert!(found(&rig, "SyncRequests came only up to"), "{:#?}", rig.judge.findings());
}
