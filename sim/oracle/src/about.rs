//! What each oracle looks at, as its own file begins by saying.

use crate::finding::ORACLES;

/// Name of each oracle, and the text of its file.
pub const ABOUT: [(&str, &str); ORACLES.len()] = [
    ("durability", include_str!("oracles/durability.rs")),
    ("prefix", include_str!("oracles/prefix.rs")),
    ("apply", include_str!("oracles/apply.rs")),
    ("numbering", include_str!("oracles/numbering.rs")),
    ("replies", include_str!("oracles/replies.rs")),
    ("agreement", include_str!("oracles/agreement.rs")),
    ("fencing", include_str!("oracles/fencing.rs")),
    ("divergence", include_str!("oracles/divergence.rs")),
    ("damage", include_str!("oracles/damage.rs")),
    ("once", include_str!("oracles/once.rs")),
    ("held", include_str!("oracles/held.rs")),
    ("steps", include_str!("oracles/steps.rs")),
    ("isolation", include_str!("oracles/isolation.rs")),
    ("reads", include_str!("oracles/reads.rs")),
    ("nvram", include_str!("oracles/nvram.rs")),
    ("liveness", include_str!("oracles/liveness.rs")),
    ("reader", include_str!("reader.rs")),
    ("fairness", include_str!("oracles/fairness.rs")),
    ("seals", include_str!("oracles/seals.rs")),
    ("session", include_str!("oracles/session.rs")),
    ("resync", include_str!("oracles/resync.rs")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_oracle_says_what_it_looks_at() {
        for ((name, text), oracle) in ABOUT.iter().zip(ORACLES) {
            assert_eq!(*name, oracle);
            assert!(text.starts_with("//! "), "{name}");
        }
    }
}
