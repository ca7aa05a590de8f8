//! Where the seeds to the first detection of a bug are counted.

use crate::Row;

/// Where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ground {
    /// The default campaign.
    Campaign,
    /// The bug's own witness: the default campaign hardly leads to it.
    Witness,
}

/// Bugs whose cause the default campaign does not bring about, each with the reason.
const WITNESS_ONLY: &[(&str, &str)] = &[
    (
        "H01",
        "an image block must go bad just after an apply, while the source has applied what is on its way",
    ),
    (
        "H03",
        "a source must lose power just while it puts a block in place, and the image's copy go bad before it boots",
    ),
    ("H04", "one block of an image must go bad twice, within the time that an answer is on its way"),
    ("L13", "a block must go bad that was changed alone, which leaves the fault model"),
    (
        "O15",
        "damage must hit the log of a source just above its cursor, and the source die before it has applied that",
    ),
    (
        "O17",
        "a source within its reserve must wait, while another's files are slow and all that is lent is in use",
    ),
    (
        "O22",
        "a source must be exchanged for an empty one where reads are not confirmed, and a cut keep it from the destination",
    ),
    (
        "P18",
        "a drawn flip seldom hits just a field that names a place, with its record read again before it is repaired",
    ),
    (
        "F15",
        "the server to which clients are handed over must be lost for ever in the window, with requests waiting at the other one",
    ),
    ("R01", "the default campaign applies nothing in rounds"),
    ("R02", "the default campaign applies nothing in rounds"),
    ("P19", "a drawn flip seldom hits just a length, with its record read again before it is repaired"),
];

/// Where a bug's seeds are counted.
pub fn ground(row: &Row) -> Ground {
    match WITNESS_ONLY.iter().any(|(id, _)| *id == row.id) {
        true => Ground::Witness,
        false => Ground::Campaign,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_rows_and_have_reasons() {
        for (id, reason) in WITNESS_ONLY {
            assert!(crate::find(id).is_some() && !reason.is_empty(), "{id}");
        }
    }
}
