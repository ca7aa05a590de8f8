//! Drawn things as a scenario says them: faults, links, and operations.

use crate::outline::Outline;
use crate::quantity::{show_duration, show_size};
use mirrorsim_world::spec::{
    AfterFailure, Bend, Chance, Change, DamageTarget, Delay, DeviceName, Direction, Fault, FaultSpec,
    Instead, LinkSpec, LostContent, Nanos, Node, Shape, Spec, TraceAction, TraceOperation, When,
};
use mirrorsim_world::{fault_name, is_zeros};

/// What is said of a fault, key by key.
type Said = Vec<(&'static str, Outline)>;

fn time(ns: Nanos) -> Outline {
    Outline::word(show_duration(ns))
}

fn size(bytes: u64) -> Outline {
    Outline::word(show_size(bytes))
}

fn node(spec: &Spec, node: Node) -> (&'static str, Outline) {
    let name = match node {
        Node::Source(s) => &spec.sources[s].name,
        Node::Destination(d) => &spec.destinations[d].name,
    };
    ("node", Outline::word(name))
}

fn source(spec: &Spec, source: usize) -> (&'static str, Outline) {
    ("source", Outline::word(&spec.sources[source].name))
}

fn device(device: DeviceName) -> (&'static str, Outline) {
    let word = match device {
        DeviceName::Nvram => "nvram",
        DeviceName::Mark => "mark",
        DeviceName::Log => "log",
        DeviceName::Image => "image",
    };
    ("device", Outline::word(word))
}

fn direction(direction: Direction) -> (&'static str, Outline) {
    let word = match direction {
        Direction::Both => "both",
        Direction::Forward => "forward",
        Direction::Backward => "backward",
    };
    ("direction", Outline::word(word))
}

fn lasting(ns: Nanos) -> (&'static str, Outline) {
    ("lasting", time(ns))
}

fn maybe(key: &'static str, ns: Option<Nanos>) -> Option<(&'static str, Outline)> {
    ns.map(|ns| (key, time(ns)))
}

/// A fault as a line of `faults:`. It says what is a default, too.
pub fn fault(spec: &Spec, fault: &FaultSpec) -> Outline {
    let when = match fault.when {
        When::At(at) => ("at", time(at)),
        When::On { stage, nth, source: of, node: at, delay } => {
            let mut said = vec![("stage", Outline::word(stage.name())), ("nth", Outline::word(nth))];
            said.extend(of.map(|s| source(spec, s)));
            said.extend(at.map(|n| node(spec, n)));
            if delay > 0 {
                said.push(("delay", time(delay)));
            }
            ("when", Outline::map(said))
        }
    };
    Outline::map([when, (fault_name(&fault.fault), Outline::map(details(spec, &fault.fault)))])
}

fn details(spec: &Spec, fault: &Fault) -> Said {
    let node = |n| node(spec, n);
    let source = |s| source(spec, s);
    match *fault {
        Fault::Crash { node: n, restart_after } | Fault::PowerCut { node: n, restart_after } => {
            [Some(node(n)), maybe("restart_after", restart_after)].into_iter().flatten().collect()
        }
        Fault::Restart { node: n } => vec![node(n)],
        Fault::Pause { node: n, lasting: l } => vec![node(n), lasting(l)],
        Fault::Cut { source: s, direction: d, lasting: l } => {
            [Some(source(s)), Some(direction(d)), maybe("lasting", l)].into_iter().flatten().collect()
        }
        Fault::Clog { source: s, direction: d, lasting: l } => vec![source(s), direction(d), lasting(l)],
        Fault::Reset { source: s, only } => {
            [Some(source(s)), only.map(|n| ("only", node(n).1))].into_iter().flatten().collect()
        }
        Fault::Heal { source: s }
        | Fault::Seal { source: s }
        | Fault::HandOver { source: s }
        | Fault::Readd { source: s }
        | Fault::Replace { source: s }
        | Fault::Rebuild { source: s } => vec![source(s)],
        Fault::Disaster { source: s, power_cut, recover_after } => {
            vec![source(s), ("power_cut", Outline::word(power_cut)), ("recover_after", time(recover_after))]
        }
        Fault::Recover { source: s, promote } => vec![source(s), ("promote", Outline::word(promote))],
        Fault::Adopt { source: s, by } => vec![source(s), ("by", source(by).1)],
        Fault::HeirLost { source: s, recover_after } => {
            vec![source(s), ("recover_after", time(recover_after))]
        }
        Fault::Frame { source: s, direction: d, bend, count } => {
            vec![
                source(s),
                direction(d),
                ("bend", Outline::word(bend_word(bend))),
                ("count", Outline::word(count)),
            ]
        }
        Fault::Replay { source: s, direction: d, after } => {
            vec![source(s), direction(d), ("after", Outline::word(after))]
        }
        Fault::Storm { source: s, resets, every } => {
            vec![source(s), ("resets", Outline::word(resets)), ("every", time(every))]
        }
        Fault::Swizzle { lasting: l } => vec![lasting(l)],
        Fault::Blackout { within } => vec![("within", time(within))],
        Fault::Starve { node: n, run, wait, lasting: l } => {
            vec![node(n), ("run", time(run)), ("wait", time(wait)), lasting(l)]
        }
        Fault::Version { node: n, version, lasting: l } | Fault::Format { node: n, version, lasting: l } => {
            vec![node(n), ("version", Outline::word(version)), lasting(l)]
        }
        Fault::Config { node: n, change, lasting: l } => {
            vec![node(n), ("change", Outline::word(change_word(change))), lasting(l)]
        }
        Fault::Clock { node: n, step, gains, lasting: l } => {
            let way = |by: i64, up: &'static str, down: &'static str| if by < 0 { down } else { up };
            let mut said = vec![node(n)];
            if step != 0 {
                said.push((way(step, "forward", "back"), time(step.unsigned_abs())));
            }
            if gains != 0 {
                said.push((way(gains, "fast", "slow"), Outline::word(gains.unsigned_abs())));
            }
            said.push(lasting(l));
            said
        }
        Fault::Timers { node: n, every, lasting: l } => vec![node(n), ("every", time(every)), lasting(l)],
        Fault::NvramLost { node: n, reads } => vec![node(n), ("reads", Outline::word(lost_word(reads)))],
        Fault::NvramDegraded { node: n, lasting: l } => {
            [Some(node(n)), maybe("lasting", l)].into_iter().flatten().collect()
        }
        Fault::NvramSmaller { node: n, size: bytes, lasting: l } => {
            vec![node(n), ("size", size(bytes)), lasting(l)]
        }
        Fault::LogFile { source: s, becomes, after } => {
            let mut said = vec![source(s), ("becomes", Outline::word(instead_word(becomes)))];
            said.extend(maybe("after", Some(after).filter(|a| *a > 0)));
            said
        }
        ref other => devices(spec, other),
    }
}

/// Faults of devices.
fn devices(spec: &Spec, fault: &Fault) -> Said {
    let node = |n| node(spec, n);
    match *fault {
        Fault::DiskFull { node: n, device: d, lasting: l }
        | Fault::ShortIo { node: n, device: d, lasting: l }
        | Fault::ReadOnly { node: n, device: d, lasting: l }
        | Fault::DiskLost { node: n, device: d, lasting: l } => vec![node(n), device(d), lasting(l)],
        Fault::Slow { node: n, device: d, factor, lasting: l } => {
            vec![node(n), device(d), ("factor", Outline::word(factor)), lasting(l)]
        }
        Fault::LostWrite { node: n, device: d } | Fault::MisdirectedWrite { node: n, device: d } => {
            vec![node(n), device(d)]
        }
        Fault::FlushFailure { node: n, device: d, after, restart_after } => {
            let after = match after {
                AfterFailure::Reverted => "reverted",
                AfterFailure::KeptDirty => "kept_dirty",
                AfterFailure::KeptClean => "kept_clean",
            };
            vec![node(n), device(d), ("after", Outline::word(after)), ("restart_after", time(restart_after))]
        }
        Fault::WriteFailure { node: n, device: d, restart_after } => {
            vec![node(n), device(d), ("restart_after", time(restart_after))]
        }
        Fault::Rollback { node: n, device: d, after } => vec![node(n), device(d), ("after", time(after))],
        Fault::DiskReplaced { node: n, device: d, after } => {
            [Some(node(n)), Some(device(d)), maybe("after", after)].into_iter().flatten().collect()
        }
        Fault::Damage { target, bits } => vec![hit(spec, target), ("bits", Outline::word(bits))],
        Fault::Unreadable { target, more } => vec![hit(spec, target), ("more", Outline::word(more))],
        _ => Vec::new(),
    }
}

fn hit(spec: &Spec, target: DamageTarget) -> (&'static str, Outline) {
    let record = |key, s, nth: u64| (key, Outline::map([source(spec, s), ("nth", Outline::word(nth))]));
    let block = |key, s: usize, volume: usize, block: Option<u64>| {
        let volume = ("volume", Outline::word(&spec.sources[s].volumes[volume].name));
        let block = block.map(|b| ("block", Outline::word(b)));
        (key, Outline::map([source(spec, s), volume].into_iter().chain(block)))
    };
    match target {
        DamageTarget::FileRecord { source, nth } => record("file_record", source, nth),
        DamageTarget::NvramRecord { source, nth } => record("nvram_record", source, nth),
        DamageTarget::LogRecord { source, nth } => record("log_record", source, nth),
        DamageTarget::ImageBlock { source, volume, block: b } => block("image_block", source, volume, b),
        DamageTarget::VolumeBlock { source, volume, block: b } => block("volume_block", source, volume, b),
        DamageTarget::Range { node: n, device: d, offset, length } => {
            let range = [node(spec, n), device(d), ("offset", size(offset)), ("length", size(length))];
            ("range", Outline::map(range))
        }
    }
}

fn bend_word(bend: Bend) -> &'static str {
    match bend {
        Bend::Truncated => "truncated",
        Bend::Merged => "merged",
        Bend::Oversized => "oversized",
        Bend::Garbage => "garbage",
        Bend::Foreign => "foreign",
    }
}

