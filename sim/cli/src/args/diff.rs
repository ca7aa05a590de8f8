//! What can be said of two runs.

use super::{Patience, Reading, TraceSeed, one_seed, planted, set};
use clap::Args as Group;
use mirrorsim_planted::Row;
use mirrorsim_scenario::Seeds;

/// `diff`.
#[derive(Debug, Group)]
pub struct DiffArgs {
    /// The one run, A: a token (it starts with `ms1:`), a file that `shrink` or `campaign` has written, or a scenario
    #[arg(value_name = "A")]
    pub one: String,
    /// The other run, B, likewise [default: A, with what the options for B say]
    #[arg(value_name = "B")]
    pub other: Option<String>,
    #[command(flatten)]
    pub seed: TraceSeed,
    /// Of B only: the seed
    #[arg(long, value_name = "N", value_parser = one_seed, allow_hyphen_values = true)]
    pub seed_b: Option<Seeds>,
    /// Switch a planted bug on (see `list --planted`)
    #[arg(long = "plant", value_name = "ID", value_parser = planted, value_delimiter = ',')]
    pub planted: Vec<&'static Row>,
    /// Of B only: these planted bugs instead, or `none`
    #[arg(long = "plant-b", value_name = "ID", value_parser = planted_or_none, value_delimiter = ',')]
    pub planted_b: Option<Vec<Planted>>,
    #[command(flatten)]
    pub reading: Reading,
    /// Of B only: change this key, too
    #[arg(long = "set-b", value_name = "PATH=VALUE", value_parser = set)]
    pub sets_b: Vec<(String, String)>,
    /// Events that are shown before the first that differs
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(0..=1000))]
    pub context: u16,
    #[command(flatten)]
    pub patience: Patience,
}

/// A planted bug, or none.
pub type Planted = Option<&'static Row>;

fn planted_or_none(text: &str) -> Result<Planted, String> {
    if text == "none" { Ok(None) } else { planted(text).map(Some) }
}
