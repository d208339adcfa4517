//! The seccomp guard: a filter may kill the process for opening a socket.
//!
//! Both ways in which libc lets a program install one are watched, and what was installed before
//! the program began is asked for. After that, events are counted, not sent. A filter that is
//! installed by a system call in inline assembly is not seen.

use crate::arch::tail_stub;
use crate::observe::dlopen::Target;
use crate::process::{fork, lineage};
use crate::{config, real, sys};
use core::sync::atomic::{AtomicBool, Ordering};

/// Ordinary memory on purpose: a child inherits its parent's filter.
static SANDBOXED: AtomicBool = AtomicBool::new(false);

/// Whether a filter is, or may be, in force.
pub(crate) fn sandboxed() -> bool {
    SANDBOXED.load(Ordering::Relaxed)
}

/// Asks for a filter that was inherited over exec; the constructor's first system call. True when there is
/// one that nobody vouches for (`ALIVE_SECCOMP=allow`): which calls it kills for cannot be asked.
pub(crate) fn begin() -> bool {
    let sandboxed = !config::get().filter_allows && sys::under_seccomp();
    if sandboxed {
        SANDBOXED.store(true, Ordering::Relaxed);
    }
    sandboxed
}

tail_stub! {
    /// `prctl`, watched for `PR_SET_SECCOMP`.
    prctl, decide_prctl
}

tail_stub! {
    /// `syscall`, watched for the calls that install a filter, and for those that fork unannounced.
    syscall, decide_syscall
}

unsafe extern "C" fn decide_prctl(option: usize, _: usize, _: usize, _: usize) -> Target {
    #[expect(clippy::cast_possible_truncation, reason = "the register's upper half is not part of an int")]
    if option as u32 as usize == real::PR_SET_SECCOMP {
        note();
    }
    real::PRCTL.address().cast_const()
}

unsafe extern "C" fn decide_syscall(number: usize, first: usize, _: usize, _: usize) -> Target {
    let [seccomp, prctl] = real::SECCOMP_CALLS;
    let number = number.cast_signed() as i64;
    if number == seccomp || (number == prctl && first == real::PR_SET_SECCOMP) {
        note();
    } else if real::FORK_CALLS.contains(&number) && fork::speaker().is_some() {
        lineage::announce();
    }
    real::SYSCALL.address().cast_const()
}

/// A vfork child that sandboxes itself before its exec must not silence its parent, whose memory this is.
fn note() {
    if fork::speaker().is_some() {
        SANDBOXED.store(true, Ordering::Relaxed);
    }
}
