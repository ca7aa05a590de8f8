//! Names to indices, and names that are there twice.

use super::Cx;
use crate::doc::{self, Root};
use crate::document::At;
use crate::place::Place;
use crate::problem::{Draft, nearest};
use crate::scalar::Name;
use mirrorsim_world::spec::{Node, Placement, Spec};

/// The word that names the destination.
pub(crate) const DESTINATION: &str = "destination";

/// Reports names that are equal without regard to case: file systems and people take them for one.
pub(crate) fn unique(cx: &mut Cx<'_>, what: &str, names: &[(String, Place, String)]) {
    let mut seen = std::collections::BTreeMap::new();
    for (name, place, path) in names {
        let Some((first, first_place)) = seen.insert(name.to_ascii_lowercase(), (name, place)) else {
            continue;
        };
        let title = match first == name {
            true => format!("two {what} are called `{name}`"),
            false => {
                format!("two {what} are called `{first}` and `{name}`, which differ only in case")
            }
        };
        let draft = Draft::at(*place, path, "duplicate-name", title);
        cx.desk.report(draft.also(*first_place, "the first").help("give each a name of its own"));
    }
}

/// Reports clients that are called like a server: a filter by name would mean both.
pub(crate) fn unlike_servers(cx: &mut Cx<'_>, root: &Root, spec: &Spec, clients: &[(String, Place, String)]) {
    let place = |s: &At<doc::servers::Source>| s.name.as_ref().map_or(s.place, |n| n.place);
    let places = root.sources.iter().flat_map(|s| std::iter::repeat_n(place(s), s.count.0.min(9) as usize));
    let servers: Vec<(&str, Place)> = spec.sources.iter().map(|s| s.name.as_str()).zip(places).collect();
    for (name, place, path) in clients {
        if name.eq_ignore_ascii_case(DESTINATION) {
            let draft = Draft::at(*place, path, "duplicate-name", "this word names the destination");
            cx.desk.report(draft.help("give the client another name"));
        } else if let Some((server, first)) = servers.iter().find(|(s, _)| s.eq_ignore_ascii_case(name)) {
            let what = format!("a client and a source are called `{server}`");
            let draft = Draft::at(*place, path, "duplicate-name", what);
            cx.desk.report(draft.also(*first, "the source").help("give each a name of its own"));
        }
    }
}

/// The index of a source; without a name the only one.
pub(crate) fn source(
    cx: &mut Cx<'_>,
    spec: &Spec,
    list: Place,
    name: Option<&At<Name>>,
    around: (Place, &str),
) -> Option<usize> {
    let Some(name) = name else {
        // Of several that have one name that is the mistake, and it is told already.
        if let [first, others @ ..] = &spec.sources[..]
            && others.iter().all(|other| other.name == first.name)
        {
            return Some(0);
        }
        let names = choice(spec.sources.iter().map(|s| s.name.as_str()));
        let draft = Draft::at(
            around.0,
            around.1,
            "missing-key",
            "`source` is missing, and there are several sources",
        );
        cx.desk.report(draft.want(format!("`source: {names}`")));
        return None;
    };
    let found = spec.sources.iter().position(|s| s.name == name.0);
    if found.is_none() {
        unknown(cx, list, name, "source", spec.sources.iter().map(|s| s.name.as_str()).collect());
    }
    found
}

/// A server by name.
pub(crate) fn node(cx: &mut Cx<'_>, spec: &Spec, list: Place, name: &At<Name>) -> Option<Node> {
    let source = || spec.sources.iter().position(|s| s.name == name.0).map(Node::Source);
    let destination =
        |d: &Placement| d.name == name.0 || name.0 == DESTINATION && spec.destinations.len() == 1;
    let found = spec.destinations.iter().position(destination).map(Node::Destination).or_else(source);
    if found.is_none() {
        let destinations = spec.destinations.iter().map(|d| d.name.as_str());
        let names = destinations.chain(spec.sources.iter().map(|s| s.name.as_str()));
        unknown(cx, list, name, "server", names.collect());
    }
    found
}

/// A volume of a source by name; without a name the first.
pub(crate) fn volume(
    cx: &mut Cx<'_>,
    spec: &Spec,
    source: usize,
    list: Place,
    name: Option<&At<Name>>,
) -> Option<usize> {
    let Some(name) = name else { return Some(0) };
    let volumes = &spec.sources[source].volumes;
    let found = volumes.iter().position(|v| v.name == name.0);
    if found.is_none() {
        let what = format!("volume of {}", spec.sources[source].name);
        unknown(cx, list, name, &what, volumes.iter().map(|v| v.name.as_str()).collect());
    }
    found
}

pub(crate) fn unknown(cx: &mut Cx<'_>, list: Place, name: &At<Name>, what: &str, known: Vec<&str>) {
    if list.poisoned {
        return;
    }
    let draft = name.wrong("unknown-name", format!("no such {what}")).got(format!("`{}`", name.0));
    let near = nearest(&name.0, known.iter().copied());
    let draft = draft.want(choice(known));
    cx.desk.report(match near {
        Some(near) => draft.help(format!("did you mean `{near}`?")),
        None => draft,
    });
}

/// Names to choose from, each once.
pub(crate) fn choice<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut once: Vec<&str> = Vec::new();
    for name in names {
        if !once.contains(&name) {
            once.push(name);
        }
    }
    once.join(" | ")
}
