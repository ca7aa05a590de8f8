//! `replay`: one seed again, and whether it is still the same.

use crate::args::{Patience, ReplayArgs};
use crate::commands::trace::{Filter, show};
use crate::commands::worker;
use crate::out::Out;
use crate::progress::Progress;
use crate::trouble::Trouble;
use crate::{scenarios, signals};
use mirrorsim_campaign::{
    self as campaign, BUILD, Difference, Event, Exit, Plan, SeedRun, Token, Twice, first_difference,
};
use mirrorsim_report as report;
use mirrorsim_world::outcome::Verdict;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Runs a token's seed again.
pub fn replay(args: ReplayArgs, out: &mut Out) -> Result<Exit, Trouble> {
    let token: Token = args.token.parse().map_err(|e: campaign::Problem| Trouble::usage(e.to_string()))?;
    let plan = plan(&token, args.scenario.as_deref())?;
    if args.trace {
        show(out, &plan, token.seed, Filter::all());
    }
    let plans: Arc<[Plan]> = [plan].into();
    let (run, interrupt) = run(&plans, &args.patience, out)?;
    let Some(run) = run else { return Ok(interrupt) };
    let same = Same::of(&token, &plans[0], &run);
    let finding = same.finding(&token, &run, args.expect_pass);
    if out.json() {
        out.object(&report::run_line(&plans[0], &run));
    } else {
        out.text(&report::one(&plans[0], &run, "replayed", None));
    }
    let difference = if finding.nondeterminism { first_difference(&plans[0], token.seed) } else { None };
    if out.json() {
        let difference =
            difference.as_ref().map(|d| json!({"event": d.event, "one": d.one, "other": d.other}));
        out.object(&json!({
            "type": "replayed", "exit_code": finding.exit.code(), "what": finding.what, "same_text": same.text,
            "same_build": same.build, "same_digest": same.digest, "difference": difference,
        }));
    } else {
        out.text(&format!("{}\n", finding.what));
        if finding.nondeterminism {
            out.text(&parting(difference));
        }
    }
    Ok(finding.exit.worst(interrupt))
}

/// Where two runs of now part, in words.
fn parting(difference: Option<Difference>) -> String {
    let ended = || "(the run had ended)".to_owned();
    match difference {
        Some(d) => {
            let (one, other) = (d.one.unwrap_or_else(ended), d.other.unwrap_or_else(ended));
            format!("two runs part at event {}:\n  {one}\n  {other}\n", d.event)
        }
        None => "two runs of now are the same in every event; only the recorded digest differs\n".to_owned(),
    }
}

fn plan(token: &Token, path: Option<&str>) -> Result<Plan, Trouble> {
    if path.is_none() && !Path::new(&token.path).exists() {
        let what =
            format!("{}: cannot read the scenario: there is no such file here", token.path.escape_debug());
        let help =
            "the token's path is meant from where its run was started: go there, or say --scenario FILE";
        return Err(Trouble::usage(what).help(help));
    }
    let token = Token { path: path.unwrap_or(&token.path).to_owned(), ..token.clone() };
    let data = token.data.as_ref().map(PathBuf::from);
    let scenario = scenarios::load(&token.path, &token.sets, data, token.yes_large)
        .map_err(|p| Trouble::Scenarios(vec![p]))?;
    Plan::of(&token, scenario).map_err(Trouble::usage)
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

/// What is the same as when the token was written.
struct Same {
    text: bool,
    build: bool,
    digest: bool,
}

/// What came of it.
struct Finding {
    exit: Exit,
    what: String,
    nondeterminism: bool,
}

impl Same {
    fn of(token: &Token, plan: &Plan, run: &SeedRun) -> Same {
        Same {
            text: token.text == plan.scenario.source_hash as u32,
            build: token.build == BUILD.short(),
            digest: token.digest == run.outcome.digest,
        }
    }

    fn finding(&self, token: &Token, run: &SeedRun, expect_pass: bool) -> Finding {
        let verdict = run.outcome.verdict;
        let finding = |exit, what: String| Finding { exit, what, nondeterminism: false };
        // A run that panics has no digest to compare.
        if self.text && self.build && !self.digest && token.digest != 0 && run.outcome.digest != 0 {
            let what = format!(
                "nondeterminism: same scenario, same build, other digest (it was {:016x})",
                token.digest
            );
            return Finding { exit: Exit::Rig, what, nondeterminism: true };
        }
        let drift = self.drift(token);
        if token.verdict != Verdict::Passed && verdict == Verdict::Passed {
            let exit = if expect_pass { Exit::Passed } else { Exit::Failed };
            let stale = if self.text && self.build { "" } else { "stale: " };
            return finding(exit, format!("{stale}did not reproduce: passed on this build{drift}"));
        }
        let oracle = run.outcome.failures.first().map(|f| f.oracle);
        let what = match (verdict == token.verdict, oracle == token.oracle.as_deref()) {
            (true, true) if verdict == Verdict::Passed => "passed again",
            (true, true) => "reproduced",
            (true, false) => "not the same failure: another oracle speaks first",
            (false, _) => "another verdict than before",
        };
        let digest = if self.digest { ", same digest" } else { ", other digest" };
        finding(verdict.into(), format!("{what}{digest}{drift}"))
    }

    fn drift(&self, token: &Token) -> String {
        let text = if self.text {
            String::new()
        } else {
            "; the scenario or its traces were edited since".to_owned()
        };
        let build = if self.build {
            String::new()
        } else {
            format!("; another build (it was {:08x}, this is {:08x})", token.build, BUILD.short())
        };
        text + &build
    }
}
