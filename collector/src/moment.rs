//! When something was received, on both clocks, and so when it was sent.

use nix::time::{ClockId, clock_gettime};

/// A reading of both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moment {
    /// Microseconds since 1970.
    pub wall_micros: u64,
    /// `CLOCK_MONOTONIC`, in nanoseconds.
    pub monotonic_nanos: u64,
}

/// Longest way of a datagram that is believed. A queue may hold it while the collector is stopped; a
/// sender in another time namespace, or a forger, has another clock altogether.
const LONGEST_WAY_NANOS: u64 = 60_000_000_000;

impl Moment {
    /// Reads both clocks.
    #[must_use]
    pub fn now() -> Self {
        Self {
            wall_micros: nanos(ClockId::CLOCK_REALTIME) / 1_000,
            monotonic_nanos: nanos(ClockId::CLOCK_MONOTONIC),
        }
    }

    /// When the sender spoke, microseconds since 1970: this moment minus the way of the datagram, or this
    /// moment when the sender's clock cannot be ours.
    #[must_use]
    pub fn sent_micros(&self, monotonic_nanos: u64) -> u64 {
        match self.monotonic_nanos.checked_sub(monotonic_nanos) {
            Some(way) if way <= LONGEST_WAY_NANOS => self.wall_micros.saturating_sub(way / 1_000),
            _ => self.wall_micros,
        }
    }
}

fn nanos(clock: ClockId) -> u64 {
    // Neither clock can fail or stand before its epoch on a running Linux.
    clock_gettime(clock).map_or(0, |time| {
        let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
        seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec()).unwrap_or(0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_cannot_be_ours_is_not_believed() {
        let received = Moment { wall_micros: 5_000_000_000, monotonic_nanos: 100_000_000_000 };
        assert_eq!(received.sent_micros(99_000_000_000), 4_999_000_000);
        assert_eq!(received.sent_micros(100_000_000_001), 5_000_000_000, "from the future");
        assert_eq!(received.sent_micros(1), 5_000_000_000, "from another boot");
    }
}
