//! The dm-log-writes format, as the kernel's device-mapper target and QEMU's blklogwrites driver write it. All numbers
//! are little-endian; a sector has the size that the superblock says.
//!
//! | where | offset | width | meaning |
//! |---|---|---|---|
//! | sector 0 | 0 | 8 | magic 0x6a736677736872 |
//! | | 8 | 8 | version, 1 |
//! | | 16 | 8 | number of entries |
//! | | 24 | 4 | bytes of a sector |
//! | each entry, one sector | 0 | 8 | first sector that it changes |
//! | | 8 | 8 | number of sectors; their data follows the entry, except for DISCARD |
//! | | 16 | 8 | flags: 1 FLUSH, 2 FUA, 4 DISCARD, 8 MARK, 16 METADATA |
//! | | 24 | 8 | bytes of a mark's text in this sector (or of inline data); not needed to read on |
//!
//! FLUSH becomes a flush *before* what the entry writes, FUA a write that is waited for, DISCARD a write_zeroes. Marks
//! and entries without sectors are counted as unsupported and never refused. There are no times.

use super::collect::{Admission, Collector, Kind, Range};
use super::error::{Place, Problem, TraceError};
use super::input::Input;
use bytes::Bytes;

pub(super) const MAGIC: u64 = 0x006a_7366_7773_6872;
const VERSION: u64 = 1;
const FLUSH: u64 = 1;
const FUA: u64 = 2;
const DISCARD: u64 = 4;
const MARK: u64 = 8;
const ALL_FLAGS: u64 = 31;

pub(super) fn read(input: &mut Input<'_>, collector: &mut Collector<'_>) -> Result<(), TraceError> {
    let log = Bytes::from(input.whole()?);
    let (entries, sector_size) =
        superblock(&log).map_err(|(byte, problem)| input.error(Place::Byte(byte), problem))?;
    let mut at = sector_size;
    for number in 0..entries {
        let place = Place::Entry { number, byte: at };
        let entry = Entry::read(&log, at, sector_size).map_err(|problem| {
            let help =
                format!("the superblock tells of {entries} entries; `limit: {number}` reads those before");
            input.error(place, if number > 0 { problem.help(help) } else { problem })
        })?;
        at = entry.next;
        match collector.admit() {
            Admission::Keep => {}
            Admission::Skip => continue,
            Admission::Full => break,
        }
        add(collector, place, &log, &entry)?;
    }
    Ok(())
}

/// Number of entries and bytes of a sector.
fn superblock(log: &[u8]) -> Result<(u64, u64), (u64, Problem)> {
    if log.len() < 28 {
        return Err((
            0,
            Problem::new("the superblock is truncated")
                .got(format_args!("{} bytes", log.len()))
                .want("at least 28"),
        ));
    }
    let (magic, version, entries) = (number(log, 0), number(log, 8), number(log, 16));
    if magic != MAGIC {
        return Err((
            0,
            Problem::new("the magic is wrong")
                .got(format_args!("{magic:#x}"))
                .want(format_args!("{MAGIC:#x}")),
        ));
    }
    if version != VERSION {
        return Err((8, Problem::new("the version is unknown").got(version).want(VERSION)));
    }
    let sector_size = number(log, 24) & 0xffff_ffff;
    if !sector_size.is_power_of_two() || !(512..=65536).contains(&sector_size) {
        let problem = Problem::new("the sector size is impossible").got(sector_size);
        return Err((24, problem.want("a power of two, 512..=65536")));
    }
    if entries == 0 {
        return Err((16, Problem::new("the log has no entries").help("was it closed cleanly?")));
    }
    Ok((entries, sector_size))
}

/// One entry; ranges in bytes.
struct Entry {
    offset: u64,
    length: u64,
    flags: u64,
    /// Where its data starts.
    data: u64,
    /// Where the next entry starts.
    next: u64,
}

impl Entry {
    fn read(log: &[u8], at: u64, sector_size: u64) -> Result<Entry, Problem> {
        let end = log.len() as u64;
        let data = at.checked_add(sector_size).filter(|data| *data <= end).ok_or_else(|| {
            let problem =
                Problem::new("the log is truncated").got(format_args!("{} bytes", end.saturating_sub(at)));
            problem.want(format_args!("an entry of {sector_size}"))
        })?;
        let start = at as usize;
        let (sector, count, flags) = (number(log, start), number(log, start + 8), number(log, start + 16));
        if flags & !ALL_FLAGS != 0 {
            return Err(Problem::new("the entry has unknown flags")
                .got(format_args!("{flags:#x}"))
                .want("a sum of 1, 2, 4, 8 and 16"));
        }
        let large = |what, got| Problem::new(what).got(got).want(format_args!("less than 2^64 bytes"));
        let offset = sector
            .checked_mul(sector_size)
            .ok_or_else(|| large("the entry's sector is too large", sector))?;
        let length =
            count.checked_mul(sector_size).ok_or_else(|| large("the entry has too many sectors", count))?;
        let stored = if flags & DISCARD != 0 { 0 } else { length };
        let next = data.checked_add(stored).filter(|next| *next <= end).ok_or_else(|| {
            let problem = Problem::new("the data of the entry is truncated");
            problem.got(format_args!("{} bytes", end - data)).want(length)
        })?;
        Ok(Entry { offset, length, flags, data, next })
    }
}

fn add(collector: &mut Collector<'_>, place: Place, log: &Bytes, entry: &Entry) -> Result<(), TraceError> {
    let range = Range { volume: collector.options.volume, offset: entry.offset, length: entry.length };
    let has = |flag: u64| entry.flags & flag != 0;
    if has(FLUSH) {
        collector.add(place, 0, Kind::Flush, range)?;
    }
    if has(MARK) || entry.length == 0 {
        collector.summary.unsupported += u64::from(!has(FLUSH));
        return Ok(());
    }
    if has(DISCARD) {
        collector.add(place, 0, Kind::Zeroes, range)?;
        return if has(FUA) { collector.add(place, 0, Kind::Flush, range) } else { Ok(()) };
    }
    let content = || log.slice(entry.data as usize..entry.next as usize);
    let payload = collector.options.payloads.then(content);
    collector.add(place, 0, Kind::Write { payload, wait: has(FUA) }, range)
}

/// The little-endian number at an offset; zeros beyond the end.
fn number(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    for (to, from) in eight.iter_mut().zip(bytes.get(at..).unwrap_or_default()) {
        *to = *from;
    }
    u64::from_le_bytes(eight)
}
