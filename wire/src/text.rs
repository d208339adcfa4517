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
//! that stands twice, the first counts.

use crate::error::Error;

/// First bytes of every text line.
pub const MAGIC: &[u8] = b"alive1\t";

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
        let rest = line.strip_prefix(MAGIC).ok_or(Error::BadText)?;
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

    fn is(&self, other: &[u8]) -> bool {
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
