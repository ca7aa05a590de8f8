//! How many copies there are, and what may still be taken.

use crate::encode;
use crate::rig::*;
use mirrorsim_oracle::*;

fn copies(rig: &Rig) -> Vec<(u8, u8, u64)> {
    rig.judge.census().into_iter().map(|(c, bytes)| (c.source, c.destination, bytes)).collect()
}

/// A bit of a record at the destination is flipped, and the judge told.
fn damage(rig: &mut Rig, device: Device, offset: u64) {
    let disk = &mut rig.destination.disks[device as usize];
    disk.stable[offset as usize] ^= 4;
    disk.current[offset as usize] ^= 4;
    let d = rig.destination.clone();
    rig.judge.fault_damage(Server::Destination, device, offset, 1, &d.stable(), &d.current());
}

fn range(server: Server, device: Device, offset: u64) -> Loss {
    Loss::Range { server, device, offset, length: 1 }
}

#[test]
fn copies_are_counted_where_they_stand() {
    let mut rig = Rig::new();
    rig.run(write(0, 512, 1));
    assert_eq!(copies(&rig), [(1, 2, 512)], "source NVRAM; NVRAM and file");
    rig.free();
    assert_eq!(copies(&rig), [(1, 1, 512)], "removed from the destination's NVRAM");
    rig.run(write(256, 512, 2));
    assert_eq!(copies(&rig), [(1, 1, 256), (1, 2, 512)], "what is replaced does not count");
    rig.judge.look_at_ledger();
    rig.clean();
}

#[test]
fn an_answer_without_a_copy_at_each_site_is_seen() {
    for forwarded in [true, false] {
        let mut rig = Rig::new();
        rig.judge.only("durability");
        let index = rig.number(write(0, 512, 1));
        if forwarded {
            rig.forward(index);
            rig.accept(index);
        }
        rig.reply(index);
        let before = rig.judge.total_findings();
        rig.judge.look_at_ledger();
        assert_eq!(rig.judge.total_findings() > before, !forwarded);
    }
}

#[test]
fn the_last_good_copy_must_not_be_taken() {
    let mut rig = Rig::new();
    for i in 0..3 {
        rig.run(write(i * 512, 512, i as u8 + 1));
    }
    rig.free();
    let at = rig.place(1) + 128 + 640 + 200;
    let record = range(Server::Destination, Device::Log, at);
    let nvram = |server| Loss::Nvram(server);
    assert_eq!(rig.judge.beyond(&Loss::Site(0)), None);
    assert_eq!(rig.judge.beyond(&record), None, "the source has it");
    assert_eq!(rig.judge.beyond(&nvram(Server::Source(0))), None);
    damage(&mut rig, Device::Log, at);
    let why = rig.judge.beyond(&Loss::Site(0)).expect("beyond");
    assert!(why.contains("mirror 0: (1, 2) is damaged"), "{why}");
    assert!(rig.judge.beyond(&nvram(Server::Source(0))).is_some());
    assert!(rig.judge.beyond(&range(Server::Source(0), Device::Nvram, 200)).is_some());
    assert_eq!(rig.judge.beyond(&Loss::Site(1)), None, "another mirror");
    rig.clean();
}

#[test]
fn with_the_source_gone_the_destination_has_the_last_copies() {
    let mut rig = Rig::new();
    rig.run(write(0, 512, 1));
    rig.free();
    rig.run(write(512, 512, 2));
    let filed = range(Server::Destination, Device::Log, rig.place(1) + 300);
    let empty = range(Server::Destination, Device::Log, rig.place(1) + FILE - 8);
    rig.judge.disaster(0);
    assert!(rig.judge.beyond(&filed).is_some_and(|why| why.contains("source is gone")));
    assert_eq!(rig.judge.beyond(&empty), None, "nothing stands there");
    assert_eq!(rig.judge.beyond(&Loss::Nvram(Server::Destination)), None, "all of it is filed");
    let mut rig = Rig::new();
    let index = rig.number(write(0, 512, 1));
    rig.forward(index);
    rig.accept(index);
    rig.reply(index);
    assert_eq!(rig.judge.beyond(&Loss::Nvram(Server::Destination)), None, "the source has it");
    rig.judge.disaster(0);
    assert!(rig.judge.beyond(&Loss::Nvram(Server::Destination)).is_some(), "it is not filed");
}

