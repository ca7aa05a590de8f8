//! What is spoken on a link: boot numbers, Naks, credit; and which of two slots is written.

use crate::encode;
use crate::rig::*;
use mirrorsim_oracle::*;

const D: Server = Server::Destination;
const S: Server = Server::Source(0);

fn hello(rig: &mut Rig) {
    rig.send(S, 1, &encode::words(&[1, 1, 1, 1, 0, 0, 0]), &[]);
}

/// Held up to `sequence` of generation 1, and so many bytes of credit beyond.
fn welcome(rig: &mut Rig, sequence: u64, room: u64) {
    let generation = u64::from(sequence > 0);
    rig.send(D, 2, &encode::words(&[1, generation, sequence, 0, 0, 0, 0, room, 0, 0]), &[]);
}

/// Both sides have their boot number on the disk.
fn booted() -> Rig {
    let mut rig = Rig::new();
    rig.superblock(S);
    rig.superblock(D);
    rig
}

#[test]
fn a_boot_number_is_durable_before_it_is_spoken_and_raised_at_each_start() {
    let mut rig = booted();
    hello(&mut rig);
    welcome(&mut rig, 0, 0);
    rig.clean();
    let mut other = Rig::new();
    hello(&mut other);
    assert!(other.found().contains("session"));
    for server in [S, D] {
        let mut again = booted();
        hello(&mut again);
        welcome(&mut again, 0, 0);
        let machine = if server == D { &again.destination } else { &again.source };
        again.judge.crashed(server, false, &machine.stable(), &machine.current());
        again.clean();
        if server == D {
            welcome(&mut again, 0, 0)
        } else {
            hello(&mut again)
        }
        assert!(again.found().contains("session"), "{server:?}");
    }
}

#[test]
fn one_nak_for_a_missing_record() {
    let mut rig = Rig::with(Setup { stream: false, ..setup() });
    rig.send(D, 7, &encode::words(&[1, 1]), &[]);
    rig.send(D, 7, &encode::words(&[1, 2]), &[]);
    rig.clean();
    rig.send(D, 7, &encode::words(&[1, 2]), &[]);
    assert!(rig.found().contains("session"));
}

#[test]
fn a_record_that_is_left_out_on_its_connection() {
    for left_out in [false, true] {
        let mut rig = booted();
        welcome(&mut rig, 0, 1 << 12);
        let first = rig.number(write(0, 100, 1));
        let second = rig.number(write(100, 100, 2));
        if !left_out {
            rig.forward(first);
        }
        rig.judge.only("session");
        rig.forward(second);
        assert_eq!(rig.found().contains("session"), left_out);
    }
}

#[test]
fn what_is_answered_was_acknowledged() {
    // Level 1 is not enough; a Welcome acknowledges what is held, unless the battery is low.
    let acks: [(u16, Vec<u8>, bool); 4] = [
        (6, encode::words(&[1, 1, 1, 0]), false),
        (6, encode::words(&[2, 1, 1, 0]), true),
        (2, encode::words(&[1, 1, 1, 0, 0, 0, 0, 0, 0, 0]), true),
        (2, encode::words(&[1, 1, 1, 0, 0, 0, 0, 0, 1, 0]), false),
    ];
    for (kind, body, enough) in acks {
        let mut rig = booted();
        welcome(&mut rig, 0, 1 << 12);
        let index = rig.number(write(0, 100, 1));
        rig.forward(index);
        rig.judge.only("session");
        rig.send(D, kind, &body, &[]);
        rig.reply(index);
        assert_eq!(rig.found().contains("session"), !enough, "{kind}");
    }
}

#[test]
fn a_low_battery_is_not_relied_on() {
    for degraded in [false, true] {
        let mut rig = booted();
        welcome(&mut rig, 0, 1 << 12);
        let index = rig.number(write(0, 100, 1));
        rig.forward(index);
        rig.judge.only("session");
        rig.judge.degraded(degraded);
        rig.send(D, 6, &encode::words(&[2, 1, 1, 0]), &[]);
        assert_eq!(rig.found().contains("session"), degraded);
    }
}

