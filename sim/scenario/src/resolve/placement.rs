//! Where each source is mirrored to, and the destinations that come of it.

use super::{Cx, names};
use crate::doc::Root;
use crate::document::At;
use crate::scalar::Name;
use mirrorsim_world::spec::{Placement, SourceSpec};

/// The word for the source behind this one; behind the last comes the first.
const NEXT: &str = "next";

/// The destinations, that with a server of its own first; each source is told which is its own.
pub(crate) fn destinations(cx: &mut Cx<'_>, root: &Root, sources: &mut [SourceSpec]) -> Vec<Placement> {
    let lines = root.sources.iter().flat_map(|s| std::iter::repeat_n(s, s.count.0.min(9) as usize));
    let words: Vec<&At<Name>> = lines.map(|line| &line.destination).take(sources.len()).collect();
    let wanted: Vec<Option<usize>> = (0..words.len()).map(|i| beside(cx, sources, i, words[i])).collect();
    let mut all = wanted.clone();
    all.sort_unstable();
    all.dedup();
    for (source, beside) in sources.iter_mut().zip(&wanted) {
        source.destination = all.iter().position(|b| b == beside).unwrap_or(0);
    }
    let name = |of: &Option<usize>| match of {
        Some(s) => Placement { name: format!("{}.{}", sources[*s].name, names::DESTINATION), beside: *of },
        None => Placement::alone(),
    };
    let out: Vec<Placement> = all.iter().map(name).collect();
    for (source, word) in sources.iter().zip(&words) {
        if out.iter().any(|d| d.name.eq_ignore_ascii_case(&source.name)) {
            let what = format!("`{}` names the destination in another server", source.name);
            cx.desk.report(word.wrong("duplicate-name", what).help("give the source another name"));
        }
    }
    if out.is_empty() { vec![Placement::alone()] } else { out }
}

/// The source in whose server the mirror of this one is; `None` = in a server of its own.
fn beside(cx: &mut Cx<'_>, sources: &[SourceSpec], source: usize, word: &At<Name>) -> Option<usize> {
    let known = || sources.iter().map(|s| s.name.as_str());
    let found = match known().position(|name| name == word.0) {
        None if word.0 == names::DESTINATION => return None,
        None if word.0 == NEXT => (source + 1) % sources.len(),
        None => {
            let list = [names::DESTINATION, NEXT].into_iter().chain(known()).collect();
            names::unknown(cx, word.place, word, "server", list);
            return None;
        }
        Some(found) => found,
    };
    if found == source {
        let what = format!("{} would be mirrored to its own server, and lost with it", sources[source].name);
        let others = known().filter(|name| *name != sources[source].name);
        let list = std::iter::once(names::DESTINATION).chain(others);
        cx.desk.report(word.wrong("own-server", what).want(names::choice(list)));
        return None;
    }
    Some(found)
}
