//! `profile:`, `check:` and `budget:`.

use crate::document::{At, Doc, Reader, map, word, words};
use crate::scalar::{Int, Milli, Size, Small, Time};
use crate::shape::Shape;
use crate::tree::{Node, Value};
use mirrorsim_world::spec::{Chance, CheckMode};

/// `profile:`: the name of a preset, or a map.
#[derive(Clone, Debug)]
pub(crate) enum Profile {
    /// A preset as it is.
    Preset(Preset),
    /// A preset with overrides.
    Map(Box<ProfileMap>),
}

/// A named profile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Preset {
    /// Nothing.
    None,
    /// Pauses, slow devices, forced seals.
    Calm,
    /// Everything in the model, families switched off at random.
    Swarm,
    /// Links only.
    Network,
    /// Servers only.
    Crashes,
    /// Disks and NVRAM that fail, lie or are exchanged.
    Devices,
}

words!(Preset {
    /// no drawn faults
    "none" => Preset::None,
    /// pauses, slow devices and forced seals
    "calm" => Preset::Calm,
    /// everything that two copies survive, with families switched off at random in each seed
    "swarm" => Preset::Swarm,
    /// cuts, clogs, resets, loss, and under `datagram` duplicates and reordering
    "network" => Preset::Network,
    /// crashes and power cuts of all servers
    "crashes" => Preset::Crashes,
    /// disks and NVRAM that fail, lie or are exchanged, with a few crashes and power cuts
    "devices" => Preset::Devices,
});

map! {
    /// Faults that each seed draws. Counts are expected numbers per run, of each server or link that they can hit.
    struct ProfileMap {
        /// Where to start from.
        preset: Preset = default("none"),
        /// Chance that a seed switches a family off. The others are drawn between 0 and the given count.
        swarm: Chance = optional("as the preset says; no family is switched off"),
        /// Faults are drawn in this first part of the run.
        span: Time = optional("as the preset says; 50ms"),
        /// Crashes of sources.
        source_crashes: Milli = optional("as the preset says; 0"),
        /// Power cuts of sources.
        source_power_cuts: Milli = optional("as the preset says; 0"),
        /// Crashes of the destination.
        destination_crashes: Milli = optional("as the preset says; 0"),
        /// Power cuts of the destination.
        destination_power_cuts: Milli = optional("as the preset says; 0"),
        /// Pauses of any server.
        pauses: Milli = optional("as the preset says; 0"),
        /// Cuts of a link, one or both ways.
        cuts: Milli = optional("as the preset says; 0"),
        /// Clogs of a link.
        clogs: Milli = optional("as the preset says; 0"),
        /// Resets of a link, half of them half-open.
        resets: Milli = optional("as the preset says; 0"),
        /// Times without disk space at the destination.
        disk_full: Milli = optional("as the preset says; 0"),
        /// Slow devices anywhere.
        slow: Milli = optional("as the preset says; 0"),
        /// Damaged ranges that the other site can repair.
        damages: Milli = optional("as the preset says; 0"),
        /// Forced seals.
        seals: Milli = optional("as the preset says; 0"),
        /// Chance that the run ends with the loss of one source's site.
        disaster: Chance = optional("as the preset says; 0%"),
        /// Greatest length of an outage, pause, cut or clog.
        longest: Time = optional("as the preset says; 10ms"),
        /// Greatest chance of loss added to every link.
        loss: Chance = optional("as the preset says; 0%"),
        /// Greatest chance of duplication added to every link (`datagram` only).
        duplicate: Chance = optional("as the preset says; 0%"),
        /// Greatest chance of reordering added to every link (`datagram` only).
        reorder: Chance = optional("as the preset says; 0%"),
        /// Greatest chance of corruption added to every link.
        corrupt: Chance = optional("as the preset says; 0%"),
        /// Greatest chance of a bent frame added to every link.
        malformed: Chance = optional("as the preset says; 0%"),
        /// Greatest chance that a bad period begins, in which all messages are lost, added to every link.
        burst: Chance = optional("as the preset says; 0%"),
        /// Messages that arrive again long after (`datagram` only).
        replays: Milli = optional("as the preset says; 0"),
        /// All links stopped in one random order and started in another.
        swizzles: Milli = optional("as the preset says; 0"),
        /// Connections that break again and again.
        storms: Milli = optional("as the preset says; 0"),
        /// Flushes that fail, of any disk, with any state of the cache after it.
        flush_failures: Milli = optional("as the preset says; 0"),
        /// Writes that fail, of any disk.
        write_failures: Milli = optional("as the preset says; 0"),
        /// Times in which a disk is short with what it reads and writes.
        short_io: Milli = optional("as the preset says; 0"),
        /// Times in which a disk takes no writes.
        read_only: Milli = optional("as the preset says; 0"),
        /// Ranges that cannot be read until they are written again.
        unreadable: Milli = optional("as the preset says; 0"),
        /// Writes that are lost or land elsewhere.
        astray: Milli = optional("as the preset says; 0"),
        /// Writes that are taken back after a while.
        rollbacks: Milli = optional("as the preset says; 0"),
        /// Losses of the destination's NVRAM: zeros, noise, nothing readable, another machine's.
        nvram_losses: Milli = optional("as the preset says; 0"),
        /// Log disks of the destination that are lost or exchanged for an empty or an older one.
        disk_exchanges: Milli = optional("as the preset says; 0"),
        /// Crashes and power cuts at a step of a boot.
        boot_crashes: Milli = optional("as the preset says; 0"),
        /// Crashes and power cuts of the destination at a step of a recovery.
        recovery_crashes: Milli = optional("as the preset says; 0"),
        /// Power cuts of everything at once.
        blackouts: Milli = optional("as the preset says; 0"),
        /// Servers that hardly run for a while.
        starves: Milli = optional("as the preset says; 0"),
        /// Servers that speak another version for a while.
        versions: Milli = optional("as the preset says; 0"),
        /// Clocks that are set, run fast or slow, or stand still.
        clocks: Milli = optional("as the preset says; 0"),
        /// Timers that fire at ticks only.
        timers: Milli = optional("as the preset says; 0"),
        /// What operators do wrong: a server started with another configuration, other formats or less NVRAM, a source
        /// removed and added again, a recovery while the source lives.
        mistakes: Milli = optional("as the preset says; 0"),
        /// Records that change silently in a source's own NVRAM, above its cursor, so that it must not serve once it starts again.
        log_damages: Milli = optional("as the preset says; 0"),
        /// Times in which the battery of the destination's NVRAM is low.
        batteries: Milli = optional("as the preset says; 0"),
        /// The destination's image disk or a source's disk lost, or exchanged for an empty or an older one.
        disk_losses: Milli = optional("as the preset says; 0"),
        /// Chance that a link gets a latency (up to four times the configured one), a bandwidth, a greatest piece and
        /// a number of places of its own.
        links: Chance = optional("as the preset says; 0%"),
        /// Mirrors that an operator has serve their clients, whether their source lives or not; some orders come twice.
        promotions: Milli = optional("as the preset says; 0"),
        /// Clients that an operator hands back to the server that was their source, once that is in sync.
        hand_overs: Milli = optional("as the preset says; 0"),
        /// Destinations that are lost with all that they have, and replaced by an empty one.
        replacements: Milli = optional("as the preset says; 0"),
    }
}

