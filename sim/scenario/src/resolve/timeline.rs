//! Row 27: scripted faults of which the file alone shows that they never take effect. The lines with a time are played
//! through in order; what a trigger or the profile might have done before gives the benefit of the doubt.

use super::Cx;
use crate::doc::Root;
use crate::place::Place;
use crate::problem::Draft;
use crate::quantity::show_duration;
use mirrorsim_world::spec::{DamageTarget, Direction, Fault, FaultSpec, Nanos, Node, Spec, When};
use std::collections::BTreeMap;

/// Until when something lasts; `None` = until something ends it.
type Until = Option<Nanos>;

#[derive(Default)]
struct State {
    down: BTreeMap<Node, (Until, Place)>,
    /// Forward and backward of each link.
    cut: BTreeMap<(usize, bool), (Until, Place)>,
    lost: BTreeMap<usize, Place>,
}

/// Judges the timeline; only if every line could be resolved.
pub(crate) fn check(cx: &mut Cx<'_>, root: &Root, spec: &Spec) {
    if spec.faults.len() != root.faults.len() || root.faults.place.poisoned {
        return;
    }
    let mut order: Vec<(Nanos, usize)> = Vec::new();
    for (i, fault) in spec.faults.iter().enumerate() {
        if let When::At(at) = fault.when {
            order.push((at, i));
        }
    }
    order.sort_unstable();
    let mut state = State::default();
    for (now, i) in order {
        let line = &root.faults[i];
        if let Err((what, since)) = state.play(spec, now, &spec.faults[i].fault, line.place) {
            let draft = Draft::at(line.place, &line.path, "never", format!("never takes effect: {what}"));
            let draft = draft.help("take the line out, or move it to a time at which it does something");
            cx.desk.report(match since {
                Some(place) => draft.also(place, "because of this"),
                None => draft,
            });
        }
    }
    second_disasters(cx, root, spec);
}

/// However they are triggered: a site is lost only once.
fn second_disasters(cx: &mut Cx<'_>, root: &Root, spec: &Spec) {
    let mut first: BTreeMap<usize, Place> = BTreeMap::new();
    for (line, fault) in root.faults.iter().zip(&spec.faults) {
        let Fault::Disaster { source, .. } = fault.fault else {
            continue;
        };
        let before = first.insert(source, line.place);
        if let Some(place) = before.filter(|_| !stands_again(spec, source, false)) {
            let what = format!("never takes effect: {} can be lost only once", spec.sources[source].name);
            let draft = Draft::at(line.place, &line.path, "never", what).also(place, "the other disaster");
            cx.desk.report(draft);
        }
    }
}

/// Whether the site of a source is built again; `unknown`: nobody knows when.
fn stands_again(spec: &Spec, source: usize, unknown: bool) -> bool {
    let again = |f: &FaultSpec| matches!(f.fault, Fault::Rebuild { source: s } if s == source);
    spec.faults.iter().any(|f| again(f) && (!unknown || matches!(f.when, When::On { .. })))
}

type Verdict = Result<(), (String, Option<Place>)>;

impl State {
    fn play(&mut self, spec: &Spec, now: Nanos, fault: &Fault, place: Place) -> Verdict {
        self.expire(now);
        if let Some(source) = touched(fault)
            && let Some(lost) = self.lost.get(&source)
        {
            let what = format!("{} is lost before", spec.sources[source].name);
            return Err((what, Some(*lost)));
        }
        match *fault {
            Fault::Crash { node, restart_after } => {
                self.up(spec, node, now)?;
                self.goes_down(spec.site(node), now, restart_after, place);
            }
            // A power cut of a crashed server still takes what its caches hold.
            Fault::PowerCut { node, restart_after } => {
                self.goes_down(spec.site(node), now, restart_after, place)
            }
            Fault::Restart { node } => self.restart(spec, node, now)?,
            Fault::Pause { node, .. } => self.up(spec, node, now)?,
            Fault::Seal { source } => self.up(spec, Node::Source(source), now)?,
            Fault::Cut { source, direction, lasting } => {
                self.cut(source, direction, lasting.map(|t| now.saturating_add(t)), place)?;
            }
            Fault::Heal { source } => self.heal(spec, source, now)?,
            // When it stands again a trigger decides, or a line further down.
            Fault::Disaster { source, .. } if !stands_again(spec, source, true) => {
                self.lost.insert(source, place);
            }
            Fault::Rebuild { source } => {
                self.lost.remove(&source);
            }
            _ => {}
        }
        Ok(())
    }

