//! What is done of a table: a line of JSON a block, on disk as soon as it is known, so that an end at any moment loses
//! only the blocks that were under way.

use crate::trouble::Trouble;
use mirrorsim_campaign::Hunted;
use mirrorsim_report::{Folder, Stamp, reason};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

pub const NAME: &str = "planted.jsonl";

/// The ledger.
#[derive(Debug, Default)]
pub struct Ledger {
    path: PathBuf,
    file: Option<File>,
    done: BTreeMap<String, Hunted>,
}

fn trouble(path: &Path, error: &std::io::Error) -> Trouble {
    Trouble::environment(format!("{}: {}", path.display().to_string().escape_debug(), reason(error)))
}

impl Ledger {
    /// A new one. One that is there is kept aside: it may have taken an hour.
    pub fn begin(folder: &Folder, stamp: &Stamp, seeds: u64) -> Result<Ledger, Trouble> {
        let before = folder.path().join(NAME);
        if before.exists() {
            let aside = before.with_extension("jsonl.old");
            std::fs::rename(&before, &aside).map_err(|e| trouble(&before, &e))?;
        }
        let head = json!({"stamp": stamp, "seeds": seeds});
        let path = folder.write(NAME, format!("{head}\n").as_bytes())?;
        Ledger { path, ..Ledger::default() }.opened()
    }

    /// The one that is there, if it is of the same runs.
    pub fn resume(folder: &Folder, stamp: &Stamp, seeds: u64) -> Result<Ledger, Trouble> {
        let path = folder.path().join(NAME);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ledger::begin(folder, stamp, seeds),
            Err(e) => return Err(trouble(&path, &e)),
        };
        let mut lines = text.lines();
        let head: Value = lines.next().and_then(|l| serde_json::from_str(l).ok()).unwrap_or_default();
        let was = Stamp {
            source_hash: head["stamp"]["source_hash"].as_str().unwrap_or_default().into(),
            scenarios: head["stamp"]["scenarios"].as_str().unwrap_or_default().into(),
            ..Stamp::default()
        };
        if !was.same_runs(stamp) || head["seeds"] != seeds {
            let show = |s: &Stamp, seeds: &Value| {
                format!("sources {}, scenarios {}, {seeds} seeds a block", s.source_hash, s.scenarios)
            };
            let what = format!(
                "{} is of other runs: it has {}; this would be {}",
                path.display(),
                show(&was, &head["seeds"]),
                show(stamp, &json!(seeds))
            );
            return Err(Trouble::usage(what).help("without --resume the table is made anew"));
        }
        let mut ledger = Ledger { path, ..Ledger::default() };
        // The last line may be half of one; then its block is run again.
        for line in lines.filter_map(|l| serde_json::from_str::<Value>(l).ok()) {
            let hunted = serde_json::from_value(line["result"].clone());
            if let (Some(key), Ok(hunted)) = (line["block"].as_str(), hunted) {
                ledger.done.insert(key.to_owned(), hunted);
            }
        }
        if !text.ends_with('\n') {
            ledger = ledger.opened()?;
            ledger.line("")?;
            return Ok(ledger);
        }
        ledger.opened()
    }

    fn opened(mut self) -> Result<Ledger, Trouble> {
        let file = OpenOptions::new().append(true).open(&self.path).map_err(|e| trouble(&self.path, &e))?;
        self.file = Some(file);
        Ok(self)
    }

    fn line(&mut self, line: &str) -> Result<(), Trouble> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(format!("{line}\n").as_bytes()).map_err(|e| trouble(&self.path, &e))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A block is done.
    pub fn add(&mut self, key: String, hunted: Hunted) -> Result<(), Trouble> {
        let line = json!({"block": key, "result": hunted}).to_string();
        self.done.insert(key, hunted);
        self.line(&line)
    }

    /// Whether a block is done.
    pub fn has(&self, key: &str) -> bool {
        self.done.contains_key(key)
    }

    /// What came of a block.
    pub fn get(&self, key: &str) -> Option<&Hunted> {
        self.done.get(key)
    }

    /// Everything.
    pub fn all(&self) -> impl Iterator<Item = (&String, &Hunted)> {
        self.done.iter()
    }
}
