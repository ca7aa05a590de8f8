//! From a typed document to a [`Spec`]: defaults that depend on other values, names to indices, and every check that
//! needs more than one key. All mistakes are reported; the spec counts only if there are none.

mod beyond;
mod clients;
mod failing;
mod faults;
mod names;
mod operators;
mod placement;
mod profile;
mod script;
mod servers;
mod timeline;

use crate::doc::Root;
use crate::document::At;
use crate::estimate;
use crate::expect::{self, Expectation};
use crate::place::Place;
use crate::problem::{Desk, Draft, nearest};
use crate::quantity::show_size;
use crate::scalar::SeedList;
use crate::seeds::{self, Seeds};
use crate::{Options, Scenario};
use mirrorsim_world::MARKS;
use mirrorsim_world::spec::{Budget, CheckMode, CheckSpec, Spec};
use std::path::Path;

/// What resolving needs beside the document.
pub(crate) struct Cx<'a> {
    /// Where mistakes go.
    pub desk: &'a mut Desk,
    /// What the caller allows and knows.
    pub options: &'a Options<'a>,
    /// Sums of the traces that were read.
    pub traces: Vec<u64>,
    /// The folder of the scenario, for traces.
    pub folder: &'a Path,
}

/// Resolves a document; `file` is its path.
pub(crate) fn resolve(cx: &mut Cx<'_>, root: &Root, file: &str) -> Option<Scenario> {
    let protocol = servers::protocol(cx, root);
    let mut sources = servers::sources(cx, root, &protocol);
    let destinations = placement::destinations(cx, root, &mut sources);
    let destination = servers::destination(cx, root, &sources);
    let mut spec = Spec {
        name: root.name.as_ref().map_or_else(|| name_of(file), |n| n.0.clone()),
        protocol,
        sources,
        destination,
        destinations,
        clients: Vec::new(),
        faults: Vec::new(),
        profile: profile::profile(cx, root),
        check: check(cx, root),
        budget: budget(cx, root),
        beyond_model: *root.beyond_model,
        allow_vacuous: *root.allow_vacuous,
    };
    servers::limits(cx, root, &spec);
    servers::exclusive_chances(cx, root, &spec);
    let sources_known = !spec.sources.is_empty();
    if sources_known {
        spec.clients = clients::clients(cx, root, &spec);
        spec.faults = faults::faults(cx, root, &spec);
        timeline::check(cx, root, &spec);
        beyond::check(cx, root, &spec);
        clients::vacuous(cx, root, &spec);
        size_of_run(cx, root, &spec);
    }
    let expect = expectations(cx, root);
    let reach = marks(cx, root);
    let seeds = root.seeds.as_ref().and_then(|text| default_seeds(cx, text));
    if cx.desk.has_problems() || !sources_known {
        return None;
    }
    Some(Scenario {
        name: spec.name.clone(),
        about: root.about.as_ref().map_or_else(String::new, |a| a.0.clone()),
        tags: root.tags.iter().map(|t| t.0.clone()).collect(),
        seeds,
        spec,
        expect,
        reach,
        path: file.to_owned(),
        notes: Vec::new(),
        source_hash: 0,
        source: String::new(),
    })
}

/// A name from the file's, with what a name cannot have replaced.
fn name_of(file: &str) -> String {
    let stem = Path::new(file).file_stem().and_then(|s| s.to_str()).unwrap_or("scenario");
    let stem = stem.trim_matches(['<', '>']);
    let clean = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }
    };
    let name: String = stem.chars().take(64).map(clean).collect();
    if matches!(name.as_str(), "" | "-" | "." | "..") { "scenario".into() } else { name }
}

fn check(cx: &mut Cx<'_>, root: &Root) -> CheckSpec {
    let c = &root.check.value.0;
    for (at, positive) in
        [(&c.full_every, *c.mode == CheckMode::Delta), (&c.one_in, *c.mode == CheckMode::Sampled)]
    {
        if at.0 == 0 && positive {
            cx.desk.report(at.wrong("no-check", "the run would check nothing").want("at least 1"));
        } else if at.given && !positive {
            let mode = if std::ptr::eq(at, &c.one_in) { "sampled" } else { "delta" };
            cx.desk.report(
                at.wrong("knobs", format!("has no effect unless `mode` is {mode}"))
                    .also(c.mode.place, "the mode"),
            );
        }
    }
    if c.exhaustive.0 > 12 {
        let what = format!("2^{} subsets are too many to try at each power cut", c.exhaustive.0);
        cx.desk.report(c.exhaustive.wrong("range", what).want("0 to 12"));
    }
    CheckSpec {
        mode: *c.mode,
        exhaustive: c.exhaustive.0,
        drawn: c.drawn.0,
        nested_every: c.nested_every.0,
        full_every: c.full_every.0.max(1),
        one_in: c.one_in.0.max(1),
    }
}

