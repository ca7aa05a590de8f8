//! Results on disk: a line of JSON a seed, in gzip members that are appended and never changed. A kill at any moment leaves whole
//! members and perhaps a torn one at the end, which the next start cuts off; each has a check of its own, so damage is told
//! from a torn end, and says which campaign it is of. (SQLite would need a C library and could not be joined with `cat`; plain lines would be ten times as
//! long, and have no check.)

use crate::build::BUILD;
use crate::date::utc;
use crate::event::SeedRun;
use crate::plan::Plan;
use crate::shard::Shard;
use crate::wall::{Clock, utc_seconds};
use flate2::bufread::GzDecoder;
use flate2::{Compression, GzBuilder};
use mirrorsim_world::outcome::{Outcome, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64;

/// Version of header and lines.
pub const FORMAT: u32 = 1;
/// What a campaign is of.
const HEADER: &str = "campaign.json";
/// Its results.
const RESULTS: &str = "results.jsonl.gz";
const LOCK: &str = "lock";
/// A member is written when it has so many bytes, or its first line has waited for so long.
const MEMBER: usize = 1 << 20;
const WAIT: Duration = Duration::from_secs(1);
/// No line of a result is longer: what is longer was never written by us.
const LINE: u64 = 1 << 26;

/// What a campaign is of. Two of equal headers, but for `commit`, `regressions` and `known`, give equal results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Version of the format.
    pub format: u32,
    /// Commit of the build; empty outside a checkout.
    pub commit: String,
    /// Hash of every source file that can change a run.
    pub source_hash: String,
    /// Which part of the campaign.
    pub shard: Shard,
    /// Every seed twice.
    pub twice: bool,
    /// The folder whose repros it replays first, if one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regressions: Option<String>,
    /// The file of failures that turn nothing red, if one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<String>,
    /// What is run.
    pub scenarios: Vec<Stated>,
}

/// A scenario of a campaign, with all that says how it is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stated {
    /// As the user wrote it.
    pub path: String,
    /// Hash of its text and of `sets`.
    pub hash: String,
    /// What `--set` changed.
    pub sets: Vec<(String, String)>,
    /// Planted bugs.
    pub planted: Vec<String>,
    /// The check mode, if it is not the scenario's own.
    pub check: Option<String>,
    /// The folder of traces.
    pub data: Option<String>,
    /// A very large run is meant.
    pub yes_large: bool,
    /// Seeds of all shards.
    pub seeds: String,
}

impl Header {
    /// Of plans, by this build.
    pub fn of(plans: &[Plan], shard: Shard, twice: bool) -> Header {
        let stated = |p: &Plan| Stated {
            path: p.argument.clone(),
            hash: format!("{:016x}", p.scenario.source_hash),
            sets: p.sets.clone(),
            planted: p.planted_ids().into_iter().map(str::to_owned).collect(),
            check: p.check.map(|c| c.name().to_owned()),
            data: p.data.clone(),
            yes_large: p.yes_large,
            seeds: p.seeds.to_string(),
        };
        Header {
            format: FORMAT,
            commit: BUILD.commit.into(),
            source_hash: BUILD.source_hash.into(),
            shard,
            twice,
            regressions: None,
            known: None,
            scenarios: plans.iter().map(stated).collect(),
        }
    }

    fn write(&self, folder: &Path) -> Result<(), StoreError> {
        let text = serde_json::to_string_pretty(self).map_err(|e| refused(folder, e))?;
        replace(&folder.join(HEADER), format!("{text}\n").as_bytes())
    }

    /// The same for all shards of a campaign, and for no other campaign.
    fn name(&self) -> String {
        let (commit, shard) = (String::new(), Shard::default());
        let mut whole = Header { commit, shard, regressions: None, known: None, ..self.clone() };
        whole.scenarios.iter_mut().for_each(|s| s.yes_large = false);
        format!("campaign {:016x}", serde_json::to_vec(&whole).map_or(0, |bytes| xxh3_64(&bytes)))
    }

