//! Mistakes in a scenario: what, where, and the cure; as text for people and as JSON for tools.

use crate::place::{Place, Text, is_hidden, printable};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Rendered in full; the rest is counted.
const SHOWN: usize = 30;
/// Collected at all.
const COLLECTED: usize = 200;

/// One mistake.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Key path of what is wrong, such as `sources[0].link.latency`; empty for the file as a whole.
    pub path: String,
    /// File name, or the flag that set it.
    pub file: String,
    /// Line from 1; 0 if the mistake has no place in a text.
    pub line: usize,
    /// Column from 1, in characters; 0 if the mistake has no place in a text.
    pub column: usize,
    /// The bytes that the caret is under.
    pub span: std::ops::Range<usize>,
    /// What is wrong.
    pub what: String,
    /// What was found, if that helps.
    pub got: Option<String>,
    /// What is accepted here.
    pub want: Option<String>,
    /// The cure.
    pub help: Option<String>,
    /// Other lines that have to do with it.
    pub related: Vec<Related>,
    /// A stable name of the kind of mistake, for tools.
    pub code: &'static str,
    text: u32,
}

/// Another place that has to do with a mistake.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Related {
    /// Line from 1.
    pub line: usize,
    /// Column from 1, in characters.
    pub column: usize,
    /// What stands there.
    pub label: String,
    /// Its bytes.
    pub span: std::ops::Range<usize>,
    text: u32,
}

/// All mistakes of one scenario, in the order of the file; never empty.
#[derive(Clone, Debug)]
pub struct Problems {
    list: Vec<Problem>,
    texts: Vec<Text>,
    left_out: usize,
}

impl Problems {
    /// The mistakes.
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    /// The last so many pairs that were set were given by another flag than `--set`.
    #[must_use]
    pub fn last_set_by(mut self, flag: &str, pairs: usize) -> Problems {
        let first = self.texts.len().saturating_sub(pairs).max(1);
        self.texts[first..].iter_mut().for_each(|text| text.name = flag.to_owned());
        for problem in self.list.iter_mut().filter(|p| p.text as usize >= first) {
            problem.file = flag.to_owned();
        }
        self
    }

    /// As a person wants to read it: each with its line, a caret and the cure.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let shown = self.list.iter().take(SHOWN);
        let mut out: Vec<String> = shown.map(|p| renderer.render(&[self.group(p)])).collect();
        let count = self.list.len() + self.left_out;
        if count > SHOWN {
            out.push(format!("... and {} more mistakes", count - SHOWN));
        }
        out.join("\n\n") + "\n"
    }

    /// As JSON: an array with one object per mistake.
    pub fn to_json(&self) -> Value {
        self.list.iter().map(to_json).collect()
    }

    fn group<'a>(&'a self, p: &'a Problem) -> Group<'a> {
        let title = if p.path.is_empty() { p.what.clone() } else { format!("{}: {}", p.path, p.what) };
        let text = &self.texts[p.text as usize];
        let mut group = if p.line == 0 || text.content.is_empty() {
            // There is no line to show: the file's name goes in front.
            let mut group = Group::with_title(Level::ERROR.primary_title(format!("{}: {title}", text.name)));
            if !label(p).is_empty() {
                group = group.element(Level::NOTE.message(label(p)));
            }
            group
        } else {
            Level::ERROR.primary_title(title).elements(self.snippets(p))
        };
        if let Some(help) = &p.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        group
    }

    /// The snippet of the text with the caret, and one for each other text that is referred to.
    fn snippets<'a>(&'a self, p: &'a Problem) -> Vec<Snippet<'a, annotate_snippets::Annotation<'a>>> {
        let mut order = vec![p.text];
        order.extend(p.related.iter().map(|r| r.text).filter(|t| *t != p.text));
        order.dedup();
        let snippet = |t: u32| {
            let text = &self.texts[t as usize];
            let mut snippet = Snippet::source(text.content.as_str()).path(text.name.as_str());
            if t == p.text {
                let label = label(p);
                let primary = AnnotationKind::Primary.span(clip(&text.content, &p.span));
                snippet = snippet.annotation(if label.is_empty() { primary } else { primary.label(label) });
            }
            let here = p.related.iter().filter(|r| r.text == t);
            snippet.annotations(
                here.map(|r| {
                    AnnotationKind::Context.span(clip(&text.content, &r.span)).label(r.label.as_str())
                }),
            )
        };
        order.into_iter().map(snippet).collect()
    }
}

impl std::fmt::Display for Problems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}

fn label(p: &Problem) -> String {
    match (&p.got, &p.want) {
        (Some(got), Some(want)) => format!("got {got}, want {want}"),
        (Some(got), None) => format!("got {got}"),
        (None, Some(want)) => format!("want {want}"),
        (None, None) => String::new(),
    }
}

fn to_json(p: &Problem) -> Value {
    let related = |r: &Related| json!({"line": r.line, "column": r.column, "label": r.label});
    // What has no place in a text has none here.
    let placed = p.line > 0;
    let (line, column) = (placed.then_some(p.line), placed.then_some(p.column));
    json!({
        "code": p.code, "path": p.path, "file": p.file, "line": line, "column": column,
        "span": placed.then_some([p.span.start, p.span.end]), "what": p.what, "got": p.got, "want": p.want, "help": p.help,
        "related": p.related.iter().map(related).collect::<Vec<_>>(),
    })
}

