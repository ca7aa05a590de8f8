//! What can be said on the command line.

mod campaigns;
mod diff;

pub use campaigns::{CampaignArgs, CompareArgs, Engine, MergeArgs, OnFailure, ShardArg, SlurmArgs};

pub use diff::DiffArgs;

use crate::chosen;
use crate::moment::{self, Moment};
use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use mirrorsim_campaign::{BUILD, Exit};
use mirrorsim_planted::Row;
use mirrorsim_scenario::Seeds;
use mirrorsim_world::spec::CheckMode;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

static EXITS: LazyLock<String> = LazyLock::new(|| {
    let mut all = Exit::BY_SEVERITY;
    all.sort_by_key(|e| e.code());
    let lines: Vec<String> = all.iter().map(|e| format!("  {:>3}  {}", e.code(), e.meaning())).collect();
    format!("Exit codes:\n{}", lines.join("\n"))
});

static VERSION: LazyLock<String> = LazyLock::new(|| BUILD.to_string());

/// Simulates NVRAM-logged mirroring under faults, and proves recovery at every durable change.
#[derive(Debug, Parser)]
#[command(name = "mirrorsim", version = VERSION.as_str(), after_help = EXITS.as_str())]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Text for people, or one JSON object a line on standard output.
    #[arg(long, global = true, value_name = "FORMAT", default_value = "human")]
    pub message_format: Format,
    /// Say, too, what is allowed in a scenario and seldom meant
    #[arg(long, short, global = true)]
    pub verbose: bool,
}

/// How to speak.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Format {
    /// Text.
    Human,
    /// JSON.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run scenarios and judge them
    Run(RunArgs),
    /// Run very many seeds; results stay on disk, and an end at any moment loses none
    Campaign(CampaignArgs),
    /// Make one campaign of the shards of one
    Merge(MergeArgs),
    /// Compare two campaigns, seed by seed: two sets, two planted bugs, or two builds
    Compare(CompareArgs),
    /// Let a cluster run a campaign; the same again goes on with it
    #[command(subcommand)]
    Submit(Engine),
    /// Run one seed again, from the line that a red run ends with
    Replay(ReplayArgs),
    /// Show the first event in which two runs differ, and how everything stands there
    Diff(DiffArgs),
    /// Make a failing seed a small scenario that fails in the same way, with its story
    Shrink(ShrinkArgs),
    /// Show what happens in a run, one line an event
    Trace(TraceArgs),
    /// Run every planted bug, and show how soon it is caught and by whom
    Planted(PlantedArgs),
    /// Look for mistakes in scenarios; nothing is run
    Check(CheckArgs),
    /// List scenarios, planted bugs, metrics, stages or marks
    List(ListArgs),
    /// Show a scenario with all its defaults, or what a key, a stage, a mark, a metric or a planted bug is
    Explain(ExplainArgs),
    /// Print a JSON Schema
    Schema {
        /// Of what
        #[arg(default_value = "scenario")]
        what: SchemaOf,
    },
    /// Write a scenario to start from; never over a file that exists
    New {
        /// Where; without it, to standard output
        file: Option<PathBuf>,
    },
    /// Run seeds that another mirrorsim asks for
    #[command(hide = true)]
    Worker,
}

/// What has a schema.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum SchemaOf {
    /// Scenario files.
    Scenario,
    /// JSON reports.
    Report,
    /// What a campaign says of the claims.
    Claims,
    /// Reports of `campaign` and `merge`.
    Campaign,
    /// What `compare` says of two campaigns.
    Compare,
}

/// How scenarios are read.
#[derive(Clone, Debug, Default, Group)]
pub struct Reading {
    /// Change a key of the scenario, such as `sources.alpha.link.loss=5%`
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = set)]
    pub sets: Vec<(String, String)>,
    /// A folder of trace files, tried after the scenario's own [also: the variable MIRRORSIM_DATA]
    #[arg(long, value_name = "DIR", value_parser = folder())]
    pub data: Option<PathBuf>,
    /// A very large run is meant
    #[arg(long)]
    pub yes_large: bool,
}

/// How long a seed may be silent, if nothing is said.
const SILENT: &str = "60s";

/// How long a seed may be silent.
#[derive(Clone, Debug, Group)]
pub struct Patience {
    /// A seed without any event for so long of wall time hangs, and is ended
    #[arg(long, value_name = "TIME", value_parser = moment::duration, default_value = SILENT)]
    pub hang_after: Duration,
}

