//! Nothing that can be written makes the reader panic or hang, and what is refused is refused with words.

use crate::read;
use mirrorsim_scenario::{explain, explain_key, seeds, template};
use proptest::prelude::*;

/// Reads, and looks at everything that comes out.
fn survive(text: &[u8]) {
    match read(text, &[]) {
        Ok(scenario) => assert!(!explain(&scenario).is_empty()),
        Err(problems) => {
            assert!(!problems.list().is_empty());
            let text = problems.render(false);
            assert!(text.starts_with("error"), "{text}");
            assert!(!text.contains('\u{1b}'), "{text}");
            let _ = (problems.render(true), problems.to_json());
        }
    }
}

const BITS: [&str; 30] = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ": ",
    ",",
    "\n",
    "\n  ",
    "- ",
    "&a ",
    "*a",
    "<<: *a",
    "'",
    "\"",
    "|",
    ">",
    "#",
    "\t",
    "\r\n",
    "0",
    "-1",
    "18446744073709551616",
    "5ms",
    "..",
    "é",
    "\u{2028}",
    "~",
    "!!str ",
    "1e9",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        survive(&bytes);
    }

    #[test]
    fn random_text(text in "\\PC{0,120}") {
        survive(text.as_bytes());
        let _ = (seeds(&text), explain_key(&text));
    }

    #[test]
    fn scenarios_with_pieces_cut_out_and_put_in(
        which in 0usize..3,
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0usize..12, 0usize..BITS.len()), 1..6),
    ) {
        let many = include_str!("../bad/many.yaml").to_owned();
        let full = include_str!("../../../../scenarios/smoke/exact_fit.yaml").to_owned();
        let mut text: Vec<char> = [template("scenario.schema.json"), many, full][which].chars().collect();
        for (at, cut, bit) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + cut).min(text.len());
            text.splice(at..end, BITS[bit].chars());
        }
        survive(text.into_iter().collect::<String>().as_bytes());
    }

    #[test]
    fn settings(key in "[a-z.*0-9\\[\\]]{0,20}", value in "\\PC{0,20}") {
        let _ = read(template("scenario.schema.json"), &[(&key, &value)]).map_err(|p| p.render(true));
    }
}
