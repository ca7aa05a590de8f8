//! Reads the log of a mirror at the destination: files and NVRAM. Boot and recovery both do. Each read is an effect, so that each is a crash point.

use crate::area::{Area, Stop, Trust};
use crate::codec::all_zero;
use crate::effect::{Completion, Device, Duty, Outbox, Ranges, Token};
use crate::geometry::Geometry;
use crate::ids::{MirrorIndex, Position};
use crate::log_file::{FILE_HEADER, FileHeader, FileTrailer};
use crate::mark::Mark;
use crate::nvram_log::{SEGMENT_HEADER, SegmentHeader};
use crate::quirk::{Bend, Quirk};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

/// A log file that was found.
#[derive(Clone, Debug)]
pub struct FileArea {
    /// Its place.
    pub place: u64,
    /// Its header.
    pub header: FileHeader,
    /// Its records.
    pub area: Area,
    /// Its trailer, if it stands right behind the records.
    pub trailer: Option<FileTrailer>,
}

/// A segment of NVRAM in use.
#[derive(Clone, Debug)]
pub struct SegmentArea {
    /// Its number on the device.
    pub segment: u64,
    /// Its order in the mirror.
    pub serial: u64,
    /// Its records.
    pub area: Area,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Files,
    Segments,
    FileRecords(usize),
    SegmentRecords(usize),
    SearchFile(usize),
    SearchSegment(usize),
    Done,
}

/// The log of a mirror at the destination.
#[derive(Debug)]
pub struct Survey<Q> {
    geometry: Arc<Geometry>,
    index: MirrorIndex,
    quirk: Q,
    numbers: Range<u64>,
    recovering: bool,
    searched: bool,
    step: Step,
    token: Token,
    /// Files with a header of this mirror, by generation and incarnation.
    pub files: Vec<FileArea>,
    /// Places whose header is not blank and not one of this mirror.
    pub foreign_places: Vec<u64>,
    /// Segments whose header is not blank and not valid: nobody's, with something left in them.
    pub headless: Vec<u64>,
    /// Segments in use, in order.
    pub segments: Vec<SegmentArea>,
    /// Highest segment serial ever seen.
    pub last_serial: u64,
}

impl<Q: Quirk> Survey<Q> {
    /// A survey of mirror `index` on a server whose NVRAM has segments of these numbers.
    pub fn new(
        geometry: Arc<Geometry>,
        index: MirrorIndex,
        numbers: Range<u64>,
        recovering: bool,
        quirk: Q,
    ) -> Self {
        Survey {
            geometry,
            index,
            quirk,
            numbers,
            recovering,
            searched: false,
            step: Step::Files,
            token: Token(0),
            files: Vec::new(),
            foreign_places: Vec::new(),
            headless: Vec::new(),
            segments: Vec::new(),
            last_serial: 0,
        }
    }

    /// Asks for the first read.
    pub fn start(&mut self, out: &mut Outbox) {
        let own = self.geometry.first_place;
        // A bent reader looks at the places of the mirrors before it too, and counts.
        let from = if self.by_position() { 0 } else { own };
        let size = self.geometry.file_size;
        let ranges = (from..own + self.geometry.places()).map(|p| (p * size, FILE_HEADER)).collect();
        self.read(Step::Files, Device::Log, ranges, out);
    }

    fn read(&mut self, step: Step, device: Device, ranges: Ranges, out: &mut Outbox) {
        self.step = step;
        self.token = out.read(self.index, Duty::Boot, device, ranges);
    }

    /// Whether a completion belongs to this survey.
    pub fn waits_for(&self, token: Token) -> bool {
        self.step != Step::Done && self.token == token
    }

    /// Goes on after a completion; true at the end.
    pub fn done(&mut self, completion: Completion, out: &mut Outbox) -> bool {
        let Completion::Read(data) = completion else { return false };
        match self.step {
            Step::Files => {
                self.take_file_headers(&data);
                let ranges =
                    self.numbers.clone().map(|s| (s * self.geometry.segment_size, SEGMENT_HEADER)).collect();
                self.read(Step::Segments, Device::Nvram, ranges, out);
            }
            Step::Segments => {
                self.take_segment_headers(&data);
                return self.next_file(0, out);
            }
            Step::FileRecords(i) => {
                let file = &mut self.files[i];
                if let Some(ranges) = file.area.feed(&self.geometry, &data) {
                    self.read(Step::FileRecords(i), Device::Log, ranges, out);
                } else {
                    let behind = file.area.behind.clone();
                    file.trailer = FileTrailer::decode(self.geometry.mirror, &behind)
                        .filter(|t| t.generation == file.header.generation);
                    return self.next_file(i + 1, out);
                }
            }
            Step::SegmentRecords(i) => {
                if let Some(ranges) = self.segments[i].area.feed(&self.geometry, &data) {
                    self.read(Step::SegmentRecords(i), Device::Nvram, ranges, out);
                } else {
                    return self.next_segment(i + 1, out);
                }
            }
            Step::SearchFile(i) => {
                self.files[i].area.search(&self.geometry, &data[0]);
                return self.search_file(i + 1, out);
            }
            Step::SearchSegment(i) => {
                self.segments[i].area.search(&self.geometry, &data[0]);
                return self.search_segment(i + 1, out);
            }
            Step::Done => {}
        }
        false
    }

    fn by_position(&self) -> bool {
        !self.recovering && self.quirk.bends(Bend::BindFilesByPosition)
    }

