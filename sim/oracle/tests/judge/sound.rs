//! Nothing is found where nothing is wrong.

use crate::rig::*;
use bytes::Bytes;
use mirrorsim_oracle::*;

#[test]
fn a_sound_story_has_no_findings_and_every_oracle_looked() {
    let mut rig = Rig::new();
    story(&mut rig, 7);
    rig.judge.healed();
    let (own, d) = (rig.source.clone(), rig.destination.clone());
    rig.judge.quiescent(0, &own.stable(), &d.stable());
    rig.judge.end();
    rig.clean();
    let idle = ["resync", "fairness", "fencing", "divergence", "reads", "reader", "damage", "held"];
    for (name, count) in rig.judge.counts() {
        assert!(count > 0 || idle.contains(&name), "{name} looked at nothing");
    }
}

#[test]
fn every_prefix_that_recovery_may_reach_is_accepted_and_no_other() {
    let mut rig = Rig::new();
    story(&mut rig, 2);
    for i in 0..5 {
        rig.run(write(i * 300, 300, i as u8));
        let all = rig.records.len();
        assert!(rig.probe(all), "{:#?}", rig.judge.findings());
        let state = rig.destination.clone();
        let expected = rig.judge.expected_recovery(0, &state.stable());
        let last = rig.records[all - 1].position;
        let real = RecoveredTo { position: Position::new(last.0, last.1), verdict: Verdict::Complete };
        assert!(rig.judge.compare(0, expected, real, true));
        let delta = rig.judge.delta(0);
        assert!(delta.sound);
        assert_eq!((delta.stable, delta.current, rig.judge.required(0)), (real, real, real.position));
    }
    rig.clean();
    let all = rig.records.len();
    assert!(!rig.probe(all - 1));
    assert!(rig.found().contains("durability"));
}

#[test]
fn an_unanswered_tail_may_be_there_or_not() {
    let mut rig = Rig::new();
    rig.run(write(0, 100, 1));
    let index = rig.number(write(50, 100, 2));
    rig.forward(index);
    assert!(rig.probe(1));
    rig.accept(index);
    assert!(rig.probe(1) && rig.probe(2));
    rig.reply(index);
    rig.clean();
    assert!(!rig.probe(1));
}

#[test]
fn a_wrong_byte_in_a_touched_block_or_its_check_or_the_reply_table_is_found() {
    for (at, oracle) in
        [(DATA + 3, "prefix"), (CHECKS + 24, "prefix"), (DATA + VOLUME + 40, "prefix"), (DATA + 8192, "once")]
    {
        let mut rig = Rig::new();
        rig.run(write(0, 512, 9));
        rig.run(add(8192, 7));
        let (mut state, touched, to) = rig.recovery(2);
        let byte = state.current().read(Device::Image, at, 1)[0];
        state.poke(Device::Image, at, &[byte ^ 1]);
        assert!(!rig.judge.probe(0, &state.current(), &touched, None, to));
        assert!(rig.found().contains(oracle), "{at}: {:?}", rig.found());
    }
}

#[test]
fn a_counter_applied_twice_is_found_by_once_alone() {
    let mut rig = Rig::new();
    rig.judge.only("once");
    rig.run(add(8192, 7));
    let (mut state, touched, to) = rig.recovery(1);
    state.poke(Device::Image, DATA + 8192, &14u64.to_le_bytes());
    assert!(!rig.judge.probe(0, &state.current(), &touched, None, to));
    assert_eq!(rig.found().into_iter().collect::<Vec<_>>(), ["once"]);
}

#[test]
fn reads_must_equal_one_prefix_between_answered_and_answerable() {
    let read = |slot, request| Request {
        client: 0,
        slot,
        request,
        volume: 0,
        op: Op::Read { offset: 0, length: 1024 },
    };
    let fill = |a: u8, b: u8| Bytes::from([vec![a; 512], vec![b; 512]].concat());
    for (data, good) in [
        (fill(1, 0), true),
        (fill(2, 0), true),
        (fill(2, 3), true),
        (fill(0, 0), false),
        (fill(1, 3), false),
        (fill(2, 4), false),
    ] {
        let mut rig = Rig::new();
        rig.run(write(0, 512, 1));
        rig.judge.issued(0, read(19, 100));
        rig.run(write(0, 512, 2));
        rig.run(write(512, 512, 3));
        rig.number(write(512, 512, 4));
        rig.confirm(1);
        rig.judge.answered(0, 0, 19, 100, Answer::Read { data });
        assert_eq!(rig.found().contains("reads"), !good);
    }
}

