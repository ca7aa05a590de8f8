//! A trace file as a stream of unpacked bytes or of short lines.

use super::error::{Place, Problem, TraceError};
use super::{MAX_BYTES, MAX_LINE};
use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// An unpacked trace file.
pub(super) struct Input<'a> {
    /// Its path, for messages.
    pub name: String,
    stream: BufReader<Box<dyn Read + 'a>>,
    line: u64,
}

/// Opens a regular file.
pub(super) fn open(path: &Path) -> Result<Input<'static>, TraceError> {
    let name = path.display().to_string();
    let unreadable = |problem| TraceError::Unreadable { path: name.clone(), problem: Box::new(problem) };
    let file = || -> io::Result<_> {
        let meta = std::fs::metadata(path)?;
        Ok((meta.is_file(), meta.is_dir()))
    };
    match file() {
        Err(error) => {
            return Err(unreadable(Problem::new("cannot open the trace").got(reason(&error))));
        }
        Ok((_, true)) => {
            return Err(unreadable(Problem::new("is a directory").want("a trace file")));
        }
        Ok((false, _)) => {
            return Err(unreadable(Problem::new("is not a regular file").want("a trace file")));
        }
        Ok((true, false)) => {}
    }
    let file = File::open(path)
        .map_err(|error| unreadable(Problem::new("cannot open the trace").got(reason(&error))))?;
    unpack(name.clone(), BufReader::new(file))
}

/// Takes a file that is in memory.
pub(super) fn from_bytes<'a>(name: &str, bytes: &'a [u8]) -> Result<Input<'a>, TraceError> {
    unpack(name.to_owned(), bytes)
}

fn unpack<'a>(name: String, mut packed: impl BufRead + 'a) -> Result<Input<'a>, TraceError> {
    let start = match packed.fill_buf() {
        Ok(start) => start,
        Err(error) => {
            let problem = Box::new(Problem::new("cannot read the trace").got(reason(&error)));
            return Err(TraceError::Unreadable { path: name, problem });
        }
    };
    let stream: Box<dyn Read + 'a> = if start.starts_with(&ZSTD) {
        Box::new(Zstd { packed: Some(packed), frame: None })
    } else if start.starts_with(&GZIP) {
        Box::new(MultiGzDecoder::new(packed))
    } else {
        Box::new(packed)
    };
    Ok(Input { name, stream: BufReader::with_capacity(256 << 10, stream), line: 0 })
}

impl Input<'_> {
    /// An error at a place of this file.
    pub fn error(&self, place: Place, problem: Problem) -> TraceError {
        TraceError::Refused { path: self.name.clone(), place, problem: Box::new(problem) }
    }

    /// An error at the line that was read last.
    pub fn error_here(&self, problem: Problem) -> TraceError {
        self.error(Place::Line(self.line), problem)
    }

    /// Number of the line that was read last, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    fn unreadable(&self, error: &io::Error) -> TraceError {
        let problem =
            Problem::new("cannot read the trace").got(reason(error)).help("it may be truncated or damaged");
        TraceError::Unreadable { path: self.name.clone(), problem: Box::new(problem) }
    }

    /// Some of the first bytes; empty only if the file is.
    pub fn peek(&mut self) -> Result<Vec<u8>, TraceError> {
        match self.stream.fill_buf() {
            Ok(start) => Ok(start[..start.len().min(4096)].to_vec()),
            Err(error) => Err(self.unreadable(&error)),
        }
    }

    /// The next line that is not blank, without its end; `None` at the end of the file.
    pub fn next_line<'b>(&mut self, buffer: &'b mut Vec<u8>) -> Result<Option<&'b str>, TraceError> {
        loop {
            buffer.clear();
            let mut limited = (&mut self.stream).take(MAX_LINE as u64 + 1);
            let read = match limited.read_until(b'\n', buffer) {
                Ok(read) => read,
                Err(error) => return Err(self.unreadable(&error)),
            };
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            if buffer.last() != Some(&b'\n') && read > MAX_LINE {
                let problem =
                    Problem::new("the line is too long").want(format_args!("at most {MAX_LINE} bytes"));
                return Err(self.error_here(problem));
            }
            if self.line == 1 && buffer.starts_with(b"\xef\xbb\xbf") {
                buffer.drain(..3);
            }
            if !buffer.trim_ascii().is_empty() {
                break;
            }
        }
        match std::str::from_utf8(buffer) {
            Ok(text) if !text.contains('\0') => Ok(Some(text.trim_ascii())),
            _ => Err(self.error_here(
                Problem::new("the line is not text").got_bytes(buffer).want("UTF-8 without NUL"),
            )),
        }
    }

    /// Everything, as one buffer of at most [`MAX_BYTES`].
    pub fn whole(&mut self) -> Result<Vec<u8>, TraceError> {
        let mut all = Vec::new();
        if let Err(error) = (&mut self.stream).take(MAX_BYTES + 1).read_to_end(&mut all) {
            return Err(self.unreadable(&error));
        }
        if all.len() as u64 > MAX_BYTES {
            let problem = Problem::new("the recording is too large")
                .want(format_args!("at most {MAX_BYTES} bytes, unpacked"));
            return Err(self.error(Place::File, problem));
        }
        Ok(all)
    }
}

/// Frames of a zstd file, one after the other, with their checksums.
struct Zstd<R: BufRead> {
    packed: Option<R>,
    frame: Option<Box<StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>>,
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(mut frame) = self.frame.take() {
                let count = frame.read(out).map_err(|_| damaged())?;
                if count > 0 {
                    self.frame = Some(frame);
                    return Ok(count);
                }
                let (packed, decoder) = frame.into_parts();
                self.packed = Some(packed);
                match (decoder.get_checksum_from_data(), decoder.get_calculated_checksum()) {
                    (Some(stored), Some(computed)) if stored != computed => {
                        return Err(io::Error::new(
                            io::ErrorKind::InvalidData,
                            "zstd: checksum does not match",
                        ));
                    }
                    _ => {}
                }
            }
            let Some(mut packed) = self.packed.take() else {
                return Ok(0);
            };
            if packed.fill_buf()?.is_empty() {
                return Ok(0);
            }
            let frame = StreamingDecoder::new(packed).map_err(|_| damaged())?;
            self.frame = Some(Box::new(frame));
        }
    }
}

/// The decoder's own words name its types.
fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "zstd: a frame is damaged or cut short")
}

/// An I/O error without the name of its type and its number, in one line.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
