//! Who asked: the stack of the thread that loads.
//!
//! [`native`] walks return addresses by the tables that compilers leave for exceptions: [`object`]
//! finds the mapped object, [`bytes`] reads its memory, [`cfi`] finds and runs the rows for an
//! address, [`expression`] evaluates the few DWARF expressions that occur, [`cache`] remembers rows.
//! [`first`] knows where one stack ends without asking.

mod bytes;
pub(crate) mod cache;
mod cfi;
mod expression;
pub(crate) mod first;
pub(crate) mod native;
pub(crate) mod object;
