//! From what the store holds to findings, and from findings to text.
//!
//! A [`Snapshot`](alive_store::model::Snapshot) goes through these rooms:
//!
//! 1. [`role`] names the processes of a program and finds the one that should load a file;
//! 2. [`forest`] turns files into causes: what was loaded on whose behalf;
//! 3. [`cost`] adds up what a cause costs, [`caller`] says who asked, past the [`machinery`] of its language;
//! 4. [`template`] says which loads are shared all the same, since their process is forked from itself;
//! 5. [`verdict`] judges by the numbers of [`thresholds`], and [`findings`] sorts, best first;
//!    [`readiness`] says whether a role's loads have come to an end, [`news`] what is new since the last look;
//! 6. [`safety`] notes what may go wrong where a finding is followed, [`price`] what forking costs,
//!    [`execs`] what is executed again and again;
//! 7. [`baseline`] holds it against what somebody has accepted;
//! 8. [`preload`] writes of the findings a list that can be pasted where code is loaded before the fork;
//! 9. [`diff`] holds two reports against each other, in [`memory`] too;
//! 10. [`render`] writes the [`Report`] for a person or a program; [`escape`] stands between every
//!     byte that a traced program chose and the reader's terminal.
//!
//! [`taps`] is a way of its own: which taps were hit, and which never were.
#![forbid(unsafe_code)]

pub mod baseline;
pub mod caller;
pub mod cost;
pub mod diff;
pub mod escape;
pub mod execs;
pub mod findings;
pub mod forest;
pub mod machinery;
pub mod memory;
mod nesting;
pub mod news;
pub mod preload;
pub mod price;
pub mod readiness;
pub mod render;
pub mod role;
pub mod safety;
pub mod taps;
pub mod template;
pub mod thresholds;
pub mod verdict;

pub use findings::{Report, Selection, Verdict};
pub use render::Format;
pub use thresholds::Thresholds;
