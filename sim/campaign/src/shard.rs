//! A part of a campaign that a machine of its own runs.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The `number`th of `of` parts, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shard {
    /// From 1.
    pub number: u64,
    /// How many there are.
    pub of: u64,
}

impl Default for Shard {
    fn default() -> Shard {
        Shard { number: 1, of: 1 }
    }
}

impl Shard {
    /// More than these nobody has machines for.
    pub const MOST: u64 = 100_000;

    /// Its part of so many seeds: first index, and the one behind the last. The parts of all shards are all seeds.
    pub fn part(self, seeds: u64) -> (u64, u64) {
        let edge = |n: u64| (u128::from(seeds) * u128::from(n) / u128::from(self.of)) as u64;
        (edge(self.number - 1), edge(self.number))
    }

    /// Its folder below that of the campaign; a campaign that is not parted has none.
    pub fn folder(self) -> Option<String> {
        (self.of > 1).then(|| format!("shard-{:05}-of-{:05}", self.number, self.of))
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let shown = text.escape_debug();
        let part = |t: &str| t.bytes().all(|b| b.is_ascii_digit()).then(|| t.parse().ok()).flatten();
        let parts = text.split_once('/').and_then(|(n, of)| Some((part(n)?, part(of)?)));
        match parts {
            None => Err(format!("`{shown}` is no shard; write one such as 2/4")),
            Some((_, of)) if of == 0 || of > Shard::MOST => {
                Err(format!("there can be 1 to {} shards, not {of}", Shard::MOST))
            }
            Some((number, of)) if number == 0 || number > of => {
                Err(format!("there is no shard {number} of {of}; they are 1 to {of}"))
            }
            Some((number, of)) => Ok(Shard { number, of }),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_all_shards_are_all_seeds() {
        for (seeds, of) in [(0, 3), (2, 7), (100, 7), (u64::MAX, 99_999)] {
            let mut next = 0;
            for number in 1..=of {
                let (from, to) = Shard { number, of }.part(seeds);
                assert_eq!(from, next);
                assert!(to - from <= seeds / of + 1);
                next = to;
            }
            assert_eq!(next, seeds);
        }
    }

    #[test]
    fn a_shard_that_is_none_is_refused_with_what_is_one() {
        let why = |text: &str| text.parse::<Shard>().expect_err(text);
        assert_eq!("2/4".parse(), Ok(Shard { number: 2, of: 4 }));
        assert_eq!(why("0/4"), "there is no shard 0 of 4; they are 1 to 4");
        assert_eq!(why("5/4"), "there is no shard 5 of 4; they are 1 to 4");
        assert_eq!(why("1/0"), "there can be 1 to 100000 shards, not 0");
        for none in ["", "4", "/", "1/", "+1/4", "1/4/2", "a/b"] {
            assert!(why(none).contains("write one such as 2/4"), "{none}");
        }
    }
}
