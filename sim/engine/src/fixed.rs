//! Logarithms and powers in fixed point, by integers alone.

/// Fractional bits of a logarithm.
pub(crate) const LOG_BITS: u32 = 32;

/// ln 2 in units of 2^-32.
const LN_2: u64 = 2_977_044_472;

/// log2(1 + i/256) for `i` in 0..=256, in units of 2^-32.
const TABLE: [u64; 257] = table();

/// `-ln((draw + 1) / 2^64)` in units of 2^-32: exponential with mean `1 << 32`, 0 for the greatest draw. The error of
/// the interpolated table is below 2^-18.
pub(crate) fn minus_ln(draw: u64) -> u64 {
    let Some(x) = draw.checked_add(1) else {
        return 0;
    };
    let log2 = log2_short(x);
    let missing = (64_u64 << LOG_BITS) - log2;
    ((u128::from(missing) * u128::from(LN_2)) >> 32) as u64
}

/// log2 of `x > 0` in units of 2^-32, by the table.
fn log2_short(x: u64) -> u64 {
    let whole = u64::from(63 - x.leading_zeros());
    let fraction = if whole == 0 { 0 } else { x << (64 - whole) };
    let index = (fraction >> 56) as usize;
    let rest = fraction & ((1 << 56) - 1);
    let low = TABLE[index];
    let step = TABLE[index + 1] - low;
    (whole << LOG_BITS) + low + ((u128::from(step) * u128::from(rest)) >> 56) as u64
}

const fn table() -> [u64; 257] {
    let mut table = [0; 257];
    let mut i = 0;
    while i <= 256 {
        table[i] = log2(256 + i as u64) - (8 << LOG_BITS);
        i += 1;
    }
    table
}

/// log2 of `x > 0` in units of 2^-32, rounded down: a bit for each squaring.
pub(crate) const fn log2(x: u64) -> u64 {
    let whole = 63 - x.leading_zeros();
    // In 1..2, in units of 2^-63.
    let mut mantissa = (x << (63 - whole)) as u128;
    let mut result = whole as u64;
    let mut bit = 0;
    while bit < LOG_BITS {
        mantissa = (mantissa * mantissa) >> 63;
        let carry = mantissa >> 64;
        mantissa >>= carry;
        result = result << 1 | carry as u64;
        bit += 1;
    }
    result
}

/// 2^-(i + 1)-th roots of 1/2: `2^-(2^-(i+1))` for `i` in 0..32, in units of 2^-62.
const HALVINGS: [u64; 32] = halvings();

const fn halvings() -> [u64; 32] {
    let mut roots = [0; 32];
    let mut value: u64 = 1 << 61;
    let mut i = 0;
    while i < 32 {
        value = ((value as u128) << 62).isqrt() as u64;
        roots[i] = value;
        i += 1;
    }
    roots
}

/// `2^-x` in units of 2^-62, for `x` in units of 2^-32.
pub(crate) const fn exp2_minus(x: u64) -> u64 {
    let whole = x >> LOG_BITS;
    if whole > 62 {
        return 0;
    }
    let mut value: u64 = 1 << 62;
    let mut i = 0;
    while i < 32 {
        if x >> (31 - i) & 1 == 1 {
            value = ((value as u128 * HALVINGS[i] as u128) >> 62) as u64;
        }
        i += 1;
    }
    value >> whole
}

/// A bijection of `u64` that looks random (the finaliser of splitmix64).
pub(crate) const fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
