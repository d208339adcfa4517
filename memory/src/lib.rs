//! What running processes hold in memory, and which of it they share, by what /proc tells. Nothing need be
//! loaded into them.
//!
//! 1. [`Process`] holds one process, so that its pid cannot come to mean another one while it is read;
//! 2. [`stat`] tells who its parent is and when it started, [`sizes`] what it holds, [`maps`] which files;
//! 3. [`tree`] finds the processes below one, [`family`] what workers map and their parent does not.
//!
//! What may not be read is an [`Unread`], which says why and what to do; it is never a zero.
//!
//! Everything is read as bytes: a path is no text, and one library whose name is not UTF-8 must not hide the
//! others.
#![forbid(unsafe_code)]

pub mod family;
pub mod maps;
mod process;
pub mod sizes;
pub mod stat;
pub mod tree;
mod unread;

pub use family::Family;
pub use process::Process;
pub use sizes::Sizes;
pub use tree::Tree;
pub use unread::Unread;
