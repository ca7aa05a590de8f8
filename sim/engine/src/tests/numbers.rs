use crate::fixed::{exp2_minus, log2, minus_ln};
use crate::{Decisions, Delay, Site, Zipf};

#[test]
fn logarithms_are_golden() {
    assert_eq!(log2(1), 0);
    assert_eq!(log2(8), 3 << 32);
    assert_eq!(log2(3), 6_807_362_105);
    assert_eq!(log2(u64::MAX), (64 << 32) - 1);
}

#[test]
fn powers_are_golden() {
    assert_eq!(exp2_minus(0), 1 << 62);
    assert_eq!(exp2_minus(5 << 32), 1 << 57);
    assert_eq!(exp2_minus(1 << 31), 3_260_954_456_333_195_553);
    assert_eq!(exp2_minus(63 << 32), 0);
}

#[test]
fn exponentials_are_golden() {
    assert_eq!(minus_ln(u64::MAX), 0);
    assert_eq!(
        [0, 1, 1 << 32, 1 << 63, 3 << 62, u64::MAX - 1].map(minus_ln),
        [190530846208, 187553801736, 95265423103, 2977044472, 1235585093, 0]
    );
    let delay = Delay::exponential(1_000, 11_000, 50_000);
    let mut decisions = Decisions::new(7);
    let drawn: Vec<u64> = (0..6).map(|_| decisions.delay(Site(0), 0, &delay)).collect();
    assert_eq!(drawn, [3690, 8637, 50000, 12994, 10515, 11886]);
}

#[test]
fn exponentials_have_their_mean_and_their_cut() {
    let delay = Delay::exponential(1_000, 11_000, 1_000_000);
    let mut decisions = Decisions::new(7);
    let sum: u64 = (0..20_000).map(|_| decisions.delay(Site(0), 0, &delay)).sum();
    assert!((10_700..11_300).contains(&(sum / 20_000)), "{}", sum / 20_000);
    assert_eq!(delay.value(0), 1_000 + 443_614);
    assert_eq!(Delay { max: 30_000, ..delay }.value(0), 30_000);
    assert_eq!(delay.value(u64::MAX), 1_000);
}

#[test]
fn exponentials_fall_as_draws_rise() {
    let mut last = u64::MAX;
    for step in 0..20_000_u64 {
        let value = minus_ln(step * 922_337_203_685_477);
        assert!(value <= last);
        last = value;
    }
}

#[test]
fn uniforms_reach_both_ends() {
    let delay = Delay::uniform(10, 19);
    assert_eq!((delay.value(0), delay.value(u64::MAX)), (10, 19));
    assert_eq!(Delay::uniform(0, u64::MAX).value(u64::MAX), u64::MAX);
}

#[test]
fn zipf_is_golden() {
    let zipf = Zipf::new(65_536, 990);
    let mut decisions = Decisions::new(7);
    let drawn: Vec<u32> = (0..12).map(|_| zipf.sample(decisions.draw(Site(0), 0))).collect();
    assert_eq!(drawn, [4712, 152, 0, 21, 59, 32, 40, 5, 763, 38823, 857, 1292]);
    assert_eq!([0, u64::MAX / 2, u64::MAX].map(|draw| zipf.sample(draw)), [0, 226, 65_535]);
}

#[test]
fn zipf_with_exponent_one_is_harmonic() {
    // 1 + 1/2 + 1/3 + 1/4 = 25/12.
    let zipf = Zipf::new(4, 1000);
    let mut counts = [0_u64; 4];
    for step in 0..25_000_u64 {
        counts[zipf.sample(step * (u64::MAX / 25_000)) as usize] += 1;
    }
    for (count, expected) in counts.iter().zip([12_000_u64, 6_000, 4_000, 3_000]) {
        assert!(count.abs_diff(expected) < 10, "{counts:?}");
    }
}

#[test]
fn zipf_with_exponent_zero_is_uniform() {
    let zipf = Zipf::new(4, 0);
    assert_eq!([0, 1 << 62, 2 << 62, 3 << 62].map(|draw| zipf.sample(draw)), [0, 1, 2, 3]);
}

#[test]
fn zipf_of_one_item_is_that_item() {
    assert_eq!(Zipf::new(1, 500).sample(u64::MAX), 0);
}