#[test]
fn a_block_may_be_damaged_on_one_side() {
    let mut rig = Rig::new();
    rig.run(write(0, 512, 1));
    rig.seal();
    let block = |server| range(server, Device::Image, DATA + 7);
    assert_eq!(rig.judge.beyond(&block(Server::Source(0))), None);
    damage(&mut rig, Device::Image, DATA + 7);
    let why = rig.judge.beyond(&block(Server::Source(0))).expect("beyond");
    assert!(why.contains("block 0 of volume 0 is damaged at the other site, too"), "{why}");
    assert!(rig.judge.beyond(&Loss::Site(0)).is_some());
}

/// The journal of a server that is down holds what its boot is sure to put in place.
#[test]
fn a_block_that_a_boot_will_put_in_place_is_not_lost() {
    for (repair, down) in [(true, true), (true, false), (false, true)] {
        let (d, s) = (Server::Destination, Server::Source(0));
        let mut rig = Rig::new();
        rig.run(write(0, 512, 1));
        rig.seal();
        let place = |at: u64| (at, rig.destination.stable().read(Device::Image, at, 512).to_vec());
        let entries = [place(DATA), place(CHECKS)];
        damage(&mut rig, Device::Image, DATA + 7);
        let journal = encode::journal_of(&uuid(0), (1, 0), rig.tail(), &entries, repair);
        rig.store(d, Device::Image, 4096, &journal);
        rig.flush(d, Device::Image);
        rig.destination.cut();
        let view = rig.destination.clone();
        if down {
            rig.judge.crashed(d, true, &view.stable(), &view.stable());
        }
        let good = repair && down;
        assert_eq!(rig.judge.beyond(&range(s, Device::Image, DATA + 7)).is_none(), good, "{repair} {down}");
        // Of one that runs the cursor may pass the journal before a recovery reads it.
        assert_eq!(rig.judge.beyond(&Loss::Site(0)).is_none(), good, "{repair} {down}");
    }
}

#[test]
fn a_real_recovery_within_the_model_loses_nothing() {
    for answered in [true, false] {
        let mut rig = Rig::new();
        rig.run(write(0, 512, 1));
        if answered {
            rig.run(write(512, 512, 2));
        }
        let p = rig.records[0].position;
        let verdict = Verdict::Damaged { from: Position::new(p.0, p.1), to: Position::new(1, 2) };
        let (state, _, to) = rig.recovery_that_says(1, verdict);
        rig.judge.only("damage");
        rig.judge.recovered(0, &state.current(), to);
        let said = rig.judge.findings().iter().any(|f| f.message.contains("within the fault model"));
        assert_eq!(said, answered, "{:#?}", rig.judge.findings());
    }
}

#[test]
fn sides_that_stay_apart_say_why() {
    for alarm in [true, false] {
        let mut rig = Rig::new();
        rig.run(write(0, 512, 1));
        damage(&mut rig, Device::Log, 300);
        if alarm {
            rig.judge.alarm(Server::Destination, Some(0), "damaged", "a record");
        }
        rig.judge.only("liveness");
        rig.judge.healed();
        rig.judge.end();
        assert_eq!(rig.found().contains("liveness"), !alarm);
    }
}

/// Whoever recovers a mirror fences its source, which may still answer what was acknowledged before.
#[test]
fn what_is_acknowledged_and_not_answered_counts_if_the_source_lives() {
    let mut rig = Rig::new();
    rig.run(write(0, 512, 1));
    rig.free();
    let index = rig.number(write(512, 512, 2));
    rig.forward(index);
    rig.accept(index);
    rig.file(index);
    rig.free();
    assert_eq!(rig.judge.beyond(&Loss::Fenced(0)), None);
    let at = rig.place(1) + 128 + 640 + 200;
    damage(&mut rig, Device::Log, at);
    assert_eq!(rig.judge.beyond(&Loss::Site(0)), None, "no client was answered, and none will be");
    let why = rig.judge.beyond(&Loss::Fenced(0)).expect("beyond");
    assert!(why.contains("mirror 0: (1, 2) is damaged"), "{why}");
    rig.judge.disaster(0);
    assert_eq!(rig.judge.beyond(&Loss::Fenced(0)), None, "nobody is left who could answer");
}

/// Where clients wait for nobody, no answer is under way with an acknowledgement.
#[test]
fn what_is_acknowledged_says_nothing_of_clients_that_do_not_wait() {
    let mut setup = setup();
    setup.policy = Policy::Async;
    let mut rig = Rig::with(setup);
    rig.theirs.superblock.policy = 3;
    rig.superblock(Server::Destination);
    let index = rig.number(write(0, 512, 1));
    rig.forward(index);
    rig.accept(index);
    rig.file(index);
    rig.free();
    let at = rig.place(1) + 128 + 200;
    damage(&mut rig, Device::Log, at);
    assert_eq!(rig.judge.beyond(&Loss::Fenced(0)), None);
}
