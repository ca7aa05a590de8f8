//! What can be said of campaigns: how one is run, divided, joined.

use super::{Check, Patience, Reading, jobs, planted, positive, set};
use crate::chosen::{self, Chosen};
use crate::moment;
use clap::{Args as Group, Subcommand};
use mirrorsim_campaign::Shard;
use mirrorsim_planted::Row;
use mirrorsim_scenario::Seeds;
use std::path::PathBuf;
use std::time::Duration;

/// `campaign`.
#[derive(Debug, Group)]
pub struct CampaignArgs {
    /// Scenario files, folders of them; none with --resume: those of the campaign in --out
    #[arg(required_unless_present = "resume", value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    /// Of those only scenarios with one of these tags; `corner` also means corner-1, corner-2 and so on
    #[arg(long = "tag", value_name = "TAG", value_delimiter = ',')]
    pub tags: Vec<String>,
    /// Seeds of each scenario such as 1..100, 1..=100 or 1..10,20, `commit:100` or `random:100`; of all shards
    #[arg(long, value_name = "A..B", value_parser = str::parse::<Chosen>, allow_hyphen_values = true, required_unless_present = "resume")]
    pub seeds: Option<Chosen>,
    /// Seeds at a time, each in a process of its own [default: one a processor]
    #[arg(long, value_name = "N", value_parser = jobs, allow_hyphen_values = true)]
    pub jobs: Option<u64>,
    /// Where results and report are kept [default: reports/out/ and the date]
    #[arg(long, value_name = "DIR", required_unless_present = "scenarios")]
    pub out: Option<PathBuf>,
    /// Go on with the campaign in --out, if there is one; it must be the same one, by the same sources
    #[arg(long)]
    pub resume: bool,
    /// Replay the repros below this folder first [default: scenarios/regressions, if it is there]
    #[arg(long, value_name = "DIR")]
    pub regressions: Option<String>,
    /// Begin no seed after so long of wall time, such as 10m; what was run is judged, and --resume goes on
    #[arg(long, value_name = "TIME", value_parser = moment::duration)]
    pub budget: Option<Duration>,
    /// Begin no more seeds once one did not pass; a few that were begun with it still count
    #[arg(long)]
    pub fail_fast: bool,
    /// Begin no seed once so many in turn have reached no state, stage or cell that none had reached before
    #[arg(long, visible_alias = "until-marks-stable", value_name = "N", value_parser = stable, allow_hyphen_values = true)]
    pub until_stable: Option<u64>,
    /// Run one part of so many, such as 2/4; they are joined by `merge` [in a folder of its own below --out]. `auto`: the part
    /// that Slurm (SLURM_ARRAY_TASK_ID) or Kubernetes (JOB_COMPLETION_INDEX, MIRRORSIM_SHARDS) has given to this process
    #[arg(long, value_name = "I/N|auto", value_parser = shard)]
    pub shard: Option<ShardArg>,
    /// Write the result as JUnit XML, too
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write its failures as SARIF, too
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
    /// Run every seed twice, in two processes [otherwise: seeds that did not pass, and one in 64 of the others]
    #[arg(long)]
    pub check_determinism: bool,
    #[command(flatten)]
    pub on_failure: OnFailure,
    #[command(flatten)]
    pub patience: Patience,
    /// Switch a planted bug on (see `list --planted`)
    #[arg(long = "plant", value_name = "ID", value_parser = planted, value_delimiter = ',')]
    pub planted: Vec<&'static Row>,
    /// Where recovery is judged, instead of what the scenario says
    #[arg(long, value_name = "MODE")]
    pub check: Option<Check>,
    #[command(flatten)]
    pub reading: Reading,
}

/// What is done about failures, once all seeds were run.
#[derive(Clone, Debug, Group)]
pub struct OnFailure {
    /// Failures that turn nothing red: a signature a line, as the report has them; one that begins with `#` is a comment
    #[arg(long, value_name = "FILE")]
    pub known: Option<PathBuf>,
    /// Make no failure a small scenario [otherwise: the first seed of each of at most 10 kinds, in repros/ of the campaign's folder]
    #[arg(long)]
    pub no_shrink: bool,
    /// How long that may take for each kind [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = moment::duration)]
    pub shrink_budget: Option<Duration>,
}

/// Which part of a campaign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ShardArg {
    /// The one that the scheduler says.
    Auto,
    /// This one.
    This(Shard),
}

