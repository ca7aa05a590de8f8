//! Text to tree: anchors, aliases and merge keys within a budget, a depth limit, no duplicate keys, one document.

use crate::place::Place;
use crate::problem::{Draft, nearest};
use crate::tree::{Entry, Node, Value, shorten};
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Levels of nesting.
const DEPTH: usize = 64;
/// Keys of one map.
const KEYS: usize = 1000;
/// Elements of one list.
const ITEMS: usize = 20_000;
/// Nodes that aliases may add to what is written out: an alias in an alias in an alias grows without end.
const EXPANSION: u64 = 100_000;

/// A tree, if there is one, and the mistakes that were found on the way.
pub(crate) struct Parsed {
    /// The root.
    pub root: Option<Rc<Node>>,
    /// Mistakes.
    pub problems: Vec<Draft>,
}

/// Parses text number `text`. With `fixed` all nodes are placed there (for texts that the user did not write).
pub(crate) fn parse(content: &str, text: u32, fixed: Option<Place>) -> Parsed {
    parse_behind(0, content, text, fixed)
}

/// Parses what stands behind so many bytes of a text.
pub(crate) fn parse_behind(first: usize, content: &str, text: u32, fixed: Option<Place>) -> Parsed {
    let bytes =
        if content.is_ascii() { Vec::new() } else { content.char_indices().map(|(i, _)| i).collect() };
    let (anchors, frames, problems) = (BTreeMap::new(), Vec::new(), Vec::new());
    let mut builder =
        Builder { content, first, text, fixed, bytes, anchors, frames, problems, expanded: 0, root: None };
    if let Err(draft) = builder.run() {
        builder.problems.push(*draft);
        builder.root = None;
    }
    Parsed { root: builder.root, problems: builder.problems }
}

struct Builder<'a> {
    content: &'a str,
    /// Where the content begins in its text.
    first: usize,
    text: u32,
    fixed: Option<Place>,
    /// Byte of each character; empty if they are the same.
    bytes: Vec<usize>,
    anchors: BTreeMap<usize, Rc<Node>>,
    frames: Vec<Frame>,
    problems: Vec<Draft>,
    expanded: u64,
    root: Option<Rc<Node>>,
}

struct Frame {
    place: Place,
    anchor: usize,
    kind: Kind,
}

enum Kind {
    List(Vec<Rc<Node>>),
    Map { entries: Vec<Entry>, merges: Vec<(Place, Rc<Node>)>, key: Option<(String, Place)> },
}

type Stop = Box<Draft>;

