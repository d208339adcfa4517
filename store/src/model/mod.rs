//! What goes into the store and what comes out of it, free of SQL and of the wire.
//!
//! The collector hands in a [`Batch`] of sums since the last one; a reader gets a [`Snapshot`] of
//! everything. Paths and labels are bytes: Linux promises nothing about their encoding.

pub use crate::bystanders::{Bystanders, MAX_THREAD_NAMES};

mod batch;
mod place;
mod program;

pub use batch::{
    Batch, ExecutedRow, Interpreter, LineCount, LoadKey, LoadRow, Loss, MAX_LOOKS, MAX_STACKS, MAX_TREES,
    MemoryFigures, MemoryRow, MissingRow, NUMBERED, PingRow, Rebase, RoleCount, TreeMark, TreeRow, UNTOLD,
};
pub use place::{ForkSite, LanguageFrame, RoleChain, Site, Stack, TreeKey};
pub use program::{Epoch, Executed, Load, Missing, Program, Role, RoleMemory, Snapshot};
