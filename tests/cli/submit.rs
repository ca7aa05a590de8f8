//! Campaigns on many machines: which shard a task is, and what is handed to Slurm. tests/slurm has a real one.

use super::campaigns::{report, whole};
#[cfg(target_os = "linux")]
use super::lapses::children;
use super::*;

const SMOKE: [&str; 2] = ["scenarios/smoke/first_run.yaml", "scenarios/smoke/exact_fit.yaml"];
const VARIABLES: [&str; 7] = [
    "SLURM_ARRAY_TASK_ID",
    "SLURM_ARRAY_TASK_MIN",
    "SLURM_ARRAY_TASK_MAX",
    "SLURM_ARRAY_TASK_STEP",
    "SLURM_ARRAY_TASK_COUNT",
    "JOB_COMPLETION_INDEX",
    "MIRRORSIM_SHARDS",
];

/// A campaign over nine seeds by a process that a scheduler has given these variables.
fn scheduled(out: &Path, more: &[&str], variables: &[(&str, &str)]) -> Said {
    let mut arguments = vec!["campaign"];
    arguments.extend(SMOKE);
    arguments.extend(["--seeds", "1..=9", "--check", "end", "--out", text(out)]);
    arguments.extend(more);
    let mut command = command(&arguments);
    VARIABLES.iter().for_each(|name| _ = command.env_remove(name));
    let output = command.envs(variables.iter().copied()).output();
    Said::of(&output.expect("the command starts"))
}

#[test]
fn tasks_of_schedulers_make_the_whole() {
    let whole = whole("submit_scheduled", "1..=9");
    let slurm = |id: u64| (id * 2 + 1).to_string();
    let kubernetes = |id: u64| id.to_string();
    let slurm_has = [("MIN", "1"), ("MAX", "5"), ("STEP", "2"), ("COUNT", "3")]
        .map(|(n, v)| (format!("SLURM_ARRAY_TASK_{n}"), v));
    for by in ["slurm", "kubernetes"] {
        let out = scratch(&format!("submit_{by}"));
        for index in 0..3 {
            let (id, mut variables): (String, Vec<(&str, &str)>) = match by {
                "slurm" => (slurm(index), slurm_has.iter().map(|(n, v)| (n.as_str(), *v)).collect()),
                _ => (kubernetes(index), vec![("MIRRORSIM_SHARDS", "3")]),
            };
            variables.push((if by == "slurm" { VARIABLES[0] } else { "JOB_COMPLETION_INDEX" }, &id));
            let said = scheduled(&out, &["--shard", "auto"], &variables).ends(0);
            said.complains(&format!("note: shard {}/3, since ", index + 1));
        }
        let merged = scratch(&format!("submit_{by}_merged"));
        mirrorsim(&["merge", text(&out), "--out", text(&merged)]).ends(0);
        assert_eq!(report(&merged), whole, "{by}");
    }
}

#[test]
fn nobody_becomes_a_shard_unasked_or_by_a_guess() {
    let out = scratch("submit_unasked");
    let task = [("SLURM_ARRAY_TASK_ID", "2"), ("MIRRORSIM_SHARDS", "4")];
    scheduled(&out, &[], &task).ends(0).says("18 seeds");
    assert!(out.join("campaign.json").is_file(), "a whole campaign, not below shard-");
    let out = scratch("submit_guess");
    let auto = |variables: &[(&str, &str)]| scheduled(&out, &["--shard", "auto"], variables).ends(2);
    auto(&[]).complains("--shard auto: neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX is set");
    auto(&[("JOB_COMPLETION_INDEX", "0")]).complains("MIRRORSIM_SHARDS is not set");
    auto(&[task[0], task[1], ("JOB_COMPLETION_INDEX", "1")]).complains("are both set");
    auto(&[("SLURM_ARRAY_TASK_ID", "\u{1b}[2J")]).complains("is `\\u{1b}[2J`");
    assert_eq!(std::fs::read_dir(&out).expect("a folder").count(), 0, "nothing was run or made");
}

/// `submit slurm` over nine seeds, where only `path` has programs.
fn submit(out: &Path, more: &[&str], path: &Path) -> Said {
    let mut arguments = vec!["submit", "slurm"];
    arguments.extend(SMOKE);
    arguments.extend(["--check", "end", "--out", text(out)]);
    arguments.extend(more);
    Said::of(&command(&arguments).env("PATH", path).output().expect("the command starts"))
}