fn change_word(change: Change) -> &'static str {
    match change {
        Change::Partitions => "partitions",
        Change::PartitionSize => "partition_size",
        Change::Files => "files",
        Change::VolumeSize => "volume_size",
        Change::Order => "order",
    }
}

fn lost_word(reads: LostContent) -> &'static str {
    match reads {
        LostContent::Zeros => "zeros",
        LostContent::Random => "random",
        LostContent::Uncorrectable => "uncorrectable",
        LostContent::Foreign => "foreign",
    }
}

fn instead_word(instead: Instead) -> &'static str {
    match instead {
        Instead::Nothing => "nothing",
        Instead::Earlier => "earlier",
        Instead::Next => "next",
        Instead::Neighbour => "neighbour",
    }
}

/// A chance with so many digits that it is read as it is.
fn chance(Chance(chance): Chance) -> Outline {
    let digits = (u128::from(chance) * 10u128.pow(14)) >> 32;
    let (whole, rest) = (digits / 10u128.pow(12), format!("{:012}", digits % 10u128.pow(12)));
    let rest = rest.trim_end_matches('0');
    let point = if rest.is_empty() { "" } else { "." };
    Outline::word(format!("{whole}{point}{rest}%"))
}

fn delay(delay: Delay) -> Outline {
    let (min, max) = (show_duration(delay.min), show_duration(delay.max));
    match delay.shape {
        Shape::Constant => Outline::word(min),
        Shape::Uniform => Outline::word(format!("{min}..{max}")),
        Shape::Exponential => Outline::map([
            ("min", Outline::word(min)),
            ("mean", time(delay.mean)),
            ("max", Outline::word(max)),
            ("shape", Outline::word("exponential")),
        ]),
    }
}

