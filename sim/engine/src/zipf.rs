//! Zipf's law by integers.

use crate::fixed::{exp2_minus, log2};

/// Item `k` (from 0) is drawn with a probability proportional to `1 / (k + 1)^s`. Building the table costs about
/// 2 ms for 65,536 items: build it once and share it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Zipf {
    /// `bounds[k]`: the first draw that belongs to an item after `k`; the last item has none.
    bounds: Vec<u64>,
}

impl Zipf {
    /// A table over `items` (1..=65536) with the exponent in thousandths (0..=16000; 990 means 0.99).
    ///
    /// # Panics
    /// If `items` or the exponent is outside its range.
    pub fn new(items: u32, exponent_milli: u32) -> Self {
        assert!((1..=65_536).contains(&items), "1..=65536 items");
        assert!(exponent_milli <= 16_000, "exponent of 16 at most");
        let weights = weights(items as usize, exponent_milli);
        let total: u128 = weights.iter().map(|&w| u128::from(w)).sum();
        let mut sum = 0_u128;
        let mut bounds = Vec::with_capacity(weights.len());
        for w in &weights[..weights.len() - 1] {
            sum += u128::from(*w);
            bounds.push(ratio(sum, total));
        }
        Zipf { bounds }
    }

    /// The item (`0..items`) that belongs to a draw.
    #[inline]
    pub fn sample(&self, draw: u64) -> u32 {
        self.bounds.partition_point(|&bound| bound <= draw) as u32
    }
}

/// `rank^-s` for each rank from 1 on, in units of 2^-62. Powers are taken of primes; the rest are products.
fn weights(items: usize, exponent_milli: u32) -> Vec<u64> {
    let mut factor = vec![0; items + 1];
    for prime in 2..=items {
        if factor[prime] == 0 {
            factor[prime..].iter_mut().step_by(prime).skip(1).for_each(|of| *of = prime);
        }
    }
    let mut weights = vec![0; items + 1];
    for rank in 1..=items {
        weights[rank] = match factor[rank] {
            0 => power(rank as u64, exponent_milli),
            prime => product(weights[prime], weights[rank / prime]),
        };
    }
    weights.split_off(1)
}

/// `rank^-s` in units of 2^-62.
fn power(rank: u64, exponent_milli: u32) -> u64 {
    let exponent = u128::from(log2(rank)) * u128::from(exponent_milli) / 1000;
    exp2_minus(exponent as u64)
}

/// Of two numbers in units of 2^-62.
fn product(a: u64, b: u64) -> u64 {
    ((u128::from(a) * u128::from(b)) >> 62) as u64
}

/// `part / total` in units of 2^-64, for `part <= total < 2^80`.
fn ratio(part: u128, total: u128) -> u64 {
    // Two steps of 32 bits, since `part << 64` does not fit.
    let high = (part << 32) / total;
    let rest = (part << 32) % total;
    let low = (rest << 32) / total;
    u64::try_from(high << 32 | low).unwrap_or(u64::MAX)
}