    /// In what another campaign differs, beside the shard; both sides are shown.
    pub fn differs(&self, other: &Header) -> Option<String> {
        let number = [Unlike::of("number of scenarios", self.scenarios.len(), other.scenarios.len())];
        if let Some(unlike) = self.unlike(other).into_iter().chain(number.into_iter().flatten()).next() {
            return Some(unlike.to_string());
        }
        let mut pairs = self.scenarios.iter().zip(&other.scenarios);
        pairs.find_map(|(a, b)| a.unlike(b).first().map(|what| format!("{}: {what}", a.path.escape_debug())))
    }

    /// In what another one differs as a whole, whatever its scenarios.
    pub fn unlike(&self, other: &Header) -> Vec<Unlike> {
        let all = [
            Unlike::of("format", self.format, other.format),
            Unlike::of("sources", &self.source_hash, &other.source_hash),
            Unlike::of("every seed twice", self.twice, other.twice),
        ];
        all.into_iter().flatten().collect()
    }
}

impl Stated {
    /// In what another one differs.
    pub fn unlike(&self, other: &Stated) -> Vec<Unlike> {
        let text = |s: &Option<String>| s.clone().unwrap_or_else(|| "none".into());
        let sets = |s: &Stated| s.sets.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(", ");
        let all = [
            Unlike::of("path", &self.path, &other.path),
            Unlike::of("--set", sets(self), sets(other)),
            Unlike::of("text (hash)", &self.hash, &other.hash),
            Unlike::of("seeds", &self.seeds, &other.seeds),
            Unlike::of("planted", self.planted.join(", "), other.planted.join(", ")),
            Unlike::of("check", text(&self.check), text(&other.check)),
            Unlike::of("data", text(&self.data), text(&other.data)),
        ];
        all.into_iter().flatten().collect()
    }
}

/// Something in which two campaigns differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unlike {
    /// What it is.
    pub what: &'static str,
    /// What the first one has.
    pub there: String,
    /// What the second one has.
    pub here: String,
}

impl Unlike {
    fn of<T: PartialEq + fmt::Display>(what: &'static str, there: T, here: T) -> Option<Unlike> {
        (there != here).then(|| Unlike { what, there: there.to_string(), here: here.to_string() })
    }
}

impl fmt::Display for Unlike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [there, here] = [&self.there, &self.here].map(|s| if s.is_empty() { "none" } else { s });
        write!(f, "{} {there} there, and {here} here", self.what)
    }
}

/// One line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    plan: usize,
    index: u64,
    expectations: usize,
    twice: bool,
    outcome: Outcome,
}

/// What is wrong with what a folder holds.
#[derive(Debug)]
pub struct Refusal {
    /// What and where it is.
    pub what: String,
    /// The cure, if it is always the same.
    pub help: String,
}

