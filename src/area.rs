//! Records back to back, as they are found in a file, a segment or a partition.

use crate::codec::all_zero;
use crate::effect::Ranges;
use crate::geometry::Geometry;
use crate::ids::Position;
use crate::quirk::{Bend, Quirk};
use crate::record::{HEADER, Header, Record};
use alloc::vec::Vec;
use bytes::Buf;
use smallvec::smallvec;

/// Bytes that are read at once. A record that is larger is read apart, so that its payload is not copied.
const READ_AHEAD: u64 = 4 << 10;

/// Why the records of an area end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// The rest was never written, or is of an older fill.
    Blank,
    /// Something that is no valid record stands there.
    Garbage,
}

/// What a reader takes for granted: a sound one nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trust {
    headers: bool,
    payloads: bool,
    lengths: bool,
}

impl Trust {
    /// Of a log file.
    pub fn in_file<Q: Quirk>(quirk: Q) -> Trust {
        let (headers, lengths) = (quirk.bends(Bend::CheckPayloadOnly), quirk.bends(Bend::LengthBeforeCheck));
        Trust { headers, lengths, payloads: false }
    }

    /// Of the destination's NVRAM.
    pub fn in_nvram<Q: Quirk>(quirk: Q) -> Trust {
        Trust { payloads: quirk.bends(Bend::HalfRecords), ..Trust::default() }
    }
}

/// Records back to back in a file, a segment or a partition.
#[derive(Clone, Debug)]
pub struct Area {
    /// First byte of the first record.
    pub start: u64,
    /// First byte after the last valid record.
    pub end: u64,
    limit: u64,
    /// The records.
    pub records: Vec<Record>,
    /// Why they end.
    pub stop: Stop,
    /// The header of a further record is there and its payload is not. (Other garbage may be an older fill's.)
    pub half: bool,
    /// What stood behind the last record, for trailers.
    pub behind: bytes::Bytes,
    /// Records behind a place that is no valid record, if they were searched for.
    pub beyond: Vec<Record>,
    /// First byte after each of them.
    beyond_ends: Vec<u64>,
    /// All that stands behind the records, if it was searched.
    rest: bytes::Bytes,
    /// Of the record whose payload is being read.
    header: Option<Header>,
    generation: Option<u64>,
    trust: Trust,
}

impl Area {
    /// An area between two bytes; `generation` restricts it to that one.
    pub fn new(start: u64, limit: u64, generation: Option<u64>) -> Area {
        Area {
            start,
            end: start,
            limit,
            records: Vec::new(),
            stop: Stop::Blank,
            half: false,
            behind: bytes::Bytes::new(),
            beyond: Vec::new(),
            beyond_ends: Vec::new(),
            rest: bytes::Bytes::new(),
            header: None,
            generation,
            trust: Trust::default(),
        }
    }

    /// The same, read by somebody who takes things for granted.
    pub fn trusting(mut self, trust: Trust) -> Area {
        self.trust = trust;
        self
    }

    /// The first read; `None` if not even a header fits.
    pub fn first(&self) -> Option<Ranges> {
        (self.end + HEADER <= self.limit).then(|| smallvec![self.ahead(self.end)])
    }

    fn ahead(&self, from: u64) -> (u64, u64) {
        (from, READ_AHEAD.min(self.limit - from))
    }

    /// The next read, when the record at the end is not read as a whole.
    fn go_on(&mut self, header: Header) -> Ranges {
        if header.size() <= READ_AHEAD {
            return smallvec![self.ahead(self.end)];
        }
        let (payload, behind) = (self.end + HEADER, self.end + header.size());
        let mut ranges: Ranges = smallvec![(payload, header.payload_length())];
        if behind + HEADER <= self.limit {
            ranges.push(self.ahead(behind));
        }
        self.header = Some(header);
        ranges
    }

    fn header(&self, geometry: &Geometry, bytes: &bytes::Bytes) -> Option<Header> {
        let good = Record::header(geometry.mirror, bytes);
        if good.is_some() || !(self.trust.headers || self.trust.lengths) {
            return good;
        }
        let fits = |header: &Header| self.trust.lengths || header.sound() && header.fits(geometry);
        Record::believed(geometry.mirror, bytes).filter(fits)
    }

