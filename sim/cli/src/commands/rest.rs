//! What an interrupt has left of a campaign, as a line to paste.

use crate::args::RunArgs;
use crate::moment::Moment;
use mirrorsim_report::quoted;
use mirrorsim_scenario::Seeds;
use mirrorsim_world::spec::CheckMode;
use std::fmt::Write;
use std::path::Path;

/// Scenarios that a line names; more stand in a file.
const FEW: usize = 8;

/// Scenarios with the seeds that were not run.
#[derive(Debug, Default)]
pub struct Rest {
    /// What was asked for beside scenarios and seeds, as it is typed.
    pub options: String,
    left: Vec<(String, String)>,
}

impl Rest {
    /// Of a run.
    pub fn of(args: &RunArgs, json: bool) -> Rest {
        Rest { options: options(args, json), left: Vec::new() }
    }

    /// Seeds of a scenario are left.
    pub fn add(&mut self, scenario: &str, seeds: &Seeds) {
        self.left.push((scenario.to_owned(), seeds.to_string()));
    }

    /// The line; neighbours with the same seeds share a command, and many of them a file that `keep` writes. Standard input
    /// cannot be read again.
    pub fn line(&self, keep: &mut dyn FnMut(&str, &str) -> Option<String>) -> Option<String> {
        let mut commands: Vec<(&str, Vec<&str>)> = Vec::new();
        for (scenario, seeds) in self.left.iter().filter(|(scenario, _)| scenario != "-") {
            match commands.last_mut().filter(|(s, _)| s == seeds) {
                Some((_, files)) => files.push(scenario),
                None => commands.push((seeds, vec![scenario])),
            }
        }
        let mut lists = 0;
        let mut command = |(seeds, files): &(&str, Vec<&str>)| {
            let listed = (files.len() > FEW).then(|| {
                lists += 1;
                let name = if lists == 1 { "rest.txt".to_owned() } else { format!("rest-{lists}.txt") };
                keep(&name, &files.join("\n")).map(|path| quoted(&format!("@{path}")))
            });
            let files = listed
                .flatten()
                .unwrap_or_else(|| files.iter().map(|file| quoted(file)).collect::<Vec<_>>().join(" "));
            format!("mirrorsim run {files} --seeds {seeds}{}", self.options)
        };
        let line = commands.iter().map(&mut command).collect::<Vec<_>>().join("; ");
        // What a terminal would not show as it is cannot be pasted either.
        (!line.is_empty() && !line.chars().any(char::is_control)).then_some(line)
    }
}

fn options(args: &RunArgs, json: bool) -> String {
    let mut out = String::new();
    let mut add = |name: &str, value: &str| {
        let _ = write!(out, " --{name} {}", quoted(value));
    };
    args.judging.planted().iter().for_each(|row| add("plant", row.id));
    if let Some(check) = args.judging.check {
        add("check", CheckMode::from(check).name());
    }
    match args.judging.disaster_at {
        Some(Moment::Time(ns)) => add("disaster-at", &format!("{ns}ns")),
        Some(Moment::Event(number)) => add("disaster-at", &number.to_string()),
        None => {}
    }
    args.reading.sets.iter().for_each(|(path, value)| add("set", &format!("{path}={value}")));
    if let Some(data) = &args.reading.data {
        add("data", &data.display().to_string());
    }
    if let Some(jobs) = args.jobs {
        add("jobs", &jobs.to_string());
    }
    args.patience.spelled().iter().for_each(|time| add("hang-after", time));
    if args.report_dir != Path::new("reports/out") {
        add("report-dir", &args.report_dir.display().to_string());
    }
    if let Some(images) = &args.export_images {
        add("export-images", &images.display().to_string());
    }
    if json {
        add("message-format", "json");
    }
    let flags = [
        (args.check_determinism, " --check-determinism"),
        (args.reading.yes_large, " --yes-large"),
        (args.no_report, " --no-report"),
        (args.claims, " --claims"),
    ];
    flags.iter().filter(|(on, _)| *on).for_each(|(_, flag)| out += flag);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use mirrorsim_scenario::seeds;

    #[test]
    fn scenarios_with_the_same_seeds_share_a_command() {
        let mut rest = Rest { options: " --plant P10".into(), left: Vec::new() };
        let none = &mut |_: &str, _: &str| None;
        assert_eq!(rest.line(none), None);
        rest.add("-", &seeds("1").expect("seeds"));
        assert_eq!(rest.line(none), None);
        rest.add("a.yaml", &seeds("3..=9").expect("seeds"));
        rest.add("my b.yaml", &seeds("1..=9").expect("seeds"));
        rest.add("c.yaml", &seeds("1..=9").expect("seeds"));
        let line = "mirrorsim run a.yaml --seeds 3..=9 --plant P10; \
                    mirrorsim run 'my b.yaml' c.yaml --seeds 1..=9 --plant P10";
        assert_eq!(rest.line(none).as_deref(), Some(line));
        (0..9).for_each(|i| rest.add(&format!("scenarios/{i}.yaml"), &seeds("5").expect("seeds")));
        let mut kept = String::new();
        let line = rest.line(&mut |name, text| {
            kept = text.to_owned();
            Some(format!("out/{name}"))
        });
        assert!(line.is_some_and(|l| l.ends_with("; mirrorsim run @out/rest.txt --seeds 5 --plant P10")));
        assert_eq!((kept.lines().count(), kept.lines().next()), (9, Some("scenarios/0.yaml")));
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }
}
