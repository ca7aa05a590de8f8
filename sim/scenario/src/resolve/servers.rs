//! `protocol`, `sources` and `destination`: sizes that must fit into each other.

use super::{Cx, names};
use crate::doc::Root;
use crate::doc::protocol::Protocol as Knobs;
use crate::doc::servers::{Disk, Link, Nvram, Source};
use crate::document::At;
use crate::layout::{self, fits_partition, fits_reserve, partition_for, reserve_for};
use crate::quantity::{show_chance, show_size};
use crate::scalar::Size;
use mirror::config::{Policy, PolicyKind, Reads, Transport};
use mirrorsim_world::spec::{
    Chance, DestinationSpec, DiskSpec, LinkSpec, NvramSpec, Protocol, SourceSpec, Spec, VolumeSpec,
};

/// Names of sources that have none.
const GREEK: [&str; 8] = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"];
/// Data that every record must be able to hold: an `add`.
const LEAST_DATA: u64 = 16;
/// What sizes usually are multiples of.
const SECTOR: u64 = 512;
/// Bytes of a frame beside its payload.
const FRAME: u64 = 192;
/// Smallest piece of a frame on a link: every IP network passes this much.
const LEAST_PIECE: u64 = 68;
/// Frames that the destination sends at a time at most, whatever is lost.
const ANSWER: u32 = 3;
/// Partitions and files above this are a typing mistake.
const MANY: u32 = 4096;

/// `protocol`.
pub(crate) fn protocol(cx: &mut Cx<'_>, root: &Root) -> Protocol {
    let p = &root.protocol;
    let partitions = p.partitions.0;
    if partitions < 2 {
        let what =
            format!("{partitions} NVRAM partition{} cannot work", if partitions == 1 { "" } else { "s" });
        let draft = p.partitions.wrong("partitions", what).want("at least 2");
        cx.desk.report(draft.help("one partition fills while another is applied"));
    } else if partitions > MANY {
        cx.desk
            .report(p.partitions.wrong("partitions", "too many partitions").want(format!("at most {MANY}")));
    }
    let files = p.files.as_ref().map_or(partitions, |f| f.0);
    if let Some(f) = p.files.as_ref().filter(|f| f.0 < partitions || f.0 > MANY) {
        let draft = f.wrong("knobs", format!("{files} log files for {partitions} partitions"));
        let draft = draft.want(format!("`files` >= `partitions`, at most {MANY}"));
        cx.desk.report(
            draft
                .also(p.partitions.place, "the partitions")
                .help("a partition needs a file to be applied from"),
        );
    }
    if !p.block_size.0.is_power_of_two() || !(512..=65536).contains(&p.block_size.0) {
        cx.desk.report(p.block_size.wrong("range", "not a block size").want("a power of two, 512B to 64KiB"));
    }
    if let Some(zero) = p.seal_after.as_ref().filter(|t| t.0 == 0) {
        cx.desk.report(
            zero.wrong("range", "a partition cannot be sealed before it has a record").want("more than 0ns"),
        );
    }
    if p.resend_after.0 == 0 {
        cx.desk
            .report(p.resend_after.wrong("range", "messages would repeat without end").want("more than 0ns"));
    }
    if let Some(zero) = p.max_length.as_ref().filter(|l| l.0 == 0) {
        cx.desk.report(zero.wrong("range", "no operation would be allowed").want("at least 8B"));
    }
    let policy = policy(cx, p);
    let reads = if policy == Policy::Strict { Reads::Confirmed } else { Reads::Local };
    Protocol {
        ack: *p.ack,
        apply: *p.apply,
        apply_scope: *p.apply_scope,
        reads: p.reads.as_ref().map_or(reads, |r| **r),
        policy,
        retry: *p.retry,
        transport: *p.transport,
        partitions: partitions.max(2),
        files: files.max(partitions),
        seal_after: p.seal_after.as_ref().map(|t| t.0),
        max_length: p.max_length.as_ref().map(|l| l.0),
        block_size: u32::try_from(p.block_size.0).unwrap_or(512),
        resend_after: p.resend_after.0,
    }
}

/// The policy, with its numbers; those of other policies wait for a `--set protocol.policy`.
fn policy(cx: &mut Cx<'_>, p: &Knobs) -> Policy {
    const MS: u64 = 1_000_000;
    let kind = *p.policy;
    let times = [(&p.timeout, 100 * MS), (&p.settle, 50 * MS), (&p.hold, 100 * MS)];
    if let Some(zero) = p.timeout.as_ref().filter(|t| t.0 == 0) {
        cx.desk.report(zero.wrong("range", "it would never wait for the destination").want("more than 0ns"));
    }
    let [timeout, settle, hold] = times.map(|(time, default)| time.as_ref().map_or(default, |t| t.0));
    match kind {
        PolicyKind::Strict => Policy::Strict,
        PolicyKind::Degrade => Policy::Degrade { timeout, settle, hold },
        PolicyKind::SemiSync => Policy::SemiSync { window: p.window.as_ref().map_or(64 << 10, |w| w.0) },
        PolicyKind::Async => Policy::Async,
    }
}

