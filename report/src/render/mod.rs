//! From a report to text: [`table`] for a person, [`json`] for a program, [`csv`] for a spreadsheet, [`html`]
//! for a person who would rather look than read, [`flame`] stacks for those who know flame graphs, [`tail`] for
//! those who follow;
//! [`next`] is what to type then, [`difference`] is what a report has that a baseline lacks. [`processes`] and [`inspect`] write what /proc tells
//! of a running daemon, [`diff`] what changed between two reports, each for a person and for a program.

mod aside;
pub mod csv;
pub mod diff;
pub mod difference;
pub mod flame;
mod forks;
pub mod html;
pub mod inspect;
pub mod json;
pub(crate) mod layout;
pub mod loss;
pub mod next;
mod place;
pub mod processes;
mod refork;
mod summary;
pub mod table;
pub mod tail;
pub(crate) mod units;
mod unread;

/// The forms a report comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For a person.
    Table,
    /// For a program.
    Json,
    /// For a spreadsheet.
    Csv,
}

/// RFC 3339, UTC, from the store's microseconds since 1970.
pub(crate) fn time(micros: u64) -> String {
    // What lies beyond year 9999 cannot be written; such a time was made up by its sender.
    let micros = i64::try_from(micros).unwrap_or(i64::MAX).min(jiff::Timestamp::MAX.as_microsecond());
    let time = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::MAX);
    format!("{time:.6}")
}

/// The same to the second, for a person.
pub(crate) fn moment(micros: u64) -> String {
    let time = time(micros);
    format!("{}Z", time.get(..19).unwrap_or(&time))
}

#[cfg(test)]
mod tests {
    use super::{moment, time};

    #[test]
    fn times_are_rfc_3339_in_utc_and_never_too_late_to_write() {
        assert_eq!(time(1_767_268_800_000_001), "2026-01-01T12:00:00.000001Z");
        assert_eq!(moment(1_767_268_800_999_999), "2026-01-01T12:00:00Z");
        assert_eq!(time(0), "1970-01-01T00:00:00.000000Z");
        assert!(time(u64::MAX).starts_with("9999-12-30T"));
    }
}
