//! Typed documents: one declaration of each key gives its reader, its place in the JSON Schema, its default and its
//! words in `explain`. A reader reports every mistake and goes on.

use crate::keys;
use crate::place::Place;
use crate::problem::{Desk, Draft, nearest};
use crate::shape::{Field, MapShape, Need, Shape, example, first_sentence};
use crate::tree::{Node, Value, shorten};
use crate::yaml;
use std::rc::Rc;

/// A value that can stand in a scenario.
pub(crate) trait Doc: Sized {
    /// What it looks like.
    fn shape() -> Shape;
    /// Reads it; `None` after mistakes that leave nothing to work with.
    fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Self>;
}

/// A value with its place and its key path.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    /// The value.
    pub value: T,
    /// Where it stands; the place of the map around it if it is a default.
    pub place: Place,
    /// Its key path.
    pub path: String,
    /// The user wrote it.
    pub given: bool,
}

impl<T> At<T> {
    /// A mistake in this value.
    pub fn wrong(&self, code: &'static str, what: impl Into<String>) -> Draft {
        Draft::at(self.place, &self.path, code, what)
    }
}

impl<T> std::ops::Deref for At<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// Walks a tree, keeps the key path, takes mistakes.
pub(crate) struct Reader<'a> {
    /// Where mistakes go.
    pub desk: &'a mut Desk,
    /// Key path of the node at hand.
    pub path: String,
    /// A part of what was just read had to be left out.
    pub dropped: bool,
}

impl Reader<'_> {
    /// A mistake at the node at hand.
    pub fn wrong(&mut self, node: &Node, code: &'static str, what: &str, want: String) -> Draft {
        Draft::at(node.place, &self.path, code, what).got(node.got()).want(want)
    }

    /// Reports that a node has another type than wanted.
    pub fn wrong_type(&mut self, node: &Node, shape: &Shape) {
        let draft = self.wrong(node, "type", "wrong type", shape.want());
        self.desk.report(draft);
    }

    /// Goes to a key or element below, and back.
    pub fn below<T>(&mut self, step: &str, f: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        if !self.path.is_empty() && !step.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(&shorten(step));
        let result = f(self);
        self.path.truncate(length);
        result
    }

    /// Reads a value with its place; with `default` as a way out after a mistake.
    pub fn at<T: Doc>(&mut self, node: &Node, given: bool, default: Option<&str>) -> Option<At<T>> {
        let outer = std::mem::replace(&mut self.dropped, false);
        let value = T::read(self, node);
        let mut place = if self.dropped { node.place.poison() } else { node.place };
        self.dropped = outer;
        let value = match (value, default) {
            (Some(value), _) => value,
            (None, Some(text)) => {
                place = place.poison();
                T::read(self, &standard(text, place))?
            }
            (None, None) => return None,
        };
        Some(At { value, place, path: self.path.clone(), given })
    }

    /// A key with a default.
    pub fn default<T: Doc>(&mut self, map: &Node, key: &str, text: &str) -> Option<At<T>> {
        match map.get(key).map(|e| e.value.clone()) {
            Some(node) => self.below(key, |r| r.at(&node, true, Some(text))),
            None => self.below(key, |r| r.at(&standard(text, map.place), false, None)),
        }
    }

    /// A key that must be there; its absence was reported by [`Reader::keys`].
    pub fn required<T: Doc>(&mut self, map: &Node, key: &str) -> Option<At<T>> {
        let node = map.get(key)?.value.clone();
        self.below(key, |r| r.at(&node, true, None))
    }

    /// A key that may be missing. After a mistake in it the map counts as one with a part left out.
    pub fn optional<T: Doc>(&mut self, map: &Node, key: &str) -> Option<Option<At<T>>> {
        let Some(node) = map.get(key).map(|e| e.value.clone()) else {
            return Some(None);
        };
        let value = self.below(key, |r| r.at(&node, true, None));
        self.dropped |= value.is_none();
        Some(value)
    }

    /// Reports unknown and missing keys of a map. A missing key with an unknown one near it is one mistake.
    pub fn keys(&mut self, node: &Node, shape: &Shape) -> Option<()> {
        let (Value::Map(entries), Shape::Map(map)) = (&node.value, shape) else {
            self.wrong_type(node, shape);
            return None;
        };
        let names: Vec<&str> = map.fields.iter().map(|f| f.name).collect();
        let absent: Vec<&str> = names.iter().copied().filter(|n| node.get(n).is_none()).collect();
        let mut folded: Vec<&str> = Vec::new();
        for entry in entries.iter().filter(|e| !names.contains(&e.key.as_str()) && !e.key.starts_with("x-")) {
            if self.desk.is_full() {
                break;
            }
            let called = keys::called(&entry.key);
            let near = names.iter().copied().find(|n| *n == called);
            let near = near
                .or_else(|| nearest(&entry.key, absent.iter().copied()))
                .or_else(|| nearest(&entry.key, names.iter().copied()));
            let path = self.below(&entry.key, |r| r.path.clone());
            let draft = Draft::at(entry.place, &path, "unknown-key", "unknown key");
            let inner = within(map, &entry.key);
            self.desk.report(match near.and_then(|n| map.fields.iter().find(|f| f.name == n)) {
                // A key of that very name is nearer than a similar one.
                Some(field) if inner.is_none_or(|(_, i)| i.name != entry.key) => {
                    folded.push(field.name);
                    let help = format!("did you mean `{}`? {}", field.name, first_sentence(&field.doc));
                    draft.want(format!("`{}`", field.name)).help(help)
                }
                _ => match inner {
                    Some((outer, field)) => {
                        folded.push(outer.name);
                        let cure = format!("{}: {{{}: {}}}", outer.name, field.name, usual(&field.shape));
                        let help = format!("did you mean `{cure}`? {}", first_sentence(&field.doc));
                        draft.want(format!("`{}`", outer.name)).help(help)
                    }
                    None => draft.help(elsewhere(&entry.key, &names)),
                },
            });
        }
        let mut whole = Some(());
        for field in map.fields.iter().filter(|f| f.need == Need::Required && absent.contains(&f.name)) {
            whole = None;
            if !folded.contains(&field.name) {
                let draft =
                    Draft::at(node.place, &self.path, "missing-key", format!("`{}` is missing", field.name));
                let want = format!("`{}: {}`", field.name, example(&field.shape));
                self.desk.report(draft.want(want).help(first_sentence(&field.doc)));
            }
        }
        for group in &map.one_of {
            let there: Vec<_> = entries.iter().filter(|e| group.contains(&e.key.as_str())).collect();
            self.dropped |= there.len() != 1;
            if there.len() > 1 {
                let (a, b) = (&there[0], &there[1]);
                let what = format!("`{}` and `{}` exclude each other", a.key, b.key);
                self.desk.report(
                    Draft::at(b.place, &self.path, "exclusive-keys", what).also(a.place, "the other one"),
                );
            } else if there.is_empty() && !group.iter().any(|n| folded.contains(n)) {
                let want = group.join(", ");
                let draft = Draft::at(node.place, &self.path, "missing-key", "one key is missing here");
                self.desk.report(draft.help(format!("add one of: {want}")));
            }
        }
        whole
    }
}