/// `sources`.
pub(crate) fn sources(cx: &mut Cx<'_>, root: &Root, protocol: &Protocol) -> Vec<SourceSpec> {
    let mut out = Vec::new();
    let mut taken = vec![(names::DESTINATION.to_owned(), root.destination.place, String::new())];
    if root.sources.is_empty() && !root.sources.place.poisoned {
        let draft = root.sources.wrong("empty", "0 sources: there is nothing to mirror");
        cx.desk.report(draft.want("1 to 8 sources, such as [{name: alpha}]"));
    }
    for source in root.sources.iter() {
        if source.count.0 == 0 {
            cx.desk.report(
                source.count.wrong("range", "0 sources of this kind").help("delete the line instead"),
            );
        }
        for i in 0..source.count.0.min(9) {
            let name = match &source.name {
                Some(name) if source.count.0 > 1 => format!("{}{}", name.0, i + 1),
                Some(name) => name.0.clone(),
                None => GREEK.get(out.len()).map_or_else(|| format!("s{}", out.len()), |n| (*n).to_owned()),
            };
            let at = source
                .name
                .as_ref()
                .map_or((source.place, source.path.clone()), |n| (n.place, n.path.clone()));
            if name.eq_ignore_ascii_case(names::DESTINATION) {
                let draft = crate::problem::Draft::at(
                    at.0,
                    &at.1,
                    "duplicate-name",
                    "this word names the destination",
                );
                cx.desk.report(draft.help("give the source another name"));
            } else {
                taken.push((name.clone(), at.0, at.1));
            }
            let volumes = if i == 0 {
                volumes(cx, source, protocol)
            } else {
                out.last().map_or_else(Vec::new, |s: &SourceSpec| s.volumes.clone())
            };
            out.push(SourceSpec {
                name,
                partition_size: source.partition_size.0,
                volumes,
                nvram: nvram(cx, &source.nvram),
                disk: disk(cx, &source.disk),
                link: link(cx, root, &source.link),
                destination: 0,
            });
        }
    }
    if out.len() > GREEK.len() {
        cx.desk.report(root.sources.wrong("range", "too many sources").want("1 to 8 in all"));
        out.truncate(GREEK.len());
    }
    names::unique(cx, "servers", &taken);
    out
}

fn volumes(cx: &mut Cx<'_>, source: &Source, protocol: &Protocol) -> Vec<VolumeSpec> {
    let list = &source.volumes;
    if list.is_empty() && !list.place.poisoned {
        cx.desk.report(
            list.wrong("empty", "0 volumes: there is nothing to mirror")
                .want("at least one, such as [{size: 1MiB}]"),
        );
    }
    let mut taken = Vec::new();
    let mut out = Vec::new();
    let block = u64::from(protocol.block_size);
    for (i, volume) in list.iter().enumerate() {
        let name = volume.name.as_ref().map_or_else(|| format!("v{}", i + 1), |n| n.0.clone());
        let at =
            volume.name.as_ref().map_or((volume.place, volume.path.clone()), |n| (n.place, n.path.clone()));
        taken.push((name.clone(), at.0, at.1));
        let size = volume.size.0;
        if size == 0 {
            cx.desk.report(
                volume
                    .size
                    .wrong("range", "an empty volume")
                    .want(format!("at least one block, {}", show_size(block))),
            );
        } else if block > 0 && !size.is_multiple_of(block) {
            let (below, above) = (size / block * block, size.next_multiple_of(block));
            let near = if below == 0 {
                show_size(above)
            } else {
                format!("{} or {}", show_size(below), show_size(above))
            };
            let what = format!("not a multiple of the block size {}", show_size(block));
            cx.desk.report(volume.size.wrong("range", what).want(near));
        }
        out.push(VolumeSpec { name, size });
    }
    names::unique(cx, "volumes", &taken);
    out
}

fn nvram(cx: &mut Cx<'_>, n: &Nvram) -> NvramSpec {
    if !matches!(n.tear.0, 8 | 64) {
        cx.desk.report(n.tear.wrong("range", "not the size of a line").want("8B or 64B"));
    }
    NvramSpec { flush: n.flush.0, tear: u32::try_from(n.tear.0).unwrap_or(64) }
}

