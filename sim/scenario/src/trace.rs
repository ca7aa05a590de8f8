//! The seam between scenarios and recorded traces.

use crate::doc::clients::{Format, Outside, Unsupported};
use crate::traces;
use mirrorsim_world::spec::{Trace, TraceAction};
use std::path::Path;
use xxhash_rust::xxh3::Xxh3Default;

/// What a scenario wants of a trace.
#[derive(Clone, Debug)]
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
pub(crate) fn read(path: &Path, wanted: &Wanted) -> Result<Trace, traces::TraceError> {
    let format = wanted.format.map(|f| match f {
        Format::CloudPhysics => traces::Format::Cloudphysics,
        Format::Msr => traces::Format::Msr,
        Format::Fio => traces::Format::Fio,
        Format::DmLog => traces::Format::Dmlog,
    });
    let options = traces::Options {
        limit: wanted.limit,
        skip: wanted.skip,
        volume: wanted.volume,
        shift: i64::try_from(wanted.shift).unwrap_or(i64::MAX),
        outside: match wanted.outside {
            Outside::Refuse => traces::Outside::Refuse,
            Outside::Wrap => traces::Outside::Wrap,
            Outside::Skip => traces::Outside::Skip,
        },
        unsupported: match wanted.unsupported {
            Unsupported::Refuse => traces::Unsupported::Refuse,
            Unsupported::Skip => traces::Unsupported::Skip,
        },
        host: wanted.host.clone(),
        disk: wanted.disk,
        speed_milli: wanted.speed_milli,
        ..traces::Options::new(wanted.volume_size, wanted.largest)
    };
    Ok(traces::read(path, format, &options)?.trace)
}

/// A sum of all operations: a run is another one as soon as a recorded operation is.
pub(crate) fn sum(trace: &Trace) -> u64 {
    let mut sum = Xxh3Default::new();
    for operation in trace.operations.iter() {
        let mut content = None;
        let words = match &operation.action {
            TraceAction::Write { offset, length, payload, wait } => {
                content = payload.as_deref();
                [if *wait { 1 } else { 0 }, *offset, *length]
            }
            TraceAction::WriteZeroes { offset, length } => [2, *offset, *length],
            TraceAction::Add { offset, delta } => [3, *offset, *delta],
            TraceAction::Read { offset, length } => [4, *offset, *length],
            TraceAction::Flush => [5, 0, 0],
        };
        for word in [operation.at, operation.volume as u64].into_iter().chain(words) {
            sum.update(&word.to_le_bytes());
        }
        sum.update(content.unwrap_or_default());
    }
    sum.digest()
}
