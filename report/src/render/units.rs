//! Sizes, times and paths as a person reads them.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr};

/// `814 B`, `5.6 MiB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    for (unit, shift) in UNITS {
        if count >> shift > 0 {
            return format!("{} {unit}", tenths(count, 1 << shift));
        }
    }
    format!("{count} B")
}

/// `850 us`, `12 ms`, `1.2 s`.
pub(crate) fn micros(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} us"),
        1_000..1_000_000 => format!("{} ms", tenths(count, 1_000)),
        _ => format!("{} s", tenths(count, 1_000_000)),
    }
}

/// A long time in its two largest units: `3 d 4 h`, `12 min 5 s`, `7 s`.
pub(crate) fn span(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match () {
        () if days > 0 => format!("{days} d {hours} h"),
        () if hours > 0 => format!("{hours} h {minutes} min"),
        () if minutes > 0 => format!("{minutes} min {} s", seconds % 60),
        () => format!("{seconds} s"),
    }
}

/// A quotient with one decimal below ten and none above.
fn tenths(count: u64, unit: u64) -> String {
    let tenths = (u128::from(count) * 10 + u128::from(unit) / 2) / u128::from(unit);
    if tenths < 100 { format!("{}.{}", tenths / 10, tenths % 10) } else { ((tenths + 5) / 10).to_string() }
}

/// `1 worker`, `2 workers`.
pub(crate) fn count(number: u64, singular: &str) -> String {
    let ending = match (number, singular) {
        (1, _) => "",
        (_, word) if word.ends_with("ss") || word.ends_with("ch") => "es",
        _ => "s",
    };
    format!("{number} {singular}{ending}")
}

/// Shortens in the middle to at most `width` columns: both the root of a path and its file name
/// tell something.
pub(crate) fn shorten(text: &str, width: usize) -> String {
    const GAP: &str = "...";
    if text.width() <= width {
        return text.to_owned();
    }
    let keep = width.saturating_sub(GAP.len());
    let (head, tail) = (keep / 3, keep - keep / 3);
    let front = take(text.chars(), head);
    let back: String = take(text.chars().rev(), tail).chars().rev().collect();
    format!("{front}{GAP}{back}")
}

/// The first characters that fit.
fn take(characters: impl Iterator<Item = char>, width: usize) -> String {
    let mut used = 0;
    characters
        .take_while(|character| {
            used += character.width().unwrap_or(0);
            used <= width
        })
        .collect()
}

/// Columns that a text takes, without what only colours it.
pub(crate) fn plain_width(text: &str) -> usize {
    let mut pieces = text.split('\u{1b}');
    let first = pieces.next().map_or(0, UnicodeWidthStr::width);
    first + pieces.map(|piece| piece.split_once('m').map_or(0, |(_, rest)| rest.width())).sum::<usize>()
}

/// Breaks a sentence at spaces; lines after the first are indented.
pub(crate) fn wrap(text: &str, width: usize, indent: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let length = plain_width(word);
        if column > 0 && column + 1 + length > width {
            out.push('\n');
            out.push_str(indent);
            column = indent.len();
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{bytes, count, micros, plain_width, shorten, span, wrap};

    #[test]
    fn sizes_and_times() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1024), "1.0 KiB");
        assert_eq!(bytes(5_767_168), "5.5 MiB");
        assert_eq!(bytes(109_966_336), "105 MiB");
        assert_eq!(bytes(u64::MAX), "16777216 TiB");
        assert_eq!(micros(999), "999 us");
        assert_eq!(micros(1_250), "1.3 ms");
        assert_eq!(micros(12_400), "12 ms");
        assert_eq!(micros(9_990), "10 ms");
        assert_eq!(micros(1_200_000), "1.2 s");
    }

    #[test]
    fn a_long_time_has_two_units() {
        assert_eq!(span(999_999), "0 s");
        assert_eq!(span(59_000_000), "59 s");
        assert_eq!(span(60_000_000), "1 min 0 s");
        assert_eq!(span(3_661_000_000), "1 h 1 min");
        assert_eq!(span(86_400_000_000 * 3 + 4 * 3_600_000_000), "3 d 4 h");
    }

    #[test]
    fn words_agree_with_their_number() {
        assert_eq!(count(1, "process"), "1 process");
        assert_eq!(count(2, "process"), "2 processes");
        assert_eq!(count(0, "file"), "0 files");
        assert_eq!(count(2, "search"), "2 searches");
    }

    #[test]
    fn a_path_keeps_its_beginning_and_its_file_name() {
        assert_eq!(shorten("/usr/lib/x86_64-linux-gnu/perl/5.36/Encode.pm", 24), "/usr/li...5.36/Encode.pm");
        assert_eq!(shorten("/short", 24), "/short");
        assert_eq!(shorten("/日本日本日本日本/x", 10), "/...本/x");
    }

    #[test]
    fn sentences_break_at_spaces() {
        assert_eq!(wrap("one two three four", 9, "  "), "one two\n  three\n  four");
        assert_eq!(wrap("unbreakable_word", 4, ""), "unbreakable_word");
        assert_eq!(plain_width("\u{1b}[1m\u{1b}[33mtwo\u{1b}[0m words"), 9);
        assert_eq!(
            wrap("\u{1b}[1mone\u{1b}[0m two", 7, ""),
            "\u{1b}[1mone\u{1b}[0m two",
            "colours take no room"
        );
    }
}
