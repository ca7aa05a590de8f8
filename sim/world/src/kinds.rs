//! The kinds of trace entries and how each is shown: one renderer for `trace`, golden conversations and failures.

use crate::server::Work;
use crate::spec::{Fault, Spec};
use bytes::Bytes;
use mirror::effect::{Alarm, Answer, CONFIG_MIRROR, Device};
use mirror::shape::NAMES as NAMES_OF_SHAPE;
use mirror::stage::Stage;
use mirror::wire::{FRAME_HEADER, Frame};
use mirrorsim_engine::Entry;
use mirrorsim_oracle as oracle;

macro_rules! kinds {
    ($($name:ident = $number:literal $text:literal,)*) => {
        $(pub(crate) const $name: u16 = $number;)*
        /// Names of the kinds, for filters.
        pub const NAMES: &[(u16, &str)] = &[$(($number, $text),)*];
    };
}

kinds! {
    START = 1 "start",
    CRASH = 2 "crash",
    RESUME = 3 "resume",
    TIMER = 4 "timer",
    REQUEST = 5 "request",
    REPLY = 6 "reply",
    ANSWERED = 7 "answered",
    SEND = 8 "send",
    DELIVER = 9 "deliver",
    LOST = 10 "lost",
    READ = 11 "read",
    WRITE = 12 "write",
    DISCARD = 13 "discard",
    FLUSH = 14 "flush",
    DONE = 15 "done",
    STAGE = 16 "stage",
    ALARM = 17 "alarm",
    FAULT = 18 "fault",
    FAULT_END = 19 "fault_end",
    PHASE = 20 "phase",
}

const FRAMES: [&str; 21] = [
    "?",
    "Hello",
    "Welcome",
    "Fenced",
    "Refused",
    "Forward",
    "ForwardAck",
    "Nak",
    "SyncRequest",
    "SyncDone",
    "Ping",
    "Pong",
    "Reset",
    "BlockWanted",
    "Block",
    "ResyncBegin",
    "ResyncReady",
    "ResyncBlock",
    "ResyncEnd",
    "ResyncSealed",
    "HandOver",
];
const FAULTS: [&str; 45] = [
    "crash",
    "power_cut",
    "restart",
    "pause",
    "cut",
    "heal",
    "clog",
    "reset",
    "disk_full",
    "slow",
    "damage",
    "nvram_lost",
    "nvram_degraded",
    "disaster",
    "seal",
    "recover",
    "frame",
    "replay",
    "swizzle",
    "storm",
    "flush_failure",
    "write_failure",
    "short_io",
    "read_only",
    "unreadable",
    "lost_write",
    "misdirected_write",
    "rollback",
    "disk_lost",
    "disk_replaced",
    "nvram_smaller",
    "blackout",
    "starve",
    "version",
    "format",
    "config",
    "clock",
    "timers",
    "readd",
    "log_file",
    "hand_over",
    "replace",
    "heir_lost",
    "adopt",
    "rebuild",
];
const PHASES: [&str; 4] = ["faults", "healed", "quiesce", "over"];

pub(crate) fn fault_number(fault: &Fault) -> u16 {
    FAULTS.iter().position(|n| *n == crate::faults::name(fault)).unwrap_or(0) as u16
}

pub(crate) fn answer_number(answer: &Answer) -> u64 {
    match answer {
        Answer::Written => 0,
        Answer::Added(_) => 1,
        Answer::Read(_) => 2,
        Answer::Refused(_) => 3,
    }
}

/// Number of a flush that failed, among those of [`work_number`].
pub(crate) const FAILED_FLUSH: u16 = 6;

pub(crate) fn work_number(work: &Work) -> u16 {
    match work {
        Work::Write(_) => 0,
        Work::NoSpace(_) => 1,
        Work::Flush(_) => 2,
        Work::Read(_) => 3,
        Work::Short(..) => 4,
        Work::Failed(_) => 5,
    }
}

/// Kind of a durable change in reports.
pub(crate) fn change_stored(device: Device) -> &'static str {
    match device {
        Device::Nvram => "nvram_written",
        Device::Mark => "mark_written",
        Device::Log => "file_written",
        Device::Image => "image_written",
    }
}

/// Kind of a durable change in reports.
pub(crate) fn change_flushed(device: Device) -> &'static str {
    match device {
        Device::Nvram => "nvram_flushed",
        Device::Mark => "mark_flushed",
        Device::Log => "file_flushed",
        Device::Image => "image_flushed",
    }
}

