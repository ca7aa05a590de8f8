//! `merge`: the results of shards, or of parts of a campaign, in one folder, as if one machine had run them all.

use crate::args::MergeArgs;
use crate::commands::campaign::{planned, say_left};
use crate::commands::regressions::Corpus;
use crate::commands::repros::Reducing;
use crate::commands::results::{check_forms, known, remembered, summarize, tell};
use crate::commands::{run, worker};
use crate::out::Out;
use crate::signals;
use crate::trouble::Trouble;
use mirrorsim_campaign::{Exit, Header, Shard, Store, Sums, Twice};
use mirrorsim_report::{self as report, Folder, Standing, reason};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Scenarios that are named of which seeds are missing.
const FEW: usize = 3;

/// Merges. Whatever is there twice counts once.
pub fn merge(args: &MergeArgs, out: &mut Out) -> Result<Exit, Trouble> {
    let mut folders = Vec::new();
    for folder in &args.folders {
        folders.append(&mut campaigns(folder)?);
    }
    let headers: Vec<Header> = folders.iter().map(|f| Store::header(f)).collect::<Result<_, _>>()?;
    let Some(first) = headers.first() else { return Err(Trouble::usage("there is nothing to merge")) };
    for (header, folder) in headers.iter().zip(&folders).skip(1) {
        if let Some(what) = first.differs(header) {
            let (a, b) = (folders[0].display().to_string(), folder.display().to_string());
            return Err(Trouble::usage(format!(
                "{} and {} are of different campaigns: {what}",
                a.escape_debug(),
                b.escape_debug()
            )));
        }
    }
    let plans = planned(first)?;
    let list = headers.iter().find_map(|header| header.known.clone());
    let list = args.on_failure.known.clone().or(list.map(PathBuf::from));
    let known = known(list.as_deref(), &plans, out)?;
    let regressions = headers.iter().find_map(|header| header.regressions.clone());
    let regressions = args.regressions.clone().or(regressions);
    let corpus = Corpus::find(regressions.as_deref())?;
    let whole = Header { shard: Shard::default(), regressions, known: remembered(list), ..first.clone() };
    let target = Folder::open(&args.out)?;
    Reducing::check(&target, &args.on_failure)?;
    check_forms(&target, args.junit.as_deref(), args.sarif.as_deref())?;
    let mut sums = Sums::new(plans.len());
    let mut store = Store::open(target.path(), &whole, &plans, true, &mut |run| _ = sums.add(&run))?;
    for folder in &folders {
        let mut kept = Ok(());
        Store::results(folder, &plans, &mut |run| {
            if sums.add(&run) && kept.is_ok() {
                kept = store.add(&run);
            }
        })?;
        kept?;
    }
    store.sync()?;
    let (workers, stop) = (run::workers(args.jobs, u128::MAX, out), signals::listen(out.json()));
    let crew = worker::crew(workers, &args.patience, Twice::Never);
    let regressions = &corpus.replay(&crew, &stop, out)?[..];
    let standing =
        Standing { plans: &plans, sums: &sums, shard: whole.shard, known: &known, regressions, whole: true };
    let complete = standing.complete();
    let absent = absent(&headers, &standing);
    if complete {
        sums.close(&plans);
    }
    let standing =
        Standing { plans: &plans, sums: &sums, shard: whole.shard, known: &known, regressions, whole: true };
    let interrupted = || stop.requested().filter(|signal| signal.interrupts());
    let files = (args.junit.as_deref(), args.sarif.as_deref());
    let (report, mut exit) = tell(&standing, &whole, &target, files, interrupted(), out)?;
    if complete {
        let (plans, sums, on_failure) = (&plans, &sums, &args.on_failure);
        let reducing = Reducing { plans, sums, known: &known, crew: &crew, stop: &stop, on_failure };
        let (repros, line, worse) = reducing.reduce(&target, out);
        exit = exit.worst(summarize(&report, &repros, out));
        if interrupted().is_some() {
            // Merged again, it goes on there.
            let typed = std::env::args_os().skip(1);
            let typed: Vec<String> = typed.map(|word| report::quoted(&word.to_string_lossy())).collect();
            say_left(
                "not all failures were reduced",
                "the others",
                format!("mirrorsim {}", typed.join(" ")),
                out,
            );
        } else if let (Some((asked, again)), false) =
            (report::again(&sums.kinds(plans, &known), regressions), out.json())
        {
            // Only what has failed is reduced.
            let line = line.filter(|_| asked == Exit::Failed).unwrap_or(again);
            out.text(&format!("{line}\n"));
        }
        return Ok(exit.worst(worse).worst(interrupted().map_or(Exit::Passed, Exit::from)));
    }
    exit = exit.worst(summarize(&report, &BTreeMap::new(), out));
    let names: Vec<String> = absent.iter().map(|s| s.to_string()).collect();
    let what = match names.is_empty() {
        true => format!("results are missing: {}", missing(&standing)),
        false => format!("shards are missing or not complete: {}", names.join(", ")),
    };
    out.error(&Trouble::Words { exit: Exit::Inconclusive, what, help: "run them, and merge again".into() });
    Ok(exit.worst(Exit::Inconclusive).worst(interrupted().map_or(Exit::Passed, Exit::from)))
}

/// Seeds that are not there, of the first few scenarios.
fn missing(standing: &Standing<'_>) -> String {
    let all = standing.plans.iter().enumerate();
    let all: Vec<String> = all
        .filter_map(|(number, plan)| {
            let seeds = standing.missing(number)?;
            Some(format!("{}: seeds {}", plan.argument.escape_debug(), report::shortened(&seeds)))
        })
        .collect();
    let few = all[..all.len().min(FEW)].join("; ");
    match all.len().saturating_sub(FEW) as u64 {
        0 => few,
        more => format!("{few}; and of {}, as the report says", report::plural(more, "more scenario")),
    }
}

/// Shards with seeds that are not there, if the parts are shards of one division.
fn absent(headers: &[Header], standing: &Standing<'_>) -> Vec<Shard> {
    let of: BTreeSet<u64> = headers.iter().map(|h| h.shard.of).filter(|of| *of > 1).collect();
    let Some(of) = of.first().copied().filter(|_| of.len() == 1) else { return Vec::new() };
    let lacks = |shard: &Shard| !Standing { shard: *shard, ..*standing }.complete();
    (1..=of).map(|number| Shard { number, of }).filter(lacks).collect()
}

/// The folder itself, if there is a campaign in it; else those below it.
fn campaigns(folder: &Path) -> Result<Vec<PathBuf>, Trouble> {
    if Store::is_one(folder) {
        return Ok(vec![folder.to_owned()]);
    }
    let shown = folder.display().to_string();
    let unreadable = |e: std::io::Error| {
        let what = format!("{}: cannot read this folder: {}", shown.escape_debug(), reason(&e));
        Trouble::usage(what).help("name the folders of campaigns, or one above those of shards")
    };
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if !path.is_symlink() && Store::is_one(&path) {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(Trouble::usage(format!(
            "{}: there is no campaign here, and none below it",
            shown.escape_debug()
        )));
    }
    Ok(found)
}