fn disk(cx: &mut Cx<'_>, d: &Disk) -> DiskSpec {
    if !matches!(d.tear.0, 512 | 4096) {
        cx.desk.report(d.tear.wrong("range", "not the size of a sector").want("512B or 4096B"));
    }
    DiskSpec {
        read: d.read.0,
        write: d.write.0,
        flush: d.flush.0,
        bandwidth: d.bandwidth.0,
        tear: u32::try_from(d.tear.0).unwrap_or(512),
        garbage: *d.garbage,
    }
}

fn link(cx: &mut Cx<'_>, root: &Root, l: &Link) -> LinkSpec {
    let transport = &root.protocol.transport;
    for (at, name) in [(&l.duplicate, "duplicate"), (&l.reorder, "reorder")] {
        if at.0 > 0 && **transport == Transport::Stream {
            datagram_only(cx, root, at, name);
        }
    }
    if l.reorder.0 > 0 && l.reorder_by.0 == 0 {
        let draft = l.reorder.wrong("knobs", "messages that are late by 0ns are not reordered");
        cx.desk.report(draft.also(l.reorder_by.place, "the greatest delay"));
    }
    if l.burst_length.0 == 0 {
        cx.desk.report(l.burst_length.wrong("range", "a bad period of 0 messages").want("at least 1"));
    }
    if let Some(none) = l.in_flight.as_ref().filter(|n| n.0 == 0) {
        cx.desk.report(none.wrong("range", "with no message on its way nothing passes").want("at least 1"));
    }
    if let Some(small) = l.mtu.as_ref().filter(|n| n.0 < LEAST_PIECE) {
        let what = format!("a frame would be thousands of pieces of {}", show_size(small.0));
        cx.desk.report(small.wrong("range", what).want(format!("at least {}", show_size(LEAST_PIECE))));
    }
    LinkSpec {
        latency: l.latency.0,
        bandwidth: l.bandwidth.0,
        loss: *l.loss,
        duplicate: *l.duplicate,
        reorder: *l.reorder,
        reorder_by: l.reorder_by.0,
        corrupt: *l.corrupt,
        malformed: *l.malformed,
        burst: *l.burst,
        burst_length: l.burst_length.0,
        in_flight: l.in_flight.as_ref().map_or(0, |n| n.0),
        mtu: l.mtu.as_ref().map_or(0, |n| n.0),
    }
}

/// Row 19b: a stream never shows duplicates or reordering.
pub(crate) fn datagram_only(cx: &mut Cx<'_>, root: &Root, at: &At<Chance>, name: &str) {
    let transport = &root.protocol.transport;
    let draft = at.wrong("knobs", format!("`{name}` and `transport: stream` exclude each other"));
    // The default stands nowhere.
    let draft = if transport.given { draft.also(transport.place, "the transport") } else { draft };
    cx.desk.report(draft.help(format!("say `protocol: {{transport: datagram}}`, or leave `{name}` out")));
}

/// `destination`.
pub(crate) fn destination(cx: &mut Cx<'_>, root: &Root, sources: &[SourceSpec]) -> DestinationSpec {
    let d = &root.destination;
    let largest = sources.iter().map(|s| s.partition_size).max().unwrap_or(0);
    let reserve = d.reserve.as_ref().map_or_else(|| (2 * largest).next_multiple_of(16), |r| r.0);
    let at = |s: &SourceSpec| sources.iter().filter(|o| o.destination == s.destination).count();
    let count = sources.iter().map(at).max().unwrap_or(0) as u64;
    let nvram_size = d.nvram_size.as_ref().map_or_else(|| reserve.saturating_mul(count + 1), |n| n.0);
    if let Some(odd) = d.reserve.as_ref().filter(|r| !r.0.is_multiple_of(16)) {
        cx.desk.report(
            odd.wrong("range", "cannot be cut into two segments of whole words").want("a multiple of 16"),
        );
    }
    if let Some(small) = d.nvram_size.as_ref().filter(|n| n.0 < reserve.saturating_mul(count)) {
        let least = reserve.saturating_mul(count);
        let what = format!("does not hold the reserves of {count} sources, {} each", show_size(reserve));
        let draft =
            small.wrong("too-small", what).want(format!("at least {} ({least} bytes)", show_size(least)));
        cx.desk.report(match &d.reserve {
            Some(reserve) => draft.also(reserve.place, "the reserve"),
            None => draft.also(root.sources.place, "the sources"),
        });
    }
    DestinationSpec {
        nvram_size,
        reserve,
        nvram: nvram(cx, &d.nvram),
        log_disk: disk(cx, &d.log_disk),
        image_disk: disk(cx, &d.image_disk),
    }
}

