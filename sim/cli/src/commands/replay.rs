//! `replay`: one seed again, and whether it is still the same.

use crate::args::{Patience, ReplayArgs};
use crate::commands::regressions::replay_all;
use crate::commands::run::workers;
use crate::commands::trace::{Filter, show};
use crate::commands::{state, worker};
use crate::out::Out;
use crate::progress::Progress;
use crate::recording::Recording;
use crate::signals;
use crate::trouble::Trouble;
use mirrorsim_campaign::{
    self as campaign, Children, Difference, Event, Exit, Nursery, Plan, Replayed, Repro, Same, SeedRun,
    Twice, parting,
};
use mirrorsim_report as report;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// Runs a recorded seed again.
pub fn replay(args: ReplayArgs, out: &mut Out) -> Result<Exit, Trouble> {
    if Path::new(&args.target).is_dir() {
        let beside = [
            ("--until", args.until.is_some()),
            ("--trace", args.trace),
            ("--expect-pass", args.expect_pass),
            ("--scenario", args.scenario.is_some()),
            ("--force", args.force),
        ];
        if let Some((option, _)) = beside.iter().find(|(_, said)| *said) {
            let what = format!("{option} is for one run, and {} is a folder", args.target.escape_debug());
            return Err(Trouble::usage(what).help("name one of its files"));
        }
        let (stop, workers) = (signals::listen(out.json()), workers(None, u128::MAX, out));
        let crew = worker::crew(workers, &args.patience, Twice::Never);
        let exit = replay_all(&args.target, &crew, &stop, out)?;
        return Ok(exit.worst(stop.requested().map_or(Exit::Passed, Exit::from)));
    }
    let recording = Recording::named(&args.target, args.scenario.as_deref(), args.force)?;
    recording.mention_origin(out);
    let (plan, seed) = (&recording.plan, recording.token.seed);
    let children = worker::children(&args.patience);
    if let Some(until) = args.until {
        recording.mention_drift(out);
        return state::show(out, (plan, seed), until, args.trace, &children);
    }
    if args.trace {
        // How it ends is told behind it.
        match show(out, (plan, seed), &Filter::all(), &children) {
            Ok(()) | Err(Trouble::Run(_)) => {}
            Err(trouble) => return Err(trouble),
        }
    }
    let plans: Arc<[Plan]> = [plan.clone()].into();
    let (run, interrupt) = run(&plans, &args.patience, out)?;
    let Some(run) = run else { return Ok(interrupt) };
    let recorded = recording.recorded();
    let same = recorded.same(plan, &run);
    let replayed = recorded.replayed(same, &run);
    let exit = replayed.exit(&run, args.expect_pass);
    let what = words(&recording, replayed, same);
    let difference =
        (replayed == Replayed::Nondeterminism).then(|| difference(plan, seed, &children)).transpose()?;
    if out.json() {
        out.object(&report::run_line(plan, &run));
        let difference = difference.flatten();
        let difference =
            difference.as_ref().map(|d| json!({"event": d.event, "one": d.one, "other": d.other}));
        out.object(&json!({
            "type": "replayed", "exit_code": exit.code(), "what": what, "same_text": same.text,
            "same_build": same.build, "same_digest": same.digest, "difference": difference,
        }));
    } else {
        out.text(&report::one(plan, &run, "replayed", None));
        out.text(&format!("{what}\n"));
        if let Some(difference) = difference {
            out.text(&apart(difference));
        }
    }
    Ok(exit.worst(interrupt))
}

/// What became of it, and what has changed since.
fn words(recording: &Recording, replayed: Replayed, same: Same) -> String {
    let was = recording.token.digest;
    let digest = match replayed {
        Replayed::Nondeterminism => format!(" (it was {was:016x})"),
        Replayed::Gone => String::new(),
        _ if same.digest => ", same digest".into(),
        _ => ", other digest".into(),
    };
    let forced = if recording.repro.as_ref().is_some_and(Repro::is_foreign) {
        "not comparable (other format or decisions): "
    } else {
        ""
    };
    format!("{forced}{}{digest}{}", replayed.text(same), recording.drift(same))
}

/// Where two runs of now part.
fn difference(plan: &Plan, seed: u64, children: &Children) -> Result<Option<Difference>, Trouble> {
    let [mut one, mut other] = [Nursery::new(children), Nursery::new(children)];
    let mut one = one.tell(plan, seed).map_err(Trouble::no_process)?;
    let mut other = other.tell(plan, seed).map_err(Trouble::no_process)?;
    Ok(parting(|| one.told(), || other.told()))
}

/// The same in words.
fn apart(difference: Option<Difference>) -> String {
    let ended = || "(the run had ended)".to_owned();
    match difference {
        Some(d) => {
            let (one, other) = (d.one.unwrap_or_else(ended), d.other.unwrap_or_else(ended));
            format!("two runs part at event {}:\n  {one}\n  {other}\n", d.event)
        }
        None => "two runs of now are the same in every event; only the recorded digest differs\n".to_owned(),
    }
}

/// Runs the one seed, so that it can be interrupted.
fn run(plans: &Arc<[Plan]>, patience: &Patience, out: &Out) -> Result<(Option<Box<SeedRun>>, Exit), Trouble> {
    let stop = signals::listen(out.json());
    let mut progress = Progress::new(1, out.json());
    let mut result = None;
    let ran =
        campaign::run(plans, &worker::crew(1, patience, Twice::Never), &stop, &mut |event| match event {
            Event::Seed(run) => result = Some(run),
            Event::Tick => progress.touch(),
            _ => {}
        });
    progress.finish();
    ran.map_err(|e| Trouble::environment(format!("cannot start a thread: {e}")))?;
    Ok((result, stop.requested().map_or(Exit::Passed, Exit::from)))
}