fn field(head: &[u8], i: usize) -> u64 {
    let at = FRAME_HEADER + i * 8;
    head.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
}

/// Three fields that tell frames of a kind apart.
pub(crate) fn frame_fields(frame: &Frame) -> [u64; 3] {
    match frame.kind() {
        // Generation, sequence and check of the record.
        5 => [field(&frame.head, 4), field(&frame.head, 5), field(&frame.head, 15)],
        // Epoch, held.
        2 => [field(&frame.head, 1), field(&frame.head, 2), field(&frame.head, 5)],
        _ => [field(&frame.head, 0), field(&frame.head, 1), field(&frame.head, 2)],
    }
}

/// Source boot and counter of the connection that a frame belongs to.
pub(crate) fn frame_connection(frame: &Frame) -> (u64, u64) {
    let word =
        |at: usize| frame.head.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes);
    (word(24), word(32))
}

/// The room that a Welcome or ForwardAck grants.
pub(crate) fn frame_room(frame: &Frame) -> u64 {
    field(&frame.head, if frame.kind() == 2 { 7 } else { 3 })
}

/// The generation that a SyncRequest is for.
pub(crate) fn sync_request(frame: &Frame) -> Option<u64> {
    (frame.kind() == 8).then(|| field(&frame.head, 0))
}

/// One bit of a frame flipped.
pub(crate) fn flip(frame: Frame, draw: u64) -> Frame {
    let bits = frame.length() * 8;
    let bit = ((draw as u128 * bits as u128) >> 64) as usize;
    let (byte, mask) = (bit / 8, 1u8 << (bit % 8));
    let change = |bytes: &Bytes, at: usize| {
        let mut own = bytes.to_vec();
        own[at] ^= mask;
        Bytes::from(own)
    };
    if byte < frame.head.len() {
        Frame { head: change(&frame.head, byte), payload: frame.payload }
    } else {
        let at = byte - frame.head.len();
        Frame { payload: change(&frame.payload, at), head: frame.head }
    }
}

macro_rules! alarms {
    ($($variant:ident { $($field:ident),* } = $number:literal $name:literal,)*) => {
        pub(crate) fn alarm_number(alarm: &Alarm) -> u16 {
            match alarm { $(Alarm::$variant { .. } => $number,)* }
        }
        /// Name of an alarm.
        pub(crate) fn alarm_name(alarm: &Alarm) -> &'static str {
            match alarm { $(Alarm::$variant { .. } => $name,)* }
        }
        const ALARMS: &[&str] = &[$($name,)*];
    };
}

alarms! {
    BehindDestination { held, own } = 0 "behind_destination",
    LogLost { found, marked } = 1 "log_lost",
    Fenced { epoch } = 2 "fenced",
    Refused { reason } = 3 "refused",
    NoSuperblock {} = 4 "no_superblock",
    Damaged { after, to } = 5 "damaged",
    BlockDamaged { volume, block } = 6 "block_damaged",
    Conflict { position } = 7 "conflict",
    SyncConflict { generation } = 8 "sync_conflict",
    Protocol { kind } = 9 "protocol",
    DeviceFailed { device } = 10 "device_failed",
    BlockLost { volume, block } = 11 "block_lost",
    NvramTooSmall { size, needed } = 12 "nvram_too_small",
    Version { found } = 13 "version",
    Config { field, found, own } = 14 "config",
    Diverged { epoch } = 15 "diverged",
}

