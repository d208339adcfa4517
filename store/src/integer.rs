//! Unsigned numbers in `SQLite`'s signed ones.

/// A number that only has to come back as it was: an address, half of a key.
pub(crate) const fn bits(number: u64) -> i64 {
    number.cast_signed()
}

/// The way back from [`bits`].
pub(crate) const fn from_bits(stored: i64) -> u64 {
    stored.cast_unsigned()
}

/// A number that is summed and compared: what is too large for a signed one stops at its largest.
///
/// The sums in the statements stop there as well: a sum that overflows would turn into a float, which
/// the tables refuse, and one forged datagram could so keep a whole batch from being written.
pub(crate) fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The way back from [`count`]; a negative number, which only a damaged file holds, is 0.
pub(crate) fn from_count(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}