/// A range that the renderer accepts: inside the text, on character boundaries, on one line.
fn clip(text: &str, span: &std::ops::Range<usize>) -> std::ops::Range<usize> {
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(span.start);
    let line_end = text[start..].find('\n').map_or(text.len(), |n| start + n);
    start..floor(span.end).clamp(start, line_end)
}

/// A mistake on its way into [`Problems`].
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    place: Option<Place>,
    path: String,
    code: &'static str,
    what: String,
    got: Option<String>,
    want: Option<String>,
    help: Option<String>,
    also: Vec<(Place, String)>,
}

impl Draft {
    /// A mistake at a place.
    pub fn at(place: Place, path: &str, code: &'static str, what: impl Into<String>) -> Draft {
        Draft { place: Some(place), ..Draft::nowhere(path, code, what) }
    }

    /// A mistake of a text as a whole.
    pub fn nowhere(path: &str, code: &'static str, what: impl Into<String>) -> Draft {
        let (path, what) = (path.to_owned(), what.into());
        Draft { place: None, path, code, what, got: None, want: None, help: None, also: Vec::new() }
    }

    /// What was found.
    pub fn got(mut self, got: impl Into<String>) -> Draft {
        self.got = Some(got.into());
        self
    }

    /// What is accepted.
    pub fn want(mut self, want: impl Into<String>) -> Draft {
        self.want = Some(want.into());
        self
    }

    /// The cure.
    pub fn help(mut self, help: impl Into<String>) -> Draft {
        self.help = Some(help.into());
        self
    }

    /// Another place that has to do with it.
    pub fn also(mut self, place: Place, label: impl Into<String>) -> Draft {
        self.also.push((place, label.into()));
        self
    }
}

/// Collects the mistakes of one scenario.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    /// The texts that places point into.
    pub texts: Vec<Text>,
    /// What is no mistake.
    pub notes: Vec<String>,
    list: Vec<(Place, Problem)>,
    seen: BTreeSet<(u32, u32, u32, String)>,
    left_out: usize,
}

impl Desk {
    /// Takes a mistake, unless it follows from one that was already reported or repeats one (through an anchor).
    pub fn report(&mut self, draft: Draft) {
        let place = draft.place.unwrap_or_default();
        if place.poisoned || draft.also.iter().any(|(p, _)| p.poisoned) {
            return;
        }
        if self.is_full() {
            self.left_out += 1;
            return;
        }
        if !self.seen.insert((place.text, place.start, place.end, format!("{} {}", draft.code, draft.what))) {
            return;
        }
        let text = &self.texts[place.text as usize];
        let (line, column) = if draft.place.is_some() { text.line_column(place.start) } else { (0, 0) };
        let related = draft.also.into_iter().map(|(at, label)| self.related(at, &label)).collect();
        let clean = |s: String| {
            if s.chars().any(is_hidden) { printable(&s) } else { s }
        };
        let problem = Problem {
            path: clean(draft.path),
            file: text.name.clone(),
            line,
            column,
            span: place.start as usize..place.end as usize,
            what: clean(draft.what),
            got: draft.got.map(clean),
            want: draft.want,
            help: draft
                .help
                .map(|h| h.split('\n').map(|l| clean(l.to_owned())).collect::<Vec<_>>().join("\n")),
            related,
            code: draft.code,
            text: place.text,
        };
        self.list.push((place, problem));
    }

    fn related(&self, place: Place, label: &str) -> Related {
        let (line, column) = self.texts[place.text as usize].line_column(place.start);
        let span = place.start as usize..place.end as usize;
        Related { line, column, label: printable(label), span, text: place.text }
    }

    /// No more mistakes are kept: nobody reads them, and looking for near names takes time.
    pub fn is_full(&self) -> bool {
        self.list.len() >= COLLECTED
    }

    /// Whether anything was reported.
    pub fn has_problems(&self) -> bool {
        !self.list.is_empty()
    }

    /// `file:line` of a place, or what was set.
    pub fn file_line(&self, place: Place) -> String {
        let text = &self.texts[place.text as usize];
        match text.content.split_once('=') {
            Some((key, _)) if place.text > 0 => format!("{} {}", text.name, printable(key)),
            _ => format!("{}:{}", text.name, text.line_column(place.start).0),
        }
    }

    /// All mistakes in the order of the texts.
    pub fn finish(mut self) -> Problems {
        self.list.sort_by_key(|(p, _)| (p.text, p.start));
        let list = self.list.into_iter().map(|(_, p)| p).collect();
        Problems { list, texts: self.texts, left_out: self.left_out }
    }
}

/// The nearest of `names` to `word`, if one is near enough to be meant; else the shortest that goes on where the word has
/// something else behind a `_`.
pub(crate) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: String = word.chars().take(64).flat_map(char::to_lowercase).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let stem = word.rsplit_once('_').map(|(stem, _)| stem).filter(|stem| stem.len() >= 4);
    let of_stem = || {
        let stem = stem?;
        names.iter().copied().filter(|name| name.starts_with(stem)).min_by_key(|name| name.len())
    };
    let near = |name: &&str| {
        let distance = strsim::damerau_levenshtein(&word, &name.to_lowercase());
        let prefix = word.chars().count() >= 3 && (name.starts_with(&word) || name.ends_with(&word));
        let allowed = if prefix { name.len() } else { word.chars().count().div_ceil(3) };
        (distance <= allowed).then_some(distance)
    };
    let found = names.iter().filter_map(|n| near(n).map(|d| (d, *n))).min_by_key(|(d, _)| *d);
    found.map(|(_, n)| n).or_else(of_stem)
}
