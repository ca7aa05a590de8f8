//! Machines by property: whatever the order of completions and frames, whatever is lost or repeated, and wherever
//! either side loses power, each request happens once, and the image is the volume.

mod device;
mod hostile;
mod pair;
mod promotion;
mod scripted;

use crate::config::{AckLevel, Policy, Transport};
use crate::destination::Standing;
use crate::effect::Answer;
use crate::ids::RequestId;
use crate::quirk::{Bend, Bent, Quirk, Sound};
use crate::source::{Body, Request};
use crate::superblock::Verdict;
use crate::wire::Message;
use alloc::vec;
use alloc::vec::Vec;
use bytes::Bytes;
use pair::{DESTINATION, Pair, SOURCE};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

pub const SLOTS: u32 = 3;
/// Each slot has bytes of its own, and all share one counter behind them.
const OWN: u64 = 1536;
const COUNTER: u64 = 7680;

#[derive(Clone, Debug)]
enum Step {
    /// A slot asks: a new request if its last is answered, else the same again.
    Ask {
        slot: u32,
        kind: u8,
        offset: u64,
        length: u64,
    },
    Complete {
        side: usize,
        which: usize,
    },
    Deliver {
        from: usize,
        which: usize,
    },
    Lose {
        from: usize,
        which: usize,
    },
    Repeat {
        from: usize,
        which: usize,
    },
    Timeout {
        side: usize,
    },
    Disconnect,
    PowerCut {
        side: usize,
        fates: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let side = || SOURCE..=DESTINATION;
    prop_oneof![
        12 => (0..SLOTS, 0u8..5, 0..OWN, 1u64..700).prop_map(|(slot, kind, offset, length)| Step::Ask { slot, kind, offset, length }),
        60 => (side(), 0usize..4).prop_map(|(side, which)| Step::Complete { side, which }),
        40 => (side(), 0usize..3).prop_map(|(from, which)| Step::Deliver { from, which }),
        2 => (side(), 0usize..3).prop_map(|(from, which)| Step::Lose { from, which }),
        3 => (side(), 0usize..3).prop_map(|(from, which)| Step::Repeat { from, which }),
        2 => side().prop_map(|side| Step::Timeout { side }),
        1 => Just(Step::Disconnect),
        1 => (side(), any::<u64>()).prop_map(|(side, fates)| Step::PowerCut { side, fates }),
    ]
}

/// One slot's requests, in order; only the last may be unanswered.
#[derive(Default)]
struct Slot {
    asked: Vec<Request>,
    answers: Vec<Answer>,
}

struct Story<Q> {
    pair: Pair<Q>,
    stream: bool,
    slots: Vec<Slot>,
    read: usize,
}

/// What a slot's bytes are after its first `count` requests.
fn own(slot: &Slot, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; OWN as usize];
    for request in &slot.asked[..count] {
        let at = (request.offset % OWN) as usize;
        match &request.body {
            Body::Write(data) => bytes[at..at + data.len()].copy_from_slice(data),
            Body::WriteZeroes => bytes[at..at + request.length as usize].fill(0),
            Body::Add(_) | Body::Read => {}
        }
    }
    bytes
}

fn added(slot: &Slot, count: usize) -> u64 {
    let adds = slot.asked[..count].iter().map(|r| if let Body::Add(delta) = r.body { delta } else { 0 });
    adds.sum()
}

