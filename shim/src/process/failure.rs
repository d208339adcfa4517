//! Whether a fork failed. No handler is told, but errno tells: a fork that fails sets it to one of two
//! values, and one that succeeds leaves it alone.
//!
//! errno is only looked at. Where it has such a value before the fork already, as after an `accept` that
//! would have waited, a failure with the same value cannot be told from success, and counts as one.

use super::fork;
use core::ffi::c_int;
use core::sync::atomic::Ordering;

fn errno() -> c_int {
    // SAFETY: takes nothing; glibc answers with an address in the thread's own memory.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: errno of this thread.
    unsafe { place.read() }
}

/// Before a fork.
pub(super) fn prepare() {
    fork::page().errno_before_fork.store(errno(), Ordering::Relaxed);
}

/// In the parent, after a fork that [`prepare`] came before: whether it failed.
pub(super) fn found() -> bool {
    failed(fork::page().errno_before_fork.load(Ordering::Relaxed), errno())
}

fn failed(before: c_int, now: c_int) -> bool {
    matches!(now, libc::EAGAIN | libc::ENOMEM) && now != before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_that_succeeds_did_not_fail_whatever_failed_before() {
        for before in [0, libc::ENOENT, libc::EAGAIN, libc::ENOMEM] {
            assert!(!failed(before, before), "{before}");
        }
    }

    #[test]
    fn a_fork_that_fails_is_found() {
        for failure in [libc::EAGAIN, libc::ENOMEM] {
            for before in [0, libc::ENOENT] {
                assert!(failed(before, failure), "{failure} after {before}");
            }
        }
        assert!(failed(libc::EAGAIN, libc::ENOMEM));
    }
}
