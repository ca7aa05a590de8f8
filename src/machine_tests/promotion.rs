//! Promotion by property (LR6, claim 20): the source is gone or behind a cut, the destination serves its clients, whatever
//! is cut off on the way and afterwards.

use super::*;
use crate::ids::{Connection, Position};
use crate::wire;

/// The source is gone with its frames: what is left of a story goes on at the destination.
fn fail_over(story: &mut Story<impl Quirk>, fates: u64, mut cuts: impl Iterator<Item = u8>) {
    story.pair.power_cut(DESTINATION, fates);
    story.pair.moved = true;
    for step in 0..4000u64 {
        story.pair.frames.iter_mut().for_each(|f| f.clear());
        if matches!(story.pair.standing(), Standing::Serving | Standing::Recovering | Standing::Open(..)) {
            // Two operators, who ask until it is done.
            story.pair.promote();
            story.pair.promote();
        }
        if story.pair.destination.serves(0) {
            return;
        }
        if cuts.next() == Some(0) {
            story.pair.power_cut(DESTINATION, fates.rotate_left(step as u32));
        }
        story.pair.complete(DESTINATION, 0);
    }
    panic!("it never served: {:?}", story.pair.standing());
}

/// What was under way at the source is asked again, at the destination, and everything is answered and applied there.
fn come_to_rest(story: &mut Story<impl Quirk>) {
    let mut sealed = false;
    for _ in 0..20_000 {
        story.pair.frames.iter_mut().for_each(|f| f.clear());
        if story.pair.working(DESTINATION) {
            story.pair.complete(DESTINATION, 0);
            story.listen();
            continue;
        }
        assert!(story.pair.alarms.is_empty(), "a false alarm: {:?}", story.pair.alarms);
        let open = story.unanswered();
        open.iter().for_each(|slot| story.ask(*slot, 0, 0, 1));
        if open.is_empty() && !sealed {
            story.pair.seal();
            sealed = true;
        } else if open.is_empty() && story.pair.destination.quiet(0) {
            return;
        }
        if !story.pair.working(DESTINATION) {
            story.pair.timeout(DESTINATION);
        }
    }
    panic!("no end: {:?} unanswered, {:?}", story.unanswered(), story.pair.standing());
}

fn check(
    (stream, ack, policy): (bool, AckLevel, Policy),
    (before, after): (Vec<Step>, Vec<Step>),
    (fates, cuts): (u64, Vec<u8>),
    quirk: impl Quirk,
) {
    let mut story = Story::with_policy(stream, ack, policy, quirk);
    before.into_iter().for_each(|step| story.step(step));
    fail_over(&mut story, fates, cuts.into_iter());
    for step in after {
        story.pair.frames.iter_mut().for_each(|f| f.clear());
        match step {
            // The former source has no power.
            Step::Complete { side: SOURCE, .. } | Step::Timeout { side: SOURCE } | Step::Disconnect => {}
            Step::PowerCut { side: SOURCE, .. } => {}
            step => story.step(step),
        }
    }
    come_to_rest(&mut story);
    let image = story.pair.blocks(DESTINATION);
    for (i, slot) in story.slots.iter().enumerate() {
        let at = i * OWN as usize;
        assert_eq!(&image[at..at + OWN as usize], own(slot, slot.asked.len()), "the bytes of slot {i}");
    }
    let total: u64 = story.slots.iter().map(|s| added(s, s.asked.len())).sum();
    assert_eq!(counter(&image), total, "each add happened once");
}

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(step(), 0..most)
}

/// A cut at about one step in forty of a promotion.
fn cuts() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(0u8..40, 0..400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, max_shrink_iters: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn clients_go_on_with_the_image_and_each_request_happens_once(
        stream in any::<bool>(), ack in level(), before in steps(500), after in steps(400), fates in any::<u64>(), cuts in cuts(),
    ) {
        check((stream, ack, Policy::Strict), (before, after), (fates, cuts), Sound);
    }
}

