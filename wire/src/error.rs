//! Why a datagram was refused. Small and `Copy`: the collector counts by variant.

use core::fmt;

/// Why bytes are not an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Error {
    /// Neither `ALV1` nor `alive1<tab>` at the beginning of an event.
    UnknownMagic,
    /// `ALV1`, but of a major version that this reader does not know.
    UnsupportedVersion(u8),
    /// Fewer bytes than the event says it has.
    Truncated,
    /// A length that contradicts another one, or a field that is out of its range.
    Malformed,
    /// A text line whose verb is not known.
    UnknownVerb,
    /// A text line or a percent escape that cannot be read.
    BadText,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownMagic => f.write_str("does not begin with ALV1 or alive1"),
            Self::UnsupportedVersion(major) => write!(f, "major version {major} is not supported"),
            Self::Truncated => f.write_str("ends before its own length"),
            Self::Malformed => f.write_str("lengths or fields contradict each other"),
            Self::UnknownVerb => f.write_str("text verb is not known (known: ping)"),
            Self::BadText => f.write_str("text line cannot be read"),
        }
    }
}

impl core::error::Error for Error {}