impl Builder<'_> {
    fn run(&mut self) -> Result<(), Stop> {
        let mut parser = Parser::new_from_str(self.content);
        let mut documents = 0;
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|e| Box::new(self.scan_error(&e)))?;
            let place = self.place(&span);
            match event {
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        let draft = Draft::at(place, "", "second-document", "a second document starts here");
                        self.problems.push(draft.help("one scenario per file: move it to a file of its own"));
                        return Ok(());
                    }
                }
                Event::Scalar(value, style, anchor, tag) => {
                    self.refuse_tag(tag.is_some(), place)?;
                    let plain = style == ScalarStyle::Plain;
                    self.add(Rc::new(Node::scalar(value, plain, place)), anchor)?;
                }
                Event::SequenceStart(anchor, tag) => {
                    self.refuse_tag(tag.is_some(), place)?;
                    self.open(place, anchor, Kind::List(Vec::new()))?;
                }
                Event::MappingStart(anchor, tag) => {
                    self.refuse_tag(tag.is_some(), place)?;
                    self.open(
                        place,
                        anchor,
                        Kind::Map { entries: Vec::new(), merges: Vec::new(), key: None },
                    )?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.close()?,
                Event::Alias(id) => self.alias(id, place)?,
                Event::StreamEnd => break,
                _ => {}
            }
        }
        Ok(())
    }

    fn open(&mut self, place: Place, anchor: usize, kind: Kind) -> Result<(), Stop> {
        if self.frames.len() >= DEPTH {
            return Err(Box::new(too_deep(place)));
        }
        self.frames.push(Frame { place, anchor, kind });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Stop> {
        let Some(frame) = self.frames.pop() else {
            return Ok(());
        };
        let node = match frame.kind {
            Kind::List(items) => Node::list(items, frame.place),
            Kind::Map { entries, merges, .. } => {
                // A block map has no bracket of its own to point at: its first key stands for it.
                let place = match entries.first() {
                    Some(first) if frame.place.start == frame.place.end => first.place,
                    _ => frame.place,
                };
                Node::map(self.merge(entries, merges), place)
            }
        };
        self.add(Rc::new(node), frame.anchor)
    }

    /// Own keys first, then those of merged maps that are not there yet.
    fn merge(&mut self, mut entries: Vec<Entry>, merges: Vec<(Place, Rc<Node>)>) -> Vec<Entry> {
        for (place, from) in merges {
            let maps = match &from.value {
                Value::List(items) => items.clone(),
                _ => vec![from.clone()],
            };
            for map in maps {
                let Value::Map(merged) = &map.value else {
                    let draft = Draft::at(place, "", "merge", "only maps can be merged").got(map.got());
                    self.problems.push(draft.want("`<<: *name` of a map, or a list of such names"));
                    continue;
                };
                for entry in merged {
                    if !entries.iter().any(|e| e.key == entry.key) {
                        entries.push(entry.clone());
                    }
                }
            }
        }
        entries
    }

    fn alias(&mut self, id: usize, place: Place) -> Result<(), Stop> {
        let name = self.slice(place).trim_start_matches('*').to_owned();
        let Some(node) = self.anchors.get(&id).cloned() else {
            let outer = self.frames.iter().find(|f| f.anchor == id).map_or(place, |f| f.place);
            let draft =
                Draft::at(place, "", "anchor-cycle", format!("`{name}` contains itself: {name} -> {name}"));
            return Err(Box::new(draft.also(outer, "it starts here")));
        };
        self.expanded = self.expanded.saturating_add(node.size);
        if self.expanded > EXPANSION {
            let draft =
                Draft::at(place, "", "expansion", format!("aliases expand to more than {EXPANSION} values"));
            return Err(Box::new(
                draft.help("write fewer aliases of aliases, or use `count:` for many alike servers"),
            ));
        }
        if self.frames.len() + node.height as usize > DEPTH {
            return Err(Box::new(too_deep(place)));
        }
        self.add(node, 0)
    }

    fn add(&mut self, node: Rc<Node>, anchor: usize) -> Result<(), Stop> {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut frame.kind {
            Kind::List(items) if items.len() >= ITEMS => {
                let what = format!("more than {ITEMS} elements in one list");
                let draft = Draft::at(node.place, "", "too-many-items", what);
                return Err(Box::new(
                    draft.help("use `count:` for alike elements, and a trace file for operations"),
                ));
            }
            Kind::List(items) => items.push(node),
            Kind::Map { entries, merges, key } => match key.take() {
                None => {
                    let Value::Scalar(text, _) = &node.value else {
                        let draft = Draft::at(node.place, "", "key", "a key must be a word").got(node.got());
                        return Err(Box::new(draft));
                    };
                    *key = Some((text.clone(), node.place));
                }
                Some((name, place)) if name == "<<" => match merges.first() {
                    Some((first, _)) => self.problems.push(
                        Draft::at(place, "", "duplicate-key", "`<<` twice in one map")
                            .also(*first, "first here")
                            .help("merge both at once: <<: [*one, *other]"),
                    ),
                    None => merges.push((place, node)),
                },
                Some((name, place)) => match entries.iter().find(|e| e.key == name) {
                    Some(first) => self.problems.push(
                        Draft::at(
                            place,
                            "",
                            "duplicate-key",
                            format!("`{}` twice in one map", shorten(&name)),
                        )
                        .also(first.place, "first here")
                        .help("keep one of them; no later key replaces an earlier one"),
                    ),
                    None if entries.len() >= KEYS => {
                        let draft = Draft::at(
                            place,
                            "",
                            "too-many-keys",
                            format!("more than {KEYS} keys in one map"),
                        );
                        return Err(Box::new(draft));
                    }
                    None => entries.push(Entry { key: name, place, value: node }),
                },
            },
        }
        Ok(())
    }

    fn refuse_tag(&self, tagged: bool, place: Place) -> Result<(), Stop> {
        if !tagged {
            return Ok(());
        }
        let draft = Draft::at(place, "", "yaml-tag", "YAML tags have no meaning in scenarios");
        Err(Box::new(draft.help("delete the word that starts with `!`; quote the text if it belongs to it")))
    }

    fn place(&self, span: &Span) -> Place {
        self.fixed.unwrap_or_else(|| {
            let (start, end) = (self.byte(span.start.index()), self.byte(span.end.index()));
            self.span(start, end.max(start))
        })
    }

    /// A range of the content as a place.
    fn span(&self, start: usize, end: usize) -> Place {
        Place::new(self.text, self.first + start, self.first + end)
    }

    fn byte(&self, index: usize) -> usize {
        match self.bytes.get(index) {
            Some(byte) => *byte,
            None if self.bytes.is_empty() => index.min(self.content.len()),
            None => self.content.len(),
        }
    }

    fn slice(&self, place: Place) -> &str {
        let in_content = |byte: u32| (byte as usize).saturating_sub(self.first);
        self.content.get(in_content(place.start)..in_content(place.end)).unwrap_or("")
    }

    /// The scanner's words in ours, with a cure where the usual cause is known.
    fn scan_error(&self, e: &ScanError) -> Draft {
        let start = self.byte(e.marker().index());
        let rest = self.content.get(start..).unwrap_or("");
        let before = self.content.get(..start).unwrap_or("");
        let length =
            rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | ']' | '}')).unwrap_or(rest.len());
        let place = self.fixed.unwrap_or_else(|| self.span(start, start + length.min(80)));
        let info = e.info();
        let (what, help) = match info {
            _ if info.contains("recursion limit") => return too_deep(place),
            _ if info.contains("unknown anchor") => return self.unknown_anchor(place),
            _ if info.contains("mapping values are not allowed") => (
                "a second `: ` in one line",
                "start a new line for a map in a map, or quote the text that has a colon and a space in it",
            ),
            _ if info.contains("block sequence entries are not allowed") => (
                "a list starts in the middle of a line",
                "start a new line for `- `, or write the list as [a, b]",
            ),
            _ if info.contains("quoted scalar") => {
                ("a quote is never closed", "close it with the same quote sign")
            }
            _ if info.contains("flow construct") => {
                ("a bracket is still open above this line", "close it there, or indent this line")
            }
            _ if info.contains("flow sequence") => {
                ("a list is never closed, or lacks a comma", "write [a, b, c]")
            }
            _ if info.contains("flow mapping") => {
                ("a map is never closed, or lacks a comma", "write {a: 1, b: 2}")
            }
            _ if info.contains("expected node content") => {
                ("a value is missing here", "write it, or close the bracket that was opened before")
            }
            _ if info.contains("expected key") => {
                ("this line fits no level of indentation", "indent it like the keys that it belongs to")
            }
            _ if info.contains("simple key expected") || info.contains("simple key expect") => {
                ("this line is no `key: value`", "write `key: value`, with a space behind the colon")
            }
            _ if info.contains("unexpected character") || info.contains("plain scalar cannot start") => {
                ("a text cannot start with this sign", "put the text in quotes")
            }
            _ if rest.starts_with('\t') || before.ends_with('\t') => {
                ("a tab where YAML allows only spaces", "use spaces")
            }
            _ if info.contains("tab") => ("a tab where YAML allows only spaces", "use spaces"),
            _ => (info, "see the line above it too: YAML often notices a mistake one line late"),
        };
        Draft::at(place, "", "yaml", what).help(help)
    }

    fn unknown_anchor(&self, place: Place) -> Draft {
        let name = self.slice(place).trim_start_matches('*');
        let word = |part: &'_ str| {
            part.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').unwrap_or(part.len())
        };
        let known: Vec<&str> = self.content.split('&').skip(1).map(|part| &part[..word(part)]).collect();
        let draft =
            Draft::at(place, "", "unknown-anchor", format!("no anchor `&{}` above this line", shorten(name)));
        match nearest(name, known) {
            Some(near) => draft.help(format!("did you mean `*{near}`?")),
            None => draft.help("write `&name` before the value that is meant, above its first use"),
        }
    }
}

fn too_deep(place: Place) -> Draft {
    Draft::at(place, "", "too-deep", format!("nested deeper than {DEPTH} levels"))
        .help("no scenario needs more than ten")
}
