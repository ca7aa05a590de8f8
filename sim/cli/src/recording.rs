//! From a token or a repro to the run that it tells of.

use crate::out::Out;
use crate::scenarios;
use crate::trouble::Trouble;
use mirrorsim_campaign::{self as campaign, BUILD, LARGEST_REPRO, Plan, Recorded, Repro, Token, Unfit};
use mirrorsim_report::{quoted, reason};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A run that was recorded, ready to be run again.
#[derive(Debug)]
pub struct Recording {
    /// What is run.
    pub plan: Plan,
    /// What came of it.
    pub token: Token,
    /// The file that it comes from, if not from a token alone.
    pub repro: Option<Repro>,
}

impl Recording {
    /// Of a token, whose scenario may have moved.
    pub fn of(token: Token, path: Option<&str>) -> Result<Recording, Trouble> {
        // A run that was read from standard input is replayed from there.
        if path.is_none() && token.path != "-" && !Path::new(&token.path).exists() {
            let what = format!(
                "{}: cannot read the scenario: there is no such file here",
                token.path.escape_debug()
            );
            let help =
                "the token's path is meant from where its run was started: go there, or say --scenario FILE";
            return Err(Trouble::usage(what).help(help));
        }
        let here = Token { path: path.unwrap_or(&token.path).to_owned(), ..token.clone() };
        let data = here.data.as_ref().map(PathBuf::from);
        let scenario = scenarios::load(&here.path, &here.sets, data, here.yes_large)
            .map_err(|p| Trouble::Scenarios(vec![p]))?;
        let plan = Plan::of(&here, scenario).map_err(Trouble::usage)?;
        Ok(Recording { plan, token, repro: None })
    }

    /// Of the repro in a file.
    pub fn read(path: &str, force: bool) -> Result<Recording, Trouble> {
        let bytes = contents(path).map_err(|e| {
            let what = format!("{}: cannot read the repro: {}", path.escape_debug(), reason(&e));
            Trouble::usage(what).help(
                "a token starts with `ms1:`; anything else is the path of a repro, wherever that is now",
            )
        })?;
        Recording::of_repro(path, &bytes, force)
    }

    /// Of a repro that was read.
    pub fn of_repro(path: &str, bytes: &[u8], force: bool) -> Result<Recording, Trouble> {
        let repro = repro(path, bytes, force)?;
        let here = Token { path: path.to_owned(), ..repro.run.clone() };
        let scenario =
            scenarios::parse(path, &repro.scenario, &here).map_err(|p| Trouble::Scenarios(vec![p]))?;
        let plan = Plan::of(&here, scenario).map_err(Trouble::usage)?;
        Ok(Recording { plan, token: repro.run.clone(), repro: Some(repro) })
    }

    /// Of what somebody has typed: a token, or a path.
    pub fn named(text: &str, path: Option<&str>, force: bool) -> Result<Recording, Trouble> {
        if is_token(text) {
            let token: Token = text.parse().map_err(|e: campaign::Problem| Trouble::usage(e.to_string()))?;
            return Recording::of(token, path);
        }
        if path.is_some() {
            return Err(Trouble::usage("--scenario is for a token: a repro has its scenario in itself"));
        }
        Recording::read(text, force)
    }

