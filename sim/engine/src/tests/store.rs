use super::device::{Device, Op, SIZE, apply, fates_of, ops};
use super::model::Model;
use crate::{Decisions, Fate, FateOdds, Parts, Store, View};
use bytes::Bytes;
use proptest::prelude::*;

fn parts(data: &'static [u8]) -> Parts {
    Parts::from_iter([Bytes::from_static(data)])
}

fn flushed(data: &'static [u8]) -> Store {
    let mut store = Store::new(4);
    store.write(0, parts(data), 0);
    store.complete_all();
    let mark = store.begin_flush();
    store.end_flush(mark);
    store
}

#[test]
fn a_read_sees_the_latest_write_and_stable_does_not() {
    let mut store = flushed(b"aaaaaaaa");
    store.write(2, parts(b"bb"), 0);
    assert_eq!(&store.read(0, 6)[..], b"aabbaa");
    assert_eq!(&store.read_stable(0, 6)[..], b"aaaaaa");
}

#[test]
fn a_flush_covers_what_had_completed_when_it_began() {
    let mut store = Store::new(4);
    let one = store.write(0, parts(b"1"), 0);
    let two = store.write(1, parts(b"2"), 0);
    store.complete(one);
    let mark = store.begin_flush();
    store.complete(two);
    store.end_flush(mark);
    assert_eq!(&store.read_stable(0, 2)[..], b"1\0");
    assert_eq!(store.pending().len(), 1);
}

#[test]
fn a_flush_that_a_power_cut_ended_covers_nothing_later() {
    let mut store = Store::new(4);
    let mark = store.begin_flush();
    store.power_cut(&[]);
    store.write(0, parts(b"1"), 0);
    store.complete_all();
    store.end_flush(mark);
    assert_eq!(&store.read_stable(0, 1)[..], b"\0");
}

#[test]
fn an_older_write_cannot_land_over_a_newer_one_that_is_stable() {
    let mut store = Store::new(4);
    store.write(0, parts(b"aaaaaaaa"), 0);
    let newer = store.write(2, parts(b"bb"), 0);
    store.complete(newer);
    let mark = store.begin_flush();
    store.end_flush(mark);
    assert_eq!(&store.read_stable(0, 8)[..], b"\0\0bb\0\0\0\0");
    store.power_cut(&[Fate::Kept]);
    assert_eq!(&store.read(0, 8)[..], b"aabbaaaa");
}

#[test]
fn a_torn_write_keeps_whole_granules() {
    let mut store = flushed(b"aaaaaaaaaaaa");
    store.write(2, parts(b"bbbbbbbb"), 0);
    store.power_cut(&[Fate::Torn { keep: 0b101, garbage: None }]);
    assert_eq!(&store.read(0, 12)[..], b"aabbaaaabbaa");
}

#[test]
fn a_tear_that_tears_nothing_is_none() {
    let mut store = Store::new(4);
    store.write(2, parts(b"abcdef"), 0);
    let canonical = |keep, garbage| Fate::Torn { keep, garbage }.canonical(&store.pending()[0], 4);
    // It touches two granules.
    assert_eq!(canonical(0b111, Some(1)), Fate::Kept);
    assert_eq!(canonical(0b100, None), Fate::Lost);
    assert_eq!(canonical(0b110, Some(1)), Fate::Torn { keep: 0b10, garbage: Some(1) });
    assert_eq!(canonical(0b100, Some(1)), Fate::Torn { keep: 0, garbage: Some(1) });
    let mut long = Store::new(4);
    long.write(0, parts(&[1; 1024]), 0);
    let half = Fate::Torn { keep: u64::MAX >> 32, garbage: None };
    assert_eq!(half.canonical(&long.pending()[0], 4), half);
}

