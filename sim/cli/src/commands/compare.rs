//! `compare`: two campaigns over the same seeds, in pairs; those of two folders, or two that are run for it.

use crate::args::{CampaignArgs, CompareArgs, OnFailure, Reading};
use crate::commands::campaign::{self, Task};
use crate::commands::regressions::Corpus;
use crate::out::Out;
use crate::signals;
use crate::trouble::Trouble;
use mirrorsim_campaign::{Exit, Header, Plan, Shard, Stop, Store, StoreError, results};
use mirrorsim_planted::Row;
use mirrorsim_report::{self as report, Comparing, Folder, quoted};
use mirrorsim_world::spec::CheckMode;
use serde_json::json;
use std::fmt::Write;
use std::path::Path;

/// What it said, and the two campaigns, in the folder of a comparison.
const REPORT: &str = "compare.json";
const ONE: &str = "one";
const OTHER: &str = "other";

/// Compares. What is found is no verdict.
pub fn compare(mut args: CompareArgs, out: &mut Out) -> Result<Exit, Trouble> {
    if args.seeds.is_some() {
        let top = args.out.get_or_insert_with(|| campaign::dated("compare")).clone();
        if let Some(exit) = run(&args, &top, out)? {
            let line = again(&args, &top);
            match out.json() {
                true => out.object(&json!({"type": "rest", "command": line})),
                false => {
                    out.text(&format!("not all seeds were run, nothing is compared; to go on:\n{line}\n"))
                }
            }
            return Ok(exit);
        }
        return tell(&args, [&top.join(ONE), &top.join(OTHER)], out);
    }
    match &args.targets[..] {
        [one, other] => tell(&args, [Path::new(one), Path::new(other)], out),
        others => {
            let what = format!("two folders of campaigns are wanted, and here {} named", count(others.len()));
            Err(Trouble::usage(what).help("to run scenarios in two ways and compare them name --seeds, too"))
        }
    }
}

fn count(n: usize) -> String {
    if n == 1 { "is one".into() } else { format!("are {n}") }
}

/// Runs both, or what is left of them; an exit if something ended that.
fn run(args: &CompareArgs, top: &Path, out: &mut Out) -> Result<Option<Exit>, Trouble> {
    if args.one == args.other && ids(&args.plant_one) == ids(&args.plant_other) {
        return Err(Trouble::usage("both ways are the same").help(
            "say in what they differ: --one PATH=VALUE, --other PATH=VALUE, --plant-one ID, --plant-other ID",
        ));
    }
    // Mistakes of both are told before one is run.
    let mut halves = Vec::new();
    for (name, sets, planted) in [(ONE, &args.one, &args.plant_one), (OTHER, &args.other, &args.plant_other)]
    {
        let half = half(args, sets, planted);
        let flag = format!("--{name}");
        let plans = campaign::asked(&half, out).map_err(|t| t.last_set_by(&flag, sets.len()))?;
        fits(&top.join(name), &plans)?;
        halves.push((half, plans));
    }
    let stop = signals::listen(out.json());
    for ((half, plans), name) in halves.into_iter().zip([ONE, OTHER]) {
        let top = top.join(name);
        out.note(&format!("{} is run", top.display().to_string().escape_debug()));
        let (twice, shard, corpus) = (false, Shard::default(), Corpus::default());
        let (regressions, known, stopped) = (None, None, stop.clone());
        let task =
            Task { plans, twice, shard, top, regressions, corpus, known, stop: stopped, is_part: true };
        let exit = campaign::carry_out(&half, task, out)?;
        // A verdict is what is compared; all else ends it.
        if ended(exit, &stop) {
            return Ok(Some(exit));
        }
    }
    Ok(None)
}

fn ended(exit: Exit, stop: &Stop) -> bool {
    stop.requested().is_some()
        || !matches!(exit, Exit::Passed | Exit::Failed | Exit::Rig | Exit::Inconclusive)
}

fn ids(rows: &[&Row]) -> Vec<&'static str> {
    rows.iter().map(|row| row.id).collect()
}

