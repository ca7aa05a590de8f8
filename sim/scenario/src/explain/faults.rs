//! The timeline in words.

use super::{Page, device_name, snake};
use crate::quantity::{show_duration, show_size};
use mirrorsim_world::spec::{DamageTarget, Direction, Fault, LostContent, Node, When};

impl Page<'_> {
    /// Scripted faults in the order of their times, then those that wait for a stage.
    pub(super) fn timeline(&mut self) {
        let mut timed: Vec<(u64, usize)> = Vec::new();
        let mut waiting = Vec::new();
        for (i, f) in self.spec.faults.iter().enumerate() {
            match f.when {
                When::At(at) => timed.push((at, i)),
                When::On { .. } => waiting.push(i),
            }
        }
        timed.sort_unstable();
        if !self.spec.faults.is_empty() {
            self.line(0, "timeline");
        }
        for i in timed.into_iter().map(|(_, i)| i).chain(waiting) {
            let f = &self.spec.faults[i];
            let line = format!("{}: {}  [{}]", self.when(&f.when), self.fault(&f.fault), f.place);
            self.line(1, &line);
        }
    }

    fn when(&self, when: &When) -> String {
        match *when {
            When::At(at) => format!("at {}", show_duration(at)),
            When::On { stage, nth, source, node, delay } => {
                let who = source.map_or_else(String::new, |s| format!(" by {}", self.spec.sources[s].name));
                let at = node.map_or_else(String::new, |n| format!(" at {}", self.node(n)));
                let after =
                    if delay > 0 { format!("{} after ", show_duration(delay)) } else { "when ".into() };
                format!("{after}{}{who}{at}, time {nth}", stage.name())
            }
        }
    }

    pub(super) fn node(&self, node: Node) -> &str {
        match node {
            Node::Source(s) => &self.spec.sources[s].name,
            Node::Destination(d) => &self.spec.destinations[d].name,
        }
    }

    fn fault(&self, fault: &Fault) -> String {
        let source = |s: usize| self.spec.sources[s].name.as_str();
        let back = |t: Option<u64>| {
            t.map_or_else(
                || ", down until a restart or healed".into(),
                |t| format!(", back after {}", show_duration(t)),
            )
        };
        let lasting = |t: Option<u64>| {
            t.map_or_else(|| " until healed".into(), |t| format!(" for {}", show_duration(t)))
        };
        let way = |d: Direction| snake(&format!("{d:?}"));
        match *fault {
            Fault::Crash { node, restart_after } => {
                format!("crash {}{}", self.node(node), back(restart_after))
            }
            Fault::PowerCut { node, restart_after } => {
                format!("power cut of {}{}", self.node(node), back(restart_after))
            }
            Fault::Restart { node } => format!("restart {}", self.node(node)),
            Fault::Pause { node, lasting: t } => {
                format!("pause {}{}", self.node(node), lasting(Some(t)))
            }
            Fault::Cut { source: s, direction, lasting: t } => {
                format!("cut the link of {} ({}){}", source(s), way(direction), lasting(t))
            }
            Fault::Heal { source: s } => format!("heal the link of {}", source(s)),
            Fault::Clog { source: s, direction, lasting: t } => {
                format!("clog the link of {} ({}){}", source(s), way(direction), lasting(Some(t)))
            }
            Fault::Reset { source: s, only } => {
                let half = only.map_or_else(String::new, |n| format!(", only {} learns of it", self.node(n)));
                format!("reset the connection of {}{half}", source(s))
            }
            Fault::DiskFull { node, device, lasting: t } => {
                format!("{} disk of {} is full{}", device_name(device), self.node(node), lasting(Some(t)))
            }
            Fault::Slow { node, device, factor, lasting: t } => {
                format!(
                    "{} of {} takes {factor} times as long{}",
                    device_name(device),
                    self.node(node),
                    lasting(Some(t))
                )
            }
            Fault::Damage { target, bits } => {
                format!("damage {bits} bits of {}", self.target(target))
            }
            Fault::NvramLost { node, reads } => {
                let content = match reads {
                    LostContent::Zeros => "reads as zeros",
                    LostContent::Random => "reads as random bytes",
                    LostContent::Uncorrectable => "cannot be read",
                    LostContent::Foreign => "holds another server's content",
                };
                format!("nvram of {} is lost, {content}", self.node(node))
            }
            Fault::NvramDegraded { node, lasting: t } => {
                format!("battery of {} is low{}", self.node(node), lasting(t))
            }
            Fault::Disaster { source: s, power_cut, recover_after } => {
                let cut = if power_cut { ", destination loses power" } else { "" };
                let then = match recover_after {
                    0 => "the destination recovers at once".to_owned(),
                    t => format!("the operator orders the recovery {} later", show_duration(t)),
                };
                let there = self.spec.destinations.iter().position(|d| d.beside == Some(s));
                let images: Vec<&str> =
                    there.iter().flat_map(|d| self.spec.mirrors_of(*d)).map(source).collect();
                let images = match images.is_empty() {
                    true => String::new(),
                    false => format!(", with the image of {}", images.join(" and ")),
                };
                format!("site of {} is lost for ever{images}{cut}; {then}", source(s))
            }
            Fault::Seal { source: s } => {
                format!("operator seals the open partition of {}", source(s))
            }
            Fault::Recover { source: s, promote } => {
                let then = if promote {
                    ", and the destination serves its clients, unless it is damaged"
                } else {
                    ""
                };
                format!("operator recovers the mirror of {0}: {0} is fenced{then}", source(s))
            }
            Fault::HandOver { source: s } => {
                format!("operator gives the clients of {} back to it, once it is in sync", source(s))
            }
            Fault::Adopt { source: s, by } => {
                format!(
                    "operator has {1} serve the clients of {0}: {0} is fenced, {1} gets every block",
                    source(s),
                    source(by)
                )
            }
            Fault::Frame { source: s, direction, bend, count } => {
                let bend = snake(&format!("{bend:?}"));
                format!("next {count} frames of {} ({}): {bend}", source(s), way(direction))
            }
            Fault::Replay { source: s, direction, after } => {
                let seals = format!("{after} more generations are sealed");
                format!("next message of {} ({}) comes again when {seals}", source(s), way(direction))
            }
            Fault::Swizzle { lasting: t } => {
                format!("all links stop and start in random order{}", lasting(Some(t)))
            }
            Fault::Blackout { within } => {
                format!("everything loses power, each is back within {}", show_duration(within))
            }
            Fault::Starve { node, run, wait, lasting: t } => {
                let (run, wait) = (show_duration(run), show_duration(wait));
                format!(
                    "{} runs {run} in turn with {wait} of standing still{}",
                    self.node(node),
                    lasting(Some(t))
                )
            }
            Fault::Version { node, version, lasting: t } => {
                format!("{} speaks version {version}{}", self.node(node), lasting(Some(t)))
            }
            Fault::Format { node, version, lasting: t } => {
                format!("{} finds superblocks of version {version}{}", self.node(node), lasting(Some(t)))
            }
            Fault::Config { node, change, lasting: t } => {
                let change = snake(&format!("{change:?}"));
                format!("{} starts with another `{change}`{}", self.node(node), lasting(Some(t)))
            }
            Fault::Clock { node, step, gains, lasting: t } => {
                let way = if step < 0 { "back" } else { "forward" };
                let set = show_duration(step.unsigned_abs());
                format!(
                    "clock of {} set {way} by {set}, gains {gains} ppm{}",
                    self.node(node),
                    lasting(Some(t))
                )
            }
            Fault::Timers { node, every, lasting: t } => {
                format!(
                    "timers of {} fire each {}{}",
                    self.node(node),
                    show_duration(every),
                    lasting(Some(t))
                )
            }
            Fault::Readd { source: s } => format!("{} is removed and added again, empty", source(s)),
            Fault::Rebuild { source: s } => {
                format!("the site of {} stands again, with empty devices", source(s))
            }
            Fault::HeirLost { source: s, recover_after } => {
                let later = match recover_after {
                    0 => "at once".to_owned(),
                    t => format!("{} later", show_duration(t)),
                };
                let who = source(s);
                format!(
                    "the destination that serves the clients of {who} is lost for ever; {who} is promoted {later}"
                )
            }
            Fault::Replace { source: s } => {
                format!("the destination of {} is lost, and replaced by an empty one", source(s))
            }
            Fault::Storm { source: s, resets, every } => {
                format!(
                    "{resets} resets of the connection of {}, one each {}",
                    source(s),
                    show_duration(every)
                )
            }
            _ => self.failing(fault),
        }
    }

    pub(super) fn target(&self, target: DamageTarget) -> String {
        let name = |s: usize| self.spec.sources[s].name.as_str();
        let volume = |s: usize, v: usize| self.spec.sources[s].volumes[v].name.as_str();
        let which = |b: Option<u64>| b.map_or_else(|| "a drawn block".into(), |b| format!("block {b}"));
        match target {
            DamageTarget::FileRecord { source, nth } => {
                format!("record {nth} of the oldest file of {}", name(source))
            }
            DamageTarget::NvramRecord { source, nth } => {
                format!("record {nth} of {} in the destination's nvram", name(source))
            }
            DamageTarget::LogRecord { source, nth } => {
                format!("record {nth} above the cursor in the nvram of {}", name(source))
            }
            DamageTarget::ImageBlock { source, volume: v, block } => {
                format!("{} of the image of {}/{}", which(block), name(source), volume(source, v))
            }
            DamageTarget::VolumeBlock { source, volume: v, block } => {
                format!("{} of volume {}/{}", which(block), name(source), volume(source, v))
            }
            DamageTarget::Range { node, device, offset, length } => {
                format!(
                    "{} from byte {offset} of {} of {}",
                    show_size(length),
                    device_name(device),
                    self.node(node)
                )
            }
        }
    }
}
