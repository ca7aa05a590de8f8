//! What makes two failures the same failure.

use mirrorsim_world::NAMED;
use mirrorsim_world::outcome::{Failure, Verdict};
use xxhash_rust::xxh3::xxh3_64;

/// Words of the message that count. A number of words and not a clause: some messages say what is wrong in one clause with
/// how much and where, which is another in each seed, and in others the first clause is only whom it is about.
const WORDS: usize = 8;
/// Behind these a noun has no name: `its mirror goes on`.
const ARTICLES: [&str; 5] = ["a", "an", "another", "its", "the"];

/// Oracle, invariant and first words, with numbers and the names that an author gave blotted out, and `...` where the
/// message goes on: equal for failures that probably have one cause. What is quoted (between backticks) stays as it is: a
/// threshold is another one if its number is.
pub fn signature(failure: &Failure) -> String {
    let mut out = [failure.oracle, failure.invariant].map(str::to_owned).to_vec();
    let mut words = failure.message.split_whitespace();
    let (mut article, mut noun, mut quoted) = ("", "", false);
    for word in words.by_ref().take(WORDS) {
        let is_name = NAMED.contains(&noun.trim_start_matches('(')) && !ARTICLES.contains(&article);
        out.push(match quoted || word.contains('`') {
            true => word.to_owned(),
            false if is_name => blot_name(word),
            false => blot(word),
        });
        quoted ^= word.matches('`').count() % 2 == 1;
        (article, noun) = (noun, word);
    }
    out.extend(words.next().map(|_| "...".to_owned()));
    out.retain(|word| !word.is_empty());
    out.join(" ")
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

/// A word that begins with a name: that is one `#`, whatever is in it.
fn blot_name(word: &str) -> String {
    let rest = word.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "._-".contains(c));
    if rest.len() < word.len() { format!("#{}", blot(rest)) } else { blot(word) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(message: &str) -> String {
        signature(&Failure {
            oracle: "durability",
            invariant: "I1",
            time: 0,
            event: 0,
            message: message.into(),
        })
    }

    #[test]
    fn numbers_and_tails_do_not_matter() {
        let a = of("write 17 at 4096 is missing from the image: 9 bytes differ");
        assert_eq!(a, "durability I1 write # at # is missing from the ...");
        assert_eq!(a, of("write 5 at 0 is missing from the log; all differ"));
    }

    #[test]
    fn names_do_not_matter() {
        let one = of("source alpha: request 2 of client c2, slot 0, was answered");
        assert_eq!(one, "durability I1 source #: request # of client #, slot ...");
        assert_eq!(one, of("source my-7.b_x: request 12 of client reader, slot 3, was answered"));
        // A name may be a noun, and stand in brackets.
        assert_eq!(of("destination (mirror source): boot"), "durability I1 destination (mirror #): boot");
        assert_ne!(of("mirror alpha: held went back"), of("source alpha: held went back"));
    }

    #[test]
    fn what_is_quoted_stays() {
        let of_99 = of("`p99_write < 1ms` does not hold: it is 3ms");
        assert_eq!(of_99, "durability I1 `p99_write < 1ms` does not hold: it is ...");
        assert_ne!(of_99, of("`p50_write < 1ms` does not hold: it is 3ms"));
        assert_ne!(of_99, of("`p99_write < 2ms` does not hold: it is 3ms"));
        assert_eq!(of("raised `full` at 7: no"), "durability I1 raised `full` at #: no");
    }

    #[test]
    fn where_no_name_is_every_word_counts() {
        assert_eq!(
            of("its mirror goes on with the client"),
            "durability I1 its mirror goes on with the client"
        );
        assert_ne!(of("a source lied"), of("a source slept"));
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(
            of("one two three four five six seven eight"),
            "durability I1 one two three four five six seven eight"
        );
        assert_eq!(of("1 2 3 4 5 6 7 8 9"), "durability I1 # # # # # # # # ...");
    }
}
