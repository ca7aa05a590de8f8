//! Exact intervals with 95 % confidence, of integers: the same digits on every machine.
//!
//! The weights of a binomial distribution follow by ratios from the one at its mode, and all that is asked is which share of their
//! sum a tail is. So there is no power, no logarithm and no factorial; and what falls below 2^-60 of the greatest is no part of 1/40.

use schemars::JsonSchema;
use serde::Serialize;

/// The whole, in parts per 10^9.
const WHOLE: u64 = 1_000_000_000;
/// The weight at the mode.
const PEAK: u128 = 1 << 60;
/// Of more runs a product would not fit. A campaign of so many would take centuries.
const MOST: u64 = 1 << 37;
/// What each side leaves out is at most one in so many: 2.5 %.
const SIDE: u128 = 40;

/// From `low` to `high`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Interval<T> {
    /// The lower end.
    pub low: T,
    /// The upper end.
    pub high: T,
}

/// The exact interval (Clopper and Pearson) of a share of which `part` of `all` were seen, in parts per 10^9, rounded outwards.
pub fn share_interval(part: u64, all: u64) -> Option<Interval<u64>> {
    (1..=MOST).contains(&all).then(|| Interval {
        low: WHOLE - highest(all.saturating_sub(part), all),
        high: highest(part.min(all), all),
    })
}

/// Whether an interval of parts per 10^9 leaves out one half.
pub fn uneven(share: Interval<u64>) -> bool {
    share.low > WHOLE / 2 || share.high < WHOLE / 2
}

/// The interval of the median of whatever these are drawn from, in order: two of them, by their ranks, as the test of signs has it.
/// It supposes nothing of the distribution. Of fewer than six there is none.
pub fn median_interval(sorted: &[i64]) -> Option<Interval<i64>> {
    let all = sorted.len();
    let rank = rank(u64::try_from(all).ok().filter(|n| *n <= MOST)?)? as usize;
    Some(Interval { low: sorted[rank - 1], high: sorted[all - rank] })
}

/// The middle of what is in order; of two middle ones their mean, rounded towards zero, so that it does not matter which of two
/// sides is the first.
pub fn median(sorted: &[i64]) -> Option<i64> {
    let all = sorted.len();
    let middle = [sorted.get(all.checked_sub(1)? / 2)?, sorted.get(all / 2)?];
    i64::try_from(middle.into_iter().map(|n| i128::from(*n)).sum::<i128>() / 2).ok()
}

/// The greatest rank from both ends that the median lies between with 95 % confidence.
fn rank(all: u64) -> Option<u64> {
    let (mut good, mut bad) = (0, all / 2 + 1);
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if rare(middle - 1, all, WHOLE / 2) { good = middle } else { bad = middle }
    }
    (good > 0).then_some(good)
}

/// The least share of which at most `part` of `all` are seen with a chance of at most 2.5 %.
fn highest(part: u64, all: u64) -> u64 {
    if part == all {
        return WHOLE;
    }
    let (mut low, mut high) = (0, WHOLE);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if rare(part, all, middle) { high = middle } else { low = middle }
    }
    high
}

