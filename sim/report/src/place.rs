//! Where in a file something is that a message tells of.

/// The line that a message names behind the path of its file, as `(PATH:LINE)`.
pub fn line_of(path: &str, message: &str) -> Option<u64> {
    let before = format!("({path}:");
    let mut places = message.split(&before).skip(1);
    places.find_map(|rest| rest.split_once(')')?.0.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_a_place_has_a_line() {
        assert_eq!(line_of("a.yaml", "`x > 1` does not hold: it is 0 (a.yaml:8)"), Some(8));
        for message in ["(b.yaml:8)", "a.yaml:8", "(a.yaml:8", "(a.yaml:8:2)", "(a.yaml:)"] {
            assert_eq!(line_of("a.yaml", message), None, "{message}");
        }
    }
}
