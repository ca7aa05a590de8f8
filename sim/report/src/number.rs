//! Numbers as people read them: three digits, a unit, the same in every locale.

use std::time::Duration;

/// A count with separators: `1,234,567`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// A count of something: `1 seed`, `2,000 seeds`.
pub fn plural(n: u64, one: &str) -> String {
    format!("{} {one}{}", count(n), if n == 1 { "" } else { "s" })
}

/// A duration in nanoseconds: `1.23ms`.
pub fn nanos(ns: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000)];
    if ns >= 600_000_000_000 {
        return format!("{}min", ns / 60_000_000_000);
    }
    scaled(ns, &UNITS)
}

/// A number of bytes: `1.5KiB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [(&str, u64); 5] =
        [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];
    scaled(n, &UNITS)
}

/// A wall time.
pub fn wall(time: Duration) -> String {
    nanos(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

/// So many per second.
pub(crate) fn rate(n: u64, time: Duration) -> u64 {
    let nanos = time.as_nanos().max(1);
    u64::try_from(u128::from(n) * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
}

/// -ln(0.05) in units of 10^-9.
const NONE_IN_95: u64 = 2_995_732_274;

/// Upper bound of the share of runs that fail, with 95 % confidence, when none of `runs` did; in parts per 10^9, rounded up.
/// Of fewer than three runs nothing can be said.
pub(crate) fn bound(runs: u64) -> Option<u64> {
    (runs >= 3).then(|| NONE_IN_95.div_ceil(runs))
}

/// Parts per 10^9 as a percentage with three digits; what is behind these is left out, as a lower bound wants it.
pub(crate) fn share(ppb: u64) -> String {
    let (whole, rest) = (ppb / 10_000_000, ppb % 10_000_000);
    format!("{whole}.{} %", &format!("{rest:07}")[..places(ppb)])
}

/// The same, rounded up, as an upper bound wants it.
pub(crate) fn share_at_most(ppb: u64) -> String {
    share(ppb.next_multiple_of(10u64.pow(7 - places(ppb) as u32)))
}

/// Digits behind the point: three from the first that is none of the zeros after it.
fn places(ppb: u64) -> usize {
    let zeros = || format!("{:07}", ppb % 10_000_000).bytes().take_while(|b| *b == b'0').count();
    if ppb >= 10_000_000 { 2 } else { zeros().min(4) + 3 }
}

/// Three significant digits in the largest unit that is not more than the value.
fn scaled(n: u64, units: &[(&str, u64)]) -> String {
    let (unit, size) = units.iter().rev().find(|(_, size)| n >= *size).unwrap_or(&units[0]);
    let hundredths = u128::from(n) * 100 / u128::from(*size);
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    match (whole, rest) {
        (_, 0) | (100.., _) => format!("{whole}{unit}"),
        (10.., _) if rest / 10 == 0 => format!("{whole}{unit}"),
        (10.., _) => format!("{whole}.{}{unit}", rest / 10),
        _ if rest % 10 == 0 => format!("{whole}.{}{unit}", rest / 10),
        _ => format!("{whole}.{rest:02}{unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0, 999, 1_234, 12_345, 123_456].map(nanos),
            ["0ns", "999ns", "1.23us", "12.3us", "123us"]
        );
        assert_eq!([5_000_000, 1_500_000_000, 3_600_000_000_000].map(nanos), ["5ms", "1.5s", "60min"]);
        assert_eq!([512, 1536, 33 << 30].map(bytes), ["512B", "1.5KiB", "33GiB"]);
        assert_eq!([2, 3, 100_000].map(bound), [None, Some(998_577_425), Some(29_958)]);
        let shown = [998_577_425, 9_985_775, 29_958, 299, 1].map(share);
        assert_eq!(shown, ["99.85 %", "0.998 %", "0.00299 %", "0.0000299 %", "0.0000001 %"]);
        let shown =
            [1_000_000_000, 998_577_425, 103_470_000, 9_985_775, 9_999_999, 29_958, 0].map(share_at_most);
        assert_eq!(
            shown,
            ["100.00 %", "99.86 %", "10.35 %", "0.999 %", "1.00 %", "0.00300 %", "0.0000000 %"]
        );
        assert_eq!(rate(500, Duration::from_millis(250)), 2000);
    }
}
