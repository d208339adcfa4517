//! The writer: opens the database or makes it, and adds batches to it.

use std::collections::HashMap;
use std::fs::{self, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};

use crate::identity::Identities;
use crate::integer::{count, from_bits, from_count};
use crate::lock::WriterLock;
use crate::model::{Batch, MAX_TREES, TreeKey, TreeMark};
use crate::{Error, Upkeep, insert, migrate, vacuum};

/// How long a statement waits for another program's transaction. Short: the caller keeps the batch and
/// tries again, and while it waits here it can do nothing else.
const BUSY: Duration = Duration::from_millis(500);

/// Bytes of the write-ahead log that stay on the disk after a checkpoint: a long transaction grows it once.
const LOG_BYTES: u32 = 16 << 20;

/// Prepared statements that are kept: more than the writer and the upkeep have.
const STATEMENTS: usize = 160;

/// The one writer of a database.
///
/// Dropped without [`Writer::close`] it leaves its epoch open: readers then count an unclean end.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    connection: Connection,
    identities: Identities,
    epoch: i64,
    inode: u64,
    /// Dropped last: the lock covers the connection's life.
    _lock: WriterLock,
}

impl Writer {
    /// Opens the database at `path`, or makes it with mode 0600.
    ///
    /// # Errors
    /// Every [`Error`] but [`Error::Missing`] and [`Error::Unrecovered`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let lock = WriterLock::take(path)?;
        create_private(path).map_err(|error| Error::of_io(path, error))?;
        let sqlite = |error| Error::of_sqlite(path, error);
        let mut connection = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .map_err(sqlite)?;
        connection.busy_timeout(BUSY).map_err(sqlite)?;
        migrate::inspect(&connection, path)?;
        // In this order: a file takes its way to vacuum before anything else is in it, and the tables of a fresh
        // one come to be in WAL mode already.
        vacuum::prepare(&connection).map_err(sqlite)?;
        connection.pragma_update(None, "journal_mode", "wal").map_err(sqlite)?;
        connection.pragma_update(None, "synchronous", "normal").map_err(sqlite)?;
        connection.pragma_update(None, "journal_size_limit", LOG_BYTES).map_err(sqlite)?;
        // Rows refer to places and files by numbers that this program has just looked up or made; that a row is
        // referred to no more `sweep` finds out for all rows at once, without an index for it.
        connection.pragma_update(None, "foreign_keys", false).map_err(sqlite)?;
        migrate::migrate(&mut connection, path)?;
        vacuum::convert(&connection).map_err(sqlite)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // A plan may not depend on what is bound: else nearly every statement is prepared anew for each row.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(sqlite)?;
        let now = count(now_micros());
        let epoch = connection
            .prepare("INSERT INTO epoch (opened_micros, flushed_micros) VALUES (?1, ?1)")
            .and_then(|mut statement| statement.insert([now]))
            .map_err(sqlite)?;
        let inode = fs::metadata(path).map_err(|error| Error::of_io(path, error))?.ino();
        Ok(Self {
            path: path.to_owned(),
            connection,
            identities: Identities::default(),
            epoch,
            inode,
            _lock: lock,
        })
    }

    /// The database.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How far each tree was accounted for, and its rebases: a collector that starts again goes on from there.
    ///
    /// # Errors
    /// Why the database could not be read.
    pub fn sequences(&self) -> Result<HashMap<TreeKey, TreeMark>, Error> {
        let read = || -> rusqlite::Result<_> {
            let mut marks = self
                .connection
                .prepare(
                    "SELECT pid, start_micros, sequence, gaps FROM tree WHERE state <> 3
                     ORDER BY last_seen_micros DESC LIMIT ?1",
                )?
                .query_map([MAX_TREES], |row| {
                    let key = TreeKey { pid: row.get(0)?, start_micros: from_bits(row.get(1)?) };
                    Ok((
                        key,
                        TreeMark {
                            sequence: from_count(row.get(2)?),
                            gaps: from_count(row.get(3)?),
                            rebased: Vec::new(),
                        },
                    ))
                })?
                .collect::<rusqlite::Result<HashMap<_, _>>>()?;
            let mut statement = self.connection.prepare(
                "SELECT pid, start_micros, number FROM rebased JOIN tree ON tree.id = rebased.tree ORDER BY number",
            )?;
            let mut rebased = statement.query([])?;
            while let Some(row) = rebased.next()? {
                let key = TreeKey { pid: row.get(0)?, start_micros: from_bits(row.get(1)?) };
                if let Some(mark) = marks.get_mut(&key) {
                    mark.rebased.push(row.get(2)?);
                }
            }
            Ok(marks)
        };
        read().map_err(|error| Error::of_sqlite(&self.path, error))
    }

    /// Since when this database has had a writer that meant to be there, microseconds since 1970: since it was
    /// opened, or since the first of those was that were killed one behind the other before.
    ///
    /// # Errors
    /// Why the database could not be read.
    pub fn watched_since(&self) -> Result<u64, Error> {
        self.connection
            .query_row(
                "SELECT min(opened_micros) FROM epoch
                 WHERE id > (SELECT coalesce(max(id), 0) FROM epoch WHERE closed = 1)",
                [],
                |row| row.get(0).map(from_count),
            )
            .map_err(|error| Error::of_sqlite(&self.path, error))
    }

    /// How many drops of a receive queue the counters hold; 0 for one that nobody has told of.
    ///
    /// # Errors
    /// Why the database could not be read.
    pub fn queue_drops(&self, name: &str) -> Result<u32, Error> {
        self.connection
            .query_row("SELECT drops FROM queue WHERE name = ?1", [name], |row| row.get(0))
            .optional()
            .map(Option::unwrap_or_default)
            .map_err(|error| Error::of_sqlite(&self.path, error))
    }

    /// Adds a batch in one transaction: all of it is in the database afterwards, or nothing.
    ///
    /// # Errors
    /// Why it could not be written. The batch may be handed in again.
    pub fn write(&mut self, batch: &Batch) -> Result<(), Error> {
        self.transaction(|db, identities| {
            insert::batch(db, identities, batch)?;
            Ok(batch.flushed_micros)
        })
    }

    /// Adds batches in one transaction, as they come out of `batches`, so that not all of them need to be
    /// in memory.
    ///
    /// # Errors
    /// See [`Writer::write`]; none of the batches is in the database then.
    pub fn write_all(&mut self, batches: impl IntoIterator<Item = Batch>) -> Result<(), Error> {
        self.transaction(|db, identities| {
            let mut flushed_micros = 0;
            for batch in batches {
                insert::batch(db, identities, &batch)?;
                flushed_micros = batch.flushed_micros.max(flushed_micros);
            }
            Ok(flushed_micros)
        })
    }

    /// Runs `add` in a transaction; it returns when its rows were cut.
    fn transaction(
        &mut self,
        add: impl FnOnce(&Connection, &mut Identities) -> rusqlite::Result<u64>,
    ) -> Result<(), Error> {
        if fs::metadata(&self.path).map_or(0, |metadata| metadata.ino()) != self.inode {
            return Err(Error::Replaced { path: self.path.clone() });
        }
        self.try_transaction(add).map_err(|error| {
            // Numbers of rows that were rolled back name nothing.
            self.identities.forget();
            Error::of_sqlite(&self.path, error)
        })
    }

    fn try_transaction(
        &mut self,
        add: impl FnOnce(&Connection, &mut Identities) -> rusqlite::Result<u64>,
    ) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let flushed_micros = add(&transaction, &mut self.identities)?;
        transaction
            .prepare_cached("UPDATE epoch SET flushed_micros = max(flushed_micros, ?2) WHERE id = ?1")?
            .execute(params![self.epoch, count(flushed_micros)])?;
        transaction.commit()
    }

    /// Takes one step of a round of upkeep, which is over when it [is done](Upkeep::is_done).
    ///
    /// # Errors
    /// Why the database could not be written; the step can be taken again.
    pub fn keep_up(&mut self, upkeep: &mut Upkeep) -> Result<(), Error> {
        self.transaction(|db, identities| {
            upkeep.step(db, identities)?;
            Ok(0)
        })
    }

    /// Marks the end as clean and folds the write-ahead log into the database.
    ///
    /// # Errors
    /// Why the mark could not be written; what was written before stays. A reader that keeps the log
    /// from being folded is no error: the next writer folds it.
    pub fn close(self) -> Result<(), Error> {
        let sqlite = |error| Error::of_sqlite(&self.path, error);
        self.connection
            .execute(
                "UPDATE epoch SET closed = 1, flushed_micros = max(flushed_micros, ?2) WHERE id = ?1",
                [self.epoch, count(now_micros())],
            )
            .map_err(sqlite)?;
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(sqlite)
    }
}

/// Makes an empty file that only its owner may read, whatever the umask; leaves one that is there alone.
/// `SQLite` gives the mode of the database to the files that it puts beside it.
fn create_private(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => file.set_permissions(Permissions::from_mode(0o600)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn now_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
