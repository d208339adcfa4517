//! The commands, one file each.

pub(crate) mod preload;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod tail;

/// Microseconds since 1970, as the store counts.
fn micros(time: jiff::Timestamp) -> u64 {
    u64::try_from(time.as_microsecond()).unwrap_or(0)
}
