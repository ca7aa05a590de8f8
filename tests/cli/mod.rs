//! The command as its user meets it: what it prints where, and what it returns.

mod arguments;
mod campaigns;
mod claims;
mod compare;
mod coverage;
mod diff;
mod environment;
mod evidence;
mod explained;
mod handed_back;
mod lapses;
mod output;
mod planted;
mod promotions;
mod readme;
mod replay;
mod repros;
mod runs;
mod shrink;
mod signals;
mod submit;
mod told;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;

/// What a command said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    fn of(output: &Output) -> Said {
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Checks the exit code; the rest is shown if it is another.
    #[track_caller]
    pub fn ends(self, code: i32) -> Said {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        assert!(!self.err.contains("thread '"), "it panicked: {}", self.err);
        self
    }

    /// Checks that standard error has these words.
    #[track_caller]
    pub fn complains(self, words: &str) -> Said {
        assert!(self.err.contains(words), "no `{words}` in:\n{}", self.err);
        self
    }

    /// Checks that standard output has these words.
    #[track_caller]
    pub fn says(self, words: &str) -> Said {
        assert!(self.out.contains(words), "no `{words}` in:\n{}", self.out);
        self
    }

    /// The JSON objects of standard output.
    #[track_caller]
    pub fn objects(&self) -> Vec<serde_json::Value> {
        self.out.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{e}: {l}"))).collect()
    }
}

/// Top of the checkout, where commands run.
pub fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What would change what a command says, wherever tests are run: each test that wants one of these sets it.
pub const ENVIRONMENT: [&str; 7] = [
    "MIRRORSIM_DATA",
    "GITHUB_ACTIONS",
    "GITHUB_STEP_SUMMARY",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "NO_COLOR",
    "COLUMNS",
];

/// The command, not started.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mirrorsim"));
    command.args(arguments).current_dir(top()).stdin(Stdio::null());
    ENVIRONMENT.iter().for_each(|name| _ = command.env_remove(name));
    command
}

/// Runs the command.
#[track_caller]
pub fn mirrorsim(arguments: &[&str]) -> Said {
    Said::of(&command(arguments).output().expect("the command starts"))
}

/// Runs the command with a text on its standard input.
#[track_caller]
pub fn fed(arguments: &[&str], input: &str) -> Said {
    use std::io::Write;
    let mut child = command(arguments);
    child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().expect("the command starts");
    // It may end before it has read everything.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    Said::of(&child.wait_with_output().expect("the command ends"))
}

/// A folder of this test's own, empty. Tests run side by side: no other one may have it.
#[track_caller]
pub fn scratch(name: &str) -> PathBuf {
    static OWNERS: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
    let test = std::thread::current().name().unwrap_or_default().to_owned();
    let owner =
        OWNERS.lock().expect("no panic").entry(name.to_owned()).or_insert_with(|| test.clone()).clone();
    assert_eq!(owner, test, "two tests share the folder {name}");
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli").join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("a folder");
    path
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// The scenario that newcomers run.
pub const FIRST: &str = "scenarios/smoke/first_run.yaml";

/// A scenario of a few milliseconds.
pub const TINY: &str = "schema: 1\nname: tiny\nsources: [{name: alpha}]\nclients: [{operations: 20}]\n";

/// One that fails, whatever the seed.
pub const RED: &str = "schema: 1\nname: red\nsources: [{name: alpha}]\nclients: [{operations: 20}]\nexpect: [\"acknowledged > 1000000\"]\n";

/// A file with a scenario, in a folder of this test's own.
#[track_caller]
pub fn file(test: &str, name: &str, content: &str) -> PathBuf {
    let path = scratch(test).join(name);
    std::fs::write(&path, content).expect("written");
    path
}
