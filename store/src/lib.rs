//! Where alive keeps what it learnt: the only SQL of the project.
//!
//! [`model`] holds what goes in and what comes out. The way of a sum: the collector hands a
//! [`model::Batch`] to [`Writer::write`], which adds it to the tables of `schema.sql` in one
//! transaction; [`snapshot`] reads everything back for a report, also while a collector writes, and [`counts()`] how many rows there are.
//! [`Error`] says what to do next, for a person at a terminal.
//!
//! Beside the database `alive.db`, `SQLite` keeps `alive.db-wal` and `alive.db-shm`, and a writer keeps
//! `alive.db-lock` locked: its lock tells a second collector that the first one is there, and a
//! reader whether the last one ended cleanly.
#![forbid(unsafe_code)]

mod bystanders;
mod counts;
mod error;
mod executed;
mod fold;
mod identity;
mod insert;
mod integer;
mod kept;
mod loads;
mod lock;
mod memory;
mod merge;
mod migrate;
pub mod model;
mod open;
mod ping;
mod prune;
mod read;
mod rebase;
mod role;
mod samples;
mod sums;
mod sweep;
mod upkeep;
mod vacuum;
mod write;

pub use counts::{Counts, counts};
pub use error::Error;
pub use read::snapshot;
pub use upkeep::{Retention, Upkeep};
pub use write::Writer;

/// Marks a database as ours (`PRAGMA application_id`): "ALV1" in ASCII.
pub const APPLICATION_ID: i32 = 0x414c_5631;

/// Version of the tables (`PRAGMA user_version`).
pub const SCHEMA_VERSION: i32 = 2;