/// A datagram arrives with all its pieces or not at all, so all of them must have room on the path.
fn pieces_fit(cx: &mut Cx<'_>, root: &Root, spec: &Spec) {
    let mut lines = root.sources.iter().flat_map(|s| (0..s.count.0.min(9)).map(move |_| s));
    for (index, source) in spec.sources.iter().enumerate() {
        let Some(line) = lines.next() else { return };
        let link = &source.link;
        let largest = layout::largest_operation(spec, index) + FRAME;
        let Some(few) = &line.link.in_flight else { continue };
        if spec.protocol.transport == Transport::Stream {
            continue;
        }
        let pieces = largest.checked_div(link.mtu).map_or(0, |n| n + 1);
        if pieces > u64::from(link.in_flight) {
            let what = format!("the largest frame is {pieces} pieces, which never fit on the path at a time");
            let draft = few.wrong("knobs", what).want(format!("at least {pieces}"));
            cx.desk.report(draft.help("or a larger `mtu`"));
        } else if link.in_flight < ANSWER {
            let what = "of an answer in 3 frames, a pong and how far NVRAM and file are, the last would never arrive";
            cx.desk.report(few.wrong("knobs", what).want(format!("at least {ANSWER}")));
        }
    }
}

/// Row 18: partitions and reserves hold the largest record, and `max_length` is no more than they hold.
pub(crate) fn limits(cx: &mut Cx<'_>, root: &Root, spec: &Spec) {
    pieces_fit(cx, root, spec);
    let wanted = root.protocol.max_length.as_ref().filter(|l| l.0 > 0 && !l.place.poisoned);
    let data = wanted.map_or(LEAST_DATA, |l| l.0);
    for source in root.sources.iter() {
        if !source.partition_size.0.is_multiple_of(SECTOR) {
            let (at, size) =
                (cx.desk.file_line(source.partition_size.place), show_size(source.partition_size.0));
            cx.desk.notes.push(format!(
                "{at}: a partition of {size} is no multiple of a sector ({SECTOR}B); it works"
            ));
        }
        if fits_partition(source.partition_size.0).is_none_or(|room| room < data) {
            too_small(cx, &source.partition_size, partition_for(data), "partition", data, wanted);
        }
    }
    if fits_reserve(spec.destination.reserve).is_none_or(|room| room < data)
        && let Some(reserve) = &root.destination.reserve
    {
        too_small(cx, reserve, reserve_for(data), "reserve", data, wanted);
    }
}

fn too_small(cx: &mut Cx<'_>, size: &At<Size>, least: u64, what: &str, data: u64, wanted: Option<&At<Size>>) {
    let parts = match what {
        "partition" => format!("{} seal + {} header + {data} data", layout::SEAL, layout::RECORD_HEADER),
        _ => format!(
            "2 x ({} segment + {} header + {data} data)",
            layout::SEGMENT_HEADER,
            layout::RECORD_HEADER
        ),
    };
    let title = format!("a {what} of {} does not hold the largest record", show_size(size.0));
    let draft = size.wrong("too-small", title).want(format!("at least {least} bytes: {parts}"));
    cx.desk.report(match wanted {
        Some(length) => {
            draft.also(length.place, "the largest operation").help("raise the one or lower the other")
        }
        None => draft.help("an `add` takes 16 bytes of data; writes may need more"),
    });
}

/// Row 14: a message is lost, or arrives twice, or late: the chances exclude each other.
pub(crate) fn exclusive_chances(cx: &mut Cx<'_>, root: &Root, spec: &Spec) {
    let p = &spec.profile;
    for source in root.sources.iter() {
        let l = &source.link;
        let sum = l.loss.0 + l.duplicate.0 + l.reorder.0;
        let drawn = p.loss.0 + p.duplicate.0 + p.reorder.0;
        if sum + drawn <= Chance::ALWAYS.0 {
            continue;
        }
        let what = format!(
            "`loss`, `duplicate` and `reorder` exclude each other, and their sum is {}",
            show_chance(sum + drawn)
        );
        let draft = l.loss.wrong("chances", what).want("at most 100%");
        let draft = if l.duplicate.0 > 0 { draft.also(l.duplicate.place, "duplicate") } else { draft };
        let draft = if l.reorder.0 > 0 { draft.also(l.reorder.place, "reorder") } else { draft };
        let draft = if drawn > 0 {
            draft.also(root.profile.place, format!("adds up to {}", show_chance(drawn)))
        } else {
            draft
        };
        cx.desk.report(draft);
    }
}