    /// A server must be up for this fault.
    fn up(&self, spec: &Spec, node: Node, now: Nanos) -> Verdict {
        let since = self.down.get(&spec.site(node)).map(|(_, since)| *since);
        let down = |since| (format!("{} is down at {}", name(spec, node), show_duration(now)), Some(since));
        since.map_or(Ok(()), |since| Err(down(since)))
    }

    fn goes_down(&mut self, node: Node, now: Nanos, restart_after: Until, place: Place) {
        self.down.insert(node, (restart_after.map(|t| now.saturating_add(t)), place));
    }

    fn restart(&mut self, spec: &Spec, node: Node, now: Nanos) -> Verdict {
        if self.down.remove(&spec.site(node)).is_some() || may_crash(spec, node) {
            return Ok(());
        }
        Err((format!("{} is not down at {}", name(spec, node), show_duration(now)), None))
    }

    fn cut(&mut self, source: usize, direction: Direction, until: Until, place: Place) -> Verdict {
        let longer = |old: Until| old.is_some_and(|o| until.is_none_or(|u| u > o));
        let ways = ways(direction);
        let held = |way: &bool| self.cut.get(&(source, *way)).filter(|(old, _)| !longer(*old));
        let covered: Vec<_> = ways.iter().filter_map(held).collect();
        if covered.len() == ways.len() {
            return Err(("the link is cut already".into(), covered.first().map(|(_, p)| *p)));
        }
        self.cut.extend(ways.iter().map(|way| ((source, *way), (until, place))));
        Ok(())
    }

    fn heal(&mut self, spec: &Spec, source: usize, now: Nanos) -> Verdict {
        let before = self.cut.len();
        self.cut.retain(|(s, _), _| *s != source);
        if self.cut.len() < before || may_cut(spec, source) {
            return Ok(());
        }
        Err((format!("nothing is cut at {}", show_duration(now)), None))
    }

    fn expire(&mut self, now: Nanos) {
        self.down.retain(|_, (until, _)| until.is_none_or(|u| u > now));
        self.cut.retain(|_, (until, _)| until.is_none_or(|u| u > now));
    }
}

fn name(spec: &Spec, node: Node) -> &str {
    match node {
        Node::Source(s) => &spec.sources[s].name,
        Node::Destination(d) if spec.destinations.len() > 1 => &spec.destinations[d].name,
        Node::Destination(_) => "the destination",
    }
}

fn ways(direction: Direction) -> &'static [bool] {
    match direction {
        Direction::Forward => &[true],
        Direction::Backward => &[false],
        Direction::Both => &[true, false],
    }
}

/// The source whose site must still stand for a fault to do anything.
fn touched(fault: &Fault) -> Option<usize> {
    match *fault {
        Fault::Crash { node: Node::Source(s), .. }
        | Fault::PowerCut { node: Node::Source(s), .. }
        | Fault::Restart { node: Node::Source(s) }
        | Fault::Pause { node: Node::Source(s), .. }
        | Fault::DiskFull { node: Node::Source(s), .. }
        | Fault::Slow { node: Node::Source(s), .. }
        | Fault::NvramLost { node: Node::Source(s), .. }
        | Fault::Cut { source: s, .. }
        | Fault::Heal { source: s }
        | Fault::Clog { source: s, .. }
        | Fault::Reset { source: s, .. }
        | Fault::Seal { source: s }
        | Fault::Disaster { source: s, .. }
        | Fault::Damage { target: DamageTarget::VolumeBlock { source: s, .. }, .. }
        | Fault::Damage { target: DamageTarget::Range { node: Node::Source(s), .. }, .. } => Some(s),
        _ => None,
    }
}

/// A trigger or the profile may take this server down at some time.
fn may_crash(spec: &Spec, node: Node) -> bool {
    let p = &spec.profile;
    let drawn = match node {
        Node::Source(_) => p.source_crashes_milli + p.source_power_cuts_milli,
        Node::Destination(_) => p.destination_crashes_milli + p.destination_power_cuts_milli,
    };
    let crash = |f: &Fault| matches!(*f, Fault::Crash { node: n, .. } | Fault::PowerCut { node: n, .. } if spec.site(n) == spec.site(node));
    drawn > 0 || spec.faults.iter().any(|f| matches!(f.when, When::On { .. }) && crash(&f.fault))
}

/// A trigger or the profile may cut this link at some time.
fn may_cut(spec: &Spec, source: usize) -> bool {
    let cut = |f: &Fault| matches!(*f, Fault::Cut { source: s, .. } if s == source);
    spec.profile.cuts_milli > 0
        || spec.faults.iter().any(|f| matches!(f.when, When::On { .. }) && cut(&f.fault))
}
