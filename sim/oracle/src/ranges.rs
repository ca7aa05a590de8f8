//! A set of bytes kept as disjoint ranges: what was written and not flushed yet, what the rig has damaged.

use std::collections::BTreeMap;

/// Disjoint ranges, start -> end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ranges {
    map: BTreeMap<u64, u64>,
}

impl Ranges {
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    pub fn clear(&mut self) {
        self.map.clear();
    }

    pub fn len(&self) -> usize {
        self.map.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.map.iter().map(|(&s, &e)| (s, e))
    }

    pub fn insert(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        let (mut from, mut to) = (start, end);
        while let Some((&s, &e)) = self.map.range(..=to).next_back() {
            if e < from {
                break;
            }
            from = from.min(s);
            to = to.max(e);
            self.map.remove(&s);
        }
        self.map.insert(from, to);
    }

    pub fn remove(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        loop {
            let Some((&s, &e)) = self.map.range(..end).next_back() else {
                return;
            };
            if e <= start {
                return;
            }
            self.map.remove(&s);
            if e > end {
                self.map.insert(end, e);
            }
            if s < start {
                self.map.insert(s, start);
                return;
            }
        }
    }

    pub fn touches(&self, start: u64, end: u64) -> bool {
        start < end && self.map.range(..end).next_back().is_some_and(|(_, &e)| e > start)
    }

    #[cfg(test)]
    pub fn covers(&self, start: u64, end: u64) -> bool {
        start >= end || self.map.range(..=start).next_back().is_some_and(|(_, &e)| e >= end)
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
        }
    }
}
