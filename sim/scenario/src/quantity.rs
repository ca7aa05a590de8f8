//! Numbers with units, from text to integers by hand: no float stands between, no locale matters.

/// Nanoseconds per unit.
pub(crate) const TIMES: &[(&str, u128)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];
/// Bytes per unit.
pub(crate) const SIZES: &[(&str, u128)] = &[
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];
/// Longest duration: a year of virtual time; sums of a few of them fit into 64 bits.
pub(crate) const LONGEST: u64 = 8760 * 3_600_000_000_000;
/// Greatest size: 1 EiB, for the same reason.
pub(crate) const LARGEST: u64 = 1 << 60;
/// Certainty, in units of 2^-32.
const CERTAIN: u128 = 1 << 32;

/// A decimal number: its digits as an integer, how many of them stand behind the point, and what follows it.
fn decimal(text: &str) -> Result<(u128, u32, &str), String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    if number.is_empty() || number == "." {
        return Err(match text.chars().next() {
            None => "nothing is written".into(),
            Some('-') => "it must not be negative".into(),
            Some('+') => "write it without a sign".into(),
            Some(c) if c.is_numeric() => "only the digits 0-9 are digits here".into(),
            _ => "it does not start with a number".into(),
        });
    }
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || number.ends_with('.') || fraction.contains('.') {
        return Err("write digits on both sides of one point".into());
    }
    if whole.len() > 1 && whole.starts_with('0') {
        return Err("leading zeros mean octal to some readers; write it without".into());
    }
    let exponent = rest
        .strip_prefix(['e', 'E'])
        .is_some_and(|r| r.starts_with(|c: char| c.is_ascii_digit() || "+-".contains(c)));
    if exponent {
        return Err("exponents are not read; write all digits, or a larger unit".into());
    }
    if rest.starts_with('_') {
        return Err("underscores are not read; write the digits together".into());
    }
    if rest.starts_with(['x', 'o', 'b']) && number == "0" {
        return Err("only decimal numbers are read".into());
    }
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction}");
    let value = digits.parse().ok().filter(|_| digits.len() <= 30);
    value.map(|v| (v, fraction.len() as u32, rest)).ok_or_else(|| TOO_MANY.into())
}

/// What is said of more digits than any limit has.
const TOO_MANY: &str = "it has too many digits";

/// A whole number without a unit.
pub(crate) fn integer(text: &str) -> Result<u64, String> {
    let most = || format!("the largest number is {}", u64::MAX);
    let (value, decimals, rest) = decimal(text).map_err(|e| too_large(e, most()))?;
    if rest.starts_with(':') {
        return Err("some YAML readers take this for base 60; write one number".into());
    }
    if decimals > 0 || !rest.is_empty() || text.contains('.') {
        return Err("write a whole number".into());
    }
    u64::try_from(value).map_err(|_| most())
}

/// A decimal number in thousandths.
pub(crate) fn thousandths(text: &str) -> Result<u32, String> {
    let (value, decimals, rest) = decimal(text)?;
    if !rest.is_empty() {
        return Err("write a number without a unit".into());
    }
    let value = scaled(value, decimals, 1000).ok_or("at most three digits behind the point")?;
    u32::try_from(value).map_err(|_| format!("the largest number is {}", u32::MAX / 1000))
}

/// `value / 10^decimals * factor`, if that is a whole number.
fn scaled(value: u128, decimals: u32, factor: u128) -> Option<u128> {
    let divisor = 10u128.checked_pow(decimals)?;
    let Some(product) = value.checked_mul(factor) else {
        return Some(u128::MAX);
    };
    product.is_multiple_of(divisor).then_some(product / divisor)
}

