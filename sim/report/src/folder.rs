//! The folder of reports: looked at before the first seed, and written to so that a reader sees the old file or the
//! new one, never half of one.

use crate::number::nanos;
use mirrorsim_campaign::Plan;
use mirrorsim_world::DisasterAt;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Longest part of a file name that seeds may take.
const SEEDS: usize = 48;
/// Longest part that overrides may take.
const OVERRIDES: usize = 48;

/// A folder that can be written to.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    /// It was not there before.
    pub created: bool,
}

/// Why a folder or a file cannot be used.
#[derive(Debug)]
pub struct Trouble {
    path: PathBuf,
    what: String,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display().to_string().escape_debug(), self.what)
    }
}

impl std::error::Error for Trouble {}

impl Trouble {
    /// About a file.
    pub(crate) fn of(path: &Path, what: impl fmt::Display) -> Trouble {
        trouble(path, what)
    }
}

fn trouble(path: &Path, what: impl fmt::Display) -> Trouble {
    Trouble { path: path.to_owned(), what: what.to_string() }
}

impl Folder {
    /// Makes the folder if need be, and proves that a file can be made in it. Links are resolved here, once.
    pub fn open(path: &Path) -> Result<Folder, Trouble> {
        let created = !path.exists();
        match path.symlink_metadata() {
            Ok(it) if it.is_symlink() && created => {
                return Err(trouble(path, "is a link that leads nowhere, and a folder is wanted"));
            }
            Ok(_) if path.is_file() => return Err(trouble(path, "is a file, and a folder is wanted")),
            Ok(_) if !created && !path.is_dir() => return Err(trouble(path, "is no folder")),
            _ => {}
        }
        fs::create_dir_all(path)
            .map_err(|e| trouble(path, format!("cannot make this folder: {}", reason(&e))))?;
        let resolved = fs::canonicalize(path).map_err(|e| trouble(path, reason(&e)))?;
        // A relative path stays as it was written, unless a link leads elsewhere: shorter, and the same on any machine.
        let linked = path.ancestors().any(|p| p.is_symlink());
        let folder = Folder { path: if linked { resolved } else { path.to_owned() }, created };
        let probe = folder.temporary("probe");
        let made = create_new(&probe).and_then(|_| fs::remove_file(&probe));
        made.map_err(|e| trouble(path, format!("cannot write here: {}", reason(&e))))?;
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a whole file, through a new one that takes its place. Follows no link at that name.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<PathBuf, Trouble> {
        self.replace(name, |file| file.write_all(content))
    }

    /// The same with a writer.
    pub(crate) fn replace(
        &self,
        name: &str,
        fill: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> Result<PathBuf, Trouble> {
        let (path, temporary) = (self.path.join(name), self.temporary(name));
        // It may have been removed since it was opened.
        let made = fs::create_dir_all(&self.path).and_then(|()| create_new(&temporary));
        let written = made.and_then(|mut file| {
            fill(&mut file)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)
        });
        match written {
            Ok(()) => Ok(path),
            Err(error) => {
                let _ = fs::remove_file(&temporary);
                Err(trouble(&path, format!("cannot write: {}", reason(&error))))
            }
        }
    }

    fn temporary(&self, name: &str) -> PathBuf {
        self.path.join(format!(".{name}.{}.tmp", std::process::id()))
    }
}

/// Makes a file that was not there; what a dead process of the same number left is removed, link or not.
fn create_new(path: &Path) -> io::Result<File> {
    if path.is_symlink() || path.exists() {
        fs::remove_file(path)?;
    }
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// An error in words, without the number of the operating system.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map(|c| c.to_lowercase().collect::<String>() + letters.as_str()).unwrap_or_default()
}

/// Name of a plan's report: scenario, seeds, planted bugs, what else was asked for; and whether it was interrupted, so that
/// what was done of a campaign never takes the place of a whole one.
pub fn file_name(plan: &Plan, interrupted: bool) -> String {
    let mut seeds = plan.seeds.to_string().replace("..=", "-");
    if seeds.len() > SEEDS {
        let cut = seeds[..SEEDS].rfind(',').unwrap_or(SEEDS);
        seeds = format!("{}-and-more", &seeds[..cut]);
    }
    let planted: String = plan.planted.iter().map(|row| format!("+{}", row.id)).collect();
    let partial = if interrupted { ".interrupted" } else { "" };
    format!("{}-{seeds}{planted}{}{partial}.json", plan.scenario.name, overrides(plan))
}

/// What was asked for instead of what the scenario says: as it was typed where that is short and plain, else a hash of it.
fn overrides(plan: &Plan) -> String {
    let check = plan.check.map(|mode| format!("@check={}", mode.name()));
    let disaster = plan.disaster_at.map(|at| match at {
        DisasterAt::Time(ns) => format!("@disaster-at={}", nanos(ns)),
        DisasterAt::Event(number) => format!("@disaster-at={number}"),
    });
    let sets = plan.sets.iter().map(|(path, value)| format!("@{path}={value}"));
    let all: String = sets.chain(check).chain(disaster).collect();
    let plain = |c: char| c.is_ascii_alphanumeric() || "@=._-+%".contains(c);
    if all.len() <= OVERRIDES && all.chars().all(plain) {
        return all;
    }
    let exact = plan.disaster_at.map(|at| format!("{at:?}")).unwrap_or_default();
    // FNV-1a: the same on every machine.
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = all.bytes().chain(exact.bytes()).fold(0xcbf2_9ce4_8422_2325, step);
    format!("@{:08x}", hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("mirrorsim-folder-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder");
        path
    }

    #[test]
    fn parents_are_made_and_files_replaced() {
        let root = scratch("parents");
        let folder = Folder::open(&root.join("a/b")).expect("a folder");
        assert!(folder.created);
        folder.write("x.json", b"one").expect("written");
        let path = folder.write("x.json", b"two").expect("written");
        assert_eq!(fs::read(path).expect("read"), b"two");
        assert_eq!(fs::read_dir(root.join("a/b")).expect("list").count(), 1, "no temporary file is left");
        fs::remove_dir_all(&root).expect("removed");
        folder.write("x.json", b"three").expect("the folder is made again");
        fs::remove_dir_all(root).expect("removed");
    }

    #[test]
    fn what_was_asked_for_is_in_the_name() {
        let text = b"schema: 1\nname: a\nsources: [{name: alpha}]\nclients: [{operations: 5}]\n";
        let scenario =
            mirrorsim_scenario::parse("a.yaml", text, &[], &mirrorsim_scenario::Options::default());
        let seeds = mirrorsim_scenario::seeds("1..=3").expect("seeds");
        let plan = Plan::new(scenario.expect("a scenario"), "a.yaml", seeds);
        let set = |sets: &[(&str, &str)]| {
            let sets = sets.iter().map(|(p, v)| ((*p).to_owned(), (*v).to_owned())).collect();
            file_name(&Plan { sets, ..plan.clone() }, false)
        };
        assert_eq!(set(&[]), "a-1-3.json");
        assert_eq!(file_name(&plan, true), "a-1-3.interrupted.json");
        assert_eq!(set(&[("protocol.policy", "strict")]), "a-1-3@protocol.policy=strict.json");
        assert_ne!(set(&[("expect", "[]")]), set(&[("expect", "[1]")]));
        assert!(set(&[("expect", "[]"), ("about", "../x")]).chars().all(|c| !"/\\[]".contains(c)));
        let at = |at| file_name(&Plan { disaster_at: Some(at), ..plan.clone() }, false);
        assert_eq!(at(DisasterAt::Time(15_000_000)), "a-1-3@disaster-at=15ms.json");
        assert_eq!(at(DisasterAt::Event(15)), "a-1-3@disaster-at=15.json");
        let check = plan.clone().with_check(Some(mirrorsim_world::spec::CheckMode::End));
        assert_eq!(file_name(&check, false), "a-1-3@check=end.json");
    }

    #[test]
    fn a_file_is_no_folder() {
        let root = scratch("file");
        fs::write(root.join("f"), "").expect("written");
        let at = |p: &str| Folder::open(&root.join(p)).expect_err("refused").to_string();
        assert!(at("f").ends_with("is a file, and a folder is wanted"));
        assert!(at("f/g").contains("cannot make this folder"));
        fs::remove_dir_all(root).expect("removed");
    }

    #[cfg(unix)]
    #[test]
    fn a_planted_link_is_not_followed() {
        let root = scratch("link");
        let victim = root.join("victim");
        fs::write(&victim, "precious").expect("written");
        let folder = Folder::open(&root.join("out")).expect("a folder");
        for name in ["r.json".to_owned(), format!(".r.json.{}.tmp", std::process::id())] {
            std::os::unix::fs::symlink(&victim, folder.path().join(name)).expect("a link");
        }
        folder.write("r.json", b"report").expect("written");
        assert_eq!(fs::read(&victim).expect("read"), b"precious");
        assert_eq!(fs::read(folder.path().join("r.json")).expect("read"), b"report");
        fs::remove_dir_all(root).expect("removed");
    }
}