/// The one key of the maps below this one that has a name, or the meaning of it, behind the key that it stands under.
fn within<'a>(map: &'a MapShape, key: &str) -> Option<(&'a Field, &'a Field)> {
    let wanted = keys::called(key);
    let mut found = map.fields.iter().filter_map(|outer| match &outer.shape {
        Shape::Map(inner) => inner.fields.iter().find(|f| f.name == wanted).map(|field| (outer, field)),
        _ => None,
    });
    found.next().filter(|_| found.next().is_none())
}

/// Where else there are keys of a name, if they are few, and what is known here.
fn elsewhere(key: &str, names: &[&str]) -> String {
    let known = format!("known here: {}", names.join(", "));
    if keys::is_root(key) {
        return format!("`{key}` is a key of the scenario itself: write it without indentation; {known}");
    }
    match keys::places(key).as_slice() {
        [] => known,
        places @ ([_] | [_, _]) => format!("there is `{}`; {known}", places.join("` and `")),
        _ => known,
    }
}

/// A value that somebody who writes the key wants: what is off without it, on.
fn usual(shape: &Shape) -> String {
    if let Shape::Scalar(scalar) = shape { scalar.example.to_owned() } else { "...".to_owned() }
}

/// The node of a default.
pub(crate) fn standard(text: &str, place: Place) -> Rc<Node> {
    if !text.starts_with(['{', '[']) {
        return Rc::new(Node::scalar(text, true, place));
    }
    yaml::parse(text, 0, Some(place)).root.unwrap_or_else(|| Rc::new(Node::scalar("", true, place)))
}

impl<T: Doc> Doc for Vec<At<T>> {
    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }

    fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Self> {
        let Value::List(items) = &node.value else {
            let shape = Self::shape();
            let draft = reader.wrong(node, "type", "wrong type", shape.want());
            let help = format!("write one `- {}` per line, or [{0}]", example(&T::shape()));
            reader.desk.report(draft.help(help));
            return None;
        };
        let mut out = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            match reader.below(&format!("[{i}]"), |r| r.at(item, true, None)) {
                Some(at) => out.push(at),
                None => reader.dropped = true,
            }
        }
        Some(out)
    }
}

