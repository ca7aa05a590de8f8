//! Turns the events of a campaign into lines, reports and an exit code.

use crate::commands::rest::Rest;
use crate::out::Out;
use crate::progress::Progress;
use crate::trouble::Trouble;
use mirrorsim_campaign::{Clock, Event, Exit, Plan, SeedRun, Signal, Stop, Tally, utc_seconds};
use mirrorsim_report::{self as report, Collector, Folder};
use mirrorsim_world::outcome::Verdict;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Red seeds of a scenario that get a line each; the report has the others.
const LINES: usize = 20;

/// A campaign as its user sees it.
pub struct Session<'a> {
    /// What is run.
    pub plans: Arc<[Plan]>,
    /// For each plan, where its seed comes from.
    pub seed_notes: Vec<&'static str>,
    /// Where reports go.
    pub reports: Option<Folder>,
    /// Where images go.
    pub images: Option<Folder>,
    /// Says whether an end is an interrupt.
    pub stop: Stop,
    /// What the scenarios that were run to their end came to.
    pub clean: Vec<report::Clean>,
    current_clean: report::Clean,
    /// Whether the table of claims is to be printed.
    pub tell_claims: bool,
    /// Which planted bugs are caught, and where that was read.
    pub kills: Option<(report::KillTable, String)>,
    claims: report::Claims,
    /// What an interrupt leaves.
    pub rest: Rest,
    /// Results of the plan at hand: where the next is expected, and which before it did not come.
    next: u128,
    missed: Vec<u128>,
    out: &'a mut Out,
    progress: Progress,
    workers: usize,
    clock: Clock,
    current: Collector,
    lines: usize,
    last: Option<Box<SeedRun>>,
    total: Tally,
    names: BTreeSet<String>,
    exit: Exit,
}