    /// What is known of the run.
    pub fn recorded(&self) -> Recorded<'_> {
        Recorded { token: &self.token, signature: self.repro.as_ref().map(|r| r.signature.as_str()) }
    }

    /// Says if the scenario that a repro comes from was edited since: what is run is what the repro has.
    pub fn mention_origin(&self, out: &mut Out) {
        let Some(repro) = &self.repro else { return };
        let of = &repro.of;
        if of.path == "-" || !Path::new(&of.path).exists() {
            return;
        }
        let data = of.data.as_ref().map(PathBuf::from);
        let now = scenarios::load(&of.path, &of.sets, data, of.yes_large).map(|s| s.source_hash as u32);
        if now.as_ref().is_ok_and(|now| *now == of.text) {
            return;
        }
        let now = now.map_or_else(|_| "it cannot be read".to_owned(), |hash| format!("it is {hash:08x}"));
        out.note(&format!(
            "{} was edited since this repro was made of it (it was {:08x}, now {now}); what is run is what the repro has",
            of.path.escape_debug(),
            of.text
        ));
    }

    /// Says what has changed since, where nothing is compared.
    pub fn mention_drift(&self, out: &mut Out) {
        let text = self.token.text == self.plan.scenario.source_hash as u32;
        let same = campaign::Same { text, build: self.token.build == BUILD.short(), digest: true };
        if !(same.text && same.build) {
            out.note(self.drift(same).trim_start_matches("; "));
        }
    }

    /// What has changed since, in words.
    pub fn drift(&self, same: campaign::Same) -> String {
        let text = if same.text { "" } else { "; the scenario or its traces were edited since" };
        let build = match (same.build, &self.repro) {
            (true, _) => String::new(),
            (false, Some(repro)) => format!("; another build (it was {}, this is {BUILD})", repro.build),
            (false, None) => {
                format!("; another build (it was {:08x}, this is {:08x})", self.token.build, BUILD.short())
            }
        };
        format!("{text}{build}")
    }
}

/// Whether a text is meant as a token.
pub fn is_token(text: &str) -> bool {
    let text = text.trim();
    let format = text.split_once(':').map_or("", |(format, _)| format);
    let digits = format.strip_prefix("ms").unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Says of repros that are run as scenarios without the bugs they were made with: that they pass means nothing.
pub fn mention_bugs(plans: &[Plan], out: &mut Out) {
    let bare = |plan: &&Plan| {
        // What is no file, such as a pipe, cannot be read again.
        let bytes = Path::new(&plan.argument).is_file().then(|| contents(&plan.argument).ok()).flatten();
        // Whoever edits a repro damages its record, which tells of the bugs all the same.
        let bugs = planted(&bytes.filter(|b| Repro::is_recorded(b))?);
        (!bugs.iter().all(|id| plan.planted_ids().contains(&id.as_str()))).then_some(bugs)
    };
    let mut all = plans.iter().filter_map(|plan| Some((plan, bare(&plan)?)));
    let Some((plan, bugs)) = all.next() else { return };
    let path = plan.argument.escape_debug();
    let more = match all.count() {
        0 => String::new(),
        n => format!(" ({n} more like it)"),
    };
    let with: String = bugs.iter().map(|id| format!(" --plant {id}")).collect();
    out.note(&format!(
        "{path} is a repro that was made with {} planted, and here it runs without; `mirrorsim run {}{with}` runs it with{more}",
        bugs.join(", "),
        quoted(&plan.argument)
    ));
}

/// What is in a file; no more than a repro may have, and one byte.
pub fn contents(path: &str) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST_REPRO + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The bugs with which a record was made, damaged or not, if that can still be read.
fn planted(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let token = text.split_whitespace().find_map(|word| word.parse::<Token>().ok());
    token.map(|t| t.planted).unwrap_or_default()
}

/// The repro that a file has.
fn repro(path: &str, bytes: &[u8], force: bool) -> Result<Repro, Trouble> {
    let shown = path.escape_debug();
    if bytes.len() as u64 > LARGEST_REPRO {
        return Err(Trouble::usage(format!("{shown}: no repro is larger than {LARGEST_REPRO} bytes")));
    }
    Repro::read(bytes, force).map_err(|unfit| {
        let place = unfit.line().map_or_else(String::new, |line| format!(":{line}:1"));
        let help = match unfit {
            Unfit::NoRecord => {
                format!("`mirrorsim run {shown}` runs a scenario; `mirrorsim shrink` makes a repro")
            }
            Unfit::Versions(..) => "--force runs it".to_owned(),
            _ => {
                let bugs: String = planted(bytes).iter().map(|id| format!(" --plant {id}")).collect();
                format!("get the file again; an edited scenario is run by `mirrorsim run {shown}{bugs}`")
            }
        };
        Trouble::usage(format!("{shown}{place}: {unfit}")).help(help)
    })
}
