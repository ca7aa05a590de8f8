//! The bytes of a write.

/// Bytes of a write.
pub const SIZE: usize = 512;

/// Fills in the bytes of write `id`: unlike those of any other.
pub fn fill(payload: &mut [u8; SIZE], id: u64) {
    let base = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for (i, word) in payload.chunks_exact_mut(8).enumerate() {
        word.copy_from_slice(&(base ^ (i as u64) << 56 ^ id << 20).to_le_bytes());
    }
}
