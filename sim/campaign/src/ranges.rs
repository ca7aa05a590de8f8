//! Sets of seeds of a plan, by their index: what is done of a campaign, and what is left.

use serde::{Deserialize, Serialize};

/// Half-open ranges, in order; no two touch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// All from `from` up to and without `to`.
    pub fn all(from: u64, to: u64) -> Ranges {
        Ranges(if from < to { vec![(from, to)] } else { Vec::new() })
    }

    /// Adds one; false: it was there.
    pub fn add(&mut self, index: u64) -> bool {
        let at = self.0.partition_point(|(_, to)| *to < index);
        match self.0.get_mut(at) {
            Some((from, to)) if *from <= index && index < *to => return false,
            Some((_, to)) if *to == index => {
                *to += 1;
                if let Some((next, end)) = self.0.get(at + 1).copied()
                    && next == index + 1
                {
                    self.0[at].1 = end;
                    self.0.remove(at + 1);
                }
            }
            Some((from, _)) if *from == index + 1 => *from = index,
            _ => self.0.insert(at, (index, index + 1)),
        }
        true
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|(from, to)| to - from).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What of `from..to` is not here.
    pub fn missing(&self, from: u64, to: u64) -> Ranges {
        let (mut out, mut at) = (Vec::new(), from);
        for (a, b) in self.0.iter().copied().filter(|(a, b)| *b > from && *a < to) {
            if at < a {
                out.push((at, a));
            }
            at = b;
        }
        if at < to {
            out.push((at, to));
        }
        Ranges(out)
    }

    /// Takes the first `count` out.
    pub fn take(&mut self, count: u64) -> Ranges {
        let (mut out, mut left) = (Vec::new(), count);
        while left > 0
            && let Some((from, to)) = self.0.first().copied()
        {
            let end = to.min(from.saturating_add(left));
            out.push((from, end));
            left -= end - from;
            match end == to {
                true => drop(self.0.remove(0)),
                false => self.0[0].0 = end,
            }
        }
        Ranges(out)
    }

    /// The `n`th, from 0.
    pub fn nth(&self, n: u64) -> Option<u64> {
        let mut left = n;
        for (from, to) in &self.0 {
            if left < to - from {
                return Some(from + left);
            }
            left -= to - from;
        }
        None
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        self.0.iter().flat_map(|(from, to)| *from..*to)
    }

    /// As ranges.
    pub fn spans(&self) -> &[(u64, u64)] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_added_in_any_order_is_there_once() {
        let mut ranges = Ranges::default();
        let mut plain = BTreeSet::new();
        for i in 0..200u64 {
            let index = i * 37 % 101;
            assert_eq!(ranges.add(index), plain.insert(index), "{index}");
            assert_eq!(ranges.iter().collect::<Vec<_>>(), plain.iter().copied().collect::<Vec<_>>());
        }
        assert_eq!(ranges, Ranges::all(0, 101));
    }

    #[test]
    fn what_is_missing_is_taken_in_portions() {
        let mut done = Ranges::default();
        assert_eq!([3, 4, 9].map(|i| done.add(i)), [true; 3]);
        let mut left = done.missing(2, 12);
        assert_eq!(left.spans(), [(2, 3), (5, 9), (10, 12)]);
        assert_eq!((0..8).filter_map(|n| left.nth(n)).collect::<Vec<_>>(), left.iter().collect::<Vec<_>>());
        assert_eq!(left.take(3).spans(), [(2, 3), (5, 7)]);
        assert_eq!((left.count(), left.take(9).spans()), (4, &[(7, 9), (10, 12)][..]));
        assert!(left.is_empty() && left.take(1).is_empty());
        assert_eq!(Ranges::default().missing(0, 2), Ranges::all(0, 2));
        assert!(Ranges::all(0, 5).missing(0, 5).is_empty());
    }
}