fn counter(bytes: &[u8]) -> u64 {
    let at = COUNTER as usize;
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

impl<Q: Quirk> Story<Q> {
    fn new(stream: bool, ack: AckLevel, quirk: Q) -> Story<Q> {
        Story::with_policy(stream, ack, Policy::Strict, quirk)
    }

    fn with_policy(stream: bool, ack: AckLevel, policy: Policy, quirk: Q) -> Story<Q> {
        let transport = if stream { Transport::Stream } else { Transport::Datagram };
        let slots = (0..SLOTS).map(|_| Slot::default()).collect();
        Story { pair: Pair::with_policy(transport, ack, policy, quirk), stream, slots, read: 0 }
    }

    fn ask(&mut self, slot: u32, kind: u8, offset: u64, length: u64) {
        let state = &mut self.slots[slot as usize];
        if state.answers.len() == state.asked.len() {
            let number = state.asked.len() as u64 + 1;
            let length = length.min(OWN - offset);
            let stamp = (number as u8).wrapping_mul(31) ^ (slot as u8 + 1);
            let (offset, length, body) = match kind {
                0 | 1 => (offset, length, Body::Write(Bytes::from(vec![stamp; length as usize]))),
                2 => (offset, length, Body::WriteZeroes),
                3 => (COUNTER, 8, Body::Add(1 << (slot * 20))),
                _ => (offset, length, Body::Read),
            };
            let offset = if offset == COUNTER { COUNTER } else { slot as u64 * OWN + offset };
            let id = RequestId { client: 0, slot, request: number };
            state.asked.push(Request { id, volume: 0, offset, length, body });
        }
        let request = state.asked[state.asked.len() - 1].clone();
        self.pair.request(request);
        self.listen();
    }

    /// Takes the replies: one answer a request, and a read shows what its slot wrote.
    fn listen(&mut self) {
        for (id, answer) in self.pair.replies[self.read..].iter() {
            let slot = &mut self.slots[id.slot as usize];
            let at = id.request as usize - 1;
            let request = &slot.asked[at];
            match (&request.body, answer) {
                (Body::Read, Answer::Read(data)) => {
                    let from = (request.offset % OWN) as usize;
                    let want = &own(slot, at)[from..from + request.length as usize];
                    assert_eq!(&data[..], want, "a read shows what was written before it");
                }
                (Body::Write(_) | Body::WriteZeroes, Answer::Written) | (Body::Add(_), Answer::Added(_)) => {}
                other => panic!("a wrong answer: {other:?}"),
            }
            match slot.answers.get(at) {
                Some(first) if matches!(request.body, Body::Read) => {
                    assert!(matches!(first, Answer::Read(_)))
                }
                Some(first) => assert_eq!(first, answer, "all answers to one request are equal"),
                None => slot.answers.push(answer.clone()),
            }
        }
        self.read = self.pair.replies.len();
    }

    fn step(&mut self, step: Step) {
        let stream = self.stream;
        let pick = |which: usize, count: usize| if stream { 0 } else { which % count };
        match step {
            Step::Ask { slot, kind, offset, length } => self.ask(slot, kind, offset, length),
            Step::Complete { side, which } => self.pair.complete(side, which),
            Step::Deliver { from, which } if !self.pair.frames[from].is_empty() => {
                let at = pick(which, self.pair.frames[from].len());
                if let Some(frame) = self.pair.frames[from].remove(at) {
                    self.pair.deliver(from, &frame);
                }
            }
            Step::Lose { from, which } if !stream && !self.pair.frames[from].is_empty() => {
                let at = pick(which, self.pair.frames[from].len());
                self.pair.frames[from].remove(at);
            }
            Step::Repeat { from, which } if !stream && !self.pair.frames[from].is_empty() => {
                let at = pick(which, self.pair.frames[from].len());
                let frame = self.pair.frames[from][at].clone();
                self.pair.deliver(from, &frame);
            }
            Step::Timeout { side } => self.pair.timeout(side),
            Step::Disconnect => self.pair.disconnect(),
            Step::PowerCut { side, fates } => {
                if stream {
                    self.pair.frames.iter_mut().for_each(|f| f.clear());
                }
                self.pair.power_cut(side, fates);
            }
            Step::Deliver { .. } | Step::Lose { .. } | Step::Repeat { .. } => {}
        }
        self.listen();
    }

    /// Lets everything that is under way come to its end; `false`: nothing but timers is left.
    fn advance(&mut self) -> bool {
        for side in [SOURCE, DESTINATION] {
            if self.pair.working(side) {
                self.pair.complete(side, 0);
                return true;
            }
            if let Some(frame) = self.pair.frames[side].pop_front() {
                self.pair.deliver(side, &frame);
                return true;
            }
        }
        false
    }

    fn unanswered(&self) -> Vec<u32> {
        let open = |s: &u32| self.slots[*s as usize].answers.len() < self.slots[*s as usize].asked.len();
        (0..SLOTS).filter(open).collect()
    }

    /// No more faults: everything is answered and applied, within a bounded number of steps.
    fn quiesce(&mut self) {
        let mut sealed = false;
        for _ in 0..20_000 {
            if self.advance() {
                self.listen();
                continue;
            }
            assert!(self.pair.alarms.is_empty(), "a false alarm: {:?}", self.pair.alarms);
            if let Some(slot) = self.unanswered().first() {
                self.ask(*slot, 0, 0, 1);
            } else if !sealed && self.pair.source.serving() {
                self.pair.seal();
                sealed = true;
            } else if sealed && self.pair.source.quiet() && self.pair.destination.quiet(0) {
                return;
            }
            if self.pair.idle() {
                self.pair.timeout(SOURCE);
                self.pair.timeout(DESTINATION);
            }
        }
        panic!("no end: {:?} unanswered, {:?}", self.unanswered(), self.pair.standing());
    }
}

fn check_to_the_end(stream: bool, ack: AckLevel, steps: Vec<Step>, quirk: impl Quirk) {
    check_policy(stream, ack, Policy::Strict, steps, quirk);
}

/// It goes on alone after three timers without an answer, and comes back soon.
const ALONE: Policy = Policy::Degrade { timeout: 3000, settle: 500, hold: 1000 };

fn check_policy(stream: bool, ack: AckLevel, policy: Policy, steps: Vec<Step>, quirk: impl Quirk) {
    let mut story = Story::with_policy(stream, ack, policy, quirk);
    steps.into_iter().for_each(|step| story.step(step));
    story.quiesce();
    let (volume, image) = (story.pair.blocks(SOURCE), story.pair.blocks(DESTINATION));
    assert_eq!(volume, image, "the image is the volume");
    for (i, slot) in story.slots.iter().enumerate() {
        let at = i * OWN as usize;
        assert_eq!(&image[at..at + OWN as usize], own(slot, slot.asked.len()), "the bytes of slot {i}");
    }
    let total: u64 = story.slots.iter().map(|s| added(s, s.asked.len())).sum();
    assert_eq!(counter(&image), total, "each add happened once");
}

fn check_disaster(stream: bool, ack: AckLevel, steps: Vec<Step>, fates: u64, quirk: impl Quirk) {
    let mut story = Story::new(stream, ack, quirk);
    steps.into_iter().for_each(|step| story.step(step));
    // The source is gone with all its frames; the destination loses power, boots and recovers, and loses power again.
    for cut in [fates, !fates] {
        story.pair.power_cut(DESTINATION, cut);
        for _ in 0..2000 {
            story.pair.frames.iter_mut().for_each(|f| f.clear());
            if matches!(story.pair.standing(), Standing::Serving) {
                story.pair.recover();
            }
            if !story.pair.working(DESTINATION) {
                break;
            }
            story.pair.complete(DESTINATION, 0);
        }
        let Standing::Open(verdict, _) = story.pair.standing() else {
            panic!("recovery never ended: {:?}", story.pair.standing());
        };
        assert!(!matches!(verdict, Verdict::Damaged { .. }), "a false alarm: {verdict:?}");
        let image = story.pair.blocks(DESTINATION);
        let mut low = 0;
        let mut high = 0;
        for (i, slot) in story.slots.iter().enumerate() {
            let at = i * OWN as usize;
            let bytes = &image[at..at + OWN as usize];
            let fits = |count: &usize| own(slot, *count) == bytes;
            let some = (slot.answers.len()..=slot.asked.len()).any(|count| fits(&count));
            assert!(some, "slot {i}: neither what was answered nor what was asked");
            low += added(slot, slot.answers.len());
            high += added(slot, slot.asked.len());
        }
        let counter = counter(&image);
        assert!((low..=high).contains(&counter), "added {counter}, answered {low}, asked {high}");
    }
}

fn level() -> impl Strategy<Value = AckLevel> {
    prop_oneof![Just(AckLevel::Nvram), Just(AckLevel::File)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, max_shrink_iters: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_request_happens_once_and_the_image_is_the_volume(
        stream in any::<bool>(), ack in level(), steps in proptest::collection::vec(step(), 0..600),
    ) {
        check_to_the_end(stream, ack, steps, Sound);
    }

    #[test]
    fn whatever_the_policy_the_image_is_the_volume_in_the_end(
        stream in any::<bool>(), ack in level(), steps in proptest::collection::vec(step(), 0..600),
        policy in prop_oneof![3 => Just(ALONE), 1 => Just(Policy::SemiSync { window: 1000 }), 1 => Just(Policy::Async)],
    ) {
        check_policy(stream, ack, policy, steps, Sound);
    }

    #[test]
    fn a_disaster_at_any_step_loses_nothing_that_was_answered(
        stream in any::<bool>(), ack in level(), steps in proptest::collection::vec(step(), 0..600), fates in any::<u64>(),
    ) {
        check_disaster(stream, ack, steps, fates, Sound);
    }
}

#[test]
fn planted_bugs_of_resyncs_break_it_too() {
    for bend in [Bend::FreeBeforeMap, Bend::ResyncForgetsWrites, Bend::ResyncFromVolume, Bend::SealOldCursor]
    {
        check_breaks(bend, ALONE);
    }
}

/// A property that nothing breaks would prove nothing.
fn check_breaks(bend: Bend, policy: Policy) {
    let quirk = Bent::default().with(bend);
    let config = ProptestConfig {
        cases: 4000,
        max_shrink_iters: 0,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let stories = (any::<bool>(), level(), proptest::collection::vec(step(), 0..600), any::<u64>());
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let outcome = runner.run(&stories, |(stream, ack, steps, fates)| {
        if policy == Policy::Strict {
            check_disaster(stream, ack, steps.clone(), fates, quirk);
        }
        check_policy(stream, ack, policy, steps, quirk);
        Ok(())
    });
    assert!(outcome.is_err(), "{bend:?} breaks nothing");
}

#[test]
fn planted_bugs_break_these_properties() {
    for bend in [
        Bend::ForwardBeforeDurable,
        Bend::FreeOnLocalApply,
        Bend::AckOnReceipt,
        Bend::RemoveOnAppend,
        Bend::AppendAgainAtBoot,
        Bend::ClearWithoutFlush,
        Bend::CursorWithoutBlocks,
        Bend::RecoverActiveFileOnly,
        Bend::NvramBeforeFiles,
    ] {
        check_breaks(bend, Policy::Strict);
    }
}
