//! `campaign`: very many seeds. Results are on disk as they come, so that an end at any moment loses none.

use crate::args::{CampaignArgs, OnFailure, Reading, ShardArg};
use crate::chosen::Chosen;
use crate::commands::regressions::Corpus;
use crate::commands::repros::Reducing;
use crate::commands::results::{check_forms, known, remembered, summarize, tell};
use crate::commands::{run, worker};
use crate::moment;
use crate::out::Out;
use crate::progress::Progress;
use crate::trouble::Trouble;
use crate::{scenarios, signals};
use mirrorsim_campaign::{
    Clock, Event, Exit, Header, Known, Plan, Ranges, SeedRun, Shard, Signal, Stated, Stop, Store, StoreError,
    Sums, Twice, kind, rounds, signature, utc_seconds,
};
use mirrorsim_report::{self as report, Folder, Standing};
use mirrorsim_scenario::seeds;
use mirrorsim_world::outcome::Verdict;
use mirrorsim_world::spec::CheckMode;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where campaigns are kept that name no folder.
const CAMPAIGNS: &str = "reports/out";
/// Beside the folder of a campaign: the one that was begun last.
const LATEST: &str = "latest";
/// Red seeds that get a line each while they come; the report has all kinds.
const LINES: u64 = 20;
/// So many of a kind.
const ALIKE: u64 = 3;
/// How often JSON tells how far it is.
const TELL: Duration = Duration::from_secs(10);
/// So many of the rarest marks are shown.
const RAREST: usize = 3;

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Trouble {
        match error {
            StoreError::Refused(what) => Trouble::usage(what),
            StoreError::Environment(what) => Trouble::environment(what),
        }
    }
}

/// What a campaign is to do, once it is understood.
pub struct Task {
    /// What is run.
    pub plans: Vec<Plan>,
    /// Every seed twice.
    pub twice: bool,
    /// Which part of it.
    pub shard: Shard,
    /// The folder of all shards.
    pub top: PathBuf,
    /// What is replayed first: the folder, if one was named, and what is there.
    pub regressions: Option<String>,
    pub corpus: Corpus,
    /// The file of failures that are known, if one is named.
    pub known: Option<PathBuf>,
    /// Ends it early.
    pub stop: Stop,
    /// It is a part of something else, which says how the rest is run.
    pub is_part: bool,
}

/// Runs a campaign, or what is left of one.
pub fn campaign(args: &CampaignArgs, out: &mut Out) -> Result<Exit, Trouble> {
    let shard = shard(args.shard, out)?;
    one_draw(args.seeds.as_ref(), shard)?;
    let top = args.out.clone().unwrap_or_else(|| dated("campaign"));
    let (plans, twice) = if args.scenarios.is_empty() {
        unchanged(args)?;
        let header = Store::header(&folder(&top, shard))?;
        (planned(&header)?, header.twice)
    } else {
        (asked(args, out)?, args.check_determinism)
    };
    let before = if args.resume { Store::header(&folder(&top, shard)).ok() } else { None };
    let (regressions, known) = before.map_or((None, None), |header| (header.regressions, header.known));
    let regressions = args.regressions.clone().or(regressions);
    let known = args.on_failure.known.clone().or(known.map(PathBuf::from));
    // Once for all shards; who merges looks again.
    let corpus = if shard.number == 1 { Corpus::find(regressions.as_deref())? } else { Corpus::default() };
    let stop = signals::listen(out.json());
    carry_out(args, Task { plans, twice, shard, top, regressions, corpus, known, stop, is_part: false }, out)
}

/// Shards are of the same seeds, or nobody can merge them.
fn one_draw(chosen: Option<&Chosen>, shard: Shard) -> Result<(), Trouble> {
    let Some(Chosen { seeds, .. }) = chosen.filter(|chosen| chosen.by_chance && shard.of > 1) else {
        return Ok(());
    };
    let what =
        format!("shard {shard} of random seeds: each shard would draw others, and none could be merged");
    Err(Trouble::usage(what)
        .help(format!("write the same seeds for all, such as --seeds {seeds} (drawn now)")))
}

