//! What was injected and what took effect: fault kind, role of what it hits, protocol phase.

use crate::activity::Doing;
use crate::outcome::Cell;
use crate::spec::{DamageTarget, Fault, Node};
use std::collections::BTreeMap;

/// What a fault hits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Role {
    Source,
    Destination,
    /// The network between them; its phase is that of its source.
    Link,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Role::Source => "source",
            Role::Destination => "destination",
            Role::Link => "link",
        }
    }
}

/// The mirrors that a fault has to do with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Whom {
    Mirror(usize),
    /// All mirrors of a destination.
    Destination(usize),
    All,
}

/// Whom a fault hits, and whose mirrors.
pub(crate) fn target(fault: &Fault) -> (Role, Whom) {
    let node = |node: &Node| match node {
        Node::Source(source) => (Role::Source, Whom::Mirror(*source)),
        Node::Destination(destination) => (Role::Destination, Whom::Destination(*destination)),
    };
    match fault {
        Fault::Crash { node: n, .. }
        | Fault::PowerCut { node: n, .. }
        | Fault::Restart { node: n }
        | Fault::Pause { node: n, .. }
        | Fault::DiskFull { node: n, .. }
        | Fault::Slow { node: n, .. }
        | Fault::NvramLost { node: n, .. }
        | Fault::NvramDegraded { node: n, .. }
        | Fault::FlushFailure { node: n, .. }
        | Fault::WriteFailure { node: n, .. }
        | Fault::ShortIo { node: n, .. }
        | Fault::ReadOnly { node: n, .. }
        | Fault::LostWrite { node: n, .. }
        | Fault::MisdirectedWrite { node: n, .. }
        | Fault::Rollback { node: n, .. }
        | Fault::DiskLost { node: n, .. }
        | Fault::DiskReplaced { node: n, .. }
        | Fault::NvramSmaller { node: n, .. }
        | Fault::Starve { node: n, .. }
        | Fault::Version { node: n, .. }
        | Fault::Format { node: n, .. }
        | Fault::Config { node: n, .. }
        | Fault::Clock { node: n, .. }
        | Fault::Timers { node: n, .. } => node(n),
        Fault::Cut { source, .. }
        | Fault::Heal { source }
        | Fault::Clog { source, .. }
        | Fault::Reset { source, .. }
        | Fault::Frame { source, .. }
        | Fault::Replay { source, .. }
        | Fault::Storm { source, .. } => (Role::Link, Whom::Mirror(*source)),
        Fault::Swizzle { .. } => (Role::Link, Whom::All),
        Fault::Blackout { .. } => (Role::Destination, Whom::All),
        Fault::Readd { source } | Fault::Rebuild { source } => (Role::Source, Whom::Mirror(*source)),
        Fault::Disaster { source, .. } | Fault::Seal { source } => (Role::Source, Whom::Mirror(*source)),
        Fault::Recover { source, .. }
        | Fault::HandOver { source }
        | Fault::Adopt { source, .. }
        | Fault::LogFile { source, .. }
        | Fault::HeirLost { source, .. }
        | Fault::Replace { source } => (Role::Destination, Whom::Mirror(*source)),
        Fault::Damage { target, .. } | Fault::Unreadable { target, .. } => match target {
            DamageTarget::FileRecord { source, .. }
            | DamageTarget::NvramRecord { source, .. }
            | DamageTarget::ImageBlock { source, .. } => (Role::Destination, Whom::Mirror(*source)),
            DamageTarget::VolumeBlock { source, .. } | DamageTarget::LogRecord { source, .. } => {
                (Role::Source, Whom::Mirror(*source))
            }
            DamageTarget::Range { node: n, .. } => node(n),
        },
    }
}

/// Where a count goes.
pub(crate) type Key = (&'static str, Role, Doing);

/// The counts of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Matrix {
    counts: BTreeMap<Key, (u64, u64)>,
}

impl Matrix {
    pub fn injected(&mut self, key: Key) {
        self.counts.entry(key).or_default().0 += 1;
    }

    pub fn took_effect(&mut self, key: Key) {
        self.counts.entry(key).or_default().1 += 1;
    }

    /// What is injected by what it does.
    pub fn happened(&mut self, key: Key) {
        self.injected(key);
        self.took_effect(key);
    }

    pub fn cells(&self) -> Vec<Cell> {
        let cell = |(&(fault, role, doing), &(injected, took_effect)): (&Key, &(u64, u64))| Cell {
            fault,
            role: role.name(),
            phase: doing.name(),
            injected,
            took_effect,
        };
        self.counts.iter().map(cell).collect()
    }
}

/// Cells in which a fault cannot take effect, and why; a `fault` of `*` stands for all.
pub const UNREACHABLE: &[(&str, &str, &str, &str)] = &[
    ("*", "source", "recover", "recovery is the destination's"),
    ("*", "link", "recover", "recovery is the destination's"),
    ("*", "destination", "alone", "only a server that serves clients goes on alone"),
    ("*", "destination", "apart", "one destination waits for connections and makes none"),
    (
        "*",
        "destination",
        "stopped",
        "a destination that stops as a whole is off at once, and single mirrors that stop are not the destination",
    ),
    ("crash", "source", "off", "what does not run cannot crash"),
    ("crash", "destination", "off", "what does not run cannot crash"),
    ("pause", "source", "off", "what does not run cannot pause"),
    ("pause", "destination", "off", "what does not run cannot pause"),
    ("power_cut", "source", "off", "counted as effective only if something ran"),
    ("power_cut", "destination", "off", "counted as effective only if something ran"),
    ("seal", "source", "off", "nobody is there to seal"),
    ("seal", "source", "boot", "a source seals once it serves"),
    ("seal", "source", "stopped", "a source that has stopped seals nothing"),
];

/// Names of the phases of the protocol, as cells have them.
pub fn phases() -> impl Iterator<Item = &'static str> {
    Doing::ALL.into_iter().map(Doing::name)
}

/// Why a cell cannot be reached, if it cannot.
pub fn unreachable(fault: &str, role: &str, phase: &str) -> Option<&'static str> {
    let row =
        |(f, r, p, _): &&(&str, &str, &str, &str)| (*f == "*" || *f == fault) && *r == role && *p == phase;
    UNREACHABLE.iter().find(row).map(|(_, _, _, reason)| *reason)
}