impl<'a> Session<'a> {
    /// One that has seen nothing yet.
    pub fn new(plans: Arc<[Plan]>, stop: Stop, out: &'a mut Out) -> Session<'a> {
        Session {
            seed_notes: vec![""; plans.len()],
            plans,
            reports: None,
            images: None,
            stop,
            clean: Vec::new(),
            current_clean: report::Clean::default(),
            tell_claims: false,
            kills: None,
            claims: report::Claims::default(),
            rest: Rest::default(),
            next: 0,
            missed: Vec::new(),
            out,
            progress: Progress::new(0, true),
            workers: 1,
            clock: Clock::start(),
            current: Collector::default(),
            lines: 0,
            last: None,
            total: Tally::default(),
            names: BTreeSet::new(),
            exit: Exit::Passed,
        }
    }

    /// Takes an event.
    pub fn take(&mut self, event: Event) {
        match event {
            Event::Started { seeds, workers } => {
                self.workers = workers;
                self.progress = Progress::new(seeds, self.out.json());
                self.begin(0);
            }
            Event::Progress { done, red } => self.progress.update(done, red),
            Event::Tick => self.progress.touch(),
            Event::Seed(run) => self.seed(run),
            Event::Ended { plan, interrupted, abandoned, wall } => {
                let signal = self.stop.requested().filter(|_| interrupted);
                self.end_plan(plan, signal, &abandoned, wall);
                self.begin(plan + 1);
            }
        }
    }

    /// Says what is to be said at the end.
    pub fn finish(mut self) -> Exit {
        self.progress.finish();
        if let Some(signal) = self.stop.requested() {
            self.exit = self.exit.worst(signal.into());
        }
        if self.plans.len() > 1 && !self.out.json() {
            let signal = self.stop.requested();
            self.out.text(&report::several(self.plans.len(), &self.total, signal, self.clock.elapsed()));
            if let Some((_, again)) = report::again(&self.total.groups_by_size(), &[]) {
                self.out.text(&format!("{again}\n"));
            }
        }
        self.say_claims();
        let rest = std::mem::take(&mut self.rest);
        if let Some(line) = rest.line(&mut |name, text| self.keep(name, Ok(text.to_owned()))) {
            match self.out.json() {
                true => self.out.object(&json!({"type": "rest", "command": line})),
                false => self.out.text(&format!("the rest of the seeds:\n{line}\n")),
            }
        }
        self.exit
    }

    /// What was said of the claims, written if a scenario is about one, and told if that is wanted.
    fn say_claims(&mut self) {
        if !self.tell_claims && !self.plans.iter().any(report::about_claims) {
            return;
        }
        let kills = self.kills.as_ref().map(|(table, path)| (table, path.as_str()));
        let interrupted = self.stop.requested().is_some();
        let claims = self.claims.finish(&self.plans, interrupted, kills, report::utc(utc_seconds()));
        let planted: String = claims.planted.iter().map(|id| format!("+{id}")).collect();
        let partial = if interrupted { ".interrupted" } else { "" };
        let path =
            self.keep(&format!("claims{planted}{partial}.json"), serde_json::to_string_pretty(&claims));
        if !self.tell_claims {
            return;
        }
        match self.out.json() {
            true => self.out.object(&json!({"type": "claims", "claims": claims, "report": path})),
            false => {
                self.out.text(&claims.text());
                path.iter().for_each(|path| self.out.text(&format!("claims {path}\n")));
            }
        }
        // Of planted bugs nothing is expected but that they are seen.
        for what in claims.idle().into_iter().filter(|_| !interrupted && planted.is_empty()) {
            self.trouble(Trouble::rig(what));
        }
    }

    /// Whether objects are wanted.
    pub fn json(&self) -> bool {
        self.out.json()
    }

    fn begin(&mut self, plan: usize) {
        if let (true, Some(plan)) = (self.out.json(), self.plans.get(plan)) {
            self.out.object(&report::begun(plan));
        }
    }

    /// Whether there is only one seed in all.
    fn single(&self) -> bool {
        self.plans.len() == 1 && self.plans[0].seeds.count() == 1
    }

    fn seed(&mut self, run: Box<SeedRun>) {
        let plan = &self.plans[run.plan];
        self.missed.extend(self.next..run.index);
        self.next = run.index + 1;
        self.current.add(plan, &run);
        self.total.add(&run);
        self.current_clean.add(&run);
        self.claims.add(plan, &run);
        if self.out.json() {
            self.out.object(&report::run_line(plan, &run));
        } else if run.outcome.verdict != Verdict::Passed && !self.single() {
            self.red(&run);
        }
        if let Some(folder) = self.images.clone() {
            self.export(&folder, &run);
        }
        self.last = Some(run);
    }

    /// What a scenario is called among those of this run: by its path where another one has its name.
    fn called(&self, number: usize) -> String {
        let plan = &self.plans[number];
        match self.plans.iter().filter(|p| p.scenario.name == plan.scenario.name).count() {
            ..=1 => plan.scenario.name.clone(),
            _ => plan.argument.clone(),
        }
    }

    /// A line about a seed that did not pass.
    fn red(&mut self, run: &SeedRun) {
        self.lines += 1;
        let text = match self.lines {
            ..=LINES => report::red_line(&self.called(run.plan), run),
            n if n == LINES + 1 => "more seeds did not pass; the report has them\n".to_owned(),
            _ => return,
        };
        let out = &mut *self.out;
        self.progress.aside(|| out.text(&text));
    }

    fn export(&mut self, folder: &Folder, run: &SeedRun) {
        match report::write_images(folder, &run.images) {
            Ok(paths) => {
                for path in paths {
                    self.out.wrote("image", &path);
                }
            }
            Err(trouble) => self.trouble(trouble.into()),
        }
    }

    fn end_plan(&mut self, number: usize, signal: Option<Signal>, abandoned: &[u64], wall: Duration) {
        let mut collector = std::mem::take(&mut self.current);
        if signal.is_none() && self.plans[number].planted.is_empty() {
            collector.close(&self.plans[number]);
            self.total.unreached.extend(collector.tally().unreached.iter().cloned());
        }
        let last = self.last.take();
        self.lines = 0;
        let (next, missed) = (std::mem::take(&mut self.next), std::mem::take(&mut self.missed));
        if signal.is_some()
            && let Some(seeds) = self.plans[number].seeds.rest(next, &missed)
        {
            self.rest.add(&self.plans[number].argument, &seeds);
        }
        let tally = collector.tally().clone();
        let clean = std::mem::take(&mut self.current_clean).finish(&self.plans[number], &tally);
        self.clean.push(clean);
        if let (None, Some(what)) = (signal, tally.lost(self.plans[number].seeds.count())) {
            let name = &self.plans[number].scenario.name;
            self.trouble(Trouble::rig(format!("{name}: {what}, and nobody has stopped the campaign")));
        }
        self.exit = self.exit.worst(signal.map_or_else(|| tally.exit(), Exit::from));
        // Of several scenarios those that were never begun would only be noise.
        if tally.runs() == 0 && self.plans.len() > 1 {
            return;
        }
        let plans = Arc::clone(&self.plans);
        let plan = &plans[number];
        let finished =
            collector.finish(plan, signal, abandoned, wall, self.workers, report::utc(utc_seconds()));
        let path = self.write(plan, &finished, signal.is_some());
        let path = path.as_deref();
        if self.out.json() {
            self.out.object(&report::ended(&finished, path));
            return;
        }
        let text = match last {
            _ if plans.len() > 1 => report::brief(&self.called(number), plan, &tally, signal, wall),
            Some(run) if self.single() => report::one(plan, &run, self.seed_notes[number], path),
            _ => report::many(plan, &tally, signal, wall, self.workers, path),
        };
        if number + 1 == plans.len() {
            self.progress.finish();
        }
        let out = &mut *self.out;
        self.progress.aside(|| out.text(&text));
    }

    /// Writes a report. That it cannot be written loses nothing but the file: every line is still to come.
    fn write(&mut self, plan: &Plan, finished: &report::Report, interrupted: bool) -> Option<String> {
        let name = self.name(plan, interrupted);
        self.keep(&name, serde_json::to_string_pretty(finished))
    }

    fn keep(&mut self, name: &str, text: serde_json::Result<String>) -> Option<String> {
        let folder = self.reports.clone()?;
        let written = match &text {
            Ok(text) => folder.write(name, format!("{text}\n").as_bytes()).map_err(Trouble::from),
            Err(error) => Err(Trouble::rig(format!("the report cannot be made: {error}"))),
        };
        match written {
            Ok(path) => Some(path.display().to_string()),
            Err(trouble) => {
                self.trouble(trouble);
                None
            }
        }
    }

    /// Two scenarios of one name get a file each.
    fn name(&mut self, plan: &Plan, interrupted: bool) -> String {
        let name = report::file_name(plan, interrupted);
        let stem = name.trim_end_matches(".json").to_owned();
        let others = (2u32..).map(|n| format!("{stem}.{n}.json"));
        let free = std::iter::once(name).chain(others).find(|n| !self.names.contains(n)).unwrap_or_default();
        self.names.insert(free.clone());
        free
    }

    fn trouble(&mut self, trouble: Trouble) {
        self.exit = self.exit.worst(trouble.exit());
        let out = &mut *self.out;
        self.progress.aside(|| out.error(&trouble));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mirrorsim_campaign::Crew;
    use mirrorsim_scenario::seeds;

    /// How a session of two seeds ends that hears of the first `heard` of them only.
    fn ends(heard: u128) -> Exit {
        let text = b"schema: 1\nsources: [{name: alpha}]\nclients: [{operations: 5}]\n";
        let reading = mirrorsim_scenario::Options::default();
        let scenario = mirrorsim_scenario::parse("a.yaml", text, &[], &reading).expect("a scenario");
        let plans: Arc<[Plan]> = [Plan::new(scenario, "a.yaml", seeds("1..=2").expect("seeds"))].into();
        let (stop, mut out) = (Stop::default(), Out::new(true));
        let mut session = Session::new(Arc::clone(&plans), stop.clone(), &mut out);
        mirrorsim_campaign::run(&plans, &Crew::threads(1), &stop, &mut |event| match event {
            Event::Seed(run) if run.index >= heard => {}
            event => session.take(event),
        })
        .expect("threads");
        session.finish()
    }

    #[test]
    fn a_result_that_is_lost_is_a_fault_of_the_rig() {
        assert_eq!([2, 1, 0].map(ends), [Exit::Passed, Exit::Rig, Exit::Rig]);
    }
}
