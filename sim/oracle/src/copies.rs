//! Copies of records at the destination: where in a segment or a file each stands, and whether it still does.

use crate::bytes::{FileHeader, HEADER, Record, hash, u32_at};
use crate::content::same;
use crate::mirror::Mirror;
use crate::setup::{Device, Medium, Op};

/// A record in a segment or place. `index` 0: older than the list, or unknown to the source's log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub index: u64,
    pub offset: u64,
    pub size: u64,
    pub check: u64,
    pub sequence: u64,
    pub lost: bool,
}

/// Puts a record where it belongs by its offset; those behind it stand there already if the damage between was mended.
/// Returns what its sequence must be there (see [`expected`]).
pub(crate) fn insert(records: &mut Vec<Held>, settled: &mut usize, held: Held) -> Option<u64> {
    let at = records.partition_point(|h| h.offset < held.offset);
    records.insert(at, held);
    *settled = (*settled).min(at);
    expected(records, at)
}

/// What a record's sequence must be, for where it stands; `None` if no record ends where it starts.
pub(crate) fn expected(records: &[Held], at: usize) -> Option<u64> {
    let offset = records[at].offset;
    if offset == HEADER {
        return Some(1);
    }
    let before = at.checked_sub(1).map(|i| &records[i]).filter(|h| h.offset + h.size == offset)?;
    Some(before.sequence + 1)
}

/// A segment of the NVRAM.
#[derive(Clone, Debug, Default)]
pub(crate) struct Segment {
    pub owner: Option<usize>,
    pub serial: u64,
    pub append: u64,
    /// Where that ends which the machine has written, or found at a boot, if anything: what stands behind it, such as an erased
    /// record that a roll-back has brought back, it does not know of.
    pub used: u64,
    pub records: Vec<Held>,
    /// So many of the records are stable.
    pub settled: usize,
    /// Nobody owned it after a power cut, and something stood behind its header.
    pub soiled: bool,
}

/// A place for a log file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    /// 0 = no file.
    pub generation: u64,
    pub incarnation: u64,
    pub append: u64,
    pub records: Vec<Held>,
    /// So many of the records are stable.
    pub settled: usize,
    /// Generation of the file whose header is stable here.
    pub stable: u64,
    /// The rig has put another header here, or taken it away: what the machine believes to be here, as this says, is not.
    pub strange: bool,
    /// The rig has changed something behind the records.
    pub touched: bool,
}

impl Place {
    /// What stands there now, of which no record was read yet. What the rig did to a file stays done.
    pub(crate) fn again(&self, m: &Mirror, base: u64, medium: &dyn Medium) -> Place {
        let header = FileHeader::read(&medium.read(Device::Log, base, HEADER));
        let header = header.filter(|h| h.uuid == m.model.uuid);
        let (generation, incarnation) = header.map_or((0, 0), |h| (h.generation, h.incarnation));
        let touched = self.touched && (self.generation, self.incarnation) == (generation, incarnation);
        Place { generation, incarnation, append: HEADER, touched, ..Place::default() }
    }
}

impl Op {
    /// Bytes of its record: header, and payload rounded up to 8.
    pub(crate) fn record_size(&self) -> u64 {
        HEADER
            + match self {
                Op::Write { payload, .. } => (payload.len() as u64).next_multiple_of(8),
                Op::Add { .. } => 16,
                Op::WriteZeroes { .. } | Op::Read { .. } => 0,
            }
    }
}

/// Where the magic of a record stands, at multiples of 8.
pub(crate) fn magic_places(bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    let magic = u32_at(b"MREC", 0);
    bytes.chunks_exact(8).enumerate().filter(move |(_, c)| u32_at(c, 0) == magic).map(|(i, _)| i as u64 * 8)
}

/// The record at a place, if header and payload are whole, and its index in the source's log if it is that very record.
pub(crate) fn next_record(
    m: &Mirror,
    device: Device,
    base: u64,
    at: u64,
    size: u64,
    medium: &dyn Medium,
) -> Option<(Record, Held)> {
    if at + HEADER > size {
        return None;
    }
    let record = Record::read(&medium.read(device, base + at, HEADER))?;
    if at + record.size() > size {
        return None;
    }
    let (size, sequence) = (record.size(), record.position.sequence);
    let mut held = Held { index: 0, offset: at, size, check: record.check, sequence, lost: false };
    let payload = medium.read(device, base + at + HEADER, u64::from(record.payload));
    let index = m.model.index_of(record.position).unwrap_or(0);
    if let Some(entry) = m.model.entry(index)
        && entry.check == record.check
        && record.uuid == m.model.uuid
        && same(&payload, &entry.payload)
    {
        held.index = index;
        return Some((record, held));
    }
    // Of what is older than the list only the place in the order is known.
    if index <= m.model.base() && record.uuid == m.model.uuid {
        held.index = index;
    }
    (hash(&payload) == record.payload_check).then_some((record, held))
}

/// Whether a record still stands where it stood.
pub(crate) fn intact(m: &Mirror, held: &Held, device: Device, base: u64, medium: &dyn Medium) -> bool {
    let head = medium.read(device, base + held.offset, HEADER);
    let Some(record) = Record::read(&head) else {
        return false;
    };
    let payload = medium.read(device, base + held.offset + HEADER, u64::from(record.payload));
    let good = match m.model.entry(held.index) {
        Some(entry) => same(&payload, &entry.payload),
        None => hash(&payload) == record.payload_check,
    };
    record.check == held.check && good
}
