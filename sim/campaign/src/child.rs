//! Seeds that run in a process of their own, so that what ends a process (a stack that overflows, an abort) ends one
//! seed, and what never ends can be ended. Parent and child speak one JSON object a line.

use crate::event::SeedRun;
use crate::plan::Plan;
use crate::repeat::{Difference, Told, parting};
use crate::serve::{Said, Task};
use crate::wall::Clock;
use crate::watch::LAST;
use crate::worker::{self, lost};
use mirrorsim_world::outcome::{Failure, Verdict};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

/// How long a second run of a seed that hung may be silent.
const SECOND: Duration = Duration::from_secs(2);
/// Whoever kills a child from outside mostly kills its parent, too, in no order: so long is waited for that.
const ALSO: Duration = Duration::from_millis(250);
/// Of these no process dies by itself: hang up, interrupt, terminate, kill.
const FROM_OUTSIDE: [i32; 4] = [1, 2, 15, 9];
/// A child that is told to end is started again so often for a seed.
const AGAIN: usize = 3;
/// Entries before the last known one that a second run tells.
const BEFORE: u64 = 64;

/// How to start a child, which then calls [`crate::serve`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Children {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// A seed that does nothing for so long hangs.
    pub hang_after: Duration,
}

/// The one child of a worker; started when it is needed, and again when it died.
#[derive(Debug)]
pub(crate) struct Nursery<'a> {
    how: &'a Children,
    child: Option<Running>,
    /// A seed that takes longer is given up.
    limit: Option<Duration>,
}

#[derive(Debug)]
struct Running {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// The plan that it knows.
    plan: Option<usize>,
}

/// What came of a seed.
enum Answer {
    Done {
        outcome: Box<mirrorsim_world::outcome::Outcome>,
        expectations: usize,
        wall: Duration,
    },
    Stuck,
    Refused(String),
    /// Somebody has told the child to end, which says nothing of the seed.
    Sent,
    Died(String),
    /// It took longer than the limit.
    Late,
}

/// What was heard of a run before its end.
#[derive(Default)]
struct Heard {
    entries: u64,
    /// Number and time of the last entry that was told.
    last: (u64, u64),
    lines: VecDeque<String>,
}