/// A campaign that is named by its folder alone is what it was: nothing that is said of its runs is passed over.
fn unchanged(args: &CampaignArgs) -> Result<(), Trouble> {
    let Reading { sets, data, yes_large } = &args.reading;
    let said = [
        ("--seeds", args.seeds.is_some()),
        ("--tag", !args.tags.is_empty()),
        ("--plant", !args.planted.is_empty()),
        ("--check", args.check.is_some()),
        ("--check-determinism", args.check_determinism),
        ("--set", !sets.is_empty()),
        ("--data", data.is_some()),
        ("--yes-large", *yes_large),
    ];
    let said: Vec<&str> = said.into_iter().filter(|(_, said)| *said).map(|(name, _)| name).collect();
    if said.is_empty() {
        return Ok(());
    }
    let what = format!("{}: a campaign that goes on runs what it ran before", said.join(", "));
    Err(Trouble::usage(what)
        .help("leave that out; or name the scenarios and seeds, too, and both sides are compared"))
}

/// Where a shard is kept.
fn folder(top: &Path, shard: Shard) -> PathBuf {
    shard.folder().map_or_else(|| top.to_owned(), |name| top.join(name))
}

/// Runs what is left of it, and tells what it came to.
pub fn carry_out(args: &CampaignArgs, task: Task, out: &mut Out) -> Result<Exit, Trouble> {
    let Task { plans, twice, shard, top, regressions, corpus, known: list, stop, is_part } = task;
    let known = known(list.as_deref(), &plans, out)?;
    let header = Header { regressions, known: remembered(list), ..Header::of(&plans, shard, twice) };
    let parts = parts(&plans, shard)?;
    // Where nothing can be kept nothing is run.
    let folder = Folder::open(&folder(&top, shard))?;
    Reducing::check(&folder, &args.on_failure)?;
    check_forms(&folder, args.junit.as_deref(), args.sarif.as_deref())?;
    if folder.created {
        out.note(&format!("{} created", folder.path().display()));
    }
    let mut sums = Sums::new(plans.len());
    let store = Store::open(folder.path(), &header, &plans, args.resume, &mut |run| _ = sums.add(&run))?;
    let before = sums.total.clone();
    if before.runs() > 0 {
        let (runs, are) = (before.runs(), if before.runs() == 1 { "is" } else { "are" });
        out.note(&format!("{} {are} there already", report::plural(runs, "result")));
    }
    if !is_part && let Err(error) = point(&top) {
        out.note(&format!("{LATEST} does not point to it: {}", report::reason(&error)));
    }
    let left: Vec<Ranges> =
        sums.plans.iter().zip(&parts).map(|((_, done), (from, to))| done.missing(*from, *to)).collect();
    let seeds = left.iter().map(|l| u128::from(l.count())).sum();
    let workers = run::workers(args.jobs, seeds, out);
    let crew = worker::crew(workers, &args.patience, if twice { Twice::All } else { Twice::Doubtful });
    let regressions = corpus.replay(&crew, &stop, out)?;
    if args.fail_fast && !regressions.is_empty() {
        stop.request(Signal::Enough);
    }
    let clock = Clock::start();
    let mut watch = Watch {
        plans: &plans,
        known: &known,
        args,
        stop: &stop,
        progress: Progress::new(seeds, out.json()),
        out,
        store,
        sums,
        clock,
        told: Duration::ZERO,
        lines: BTreeMap::new(),
        said_enough: false,
        idle: 0,
        trouble: None,
    };
    let ran = rounds(&plans, left, &crew, &stop, &mut |event| watch.take(event));
    let Watch { store, mut sums, mut progress, trouble, out, .. } = watch;
    progress.finish();
    let synced = { store }.sync();
    let mut trouble = trouble.or(synced.err().map(Trouble::from));
    let gone = !Store::is_one(folder.path());
    if gone {
        let header = folder.path().join(Store::FILES[0]).display().to_string();
        let what = format!("{}: was removed while the campaign was under way", header.escape_debug());
        let removed = || Trouble::environment(what);
        let help = "what it was of is gone, so nothing goes on with it: begin it again";
        trouble = Some(trouble.unwrap_or_else(removed).help(help));
    } else if trouble.is_some() {
        // What is not on disk does not count.
        let mut kept = Sums::new(plans.len());
        if Store::results(folder.path(), &plans, &mut |run| _ = kept.add(&run)).is_ok() {
            let unkept = sums.total.runs().saturating_sub(kept.total.runs());
            if unkept > 0 {
                let results = report::plural(unkept, "result");
                out.note(&format!(
                    "{results} could not be kept: not counted below, and run again by whoever goes on"
                ));
            }
            sums = kept;
        }
    }
    ran.map_err(|e| Trouble::environment(format!("cannot start a thread: {e}")))?;
    let regressions = &regressions[..];
    let standing = Standing { plans: &plans, sums: &sums, shard, known: &known, regressions, whole: false };
    let complete = standing.complete();
    if complete && shard.of == 1 {
        sums.close(&plans);
    }
    let interrupted = stop.requested().filter(|s| s.interrupts());
    let signal = interrupted.or(trouble.is_some().then_some(Signal::Unkept));
    let standing = Standing { plans: &plans, sums: &sums, shard, known: &known, regressions, whole: false };
    let (report, mut exit) =
        tell(&standing, &header, &folder, (args.junit.as_deref(), args.sarif.as_deref()), signal, out)?;
    if !out.json() && sums.total.runs() > before.runs() {
        out.text(&report::pace(&before, &sums.total, clock.elapsed(), workers, run::cores()));
    }
    if let Some(trouble) = trouble {
        exit = exit.worst(trouble.exit());
        out.error(&trouble);
    }
    let why = signal.or(stop.requested());
    let kinds = sums.kinds(&plans, &known);
    let mut again = report::again(&kinds, regressions);
    let mut repros = BTreeMap::new();
    // What a shard has found is reduced by whoever merges.
    if shard.of == 1 && signal.is_none() {
        stop.resume();
        let (plans, sums, known, on_failure) = (&plans, &sums, &known, &args.on_failure);
        let reducing = Reducing { plans, sums, known, crew: &crew, stop: &stop, on_failure };
        let (line, worse);
        (repros, line, worse) = reducing.reduce(&folder, out);
        // Only what has failed is reduced.
        if let (Some((Exit::Failed, again)), Some(line)) = (&mut again, line) {
            *again = line;
        }
        exit = exit.worst(worse);
    }
    exit = exit.worst(summarize(&report, &repros, out));
    let unreduced = signal.is_none() && stop.requested().is_some_and(Signal::interrupts);
    let signal = stop.requested().filter(|s| s.interrupts());
    if !complete {
        if !is_part && !gone {
            say_left(
                words(args, why, !regressions.is_empty()),
                "the rest of the seeds",
                going_on(args, shard, &top, why),
                out,
            );
        }
        if why.is_none() {
            out.error(&Trouble::rig("results are missing, and nobody has stopped the campaign"));
            exit = exit.worst(Exit::Rig);
        }
    } else if unreduced && !is_part {
        say_left("not all failures were reduced", "the others", going_on(args, shard, &top, None), out);
    } else if let Some((_, again)) = again
        && !out.json()
    {
        out.text(&format!("{again}\n"));
    }
    Ok(exit.worst(signal.map_or(Exit::Passed, Exit::from)))
}

