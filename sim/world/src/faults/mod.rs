//! The plan of a run's faults: names, counts, and the drawing of explicit faults from a profile.

mod devices;
mod drawn;
mod operators;
mod words;

pub use drawn::plan;
pub(crate) use words::words;

use crate::outcome::FaultCount;
use crate::spec::{Fault, FaultSpec};

/// The name of a fault in scenarios and reports.
pub fn name(fault: &Fault) -> &'static str {
    match fault {
        Fault::Crash { .. } => "crash",
        Fault::PowerCut { .. } => "power_cut",
        Fault::Restart { .. } => "restart",
        Fault::Pause { .. } => "pause",
        Fault::Cut { .. } => "cut",
        Fault::Heal { .. } => "heal",
        Fault::Clog { .. } => "clog",
        Fault::Reset { .. } => "reset",
        Fault::DiskFull { .. } => "disk_full",
        Fault::Slow { .. } => "slow",
        Fault::Damage { .. } => "damage",
        Fault::NvramLost { .. } => "nvram_lost",
        Fault::NvramDegraded { .. } => "nvram_degraded",
        Fault::Disaster { .. } => "disaster",
        Fault::Seal { .. } => "seal",
        Fault::Recover { .. } => "recover",
        Fault::HandOver { .. } => "hand_over",
        Fault::Adopt { .. } => "adopt",
        Fault::Frame { .. } => "frame",
        Fault::Replay { .. } => "replay",
        Fault::Swizzle { .. } => "swizzle",
        Fault::Storm { .. } => "storm",
        Fault::FlushFailure { .. } => "flush_failure",
        Fault::WriteFailure { .. } => "write_failure",
        Fault::ShortIo { .. } => "short_io",
        Fault::ReadOnly { .. } => "read_only",
        Fault::Unreadable { .. } => "unreadable",
        Fault::LostWrite { .. } => "lost_write",
        Fault::MisdirectedWrite { .. } => "misdirected_write",
        Fault::Rollback { .. } => "rollback",
        Fault::DiskLost { .. } => "disk_lost",
        Fault::DiskReplaced { .. } => "disk_replaced",
        Fault::NvramSmaller { .. } => "nvram_smaller",
        Fault::Blackout { .. } => "blackout",
        Fault::Starve { .. } => "starve",
        Fault::Version { .. } => "version",
        Fault::Format { .. } => "format",
        Fault::Config { .. } => "config",
        Fault::Clock { .. } => "clock",
        Fault::Timers { .. } => "timers",
        Fault::Readd { .. } => "readd",
        Fault::Replace { .. } => "replace",
        Fault::HeirLost { .. } => "heir_lost",
        Fault::Rebuild { .. } => "rebuild",
        Fault::LogFile { .. } => "log_file",
    }
}

/// A line of counts for each fault.
pub(crate) fn counts(faults: &[FaultSpec]) -> Vec<FaultCount> {
    let line = |f: &FaultSpec| FaultCount {
        name: name(&f.fault),
        place: f.place.clone(),
        injected: 0,
        took_effect: 0,
    };
    faults.iter().map(line).collect()
}