impl<'a> Nursery<'a> {
    pub fn new(how: &'a Children) -> Nursery<'a> {
        Nursery { how, child: None, limit: None }
    }

    /// The same for seeds of which only short ones are of use: one that takes longer is inconclusive.
    pub fn with_limit(how: &'a Children, limit: Duration) -> Nursery<'a> {
        Nursery { limit: Some(limit), ..Nursery::new(how) }
    }

    /// Runs a seed in the child; here, if there cannot be one.
    pub fn seed_run(&mut self, plan: &Plan, (number, index): (usize, u128), seed: u64) -> SeedRun {
        // Images are large, and of one seed that its user looks at.
        if plan.images {
            return worker::seed_run(plan, (number, index), seed);
        }
        let clock = Clock::start();
        let mut heard = Heard::default();
        let mut answer = self.ask(plan, number, seed, None, self.how.hang_after, &mut heard);
        for _ in 0..AGAIN {
            if matches!(answer, Ok(Answer::Sent)) {
                heard = Heard::default();
                answer = self.ask(plan, number, seed, None, self.how.hang_after, &mut heard);
            }
        }
        let Ok(answer) = answer else {
            return worker::seed_run(plan, (number, index), seed);
        };
        let (outcome, expectations, wall) = match answer {
            Answer::Done { outcome, expectations, wall } => (*outcome, expectations, wall),
            Answer::Refused(why) => {
                let failure = Failure { oracle: "panic", invariant: "", time: 0, event: 0, message: why };
                (lost(seed, plan, Verdict::Rig, failure, Vec::new()), 0, clock.elapsed())
            }
            Answer::Late => {
                let message = "given up: it takes too long".into();
                let failure = Failure { oracle: "limit", invariant: "", time: 0, event: 0, message };
                (lost(seed, plan, Verdict::Inconclusive, failure, Vec::new()), 0, clock.elapsed())
            }
            Answer::Stuck | Answer::Sent | Answer::Died(_) => {
                let wall = clock.elapsed();
                let (verdict, failure, lines) = self.autopsy(plan, number, seed, &answer, heard.entries);
                (lost(seed, plan, verdict, failure, lines), 0, wall)
            }
        };
        let token = plan.token(&outcome);
        SeedRun { plan: number, index, outcome, expectations, wall, twice: false, images: Vec::new(), token }
    }

    /// The next seed is for another process.
    pub fn dismiss(&mut self) {
        self.child = None;
    }

    /// Runs a seed in this child and in a new one of the other, side by side. `None`: no event differs, or there are no
    /// two children.
    pub fn parting(
        &mut self,
        other: &mut Nursery,
        plan: &Plan,
        number: usize,
        seed: u64,
    ) -> Option<Difference> {
        other.dismiss();
        let mut one = self.told(plan, number, seed).ok()?;
        let mut two = other.told(plan, number, seed).ok()?;
        parting(|| one.told(), || two.told())
    }

    /// Asks the child for every entry of a seed. It is not asked again.
    fn told(&mut self, plan: &Plan, number: usize, seed: u64) -> io::Result<Running> {
        let mut child = match self.child.take() {
            Some(child) => child,
            None => Running::start(self.how)?,
        };
        let task = child.task(plan, number, seed, Some(0), self.how.hang_after);
        child.put(&task)?;
        Ok(child)
    }

    /// Runs a seed that ended badly once more, to hear its last events: the dead leave none.
    fn autopsy(
        &mut self,
        plan: &Plan,
        number: usize,
        seed: u64,
        answer: &Answer,
        entries: u64,
    ) -> (Verdict, Failure, Vec<String>) {
        let mut heard = Heard::default();
        let from = entries.saturating_sub(BEFORE);
        let again = self.ask(plan, number, seed, Some(from), SECOND.min(self.how.hang_after), &mut heard);
        let (oracle, mut message) = match answer {
            Answer::Died(how) => ("crash", how.clone()),
            Answer::Sent => {
                ("crash", "its process is killed whenever it is started; is there enough memory?".to_owned())
            }
            _ => (
                "hang",
                format!("no event for {:?} of wall time: a machine does not come back", self.how.hang_after),
            ),
        };
        let mut verdict = Verdict::Failed;
        if let Ok(Answer::Done { .. }) = again {
            verdict = Verdict::Rig;
            message += "; a second run of the seed came to its end";
        }
        let (event, time) = heard.last;
        let failure = Failure { oracle, invariant: "", time, event, message };
        (verdict, failure, heard.lines.into())
    }

    /// Asks the child for a seed. An error: there is none, and none can be started.
    fn ask(
        &mut self,
        plan: &Plan,
        number: usize,
        seed: u64,
        echo: Option<u64>,
        patience: Duration,
        heard: &mut Heard,
    ) -> io::Result<Answer> {
        let mut child = match self.child.take() {
            Some(child) => child,
            None => Running::start(self.how)?,
        };
        let task = child.task(plan, number, seed, echo, patience);
        let answer = child.answer(&task, heard, self.limit);
        match answer {
            Some(answer) => {
                if !matches!(answer, Answer::Stuck | Answer::Late) {
                    self.child = Some(child);
                }
                Ok(answer)
            }
            None => {
                let (signal, how) = child.bury()?;
                // Else a scheduler that ends a job with all its processes would leave a failure of a seed that had none.
                if signal.is_some_and(|s| FROM_OUTSIDE.contains(&s)) {
                    wait();
                }
                Ok(match signal {
                    // No result of the seed: it is run again.
                    Some(signal) if FROM_OUTSIDE.contains(&signal) => Answer::Sent,
                    _ => Answer::Died(how),
                })
            }
        }
    }
}

impl Running {
    fn start(how: &Children) -> io::Result<Running> {
        let mut command = Command::new(&how.program);
        command.args(&how.arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Ctrl-C is for the parent; a child ends when nobody asks it any more.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut process = command.spawn()?;
        let missing = || io::Error::other("a pipe is missing");
        let input = process.stdin.take().ok_or_else(missing)?;
        let output = BufReader::new(process.stdout.take().ok_or_else(missing)?);
        Ok(Running { process, input, output, plan: None })
    }

    /// What it is asked for a seed; the text of a scenario only once.
    fn task(&mut self, plan: &Plan, number: usize, seed: u64, echo: Option<u64>, patience: Duration) -> Task {
        let known = self.plan.replace(number) == Some(number);
        Task {
            token: plan.request(seed).to_string(),
            name: plan.scenario.path.clone(),
            text: (!known).then(|| plan.scenario.source.clone()),
            judging: plan.judging.clone(),
            rigged: plan.rigged,
            echo,
            patience,
        }
    }

    fn put(&mut self, task: &Task) -> io::Result<()> {
        let line = serde_json::to_string(task).map_err(io::Error::other)?;
        self.input.write_all(format!("{line}\n").as_bytes())
    }

    /// The next thing that it says; `None`: it died, or speaks another language.
    fn said(&mut self) -> Option<Said> {
        let mut line = String::new();
        (self.output.read_line(&mut line).ok()? > 0).then(|| serde_json::from_str(&line).ok())?
    }

    /// The next entry that it tells.
    fn told(&mut self) -> Option<Told> {
        loop {
            match self.said()? {
                Said::Event { told, .. } => return Some(told),
                Said::Pulse(_) => {}
                Said::Done { .. } | Said::Stuck(_) | Said::Refused(_) => return None,
            }
        }
    }

    /// `None`: it died.
    fn answer(&mut self, task: &Task, heard: &mut Heard, limit: Option<Duration>) -> Option<Answer> {
        let clock = Clock::start();
        self.put(task).ok()?;
        loop {
            match self.said()? {
                // A pulse comes several times a second.
                Said::Pulse(_) if limit.is_some_and(|limit| clock.elapsed() > limit) => {
                    return Some(Answer::Late);
                }
                Said::Pulse(entries) => heard.entries = entries,
                Said::Event { number, told } => heard.event(number, told.time, told.text),
                Said::Done { outcome, expectations, wall } => {
                    return Some(Answer::Done { outcome, expectations, wall });
                }
                Said::Stuck(entries) => {
                    heard.entries = entries;
                    return Some(Answer::Stuck);
                }
                Said::Refused(why) => return Some(Answer::Refused(why)),
            }
        }
    }

    /// What it died of: a signal, if it was one, and in words.
    fn bury(mut self) -> io::Result<(Option<i32>, String)> {
        let mut words = String::new();
        if let Some(errors) = self.process.stderr.take() {
            let _ = errors.take(1 << 16).read_to_string(&mut words);
        }
        let status = self.process.wait()?;
        let cause = if words.contains("overflowed its stack") {
            "the stack overflowed"
        } else if words.contains("memory allocation of") {
            "there was no memory left"
        } else {
            "the process died"
        };
        Ok((signal(status), format!("{cause} ({})", end(status))))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that is dead already is only waited for.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Heard {
    fn event(&mut self, number: u64, time: u64, text: String) {
        self.last = (number, time);
        if self.lines.len() == LAST {
            self.lines.pop_front();
        }
        self.lines.push_back(text);
    }
}

/// How a process ended, in words.
fn end(status: ExitStatus) -> String {
    if let Some(signal) = signal(status) {
        return format!("signal {signal}");
    }
    status.code().map_or_else(|| "no exit code".into(), |code| format!("exit code {code}"))
}

/// Long enough to be killed, too.
#[expect(clippy::disallowed_methods, reason = "nobody tells that this process is about to be killed")]
fn wait() {
    std::thread::sleep(ALSO);
}

/// The signal that has ended a process.
#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

/// Elsewhere there are none.
#[cfg(not(unix))]
fn signal(_status: ExitStatus) -> Option<i32> {
    None
}
