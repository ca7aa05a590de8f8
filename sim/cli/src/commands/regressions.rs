//! The corpus of regressions: repros of failures that must not come back, and of planted bugs that must be seen again.

use crate::out::Out;
use crate::progress::Progress;
use crate::recording::Recording;
use crate::scenarios;
use crate::trouble::Trouble;
use mirrorsim_campaign::{self as campaign, Crew, Event, Exit, Plan, Replayed, SeedRun, Stop};
use mirrorsim_report::{self as report, Regression};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// Where a campaign looks for them.
const CORPUS: &str = "scenarios/regressions";

/// The repros of a folder, read.
#[derive(Debug, Default)]
pub struct Corpus {
    folder: String,
    files: Vec<String>,
    recordings: Vec<Recording>,
}

impl Corpus {
    /// Where a campaign was told to look, or where one looks; empty if that is nowhere.
    pub fn find(folder: Option<&str>) -> Result<Corpus, Trouble> {
        match folder {
            Some(folder) if !Path::new(folder).is_dir() => {
                Err(Trouble::usage(format!("{}: there is no such folder", folder.escape_debug())))
            }
            Some(folder) => Corpus::read(folder),
            None if Path::new(CORPUS).is_dir() => Corpus::read(CORPUS),
            None => Ok(Corpus::default()),
        }
    }

    /// Of every file below a folder; if any cannot be relied on, what is wrong with each of those.
    pub fn read(folder: &str) -> Result<Corpus, Trouble> {
        let files = scenarios::below(folder)?;
        let (mut recordings, mut unfit) = (Vec::new(), Vec::new());
        for file in &files {
            match Recording::read(file, false) {
                Ok(recording) => recordings.push(recording),
                Err(trouble) => unfit.push(trouble),
            }
        }
        if !unfit.is_empty() {
            return Err(Trouble::Several(unfit));
        }
        if recordings.is_empty() {
            return Err(Trouble::usage(format!("{}: no repro below this folder", folder.escape_debug())));
        }
        Ok(Corpus { folder: folder.to_owned(), files, recordings })
    }

    /// Replays all of them; those that are not as they should be. One of a planted bug is to fail as it did; any other one is to
    /// pass by now.
    pub fn replay(&self, crew: &Crew, stop: &Stop, out: &mut Out) -> Result<Vec<Regression>, Trouble> {
        let (all, folder) = (&self.recordings, &self.folder);
        if all.is_empty() {
            return Ok(Vec::new());
        }
        let plans: Arc<[Plan]> = all.iter().map(|r| r.plan.clone()).collect();
        let mut progress =
            Progress::of(all.len() as u128, ("regression", "not as they should be"), out.json());
        let (mut wrong, mut done) = (Vec::new(), 0);
        let ran = campaign::run(&plans, crew, stop, &mut |event| match event {
            Event::Seed(run) => {
                done += 1;
                if let Some((exit, message)) = judged(&all[run.plan], &plans[run.plan], &run) {
                    let path = self.files[run.plan].clone();
                    let replay = format!("mirrorsim replay {}", report::quoted(&path));
                    wrong.push(Regression { path, message, exit_code: exit.code(), replay });
                    progress.aside(|| wrong.last().into_iter().for_each(|r| tell(r, out)));
                }
                progress.update(done, wrong.len() as u128);
            }
            Event::Tick => progress.touch(),
            _ => {}
        });
        progress.finish();
        ran.map_err(|e| Trouble::environment(format!("cannot start a thread: {e}")))?;
        let right = done.saturating_sub(wrong.len() as u128);
        match out.json() {
            true => out.object(&json!({
                "type": "regressions", "folder": folder, "repros": all.len(), "as_they_should_be": u64::try_from(right).unwrap_or(u64::MAX),
            })),
            false => {
                let are = if all.len() == 1 { "is as it" } else { "are as they" };
                let (of, folder) = (report::plural(all.len() as u64, "regression"), folder.escape_debug());
                out.text(&format!("{right} of {of} in {folder} {are} should be\n"));
            }
        }
        Ok(wrong)
    }
}

/// `replay` of a folder.
pub fn replay_all(folder: &str, crew: &Crew, stop: &Stop, out: &mut Out) -> Result<Exit, Trouble> {
    let wrong = Corpus::read(folder)?.replay(crew, stop, out)?;
    Ok(wrong.iter().map(Regression::exit).fold(Exit::Passed, Exit::worst))
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
        Replayed::OtherVerdict => "it neither fails nor passes any more",
        _ if planted => "the planted bug is seen in another way",
        _ => "it fails again",
    };
    let exit = replayed.exit(run, false);
    let message =
        run.outcome.failures.first().map_or_else(String::new, |f| format!(": {}: {}", f.oracle, f.message));
    Some((exit, format!("{what}{message}{}", recording.drift(same))))
}

fn tell(regression: &Regression, out: &mut Out) {
    let Regression { path, message, replay, .. } = regression;
    match out.json() {
        true => out.object(&json!({"type": "regression", "path": path, "what": message, "again": replay})),
        false => out.text(&format!("regression {}: {message}\n    {replay}\n", path.escape_debug())),
    }
}