/// One of the two campaigns.
fn half(args: &CompareArgs, sets: &[(String, String)], planted: &[&'static Row]) -> CampaignArgs {
    CampaignArgs {
        scenarios: args.targets.clone(),
        tags: args.tags.clone(),
        seeds: args.seeds.clone().map(Into::into),
        jobs: args.jobs,
        out: None,
        resume: true,
        budget: None,
        fail_fast: false,
        until_stable: None,
        shard: None,
        junit: None,
        sarif: None,
        check_determinism: false,
        regressions: None,
        on_failure: OnFailure { known: None, no_shrink: true, shrink_budget: None },
        patience: args.patience.clone(),
        planted: planted.to_vec(),
        check: args.check,
        reading: Reading { sets: [&args.reading.sets, sets].concat(), ..args.reading.clone() },
    }
}

/// Whether what is in a folder already is this campaign.
fn fits(folder: &Path, plans: &[Plan]) -> Result<(), Trouble> {
    if !Store::is_one(folder) {
        return Ok(());
    }
    let unlike = Store::header(folder)?.differs(&Header::of(plans, Shard::default(), false));
    unlike.map_or(Ok(()), |what| {
        let folder = folder.display().to_string();
        Err(Trouble::usage(format!("{}: holds another campaign: {what}", folder.escape_debug()))
            .help("name another folder with --out"))
    })
}

/// The line that goes on.
fn again(args: &CompareArgs, top: &Path) -> String {
    let mut line = "mirrorsim compare".to_owned();
    args.targets.iter().for_each(|target| line += &format!(" {}", quoted(target)));
    let mut add = |name: &str, value: &str| {
        let _ = write!(line, " --{name} {}", quoted(value));
    };
    args.seeds.iter().for_each(|seeds| add("seeds", &seeds.to_string()));
    for (name, sets) in [("set", &args.reading.sets), ("one", &args.one), ("other", &args.other)] {
        sets.iter().for_each(|(path, value)| add(name, &format!("{path}={value}")));
    }
    for (name, rows) in [("plant-one", &args.plant_one), ("plant-other", &args.plant_other)] {
        rows.iter().for_each(|row| add(name, row.id));
    }
    args.tags.iter().for_each(|tag| add("tag", tag));
    args.check.iter().for_each(|check| add("check", CheckMode::from(*check).name()));
    args.reading.data.iter().for_each(|data| add("data", &data.display().to_string()));
    args.jobs.iter().for_each(|jobs| add("jobs", &jobs.to_string()));
    args.patience.spelled().iter().for_each(|time| add("hang-after", time));
    add("out", &top.display().to_string());
    for (on, flag) in [(args.reading.yes_large, " --yes-large"), (args.all, " --all")] {
        line += if on { flag } else { "" };
    }
    line
}

/// Reads both, and says how they compare.
fn tell(args: &CompareArgs, folders: [&Path; 2], out: &mut Out) -> Result<Exit, Trouble> {
    let cured = |folder: &Path, error: StoreError| Trouble::from(error).help_else(cure(folder));
    let header = |folder: &Path| Store::header(folder).map_err(|e| cured(folder, e));
    let [one, other] = folders;
    let headers = (header(one)?, header(other)?);
    let mut comparing = Comparing::new(&headers.0, &headers.1);
    let missing = [
        results(one, &headers.0, &mut |result| comparing.one(&result)).map_err(|e| cured(one, e))?,
        results(other, &headers.1, &mut |result| comparing.other(&result)).map_err(|e| cured(other, e))?,
    ];
    let names = folders.map(|folder| folder.display().to_string());
    let found = comparing.results();
    let Some(comparison) = comparing.close([&names[0], &names[1]], missing) else {
        let names = names.map(|name| name.escape_debug().to_string());
        return Err(Trouble::usage(format!(
            "{} and {} have no result of one scenario and seed in common: {}, and {}",
            names[0],
            names[1],
            in_short(&headers.0, found[0]),
            in_short(&headers.1, found[1])
        ))
        .help("compare campaigns of the same scenarios (as their paths were written, or one each) over the same seeds"));
    };
    let value = serde_json::to_value(&comparison).map_err(|e| Trouble::rig(e.to_string()))?;
    match out.json() {
        true => out.object(&json!({"type": "comparison", "report": value})),
        false => out.text(&report::compare(&comparison, args.all)),
    }
    if let Some(folder) = &args.out {
        let path = Folder::open(folder)?.write(REPORT, format!("{value:#}\n").as_bytes())?;
        out.wrote("report", &path);
    }
    Ok(Exit::Passed)
}

/// What a campaign is of, and how many results there are.
fn in_short(header: &Header, results: u64) -> String {
    let more = match header.scenarios.len() {
        0 | 1 => String::new(),
        n => format!(" and {} more", n - 1),
    };
    let first =
        header.scenarios.first().map(|s| format!(" of seeds {} of {}", s.seeds, s.path.escape_debug()));
    format!("{results} result{}{}{more}", if results == 1 { "" } else { "s" }, first.unwrap_or_default())
}

/// What is to be done where a folder cannot be read.
fn cure(folder: &Path) -> &'static str {
    let below = || std::fs::read_dir(folder).is_ok_and(|all| all.flatten().any(|e| Store::is_one(&e.path())));
    if Store::is_one(folder) {
        "no campaign of this version has written that: compare with the version that did, or run it again"
    } else if below() {
        "there are campaigns below it: name one of them; shards are joined by `mirrorsim merge DIR --out OTHER`"
    } else {
        "name a folder that `mirrorsim campaign --out DIR` or `mirrorsim merge` has written"
    }
}
