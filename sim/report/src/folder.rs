//! The folder of reports: looked at before the first seed, and written to so that a reader sees the old file or the
//! new one, never half of one.

use mirrorsim_campaign::Plan;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Longest part of a file name that seeds may take.
const SEEDS: usize = 48;

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

/// Name of a plan's report: scenario, seeds, planted bugs.
pub fn file_name(plan: &Plan) -> String {
    let mut seeds = plan.seeds.to_string().replace("..=", "-");
    if seeds.len() > SEEDS {
        let cut = seeds[..SEEDS].rfind(',').unwrap_or(SEEDS);
        seeds = format!("{}-and-more", &seeds[..cut]);
    }
    let planted: String = plan.planted.iter().map(|row| format!("+{}", row.id)).collect();
    format!("{}-{seeds}{planted}.json", plan.scenario.name)
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
