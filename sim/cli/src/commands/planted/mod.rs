//! `planted`: how soon each planted bug is caught, by whom, and what each oracle is worth.

mod items;
mod ledger;

use crate::args::{PlantedArgs, Reading};
use crate::commands::results::check;
use crate::commands::run::workers;
use crate::commands::worker;
use crate::out::Out;
use crate::progress::Progress;
use crate::trouble::Trouble;
use crate::{scenarios, signals};
use items::{Item, Works};
use ledger::Ledger;
use mirrorsim_campaign::{Block, Clock, Crew, Exit, Hunting, Stop, Twice, hunt};
use mirrorsim_planted::{ROWS, Row};
use mirrorsim_report::{Folder, KillTable, plural, read_table, write_table};
use mirrorsim_scenario::Scenario;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The default campaign.
const CAMPAIGN: &str = "scenarios/swarm";

/// Makes the kill table.
pub fn planted(args: PlantedArgs, out: &mut Out) -> Result<Exit, Trouble> {
    let rows: Vec<&'static Row> = match args.only.is_empty() {
        true => ROWS.iter().collect(),
        // In the table's order, each once.
        false => ROWS.iter().filter(|row| args.only.iter().any(|o| o.id == row.id)).collect(),
    };
    let baseline = args.compare.as_deref().map(read_table::<KillTable>).transpose()?;
    if args.write_baseline.is_some() && !args.only.is_empty() {
        return Err(Trouble::usage("--write-baseline is for the whole table, not for --only some bugs"));
    }
    let works = works(&rows, &args, out)?;
    let folder = Folder::open(&args.report_dir)?;
    check(args.write_baseline.as_deref())?;
    let stamp = works.stamp();
    if !args.resume && folder.path().join(ledger::NAME).exists() {
        out.note("what was hunted before is kept in planted.jsonl.old; --resume would have gone on with it");
    }
    let mut ledger = match args.resume {
        true => Ledger::resume(&folder, &stamp, args.seeds)?,
        false => Ledger::begin(&folder, &stamp, args.seeds)?,
    };
    let stop = signals::listen(out.json());
    let (clock, workers) = (Clock::start(), workers(args.jobs, u128::MAX, out));
    let crew = worker::crew(workers, &args.patience, Twice::Never);
    chase(&works, works.first(&rows, args.skip_oracles), &mut ledger, (&crew, &stop), out)?;
    if stop.requested().is_none() {
        // What is done without an oracle follows from how soon it is done with it.
        chase(&works, works.second(&rows, &ledger, args.skip_oracles), &mut ledger, (&crew, &stop), out)?;
    }
    if let Some(signal) = stop.requested() {
        let path = ledger.path().display().to_string();
        out.note(&format!("stopped; what is done is in {path}: the same command with --resume goes on"));
        return Ok(signal.into());
    }
    let table = works.table(&rows, &ledger, stamp);
    let text = format!("{}{} s wall\n", table.text(), clock.elapsed().as_secs());
    if out.json() {
        out.object(&json!({"type": "planted_table", "table": table}));
    } else {
        out.text(&text);
    }
    if let Some(path) = &args.write_baseline {
        write_table(path, &table)?;
        out.wrote("baseline", path);
    }
    let rig = works.rig(&ledger, table.canary);
    Ok(verdict(&table, baseline.as_ref(), &rig, out))
}

