//! `--set KEY=VALUE`: changes the tree before it is read, so that the same checks and messages hold.

use crate::place::{Place, Text};
use crate::problem::{Desk, Draft, nearest};
use crate::tree::{Entry, Node, Value};
use crate::yaml;
use std::rc::Rc;

/// Applies all of them in order.
pub(crate) fn apply(desk: &mut Desk, mut tree: Rc<Node>, sets: &[(String, String)]) -> Rc<Node> {
    let mut seen: Vec<(Vec<String>, Place)> = Vec::new();
    for (key, value) in sets {
        let text = desk.texts.len() as u32;
        desk.texts.push(Text::new("--set", &format!("{key}={value}")));
        let (whole, behind) = (Place::new(text, 0, key.len()), key.len() + 1);
        let steps = steps(key, text);
        if steps.iter().any(|(step, _)| step.is_empty()) {
            let draft = Draft::at(whole, key, "set", "not a key path");
            desk.report(draft.want("KEY=VALUE, such as sources.alpha.link.latency=2ms"));
            continue;
        }
        let names: Vec<String> = steps.iter().map(|(step, _)| step.clone()).collect();
        if let Some((_, first)) = seen.iter().find(|(s, _)| *s == names) {
            desk.report(Draft::at(whole, key, "set", "this key is set twice").also(*first, "set here too"));
            continue;
        }
        let parsed = yaml::parse_behind(behind, value, text, None);
        let broken = !parsed.problems.is_empty();
        parsed.problems.into_iter().for_each(|p| desk.report(p));
        if broken {
            continue;
        }
        let nothing = || Rc::new(Node::scalar("", true, Place::new(text, behind, behind + value.len())));
        let node = parsed.root.unwrap_or_else(nothing);
        let mut change = Change { desk, key, node };
        change.put(&mut tree, &steps);
        seen.push((names, whole));
    }
    tree
}

/// A step of a path with its place.
type Step = (String, Place);

/// `sources[0].link` and `sources.0.link` are the same path.
fn steps(key: &str, text: u32) -> Vec<Step> {
    let mut start = 0;
    let step = |part: &str| {
        let name = part.replace(']', "").trim().to_owned();
        let first = start + part.len() - part.trim_start().len();
        start += part.len() + 1;
        let place = Place::new(text, first, first + name.len());
        (name, place)
    };
    key.split(['.', '[']).map(step).collect()
}

struct Change<'a> {
    desk: &'a mut Desk,
    key: &'a str,
    node: Rc<Node>,
}

impl Change<'_> {
    fn put(&mut self, at: &mut Rc<Node>, steps: &[Step]) {
        let Some(((step, place), rest)) = steps.split_first() else {
            *at = self.node.clone();
            return;
        };
        let (key, place) = (self.key, *place);
        let fresh = || Rc::new(Node::map(Vec::new(), place));
        let node = Rc::make_mut(at);
        match &mut node.value {
            Value::Map(entries) => {
                let found = entries.iter().position(|e| e.key == *step);
                let i = found.unwrap_or_else(|| {
                    entries.push(Entry { key: step.clone(), place, value: fresh() });
                    entries.len() - 1
                });
                // A key with nothing behind it is as good as a missing one.
                if entries[i].value.is_null() && !rest.is_empty() {
                    entries[i].value = fresh();
                }
                self.put(&mut entries[i].value, rest);
            }
            Value::List(items) if step == "*" => items.iter_mut().for_each(|i| self.put(i, rest)),
            Value::List(items) => {
                let named =
                    items.iter().position(|i| i.get("name").and_then(|n| n.value.text()) == Some(step));
                let index = named.or_else(|| step.parse().ok().filter(|i| *i < items.len()));
                match index {
                    Some(i) => self.put(&mut items[i], rest),
                    None => {
                        let draft = no_element(key, place, step, items);
                        self.desk.report(draft);
                    }
                }
            }
            Value::Scalar(text, _) => {
                let what = format!(
                    "`{}` is not a map here, so `{step}` cannot be set in it",
                    crate::tree::shorten(text)
                );
                let whole = key
                    .split('.')
                    .take(key.split('.').count() - 1 - rest.len())
                    .collect::<Vec<_>>()
                    .join(".");
                let draft = Draft::at(place, key, "set", what).also(node.place, "it is this");
                self.desk.report(draft.help(format!("set the whole of it: '{whole}={{{step}: ...}}'")));
            }
        }
    }
}

fn no_element(key: &str, place: Place, step: &str, items: &[Rc<Node>]) -> Draft {
    let names: Vec<&str> = items.iter().filter_map(|i| i.get("name").and_then(|n| n.value.text())).collect();
    let draft = Draft::at(place, key, "set", format!("no element `{step}` in this list of {}", items.len()));
    let near = nearest(step, names.iter().copied());
    match (near, names.is_empty()) {
        (Some(near), _) => draft.help(format!("did you mean `{near}`?")),
        (None, true) => draft.help("name an element by its number from 0, or all of them by *"),
        (None, false) => {
            draft.help(format!("name one of {}, a number from 0, or all of them by *", names.join(", ")))
        }
    }
}
