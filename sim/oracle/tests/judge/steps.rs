//! Each step left out or done wrong is seen, by the oracle that is meant to see it.

use crate::encode;
use crate::rig::*;
use mirrorsim_oracle::*;

fn check(skip: &'static str, oracle: &str) {
    for alone in [false, true] {
        let mut rig = Rig::skips(skip);
        if alone {
            rig.judge.only(oracle);
        }
        story(&mut rig, 3);
        assert!(rig.found().contains(oracle), "{skip}: {:#?}", rig.judge.findings());
    }
}

#[test]
fn orders_on_the_devices() {
    check("source flush", "steps");
    check("destination flush", "numbering");
    check("destination flush", "durability");
    check("nvram mark", "steps");
    check("source mark", "steps");
    check("mark flush", "steps");
    check("mark flush", "numbering");
    check("file flush", "numbering");
    check("seal flush", "steps");
    check("sync request", "apply");
    check("force", "seals");
    check("clear flush", "steps");
    check("journal", "steps");
    check("journal flush", "steps");
    check("block flush", "steps");
    check("source apply", "nvram");
    check("destination apply", "steps");
    check("destination apply", "nvram");
}

#[test]
fn content_that_is_not_the_clients() {
    check("other offset", "prefix");
    check("other request", "prefix");
    check("other link", "numbering");
    check("other mirror", "isolation");
    check("wrong counter", "once");
    check("zero payload", "prefix");
    check("table entry", "prefix");
    check("table neighbour", "prefix");
    check("append twice", "numbering");
    check("drop record", "durability");
}

#[test]
fn a_reply_before_the_destination_holds_it() {
    let mut rig = Rig::new();
    let index = rig.number(write(0, 100, 1));
    rig.forward(index);
    rig.reply(index);
    assert!(rig.found().contains("durability") && rig.found().contains("steps"));
}

#[test]
fn a_gap_at_the_destination() {
    let mut rig = Rig::new();
    let first = rig.number(write(0, 100, 1));
    let second = rig.number(write(0, 100, 2));
    rig.forward(first);
    rig.forward(second);
    rig.accept(second);
    assert!(rig.found().contains("numbering"));
}

#[test]
fn the_logs_disagree() {
    let mut rig = Rig::new();
    let index = rig.number(write(0, 100, 1));
    rig.records[index].payload[5] ^= 1;
    rig.judge.only("agreement");
    rig.accept(index);
    assert!(rig.found().contains("agreement"));
}

#[test]
fn another_content_under_a_forwarded_number() {
    let mut rig = Rig::new();
    let index = rig.number(write(0, 100, 1));
    rig.records[index].payload[5] ^= 1;
    rig.forward(index);
    assert!(rig.found().contains("numbering"));
}

#[test]
fn what_is_held_goes_back() {
    let mut rig = Rig::new();
    rig.run(write(0, 100, 1));
    rig.run(write(0, 100, 2));
    rig.superblock(Server::Destination);
    rig.send(Server::Destination, 2, &encode::words(&[1, 1, 2, 1, 2, 0, 0, 0, 0, 0]), &[]);
    rig.clean();
    rig.send(Server::Destination, 2, &encode::words(&[1, 1, 1, 1, 1, 0, 0, 0, 0, 0]), &[]);
    assert!(rig.found().contains("held"));
}

#[test]
fn a_fenced_mirror_accepts_and_acknowledges_nothing() {
    let mut rig = Rig::new();
    rig.run(write(0, 100, 1));
    (rig.theirs.superblock.role, rig.theirs.superblock.epoch) = (3, 2);
    rig.judge.excuse(Some(0), "recover");
    rig.superblock(Server::Destination);
    rig.clean();
    let index = rig.number(write(0, 100, 2));
    rig.accept(index);
    assert_eq!(rig.judge.findings().iter().filter(|f| f.oracle == "fencing").count(), 2);
}

