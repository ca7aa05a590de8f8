//! `run`: scenarios over seeds.

use crate::args::{KILLS, RunArgs};
use crate::commands::rest::Rest;
use crate::commands::results::check;
use crate::commands::session::Session;
use crate::commands::worker;
use crate::moment::Moment;
use crate::out::Out;
use crate::recording::mention_bugs;
use crate::trouble::Trouble;
use crate::{scenarios, signals};
use mirrorsim_campaign::{self as campaign, Exit, Plan, Twice};
use mirrorsim_report::{Folder, KillTable, NoFalseAlarm, about_claims, plural, read_table, write_table};
use mirrorsim_scenario::{Scenario, estimate, seeds, show_size};
use std::path::Path;
use std::sync::Arc;

/// No more workers than this, whatever is asked for.
const MOST_WORKERS: u64 = 1024;
/// Above this the estimate of a run's memory is told.
const MUCH_MEMORY: u64 = 1 << 30;

/// Runs scenarios and judges them.
pub fn run(args: RunArgs, out: &mut Out) -> Result<Exit, Trouble> {
    let files = scenarios::files(&args.scenarios, out)?;
    let loaded = scenarios::load_all(&files, &args.reading)?;
    let (files, loaded) = scenarios::tagged(files, loaded, &args.tags)?;
    let mut plans = Vec::new();
    let mut seed_notes = Vec::new();
    for (file, scenario) in files.iter().zip(loaded) {
        let (plan, note) = plan(file, scenario, &args)?;
        plans.push(plan);
        seed_notes.push(note);
    }
    // How much is checked changes no run.
    let bent = |p: &Plan| !p.planted.is_empty() || p.sets.iter().any(|(path, _)| path != "check");
    if args.write_baseline.is_some() && plans.iter().any(bent) {
        return Err(Trouble::usage(
            "--write-baseline is for scenarios as they are, without --plant, and with no other --set than check=...",
        ));
    }
    let baseline = args.compare.as_deref().map(read_table::<NoFalseAlarm>).transpose()?;
    let kills = kills(&plans, out);
    let total = plans.iter().fold(0u128, |n, p| n.saturating_add(p.seeds.count()));
    if args.export_images.is_some() && total != 1 {
        let what = format!(
            "--export-images is for one scenario and one seed; this would be {} scenarios and {total} seeds",
            plans.len()
        );
        return Err(Trouble::usage(what));
    }
    tell_notes(&args, &plans, out);
    mention_bugs(&plans, out);
    let workers = workers(args.jobs, total, out);
    // Where nothing can be written nothing is run.
    let reports = if args.no_report { None } else { Some(Folder::open(&args.report_dir)?) };
    let images = args.export_images.as_deref().map(Folder::open).transpose()?;
    check(args.write_baseline.as_deref())?;
    for folder in reports.iter().chain(&images).filter(|f| f.created) {
        out.note(&format!("{} created", folder.path().display()));
    }
    let plans: Arc<[Plan]> = plans.into();
    let stop = signals::listen(out.json());
    let mut session = Session::new(Arc::clone(&plans), stop.clone(), out);
    session.tell_claims = args.claims;
    session.kills = kills;
    session.rest = Rest::of(&args, session.json());
    session.seed_notes = seed_notes;
    session.reports = reports;
    session.images = images;
    let twice = if args.check_determinism { Twice::All } else { Twice::Doubtful };
    let crew = worker::crew(workers, &args.patience, twice);
    let ran = campaign::run(&plans, &crew, &stop, &mut |event| session.take(event));
    let clean = std::mem::take(&mut session.clean);
    let exit = session.finish();
    ran.map_err(|e| Trouble::environment(format!("cannot start a thread: {e}")))?;
    let evidence = NoFalseAlarm::of(clean, plans.iter().map(|p| p.scenario.source_hash));
    let exit = exit.worst(compare(&evidence, baseline.as_ref(), out));
    keep(&evidence, exit, &args, out)
}

