//! Moments of a run on the command line: a time with a unit, or an event's number.

use mirrorsim_scenario::show_duration;
use mirrorsim_world::DisasterAt;
use std::time::Duration;

/// A moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// A virtual time, ns.
    Time(u64),
    /// An event, by its number.
    Event(u64),
}

/// Those of scenarios, and what reports say for minutes. A unit stands before those that it ends with.
const UNITS: [(&str, u64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("min", 60_000_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads `20ms`, `1.5s`, or `1234` for an event.
pub fn parse(text: &str) -> Result<Moment, String> {
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let wanted =
        || "want a time such as 20ms or 1.5s (ns, us, ms, s, m, h), or the number of an event".to_owned();
    let large = || "this is beyond any run".to_owned();
    if digits(text) {
        return text.parse().map(Moment::Event).map_err(|_| large());
    }
    let (number, unit) =
        UNITS.iter().find_map(|(u, size)| Some((text.strip_suffix(u)?, *size))).ok_or_else(wanted)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return Err(wanted());
    }
    let whole: u64 = whole.parse().map_err(|_| large())?;
    // At most nine digits, so neither fails nor overflows.
    let part: u128 =
        fraction.parse::<u128>().unwrap_or(0) * u128::from(unit) / 10u128.pow(fraction.len() as u32);
    let total = u128::from(whole) * u128::from(unit) + part;
    u64::try_from(total).map(Moment::Time).map_err(|_| large())
}

/// Reads a time of the wall, at least 1ms.
pub fn duration(text: &str) -> Result<Duration, String> {
    match parse(text) {
        Ok(Moment::Time(ns)) if ns >= 1_000_000 => Ok(Duration::from_nanos(ns)),
        _ => Err("want a time of at least 1ms, such as 60s or 5m".into()),
    }
}

impl From<Moment> for DisasterAt {
    fn from(moment: Moment) -> DisasterAt {
        match moment {
            Moment::Time(ns) => DisasterAt::Time(ns),
            Moment::Event(number) => DisasterAt::Event(number),
        }
    }
}

/// A duration as a command line takes it.
pub fn spelled(duration: Duration) -> String {
    show_duration(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units_and_events_have_none() {
        assert_eq!(parse("20ms"), Ok(Moment::Time(20_000_000)));
        assert_eq!(parse("1.5s"), Ok(Moment::Time(1_500_000_000)));
        assert_eq!(parse("2m"), Ok(Moment::Time(120_000_000_000)));
        assert_eq!(parse("2min"), parse("2m"));
        assert_eq!(parse("0.000000001s"), Ok(Moment::Time(1)));
        assert_eq!(parse("1234"), Ok(Moment::Event(1234)));
    }

    #[test]
    fn durations_have_a_unit_and_are_not_nothing() {
        assert_eq!(duration("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(spelled(Duration::from_secs(90)), "90s");
        assert_eq!(duration(&spelled(Duration::from_nanos(1_234_567))), Ok(Duration::from_nanos(1_234_567)));
        for bad in ["0s", "1ns", "60", "-5s", "", "soon"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_neither_is_refused() {
        for bad in [
            "",
            "ms",
            "-5ms",
            "1e3s",
            "5 ms",
            "nan",
            "5parsecs",
            ".5s",
            "1.s",
            "99999999999999999999",
            "99999999h",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