#[test]
fn a_recovery_raises_the_epoch() {
    for epoch in [1, 2] {
        let mut rig = Rig::new();
        rig.ours.superblock.epoch = 1;
        rig.superblock(Server::Source(0));
        rig.run(write(0, 100, 1));
        rig.judge.excuse(Some(0), "recover");
        rig.judge.only("fencing");
        (rig.theirs.superblock.role, rig.theirs.superblock.epoch) = (3, epoch);
        rig.superblock(Server::Destination);
        assert_eq!(rig.found().contains("fencing"), epoch == 1);
    }
}

#[test]
fn a_mark_of_the_source_that_runs_ahead_of_its_log() {
    for skip in ["", "source flush"] {
        let mut rig = Rig::skips(skip);
        rig.number(write(0, 100, 1));
        assert_eq!(rig.found().contains("steps"), !skip.is_empty());
    }
}

#[test]
fn a_recovery_nobody_asked_for() {
    let mut rig = Rig::new();
    rig.run(write(0, 100, 1));
    rig.theirs.superblock.role = 3;
    rig.superblock(Server::Destination);
    assert!(rig.found().contains("isolation"));
}

#[test]
fn a_read_where_nothing_of_its_own_can_be() {
    let (s, d) = (Server::Source(0), Server::Destination);
    let image = DATA + BLOCKS * BLOCK;
    let own = [
        (s, Device::Nvram, 2 * PARTITION - 128, 128),
        (s, Device::Image, 0, image),
        (d, Device::Nvram, SEGMENT * SEGMENTS - 128, 128),
        (d, Device::Log, 3 * FILE - 128, 128),
        (d, Device::Image, 0, image),
    ];
    for (server, device, offset, length) in own {
        for (longer, later) in [(0, 0), (1, 0), (0, 1)] {
            let mut rig = Rig::new();
            let far = if device == Device::Image { later << 30 } else { later * length };
            let beyond = if device == Device::Image { longer << 30 } else { longer };
            rig.judge.read(server, device, &[(offset + far, length + beyond)], 0);
            let what = format!("{server:?} {device:?} {longer} {later}");
            assert_eq!(rig.found().contains("isolation"), longer + later > 0, "{what}");
        }
    }
}

#[test]
fn another_mirrors_place_segment_mark_or_region() {
    for (device, offset) in [(Device::Log, 3 * FILE), (Device::Mark, 256), (Device::Image, 4 << 20)] {
        let mut rig = Rig::new();
        rig.run(write(0, 100, 1));
        rig.store(Server::Destination, device, offset, &[1; 64]);
        assert!(rig.found().contains("isolation"), "{device:?}");
    }
    let mut rig = Rig::new();
    rig.store(Server::Destination, Device::Nvram, 0, &encode::segment(&uuid(1), true, 1));
    rig.store(Server::Destination, Device::Nvram, 128, &[1; 64]);
    assert!(rig.found().contains("isolation"));
}

#[test]
fn a_cursor_over_missing_records() {
    let mut rig = Rig::new();
    rig.judge.only("apply");
    let first = rig.number(write(0, 100, 1));
    let second = rig.number(write(0, 100, 2));
    for index in [first, second] {
        rig.forward(index);
        rig.accept(index);
    }
    rig.file(first);
    rig.apply(Server::Destination, (1, 0), 2);
    assert!(rig.found().contains("apply"));
}

#[test]
fn live_bytes_overwritten_in_the_destinations_nvram() {
    let mut rig = Rig::new();
    rig.judge.only("nvram");
    let index = rig.number(write(0, 100, 1));
    rig.forward(index);
    rig.accept(index);
    rig.store(Server::Destination, Device::Nvram, SEGMENT + 128 + 64, &[0xaa; 32]);
    assert!(rig.found().contains("nvram"), "{:?}", rig.judge.findings());
}

