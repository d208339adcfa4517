//! Who asked, in the words of an interpreted language: held against the interpreter's own account, one
//! file or folder for each language.

mod perl;
mod python;
mod served;
