//! Assertions of docs/claims.md that no step of the story breaks: each is seen red here.

use crate::encode;
use crate::rig::*;
use mirrorsim_oracle::*;

#[test]
fn a_reply_at_level_file_before_the_file_is_marked() {
    for filed in [false, true] {
        let mut setup = setup();
        setup.level = Level::File;
        let mut rig = Rig::with(setup);
        let index = rig.number(write(0, 100, 1));
        rig.forward(index);
        rig.accept(index);
        if filed {
            rig.file(index);
        }
        rig.reply(index);
        assert_eq!(rig.found().contains("steps"), !filed, "{:#?}", rig.judge.findings());
    }
}

#[test]
fn a_file_in_a_slot_that_is_taken() {
    for (generation, taken) in [(2, false), (3, true)] {
        let mut rig = Rig::new();
        rig.run(write(0, 100, 1));
        rig.clean();
        let header = encode::file(&uuid(0), generation, 1, Default::default());
        rig.store(Server::Destination, Device::Log, rig.place(2), &header);
        let slot = |f: &Finding| f.oracle == "numbering" && f.message.contains("slot of generation");
        assert_eq!(rig.judge.findings().iter().any(slot), taken, "{:#?}", rig.judge.findings());
    }
}

#[test]
fn a_nak_on_a_stream() {
    for stream in [false, true] {
        let mut setup = setup();
        setup.stream = stream;
        let mut rig = Rig::with(setup);
        rig.send(Server::Destination, 7, &encode::words(&[1, 1]), &[]);
        assert_eq!(rig.found().contains("steps"), stream, "{:#?}", rig.judge.findings());
    }
}

#[test]
fn an_image_that_differs_at_rest() {
    for (device, offset) in
        [(None, 0), (Some(Server::Destination), DATA + 700), (Some(Server::Source(0)), DATA + 700)]
    {
        let mut rig = Rig::new();
        story(&mut rig, 2);
        let (mut own, mut theirs) = (rig.source.clone(), rig.destination.clone());
        match device {
            Some(Server::Destination) => theirs.poke(Device::Image, offset, &[0xee]),
            Some(_) => own.poke(Device::Image, offset, &[0xee]),
            None => {}
        }
        rig.judge.quiescent(0, &own.current(), &theirs.current());
        assert_eq!(rig.found().contains("prefix"), device.is_some(), "{:#?}", rig.judge.findings());
    }
}

#[test]
fn a_generation_that_is_not_applied_at_rest() {
    let mut rig = Rig::new();
    story(&mut rig, 2);
    rig.run(write(0, 100, 1));
    let (own, theirs) = (rig.source.clone(), rig.destination.clone());
    rig.judge.quiescent(0, &own.current(), &theirs.current());
    assert!(rig.judge.findings().iter().any(|f| f.invariant == "L4"), "{:#?}", rig.judge.findings());
}