/// The command that goes on with it, which was stopped for that reason.
fn going_on(args: &CampaignArgs, shard: Shard, top: &Path, why: Option<Signal>) -> String {
    let path = |path: &Path| report::quoted(&path.display().to_string());
    let mut line = format!("mirrorsim campaign --resume --out {}", path(top));
    if args.shard.is_some() {
        line += &format!(" --shard {shard}");
    }
    if let Some(jobs) = args.jobs {
        line += &format!(" --jobs {jobs}");
    }
    let OnFailure { known, no_shrink, shrink_budget } = &args.on_failure;
    let regressions = args.regressions.as_deref().map(Path::new);
    let files = [("known", known.as_deref()), ("regressions", regressions)];
    let files = files.into_iter().chain([("junit", args.junit.as_deref()), ("sarif", args.sarif.as_deref())]);
    for (name, file) in files.filter_map(|(name, file)| Some((name, file?))) {
        line += &format!(" --{name} {}", path(file));
    }
    if *no_shrink {
        line += " --no-shrink";
    }
    if let Some(budget) = shrink_budget {
        line += &format!(" --shrink-budget {}", moment::spelled(*budget));
    }
    line += &args.patience.spelled().map_or_else(String::new, |time| format!(" --hang-after {time}"));
    if let Some(budget) = args.budget.filter(|_| why != Some(Signal::Budget)) {
        line += &format!(" --budget {}", moment::spelled(budget));
    }
    // What was wanted was seen: what is left is run without it.
    if why != Some(Signal::Enough) {
        line += if args.fail_fast { " --fail-fast" } else { "" };
        line += &args.until_stable.map_or_else(String::new, |n| format!(" --until-stable {n}"));
    }
    line
}