impl Patience {
    /// As a command line says it, if it has to.
    pub fn spelled(&self) -> Option<String> {
        (Ok(self.hang_after) != moment::duration(SILENT)).then(|| moment::spelled(self.hang_after))
    }
}

/// Which seeds.
#[derive(Clone, Debug, Default, Group)]
pub struct SeedArgs {
    /// One seed, decimal or with 0x
    #[arg(long, value_name = "N", value_parser = one_seed, allow_hyphen_values = true)]
    pub seed: Option<Seeds>,
    /// Seeds such as 1..100, 1..=100 or 1..10,20; `commit:100` (so many that this build's commit gives) or `random:100`
    #[arg(long, value_name = "A..B", value_parser = chosen::parse, allow_hyphen_values = true, conflicts_with = "seed")]
    pub seeds: Option<Seeds>,
}

/// What is bent and what is judged.
#[derive(Clone, Debug, Default, Group)]
pub struct JudgingArgs {
    /// Switch a planted bug on (see `list --planted`)
    #[arg(long = "plant", value_name = "ID", value_parser = planted, value_delimiter = ',')]
    pub planted: Vec<&'static Row>,
    /// Where recovery is judged, instead of what the scenario says
    #[arg(long, value_name = "MODE")]
    pub check: Option<Check>,
    /// End the run here as a disaster of every source would, with a power cut: a time such as 20ms, or an event's number
    #[arg(long, value_name = "TIME|EVENT", value_parser = moment::parse)]
    pub disaster_at: Option<Moment>,
}

impl JudgingArgs {
    /// The planted bugs, each once.
    pub fn planted(&self) -> Vec<&'static Row> {
        let mut out: Vec<&'static Row> = Vec::new();
        for row in &self.planted {
            if out.iter().all(|r| r.id != row.id) {
                out.push(row);
            }
        }
        out
    }
}

/// Where recovery is judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Check {
    /// At every durable change.
    Every,
    /// At every durable change by a resumable scan, with full checks in between.
    Delta,
    /// At a drawn part of the durable changes.
    Sampled,
    /// At disasters and at the end.
    End,
}

impl From<Check> for CheckMode {
    fn from(check: Check) -> CheckMode {
        match check {
            Check::Every => CheckMode::Every,
            Check::Delta => CheckMode::Delta,
            Check::Sampled => CheckMode::Sampled,
            Check::End => CheckMode::End,
        }
    }
}

/// `run`.
#[derive(Debug, Group)]
pub struct RunArgs {
    /// Scenario files, folders of them, @FILE for those that a file lists, a line each, or - for standard input
    #[arg(required = true, value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    /// Of those only scenarios with one of these tags; `corner` also means corner-1, corner-2 and so on
    #[arg(long = "tag", value_name = "TAG", value_delimiter = ',')]
    pub tags: Vec<String>,
    #[command(flatten)]
    pub seeds: SeedArgs,
    /// Seeds at a time, each in a process of its own [default: one a processor]
    #[arg(long, value_name = "N", value_parser = jobs, allow_hyphen_values = true)]
    pub jobs: Option<u64>,
    /// Run every seed twice, in two processes; a difference is the rig's fault, and its first event is shown [otherwise:
    /// seeds that did not pass, and one in 64 of the others]
    #[arg(long)]
    pub check_determinism: bool,
    #[command(flatten)]
    pub patience: Patience,
    #[command(flatten)]
    pub judging: JudgingArgs,
    #[command(flatten)]
    pub reading: Reading,
    /// Where JSON reports are written
    #[arg(long, value_name = "DIR", default_value = "reports/out")]
    pub report_dir: PathBuf,
    /// Write no report
    #[arg(long, conflicts_with = "report_dir")]
    pub no_report: bool,
    /// Print what the campaign says of each claim: scenarios (by their tags `claim-N`), seeds, steps, planted bugs caught [its
    /// claims.json is written with the reports, asked for or not]
    #[arg(long)]
    pub claims: bool,
    /// Write what the scenarios came to, as evidence that the judge raises no false alarm
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = ALARMS)]
    pub write_baseline: Option<PathBuf>,
    /// Compare with such evidence: of the same sources the same seed has the same digest
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = ALARMS)]
    pub compare: Option<PathBuf>,
    /// Write volumes and recovered images as sparse raw files; of one scenario and one seed
    #[arg(long, value_name = "DIR")]
    pub export_images: Option<PathBuf>,
}

