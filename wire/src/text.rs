//! The text form, for any language that can print a line.
//!
//! ```text
//! alive1<tab>ping<tab>name=checkout.legacy<tab>file=cart.pl<tab>line=42<newline>
//! ```
//!
//! A line begins with `alive1`, a tab and the verb; each further column is `key=value`. Columns are
//! separated by tabs. In keys and values a tab, a newline, a percent sign and whatever else the
//! sender likes stands as `%` and two hex digits. The newline at the end of the datagram may be
//! missing, and a datagram may hold several lines.
//!
//! The one verb today is `ping`; its one mandatory key is `name`, which may not be empty. Of a key
//! that stands twice, the first counts. `docs/taps.md` tells what each key means.
//!
//! A line is read for itself: one that is bad, or of another version, costs no other one.

use crate::error::Error;

/// First bytes of every text line.
pub const MAGIC: &[u8] = b"alive1\t";

/// The same of any version: what stands between these and a tab is its number.
const ANY_VERSION: &[u8] = b"alive";

/// Longest name of a tap, in bytes before they are escaped; senders cut a longer one.
pub const MAX_NAME: usize = 255;

/// Longest other value, likewise.
pub const MAX_VALUE: usize = 300;

/// Longest key, likewise.
pub const MAX_KEY: usize = 64;

/// Whether these are text lines of this or another version. The first line may be a bad one.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    let first = bytes.split(|&byte| byte == b'\n').find(|line| !line.is_empty());
    first.is_some_and(|line| line.starts_with(MAGIC) || version(line).is_some())
        || bytes.windows(MAGIC.len().saturating_add(1)).any(|run| run.split_first() == Some((&b'\n', MAGIC)))
}

/// The version of a line, when it is one of ours; 255 stands for all that are higher.
fn version(line: &[u8]) -> Option<u8> {
    let number = line.strip_prefix(ANY_VERSION)?.split(|&byte| byte == b'\t').next()?;
    if number.is_empty() || number.len() > 9 || !number.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        number.iter().fold(0u8, |sum, digit| sum.saturating_mul(10).saturating_add(digit.wrapping_sub(b'0'))),
    )
}

/// The lines of a text datagram.
#[derive(Debug, Clone)]
pub struct Lines<'a>(&'a [u8]);

impl<'a> Lines<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Result<Ping<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.0.is_empty() {
                return None;
            }
            let mut parts = self.0.splitn(2, |&byte| byte == b'\n');
            let line = parts.next().unwrap_or_default();
            self.0 = parts.next().unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.is_empty() {
                return Some(Ping::read(line));
            }
        }
    }
}

/// One ping in text form.
#[derive(Debug, Clone, Copy)]
pub struct Ping<'a> {
    columns: &'a [u8],
}

impl<'a> Ping<'a> {
    fn read(line: &'a [u8]) -> Result<Self, Error> {
        let rest = line.strip_prefix(MAGIC).ok_or_else(|| match version(line) {
            Some(other) if other != 1 => Error::UnsupportedVersion(other),
            _ => Error::BadText,
        })?;
        let mut parts = rest.splitn(2, |&byte| byte == b'\t');
        if parts.next() != Some(b"ping") {
            return Err(Error::UnknownVerb);
        }
        let ping = Self { columns: parts.next().unwrap_or_default() };
        for column in ping.columns() {
            column?;
        }
        match ping.get(b"name").map(|name| name.decoded().next()) {
            Some(Some(_)) => Ok(ping),
            _ => Err(Error::BadText),
        }
    }

    /// The columns behind the verb, empty ones skipped.
    pub fn columns(&self) -> impl Iterator<Item = Result<(Escaped<'a>, Escaped<'a>), Error>> {
        self.columns.split(|&byte| byte == b'\t').filter(|column| !column.is_empty()).map(|column| {
            let mut halves = column.splitn(2, |&byte| byte == b'=');
            match (halves.next(), halves.next()) {
                (Some(key), Some(value)) if !key.is_empty() => Ok((Escaped::new(key)?, Escaped::new(value)?)),
                _ => Err(Error::BadText),
            }
        })
    }

    /// The value of the first column with this key.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<Escaped<'a>> {
        self.columns().filter_map(Result::ok).find(|(name, _)| name.is(key)).map(|(_, value)| value)
    }
}