fn with_unit(text: &str, units: &[(&str, u128)], what: &str) -> Result<u128, String> {
    let (value, decimals, rest) = decimal(text)?;
    let unit = rest.trim();
    let list = || units.iter().map(|(u, _)| *u).collect::<Vec<_>>().join(", ");
    if unit.is_empty() {
        return Err(format!("the unit is missing: {}", list()));
    }
    let Some((_, factor)) = units.iter().find(|(u, _)| *u == unit) else {
        let folded = units.iter().find(|(u, _)| u.eq_ignore_ascii_case(unit));
        return Err(match (folded, unit) {
            (Some((near, _)), _) => format!("write the unit as {near}; the units are {}", list()),
            (None, "µs" | "μs") => "write µs as us".into(),
            _ => format!("the units of {what} are {}", list()),
        });
    };
    scaled(value, decimals, *factor)
        .ok_or_else(|| format!("less than one {} cannot be expressed", units[0].0))
}

/// A duration in nanoseconds.
pub(crate) fn duration(text: &str) -> Result<u64, String> {
    let most = || format!("the longest duration is {}", show_duration(LONGEST));
    let value = with_unit(text, TIMES, "a duration").map_err(|e| too_large(e, most()))?;
    let allowed = u64::try_from(value).ok().filter(|v| *v <= LONGEST);
    allowed.ok_or_else(most)
}

/// A size in bytes; a number without a unit is bytes.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let bare = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let most = || format!("the largest size is {}", show_size(LARGEST));
    let value = if bare { decimal(text).map(|d| d.0) } else { with_unit(text, SIZES, "a size") };
    let value = value.map_err(|e| too_large(e, most()))?;
    let allowed = u64::try_from(value).ok().filter(|v| *v <= LARGEST);
    allowed.ok_or_else(most)
}

/// More digits than are read are more than the most.
fn too_large(error: String, most: String) -> String {
    if error == TOO_MANY { most } else { error }
}

/// Bytes per second; 0 stands for `unlimited`.
pub(crate) fn rate(text: &str) -> Result<u64, String> {
    if text == "unlimited" {
        return Ok(0);
    }
    let Some(amount) = text.strip_suffix("/s") else {
        return Err("write bytes per second, such as 100MB/s, or unlimited".into());
    };
    match with_unit(amount, SIZES, "a rate")? {
        0 => Err("nothing would ever pass; write unlimited for no limit".into()),
        value => u64::try_from(value)
            .ok()
            .filter(|v| *v <= LARGEST)
            .ok_or_else(|| format!("the greatest rate is {}/s", show_size(LARGEST))),
    }
}

/// A probability in units of 2^-32, rounded to the nearest.
pub(crate) fn chance(text: &str) -> Result<u64, String> {
    let (value, decimals, rest) = decimal(text)?;
    let rest = rest.trim();
    if !rest.is_empty() && rest != "%" {
        return Err("write a number between 0 and 1, or a percentage such as 30%".into());
    }
    let places = decimals + if rest == "%" { 2 } else { 0 };
    let one = 10u128.checked_pow(places).ok_or("it has too many digits")?;
    if value > one {
        let percent = rest.is_empty() && value <= one * 100;
        let shown = text.trim_end_matches('%');
        return Err(match percent {
            true => {
                format!("the range is 0 to 1; for {shown} percent write {shown}%, or {}", hundredth(shown))
            }
            false => "the range is 0 to 1 (0% to 100%)".into(),
        });
    }
    let product = value.checked_mul(CERTAIN).ok_or("it has too many digits")?;
    Ok(((product + one / 2) / one) as u64)
}

/// `30` as `0.30`.
fn hundredth(percent: &str) -> String {
    let (whole, fraction) = percent.split_once('.').unwrap_or((percent, ""));
    if whole == "100" { "1".into() } else { format!("0.{whole:0>2}{fraction}") }
}

/// Nanoseconds in the largest unit that leaves no remainder.
pub fn show_duration(ns: u64) -> String {
    show(ns, TIMES)
}

/// The largest unit of which there is one.
fn about(ns: u64) -> (&'static str, u128) {
    *TIMES.iter().rev().find(|(_, f)| u128::from(ns) >= *f).unwrap_or(&TIMES[0])
}

