//! A while in which no signal handler runs on this thread.
//!
//! A handler may open code itself, and would find taken what the hook it interrupted has; or it may
//! jump out of that hook, which then never gives it back. A report is some ten microseconds; so long a
//! signal can wait.

use crate::sys;

/// Signals wait while this lives.
pub(crate) struct Undisturbed {
    before: u64,
}

impl Undisturbed {
    /// From now on.
    pub(crate) fn begin() -> Self {
        Self { before: sys::exchange_signal_mask(u64::MAX) }
    }
}

impl Drop for Undisturbed {
    fn drop(&mut self) {
        sys::exchange_signal_mask(self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_is_as_before_in_the_end() {
        let before = sys::exchange_signal_mask(1 << 9);
        {
            let _undisturbed = Undisturbed::begin();
            let kill_and_stop = 1 << (libc::SIGKILL - 1) | 1 << (libc::SIGSTOP - 1);
            let now = sys::exchange_signal_mask(u64::MAX);
            assert_eq!(now, !kill_and_stop);
        }
        assert_eq!(sys::exchange_signal_mask(before), 1 << 9);
    }
}