#[test]
fn losses_are_counted_where_they_are_expected() {
    let mut lossy = setup();
    lossy.level = Level::Received;
    lossy.lossy = true;
    let mut rig = Rig::with(lossy);
    rig.run(write(0, 100, 1));
    let index = rig.number(write(0, 100, 2));
    rig.forward(index);
    rig.send(Server::Destination, 6, &encode::words(&[1, 1, 2, 0]), &[]);
    rig.reply(index);
    assert!(rig.probe(1));
    rig.clean();
    assert_eq!(rig.judge.lost(), 1);
}

#[test]
fn a_fenced_source_answers_no_later_read_and_nothing_that_recovery_missed() {
    let mut rig = Rig::new();
    rig.run(write(0, 512, 1));
    let late = rig.number(write(512, 512, 2));
    rig.judge.excuse(Some(0), "recover");
    (rig.theirs.superblock.role, rig.theirs.superblock.epoch) = (3, 2);
    rig.superblock(Server::Destination);
    let (state, _, to) = rig.recovery(1);
    rig.judge.recovered(0, &state.current(), to);
    rig.clean();
    rig.store(Server::Source(0), Device::Mark, 0, &[0; 8]);
    let op = Op::Read { offset: 0, length: 512 };
    let (client, slot, request, volume) = (0, 19, 100, 0);
    rig.judge.issued(0, Request { client, slot, request, volume, op });
    rig.confirm(1);
    let data = bytes::Bytes::from(vec![1; 512]);
    rig.judge.answered(0, client, slot, request, Answer::Read { data });
    assert!(rig.found().contains("reads"));
    rig.reply(late);
    assert!(rig.found().contains("fencing"));
}

#[test]
fn a_table_sector_is_judged_when_its_journal_is_durable() {
    for skip in ["table entry", "table neighbour"] {
        let mut rig = Rig::skips(skip);
        story(&mut rig, 2);
        let first = &rig.judge.findings()[0];
        assert!(first.message.contains("journal"), "{skip}: {}", first.message);
    }
}

#[test]
fn a_disagreement_is_the_rigs_fault_only_if_the_result_is_right() {
    for (right, oracle) in [(true, "reader"), (false, "prefix")] {
        let mut rig = Rig::new();
        story(&mut rig, 1);
        rig.run(write(0, 100, 1));
        let position = |of: &encode::Record| Position::new(of.position.0, of.position.1);
        let to = |position| RecoveredTo { position, verdict: Verdict::CompleteUpTo };
        let [.., before, last] = &rig.records[..] else { panic!("two records") };
        let (expected, real) = (to(position(before)), to(position(last)));
        assert!(!rig.judge.compare(0, expected, real, right));
        assert_eq!(rig.found().into_iter().collect::<Vec<_>>(), [oracle]);
        let rigs = rig.judge.findings().iter().any(|f| f.invariant == "rig");
        assert_eq!(rigs, right);
        // What is there and not recovered is lost, whatever the rest is worth.
        let mut rig = Rig::new();
        story(&mut rig, 1);
        rig.run(write(0, 100, 1));
        assert!(!rig.judge.compare(0, real, expected, right));
        assert_eq!(rig.found().into_iter().collect::<Vec<_>>(), ["durability"]);
    }
}

#[test]
fn only_what_is_flushed_to_its_file_is_applied() {
    for skip in ["", "file flush"] {
        let mut rig = Rig::skips(skip);
        rig.run(write(0, 512, 1));
        rig.apply(Server::Destination, (0, 1), 1);
        let early = rig.judge.findings().iter().any(|f| f.message.contains("is being applied"));
        assert_eq!(early, !skip.is_empty(), "{:#?}", rig.judge.findings());
    }
}

#[test]
fn something_younger_is_durable_when_a_partition_is_filled_anew() {
    for skip in ["", "seal flush"] {
        let mut rig = Rig::skips(skip);
        story(&mut rig, 1);
        rig.seal();
        rig.number(write(0, 100, 1));
        let early = rig.judge.findings().iter().any(|f| f.message.contains("nothing younger is durable"));
        assert_eq!(early, !skip.is_empty(), "{:#?}", rig.judge.findings());
    }
}
