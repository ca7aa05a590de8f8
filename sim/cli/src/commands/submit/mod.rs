//! `submit`: hands a campaign to a cluster. What the cluster is to do stands in two scripts beside the results, so that it can be
//! read, changed, and done again by hand.

mod slurm;

use crate::args::{CampaignArgs, Engine, SlurmArgs};
use crate::commands::{campaign, worker};
use crate::out::Out;
use crate::trouble::Trouble;
use mirrorsim_campaign::{Exit, Header, Shard, Store};
use mirrorsim_report::{Folder, plural, quoted, reason};
use serde_json::json;
use slurm::{Scripts, Setting};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Below the folder of the campaign: scripts, logs, and the program that the tasks run.
const FOLDER: &str = "slurm";
const PROGRAM: &str = "mirrorsim";
const ARRAY: &str = "array.sbatch";
const MERGE: &str = "merge.sbatch";

/// Submits.
pub fn submit(engine: Engine, out: &mut Out) -> Result<Exit, Trouble> {
    match engine {
        Engine::Slurm(args) => slurm(&args, out),
    }
}

fn slurm(args: &SlurmArgs, out: &mut Out) -> Result<Exit, Trouble> {
    let SlurmArgs { campaign, shards, dry_run, sbatch } = args;
    if campaign.shard.is_some() {
        return Err(Trouble::usage("--shard is what each task gets; --shards says how many there are"));
    }
    if campaign.resume {
        return Err(Trouble::usage(
            "--resume is what each task gets; submit the same again to go on with it",
        ));
    }
    if let Some(word) = sbatch.first().filter(|word| !word.starts_with('-')) {
        let shown = word.escape_debug();
        return Err(Trouble::usage(format!(
            "`{shown}` is no option of sbatch; behind `--` there are only these"
        )));
    }
    // Mistakes are told here, not by each task, and hours later.
    let plans = campaign::asked(campaign, out)?;
    let top = absolute(&campaign.out.clone().unwrap_or_else(|| campaign::dated("campaign")))?;
    let header = Header::of(&plans, Shard { number: 1, of: *shards }, campaign.check_determinism);
    agrees(&top, &header)?;
    let folder = top.join(FOLDER);
    let here =
        std::env::current_dir().map_err(|e| Trouble::environment(format!("this folder: {}", reason(&e))))?;
    let setting = Setting { program: folder.join(PROGRAM), here, folder: folder.clone(), top: top.clone() };
    let scripts = Scripts::of(campaign, *shards, sbatch, &setting).map_err(Trouble::usage)?;
    if *dry_run {
        match out.json() {
            true => out.object(&json!({"type": "scripts", "array": scripts.array, "merge": scripts.merge})),
            false => out.text(&format!("{}\n{}", scripts.array, scripts.merge)),
        }
        return Ok(Exit::Passed);
    }
    let made = Folder::open(&folder)?;
    freeze(&setting.program)?;
    let array = made.write(ARRAY, scripts.array.as_bytes())?;
    let merge = made.write(MERGE, scripts.merge.as_bytes())?;
    let jobs = jobs(&array, &merge, out)?;
    tell(jobs, &setting, [&array, &merge], *shards, out);
    Ok(Exit::Passed)
}

/// The array and the merge behind it; none where there is no Slurm. Whatever became of its tasks, the merge is to say what is
/// missing.
fn jobs(array: &Path, merge: &Path, out: &mut Out) -> Result<Option<[String; 2]>, Trouble> {
    let cure = |line: &str| format!("what is written stays; once sbatch takes it:\n  {line}");
    let taken = sbatch(&[], array, out).map_err(|t| t.help(cure(&by_hand(array, merge))));
    let Some(first) = taken? else { return Ok(None) };
    let behind = format!("--dependency=afterany:{first}");
    let merged = sbatch(&[&behind], merge, out);
    let second = merged.and_then(|id| id.ok_or_else(|| Trouble::environment("sbatch is not there any more")));
    let second = second.map_err(|trouble| {
        out.note(&format!("array {first} is submitted, and its merge is not"));
        trouble.help(cure(&format!("sbatch {behind} {}", word(merge))))
    });
    second.map(|second| Some([first, second]))
}

