//! Who asked, in the words of an interpreted language: held against the interpreter's own account.
//!
//! A test of one language belongs into its file or folder here.

mod perl;
