//! Following a database: looked at again when it has changed, until somebody has seen enough.
//!
//! Nothing is held open in between. A collector that is killed, starts again, or begins a new database at
//! the same place is followed on; where there is no database yet, it is waited for.

use std::fs;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::supervise;

/// Signals that end the following: well, for that is how it is ended.
const ENDS: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

/// Pause between two looks at the files.
const LOOK: Duration = Duration::from_millis(250);

/// Longer than anybody looks.
pub(crate) const FOREVER: Duration = Duration::from_hours(24);

/// What there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The database has changed.
    Changed,
    /// It has not, in all the time.
    Still,
    /// Nobody wants to see more.
    End,
}

/// A database that is followed.
#[derive(Debug)]
pub(crate) struct Follow {
    db: PathBuf,
    signals: SignalFd,
    seen: Option<Stamp>,
    waits: bool,
}

impl Follow {
    /// Takes the signals that end it.
    ///
    /// # Errors
    /// When there is no descriptor for them.
    pub(crate) fn new(db: PathBuf) -> Result<Self, supervise::Error> {
        let set: SigSet = ENDS.into_iter().collect();
        set.thread_block().map_err(supervise::Error::Signals)?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let signals = SignalFd::with_flags(&set, flags).map_err(supervise::Error::Signals)?;
        Ok(Self { seen: Stamp::of(&db), db, signals, waits: false })
    }

    /// The database.
    pub(crate) fn db(&self) -> &Path {
        &self.db
    }

    /// True the first time that it is asked after there was something: worth telling a person once.
    pub(crate) fn begins_to_wait(&mut self) -> bool {
        !std::mem::replace(&mut self.waits, true)
    }

    /// There was something to read.
    pub(crate) fn found(&mut self) {
        self.waits = false;
    }

    /// Waits until the database changes, but no longer than `most`.
    pub(crate) fn wait(&mut self, most: Duration) -> Turn {
        let began = Instant::now();
        loop {
            if self.is_over() {
                return Turn::End;
            }
            let stamp = Stamp::of(&self.db);
            if stamp.is_some() && stamp != self.seen {
                self.seen = stamp;
                return Turn::Changed;
            }
            let left = most.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Turn::Still;
            }
            if self.pause(left.min(LOOK)) {
                return Turn::End;
            }
        }
    }

    /// Waits for all of `time`, whatever happens to the database.
    pub(crate) fn rest(&self, time: Duration) -> Turn {
        let began = Instant::now();
        loop {
            if self.is_over() {
                return Turn::End;
            }
            let left = time.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Turn::Still;
            }
            if self.pause(left.min(LOOK)) {
                return Turn::End;
            }
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.signals.read_signal(), Ok(Some(_)))
    }

    /// Pauses; true when nobody reads standard output any more. A file or a terminal is always read.
    fn pause(&self, time: Duration) -> bool {
        let out = io::stdout();
        let mut descriptors = [
            PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(out.as_fd(), PollFlags::empty()),
        ];
        match poll(&mut descriptors, PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX)) {
            Ok(_) => descriptors[1]
                .revents()
                .is_some_and(|seen| seen.intersects(PollFlags::POLLERR | PollFlags::POLLHUP)),
            Err(Errno::EINTR) => false,
            Err(_) => {
                std::thread::sleep(time);
                false
            }
        }
    }
}

/// What the files of a database look like from outside; another look, another content. Reading makes an empty
/// log and takes it away again, so an empty one counts as none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    database: (u64, i64, i64, u64),
    log: Option<(u64, i64, i64, u64)>,
}

impl Stamp {
    fn of(db: &Path) -> Option<Self> {
        let look = |path: &Path| {
            let file = fs::metadata(path).ok()?;
            Some((file.ino(), file.mtime(), file.mtime_nsec(), file.len()))
        };
        let mut log = db.as_os_str().to_owned();
        log.push("-wal");
        Some(Self { database: look(db)?, log: look(Path::new(&log)).filter(|(.., length)| *length > 0) })
    }
}

#[cfg(test)]
mod tests {
    use super::Stamp;
    use std::fs;

    #[test]
    fn a_database_looks_different_when_it_or_its_log_has_grown_but_not_for_an_empty_log() {
        let folder = tempfile::tempdir().unwrap();
        let db = folder.path().join("a.db");
        assert_eq!(Stamp::of(&db), None);
        fs::write(&db, "x").unwrap();
        let first = Stamp::of(&db).unwrap();
        fs::write(folder.path().join("a.db-wal"), "").unwrap();
        assert_eq!(Stamp::of(&db).unwrap(), first);
        fs::write(folder.path().join("a.db-wal"), "frames").unwrap();
        assert_ne!(Stamp::of(&db).unwrap(), first);
        fs::remove_file(folder.path().join("a.db-wal")).unwrap();
        fs::write(&db, "xy").unwrap();
        assert_ne!(Stamp::of(&db).unwrap(), first);
    }
}