/// Why results cannot be had or kept.
#[derive(Debug)]
pub enum StoreError {
    /// The folder holds something else, or is damaged: nothing was run.
    Refused(Refusal),
    /// The environment is in the way.
    Environment(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Refused(Refusal { what, .. }) | StoreError::Environment(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for StoreError {}

impl StoreError {
    fn cured(mut self, cure: impl Into<String>) -> StoreError {
        if let StoreError::Refused(refusal) = &mut self {
            refusal.help = cure.into();
        }
        self
    }
}

fn environment(path: &Path, error: &io::Error) -> StoreError {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    StoreError::Environment(format!("{}: {text}", path.display().to_string().escape_debug()))
}

pub(crate) fn refused(path: &Path, what: impl fmt::Display) -> StoreError {
    let what = format!("{}: {what}", path.display().to_string().escape_debug());
    StoreError::Refused(Refusal { what, help: String::new() })
}

/// The results of a campaign, open for more. Nobody else has them open.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    file: File,
    /// Of which campaign.
    name: String,
    /// Where its last whole member ends.
    whole: u64,
    _lock: File,
    /// Lines that are not written yet, since then.
    waiting: Vec<u8>,
    since: Option<Clock>,
}

impl Store {
    /// Names of what it keeps in its folder.
    pub const FILES: [&str; 3] = [HEADER, RESULTS, LOCK];

    /// Opens the results in a folder that is there. Those that are there already are given out, if `resume` allows any; they
    /// must be of the same campaign.
    pub fn open(
        folder: &Path,
        header: &Header,
        plans: &[Plan],
        resume: bool,
        each: &mut dyn FnMut(SeedRun),
    ) -> Result<Store, StoreError> {
        let lock = lock(folder)?;
        let path = folder.join(RESULTS);
        if folder.join(HEADER).exists() {
            if !resume {
                return Err(refused(
                    folder,
                    "holds a campaign already; --resume goes on with it, --out names another folder",
                ));
            }
            let before = Store::header(folder)?;
            let shard = || format!("shard: {}, and here {}", before.shard, header.shard);
            let other = before.differs(header).or_else(|| (before.shard != header.shard).then(shard));
            if let Some(what) = other {
                return Err(refused(folder, format!("holds another campaign: {what}"))
                    .cured("name another folder with --out, or what the campaign in this one is of"));
            }
            let now = Header {
                regressions: header.regressions.clone(),
                known: header.known.clone(),
                ..before.clone()
            };
            if now != before {
                now.write(folder)?;
            }
        } else {
            if fs::metadata(&path).is_ok_and(|file| file.len() > 0) {
                let what = format!("there is no {HEADER}, and {RESULTS} holds results");
                return Err(refused(folder, what).cured(unknown()));
            }
            header.write(folder)?;
        }
        if path.is_symlink() {
            let path = path.display().to_string();
            return Err(StoreError::Environment(format!(
                "{}: is a link, and is not followed",
                path.escape_debug()
            )));
        }
        let options = OpenOptions::new().read(true).append(true).create(true).open(&path);
        let file = options.map_err(|e| environment(&path, &e))?;
        let name = header.name();
        let whole = read(&path, &name, &mut |text| result(&path, plans, text).map(&mut *each))?;
        // What a kill has torn is run again.
        file.set_len(whole).map_err(|e| environment(&path, &e))?;
        Ok(Store { path, file, name, whole, _lock: lock, waiting: Vec::new(), since: None })
    }

    /// Whether there is a campaign in a folder.
    pub fn is_one(folder: &Path) -> bool {
        folder.join(HEADER).is_file()
    }

    /// What the campaign in a folder is of.
    pub fn header(folder: &Path) -> Result<Header, StoreError> {
        let path = folder.join(HEADER);
        let text = fs::read_to_string(&path).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => refused(folder, "holds no campaign"),
            _ => environment(&path, &e),
        })?;
        let version =
            serde_json::from_str::<serde_json::Value>(&text).ok().and_then(|v| v["format"].as_u64());
        match version {
            Some(v) if v != u64::from(FORMAT) => {
                Err(refused(&path, format!("is of format {v}, and this build writes {FORMAT}")).cured(
                    "what another version has recorded is gone on with, merged and compared by that version",
                ))
            }
            _ => serde_json::from_str(&text)
                .map_err(|e| refused(&path, format!("is damaged: {e}")).cured(unknown())),
        }
    }

    /// Gives out the results in a folder, which nobody needs to have finished.
    pub fn results(folder: &Path, plans: &[Plan], each: &mut dyn FnMut(SeedRun)) -> Result<(), StoreError> {
        Store::lines(folder, &mut |path, text| result(path, plans, text).map(&mut *each))
    }

    /// Gives out the lines of the results in a folder.
    pub(crate) fn lines(folder: &Path, each: &mut EachLine<'_>) -> Result<(), StoreError> {
        let path = folder.join(RESULTS);
        if !path.exists() {
            return Ok(());
        }
        read(&path, &Store::header(folder)?.name(), &mut |text| each(&path, text)).map(drop)
    }

