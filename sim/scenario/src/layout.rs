//! How much fits where: the sizes of records, partitions, segments and files, for checks at load.

use mirrorsim_world::spec::Spec;

/// Header of a record.
pub const RECORD_HEADER: u64 = 128;
/// Seal of an NVRAM partition.
pub const SEAL: u64 = 128;
/// Header of a segment of the destination's NVRAM.
pub const SEGMENT_HEADER: u64 = 128;
/// Segments of a reserve.
pub const SEGMENTS: u64 = 2;

/// Bytes of a record with so much data: header, and data rounded up to 8.
pub fn record_size(data: u64) -> u64 {
    RECORD_HEADER + data.next_multiple_of(8)
}

/// Longest data of one operation that fits into an empty partition of this size; `None` if not even a header does.
pub fn fits_partition(partition_size: u64) -> Option<u64> {
    partition_size.checked_sub(SEAL + RECORD_HEADER).map(|room| room & !7)
}

/// Longest data of one operation that fits into an empty segment of a reserve.
pub fn fits_reserve(reserve: u64) -> Option<u64> {
    (reserve / SEGMENTS).checked_sub(SEGMENT_HEADER + RECORD_HEADER).map(|room| room & !7)
}

/// Smallest partition in which an operation with so much data fits.
pub fn partition_for(data: u64) -> u64 {
    SEAL + record_size(data)
}

/// Smallest reserve in which an operation with so much data fits twice.
pub fn reserve_for(data: u64) -> u64 {
    SEGMENTS * (SEGMENT_HEADER + record_size(data)).next_multiple_of(8)
}

/// What to raise so that an operation fits.
pub fn enough_for(length: u64) -> String {
    let (partition, reserve) = (partition_for(length), reserve_for(length).next_multiple_of(16));
    format!(
        "it needs partition_size >= {partition}, destination.reserve >= {reserve} and no lower max_length"
    )
}

/// Longest data of one operation at a source: what fits everywhere, and no more than `max_length`.
pub fn largest_operation(spec: &Spec, source: usize) -> u64 {
    let partition = fits_partition(spec.sources[source].partition_size).unwrap_or(0);
    let reserve = fits_reserve(spec.destination.reserve).unwrap_or(0);
    partition.min(reserve).min(spec.protocol.max_length.unwrap_or(u64::MAX))
}
