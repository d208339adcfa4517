//! Why the database could not be used, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why the database could not be used. Each message ends with what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no file at the path.
    #[error("there is no database at {}: start alive-collector first, or name another file with --db", path.display())]
    Missing {
        /// The database.
        path: PathBuf,
    },
    /// There is no folder to make the file in.
    #[error("the folder of {} does not exist: create it, or name another file with --db", path.display())]
    NoFolder {
        /// The database.
        path: PathBuf,
    },
    /// The file is no `SQLite` database.
    #[error("{} is not a database: name another file with --db", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// A database, but of another program.
    #[error("{} belongs to another program: name another file with --db", path.display())]
    NotOurs {
        /// The database.
        path: PathBuf,
    },
    /// Written by a later version of alive.
    #[error("{} has schema version {found}, this alive knows {known}: upgrade alive, or name another file with --db", path.display())]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// Its schema version.
        found: i32,
        /// The latest version that this program knows.
        known: i32,
    },
    /// The file or its folder may not be opened.
    #[error("no permission to open {}: run as the user that owns it, or name another file with --db", path.display())]
    Permission {
        /// The database.
        path: PathBuf,
    },
    /// The file, its folder or its file system cannot be written.
    #[error("{} cannot be written: make the file and its folder writable, or name another file with --db", path.display())]
    ReadOnly {
        /// The database.
        path: PathBuf,
    },
    /// A read-only folder without the index that a reader of unfinished writes needs.
    #[error("{} was not closed by its writer and its folder cannot be written: copy it with its -wal file to a writable folder", path.display())]
    Unrecovered {
        /// The database.
        path: PathBuf,
    },
    /// Another program is in the middle of a transaction.
    #[error("{} is locked by another program: end that program's transaction, or try again", path.display())]
    Locked {
        /// The database.
        path: PathBuf,
    },
    /// Another collector writes to it.
    #[error("another collector writes to {}: stop it, or name another file with --db", path.display())]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// No room left.
    #[error("no room left to write {}: free some space on its file system", path.display())]
    DiskFull {
        /// The database.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error("{} is damaged ({detail}): move it away and start again, or recover it with the sqlite3 shell", path.display())]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// `SQLite`'s words.
        detail: String,
    },
    /// The file was removed or another one took its place while it was open.
    #[error("{} was removed or replaced while it was open: move it back, or let a new one be begun", path.display())]
    Replaced {
        /// The database.
        path: PathBuf,
    },
    /// The operating system refused something else.
    #[error("cannot open {}: {source}: name another file with --db", path.display())]
    Io {
        /// The database or its lock.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Anything else that `SQLite` says.
    #[error("cannot use {}: {source}: if it stays so, name another file with --db", path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
}

impl Error {
    /// What an error of `SQLite` means for the database at `path`.
    pub(crate) fn of_sqlite(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path },
            Some(ErrorCode::DiskFull) => Self::DiskFull { path },
            Some(ErrorCode::ReadOnly) => Self::ReadOnly { path },
            Some(ErrorCode::NotADatabase) => Self::NotADatabase { path },
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt { path, detail: source.to_string() },
            Some(ErrorCode::PermissionDenied) => Self::Permission { path },
            _ => Self::Sqlite { path, source },
        }
    }

    /// What an error of the operating system means for the database at `path`.
    pub(crate) fn of_io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => Self::NoFolder { path },
            io::ErrorKind::PermissionDenied => Self::Permission { path },
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { path },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Io { path, source },
        }
    }
}
