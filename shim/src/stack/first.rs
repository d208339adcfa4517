//! The first thread's stack: the one whose place and size the kernel tells at the start.
//!
//! All of it between the stack pointer and its top is mapped, and below it grows by itself as far as the
//! limit. Of any other stack that can only be found out by asking for each page.

use crate::sys;
use core::sync::atomic::{AtomicUsize, Ordering};

/// The kernel keeps so many bytes below the top free of other mappings.
const RESERVED: usize = 128 << 20;

/// How far a stack without a limit is trusted to grow.
const UNLIMITED: usize = 64 << 20;

/// Address of the last string on the stack; 0 before the constructor ran.
static TOP: AtomicUsize = AtomicUsize::new(0);
/// Bytes that it may grow to.
static LIMIT: AtomicUsize = AtomicUsize::new(0);

/// Notes where it lies; called by the constructor.
pub(crate) fn begin() {
    // SAFETY: no pointers.
    let executed = unsafe { libc::getauxval(libc::AT_EXECFN) };
    TOP.store(usize::try_from(executed).unwrap_or(0), Ordering::Relaxed);
    LIMIT.store(sys::stack_limit().map_or(UNLIMITED, |limit| limit.min(UNLIMITED)), Ordering::Relaxed);
}

/// The top of the first thread's stack, when `here` lies on it.
pub(crate) fn top_above(here: usize) -> Option<usize> {
    let top = TOP.load(Ordering::Relaxed);
    (here < top && top.saturating_sub(here) < RESERVED).then_some(top)
}

/// Bytes that are left below `here`, when it lies on the first thread's stack.
pub(crate) fn room_below(here: usize) -> Option<usize> {
    let top = top_above(here)?;
    Some(LIMIT.load(Ordering::Relaxed).saturating_sub(top.saturating_sub(here)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_of_a_test_is_not_the_first() {
        begin();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let here = 0u8;
                assert_eq!(room_below(&raw const here as usize), None);
            });
        });
        let top = TOP.load(Ordering::Relaxed);
        assert_eq!(top_above(top - 5000), Some(top));
        assert_eq!(top_above(top), None);
        assert_eq!(room_below(top - 5000), Some(LIMIT.load(Ordering::Relaxed) - 5000));
    }
}
