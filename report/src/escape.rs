//! Bytes that a traced program chose, made safe to show.
//!
//! A path may hold an escape sequence that retitles the reader's terminal, a newline that forges a
//! row, a right-to-left override that hides a suffix, or a tag that a browser would obey. [`terminal`] is
//! the only way from bytes to a terminal, [`json_text`] and [`AsciiControls`] the only way into JSON,
//! [`csv_text`] and [`csv_field`] the only way into CSV, [`html`] into a page's text and attributes,
//! [`ScriptText`] into a script element of it.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

use serde_json::ser::Formatter;

/// Text for a terminal: what is not printable becomes `\xNN`, byte by byte, and a backslash is
/// doubled, so that the text tells the bytes without doubt.
///
/// Escaped are C0, DEL and C1 controls (as characters and as raw bytes), the marks that change the
/// direction of text, line and paragraph separators, and bytes that are not UTF-8.
#[must_use]
pub fn terminal(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character == '\\' {
                out.push_str("\\\\");
            } else if is_unsafe(character) {
                push_hex(&mut out, character.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                out.push(character);
            }
        }
        push_hex(&mut out, chunk.invalid());
    }
    out
}

/// Text for JSON, and the true bytes in hexadecimal when the text cannot tell them: bytes that are
/// not UTF-8 stand in the text as `\xNN`.
#[must_use]
pub fn json_text(bytes: &[u8]) -> (Cow<'_, str>, Option<String>) {
    if let Ok(text) = str::from_utf8(bytes) {
        return (text.into(), None);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        push_hex(&mut text, chunk.invalid());
    }
    (text.into(), Some(hex(bytes)))
}

/// Two digits a byte.
fn hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// Text for a CSV field, and the true bytes in hexadecimal when the text cannot tell them or a spreadsheet must
/// not see them: what is no UTF-8 or acts on a terminal stands as `\xNN`, except line breaks and tabs, and a text
/// that a spreadsheet would take for a formula has an apostrophe in front.
#[must_use]
pub fn csv_text(bytes: &[u8]) -> (String, Option<String>) {
    let mut text = String::with_capacity(bytes.len());
    if bytes.first().is_some_and(|first| b"=+-@\t\r".contains(first)) {
        text.push('\'');
    }
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_unsafe(character) && !matches!(character, '\n' | '\r' | '\t') {
                push_hex(&mut text, character.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                text.push(character);
            }
        }
        push_hex(&mut text, chunk.invalid());
    }
    let is_true = text.as_bytes() == bytes;
    (text, (!is_true).then(|| hex(bytes)))
}

/// A field as RFC 4180 quotes it: between quotation marks where it holds a comma, a quotation mark, a line break
/// or space at an end, quotation marks doubled.
#[must_use]
pub fn csv_field(text: &str) -> String {
    let quoted = text.contains([',', '"', '\n', '\r']) || text.trim() != text;
    if quoted { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// A [`Formatter`] around another one that writes as `\uNNNN` what JSON itself would let through
/// to the reader's terminal. A JSON parser reads the same text from both.
#[derive(Debug, Clone, Default)]
pub struct AsciiControls<F>(pub F);

impl<F: Formatter> Formatter for AsciiControls<F> {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, text: &str) -> io::Result<()> {
        let mut rest = text;
        while let Some(at) = rest.find(is_unsafe) {
            let (plain, tail) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut characters = tail.chars();
            if let Some(character) = characters.next() {
                // Every unsafe character lies below U+10000, so one unit is the whole of it.
                write!(writer, "\\u{:04x}", u32::from(character))?;
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }
    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }
    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }
    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }
    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }
    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }
    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }
    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

/// Text for a page, between tags or within a quoted attribute: what [`terminal`] escapes is shown in the same
/// way, and what means something to HTML is written as a character reference.
#[must_use]
pub fn html(bytes: &[u8]) -> String {
    let text = terminal(bytes);
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(character),
        }
    }
    out
}

/// Takes JSON and hands it on so that it may stand in a `<script>` element: no `</script>` ends it early,
/// no `<!--` changes how it is read. In JSON these characters occur in strings only, where their escape
/// means the same.
#[derive(Debug)]
pub struct ScriptText<W>(pub W);

impl<W: io::Write> io::Write for ScriptText<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|byte| b"<>&".contains(byte)) {
            let (plain, tail) = rest.split_at(at);
            self.0.write_all(plain)?;
            if let Some((byte, tail)) = tail.split_first() {
                write!(self.0, "\\u{byte:04x}")?;
                rest = tail;
            }
        }
        self.0.write_all(rest)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Characters that act on a terminal instead of standing in it.
