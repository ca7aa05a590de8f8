//! Scripts for Slurm: an array whose tasks are shards, and the job that merges them. A script says everything itself, so that
//! `sbatch FILE` does it again from any folder; what a user has typed is quoted for whoever reads it, sbatch or the shell.

use super::CampaignArgs;
use crate::args::{OnFailure, Patience, Reading};
use crate::moment;
use mirrorsim_campaign::SHARDS;
use mirrorsim_report::quoted;
use mirrorsim_world::spec::CheckMode;
use std::path::{Path, PathBuf};

/// Where everything is; absolute.
#[derive(Debug)]
pub struct Setting {
    /// What tasks run.
    pub program: PathBuf,
    /// Where the user is: paths of scenarios are relative to it.
    pub here: PathBuf,
    /// Scripts and logs.
    pub folder: PathBuf,
    /// Results.
    pub top: PathBuf,
}

impl Setting {
    /// Where the whole is.
    pub fn merged(&self) -> PathBuf {
        self.top.join("merged")
    }

    /// The command that merges, with more options.
    pub fn merge_line(&self, more: &[String]) -> String {
        let word = |path: &Path| quoted(&path.display().to_string());
        let more: String = more.iter().map(|w| format!(" {}", quoted(w))).collect();
        format!("{} merge --out {}{more} {}", word(&self.program), word(&self.merged()), word(&self.top))
    }
}

/// Both scripts.
#[derive(Debug)]
pub struct Scripts {
    /// A task a shard.
    pub array: String,
    /// Behind all of them.
    pub merge: String,
}

impl Scripts {
    /// Of a campaign; words that cannot be written are refused.
    pub fn of(
        args: &CampaignArgs,
        shards: u64,
        sbatch: &[String],
        setting: &Setting,
    ) -> Result<Scripts, String> {
        for path in [&setting.program, &setting.here] {
            utf8(path)?;
        }
        let mut words = options(args)?;
        words.extend([
            "--out".into(),
            utf8(&setting.top)?,
            "--shard".into(),
            "auto".into(),
            "--resume".into(),
        ]);
        words.push("--".into());
        words.extend(args.scenarios.clone());
        let words: Vec<String> = words.iter().map(|w| quoted(w)).collect();
        let program = quoted(&utf8(&setting.program)?);
        // One worker a processor that Slurm gave, which need not be all that the process can see.
        let jobs = "--jobs \"${SLURM_CPUS_PER_TASK:-${SLURM_CPUS_ON_NODE:-1}}\"";
        let mut own = vec![
            "--job-name=mirrorsim".to_owned(),
            format!("--array=1-{shards}"),
            log(&setting.folder, "%A_%a.log")?,
        ];
        if let Some(jobs) = args.jobs {
            own.push(format!("--cpus-per-task={jobs}"));
        }
        let head = |what: &str, own: &[String]| head(what, sbatch, own, &setting.here);
        let array = format!(
            "{}export {SHARDS}={shards}\nexec {program} campaign {jobs} {}\n",
            head("One shard of a campaign; killed at any moment, it goes on where it was.", &own)?,
            words.join(" ")
        );
        let own = ["--job-name=mirrorsim-merge".to_owned(), log(&setting.folder, "merge-%j.log")?];
        let merge = format!(
            "{}exec {}\n",
            head("Makes the whole of the shards, and names those that are missing (exit 5).", &own)?,
            setting.merge_line(&merging(args)?)
        );
        Ok(Scripts { array, merge })
    }
}

/// Up to the folder where the user is. Of two equal options sbatch takes the last one, which is ours.
fn head(what: &str, sbatch: &[String], own: &[String], here: &Path) -> Result<String, String> {
    let mut text = format!("#!/bin/bash\n# Written by `mirrorsim submit slurm`. {what}\n");
    if !sbatch.is_empty() {
        let words: Vec<String> = sbatch.iter().map(|w| directive(w)).collect::<Result<_, _>>()?;
        text += &format!("#SBATCH {}\n", words.join(" "));
    }
    for option in own.iter().map(String::as_str).chain(["--requeue", "--open-mode=append"]) {
        text += &format!("#SBATCH {option}\n");
    }
    Ok(text + &format!("cd -- {} || exit 3\n", quoted(&utf8(here)?)))
}

