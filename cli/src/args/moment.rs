//! Times, as people type them.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// Microseconds of a time with its unit.
pub(super) fn duration_micros(text: &str) -> Result<u64, String> {
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let micros = match unit {
        "us" => Some(1),
        "ms" => Some(1_000),
        "s" => Some(1_000_000),
        _ => None,
    };
    micros
        .zip(number.parse::<u64>().ok())
        .and_then(|(unit, number)| number.checked_mul(unit))
        .ok_or_else(|| "give a whole number and its unit: us, ms or s, such as 10ms".to_owned())
}

/// A point in time: so long ago, or a date in UTC.
pub(super) fn since(text: &str) -> Result<Timestamp, String> {
    let now = Timestamp::now().to_zoned(TimeZone::UTC);
    let ago = || text.parse::<Span>().ok().and_then(|span| now.checked_sub(span.abs()).ok());
    let date = || text.parse::<DateTime>().ok().and_then(|date| date.to_zoned(TimeZone::UTC).ok());
    text.parse::<Timestamp>()
        .ok()
        .or_else(|| date().or_else(ago).map(|moment| moment.timestamp()))
        .ok_or_else(|| {
            "give a time back from now such as 10m, 2h or 1d, or a date such as 2026-01-31".to_owned()
        })
}

/// A pause between two looks: each costs the processes something, so not a very short one.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    text.parse::<f64>()
        .ok()
        .filter(|seconds| (0.1..=86_400.0).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "give a number of seconds from 0.1 to 86400".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{duration_micros, seconds, since};
    use jiff::{SignedDuration, Timestamp};

    #[test]
    fn a_duration_has_a_unit() {
        for (text, micros) in [("10ms", 10_000), ("500us", 500), ("2s", 2_000_000), ("0s", 0)] {
            assert_eq!(duration_micros(text), Ok(micros), "{text}");
        }
        for text in
            ["10", "ms", "-1ms", "1.5s", "10 ms", "1h", "99999999999999999999s", "18446744073709551615s"]
        {
            assert!(duration_micros(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_is_so_long_ago_or_a_date() {
        let noon = Timestamp::from_second(1_767_268_800).unwrap();
        assert_eq!(since("2026-01-01T12:00:00Z").unwrap(), noon);
        assert_eq!(since("2026-01-01 12:00:00").unwrap(), noon);
        assert_eq!(since("2026-01-01").unwrap(), noon - SignedDuration::from_hours(12));
        for (text, hours) in [("1h", 1), ("90m", 1), ("1d", 24), ("2 days", 48)] {
            let then = since(text).unwrap();
            let ago = Timestamp::now().duration_since(then);
            assert_eq!(ago.as_hours(), hours, "{text}");
        }
        assert!(since("yesterday").is_err());
        assert!(since("2026-13-01").is_err());
    }

    #[test]
    fn a_pause_is_neither_none_nor_endless() {
        assert_eq!(seconds("0.5").unwrap().as_millis(), 500);
        for text in ["0", "-1", "nan", "inf", "1e9", "soon"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