    /// The bent binding: the files of mirror m are those at m * k of the listing, whatever their headers say.
    fn listed(&self, data: &[bytes::Bytes]) -> alloc::vec::Vec<bytes::Bytes> {
        let first = self.geometry.first_place as usize;
        let files = self.geometry.files as usize;
        let skip = self.index as usize * files;
        let full = |p: &usize| FileHeader::decode(&data[*p]).is_some();
        let bound: Vec<usize> = (0..data.len()).filter(full).skip(skip).take(files).collect();
        let own = first..data.len();
        own.map(|p| if bound.contains(&p) { data[p].clone() } else { bytes::Bytes::new() }).collect()
    }

    fn take_file_headers(&mut self, data: &[bytes::Bytes]) {
        if self.by_position() && data.len() as u64 > self.geometry.places() {
            let listed = self.listed(data);
            return self.take_file_headers(&listed);
        }
        for (place, bytes) in data.iter().enumerate() {
            let place = place as u64;
            match FileHeader::decode(bytes) {
                Some((mirror, header)) if mirror == self.geometry.mirror => {
                    let start = self.geometry.place(place);
                    let area = Area::new(
                        start + FILE_HEADER,
                        start + self.geometry.file_size,
                        Some(header.generation),
                    )
                    .trusting(Trust::in_file(self.quirk));
                    self.files.push(FileArea { place, header, area, trailer: None });
                }
                None if bytes.is_empty() || all_zero(bytes) => {}
                Some(_) | None => self.foreign_places.push(place),
            }
        }
        self.files.sort_by_key(|f| (f.header.generation, f.header.incarnation));
        if self.recovering
            && self.quirk.bends(Bend::RecoverActiveFileOnly)
            && let Some(active) = self.files.pop()
        {
            self.files = alloc::vec![active];
        }
    }

    fn take_segment_headers(&mut self, data: &[bytes::Bytes]) {
        for (segment, bytes) in self.numbers.clone().zip(data) {
            let decoded = SegmentHeader::decode(bytes);
            if decoded.is_none() && !all_zero(bytes) {
                self.headless.push(segment);
            }
            let Some(header) = decoded.filter(|h| h.mirror == self.geometry.mirror) else { continue };
            self.last_serial = self.last_serial.max(header.serial);
            if header.in_use {
                let start = segment * self.geometry.segment_size;
                let area = Area::new(start + SEGMENT_HEADER, start + self.geometry.segment_size, None)
                    .trusting(Trust::in_nvram(self.quirk));
                self.segments.push(SegmentArea { segment, serial: header.serial, area });
            }
        }
        self.segments.sort_by_key(|s| s.serial);
    }

    fn next_file(&mut self, from: usize, out: &mut Outbox) -> bool {
        for i in from..self.files.len() {
            if let Some(ranges) = self.files[i].area.first() {
                self.read(Step::FileRecords(i), Device::Log, ranges, out);
                return false;
            }
        }
        self.next_segment(0, out)
    }

    fn next_segment(&mut self, from: usize, out: &mut Outbox) -> bool {
        for i in from..self.segments.len() {
            if let Some(ranges) = self.segments[i].area.first() {
                self.read(Step::SegmentRecords(i), Device::Nvram, ranges, out);
                return false;
            }
        }
        self.step = Step::Done;
        true
    }

    /// Whether something that is no valid record stands behind the records of some area.
    pub fn garbled(&self) -> bool {
        let files = self.files.iter().filter(|f| f.trailer.is_none()).map(|f| &f.area);
        files.chain(self.segments.iter().map(|s| &s.area)).any(|a| a.stop == Stop::Garbage)
    }

    /// Whether records behind the end of the log are left.
    pub fn survived(&self, end: Position) -> bool {
        let areas = self.files.iter().map(|f| &f.area).chain(self.segments.iter().map(|s| &s.area));
        areas.flat_map(|a| a.records.last()).any(|r| r.position > end)
    }

    /// Something promised is missing, or something invalid stands there: looks for good records behind damaged ones. False if that was done before.
    pub fn search(&mut self, out: &mut Outbox) -> bool {
        !core::mem::replace(&mut self.searched, true) && !self.search_file(0, out)
    }

    fn search_file(&mut self, from: usize, out: &mut Outbox) -> bool {
        for i in from..self.files.len() {
            if let Some(ranges) = self.files[i].area.rest() {
                self.read(Step::SearchFile(i), Device::Log, ranges, out);
                return false;
            }
        }
        self.search_segment(0, out)
    }

    fn search_segment(&mut self, from: usize, out: &mut Outbox) -> bool {
        for i in from..self.segments.len() {
            if let Some(ranges) = self.segments[i].area.rest() {
                self.read(Step::SearchSegment(i), Device::Nvram, ranges, out);
                return false;
            }
        }
        self.step = Step::Done;
        true
    }

    /// The highest position that a mark, a header, a trailer or a record in a file gives evidence of (DR8). NVRAM is no
    /// evidence: unflushed lines survive in any order.
    pub fn evidence(&self, mark: &Mark) -> Position {
        // A planted bug: an NVRAM without anything in it is taken for one that was empty.
        let blank = self.segments.is_empty() && self.quirk.bends(Bend::TrustBlankNvram);
        let mut highest = if blank { mark.file } else { mark.nvram.max(mark.file) };
        for file in &self.files {
            highest = highest.max(file.header.prev.position);
            if let Some(trailer) = &file.trailer {
                highest = highest.max(Position::new(trailer.generation, trailer.count));
            }
            let records = file.area.records.iter().chain(&file.area.beyond);
            highest = records.map(|r| r.position).fold(highest, Position::max);
        }
        highest
    }
}