/// A file of output. Slurm has patterns of its own, which nothing in the folder's name must look like.
fn log(folder: &Path, name: &str) -> Result<String, String> {
    let folder = utf8(folder)?;
    if folder.contains('\\') {
        return Err(format!("{}: Slurm writes no log below a name with `\\`", folder.escape_debug()));
    }
    Ok(format!("--output={}", directive(&format!("{}/{name}", folder.replace('%', "%%")))?))
}

/// A word of a line that sbatch reads.
fn directive(word: &str) -> Result<String, String> {
    if word.chars().any(char::is_control) {
        return Err(format!("`{}`: sbatch takes no line with control characters", word.escape_debug()));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./=:,+@%-".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return Ok(word.to_owned());
    }
    Ok(format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"")))
}

fn utf8(path: &Path) -> Result<String, String> {
    let text = path.to_str().ok_or_else(|| format!("{}: this name is not UTF-8", path.display()))?;
    Ok(text.to_owned())
}

/// What `merge` is told beside folders.
fn merging(args: &CampaignArgs) -> Result<Vec<String>, String> {
    let CampaignArgs { junit, sarif, on_failure: OnFailure { known, no_shrink, shrink_budget }, .. } = args;
    let mut words: Vec<String> = Vec::new();
    if let Some(budget) = shrink_budget {
        words.extend(["--shrink-budget".to_owned(), moment::spelled(*budget)]);
    }
    for (name, path) in [("--junit", junit), ("--sarif", sarif), ("--known", known)] {
        if let Some(path) = path {
            words.extend([name.to_owned(), utf8(path)?]);
        }
    }
    if let Some(folder) = &args.regressions {
        words.extend(["--regressions".into(), folder.clone()]);
    }
    if *no_shrink {
        words.push("--no-shrink".into());
    }
    Ok(words)
}

/// What `campaign` is told, but for what a task adds. Each field is looked at: one that is new does not get lost here.
fn options(args: &CampaignArgs) -> Result<Vec<String>, String> {
    let CampaignArgs {
        scenarios: _,
        tags,
        seeds,
        jobs: _,
        out: _,
        resume: _,
        regressions,
        budget,
        fail_fast,
        until_stable,
        shard: _,
        junit: _,
        sarif: _,
        on_failure: OnFailure { known, no_shrink: _, shrink_budget: _ },
        check_determinism,
        patience: Patience { hang_after },
        planted,
        check,
        reading: Reading { sets, data, yes_large },
    } = args;
    let mut words: Vec<String> = Vec::new();
    let mut add = |name: &str, value: String| words.extend([format!("--{name}"), value]);
    if let Some(seeds) = seeds {
        add("seeds", seeds.seeds.to_string());
    }
    tags.iter().for_each(|tag| add("tag", tag.clone()));
    planted.iter().for_each(|row| add("plant", row.id.to_owned()));
    if let Some(check) = check {
        add("check", CheckMode::from(*check).name().to_owned());
    }
    sets.iter().for_each(|(path, value)| add("set", format!("{path}={value}")));
    if let Some(data) = data {
        add("data", utf8(data)?);
    }
    if let Some(folder) = regressions {
        add("regressions", folder.clone());
    }
    if let Some(known) = known {
        add("known", utf8(known)?);
    }
    if let Some(budget) = budget {
        add("budget", moment::spelled(*budget));
    }
    if let Some(count) = until_stable {
        add("until-stable", count.to_string());
    }
    add("hang-after", moment::spelled(*hang_after));
    for (on, flag) in [
        (*fail_fast, "--fail-fast"),
        (*check_determinism, "--check-determinism"),
        (*yes_large, "--yes-large"),
    ] {
        if on {
            words.push(flag.into());
        }
    }
    Ok(words)
}