pub(crate) fn alarm_text(alarm: &Alarm) -> String {
    match alarm {
        Alarm::BehindDestination { held, own } => {
            format!(
                "the destination holds {held}, the source has only {own}: durable records were lost (SR1)"
            )
        }
        Alarm::LogLost { found, marked } => {
            format!("NVRAM ends at {found}, below the mark {marked}: lost, foreign or damaged (SR8)")
        }
        Alarm::Fenced { epoch } => format!("epoch {epoch} exists: fenced"),
        Alarm::Diverged { epoch } => {
            format!("it may have answered in epoch {epoch} for what no other server has: kept (LR7)")
        }
        Alarm::Refused { reason: 1 } => "the destination keeps another mirror".into(),
        Alarm::Refused { reason: 3 } => "the destination needs a block that is damaged on both sides".into(),
        Alarm::Refused { reason: 4 } => "the destination has no valid superblock of the mirror".into(),
        Alarm::Refused { reason: 5 } => {
            "the destination knows a later life of this source: its disks were replaced".into()
        }
        Alarm::Refused { .. } => "the destination lacks records that the source no longer has".into(),
        Alarm::NoSuperblock => "no valid superblock".into(),
        Alarm::Version { found } => format!("version {found} of the formats: not read, not touched"),
        Alarm::Config { field: CONFIG_MIRROR, .. } => "another mirror's data stand here".into(),
        Alarm::Config { field, found, own } => {
            let name = NAMES_OF_SHAPE.get(*field as usize).unwrap_or(&"?");
            format!("{name}: made with {found}, configured are {own}")
        }
        Alarm::Damaged { after, to } => format!("records after {after} up to {to} are damaged"),
        Alarm::BlockDamaged { volume, block } => {
            format!("block {block} of volume {volume} does not match its check")
        }
        Alarm::BlockLost { volume, block } => {
            format!("block {block} of volume {volume} is damaged on both sides")
        }
        Alarm::Conflict { position } => format!("record {position} came again with other content"),
        Alarm::SyncConflict { generation } => format!("SyncRequest({generation}) contradicts the file"),
        Alarm::Protocol { kind } => format!("frame of kind {kind} breaks the protocol"),
        Alarm::DeviceFailed { device } => format!("device {} failed", device.name()),
        Alarm::NvramTooSmall { size, needed } => {
            format!("the NVRAM has {size} bytes, and {needed} are configured")
        }
    }
}

pub(crate) fn alarm_fields(alarm: &Alarm) -> [u64; 3] {
    match alarm {
        Alarm::BehindDestination { held, .. } => [held.generation, held.sequence, 0],
        Alarm::LogLost { found, .. } => [found.generation, found.sequence, 0],
        Alarm::Damaged { after, .. } => [after.generation, after.sequence, 0],
        Alarm::Conflict { position } => [position.generation, position.sequence, 0],
        Alarm::BlockDamaged { volume, block } | Alarm::BlockLost { volume, block } => {
            [*volume as u64, *block, 0]
        }
        Alarm::Fenced { epoch } | Alarm::Diverged { epoch } => [*epoch, 0, 0],
        Alarm::Version { found } => [*found, 0, 0],
        Alarm::Config { field, found, own } => [*field, *found, *own],
        Alarm::SyncConflict { generation } => [*generation, 0, 0],
        _ => [0; 3],
    }
}

pub(crate) fn verdict_text(to: oracle::RecoveredTo) -> String {
    let position = to.position;
    match to.verdict {
        oracle::Verdict::Complete => format!("complete, up to {position}"),
        oracle::Verdict::CompleteUpTo => format!("complete up to {position}, more is not known"),
        oracle::Verdict::Damaged { from, to } => {
            format!("damaged: records after {from} up to {to} are missing")
        }
    }
}

/// What an actor of the trace is called.
pub(crate) fn actor(spec: &Spec, number: u16) -> String {
    let number = number as usize;
    if number >= 100 {
        return spec.clients.get(number - 100).map_or_else(|| format!("client{number}"), |c| c.name.clone());
    }
    let (sources, destinations) = (spec.sources.len(), spec.destinations.len());
    if let Some(source) = spec.sources.get(number) {
        return source.name.clone();
    }
    if let Some(destination) = spec.destinations.get(number - sources) {
        return destination.name.clone();
    }
    let name = |source: usize| spec.sources[source].name.as_str();
    let spare = spec.spares().get(number - sources - destinations).copied();
    spare.map_or_else(|| "?".into(), |s| format!("{}/{}", name(s.by), name(s.mirror)))
}

fn device(number: u16) -> &'static str {
    ["nvram", "mark", "log", "image"].get(number as usize).copied().unwrap_or("?")
}

