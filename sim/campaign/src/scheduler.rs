//! Which shard this is, from the variables by which a scheduler numbers its tasks: an array of Slurm, or an Indexed Job of
//! Kubernetes. Whatever is missing or contradicts itself is refused, since a task that guesses wrongly leaves seeds to nobody.

use crate::shard::Shard;

/// How many shards there are, if the scheduler does not say it, or not all of them are among its tasks.
pub const SHARDS: &str = "MIRRORSIM_SHARDS";
const MOST: u64 = Shard::MOST;
const SLURM: &str = "SLURM_ARRAY_TASK_ID";
const SLURM_MIN: &str = "SLURM_ARRAY_TASK_MIN";
const SLURM_MAX: &str = "SLURM_ARRAY_TASK_MAX";
const SLURM_STEP: &str = "SLURM_ARRAY_TASK_STEP";
const SLURM_COUNT: &str = "SLURM_ARRAY_TASK_COUNT";
const KUBERNETES: &str = "JOB_COMPLETION_INDEX";

/// The variables of a process.
type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Shard {
    /// The shard that a scheduler has made this process, and the words for why.
    pub fn scheduled(variables: Variables<'_>) -> Result<(Shard, String), String> {
        let of = number(variables, SHARDS)?;
        if let Some(of) = of.filter(|of| *of == 0 || *of > MOST) {
            return Err(format!("{SHARDS} is {of}, and there can be 1 to {MOST} shards"));
        }
        let (slurm, kubernetes) = (number(variables, SLURM)?, number(variables, KUBERNETES)?);
        match (slurm, kubernetes) {
            (Some(task), None) => array(variables, task, of),
            (None, Some(index)) => job(index, of),
            (Some(_), Some(_)) => Err(format!(
                "{SLURM} and {KUBERNETES} are both set, and only one can say which shard this is"
            )),
            (None, None) => Err(format!(
                "neither {SLURM} nor {KUBERNETES} is set; this is no task of an array of Slurm or of an Indexed Job"
            )),
        }
    }
}

/// Tasks of Slurm. Where the number of shards is given their numbers are the shards', so that some of them can be run again;
/// else the array is all shards, and has a first, a last and a step.
fn array(variables: Variables<'_>, task: u64, of: Option<u64>) -> Result<(Shard, String), String> {
    let why = format!("{SLURM} is {task}");
    let get = |name| number(variables, name);
    let (min, max, step, count) = (get(SLURM_MIN)?, get(SLURM_MAX)?, get(SLURM_STEP)?, get(SLURM_COUNT)?);
    if let Some(of) = of {
        if task == 0 || task > of {
            return Err(format!("{why}, and {SHARDS} is {of}: the tasks of the array are to be 1-{of}"));
        }
        // An array that could be all shards, but numbers them in another way, would leave some out.
        if count == Some(of) && (min != Some(1) || max != Some(of)) {
            let shown = |n: Option<u64>| n.map_or_else(|| "unset".into(), |n| n.to_string());
            return Err(format!(
                "{SLURM_MIN} is {}, {SLURM_MAX} is {}, and {SHARDS} is {of}: the tasks of the array are to be 1-{of}",
                shown(min),
                shown(max)
            ));
        }
        return Ok((Shard { number: task, of }, why));
    }
    let wanted =
        |name: &str| format!("{why}, but {name} is not set; set {SHARDS}, and number the tasks from 1");
    let min = min.ok_or_else(|| wanted(SLURM_MIN))?;
    let max = max.ok_or_else(|| wanted(SLURM_MAX))?;
    let count = count.ok_or_else(|| wanted(SLURM_COUNT))?;
    let step = step.unwrap_or(1);
    let tasks =
        format!("{SLURM_MIN} is {min}, {SLURM_MAX} {max}, {SLURM_STEP} {step}, {SLURM_COUNT} {count}");
    let even = step > 0 && min <= max && (max - min).is_multiple_of(step) && (max - min) / step + 1 == count;
    if !even {
        return Err(format!(
            "{tasks}: these are no tasks at even steps; set {SHARDS}, and number them from 1"
        ));
    }
    if task < min || task > max || !(task - min).is_multiple_of(step) {
        return Err(format!("{why}, and {tasks}: this is none of the tasks"));
    }
    if count > MOST {
        return Err(format!("{SLURM_COUNT} is {count}, and there can be 1 to {MOST} shards"));
    }
    Ok((Shard { number: (task - min) / step + 1, of: count }, format!("{why}, {tasks}")))
}

/// Indices of Kubernetes, which does not tell its pods how many there are.
fn job(index: u64, of: Option<u64>) -> Result<(Shard, String), String> {
    let why = format!("{KUBERNETES} is {index}");
    let Some(of) = of else {
        return Err(format!("{why}, but {SHARDS} is not set; it is to be the job's `completions`"));
    };
    if index >= of {
        return Err(format!("{why}, and {SHARDS} is {of}: the indices are to be 0 to {}", of - 1));
    }
    Ok((Shard { number: index + 1, of }, why))
}

