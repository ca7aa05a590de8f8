//! Seeds that run in a process of their own, so that what ends a process (a stack that overflows, an abort) ends one
//! seed, and what never ends can be ended. Parent and child speak one JSON object a line.

use crate::event::SeedRun;
use crate::plan::Plan;
use crate::repeat::{Difference, parting};
use crate::serve::{Said, Task, entry};
use crate::telling::Telling;
use crate::wall::Clock;
use crate::watch::Last;
use crate::worker::{self, lost};
use mirrorsim_world::outcome::{Failure, Outcome, Verdict};
use mirrorsim_world::spec::Spec;
use mirrorsim_world::{Sight, State, planned};
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// How long a second run of a seed that hung may be silent.
const SECOND: Duration = Duration::from_secs(2);
/// Whoever kills a child from outside mostly kills its parent, too, in no order: so long is waited for that.
const ALSO: Duration = Duration::from_millis(250);
/// Of these no process dies by itself: hang up, interrupt, terminate, kill.
const FROM_OUTSIDE: [i32; 4] = [1, 2, 15, 9];
/// A child that is told to end is started again so often for a seed.
pub(crate) const AGAIN: usize = 3;
/// Entries before the last known one that a second run tells.
const BEFORE: u64 = 64;
/// How often a silent child is waited for. Looks are counted, not time: a machine that sleeps is not silent.
const LOOK: Duration = Duration::from_millis(250);
/// A child says itself that its seed hangs. One that says nothing for so much longer stands still, such as in a debugger or
/// in a frozen group; a busy machine may well be slow to start it.
const STILL: Duration = Duration::from_secs(10);
/// So many lines are read ahead.
const AHEAD: usize = 64;

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
pub struct Nursery<'a> {
    how: &'a Children,
    child: Option<Running>,
    /// A seed that takes longer is given up.
    limit: Option<Duration>,
}

#[derive(Debug)]
pub(crate) struct Running {
    /// Nothing once nobody waits for its end.
    process: Option<Child>,
    /// Lines for it; nothing once it is to end.
    input: Option<Sender<String>>,
    /// Lines that it has said.
    output: Receiver<String>,
    /// It may be silent for so long.
    patience: Duration,
    /// Reads what it complains of, so that it never waits for that; gives the first of it.
    errors: Option<JoinHandle<Vec<u8>>>,
    /// The plan that it knows.
    plan: Option<usize>,
}

/// What a child is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish<'p> {
    pub plan: &'p Plan,
    /// The number of the plan, by which the child knows it again.
    pub number: usize,
    pub seed: u64,
    /// Go on to this moment only, and say how everything stands there.
    pub sight: Option<Sight>,
}

/// What came of a seed.
#[derive(Debug)]
pub(crate) enum Answer {
    Done {
        outcome: Box<Outcome>,
        expectations: usize,
        wall: Duration,
    },
    Seen(Box<State>),
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
    last: Last,
}

