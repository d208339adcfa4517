//! From a report to text: [`table`] for a person, [`json`] for a program.

pub mod json;
pub mod loss;
pub mod table;
mod units;

/// The forms a report comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For a person.
    Table,
    /// For a program.
    Json,
}

/// A point in time from the store's microseconds since 1970.
pub(crate) fn time(micros: u64) -> std::time::SystemTime {
    // Beyond year 9999 humantime cannot write; such a time was made up by the sender.
    const YEAR_9999_MICROS: u64 = 253_370_764_800_000_000;
    std::time::UNIX_EPOCH + std::time::Duration::from_micros(micros.min(YEAR_9999_MICROS))
}
