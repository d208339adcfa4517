//! The ABI edge: one exported function per libc function, at most a few lines each.
//!
//! A hook calls the function behind it first, then hands what happened to the safe side. Exports
//! are off under unit test, so that a test does not interpose on itself.

pub mod dl;
pub mod guard;
pub mod open;
pub mod stat;
pub mod stdio;
pub mod tap;