/// Why not all seeds were run; a regression that is red ends it before the first of them, if that is to end it.
fn words(args: &CampaignArgs, why: Option<Signal>, regressed: bool) -> &'static str {
    match why {
        Some(Signal::Budget) => "the budget is over",
        Some(Signal::Enough) if args.fail_fast && regressed => "a regression did not pass (--fail-fast)",
        Some(Signal::Enough) if args.until_stable.is_none() => "a seed did not pass (--fail-fast)",
        Some(Signal::Enough) if !args.fail_fast => "the last seeds reached nothing new (--until-stable)",
        Some(Signal::Enough) => "what was wanted was seen",
        Some(Signal::Unkept) => "results could not be kept any more (see the error)",
        Some(Signal::Interrupt | Signal::Terminate) | None => "not all seeds were run",
    }
}

/// Says how what is left is done.
pub fn say_left(why: &str, what: &str, line: String, out: &mut Out) {
    match out.json() {
        true => out.object(&json!({"type": "rest", "why": why, "command": line})),
        false => out.text(&format!("{why}; {what}:\n{line}\n")),
    }
}

/// The part that was asked for. A scheduler's variables count only if they are meant: a campaign that somebody starts in a shell
/// that Slurm gave is a whole one.
fn shard(asked: Option<ShardArg>, out: &mut Out) -> Result<Shard, Trouble> {
    let variable = |name: &str| std::env::var_os(name).map(|v| v.to_string_lossy().into_owned());
    match asked {
        None => Ok(Shard::default()),
        Some(ShardArg::This(shard)) => Ok(shard),
        Some(ShardArg::Auto) => {
            let (shard, why) = Shard::scheduled(&variable).map_err(|what| {
                Trouble::usage(format!("--shard auto: {what}")).help("write the shard, such as --shard 2/4")
            })?;
            out.note(&format!("shard {shard}, since {why}"));
            Ok(shard)
        }
    }
}

/// A folder that says when it was made.
pub fn dated(what: &str) -> PathBuf {
    let date = report::utc(utc_seconds()).replace(':', "");
    let number = |n: u32| if n == 1 { String::new() } else { format!("-{n}") };
    // Another one may have begun in the same second.
    let mut all = (1..=u32::MAX).map(|n| Path::new(CAMPAIGNS).join(format!("{what}-{date}{}", number(n))));
    all.find(|path| !path.exists()).unwrap_or_default()
}

/// Lets `latest` beside a campaign's folder lead to it.
fn point(top: &Path) -> std::io::Result<()> {
    let (Some(name), Some(beside)) = (top.file_name(), top.parent()) else { return Ok(()) };
    let (link, temporary) = (beside.join(LATEST), beside.join(format!(".{LATEST}.{}", std::process::id())));
    if name == LATEST || link.exists() && !link.is_symlink() {
        return Ok(());
    }
    let _ = std::fs::remove_file(&temporary);
    #[cfg(unix)]
    std::os::unix::fs::symlink(name, &temporary).and_then(|()| std::fs::rename(&temporary, &link))?;
    Ok(())
}

