//! The seam between scenarios and recorded traces.

use crate::doc::clients::{Format, Outside, Unsupported};
use mirrorsim_world::spec::Trace;
use std::path::Path;

/// What a scenario wants of a trace.
#[derive(Clone, Debug)]
#[expect(dead_code, reason = "read as soon as the readers are called below")]
pub(crate) struct Wanted {
    /// How the file is written; `None` = guessed.
    pub format: Option<Format>,
    /// So many requests at the start are left out.
    pub skip: u64,
    /// At most so many requests are kept.
    pub limit: Option<u64>,
    /// Recorded times are divided by this in thousandths; `None` = as fast as slots allow.
    pub speed_milli: Option<u64>,
    /// Index of the volume.
    pub volume: usize,
    /// Bytes of the volume.
    pub volume_size: u64,
    /// Longest operation; longer requests are cut.
    pub largest: u64,
    /// Added to every offset.
    pub shift: u64,
    /// Requests outside the volume.
    pub outside: Outside,
    /// Requests without meaning here.
    pub unsupported: Unsupported,
    /// Only requests of this host.
    pub host: Option<String>,
    /// Only requests of this disk.
    pub disk: Option<u32>,
}

/// Reads a trace.
// trace: the one place that calls the readers.
pub(crate) fn read(path: &Path, wanted: &Wanted) -> Result<Trace, String> {
    let _ = wanted;
    Err(format!(
        "no reader of traces is built in ({})",
        path.display()
    ))
}