const NINE: [&str; 4] = ["--seeds", "1..=9", "--shards", "3"];

/// Runs a script as Slurm does.
fn bash(script: &Path, task: &str) -> Said {
    let mut command = Command::new("bash");
    VARIABLES.iter().chain(&ENVIRONMENT).for_each(|name| _ = command.env_remove(name));
    command.arg(script).current_dir("/").env("SLURM_ARRAY_TASK_ID", task).env("SLURM_CPUS_ON_NODE", "2");
    Said::of(&command.output().expect("bash starts"))
}

#[cfg(unix)]
#[test]
fn the_scripts_do_it_wherever_they_are_run() {
    let out = scratch("submit_scripts").join("it's 100% \"done\" $HOME #1");
    let nothing = scratch("submit_nothing");
    let said = submit(&out, &NINE, &nothing).ends(0);
    let said = said.says("there is no sbatch here, so nothing is submitted").says("--dependency=\"afterany:");
    assert!(said.out.contains("'\\''s 100% \"done\" $HOME #1/slurm/array.sbatch'"), "{}", said.out);
    let script = |name: &str| out.join("slurm").join(name);
    for task in ["3", "1"] {
        bash(&script("array.sbatch"), task).ends(0).complains(&format!("note: shard {task}/3"));
    }
    bash(&script("merge.sbatch"), "").ends(5).complains("shards are missing or not complete: 2/3");
    bash(&script("array.sbatch"), "4").ends(2).complains("the tasks of the array are to be 1-3");
    bash(&script("array.sbatch"), "2").ends(0);
    // Again: what is done stays.
    bash(&script("array.sbatch"), "2").ends(0).complains("6 results are there already");
    bash(&script("merge.sbatch"), "").ends(0);
    assert_eq!(report(&out.join("merged")), whole("submit_scripts", "1..=9"));
    // And it can be submitted again, but nothing else there.
    submit(&out, &NINE, &nothing).ends(0);
    let other = |more: &[&str], words: &str| submit(&out, more, &nothing).ends(2).complains(words);
    other(&["--seeds", "1..=8", "--shards", "3"], "seeds 1..=9 there, and 1..=8 here");
    other(&["--seeds", "1..=9", "--shards", "4"], "shards 3 there, and 4 here");
}

/// A folder with an `sbatch` that notes what it was told.
#[cfg(unix)]
fn sbatch(test: &str, body: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let folder = scratch(test);
    let path = folder.join("sbatch");
    let script = format!("#!/bin/sh\nfor a; do echo \"$a\"; done >> '{}/told'\n{body}\n", text(&folder));
    std::fs::write(&path, script).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("changed");
    folder
}

#[cfg(unix)]
#[test]
fn the_merge_is_behind_the_array_whatever_became_of_it() {
    let slurm = sbatch("submit_sbatch", "case \"$2\" in --dep*) echo '8;east';; *) echo '7;east';; esac");
    let out = scratch("submit_sbatch_out");
    let more = [&NINE[..], &["--jobs", "3", "--", "-p", "long", "--comment=it's \"so\""]].concat();
    let said = submit(&out, &more, &slurm).ends(0);
    said.says("array 7 of 3 shards, and job 8 that merges them")
        .says("squeue --jobs=7,8")
        .says("scancel 7 8");
    let folder = out.join("slurm");
    let told = std::fs::read_to_string(slurm.join("told")).expect("told");
    let (array, merge) = (folder.join("array.sbatch"), folder.join("merge.sbatch"));
    assert_eq!(
        told,
        format!(
            "--parsable\n{}\n--parsable\n--dependency=afterany:7\n{}\n",
            array.display(),
            merge.display()
        )
    );
    let [array, merge] = [array, merge].map(|path| std::fs::read_to_string(path).expect("a script"));
    for script in [&array, &merge] {
        assert!(script.contains("\n#SBATCH -p long \"--comment=it's \\\"so\\\"\"\n"), "{script}");
        assert!(script.contains("\n#SBATCH --requeue\n"), "{script}");
    }
    assert!(array.contains("\n#SBATCH --cpus-per-task=3\n") && array.contains("\n#SBATCH --array=1-3\n"));
    let objects =
        submit(&out, &[&NINE[..], &["--message-format", "json"]].concat(), &slurm).ends(0).objects();
    let object = objects.iter().find(|o| o["type"] == "submitted").expect("what was submitted");
    assert_eq!((&object["array_job"], &object["merge_job"]), (&"7".into(), &"8".into()));
}

