//! Reads recorded block traces into [`spec::Trace`](mirrorsim_world::spec::Trace)s.
//!
//! | format | what it is | times | payloads |
//! |---|---|---|---|
//! | [`Format::Cloudphysics`] | CSV with a header `version,time,op,size,lbn` | whole seconds; the requests of one second are spread evenly in it | no |
//! | [`Format::Msr`] | CSV `Timestamp,Hostname,DiskNumber,Type,Offset,Size,ResponseTime` without header | 100 ns | no |
//! | [`Format::Fio`] | fio's iolog, version 2 and 3 | version 3: microseconds; version 2: `wait` | no |
//! | [`Format::Dmlog`] | dm-log-writes, as the Linux kernel and QEMU's blklogwrites write it | none: as fast as slots allow | yes |
//!
//! A file may be compressed with zstd or gzip; that is seen from its first bytes, whatever its name is.
//! Memory is bounded whatever the file says: see [`MAX_OPERATIONS`], [`MAX_BYTES`] and [`MAX_LINE`].

mod cloudphysics;
mod collect;
mod dmlog;
mod error;
mod fio;
mod image;
mod input;
mod msr;
#[cfg(test)]
mod tests;

pub use error::{Place, Problem, TraceError};
pub use image::straight_image;

use collect::Collector;
use mirrorsim_world::spec::{Nanos, Trace};
use std::path::Path;
use std::sync::Arc;

/// Most operations of one trace, after cutting.
pub const MAX_OPERATIONS: usize = 20_000_000;
/// Most bytes of a recording with payloads, unpacked.
pub const MAX_BYTES: u64 = 4 << 30;
/// Longest line of a text format, in bytes.
pub const MAX_LINE: usize = 64 << 10;

/// A trace format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// CSV with header, SCSI opcodes, 512-byte sectors.
    Cloudphysics,
    /// MSR Cambridge CSV.
    Msr,
    /// fio iolog, version 2 or 3.
    Fio,
    /// dm-log-writes, with payloads.
    Dmlog,
}

impl Format {
    /// Every format with its name in scenario files.
    pub const NAMES: [(Format, &'static str); 4] = [
        (Format::Cloudphysics, "cloudphysics"),
        (Format::Msr, "msr"),
        (Format::Fio, "fio"),
        (Format::Dmlog, "dmlog"),
    ];

    /// The format of that name.
    pub fn from_name(name: &str) -> Option<Format> {
        Format::NAMES.iter().find(|(_, known)| *known == name).map(|(format, _)| *format)
    }

    /// Its name in scenario files.
    pub fn name(self) -> &'static str {
        match self {
            Format::Cloudphysics => "cloudphysics",
            Format::Msr => "msr",
            Format::Fio => "fio",
            Format::Dmlog => "dmlog",
        }
    }

    /// Guesses from the first (unpacked) bytes of a file, then from the file's name.
    pub fn guess(start: &[u8], file_name: &str) -> Option<Format> {
        let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
        let line = start.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).collect();
        let has = |name: &[u8]| fields.iter().any(|field| field.eq_ignore_ascii_case(name));
        if start.starts_with(&dmlog::MAGIC.to_le_bytes()) {
            return Some(Format::Dmlog);
        }
        if line.starts_with(b"fio version ") {
            return Some(Format::Fio);
        }
        if has(b"lbn") && has(b"op") {
            return Some(Format::Cloudphysics);
        }
        if fields.len() == 7
            && (fields[3].eq_ignore_ascii_case(b"read") || fields[3].eq_ignore_ascii_case(b"write"))
        {
            return Some(Format::Msr);
        }
        let stem =
            file_name.strip_suffix(".zst").or_else(|| file_name.strip_suffix(".gz")).unwrap_or(file_name);
        match stem.rsplit_once('.')?.1 {
            "dmlog" => Some(Format::Dmlog),
            "iolog" => Some(Format::Fio),
            _ => None,
        }
    }
}

/// What to do with a request that is longer than [`Options::max_length`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Oversize {
    /// Cut it into several operations; a wait (FUA) belongs to the last one.
    #[default]
    Split,
    /// Refuse the trace.
    Refuse,
}

/// What to do with a request that does not lie within the volume.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Outside {
    /// Refuse the trace.
    #[default]
    Refuse,
    /// Take its offset modulo the size of the volume; what crosses the end goes on at the start.
    Wrap,
    /// Leave it out and count it.
    Skip,
}

/// What to do with a well-formed request that has no meaning here: an unknown opcode or action, a length of 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Unsupported {
    /// Refuse the trace.
    #[default]
    Refuse,
    /// Leave it out and count it.
    Skip,
}

/// How a trace is read. A *request* is one line or entry of the file; it becomes one or several operations.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// At most so many requests are kept.
    pub limit: Option<u64>,
    /// So many requests are left out at the start; time starts with the first one that is kept.
    pub skip: u64,
    /// Index of the volume (of the client's source) that is used.
    pub volume: usize,
    /// fio only: the volume of each added file, in the order of the `add` lines; empty = all go to `volume`.
    pub files: Vec<usize>,
    /// Bytes of the volume (of each, if there are several).
    pub volume_size: u64,
    /// Bytes added to every offset; aligns a partition that started at an odd sector.
    pub shift: i64,
    /// Longest operation in bytes; cuts are at multiples of 512 from the start of the request where that fits.
    pub max_length: u64,
    /// What to do with longer requests.
    pub oversize: Oversize,
    /// What to do with requests outside the volume.
    pub outside: Outside,
    /// What to do with requests that mean nothing here.
    pub unsupported: Unsupported,
    /// MSR only: keep this host's requests, ignore others.
    pub host: Option<String>,
    /// MSR only: keep this disk's requests, ignore others.
    pub disk: Option<u32>,
    /// fio version 3 only: length of one tick of its times. fio 3.33 writes microseconds (whatever its manual says).
    pub fio_tick: Nanos,
    /// Keep recorded payloads; otherwise the bytes are stamped.
    pub payloads: bool,
    /// Given to the trace: recorded times are divided by this in thousandths; `None` = as fast as slots allow.
    pub speed_milli: Option<u64>,
}