fn word(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// Both scripts, the merge behind the array.
fn by_hand(array: &Path, merge: &Path) -> String {
    format!("sbatch --dependency=\"afterany:$(sbatch --parsable {})\" {}", word(array), word(merge))
}

/// Submits a script; the number of its job, or nothing if there is no `sbatch` here.
fn sbatch(options: &[&str], script: &Path, out: &mut Out) -> Result<Option<String>, Trouble> {
    let mut command = Command::new("sbatch");
    let said = command.arg("--parsable").args(options).arg(script).stdin(Stdio::null()).output();
    let said = match said {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        said => said.map_err(|e| Trouble::environment(format!("sbatch: {}", reason(&e))))?,
    };
    let complaint = String::from_utf8_lossy(&said.stderr);
    let complaint =
        complaint.trim().lines().map(|l| l.escape_debug().to_string()).collect::<Vec<_>>().join("; ");
    let answer = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    // With several clusters the cluster's name follows.
    let id = answer.split(';').next().unwrap_or_default();
    if !said.status.success() || id.is_empty() || !id.bytes().all(|b| b.is_ascii_digit()) {
        let what = if complaint.is_empty() { answer.escape_debug().to_string() } else { complaint };
        return Err(Trouble::environment(format!("sbatch has not taken {}: {what}", script.display())));
    }
    if !complaint.is_empty() {
        out.note(&complaint);
    }
    Ok(Some(id.to_owned()))
}

/// What was done, and how one goes on by hand.
fn tell(jobs: Option<[String; 2]>, setting: &Setting, scripts: [&Path; 2], shards: u64, out: &mut Out) {
    let by_hand = by_hand(scripts[0], scripts[1]);
    let [array, merge] = scripts.map(word);
    let report = setting.merged().join("report.json");
    if out.json() {
        let (first, second) = jobs.map_or((None, None), |[a, b]| (Some(a), Some(b)));
        return out.object(&json!({
            "type": "submitted", "engine": "slurm", "shards": shards, "array_job": first, "merge_job": second,
            "array": scripts[0].display().to_string(), "merge": scripts[1].display().to_string(),
            "report": report.display().to_string(),
        }));
    }
    match jobs {
        Some([first, second]) => out.text(&format!(
            "array {first} of {}, and job {second} that merges them\n  \
               watch       squeue --jobs={first},{second}\n  \
               logs        {}/{first}_*.log\n  \
               stop        scancel {first} {second}\n",
            plural(shards, "shard"),
            word(&setting.folder)
        )),
        None => out.text(&format!(
            "there is no sbatch here, so nothing is submitted; where there is one:\n  \
               submit      {by_hand}\n"
        )),
    }
    out.text(&format!(
        "  again       sbatch --array=2,3 {array}    (shards that the merge calls missing, or all: what is done stays)\n  \
           merge       sbatch {merge}\n  \
           or here     cd {} && {}\n  \
           report      {}\n",
        word(&setting.here),
        setting.merge_line(&[]),
        word(&report)
    ));
}

/// The program as it is now: that somebody builds another while tasks wait must not give a campaign of two programs.
fn freeze(path: &Path) -> Result<(), Trouble> {
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let _ = fs::remove_file(&temporary);
    let copied = fs::copy(worker::program(), &temporary).and_then(|_| fs::rename(&temporary, path));
    copied.map_err(|e| {
        let _ = fs::remove_file(&temporary);
        Trouble::environment(format!("{}: {}", path.display().to_string().escape_debug(), reason(&e)))
    })
}

/// What is below the folder already is of the same campaign, in as many shards.
fn agrees(top: &Path, header: &Header) -> Result<(), Trouble> {
    let refuse = |path: &Path, what: String| {
        let shown = path.display().to_string();
        Err(Trouble::usage(format!("{}: holds another campaign: {what}", shown.escape_debug()))
            .help("--out names another folder"))
    };
    let mut folders = vec![top.to_owned()];
    if let Ok(entries) = fs::read_dir(top) {
        folders.extend(entries.flatten().map(|e| e.path()));
    }
    folders.sort();
    for folder in folders.iter().filter(|f| Store::is_one(f)) {
        let there = Store::header(folder)?;
        if let Some(what) = there.differs(header) {
            return refuse(folder, what);
        }
        let part = folder == top || there.shard.of > 1;
        if part && there.shard.of != header.shard.of {
            return refuse(folder, format!("shards {} there, and {} here", there.shard.of, header.shard.of));
        }
    }
    Ok(())
}

/// As tasks find it, wherever they start; links stay as they are, since other machines may have others.
fn absolute(path: &Path) -> Result<PathBuf, Trouble> {
    std::path::absolute(path).map_err(|e| Trouble::usage(format!("--out: {}", reason(&e))))
}