/// The committed kill table, for what is said of the claims; without it there is only less to say.
fn kills(plans: &[Plan], out: &mut Out) -> Option<(KillTable, String)> {
    let path = Path::new(KILLS);
    if !path.exists() || !plans.iter().any(about_claims) {
        return None;
    }
    match read_table::<KillTable>(path) {
        Ok(table) => Some((table, KILLS.to_owned())),
        Err(trouble) => {
            out.note(&trouble.to_string());
            None
        }
    }
}

/// Whether runs are what they were.
fn compare(evidence: &NoFalseAlarm, baseline: Option<&NoFalseAlarm>, out: &mut Out) -> Exit {
    let Some(before) = baseline else { return Exit::Passed };
    out.note(&evidence.compared(before));
    let differences = evidence.differences(before);
    differences.iter().for_each(|what| out.error(&Trouble::rig(what)));
    if differences.is_empty() { Exit::Passed } else { Exit::Rig }
}

/// Writes the evidence, if it is some.
fn keep(evidence: &NoFalseAlarm, exit: Exit, args: &RunArgs, out: &mut Out) -> Result<Exit, Trouble> {
    match &args.write_baseline {
        Some(path) if exit == Exit::Passed => {
            write_table(path, evidence)?;
            out.wrote("baseline", path);
        }
        Some(_) => out.note("no baseline is written: not every seed was run and passed"),
        None => {}
    }
    Ok(exit)
}

fn plan(file: &str, scenario: Scenario, args: &RunArgs) -> Result<(Plan, &'static str), Trouble> {
    let wanted = args.seeds.seed.as_ref().or(args.seeds.seeds.as_ref()).cloned();
    let (seeds, note) = match (wanted, scenario.seeds.clone()) {
        (Some(seeds), _) => (seeds, ""),
        (None, Some(seeds)) => (seeds, "the scenario's"),
        (None, None) => (seeds("1").map_err(Trouble::usage)?, "the default"),
    };
    let plan = Plan {
        sets: args.reading.sets.clone(),
        planted: args.judging.planted(),
        images: args.export_images.is_some(),
        disaster_at: args.judging.disaster_at.map(Into::into),
        data: args.reading.data.as_ref().map(|d| d.display().to_string()),
        yes_large: args.reading.yes_large,
        ..Plan::new(scenario, file, seeds)
    };
    Ok((plan.with_check(args.judging.check.map(Into::into)), note))
}

fn tell_notes(args: &RunArgs, plans: &[Plan], out: &mut Out) {
    let chosen = args.seeds.seed.as_ref().or(args.seeds.seeds.as_ref());
    chosen.into_iter().flat_map(|s| s.notes()).for_each(|note| out.note(note));
    for plan in plans {
        out.aside(&plan.scenario.notes);
        let memory = estimate(&plan.scenario.spec).memory;
        if memory > MUCH_MEMORY {
            let gib = show_size(memory >> 30 << 30);
            out.note(&format!("{}: about {gib} of memory for each seed that runs", plan.scenario.name));
        }
    }
    if let Some(Moment::Event(number)) = args.judging.disaster_at {
        out.note(&format!("the disaster is at event {number}; a time has a unit, such as {number}ms"));
    }
    if plans.len() > 1 {
        out.note(&plural(plans.len() as u64, "scenario"));
    }
}

/// How many processors there are for it.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// How many workers: what was asked for, within reason; else one a processor.
pub fn workers(asked: Option<u64>, seeds: u128, out: &mut Out) -> usize {
    let own = cores() as u64;
    let most = MOST_WORKERS.min(u64::try_from(seeds).unwrap_or(u64::MAX));
    let wanted = asked.unwrap_or(own);
    if asked.is_some() && wanted > most && most > 0 {
        let why = if most == MOST_WORKERS { "the most there are" } else { "one a seed" };
        out.note(&format!("{} instead of {wanted}: {why}", plural(most, "job")));
    }
    wanted.min(most) as usize
}
