//! From whatever is in the file to the tables of this version, or to a reason why not.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::{APPLICATION_ID, Error, SCHEMA_VERSION, rebase};

/// The tables of this version, for a file that has none yet.
const TABLES: &str = include_str!("schema.sql");

/// A step from one version to the next.
type Step = fn(&Connection) -> rusqlite::Result<()>;

/// The way from each version to the next one; the first begins at version 1.
const STEPS: [Step; SCHEMA_VERSION as usize - 1] = [from_1];

fn make(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)
}

fn from_1(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(include_str!("upgrade/1.sql"))?;
    rebase::join_builds(connection)
}

/// What is in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing yet.
    Empty,
    /// Our tables in this version.
    Version(i32),
}

/// Says what is in the file.
///
/// # Errors
/// [`Error::NotOurs`] and [`Error::NewerSchema`], or why the file could not be read.
pub(crate) fn inspect(connection: &Connection, path: &Path) -> Result<Found, Error> {
    let pragma = |name: &str| -> Result<i32, Error> {
        connection
            .pragma_query_value(None, name, |row| row.get(0))
            .map_err(|error| Error::of_sqlite(path, error))
    };
    let version = pragma("user_version")?;
    if pragma("application_id")? != APPLICATION_ID {
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(|error| Error::of_sqlite(path, error))?;
        return if tables == 0 && version == 0 {
            Ok(Found::Empty)
        } else {
            Err(Error::NotOurs { path: path.to_owned() })
        };
    }
    if version > SCHEMA_VERSION {
        return Err(Error::NewerSchema { path: path.to_owned(), found: version, known: SCHEMA_VERSION });
    }
    Ok(Found::Version(version))
}

/// Brings the tables to this version, all steps in one transaction or none.
///
/// # Errors
/// Those of [`inspect`], or why the tables could not be made.
pub(crate) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    if inspect(connection, path)? == Found::Version(SCHEMA_VERSION) {
        return Ok(());
    }
    let sqlite = |error| Error::of_sqlite(path, error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sqlite)?;
    // Looked at again inside the transaction: another program may have been faster.
    let steps = match inspect(&transaction, path)? {
        Found::Empty => &[make as Step][..],
        Found::Version(version) => {
            let first = usize::try_from(version).unwrap_or(0).saturating_sub(1);
            STEPS.get(first..).unwrap_or_default()
        }
    };
    for step in steps {
        step(&transaction).map_err(sqlite)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(sqlite)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION).map_err(sqlite)?;
    transaction.commit().map_err(sqlite)
}
