//! Reads the source's NVRAM as it is written: the records in the order of the log, and the seals.

use crate::bytes::{ADD, HEADER, Position, Record, Seal, WRITE, hash, u64_at};
use crate::content::same;
use crate::finding::{Findings, Oracle};
use crate::log::Entry;
use crate::mirror::{Fill, Leftover, Mirror};
use crate::oracles::{numbering, nvram, once, prefix, resync, seals};
use crate::setup::{Device, Level, Medium, Setup};
use bytes::Bytes;

/// A write to the source's NVRAM was issued.
pub(crate) fn stored(
    m: &mut Mirror,
    setup: &Setup,
    (offset, length): (u64, u64),
    current: &dyn Medium,
    out: &mut Findings,
) {
    m.source.dirty.insert(offset, offset + length);
    let size = m.at.partition_size;
    let end = offset + length;
    let last = (end.saturating_sub(1) / size).min(m.source.fills.len() as u64 - 1);
    for partition in offset / size..=last {
        let base = partition * size;
        let (from, to) = (offset.max(base) - base, end.min(base + size) - base);
        if from < HEADER {
            read_seal(m, setup, partition, current, out);
        }
        if to > HEADER {
            read_records(m, setup, partition, (from.max(HEADER), to), current, out);
        }
    }
}

fn read_seal(m: &mut Mirror, setup: &Setup, partition: u64, current: &dyn Medium, out: &mut Findings) {
    let Some(seal) = Seal::read(&current.read(Device::Nvram, partition * m.at.partition_size, HEADER)) else {
        return;
    };
    if seal.uuid != m.model.uuid || seal.generation > m.model.last_generation() + m.source.fills.len() as u64
    {
        return;
    }
    // One that a younger generation follows was sealed before; its seal may be lost and written again.
    let first = seal.generation >= m.model.last_generation()
        && m.model.generation(seal.generation).is_none_or(|g| g.seal.is_none());
    if first {
        seals::sealed(m, setup, seal.generation, out);
    }
    m.model.open(seal.generation);
    if let Some(generation) = m.model.generation_mut(seal.generation) {
        generation.seal = Some((seal.count, seal.digest));
        let (count, digest) = (generation.count, generation.digest);
        out.expect(Oracle::Numbering, "I4", (count, digest) == (seal.count, seal.digest), || {
            format!("seal of generation {} says {} records, the log has {count}", seal.generation, seal.count)
        });
    }
}

fn read_records(
    m: &mut Mirror,
    setup: &Setup,
    partition: u64,
    (from, to): (u64, u64),
    current: &dyn Medium,
    out: &mut Findings,
) {
    let size = m.at.partition_size;
    let base = partition * size;
    let fill = m.source.fills[partition as usize];
    if from < fill.append {
        let first = Record::read(&current.read(Device::Nvram, base + HEADER, HEADER));
        let erased = first.is_none() && to == size && applied(m, fill.generation);
        if from == HEADER && erased {
            return nvram::partition_reused(m, setup, fill.generation, true, out);
        }
        if from == HEADER && first.is_some_and(|r| r.position.generation > fill.generation) {
            nvram::partition_reused(m, setup, fill.generation, false, out);
            m.source.fills[partition as usize].append = HEADER;
        } else {
            overwritten(m, partition, (base + from, base + to), current, out);
        }
    }
    loop {
        let append = m.source.fills[partition as usize].append;
        if append >= to || append + HEADER > size {
            return;
        }
        let Some(record) = Record::read(&current.read(Device::Nvram, base + append, HEADER)) else {
            return;
        };
        if append + record.size() > size
            || record.position.generation < m.source.fills[partition as usize].generation
        {
            return;
        }
        let payload = current.read(Device::Nvram, base + append + HEADER, u64::from(record.payload));
        if hash(&payload) != record.payload_check
            || !take(m, setup, partition, &record, payload, base + append, out)
        {
            return;
        }
        let fill = &mut m.source.fills[partition as usize];
        (fill.generation, fill.append) = (record.position.generation, append + record.size());
    }
}

/// Whether all of a generation is in the source's volume.
fn applied(m: &Mirror, generation: u64) -> bool {
    m.model.generation(generation).is_none_or(|g| g.first + g.count <= m.source.volume.cursor + 1)
}