/// Nanoseconds that the last decimal of [`show_about`] is worth.
pub fn grain(ns: u64) -> u64 {
    (about(ns).1 as u64 / 1000).max(1)
}

/// Nanoseconds in the largest unit of which there is one, cut to three decimals.
pub fn show_about(ns: u64) -> String {
    let (unit, factor) = about(ns);
    let thousandths = u128::from(ns) * 1000 / factor;
    let fraction = format!("{:03}", thousandths % 1000);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction}{unit}", thousandths / 1000)
}

/// Bytes in the largest binary unit that leaves no remainder.
pub fn show_size(bytes: u64) -> String {
    show(bytes, &SIZES[..5])
}

fn show(value: u64, units: &[(&str, u128)]) -> String {
    let fits = |(_, factor): &&(&str, u128)| value != 0 && u128::from(value).is_multiple_of(*factor);
    let (unit, factor) = units.iter().rev().find(fits).unwrap_or(&units[0]);
    format!("{}{unit}", u128::from(value) / factor)
}

/// A probability as a percentage with up to four decimals.
pub fn show_chance(chance: u64) -> String {
    let ten_thousandths = (u128::from(chance) * 1_000_000 + CERTAIN / 2) / CERTAIN;
    let fraction = format!("{:04}", ten_thousandths % 10_000);
    let fraction = fraction.trim_end_matches('0');
    let whole = ten_thousandths / 10_000;
    if fraction.is_empty() { format!("{whole}%") } else { format!("{whole}.{fraction}%") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_exact_integers() {
        assert_eq!(duration("1.5ms"), Ok(1_500_000));
        assert_eq!(duration("1h"), Ok(3_600_000_000_000));
        assert_eq!(duration("8760h"), Ok(LONGEST));
        assert_eq!(size("33GiB"), Ok(33 << 30));
        assert_eq!(size("512"), Ok(512));
        assert_eq!(size("1.5KiB"), Ok(1536));
        assert_eq!(rate("100MB/s"), Ok(100_000_000));
        assert_eq!(rate("unlimited"), Ok(0));
        assert_eq!(chance("0.5"), Ok(1 << 31));
        assert_eq!(chance("100%"), Ok(1 << 32));
        assert_eq!(chance("1"), Ok(1 << 32));
        assert_eq!(chance("0.000000001"), Ok(4));
        assert_eq!(thousandths("0.25"), Ok(250));
    }

    #[test]
    fn what_is_shown_is_read_back_as_the_same() {
        for ns in [0, 1, 1000, 1_500_000, 60_000_000_000, 90_000_000_000, LONGEST] {
            assert_eq!(duration(&show_duration(ns)), Ok(ns));
        }
        for bytes in [0, 1, 512, 1536, 1 << 20, 33 << 30, LARGEST] {
            assert_eq!(size(&show_size(bytes)), Ok(bytes));
        }
        assert_eq!(show_chance(1 << 31), "50%");
    }

    #[test]
    fn everything_else_is_refused_with_a_reason() {
        for bad in [
            "",
            "5",
            "-5ms",
            "NaN",
            ".inf",
            "inf",
            "1e400s",
            "10 parsecs",
            "0.5ns",
            "999999999999h",
            "1_0ms",
            "٣ms",
            "1.ms",
            "1.2.3s",
            "ms",
        ] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        for bad in ["1.5", "-0.1", "NaN", "30", "101%", "1e-3", "", "0.3x"] {
            assert!(chance(bad).is_err(), "{bad}");
        }
        for bad in [
            "1:30",
            "0o17",
            "1_000",
            "1e3",
            ".inf",
            "~",
            "no",
            "017",
            "1.0",
            "18446744073709551616",
            "+1",
            "-1",
            "",
        ] {
            assert!(integer(bad).is_err(), "{bad}");
        }
        assert_eq!(chance("30"), Err("the range is 0 to 1; for 30 percent write 30%, or 0.30".into()));
    }
}