/// `replay`.
#[derive(Debug, Group)]
pub struct ReplayArgs {
    /// A token (it starts with `ms1:`), a file that `shrink` or `campaign` has written, or a folder of such files: those of planted
    /// bugs are to fail as they did, all others to pass
    #[arg(value_name = "TOKEN|FILE|FOLDER")]
    pub target: String,
    /// Show every event, too
    #[arg(long)]
    pub trace: bool,
    /// Go on to this event or time only, and show how everything stands then
    #[arg(long, value_name = "EVENT|TIME", value_parser = moment::parse, conflicts_with = "expect_pass")]
    pub until: Option<Moment>,
    /// The failure is thought to be repaired: passing is success
    #[arg(long)]
    pub expect_pass: bool,
    /// Another path for the scenario than the token's
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<String>,
    /// Run a file of another format or with other decisions; what it comes to cannot be compared with what is recorded
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub patience: Patience,
}

/// `shrink`.
#[derive(Debug, Group)]
pub struct ShrinkArgs {
    /// A token (it starts with `ms1:`), a repro, or a scenario
    #[arg(value_name = "TOKEN|REPRO|SCENARIO")]
    pub target: String,
    /// Of a scenario
    #[command(flatten)]
    pub seed: TraceSeed,
    #[command(flatten)]
    pub judging: JudgingArgs,
    #[command(flatten)]
    pub reading: Reading,
    /// Where the scenario is written; no file is replaced [default: in reports/out/, named after scenario, bugs and seed]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// How long it may take
    #[arg(long, value_name = "TIME", value_parser = moment::duration, default_value = "60s")]
    pub budget: Duration,
    /// Runs at a time; the result does not depend on it [default: one a processor]
    #[arg(long, value_name = "N", value_parser = jobs, allow_hyphen_values = true)]
    pub jobs: Option<u64>,
    #[command(flatten)]
    pub patience: Patience,
}

/// `trace`.
#[derive(Debug, Group)]
pub struct TraceArgs {
    /// The scenario [of a token or a repro: `replay --trace`]
    pub scenario: String,
    #[command(flatten)]
    pub seed: TraceSeed,
    #[command(flatten)]
    pub judging: JudgingArgs,
    #[command(flatten)]
    pub reading: Reading,
    /// From this virtual time (20ms, 1.5s; ns, us, ms, s, m, h) or this event (1234) on
    #[arg(long, value_name = "TIME|EVENT", value_parser = moment::parse)]
    pub from: Option<Moment>,
    /// Up to this time or event, likewise
    #[arg(long, value_name = "TIME|EVENT", value_parser = moment::parse)]
    pub to: Option<Moment>,
    /// Show how everything stands at `--to`
    #[arg(long, requires = "to")]
    pub state: bool,
    /// Only what this server or client does
    #[arg(long, value_name = "NAME")]
    pub actor: Vec<String>,
    /// Only events of this kind
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub kind: Vec<String>,
    /// Of the stages only these (see `list --stages`)
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub stage: Vec<String>,
    /// Only lines with this text
    #[arg(long, value_name = "TEXT")]
    pub grep: Option<String>,
    /// At most so many lines
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    #[command(flatten)]
    pub patience: Patience,
}

/// The one seed of a trace.
#[derive(Clone, Debug, Default, Group)]
pub struct TraceSeed {
    /// The seed, decimal or with 0x [default: the scenario's first, or 1]
    #[arg(long, value_name = "N", value_parser = one_seed, allow_hyphen_values = true)]
    pub seed: Option<Seeds>,
}