/// `submit`.
#[derive(Debug, Subcommand)]
pub enum Engine {
    /// An array of Slurm, a task a shard, and a job behind it that merges them
    #[command(mut_arg("resume", |a| a.hide(true)), mut_arg("shard", |a| a.hide(true)))]
    Slurm(Box<SlurmArgs>),
}

/// `submit slurm`.
#[derive(Debug, Group)]
pub struct SlurmArgs {
    #[command(flatten)]
    pub campaign: CampaignArgs,
    /// Parts of the campaign, each a task of the array
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=Shard::MOST), allow_hyphen_values = true)]
    pub shards: u64,
    /// Print the scripts; nothing is written, and nothing submitted
    #[arg(long)]
    pub dry_run: bool,
    /// More options for sbatch, such as --partition=long --time=2:00:00; for the array and for the merge
    #[arg(last = true, value_name = "SBATCH OPTION")]
    pub sbatch: Vec<String>,
}

/// `merge`.
#[derive(Debug, Group)]
pub struct MergeArgs {
    /// Folders of campaigns or shards, or a folder with folders of shards
    #[arg(required = true, value_name = "DIR")]
    pub folders: Vec<PathBuf>,
    /// Where the whole is kept
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Write the result as JUnit XML, too
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write its failures as SARIF, too
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
    #[command(flatten)]
    pub on_failure: OnFailure,
    /// Replay the repros below this folder [default: scenarios/regressions, if it is there]
    #[arg(long, value_name = "DIR")]
    pub regressions: Option<String>,
    /// Runs at a time while failures are made small [default: one a processor]
    #[arg(long, value_name = "N", value_parser = jobs, allow_hyphen_values = true)]
    pub jobs: Option<u64>,
    #[command(flatten)]
    pub patience: Patience,
}

/// `compare`.
#[derive(Debug, Group)]
#[command(mut_arg("sets", |a| a.requires("seeds")), mut_arg("data", |a| a.requires("seeds")))]
pub struct CompareArgs {
    /// Folders of two campaigns; or, with --seeds, scenarios to run in two ways
    #[arg(required = true, value_name = "DIR DIR|SCENARIO")]
    pub targets: Vec<String>,
    /// Run both ways over these seeds, and compare; the same again goes on with what is in --out
    #[arg(long, value_name = "A..B", value_parser = chosen::parse, allow_hyphen_values = true)]
    pub seeds: Option<Seeds>,
    /// Change a key of the scenario in one of the two, beside --set
    #[arg(long, value_name = "PATH=VALUE", value_parser = set, requires = "seeds")]
    pub one: Vec<(String, String)>,
    /// Change a key of the scenario in the other one
    #[arg(long, value_name = "PATH=VALUE", value_parser = set, requires = "seeds")]
    pub other: Vec<(String, String)>,
    /// Switch a planted bug on in one of the two (see `list --planted`)
    #[arg(long, value_name = "ID", value_parser = planted, value_delimiter = ',', requires = "seeds")]
    pub plant_one: Vec<&'static Row>,
    /// Switch a planted bug on in the other one
    #[arg(long, value_name = "ID", value_parser = planted, value_delimiter = ',', requires = "seeds")]
    pub plant_other: Vec<&'static Row>,
    /// Of the scenarios only those with one of these tags
    #[arg(long = "tag", value_name = "TAG", value_delimiter = ',', requires = "seeds")]
    pub tags: Vec<String>,
    /// Seeds at a time, each in a process of its own [default: one a processor]
    #[arg(long, value_name = "N", value_parser = jobs, allow_hyphen_values = true, requires = "seeds")]
    pub jobs: Option<u64>,
    /// Where compare.json is written; with --seeds also both campaigns, in `one` and `other` [default: with --seeds reports/out/
    /// and the date, else nothing is written]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Show metrics that are equal in every pair, too
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub patience: Patience,
    /// Where recovery is judged, instead of what the scenario says
    #[arg(long, value_name = "MODE", requires = "seeds")]
    pub check: Option<Check>,
    #[command(flatten)]
    pub reading: Reading,
}

fn stable(text: &str) -> Result<u64, String> {
    positive(text, "after 0 seeds no seed would be run")
}

fn shard(text: &str) -> Result<ShardArg, String> {
    if text == "auto" { Ok(ShardArg::Auto) } else { text.parse().map(ShardArg::This) }
}