#[test]
fn one_connection_of_a_mirror_lives_at_a_time() {
    for (reset, broke) in [(false, false), (true, false), (false, true)] {
        let mut rig = booted();
        rig.judge.only("session");
        let pong =
            |rig: &mut Rig, counter: u64| rig.send_on([1, counter, 1], D, 11, &encode::words(&[1, 0]), &[]);
        pong(&mut rig, 1);
        pong(&mut rig, 2);
        rig.clean();
        if reset {
            rig.send_on([1, 2, 1], D, 12, &[], &[]);
        }
        if broke {
            rig.judge.disconnected(0);
        }
        pong(&mut rig, 1);
        assert_eq!(rig.found().contains("session"), !reset && !broke);
    }
}

#[test]
fn a_record_beyond_the_credit() {
    for room in [232, 231] {
        let mut rig = booted();
        welcome(&mut rig, 0, room);
        let index = rig.number(write(0, 100, 1));
        rig.forward(index);
        assert_eq!(rig.found().contains("session"), room < 232, "{room}");
    }
}

#[test]
fn more_credit_than_there_is_nvram() {
    // Two segments are kept for the other mirror.
    let most = (SEGMENTS - 2) * (SEGMENT - 128);
    for room in [most, most + 1] {
        let mut rig = booted();
        welcome(&mut rig, 0, room);
        assert_eq!(rig.found().contains("session"), room > most, "{room}");
    }
}

#[test]
fn the_mark_that_counts_is_not_written_over() {
    for server in [S, D] {
        let mut rig = booted();
        rig.run(write(0, 100, 1));
        rig.clean();
        rig.judge.only("steps");
        let machine = if server == D { &rig.destination } else { &rig.source };
        let slots = machine.stable().read(Device::Mark, 0, 256);
        let counter = |at: usize| u64::from_le_bytes(slots[at..at + 8].try_into().unwrap());
        let newest = if counter(128 + 24) > counter(24) { 128 } else { 0 };
        let content = encode::mark(&uuid(0), 9, rig.nvram, rig.filed);
        rig.store(server, Device::Mark, 128 - newest, &content);
        rig.clean();
        rig.store(server, Device::Mark, newest, &content);
        assert!(rig.found().contains("steps"), "{server:?}");
    }
}

#[test]
fn the_superblock_that_counts_is_not_written_over() {
    for server in [S, D] {
        for skip in ["", "slots in turn"] {
            let mut rig = Rig::skips(skip);
            rig.judge.only("steps");
            for _ in 0..3 {
                rig.superblock(server);
            }
            assert_eq!(rig.found().contains("steps"), !skip.is_empty(), "{server:?}");
        }
    }
}

#[test]
fn a_repeated_hello_is_answered_with_what_is_held_by_then() {
    for held in [0, 1] {
        let mut rig = booted();
        welcome(&mut rig, 0, 1 << 12);
        rig.number(write(0, 100, 1));
        rig.judge.only("session");
        welcome(&mut rig, held, 1 << 12);
        rig.send(S, 8, &encode::words(&[1, 1, encode::digest(&rig.records)]), &[]);
        assert_eq!(rig.found().contains("session"), held == 0);
    }
}

#[test]
fn a_sync_request_before_its_records_were_sent() {
    for sent in [true, false] {
        let mut rig = booted();
        welcome(&mut rig, 0, 1 << 12);
        let index = rig.number(write(0, 100, 1));
        if sent {
            rig.forward(index);
        }
        rig.judge.only("session");
        rig.send(S, 8, &encode::words(&[1, 1, encode::digest(&rig.records)]), &[]);
        assert_eq!(rig.found().contains("session"), !sent);
    }
}
