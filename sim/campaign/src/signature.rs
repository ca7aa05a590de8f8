//! What makes two failures the same failure.

use mirrorsim_world::outcome::{Failure, Verdict};
use xxhash_rust::xxh3::xxh3_64;

/// Words of the message that count.
const WORDS: usize = 8;

/// Oracle, invariant and first words with numbers blotted out: equal for failures that probably have one cause.
pub fn signature(failure: &Failure) -> String {
    let words = failure.message.split_whitespace().take(WORDS).map(blot);
    let head = [failure.oracle, failure.invariant].into_iter().filter(|s| !s.is_empty()).map(str::to_owned);
    head.chain(words).collect::<Vec<_>>().join(" ")
}

/// Of a seed that did not pass: the signature of its first failure, or its verdict.
pub fn kind(verdict: Verdict, failures: &[Failure]) -> String {
    failures.first().map_or_else(|| format!("{verdict:?}").to_lowercase(), signature)
}

/// A signature as a part of a file's name: 8 hexadecimal digits.
pub fn short(signature: &str) -> String {
    format!("{:08x}", xxh3_64(signature.as_bytes()) as u32)
}

/// A word with each number in it replaced by one `#`.
fn blot(word: &str) -> String {
    let mut out = String::new();
    for c in word.chars() {
        match c.is_ascii_digit() {
            true if out.ends_with('#') => {}
            true => out.push('#'),
            false => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_tails_do_not_matter() {
        let failure = |message: &str| Failure {
            oracle: "durability",
            invariant: "I1",
            time: 0,
            event: 0,
            message: message.into(),
        };
        let a = failure("write 17 of client c1 at 4096 is missing from the image: 9 bytes differ");
        let b = failure("write 5 of client c2 at 0 is missing from the image; all differ");
        assert_eq!(signature(&a), "durability I1 write # of client c# at # is");
        assert_eq!(signature(&a), signature(&b));
    }
}