#[cfg(unix)]
#[test]
fn what_slurm_refuses_is_told_with_what_it_has_taken() {
    let out = scratch("submit_refused");
    let slurm = sbatch("submit_refusing", "echo 'sbatch: error: invalid partition' >&2; exit 1");
    submit(&out, &NINE, &slurm).ends(3).complains("sbatch: error: invalid partition");
    let said =
        submit(&out, &NINE, &slurm).ends(3).complains("help: what is written stays; once sbatch takes it:");
    said.complains("sbatch --dependency=\"afterany:$(sbatch --parsable ").complains("/merge.sbatch");
    let slurm = sbatch("submit_half", "case \"$2\" in --dep*) exit 1;; *) echo 7;; esac");
    submit(&out, &NINE, &slurm).ends(3).complains("array 7 is submitted, and its merge is not");
    submit(&out, &NINE, &slurm).ends(3).complains("\n  sbatch --dependency=afterany:7 ");
    let slurm = sbatch("submit_strange", "echo 'Submitted batch job 7'");
    submit(&out, &NINE, &slurm).ends(3).complains("Submitted batch job 7");
}

#[cfg(unix)]
#[test]
fn a_submission_that_makes_no_sense_leaves_nothing() {
    let nothing = scratch("submit_nonsense");
    let out = nothing.join("out");
    let refused = |more: &[&str], words: &str| {
        submit(&out, more, &nothing).ends(2).complains(words);
        assert!(!out.exists(), "{more:?}");
    };
    refused(&["--seeds", "1..=9"], "--shards <N>");
    refused(&["--seeds", "1..=9", "--shards", "0"], "1..=100000");
    refused(&["--seeds", "1..=9", "--shards", "0"], "Usage: mirrorsim submit slurm ");
    refused(&["--shards", "3"], "--seeds <A..B>");
    let with = |more: &[&'static str]| [&NINE[..], more].concat();
    refused(&with(&["--shard", "1/3"]), "--shards says how many there are");
    refused(&with(&["--resume"]), "submit the same again");
    refused(&with(&["--set", "sources.nobody=1"]), "nobody");
    refused(&with(&["--", "long"]), "`long` is no option of sbatch");
    refused(&with(&["--", "--comment=a\nb"]), "no line with control characters");
    let bent = nothing.join("a\\b");
    submit(&bent, &NINE, &nothing).ends(2).complains("Slurm writes no log below a name with `\\`");
    let said = submit(&out, &with(&["--dry-run"]), &nothing).ends(0);
    said.says("#SBATCH --array=1-3").says("exec ").says("mirrorsim merge --out");
    assert!(!out.exists());
}

/// Whether a process has a handler for SIGTERM; one that has only just been started has none yet.
#[cfg(target_os = "linux")]
fn is_ready(pid: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 << 14 != 0)
}

/// As a scheduler ends a job: a signal to every process, again and again.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_to_every_process_is_no_failure_of_a_seed() {
    let out = scratch("submit_signals");
    let start = || {
        let mut arguments = vec!["campaign"];
        arguments.extend(SMOKE);
        arguments.extend([
            "--seeds",
            "1..=300",
            "--check",
            "end",
            "--jobs",
            "2",
            "--resume",
            "--out",
            text(&out),
        ]);
        let mut command = command(&arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    for wait in [300, 500] {
        let child = start();
        for _ in 0..600 {
            if is_ready(&child.id().to_string()) {
                break;
            }
            super::signals::pause(50);
        }
        super::signals::pause(wait);
        let mut all = children(child.id());
        all.push(child.id().to_string());
        let _ = Command::new("kill").arg("-TERM").args(&all).stderr(Stdio::null()).status();
        let said = Said::of(&child.wait_with_output().expect("its end"));
        assert!([0, 143].contains(&said.code), "{}\n{}", said.out, said.err);
    }
    let (mut child, mut sent) = (start(), 0);
    while sent < 20 && child.try_wait().expect("a child").is_none() {
        let ready: Vec<String> = children(child.id()).into_iter().filter(|pid| is_ready(pid)).collect();
        if !ready.is_empty() {
            let _ = Command::new("kill").arg("-TERM").args(&ready).stderr(Stdio::null()).status();
            sent += 1;
        }
        super::signals::pause(15);
    }
    assert!(sent > 0, "no worker has a handler");
    Said::of(&child.wait_with_output().expect("its end")).ends(0);
    assert_eq!(report(&out), whole("submit_signals", "1..=300"));
}