/// A variable that is a number, if it is set.
fn number(variables: Variables<'_>, name: &str) -> Result<Option<u64>, String> {
    let Some(text) = variables(name) else { return Ok(None) };
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse().ok().filter(|_| digits) {
        Some(number) => Ok(Some(number)),
        None => Err(format!("{name} is `{}`, and a whole number is wanted", text.escape_debug())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `NAME=VALUE`, without what all variables have in common.
    fn scheduled(set: &str) -> Result<String, String> {
        let long = |name: &str| match name {
            "ID" | "MIN" | "MAX" | "STEP" | "COUNT" => format!("SLURM_ARRAY_TASK_{name}"),
            "INDEX" => KUBERNETES.to_owned(),
            _ => SHARDS.to_owned(),
        };
        let set: Vec<(String, &str)> =
            set.split(' ').filter_map(|s| s.split_once('=')).map(|(n, v)| (long(n), v)).collect();
        let get = |name: &str| set.iter().find(|(n, _)| n == name).map(|(_, v)| (*v).to_owned());
        Shard::scheduled(&get).map(|(shard, _)| shard.to_string())
    }

    #[test]
    fn a_task_of_an_array_knows_its_shard() {
        for (set, shard) in [
            // --array=0-3, 1-4, 1-7:2, 10-30:10, 5: what Slurm 22.05 says in each.
            ("ID=0 MIN=0 MAX=3 STEP=1 COUNT=4", "1/4"),
            ("ID=3 MIN=0 MAX=3 STEP=1 COUNT=4", "4/4"),
            ("ID=1 MIN=1 MAX=4 STEP=1 COUNT=4", "1/4"),
            ("ID=5 MIN=1 MAX=7 STEP=2 COUNT=4", "3/4"),
            ("ID=30 MIN=10 MAX=30 STEP=10 COUNT=3", "3/3"),
            ("ID=5 MIN=5 MAX=5 STEP=1 COUNT=1", "1/1"),
            // Some of four are run again.
            ("ID=2 MIN=2 MAX=2 STEP=1 COUNT=1 SHARDS=4", "2/4"),
            ("ID=4 MIN=1 MAX=4 STEP=1 COUNT=2 SHARDS=4", "4/4"),
            ("ID=4 MIN=1 MAX=4 STEP=1 COUNT=4 SHARDS=4", "4/4"),
            ("ID=1 SHARDS=1", "1/1"),
        ] {
            assert_eq!(scheduled(set).as_deref(), Ok(shard), "{set}");
        }
    }

    #[test]
    fn an_index_of_a_job_knows_its_shard() {
        assert_eq!(scheduled("INDEX=0 SHARDS=3").as_deref(), Ok("1/3"));
        assert_eq!(scheduled("INDEX=2 SHARDS=3").as_deref(), Ok("3/3"));
    }

    #[test]
    fn what_is_missing_or_contradicts_itself_is_refused() {
        for (set, words) in [
            ("", "neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX is set"),
            ("ID=1 INDEX=1 SHARDS=4", "are both set"),
            ("ID=one MIN=1", "SLURM_ARRAY_TASK_ID is `one`, and a whole number is wanted"),
            ("ID= MIN=1", "SLURM_ARRAY_TASK_ID is ``"),
            ("ID=+1 MIN=1", "is `+1`"),
            ("INDEX=99999999999999999999 SHARDS=2", "a whole number is wanted"),
            ("ID=1 MAX=4 COUNT=4", "SLURM_ARRAY_TASK_MIN is not set"),
            ("ID=1 MIN=1 COUNT=4", "SLURM_ARRAY_TASK_MAX is not set"),
            ("ID=1 MIN=1 MAX=4", "SLURM_ARRAY_TASK_COUNT is not set"),
            // --array=1,3,7-8
            ("ID=3 MIN=1 MAX=8 STEP=1 COUNT=4", "no tasks at even steps; set MIRRORSIM_SHARDS"),
            ("ID=1 MIN=1 MAX=4 STEP=0 COUNT=4", "no tasks at even steps"),
            ("ID=1 MIN=4 MAX=1 STEP=1 COUNT=4", "no tasks at even steps"),
            ("ID=2 MIN=1 MAX=7 STEP=2 COUNT=4", "this is none of the tasks"),
            ("ID=9 MIN=1 MAX=7 STEP=2 COUNT=4", "this is none of the tasks"),
            ("ID=0 MIN=0 MAX=100000 STEP=1 COUNT=100001", "there can be 1 to 100000 shards"),
            ("ID=0 MIN=0 MAX=3 STEP=1 COUNT=4 SHARDS=4", "the tasks of the array are to be 1-4"),
            ("ID=2 MIN=0 MAX=3 STEP=1 COUNT=4 SHARDS=4", "the tasks of the array are to be 1-4"),
            ("ID=3 MIN=1 MAX=7 STEP=2 COUNT=4 SHARDS=4", "the tasks of the array are to be 1-4"),
            ("ID=5 MIN=5 MAX=5 STEP=1 COUNT=1 SHARDS=4", "the tasks of the array are to be 1-4"),
            ("INDEX=0", "MIRRORSIM_SHARDS is not set; it is to be the job's `completions`"),
            ("INDEX=3 SHARDS=3", "the indices are to be 0 to 2"),
            ("INDEX=0 SHARDS=0", "there can be 1 to 100000 shards"),
            ("INDEX=0 SHARDS=four", "MIRRORSIM_SHARDS is `four`"),
        ] {
            let said = scheduled(set).expect_err(set);
            assert!(said.contains(words), "{set}: {said}");
        }
    }
}
