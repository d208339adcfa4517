//! The thread that writes to the database: one transaction for everything that was heard since the last one.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use alive_store::{Error, Writer};

use crate::aggregate::Pending;
use crate::moment::Moment;
use crate::progress::Shared;
use crate::seldom::Trouble;
use crate::symbols::Symbols;
use crate::upkeep::Rounds;

/// First and longest pause between two tries.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Pause between two looks whether the collector is to stop.
const LOOK: Duration = Duration::from_millis(50);

/// How long a collector that is to stop goes on trying.
const PATIENCE_AT_STOP: Duration = Duration::from_secs(5);

/// Rows that are made ready for the database at a time; the rest stays in its smaller form.
const ROWS_AT_ONCE: usize = 1_024;

/// Writes batch after batch until the sender is gone, then closes the database.
///
/// What cannot be written is tried again; meanwhile the receiving thread keeps adding up. Between batches the
/// database is kept small.
///
/// # Errors
/// Why the last batch could not be written, or the database not be closed.
pub(crate) fn run(
    writer: Writer,
    batches: &Receiver<Pending>,
    shared: &Shared,
    mut rounds: Rounds,
) -> Result<(), Error> {
    let mut symbols = Symbols::new();
    let mut trouble = Trouble::default();
    let mut database = Database { path: writer.path().to_owned(), writer: Some(writer) };
    loop {
        let mut pending = match batches.recv_timeout(rounds.pause()) {
            Ok(pending) => pending,
            Err(RecvTimeoutError::Timeout) => {
                rounds.step(database.writer.as_mut(), shared.settings().retention);
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        symbols.follow(&shared.settings().redact);
        pending.name_places(|place| symbols.fill(place));
        shared.note(|vitals| vitals.writing(pending.keys()));
        let mut took = Duration::ZERO;
        let write = || {
            let began = Instant::now();
            let writer = database.writer(shared)?;
            let batches = pending.batches(Moment::now().wall_micros, ROWS_AT_ONCE);
            let written = writer.write_all(batches.map(|mut batch| {
                symbols.fill_batch(&mut batch);
                batch
            }));
            if matches!(written, Err(Error::Replaced { .. })) {
                database.writer = None;
            }
            took = began.elapsed();
            written
        };
        insist(write, shared, &mut trouble)?;
        shared.note(|vitals| vitals.written(took));
        if rounds.is_overdue() {
            rounds.step(database.writer.as_mut(), shared.settings().retention);
        }
    }
    database.writer.map_or(Ok(()), Writer::close)
}

/// What is written to: where the file was taken away, the one that has its name now, made if there is none.
struct Database {
    path: PathBuf,
    writer: Option<Writer>,
}

impl Database {
    fn writer(&mut self, shared: &Shared) -> Result<&mut Writer, Error> {
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => {
                let writer = Writer::open(&self.path)?;
                shared.begin_anew();
                writer
            }
        };
        Ok(self.writer.insert(writer))
    }
}

/// Writes, however often it takes; gives up only when the collector is to stop.
fn insist(
    mut write: impl FnMut() -> Result<(), Error>,
    shared: &Shared,
    trouble: &mut Trouble,
) -> Result<(), Error> {
    let mut pause = BACKOFF.0;
    let mut give_up = None;
    loop {
        let Err(error) = write() else {
            if trouble.is_over() {
                tracing::info!("the database can be written again");
            }
            shared.set_write_error(None);
            return Ok(());
        };
        shared.set_write_error(Some(error.to_string()));
        if trouble.is_news() {
            tracing::warn!("{error}; what is received waits in memory");
        }
        let again = Instant::now() + pause;
        while Instant::now() < again {
            if shared.is_stopping() {
                let until = *give_up.get_or_insert_with(|| Instant::now() + PATIENCE_AT_STOP);
                if Instant::now() >= until {
                    return Err(error);
                }
                break;
            }
            thread::sleep(LOOK);
        }
        if shared.is_stopping() {
            thread::sleep(LOOK);
        }
        pause = (pause * 2).min(BACKOFF.1);
    }
}