fn budget(cx: &mut Cx<'_>, root: &Root) -> Budget {
    let b = &root.budget;
    let zero = "with 0 no run would ever come to a verdict";
    if b.events.0 == 0 {
        cx.desk.report(b.events.wrong("range", zero));
    }
    if b.idle.0 == 0 {
        cx.desk.report(b.idle.wrong("range", zero));
    }
    if b.converge.0 == 0 {
        cx.desk.report(b.converge.wrong("range", zero));
    }
    Budget { events: b.events.0, idle: b.idle.0, converge: b.converge.0, memory: b.memory.0 }
}

/// Row 32: what would run for hours or fill the memory is refused before it starts.
fn size_of_run(cx: &mut Cx<'_>, root: &Root, spec: &Spec) {
    let estimate = estimate::estimate(spec);
    let budget = &root.budget;
    // A budget that nobody wrote has no place; what needs so much has one.
    let work = root.clients.as_ref().map_or(root.sources.place, |c| c.place);
    if estimate.memory > spec.budget.memory {
        let what = format!("the run needs {} of memory", estimate::about_size(estimate.memory));
        let draft = over(work, &budget.memory, "memory", what)
            .want(format!("at most {}", show_size(spec.budget.memory)));
        cx.desk.report(draft.help("raise `budget.memory`, or lower sizes, partitions or operations"));
    }
    if estimate.least_events > spec.budget.events {
        let what =
            format!("the run has at least {} events, so the budget always ends it", estimate.least_events);
        cx.desk.report(
            over(work, &budget.events, "budget", what).help("raise `budget.events`, or do fewer operations"),
        );
    }
    if estimate.operations > estimate::MANY_OPERATIONS && !cx.options.yes_large {
        let what = estimate::told(estimate.operations, estimate.memory);
        cx.desk.report(Draft::at(work, "clients", "large", what).help("say --yes-large if you mean it"));
    }
}

/// A budget that is too small for the work.
fn over<T>(work: Place, budget: &At<T>, code: &'static str, what: String) -> Draft {
    if budget.given { budget.wrong(code, what) } else { Draft::at(work, &budget.path, code, what) }
}

fn expectations(cx: &mut Cx<'_>, root: &Root) -> Vec<Expectation> {
    let mut out: Vec<Expectation> = Vec::new();
    for line in root.expect.iter() {
        if cx.desk.is_full() {
            break;
        }
        match expect::parse(&line.0, cx.options.metrics) {
            Ok(e) => out.push(Expectation { place: cx.desk.file_line(line.place), ..e }),
            Err(why) => {
                let draft =
                    line.wrong("expect", why.what).got(format!("`{}`", crate::tree::shorten(&line.0)));
                let draft = draft.want("METRIC OP VALUE, such as `lost == 0` or `p99_write < 5ms`");
                cx.desk.report(match why.help {
                    Some(help) => draft.help(help),
                    None => draft,
                });
            }
        }
    }
    out
}

/// `reach`.
fn marks(cx: &mut Cx<'_>, root: &Root) -> Vec<&'static str> {
    let known = || MARKS.iter().map(|(name, _)| *name);
    let mut out = Vec::new();
    for line in root.reach.iter() {
        match known().find(|name| *name == line.0) {
            Some(name) => out.push(name),
            None => {
                let draft =
                    line.wrong("mark", "no such mark").got(format!("`{}`", crate::tree::shorten(&line.0)));
                cx.desk.report(match nearest(&line.0, known()) {
                    Some(name) => draft.help(format!("did you mean `{name}`?")),
                    None => draft.help("`mirrorsim list --marks` names them"),
                });
            }
        }
    }
    out
}

fn default_seeds(cx: &mut Cx<'_>, text: &At<SeedList>) -> Option<Seeds> {
    match seeds::seeds(&text.0) {
        Ok(seeds) => Some(seeds),
        Err(what) => {
            let draft = text.wrong("seeds", what).got(format!("`{}`", crate::tree::shorten(&text.0)));
            cx.desk.report(draft.want("one seed, a range such as 0..100, or a list of such"));
            None
        }
    }
}
