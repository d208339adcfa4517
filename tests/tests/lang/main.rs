//! Who asked, in the words of an interpreted language: held against the interpreter's own account, one
//! file for each language.

mod account;
mod allocations;
mod impostors;
mod php;
mod ruby;
mod served;
