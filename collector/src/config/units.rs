//! Sizes, times and modes as people write them.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

/// Bytes: a whole number with a unit of 1024s, or without one.
///
/// # Errors
/// What to write instead.
pub fn size(text: &str) -> Result<u64, String> {
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim_start() {
        "" | "B" => Some(0),
        "K" | "KiB" => Some(10),
        "M" | "MiB" => Some(20),
        "G" | "GiB" => Some(30),
        "T" | "TiB" => Some(40),
        _ => None,
    };
    number
        .parse::<u64>()
        .ok()
        .zip(shift)
        .and_then(|(number, shift)| number.checked_mul(1 << shift))
        .ok_or_else(|| "give a whole number and its unit: B, KiB, MiB, GiB or TiB, such as 64MiB".to_owned())
}

/// A size that the kernel can be asked for as a receive buffer.
///
/// # Errors
/// What to write instead.
pub fn receive_buffer(text: &str) -> Result<usize, String> {
    let bytes = size(text)?;
    usize::try_from(bytes)
        .ok()
        .filter(|bytes| (4 << 10..=1 << 30).contains(bytes))
        .ok_or_else(|| "give a size from 4KiB to 1GiB".to_owned())
}

/// A length of time with its unit; a day has 24 hours.
///
/// # Errors
/// What to write instead.
pub fn duration(text: &str) -> Result<Duration, String> {
    text.parse::<Span>()
        .ok()
        .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok())
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| {
            "give a time and its unit: ms, s, m (minutes), h, d or w, such as 30s or 90d; \
             months and years differ in length"
                .to_owned()
        })
}

/// The mode of a file, in octal digits as chmod takes it.
///
/// # Errors
/// What to write instead.
pub fn mode(text: &str) -> Result<u32, String> {
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|mode| *mode <= 0o777 && text.bytes().all(|digit| digit.is_ascii_digit()))
        .ok_or_else(|| "give a mode in octal digits, such as 0660".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_of_a_size_means_what_it_means_to_systemd() {
        for (text, bytes) in
            [("0", 0), ("17", 17), ("17B", 17), ("64M", 64 << 20), ("64MiB", 64 << 20), ("1 GiB", 1 << 30)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "-1", "1.5GiB", "64MB", "64mib", "99999999999TiB", "99999999999999999999"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_buffer_is_one_that_the_kernel_can_count() {
        assert_eq!(receive_buffer("64MiB"), Ok(64 << 20));
        for text in ["0", "1KiB", "2GiB", "64"] {
            assert!(receive_buffer(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_mode_has_nothing_but_permissions() {
        assert_eq!((mode("0660"), mode("600")), (Ok(0o660), Ok(0o600)));
        for text in ["", "+60", "0888", "4755", "rw"] {
            assert!(mode(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_is_never_nothing_and_never_as_long_as_a_month_happens_to_be() {
        for (text, seconds) in [("30s", 30), ("1m", 60), ("2h", 7_200), ("90d", 7_776_000), ("2w", 1_209_600)]
        {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "0s", "-1d", "1mo", "1y", "90", "soon"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