/// The tail of a fill was written over: either it was cut off before, or live records are gone.
fn overwritten(
    m: &mut Mirror,
    partition: u64,
    (from, to): (u64, u64),
    current: &dyn Medium,
    out: &mut Findings,
) {
    let generation = m.source.fills[partition as usize].generation;
    let Some(g) = m.model.generation(generation).copied() else {
        return;
    };
    for index in g.first.max(m.model.base() + 1)..g.first + g.count {
        let Some(e) = m.model.entry(index) else {
            return;
        };
        if e.place >= to || e.place + e.size <= from {
            continue;
        }
        let head = current.read(Device::Nvram, e.place, HEADER);
        if u64_at(&head, 120) == e.check && Record::read(&head).is_some() {
            continue;
        }
        let append = e.place - partition * m.at.partition_size;
        nvram::source_overwritten(m, index, out);
        m.truncate(index - 1);
        m.source.fills[partition as usize].append = append;
        return;
    }
}

/// One more valid record stands in the log. Says whether it belongs there.
fn take(
    m: &mut Mirror,
    setup: &Setup,
    partition: u64,
    r: &Record,
    payload: Bytes,
    place: u64,
    out: &mut Findings,
) -> bool {
    let tail = m.model.tail();
    let (position, next) = (r.position, Position::new(tail.position.generation, tail.position.sequence + 1));
    if r.uuid != m.model.uuid {
        out.fail(Oracle::Isolation, "I17", || {
            format!("source {}: a record of another mirror at {place}", m.number)
        });
        return false;
    }
    out.judged(Oracle::Numbering);
    if position.generation % setup.partitions != partition {
        out.fail(Oracle::Numbering, "I4", || format!("record {position} stands in partition {partition}"));
    }
    let follows = position == next && tail.position.generation > 0
        || position.sequence == 1 && position.generation > tail.position.generation;
    let near = position.generation <= m.model.last_generation() + setup.partitions;
    if !follows || !near || r.prev != tail {
        out.fail(Oracle::Numbering, "I4", || {
            format!("source {}: record {position} does not follow {} of the log", m.number, tail.position)
        });
        return false;
    }
    let index = m.model.tip() + 1;
    if let Some(check) = m.source.freed.remove(&index) {
        out.expect(Oracle::Numbering, "I5", check == r.check, || {
            format!("{position} was forwarded once and names other content now")
        });
    }
    let payload = prefix::issued(m, r, payload, out);
    if r.operation == ADD {
        let expected = m.model.word(r.volume, r.offset, index - 1);
        once::numbered_add(m, r, u64_at(&payload, 8), expected, out);
    }
    once::numbered(m, setup, r, index, out);
    let fits = matches!(r.operation, WRITE | ADD) == !payload.is_empty();
    if !fits || !prefix::inside(m, r, setup, out) {
        return false;
    }
    m.model.append(r, payload, place);
    resync::numbered(m, setup, index, out);
    m.source.left.retain(|l| !(place..place + r.size()).contains(&l.place));
    if m.source.left.iter().any(|l| l.place / m.at.partition_size == partition) {
        m.source.renewed.entry(partition).or_insert(index);
    }
    true
}

/// Ranges of the source's NVRAM became stable.
pub(crate) fn flushed(m: &mut Mirror, ranges: &[(u64, u64)], stable: &dyn Medium, out: &mut Findings) {
    for &(offset, length) in ranges {
        m.source.dirty.remove(offset, offset + length);
        let size = m.at.partition_size;
        if offset % size < HEADER || offset / size != (offset + length - 1) / size {
            for partition in
                offset / size..=((offset + length - 1) / size).min(m.source.fills.len() as u64 - 1)
            {
                stable_seal(m, partition, stable);
            }
        }
    }
    settle(m, stable);
    leftovers(m, stable, out);
}

/// SR7: what a lost tail has left in a partition is erased before the next record there.
fn leftovers(m: &mut Mirror, stable: &dyn Medium, out: &mut Findings) {
    let (size, end) = (m.at.partition_size, m.source.stable);
    let Some((&partition, _)) = m.source.renewed.iter().find(|(_, index)| **index <= end) else {
        return;
    };
    m.source.renewed.remove(&partition);
    let (here, elsewhere) = m.source.left.drain(..).partition(|l| l.place / size == partition);
    m.source.left = elsewhere;
    numbering::renewed(m, &stands(here, stable), out);
}

/// Those that still stand there, whole or not.
fn stands(left: Vec<Leftover>, medium: &dyn Medium) -> Vec<Leftover> {
    let there = |l: &Leftover| {
        let head = medium.read(Device::Nvram, l.place, HEADER);
        u64_at(&head, 120) == l.check && Record::read(&head).is_some()
    };
    left.into_iter().filter(there).collect()
}

/// Records above the cursor, up to `promised`, that are not whole in the NVRAM.
pub(crate) fn missing(m: &Mirror, promised: u64, medium: &dyn Medium) -> Vec<u64> {
    let from = m.source.volume.cursor.max(m.model.base()) + 1;
    let lacks = |index: &u64| m.model.entry(*index).is_some_and(|e| !whole(e, medium));
    (from..=promised.min(m.model.tip())).filter(lacks).collect()
}

