//! From bytes to events. Borrowed throughout: nothing is copied, nothing can panic.

use crate::error::Error;
use crate::header::{self, Header};
use crate::record::Record;
use crate::text;

/// What a datagram is, told by its first bytes.
#[derive(Debug, Clone)]
pub enum Datagram<'a> {
    /// Binary events, one behind the other.
    Binary(Events<'a>),
    /// Text lines.
    Text(text::Lines<'a>),
}

impl<'a> Datagram<'a> {
    /// Looks at the first bytes.
    ///
    /// # Errors
    /// [`Error::UnknownMagic`] when they are of neither form.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Error> {
        if bytes.starts_with(&header::MAGIC) {
            Ok(Self::Binary(Events(bytes)))
        } else if text::is_text(bytes) {
            Ok(Self::Text(text::Lines::new(bytes)))
        } else {
            Err(Error::UnknownMagic)
        }
    }
}

/// The events of a binary datagram.
///
/// An error ends the iteration, except [`Error::Malformed`] inside one event's records, which
/// [`Event::records`] reports: the event's length is still good and the next one can be read.
#[derive(Debug, Clone)]
pub struct Events<'a>(&'a [u8]);

impl<'a> Iterator for Events<'a> {
    type Item = Result<Event<'a>, Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let bytes = core::mem::take(&mut self.0);
        Some(Header::read(bytes).and_then(|framed| {
            let (event, rest) = bytes.split_at_checked(framed.total_len).ok_or(Error::Truncated)?;
            let records = event.get(framed.header_len..).ok_or(Error::Malformed)?;
            self.0 = rest;
            Ok(Event { header: framed.header, records })
        }))
    }
}

/// One binary event.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// Who speaks and when.
    pub header: Header,
    records: &'a [u8],
}

impl<'a> Event<'a> {
    /// Its records, in the order they stand. An error ends the iteration.
    #[must_use]
    pub const fn records(&self) -> Records<'a> {
        Records(Payloads(self.records))
    }

    /// The same records unread, for a reader that wants few of them.
    #[must_use]
    pub const fn payloads(&self) -> Payloads<'a> {
        Payloads(self.records)
    }
}

/// The records of an event as types and payloads. An error ends the iteration.
#[derive(Debug, Clone, Copy, Default)]
pub struct Payloads<'a>(&'a [u8]);

impl Payloads<'_> {
    /// How many bytes are still to be read.
    #[inline]
    #[must_use]
    pub const fn left(&self) -> usize {
        self.0.len()
    }

    /// The same from where so many bytes were [left](Self::left).
    #[inline]
    #[must_use]
    pub fn resumed(self, left: usize) -> Self {
        let read = self.0.len().checked_sub(left);
        Self(read.and_then(|read| self.0.get(read..)).unwrap_or_default())
    }
}

impl<'a> Iterator for Payloads<'a> {
    type Item = Result<(u8, &'a [u8]), Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let bytes = core::mem::take(&mut self.0);
        let Some(([kind, low, high], rest)) = bytes.split_first_chunk() else {
            return (!bytes.is_empty()).then_some(Err(Error::Malformed));
        };
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        let Some((payload, rest)) = rest.split_at_checked(length) else {
            return Some(Err(Error::Malformed));
        };
        self.0 = rest;
        Some(Ok((*kind, payload)))
    }
}

/// The records of an event.
#[derive(Debug, Clone)]
pub struct Records<'a>(Payloads<'a>);

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let record = self.0.next()?.and_then(|(kind, payload)| Record::read(kind, payload));
        if record.is_err() {
            self.0 = Payloads(&[]);
        }
        Some(record)
    }
}
