//! Seeds: one, a range, or a list of both; kept as ranges, whatever their length.

use std::fmt;

/// Seeds in the order in which they run, each once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seeds {
    /// First and last, both included; no two overlap.
    ranges: Vec<(u64, u64)>,
    /// Notes for the user, such as duplicates that run once.
    notes: Vec<String>,
}

/// Parts of a list.
const PARTS: usize = 10_000;

/// Parses `7`, `0x2a`, `1..10`, `1..=10`, or a list such as `1..10,20,0xff`.
pub fn seeds(text: &str) -> Result<Seeds, String> {
    if text.is_empty() {
        return Err("no seed; write one such as 7, or a range such as 0..100".into());
    }
    let mut out = Seeds { ranges: Vec::new(), notes: Vec::new() };
    for (i, part) in text.split(',').enumerate() {
        if i >= PARTS {
            return Err(format!("more than {PARTS} parts; write ranges"));
        }
        // A space behind a comma is how lists are written; elsewhere it is a slip of a script.
        out.add(range(if i > 0 { part.trim_start_matches(' ') } else { part })?);
    }
    Ok(out)
}

fn range(part: &str) -> Result<(u64, u64), String> {
    let Some((from, to)) = part.split_once("..") else {
        let seed = seed(part)?;
        return Ok((seed, seed));
    };
    if from.is_empty() || to.is_empty() || to == "=" {
        return Err(format!("`{}` lacks an end; write both, such as 0..100", part.escape_debug()));
    }
    if let Some(last) = to.strip_prefix('=') {
        let (first, last) = (seed(from)?, seed(last)?);
        return if first > last { Err(empty(part, &format!("{last}..={first}"))) } else { Ok((first, last)) };
    }
    let (first, end) = (seed(from)?, seed(to)?);
    match end.checked_sub(1).filter(|last| first <= *last) {
        Some(last) => Ok((first, last)),
        None if first == end => Err(empty(part, &format!("{first}..={end}"))),
        None => Err(empty(part, &format!("{end}..{first}"))),
    }
}

fn empty(part: &str, instead: &str) -> String {
    format!("empty range {part}; did you mean {instead}?")
}

/// One seed, decimal or with 0x.
fn seed(text: &str) -> Result<u64, String> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None => (text, 10),
    };
    let shown = text.escape_debug().to_string();
    if text.starts_with('-') {
        return Err(format!("`{shown}` is negative; seeds are 0 to {}", u64::MAX));
    }
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix) && c.is_ascii()) {
        return Err(format!("`{shown}` is not a seed; write a whole number, decimal or with 0x"));
    }
    u64::from_str_radix(digits, radix)
        .map_err(|_| format!("`{shown}` is too large; seeds are 0 to {}", u64::MAX))
}

impl Seeds {
    /// Adds what is not there yet. What is there twice gives one note each.
    fn add(&mut self, (first, last): (u64, u64)) {
        if self.ranges.iter().all(|(a, b)| last < *a || first > *b) {
            match self.ranges.last_mut() {
                Some((_, end)) if end.checked_add(1) == Some(first) => *end = last,
                _ => self.ranges.push((first, last)),
            }
            return;
        }
        let mut left = vec![(first, last)];
        let mut repeated = None;
        for (a, b) in self.ranges.clone() {
            let mut rest = Vec::new();
            for (x, y) in left {
                if y < a || x > b {
                    rest.push((x, y));
                    continue;
                }
                repeated = repeated.or(Some((x.max(a), y.min(b))));
                if x < a {
                    rest.push((x, a - 1));
                }
                if y > b {
                    rest.push((b + 1, y));
                }
            }
            left = rest;
        }
        let note = match repeated {
            Some((x, y)) if x == y => format!("seed {x} is named twice; it runs once"),
            Some((x, y)) => format!("seeds {x}..={y} are named twice; they run once"),
            None => String::new(),
        };
        if !note.is_empty() && !self.notes.contains(&note) {
            self.notes.push(note);
        }
        self.ranges.extend(left);
    }

