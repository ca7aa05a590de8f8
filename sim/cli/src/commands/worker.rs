//! `worker`: the seeds of another mirrorsim, so that none of them takes it down.

use crate::args::Patience;
use crate::trouble::Trouble;
use crate::{scenarios, signals};
use mirrorsim_campaign::{Children, Crew, Exit, Twice, serve};
use std::path::PathBuf;

/// Runs seeds until nobody asks for more.
pub fn worker() -> Result<Exit, Trouble> {
    signals::leave_to_parent();
    serve(scenarios::parse).map_err(Trouble::environment)?;
    Ok(Exit::Passed)
}

/// A crew of such workers.
pub fn crew(workers: usize, patience: &Patience, twice: Twice) -> Crew {
    Crew { workers, children: Some(children(patience)), twice }
}

/// How one of them is started.
pub fn children(patience: &Patience) -> Children {
    Children { program: program(), arguments: vec!["worker".into()], hang_after: patience.hang_after }
}

/// This program, even if its file was replaced since it was started.
pub fn program() -> PathBuf {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { running } else { std::env::current_exe().unwrap_or_else(|_| "mirrorsim".into()) }
}