    /// Adds a result; it is on disk within a second or so, or after [`Store::sync`].
    pub fn add(&mut self, run: &SeedRun) -> Result<(), StoreError> {
        serde_json::to_writer(&mut self.waiting, &line(run)).map_err(|e| refused(&self.path, e))?;
        self.waiting.push(b'\n');
        self.since.get_or_insert_with(Clock::start);
        self.tick()
    }

    /// Time goes by.
    pub fn tick(&mut self) -> Result<(), StoreError> {
        let due = self.waiting.len() >= MEMBER || self.since.is_some_and(|s| s.elapsed() >= WAIT);
        if due { self.sync() } else { Ok(()) }
    }

    /// Everything is on disk afterwards.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        if !self.is_there() {
            let what = "was removed or replaced while the campaign was under way";
            let path = self.path.display().to_string();
            return Err(StoreError::Environment(format!("{}: {what}", path.escape_debug())));
        }
        let written = member(&self.name, &self.waiting).and_then(|member| {
            self.file.write_all(&member)?;
            self.file.sync_data()?;
            Ok(member.len() as u64)
        });
        match written {
            Ok(length) => self.whole += length,
            Err(error) => {
                // Nothing may stand behind half a member.
                let _ = self.file.set_len(self.whole);
                return Err(environment(&self.path, &error));
            }
        }
        self.waiting.clear();
        self.since = None;
        Ok(())
    }
}

impl Store {
    /// Whether what is written can still be found by its name.
    #[cfg(unix)]
    fn is_there(&self) -> bool {
        use std::os::unix::fs::MetadataExt;
        let named = fs::metadata(&self.path).map(|m| (m.dev(), m.ino()));
        let open = self.file.metadata().map(|m| (m.dev(), m.ino()));
        matches!((named, open), (Ok(named), Ok(open)) if named == open)
    }

    #[cfg(not(unix))]
    fn is_there(&self) -> bool {
        self.path.exists()
    }
}

/// One that a second campaign in the folder does not get. It ends with its process, however that ends.
fn lock(folder: &Path) -> Result<File, StoreError> {
    let path = folder.join(LOCK);
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = opened.map_err(|e| environment(&path, &e))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            let mut owner = String::new();
            let _ = file.read_to_string(&mut owner);
            // It says who it is once it has the lock.
            let owner = match owner.trim() {
                "" => String::new(),
                owner => format!(" ({})", owner.escape_debug()),
            };
            let what = format!("is in use by another campaign{owner}");
            return Err(StoreError::Environment(format!(
                "{}: {what}",
                folder.display().to_string().escape_debug()
            )));
        }
        Err(fs::TryLockError::Error(e)) => return Err(environment(&path, &e)),
    }
    let owner = format!("process {}, since {}\n", std::process::id(), utc(utc_seconds()));
    let written = file.set_len(0).and_then(|()| file.write_all(owner.as_bytes()));
    written.map_err(|e| environment(&path, &e))?;
    Ok(file)
}

/// Writes a whole file, or leaves what is there.
fn replace(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let _ = fs::remove_file(&temporary);
    let written = OpenOptions::new().write(true).create_new(true).open(&temporary).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    });
    written.map_err(|e| environment(path, &e))
}

/// What is kept of a seed: all that is summed and compared, and nothing that depends on the machine.
fn line(run: &SeedRun) -> Line {
    let mut outcome = run.outcome.clone();
    if outcome.verdict == Verdict::Passed {
        outcome.latency = BTreeMap::new();
        outcome.alarms = Vec::new();
    }
    let index = u64::try_from(run.index).unwrap_or(u64::MAX);
    Line { plan: run.plan, index, expectations: run.expectations, twice: run.twice, outcome }
}