/// The plans that the arguments ask for.
pub fn asked(args: &CampaignArgs, out: &mut Out) -> Result<Vec<Plan>, Trouble> {
    let files = scenarios::files(&args.scenarios, out)?;
    if files.iter().any(|f| f == "-") {
        return Err(Trouble::usage(
            "a campaign cannot read standard input again when it goes on; name a file",
        ));
    }
    let loaded = scenarios::load_all(&files, &args.reading)?;
    let (files, loaded) = scenarios::tagged(files, loaded, &args.tags)?;
    let Some(Chosen { seeds, .. }) = &args.seeds else { return Err(Trouble::usage("--seeds is wanted")) };
    seeds.notes().iter().for_each(|note| out.note(note));
    out.note(&format!("seeds {seeds} of {}", report::plural(files.len() as u64, "scenario")));
    let mut planted: Vec<_> = Vec::new();
    for row in &args.planted {
        if !planted.iter().any(|r: &&mirrorsim_planted::Row| r.id == row.id) {
            planted.push(*row);
        }
    }
    let plan = |(file, scenario): (&String, _)| {
        let plan = Plan {
            sets: args.reading.sets.clone(),
            planted: planted.clone(),
            data: args.reading.data.as_ref().map(|d| d.display().to_string()),
            yes_large: args.reading.yes_large,
            ..Plan::new(scenario, file, seeds.clone())
        };
        plan.with_check(args.check.map(CheckMode::from))
    };
    Ok(files.iter().zip(loaded).map(plan).collect())
}

/// The plans that a header tells of.
pub fn planned(header: &Header) -> Result<Vec<Plan>, Trouble> {
    let mut plans = Vec::new();
    let mut problems = Vec::new();
    let gone = header.scenarios.iter().find(|stated| !Path::new(&stated.path).exists());
    if let Some(Stated { path, .. }) = gone {
        let what = format!(
            "{}: the campaign is of this scenario, and there is no such file here",
            path.escape_debug()
        );
        let help = "its paths are meant from the folder where it was begun: go there, and name its own folder from there";
        return Err(Trouble::usage(what).help(help));
    }
    for stated in &header.scenarios {
        let Stated { path, sets, data, yes_large, .. } = stated;
        let reading =
            Reading { sets: sets.clone(), data: data.as_ref().map(PathBuf::from), yes_large: *yes_large };
        match scenarios::load(path, &reading.sets, reading.data.clone(), reading.yes_large) {
            Ok(scenario) => plans.push(plan(stated, scenario)?),
            Err(p) => problems.push(p),
        }
    }
    if !problems.is_empty() {
        return Err(Trouble::Scenarios(problems));
    }
    let now = Header::of(&plans, header.shard, header.twice);
    match header.differs(&now) {
        Some(what) => Err(Trouble::usage(format!("this is not the campaign any more: {what}"))
            .help("results of other sources or scenarios are not comparable; begin anew with another --out")),
        None => Ok(plans),
    }
}

fn plan(stated: &Stated, scenario: mirrorsim_scenario::Scenario) -> Result<Plan, Trouble> {
    let unknown = |what: &str, name: &str| {
        Trouble::usage(format!("the campaign has a {what} that this build does not: {}", name.escape_debug()))
    };
    let planted =
        stated.planted.iter().map(|id| mirrorsim_planted::find(id).ok_or_else(|| unknown("planted bug", id)));
    let find = |name: &String| {
        CheckMode::ALL.into_iter().find(|c| c.name() == name).ok_or_else(|| unknown("check mode", name))
    };
    let check = stated.check.as_ref().map(find).transpose()?;
    let plan = Plan {
        sets: stated.sets.clone(),
        planted: planted.collect::<Result<_, _>>()?,
        data: stated.data.clone(),
        yes_large: stated.yes_large,
        ..Plan::new(scenario, &stated.path, seeds(&stated.seeds).map_err(Trouble::usage)?)
    };
    Ok(plan.with_check(check))
}

/// Indices of each plan's seeds that belong to a shard.
fn parts(plans: &[Plan], shard: Shard) -> Result<Vec<(u64, u64)>, Trouble> {
    let part = |p: &Plan| {
        let count = u64::try_from(p.seeds.count());
        count
            .map(|n| shard.part(n))
            .map_err(|_| Trouble::usage("a campaign has at most 2^64 - 1 seeds of a scenario"))
    };
    plans.iter().map(part).collect()
}