/// Declares a map: its keys, their types, what happens without them, and their docs.
macro_rules! map {
    ($(#[doc = $doc:literal])* struct $Name:ident $(one_of $group:tt)* {
        $($(#[doc = $fdoc:literal])* $field:ident: $T:ty = $need:ident $(($text:literal))?,)*
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug)]
        pub(crate) struct $Name {
            $($(#[doc = $fdoc])* pub $field: $crate::document::map!(@type $need $T),)*
        }

        impl $crate::document::Doc for $Name {
            fn shape() -> $crate::shape::Shape {
                $crate::shape::Shape::Map($crate::shape::MapShape {
                    name: stringify!($Name),
                    doc: $crate::shape::joined(&[$($doc),*]),
                    one_of: vec![$($crate::document::map!(@group $group)),*],
                    fields: vec![$($crate::shape::Field {
                        name: stringify!($field),
                        doc: $crate::shape::joined(&[$($fdoc),*]),
                        shape: <$T as $crate::document::Doc>::shape(),
                        need: $crate::document::map!(@need $need $($text)?),
                    }),*],
                })
            }

            fn read(r: &mut $crate::document::Reader<'_>, n: &$crate::tree::Node) -> Option<Self> {
                // Built once: a script has many thousands of these.
                static SHAPE: std::sync::OnceLock<$crate::shape::Shape> = std::sync::OnceLock::new();
                let whole = r.keys(n, SHAPE.get_or_init(<Self as $crate::document::Doc>::shape));
                $(let $field = $crate::document::map!(@read r n $field $need $($text)?);)*
                whole?;
                Some(Self { $($field: $field?),* })
            }
        }
    };
    (@type required $T:ty) => { $crate::document::At<$T> };
    (@type default $T:ty) => { $crate::document::At<$T> };
    (@type optional $T:ty) => { Option<$crate::document::At<$T>> };
    (@need required) => { $crate::shape::Need::Required };
    (@need default $text:literal) => { $crate::shape::Need::Default($text) };
    (@need optional $text:literal) => { $crate::shape::Need::Optional($text) };
    (@read $r:ident $n:ident $field:ident required) => { $r.required($n, stringify!($field)) };
    (@read $r:ident $n:ident $field:ident default $text:literal) => { $r.default($n, stringify!($field), $text) };
    (@read $r:ident $n:ident $field:ident optional $text:literal) => { $r.optional($n, stringify!($field)) };
    (@group [$($key:ident),*]) => { &[$(stringify!($key)),*] };
}

/// Declares the words of an enum of the protocol or of the spec.
macro_rules! words {
    ($T:ty { $($(#[doc = $doc:literal])* $word:literal => $value:expr,)* }) => {
        impl $crate::document::Doc for $T {
            fn shape() -> $crate::shape::Shape {
                $crate::shape::Shape::Words(&[$(($word, concat!($($doc,)*))),*])
            }

            fn read(r: &mut $crate::document::Reader<'_>, n: &$crate::tree::Node) -> Option<Self> {
                let value = match n.text() {
                    $(Some($word) => Some($value),)*
                    _ => None,
                };
                if value.is_none() {
                    $crate::document::unknown_word(r, n, &<$T as $crate::document::Doc>::shape());
                }
                value
            }
        }
    };
}

/// Reads a word where other forms are possible, too: a mistake names all of them.
pub(crate) fn word<T: Doc>(reader: &mut Reader<'_>, node: &Node, forms: &Shape) -> Option<T> {
    let known = |n: &str| matches!(T::shape(), Shape::Words(words) if words.iter().any(|(w, _)| *w == n));
    if node.text().is_some_and(known) {
        return T::read(reader, node);
    }
    unknown_word(reader, node, forms);
    None
}

/// Reports a word that is none of a shape's; the shape may have other forms beside words.
pub(crate) fn unknown_word(reader: &mut Reader<'_>, node: &Node, shape: &Shape) {
    let forms = if let Shape::Either(forms) = shape { forms.as_slice() } else { std::slice::from_ref(shape) };
    let words = forms.iter().find_map(|s| if let Shape::Words(words) = s { Some(*words) } else { None });
    let what = if node.text().is_some() { "unknown word" } else { "wrong type" };
    let draft = reader.wrong(node, "word", what, shape.want());
    let words = words.unwrap_or_default();
    let near = node.text().and_then(|t| nearest(t, words.iter().map(|(n, _)| *n)));
    let found = words.iter().find(|(n, _)| Some(*n) == near);
    reader.desk.report(match found {
        Some((name, doc)) => draft.help(format!("did you mean `{name}`? {}", doc.trim())),
        None => draft,
    });
}

pub(crate) use {map, words};
