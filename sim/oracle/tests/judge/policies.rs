//! Policies, as far as the source has heard of its own, and what it frees alone (LR2).

use crate::rig::*;
use mirrorsim_oracle::*;

/// A source whose policy is `async`, durably, forwards a record of the open generation.
fn forwards_early(heard: bool) -> Rig {
    let mut setup = setup();
    setup.policy = Policy::Async;
    let mut rig = Rig::with(setup);
    rig.ours.superblock.role = 1;
    rig.ours.superblock.policy = 3;
    rig.superblock(Server::Source(0));
    if heard {
        rig.judge.heard(Server::Source(0));
    }
    let index = rig.number(write(0, 100, 1));
    rig.forward(index);
    rig
}

#[test]
fn a_policy_binds_once_the_source_has_heard_that_it_is_durable() {
    let found = |rig: &Rig| {
        rig.judge.findings().iter().any(|f| f.message.contains("before its generation was sealed"))
    };
    assert!(found(&forwards_early(true)));
    assert!(!found(&forwards_early(false)));
}
