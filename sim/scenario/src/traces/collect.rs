//! Turns the requests of a file into operations of a trace: shift, bounds, cutting, times, counts.

use super::error::{Place, Problem, TraceError};
use super::{MAX_OPERATIONS, Options, Outside, Oversize, Summary, Unsupported};
use bytes::Bytes;
use mirrorsim_world::spec::{Nanos, TraceAction, TraceOperation};

/// What one request asks for.
pub(super) enum Kind {
    Read,
    Write { payload: Option<Bytes>, wait: bool },
    Zeroes,
    Flush,
}

/// A range of a volume.
#[derive(Clone, Copy)]
pub(super) struct Range {
    pub volume: usize,
    pub offset: u64,
    pub length: u64,
}

/// What becomes of the next request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is read.
    Keep,
    /// It is left out at the start.
    Skip,
    /// The limit is reached: nothing more is read.
    Full,
}

pub(super) struct Collector<'a> {
    pub options: &'a Options,
    pub summary: Summary,
    path: String,
    operations: Vec<TraceOperation>,
    /// Recorded time of the first kept request, and the latest so far, in the unit of the file.
    times: Option<(u64, u64)>,
}

impl<'a> Collector<'a> {
    pub fn new(options: &'a Options, path: String) -> Self {
        Collector { options, path, summary: Summary::default(), operations: Vec::new(), times: None }
    }

    /// Asked once before each request that is not filtered out.
    pub fn admit(&mut self) -> Admission {
        if self.summary.skipped < self.options.skip {
            self.summary.skipped += 1;
            return Admission::Skip;
        }
        if self.options.limit.is_some_and(|limit| self.summary.requests >= limit) {
            return Admission::Full;
        }
        self.summary.requests += 1;
        Admission::Keep
    }

    /// How many operations there are so far.
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Sets the time of operations from `first` on.
    pub fn retime(&mut self, range: std::ops::Range<usize>, at: Nanos) {
        for operation in &mut self.operations[range] {
            operation.at = at;
        }
    }

    /// Time since the first kept request, in the unit of the file: never less than for the request before.
    pub fn elapsed(&mut self, recorded: u64) -> u64 {
        let (first, latest) = self.times.unwrap_or((recorded, recorded));
        if recorded < latest {
            self.summary.late += 1;
        }
        let latest = latest.max(recorded);
        self.times = Some((first, latest));
        latest - first
    }

    /// A request without meaning here: an error, or counted, as the options want.
    pub fn unsupported(&mut self, place: Place, problem: Problem) -> Result<(), TraceError> {
        match self.options.unsupported {
            Unsupported::Skip => {
                self.summary.unsupported += 1;
                Ok(())
            }
            Unsupported::Refuse => {
                Err(self.error(place, problem.help("`unsupported: skip` leaves such requests out")))
            }
        }
    }

    pub fn error(&self, place: Place, problem: Problem) -> TraceError {
        TraceError::Refused { path: self.path.clone(), place, problem: Box::new(problem) }
    }

    /// Adds what one request asks for.
    pub fn add(&mut self, place: Place, at: Nanos, kind: Kind, range: Range) -> Result<(), TraceError> {
        if matches!(kind, Kind::Flush) {
            self.summary.flushes += 1;
            return self.push(place, at, range.volume, TraceAction::Flush);
        }
        if range.length == 0 {
            return self.unsupported(
                place,
                Problem::new("the request is empty").got("length 0").want("at least 1 byte"),
            );
        }
        let Some(parts) = self.locate(place, range)? else {
            return Ok(());
        };
        let pieces = parts.iter().map(|part| part.length.div_ceil(self.step())).fold(0, u64::saturating_add);
        self.check_length(place, range.length, pieces)?;
        self.count(&kind, range.length);
        self.summary.split += u64::from(pieces > 1);
        let mut done = 0;
        for part in parts {
            self.summary.highest = self.summary.highest.max(part.offset + part.length);
            let mut start = 0;
            while start < part.length {
                let length = self.step().min(part.length - start);
                let offset = part.offset + start;
                let action = match &kind {
                    Kind::Read => TraceAction::Read { offset, length },
                    Kind::Zeroes => TraceAction::WriteZeroes { offset, length },
                    Kind::Write { payload, wait } => TraceAction::Write {
                        offset,
                        length,
                        payload: payload
                            .as_ref()
                            .map(|all| all.slice(done as usize..(done + length) as usize)),
                        wait: *wait && done + length == range.length,
                    },
                    Kind::Flush => TraceAction::Flush,
                };
                self.push(place, at, range.volume, action)?;
                start += length;
                done += length;
            }
        }
        Ok(())
    }