#[test]
fn replies_are_one_per_attempt_and_equal() {
    let mut rig = Rig::new();
    rig.run(add(0, 1));
    rig.judge.retried(0, 0, 1, 1);
    rig.judge.answered(0, 0, 1, 1, Answer::Added { old: 0 });
    rig.clean();
    rig.judge.answered(0, 0, 1, 1, Answer::Added { old: 0 });
    assert_eq!(rig.judge.findings().len(), 1);
    rig.judge.retried(0, 0, 1, 1);
    rig.judge.answered(0, 0, 1, 1, Answer::Added { old: 1 });
    assert!(rig.judge.findings().len() > 1 && rig.found().contains("replies"));
}

#[test]
fn a_lost_record_frees_its_number_unless_it_was_forwarded() {
    for forwarded in [false, true] {
        let mut rig = Rig::new();
        rig.run(write(0, 100, 1));
        rig.skip = "source flush";
        let index = rig.number(write(0, 100, 2));
        rig.skip = "";
        if forwarded {
            rig.judge.without("steps");
            rig.forward(index);
        }
        rig.source.cut();
        let after = rig.source.clone();
        rig.judge.crashed(Server::Source(0), true, &after.stable(), &after.stable());
        rig.forget(index);
        rig.run(write(0, 100, 3));
        assert_eq!(rig.found().contains("numbering"), forwarded, "{:?}", rig.judge.findings());
        assert!(rig.probe(2) || forwarded);
    }
}

#[test]
fn power_cuts_of_either_side_keep_the_picture_right() {
    let mut rig = Rig::new();
    story(&mut rig, 3);
    for i in 0..4u8 {
        rig.run(write(u64::from(i) * 200, 300, i));
        rig.destination.cut();
        let after = rig.destination.clone();
        rig.judge.crashed(Server::Destination, true, &after.stable(), &after.stable());
        rig.source.cut();
        let after = rig.source.clone();
        rig.judge.crashed(Server::Source(0), true, &after.stable(), &after.stable());
        let all = rig.records.len();
        assert!(rig.judge.delta(0).sound && rig.probe(all), "{:#?}", rig.judge.findings());
    }
    rig.seal();
    story(&mut rig, 2);
    rig.clean();
}

#[test]
fn alarms_need_a_cause() {
    let mut rig = Rig::new();
    rig.run(write(0, 100, 1));
    rig.judge.excuse(Some(1), "recover");
    rig.judge.alarm(Server::Destination, Some(1), "fenced", "");
    rig.clean();
    rig.judge.alarm(Server::Source(0), None, "lost records", "");
    assert!(rig.found().contains("divergence"));
}

#[test]
fn liveness_is_judged_once_healed() {
    let mut rig = Rig::new();
    rig.run(write(0, 100, 1));
    rig.number(write(0, 100, 1));
    rig.judge.end();
    rig.clean();
    rig.judge.healed();
    rig.judge.end();
    assert!(rig.found().contains("liveness"));
}

#[test]
fn memory_does_not_grow_with_the_length_of_a_run() {
    let mut rig = Rig::new();
    story(&mut rig, 20);
    let early = rig.judge.memory();
    story(&mut rig, 200);
    rig.clean();
    assert!(rig.judge.memory() < early + early / 4, "{early} -> {}", rig.judge.memory());
}

#[test]
fn a_definite_error_means_that_the_request_fits_nowhere() {
    let check = |op: Op, answer: Answer, right: bool| {
        let mut rig = Rig::new();
        rig.judge.issued(0, Request { client: 0, slot: 1, request: 1, volume: 0, op });
        rig.judge.answered(0, 0, 1, 1, answer);
        assert_eq!(!rig.found().contains("replies"), right, "{:#?}", rig.judge.findings());
    };
    let reads = |offset, length| Op::Read { offset, length };
    let data = || Answer::Read { data: vec![0; 16].into() };
    check(reads(0, 16), data(), true);
    check(reads(0, 16), Answer::Refused, false);
    check(reads(VOLUME - 16, 16), Answer::Refused, false);
    check(reads(VOLUME - 15, 16), Answer::Refused, true);
    check(reads(u64::MAX, 16), Answer::Refused, true);
    check(reads(0, 0), Answer::Refused, true);
    check(reads(0, PARTITION), Answer::Refused, true);
    check(add(4, 1), Answer::Refused, true);
    check(write(VOLUME - 8, 16, 1), Answer::Written, false);
}

#[test]
fn a_recovery_without_the_mark_cannot_be_complete() {
    let mut rig = Rig::new();
    rig.run(write(0, 100, 1));
    let mut state = rig.destination.clone();
    let complete = rig.judge.expected_recovery(0, &state.stable());
    assert_eq!(complete.verdict, Verdict::Complete);
    state.poke(Device::Mark, 0, &[0; 256]);
    let lost = rig.judge.expected_recovery(0, &state.current());
    assert_eq!(lost, RecoveredTo { verdict: Verdict::CompleteUpTo, ..complete });
    assert!(!rig.judge.compare(0, lost, complete, true), "it says more than it can know");
}
