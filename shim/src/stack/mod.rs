//! Who asked: the stack of the thread that loads.
//!
//! [`native`] walks return addresses by the tables that compilers leave for exceptions: [`object`]
//! finds the mapped object, [`bytes`] reads its memory, [`cfi`] finds and runs the rows for an
//! address, [`expression`] evaluates the few DWARF expressions that occur, [`cache`] remembers rows.
//! [`lang`] reads the lines of the interpreter that the stack passes through.
//! [`first`] knows where one stack ends without asking.

mod bytes;
pub(crate) mod cache;
mod cfi;
mod expression;
pub(crate) mod first;
#[cfg(test)]
#[allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]
mod hostile;
pub(crate) mod lang;
pub(crate) mod native;
pub(crate) mod object;

use lang::lines::{Lines, ROOM};
use native::Stack;

/// Who asked: return addresses, and the lines of an interpreter that they pass through.
pub(crate) struct Trace {
    pub(crate) native: Stack,
    pub(crate) lines: Lines<ROOM>,
}

impl Trace {
    /// Nothing is known.
    pub(crate) const NONE: Self = Self { native: Stack::EMPTY, lines: Lines::NONE };

    /// Of the calling thread, from the caller of the hook on.
    #[inline(never)]
    pub(crate) fn capture() -> Self {
        let native = Stack::capture();
        let lines = lang::capture(&native, alive_wire::lines::MAX_LINES);
        Self { native, lines }
    }

    /// What was kept of one.
    pub(crate) fn of<const N: usize>(addresses: impl Iterator<Item = u64>, lines: &Lines<N>) -> Self {
        let mut native = Stack::EMPTY;
        for address in addresses {
            native.push(address);
        }
        Self { native, lines: lines.shortened() }
    }
}
