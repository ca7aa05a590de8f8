//! What the rig damages is masked or reported, and nothing else is.

use crate::rig::*;
use mirrorsim_oracle::*;

/// Flips a bit of the destination's media and tells the judge.
fn damage(rig: &mut Rig, device: Device, offset: u64) {
    for disk in [true, false] {
        let disk_bytes = &mut rig.destination.disks[device as usize];
        let bytes = if disk { &mut disk_bytes.stable } else { &mut disk_bytes.current };
        bytes[offset as usize] ^= 4;
    }
    let d = rig.destination.clone();
    rig.judge.fault_damage(Server::Destination, device, offset, 1, &d.stable(), &d.current());
}

fn position(rig: &Rig, index: usize) -> Position {
    let p = rig.records[index].position;
    Position::new(p.0, p.1)
}

/// Three records, all filed, NVRAM freed; the second one damaged in its file.
fn broken() -> Rig {
    let mut rig = Rig::new();
    for i in 0..3 {
        rig.run(write(i * 512, 512, i as u8 + 1));
    }
    rig.free();
    let at = rig.place(1) + 128 + 640 + 200;
    damage(&mut rig, Device::Log, at);
    rig.clean();
    rig
}

/// The first half of a record is flushed and damaged before the second half is: the machine cannot know, and marks it.
#[test]
fn damage_below_a_record_that_is_partly_flushed() {
    let mut rig = Rig::new();
    rig.run(write(0, 512, 1));
    let index = rig.number(write(512, 512, 2));
    rig.forward(index);
    rig.accept(index);
    let (d, bytes) = (Server::Destination, rig.records[index].bytes());
    let at = rig.place(1) + 128 + 640;
    rig.store(d, Device::Log, at, &bytes[..256]);
    rig.flush(d, Device::Log);
    rig.store(d, Device::Log, at + 256, &bytes[256..]);
    damage(&mut rig, Device::Log, at + 120);
    rig.flush(d, Device::Log);
    rig.judge.only("numbering");
    rig.mark((1, 2), (1, 2));
    rig.clean();
}

#[test]
fn a_damaged_file_record_must_be_said() {
    let mut rig = broken();
    let (state, touched, to) = rig.recovery(1);
    assert!(!rig.judge.probe(0, &state.current(), &touched, None, to), "silence");
    let mut rig = broken();
    let verdict = Verdict::Damaged { from: position(&rig, 0), to: position(&rig, 2) };
    let (state, touched, to) = rig.recovery_that_says(1, verdict);
    assert!(rig.judge.probe(0, &state.current(), &touched, None, to), "{:#?}", rig.judge.findings());
    assert_eq!(rig.judge.expected_recovery(0, &rig.destination.stable()), to);
    assert_eq!(rig.judge.delta(0).stable, to);
    let verdict = Verdict::Damaged { from: position(&rig, 0), to: position(&rig, 1) };
    let (state, touched, to) = rig.recovery_that_says(1, verdict);
    assert!(!rig.judge.probe(0, &state.current(), &touched, None, to), "too short a range");
}

#[test]
fn no_verdict_only_where_damage_left_no_superblock() {
    for damaged in [0, 1, 2] {
        let mut rig = Rig::new();
        rig.superblock(Server::Destination);
        rig.superblock(Server::Destination);
        for slot in 0..damaged {
            damage(&mut rig, Device::Image, slot * 512 + 40);
        }
        let d = rig.destination.clone();
        rig.judge.only("liveness");
        rig.judge.unrecoverable(0, &d.stable());
        assert_eq!(rig.found().contains("liveness"), damaged < 2, "{damaged}");
    }
}

/// After damage records behind it keep their places in NVRAM, so more than a last segment's rest may be promised; but
/// never more than all of it.
#[test]
fn credit_after_damage_of_nvram() {
    let most = (SEGMENTS - 2) * (SEGMENT - 128);
    for room in [most, most + 1] {
        let mut rig = Rig::new();
        rig.superblock(Server::Destination);
        rig.run(write(0, 512, 1));
        let d = rig.destination.clone();
        rig.judge.fault_damage(Server::Destination, Device::Nvram, 0, 1 << 16, &d.stable(), &d.current());
        rig.judge.only("session");
        rig.send(Server::Destination, 2, &crate::encode::words(&[1, 1, 1, 0, 0, 0, 0, room, 0, 0]), &[]);
        assert_eq!(rig.found().contains("session"), room > most, "{room}");
    }
}