/// What hears of everything while a campaign runs.
struct Watch<'a> {
    plans: &'a [Plan],
    known: &'a Known,
    args: &'a CampaignArgs,
    stop: &'a Stop,
    out: &'a mut Out,
    progress: Progress,
    store: Store,
    sums: Sums,
    clock: Clock,
    /// When JSON last told how far it is.
    told: Duration,
    /// Lines of red seeds, by kind; and that no more are wanted.
    lines: BTreeMap<String, u64>,
    said_enough: bool,
    /// Seeds since something new was reached.
    idle: u64,
    trouble: Option<Trouble>,
}

impl Watch<'_> {
    fn take(&mut self, event: Event) {
        match event {
            Event::Started { .. } | Event::Ended { .. } => {}
            Event::Progress { done, red } => {
                self.show_rarest();
                self.progress.update(done, red);
                self.tick();
            }
            Event::Tick => {
                self.show_rarest();
                self.progress.touch();
                self.tick();
            }
            Event::Seed(run) => self.seed(&run),
        }
    }

    fn show_rarest(&mut self) {
        let rarest = self.sums.rarest(RAREST).into_iter().map(|(mark, seeds)| format!("{mark} {seeds}x"));
        self.progress.beside(rarest.collect::<Vec<_>>().join(", "));
    }

    fn tick(&mut self) {
        let now = self.clock.elapsed();
        if self.args.budget.is_some_and(|budget| now >= budget) {
            self.stop.request(Signal::Budget);
        }
        if self.out.json() && now - self.told >= TELL {
            self.told = now;
            let (seeds, red) = (self.sums.total.runs(), self.sums.total.red());
            let rarest: BTreeMap<_, _> = self.sums.rarest(RAREST).into_iter().collect();
            self.out.object(&json!({
                "type": "progress", "seeds": seeds, "red": red, "reached": self.sums.reached.len(), "rarest": rarest,
            }));
        }
        let kept = self.store.tick();
        self.kept(kept);
    }

    fn seed(&mut self, run: &SeedRun) {
        let reached = self.sums.reached.len();
        if !self.sums.add(run) {
            return;
        }
        let (verdict, failure) = (run.outcome.verdict, run.outcome.failures.first());
        let known = failure
            .is_some_and(|f| self.known.covers(&self.plans[run.plan].scenario.name, &signature(f), verdict));
        let red = verdict != Verdict::Passed && !known;
        // Said before it is kept: should that fail it is not lost.
        if red {
            self.red(run);
        }
        let kept = self.store.add(run);
        self.kept(kept);
        self.idle = if self.sums.reached.len() > reached { 0 } else { self.idle + 1 };
        if red && self.args.fail_fast || self.args.until_stable.is_some_and(|n| self.idle >= n) {
            self.stop.request(Signal::Enough);
        }
    }

    fn kept(&mut self, kept: Result<(), StoreError>) {
        if let Err(error) = kept
            && self.trouble.is_none()
        {
            self.trouble = Some(error.into());
            self.stop.request(Signal::Unkept);
        }
    }

    fn red(&mut self, run: &SeedRun) {
        let plan = &self.plans[run.plan];
        if self.out.json() {
            return self.out.object(&report::run_line(plan, run));
        }
        if self.said_enough {
            return;
        }
        let kind = kind(run.outcome.verdict, &run.outcome.failures);
        let lines: u64 = self.lines.values().sum();
        let alike = self.lines.entry(kind).or_default();
        let text = match (*alike, lines) {
            (..ALIKE, ..LINES) => {
                *alike += 1;
                report::red_line(&plan.scenario.name, run)
            }
            // One that fails as three others did; there may be new kinds to come.
            (ALIKE, ..LINES) => {
                *alike += 1;
                "more seeds fail so; the summary counts them\n".to_owned()
            }
            (_, ..LINES) => return,
            _ => {
                self.said_enough = true;
                "more seeds did not pass; the report has their kinds\n".to_owned()
            }
        };
        let out = &mut *self.out;
        self.progress.aside(|| out.text(&text));
    }
}
