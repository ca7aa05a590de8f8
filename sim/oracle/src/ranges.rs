//! A set of bytes kept as disjoint ranges: what was written and not flushed yet, what the rig has damaged.

/// Disjoint ranges (start, end) in order, that do not touch. They are few: what is under way on one device.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ranges {
    ranges: Vec<(u64, u64)>,
}

impl Ranges {
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    pub fn clear(&mut self) {
        self.ranges.clear();
    }

    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.ranges.iter().copied()
    }

    pub fn insert(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        let first = self.ranges.partition_point(|r| r.1 < start);
        let after = first + self.ranges[first..].partition_point(|r| r.0 <= end);
        if first == after {
            self.ranges.insert(first, (start, end));
            return;
        }
        let joined = (start.min(self.ranges[first].0), end.max(self.ranges[after - 1].1));
        self.ranges[first] = joined;
        self.ranges.drain(first + 1..after);
    }

    pub fn remove(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        let first = self.ranges.partition_point(|r| r.1 <= start);
        let after = first + self.ranges[first..].partition_point(|r| r.0 < end);
        if first == after {
            return;
        }
        let (head, tail) = ((self.ranges[first].0, start), (end, self.ranges[after - 1].1));
        let left = [head, tail].into_iter().filter(|r| r.0 < r.1);
        self.ranges.splice(first..after, left);
    }

    pub fn touches(&self, start: u64, end: u64) -> bool {
        let first = self.ranges.partition_point(|r| r.1 <= start);
        start < end && self.ranges.get(first).is_some_and(|r| r.0 < end)
    }

    /// How many bytes of a range are in none.
    pub fn free_in(&self, start: u64, end: u64) -> u64 {
        let first = self.ranges.partition_point(|r| r.1 <= start);
        let inside = self.ranges[first..].iter().take_while(|r| r.0 < end);
        let taken: u64 = inside.map(|r| r.1.min(end) - r.0.max(start)).sum();
        end.saturating_sub(start).saturating_sub(taken)
    }

    #[cfg(test)]
    pub fn covers(&self, start: u64, end: u64) -> bool {
        start >= end || self.ranges.iter().any(|r| r.0 <= start && r.1 >= end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_agree_with_a_plain_bitmap() {
        let mut seed = 7u64;
        let mut ranges = Ranges::default();
        let mut plain = [false; 64];
        for _ in 0..20_000 {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let (a, b) = ((seed >> 33) % 64, (seed >> 43) % 65);
            let (start, end) = (a.min(b), a.max(b));
            let on = seed >> 63 == 1;
            if on {
                ranges.insert(start, end)
            } else {
                ranges.remove(start, end)
            }
            plain[start as usize..end as usize].fill(on);
            let probe = ((seed >> 20) % 64, (seed >> 26) % 65);
            let (s, e) = (probe.0.min(probe.1), probe.0.max(probe.1));
            let part = &plain[s as usize..e as usize];
            assert_eq!(ranges.touches(s, e), part.iter().any(|&b| b));
            assert_eq!(ranges.covers(s, e), part.iter().all(|&b| b));
            assert_eq!(ranges.free_in(s, e), part.iter().filter(|&&b| !b).count() as u64);
        }
    }
}
