//! The commands, one file each.

pub(crate) mod check;
pub(crate) mod diff;
pub(crate) mod inspect;
mod judged;
pub(crate) mod mem;
pub(crate) mod ping;
pub(crate) mod preload;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod tail;
pub(crate) mod taps;

/// Microseconds since 1970, as the store counts.
fn micros(time: jiff::Timestamp) -> u64 {
    u64::try_from(time.as_microsecond()).unwrap_or(0)
}
