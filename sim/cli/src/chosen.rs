//! Seeds by a word: those of a commit, so that each change is tried with others, or any.

use mirrorsim_campaign::BUILD;
use mirrorsim_scenario::{Seeds, seeds};
use std::hash::{BuildHasher, Hasher};

/// More at once are written as a range.
const MOST: u64 = 1 << 40;

/// Seeds, and whether chance has chosen them, so that the same words give others.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The seeds.
    pub seeds: Seeds,
    /// Chance has.
    pub by_chance: bool,
}

impl From<Seeds> for Chosen {
    fn from(seeds: Seeds) -> Chosen {
        Chosen { seeds, by_chance: false }
    }
}

impl std::str::FromStr for Chosen {
    type Err = String;

    fn from_str(text: &str) -> Result<Chosen, String> {
        parse(text).map(|seeds| Chosen { seeds, by_chance: text.starts_with("random") })
    }
}

/// Reads what [`seeds`] does, and `commit`, `commit:1000`, `random`, `random:1000`: so many from one on that the commit of this build
/// gives, or chance.
pub fn parse(text: &str) -> Result<Seeds, String> {
    let (word, count) = text.split_once(':').unwrap_or((text, "1"));
    let first = match word {
        "commit" => of(BUILD.commit).ok_or("this build is of no commit; name seeds, or say random")?,
        "random" => chance(),
        _ => return seeds(text),
    };
    let digits = !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit());
    let count =
        Some(count).filter(|_| digits).and_then(|c| c.parse().ok()).filter(|n| (1..=MOST).contains(n));
    let count = count.ok_or_else(|| format!("how many? Write one such as {word}:1000; at most {MOST}"))?;
    // Low enough that all of them are seeds, and short enough to be read out.
    let first = first % (1 << 40);
    seeds(&format!("{first}..={}", first + (count - 1)))
}

/// The first seed of a commit.
fn of(commit: &str) -> Option<u64> {
    commit.get(..16).and_then(|hex| u64::from_str_radix(hex, 16).ok())
}

#[expect(clippy::disallowed_types, reason = "chance is what was asked for; it is printed")]
fn chance() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_gives_seeds_and_chance_others() {
        assert_eq!(of("00000000000000ff0123"), Some(255));
        assert_eq!((of(""), of("main")), (None, None));
        assert_eq!(parse("random:7").map(|s| s.count()), Ok(7));
        assert_ne!(parse("random").map(|s| s.to_string()), parse("random").map(|s| s.to_string()));
        assert_eq!(parse("1..=3").map(|s| s.count()), Ok(3));
        for wrong in [
            "random:",
            "random:0",
            "random:x",
            "random:-1",
            "commit:",
            "random:99999999999999999999",
            "chance",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
