//! From what the store holds to findings, and from findings to text.
//!
//! A [`Snapshot`](alive_store::model::Snapshot) goes through these rooms:
//!
//! 1. [`role`] names the processes of a program and finds the one that should load a file;
//! 2. [`forest`] turns files into causes: what was loaded on whose behalf;
//! 3. [`cost`] adds up what a cause costs, [`caller`] says who asked, past the [`machinery`] of its language;
//! 4. [`findings`] judges by the numbers of [`thresholds`] and sorts, best first;
//!    [`readiness`] says whether a role's loads have come to an end;
//! 5. [`render`] writes the [`Report`] for a person or a program; [`escape`] stands between every
//!    byte that a traced program chose and the reader's terminal.
#![forbid(unsafe_code)]

pub mod caller;
pub mod cost;
pub mod escape;
pub mod findings;
pub mod forest;
pub mod machinery;
pub mod news;
pub mod readiness;
pub mod render;
pub mod role;
pub mod thresholds;

pub use findings::{Report, Selection, Verdict};
pub use render::Format;
pub use thresholds::Thresholds;
