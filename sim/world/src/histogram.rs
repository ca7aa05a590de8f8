//! Latencies in buckets of about 3 % width: integers only, a few KiB, no set-up cost.

use crate::outcome::Latency;

const SUB: u64 = 32;

/// Counts of values.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    max: u64,
}

fn bucket(value: u64) -> usize {
    if value < SUB {
        return value as usize;
    }
    let shift = 63 - value.leading_zeros() as u64 - 5;
    ((shift + 1) * SUB + (value >> shift) - SUB) as usize
}

fn lowest(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < SUB {
        return bucket;
    }
    let shift = bucket / SUB - 1;
    (SUB + bucket % SUB) << shift
}

impl Histogram {
    /// Adds a value.
    pub fn add(&mut self, value: u64) {
        let at = bucket(value);
        if at >= self.buckets.len() {
            self.buckets.resize(at + 1, 0);
        }
        self.buckets[at] += 1;
        self.count += 1;
        self.max = self.max.max(value);
    }

    fn at_permille(&self, permille: u64) -> u64 {
        let wanted = (self.count * permille).div_ceil(1000).max(1);
        let mut seen = 0;
        for (i, n) in self.buckets.iter().enumerate() {
            seen += n;
            if seen >= wanted {
                return lowest(i + 1).saturating_sub(1).min(self.max);
            }
        }
        self.max
    }

    /// The percentiles.
    pub fn summary(&self) -> Latency {
        Latency {
            count: self.count,
            p50: self.at_permille(500),
            p90: self.at_permille(900),
            p99: self.at_permille(990),
            p999: self.at_permille(999),
            max: self.max,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_a_bucket() {
        let mut h = Histogram::default();
        (1..=100_000).for_each(|v| h.add(v));
        let s = h.summary();
        for (got, want) in [(s.p50, 50_000), (s.p90, 90_000), (s.p99, 99_000), (s.max, 100_000)] {
            assert!(got >= want && got <= want + want / 30, "{got} is not near {want}");
        }
    }
}
