//! From bytes and times to JSON that may be shown anywhere.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// RFC 3339, UTC, with microseconds; a time beyond the year 9999, which only a forger sends, is the last one.
pub(crate) fn time(micros: u64) -> String {
    let micros = i64::try_from(micros).unwrap_or(i64::MAX);
    format!("{:.6}", jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX))
}

/// Bytes as text: what is no UTF-8 stands as `\xNN`.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            write!(text, "\\x{byte:02x}").expect("a String takes everything");
        }
    }
    Cow::Owned(text)
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a String takes everything");
        hex
    })
}

/// Adds a value as a line.
pub(crate) fn put(line: &impl Serialize, out: &mut Vec<u8>) {
    line.serialize(&mut Serializer::with_formatter(&mut *out, Safe)).expect("a Vec takes everything");
    out.push(b'\n');
}

/// JSON that a terminal can show: what could steer it is escaped, beyond the control bytes that JSON
/// forbids anyway.
struct Safe;

impl Formatter for Safe {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, found)) = rest.char_indices().find(|&(_, character)| steers(character)) {
            writer.write_all(&rest.as_bytes()[..at])?;
            // All of them lie in the plane that one `\u` reaches.
            write!(writer, "\\u{:04x}", u32::from(found))?;
            rest = &rest[at + found.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

/// DEL, the C1 controls, and the characters that change the direction of what follows.
const fn steers(character: char) -> bool {
    matches!(character,
        '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_in_a_line_can_steer_a_terminal() {
        let mut out = Vec::new();
        let path = "/a\u{1b}[2J\n\u{7f}\u{9b}31m\u{202e}é";
        put(&json!({ "path": path }), &mut out);
        let line = String::from_utf8(out).unwrap();
        assert_eq!(line, "{\"path\":\"/a\\u001b[2J\\n\\u007f\\u009b31m\\u202eé\"}\n");
        let back: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(back["path"], path);
    }

    #[test]
    fn bytes_that_are_no_text_stand_as_escapes() {
        assert_eq!(text(b"/ok"), "/ok");
        assert_eq!(text(b"/\xffa\xc3"), "/\\xffa\\xc3");
        assert_eq!(hex(b"/\xff"), "2fff");
    }

    #[test]
    fn times_are_rfc_3339_with_microseconds() {
        assert_eq!(time(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(time(1_780_000_000_000_001), "2026-05-28T20:26:40.000001Z");
        assert_eq!(time(u64::MAX), "9999-12-30T22:00:00.999999Z");
    }
}