    /// The operations and what is in them.
    pub fn finish(mut self) -> (Vec<TraceOperation>, Summary) {
        self.summary.operations = self.operations.len() as u64;
        self.summary.duration = self.operations.last().map_or(0, |operation| operation.at);
        if let Some((first, latest)) = self.times {
            self.summary.first = first;
            self.summary.last = latest;
        }
        (self.operations, self.summary)
    }

    /// Where a request lands: one range, two if it is wrapped around the end, `None` if it is left out.
    fn locate(&mut self, place: Place, range: Range) -> Result<Option<Vec<Range>>, TraceError> {
        let size = self.options.volume_size;
        let offset = i128::from(range.offset) + i128::from(self.options.shift);
        if offset >= 0 && offset + i128::from(range.length) <= i128::from(size) {
            return Ok(Some(vec![Range { offset: offset as u64, ..range }]));
        }
        let fits = range.length <= size;
        match self.options.outside {
            Outside::Skip => {
                self.summary.outside += 1;
                Ok(None)
            }
            Outside::Wrap if fits => {
                self.summary.wrapped += 1;
                let offset = offset.rem_euclid(i128::from(size)) as u64;
                let head = range.length.min(size - offset);
                let mut parts = vec![Range { offset, length: head, ..range }];
                if head < range.length {
                    parts.push(Range { offset: 0, length: range.length - head, ..range });
                }
                Ok(Some(parts))
            }
            Outside::Wrap | Outside::Refuse => {
                let problem = Problem::new("the request lies outside the volume")
                    .got(format_args!("offset {offset}, length {}", range.length))
                    .want(format_args!("within 0..{size}"));
                let help = if fits {
                    "make the volume larger, or `outside: wrap` or `skip`"
                } else {
                    "make the volume larger"
                };
                Err(self.error(place, problem.help(help)))
            }
        }
    }

    /// Greatest length of a piece.
    fn step(&self) -> u64 {
        match self.options.max_length {
            whole if whole >= 512 => whole / 512 * 512,
            small => small,
        }
    }

    fn check_length(&self, place: Place, length: u64, pieces: u64) -> Result<(), TraceError> {
        let max = self.options.max_length;
        if length > max && self.options.oversize == Oversize::Refuse {
            let problem = Problem::new("the request is longer than one operation may be")
                .got(length)
                .want(format_args!("at most {max}"))
                .help("`oversize: split` cuts such requests");
            return Err(self.error(place, problem));
        }
        match pieces > (MAX_OPERATIONS - self.operations.len()) as u64 {
            true => Err(self.too_many(place)),
            false => Ok(()),
        }
    }

    fn count(&mut self, kind: &Kind, length: u64) {
        let summary = &mut self.summary;
        summary.largest = summary.largest.max(length);
        match kind {
            Kind::Read => {
                summary.reads += 1;
                summary.bytes_read = summary.bytes_read.saturating_add(length);
            }
            Kind::Write { wait, .. } => {
                summary.writes += 1;
                summary.forced += u64::from(*wait);
                summary.bytes_written = summary.bytes_written.saturating_add(length);
            }
            Kind::Zeroes => summary.zeroes += 1,
            Kind::Flush => {}
        }
    }

    fn push(
        &mut self,
        place: Place,
        at: Nanos,
        volume: usize,
        action: TraceAction,
    ) -> Result<(), TraceError> {
        if self.operations.len() >= MAX_OPERATIONS {
            return Err(self.too_many(place));
        }
        self.operations.push(TraceOperation { at, volume, action, expect_error: false });
        Ok(())
    }

    fn too_many(&self, place: Place) -> TraceError {
        let problem = Problem::new("the trace has too many operations")
            .want(format_args!("at most {MAX_OPERATIONS}"))
            .help("set `limit`, or a greater length of one operation");
        self.error(place, problem)
    }
}

/// A decimal number without sign.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}
