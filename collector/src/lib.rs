//! Receives what `libpostfork.so` sends, adds it up and keeps it in a database.
//!
//! # One datagram's way
//!
//! 1. `socket` takes it off the kernel's queue, in batches of 64; the queue's drops are counted there.
//!    By `local` it comes with its sender's pid, and `confirm` lets through what tells the same one.
//! 2. `receive`, a thread of its own, stamps it with the time, takes out by [`redact`] what must not be stored, and
//!    hands it to
//! 3. [`aggregate`], which is pure: it decodes with `alive_wire`, finds the tree, the role and the sum that
//!    the event belongs to, and adds. [`sequence`] notices what never came.
//! 4. Once a second the sums are swapped against empty ones and handed to `flush`, the one thread that
//!    writes: it looks up `symbols` and adds the sums to the database in one transaction. While it is busy, or
//!    the database cannot be written, the receiving thread goes on adding up, within bounds.
//! 5. With `--events` the datagram is copied to `events` as well, another thread, which writes it as a
//!    `line` of JSON.
//!
//! 6. Beside that way, `memory`, a thread of its own, looks at what the processes that speak hold, and hands its
//!    looks back to the receiving thread.
//!
//! 7. With `--http` [`http`], a thread of its own with a small `tokio`, shows the report as a page and the collector's
//!    own figures. It reads what the other threads left in `progress` and `vitals`, and no thread waits for it.
//!
//! [`config`] says what a collector is asked to do, and what of it may change while it runs.
//!
//! What is lost on the way is counted where it is lost, and stands in the database beside the sums.
#![forbid(unsafe_code)]

pub mod aggregate;
pub mod config;
mod confirm;
mod events;
mod flush;
mod heard;
pub mod http;
mod json;
mod line;
mod listen;
mod local;
mod loss;
mod memory;
pub mod moment;
pub mod options;
mod progress;
mod rebased;
mod receive;
pub mod redact;
mod rewrite;
mod seldom;
pub mod sequence;
pub mod service;
mod socket;
mod start;
mod symbols;
mod tapped;
mod unpack;
mod upkeep;
mod vitals;

pub use aggregate::Totals;
pub use local::LocalError;
pub use options::{
    EventsTarget, LocalOptions, MemoryOptions, Options, Retention, UpkeepOptions, default_database,
};
pub use progress::Progress;
pub use redact::Redact;
pub use start::{Collector, StartError, StopError, Summary};
