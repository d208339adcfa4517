//! A while in which no signal handler runs on this thread.
//!
//! A handler may open code itself, and would find taken what the hook it interrupted has; or it may
//! jump out of that hook, which then never gives it back. A report is some ten microseconds; so long a
//! signal can wait.

use crate::sys;
use core::ffi::c_int;

/// Signals wait while this lives.
pub(crate) struct Undisturbed {
    before: u64,
}

/// Signals that tell a thread of its own fault. Where they wait, the kernel ends the process without asking
/// its handler, so they do not.
const OWN_FAULTS: [c_int; 6] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGSYS];

const fn all_but_own_faults() -> u64 {
    let mut mask = u64::MAX;
    let mut rest = OWN_FAULTS.as_slice();
    while let [signal, tail @ ..] = rest {
        mask &= !(1u64 << signal.wrapping_sub(1));
        rest = tail;
    }
    mask
}

impl Undisturbed {
    /// From now on.
    pub(crate) fn begin() -> Self {
        Self { before: sys::exchange_signal_mask(const { all_but_own_faults() }) }
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
            let now = sys::exchange_signal_mask(u64::MAX);
            let waits = |signal: c_int| now & 1 << (signal - 1) != 0;
            assert!(waits(libc::SIGTERM) && waits(libc::SIGPROF) && waits(libc::SIGUSR1));
            assert!(!OWN_FAULTS.into_iter().any(waits), "{now:#x}");
        }
        assert_eq!(sys::exchange_signal_mask(before), 1 << 9);
    }
}