#[test]
fn garbage_stays_within_the_write_and_is_sticky() {
    let mut store = flushed(b"aaaaaaaaaaaa");
    store.write(2, parts(b"bbbbbbbb"), 0);
    store.power_cut(&[Fate::Torn { keep: 0b100, garbage: Some(9) }]);
    let read = store.read(0, 12);
    assert_eq!((&read[..2], &read[8..]), (&b"aa"[..], &b"bbaa"[..]));
    assert!(read[2..8].iter().any(|byte| !b"ab".contains(byte)));
    assert_eq!(read, store.read(0, 12));
}

#[test]
fn a_long_write_that_keeps_a_prefix_of_bits_keeps_a_prefix() {
    let mut store = Store::new(4);
    store.write(0, Parts::from_iter([Bytes::from(vec![1; 1_000])]), 0);
    store.power_cut(&[Fate::Torn { keep: 0xffff_ffff, garbage: None }]);
    let kept = store.read(0, 1_000).iter().filter(|&&byte| byte == 1).count();
    assert_eq!(kept, 500);
    assert!(store.read(0, 500).iter().all(|&byte| byte == 1));
}

#[test]
fn damage_does_not_leak_to_whoever_shares_the_buffer() {
    let data = Bytes::from(b"abcdefgh".to_vec());
    let (mut one, mut other) = (Store::new(4), Store::new(4));
    for store in [&mut one, &mut other] {
        store.write(0, Parts::from_iter([data.clone()]), 0);
        store.complete_all();
        let mark = store.begin_flush();
        store.end_flush(mark);
    }
    let before = one.snapshot();
    assert_eq!(one.damage(2, 2, |bytes| bytes[0] ^= 1), 1);
    assert_eq!(&one.read(0, 8)[..], b"abbdefgh");
    assert_eq!(&one.read_stable(0, 8)[..], b"abbdefgh");
    assert_eq!(&other.read(0, 8)[..], b"abcdefgh");
    assert_eq!(&before.read(0, 8)[..], b"abcdefgh");
    assert_eq!(&data[..], b"abcdefgh");
}

#[test]
fn damage_that_changes_nothing_takes_no_effect() {
    assert_eq!(flushed(b"aa").damage(0, 2, |bytes| bytes.fill(b'a')), 0);
}

#[test]
fn damage_below_an_unflushed_write_shows_when_that_is_lost() {
    let mut store = flushed(b"aaaa");
    store.write(0, parts(b"bb"), 0);
    assert_eq!(store.damage(0, 1, |bytes| bytes[0] = b'x'), 0);
    assert_eq!(&store.read(0, 4)[..], b"bbaa");
    store.power_cut(&[]);
    assert_eq!(&store.read(0, 4)[..], b"xaaa");
}

#[test]
fn a_replaced_device_holds_the_new_content_alone() {
    let mut store = flushed(b"aaaa");
    let old = store.snapshot();
    store.write(0, parts(b"bb"), 0);
    store.replace_all(crate::ExtentMap::new());
    assert_eq!((store.pending().len(), store.stored_bytes()), (0, 0));
    store.replace_all(old);
    assert_eq!(&store.read(0, 4)[..], b"aaaa");
}

#[test]
fn scrambled_content_depends_on_the_seed_and_the_offset() {
    let (mut one, mut other) = (Store::new(8), Store::new(8));
    one.scramble(0, 64, 5);
    other.scramble(16, 16, 5);
    assert_eq!(one.read(16, 16), other.read(16, 16));
    other.scramble(16, 16, 6);
    assert_ne!(one.read(16, 16), other.read(16, 16));
}

#[test]
fn drawn_fates_are_golden() {
    let mut store = Store::new(512);
    for i in 0..6 {
        store.write(i * 8_192, Parts::from_iter([Bytes::from(vec![1; 4_096])]), 0);
    }
    store.complete(0);
    store.complete(1);
    let odds = FateOdds { garbage: 1 << 31, ..FateOdds::USUAL };
    let fates = store.draw_fates(&mut Decisions::new(1), 0, &odds);
    let torn = |keep, garbage| Fate::Torn { keep, garbage };
    let lost = Fate::Lost;
    assert_eq!(fates, [lost, lost, torn(254, Some(7895840536679559958)), torn(63, None), lost, lost]);
}