#[test]
fn a_record_that_is_still_in_nvram_masks_the_damage() {
    let mut rig = Rig::new();
    for i in 0..3 {
        rig.run(write(i * 512, 512, i as u8 + 1));
    }
    let at = rig.place(1) + 128 + 640 + 200;
    damage(&mut rig, Device::Log, at);
    assert!(rig.probe(3), "{:#?}", rig.judge.findings());
    let expected = rig.judge.expected_recovery(0, &rig.destination.stable());
    assert_eq!(expected, RecoveredTo { position: position(&rig, 2), verdict: Verdict::Complete });
    let verdict = Verdict::Damaged { from: position(&rig, 0), to: position(&rig, 2) };
    let (state, touched, to) = rig.recovery_that_says(1, verdict);
    assert!(!rig.judge.probe(0, &state.current(), &touched, None, to));
}

#[test]
fn damaged_is_never_said_without_damage() {
    let mut rig = Rig::new();
    rig.run(write(0, 512, 1));
    let verdict = Verdict::Damaged { from: position(&rig, 0), to: Position::new(1, 2) };
    let (state, touched, to) = rig.recovery_that_says(1, verdict);
    assert!(!rig.judge.probe(0, &state.current(), &touched, None, to));
    assert!(rig.found().contains("damage"));
}

#[test]
fn a_lost_nvram_must_be_said_and_heals_when_everything_is_held_again() {
    let mut rig = Rig::new();
    rig.run(write(0, 512, 1));
    let index = rig.number(write(512, 512, 2));
    rig.forward(index);
    rig.accept(index);
    rig.reply(index);
    for bytes in [true, false] {
        let disk = &mut rig.destination.disks[Device::Nvram as usize];
        if bytes { disk.stable.fill(0) } else { disk.current.fill(0) }
    }
    let d = rig.destination.clone();
    rig.judge.nvram_lost(Server::Destination, &d.stable(), &d.current());
    let verdict = Verdict::Damaged { from: position(&rig, 0), to: position(&rig, 1) };
    let (state, touched, to) = rig.recovery_that_says(1, verdict);
    assert!(rig.judge.probe(0, &state.current(), &touched, None, to), "{:#?}", rig.judge.findings());
    rig.reopen();
    rig.accept(index);
    rig.clean();
    assert!(rig.probe(2));
    assert!(!rig.judge.probe(0, &state.current(), &touched, None, to), "healed: nothing may be missing now");
}

#[test]
fn a_damaged_block_of_the_image_is_excused_until_it_gets_a_good_check() {
    let mut rig = Rig::new();
    rig.run(write(0, 512, 1));
    rig.seal();
    damage(&mut rig, Device::Image, DATA + 7);
    rig.run(write(1024, 512, 2));
    assert!(rig.probe(2), "{:#?}", rig.judge.findings());
    let (mut state, touched, to) = rig.recovery(2);
    let block = state.current().read(Device::Image, DATA, 512);
    state.poke(Device::Image, CHECKS + 24, &xxhash_rust::xxh3::xxh3_64(&block).to_le_bytes());
    assert!(!rig.judge.probe(0, &state.current(), &touched, None, to));
    assert!(rig.found().contains("damage"));
}

/// The second record comes again: to NVRAM first, then where it stood in its file, at `offset` of that.
fn mended(offset: u64) -> Rig {
    let mut rig = broken();
    rig.reopen();
    // The mark stays where it is.
    rig.skip = "nvram mark";
    rig.accept(1);
    let (at, bytes) = (rig.place(1) + offset, rig.records[1].bytes());
    rig.store(Server::Destination, Device::Log, at, &bytes);
    rig.flush(Server::Destination, Device::Log);
    rig
}

#[test]
fn a_record_that_is_written_again_where_it_stood_is_whole_again() {
    let mut rig = mended(128 + 640);
    rig.free();
    rig.clean();
    assert!(rig.probe(3), "{:#?}", rig.judge.findings());
    let (state, touched, mut to) = rig.recovery(1);
    to.verdict = Verdict::Damaged { from: position(&rig, 0), to: position(&rig, 2) };
    assert!(!rig.judge.probe(0, &state.current(), &touched, None, to), "mended: nothing may be missing now");
}

#[test]
fn a_record_that_is_written_again_elsewhere_is_not_dense() {
    let rig = mended(128 + 3 * 640);
    assert!(rig.found().contains("numbering"), "{:#?}", rig.judge.findings());
}
