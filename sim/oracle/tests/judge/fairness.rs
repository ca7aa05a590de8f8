//! L3: who has a right to an acknowledgement gets it in time; who has none may wait.

use crate::encode;
use crate::rig::*;
use mirrorsim_oracle::*;

/// Connected, with a whole path, and one record forwarded that the destination has not acknowledged.
fn waiting() -> (Rig, usize) {
    let mut rig = Rig::new();
    rig.judge.path(0, true);
    rig.superblock(Server::Destination);
    rig.send(Server::Destination, 2, &encode::words(&[1, 0, 0, 0, 0, 0, 0, 4096, 0, 0]), &[]);
    let index = rig.number(write(0, 100, 1));
    rig.forward(index);
    (rig, index)
}

/// Time passes, and others talk.
fn pass(rig: &mut Rig, time: u64) {
    for _ in 0..time / 1000 {
        rig.send(Server::Source(0), 10, &encode::words(&[1]), &[]);
    }
}

fn unfair(rig: &Rig) -> usize {
    rig.judge.findings().iter().filter(|f| f.oracle == "fairness" && f.invariant == "L3").count()
}

#[test]
fn a_healthy_source_is_kept_waiting() {
    let (mut rig, _) = waiting();
    pass(&mut rig, PATIENCE / 2);
    rig.clean();
    pass(&mut rig, PATIENCE);
    assert_eq!(unfair(&rig), 1, "{:#?}", rig.judge.findings());
    assert!(rig.judge.longest_wait() > PATIENCE);
}

#[test]
fn an_acknowledgement_in_time_ends_the_wait() {
    let (mut rig, index) = waiting();
    for next in 0..5 {
        pass(&mut rig, PATIENCE / 2);
        rig.accept(index + next);
        rig.number(write(0, 100, next as u8));
        rig.forward(index + next + 1);
    }
    rig.clean();
    assert!(rig.judge.longest_wait() < PATIENCE);
}

#[test]
fn a_sick_path_is_not_judged() {
    for sick in ["cut", "unconnected", "nothing owed"] {
        let (mut rig, index) = waiting();
        match sick {
            "cut" => rig.judge.path(0, false),
            "unconnected" => rig.judge.disconnected(0),
            _ => rig.accept(index),
        }
        pass(&mut rig, 3 * PATIENCE);
        assert_eq!(unfair(&rig), 0, "{sick}: {:#?}", rig.judge.findings());
    }
}

#[test]
fn what_was_cut_counts_from_its_end() {
    let (mut rig, _) = waiting();
    rig.judge.path(0, false);
    pass(&mut rig, 3 * PATIENCE);
    rig.judge.path(0, true);
    pass(&mut rig, PATIENCE / 2);
    assert_eq!(unfair(&rig), 0);
    pass(&mut rig, PATIENCE);
    assert_eq!(unfair(&rig), 1);
}

#[test]
fn who_has_used_its_reserve_waits_for_its_own_files() {
    let (mut rig, index) = waiting();
    // Two segments with its name; the records in them are not filed.
    rig.accept(index);
    rig.reopen();
    let second = rig.number(write(0, 100, 2));
    rig.forward(second);
    rig.accept(second);
    let third = rig.number(write(0, 100, 3));
    rig.forward(third);
    pass(&mut rig, 3 * PATIENCE);
    assert_eq!(unfair(&rig), 0, "{:#?}", rig.judge.findings());
}