/// `planted`.
#[derive(Debug, Group)]
pub struct PlantedArgs {
    /// Only these bugs (see `list --planted`)
    #[arg(long, value_name = "ID", value_parser = planted, value_delimiter = ',')]
    pub only: Vec<&'static Row>,
    /// Seeds of a block: a bug that is not caught in them counts as caught later
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub seeds: u64,
    /// Blocks of each bug, disjoint in their seeds
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub blocks: u64,
    /// Leave out what each oracle is worth
    #[arg(long)]
    pub skip_oracles: bool,
    /// Blocks at a time, each in a process of its own [default: one a processor]
    #[arg(long, value_name = "N", value_parser = jobs, allow_hyphen_values = true)]
    pub jobs: Option<u64>,
    /// Go on with a table that was interrupted
    #[arg(long)]
    pub resume: bool,
    /// Where the blocks that are done are noted
    #[arg(long, value_name = "DIR", default_value = "reports/out")]
    pub report_dir: PathBuf,
    /// Write the table to be compared with later
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = KILLS)]
    pub write_baseline: Option<PathBuf>,
    /// Compare with a committed table: a bug that is no longer caught, or ten times later, is a failure
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = KILLS)]
    pub compare: Option<PathBuf>,
    #[command(flatten)]
    pub patience: Patience,
}

/// The committed evidence that there is no false alarm.
const ALARMS: &str = "reports/baseline/no_false_alarm.json";

/// The committed kill table.
pub const KILLS: &str = "reports/baseline/planted.json";

/// `check`.
#[derive(Debug, Group)]
pub struct CheckArgs {
    /// Scenario files, folders of them, or - for standard input
    #[arg(required = true, value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    #[command(flatten)]
    pub reading: Reading,
}

/// `list`.
#[derive(Debug, Group)]
pub struct ListArgs {
    /// Where to look for scenarios
    #[arg(value_name = "DIR", default_value = "scenarios")]
    pub folder: String,
    /// Only scenarios with one of these tags; `corner` also means corner-1, corner-2 and so on
    #[arg(long = "tag", value_name = "TAG", value_delimiter = ',', conflicts_with = "what")]
    pub tags: Vec<String>,
    /// Planted bugs
    #[arg(long, group = "what")]
    pub planted: bool,
    /// Metrics that `expect:` can name
    #[arg(long, group = "what")]
    pub metrics: bool,
    /// Stages that a fault can wait for
    #[arg(long, group = "what")]
    pub stages: bool,
    /// Rare states of the protocol that `reach:` can name
    #[arg(long, group = "what")]
    pub marks: bool,
    /// A folder of trace files
    #[arg(long, value_name = "DIR", value_parser = folder())]
    pub data: Option<PathBuf>,
}

/// `explain`.
#[derive(Debug, Group)]
pub struct ExplainArgs {
    /// A scenario file, a key such as sources.link.latency, or the name of a stage, a mark, a metric or a planted bug
    #[arg(value_name = "SCENARIO|NAME", required_unless_present = "key")]
    pub target: Option<String>,
    /// A key or another name
    #[arg(long, conflicts_with = "target")]
    pub key: Option<String>,
    #[command(flatten)]
    pub reading: Reading,
}

fn one_seed(text: &str) -> Result<Seeds, String> {
    if text.contains("..") || text.contains(',') {
        return Err("this is more than one seed; say --seeds".into());
    }
    mirrorsim_scenario::seeds(text)
}

fn set(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((path, value)) if !path.is_empty() => Ok((path.to_owned(), value.to_owned())),
        _ => Err("want PATH=VALUE, such as sources.alpha.link.loss=5%".into()),
    }
}

/// A folder that is there.
fn folder() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new()
        .try_map(|path| if path.is_dir() { Ok(path) } else { Err("there is no such folder") })
}

fn planted(text: &str) -> Result<&'static Row, String> {
    mirrorsim_planted::find(text)
        .ok_or_else(|| "no such planted bug; `mirrorsim list --planted` shows them".into())
}

/// More than fits is as good as the most.
fn jobs(text: &str) -> Result<u64, String> {
    positive(text, "with 0 jobs nothing would run")
}

/// A number of something, which is not 0: `why` not.
fn positive(text: &str, why: &str) -> Result<u64, String> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err("want a whole number, at least 1".into());
    }
    match text.parse().unwrap_or(u64::MAX) {
        0 => Err(format!("{why}; want at least 1")),
        n => Ok(n),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_declarations_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn jobs_are_positive_whole_numbers() {
        assert_eq!(jobs("7"), Ok(7));
        assert_eq!(jobs("99999999999999999999999"), Ok(u64::MAX));
        for bad in ["0", "-1", "1.5", "", " 1", "٣"] {
            assert!(jobs(bad).is_err(), "{bad}");
        }
    }
}