impl<'a> Nursery<'a> {
    /// One whose child is not started yet.
    pub fn new(how: &'a Children) -> Nursery<'a> {
        Nursery { how, child: None, limit: None }
    }

    /// The same for seeds of which only short ones are of use: one that takes longer is inconclusive.
    pub(crate) fn with_limit(how: &'a Children, limit: Duration) -> Nursery<'a> {
        Nursery { limit: Some(limit), ..Nursery::new(how) }
    }

    /// Runs a seed in the child; here, if there cannot be one.
    pub(crate) fn seed_run(&mut self, plan: &Plan, (number, index): (usize, u128), seed: u64) -> SeedRun {
        let clock = Clock::start();
        let wish = Wish { plan, number, seed, sight: None };
        let (outcome, expectations, wall) = match self.answer(&wish) {
            // Images are large, and of one seed that its user looks at: they are made here, of a run that is known to end.
            Ok((Answer::Done { .. }, _)) | Err(_) if plan.images => {
                return worker::seed_run(plan, (number, index), seed);
            }
            Ok((Answer::Done { outcome, expectations, wall }, _)) => (*outcome, expectations, wall),
            Ok((answer, entries)) => {
                let wall = clock.elapsed();
                (self.ended(&wish, &answer, entries), 0, wall)
            }
            Err(_) => return worker::seed_run(plan, (number, index), seed),
        };
        let token = plan.token(&outcome);
        SeedRun { plan: number, index, outcome, expectations, wall, twice: false, images: Vec::new(), token }
    }

    /// How everything stands at a moment of a seed's run; of a run that ends on the way, how.
    ///
    /// # Errors
    /// There is no child, and none can be started.
    pub fn look(&mut self, plan: &Plan, seed: u64, sight: Sight) -> io::Result<Result<State, Box<Outcome>>> {
        let wish = Wish { plan, number: 0, seed, sight: Some(sight) };
        Ok(match self.answer(&wish)? {
            (Answer::Seen(state), _) => Ok(*state),
            (Answer::Done { outcome, .. }, _) => Err(outcome),
            (answer, entries) => Err(Box::new(self.ended(&wish, &answer, entries))),
        })
    }

    /// The next seed is for another process.
    pub(crate) fn dismiss(&mut self) {
        self.child = None;
    }

    /// Runs a seed in this child and in a new one of the other, side by side. `None`: no event differs, or there are no
    /// two children.
    pub(crate) fn parting(
        &mut self,
        other: &mut Nursery,
        plan: &Plan,
        number: usize,
        seed: u64,
    ) -> Option<Difference> {
        other.dismiss();
        let wish = Wish { plan, number, seed, sight: None };
        let mut one = Telling::new(self, wish).ok()?;
        let mut two = Telling::new(other, wish).ok()?;
        parting(|| one.told(), || two.told())
    }

    /// The child, with a task: to run a seed, and to tell every entry from one on. It is not asked again.
    pub(crate) fn begin(&mut self, wish: &Wish, from: u64) -> io::Result<Running> {
        let mut child = self.take()?;
        let task = child.task(wish, Some(from), self.how.hang_after);
        child.put(&task)?;
        Ok(child)
    }

    /// What is known of a run that gave no result; `entries` of it were heard of.
    fn ended(&mut self, wish: &Wish, answer: &Answer, entries: u64) -> Outcome {
        match answer {
            Answer::Stuck | Answer::Sent | Answer::Died(_) => self.autopsy(wish, answer, entries),
            _ => self.lost(wish, answer, &Last::default()),
        }
    }

    /// Runs a seed that ended badly once more, to hear its last events: the dead leave none.
    fn autopsy(&mut self, wish: &Wish, answer: &Answer, entries: u64) -> Outcome {
        let mut heard = Heard::default();
        let from = entries.saturating_sub(BEFORE);
        let again = self.ask(wish, Some(from), SECOND.min(self.how.hang_after), &mut heard);
        let mut outcome = self.lost(wish, answer, &heard.last);
        if let Ok(Answer::Done { .. } | Answer::Seen(_)) = again {
            outcome.verdict = Verdict::Rig;
            outcome.failures[0].message += "; a second run of the seed came to its end";
        }
        outcome
    }

    /// The same of a run of which the last events are known.
    pub(crate) fn lost(&self, wish: &Wish, answer: &Answer, last: &Last) -> Outcome {
        let (verdict, oracle, message) = match answer {
            Answer::Refused(why) => {
                let message =
                    format!("a child process does not take the scenario that this one has read: {why}");
                (Verdict::Rig, "refused", message)
            }
            Answer::Late => (Verdict::Inconclusive, "limit", "given up: it takes too long".into()),
            Answer::Died(how) => (Verdict::Failed, "crash", how.clone()),
            Answer::Sent => {
                let message =
                    "its process is killed, or stands still, whenever it is started; is there enough memory?";
                (Verdict::Failed, "crash", message.into())
            }
            _ => {
                let silent = self.how.hang_after;
                // The time is no word of the signature.
                let message = format!("a machine does not come back: no event for {silent:?} of wall time");
                (Verdict::Failed, "hang", message)
            }
        };
        let (event, time) = last.place();
        let failure = Failure { oracle, invariant: "", time, event, message };
        let Wish { plan, seed, .. } = *wish;
        lost(seed, plan, verdict, failure, last.lines(&wish.spec()))
    }

    /// Asks the child for a seed, and another one if somebody has told it to end; with how many entries were heard of.
    fn answer(&mut self, wish: &Wish) -> io::Result<(Answer, u64)> {
        let mut heard = Heard::default();
        for _ in 0..AGAIN {
            match self.ask(wish, None, self.how.hang_after, &mut heard)? {
                Answer::Sent => heard = Heard::default(),
                answer => return Ok((answer, heard.entries)),
            }
        }
        Ok((self.ask(wish, None, self.how.hang_after, &mut heard)?, heard.entries))
    }

    /// Asks the child for a seed. An error: there is none, and none can be started.
    fn ask(
        &mut self,
        wish: &Wish,
        echo: Option<u64>,
        patience: Duration,
        heard: &mut Heard,
    ) -> io::Result<Answer> {
        let mut child = self.take()?;
        let task = child.task(wish, echo, patience);
        match child.answer(&task, heard, self.limit) {
            Some(answer) => {
                if !matches!(answer, Answer::Stuck | Answer::Late) {
                    self.child = Some(child);
                }
                Ok(answer)
            }
            None => child.bury(),
        }
    }

    /// The child, or a new one.
    fn take(&mut self) -> io::Result<Running> {
        self.child.take().map_or_else(|| Running::start(self.how), Ok)
    }
}

impl Wish<'_> {
    /// The spec of the run, with what the seed draws.
    pub fn spec(&self) -> Spec {
        planned(&self.plan.scenario.spec, self.seed, &self.plan.options(self.seed).overrides)
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
        let mut asked = process.stdin.take().ok_or_else(missing)?;
        let (input, lines) = channel::<String>();
        let ask = move || lines.iter().try_for_each(|line| asked.write_all(line.as_bytes()));
        Builder::new().name("input".into()).spawn(ask)?;
        let said = BufReader::new(process.stdout.take().ok_or_else(missing)?);
        let (sender, output) = sync_channel(AHEAD);
        // It ends with the child, or with whoever listened.
        let tell = move || said.lines().map_while(Result::ok).try_for_each(|line| sender.send(line));
        Builder::new().name("output".into()).spawn(tell)?;
        let errors = process.stderr.take().ok_or_else(missing)?;
        let errors = Builder::new().name("errors".into()).spawn(move || first_of(errors))?;
        let (process, input, errors) = (Some(process), Some(input), Some(errors));
        Ok(Running { process, input, output, patience: how.hang_after, errors, plan: None })
    }

    /// What it is asked for a seed; the text of a scenario only once.
    fn task(&mut self, wish: &Wish, echo: Option<u64>, patience: Duration) -> Task {
        let Wish { plan, number, seed, sight } = *wish;
        let known = self.plan.replace(number) == Some(number);
        self.patience = patience;
        Task {
            token: plan.request(seed).to_string(),
            name: plan.scenario.path.clone(),
            text: (!known).then(|| plan.scenario.source.clone()),
            judging: plan.judging.clone(),
            rigged: plan.rigged,
            sight,
            echo,
            patience,
        }
    }

    fn put(&mut self, task: &Task) -> io::Result<()> {
        let line = serde_json::to_string(task).map_err(io::Error::other)?;
        let input = self.input.as_ref().ok_or_else(missing)?;
        input.send(format!("{line}\n")).map_err(io::Error::other)
    }

    /// The next thing that it says; `None`: it died, speaks another language, or stood still and was ended.
    pub fn said(&mut self) -> Option<Said> {
        let mut silent = Duration::ZERO;
        loop {
            match self.output.recv_timeout(LOOK) {
                Ok(line) => return serde_json::from_str(&line).ok(),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => silent += LOOK,
            }
            if silent > self.patience.saturating_add(STILL) {
                self.give_up();
                return None;
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
                Said::Event { number, words } => heard.last.add(number, entry(words)),
                Said::Stuck(entries) => {
                    heard.entries = entries;
                    return Some(Answer::Stuck);
                }
                end => {
                    if let Said::Refused(_) = end {
                        // It has no plan now.
                        self.plan = None;
                    }
                    return Answer::of(end);
                }
            }
        }
    }

    /// Ends one that stands still. Whoever holds it, such as a debugger, may hold it for good: nobody waits for that.
    fn give_up(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let _ = process.kill();
        let _ = Builder::new().name("reaper".into()).spawn(move || process.wait());
    }

    /// What it died of.
    pub fn bury(mut self) -> io::Result<Answer> {
        // One that lives and speaks another language ends now.
        self.input = None;
        let Some(process) = &mut self.process else { return Ok(Answer::Sent) };
        let status = process.wait()?;
        let words = self.errors.take().and_then(|errors| errors.join().ok()).unwrap_or_default();
        let words = String::from_utf8_lossy(&words);
        let cause = if words.contains("overflowed its stack") {
            "the stack overflowed"
        } else if words.contains("memory allocation of") {
            "there was no memory left"
        } else {
            "the process died"
        };
        Ok(match signal(status) {
            // No result of the seed: it is run again.
            Some(signal) if FROM_OUTSIDE.contains(&signal) => {
                // Else a scheduler that ends a job with all its processes would leave a failure of a seed that had none.
                wait();
                Answer::Sent
            }
            _ => Answer::Died(format!("{cause} ({})", end(status))),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that is dead already is only waited for.
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Answer {
    /// Of the last thing that a child says of a seed; `None` of anything else.
    pub fn of(said: Said) -> Option<Answer> {
        match said {
            Said::Done { outcome, expectations, wall } => Some(Answer::Done { outcome, expectations, wall }),
            Said::Seen(state) => Some(Answer::Seen(state)),
            Said::Stuck(_) => Some(Answer::Stuck),
            Said::Refused(why) => Some(Answer::Refused(why)),
            Said::Pulse(_) | Said::Event { .. } => None,
        }
    }
}

/// The first of what is said, until all is.
fn first_of(mut errors: ChildStderr) -> Vec<u8> {
    let mut first = Vec::new();
    let _ = errors.by_ref().take(1 << 16).read_to_end(&mut first);
    let _ = io::copy(&mut errors, &mut io::sink());
    first
}

fn missing() -> io::Error {
    io::Error::other("a pipe is missing")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_refuses_a_scenario_has_not_panicked() {
        let plan = worker::tests::plan("1");
        let how = Children { program: "".into(), arguments: Vec::new(), hang_after: Duration::ZERO };
        let wish = Wish { plan: &plan, number: 0, seed: 1, sight: None };
        let outcome = Nursery::new(&how).lost(&wish, &Answer::Refused("no key".into()), &Last::default());
        let failure = &outcome.failures[0];
        assert_eq!((outcome.verdict, failure.oracle, outcome.is_lost()), (Verdict::Rig, "refused", true));
        assert!(failure.message.ends_with("has read: no key"), "{}", failure.message);
    }
}