/// Percent-escaped bytes whose escapes were checked.
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(&'a [u8]);

impl<'a> Escaped<'a> {
    fn new(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut rest = bytes;
        while let Some((&first, tail)) = rest.split_first() {
            rest = tail;
            if first == b'%' {
                let ([high, low], tail) = tail.split_first_chunk().ok_or(Error::BadText)?;
                hex(*high).and(hex(*low)).ok_or(Error::BadText)?;
                rest = tail;
            }
        }
        Ok(Self(bytes))
    }

    /// The bytes with the escapes undone.
    pub fn decoded(self) -> impl Iterator<Item = u8> + 'a {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let (&first, tail) = rest.split_first()?;
            rest = tail;
            if first != b'%' {
                return Some(first);
            }
            let ([high, low], tail) = tail.split_first_chunk()?;
            rest = tail;
            Some(hex(*high)? << 4 | hex(*low)?)
        })
    }

    /// Whether these are the bytes `other` once the escapes are undone.
    #[must_use]
    pub fn is(&self, other: &[u8]) -> bool {
        self.decoded().eq(other.iter().copied())
    }
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(digit.wrapping_sub(b'a').wrapping_add(10)),
        b'A'..=b'F' => Some(digit.wrapping_sub(b'A').wrapping_add(10)),
        _ => None,
    }
}

/// Writes `bytes` so that they can stand in a column: control bytes, `%`, `=`, space and non-ASCII escaped.
///
/// Returns how many bytes of `out` were used, or `None` when it is too short; three times the input always suffices.
#[must_use]
pub fn escape(bytes: &[u8], out: &mut [u8]) -> Option<usize> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut used = 0usize;
    let mut put = |byte: u8| -> Option<()> {
        *out.get_mut(used)? = byte;
        used = used.saturating_add(1);
        Some(())
    };
    for &byte in bytes {
        if byte.is_ascii_graphic() && byte != b'%' && byte != b'=' {
            put(byte)?;
        } else {
            put(b'%')?;
            put(*DIGITS.get(usize::from(byte >> 4))?)?;
            put(*DIGITS.get(usize::from(byte & 15))?)?;
        }
    }
    Some(used)
}

/// Writes one ping as a line: the name first, then as many columns as there is room for.
#[derive(Debug)]
pub struct PingLine<'b> {
    buf: &'b mut [u8],
    len: usize,
}

impl<'b> PingLine<'b> {
    /// Begins a line in `buf`; `None` when there is no room for the name, or the name is empty.
    #[must_use]
    pub fn new(buf: &'b mut [u8], name: &[u8]) -> Option<Self> {
        let mut line = Self { buf, len: 0 };
        let begun = !name.is_empty()
            && line.plain(MAGIC)
            && line.plain(b"ping")
            && line.column(b"name", name, MAX_NAME);
        begun.then_some(line)
    }

    /// Adds a column, its value cut to [`MAX_VALUE`] bytes; false, and nothing is added, when it has no room or no key.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> bool {
        !key.is_empty() && key.len() <= MAX_KEY && self.column(key, value, MAX_VALUE)
    }

    /// Ends the line; how long it is.
    #[must_use]
    pub fn finish(mut self) -> usize {
        // The byte was kept free by every column.
        self.plain(b"\n");
        self.len
    }

    fn column(&mut self, key: &[u8], value: &[u8], longest: usize) -> bool {
        let before = self.len;
        let value = value.get(..longest).unwrap_or(value);
        let whole = self.plain(b"\t") && self.escaped(key) && self.plain(b"=") && self.escaped(value);
        if !whole || self.len >= self.buf.len() {
            self.len = before;
            return false;
        }
        true
    }

    fn plain(&mut self, bytes: &[u8]) -> bool {
        let Some(room) = self.buf.get_mut(self.len..).and_then(|rest| rest.get_mut(..bytes.len())) else {
            return false;
        };
        room.copy_from_slice(bytes);
        self.len = self.len.saturating_add(bytes.len());
        true
    }

    fn escaped(&mut self, bytes: &[u8]) -> bool {
        let used = self.buf.get_mut(self.len..).and_then(|room| escape(bytes, room));
        self.len = self.len.saturating_add(used.unwrap_or(0));
        used.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::{Escaped, hex};
    use crate::Error;
    use std::vec::Vec;

    #[test]
    fn every_hex_digit_has_its_value_and_nothing_else_has_one() {
        for byte in 0..=u8::MAX {
            let expected = char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            assert_eq!(hex(byte), expected, "{byte:#x}");
        }
    }

    #[test]
    fn an_escape_needs_two_hex_digits() {
        for bad in [&b"%"[..], b"%4", b"a%", b"a%4g", b"%%41", b"%-1"] {
            assert_eq!(Escaped::new(bad).map(|_| ()), Err(Error::BadText), "{bad:?}");
        }
        let good = Escaped::new(b"a%2Fb%09%ff%25").map(|column| column.decoded().collect::<Vec<_>>());
        assert_eq!(good, Ok(b"a/b\t\xff%".to_vec()));
    }
}