#[test]
fn the_mildest_draw_keeps_a_write() {
    let mut store = Store::new(512);
    store.write(0, Parts::from_iter([Bytes::from(vec![1; 4_096])]), 0);
    let mild = crate::Override { site: crate::sites::FATE.0, subject: 0, occurrence: 0, value: u64::MAX };
    let mut decisions = Decisions::with_overrides(1, &[mild]);
    assert_eq!(store.draw_fates(&mut decisions, 0, &FateOdds::USUAL), [Fate::Kept]);
}

#[test]
fn a_write_within_one_granule_is_never_torn() {
    let mut store = Store::new(512);
    for i in 0..200 {
        store.write(i * 512, parts(b"x"), 0);
    }
    let fates = store.draw_fates(&mut Decisions::new(1), 0, &FateOdds::USUAL);
    assert!(fates.iter().all(|fate| matches!(fate, Fate::Kept | Fate::Lost)));
}

proptest! {
    #[test]
    fn it_does_what_a_naive_model_does(ops in ops(), granule in prop::sample::select(vec![4_u32, 8, 64])) {
        let mut store = (Store::new(granule), Vec::new());
        let mut model = Model { stable: vec![(0, 0); SIZE as usize], pending: Vec::new(), serial: 0, epoch: 0 };
        let mut flushes = Vec::new();
        for op in &ops {
            if let Op::PowerCut(seed) = op {
                let fates = fates_of(*seed, model.pending.len());
                let view = View::chosen(&store.0, &fates);
                let expected: Vec<u8> = model.cut(granule, &fates).into_iter().map(|byte| byte.1).collect();
                prop_assert_eq!(&view.read(0, SIZE)[..], &expected);
                let canonical: Vec<Fate> =
                    store.0.pending().iter().zip(&fates).map(|(w, fate)| fate.canonical(w, granule)).collect();
                prop_assert_eq!(&View::chosen(&store.0, &canonical).read(0, SIZE)[..], &expected);
            }
            if let Op::Damage(at) = op {
                store.0.damage(*at, 1, |bytes| bytes[0] ^= 0x80);
                model.stable[*at as usize].1 ^= 0x80;
            }
            let flush = apply(&mut store, granule, op, &flushes);
            prop_assert_eq!(flush, apply(&mut model, granule, op, &flushes));
            flushes.extend(flush);
            prop_assert_eq!(store.content(), model.content());

            let all = vec![Fate::Kept; model.pending.len()];
            prop_assert_eq!(View::chosen(&store.0, &all).read(0, SIZE), View::current(&store.0).read(0, SIZE));
            prop_assert_eq!(View::chosen(&store.0, &[]).read(0, SIZE), View::stable(&store.0).read(0, SIZE));
        }
    }
}

#[test]
fn short_parts_of_a_write_become_one_extent_and_long_ones_stay_shared() {
    let part = |len: usize, byte: u8| Bytes::from(vec![byte; len]);
    let long = part(5000, 3);
    let parts = [part(128, 1), part(512, 2), long.clone(), part(7, 4), part(4095, 5), part(64, 6)];
    let whole: Vec<u8> = parts.iter().flatten().copied().collect();
    let mut store = Store::new(512);
    store.write(1000, parts.into_iter().collect(), 0);
    assert_eq!(store.read(1000, whole.len() as u64), whole);
    assert_eq!(store.current().extents(), 3);
    assert_eq!(store.read(1640, 5000).as_ptr(), long.as_ptr());
    // Nothing of a gathered buffer is kept for long: it has an end.
    let many = (0..100).map(|i| part(1000, i)).collect();
    store.write(50_000, many, 0);
    let extents: Vec<u64> = store.current().iter(50_000, 100_000).map(|(_, extent)| extent.len()).collect();
    assert_eq!(extents, [65_000, 35_000]);
}