impl Options {
    /// Everything of the file, cut to `max_length`, into volume 0 of that size.
    pub fn new(volume_size: u64, max_length: u64) -> Options {
        Options {
            limit: None,
            skip: 0,
            volume: 0,
            files: Vec::new(),
            volume_size,
            shift: 0,
            max_length,
            oversize: Oversize::default(),
            outside: Outside::default(),
            unsupported: Unsupported::default(),
            host: None,
            disk: None,
            fio_tick: 1_000,
            payloads: true,
            speed_milli: None,
        }
    }
}

/// What was read. Reads, writes, zeroes and flushes count requests of the file, not the operations that they became.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Requests of the file that were taken up: all but those of `skipped` and `filtered`.
    pub requests: u64,
    /// Operations of the trace.
    pub operations: u64,
    /// Reads.
    pub reads: u64,
    /// Writes.
    pub writes: u64,
    /// Ranges made zero (discard, unmap, write same, trim).
    pub zeroes: u64,
    /// Flushes, those that come with a write included.
    pub flushes: u64,
    /// Writes with forced unit access.
    pub forced: u64,
    /// Bytes read.
    pub bytes_read: u64,
    /// Bytes written, without zeroed ranges.
    pub bytes_written: u64,
    /// Recorded time of the first kept request, in the unit of the file (0 where the format has none).
    pub first: u64,
    /// Recorded time of the last kept request, in the unit of the file.
    pub last: u64,
    /// Time of the last operation from the start of the trace.
    pub duration: Nanos,
    /// End of the highest range that is touched, after shift and wrap.
    pub highest: u64,
    /// Longest request, in bytes.
    pub largest: u64,
    /// Requests that were cut into several operations.
    pub split: u64,
    /// Requests left out at the start by [`Options::skip`].
    pub skipped: u64,
    /// Requests of other hosts or disks.
    pub filtered: u64,
    /// Requests outside the volume that were wrapped.
    pub wrapped: u64,
    /// Requests outside the volume that were left out.
    pub outside: u64,
    /// Requests without meaning here that were left out, marks of a log and empty entries included.
    pub unsupported: u64,
    /// Requests with an earlier time than one before them; they keep their place and take that time.
    pub late: u64,
}

/// A trace that was read, and what is in it.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The format it had.
    pub format: Format,
    /// The operations.
    pub trace: Trace,
    /// What is in it.
    pub summary: Summary,
}

/// Reads the file at `path`; without a format, guesses it.
pub fn read(path: &Path, format: Option<Format>, options: &Options) -> Result<Recording, TraceError> {
    let input = input::open(path)?;
    read_input(input, format, options)
}

/// Reads a trace that is in memory; `name` stands for the path in messages.
pub fn read_bytes(
    name: &str,
    bytes: &[u8],
    format: Option<Format>,
    options: &Options,
) -> Result<Recording, TraceError> {
    let input = input::from_bytes(name, bytes)?;
    read_input(input, format, options)
}

fn read_input(
    mut input: input::Input<'_>,
    format: Option<Format>,
    options: &Options,
) -> Result<Recording, TraceError> {
    check(&input, options)?;
    let start = input.peek()?;
    if start.is_empty() {
        return Err(input.error(Place::File, Problem::new("the trace is empty").help("record it again")));
    }
    let file_name = input.name.rsplit('/').next().unwrap_or_default().to_owned();
    let Some(format) = format.or_else(|| Format::guess(&start, &file_name)) else {
        let problem = Problem::new("the format of the trace is unknown")
            .got_bytes(&start[..start.len().min(40)])
            .want("cloudphysics, msr, fio or dmlog")
            .help("name it with `format:`");
        return Err(input.error(Place::File, problem));
    };
    let mut collector = Collector::new(options, input.name.clone());
    match format {
        Format::Cloudphysics => cloudphysics::read(&mut input, &mut collector)?,
        Format::Msr => msr::read(&mut input, &mut collector)?,
        Format::Fio => fio::read(&mut input, &mut collector)?,
        Format::Dmlog => dmlog::read(&mut input, &mut collector)?,
    }
    let (operations, summary) = collector.finish();
    let trace = Trace { operations: Arc::new(operations), speed_milli: options.speed_milli };
    Ok(Recording { format, trace, summary })
}

/// Refuses options that mean nothing.
fn check(input: &input::Input<'_>, options: &Options) -> Result<(), TraceError> {
    let what = match () {
        () if options.volume_size == 0 => "the volume is empty",
        () if options.max_length == 0 => "the greatest length of an operation is 0",
        () if options.speed_milli == Some(0) => "the speed is 0",
        () if options.limit == Some(0) => "the limit is 0: the trace would be empty",
        () if options.fio_tick == 0 => "the tick of fio's times is 0",
        () => return Ok(()),
    };
    Err(input.error(Place::File, Problem::new(what).want("at least 1")))
}