fn time(ns: u64) -> String {
    format!("{:>4}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000)
}

/// One trace entry as a line of text, without newline.
pub fn render(spec: &Spec, e: &Entry) -> String {
    let who = actor(spec, e.actor);
    let client = |n: u16| spec.clients.get(n as usize).map_or("?", |c| c.name.as_str());
    let what = match e.kind {
        START => format!("starts (life {})", e.a),
        CRASH if e.flags == 1 => "loses power".to_string(),
        CRASH => "crashes".to_string(),
        RESUME => "goes on after a pause".into(),
        TIMER => "timer".into(),
        REQUEST => {
            format!("<- {} slot {} request {}: {} bytes at {}", client(e.peer), e.flags, e.a, e.c, e.b)
        }
        REPLY => {
            let answer = ["written", "added", "read", "refused"][(e.b as usize).min(3)];
            format!("-> {} slot {} request {}: {answer}", client(e.peer), e.flags, e.a)
        }
        ANSWERED => format!("slot {} request {} answered after {} ns", e.flags, e.a, e.b),
        SEND | DELIVER | LOST => {
            let arrow = match e.kind {
                SEND => "->",
                DELIVER => "<-",
                _ => "x-",
            };
            format!("{arrow} {} {}", actor(spec, e.peer), frame(e))
        }
        READ => format!("reads {} bytes of {} at {}", e.b, device(e.flags), e.a),
        WRITE => format!("writes {} bytes of {} at {}", e.b, device(e.flags), e.a),
        DISCARD => format!("discards {} bytes of {} at {}", e.b, device(e.flags), e.a),
        FLUSH => format!("flushes {}", device(e.flags)),
        DONE => {
            let what = match e.flags & 0xff {
                0 => "write",
                1 => "write without space",
                2 => "flush",
                3 => "read",
                4 => "part of a write",
                5 => "failed write",
                _ => "failed flush",
            };
            format!("{what} of {} done", device(e.flags >> 8))
        }
        STAGE => {
            let stage = Stage::ALL.get(e.flags as usize).map_or("?", |s| s.name());
            let of = if e.peer != e.actor { format!(" of {}", actor(spec, e.peer)) } else { String::new() };
            match (e.a, e.b) {
                (0, 0) => format!("* {stage}{of}"),
                (g, 0) => format!("* {stage}{of} generation {g}"),
                (g, n) => format!("* {stage}{of} ({g}, {n})"),
            }
        }
        ALARM => format!("! {} {} {}", ALARMS.get(e.flags as usize).unwrap_or(&"?"), e.a, e.b),
        FAULT => format!("# fault {}: {}", e.a, fault(spec, e)),
        FAULT_END => format!("# fault {} ends: {}", e.a, fault(spec, e)),
        PHASE => format!("= phase {}", PHASES.get(e.flags as usize).unwrap_or(&"?")),
        other => format!("kind {other}"),
    };
    format!("{} {who:<12} {what}", time(e.time))
}

/// A fault of the plan; of one that the spec does not have, as it was drawn, the name.
fn fault(spec: &Spec, e: &Entry) -> String {
    let known = spec.faults.get(e.a as usize).filter(|f| fault_number(&f.fault) == e.flags);
    match known {
        Some(known) => crate::faults::words(spec, &known.fault),
        None => (*FAULTS.get(e.flags as usize).unwrap_or(&"?")).to_owned(),
    }
}

/// A frame, as an entry of the trace says it.
pub(crate) fn frame_text(of: &Frame) -> String {
    let [a, b, c] = frame_fields(of);
    frame(&Entry { time: 0, kind: SEND, actor: 0, peer: 0, flags: of.kind(), a, b, c })
}

fn frame(e: &Entry) -> String {
    let name = FRAMES.get(e.flags as usize).unwrap_or(&"?");
    match e.flags {
        0 => format!("{} bytes", e.a),
        1 => format!("{name} epoch {} oldest {} next generation {}", e.a, e.b, e.c),
        2 => format!("{name} held ({}, {}) applied {}", e.a, e.b, e.c),
        5 => format!("{name} ({}, {})", e.a, e.b),
        6 => {
            let level = ["?", "received", "nvram", "file"][(e.a as usize).min(3)];
            format!("{name} {level} up to ({}, {})", e.b, e.c)
        }
        7 => format!("{name} after ({}, {})", e.a, e.b),
        8 => format!("{name} generation {} count {}", e.a, e.b),
        9 => format!("{name} generation {}", e.a),
        15 | 19 => format!("{name} {:x}", e.a),
        16 => format!("{name} {:x}, {} stored", e.a, e.b),
        17 => format!("{name} {:x} number {} of volume {}", e.a, e.b, e.c),
        18 => format!("{name} {:x} of {} blocks", e.a, e.b),
        13 | 14 => format!("{name} {} of volume {}", e.b, e.a),
        3 | 4 | 10 | 11 => format!("{name} {}", e.a),
        _ => name.to_string(),
    }
}