/// The stable records that a source needs in its NVRAM, because its volumes lack them, of generations that nobody else needs
/// there: filed, and as far applied as must be before they are freed (SR5).
pub(crate) fn needed<'a>(m: &'a Mirror, setup: &'a Setup) -> impl Iterator<Item = &'a Entry> {
    let from = m.source.volume.cursor.max(m.model.base()) + 1;
    let filed = m.source.stable.min(m.promised(Level::File)).min(m.model.tip());
    let done = move |number: u64| {
        let whole = m.model.generation(number).is_some_and(|g| g.first + g.count <= filed + 1);
        let applied = m.copy.image.stable.applied_gen + setup.files >= number + setup.partitions;
        whole && applied && number < m.model.last_generation() && !m.copy.harmed
    };
    (from..=filed).filter_map(|index| m.model.entry(index)).filter(move |e| done(e.position.generation))
}

fn whole(e: &Entry, medium: &dyn Medium) -> bool {
    let head = medium.read(Device::Nvram, e.place, HEADER);
    let payload = || medium.read(Device::Nvram, e.place + HEADER, e.payload.len() as u64);
    u64_at(&head, 120) == e.check && Record::read(&head).is_some() && same(&payload(), &e.payload)
}

fn stable_seal(m: &mut Mirror, partition: u64, stable: &dyn Medium) {
    let seal = Seal::read(&stable.read(Device::Nvram, partition * m.at.partition_size, HEADER));
    if let Some(seal) = seal.filter(|s| s.uuid == m.model.uuid)
        && let Some(generation) = m.model.generation_mut(seal.generation)
    {
        generation.seal_stable = true;
    }
}

fn settle(m: &mut Mirror, stable: &dyn Medium) {
    m.source.stable = m.source.stable.max(m.model.base());
    while let Some(entry) = m.model.entry(m.source.stable + 1) {
        if m.source.dirty.touches(entry.place, entry.place + entry.size) {
            return;
        }
        if u64_at(&stable.read(Device::Nvram, entry.place, HEADER), 120) != entry.check {
            return;
        }
        m.source.stable += 1;
    }
}

/// After a power cut: the log is the longest chain that is left; what lies beyond has lost its number.
pub(crate) fn rescan(m: &mut Mirror, medium: &dyn Medium) {
    m.source.dirty.clear();
    let first = m.source.stable.max(m.source.volume.cursor).max(m.model.base()) + 1;
    let mut last = first - 1;
    while let Some(e) = m.model.entry(last + 1) {
        if !whole(e, medium) {
            break;
        }
        last += 1;
    }
    let lost = (last + 1..=m.model.tip()).filter_map(|index| m.model.entry(index));
    m.source.left.extend(lost.map(|e| Leftover { place: e.place, check: e.check, position: e.position }));
    m.source.left = stands(std::mem::take(&mut m.source.left), medium);
    m.source.renewed.clear();
    m.truncate(last);
    m.source.stable = m.source.stable.max(last.min(m.model.tip()));
    let size = m.at.partition_size;
    let (count, newest) = (m.source.fills.len() as u64, m.model.last_generation());
    for (partition, fill) in m.source.fills.iter_mut().enumerate() {
        let partition = partition as u64;
        if fill.generation > newest {
            // It never was; what stood here before may still, whole or half overwritten.
            let before = newest.saturating_sub((newest + count - partition) % count);
            *fill = Fill { generation: before, append: if before == 0 { HEADER } else { size } };
        }
        let Some(g) = m.model.generation(fill.generation).copied() else {
            continue;
        };
        if g.count == 0 {
            fill.append = HEADER;
        } else if let Some(e) = m.model.entry(g.first + g.count - 1) {
            fill.append = e.place + e.size - partition * size;
        }
    }
    // At a restart a partition followed by a younger one counts as sealed (SR3).
    let open = m.model.last_generation();
    for g in m.model.generations_mut().filter(|g| !g.seal_stable) {
        (g.seal, g.seal_stable) = (None, g.number < open);
    }
    for partition in 0..m.source.fills.len() as u64 {
        let seal = Seal::read(&medium.read(Device::Nvram, partition * size, HEADER));
        if let Some(seal) = seal.filter(|s| s.uuid == m.model.uuid)
            && let Some(generation) = m.model.generation_mut(seal.generation)
        {
            (generation.seal, generation.seal_stable) = (Some((seal.count, seal.digest)), true);
        }
    }
}
