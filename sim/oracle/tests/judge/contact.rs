//! A read is confirmed by a Pong.

use crate::encode;
use crate::rig::*;
use mirrorsim_oracle::*;

const S: Server = Server::Source(0);

/// Asks, lets `meanwhile` happen, answers; what the judge says.
fn read(meanwhile: impl FnOnce(&mut Rig)) -> bool {
    let mut rig = Rig::new();
    rig.confirm(1);
    rig.run(write(0, 512, 1));
    let op = Op::Read { offset: 0, length: 512 };
    rig.judge.issued(0, Request { client: 0, slot: 19, request: 100, volume: 0, op });
    meanwhile(&mut rig);
    rig.judge.answered(0, 0, 19, 100, Answer::Read { data: vec![1; 512].into() });
    rig.found().contains("reads")
}

#[test]
fn a_read_waits_for_the_answer_to_a_ping_that_left_after_it() {
    assert!(read(|_| {}), "only an earlier one was answered");
    assert!(read(|rig| rig.confirm(1)), "the earlier one, answered again");
    assert!(read(|rig| rig.send(S, 10, &encode::words(&[2]), &[])), "not answered yet");
    assert!(!read(|rig| rig.confirm(2)));
}