/// The keys of `link:` in which a link differs from another one.
pub fn link_changes(before: &LinkSpec, now: &LinkSpec) -> Vec<(&'static str, Outline)> {
    let mut said = Vec::new();
    if before.latency != now.latency {
        said.push(("latency", delay(now.latency)));
    }
    if before.bandwidth != now.bandwidth {
        said.push(("bandwidth", Outline::word(format!("{}/s", show_size(now.bandwidth)))));
    }
    for (key, a, b) in [
        ("loss", before.loss, now.loss),
        ("duplicate", before.duplicate, now.duplicate),
        ("reorder", before.reorder, now.reorder),
        ("corrupt", before.corrupt, now.corrupt),
        ("malformed", before.malformed, now.malformed),
        ("burst", before.burst, now.burst),
    ] {
        if a != b {
            said.push((key, chance(b)));
        }
    }
    if before.reorder_by != now.reorder_by {
        said.push(("reorder_by", time(now.reorder_by)));
    }
    if before.in_flight != now.in_flight {
        said.push(("in_flight", Outline::word(now.in_flight)));
    }
    if before.mtu != now.mtu {
        said.push(("mtu", size(now.mtu)));
    }
    said
}

/// Operations of a client of `of` as its `script:`; at their times, or as fast as its slots allow.
pub fn script(spec: &Spec, of: usize, operations: &[TraceOperation], timed: bool) -> Outline {
    let volumes = &spec.sources[of].volumes;
    let steps = operations.iter().map(|o| {
        let bytes = |offset: u64, length: u64| {
            Outline::map([("offset", Outline::word(offset)), ("length", Outline::word(length))])
        };
        let mut said = Vec::new();
        if timed {
            said.push(("at", time(o.at)));
        }
        if volumes.len() > 1 {
            said.push(("volume", Outline::word(&volumes[o.volume].name)));
        }
        said.push(match o.action {
            TraceAction::Write { offset, length, ref payload, .. } => {
                let mut write = bytes(offset, length);
                if payload.as_ref().is_some_and(|p| is_zeros(p)) {
                    write.set("zeros", Outline::word(true));
                }
                ("write", write)
            }
            TraceAction::WriteZeroes { offset, length } => ("write_zeroes", bytes(offset, length)),
            TraceAction::Read { offset, length } => ("read", bytes(offset, length)),
            TraceAction::Add { offset, delta } => {
                ("add", Outline::map([("offset", Outline::word(offset)), ("delta", Outline::word(delta))]))
            }
            TraceAction::Flush => ("flush", Outline::map::<String>([])),
        });
        Outline::map(said)
    });
    Outline::List(steps.collect())
}
