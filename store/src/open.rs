//! Opening for reading, and several connections that read one state of the database.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Result as SqlResult};

use crate::migrate::{self, Found};
use crate::{Error, SCHEMA_VERSION, lock};

/// How long to wait for a writer that holds the whole database, as at its start and end.
const BUSY: Duration = Duration::from_secs(5);

/// How often several connections begin anew because something was written while they began. Writers write once a
/// second, and beginning takes a few microseconds.
const BEGINNINGS: u32 = 8;

/// A database in one transaction, and what else reads in it.
pub(crate) struct Reading<'a> {
    pub(crate) db: &'a Connection,
    /// Connections that read the same state, for other threads.
    pub(crate) beside: Vec<Connection>,
    pub(crate) writer_lives: bool,
}

/// Opens a database and reads from it in one transaction, with as many connections beside it as `wanted` says, or none
/// where they cannot be had.
pub(crate) fn reading<T>(
    path: &Path,
    wanted: impl FnOnce(&Connection) -> SqlResult<usize>,
    read: impl FnOnce(Reading<'_>) -> SqlResult<T>,
) -> Result<T, Error> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Err(Error::NotADatabase { path: path.to_owned() }),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::Missing { path: path.to_owned() });
        }
        Err(error) => return Err(Error::of_io(path, error)),
    }
    let mut db = open(path)?;
    let sqlite = |error| Error::of_sqlite(path, error);
    // Looked at before the rows are read: a writer that ends in between has closed its epoch then.
    let writer_lives = lock::is_held(path);
    let beside = match migrate::inspect(&db, path)? {
        Found::Empty => return Err(Error::NotOurs { path: path.to_owned() }),
        Found::Version(SCHEMA_VERSION) => {
            let wanted = wanted(&db).map_err(sqlite)?;
            // One reads everything, if it must.
            (0..wanted).map_while(|_| open(path).ok()).collect()
        }
        Found::Version(_) => {
            db = upgraded_copy(&db, path)?;
            Vec::new()
        }
    };
    let beside = begin(&db, beside).map_err(sqlite)?;
    read(Reading { db: &db, beside, writer_lives }).map_err(sqlite)
}

/// Begins a transaction in each connection, all of them in one state of the database; where that does not come about,
/// in the first one alone.
///
/// A connection is told by `PRAGMA data_version` whether somebody wrote between two looks of its own. Each one looks
/// before the first transaction has begun, and again in its own: if nobody wrote in between, all see the same.
fn begin(db: &Connection, beside: Vec<Connection>) -> SqlResult<Vec<Connection>> {
    for _ in 0..BEGINNINGS {
        let before = versions(&beside)?;
        begin_one(db)?;
        beside.iter().try_for_each(begin_one)?;
        if versions(&beside)? == before {
            return Ok(beside);
        }
        beside.iter().chain([db]).try_for_each(|db| db.execute_batch("ROLLBACK"))?;
    }
    begin_one(db)?;
    Ok(Vec::new())
}

/// A transaction sees what was there when it first read.
fn begin_one(db: &Connection) -> SqlResult<()> {
    db.execute_batch("BEGIN")?;
    version(db).map(drop)
}

fn versions(all: &[Connection]) -> SqlResult<Vec<i64>> {
    all.iter().map(version).collect()
}

fn version(db: &Connection) -> SqlResult<i64> {
    db.pragma_query_value(None, "data_version", |row| row.get(0))
}

/// The same tables as this version has them: a reader may not upgrade the file itself, which may be kept for good
/// reason, or be written by an older collector. The copy is a file without a name, gone when it is closed.
fn upgraded_copy(connection: &Connection, path: &Path) -> Result<Connection, Error> {
    let sqlite = |error| Error::of_sqlite(path, error);
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut copy = Connection::open_with_flags("", flags).map_err(sqlite)?;
    let copied = Backup::new(connection, &mut copy).and_then(|backup| backup.step(-1)).map_err(sqlite)?;
    if copied != StepResult::Done {
        return Err(Error::Locked { path: path.to_owned() });
    }
    copy.pragma_update(None, "foreign_keys", false).map_err(sqlite)?;
    migrate::migrate(&mut copy, path)?;
    Ok(copy)
}

