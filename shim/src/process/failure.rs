//! Whether a fork failed. No handler is told, but errno tells: a fork that fails sets it to one of two
//! values, and one that succeeds leaves it alone.
//!
//! An errno that has one of these values before the fork, as after an `accept` that would have waited,
//! is moved out of the way meanwhile and moved back behind it, in the forker and in the child.

use core::ffi::c_int;

/// What is added to an errno to move it out of the way; the kernel's numbers end at 4095.
const AWAY: c_int = 1 << 20;

const fn is_forks(errno: c_int) -> bool {
    matches!(errno, libc::EAGAIN | libc::ENOMEM)
}

fn errno() -> *mut c_int {
    // SAFETY: takes nothing; glibc answers with an address in the thread's own memory.
    unsafe { libc::__errno_location() }
}

/// Before a fork.
pub(super) fn prepare() {
    let place = errno();
    // SAFETY: errno of this thread.
    let before = unsafe { place.read() };
    if is_forks(before) {
        // SAFETY: as above.
        unsafe { place.write(before.wrapping_add(AWAY)) };
    }
}

/// After a fork that [`prepare`] came before: whether it failed. errno is what the program will find.
pub(super) fn found() -> bool {
    let place = errno();
    // SAFETY: errno of this thread.
    let now = unsafe { place.read() };
    let moved = now.wrapping_sub(AWAY);
    if is_forks(moved) {
        // SAFETY: as above.
        unsafe { place.write(moved) };
        return false;
    }
    is_forks(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(value: c_int) {
        // SAFETY: errno of this thread.
        unsafe { errno().write(value) };
    }

    fn get() -> c_int {
        // SAFETY: errno of this thread.
        unsafe { errno().read() }
    }

    #[test]
    fn errno_stays_what_it_was_when_the_fork_succeeds() {
        for before in [0, libc::ENOENT, libc::EAGAIN, libc::ENOMEM] {
            set(before);
            prepare();
            assert!(!found());
            assert_eq!(get(), before);
        }
    }

    #[test]
    fn a_fork_that_fails_is_found_whatever_failed_before() {
        for before in [0, libc::ENOENT, libc::EAGAIN, libc::ENOMEM] {
            for failure in [libc::EAGAIN, libc::ENOMEM] {
                set(before);
                prepare();
                set(failure);
                assert!(found(), "{failure} after {before}");
                assert_eq!(get(), failure);
            }
        }
    }
}
