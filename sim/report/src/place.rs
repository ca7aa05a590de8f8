//! Where in a file something is that a message tells of.

/// The line that a message names behind the path of its file: `(PATH:LINE)`, or `at PATH:LINE`.
pub fn line_of(path: &str, message: &str) -> Option<u64> {
    let before = format!("{path}:");
    let line = |(at, _): (usize, &str)| {
        let behind = &message[at + before.len()..];
        let digits = behind.len() - behind.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let is_end = behind[digits..].starts_with([' ', ')']) || behind.len() == digits;
        let is_begin = at == 0 || message[..at].ends_with([' ', '(']);
        behind[..digits].parse().ok().filter(|_| is_begin && is_end)
    };
    message.match_indices(&before).find_map(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_a_place_has_a_line() {
        assert_eq!(line_of("a.yaml", "`x > 1` does not hold: it is 0 (a.yaml:8)"), Some(8));
        assert_eq!(line_of("a.yaml", "(a.yaml:x) crash at a.yaml:12 never took effect"), Some(12));
        for message in ["(b.yaml:8)", "(a.yaml)", "(a.yaml:8:2)", "(a.yaml:)", "(aa.yaml:8)", "a.yaml:8b"] {
            assert_eq!(line_of("a.yaml", message), None, "{message}");
        }
    }
}