    /// The next record; false if its payload does not check.
    fn take(&mut self, header: Header, payload: bytes::Bytes) -> bool {
        let size = header.size();
        let record =
            if self.trust.payloads { Some(header.join(payload)) } else { header.with_payload(payload) };
        let Some(record) = record else {
            self.stop = Stop::Garbage;
            self.half = true;
            return false;
        };
        if self.records.is_empty() {
            self.records.reserve(16);
        }
        self.records.push(record);
        self.end += size;
        true
    }

    /// Everything behind the records, for [`Area::search`].
    pub(crate) fn rest(&self) -> Option<Ranges> {
        (self.end + HEADER <= self.limit).then(|| smallvec![(self.end, self.limit - self.end)])
    }

    /// Looks for valid records at every multiple of 8 behind the end: one damaged record does not hide the good ones.
    pub(crate) fn search(&mut self, geometry: &Geometry, rest: &bytes::Bytes) {
        self.rest = rest.clone();
        let mut at = 0;
        while at + HEADER as usize <= rest.len() {
            if !Record::may_start(&rest[at..]) {
                at += 8;
                continue;
            }
            let found = Record::header(geometry.mirror, &rest.slice(at..)).and_then(|header| {
                let (from, size) = (at + HEADER as usize, header.size());
                let to = from + header.payload_length() as usize;
                let mine = self.generation.is_none_or(|g| g == header.position().generation);
                let record =
                    (mine && to <= rest.len()).then(|| header.with_payload(rest.slice(from..to)))??;
                Some((record, size))
            });
            at += found.as_ref().map_or(8, |(_, size)| *size as usize);
            if let Some((record, _)) = found {
                self.beyond.push(record);
                self.beyond_ends.push(self.end + at as u64);
            }
        }
    }

    /// All valid records, each with its first byte and the first one behind it.
    pub fn valid(&self) -> impl Iterator<Item = (u64, u64, &Record)> {
        let first = self.records.iter().scan(self.start, |at, record| {
            let start = core::mem::replace(at, *at + record.size());
            Some((start, *at, record))
        });
        let beyond = self.beyond.iter().zip(&self.beyond_ends);
        first.chain(beyond.map(|(record, end)| (end - record.size(), *end, record)))
    }

    /// First byte after the last record up to a position.
    pub fn end_of(&self, last: Position) -> u64 {
        let kept = self.valid().filter(|(_, _, r)| r.position <= last);
        kept.map(|(_, end, _)| end).fold(self.start, u64::max)
    }

    /// First byte that no record can use.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Whether anything but zeros stands behind a byte.
    pub fn littered(&self, from: u64) -> bool {
        let Some(skip) = from.checked_sub(self.end) else { return true };
        if self.rest.is_empty() {
            return self.stop == Stop::Garbage;
        }
        self.rest.get(skip as usize..).is_some_and(|rest| !all_zero(rest))
    }

    /// Takes what was read; returns the next read, or `None` at the end of the records.
    pub fn feed(&mut self, geometry: &Geometry, data: &[bytes::Bytes]) -> Option<Ranges> {
        let mut rest = data.last()?.clone();
        if let Some(header) = self.header.take() {
            if !self.take(header, data.first()?.clone()) {
                return None;
            }
            if data.len() == 1 {
                rest = bytes::Bytes::new();
            }
        }
        loop {
            if self.end + HEADER > self.limit {
                return None;
            }
            if (rest.len() as u64) < HEADER {
                return self.first();
            }
            let Some(header) = self.header(geometry, &rest) else {
                self.behind = rest.slice(..HEADER as usize);
                self.stop = if all_zero(&self.behind) { Stop::Blank } else { Stop::Garbage };
                return None;
            };
            let (position, size) = (header.position(), header.size());
            // Positions only grow in an area: an older one is what an earlier fill left behind.
            let stale = self.records.last().is_some_and(|r| r.position >= position)
                || self.generation.is_some_and(|g| g != position.generation);
            if stale || self.end + size > self.limit && !self.trust.lengths {
                return None;
            }
            if (rest.len() as u64) < size {
                return Some(self.go_on(header));
            }
            let payload = rest.slice(HEADER as usize..(HEADER + header.payload_length()) as usize);
            if !self.take(header, payload) {
                return None;
            }
            rest.advance(size as usize);
        }
    }
}