    /// The seeds, one after the other.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.ranges.iter().flat_map(|(first, last)| *first..=*last)
    }

    /// What is left when so many were run, without some of them (counted from 0) that were not.
    pub fn rest(&self, run: u128, missed: &[u128]) -> Option<Seeds> {
        let mut out = Seeds { ranges: Vec::new(), notes: Vec::new() };
        let mut before = 0;
        for (first, last) in &self.ranges {
            let count = u128::from(last - first) + 1;
            for index in missed.iter().filter(|m| (before..before + count).contains(m)) {
                let seed = first + (index - before) as u64;
                out.add((seed, seed));
            }
            let skipped = run.saturating_sub(before);
            if skipped < count {
                out.add((first + skipped as u64, *last));
            }
            before += count;
        }
        (!out.ranges.is_empty()).then_some(out)
    }

    /// Those with these indices, counted from 0; half-open ranges.
    pub fn part(&self, indices: &[(u64, u64)]) -> Option<Seeds> {
        let mut out = Seeds { ranges: Vec::new(), notes: Vec::new() };
        let mut before = 0u128;
        for (first, last) in &self.ranges {
            let count = u128::from(last - first) + 1;
            for (from, to) in indices {
                let (a, b) = (u128::from(*from).max(before), u128::from(*to).min(before + count));
                if a < b {
                    out.add((first + (a - before) as u64, first + (b - before - 1) as u64));
                }
            }
            before += count;
        }
        (!out.ranges.is_empty()).then_some(out)
    }

    /// How many there are; up to 2^64.
    pub fn count(&self) -> u128 {
        self.ranges.iter().map(|(first, last)| u128::from(last - first) + 1).sum()
    }

    /// What the user should know, such as duplicates.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (first, last)) in self.ranges.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            match first == last {
                true => write!(f, "{comma}{first}")?,
                false => write!(f, "{comma}{first}..={last}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<u64> {
        seeds(text).map(|s| s.iter().collect()).unwrap_or_default()
    }

    #[test]
    fn one_seed_a_range_and_a_list_are_read() {
        assert_eq!(list("7"), [7]);
        assert_eq!(list("0x2A"), [42]);
        assert_eq!(list("3..=3"), [3]);
        assert_eq!(list("1..4, 0x10"), [1, 2, 3, 16]);
        assert_eq!(list("18446744073709551615"), [u64::MAX]);
    }

    #[test]
    fn duplicates_run_once_with_a_note() {
        let s = seeds("1..10,4,4,8..12").expect("seeds");
        assert_eq!(s.iter().collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        let notes = ["seed 4 is named twice; it runs once", "seeds 8..=9 are named twice; they run once"];
        assert_eq!(s.notes(), notes);
        assert_eq!(seeds("1,2,3,7").expect("seeds").to_string(), "1..=3,7");
        assert_eq!(list("5,1..10"), [5, 1, 2, 3, 4, 6, 7, 8, 9]);
    }

    #[test]
    fn a_part_has_the_seeds_of_its_indices() {
        let s = seeds("1..=10,20..=25").expect("seeds");
        let part = |indices: &[(u64, u64)]| s.part(indices).map(|s| s.to_string());
        assert_eq!(part(&[(0, 16)]), Some(s.to_string()));
        assert_eq!(part(&[(1, 3), (8, 12)]), Some("2..=3,9..=10,20..=21".into()));
        assert_eq!(part(&[(15, 16)]), Some("25".into()));
        assert_eq!(part(&[(16, 99)]), None);
    }

    #[test]
    fn the_rest_can_be_run_later() {
        let s = seeds("1..=10,20..=25").expect("seeds");
        let rest = |run: u128, missed: &[u128]| s.rest(run, missed).map(|s| s.to_string());
        assert_eq!(rest(0, &[]), Some(s.to_string()));
        assert_eq!(rest(3, &[1]), Some("2,4..=10,20..=25".into()));
        assert_eq!(rest(12, &[11]), Some("21..=25".into()));
        assert_eq!(rest(16, &[0, 9]), Some("1,10".into()));
        assert_eq!(rest(16, &[]), None);
        let all = seeds("0..=18446744073709551615").expect("seeds");
        assert_eq!(all.rest(2, &[]).map(|s| s.to_string()), Some("2..=18446744073709551615".into()));
    }

    #[test]
    fn the_full_range_streams() {
        let s = seeds("0..=18446744073709551615").expect("seeds");
        assert_eq!(s.count(), 1 << 64);
        assert_eq!(s.iter().take(3).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(s.to_string(), "0..=18446744073709551615");
    }

    #[test]
    fn what_is_no_seed_is_refused_with_the_cure() {
        assert_eq!(seeds("5..3"), Err("empty range 5..3; did you mean 3..5?".into()));
        assert_eq!(seeds("0..0"), Err("empty range 0..0; did you mean 0..=0?".into()));
        for bad in [
            "",
            "-1",
            "1.0",
            "18446744073709551616",
            "٧",
            "1..",
            "..5",
            "0x",
            "1e3",
            "1_0",
            "+1",
            "a",
            "1,,2",
            "1..=",
            "0o7",
            " 7 ",
            "7 ",
            "1 ,2",
        ] {
            assert!(seeds(bad).is_err(), "{bad}");
        }
    }
}
