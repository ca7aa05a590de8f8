use crate::{Decisions, Delay, Override, Site};

fn draws(decisions: &mut Decisions, site: u16, subject: u32, n: usize) -> Vec<u64> {
    (0..n).map(|_| decisions.draw(Site(site), subject)).collect()
}

#[test]
fn first_draws_are_golden() {
    let mut decisions = Decisions::new(42);
    // Also what another implementation of ChaCha8 gives for this key and stream.
    assert_eq!(
        draws(&mut decisions, 0, 0, 3),
        [6424161053832095879, 5270208426312333099, 9102960255288774902]
    );
    assert_eq!(
        draws(&mut decisions, 7, 3, 3),
        [686804323637340622, 15419170585521521306, 11718851459822707295]
    );
    assert_eq!(draws(&mut Decisions::new(43), 0, 0, 1), [16811043064196933398]);
}

#[test]
fn a_draw_far_into_a_stream_is_golden() {
    assert_eq!(draws(&mut Decisions::new(1), 5, 2, 1000)[999], 18397053714789149862);
}

#[test]
fn the_order_of_sites_does_not_matter() {
    let (mut one, mut other) = (Decisions::new(9), Decisions::new(9));
    let a = (draws(&mut one, 1, 0, 50), draws(&mut one, 2, 5, 50));
    let second = draws(&mut other, 2, 5, 50);
    assert_eq!(a, (draws(&mut other, 1, 0, 50), second));
}

#[test]
fn switching_a_site_off_changes_no_other() {
    let run = |p: u64| {
        let mut decisions = Decisions::new(3);
        (0..100)
            .map(|_| {
                decisions.chance(Site(1), 0, p);
                decisions.draw(Site(2), 0)
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(run(0), run(1 << 31));
}

#[test]
fn a_chance_of_zero_draws_nothing() {
    let mut decisions = Decisions::new(3);
    assert!(!decisions.chance(Site(1), 0, 0));
    assert_eq!(decisions.occurrences(Site(1), 0), 0);
}

#[test]
fn a_chance_of_one_is_always() {
    let overrides = [Override { site: 1, subject: 0, occurrence: 0, value: u64::MAX }];
    let mut decisions = Decisions::with_overrides(3, &overrides);
    assert!((0..100).all(|_| decisions.chance(Site(1), 0, 1 << 32)));
}

#[test]
fn a_chance_is_about_as_likely_as_it_says() {
    let mut decisions = Decisions::new(3);
    let hits = (0..10_000).filter(|_| decisions.chance(Site(1), 0, 1 << 30)).count();
    assert!((2_300..2_700).contains(&hits), "{hits}");
}

#[test]
fn an_override_takes_its_place_and_shifts_nothing() {
    let drawn = draws(&mut Decisions::new(5), 4, 1, 10);
    let overrides = [
        Override { site: 4, subject: 1, occurrence: 7, value: 70 },
        Override { site: 4, subject: 1, occurrence: 2, value: 19 },
        Override { site: 4, subject: 2, occurrence: 3, value: 0 },
        Override { site: 4, subject: 1, occurrence: 2, value: 20 },
    ];
    let mut expected = drawn;
    expected[2] = 20;
    expected[7] = 70;
    assert_eq!(draws(&mut Decisions::with_overrides(5, &overrides), 4, 1, 10), expected);
}

#[test]
fn a_record_repeats_the_run_under_another_seed() {
    let mut first = Decisions::new(5);
    first.record(true);
    let one = (draws(&mut first, 4, 1, 10), draws(&mut first, 0, 0, 3));
    let mut second = Decisions::with_overrides(6, first.recorded());
    assert_eq!(one, (draws(&mut second, 4, 1, 10), draws(&mut second, 0, 0, 3)));
}

#[test]
fn ranges_hold_their_ends_and_may_be_everything() {
    let mut decisions = Decisions::new(5);
    assert_eq!(decisions.range(Site(0), 0, 4, 4), 4);
    assert_eq!(decisions.occurrences(Site(0), 0), 0);
    let seen: std::collections::BTreeSet<u64> = (0..200).map(|_| decisions.range(Site(0), 0, 4, 7)).collect();
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [4, 5, 6, 7]);
    decisions.range(Site(0), 0, 0, u64::MAX);
}

#[test]
fn a_constant_delay_draws_nothing() {
    let mut decisions = Decisions::new(5);
    assert_eq!(decisions.delay(Site(0), 0, &Delay::constant(17)), 17);
    assert_eq!(decisions.occurrences(Site(0), 0), 0);
}
