//! How many rows there are: for whoever watches a database grow.

use std::path::Path;

use rusqlite::Connection;

use crate::{Error, open};

/// Rows of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Runs of programs, each with its tree of processes.
    pub trees: u64,
    /// Roles in them.
    pub roles: u64,
    /// Loads: a file by a role.
    pub loads: u64,
    /// Names that a role searched for and never found.
    pub missing: u64,
    /// Programs that a role executed.
    pub executed: u64,
    /// Taps: a place by a service and a host.
    pub taps: u64,
}

/// Counts the rows of a database. Reads an index of each table.
///
/// # Errors
/// Every [`Error`] that says why a database cannot be read.
pub fn counts(path: &Path) -> Result<Counts, Error> {
    open::reading(
        path,
        |_| Ok(0),
        |reading| {
            let count = |table| count(reading.db, table);
            Ok(Counts {
                trees: count("tree")?,
                roles: count("role")?,
                loads: count("load")?,
                missing: count("missing")?,
                executed: count("executed")?,
                taps: count("ping")?,
            })
        },
    )
}

fn count(db: &Connection, table: &str) -> rusqlite::Result<u64> {
    db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
        row.get(0).map(crate::integer::from_count)
    })
}