/// Whether at most `part` of `all` are seen with a chance of at most 2.5 %, each with a chance of `share`, which is neither none
/// nor the whole.
fn rare(part: u64, all: u64, share: u64) -> bool {
    let [n, p, q] = [all, share, WHOLE - share].map(u128::from);
    let (mode, part) = ((n + 1) * p / u128::from(WHOLE), u128::from(part));
    let (mut sum, mut tail) = (0, 0);
    let mut add = |at: u128, weight: u128| {
        sum += weight;
        tail += if at <= part { weight } else { 0 };
    };
    let (mut at, mut weight) = (mode, PEAK);
    while weight > 0 {
        add(at, weight);
        weight = weight * at * q / ((n - at + 1) * p);
        at = at.saturating_sub(1);
    }
    (at, weight) = (mode, PEAK);
    while at < n && weight > 0 {
        weight = weight * (n - at) * p / ((at + 1) * q);
        at += 1;
        add(at, weight);
    }
    tail * SIDE <= sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with 60 digits by another program (mpmath), and the known ones of 0, 1, 5 and 50 of 100.
    #[test]
    fn shares_are_those_of_the_tables() {
        for (part, all, low, high) in TABLE {
            assert_eq!(share_interval(part, all), Some(Interval { low, high }), "{part} of {all}");
            let mirrored = Interval { low: WHOLE - high, high: WHOLE - low };
            assert_eq!(share_interval(all - part, all), Some(mirrored), "{} of {all}", all - part);
        }
        assert_eq!([share_interval(0, 0), share_interval(1, u64::MAX)], [None; 2]);
        assert_eq!(share_interval(1, MOST), Some(Interval { low: 0, high: 1 }));
    }

    /// Of a few runs all weights are whole numbers, so the ends can be held against the definition itself.
    #[test]
    fn an_end_is_where_the_tail_becomes_rare() {
        let choose = |n: u128, k: u128| (0..k).fold(1, |c, i| c * (n - i) / (i + 1));
        // In units of 10^-3, so that the powers of 9 runs fit.
        let tail = |k: u128, n: u128, p: u128| -> u128 {
            (0..=k).map(|i| choose(n, i) * p.pow(i as u32) * (1000 - p).pow((n - i) as u32)).sum()
        };
        for n in 1..=9u64 {
            for k in 0..n {
                let high = share_interval(k, n).expect("an interval").high;
                let (below, above) = (u128::from(high / 1_000_000), u128::from(high.div_ceil(1_000_000)));
                let whole = 1000u128.pow(n as u32);
                assert!(tail(k.into(), n.into(), below) * SIDE >= whole, "{k} of {n}");
                assert!(tail(k.into(), n.into(), above) * SIDE <= whole, "{k} of {n}");
            }
        }
    }

    /// The ranks of the tables for the test of signs.
    #[test]
    fn ranks_are_those_of_the_tables() {
        let ranks = [5, 6, 8, 9, 10, 20, 50, 100, 1000].map(rank);
        let known = [None, Some(1), Some(1), Some(2), Some(2), Some(6), Some(18), Some(40), Some(469)];
        assert_eq!(ranks, known);
        let hundred: Vec<i64> = (1..=100).collect();
        assert_eq!(median_interval(&hundred), Some(Interval { low: 40, high: 61 }));
        assert_eq!([median_interval(&hundred[..5]), median_interval(&[])], [None; 2]);
    }

    #[test]
    fn a_median_does_not_know_which_side_is_the_first() {
        assert_eq!(
            [&[][..], &[7], &[1, 2, 9], &[0, 1], &[-1, 0]].map(median),
            [None, Some(7), Some(2), Some(0), Some(0)]
        );
        assert_eq!(median(&[i64::MAX, i64::MAX]), Some(i64::MAX));
    }

    #[test]
    fn one_half_is_left_out_or_not() {
        let of = |part, all| share_interval(part, all).is_some_and(uneven);
        assert_eq!(
            [of(5, 5), of(6, 6), of(0, 6), of(9, 10), of(8, 10), of(50, 100)],
            [false, true, true, true, false, false]
        );
    }

    /// Part, all, and the two ends.
    const TABLE: [(u64, u64, u64, u64); 12] = [
        (0, 1, 0, 975_000_000),
        (0, 100, 0, 36_216_693),
        (1, 100, 253_146, 54_459_386),
        (5, 100, 16_431_879, 112_834_912),
        (50, 100, 398_321_129, 601_678_871),
        (100, 100, 963_783_307, 1_000_000_000),
        (1, 3, 8_403_758, 905_700_676),
        (7, 20, 153_909_204, 592_188_535),
        (333, 1_000, 303_817_802, 363_169_218),
        (3, 200_000, 3_093, 43_836),
        (0, 1_000_000, 0, 3_689),
        (1, 1_000_000, 25, 5_572),
    ];
}