/// Says what is wrong, and how bad that is.
fn verdict(table: &KillTable, baseline: Option<&KillTable>, rig: &[String], out: &mut Out) -> Exit {
    let mut exit = Exit::Passed;
    let mut say = |exit_for: Exit, what: &str| {
        out.error(&Trouble::Words { exit: exit_for, what: what.into(), help: String::new() });
        exit = exit.worst(exit_for);
    };
    rig.iter().for_each(|what| say(Exit::Rig, what));
    table.misses().iter().for_each(|what| say(Exit::Failed, what));
    if let Some(before) = baseline {
        table
            .losses(before)
            .iter()
            .for_each(|what| say(Exit::Failed, &format!("against the baseline: {what}")));
        let same = table.stamp.same_runs(&before.stamp);
        let compared = table.kills.iter().filter(|k| before.kills.iter().any(|b| b.id == k.id)).count();
        let of = if same { "the same sources and scenarios" } else { "other sources or scenarios" };
        out.note(&format!("{} compared with the baseline, which is of {of}", plural(compared as u64, "bug")));
    }
    exit
}

fn works(rows: &[&'static Row], args: &PlantedArgs, out: &mut Out) -> Result<Works, Trouble> {
    if !Path::new(CAMPAIGN).is_dir() {
        let help = "run it from the top of a checkout";
        return Err(Trouble::usage(format!("{CAMPAIGN}: there is no such folder")).help(help));
    }
    let files = scenarios::files(&[CAMPAIGN.to_owned()], out)?;
    let sets = vec![items::BUDGET.map(str::to_owned).into()];
    let reading = Reading { sets, ..Reading::default() };
    let read = |files: &[String]| scenarios::load_all(files, &reading);
    let campaign: Vec<(String, Scenario)> = files.iter().cloned().zip(read(&files)?).collect();
    let mut witnesses = BTreeMap::new();
    for row in rows {
        let scenario = read(&[row.witness.to_owned()])?;
        witnesses.extend(scenario.into_iter().map(|s| (row.witness, s)));
    }
    Ok(Works { campaign, witnesses, blocks: args.blocks, seeds: args.seeds })
}

/// Runs what is not in the ledger yet.
fn chase(
    works: &Works,
    items: Vec<Item>,
    ledger: &mut Ledger,
    (crew, stop): (&Crew, &Stop),
    out: &mut Out,
) -> Result<(), Trouble> {
    let items: Vec<Item> = items.into_iter().filter(|i| !ledger.has(&i.key())).collect();
    let blocks: Arc<[Block]> = works.blocks(&items).into();
    let mut progress = Progress::of(items.len() as u128, ("block", "without a catch"), out.json());
    let (mut done, mut empty) = (0, 0);
    let mut failed = None;
    let hunted = hunt(&blocks, works.enough(), crew, stop, &mut |said| match said {
        Hunting::Tick => progress.touch(),
        Hunting::Skipped(_) => {
            done += 1;
            progress.update(done, empty);
        }
        Hunting::Done(number, hunted) => {
            done += 1;
            empty += u128::from(hunted.caught.is_none());
            let key = items[number].key();
            if out.json() {
                out.object(&json!({"type": "block", "block": key, "result": hunted}));
            }
            if let Err(trouble) = ledger.add(key, hunted) {
                stop.request(mirrorsim_campaign::Signal::Terminate);
                failed = Some(trouble);
            }
            progress.update(done, empty);
        }
    });
    progress.finish();
    if let Some(trouble) = failed {
        return Err(trouble);
    }
    hunted.map_err(|e| Trouble::environment(format!("cannot start a thread: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(canary: bool) -> KillTable {
        let stamp = mirrorsim_report::Stamp::default();
        KillTable { stamp, blocks: 1, seeds: 1, canary, whole: true, kills: Vec::new(), oracles: Vec::new() }
    }

    #[test]
    fn a_canary_that_lives_is_a_fault_of_the_rig() {
        let works = Works { campaign: Vec::new(), witnesses: BTreeMap::new(), blocks: 1, seeds: 1 };
        let mut out = Out::new(true);
        let exit = |canary, out: &mut Out| {
            let table = table(canary);
            verdict(&table, None, &works.rig(&Ledger::default(), table.canary), out)
        };
        assert_eq!(exit(true, &mut out), Exit::Passed);
        assert_eq!(exit(false, &mut out), Exit::Rig);
    }
}