/// A hash of a result, whatever machine and whatever day it is of. The sum over a campaign does not depend on the order.
pub fn fingerprint(run: &SeedRun) -> u64 {
    serde_json::to_vec(&line(run)).map_or(0, |bytes| xxh3_64(&bytes))
}

fn member(name: &str, lines: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().comment(name).write(Vec::new(), Compression::fast());
    encoder.write_all(lines)?;
    encoder.finish()
}

/// Takes a line of a file.
type EachLine<'a> = dyn FnMut(&Path, &[u8]) -> Result<(), StoreError> + 'a;

/// Gives out all lines of whole members, which are of the campaign `name`; returns where they end.
fn read(
    path: &Path,
    name: &str,
    each: &mut dyn FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let file = File::open(path).map_err(|e| environment(path, &e))?;
    let length = file.metadata().map_err(|e| environment(path, &e))?.len();
    let mut input = BufReader::with_capacity(1 << 16, file);
    let mut whole = 0;
    while whole < length {
        let mut decoder = GzDecoder::new(&mut input);
        let mut lines = Vec::new();
        // A member is not believed before its check was seen.
        if let Err(error) = decoder.by_ref().take(LINE * 2).read_to_end(&mut lines) {
            return match error.kind() {
                io::ErrorKind::UnexpectedEof => Ok(whole),
                _ if zeros(path, whole).map_err(|e| environment(path, &e))? => Ok(whole),
                _ => {
                    Err(refused(path, format!("is damaged behind byte {whole}: {error}"))
                        .cured(cut(path, whole)))
                }
            };
        }
        match decoder.header().and_then(|h| h.comment()) {
            Some(of) if of == name.as_bytes() => {}
            Some(of) if of.starts_with(b"campaign ") => {
                let what = format!("holds results of another campaign than the {HEADER} beside it says");
                return Err(refused(path, what).cured(unknown()));
            }
            _ => {
                let what = format!("what stands behind byte {whole} was not written by a campaign");
                return Err(refused(path, what).cured(cut(path, whole)));
            }
        }
        for text in lines.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
            each(text)?;
        }
        whole = input.stream_position().map_err(|e| environment(path, &e))?;
    }
    Ok(whole)
}

/// What to do with results whose header is lost.
fn unknown() -> String {
    format!(
        "nobody knows what the results are of without their {HEADER} (`zcat {RESULTS}` shows them): put it back if there is a \
         copy, or run the campaign again, in another folder"
    )
}

/// What can be saved of a damaged file.
fn cut(path: &Path, whole: u64) -> String {
    let shown = path.display().to_string();
    match whole {
        0 => "nothing of it is whole: remove it, and `campaign --resume` runs all seeds again".into(),
        _ => format!(
            "what stands before that is whole: cut it off there (truncate -s {whole} '{}'), and `campaign --resume` runs \
             what is then missing",
            shown.escape_debug()
        ),
    }
}

/// A power cut may leave a file that is longer than what was written to it.
fn zeros(path: &Path, from: u64) -> io::Result<bool> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut input = BufReader::new(file);
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(true);
        }
        if buffer.iter().any(|b| *b != 0) {
            return Ok(false);
        }
        let length = buffer.len();
        input.consume(length);
    }
}

fn result(path: &Path, plans: &[Plan], text: &[u8]) -> Result<SeedRun, StoreError> {
    let foreign = |what: String| {
        refused(path, what)
            .cured("no campaign of this version has written that: run it again, in another folder")
    };
    let line: Line =
        serde_json::from_slice(text).map_err(|e| foreign(format!("has a line that is none: {e}")))?;
    let Some(plan) = plans.get(line.plan) else {
        return Err(foreign(format!("has a result of scenario {}, of {}", line.plan, plans.len())));
    };
    let token = plan.token(&line.outcome);
    Ok(SeedRun {
        plan: line.plan,
        index: line.index.into(),
        outcome: line.outcome,
        expectations: line.expectations,
        wall: Duration::ZERO,
        twice: line.twice,
        images: Vec::new(),
        token,
    })
}
