//! Percent-encoding for tokens: what is left needs no quotes in any shell, and no colon.

use std::fmt::Write;

/// Encodes everything but letters, digits and `. _ / - =`.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'/' | b'-' | b'=' => {
                out.push(byte as char)
            }
            _ => _ = write!(out, "%{byte:02x}"),
        }
    }
    out
}

/// The text of an encoding; `None` if it is none.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || (bytes.next()? as char).to_digit(16);
            out.push((digit()? * 16 + digit()?) as u8);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_survives() {
        for text in [
            "",
            "a/b-c_d.yaml",
            "with space:colon%",
            "sources[0].link.loss=30%",
            "Ünïcode 山",
            "\u{0}\u{1b}[31m",
        ] {
            let encoded = encode(text);
            assert!(
                encoded.bytes().all(|b| b.is_ascii_graphic() && !b":;&|<>()$`\\\"'*?[]#~!{}".contains(&b))
            );
            assert_eq!(decode(&encoded).as_deref(), Some(text));
        }
    }

    #[test]
    fn a_damaged_encoding_is_refused() {
        for text in ["%", "%4", "%zz", "%ff", "%-1"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
