//! Who asked, in the words of an interpreted language: held against the interpreter's own account, one
//! file or folder for each language.

mod account;
mod allocations;
mod impostors;
mod perl;
mod php;
mod python;
mod ruby;
mod served;