impl Doc for Profile {
    fn shape() -> Shape {
        Shape::Either(vec![Preset::shape(), ProfileMap::shape()])
    }

    fn read(r: &mut Reader<'_>, node: &Node) -> Option<Self> {
        match node.value {
            Value::Map(_) => ProfileMap::read(r, node).map(|m| Profile::Map(Box::new(m))),
            _ => word(r, node, &Self::shape()).map(Profile::Preset),
        }
    }
}

/// `check:`: a mode or a map.
#[derive(Clone, Debug)]
pub(crate) struct Check(pub CheckMap);

map! {
    /// What is judged when.
    struct CheckMap {
        /// At which durable changes recovery is judged.
        mode: CheckMode = default("every"),
        /// Up to so many unflushed writes every subset of them is tried at a power cut, at most 12.
        exhaustive: Small = default("3"),
        /// Above that: so many drawn subsets, beside none, all and torn.
        drawn: Small = default("1"),
        /// Every n-th recovery is itself cut at a drawn step and repeated; 0 is never.
        nested_every: Small = default("16"),
        /// `delta`: a full check at least once per so many durable changes.
        full_every: Int = default("1000"),
        /// `sampled`: one durable change in so many.
        one_in: Int = default("16"),
    }
}

words!(CheckMode {
    /// at every durable change
    "every" => CheckMode::Every,
    /// at every durable change by a resumable scan, with full checks in between; for long traces
    "delta" => CheckMode::Delta,
    /// at one durable change in `one_in`, drawn
    "sampled" => CheckMode::Sampled,
    /// only at disasters and at the end
    "end" => CheckMode::End,
});

impl Doc for Check {
    fn shape() -> Shape {
        Shape::Either(vec![CheckMode::shape(), CheckMap::shape()])
    }

    fn read(r: &mut Reader<'_>, node: &Node) -> Option<Self> {
        if matches!(node.value, Value::Map(_)) {
            return CheckMap::read(r, node).map(Check);
        }
        if let Some(word @ ("off" | "none" | "never" | "no" | "false")) = node.text() {
            let want = CheckMode::shape().want();
            let draft =
                r.wrong(node, "no-check", &format!("with `{word}` the run would check nothing"), want);
            r.desk
                .report(draft.help("`end` is the cheapest: recovery is judged at disasters and at the end"));
            return None;
        }
        let mode: At<CheckMode> = r.at(node, true, None)?;
        let empty = crate::document::standard("{}", node.place);
        CheckMap::read(r, &empty).map(|map| Check(CheckMap { mode, ..map }))
    }
}

map! {
    /// When a run is given up.
    struct Budget {
        /// Greatest number of events.
        events: Int = default("50000000"),
        /// Virtual time without progress, after all faults are healed, that counts as a stall.
        idle: Time = default("60s"),
        /// Virtual time within which, once all faults are healed, each operation is answered and then the servers come to
        /// rest.
        converge: Time = default("10s"),
        /// Greatest estimated memory of devices and model.
        memory: Size = default("8GiB"),
    }
}
