//! Little-endian fields at fixed offsets, and the checks of whole structures.

use xxhash_rust::xxh3::xxh3_64;

pub(crate) fn get_u16(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(crate) fn get_u32(bytes: &[u8], at: usize) -> u32 {
    let mut field = [0; 4];
    field.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(field)
}

pub(crate) fn get_u64(bytes: &[u8], at: usize) -> u64 {
    let mut field = [0; 8];
    field.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(field)
}

pub(crate) fn put_u16(out: &mut [u8], at: usize, value: u16) {
    out[at..at + 2].copy_from_slice(&value.to_le_bytes());
}

pub(crate) fn put_u32(out: &mut [u8], at: usize, value: u32) {
    out[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

pub(crate) fn put_u64(out: &mut [u8], at: usize, value: u64) {
    out[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

pub(crate) fn uuid(bytes: &[u8], at: usize) -> [u8; 16] {
    let mut id = [0; 16];
    id.copy_from_slice(&bytes[at..at + 16]);
    id
}

/// Whether all bytes are zero, 64 at a time.
pub(crate) fn all_zero(bytes: &[u8]) -> bool {
    bytes.chunks(64).all(|some| some.iter().fold(0, |any, byte| any | byte) == 0)
}

/// Checks of payloads, blocks and structures.
pub fn check(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// Magic, version 1 and a uuid: how each durable structure begins.
pub(crate) fn put_start(out: &mut [u8], magic: &[u8; 4], mirror: &[u8; 16]) {
    out[..4].copy_from_slice(magic);
    put_u16(out, 4, 1);
    out[8..24].copy_from_slice(mirror);
}

/// The check goes into the last eight bytes.
pub(crate) fn put_check(out: &mut [u8]) {
    let end = out.len() - 8;
    let value = check(&out[..end]);
    put_u64(out, end, value);
}

/// The version of a structure of `size` bytes with this magic whose check holds, if it is not ours.
pub(crate) fn other_version(bytes: &[u8], size: usize, magic: &[u8; 4]) -> Option<u16> {
    let whole =
        bytes.len() >= size && bytes[..4] == *magic && get_u64(bytes, size - 8) == check(&bytes[..size - 8]);
    Some(get_u16(bytes, 4)).filter(|version| whole && *version != 1)
}

/// Whether `bytes` is a structure of `size` bytes with this magic whose check holds.
pub(crate) fn valid(bytes: &[u8], size: usize, magic: &[u8; 4]) -> bool {
    bytes.len() >= size
        && bytes[..4] == *magic
        && get_u16(bytes, 4) == 1
        && get_u64(bytes, size - 8) == check(&bytes[..size - 8])
}
