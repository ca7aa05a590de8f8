//! `shrink`: a failing seed as a small scenario that fails in the same way.

use crate::args::ShrinkArgs;
use crate::commands::run::workers;
use crate::commands::worker;
use crate::out::Out;
use crate::target::target;
use crate::trouble::Trouble;
use crate::{scenarios, signals};
use mirrorsim_campaign::{Clock, Exit, Plan, Shrinker, Shrinking, Shrunk, Size, Twice, Unshrunk};
use mirrorsim_report::{self as report, Folder, plural};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where results stand, if nothing else is said.
const FOLDER: &str = "reports/out";
/// People hear something at least so often.
const QUIET: Duration = Duration::from_secs(10);

/// Reduces a token's seed, or a scenario's.
pub fn shrink(args: &ShrinkArgs, out: &mut Out) -> Result<Exit, Trouble> {
    let (plan, seed) = target(&args.target, &args.seed, &args.judging, &args.reading)?;
    let path = args.out.clone().unwrap_or_else(|| standard(&plan, seed));
    if args.out.is_some() && path.exists() {
        let what = format!("{}: this file is there already", path.display().to_string().escape_debug());
        return Err(Trouble::usage(what).help("name another one, or remove it first"));
    }
    let (folder, name) = place(&path)?;
    if folder.created {
        out.note(&format!("{} created", folder.path().display().to_string().escape_debug()));
    }
    let file = path.display().to_string();
    let called = report::quoted(&file);
    let jobs = workers(args.jobs, u128::from(u64::MAX), out);
    let (crew, stop) = (worker::crew(jobs, &args.patience, Twice::Never), signals::listen(out.json()));
    let shrinker = Shrinker {
        plan: &plan,
        seed,
        file: &file,
        called: &called,
        load: scenarios::parse,
        crew: &crew,
        stop: &stop,
        budget: args.budget,
    };
    let mut told = Told { clock: Clock::start(), last: Duration::ZERO, what: "", pending: None };
    let result = shrinker.shrink(&mut |event| told.take(event, out));
    told.flush(out);
    let interrupt = stop.requested().map_or(Exit::Passed, Exit::from);
    let shrunk = match result {
        Ok(shrunk) => shrunk,
        Err(Unshrunk::Flaky(what)) => return Err(Trouble::rig(format!("seed {seed}: {what}"))),
        Err(Unshrunk::Interrupted) => return Ok(interrupt),
        Err(Unshrunk::Unfailing(outcome)) => {
            let what =
                format!("seed {seed} does not fail: its verdict is {:?}", outcome.verdict).to_lowercase();
            if out.json() {
                out.object(&json!({"type": "shrunk", "exit_code": Exit::Failed.code(), "what": what}));
            } else {
                out.text(&format!("{what}\n"));
            }
            return Ok(Exit::Failed.worst(interrupt));
        }
    };
    if !shrunk.kept() {
        let what =
            format!("the failure was lost: it was {}; now it is {}", shrunk.signature, shrunk.ends_with);
        return Err(Trouble::rig(what).help("nothing was written"));
    }
    folder.write(&name, shrunk.repro.to_string().as_bytes())?;
    let how = (told.clock.elapsed(), interrupt != Exit::Passed);
    tell(&shrunk, &path, &format!("mirrorsim replay {called}"), how, out);
    Ok(interrupt)
}

/// The file of a result: its scenario, bugs and seed.
fn standard(plan: &Plan, seed: u64) -> PathBuf {
    let bugs: String = plan.planted_ids().iter().map(|id| format!("-{}", id.to_lowercase())).collect();
    Path::new(FOLDER).join(format!("{}{bugs}-{seed}.yaml", plan.scenario.name))
}

/// The folder of a file, and its name there.
fn place(path: &Path) -> Result<(Folder, String), Trouble> {
    let folder = path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().and_then(|n| n.to_str()).ok_or_else(|| {
        Trouble::usage(format!("{}: not the name of a file", path.display().to_string().escape_debug()))
    })?;
    Ok((Folder::open(folder)?, name.to_owned()))
}

fn size(size: Size) -> Value {
    json!({"faults": size.faults, "operations": size.operations})
}

fn tell(shrunk: &Shrunk, path: &Path, again: &str, (wall, interrupted): (Duration, bool), out: &mut Out) {
    if out.json() {
        out.object(&json!({
            "type": "shrunk", "exit_code": 0, "path": path.display().to_string(), "signature": shrunk.signature,
            "message": shrunk.failure.message, "from": size(shrunk.from), "to": size(shrunk.to), "runs": shrunk.runs,
            "cut_short": shrunk.cut_short, "wall_ms": u64::try_from(wall.as_millis()).unwrap_or(u64::MAX), "again": again,
        }));
        return;
    }
    let Shrunk { from, to, runs, .. } = shrunk;
    let more = match (shrunk.from == shrunk.to, shrunk.cut_short) {
        (true, false) => "; all was tried, and nothing less fails so",
        (false, false) => "",
        (true, true) if interrupted => "; it was interrupted before it found less",
        (true, true) => "; nothing that was tried is less and fails so, and the budget ended",
        (false, true) if interrupted => "; it was interrupted, there may be less",
        (false, true) => "; the budget ended, a longer one may find less",
    };
    out.text(&format!(
        "{}: {}\nfrom {} and {} to {} and {}, in {} and {} s{more}\nscenario {}\n{again}\n",
        shrunk.failure.oracle,
        shrunk.failure.message,
        plural(from.faults, "fault"),
        plural(from.operations, "operation"),
        to.faults,
        to.operations,
        plural(*runs, "run"),
        wall.as_secs(),
        path.display().to_string().escape_debug(),
    ));
}

fn in_words(size: Size) -> String {
    format!("{}, {}", plural(size.faults, "fault"), plural(size.operations, "operation"))
}

/// What people hear while it goes on.
struct Told {
    clock: Clock,
    last: Duration,
    /// What was made smaller last.
    what: &'static str,
    /// It is told when something else is made smaller.
    pending: Option<(Size, u64)>,
}

impl Told {
    fn take(&mut self, event: Shrinking, out: &mut Out) {
        match event {
            Shrinking::Began { signature, size: of } if out.json() => {
                out.object(&json!({"type": "began", "signature": signature, "size": size(of)}));
            }
            Shrinking::Began { signature, size } => {
                out.text(&format!("to stay: {signature}\n{}\n", in_words(size)));
            }
            Shrinking::Smaller { what, size, runs } => {
                if what != self.what {
                    self.flush(out);
                }
                (self.what, self.pending) = (what, Some((size, runs)));
            }
            Shrinking::Tick(runs) => {
                let now = self.clock.elapsed();
                if !out.json() && now.saturating_sub(self.last) >= QUIET {
                    self.last = now;
                    out.note(&format!("{}, {} s", plural(runs, "run"), now.as_secs()));
                }
            }
        }
    }

    fn flush(&mut self, out: &mut Out) {
        let Some((of, runs)) = self.pending.take() else { return };
        self.last = self.clock.elapsed();
        if out.json() {
            out.object(&json!({"type": "smaller", "what": self.what, "size": size(of), "runs": runs}));
        } else {
            out.text(&format!("{:<24} {} after {}\n", self.what, in_words(of), plural(runs, "run")));
        }
    }
}