/// A property that nothing breaks would prove nothing.
fn breaks(bend: Bend) -> bool {
    let config = ProptestConfig {
        cases: 2000,
        max_shrink_iters: 0,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let stories = (any::<bool>(), level(), steps(500), steps(400), any::<u64>(), cuts());
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let quirk = Bent::default().with(bend);
    let outcome = runner.run(&stories, |(stream, ack, before, after, fates, cuts)| {
        check((stream, ack, Policy::Strict), (before, after), (fates, cuts), quirk);
        Ok(())
    });
    outcome.is_err()
}

#[test]
fn planted_bugs_break_it_too() {
    for bend in [Bend::ForgetReplies, Bend::ClearBeforeDurable, Bend::CursorWithoutBlocks] {
        assert!(breaks(bend), "{bend:?} breaks nothing");
    }
}

/// Runs with the source alive until nothing is left but timers, of which some are due.
fn settle(story: &mut Story<impl Quirk>) {
    for _ in 0..8 {
        while story.advance() {
            story.listen();
        }
        story.pair.timeout(SOURCE);
    }
    while story.advance() {
        story.listen();
    }
}

#[test]
fn what_was_not_applied_before_the_fence_is_in_the_map() {
    let mut story = Story::new(true, AckLevel::Nvram, Sound);
    settle(&mut story);
    story.ask(0, 0, 0, 500);
    settle(&mut story);
    story.pair.seal();
    settle(&mut story);
    assert_eq!(story.pair.map(), None);
    // Slot 1 has the bytes from 1536 on, in block 3; replies stand behind the 16 blocks of data.
    story.ask(1, 0, 0, 100);
    settle(&mut story);
    fail_over(&mut story, 0, core::iter::repeat_n(1, 30).chain([0]));
    let map = story.pair.map().expect("a map");
    let blocks: Vec<u64> = (0..17).filter(|block| map.contains((0, *block))).collect();
    assert_eq!(blocks, [3, 16]);
}

#[test]
fn the_former_source_is_fenced_and_answers_nobody() {
    let mut story = Story::new(true, AckLevel::Nvram, Sound);
    settle(&mut story);
    story.ask(0, 0, 0, 500);
    settle(&mut story);
    story.pair.promote();
    settle(&mut story);
    assert!(story.pair.destination.serves(0));
    assert!(matches!(story.pair.standing(), Standing::Promoted(Verdict::Complete, _)));
    story.ask(1, 0, 0, 100);
    settle(&mut story);
    assert!(story.pair.source.stopped());
    // It has heard who serves the clients now, and is to be the mirror of that server (LR7).
    assert_eq!(story.pair.restarts, [1, 0]);
    assert_eq!(story.unanswered(), [1]);
    assert!(matches!(story.pair.alarms[..], [crate::effect::Alarm::Fenced { epoch: 2 }]));
    story.pair.moved = true;
    story.ask(1, 0, 0, 100);
    settle(&mut story);
    assert_eq!(story.unanswered(), []);
}

/// LR7: its word that it goes on alone becomes durable when it is fenced already, before or after it hears of its heir.
#[test]
fn who_went_on_alone_too_late_is_the_mirror_of_its_heir() {
    for heard_before in [true, false] {
        let mut story = Story::with_policy(true, AckLevel::Nvram, ALONE, Sound);
        settle(&mut story);
        story.ask(0, 0, 0, 500);
        while story.pair.working(SOURCE) {
            story.pair.complete(SOURCE, 0);
        }
        while !story.pair.working(SOURCE) {
            // Nothing of it arrives, and it waits, until it writes that it goes on alone.
            story.pair.frames.iter_mut().for_each(|f| f.clear());
            story.pair.timeout(SOURCE);
        }
        let connection = Connection { source_boot: 1, counter: 1, destination_boot: 1 };
        let mirror = story.pair.geometry.mirror;
        story.pair.deliver(DESTINATION, &Message::Fenced { epoch: 2 }.frame(mirror, connection));
        let hello = story.pair.hello(2);
        if heard_before {
            story.pair.deliver(DESTINATION, &hello);
        }
        // The write of the superblock and its flush.
        story.pair.complete(SOURCE, 0);
        story.pair.complete(SOURCE, 0);
        if heard_before {
            assert_eq!(story.pair.source.poll_timeout(), None);
        } else {
            story.pair.deliver(DESTINATION, &hello);
        }
        while story.pair.working(SOURCE) {
            story.pair.complete(SOURCE, 0);
        }
        assert_eq!(story.pair.alarms, [crate::effect::Alarm::Fenced { epoch: 2 }], "nothing was answered");
        assert_eq!(story.pair.restarts, [1, 0]);
    }
}

/// SR7: what a retired source has freed is not there to be forwarded. Only to a mirror whose image has it are the clients
/// handed over, whether its file has it, too, or not.
#[test]
fn a_retired_source_goes_on_only_with_a_mirror_that_has_what_is_freed() {
    let freed = Position::new(1, 1);
    let whole = (freed, 1, 0, false);
    let image = (Position::ZERO, 0, 1, false);
    let nothing = (Position::ZERO, 0, 0, false);
    let void = (freed, 1, 0, true);
    for (has, goes_on) in [(whole, true), (image, true), (nothing, false), (void, false)] {
        let mut story = Story::new(true, AckLevel::Nvram, Sound);
        settle(&mut story);
        story.ask(0, 0, 0, 500);
        settle(&mut story);
        story.pair.seal();
        settle(&mut story);
        story.pair.hand_over();
        while story.pair.working(SOURCE) {
            story.pair.complete(SOURCE, 0);
        }
        story.pair.disconnect();
        story.pair.timeout(SOURCE);
        let hello = story.pair.frames[SOURCE].pop_front().expect("it wants a connection");
        let (_, connection, _) = wire::decode(&hello).expect("it is whole");
        let connection = Connection { destination_boot: 1, ..connection };
        let (held, applied_gen, applied_seq, void) = has;
        let room = 1 << 12;
        let welcome = Message::Welcome {
            epoch: 1,
            held,
            filed: held,
            applied_gen,
            applied_seq,
            room,
            degraded: false,
            check: 0,
            void,
        };
        story.pair.frames[SOURCE].clear();
        story.pair.deliver(DESTINATION, &welcome.frame(story.pair.geometry.mirror, connection));
        story.pair.timeout(SOURCE);
        let said = story.pair.frames[SOURCE].iter().filter_map(wire::decode).map(|(_, _, message)| message);
        let said: Vec<Message> = said.collect();
        let handed = said.iter().any(|m| matches!(m, Message::HandOver { end } if end.position == freed));
        assert_eq!(handed, goes_on, "{has:?}: {said:?}");
        assert_eq!(story.pair.alarms.is_empty(), goes_on, "{has:?}: {:?}", story.pair.alarms);
    }
}

/// Until nothing is under way at the destination; the source has no power.
fn settle_there(story: &mut Story<impl Quirk>) {
    while story.pair.working(DESTINATION) {
        story.pair.frames.iter_mut().for_each(|f| f.clear());
        story.pair.complete(DESTINATION, 0);
    }
    story.listen();
}

#[test]
fn a_mirror_recovered_for_another_server_is_served_by_nobody() {
    let mut story = Story::new(true, AckLevel::Nvram, Sound);
    settle(&mut story);
    story.ask(0, 0, 0, 500);
    settle(&mut story);
    story.pair.adopt();
    settle_there(&mut story);
    assert!(matches!(story.pair.standing(), Standing::Promoted(Verdict::Complete, _)));
    story.pair.moved = true;
    for _ in 0..2 {
        assert!(!story.pair.destination.serves(0));
        story.ask(1, 0, 0, 100);
        settle_there(&mut story);
        assert_eq!(story.unanswered(), [1]);
        // Whatever the former source says, it hears that it is the source no more.
        let hello = story.pair.hello(1);
        assert!(matches!(story.pair.stranger(&hello), Some(Message::Fenced { epoch: 2 })));
        // That nobody is answered is durable.
        story.pair.power_cut(DESTINATION, 0);
        settle_there(&mut story);
    }
    // Nor does another wish of that kind change anything; but the operator may change his mind.
    story.pair.adopt();
    settle_there(&mut story);
    assert!(!story.pair.destination.serves(0));
    story.pair.promote();
    settle_there(&mut story);
    assert!(story.pair.destination.serves(0));
    story.pair.power_cut(DESTINATION, 0);
    settle_there(&mut story);
    story.ask(1, 0, 0, 100);
    settle_there(&mut story);
    assert_eq!(story.unanswered(), []);
}