pub(crate) fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Appends each byte as `\xNN`.
fn push_hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(out, "\\x{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::{AsciiControls, ScriptText, csv_field, csv_text, html, json_text, terminal};
    use serde::Serialize as _;
    use serde_json::ser::CompactFormatter;
    use std::io::Write as _;

    #[test]
    fn a_terminal_sees_no_control_in_any_encoding() {
        assert_eq!(terminal(b"/a\x1b[2J\n\x7f"), "/a\\x1b[2J\\x0a\\x7f");
        assert_eq!(terminal("C1 \u{9b}31m".as_bytes()), "C1 \\xc2\\x9b31m");
        assert_eq!(terminal(b"raw C1 \x9b31m"), "raw C1 \\x9b31m");
        assert_eq!(terminal("exe\u{202e}mp.so".as_bytes()), "exe\\xe2\\x80\\xaemp.so");
        assert_eq!(terminal("\u{2066}x\u{2069}".as_bytes()), "\\xe2\\x81\\xa6x\\xe2\\x81\\xa9");
        assert_eq!(terminal("/usr/lib/größe/日本.pm".as_bytes()), "/usr/lib/größe/日本.pm");
    }

    #[test]
    fn escapes_cannot_be_forged_by_a_name_that_spells_one() {
        assert_eq!(terminal(br"/a\x1b"), r"/a\\x1b");
    }

    #[test]
    fn json_tells_the_true_bytes_when_the_text_cannot() {
        assert_eq!(json_text(b"/a.pm"), ("/a.pm".into(), None));
        assert_eq!(json_text(b"/\xff.pm"), ("/\\xff.pm".into(), Some("2fff2e706d".to_owned())));
    }

    #[test]
    fn no_field_of_a_table_is_a_formula_to_a_spreadsheet() {
        for formula in ["=HYPERLINK(\"http://x\")", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            let (text, hex) = csv_text(formula.as_bytes());
            assert_eq!(text, format!("'{formula}"));
            assert!(hex.is_some(), "and the true bytes beside it");
        }
        assert_eq!(csv_text(b"/a-b=c"), ("/a-b=c".to_owned(), None));
        assert_eq!(csv_text(b""), (String::new(), None));
    }

    #[test]
    fn a_table_tells_the_true_bytes_when_the_text_cannot() {
        assert_eq!(csv_text(b"/\xff.pm"), ("/\\xff.pm".to_owned(), Some("2fff2e706d".to_owned())));
        assert_eq!(csv_text(b"a\x1b[2J"), ("a\\x1b[2J".to_owned(), Some("611b5b324a".to_owned())));
        assert_eq!(csv_text(b"a\nb"), ("a\nb".to_owned(), None), "a line break is quoted, not changed");
    }

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        for (text, field) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("a\nb", "\"a\nb\""),
            (" a", "\" a\""),
            ("", ""),
        ] {
            assert_eq!(csv_field(text), field);
        }
    }

    #[test]
    fn json_on_a_terminal_holds_no_control_and_parses_to_the_same_text() {
        let text = "a\u{9b}b\u{7f}c\u{202e}d\ne";
        let mut out = Vec::new();
        let mut serializer =
            serde_json::Serializer::with_formatter(&mut out, AsciiControls(CompactFormatter));
        serde_json::Value::from(text).serialize(&mut serializer).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out, r#""a\u009bb\u007fc\u202ed\ne""#);
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
    }

    #[test]
    fn a_page_sees_neither_tags_nor_quotes_nor_controls() {
        let name = b"<script>alert(1)</script>\x1b\"'&amp;.pm";
        assert_eq!(html(name), "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b&quot;&#39;&amp;amp;.pm");
        assert_eq!(html("exe\u{202e}mp.so".as_bytes()), "exe\\xe2\\x80\\xaemp.so");
    }

    #[test]
    fn json_in_a_script_element_cannot_end_it_and_parses_to_the_same_text() {
        let text = "</script><!--<script>&\u{2028}\u{2029}";
        let mut out = Vec::new();
        let mut serializer =
            serde_json::Serializer::with_formatter(ScriptText(&mut out), AsciiControls(CompactFormatter));
        serde_json::Value::from(text).serialize(&mut serializer).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert!(!out.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{out}");
        assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        let mut counted = ScriptText(Vec::new());
        assert_eq!(counted.write(b"a<b").unwrap(), 3, "what was taken is counted, not what was written");
    }
}
