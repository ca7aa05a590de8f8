//! The corpus of regressions: repros of failures that must not come back, and of planted bugs that must be seen again.

use crate::out::Out;
use crate::progress::Progress;
use crate::recording::Recording;
use crate::scenarios;
use crate::trouble::Trouble;
use mirrorsim_campaign::{self as campaign, Crew, Event, Exit, Plan, Replayed, SeedRun, Stop};
use mirrorsim_report as report;
use serde_json::json;
use std::sync::Arc;

/// Where a campaign looks for them.
pub const CORPUS: &str = "scenarios/regressions";

/// Replays every repro below a folder. One of a planted bug is to fail as it did; any other one is to pass by now.
pub fn replay_all(folder: &str, crew: &Crew, stop: &Stop, out: &mut Out) -> Result<Exit, Trouble> {
    let files = scenarios::below(folder)?;
    let all: Vec<Recording> = files.iter().map(|f| Recording::read(f, false)).collect::<Result<_, _>>()?;
    if all.is_empty() {
        return Err(Trouble::usage(format!("{}: no repro below this folder", folder.escape_debug())));
    }
    let plans: Arc<[Plan]> = all.iter().map(|r| r.plan.clone()).collect();
    let mut progress = Progress::of(all.len() as u128, ("regressions", "not as they should be"), out.json());
    let (mut exit, mut done, mut wrong) = (Exit::Passed, 0, 0);
    let ran = campaign::run(&plans, crew, stop, &mut |event| match event {
        Event::Seed(run) => {
            let recording = &all[run.plan];
            done += 1;
            let worse = judged(recording, &plans[run.plan], &run);
            wrong += u128::from(worse.is_some());
            progress.update(done, wrong);
            if let Some((worse, what)) = worse {
                exit = exit.worst(worse);
                progress.aside(|| tell(&files[run.plan], &what, out));
            }
        }
        Event::Tick => progress.touch(),
        _ => {}
    });
    progress.finish();
    ran.map_err(|e| Trouble::environment(format!("cannot start a thread: {e}")))?;
    let text = format!("{} of {} regressions in {folder} are as they should be", done - wrong, all.len());
    match out.json() {
        true => out.object(&json!({
            "type": "regressions", "folder": folder, "repros": all.len(), "run": u64::try_from(done).unwrap_or(u64::MAX),
            "wrong": u64::try_from(wrong).unwrap_or(u64::MAX), "exit_code": exit.code(),
        })),
        false => out.text(&format!("{text}\n")),
    }
    Ok(exit)
}

/// What is wrong with it, if anything is.
fn judged(recording: &Recording, plan: &Plan, run: &SeedRun) -> Option<(Exit, String)> {
    let recorded = recording.recorded();
    let same = recorded.same(plan, run);
    let replayed = recorded.replayed(same, run);
    let planted = !recording.token.planted.is_empty();
    let what = match replayed {
        Replayed::Reproduced if planted => return None,
        Replayed::Gone | Replayed::PassedAgain if !planted => return None,
        Replayed::Gone => "the planted bug is not seen any more",
        _ if planted => "the planted bug is seen in another way",
        _ => "it fails again",
    };
    let exit = replayed.exit(run, false);
    let message =
        run.outcome.failures.first().map_or_else(String::new, |f| format!(": {}: {}", f.oracle, f.message));
    Some((exit, format!("{what}{message}{}", recording.drift(same))))
}

fn tell(file: &str, what: &str, out: &mut Out) {
    let again = format!("mirrorsim replay {}", report::quoted(file));
    match out.json() {
        true => out.object(&json!({"type": "regression", "path": file, "what": what, "again": again})),
        false => out.text(&format!("regression {}: {what}\n    {again}\n", file.escape_debug())),
    }
}
