//! Who writes: a lock on the file beside the database, held for the writer's life and freed by the
//! kernel when it is killed.
//!
//! It is a file of its own: closing any descriptor of the database itself would free the locks that
//! `SQLite` holds on it in the same process.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::Error;

/// How often a taken lock is tried again: a reader that looks whether it is held takes it for a moment.
const PATIENCE: u32 = 10;

/// Time between two tries.
const PAUSE: Duration = Duration::from_millis(10);

/// The writer's lock. Removed with its file when dropped.
#[derive(Debug)]
pub(crate) struct WriterLock {
    path: PathBuf,
    file: File,
}

impl WriterLock {
    /// Takes the lock of the database at `db`.
    pub(crate) fn take(db: &Path) -> Result<Self, Error> {
        let path = lock_path(db);
        let mut patience = PATIENCE;
        loop {
            let file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)
                .map_err(|error| Error::of_io(db, error))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if patience > 0 => {
                    patience -= 1;
                    thread::sleep(PAUSE);
                    continue;
                }
                Err(TryLockError::WouldBlock) => return Err(Error::InUse { path: db.to_owned() }),
                Err(TryLockError::Error(error)) => return Err(Error::of_io(db, error)),
            }
            // A writer that ends removes the file before it frees the lock: what was locked here may
            // be a file without a name, which the next writer would not see.
            let same = |named: fs::Metadata| file.metadata().is_ok_and(|held| held.ino() == named.ino());
            if fs::metadata(&path).is_ok_and(same) {
                return Ok(Self { path, file });
            }
        }
    }
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        // Best effort: a lock file that stays is no lock. One that took its place is another writer's.
        let ours = |named: fs::Metadata| self.file.metadata().is_ok_and(|held| held.ino() == named.ino());
        if fs::metadata(&self.path).is_ok_and(ours) {
            drop(fs::remove_file(&self.path));
        }
        drop(self.file.unlock());
    }
}

/// Whether a writer holds the database at `db`. A lock file that may not be opened counts as held:
/// "killed" is not claimed without proof.
pub(crate) fn is_held(db: &Path) -> bool {
    match File::open(lock_path(db)) {
        Ok(file) => matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

fn lock_path(db: &Path) -> PathBuf {
    let mut path = db.as_os_str().to_owned();
    path.push("-lock");
    path.into()
}