/// Opens for reading.
///
/// A database in WAL mode is read through a log and its index beside it, which even a reader has to make
/// where they are not. So it is opened for writing where that is allowed, because only then does `SQLite`
/// remove them again, and told that there is nothing to write.
///
/// In a folder that the reader cannot write they cannot be made; there, when no log stands beside the
/// database, nothing is being written either, and the file may be read as it is.
fn open(path: &Path) -> Result<Connection, Error> {
    // Without a lock around every call, which a million rows would pay for: one thread reads by each connection.
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(|error| opening(path, error))?;
    let sqlite = |error| Error::of_sqlite(path, error);
    connection.busy_timeout(BUSY).map_err(sqlite)?;
    // Statements that look up by number are not prepared anew for each.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(sqlite)?;
    connection.pragma_update(None, "query_only", true).map_err(sqlite)?;
    let Err(error) = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())) else {
        return Ok(connection);
    };
    if error.sqlite_error_code() != Some(ErrorCode::CannotOpen)
        && error.sqlite_error_code() != Some(ErrorCode::ReadOnly)
    {
        return Err(sqlite(error));
    }
    if fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0) {
        return Err(Error::Unrecovered { path: path.to_owned() });
    }
    Connection::open_with_flags(
        uri(path, "mode=ro&immutable=1"),
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(|error| opening(path, error))
}

/// The file is there, so what cannot be opened is what may not be opened.
fn opening(path: &Path, error: rusqlite::Error) -> Error {
    match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen) => Error::Permission { path: path.to_owned() },
        _ => Error::of_sqlite(path, error),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The path as a URI of `SQLite`, every byte that could mean something in it escaped.
fn uri(path: &Path, query: &str) -> String {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;
    // `file:relative` is relative, `file:///absolute` has an empty host in front of the path.
    let mut uri = String::from(if path.is_absolute() { "file://" } else { "file:" });
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            write!(uri, "%{byte:02X}").expect("a String takes everything");
        }
    }
    uri + "?" + query
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::{begin, open};
    use crate::Writer;
    use crate::model::Batch;

    /// What was written when the transaction of a connection began.
    fn seen(db: &rusqlite::Connection) -> i64 {
        db.query_row("SELECT coalesce(sum(value), 0) FROM counter WHERE name = 'events'", [], |row| {
            row.get(0)
        })
        .unwrap()
    }

    #[test]
    fn connections_that_begin_together_see_the_same_whatever_is_written_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let mut writer = Writer::open(&path).unwrap();
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    writer.write(&Batch { events: 1, ..Batch::default() }).unwrap();
                }
            });
            let (mut together, mut last) = (0, 0);
            while together < 50 {
                let db = open(&path).unwrap();
                let beside = begin(&db, vec![open(&path).unwrap(), open(&path).unwrap()]).unwrap();
                let all = seen(&db);
                assert!(all >= last);
                last = all;
                // Written on meanwhile, and not seen.
                thread::yield_now();
                beside.iter().for_each(|beside| assert_eq!(seen(beside), all));
                assert_eq!(seen(&db), all);
                together += beside.len();
            }
            over.store(true, Ordering::Relaxed);
        });
    }

    #[test]
    fn a_connection_that_begins_after_something_was_written_begins_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let mut writer = Writer::open(&path).unwrap();
        let (one, other) = (open(&path).unwrap(), open(&path).unwrap());
        let before = super::version(&other).unwrap();
        super::begin_one(&one).unwrap();
        writer.write(&Batch { events: 1, ..Batch::default() }).unwrap();
        super::begin_one(&other).unwrap();
        assert_ne!(super::version(&other).unwrap(), before, "it tells");
        assert_ne!(seen(&one), seen(&other));
    }
}
