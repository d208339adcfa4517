//! How much is stored, counted now and then: to count reads the tables.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use alive_store::Counts;

use super::Subject;
use crate::progress::Shared;

/// Shortest time between two counts.
const SHORTEST: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    db: PathBuf,
    shared: Arc<Shared>,
    last: Arc<Mutex<Option<Last>>>,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    counts: Option<Counts>,
    flushes: u64,
    at: Instant,
}

impl Stored {
    pub(super) fn new(subject: &Subject) -> Self {
        Self { db: subject.db.clone(), shared: Arc::clone(&subject.shared), last: Arc::default() }
    }

    /// Rows of the tables; `None` where they cannot be read.
    pub(super) async fn counts(&self) -> Option<Counts> {
        let this = self.clone();
        // On a thread that may wait for a disk. Who asks meanwhile waits for the same count.
        tokio::task::spawn_blocking(move || this.count()).await.ok().flatten()
    }

    fn count(&self) -> Option<Counts> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let flushes = self.shared.vitals().flushes;
        let is_current = |last: &Last| last.at.elapsed() < SHORTEST || last.flushes == flushes;
        if let Some(last) = last.filter(|last| last.counts.is_some() && is_current(last)) {
            return last.counts;
        }
        let counts = alive_store::counts(&self.db).ok();
        *last = Some(Last { counts, flushes, at: Instant::now() });
        counts
    }

    /// Bytes of the database's files: the database itself, and what was written since it was tidied.
    pub(super) fn bytes(&self) -> [(&'static str, u64); 2] {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        let mut log = self.db.clone().into_os_string();
        log.push("-wal");
        [("main", size(&self.db)), ("wal", size(Path::new(&log)))]
    }
}
