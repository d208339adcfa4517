//! Bytes and words, as they may stand in a list.

use crate::escape;

/// Bytes that stand for themselves wherever they are shown: text without controls.
pub(super) fn text(bytes: &[u8]) -> Option<&str> {
    str::from_utf8(bytes).ok().filter(|text| !text.contains(escape::is_unsafe))
}

/// Why no line is written where [`text`] is `None`.
pub(super) const NO_TEXT: &str = "name that cannot be written as text";

/// Between single quotes, as Perl, Ruby and PHP read them.
pub(super) fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// The folders of a path and its file, without the empty ones.
pub(super) fn parts(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::{single_quoted, text};

    #[test]
    fn what_is_no_text_is_never_written() {
        assert_eq!(text("/größe.pm".as_bytes()), Some("/größe.pm"));
        for bytes in [&b"/a\n.pm"[..], b"/\xff.pm", b"/\x1b[2J.pm", "/\u{202e}mp.pm".as_bytes()] {
            assert_eq!(text(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn quotes_end_nothing() {
        assert_eq!(single_quoted(r"/it's\a"), r"'/it\'s\\a'");
    }
}
